#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_AZURE_SITE_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_AZURE_SITE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/package/azure_site.hpp"
#include "blueprint/faas/package/elf.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/package.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace azure_site {

// "00:03:50"; `functionTimeout` is a time of day in .NET's form.
BLUEPRINT_FAAS_COLD inline std::string time_span(std::chrono::seconds length) {
    const std::chrono::hh_mm_ss time{length};
    const auto two = [](auto number) {
        const auto text = std::to_string(number);
        return text.size() < 2 ? '0' + text : text;
    };
    return two(time.hours().count()) + ':' + two(time.minutes().count()) + ':' + two(time.seconds().count());
}

BLUEPRINT_FAAS_COLD inline result<std::vector<ZipFile>> files_of(std::string_view sha256,
                                                                 const AzurePackages& packages) {
    const auto found = packages.find(sha256);
    const auto named = "the package " + std::string{sha256.substr(0, 16)};
    if (found == packages.end() || !found->second) return zip_refused(named + " of the site is not there");
    const auto& zip = *found->second;
    if (sha256_hex(zip) != sha256) return zip_refused(named + " is another one than its name says");
    ZipLimits limits;
    limits.compressed_bytes = zip.size();
    auto files = read_zip(zip, limits);
    if (files) return files;
    auto error = std::move(files).error();
    error.message.insert(0, named + ": ");
    return error;
}

}  // namespace azure_site

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> check_azure_package(const Package& package) {
    if (package.binary_size_bytes() == 0)
        return zip_refused("the package holds no program: its 'bootstrap' is what Azure's host starts");
    if (const auto architecture = package.architecture()) {
        if (*architecture == Architecture::x86_64) return {};
        return zip_refused("the package's bootstrap is for " + std::string{to_string(*architecture)} +
                           ", and Azure Functions has x86_64 alone: build it for linux/amd64");
    }
    ZipLimits limits;
    limits.compressed_bytes = package.size_bytes();
    const auto files = read_zip(*package.zip(), limits);
    if (!files) return files.error();
    for (const auto& file : *files)
        if (file.path == "bootstrap" && file.data.size() >= 2 && file.data[0] == '#' && file.data[1] == '!') return {};
    return zip_refused(
        "the package's bootstrap is neither a program for Linux nor a script, so Azure's host cannot start it");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string azure_site_digest(const AzureManifest& manifest) {
    return sha256_hex(bytes_of(to_text(manifest)));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> add_azure_job(AzureManifest& manifest, JobId id,
                                                                   AzureManifestJob job) {
    for (const auto& [other, there] : manifest.jobs)
        if (other != id && there.program() == job.program() && there.package_sha256 != job.package_sha256)
            return Error{.code = errc::conflict,
                         .message = "the package of job " + std::to_string(id.value()) +
                                    " has a digest that begins like that of job " + std::to_string(other.value()) +
                                    ": change anything in one of them",
                         .execution = Execution::not_started};
    std::sort(job.env.begin(), job.env.end());
    const auto there = manifest.jobs.find(id);
    if (there != manifest.jobs.end() && there->second == job) return {};
    manifest.front = job.program();
    manifest.jobs.insert_or_assign(id, std::move(job));
    return {};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool remove_azure_job(AzureManifest& manifest, JobId id) {
    if (manifest.jobs.erase(id) == 0) return false;
    const bool has_front = std::any_of(manifest.jobs.begin(), manifest.jobs.end(),
                                       [&](const auto& one) { return one.second.program() == manifest.front; });
    if (!has_front) manifest.front = manifest.jobs.empty() ? "" : manifest.jobs.begin()->second.program();
    return true;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::chrono::seconds azure_function_timeout(const AzureManifest& manifest) {
    std::chrono::seconds longest{};
    for (const auto& [id, job] : manifest.jobs) longest = std::max(longest, job.timeout);
    return longest;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string azure_host_json(const AzureManifest& manifest) {
    namespace json = boost::json;
    json::object host{{"version", "2.0"}, {"extensions", {{"http", {{"routePrefix", "api"}}}}}};
    if (!manifest.jobs.empty()) {
        const auto folder = AzureManifest::folder_of(manifest.front);
        host.emplace("functionTimeout", azure_site::time_span(azure_function_timeout(manifest)));
        host.emplace("customHandler",
                     json::object{{"description",
                                   {{"defaultExecutablePath", folder + "/bootstrap"}, {"workingDirectory", folder}}},
                                  {"enableForwardingHttpRequest", true}});
    }
    return json::serialize(host);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string azure_function_json() {
    return R"({"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":"function",)"
           R"("methods":["get","post"],"route":"run"},{"type":"http","direction":"out","name":"res"}]})";
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Bytes> azure_site_zip(const AzureManifest& manifest,
                                                                     const AzurePackages& packages,
                                                                     std::uint64_t limit) {
    ZipWriter writer;
    const auto add_text = [&](std::string_view path, const std::string& text) {
        return writer.add(path, bytes_of(text), 0644);
    };
    if (const auto added = add_text("host.json", azure_host_json(manifest)); !added) return added.error();
    if (!manifest.jobs.empty())
        if (const auto added = add_text("run/function.json", azure_function_json()); !added) return added.error();
    if (const auto added = add_text(AzureManifest::path, to_text(manifest)); !added) return added.error();
    if (const auto added = add_text(AzureManifest::digest_path, azure_site_digest(manifest)); !added)
        return added.error();
    std::set<std::string_view> done;
    for (const auto& [id, job] : manifest.jobs) {
        if (!done.insert(job.package_sha256).second) continue;
        auto files = azure_site::files_of(job.package_sha256, packages);
        if (!files) return std::move(files).error();
        const auto folder = AzureManifest::folder_of(job.program()) + '/';
        for (const auto& file : *files) {
            const bool executable = file.mode == 0755 || file.path == "bootstrap";
            if (const auto added = writer.add(folder + file.path, file.data, executable ? 0755 : 0644); !added)
                return added.error();
        }
    }
    auto zip = writer.finish();
    if (zip.size() > limit)
        return zip_too_large("the site of the app has " + std::to_string(zip.size()) +
                             " bytes with all its jobs, and " + "Azure takes at most " + std::to_string(limit) +
                             ": strip the programs, or give some jobs an app of their own");
    return zip;
}

}  // namespace blueprint::faas::detail

#endif
