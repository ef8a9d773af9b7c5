#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_TAR_READ_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_TAR_READ_IPP

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/package/impl/archive_names.hpp"
#include "blueprint/faas/package/impl/archive_tree.hpp"
#include "blueprint/faas/package/impl/tar_format.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/tar.hpp"

#include <boost/beast/zlib/inflate_stream.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

namespace blueprint::faas {
namespace detail {

inline std::uint32_t little_endian_at(std::span<const std::uint8_t> data, std::size_t at) noexcept {
    std::uint32_t number = 0;
    for (std::size_t i = 4; i-- > 0;) number = number << 8 | data[at + i];
    return number;
}

// Where the deflate stream of a gzip member begins; nothing if the header is cut off or is none.
inline std::optional<std::size_t> gzip_header_end(std::span<const std::uint8_t> archive) noexcept {
    constexpr unsigned has_crc = 2, has_extra = 4, has_name = 8, has_comment = 16, reserved = 0xe0;
    constexpr std::size_t fixed = 10;
    if (archive.size() < fixed || archive[0] != 0x1f || archive[1] != 0x8b || archive[2] != 8) return std::nullopt;
    const unsigned flags = archive[3];
    if ((flags & reserved) != 0) return std::nullopt;
    std::size_t at = fixed;
    if ((flags & has_extra) != 0) {
        if (archive.size() - at < 2) return std::nullopt;
        at += 2U + archive[at] + (static_cast<std::size_t>(archive[at + 1]) << 8);
    }
    for (const auto text : {has_name, has_comment}) {
        if ((flags & text) == 0) continue;
        while (at < archive.size() && archive[at] != 0) ++at;
        ++at;
    }
    if ((flags & has_crc) != 0) at += 2;
    if (at >= archive.size()) return std::nullopt;
    return at;
}

// Unpacks one gzip member that is the whole of `archive`, into at most `most` bytes.
BLUEPRINT_FAAS_DECL result<Bytes> gunzip_archive(std::span<const std::uint8_t> archive, std::uint64_t most) {
    namespace zlib = boost::beast::zlib;
    constexpr std::size_t trailer_bytes = 8;
    constexpr std::uint64_t most_growth = 1032;  // no deflate stream grows more
    const auto begin = gzip_header_end(archive);
    if (!begin) {
        const bool magic = archive.size() >= 2 && archive[0] == 0x1f && archive[1] == 0x8b;
        return zip_refused(magic ? "the tar.gz is refused: its gzip header is damaged or cut off"
                                 : "this is no gzip archive: send the .tar.gz itself, with 'bootstrap' in it");
    }
    if (archive.size() - *begin < trailer_bytes) return zip_refused("the tar.gz is refused: it is cut off");

    Bytes out;
    const std::uint64_t claimed = little_endian_at(archive, archive.size() - 4);
    out.reserve(static_cast<std::size_t>(std::min({claimed, most, archive.size() * most_growth})));
    Bytes buffer(128U << 10);
    zlib::inflate_stream inflate;
    inflate.reset(15);
    zlib::z_params state;
    state.next_in = archive.data() + *begin;
    state.avail_in = archive.size() - *begin;  // with the trailer, which Beast needs to see the last code's end
    for (;;) {
        state.next_out = buffer.data();
        state.avail_out = buffer.size();
        boost::beast::error_code outcome;
        inflate.write(state, zlib::Flush::none, outcome);
        const auto made = buffer.size() - state.avail_out;
        if (made > most - out.size())
            return zip_too_large("the tar.gz unpacks to more than " + std::to_string(most) +
                                 " bytes, which is the most that is taken");
        out.insert(out.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(made));
        if (outcome == zlib::error::end_of_stream) break;
        if (outcome == zlib::error::need_buffers || (!outcome && made == 0))
            return zip_refused("the tar.gz is refused: it is cut off");
        if (outcome)
            return zip_refused("the tar.gz is refused: its deflate stream is damaged (" + outcome.message() + ')');
    }
    // Whole bytes that Beast holds in its bit reservoir were not used.
    const std::size_t used = state.total_in - (static_cast<std::size_t>(state.data_type) & 63U) / 8;
    const std::size_t trailer = *begin + used;
    if (archive.size() - trailer < trailer_bytes) return zip_refused("the tar.gz is refused: it is cut off");
    if (archive.size() - trailer > trailer_bytes)
        return zip_refused("the tar.gz is refused: bytes follow its end; a second gzip part is not read either");
    if (little_endian_at(archive, trailer) != crc32(out))
        return zip_refused("the tar.gz is refused: it is damaged: its CRC-32 is not what its end says");
    if (little_endian_at(archive, trailer + 4) != static_cast<std::uint32_t>(out.size()))
        return zip_refused("the tar.gz is refused: it is damaged: its size is not what its end says");
    return out;
}

// One checked entry of an unpacked tar, which its data refer to.
struct TarEntry {
    std::string path{};
    bool directory = false;
    bool executable = false;
    std::span<const std::uint8_t> data{};
};

inline std::string_view tar_text(std::span<const std::uint8_t> header, TarField field) noexcept {
    const std::string_view whole{reinterpret_cast<const char*>(header.data()) + field.at, field.size};
    return whole.substr(0, whole.find('\0'));
}

// Octal digits between blanks, ended by a blank or NUL; nothing if it is anything else, such as GNU's binary numbers.
inline std::optional<std::uint64_t> tar_number(std::span<const std::uint8_t> header, TarField field) noexcept {
    auto text = tar_text(header, field);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    while (text.ends_with(' ')) text.remove_suffix(1);
    std::uint64_t number = 0;
    if (text.empty()) return number;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number, 8);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Reads an unpacked tar from its first byte to its last.
class TarReader {
public:
    TarReader(std::span<const std::uint8_t> tar, const ZipLimits& limits)
        : tar_{tar}, limits_{limits}, names_{limits.entries} {}

