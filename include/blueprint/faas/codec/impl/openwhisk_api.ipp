#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_API_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_API_IPP

#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/codec/openwhisk_api.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace blueprint::faas::detail {

namespace openwhisk_api {

using answer_reading::for_people;
using answer_reading::refused;

inline constexpr std::string_view api_root = "/api/v1";
inline constexpr std::string_view job_part = "-job-";
inline constexpr std::size_t longest_name = 256;
inline constexpr std::size_t longest_number = 10;  // 4294967295
inline constexpr std::size_t most_metadata = 1U << 20;

BLUEPRINT_FAAS_COLD inline bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Source: OpenWhisk documentation, "OpenWhisk system details", Entity names.
BLUEPRINT_FAAS_COLD inline bool is_entity_name(std::string_view name, std::size_t longest) {
    return !name.empty() && name.size() <= longest && is_word(name.front()) && name.back() != ' ' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return is_word(c) || std::string_view{"@.-& "}.find(c) != std::string_view::npos;
           });
}

// "family:version".
BLUEPRINT_FAAS_COLD inline bool is_kind(std::string_view kind) {
    const auto colon = kind.find(':');
    return colon != 0 && colon != std::string_view::npos && colon + 1 < kind.size() && kind.size() <= 128 &&
           std::all_of(kind.begin(), kind.end(),
                       [](char c) { return is_word(c) || c == '.' || c == '-' || c == ':'; }) &&
           kind.find(':', colon + 1) == std::string_view::npos;
}

// Those that mean something to OpenWhisk, and ours. Source: OpenWhisk documentation, "Annotations on OpenWhisk assets".
BLUEPRINT_FAAS_COLD inline bool is_reserved_annotation(std::string_view name) {
    static constexpr std::array<std::string_view, 7> names{
        "exec", "final", "web-export", "raw-http", "web-custom-options", "require-whisk-auth", "provide-api-key"};
    return name.starts_with("blueprint-") || std::find(names.begin(), names.end(), name) != names.end();
}

BLUEPRINT_FAAS_COLD inline std::string annotation_problem(std::string_view name, std::string_view value) {
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (name.empty() || name.size() > longest_name || !is_utf8(name) || name.find(',') != std::string_view::npos ||
        std::any_of(name.begin(), name.end(), control))
        return "is no name of one: use up to 256 characters without commas and control characters";
    if (is_reserved_annotation(name)) return "has a meaning of its own and cannot be chosen";
    return is_utf8(value) ? std::string{} : std::string{"has a value that is no UTF-8 text"};
}

BLUEPRINT_FAAS_COLD inline std::string kind_problem(const OpenWhiskActionOptions& options) {
    if (!is_kind(options.kind)) return "kind is no runtime: it should look like nodejs:22";
    const bool node = std::string_view{options.kind}.starts_with("nodejs:");
    if (options.way == OpenWhiskWay::node && !node)
        return "kind '" + options.kind +
               "' is no Node.js, which OpenWhiskWay::node needs; take OpenWhiskWay::action_loop";
    if (options.way == OpenWhiskWay::action_loop && node)
        return "kind '" + options.kind + "' does not speak ActionLoop; take OpenWhiskWay::node, or a kind of Go";
    return {};
}

