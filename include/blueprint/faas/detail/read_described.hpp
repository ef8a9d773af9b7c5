#ifndef BLUEPRINT_FAAS_DETAIL_READ_DESCRIBED_HPP
#define BLUEPRINT_FAAS_DETAIL_READ_DESCRIBED_HPP

#include "blueprint/faas/error.hpp"

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

/// A struct whose public members BOOST_DESCRIBE_STRUCT names.
template <class T>
concept DescribedStruct =
    std::is_class_v<T> && boost::describe::has_describe_members<T>::value && std::default_initializable<T>;

/// An enumeration whose names BOOST_DESCRIBE_ENUM lists; it travels as the name.
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

template <class T>
using DescribedMembers =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class T>
struct JsonShape {
    static constexpr bool is_optional = false, is_vector = false, is_map = false;
};
template <class T>
struct JsonShape<std::optional<T>> {
    static constexpr bool is_optional = true, is_vector = false, is_map = false;
};
template <class T, class A>
struct JsonShape<std::vector<T, A>> {
    static constexpr bool is_optional = false, is_vector = true, is_map = false;
};
template <class T, class C, class A>
struct JsonShape<std::map<std::string, T, C, A>> {
    static constexpr bool is_optional = false, is_vector = false, is_map = true;
};

template <class T>
inline constexpr bool no_json_form = false;

// Each of these puts its own step before what `failure` says already: " is missing", ".price is missing",
// "[3].price is missing", ".items[3].price is missing". False: nothing more is read.
template <class T>
bool read_json_value(const boost::json::value& json, T& out, std::string& failure);

inline bool failed_because(std::string& failure, const char* why) {
    failure = why;
    return false;
}

template <std::integral T>
bool read_json_integer(const boost::json::value& json, T& out, std::string& failure) {
    const auto* as_signed = json.if_int64();
    const auto* as_unsigned = json.if_uint64();
    if (as_signed == nullptr && as_unsigned == nullptr) return failed_because(failure, " is not an integer");
    const bool fits = as_signed != nullptr ? std::in_range<T>(*as_signed) : std::in_range<T>(*as_unsigned);
    if (!fits) return failed_because(failure, " is out of range");
    out = as_signed != nullptr ? static_cast<T>(*as_signed) : static_cast<T>(*as_unsigned);
    return true;
}

template <std::floating_point T>
bool read_json_number(const boost::json::value& json, T& out, std::string& failure) {
    double number = 0;
    if (const auto* real = json.if_double())
        number = *real;
    else if (const auto* small = json.if_int64())
        number = static_cast<double>(*small);
    else if (const auto* large = json.if_uint64())
        number = static_cast<double>(*large);
    else
        return failed_because(failure, " is not a number");
    if (!(std::abs(number) <= static_cast<double>(std::numeric_limits<T>::max())))
        return failed_because(failure, " is out of range");
    out = static_cast<T>(number);
    return true;
}

template <DescribedEnum T>
bool read_json_name(const boost::json::value& json, T& out, std::string& failure) {
    const auto* name = json.if_string();
    if (name == nullptr) return failed_because(failure, " is not a string");
    bool found = false;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
        if (std::string_view{name->data(), name->size()} != enumerator.name) return;
        out = enumerator.value;
        found = true;
    });
    return found || failed_because(failure, " is none of the known names");
}

template <DescribedStruct T>
bool read_json_members(const boost::json::object& json, T& out, std::string& failure) {
    bool good = true;
    boost::mp11::mp_for_each<DescribedMembers<T>>([&](auto member) {
        if (!good) return;
        auto& field = out.*member.pointer;
        if (const auto* found = json.if_contains(member.name))
            good = read_json_value(*found, field, failure);
        else if constexpr (!JsonShape<std::remove_reference_t<decltype(field)>>::is_optional)
            good = failed_because(failure, " is missing");
        if (!good) failure.insert(0, std::string{"."} + member.name);
    });
    return good;
}