    result<std::vector<TarEntry>> read() {
        for (;;) {
            if (tar_.size() - at_ < 2 * tar_block_bytes) return cut_off();
            if (is_blank(tar_.subspan(at_, tar_block_bytes))) break;
            if (const auto passed = read_header(); !passed) return passed.error();
        }
        if (long_path_) return refuse("its last header names an entry that is not there");
        if (!is_blank(tar_.subspan(at_))) return refuse("bytes follow its end, or one of its headers is missing");
        if (tar_.size() % tar_block_bytes != 0) return cut_off();
        return std::move(entries_);
    }

private:
    static Error refuse(std::string_view why) { return zip_refused("the tar is refused: " + std::string{why}); }
    static Error refuse_entry(std::string_view path, std::string_view why) {
        return refuse("its entry " + quoted_name(path) + ' ' + std::string{why});
    }
    static Error cut_off() { return refuse("it is cut off"); }
    static bool is_blank(std::span<const std::uint8_t> data) noexcept {
        return std::all_of(data.begin(), data.end(), [](std::uint8_t byte) { return byte == 0; });
    }

    result<void> read_header() {
        const std::span<const std::uint8_t, tar_block_bytes> header{tar_.data() + at_, tar_block_bytes};
        if (tar_number(header, tar_checksum) != tar_checksum_of(header))
            return refuse("a header's checksum is wrong at byte " + std::to_string(at_));
        const auto magic = tar_text(header, tar_magic);
        const bool posix = magic == "ustar";
        if (!posix && magic != "ustar  ") return refuse("it is neither of the ustar nor of the GNU format");
        std::string path{tar_text(header, tar_name)};
        if (const auto prefix = tar_text(header, tar_prefix); posix && !prefix.empty())
            path = std::string{prefix} + '/' + path;
        if (long_path_) path = *long_path_;

        const auto size = tar_number(header, tar_size);
        const auto mode = tar_number(header, tar_mode);
        if (!size || !mode) return refuse_entry(path, "has a size or mode that is no octal number");
        at_ += tar_block_bytes;
        const char type = static_cast<char>(header[tar_type_at]);
        const bool directory = type == '5';
        if (directory && *size != 0) return refuse_entry(path, "is a directory with data");
        if (tar_.size() - at_ < *size || tar_.size() - at_ - *size < tar_padding(*size)) return cut_off();
        const auto data = tar_.subspan(at_, static_cast<std::size_t>(*size));
        if (!is_blank(tar_.subspan(at_ + data.size(), tar_padding(*size))))
            return refuse_entry(path, "has bytes behind it that belong to no entry");
        at_ += data.size() + tar_padding(*size);
        switch (type) {
            case 'x':
            case 'g': return read_pax(data, type == 'g');
            case 'L': return read_long_name(data);
            case '0':
            case '\0':
            case '5': break;
            case '1': return refuse_entry(path, "is a hard link: pack the file itself");
            case '2':
            case 'K': return refuse_entry(path, "is a symbolic link: pack the file itself");
            case '3':
            case '4':
            case '6': return refuse_entry(path, "is a device or pipe: only regular files and directories are read");
            case 'S': return refuse_entry(path, "is a sparse file: pack it without --sparse");
            default: return refuse_entry(path, "is of a kind that is not read: only regular files and directories are");
        }
        long_path_.reset();
        return add(std::move(path), directory, (*mode & 0111U) != 0, data);
    }

    result<void> add(std::string path, bool directory, bool executable, std::span<const std::uint8_t> data) {
        const std::string shown = path;
        if (directory && path.ends_with('/')) path.pop_back();
        if (directory && path == ".") return {};  // the archive's own root
        if (path.starts_with("./")) path.erase(0, 2);
        if (const auto problem = package_path_problem(path); !problem.empty())
            return refuse_entry(shown, "has a path that cannot be: " + std::string{problem});
        if (entries_.size() == limits_.entries)
            return refuse("it has more than " + std::to_string(limits_.entries) + " entries");
        unpacked_ += data.size();
        if (unpacked_ > limits_.unpacked_bytes)
            return zip_too_large("the tar unpacks to more than " + std::to_string(limits_.unpacked_bytes) +
                                 " bytes, which is the most that is taken");
        if (const auto problem = names_.add(path, directory); !problem.empty()) return refuse_entry(shown, problem);
        entries_.push_back({.path = std::move(path), .directory = directory, .executable = executable, .data = data});
        return {};
    }

