#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_READ_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_READ_IPP

#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/package/impl/archive_names.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/zip.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace blueprint::faas {
namespace detail {

// Fields as they stand, before anything is believed.
struct ZipFields {
    std::uint16_t flags = 0;
    std::uint16_t method = 0;
    std::uint32_t crc = 0;
    std::uint32_t packed_size = 0;
    std::uint32_t size = 0;
    std::size_t name_bytes = 0;
    std::size_t extra_bytes = 0;
};

inline std::uint16_t zip_u16(std::span<const std::uint8_t> data, std::size_t at) noexcept {
    return static_cast<std::uint16_t>(data[at] | data[at + 1] << 8);
}

inline std::uint32_t zip_u32(std::span<const std::uint8_t> data, std::size_t at) noexcept {
    return std::uint32_t{zip_u16(data, at)} | std::uint32_t{zip_u16(data, at + 2)} << 16;
}

// `at`: of the flags, from where local and central header have the same order.
inline ZipFields zip_fields(std::span<const std::uint8_t> data, std::size_t at) noexcept {
    return {.flags = zip_u16(data, at),
            .method = zip_u16(data, at + 2),
            .crc = zip_u32(data, at + 8),
            .packed_size = zip_u32(data, at + 12),
            .size = zip_u32(data, at + 16),
            .name_bytes = zip_u16(data, at + 20),
            .extra_bytes = zip_u16(data, at + 22)};
}

inline std::string_view zip_name(std::span<const std::uint8_t> data, std::size_t at, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data.data()) + at, size};
}

BLUEPRINT_FAAS_DECL std::string quoted_name(std::string_view name) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "'";
    for (const char c : name.substr(0, 120)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 0x0fU];
        }
    }
    return out += name.size() > 120 ? "'..." : "'";
}

