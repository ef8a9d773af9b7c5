#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACTION_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACTION_ANSWERS_IPP

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/codec/impl/openwhisk_reading.hpp"
#include "blueprint/faas/codec/openwhisk_action.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace openwhisk_action {

namespace json = boost::json;
using answer_reading::array_member;
using answer_reading::for_people;
using answer_reading::number_member;
using answer_reading::object_member;
using answer_reading::parse_object;
using answer_reading::text_member;
using answer_reading::true_member;
using openwhisk_reading::unreadable;

// The answer to PUT repeats the code. Of all that an action is, nothing else has strings of that length: parameters
// have 1 MiB together.
inline constexpr std::size_t longest_string = 1U << 20U;
inline constexpr std::size_t longest_action = 4U << 20U;

// `text` with `""` for every string of JSON that is longer; it is the caller's to wipe.
BLUEPRINT_FAAS_COLD inline std::string without_long_strings(std::string_view text) {
    std::string out;
    out.reserve(std::min(text.size(), longest_action + longest_string));
    while (!text.empty()) {
        const auto open = text.find('"');
        if (open == std::string_view::npos) break;
        auto close = text.find_first_of("\"\\", open + 1);
        while (close != std::string_view::npos && text[close] == '\\') close = text.find_first_of("\"\\", close + 2);
        if (close == std::string_view::npos) break;
        out.append(text.substr(0, open + 1));
        if (close - open <= longest_string) out.append(text.substr(open + 1, close - open - 1));
        out += '"';
        text.remove_prefix(close + 1);
    }
    return out.append(text);
}

BLUEPRINT_FAAS_COLD inline std::string text_of_value(const json::value& value) {
    const auto* const text = value.if_string();
    return text != nullptr ? std::string{*text} : json::serialize(value);
}

BLUEPRINT_FAAS_COLD inline OpenWhiskLimits limits_of(const json::object& told) {
    OpenWhiskLimits out;
    const auto set = [&](std::uint32_t& limit, std::string_view name) {
        limit = number_member<std::uint32_t>(told, name).value_or(limit);
    };
    set(out.timeout_ms, "timeout");
    set(out.memory_mib, "memory");
    set(out.log_mib, "logs");
    set(out.concurrency, "concurrency");
    return out;
}

BLUEPRINT_FAAS_COLD inline OpenWhiskParameter parameter_of(const json::object& told) {
    OpenWhiskParameter out;
    out.name = text_member(told, "key");
    const auto* const value = told.if_contains("value");
    const auto* const text = value != nullptr ? value->if_string() : nullptr;
    const auto* const encryption = told.if_contains("encryption");
    out.plain = text != nullptr && (encryption == nullptr || encryption->is_null());
    out.init = true_member(told, "init");
    if (text != nullptr)
        out.value = Secret{std::string_view{*text}};
    else if (value != nullptr)
        out.value = Secret{json::serialize(*value)};
    return out;
}

// Nothing if it is no action.
BLUEPRINT_FAAS_COLD inline std::optional<OpenWhiskAction> action_of(const json::value& value) {
    const auto* const told = value.if_object();
    if (told == nullptr || text_member(*told, "name").empty()) return std::nullopt;
    OpenWhiskAction out;
    const auto path = text_member(*told, "namespace");  // "guest", "guest/package"
    const auto slash = path.find('/');
    out.name_space = for_people(path.substr(0, slash));
    if (slash != std::string_view::npos) out.name = for_people(path.substr(slash + 1)) + '/';
    out.name += for_people(text_member(*told, "name"));
    out.version = for_people(text_member(*told, "version"));
    for (const auto& one : array_member(*told, "annotations")) {
        const auto* const annotation = one.if_object();
        const auto* const content = annotation != nullptr ? annotation->if_contains("value") : nullptr;
        if (content != nullptr)
            out.annotations.insert_or_assign(std::string{text_member(*annotation, "key")}, text_of_value(*content));
    }
    if (const auto* const exec = object_member(*told, "exec")) {
        out.kind = for_people(text_member(*exec, "kind"));
        out.main = for_people(text_member(*exec, "main"));
    }
    if (const auto found = out.annotations.find("exec"); out.kind.empty() && found != out.annotations.end())
        out.kind = for_people(found->second);
    if (const auto* const limits = object_member(*told, "limits")) out.limits = limits_of(*limits);
    out.updated += std::chrono::milliseconds{number_member<std::int64_t>(*told, "updated").value_or(0)};
    for (const auto& one : array_member(*told, "parameters"))
        if (one.is_object()) out.parameters.push_back(parameter_of(one.get_object()));
    return out;
}

BLUEPRINT_FAAS_COLD inline void add_kinds(OpenWhiskOffer& offer, std::string_view family, const json::array& kinds) {
    for (const auto& one : kinds) {
        const auto* const told = one.if_object();
        if (told == nullptr || text_member(*told, "kind").empty()) continue;
        OpenWhiskOffer::Kind kind;
        kind.kind = text_member(*told, "kind");
        kind.is_default = true_member(*told, "default");
        kind.deprecated = true_member(*told, "deprecated");
        offer.families[std::string{family}].push_back(std::move(kind));
    }
}

BLUEPRINT_FAAS_COLD inline std::optional<std::uint32_t> mib_member(const json::object& limits, std::string_view name) {
    const auto bytes = number_member<std::uint64_t>(limits, name);
    if (!bytes || *bytes < (1U << 20U)) return std::nullopt;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(*bytes >> 20U, 0xffffffffU));
}

