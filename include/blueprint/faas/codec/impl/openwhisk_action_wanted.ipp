#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACTION_WANTED_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACTION_WANTED_IPP

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/codec/impl/wiped_json.hpp"
#include "blueprint/faas/codec/openwhisk_action.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/package/package.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace openwhisk_wanted {

using answer_reading::for_people;
using Annotations = std::map<std::string, std::string>;

BLUEPRINT_FAAS_COLD inline Error wrong(JobId id, std::string why) {
    return Error{.code = errc::invalid_configuration,
                 .message = answer_reading::job_text(id) + ": " + std::move(why),
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline std::string in_seconds(std::chrono::milliseconds time) {
    const auto count = time.count();
    return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

// An action with `final` takes no call whose parameters have a name that it has itself, so those of calls are not free.
BLUEPRINT_FAAS_COLD inline bool is_of_calls(std::string_view name) {
    static constexpr std::array<std::string_view, 5> names{"job_id", "args", "context", "blueprint", "hold_ms"};
    return std::find(names.begin(), names.end(), name) != names.end();
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> variable_refused(JobId id, std::string_view name, const Secret& value) {
    static constexpr std::size_t longest = 128U << 10U;  // of "NAME=value" and its end, for the program's start
    const auto variable = "the environment variable '" + for_people(name.substr(0, 128)) + "' ";
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const bool fit = !name.empty() && letter(name.front()) &&
                     std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
    if (!fit) return wrong(id, variable + "has no name that programs take: use letters, digits and '_'");
    if (name.starts_with("__OW_"))
        return wrong(id, variable + "is one that OpenWhisk sets itself, it cannot be chosen");
    if (iequals(name.substr(0, 10), "BLUEPRINT_"))
        return wrong(id, variable + "cannot be chosen: names that begin with BLUEPRINT_ are this library's own");
    if (is_of_calls(name)) return wrong(id, variable + "has the name of a parameter of calls, it cannot be chosen");
    if (!is_utf8(value.reveal()) || value.reveal().find('\0') != std::string_view::npos)
        return wrong(id, variable + "has a value that is no UTF-8 text");
    if (name.size() + value.size() + 2 > longest)
        return wrong(id, variable + "has " + std::to_string(value.size()) +
                             " bytes, and programs are not started with more than 128 KiB in one");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> variables_refused(JobId id, const FaasConfig& config) {
    static constexpr std::size_t most = 1U << 20U;
    static constexpr std::size_t around = 32;  // {"key":"","value":"","init":true}
    std::size_t size = 0;
    for (const auto& [name, value] : config.env_vars) {
        if (auto error = variable_refused(id, name, value)) return error;
        size += name.size() + value.size() + around;
    }
    if (size <= most) return std::nullopt;
    return wrong(id, "the environment variables have " + std::to_string(size) +
                         " bytes together, and at most 1 MiB is taken: leave some to a file of the package");
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> limits_refused(JobId id, const FaasConfig& config,
                                                               const OpenWhiskBounds& bounds) {
    const std::string platform{bounds.platform};
    if (config.memory_mib < bounds.min_memory_mib || config.memory_mib > bounds.max_memory_mib)
        return wrong(id, "memory_mib " + std::to_string(config.memory_mib) + " cannot be had: " + platform + " takes " +
                             std::to_string(bounds.min_memory_mib) + " to " + std::to_string(bounds.max_memory_mib));
    const auto longest = std::chrono::floor<std::chrono::seconds>(bounds.max_timeout);
    const auto shortest = std::chrono::ceil<std::chrono::seconds>(bounds.min_timeout);
    if (config.timeout < shortest || config.timeout > longest)
        return wrong(id, "timeout " + std::to_string(config.timeout.count()) + " s cannot be had: " + platform +
                             " takes " + in_seconds(shortest) + " to " + in_seconds(longest) +
                             ", which the start of an instance is part of");
    if (config.max_concurrency)
        return wrong(id, "max_concurrency " + std::to_string(*config.max_concurrency) +
                             " cannot be kept: OpenWhisk bounds the calls of a whole namespace and not those of one "
                             "action; leave it out, and use a rate limit of the executor");
    if (config.keep_warm != 0)
        return wrong(id, "keep_warm " + std::to_string(config.keep_warm) +
                             " cannot be kept: OpenWhisk keeps no instance ready by itself; leave it out, and call "
                             "warm() when it matters");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD inline std::optional<Error> package_refused(JobId id, const Package& package,
                                                                const OpenWhiskBounds& bounds) {
    if (package.binary_size_bytes() == 0)
        return wrong(id, "the package has no file 'bootstrap', which is the program that runs jobs");
    if (bounds.x86_64_only && package.architecture() && *package.architecture() != Architecture::x86_64)
        return wrong(id, "the program is for another processor than " + std::string{bounds.platform} +
                             " has, which is x86-64: build it for that");
    if (package.size_bytes() <= bounds.zip_bytes) return std::nullopt;
    auto error = wrong(id, "the package has " + std::to_string(package.size_bytes()) + " bytes, and at most " +
                               std::to_string(bounds.zip_bytes) +
                               " are taken: it travels as Base64, which is a third longer, and has to stay below the "
                               "48 MiB that OpenWhisk takes; strip the program, or leave data to a storage");
    error.platform_code = "TOO_LARGE";
    return error;
}

BLUEPRINT_FAAS_COLD inline std::string joined_names(const Annotations& annotations) {
    std::string names;
    for (const auto& [name, value] : annotations) names.append(names.empty() ? "" : ",").append(name);
    return names;
}

// The annotations that an earlier deployment put there for the user.
BLUEPRINT_FAAS_COLD inline std::vector<std::string> names_there(const OpenWhiskAction& there) {
    std::vector<std::string> names;
    const auto found = there.annotations.find(std::string{OpenWhiskActions::names_annotation});
    if (found == there.annotations.end()) return names;
    for (std::string_view rest = found->second; !rest.empty();) {
        const auto name = rest.substr(0, rest.find(','));
        if (!name.empty()) names.emplace_back(name);
        rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    return names;
}

// Those of ours and of the user that are there and not wanted any more.
BLUEPRINT_FAAS_COLD inline std::vector<std::string> dropped(const OpenWhiskWanted& wanted,
                                                            const OpenWhiskAction& there) {
    auto names = names_there(there);
    names.emplace_back(OpenWhiskActions::names_annotation);
    std::erase_if(names, [&](const std::string& name) {
        return wanted.annotations.contains(name) || !there.annotations.contains(name);
    });
    return names;
}

// "22" and "1.24" as numbers; nothing if it is anything else.
using Numbers = std::vector<std::uint32_t>;
BLUEPRINT_FAAS_COLD inline std::optional<Numbers> numbers_of(std::string_view version) {
    Numbers out;
    while (true) {
        const auto part = version.substr(0, version.find('.'));
        const bool digits = std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (part.empty() || part.size() > 9 || !digits) return std::nullopt;
        std::uint32_t number = 0;
        for (const char c : part) number = number * 10 + static_cast<std::uint32_t>(c - '0');
        out.push_back(number);
        if (part.size() == version.size()) return out;
        version.remove_prefix(part.size() + 1);
    }
}

BLUEPRINT_FAAS_COLD inline std::string_view family_of(std::string_view kind) { return kind.substr(0, kind.find(':')); }
BLUEPRINT_FAAS_COLD inline std::string_view version_of(std::string_view kind) {
    return kind.substr(std::min(kind.size(), family_of(kind).size() + 1));
}

using Kind = OpenWhiskOffer::Kind;
template <class Visit>
BLUEPRINT_FAAS_COLD void each_kind(const OpenWhiskOffer& offer, Visit visit) {
    for (const auto& [family, kinds] : offer.families)
        for (const auto& kind : kinds) visit(kind);
}

BLUEPRINT_FAAS_COLD inline Error not_offered(const OpenWhiskOffer& offer, std::string why) {
    static constexpr std::size_t longest = 900;
    std::string there;
    bool more = false;
    each_kind(offer, [&](const Kind& kind) {
        if (kind.deprecated) return;
        more = more || there.size() > longest;
        if (!more) there.append(there.empty() ? "" : ", ").append(for_people(kind.kind.substr(0, 64)));
    });
    if (more) there += ", and others";
    return Error{.code = errc::invalid_configuration,
                 .message = std::move(why) + (there.empty() ? "; it offers none" : "; there are " + there) +
                            ": give one of them as OpenWhiskActionOptions::kind",
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline result<std::string> pick_given(const OpenWhiskOffer& offer, const std::string& given) {
    const bool any_default = version_of(given) == "default";
    const Kind* found = nullptr;
    each_kind(offer, [&](const Kind& kind) {
        const bool fits =
            any_default ? kind.is_default && family_of(kind.kind) == family_of(given) : kind.kind == given;
        if (fits) found = &kind;
    });
    if (found == nullptr) return not_offered(offer, "the host does not offer the runtime " + for_people(given));
    if (found->deprecated)
        return not_offered(offer, "the host has given up the runtime " + for_people(found->kind) +
                                      ", actions of it can be read and deleted only");
    return found->kind;
}

BLUEPRINT_FAAS_COLD inline bool is_raw_annotation(std::string_view name) {
    return name == "web-export" || name == "final";
}

BLUEPRINT_FAAS_COLD inline void write_limits(WipedJson& out, const OpenWhiskLimits& limits) {
    auto object = out.object("limits");
    object.member("timeout", limits.timeout_ms);
    object.member("memory", limits.memory_mib);
    object.member("logs", limits.log_mib);
    object.member("concurrency", limits.concurrency);
    object.end();
}

}  // namespace openwhisk_wanted

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> OpenWhiskActions::pick_kind(
    const OpenWhiskOffer& offer, const OpenWhiskActionOptions& options) {
    using namespace openwhisk_wanted;
    if (!options.kind.empty())
        return offer.families.empty() ? result<std::string>{options.kind} : pick_given(offer, options.kind);
    const bool node = options.way == OpenWhiskWay::node;
    const std::string_view family = node ? "nodejs" : "go";
    const Kind* best = nullptr;
    std::optional<Numbers> best_numbers;
    each_kind(offer, [&](const Kind& kind) {
        if (kind.deprecated || family_of(kind.kind) != family || version_of(kind.kind).empty()) return;
        auto numbers = numbers_of(version_of(kind.kind));
        // One whose version is no number is as good as its being the default one.
        const bool better = best == nullptr || (numbers && (!best_numbers || *numbers > *best_numbers)) ||
                            (!numbers && !best_numbers && kind.is_default);
        if (!better) return;
        best = &kind;
        best_numbers = std::move(numbers);
    });
    if (best != nullptr) return best->kind;
    return not_offered(offer, node ? "the host offers no runtime of Node.js" : "the host offers no runtime of Go");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<OpenWhiskWanted> OpenWhiskActions::wanted(
    const OpenWhiskApi& api, JobId id, const Package& package, const FaasConfig& config, std::string kind,
    const OpenWhiskBounds& bounds, std::string_view shim_digest) {
    using namespace openwhisk_wanted;
    if (api.misconfigured()) return *api.misconfigured();
    if (auto error = limits_refused(id, config, bounds)) return std::move(*error);
    if (auto error = variables_refused(id, config)) return std::move(*error);
    if (auto error = package_refused(id, package, bounds)) return std::move(*error);
    OpenWhiskWanted out;
    out.kind = std::move(kind);
    out.main = "main";
    out.limits.timeout_ms = static_cast<std::uint32_t>(std::chrono::milliseconds{config.timeout}.count());
    out.limits.memory_mib = config.memory_mib;
    out.limits.log_mib = api.options().log_mib;
    out.limits.concurrency = api.options().instance_calls;
    out.package_sha256 = package.sha256();
    out.binary_size_bytes = package.binary_size_bytes();
    out.annotations = api.options().annotations;
    if (!out.annotations.empty()) out.annotations.emplace(names_annotation, joined_names(api.options().annotations));
    out.annotations.emplace(package_annotation, package.sha256() + ':' + std::string{shim_digest});
    out.annotations.emplace(size_annotation, std::to_string(package.binary_size_bytes()));
    out.annotations.emplace("web-export", "false");
    out.annotations.emplace("final", "true");
    for (const auto& [name, value] : config.env_vars) out.parameters.push_back({.name = name, .value = value});
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::vector<std::string> OpenWhiskActions::difference(
    const OpenWhiskWanted& wanted, const OpenWhiskAction* there) {
    using namespace openwhisk_wanted;
    if (there == nullptr) return {"action"};
    std::vector<std::string> out;
    const auto differs = [&](bool different, std::string name) {
        if (different) out.push_back(std::move(name));
    };
    const auto annotation_there = [&](const std::string& name) -> const std::string* {
        const auto found = there->annotations.find(name);
        return found == there->annotations.end() ? nullptr : &found->second;
    };
    for (const auto& [name, value] : wanted.annotations) {
        const auto* const told = annotation_there(name);
        if (told != nullptr && *told == value) continue;
        if (name != package_annotation) {
            out.push_back("annotation " + name);
            continue;
        }
        // The package is the same and the files around it are not, if only what follows the colon differs.
        const bool same_package = told != nullptr && told->starts_with(wanted.package_sha256 + ':');
        out.emplace_back(same_package ? "shim" : "package");
    }
    for (const auto& name : dropped(wanted, *there)) out.push_back("annotation " + for_people(name));
    const bool any_version = version_of(wanted.kind) == "default";
    differs(!wanted.kind.empty() &&
                (any_version ? family_of(wanted.kind) != family_of(there->kind) : wanted.kind != there->kind),
            "kind");
    // An action that names no entry point has this one.
    differs(wanted.main != (there->main.empty() ? "main" : there->main), "main");
    differs(wanted.limits.timeout_ms != there->limits.timeout_ms, "limits.timeout");
    differs(wanted.limits.memory_mib != there->limits.memory_mib, "limits.memory");
    differs(wanted.limits.log_mib != there->limits.log_mib, "limits.logs");
    differs(wanted.limits.concurrency != there->limits.concurrency, "limits.concurrency");
    const auto named = [](const std::vector<OpenWhiskParameter>& in, const std::string& name) {
        return std::find_if(in.begin(), in.end(), [&](const auto& one) { return one.name == name; });
    };
    for (const auto& one : wanted.parameters) {
        const auto found = named(there->parameters, one.name);
        differs(found == there->parameters.end() || *found != one, "parameter " + one.name);
    }
    for (const auto& one : there->parameters)
        differs(named(wanted.parameters, one.name) == wanted.parameters.end(), "parameter " + for_people(one.name));
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL WipedBody OpenWhiskActions::put_action_body(const OpenWhiskWanted& wanted,
                                                                                    std::string_view code_base64,
                                                                                    const OpenWhiskAction* there) {
    using namespace openwhisk_wanted;
    WipedBody body;
    body.bytes().reserve(code_base64.size() + (16U << 10U));
    WipedJson out{body.bytes()};
    auto exec = out.object("exec");
    exec.member("kind", wanted.kind.empty() && there != nullptr ? there->kind : wanted.kind);
    exec.member("main", wanted.main);
    exec.name("binary");
    exec.raw("true");
    exec.name("code");
    exec.raw("\"");
    exec.raw(code_base64);  // its alphabet needs no escapes
    exec.raw("\"");
    exec.end();
    write_limits(out, wanted.limits);
    out.name("annotations");
    std::string_view lead = "[";
    for (const auto& [name, value] : wanted.annotations) {
        out.raw(std::exchange(lead, ","));
        WipedJson one{body.bytes()};
        one.member("key", name);
        one.name("value");
        if (is_raw_annotation(name))
            one.raw(value);
        else
            one.text(value);
        one.end();
    }
    out.raw(lead == "[" ? "[]" : "]");
    if (const auto names = there != nullptr ? dropped(wanted, *there) : std::vector<std::string>{}; !names.empty()) {
        out.name("delAnnotations");
        lead = "[";
        for (const auto& name : names) {
            out.raw(std::exchange(lead, ","));
            out.text(name);
        }
        out.raw("]");
    }
    out.name("parameters");
    lead = "[";
    for (const auto& parameter : wanted.parameters) {
        out.raw(std::exchange(lead, ","));
        WipedJson one{body.bytes()};
        one.member("key", parameter.name);
        one.member("value", parameter.value.reveal());
        if (parameter.init) {
            one.name("init");
            one.raw("true");
        }
        one.end();
    }
    out.raw(lead == "[" ? "[]" : "]");
    out.end();
    return body;
}

}  // namespace blueprint::faas::detail

#endif