    // "30 path=...\n" and so on; what is not about names, sizes and kinds has no meaning here.
    result<void> read_pax(std::span<const std::uint8_t> data, bool global) {
        std::string_view left{reinterpret_cast<const char*>(data.data()), data.size()};
        while (!left.empty()) {
            std::size_t size = 0;
            const auto [end, failed] = std::from_chars(left.data(), left.data() + left.size(), size);
            const auto lead = static_cast<std::size_t>(end - left.data());
            const bool whole = failed == std::errc{} && size <= left.size() && size > lead + 1 && *end == ' ' &&
                               left[size - 1] == '\n';
            if (!whole) return refuse("a pax record of it is damaged");
            const auto record = left.substr(lead + 1, size - lead - 2);
            const auto equals = record.find('=');
            if (equals == record.npos) return refuse("a pax record of it is damaged");
            const auto keyword = record.substr(0, equals);
            if (keyword == "path" && !global) {
                long_path_ = record.substr(equals + 1);
            } else if (keyword == "linkpath" || keyword == "path" || keyword == "size" ||
                       keyword.starts_with("GNU.sparse.")) {
                return refuse("a pax record of it tells " + quoted_name(keyword) + ", which is not read");
            }
            left.remove_prefix(size);
        }
        return {};
    }
    result<void> read_long_name(std::span<const std::uint8_t> data) {
        std::string_view name{reinterpret_cast<const char*>(data.data()), data.size()};
        if (name.ends_with('\0')) name.remove_suffix(1);
        long_path_ = name;
        return {};
    }

    std::span<const std::uint8_t> tar_;
    const ZipLimits& limits_;
    ArchiveNames names_;
    std::vector<TarEntry> entries_{};
    std::optional<std::string> long_path_{};  // of the entry that follows
    std::uint64_t unpacked_ = 0;
    std::size_t at_ = 0;
};

// The unpacked tar, and what stands in it.
struct UnpackedTar {
    Bytes tar{};
    std::vector<TarEntry> entries{};
};

BLUEPRINT_FAAS_DECL result<UnpackedTar> unpack_tar_gz(std::span<const std::uint8_t> archive, const ZipLimits& limits) {
    // A header, its padding, and a long name in a header of its own; the end, and what fills its last record.
    constexpr std::uint64_t entry_bytes = 4096, end_bytes = 20 * tar_block_bytes;
    if (archive.size() > limits.compressed_bytes)
        return zip_too_large("the tar.gz has " + std::to_string(archive.size()) + " bytes: at most " +
                             std::to_string(limits.compressed_bytes) + " are taken");
    const auto room = entry_bytes * limits.entries + end_bytes;
    const auto most = limits.unpacked_bytes > std::numeric_limits<std::uint64_t>::max() - room
                          ? std::numeric_limits<std::uint64_t>::max()
                          : limits.unpacked_bytes + room;
    auto tar = gunzip_archive(archive, most);
    if (!tar) return std::move(tar).error();
    UnpackedTar unpacked;
    unpacked.tar = std::move(*tar);
    auto entries = TarReader{unpacked.tar, limits}.read();
    if (!entries) return std::move(entries).error();
    unpacked.entries = std::move(*entries);
    return unpacked;
}

}  // namespace detail

BLUEPRINT_FAAS_DECL result<std::vector<ZipFile>> read_tar_gz(std::span<const std::uint8_t> archive,
                                                             const ZipLimits& limits) {
    const auto unpacked = detail::unpack_tar_gz(archive, limits);
    if (!unpacked) return unpacked.error();
    std::vector<ZipFile> files;
    for (const auto& entry : unpacked->entries)
        if (!entry.directory)
            files.push_back({.path = entry.path,
                             .data = {entry.data.begin(), entry.data.end()},
                             .mode = entry.executable ? 0755U : 0644U});
    return files;
}

BLUEPRINT_FAAS_DECL result<std::vector<std::string>> extract_tar_gz(std::span<const std::uint8_t> archive,
                                                                    const std::filesystem::path& directory,
                                                                    const ZipLimits& limits) {
    const auto unpacked = detail::unpack_tar_gz(archive, limits);
    if (!unpacked) return unpacked.error();
    std::vector<std::string> paths;
    detail::ArchiveTree tree{directory};
    if (const auto opened = tree.open(); !opened) return opened.error();
    for (const auto& entry : unpacked->entries) {
        if (entry.directory) {
            if (const auto made = tree.make_directory(entry.path); !made) return made.error();
            continue;
        }
        auto left = entry.data;
        const auto next = [&] { return std::exchange(left, {}); };
        if (const auto made = tree.make_file(entry.path, entry.executable, next); !made) return made.error();
        paths.push_back(entry.path);
    }
    tree.keep();
    return paths;
}

}  // namespace blueprint::faas

#endif
