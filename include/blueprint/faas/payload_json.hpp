#ifndef BLUEPRINT_FAAS_PAYLOAD_JSON_HPP
#define BLUEPRINT_FAAS_PAYLOAD_JSON_HPP

#include "blueprint/faas/detail/read_described.hpp"
#include "blueprint/faas/payload_traits.hpp"

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {

namespace detail {

template <class T>
void encode_json(const T& value, Bytes& out) {
    const auto text = boost::json::serialize(write_described(value));
    out.insert(out.end(), text.begin(), text.end());
}

template <class T>
result<T> decode_json(std::span<const std::uint8_t> bytes) {
    boost::system::error_code failed;
    boost::json::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const auto json = boost::json::parse(text, failed);
    if (failed) {
        return Error{.code = errc::serialization, .message = "it is no JSON text: " + failed.message()};
    }
    return read_described<T>(json);
}

}  // namespace detail

/// A struct described with BOOST_DESCRIBE_STRUCT travels as JSON text:
/// `struct Point { int x; int y; }; BOOST_DESCRIBE_STRUCT(Point, (), (x, y))` is {"x":1,"y":2}.
/// Its members may be bool, integers (checked for range), floating point, std::string, std::optional (left out when
/// empty), std::vector, std::map<std::string, T>, described enumerations (as names) and described structs.
/// Unknown members are ignored; an error names the path: "$.items[3].price is missing".
template <detail::DescribedStruct T>
struct payload_traits<T> {
    static constexpr std::string_view description = "a JSON object";
    static void encode(const T& value, Bytes& out) { detail::encode_json(value, out); }
    static result<T> decode(std::span<const std::uint8_t> bytes) { return detail::decode_json<T>(bytes); }
};

/// A vector of described structs travels as a JSON array.
template <detail::DescribedStruct T>
struct payload_traits<std::vector<T>> {
    static constexpr std::string_view description = "a JSON array";
    static void encode(const std::vector<T>& value, Bytes& out) { detail::encode_json(value, out); }
    static result<std::vector<T>> decode(std::span<const std::uint8_t> bytes) {
        return detail::decode_json<std::vector<T>>(bytes);
    }
};

}  // namespace blueprint::faas

#endif
