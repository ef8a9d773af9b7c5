#ifndef BLUEPRINT_FAAS_CODEC_AWS_EVENT_STREAM_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_EVENT_STREAM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace blueprint::faas::detail {

/// A message of AWS's event streams is a frame, all numbers big-endian:
///
///     u32 total | u32 headers | u32 crc of these 8 bytes | headers | payload | u32 crc of all before
///
/// with `u8 length, name, u8 type, value` for each header. The checksum is CRC-32 as in zip.
/// Source: AWS SDK documentation, "Amazon Event Stream Encoding"; Amazon Transcribe Developer Guide, "Event stream
/// encoding".
struct EventStreamHeader {
    using Time = std::chrono::sys_time<std::chrono::milliseconds>;
    using Uuid = std::array<std::uint8_t, 16>;
    /// In the order of the wire's types: 0 and 1 are both bool, 9 is the UUID.
    using Value =
        std::variant<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, Bytes, std::string, Time, Uuid>;

    std::string name{};
    Value value{};

    friend bool operator==(const EventStreamHeader&, const EventStreamHeader&) = default;
};

/// One message. `payload` lives until the decoder that gave it is fed again.
struct EventStreamMessage {
    std::vector<EventStreamHeader> headers{};
    std::string_view payload{};

    /// Returns a header that is a text; empty if there is none.
    BLUEPRINT_FAAS_DECL std::string_view text(std::string_view name) const noexcept;
};

/// The longest frame, and the longest headers of one.
inline constexpr std::size_t max_event_stream_frame = 24U << 20U;
inline constexpr std::size_t max_event_stream_headers = 128U << 10U;

/// Takes the bytes of an event stream apart, however they are split. What cannot be read is `errc::serialization`, and
/// nothing after it can be read either.
class EventStreamDecoder {
public:
    /// Takes the next bytes.
    BLUEPRINT_FAAS_DECL void feed(std::string_view piece);
    /// Returns the next message; nothing if its end has not come yet.
    BLUEPRINT_FAAS_DECL result<std::optional<EventStreamMessage>> next();
    /// Tells whether the stream could end here: no part of a message is left.
    bool between_messages() const noexcept { return !broken_ && used_ == buffer_.size(); }

private:
    BLUEPRINT_FAAS_DECL Error fail(std::string_view why);

    std::string buffer_{};
    std::size_t used_ = 0;
    std::optional<Error> broken_{};
};

/// Writes one message. `errc::serialization` if a name or value, or all of it, is longer than the format allows.
BLUEPRINT_FAAS_DECL result<std::string> encode_event_stream(std::span<const EventStreamHeader> headers,
                                                            std::string_view payload);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/aws_event_stream.ipp"
#endif

#endif
