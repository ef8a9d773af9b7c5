#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_WANTED_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_WANTED_IPP

// What a deployment is to bring about, what has to be done for it, and what refusals of it mean.

#include "blueprint/faas/codec/aws_lambda_control.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_reading.hpp"
#include "blueprint/faas/codec/impl/wiped_json.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/package/package.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::detail {

namespace lambda_control {

using lambda_protocol::for_people;
using lambda_protocol::refused;

constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// arn:aws:iam::123456789012:role/name. Source: AWS Lambda API reference, "CreateFunction", Role.
inline bool valid_role(std::string_view role) {
    const auto drop = [&](std::string_view start) {
        const bool starts = role.starts_with(start);
        if (starts) role.remove_prefix(start.size());
        return starts;
    };
    if (!drop("arn:aws")) return false;
    while (!role.empty() && (is_letter(role.front()) || role.front() == '-')) role.remove_prefix(1);
    if (!drop(":iam::") || role.size() < 12 || !std::all_of(role.begin(), role.begin() + 12, is_digit)) return false;
    role.remove_prefix(12);
    if (!drop(":role")) return false;
    drop("/");
    return !role.empty() && std::all_of(role.begin(), role.end(), [](char c) {
        return is_letter(c) || is_digit(c) || std::string_view{"+=,.@-_/"}.find(c) != std::string_view::npos;
    });
}

inline bool valid_variable(std::string_view name) {
    return name.size() >= 2 && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

// Source: AWS Lambda Developer Guide, "Defined runtime environment variables".
inline bool reserved_variable(std::string_view name) {
    static constexpr std::array<std::string_view, 18> names{"AWS_ACCESS_KEY",
                                                            "AWS_ACCESS_KEY_ID",
                                                            "AWS_DEFAULT_REGION",
                                                            "AWS_EXECUTION_ENV",
                                                            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                                            "AWS_LAMBDA_FUNCTION_NAME",
                                                            "AWS_LAMBDA_FUNCTION_VERSION",
                                                            "AWS_LAMBDA_INITIALIZATION_TYPE",
                                                            "AWS_LAMBDA_LOG_GROUP_NAME",
                                                            "AWS_LAMBDA_LOG_STREAM_NAME",
                                                            "AWS_LAMBDA_RUNTIME_API",
                                                            "AWS_REGION",
                                                            "AWS_SECRET_ACCESS_KEY",
                                                            "AWS_SESSION_TOKEN",
                                                            "LAMBDA_RUNTIME_DIR",
                                                            "LAMBDA_TASK_ROOT",
                                                            "_HANDLER",
                                                            "_X_AMZN_TRACE_ID"};
    return std::find(names.begin(), names.end(), name) != names.end();
}

inline std::size_t characters(std::string_view utf8) {
    return static_cast<std::size_t>(std::count_if(
        utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

inline std::optional<Error> environment_refused(const FaasConfig& config) {
    static constexpr std::size_t most_bytes = 4096;
    LambdaBody written;
    WipedJson json{written.bytes()};
    for (const auto& [name, value] : config.env_vars) {
        const auto variable = "the environment variable '" + for_people(name) + "' ";
        if (reserved_variable(name)) return refused(variable + "is set by Lambda itself, it cannot be chosen");
        if (!valid_variable(name))
            return refused(variable +
                           "has no name that Lambda takes: use letters, digits and '_', at least two of "
                           "them, a letter first");
        if (!is_utf8(value.reveal()) || value.reveal().find('\0') != std::string_view::npos)
            return refused(variable + "has a value that is no UTF-8 text");
        json.member(name, value.reveal());
    }
    json.end();
    if (written.bytes().size() > most_bytes)
        return refused("the environment has " + std::to_string(written.bytes().size()) +
                       " bytes, names, quotes and commas included, and Lambda takes " + std::to_string(most_bytes) +
                       "; put what is large into the package or a secret store");
    return std::nullopt;
}

inline std::optional<Error> options_refused(const LambdaOptions& options) {
    if (options.role_arn.empty())
        return refused(
            "LambdaOptions::role_arn is empty; functions run as a role, such as "
            "arn:aws:iam::123456789012:role/name");
    if (!valid_role(options.role_arn))
        return refused("LambdaOptions::role_arn is no role's ARN, such as arn:aws:iam::123456789012:role/name");
    if (!is_utf8(options.description) || characters(options.description) > 256)
        return refused("LambdaOptions::description has more than 256 characters, or is no UTF-8 text");
    // "Zipped size must be smaller than 52428800 bytes".
    if (options.inline_bytes > 52'428'800)
        return refused("LambdaOptions::inline_bytes is " + std::to_string(options.inline_bytes) +
                       ", and Lambda takes packages below 52,428,800 bytes in requests");
    if (options.tags.size() > 50)
        return refused("LambdaOptions::tags has " + std::to_string(options.tags.size()) + ", and Lambda takes 50");
    for (const auto& [key, value] : options.tags) {
        const auto tag = "LambdaOptions::tags: '" + for_people(key) + "' ";
        if (!is_utf8(key) || key.empty() || characters(key) > 128)
            return refused(tag + "is no key of 1 to 128 characters");
        if (key.starts_with("aws:")) return refused(tag + "begins with aws:, which AWS keeps for itself");
        if (!is_utf8(value) || characters(value) > 256)
            return refused(tag + "has a value of more than 256 characters, or that is no UTF-8 text");
    }
    return std::nullopt;
}

inline std::optional<Error> config_refused(const FaasConfig& config, const LambdaOptions& options) {
    if (config.memory_mib < 128 || config.memory_mib > 10'240)
        return refused("memory_mib is " + std::to_string(config.memory_mib) + ", and Lambda takes 128 to 10240");
    if (config.timeout.count() < 1 || config.timeout.count() > 900)
        return refused("timeout is " + std::to_string(config.timeout.count()) + " s, and Lambda takes 1 to 900");
    if (config.max_concurrency == std::uint32_t{0})
        return refused("max_concurrency is 0, which would block every call; undeploy the job instead");
    if (config.keep_warm != 0 && options.alias.empty())
        return refused("keep_warm needs an alias: Lambda keeps no instances of $LATEST; set LambdaOptions::alias");
    if (config.max_concurrency && config.keep_warm > *config.max_concurrency)
        return refused("keep_warm is " + std::to_string(config.keep_warm) + ", which is more than max_concurrency, " +
                       std::to_string(*config.max_concurrency));
    return environment_refused(config);
}

// Lambda's name of it; nothing if it has none.
// Tells whether an origin is AWS's own. Source: AWS General Reference, "AWS Lambda endpoints and quotas".
inline bool is_own_host(std::string_view origin) {
    static constexpr std::array<std::string_view, 6> suffixes{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu",
                                                              ".api.aws",       ".c2s.ic.gov",       ".sc2s.sgov.gov"};
    return std::any_of(suffixes.begin(), suffixes.end(), [&](auto suffix) { return origin.ends_with(suffix); });
}

inline std::string_view architecture_of(const Package& package) {
    if (package.architecture() == Architecture::x86_64) return "x86_64";
    return package.architecture() == Architecture::aarch64 ? "arm64" : "";
}

inline std::string missing_tags(const LambdaWanted& wanted, const LambdaFunction& function) {
    std::string names;
    for (const auto& [key, value] : wanted.tags) {
        const auto there = function.tags.find(key);
        if (there != function.tags.end() && there->second == value) continue;
        names.append(names.empty() ? "" : ", ").append(key);
    }
    return names;
}

}  // namespace lambda_control

BLUEPRINT_FAAS_DECL std::string LambdaSettings::difference(const LambdaSettings& other) const {
    std::string names;
    const auto compare = [&](bool same, std::string_view name) {
        if (!same) names.append(names.empty() ? "" : ", ").append(name);
    };
    compare(role == other.role, "role");
    compare(runtime == other.runtime, "runtime");
    compare(handler == other.handler, "handler");
    compare(description == other.description, "description");
    compare(memory == other.memory, "memory");
    compare(timeout == other.timeout, "timeout");
    compare(!environment_known || !other.environment_known || environment == other.environment, "environment");
    compare(log_format == other.log_format, "log format");
    return names;
}

BLUEPRINT_FAAS_DECL std::vector<LambdaTask> lambda_tasks(const LambdaWanted& wanted, const LambdaFound& found) {
    std::vector<LambdaTask> tasks;
    const auto add = [&](LambdaStep step, std::string why) { tasks.push_back({step, std::move(why)}); };
    const bool aliased = !wanted.alias.empty();
    bool publish = aliased;
    bool moves = aliased;
    if (!found.latest) {
        add(LambdaStep::create, "there is no such function");
        if (wanted.reserved) add(LambdaStep::reserve, "max_concurrency is " + std::to_string(*wanted.reserved));
        if (aliased) add(LambdaStep::publish, "callers reach versions by the alias " + wanted.alias);
    } else {
        const auto& latest = found.latest->configuration;
        const auto unlike = [&](const LambdaConfiguration& there, bool with_description) {
            auto settings = there.settings;
            if (!with_description) settings.description = wanted.settings.description;
            auto names = wanted.settings.difference(settings);
            if (!settings.environment_known)
                names.append(names.empty() ? "" : ", ").append("environment (Lambda does not show the one in place)");
            return names;
        };
        // What counts is what callers get. The description of a version is not the function's.
        const bool live_as_wanted = found.live && wanted.settings.same_code(found.live->settings) &&
                                    unlike(*found.live, false).empty() && found.live->phase() != LambdaPhase::failed &&
                                    latest.settings.description == wanted.settings.description;
        if (!live_as_wanted) {
            const bool failed = latest.phase() == LambdaPhase::failed;
            const auto names = unlike(latest, true);
            if (!names.empty()) {
                add(LambdaStep::configure, "these differ: " + names);
            } else if (failed) {
                add(LambdaStep::configure, latest.status());
            }
            if (latest.settings.code_sha256 != wanted.settings.code_sha256) {
                add(LambdaStep::upload, "the package differs from the one in place");
            } else if (latest.settings.architecture != wanted.settings.architecture) {
                add(LambdaStep::upload, "the architecture differs");
            } else if (failed) {
                add(LambdaStep::upload, latest.status());
            }
        }
        const auto tags = lambda_control::missing_tags(wanted, *found.latest);
        if (!tags.empty()) add(LambdaStep::tag, "these tags differ: " + tags);
        if (wanted.reserved && wanted.reserved != found.latest->reserved)
            add(LambdaStep::reserve, "max_concurrency is " + std::to_string(*wanted.reserved));
        if (!wanted.reserved && found.latest->reserved)
            add(LambdaStep::unreserve, "max_concurrency is not asked for any more");
        publish = aliased && !live_as_wanted;
        if (publish) add(LambdaStep::publish, "the alias " + wanted.alias + " is to reach this version");
        moves = publish || (aliased && !found.alias->other.empty());
        if (moves && !publish)
            add(LambdaStep::route, "the alias " + wanted.alias + " sends a part of the calls elsewhere");
    }
    const auto provisioned = found.provisioned ? found.provisioned->requested : 0;
    const bool in_vain = found.provisioned && found.provisioned->status == "FAILED" && !moves;
    if (wanted.provisioned != 0 && (wanted.provisioned != provisioned || in_vain)) {
        add(LambdaStep::provision, "keep_warm is " + std::to_string(wanted.provisioned));
    } else if (wanted.provisioned != 0 && (moves || found.provisioned->status != "READY")) {
        add(LambdaStep::await_provisioned, "the instances of keep_warm are being made");
    } else if (wanted.provisioned == 0 && found.provisioned) {
        add(LambdaStep::unprovision, "keep_warm is 0");
    }
    if (moves && found.latest && wanted.keep_versions != 0)
        add(LambdaStep::prune, "keep_versions is " + std::to_string(wanted.keep_versions));
    return tasks;
}

BLUEPRINT_FAAS_DECL LambdaRefusal lambda_refusal(const Error& error) {
    const auto says = [&](std::string_view text) { return error.message.find(text) != std::string::npos; };
    if (error.http_status == 412) return LambdaRefusal::outdated;
    if (error.http_status == 409) {
        if (says("pdate is in progress") || says("currently in the following state: Pending"))
            return LambdaRefusal::busy;
        return says("already exist") ? LambdaRefusal::exists : LambdaRefusal::other;
    }
    if (error.http_status != 400 || error.platform_code != "InvalidParameterValueException")
        return LambdaRefusal::other;
    if (says("cannot be assumed by Lambda") || says("The provided execution role does not have permissions to call") ||
        (says("KMS key is invalid for CreateGrant") && says("ARN does not refer to a valid principal")))
        return LambdaRefusal::role;
    if (says("is different from current CodeSHA256")) return LambdaRefusal::outdated;
    return LambdaRefusal::other;
}

BLUEPRINT_FAAS_DECL result<LambdaWanted> LambdaControl::wanted(const Package& package, const FaasConfig& config) const {
    using namespace lambda_control;
    const auto& options = protocol_.options();
    if (auto problem = options_refused(options)) return std::move(*problem);
    if (auto problem = config_refused(config, options)) return std::move(*problem);
    if (package.binary_size_bytes() == 0)
        return refused("the package has no file bootstrap, which is what Lambda starts");
    LambdaWanted wanted;
    auto& settings = wanted.settings;
    settings.architecture = architecture_of(package);
    if (settings.architecture.empty())
        return refused(package.architecture()
                           ? "the package is for " + std::string{to_string(*package.architecture())} +
                                 ", and Lambda runs x86_64 and aarch64 (arm64); build the program for one of them"
                           : "the package's bootstrap is no ELF executable, so nobody knows for which of Lambda's "
                             "architectures it is; deploy a program for x86_64 or aarch64");
    // Elsewhere than at AWS, functions run on whatever that machine has.
    const auto too_new = glibc_problem(package.needed_glibc(), GlibcVersion{2, 34}, "provided.al2023");
    if (!too_new.empty() && is_own_host(protocol_.where())) return refused("the package's bootstrap " + too_new);
    settings.role = options.role_arn;
    settings.description = options.description;
    settings.memory = config.memory_mib;
    settings.timeout = static_cast<std::uint32_t>(config.timeout.count());
    settings.environment = config.env_vars;
    const auto digest = hex_decode(package.sha256());
    settings.code_sha256 = base64_encode(*digest);
    wanted.package_sha256 = package.sha256();
    wanted.zip = package.zip();
    wanted.binary_size_bytes = package.binary_size_bytes();
    wanted.reserved = config.max_concurrency;
    wanted.provisioned = config.keep_warm;
    wanted.tags = options.tags;
    wanted.alias = options.alias;
    wanted.keep_versions = options.keep_versions;
    return wanted;
}

}  // namespace blueprint::faas::detail

#endif
