#ifndef BLUEPRINT_FAAS_PAYLOAD_TRAITS_HPP
#define BLUEPRINT_FAAS_PAYLOAD_TRAITS_HPP

#include "blueprint/faas/job.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace blueprint::faas {

/// Says how a value travels as a job's argument or result. Specialise it for your own type:
///
///     template <> struct blueprint::faas::payload_traits<Money> {
///         static constexpr std::string_view description = "an amount in cents, 8 bytes";   // optional, for errors
///         static constexpr std::size_t fixed_size = 8;                                     // optional
///         static void encode(const Money& value, Bytes& out);                              // appends to `out`
///         static result<Money> decode(std::span<const std::uint8_t> bytes);
///     };
///
/// A type with `fixed_size` may stand at any place among a job's arguments and `decode` then gets exactly so many
/// bytes; one without may only be the last, and gets all that is left. `decode` says what is wrong as
/// `errc::serialization`; the job's number is put before its message. Described structs: payload_json.hpp.
template <class T>
struct payload_traits;

/// Has usable `payload_traits`.
template <class T>
concept Payload = requires(const T& value, Bytes& out, std::span<const std::uint8_t> bytes) {
    payload_traits<T>::encode(value, out);
    { payload_traits<T>::decode(bytes) } -> std::same_as<result<T>>;
};

/// Has `payload_traits` of a size that is the same for every value.
template <class T>
concept FixedSizePayload = Payload<T> && requires {
    { payload_traits<T>::fixed_size } -> std::convertible_to<std::size_t>;
};

namespace detail {

/// Returns what the bytes of a `T` are, for a message: "a little-endian 64-bit integer".
template <Payload T>
constexpr std::string_view payload_description() noexcept {
    if constexpr (requires { std::string_view{payload_traits<T>::description}; })
        return payload_traits<T>::description;
    else
        return "a value of the job's own format";
}

inline Error payload_size_error(std::size_t wanted, std::string_view description, std::size_t got) {
    return Error{.code = errc::serialization,
                 .message = std::to_string(wanted) + (wanted == 1 ? " byte (" : " bytes (") + std::string{description} +
                            ") wanted, got " + std::to_string(got)};
}

template <class T>
concept PayloadInteger =
    std::integral<T> && sizeof(T) <= 8 && std::same_as<T, std::remove_cv_t<T>> && !std::same_as<T, bool> &&
    !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T>
concept PayloadFloat =
    std::floating_point<T> && std::numeric_limits<T>::is_iec559 && (sizeof(T) == 4 || sizeof(T) == 8);

template <std::unsigned_integral U>
void encode_little_endian(U value, Bytes& out) {
    for (std::size_t i = 0; i < sizeof(U); ++i)
        out.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
}

template <std::unsigned_integral U>
U decode_little_endian(std::span<const std::uint8_t> bytes) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    return static_cast<U>(value);
}

template <class T>
constexpr std::string_view number_description() noexcept {
    if constexpr (std::floating_point<T>)
        return sizeof(T) == 8 ? "a little-endian IEEE 754 double" : "a little-endian IEEE 754 float";
    else if constexpr (std::signed_integral<T>)
        return sizeof(T) == 8   ? "a little-endian 64-bit signed integer"
               : sizeof(T) == 4 ? "a little-endian 32-bit signed integer"
               : sizeof(T) == 2 ? "a little-endian 16-bit signed integer"
                                : "an 8-bit signed integer";
    else
        return sizeof(T) == 8   ? "a little-endian 64-bit integer"
               : sizeof(T) == 4 ? "a little-endian 32-bit integer"
               : sizeof(T) == 2 ? "a little-endian 16-bit integer"
                                : "an 8-bit integer";
}

}  // namespace detail

