#ifndef BLUEPRINT_FAAS_PACKAGE_TAR_HPP
#define BLUEPRINT_FAAS_PACKAGE_TAR_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/package/glibc.hpp"
#include "blueprint/faas/package/zip.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {

class Package;

/// Writes a reproducible `.tar.gz`: the same files with the same modes give the same bytes, in whatever order they were
/// added. Every directory of a path has an entry before what is in it. Times, owners and groups are 0, modes 0755 and
/// 0644; the gzip header tells no time and no name. A path of more than 100 bytes that ustar cannot split, or that is
/// not ASCII, stands in a pax record.
/// Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; RFC 1952. One thread at a time.
class TarGzWriter {
public:
    /// Adds a regular file; it is 0755 if `mode` has any x bit, else 0644. Refuses a path that `read_tar_gz` would
    /// refuse, and a path added before. The bytes are held until `finish`.
    result<void> add(std::string_view path, Bytes data, std::uint32_t mode = 0644);
    /// Returns the archive and leaves the writer empty.
    Bytes finish();

private:
    struct Entry {
        Bytes data{};
        bool directory = false;
        bool executable = false;
    };
    std::map<std::string, Entry, std::less<>> entries_;
};

/// Reads all regular files of an untrusted `.tar.gz`, in its order; directories are checked and left out. A "./" that
/// begins a path, as `tar -C directory .` writes it, is taken away. Refuses, with `errc::invalid_configuration` and
/// `platform_code` "BAD_REQUEST", what `read_zip` refuses (paths, links, devices, duplicates, damage, bytes that belong
/// to nothing), sparse files, archives that are cut off anywhere, and headers whose checksum is wrong; and with
/// "TOO_LARGE" what exceeds `limits`, which is counted while unpacking. ustar, pax and GNU long names are read.
BLUEPRINT_FAAS_DECL result<std::vector<ZipFile>> read_tar_gz(std::span<const std::uint8_t> archive,
                                                             const ZipLimits& limits = {});

/// Unpacks an untrusted `.tar.gz` below `directory`, which must exist, and returns the paths of its regular files.
/// Refuses what `read_tar_gz` refuses, before anything is written; else it does what `extract_zip` does: no link is
/// followed, nothing overwritten, modes are 0755 and 0644 whatever the umask, and a failure leaves nothing behind.
/// The archive is unpacked in memory first, which `limits` bounds.
BLUEPRINT_FAAS_DECL result<std::vector<std::string>> extract_tar_gz(std::span<const std::uint8_t> archive,
                                                                    const std::filesystem::path& directory,
                                                                    const ZipLimits& limits = {});

/// What Cloud Run takes of a packed archive, in bytes. Source: Cloud Run, "Deploy services from source code".
inline constexpr std::uint64_t cloud_run_archive_bytes = 250ULL << 20;

/// What Cloud Run's base image, Ubuntu 24.04, has.
inline constexpr GlibcVersion cloud_run_glibc{2, 39};

/// Makes the archive that Cloud Run runs without a build: all files of `package`, `bootstrap` 0755.
/// `errc::invalid_configuration` says what to do where the package cannot run there: it has no `bootstrap`, is for
/// another processor than x86_64 (Cloud Run has no other), needs a newer glibc than `present` or another
/// loader than glibc's, or packs to more than 250 MiB (`TOO_LARGE`). The same package gives the same bytes.
BLUEPRINT_FAAS_DECL result<Bytes> cloud_run_archive(const Package& package, GlibcVersion present = cloud_run_glibc);

/// Says why `package` cannot run on Cloud Run without a build, as `cloud_run_archive` does, but for the packed size.
BLUEPRINT_FAAS_DECL result<void> check_cloud_run_package(const Package& package,
                                                         GlibcVersion present = cloud_run_glibc);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/cloud_run_archive.ipp"
#include "blueprint/faas/package/impl/tar_read.ipp"
#include "blueprint/faas/package/impl/tar_write.ipp"
#endif

#endif
