#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_WRITE_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_WRITE_IPP

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/zip.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace blueprint::faas {
namespace detail {

// Returns nothing (an empty vector) unless the deflated form is smaller.
BLUEPRINT_FAAS_DECL Bytes deflate_if_smaller(std::span<const std::uint8_t> data) {
    namespace zlib = boost::beast::zlib;
    // Less than the data's own size: a form that does not fit is not wanted, so Beast's stop there is no failure.
    Bytes packed(data.size());
    zlib::deflate_stream deflate;
    constexpr int level = 4;  // on executables twice as fast as level 6, for 3 % more bytes
    deflate.reset(level, 15, 8, zlib::Strategy::normal);
    zlib::z_params state;
    state.next_in = data.data();
    state.avail_in = data.size();
    state.next_out = packed.data();
    state.avail_out = packed.size();
    boost::beast::error_code outcome;
    if (!data.empty()) deflate.write(state, zlib::Flush::finish, outcome);
    const bool smaller = outcome == zlib::error::end_of_stream && state.avail_out > 0;
    packed.resize(smaller ? packed.size() - state.avail_out : 0);
    packed.shrink_to_fit();
    return packed;
}

class LittleEndian {
public:
    explicit LittleEndian(Bytes& out) : out_{out} {}
    void u16(std::size_t value) { put(value, 2); }
    void u32(std::size_t value) { put(value, 4); }
    void bytes(std::span<const std::uint8_t> data) { out_.insert(out_.end(), data.begin(), data.end()); }
    void text(std::string_view data) { out_.insert(out_.end(), data.begin(), data.end()); }

private:
    void put(std::size_t value, int count) {
        for (int i = 0; i < count; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    Bytes& out_;
};

}  // namespace detail

BLUEPRINT_FAAS_DECL result<void> ZipWriter::add(std::string_view path, std::span<const std::uint8_t> data,
                                                std::uint32_t mode) {
    const auto refuse = [&](std::string_view why) {
        return detail::zip_refused("cannot add " + detail::quoted_name(path) + " to the zip: " + std::string{why});
    };
    if (const auto problem = package_path_problem(path); !problem.empty()) return refuse(problem);
    if (entries_.contains(path)) return refuse("a file of that path was added before");
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
        if (entries_.contains(path.substr(0, slash))) return refuse("a part of its path was added as a file before");
    const auto below = std::string{path} + '/';
    if (const auto next = entries_.lower_bound(below); next != entries_.end() && next->first.starts_with(below))
        return refuse("a file below that path was added before");
    if (entries_.size() == 0xfffe) return refuse("a zip holds at most 65,534 files");

    Entry entry{.packed = detail::deflate_if_smaller(data),
                .crc = detail::crc32(data),
                .size = static_cast<std::uint32_t>(data.size()),
                .mode = mode & 0777U,
                .deflated = false};
    entry.deflated = !entry.packed.empty();
    const std::uint64_t bytes = archive_bytes_ + detail::zip_local_bytes + detail::zip_central_bytes + 2 * path.size() +
                                (entry.deflated ? entry.packed.size() : data.size());
    if (data.size() >= 0xffffffff || bytes >= 0xffffffff) return refuse("a zip without zip64 ends at 4 GiB");
    if (!entry.deflated) entry.packed.assign(data.begin(), data.end());
    archive_bytes_ = bytes;
    entries_.emplace(path, std::move(entry));
    return {};
}

BLUEPRINT_FAAS_DECL Bytes ZipWriter::finish() {
    constexpr std::size_t dos_date_1980_01_01 = 1U << 5 | 1U, version_needed = 20, made_by_unix = 3U << 8 | 20U;
    Bytes archive, directory;
    archive.reserve(static_cast<std::size_t>(archive_bytes_));
    detail::LittleEndian out{archive}, index{directory};
    // What local and central header have in common, from the flags to the length of the name.
    const auto common = [&](detail::LittleEndian to, const std::string& path, const Entry& entry) {
        const bool ascii =
            std::all_of(path.begin(), path.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
        to.u16(version_needed);
        to.u16(ascii ? 0U : detail::zip_flag_utf8);
        to.u16(entry.deflated ? detail::zip_method_deflated : detail::zip_method_stored);
        to.u16(0);
        to.u16(dos_date_1980_01_01);
        to.u32(entry.crc);
        to.u32(entry.packed.size());
        to.u32(entry.size);
        to.u16(path.size());
        to.u16(0);
    };
    for (auto& [path, entry] : entries_) {
        const auto header_at = archive.size();
        out.u32(detail::zip_local_signature);
        common(out, path, entry);
        out.text(path);
        out.bytes(entry.packed);
        index.u32(detail::zip_central_signature);
        index.u16(made_by_unix);
        common(index, path, entry);
        index.u16(0);
        index.u16(0);
        index.u16(0);
        index.u32((0100000U | entry.mode) << 16);  // S_IFREG and the permission bits
        index.u32(header_at);
        index.text(path);
        entry.packed = {};
    }
    const auto directory_at = archive.size();
    out.bytes(directory);
    out.u32(detail::zip_end_signature);
    out.u32(0);
    out.u16(entries_.size());
    out.u16(entries_.size());
    out.u32(directory.size());
    out.u32(directory_at);
    out.u16(0);
    entries_.clear();
    archive_bytes_ = detail::zip_end_bytes;
    return archive;
}

}  // namespace blueprint::faas

#endif
