#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_TAR_WRITE_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_TAR_WRITE_IPP

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/package/impl/tar_format.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/tar.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace blueprint::faas {
namespace detail {

// Writes one gzip member, piece by piece. Source: RFC 1952.
class GzipWriter {
public:
    GzipWriter() : buffer_(128U << 10) {
        constexpr int level = 4;  // as in zips: on executables twice as fast as level 6, for 3 % more bytes
        deflate_.reset(level, 15, 8, boost::beast::zlib::Strategy::normal);
        constexpr std::array<std::uint8_t, 10> head{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};  // no time; made by Unix
        out_.assign(head.begin(), head.end());
    }

    void write(std::span<const std::uint8_t> data) {
        crc_ = crc32(data, crc_);
        size_ += static_cast<std::uint32_t>(data.size());  // modulo 2^32, as the trailer has it
        state_.next_in = data.data();
        state_.avail_in = data.size();
        while (state_.avail_in > 0) step(boost::beast::zlib::Flush::none);
    }
    void fill(std::size_t zeros) {
        static constexpr std::array<std::uint8_t, 2 * tar_block_bytes> blank{};
        write(std::span{blank}.first(zeros));
    }
    Bytes finish() {
        while (!step(boost::beast::zlib::Flush::finish)) {
        }
        for (const auto number : {crc_, size_})
            for (int shift = 0; shift < 32; shift += 8) out_.push_back(static_cast<std::uint8_t>(number >> shift));
        return std::move(out_);
    }

private:
    // Takes a piece of the input and tells whether the stream has ended.
    bool step(boost::beast::zlib::Flush flush) {
        state_.next_out = buffer_.data();
        state_.avail_out = buffer_.size();
        boost::beast::error_code outcome;
        deflate_.write(state_, flush, outcome);
        const auto made = static_cast<std::ptrdiff_t>(buffer_.size() - state_.avail_out);
        out_.insert(out_.end(), buffer_.begin(), buffer_.begin() + made);
        return outcome == boost::beast::zlib::error::end_of_stream;
    }

    Bytes out_{};
    Bytes buffer_;
    boost::beast::zlib::deflate_stream deflate_;
    boost::beast::zlib::z_params state_;
    std::uint32_t crc_ = 0;
    std::uint32_t size_ = 0;
};

using TarHeader = std::array<std::uint8_t, tar_block_bytes>;

inline void put_tar_text(TarHeader& header, TarField field, std::string_view text) noexcept {
    std::copy_n(text.begin(), std::min(text.size(), field.size),
                header.begin() + static_cast<std::ptrdiff_t>(field.at));
}

// Octal digits, with NUL as the field's last byte.
inline void put_tar_number(TarHeader& header, TarField field, std::uint64_t number) noexcept {
    for (std::size_t at = field.size - 1; at-- > 0; number >>= 3)
        header[field.at + at] = static_cast<std::uint8_t>('0' + (number & 7U));
}

struct TarPath {
    std::string_view prefix{};
    std::string_view name{};
};

// Splits a path as ustar holds it; nothing if it cannot.
inline std::optional<TarPath> split_tar_path(std::string_view path) noexcept {
    if (std::any_of(path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7e; }))
        return std::nullopt;
    if (path.size() <= tar_name.size) return TarPath{{}, path};
    // A directory's last '/' belongs to its name.
    const auto slash = path.find('/', path.size() - tar_name.size - 1);
    if (slash >= path.size() - 1 || slash > tar_prefix.size) return std::nullopt;
    return TarPath{path.substr(0, slash), path.substr(slash + 1)};
}

inline void write_tar_header(GzipWriter& out, TarPath path, char type, std::uint32_t mode, std::uint64_t size) {
    TarHeader header{};
    put_tar_text(header, tar_name, path.name);
    put_tar_text(header, tar_prefix, path.prefix);
    put_tar_number(header, tar_mode, mode);
    put_tar_number(header, tar_owner, 0);
    put_tar_number(header, tar_group, 0);
    put_tar_number(header, tar_size, size);
    put_tar_number(header, tar_time, 0);
    header[tar_type_at] = static_cast<std::uint8_t>(type);
    put_tar_text(header, tar_magic,
                 std::string_view{"ustar\0"
                                  "00",
                                  8});
    // Six digits, NUL, and the blank that was there while it was added up.
    const auto sum = tar_checksum_of(header);
    put_tar_number(header, {tar_checksum.at, tar_checksum.size - 1}, sum);
    header[tar_checksum.at + tar_checksum.size - 1] = ' ';
    out.write(header);
}

// "30 path=...\n": the number counts all of the record, itself too.
inline std::string pax_record(std::string_view keyword, std::string_view value) {
    const auto body = keyword.size() + value.size() + 3;  // the blank, '=' and the line's end
    auto total = body + std::to_string(body).size();
    total = body + std::to_string(total).size();
    std::string record = std::to_string(total);
    return record.append(" ").append(keyword).append("=").append(value).append("\n");
}

inline void write_tar_entry(GzipWriter& out, std::string_view path, char type, std::uint32_t mode,
                            std::span<const std::uint8_t> data) {
    auto split = split_tar_path(path);
    if (!split) {
        const auto record = pax_record("path", path);
        write_tar_header(out, {{}, "PaxHeader/path"}, 'x', 0644, record.size());
        out.write({reinterpret_cast<const std::uint8_t*>(record.data()), record.size()});
        out.fill(tar_padding(record.size()));
        split = TarPath{{}, path.substr(0, tar_name.size)};  // for those that know no pax
    }
    write_tar_header(out, *split, type, mode, data.size());
    out.write(data);
    out.fill(tar_padding(data.size()));
}

}  // namespace detail

BLUEPRINT_FAAS_DECL result<void> TarGzWriter::add(std::string_view path, Bytes data, std::uint32_t mode) {
    const auto refuse = [&](std::string_view why) {
        return detail::zip_refused("cannot add " + detail::quoted_name(path) + " to the tar: " + std::string{why});
    };
    if (const auto problem = package_path_problem(path); !problem.empty()) return refuse(problem);
    if (data.size() >= (1ULL << 33)) return refuse("a tar holds files below 8 GiB");
    if (const auto there = entries_.find(path); there != entries_.end())
        return refuse(there->second.directory ? "a file below that path was added before"
                                              : "a file of that path was added before");
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
        const auto above = entries_.find(path.substr(0, slash));
        if (above != entries_.end() && !above->second.directory)
            return refuse("a part of its path was added as a file before");
    }
    for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
        entries_.try_emplace(std::string{path.substr(0, slash)}, Entry{.directory = true});
    entries_.try_emplace(std::string{path}, Entry{.data = std::move(data), .executable = (mode & 0111U) != 0});
    return {};
}

BLUEPRINT_FAAS_DECL Bytes TarGzWriter::finish() {
    detail::GzipWriter out;
    for (auto& [path, entry] : entries_) {
        if (entry.directory) {
            detail::write_tar_entry(out, path + '/', '5', 0755, {});
        } else {
            detail::write_tar_entry(out, path, '0', entry.executable ? 0755 : 0644, entry.data);
            entry.data = {};
        }
    }
    out.fill(2 * detail::tar_block_bytes);
    entries_.clear();
    return out.finish();
}

}  // namespace blueprint::faas

#endif
