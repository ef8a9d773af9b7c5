#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_SERVICE_CONFIG_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_SERVICE_CONFIG_IPP

#include "blueprint/faas/codec/gcp_service_config.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/package/package.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_service_config {

using gcp_reading::for_people;
using gcp_reading::refused;

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_small(char c) noexcept { return c >= 'a' && c <= 'z'; }
constexpr bool is_letter(char c) noexcept { return is_small(c) || (c >= 'A' && c <= 'Z'); }

// A decimal number, and what stands behind it.
struct Quantity {
    std::uint64_t whole = 0;
    std::uint32_t millionths = 0;
    std::string_view suffix{};
};
BLUEPRINT_FAAS_COLD inline std::optional<Quantity> read_quantity(std::string_view text) {
    static constexpr std::size_t most_digits = 15;
    Quantity out;
    std::size_t at = 0;
    for (; at < text.size() && is_digit(text[at]); ++at) {
        if (at == most_digits) return std::nullopt;
        out.whole = out.whole * 10 + static_cast<std::uint64_t>(text[at] - '0');
    }
    bool any = at != 0;
    if (at < text.size() && text[at] == '.') {
        std::uint32_t weight = 100'000;
        for (++at; at < text.size() && is_digit(text[at]); ++at, weight /= 10, any = true)
            out.millionths += weight * static_cast<std::uint32_t>(text[at] - '0');
    }
    if (!any) return std::nullopt;
    out.suffix = text.substr(at);
    return out;
}

