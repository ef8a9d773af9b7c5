#ifndef BLUEPRINT_FAAS_PACKAGE_PACKAGE_HPP
#define BLUEPRINT_FAAS_PACKAGE_PACKAGE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/package/elf.hpp"
#include "blueprint/faas/package/glibc.hpp"
#include "blueprint/faas/package/zip.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas {

/// How a binary becomes a package.
struct PackageOptions {
    Architecture architecture = host_architecture();  ///< what the platform runs; other binaries are refused
    bool allow_script = false;                        ///< a file that begins with "#!" passes too
    std::vector<ZipFile> extra_files{};               ///< stand beside `bootstrap`, with their paths and modes
    std::uint64_t max_packed_bytes = 50ULL << 20;     ///< raise it for platforms that take larger ones by another way
};

/// What is deployed: a zip with the program as `bootstrap`. The same input gives the same bytes, so that an unchanged
/// function is recognised by its digest. Immutable, cheap to copy (the bytes are shared), usable from all threads.
class Package {
public:
    /// Reads the program at `path` and packs it. Errors name the path: it cannot be read, is no regular file, is larger
    /// than 250 MiB, or is refused as `from_binary` refuses. Blocks while it reads and compresses.
    static result<Package> from_binary_file(const std::filesystem::path& path, const PackageOptions& options = {});

    /// Packs a program. `errc::invalid_configuration` if it is no ELF executable (see `elf_architecture`), is for
    /// another architecture, or if the package would exceed what platforms take (`max_packed_bytes` packed, 250 MiB
    /// unpacked: `TOO_LARGE`).
    static result<Package> from_binary(std::span<const std::uint8_t> binary, const PackageOptions& options = {});

    /// Takes a finished zip as it is, after `read_zip`'s checks with its standard limits, but for `max_packed_bytes`.
    /// Whether it holds a `bootstrap` is told by `binary_size_bytes()`; what platforms need beyond that differs.
    static result<Package> from_zip(Bytes zip, std::uint64_t max_packed_bytes = 50ULL << 20);

    /// The archive itself; never null.
    const std::shared_ptr<const Bytes>& zip() const noexcept { return contents_->zip; }
    std::size_t size_bytes() const noexcept { return contents_->zip->size(); }
    /// SHA-256 of the zip, as 64 lower-case hexadecimal digits.
    const std::string& sha256() const noexcept { return contents_->sha256; }
    /// What `bootstrap` is for; nothing if it is a script, no ELF executable, or not there.
    std::optional<Architecture> architecture() const noexcept { return contents_->architecture; }
    /// The oldest glibc that `bootstrap` starts with; nothing if it needs none, see `elf_needed_glibc`.
    std::optional<GlibcVersion> needed_glibc() const noexcept { return contents_->needed_glibc; }
    /// The unpacked size of `bootstrap`; 0 if there is none.
    std::uint64_t binary_size_bytes() const noexcept { return contents_->binary_size_bytes; }

    friend bool operator==(const Package& a, const Package& b) noexcept { return a.sha256() == b.sha256(); }

private:
    struct Contents {
        std::shared_ptr<const Bytes> zip{};
        std::string sha256{};
        std::optional<Architecture> architecture{};
        std::optional<GlibcVersion> needed_glibc{};
        std::uint64_t binary_size_bytes = 0;
    };
    explicit Package(Contents contents) : contents_{std::make_shared<const Contents>(std::move(contents))} {}
    static Package make(Bytes zip, std::optional<Architecture> architecture, std::span<const std::uint8_t> binary);

    std::shared_ptr<const Contents> contents_;
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/package.ipp"
#endif

#endif