/// Integers: little-endian, as wide as the type (signed ones in two's complement). 7 as std::uint32_t is 07 00 00 00.
template <detail::PayloadInteger T>
struct payload_traits<T> {
    static constexpr std::string_view description = detail::number_description<T>();
    static constexpr std::size_t fixed_size = sizeof(T);
    static void encode(const T& value, Bytes& out) {
        detail::encode_little_endian(static_cast<std::make_unsigned_t<T>>(value), out);
    }
    static result<T> decode(std::span<const std::uint8_t> bytes) {
        if (bytes.size() != fixed_size) return detail::payload_size_error(fixed_size, description, bytes.size());
        return static_cast<T>(detail::decode_little_endian<std::make_unsigned_t<T>>(bytes));
    }
};

/// Floating point: the little-endian bytes of IEEE 754 binary32 or binary64. 1.0F is 00 00 80 3f.
template <detail::PayloadFloat T>
struct payload_traits<T> {
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    static constexpr std::string_view description = detail::number_description<T>();
    static constexpr std::size_t fixed_size = sizeof(T);
    static void encode(const T& value, Bytes& out) { detail::encode_little_endian(std::bit_cast<Bits>(value), out); }
    static result<T> decode(std::span<const std::uint8_t> bytes) {
        if (bytes.size() != fixed_size) return detail::payload_size_error(fixed_size, description, bytes.size());
        return std::bit_cast<T>(detail::decode_little_endian<Bits>(bytes));
    }
};

/// bool: one byte, 0 or 1.
template <>
struct payload_traits<bool> {
    static constexpr std::string_view description = "0 for false or 1 for true";
    static constexpr std::size_t fixed_size = 1;
    static void encode(const bool& value, Bytes& out) { out.push_back(value ? 1 : 0); }
    static result<bool> decode(std::span<const std::uint8_t> bytes) {
        if (bytes.size() != fixed_size) return detail::payload_size_error(fixed_size, description, bytes.size());
        if (bytes[0] > 1) {
            return Error{.code = errc::serialization,
                         .message = "a truth value is 0 or 1, got " + std::to_string(bytes[0])};
        }
        return bytes[0] == 1;
    }
};

/// Text: its bytes (UTF-8 by custom) as they are. Neither a length nor an end mark is added.
template <>
struct payload_traits<std::string> {
    static constexpr std::string_view description = "text";
    static void encode(std::string_view value, Bytes& out) { out.insert(out.end(), value.begin(), value.end()); }
    static result<std::string> decode(std::span<const std::uint8_t> bytes) {
        return std::string{bytes.begin(), bytes.end()};
    }
};

/// Bytes as they are.
template <>
struct payload_traits<Bytes> {
    static constexpr std::string_view description = "bytes";
    static void encode(std::span<const std::uint8_t> value, Bytes& out) {
        out.insert(out.end(), value.begin(), value.end());
    }
    static result<Bytes> decode(std::span<const std::uint8_t> bytes) { return Bytes(bytes.begin(), bytes.end()); }
};

/// A fixed number of bytes as they are.
template <std::size_t Size>
struct payload_traits<std::array<std::uint8_t, Size>> {
    static constexpr std::string_view description = "plain bytes";
    static constexpr std::size_t fixed_size = Size;
    static void encode(const std::array<std::uint8_t, Size>& value, Bytes& out) {
        out.insert(out.end(), value.begin(), value.end());
    }
    static result<std::array<std::uint8_t, Size>> decode(std::span<const std::uint8_t> bytes) {
        if (bytes.size() != fixed_size) return detail::payload_size_error(fixed_size, description, bytes.size());
        std::array<std::uint8_t, Size> out{};
        std::copy(bytes.begin(), bytes.end(), out.begin());
        return out;
    }
};

static_assert(FixedSizePayload<std::uint64_t> && FixedSizePayload<double> && FixedSizePayload<bool>);
static_assert(Payload<std::string> && Payload<Bytes> && !FixedSizePayload<Bytes>);

}  // namespace blueprint::faas

#endif
