#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_RAW_ZIP_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_RAW_ZIP_HPP

#include "blueprint/faas/job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Writes zips in which a test can set any field, right or wrong. It shares no code with the library's own zip.
namespace blueprint::faas::test {

/// CRC-32 bit by bit, slow and plain.
inline std::uint32_t plain_crc32(std::span<const std::uint8_t> data) {
    std::uint32_t crc = 0xffffffff;
    for (const auto byte : data) {
        crc ^= byte;
        for (int i = 0; i < 8; ++i) crc = (crc & 1U) != 0 ? (crc >> 1) ^ 0xedb88320U : crc >> 1;
    }
    return ~crc;
}

inline Bytes to_bytes(std::string_view text) { return {text.begin(), text.end()}; }

/// One entry. Fields that are empty get the right value.
struct RawEntry {
    std::string name{};
    Bytes packed{};  ///< the data as they stand in the archive
    std::uint16_t method = 0;
    std::uint16_t flags = 0;
    std::uint32_t crc = 0;
    std::uint32_t size = 0;
    std::uint32_t mode = 0100644;     ///< the upper half of the external attributes
    std::uint16_t made_by = 3U << 8;  ///< Unix
    std::uint16_t disk = 0;
    std::string comment{};
    Bytes after{};  ///< stands behind the data: a descriptor, or what should not be there
    Bytes extra{};  ///< the extra field of both headers
    std::optional<std::uint32_t> packed_size{};
    std::optional<std::uint32_t> header_at{};
    std::optional<std::uint32_t> local_signature{};
    std::optional<std::string> local_name{};
    std::optional<std::uint16_t> local_method{};
    std::optional<std::uint16_t> local_flags{};
    std::optional<std::uint32_t> local_crc{};
    std::optional<std::uint32_t> local_packed_size{};
    std::optional<std::uint32_t> local_size{};
    bool listed_only = false;  ///< in the directory, but without header and data
};

struct RawZip {
    std::vector<RawEntry> entries{};
    Bytes before{};  ///< ahead of the first header
    Bytes before_directory{};
    Bytes before_end{};  ///< between directory and end record
    Bytes after_end{};
    std::string comment{};
    std::uint16_t disk = 0;
    std::optional<std::uint16_t> count{};
    std::optional<std::uint16_t> count_here{};
    std::optional<std::uint32_t> directory_bytes{};
    std::optional<std::uint32_t> directory_at{};
    std::optional<std::uint16_t> comment_bytes{};
};

class RawWriter {
public:
    RawWriter& u16(std::size_t value) { return put(value, 2); }
    RawWriter& u32(std::size_t value) { return put(value, 4); }
    RawWriter& bytes(std::span<const std::uint8_t> data) {
        out.insert(out.end(), data.begin(), data.end());
        return *this;
    }
    RawWriter& text(std::string_view data) {
        out.insert(out.end(), data.begin(), data.end());
        return *this;
    }
    Bytes out{};

private:
    RawWriter& put(std::size_t value, int count) {
        for (int i = 0; i < count; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
        return *this;
    }
};

inline Bytes build(const RawZip& zip) {
    RawWriter file, directory;
    file.bytes(zip.before);
    for (const auto& e : zip.entries) {
        const auto at = file.out.size();
        const auto packed_size = e.packed_size.value_or(static_cast<std::uint32_t>(e.packed.size()));
        const auto local_name = e.local_name.value_or(e.name);
        if (!e.listed_only) {
            file.u32(e.local_signature.value_or(0x04034b50)).u16(20).u16(e.local_flags.value_or(e.flags));
            file.u16(e.local_method.value_or(e.method)).u16(0).u16(0x21).u32(e.local_crc.value_or(e.crc));
            file.u32(e.local_packed_size.value_or(packed_size)).u32(e.local_size.value_or(e.size));
            file.u16(local_name.size()).u16(e.extra.size()).text(local_name).bytes(e.extra);
            file.bytes(e.packed).bytes(e.after);
        }
        directory.u32(0x02014b50).u16(e.made_by).u16(20).u16(e.flags).u16(e.method).u16(0).u16(0x21).u32(e.crc);
        directory.u32(packed_size).u32(e.size).u16(e.name.size()).u16(e.extra.size()).u16(e.comment.size());
        directory.u16(e.disk)
            .u16(0)
            .u32(std::size_t{e.mode} << 16)
            .u32(e.header_at.value_or(static_cast<std::uint32_t>(at)));
        directory.text(e.name).bytes(e.extra).text(e.comment);
    }
    file.bytes(zip.before_directory);
    const auto directory_at = file.out.size();
    file.bytes(directory.out).bytes(zip.before_end);
    const auto count = zip.count.value_or(static_cast<std::uint16_t>(zip.entries.size()));
    file.u32(0x06054b50).u16(zip.disk).u16(zip.disk).u16(zip.count_here.value_or(count)).u16(count);
    file.u32(zip.directory_bytes.value_or(static_cast<std::uint32_t>(directory.out.size())));
    file.u32(zip.directory_at.value_or(static_cast<std::uint32_t>(directory_at)));
    file.u16(zip.comment_bytes.value_or(static_cast<std::uint16_t>(zip.comment.size())));
    return file.text(zip.comment).bytes(zip.after_end).out;
}

/// A right entry whose data are stored.
inline RawEntry stored(std::string name, std::string_view data) {
    const auto packed = to_bytes(data);
    return {.name = std::move(name),
            .packed = packed,
            .crc = plain_crc32(packed),
            .size = static_cast<std::uint32_t>(packed.size())};
}

/// A right entry whose data are `stream`, raw deflate, which unpacks to `data`.
inline RawEntry deflated(std::string name, Bytes stream, std::span<const std::uint8_t> data) {
    return {.name = std::move(name),
            .packed = std::move(stream),
            .method = 8,
            .crc = plain_crc32(data),
            .size = static_cast<std::uint32_t>(data.size())};
}

/// A right entry of a directory; `name` ends with '/'.
inline RawEntry directory(std::string name) { return {.name = std::move(name), .mode = 0040755}; }

/// A data descriptor: CRC and sizes behind the data, with or without its signature.
inline Bytes descriptor(const RawEntry& entry, bool with_signature) {
    RawWriter out;
    if (with_signature) out.u32(0x08074b50);
    return out.u32(entry.crc).u32(entry.packed.size()).u32(entry.size).out;
}

/// A deflate stream, written by hand with the fixed code, of one 'a' and `matches` repetitions of 258 more.
inline Bytes run_of_a(std::size_t matches) {
    Bytes out;
    unsigned held = 0, bits = 0;
    const auto put = [&](unsigned value, unsigned count) {
        held |= value << bits;
        for (bits += count; bits >= 8; bits -= 8, held >>= 8) out.push_back(static_cast<std::uint8_t>(held));
    };
    put(1, 1);     // the last block
    put(1, 2);     // with the fixed code
    put(0x89, 8);  // 'a' is 0x91, sent from its highest bit
    for (std::size_t i = 0; i < matches; ++i) {
        put(0xa3, 8);  // length 258 is 0xc5
        put(0, 5);     // distance 1
    }
    put(0, 7);  // the end
    if (bits != 0) out.push_back(static_cast<std::uint8_t>(held));
    return out;
}

}  // namespace blueprint::faas::test

#endif
