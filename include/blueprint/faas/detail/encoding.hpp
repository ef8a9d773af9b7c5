#ifndef BLUEPRINT_FAAS_DETAIL_ENCODING_HPP
#define BLUEPRINT_FAAS_DETAIL_ENCODING_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/job.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Looks at the characters of `text` as bytes. The span lives as long as what `text` views.
inline std::span<const std::uint8_t> bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Looks at `bytes` as characters. The view lives as long as the bytes.
inline std::string_view text_of(std::span<const std::uint8_t> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Encodes as Base64: standard alphabet, padded, no line breaks. Source: RFC 4648, section 4.
BLUEPRINT_FAAS_DECL std::string base64_encode(std::span<const std::uint8_t> data);

/// Appends the Base64 of `data` to `out`, which must not own `data`.
BLUEPRINT_FAAS_DECL void append_base64(std::string& out, std::span<const std::uint8_t> data);

/// Decodes what `base64_encode` writes and nothing else: missing padding, white space, another alphabet or stray bits
/// in the last character are refused, so that two texts never mean the same bytes.
BLUEPRINT_FAAS_DECL std::optional<Bytes> base64_decode(std::string_view text);

/// Encodes as lower-case hexadecimal: {0x0a, 0xff} is "0aff".
BLUEPRINT_FAAS_DECL std::string hex_encode(std::span<const std::uint8_t> data);

/// Decodes hexadecimal of either case; nothing if the length is odd or a character is no digit.
BLUEPRINT_FAAS_DECL std::optional<Bytes> hex_decode(std::string_view text);

/// Writes every byte but letters, digits and "-._~" as %XX with upper-case digits: "a/b c" is "a%2Fb%20c".
/// Source: RFC 3986, sections 2.1 and 2.3.
BLUEPRINT_FAAS_DECL std::string percent_encode(std::string_view text);

/// Replaces each %XX by its byte, of either case; nothing if a '%' is not followed by two digits. '+' stays '+'.
/// The outcome may hold any byte, NUL and '/' too.
BLUEPRINT_FAAS_DECL std::optional<std::string> percent_decode(std::string_view text);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/encoding.ipp"
#endif

#endif
