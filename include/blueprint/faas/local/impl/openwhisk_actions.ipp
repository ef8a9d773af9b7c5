#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_ACTIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_ACTIONS_IPP

#include "blueprint/faas/local/openwhisk_actions.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string OpenWhiskVersion::text() const {
    return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

inline std::optional<OpenWhiskVersion> read_openwhisk_version(std::string_view text) {
    OpenWhiskVersion version;
    std::uint32_t* const parts[] = {&version.major, &version.minor, &version.patch};
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (int i = 0; i < 3; ++i) {
        if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
        const auto [stopped, failed] = std::from_chars(at, end, *parts[i]);
        if (failed != std::errc{}) return std::nullopt;
        at = stopped;
    }
    return at == end ? std::optional{version} : std::nullopt;
}

BLUEPRINT_FAAS_DECL bool is_openwhisk_binary(std::string_view code) {
    constexpr std::string_view blanks = " \t\r\n";
    code.remove_prefix(std::min(code.find_first_not_of(blanks), code.size()));
    code = code.substr(0, code.find_last_not_of(blanks) + 1);
    if (code.empty() || code.size() % 4 != 0) return false;
    const auto padding = code.ends_with("==") ? 2U : code.ends_with('=') ? 1U : 0U;
    code.remove_suffix(padding);
    return std::all_of(code.begin(), code.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    });
}

inline std::string openwhisk_family(std::string_view kind) { return std::string{kind.substr(0, kind.find(':'))}; }

BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_runtimes(const OpenWhiskSettings& settings) {
    boost::json::object families;
    const auto add = [&](const std::string& kind, bool deprecated) {
        const auto family = openwhisk_family(kind);
        auto& list = families[family];
        if (!list.is_array()) list = boost::json::array{};
        const bool first = list.get_array().empty();
        std::string image = "openwhisk/action-" + family + "-v" + kind.substr(std::min(family.size() + 1, kind.size()));
        list.get_array().push_back(boost::json::object{{"kind", kind},
                                                       {"image", std::move(image)},
                                                       {"deprecated", deprecated},
                                                       {"default", first && !deprecated},
                                                       {"attached", true},
                                                       {"requireMain", false}});
    };
    for (const auto& kind : settings.kinds) add(kind, false);
    for (const auto& kind : settings.deprecated_kinds) add(kind, true);
    return families;
}

/// Finds the runtime that is meant: "nodejs:default" is the family's first one.
inline result<std::string> resolve_openwhisk_kind(const OpenWhiskSettings& settings, const std::string& kind) {
    const auto family = openwhisk_family(kind);
    for (const auto& offered : settings.kinds)
        if (offered == kind || (kind == family + ":default" && openwhisk_family(offered) == family)) return offered;
    for (const auto& old : settings.deprecated_kinds)
        if (old == kind)
            return openwhisk_refusal(400, "The '" + kind +
                                              "' runtime is no longer supported. You may read and delete but not "
                                              "update or invoke this action.");
    std::string valid;
    for (const auto* const list : {&settings.kinds, &settings.deprecated_kinds})
        for (const auto& known : *list) valid += (valid.empty() ? "'" : ", '") + known + '\'';
    return openwhisk_malformed("The specified runtime '" + kind.substr(0, 100) +
                               "' is not supported by this platform. Valid values are: " + valid + '.');
}

inline const std::string openwhisk_text(const boost::json::value& value) {
    return value.is_string() ? std::string{value.get_string()} : std::string{};
}

/// Reads one of the limits, if it is there.
inline result<void> read_openwhisk_limit(const boost::json::object& limits, std::string_view name,
                                         std::uint32_t& value) {
    const auto* const found = limits.if_contains(name);
    if (found == nullptr) return {};
    boost::system::error_code failed;
    value = found->is_number() ? found->to_number<std::uint32_t>(failed) : (failed = errc::serialization, 0);
    if (failed) return openwhisk_malformed(std::string{name} + " limit must be whole number");
    return {};
}

inline result<void> check_openwhisk_size(std::string_view field, std::uint32_t is, std::uint32_t least,
                                         std::uint32_t most) {
    const std::string begin = std::string{field} + " size " + std::to_string(is) + " MB ";
    if (is > most)
        return openwhisk_refusal(400, begin + "exceeds allowed threshold of " + std::to_string(most) + " MB");
    if (is < least)
        return openwhisk_refusal(400, begin + "below allowed threshold of " + std::to_string(least) + " MB");
    return {};
}

