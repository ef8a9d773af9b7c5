#ifndef BLUEPRINT_FAAS_PACKAGE_AZURE_SITE_HPP
#define BLUEPRINT_FAAS_PACKAGE_AZURE_SITE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/package/azure_manifest.hpp"
#include "blueprint/faas/package/zip.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace blueprint::faas {
class Package;
}

namespace blueprint::faas::detail {

/// The name of the one function that stands for all jobs, and its route below `/api/`.
inline constexpr std::string_view azure_function_name = "run";

/// What a zip of a site may have at most. Source: App Service documentation, "Deploy files to Azure App Service".
inline constexpr std::uint64_t azure_site_bytes = 2048ULL << 20;

/// Says why the programs of `package` cannot run in a function app on Linux: it has no `bootstrap`, is for another
/// processor than x86_64, or its `bootstrap` is neither a program nor a script.
BLUEPRINT_FAAS_DECL result<void> check_azure_package(const Package& package);

/// Returns the digest that tells sites apart: SHA-256 of the manifest's text, in lower-case hexadecimal digits.
BLUEPRINT_FAAS_DECL std::string azure_site_digest(const AzureManifest& manifest);

/// Puts a job in, in the place of what it was before; the others stay (Z7). If that changes anything, the host starts
/// the job's program from then on. `errc::conflict`: another package has a digest that begins alike.
BLUEPRINT_FAAS_DECL result<void> add_azure_job(AzureManifest& manifest, JobId id, AzureManifestJob job);

/// Takes a job out, and tells whether it was there. If nobody has the program that the host starts any more, it is that
/// of the job with the lowest number.
BLUEPRINT_FAAS_DECL bool remove_azure_job(AzureManifest& manifest, JobId id);

/// Returns the longest time that a job may take; 0 where there is none.
BLUEPRINT_FAAS_DECL std::chrono::seconds azure_function_timeout(const AzureManifest& manifest);

/// Writes `host.json`: the custom handler, which is the front program, and the longest time that a job may take. The
/// program is named from the app's root on: that is where the host looks for it, whatever the working directory is.
/// Of a site without jobs it has neither.
/// Source: Azure Functions documentation, "host.json reference" and "Azure Functions custom handlers" (Z6).
BLUEPRINT_FAAS_DECL std::string azure_host_json(const AzureManifest& manifest);

/// Writes `run/function.json`: one HTTP trigger and its answer, with a key of the function (Z6).
BLUEPRINT_FAAS_DECL std::string azure_function_json();

/// The packages of a site's jobs, by their digests.
using AzurePackages = std::map<std::string, std::shared_ptr<const Bytes>, std::less<>>;

/// Makes the zip that holds all jobs of the app: `host.json`, `run/function.json`, the manifest with its digest, and
/// the files of each program once, below `programs/`. Programs are 0755, all else 0644 (pitfalls 1 and 3), so nothing
/// has to be done to a file before it is used: the site cannot be written to where it runs (pitfall 2). The same jobs
/// give the same bytes. `errc::invalid_configuration`: a package is not there, is another one than its name says, or
/// cannot be unpacked, or the zip has more than `limit` bytes ("TOO_LARGE").
/// Source: Azure Functions documentation, "Azure Functions custom handlers", "Deploying"; PKWARE APPNOTE.TXT 6.3.10.
BLUEPRINT_FAAS_DECL result<Bytes> azure_site_zip(const AzureManifest& manifest, const AzurePackages& packages,
                                                 std::uint64_t limit = azure_site_bytes);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/package/impl/azure_site.ipp"
#endif

#endif