template <class T>
bool read_json_value(const boost::json::value& json, T& out, std::string& failure) {
    if constexpr (std::same_as<T, boost::json::value>) {
        out = json;
    } else if constexpr (std::same_as<T, bool>) {
        const auto* truth = json.if_bool();
        if (truth == nullptr) return failed_because(failure, " is not true or false");
        out = *truth;
    } else if constexpr (std::integral<T>) {
        return read_json_integer(json, out, failure);
    } else if constexpr (std::floating_point<T>) {
        return read_json_number(json, out, failure);
    } else if constexpr (DescribedEnum<T>) {
        return read_json_name(json, out, failure);
    } else if constexpr (std::same_as<T, std::string>) {
        const auto* text = json.if_string();
        if (text == nullptr) return failed_because(failure, " is not a string");
        out.assign(text->data(), text->size());
    } else if constexpr (JsonShape<T>::is_optional) {
        out.reset();
        if (json.is_null()) return true;
        typename T::value_type value{};  // g++ 14 warns about one that is made in its place, though nothing is wrong
        if (!read_json_value(json, value, failure)) return false;
        out = std::move(value);
    } else if constexpr (JsonShape<T>::is_vector) {
        const auto* array = json.if_array();
        if (array == nullptr) return failed_because(failure, " is not an array");
        out.clear();
        out.reserve(array->size());
        for (const auto& element : *array) {
            typename T::value_type value{};
            if (!read_json_value(element, value, failure)) {
                failure.insert(0, "[" + std::to_string(out.size()) + "]");
                return false;
            }
            out.push_back(std::move(value));
        }
    } else if constexpr (JsonShape<T>::is_map) {
        const auto* object = json.if_object();
        if (object == nullptr) return failed_because(failure, " is not an object");
        out.clear();
        for (const auto& [key, element] : *object) {
            typename T::mapped_type value{};
            if (!read_json_value(element, value, failure)) {
                failure.insert(0, "[...]");  // the key is the sender's text: it may be long, or secret
                return false;
            }
            out.insert_or_assign(std::string{key.data(), key.size()}, std::move(value));
        }
    } else if constexpr (DescribedStruct<T>) {
        const auto* object = json.if_object();
        if (object == nullptr) return failed_because(failure, " is not an object");
        return read_json_members(*object, out, failure);
    } else {
        static_assert(no_json_form<T>,
                      "this type cannot be read from JSON: use bool, integers, floating point, std::string, "
                      "std::optional, std::vector, std::map<std::string, T>, or describe it with BOOST_DESCRIBE_STRUCT "
                      "or BOOST_DESCRIBE_ENUM");
    }
    return true;
}

/// Reads a `T` from JSON: a described struct, or anything that one may contain. Unknown members pass, because those who
/// write them add some; a member that is no std::optional must be there. `errc::serialization` names the path:
/// "$.items[3].price is missing". `path` is the name of `json` itself.
template <class T>
result<T> read_described(const boost::json::value& json, std::string_view path = "$") {
    T out{};
    std::string failure;
    if (read_json_value(json, out, failure)) return out;
    return Error{.code = errc::serialization, .message = std::string{path} + failure};
}
template <DescribedStruct T>
result<T> read_described(const boost::json::object& json, std::string_view path = "$") {
    T out{};
    std::string failure;
    if (read_json_members(json, out, failure)) return out;
    return Error{.code = errc::serialization, .message = std::string{path} + failure};
}

/// Makes JSON of what `read_described` reads. An empty optional member is left out; a number that is not finite, which
/// JSON does not have, becomes null.
template <class T>
boost::json::value write_described(const T& value) {
    if constexpr (std::same_as<T, boost::json::value>) {
        return value;
    } else if constexpr (std::same_as<T, bool>) {
        return boost::json::value(value);
    } else if constexpr (std::signed_integral<T>) {
        return boost::json::value(static_cast<std::int64_t>(value));
    } else if constexpr (std::unsigned_integral<T>) {
        return boost::json::value(static_cast<std::uint64_t>(value));
    } else if constexpr (std::floating_point<T>) {
        if (!std::isfinite(value)) return boost::json::value(nullptr);
        return boost::json::value(static_cast<double>(value));
    } else if constexpr (DescribedEnum<T>) {
        boost::json::value name;
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
            if (value == enumerator.value) name = enumerator.name;
        });
        return name;
    } else if constexpr (std::same_as<T, std::string>) {
        return boost::json::value(boost::json::string_view{value.data(), value.size()});
    } else if constexpr (JsonShape<T>::is_optional) {
        return value ? write_described(*value) : boost::json::value(nullptr);
    } else if constexpr (JsonShape<T>::is_vector) {
        boost::json::array array;
        array.reserve(value.size());
        for (const typename T::value_type& element : value) array.push_back(write_described(element));
        return boost::json::value(std::move(array));
    } else if constexpr (JsonShape<T>::is_map) {
        boost::json::object object;
        for (const auto& [key, element] : value)
            object.insert_or_assign(boost::json::string_view{key.data(), key.size()}, write_described(element));
        return boost::json::value(std::move(object));
    } else if constexpr (DescribedStruct<T>) {
        boost::json::object object;
        boost::mp11::mp_for_each<DescribedMembers<T>>([&](auto member) {
            const auto& field = value.*member.pointer;
            if constexpr (JsonShape<std::remove_cvref_t<decltype(field)>>::is_optional)
                if (!field) return;
            object.insert_or_assign(member.name, write_described(field));
        });
        return boost::json::value(std::move(object));
    } else {
        static_assert(no_json_form<T>,
                      "this type cannot be written as JSON: use bool, integers, floating point, std::string, "
                      "std::optional, std::vector, std::map<std::string, T>, or describe it with BOOST_DESCRIBE_STRUCT "
                      "or BOOST_DESCRIBE_ENUM");
    }
}

}  // namespace blueprint::faas::detail

#endif
