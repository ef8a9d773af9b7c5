#ifndef BLUEPRINT_FAAS_CODEC_PAYLOAD_HPP
#define BLUEPRINT_FAAS_CODEC_PAYLOAD_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/job.hpp"

#include <concepts>
#include <cstdint>
#include <span>
#include <string>

namespace blueprint::faas {

/// How a job's bytes are written in a body. `is_json`: `append` writes one JSON value into a document; otherwise the
/// bytes are the body. Readers accept every JSON form. Models: JsonBytes, Base64Json, Binary.
template <class F>
concept PayloadFormat = requires(std::string& out, std::span<const std::uint8_t> bytes) {
    { F::is_json } -> std::convertible_to<bool>;
    { F::append(out, bytes) } -> std::same_as<void>;
};

/// An array of numbers, `[1,2,255]`: what every platform of the original contract understands; 3.6 characters a byte.
struct JsonBytes {
    static constexpr bool is_json = true;
    static void append(std::string& out, std::span<const std::uint8_t> bytes) { detail::append_json_bytes(out, bytes); }
};
static_assert(PayloadFormat<JsonBytes>);

/// A Base64 string: 1.33 characters a byte, for platforms that announce it.
struct Base64Json {
    static constexpr bool is_json = true;
    static void append(std::string& out, std::span<const std::uint8_t> bytes) {
        out.reserve(out.size() + (bytes.size() + 2) / 3 * 4 + 96);  // also for what closes a document
        out += '"';
        detail::append_base64(out, bytes);
        out += '"';
    }
};
static_assert(PayloadFormat<Base64Json>);

/// The bytes themselves, for platforms that announce it.
struct Binary {
    static constexpr bool is_json = false;
    static void append(std::string& out, std::span<const std::uint8_t> bytes) { out.append(detail::text_of(bytes)); }
};
static_assert(PayloadFormat<Binary>);

}  // namespace blueprint::faas

#endif