BLUEPRINT_FAAS_COLD inline std::string exec_env_problem(const OpenWhiskActionOptions& options) {
    const auto printable = [](char c) { return c > ' ' && c <= '~'; };
    const auto& text = options.exec_env;
    if (!std::all_of(text.begin(), text.end(), printable) || text.size() > longest_name)
        return "exec_env is none: it should look like openwhisk/action-golang-v1.24";
    if (options.way == OpenWhiskWay::node && !text.empty()) return "exec_env is for OpenWhiskWay::action_loop alone";
    return {};
}

}  // namespace openwhisk_api

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL OpenWhiskApi::OpenWhiskApi(OpenWhiskActionOptions options)
    : options_{std::move(options)}, misconfigured_{check()} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> OpenWhiskApi::check() const {
    using namespace openwhisk_api;
    static constexpr std::uint32_t most_log_mib = 10;
    static constexpr std::chrono::milliseconds none{0};
    const auto wrong = [](std::string why) { return refused("OpenWhiskActionOptions: " + std::move(why)); };
    if (!is_entity_name(options_.prefix, longest_name - job_part.size() - longest_number))
        return wrong(
            "prefix makes no name of an action: use up to 241 letters, digits, '_', '-', '.', '@', '&' and blanks, and "
            "a letter, a digit or '_' first");
    if (!options_.package.empty() && !is_entity_name(options_.package, longest_name))
        return wrong("package is no name of one: use up to 256 letters, digits, '_', '-', '.', '@', '&' and blanks");
    if (options_.package == "default")
        return wrong("package 'default' stands for none at OpenWhisk: leave it empty, or choose another name");
    if (auto why = options_.kind.empty() ? std::string{} : kind_problem(options_); !why.empty())
        return wrong(std::move(why));
    if (auto why = exec_env_problem(options_); !why.empty()) return wrong(std::move(why));
    if (options_.log_mib > most_log_mib)
        return wrong("log_mib is " + std::to_string(options_.log_mib) + "; OpenWhisk takes 0 to 10");
    if (options_.instance_calls == 0) return wrong("instance_calls is 0: an instance takes one call at least");
    std::size_t metadata = 0;
    for (const auto& [name, value] : options_.annotations) {
        metadata += name.size() + value.size();
        if (auto why = annotation_problem(name, value); !why.empty())
            return wrong("the annotation '" + for_people(name.substr(0, 128)) + "' " + why);
    }
    if (metadata > most_metadata) return wrong("annotations are more than 1 MiB, which is what OpenWhisk takes");
    if (options_.max_body_bytes == 0) return wrong("max_body_bytes is 0: no call would pass");
    if (options_.first_poll <= none || options_.max_poll < options_.first_poll)
        return wrong("first_poll has to be more than nothing, and max_poll no less than that");
    if (options_.warm_hold < none) return wrong("warm_hold is less than nothing");
    return std::nullopt;
}

inline std::string OpenWhiskApi::job_name(JobId id) const {
    auto name = options_.prefix;
    return name.append(openwhisk_api::job_part).append(std::to_string(id.value()));
}

