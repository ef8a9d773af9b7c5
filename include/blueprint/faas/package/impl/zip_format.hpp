#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_FORMAT_HPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_ZIP_FORMAT_HPP

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/package/zip.hpp"

#include <boost/beast/zlib/inflate_stream.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What writer, reader and extractor share. Beast is named outside transport/, serve/ and local/ here alone, and for its
// deflate only: raw deflate is all that a zip needs, and Beast is there already.
namespace blueprint::faas::detail {

inline constexpr std::uint32_t zip_local_signature = 0x04034b50;
inline constexpr std::uint32_t zip_central_signature = 0x02014b50;
inline constexpr std::uint32_t zip_end_signature = 0x06054b50;
inline constexpr std::uint32_t zip64_locator_signature = 0x07064b50;
inline constexpr std::uint32_t zip_descriptor_signature = 0x08074b50;
inline constexpr std::size_t zip_local_bytes = 30;    // without name and extra field
inline constexpr std::size_t zip_central_bytes = 46;  // without name, extra field and comment
inline constexpr std::size_t zip_end_bytes = 22;      // without comment
inline constexpr std::uint16_t zip_flag_descriptor = 1U << 3;
inline constexpr std::uint16_t zip_flag_utf8 = 1U << 11;
inline constexpr std::uint16_t zip_method_stored = 0;
inline constexpr std::uint16_t zip_method_deflated = 8;

/// Shows a name from an untrusted archive: quoted, cut at 120 bytes, what is not printable ASCII as \xNN.
BLUEPRINT_FAAS_DECL std::string quoted_name(std::string_view name);

/// Makes the errors of a refused archive: malformed (400 on the wire) and too large (413).
BLUEPRINT_FAAS_DECL Error zip_refused(std::string message);
BLUEPRINT_FAAS_DECL Error zip_too_large(std::string message);

/// One checked entry: where its data stand in the archive, and what they must unpack to.
struct ZipEntry {
    std::string path{};  ///< without the '/' that ends a directory's name
    bool directory = false;
    bool executable = false;
    bool deflated = false;
    std::uint16_t flags = 0;
    std::uint32_t crc = 0;
    std::uint32_t packed_size = 0;
    std::uint32_t size = 0;
    std::uint32_t header_at = 0;
    std::size_t data_at = 0;
};

/// Checks everything of an archive that can be known without unpacking.
BLUEPRINT_FAAS_DECL result<std::vector<ZipEntry>> read_zip_directory(std::span<const std::uint8_t> archive,
                                                                     const ZipLimits& limits);

/// Unpacks checked entries of one archive, part by part, in bounded memory. The archive must outlive it.
class ZipUnpacker {
public:
    explicit ZipUnpacker(std::span<const std::uint8_t> archive) : archive_{archive}, buffer_(128U << 10) {}

    /// Begins with `entry`, which must live until its last part.
    void open(const ZipEntry& entry);
    /// Returns the next part, valid until the next call; an empty one after the last, when size and CRC have been found
    /// right. Never returns more than the entry's size in all.
    result<std::span<const std::uint8_t>> next();

private:
    result<std::span<const std::uint8_t>> inflate_part();

    std::span<const std::uint8_t> archive_;
    Bytes buffer_;
    boost::beast::zlib::inflate_stream inflate_;
    boost::beast::zlib::z_params state_;
    const ZipEntry* entry_ = nullptr;
    std::uint64_t produced_ = 0;
    std::uint32_t crc_ = 0;
    bool ended_ = false;
};

}  // namespace blueprint::faas::detail

#endif
