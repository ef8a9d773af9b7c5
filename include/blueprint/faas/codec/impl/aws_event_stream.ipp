#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_EVENT_STREAM_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_EVENT_STREAM_IPP

#include "blueprint/faas/codec/aws_event_stream.hpp"
#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

namespace blueprint::faas::detail {

namespace event_stream {

inline constexpr std::size_t prelude_bytes = 12;
inline constexpr std::size_t frame_bytes = 16;  // of one without headers and payload

template <class Integer>
Integer read_number(std::string_view text) noexcept {
    std::make_unsigned_t<Integer> number = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        number = static_cast<decltype(number)>((std::uint64_t{number} << 8U) | static_cast<unsigned char>(text[i]));
    return static_cast<Integer>(number);
}

template <class Integer>
void append_number(std::string& out, Integer value) {
    const auto number = static_cast<std::make_unsigned_t<Integer>>(value);
    for (std::size_t i = sizeof(Integer); i-- > 0;)
        out += static_cast<char>(static_cast<unsigned char>(std::uint64_t{number} >> (8 * i)));
}

/// Takes headers apart, front to back. `ok` falls once what is asked for is not there.
struct HeaderReader {
    std::string_view rest{};
    bool ok = true;

    std::string_view take(std::size_t count) noexcept {
        if (count > rest.size()) ok = false;
        const auto part = ok ? rest.substr(0, count) : std::string_view{};
        rest.remove_prefix(part.size());
        return part;
    }
    template <class Integer>
    Integer number() noexcept {
        const auto part = take(sizeof(Integer));
        return ok ? read_number<Integer>(part) : Integer{};
    }
    std::string_view counted() noexcept { return take(number<std::uint16_t>()); }
};

// An empty reason means that it was read.
inline std::string_view read_value(HeaderReader& reader, EventStreamHeader::Value& value) {
    using Time = EventStreamHeader::Time;
    switch (reader.number<std::uint8_t>()) {
        case 0: value = true; break;
        case 1: value = false; break;
        case 2: value = reader.number<std::int8_t>(); break;
        case 3: value = reader.number<std::int16_t>(); break;
        case 4: value = reader.number<std::int32_t>(); break;
        case 5: value = reader.number<std::int64_t>(); break;
        case 6: {
            const auto bytes = bytes_of(reader.counted());
            value = Bytes{bytes.begin(), bytes.end()};
            break;
        }
        case 7: value = std::string{reader.counted()}; break;
        case 8: value = Time{std::chrono::milliseconds{reader.number<std::int64_t>()}}; break;
        case 9: {
            const auto bytes = bytes_of(reader.take(16));
            EventStreamHeader::Uuid uuid{};
            if (reader.ok) std::copy(bytes.begin(), bytes.end(), uuid.begin());
            value = uuid;
            break;
        }
        default: return "a header has a type that there is not";
    }
    return reader.ok ? "" : "the headers end inside one";
}

inline std::string_view read_headers(std::string_view text, std::vector<EventStreamHeader>& headers) {
    HeaderReader reader{text};
    while (!reader.rest.empty()) {
        EventStreamHeader header;
        header.name = reader.take(reader.number<std::uint8_t>());
        if (!reader.ok) return "the headers end inside one";
        if (header.name.empty()) return "a header has no name";
        const auto why = read_value(reader, header.value);
        if (!why.empty()) return why;
        headers.push_back(std::move(header));
    }
    // Sorted, because 128 KiB have room for so many headers that comparing each with each would take seconds.
    std::vector<std::string_view> names(headers.size());
    std::transform(headers.begin(), headers.end(), names.begin(),
                   [](const auto& one) { return std::string_view{one.name}; });
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end()) return "a header stands there twice";
    return {};
}

/// Writes a header's value behind its type; false if it is too long.
struct ValueWriter {
    std::string& out;

    template <class Integer>
        requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
    bool operator()(Integer number) const {
        append_number(out, number);
        return true;
    }
    bool operator()(bool) const { return true; }  // the type says it
    bool operator()(const Bytes& bytes) const { return counted(text_of(bytes)); }
    bool operator()(const std::string& text) const { return counted(text); }
    bool operator()(EventStreamHeader::Time time) const { return (*this)(time.time_since_epoch().count()); }
    bool operator()(const EventStreamHeader::Uuid& uuid) const {
        out.append(text_of(uuid));
        return true;
    }
    bool counted(std::string_view text) const {
        if (text.size() > std::numeric_limits<std::uint16_t>::max()) return false;
        append_number(out, static_cast<std::uint16_t>(text.size()));
        out.append(text);
        return true;
    }
};

inline std::uint8_t type_of(const EventStreamHeader::Value& value) noexcept {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 0 : 1;
    return static_cast<std::uint8_t>(value.index() + 1);
}

}  // namespace event_stream

