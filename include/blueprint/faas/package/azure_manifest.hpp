#ifndef BLUEPRINT_FAAS_PACKAGE_AZURE_MANIFEST_HPP
#define BLUEPRINT_FAAS_PACKAGE_AZURE_MANIFEST_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// One job of an Azure function app.
struct AzureManifestJob {
    std::string package_sha256{};  ///< 64 lower-case hexadecimal digits
    std::uint32_t memory_mib = 512;
    std::chrono::seconds timeout{};
    std::uint32_t keep_warm = 0;
    std::uint32_t max_concurrency = 0;  ///< 0: nothing is said of it
    std::vector<std::string> env{};     ///< names alone, sorted
    std::uint64_t binary_bytes = 0;

    /// Returns the folder of its files below `programs/`: the first 16 digits of the package's digest.
    std::string_view program() const noexcept { return std::string_view{package_sha256}.substr(0, 16); }
    friend bool operator==(const AzureManifestJob&, const AzureManifestJob&) = default;
};

/// What an app's site is made of: it stands in the site as `blueprint.json`, and beside the packages in the app's
/// storage as `manifest.json`. Read by the function side too, so it needs nothing but JSON.
struct AzureManifest {
    static constexpr std::string_view path = "blueprint.json";
    /// Holds, in the site, the digest of `blueprint.json` by which a site is told from others: 64 lower-case
    /// hexadecimal digits. So programs can tell which site they are of without a hash function.
    static constexpr std::string_view digest_path = "blueprint.sha256";

    std::string front{};  ///< the program that the host starts: of the job that was deployed last; empty: no job
    std::map<JobId, AzureManifestJob> jobs{};

    /// "programs/0123456789abcdef", where the files of a program stand.
    static std::string folder_of(std::string_view program) { return "programs/" + std::string{program}; }
    friend bool operator==(const AzureManifest&, const AzureManifest&) = default;
};

/// Writes it in the one form that it has, so that equal ones are equal texts:
/// `{"version":1,"front":"0123456789abcdef","jobs":{"0":{"program":…,"package":…,"memory_mib":512,"timeout_s":60,
/// "keep_warm":0,"max_concurrency":0,"env":["NAME"],"binary_bytes":1},"10":…}}`.
BLUEPRINT_FAAS_DECL std::string to_text(const AzureManifest& manifest);

/// Reads what `to_text` writes. Members that are not known pass; `errc::serialization` tells what is wrong.
/// `errc::unsupported`: it was written by a newer version of this library, in a form that is not known here.
BLUEPRINT_FAAS_DECL result<AzureManifest> read_azure_manifest(std::string_view text);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/azure_manifest.ipp"
#endif

#endif