BLUEPRINT_FAAS_COLD inline std::optional<std::chrono::milliseconds> time_member(const json::object& limits,
                                                                                std::string_view name) {
    const auto told = number_member<std::uint32_t>(limits, name);  // an action's timeout has no more bits
    return told && *told != 0 ? std::optional{std::chrono::milliseconds{*told}} : std::nullopt;
}

// "2026-01-02T03:04:05.678Z"; empty if nothing was told, or no year of four digits.
BLUEPRINT_FAAS_COLD inline std::string timestamp(std::chrono::sys_time<std::chrono::milliseconds> time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::sys_days first{std::chrono::year{1970} / 1 / 1};
    const std::chrono::sys_days last{std::chrono::year{9999} / 12 / 31};
    if (time.time_since_epoch().count() <= 0 || day < first || day > last) return {};
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    std::string out;
    const auto add = [&](auto number, std::size_t digits, std::string_view then) {
        const auto text = std::to_string(number);
        out.append(digits - std::min(digits, text.size()), '0').append(text).append(then);
    };
    add(static_cast<int>(date.year()), 4, "-");
    add(static_cast<unsigned>(date.month()), 2, "-");
    add(static_cast<unsigned>(date.day()), 2, "T");
    add(clock.hours().count(), 2, ":");
    add(clock.minutes().count(), 2, ":");
    add(clock.seconds().count(), 2, ".");
    add(clock.subseconds().count(), 3, "Z");
    return out;
}

BLUEPRINT_FAAS_COLD inline std::string_view annotation(const OpenWhiskAction& action, std::string_view name) {
    const auto found = action.annotations.find(std::string{name});
    return found == action.annotations.end() ? std::string_view{} : std::string_view{found->second};
}

}  // namespace openwhisk_action

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<OpenWhiskOffer> OpenWhiskActions::read_offer(
    const HttpResponse& answer) {
    using namespace openwhisk_action;
    const auto body = parse_object(answer.body);
    const auto* const runtimes = body ? object_member(*body, "runtimes") : nullptr;
    if (runtimes == nullptr) return unreadable(answer, "the host does not say what runtimes it has");
    OpenWhiskOffer offer;
    for (const auto& [family, kinds] : *runtimes)
        if (kinds.is_array()) add_kinds(offer, family, kinds.get_array());
    if (const auto* const limits = object_member(*body, "limits")) {
        offer.min_memory_mib = mib_member(*limits, "min_action_memory");
        offer.max_memory_mib = mib_member(*limits, "max_action_memory");
        offer.min_timeout = time_member(*limits, "min_action_duration");
        offer.max_timeout = time_member(*limits, "max_action_duration");
        offer.calls_per_minute = number_member<std::uint32_t>(*limits, "actions_per_minute");
        offer.concurrent_calls = number_member<std::uint32_t>(*limits, "concurrent_actions");
    }
    return offer;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<OpenWhiskAction> OpenWhiskActions::read_action(
    const HttpResponse& answer) {
    using namespace openwhisk_action;
    std::string text = without_long_strings(answer.body);
    std::optional<OpenWhiskAction> action;
    if (text.size() <= longest_action) {
        WipedMemory memory{text.size()};
        boost::system::error_code failed;
        const json::value document = json::parse(text, failed, memory.storage());
        if (!failed) action = action_of(document);
    }
    wipe(text);
    if (!action) return unreadable(answer, "an action has no name");
    return std::move(*action);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<OpenWhiskAction> OpenWhiskActions::read_action(HttpResponse& answer) {
    auto action = read_action(std::as_const(answer));
    wipe(answer.body);
    return action;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::vector<OpenWhiskAction>> OpenWhiskActions::read_actions(
    const HttpResponse& answer) {
    using namespace openwhisk_action;
    boost::system::error_code failed;
    const json::value document = json::parse(answer.body, failed);
    if (failed || !document.is_array()) return unreadable(answer, "a list of actions is none");
    std::vector<OpenWhiskAction> out;
    for (const auto& one : document.get_array()) {
        auto action = action_of(one);
        if (!action) return unreadable(answer, "an action of a list has no name");
        out.push_back(std::move(*action));
    }
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL FaasDeployment OpenWhiskActions::deployment(const OpenWhiskApi& api,
                                                                                    const OpenWhiskAccess& access,
                                                                                    JobId id,
                                                                                    const OpenWhiskAction& action) {
    using namespace openwhisk_action;
    static constexpr std::size_t digest = 64;
    FaasDeployment out;
    out.job_id = id;
    out.function_id = '/' + (action.name_space.empty() ? access.name_space : action.name_space) + '/' + action.name;
    out.endpoint = to_string(access.api.origin) + api.action_target(access, id);
    out.memory_mib = action.limits.memory_mib;
    out.timeout = std::chrono::ceil<std::chrono::seconds>(std::chrono::milliseconds{action.limits.timeout_ms});
    out.revision = action.version;
    out.deployed_at = timestamp(action.updated);
    const auto package = annotation(action, package_annotation);
    const auto sha256 = package.substr(0, package.find(':'));
    if (sha256.size() == digest && sha256.find_first_not_of("0123456789abcdef") == std::string_view::npos)
        out.package_sha256 = sha256;
    const auto size = annotation(action, size_annotation);
    std::uint64_t bytes = 0;
    const auto [stopped, unread] = std::from_chars(size.data(), size.data() + size.size(), bytes);
    if (unread == std::errc{} && stopped == size.data() + size.size() && bytes != 0) out.binary_size_bytes = bytes;
    return out;
}

}  // namespace blueprint::faas::detail

#endif