BLUEPRINT_FAAS_DECL Error zip_refused(std::string message) {
    return {.code = errc::invalid_configuration,
            .message = std::move(message),
            .platform_code = "BAD_REQUEST",
            .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL Error zip_too_large(std::string message) {
    return {.code = errc::invalid_configuration,
            .message = std::move(message),
            .platform_code = "TOO_LARGE",
            .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL Error zip_entry_refused(std::string_view name, std::string_view why) {
    return zip_refused("the zip is refused: its entry " + quoted_name(name) + ' ' + std::string{why});
}

// Reads and checks the central header at `at`, which lies wholly within the archive.
BLUEPRINT_FAAS_DECL result<ZipEntry> read_zip_entry(std::span<const std::uint8_t> archive, std::size_t at,
                                                    const ZipFields& fields) {
    const auto name = zip_name(archive, at + zip_central_bytes, fields.name_bytes);
    const auto refuse = [&](std::string_view why) { return zip_entry_refused(name, why); };
    constexpr std::uint16_t encrypted = 1U << 0 | 1U << 6 | 1U << 13;
    if ((fields.flags & encrypted) != 0) return refuse("is encrypted: pack it without a password");
    if (fields.method != zip_method_stored && fields.method != zip_method_deflated)
        return refuse("is packed with method " + std::to_string(fields.method) +
                      ": only 0 (stored) and 8 (deflated) are read");
    if ((fields.flags & (1U << 5)) != 0) return refuse("holds patch data");
    if (fields.size == 0xffffffff || fields.packed_size == 0xffffffff || zip_u32(archive, at + 42) == 0xffffffff)
        return refuse("uses zip64: pack it without zip64 extensions");
    if (zip_u16(archive, at + 34) != 0) return refuse("lies in another part of a split archive");

    const bool directory = name.ends_with('/') && name.size() > 1;
    const auto path = directory ? name.substr(0, name.size() - 1) : name;
    if (const auto problem = package_path_problem(path); !problem.empty())
        return refuse("has a path that cannot be: " + std::string{problem});

    const unsigned host = zip_u16(archive, at + 4) >> 8;
    const std::uint32_t mode = zip_u32(archive, at + 38) >> 16;
    // Looked at for every host: no maker that we know writes these bits with another meaning.
    switch (mode & 0170000U) {
        case 0: break;
        case 0100000:
            if (directory) return refuse("is marked as a regular file but named as a directory");
            break;
        case 0040000:
            if (!directory) return refuse("is marked as a directory but not named as one (with '/' at the end)");
            break;
        case 0120000: return refuse("is a symbolic link: pack the file itself");
        default: return refuse("is a device, pipe or socket: only regular files and directories are read");
    }
    if (directory && fields.size != 0) return refuse("is a directory with data");
    const bool deflated = fields.method == zip_method_deflated;
    // One bit pair gives 258 bytes at best, so no deflate stream grows more than 1032-fold.
    if (deflated ? fields.size > std::uint64_t{fields.packed_size} * 1032 : fields.size != fields.packed_size)
        return refuse("claims " + std::to_string(fields.size) + " bytes packed into " +
                      std::to_string(fields.packed_size) + ", which its method cannot do");
    constexpr unsigned unix_host = 3, macos_host = 19;
    return ZipEntry{.path = std::string{path},
                    .directory = directory,
                    .executable = (host == unix_host || host == macos_host) && (mode & 0111U) != 0,
                    .deflated = deflated,
                    .flags = fields.flags,
                    .crc = fields.crc,
                    .packed_size = fields.packed_size,
                    .size = fields.size,
                    .header_at = zip_u32(archive, at + 42),
                    .data_at = 0};
}

// Checks the local header against the central one, finds the data, and returns where the entry ends.
BLUEPRINT_FAAS_DECL result<std::size_t> locate_zip_data(std::span<const std::uint8_t> archive, std::size_t directory_at,
                                                        std::string_view name, ZipEntry& entry) {
    const auto refuse = [&](std::string_view why) { return zip_entry_refused(name, why); };
    const std::size_t at = entry.header_at;
    if (at > directory_at || directory_at - at < zip_local_bytes || zip_u32(archive, at) != zip_local_signature)
        return refuse("has no header where the directory says");
    const auto local = zip_fields(archive, at + 6);
    const std::size_t head = zip_local_bytes + local.name_bytes + local.extra_bytes;
    if (directory_at - at < head || directory_at - at - head < entry.packed_size)
        return refuse("is longer than the archive has room for");
    if (zip_name(archive, at + zip_local_bytes, local.name_bytes) != name)
        return refuse("has another name in its own header");
    constexpr unsigned speed_bits = 3U << 1;
    if (((local.flags ^ entry.flags) & ~speed_bits) != 0) return refuse("has other flags in its own header");
    if (local.method != (entry.deflated ? zip_method_deflated : zip_method_stored))
        return refuse("has another method in its own header");
    const bool described = (entry.flags & zip_flag_descriptor) != 0;
    const auto agrees = [&](std::uint32_t own, std::uint32_t listed) {
        return own == listed || (described && own == 0);
    };
    if (!agrees(local.packed_size, entry.packed_size) || !agrees(local.size, entry.size))
        return refuse(local.size == 0xffffffff ? "uses zip64: pack it without zip64 extensions"
                                               : "has other sizes in its own header");
    if (!agrees(local.crc, entry.crc)) return refuse("has another CRC in its own header");

    entry.data_at = at + head;
    const std::size_t end = entry.data_at + entry.packed_size;
    if (!described) return end;
    // The descriptor's signature is optional. Source: APPNOTE.TXT 6.3.10, section 4.3.9.3.
    const auto matches = [&](std::size_t where) {
        return directory_at - end >= where - end + 12 && zip_u32(archive, where) == entry.crc &&
               zip_u32(archive, where + 4) == entry.packed_size && zip_u32(archive, where + 8) == entry.size;
    };
    if (matches(end + 4) && zip_u32(archive, end) == zip_descriptor_signature) return end + 16;
    if (matches(end)) return end + 12;
    return refuse("has a data descriptor that contradicts the directory");
}

// Where the end record stands; nothing if no such record ends exactly where the archive does.
inline std::optional<std::size_t> find_zip_end(std::span<const std::uint8_t> archive) noexcept {
    if (archive.size() < zip_end_bytes) return std::nullopt;
    const std::size_t last = archive.size() - zip_end_bytes;
    const std::size_t first = last - std::min<std::size_t>(last, 0xffff);
    for (std::size_t at = last + 1; at-- > first;)
        if (zip_u32(archive, at) == zip_end_signature && zip_u16(archive, at + 20) == last - at) return at;
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL result<std::vector<ZipEntry>> read_zip_directory(std::span<const std::uint8_t> archive,
                                                                     const ZipLimits& limits) {
    if (archive.size() > limits.compressed_bytes)
        return zip_too_large("the zip has " + std::to_string(archive.size()) + " bytes: at most " +
                             std::to_string(limits.compressed_bytes) + " are taken");
    const auto end = find_zip_end(archive);
    if (!end) {
        const bool begins_well = archive.size() >= 4 && zip_u32(archive, 0) == zip_local_signature;
        return zip_refused(begins_well ? "the zip is refused: it is cut off, or bytes follow its end record"
                                       : "this is no zip archive: send the zip itself, with 'bootstrap' in it");
    }
    const bool locator = *end >= 20 && zip_u32(archive, *end - 20) == zip64_locator_signature;
    const std::uint32_t directory_bytes = zip_u32(archive, *end + 12), directory_at = zip_u32(archive, *end + 16);
    if (locator || directory_bytes == 0xffffffff || directory_at == 0xffffffff)
        return zip_refused("the zip is refused: it uses zip64; pack it without zip64 extensions");
    const std::uint32_t count = zip_u16(archive, *end + 10);
    if (zip_u16(archive, *end + 4) != 0 || zip_u16(archive, *end + 6) != 0 || zip_u16(archive, *end + 8) != count)
        return zip_refused("the zip is refused: it is one part of a split archive");
    if (count > limits.entries)
        return zip_refused("the zip is refused: it has " + std::to_string(count) + " entries, at most " +
                           std::to_string(limits.entries) + " are taken");
    if (std::uint64_t{directory_at} + directory_bytes != *end)
        return zip_refused(
            "the zip is refused: its directory does not reach from where the end record says to the end record");

    struct Listed {
        std::string_view name;
        std::size_t index;
    };
    std::vector<ZipEntry> entries;
    std::vector<Listed> by_place;
    ArchiveNames names{limits.entries};
    std::uint64_t unpacked = 0;
    std::size_t at = directory_at;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (*end - at < zip_central_bytes || zip_u32(archive, at) != zip_central_signature)
            return zip_refused("the zip is refused: its directory is damaged at entry " + std::to_string(i + 1));
        const auto fields = zip_fields(archive, at + 8);
        const std::size_t bytes =
            zip_central_bytes + fields.name_bytes + fields.extra_bytes + zip_u16(archive, at + 32);
        if (*end - at < bytes)
            return zip_refused("the zip is refused: its directory is cut off at entry " + std::to_string(i + 1));
        const auto name = zip_name(archive, at + zip_central_bytes, fields.name_bytes);
        unpacked += fields.size;
        auto entry = read_zip_entry(archive, at, fields);
        if (!entry) return entry.error();
        if (unpacked > limits.unpacked_bytes)
            return zip_too_large("the zip unpacks to more than " + std::to_string(limits.unpacked_bytes) +
                                 " bytes, which is the most that is taken");
        if (const auto problem = names.add(entry->path, entry->directory); !problem.empty())
            return zip_entry_refused(name, problem);
        by_place.push_back({name, entries.size()});
        entries.push_back(std::move(*entry));
        at += bytes;
    }
    if (at != *end) return zip_refused("the zip is refused: its directory holds more than the end record counts");

    // Every byte belongs to exactly one entry: neither overlaps (the cheapest bombs) nor hidden data pass.
    std::sort(by_place.begin(), by_place.end(), [&](const Listed& a, const Listed& b) {
        return entries[a.index].header_at < entries[b.index].header_at;
    });
    std::size_t expected = 0;
    for (const auto& [name, index] : by_place) {
        auto& entry = entries[index];
        if (entry.header_at < expected) return zip_entry_refused(name, "overlaps another entry");
        if (entry.header_at > expected) return zip_entry_refused(name, "has bytes before it that belong to no entry");
        const auto entry_end = locate_zip_data(archive, directory_at, name, entry);
        if (!entry_end) return entry_end.error();
        expected = *entry_end;
    }
    if (expected != directory_at)
        return zip_refused("the zip is refused: bytes before its directory belong to no entry");
    return entries;
}

BLUEPRINT_FAAS_DECL void ZipUnpacker::open(const ZipEntry& entry) {
    entry_ = &entry;
    produced_ = 0;
    crc_ = 0;
    ended_ = false;
    if (!entry.deflated) return;
    inflate_.reset(15);
    state_ = {};
    state_.next_in = archive_.data() + entry.data_at;
    // Beast asks for whole table indices of input, so a stream whose last code is shorter would starve on its last
    // byte. It gets a few of the bytes that follow (a directory and an end record always do), and what it took is
    // counted.
    state_.avail_in = entry.packed_size + std::size_t{8};
}

BLUEPRINT_FAAS_DECL result<std::span<const std::uint8_t>> ZipUnpacker::inflate_part() {
    namespace zlib = boost::beast::zlib;
    const auto refuse = [&](std::string_view why) { return zip_entry_refused(entry_->path, why); };
    state_.next_out = buffer_.data();
    state_.avail_out = buffer_.size();
    boost::beast::error_code outcome;
    inflate_.write(state_, zlib::Flush::none, outcome);
    const std::span<const std::uint8_t> part{buffer_.data(), buffer_.size() - state_.avail_out};
    if (produced_ + part.size() > entry_->size)
        return refuse("unpacks to more than the " + std::to_string(entry_->size) + " bytes that the directory says");
    if (outcome == zlib::error::end_of_stream) {
        // Whole bytes that Beast holds in its bit reservoir were not used.
        const std::size_t used = state_.total_in - (static_cast<std::size_t>(state_.data_type) & 63U) / 8;
        if (used > entry_->packed_size) return refuse("has a deflate stream that is cut off");
        if (used < entry_->packed_size) return refuse("has bytes behind its deflate stream");
        ended_ = true;
        return part;
    }
    if (outcome == zlib::error::need_buffers || (!outcome && part.empty()))
        return refuse("has a deflate stream that is cut off");
    if (outcome) return refuse("has a damaged deflate stream (" + outcome.message() + ')');
    return part;
}

BLUEPRINT_FAAS_DECL result<std::span<const std::uint8_t>> ZipUnpacker::next() {
    std::span<const std::uint8_t> part;
    if (entry_->deflated && !ended_) {
        const auto inflated = inflate_part();
        if (!inflated) return inflated.error();
        part = *inflated;
    } else if (!entry_->deflated) {
        const auto left = static_cast<std::size_t>(entry_->size - produced_);
        part = archive_.subspan(entry_->data_at + static_cast<std::size_t>(produced_), std::min(left, buffer_.size()));
    }
    crc_ = crc32(part, crc_);
    produced_ += part.size();
    if (!part.empty()) return part;
    if (produced_ != entry_->size)
        return zip_entry_refused(entry_->path, "unpacks to " + std::to_string(produced_) +
                                                   " bytes but the directory says " + std::to_string(entry_->size));
    if (crc_ != entry_->crc)
        return zip_entry_refused(entry_->path, "is damaged: its CRC-32 is not what the directory says");
    return part;
}

}  // namespace detail

BLUEPRINT_FAAS_DECL std::string_view package_path_problem(std::string_view path) noexcept {
    constexpr std::size_t longest_path = 1024, longest_segment = 255, most_segments = 64;
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (path.empty()) return "it is empty";
    if (path.find('\0') != path.npos) return "it holds a NUL";
    if (path.find('\\') != path.npos) return "it holds a backslash; use '/'";
    if (path.front() == '/') return "it is absolute";
    if (path.size() >= 2 && path[1] == ':' && is_letter(path[0])) return "it begins with a drive letter";
    if (path.size() > longest_path) return "it has more than 1024 bytes";
    if (!detail::is_utf8(path)) return "it is not UTF-8";
    std::size_t segments = 0;
    for (std::size_t from = 0; from <= path.size(); ++segments) {
        const auto segment = path.substr(from, path.find('/', from) - from);
        if (segment.empty()) return "it holds an empty segment";
        if (segment == ".") return "it holds a '.' segment";
        if (segment == "..") return "it holds a '..' segment";
        if (segment.size() > longest_segment) return "it holds a segment of more than 255 bytes";
        from += segment.size() + 1;
    }
    return segments > most_segments ? "it has more than 64 segments" : std::string_view{};
}

BLUEPRINT_FAAS_DECL bool has_file(const std::vector<ZipFile>& files, std::string_view path) noexcept {
    return std::any_of(files.begin(), files.end(), [&](const ZipFile& file) { return file.path == path; });
}

BLUEPRINT_FAAS_DECL result<std::vector<ZipFile>> read_zip(std::span<const std::uint8_t> archive,
                                                          const ZipLimits& limits) {
    const auto entries = detail::read_zip_directory(archive, limits);
    if (!entries) return entries.error();
    std::vector<ZipFile> files;
    detail::ZipUnpacker unpacker{archive};
    for (const auto& entry : *entries) {
        ZipFile file{.path = entry.path, .data = {}, .mode = entry.executable ? 0755U : 0644U};
        file.data.reserve(entry.size);
        unpacker.open(entry);
        for (;;) {
            const auto part = unpacker.next();
            if (!part) return part.error();
            if (part->empty()) break;
            file.data.insert(file.data.end(), part->begin(), part->end());
        }
        if (!entry.directory) files.push_back(std::move(file));
    }
    return files;
}

}  // namespace blueprint::faas

#endif
