#ifndef BLUEPRINT_FAAS_LOCAL_PACKAGE_STORE_HPP
#define BLUEPRINT_FAAS_LOCAL_PACKAGE_STORE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/options.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// A directory that is removed, with all that is in it, when its last owner lets go.
class OwnedDirectory {
public:
    explicit OwnedDirectory(std::filesystem::path path) : path_{std::move(path)} {}
    OwnedDirectory(const OwnedDirectory&) = delete;
    OwnedDirectory& operator=(const OwnedDirectory&) = delete;
    ~OwnedDirectory();
    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// A package on disk. Its directory lives as long as a deployment or a process that uses it.
struct StoredPackage {
    std::shared_ptr<OwnedDirectory> directory{};
    std::string sha256{};  ///< of the zip, lower-case hex
    std::uint64_t bootstrap_bytes = 0;
    std::size_t files = 0;  ///< in it
    bool loop = false;      ///< its blueprint.json says {"loop":true}
};

/// Keeps packages and private directories in a fresh subdirectory of the data directory, which nobody else may enter
/// and which goes with the store: deployments do not outlive the server. What a killed server left behind is removed by
/// the next one on the same data directory. One thread (or strand) at a time.
class PackageStore {
public:
    /// `errc::infrastructure` if the directory cannot be made.
    static result<std::unique_ptr<PackageStore>> open(const CloudOptions& options);
    PackageStore(const PackageStore&) = delete;
    PackageStore& operator=(const PackageStore&) = delete;
    ~PackageStore();

    /// Unpacks `zip` into a new directory. A refused package leaves nothing; `Error::platform_code` is the contract's
    /// ("BAD_REQUEST", "TOO_LARGE"). Its `bootstrap` gets mode 0755, and its
    /// `blueprint.json`, if there is one, is read.
    /// Source: custom platform contract, "Package".
    result<StoredPackage> unpack(std::span<const std::uint8_t> zip);
    /// Unpacks `zip`, of at most `compressed_bytes`, into a new directory and leaves everything as it is there: it need
    /// not hold a bootstrap, and one that is not executable stays so. Refusals as above.
    result<StoredPackage> unpack_as_is(std::span<const std::uint8_t> zip, std::uint64_t compressed_bytes);
    /// Makes an empty directory for one process.
    result<std::shared_ptr<OwnedDirectory>> private_directory();
    const std::filesystem::path& root() const noexcept { return root_; }

private:
    PackageStore(std::filesystem::path root, int lock, const CloudOptions& options)
        : root_{std::move(root)}, lock_{lock}, limits_{options.limits}, read_manifest_{!options.strict_1_0} {}

    std::filesystem::path root_;
    int lock_ = -1;  // held as long as the directory is in use
    CloudLimits limits_;
    bool read_manifest_ = true;
    std::uint64_t next_ = 0;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/package_store.ipp"
#endif

#endif
