#ifndef BLUEPRINT_FAAS_DETAIL_JSON_BYTES_HPP
#define BLUEPRINT_FAAS_DETAIL_JSON_BYTES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/job.hpp"

#include <boost/json/fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Appends `bytes` to `out` as a JSON array of numbers: {1, 2, 255} becomes "[1,2,255]".
BLUEPRINT_FAAS_DECL void append_json_bytes(std::string& out, std::span<const std::uint8_t> bytes);

/// Reads the JSON array of integers 0 ... 255 at the start of `text` into `out` (replaced; unspecified after an error).
/// Returns how many characters the array has; what follows is not looked at. White space of JSON is allowed inside;
/// signs, fractions, exponents, leading zeros and numbers above 255 are not. `errc::serialization` names the offset.
BLUEPRINT_FAAS_DECL result<std::size_t> read_json_bytes(std::string_view text, Bytes& out);

/// Parses `text`, which must be one JSON object and white space, without building a tree of its big byte member.
/// The top-level member `bytes_member` is decoded straight into `bytes`, from an array of numbers or a Base64 string,
/// and is left out of the object. If it is absent, `bytes` is empty; if it is null, `bytes` is empty and the object
/// keeps the null. A second member of that name is an error, nesting deeper than 32 too. All other members are kept.
/// `errc::serialization` says what is wrong and at which offset; no part of `text` stands in a message.
BLUEPRINT_FAAS_DECL result<boost::json::object> parse_object_with_bytes(std::string_view text,
                                                                        std::string_view bytes_member,
                                                                        std::optional<Bytes>& bytes);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/json_bytes.ipp"
#endif

#endif
