#ifndef BLUEPRINT_FAAS_PACKAGE_ZIP_HPP
#define BLUEPRINT_FAAS_PACKAGE_ZIP_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {

/// One regular file of a package: its path in the zip, with '/' between segments.
struct ZipFile {
    std::string path{};
    Bytes data{};
    std::uint32_t mode = 0644;  ///< permission bits; a reader gives 0755 if any x bit was set, else 0644
};

/// How much a reader takes before it refuses with `platform_code` "TOO_LARGE" (entries: "BAD_REQUEST").
struct ZipLimits {
    std::uint64_t compressed_bytes = 50ULL << 20;
    std::uint64_t unpacked_bytes = 250ULL << 20;  ///< counted while unpacking, whatever the headers say
    std::uint32_t entries = 10'000;
};

/// Writes a reproducible zip: the same files with the same modes give the same bytes, in whatever order they were
/// added. Every entry has the DOS time 1980-01-01 00:00, is made by Unix, deflated if that is smaller, else stored.
/// Source: PKWARE APPNOTE.TXT 6.3.10. One thread at a time.
class ZipWriter {
public:
    /// Adds a regular file. `data` is compressed at once and need not live on. `mode` is permission bits (0755).
    /// Refuses a path that `read_zip` would refuse, a path added before, and what a zip without zip64 cannot hold.
    result<void> add(std::string_view path, std::span<const std::uint8_t> data, std::uint32_t mode = 0644);
    /// Returns the archive and leaves the writer empty.
    Bytes finish();

private:
    struct Entry {
        Bytes packed{};
        std::uint32_t crc = 0;
        std::uint32_t size = 0;
        std::uint32_t mode = 0;
        bool deflated = false;
    };
    std::map<std::string, Entry, std::less<>> entries_;
    std::uint64_t archive_bytes_ = 22;  // what finish() would return: the end record is always there
};

/// Reads all regular files of an untrusted zip, in the order of its directory; directory entries are checked and left
/// out. Refuses, with `errc::invalid_configuration` and `platform_code` "BAD_REQUEST", whatever is not plain: absolute,
/// drive, `..`, `.`, empty or backslashed paths, NUL, links and devices, duplicates, encryption, methods other than
/// stored and deflated, headers that contradict each other or the data, overlaps, bytes that belong to nothing, zip64;
/// and with "TOO_LARGE" what exceeds `limits`. Memory used is bounded by `limits`.
BLUEPRINT_FAAS_DECL result<std::vector<ZipFile>> read_zip(std::span<const std::uint8_t> archive,
                                                          const ZipLimits& limits = {});

/// Unpacks an untrusted zip below `directory`, which must exist, and returns the paths of its regular files.
/// Refuses what `read_zip` refuses; the whole directory is checked before anything is written. No link is followed and
/// no existing file is overwritten. Files get mode 0755 or 0644, directories 0755, whatever the umask. After a failure
/// nothing that this call made is left. Errors of the file system are `errc::infrastructure`.
BLUEPRINT_FAAS_DECL result<std::vector<std::string>> extract_zip(std::span<const std::uint8_t> archive,
                                                                 const std::filesystem::path& directory,
                                                                 const ZipLimits& limits = {});

/// Says why `path` cannot stand in a package ("it holds a '..' segment"); empty if it can. No trailing '/'.
BLUEPRINT_FAAS_DECL std::string_view package_path_problem(std::string_view path) noexcept;

/// Tells whether `files` holds a file of exactly this path. What `read_zip` returns are regular files only.
BLUEPRINT_FAAS_DECL bool has_file(const std::vector<ZipFile>& files, std::string_view path) noexcept;

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/zip_extract.ipp"
#include "blueprint/faas/package/impl/zip_read.ipp"
#include "blueprint/faas/package/impl/zip_write.ipp"
#endif

#endif
