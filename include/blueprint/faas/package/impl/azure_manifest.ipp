#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_AZURE_MANIFEST_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_AZURE_MANIFEST_IPP

#include "blueprint/faas/package/azure_manifest.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_manifest {

namespace json = boost::json;

inline constexpr std::uint64_t version = 1;

BLUEPRINT_FAAS_COLD inline Error unreadable(std::string_view what) {
    return Error{.code = errc::serialization,
                 .message = "the manifest of the site is not as this library writes it: " + std::string{what},
                 .execution = Execution::not_started};
}

// Never more than JSON can say: a number beyond it is wrong.
template <class T>
std::optional<T> number(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr) return std::nullopt;
    std::uint64_t found = 0;
    if (const auto* i = value->if_int64(); i != nullptr && *i >= 0)
        found = static_cast<std::uint64_t>(*i);
    else if (const auto* u = value->if_uint64())
        found = *u;
    else
        return std::nullopt;
    if (found > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return std::nullopt;
    return static_cast<T>(found);
}

inline std::string_view text(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    const auto* found = value != nullptr ? value->if_string() : nullptr;
    return found != nullptr ? std::string_view{found->data(), found->size()} : std::string_view{};
}

inline bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

inline std::optional<JobId> job_id(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (text.size() > 1 && text.front() == '0') return std::nullopt;  // one number has one text
    return JobId{number};
}

BLUEPRINT_FAAS_COLD inline std::optional<AzureManifestJob> job(const json::object& object) {
    AzureManifestJob out;
    out.package_sha256 = text(object, "package");
    const auto memory = number<std::uint32_t>(object, "memory_mib");
    const auto timeout = number<std::uint32_t>(object, "timeout_s");
    const auto* const env = object.if_contains("env");
    if (!is_hex(out.package_sha256, 64) || text(object, "program") != out.program() || !memory || !timeout ||
        env == nullptr || !env->is_array())
        return std::nullopt;
    out.memory_mib = *memory;
    out.timeout = std::chrono::seconds{*timeout};
    out.keep_warm = number<std::uint32_t>(object, "keep_warm").value_or(0);
    out.max_concurrency = number<std::uint32_t>(object, "max_concurrency").value_or(0);
    out.binary_bytes = number<std::uint64_t>(object, "binary_bytes").value_or(0);
    for (const auto& one : env->get_array()) {
        const auto* const name = one.if_string();
        if (name == nullptr) return std::nullopt;
        out.env.emplace_back(name->data(), name->size());
    }
    std::sort(out.env.begin(), out.env.end());
    return out;
}

}  // namespace azure_manifest

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string to_text(const AzureManifest& manifest) {
    namespace json = boost::json;
    json::object jobs;
    for (const auto& [id, one] : manifest.jobs) {
        json::array env;
        for (const auto& name : one.env) env.emplace_back(name);
        jobs.emplace(std::to_string(id.value()), json::object{{"program", one.program()},
                                                              {"package", one.package_sha256},
                                                              {"memory_mib", one.memory_mib},
                                                              {"timeout_s", one.timeout.count()},
                                                              {"keep_warm", one.keep_warm},
                                                              {"max_concurrency", one.max_concurrency},
                                                              {"env", std::move(env)},
                                                              {"binary_bytes", one.binary_bytes}});
    }
    return json::serialize(
        json::object{{"version", azure_manifest::version}, {"front", manifest.front}, {"jobs", std::move(jobs)}});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureManifest> read_azure_manifest(std::string_view text) {
    using namespace azure_manifest;
    boost::system::error_code failed;
    const auto parsed = json::parse(json::string_view{text.data(), text.size()}, failed);
    if (failed || !parsed.is_object()) return unreadable("it is no JSON object");
    const auto& object = parsed.get_object();
    const auto form = number<std::uint64_t>(object, "version");
    if (!form || *form == 0) return unreadable("it tells no version");
    if (*form != version)
        return Error{.code = errc::unsupported,
                     .message = "the manifest of the site has the version " + std::to_string(*form) +
                                ", and this library knows 1: a newer version of it deployed the app, use that one",
                     .execution = Execution::not_started};
    const auto* const jobs = object.if_contains("jobs");
    if (jobs == nullptr || !jobs->is_object()) return unreadable("it has no jobs");
    AzureManifest manifest;
    manifest.front = azure_manifest::text(object, "front");
    bool front_is_there = manifest.front.empty() && jobs->get_object().empty();
    for (const auto& member : jobs->get_object()) {
        const std::string_view key{member.key().data(), member.key().size()};
        const auto id = job_id(key);
        auto read = member.value().is_object() ? job(member.value().get_object()) : std::nullopt;
        if (!id) return unreadable("one of its jobs has no number");
        if (!read) return unreadable("its job " + std::string{key} + " lacks something");
        front_is_there = front_is_there || read->program() == manifest.front;
        manifest.jobs.emplace(*id, std::move(*read));
    }
    if (!front_is_there) return unreadable("no job has the program that is to be started");
    return manifest;
}

}  // namespace blueprint::faas::detail

#endif