inline result<OpenWhiskActionLimits> read_openwhisk_limits(const OpenWhiskSettings& settings,
                                                           const boost::json::value& json,
                                                           OpenWhiskActionLimits limits) {
    if (!json.is_object()) return openwhisk_malformed("limits malformed");
    const auto& object = json.get_object();
    const std::pair<std::string_view, std::uint32_t*> members[] = {{"timeout", &limits.timeout_ms},
                                                                   {"memory", &limits.memory_mib},
                                                                   {"logs", &limits.log_mib},
                                                                   {"concurrency", &limits.concurrency}};
    for (const auto& [name, member] : members)
        if (auto read = read_openwhisk_limit(object, name, *member); !read) return read.error();
    constexpr std::uint32_t least_ms = 100;
    const std::string duration = "duration " + std::to_string(limits.timeout_ms) + " milliseconds ";
    if (std::chrono::milliseconds{limits.timeout_ms} > settings.max_timeout)
        return openwhisk_refusal(400, duration + "exceeds allowed threshold of " +
                                          std::to_string(settings.max_timeout.count()) + " milliseconds");
    if (limits.timeout_ms < least_ms)
        return openwhisk_refusal(400,
                                 duration + "below allowed threshold of " + std::to_string(least_ms) + " milliseconds");
    if (auto good = check_openwhisk_size("memory", limits.memory_mib, settings.min_memory_mib, settings.max_memory_mib);
        !good)
        return good.error();
    if (auto good = check_openwhisk_size("log", limits.log_mib, 0, 10); !good) return good.error();
    // DigitalOcean's records all tell 1; whoever runs OpenWhisk decides for himself.
    const std::uint32_t most = settings.digitalocean ? 1 : 500;
    const std::string concurrency = "concurrency " + std::to_string(limits.concurrency) + ' ';
    if (limits.concurrency > most)
        return openwhisk_refusal(400, concurrency + "exceeds allowed threshold of " + std::to_string(most));
    if (limits.concurrency < 1) return openwhisk_refusal(400, concurrency + "below allowed threshold of 1");
    return limits;
}

inline result<void> read_openwhisk_exec(const OpenWhiskSettings& settings, const boost::json::value& json,
                                        OpenWhiskActionState& action) {
    if (!json.is_object()) return openwhisk_malformed("exec malformed");
    const auto& exec = json.get_object();
    const auto* const kind = exec.if_contains("kind");
    if (kind == nullptr || !kind->is_string()) return openwhisk_malformed("'kind' must be a string defined in 'exec'");
    auto resolved = resolve_openwhisk_kind(settings, openwhisk_text(*kind));
    if (!resolved) return resolved.error();
    const auto* const code = exec.if_contains("code");
    if (code == nullptr || !code->is_string())
        return openwhisk_malformed("'code' must be a string or attachment object defined in 'exec' for '" + *resolved +
                                   "' actions");
    const auto* const main = exec.if_contains("main");
    if (main != nullptr && !main->is_string()) return openwhisk_malformed("if defined, 'main' be a string in 'exec'");
    action.kind = std::move(*resolved);
    action.code = code->get_string();
    action.main = main != nullptr ? openwhisk_text(*main) : std::string{};
    action.binary = is_openwhisk_binary(action.code);
    if (action.code.size() > settings.code_bytes)
        return openwhisk_too_big("Code", action.code.size(), settings.code_bytes);
    return {};
}

inline std::chrono::sys_time<std::chrono::milliseconds> openwhisk_now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// What actions and packages have alike.
template <class State>
result<void> read_openwhisk_entity(const boost::json::object& content, const State* there, State& out) {
    if (there != nullptr) ++out.version.patch;
    if (const auto* const version = content.if_contains("version")) {
        const auto read = read_openwhisk_version(openwhisk_text(*version));
        if (!read) return openwhisk_malformed("semantic version malformed");
        out.version = *read;
    }
    if (const auto* const publish = content.if_contains("publish")) {
        if (!publish->is_bool()) return openwhisk_malformed("Expected JsTrue or JsFalse");
        out.publish = publish->get_bool();
    }
    if (const auto* const parameters = content.if_contains("parameters")) {
        auto read = read_openwhisk_values(*parameters);
        if (!read) return read.error();
        out.parameters = std::move(*read);
    }
    out.updated = openwhisk_now();
    return {};
}