BLUEPRINT_FAAS_DECL std::string_view EventStreamMessage::text(std::string_view name) const noexcept {
    for (const auto& header : headers)
        if (header.name == name)
            if (const auto* text = std::get_if<std::string>(&header.value)) return *text;
    return {};
}

BLUEPRINT_FAAS_DECL void EventStreamDecoder::feed(std::string_view piece) {
    if (broken_) return;
    if (used_ != 0) {
        buffer_.erase(0, used_);
        used_ = 0;
    }
    buffer_.append(piece);
}

BLUEPRINT_FAAS_DECL Error EventStreamDecoder::fail(std::string_view why) {
    broken_ =
        Error{.code = errc::serialization, .message = std::string{"the event stream cannot be read: "}.append(why)};
    buffer_.clear();
    used_ = 0;
    return *broken_;
}

BLUEPRINT_FAAS_DECL result<std::optional<EventStreamMessage>> EventStreamDecoder::next() {
    using namespace event_stream;
    if (broken_) return *broken_;
    const auto rest = std::string_view{buffer_}.substr(used_);
    if (rest.size() < prelude_bytes) return std::optional<EventStreamMessage>{};
    const auto total = read_number<std::uint32_t>(rest);
    const auto headers = read_number<std::uint32_t>(rest.substr(4));
    // Before a length is believed, or the wait for the rest would be for what nobody sent.
    if (crc32(bytes_of(rest.substr(0, 8))) != read_number<std::uint32_t>(rest.substr(8)))
        return fail("the checksum of a message's lengths is wrong");
    if (total < frame_bytes || headers > total - frame_bytes) return fail("a message's lengths contradict each other");
    if (total > max_event_stream_frame) return fail("a message has more than 24 MiB");
    if (headers > max_event_stream_headers) return fail("a message has more than 128 KiB of headers");
    if (rest.size() < total) return std::optional<EventStreamMessage>{};
    const auto frame = rest.substr(0, total);
    if (crc32(bytes_of(frame.substr(0, total - 4))) != read_number<std::uint32_t>(frame.substr(total - 4)))
        return fail("the checksum of a message is wrong");
    EventStreamMessage message;
    const auto why = read_headers(frame.substr(prelude_bytes, headers), message.headers);
    if (!why.empty()) return fail(why);
    message.payload = frame.substr(prelude_bytes + headers, total - frame_bytes - headers);
    used_ += total;
    return std::optional{std::move(message)};
}

BLUEPRINT_FAAS_DECL result<std::string> encode_event_stream(std::span<const EventStreamHeader> headers,
                                                            std::string_view payload) {
    using namespace event_stream;
    const auto refused = [](const std::string& what) {
        return Error{.code = errc::serialization, .message = "the message cannot be written: " + what};
    };
    std::string out(prelude_bytes, '\0');
    for (const auto& [name, value] : headers) {
        if (name.empty() || name.size() > 255) return refused("a header's name must have 1 to 255 bytes");
        out += static_cast<char>(static_cast<unsigned char>(name.size()));
        out += name;
        out += static_cast<char>(type_of(value));
        if (!std::visit(ValueWriter{out}, value)) return refused("the header " + name + " has more than 65535 bytes");
    }
    const auto header_bytes = out.size() - prelude_bytes;
    if (header_bytes > max_event_stream_headers) return refused("the headers have more than 128 KiB");
    const auto total = frame_bytes + header_bytes + payload.size();
    if (total > max_event_stream_frame) return refused("it has more than 24 MiB");
    std::string prelude;
    append_number(prelude, static_cast<std::uint32_t>(total));
    append_number(prelude, static_cast<std::uint32_t>(header_bytes));
    append_number(prelude, crc32(bytes_of(prelude)));
    out.replace(0, prelude_bytes, prelude);
    out.append(payload);
    append_number(out, crc32(bytes_of(out)));
    return out;
}

}  // namespace blueprint::faas::detail

#endif