BLUEPRINT_FAAS_DECL std::string OpenWhiskApi::action(JobId id) const {
    return options_.package.empty() ? job_name(id) : options_.package + '/' + job_name(id);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<JobId> OpenWhiskApi::job_of(std::string_view action_name) const {
    const auto& package = options_.package;
    if (!package.empty() && action_name.starts_with(package) && action_name.substr(package.size()).starts_with('/'))
        action_name.remove_prefix(package.size() + 1);
    if (!action_name.starts_with(options_.prefix)) return std::nullopt;
    action_name.remove_prefix(options_.prefix.size());
    if (!action_name.starts_with(openwhisk_api::job_part)) return std::nullopt;
    action_name.remove_prefix(openwhisk_api::job_part.size());
    std::uint32_t number = 0;
    const auto* const end = action_name.data() + action_name.size();
    const auto [stopped, failed] = std::from_chars(action_name.data(), end, number);
    if (failed != std::errc{} || stopped != end || action_name != std::to_string(number)) return std::nullopt;
    return JobId{number};
}

inline std::string OpenWhiskApi::below(const OpenWhiskAccess& access, std::string_view path) const {
    auto target = access.api.target;
    target.append("/namespaces/").append(access.name_space.empty() ? "_" : percent_encode(access.name_space));
    return target.append(path);
}

BLUEPRINT_FAAS_DECL std::string OpenWhiskApi::action_target(const OpenWhiskAccess& access, JobId id) const {
    auto target = below(access, "/actions/");
    if (!options_.package.empty()) target.append(percent_encode(options_.package)).append("/");
    return target.append(percent_encode(job_name(id)));
}

BLUEPRINT_FAAS_COLD inline HttpRequest OpenWhiskApi::request(const OpenWhiskAccess& access, Verb verb,
                                                             std::string target) const {
    HttpRequest out;
    out.origin = access.api.origin;
    out.verb = verb;
    out.target = std::move(target);
    out.headers.set("Accept", "application/json");
    if (!access.authorization.empty()) out.headers.set("Authorization", access.authorization.reveal());
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::get_offer(const OpenWhiskAccess& access,
                                                                            bool at_api_root) const {
    OpenWhiskAccess anybody;
    anybody.api.origin = access.api.origin;
    auto target = access.api.target;
    if (!at_api_root) {
        if (target.ends_with(openwhisk_api::api_root)) target.resize(target.size() - openwhisk_api::api_root.size());
        target += '/';
    }
    return request(anybody, Verb::get, std::move(target));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::get_namespaces(const OpenWhiskAccess& access) const {
    return request(access, Verb::get, access.api.target + "/namespaces");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::get_action(const OpenWhiskAccess& access,
                                                                             JobId id) const {
    auto out = request(access, Verb::get, action_target(access, id) + "?code=false");
    out.max_response_bytes = 4U << 20;  // parameters and annotations have 1 MiB each
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::put_action(const OpenWhiskAccess& access, JobId id,
                                                                             Body json) const {
    auto out = request(access, Verb::put, action_target(access, id) + "?overwrite=true");
    out.headers.set("Content-Type", "application/json");
    out.max_response_bytes = static_cast<std::size_t>(json.size()) + (4U << 20);
    out.body = std::move(json);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::delete_action(const OpenWhiskAccess& access,
                                                                                JobId id) const {
    auto out = request(access, Verb::del, action_target(access, id));
    out.max_response_bytes = 64U << 20;  // of code that has 48 MiB
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::list_actions(const OpenWhiskAccess& access,
                                                                               std::uint32_t skip) const {
    auto target = below(access, "/actions");
    if (!options_.package.empty()) target.append("/").append(percent_encode(options_.package)).append("/");
    target.append("?limit=").append(std::to_string(page_size)).append("&skip=").append(std::to_string(skip));
    auto out = request(access, Verb::get, std::move(target));
    out.max_response_bytes = 16U << 20;
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::put_package(const OpenWhiskAccess& access) const {
    auto out =
        request(access, Verb::put, below(access, "/packages/") + percent_encode(options_.package) + "?overwrite=true");
    out.headers.set("Content-Type", "application/json");
    out.body = Body{std::string{"{}"}};
    out.max_response_bytes = 16U << 20;
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::get_package(const OpenWhiskAccess& access) const {
    auto out = request(access, Verb::get, below(access, "/packages/") + percent_encode(options_.package));
    out.max_response_bytes = 16U << 20;  // it lists its actions
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::get_activation(const OpenWhiskAccess& access,
                                                                                 std::string_view id) const {
    auto out = request(access, Verb::get, below(access, "/activations/") + percent_encode(id));
    out.max_response_bytes = 32U << 20;  // logs of 10 MiB, as JSON writes them
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::get_logs(const OpenWhiskAccess& access,
                                                                           std::string_view id) const {
    auto out = request(access, Verb::get, below(access, "/activations/") + percent_encode(id) + "/logs");
    out.max_response_bytes = 32U << 20;
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest OpenWhiskApi::list_activations(const OpenWhiskAccess& access,
                                                                                   JobId id,
                                                                                   std::uint32_t limit) const {
    auto target = below(access, "/activations?name=");
    if (!options_.package.empty()) target.append(percent_encode(options_.package)).append("/");
    target.append(percent_encode(job_name(id))).append("&limit=");
    return request(access, Verb::get, target + std::to_string(std::clamp(limit, 1U, page_size)));
}

}  // namespace blueprint::faas::detail

#endif