BLUEPRINT_FAAS_DECL result<OpenWhiskActionState> put_openwhisk_action(const OpenWhiskSettings& settings,
                                                                      const boost::json::object& content,
                                                                      const OpenWhiskActionState& named,
                                                                      const OpenWhiskActionState* there) {
    OpenWhiskActionState action = there != nullptr ? *there : named;
    if (there == nullptr && settings.digitalocean) action.limits.log_mib = 1;
    if (const auto* const limits = content.if_contains("limits")) {
        const auto read = read_openwhisk_limits(settings, *limits, action.limits);
        if (!read) return read.error();
        action.limits = *read;
    }
    if (const auto* const exec = content.if_contains("exec")) {
        if (auto read = read_openwhisk_exec(settings, *exec, action); !read) return read.error();
    } else if (there == nullptr) {
        return openwhisk_refusal(400, "exec undefined");
    }
    if (auto read = read_openwhisk_entity(content, there, action); !read) return read.error();
    const auto parameter_bytes = boost::json::serialize(write_openwhisk_values(action.parameters)).size();
    if (parameter_bytes > settings.parameter_bytes)
        return openwhisk_too_big("Parameters", parameter_bytes, settings.parameter_bytes);
    if (const auto* const removed = content.if_contains("delAnnotations")) {
        if (!removed->is_array()) return openwhisk_malformed("delAnnotations malformed");
        for (const auto& key : removed->get_array()) action.annotations.erase(openwhisk_text(key));
    }
    if (const auto* const annotations = content.if_contains("annotations")) {
        auto read = read_openwhisk_values(*annotations);
        if (!read) return read.error();
        for (auto& [key, value] : *read) action.annotations[key] = std::move(value);
    }
    if (there == nullptr) action.annotations.try_emplace("provide-api-key", OpenWhiskValue{.value = false});
    action.annotations["exec"] = {.value = boost::json::value(action.kind)};
    return action;
}

BLUEPRINT_FAAS_DECL result<OpenWhiskPackageState> put_openwhisk_package(const boost::json::object& content,
                                                                        const OpenWhiskPackageState& named,
                                                                        const OpenWhiskPackageState* there) {
    OpenWhiskPackageState package = there != nullptr ? *there : named;
    if (const auto* const binding = content.if_contains("binding");
        binding != nullptr && binding->is_object() && !binding->get_object().empty())
        return openwhisk_refusal(400, "The local cloud has no package bindings.");
    if (auto read = read_openwhisk_entity(content, there, package); !read) return read.error();
    if (const auto* const annotations = content.if_contains("annotations")) {
        auto read = read_openwhisk_values(*annotations);
        if (!read) return read.error();
        package.annotations = std::move(*read);
    }
    return package;
}

BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_limits(const OpenWhiskActionLimits& limits) {
    return {{"timeout", limits.timeout_ms},
            {"memory", limits.memory_mib},
            {"logs", limits.log_mib},
            {"concurrency", limits.concurrency}};
}

BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_action(const OpenWhiskActionState& action, OpenWhiskView view,
                                                              const OpenWhiskValues& package) {
    boost::json::object exec{{"binary", action.binary}};
    if (view != OpenWhiskView::brief) {
        exec["kind"] = action.kind;
        if (!action.main.empty()) exec["main"] = action.main;
    }
    if (view == OpenWhiskView::full) exec["code"] = action.code;
    boost::json::object shown{{"namespace", action.place()},
                              {"name", action.name},
                              {"version", action.version.text()},
                              {"publish", action.publish},
                              {"exec", std::move(exec)},
                              {"annotations", write_openwhisk_values(action.annotations)},
                              {"limits", show_openwhisk_limits(action.limits)},
                              {"updated", action.updated.time_since_epoch().count()}};
    if (view != OpenWhiskView::brief) {
        OpenWhiskValues parameters = action.parameters;
        parameters.insert(package.begin(), package.end());  // the action's own ones count
        shown["parameters"] = write_openwhisk_values(parameters);
    }
    return shown;
}

BLUEPRINT_FAAS_DECL boost::json::object show_openwhisk_package(const OpenWhiskPackageState& package, bool brief) {
    boost::json::object shown{{"namespace", package.name_space},
                              {"name", package.name},
                              {"version", package.version.text()},
                              {"publish", package.publish},
                              {"annotations", write_openwhisk_values(package.annotations)},
                              {"updated", package.updated.time_since_epoch().count()}};
    // In lists the controller says `false` of a binding that is not there, which its own document does not allow.
    if (brief) return shown;
    shown["binding"] = boost::json::object{};
    shown["parameters"] = write_openwhisk_values(package.parameters);
    return shown;
}

}  // namespace blueprint::faas::local

#endif