// Source: Cloud Run documentation, "Container runtime contract", environment variables; Cloud Run functions
// documentation, "Configure environment variables", reserved ones.
BLUEPRINT_FAAS_COLD inline bool reserved_variable(std::string_view name) {
    static constexpr std::array<std::string_view, 6> names{"PORT",          "FUNCTION_TARGET",
                                                           "FUNCTION_NAME", "FUNCTION_SIGNATURE_TYPE",
                                                           "CLOUD_RUN_JOB", "CLOUD_RUN_TIMEOUT_SECONDS"};
    return std::find(names.begin(), names.end(), name) != names.end() || name.starts_with("K_") ||
           name.starts_with("X_GOOGLE_");
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> environment_refused(const FaasConfig& config) {
    static constexpr std::size_t most = 1000;
    static constexpr std::size_t longest = 32U << 10U;
    if (config.env_vars.size() >= most)
        return refused("there are " + std::to_string(config.env_vars.size()) +
                       " environment variables, and Google takes 1000, one of which is ours");
    for (const auto& [name, value] : config.env_vars) {
        const auto variable = "the environment variable '" + for_people(name) + "' ";
        const bool fit =
            !name.empty() && (is_letter(name.front()) || name.front() == '_') &&
            std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
        if (!fit) return refused(variable + "has no name that Google takes: use letters, digits and '_'");
        if (reserved_variable(name)) return refused(variable + "is set by Google itself, it cannot be chosen");
        if (name.starts_with("BLUEPRINT_"))
            return refused(variable + "cannot be chosen: names that begin with BLUEPRINT_ are this library's own");
        if (!is_utf8(value.reveal()) || value.reveal().find('\0') != std::string_view::npos)
            return refused(variable + "has a value that is no UTF-8 text");
        if (value.size() > longest)
            return refused(variable + "has " + std::to_string(value.size()) + " bytes, and Google takes 32768");
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline std::size_t characters(std::string_view utf8) {
    return static_cast<std::size_t>(std::count_if(
        utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}
// Letters of other languages are allowed, capitals of ours are not.
BLUEPRINT_FAAS_COLD inline bool fit_label(std::string_view text) {
    return is_utf8(text) && characters(text) <= 63 && std::all_of(text.begin(), text.end(), [](char c) {
               return is_small(c) || is_digit(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
           });
}
BLUEPRINT_FAAS_COLD inline std::optional<Error> labels_refused(const GoogleCloudOptions& options) {
    static constexpr std::size_t most = 56;  // Google takes 64, and some are ours
    if (options.labels.size() > most)
        return refused("GoogleCloudOptions::labels has " + std::to_string(options.labels.size()) +
                       ", and beside ours Google takes " + std::to_string(most));
    for (const auto& [key, value] : options.labels) {
        const auto label = "GoogleCloudOptions::labels: '" + for_people(key) + "' ";
        if (key.empty() || !fit_label(key) || is_digit(key.front()) || key.front() == '-' || key.front() == '_')
            return refused(label + "is no key: use up to 63 small letters, digits, '-' and '_', a letter first");
        if (key == "managed-by" || key.starts_with("blueprint-") || key.starts_with("goog"))
            return refused(label + "cannot be chosen: it is this library's or Google's own");
        if (!fit_label(value))
            return refused(label + "has no value that Google takes: use up to 63 small letters, digits, '-' and '_'");
    }
    return std::nullopt;
}

// How many processors a memory needs at least, and how much memory so many of them need.
// Source: Cloud Run documentation, "Configure memory limits" and "Configure CPU limits".
struct CpuRule {
    std::uint32_t memory_above_mib;
    std::uint32_t milli_cpu;
};
inline constexpr std::array<CpuRule, 6> least_cpu{
    {{24'576, 8000}, {16'384, 6000}, {8192, 4000}, {4096, 2000}, {1024, 1000}, {512, 500}}};
inline constexpr std::array<CpuRule, 3> least_memory{{{4096, 8000}, {4096, 6000}, {2048, 4000}}};

BLUEPRINT_FAAS_COLD inline std::uint32_t cpu_for(std::uint32_t memory_mib) {
    for (const auto& rule : least_cpu)
        if (memory_mib > rule.memory_above_mib) return rule.milli_cpu;
    return 80;
}
BLUEPRINT_FAAS_COLD inline std::string cpu_text(std::uint32_t milli) {
    return milli % 1000 == 0 ? std::to_string(milli / 1000) : std::to_string(milli) + 'm';
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> cpu_refused(const GoogleServiceConfig& config) {
    const auto cpu = "GoogleCloudOptions::cpu is " + config.cpu;
    static constexpr std::array<std::uint32_t, 5> whole{1000, 2000, 4000, 6000, 8000};
    const auto milli = config.milli_cpu;
    const bool is_whole = std::find(whole.begin(), whole.end(), milli) != whole.end();
    if (!is_whole && (milli < 80 || milli >= 1000 || milli % 10 != 0))
        return refused(cpu + ", and Google has 0.08 to 0.99 in hundredths, and 1, 2, 4, 6 and 8");
    if (milli < cpu_for(config.memory_mib))
        return refused(cpu + ", and memory_mib " + std::to_string(config.memory_mib) + " needs at least " +
                       cpu_text(cpu_for(config.memory_mib)));
    for (const auto& rule : least_memory)
        if (milli >= rule.milli_cpu && config.memory_mib < rule.memory_above_mib)
            return refused(cpu + ", which needs a memory_mib of at least " + std::to_string(rule.memory_above_mib));
    if (milli < 1000 && config.concurrency > 1)
        return refused(cpu + ", and less than one processor takes one call at a time: instance_concurrency is " +
                       std::to_string(config.concurrency));
    return std::nullopt;
}

// How many calls at a time an instance takes, and how many instances there may be: together they are what was asked
// for, exactly (G6).
BLUEPRINT_FAAS_COLD inline std::optional<Error> set_instances(GoogleServiceConfig& out,
                                                              const GoogleCloudOptions& options,
                                                              const FaasConfig& config) {
    static constexpr std::uint32_t most_concurrent = 1000;
    if (options.instance_concurrency < 1 || options.instance_concurrency > most_concurrent)
        return refused("GoogleCloudOptions::instance_concurrency is " + std::to_string(options.instance_concurrency) +
                       ", and Google takes 1 to 1000");
    out.concurrency = options.instance_concurrency;
    out.max_instances = options.max_instances;
    if (config.max_concurrency) {
        const auto calls = *config.max_concurrency;
        if (calls == 0) return refused("max_concurrency is 0, which would block every call; undeploy the job instead");
        out.concurrency = std::min(out.concurrency, calls);
        if (const auto rest = calls % out.concurrency; rest != 0)
            return refused("max_concurrency is " + std::to_string(calls) + ", and instances that take " +
                           std::to_string(out.concurrency) + " calls at a time (instance_concurrency) make " +
                           std::to_string(calls - rest) + " or " +
                           std::to_string(std::uint64_t{calls} - rest + out.concurrency) + "; choose one of these");
        out.max_instances = calls / out.concurrency;
    } else if (options.max_instances == 0) {
        return refused(
            "GoogleCloudOptions::max_instances is 0, which would block every call; undeploy the job instead");
    }
    out.min_instances = config.keep_warm;
    if (out.min_instances > out.max_instances)
        return refused("keep_warm is " + std::to_string(config.keep_warm) + ", which is more than the " +
                       std::to_string(out.max_instances) + " instances that there may be (" +
                       (config.max_concurrency ? "max_concurrency" : "GoogleCloudOptions::max_instances") + ')');
    return std::nullopt;
}

}  // namespace gcp_service_config

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<std::uint64_t> read_memory_bytes(std::string_view text) {
    struct Unit {
        std::string_view suffix;
        std::uint64_t bytes;
    };
    static constexpr std::array<Unit, 9> units{{{"", 1},
                                                {"k", 1000},
                                                {"M", 1'000'000},
                                                {"G", 1'000'000'000},
                                                {"T", 1'000'000'000'000},
                                                {"Ki", 1ULL << 10U},
                                                {"Mi", 1ULL << 20U},
                                                {"Gi", 1ULL << 30U},
                                                {"Ti", 1ULL << 40U}}};
    const auto quantity = gcp_service_config::read_quantity(text);
    if (!quantity) return std::nullopt;
    for (const auto& unit : units) {
        if (unit.suffix != quantity->suffix) continue;
        if (quantity->whole > std::numeric_limits<std::uint64_t>::max() / unit.bytes / 2) return std::nullopt;
        return quantity->whole * unit.bytes + quantity->millionths * unit.bytes / 1'000'000;
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<std::uint32_t> read_milli_cpu(std::string_view text) {
    static constexpr std::uint64_t most = 1000;
    const auto quantity = gcp_service_config::read_quantity(text);
    if (!quantity || quantity->whole > most * most) return std::nullopt;
    if (quantity->suffix == "m") return static_cast<std::uint32_t>(quantity->whole);
    if (!quantity->suffix.empty() || quantity->whole > most) return std::nullopt;
    return static_cast<std::uint32_t>(quantity->whole * 1000) + quantity->millionths / 1000;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<GoogleServiceConfig> google_service_config(
    const GoogleCloudOptions& options, const FaasConfig& config, const GoogleDeployed& what) {
    using namespace gcp_service_config;
    static constexpr std::uint32_t least_memory_mib = 128;
    static constexpr std::uint32_t most_memory_mib = 32'768;
    GoogleServiceConfig out;
    if (config.memory_mib < least_memory_mib || config.memory_mib > most_memory_mib)
        return refused("memory_mib is " + std::to_string(config.memory_mib) + ", and Google takes 128 to 32768");
    out.memory_mib = config.memory_mib;
    out.memory = std::to_string(config.memory_mib) + "Mi";
    if (config.timeout.count() < 1 || config.timeout.count() > 3600)
        return refused("timeout is " + std::to_string(config.timeout.count()) + " s, and Google takes 1 to 3600");
    out.timeout = config.timeout;
    if (auto problem = set_instances(out, options, config)) return std::move(*problem);
    if (options.cpu.empty()) {
        out.milli_cpu = std::max(cpu_for(out.memory_mib), std::uint32_t{1000});
    } else if (const auto milli = read_milli_cpu(options.cpu)) {
        out.milli_cpu = *milli;
    } else {
        return refused("GoogleCloudOptions::cpu is no number of processors, such as 1, 0.5 or 500m");
    }
    out.cpu = cpu_text(out.milli_cpu);
    if (auto problem = cpu_refused(out)) return std::move(*problem);
    if (auto problem = environment_refused(config)) return std::move(*problem);
    out.environment = config.env_vars;
    out.environment.insert_or_assign("BLUEPRINT_CONCURRENCY", Secret{std::to_string(out.concurrency)});
    if (auto problem = labels_refused(options)) return std::move(*problem);
    static constexpr std::size_t half = 32;
    out.labels = options.labels;
    out.labels["managed-by"] = "blueprint-faas";
    out.labels["blueprint-job"] = std::to_string(what.job.value());
    if (!what.package_sha256.empty()) {
        out.labels["blueprint-package-1"] = what.package_sha256.substr(0, half);
        out.labels["blueprint-package-2"] = what.package_sha256.substr(half);
    }
    if (!options.service_account.empty() && options.service_account.find('@') == std::string::npos)
        return refused(
            "GoogleCloudOptions::service_account is no email, such as jobs@my-project.iam.gserviceaccount.com");
    out.service_account = options.service_account;
    if (!options.ingress.starts_with("INGRESS_TRAFFIC_"))
        return refused("GoogleCloudOptions::ingress is none, such as INGRESS_TRAFFIC_ALL");
    out.ingress = options.ingress;
    for (const auto& member : options.invokers)
        if (member != "allUsers" && member != "allAuthenticatedUsers" && member.find(':') == std::string::npos)
            return refused("GoogleCloudOptions::invokers: '" + for_people(member) +
                           "' is nobody's name; write serviceAccount:EMAIL, user:EMAIL, group:EMAIL or allUsers");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> google_package_problem(const Package& package,
                                                                                    GlibcVersion present,
                                                                                    std::string_view where) {
    using gcp_reading::refused;
    if (package.binary_size_bytes() == 0)
        return refused("the package has no file bootstrap, which is what an instance starts");
    if (package.architecture() && *package.architecture() != Architecture::x86_64)
        return refused("the package is for " + std::string{to_string(*package.architecture())} +
                       ", and Google runs x86_64 alone; build the program for that");
    const auto too_new = glibc_problem(package.needed_glibc(), present, where);
    if (!too_new.empty()) return refused("the package's bootstrap " + too_new);
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string labelled_package(const std::map<std::string, std::string>& labels) {
    const auto first = labels.find("blueprint-package-1");
    const auto second = labels.find("blueprint-package-2");
    return first == labels.end() || second == labels.end() ? std::string{} : first->second + second->second;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool same_environment(const std::map<std::string, Secret, std::less<>>& wanted,
                                                              const std::map<std::string, Secret, std::less<>>& there) {
    for (const auto& [name, value] : wanted) {
        const auto found = there.find(name);
        if (found == there.end() || !(found->second == value)) return false;
    }
    return std::all_of(there.begin(), there.end(),
                       [&](const auto& one) { return wanted.contains(one.first) || one.first == "LOG_EXECUTION_ID"; });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool has_labels(const std::map<std::string, std::string>& wanted,
                                                        const std::map<std::string, std::string>& there) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
        const auto found = there.find(label.first);
        return found != there.end() && found->second == label.second;
    });
}

}  // namespace blueprint::faas::detail

#endif
