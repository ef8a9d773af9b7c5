#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CUSTOM_MESSAGES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CUSTOM_MESSAGES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/custom_messages.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

namespace blueprint::faas::local {

inline Error bad_request(std::string message) { return refusal(400, "BAD_REQUEST", std::move(message)); }

/// Reads a whole decimal number without sign; nothing if it is none or too large.
inline std::optional<std::uint64_t> read_number(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

inline std::optional<std::uint64_t> read_number(const boost::json::value& value) noexcept {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
    return std::nullopt;
}

/// The bare media type, without parameters.
inline std::string_view media_type(const ServerRequest& head) noexcept {
    auto type = head.field("content-type").value_or("");
    type = type.substr(0, type.find(';'));
    while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
    return type;
}

BLUEPRINT_FAAS_DECL bool is_function_id(std::string_view id) noexcept {
    const auto alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !id.empty() && id.size() <= 64 && alphanumeric(id.front()) &&
           std::all_of(id.begin(), id.end(), [&](char c) { return alphanumeric(c) || c == '_' || c == '-'; });
}

inline Error no_such_method(std::string_view method) {
    const auto name = plain_text(method.substr(0, 16), 16).value_or("such method");
    return refusal(405, "NOT_SUPPORTED", "this path has no " + std::string{name});
}

BLUEPRINT_FAAS_DECL result<CustomRoute> read_custom_route(std::string_view method, std::string_view target,
                                                          bool strict_1_0, std::string& allow) {
    using enum CustomOperation;
    const auto only = [&](CustomRoute route, std::string_view allowed) -> result<CustomRoute> {
        if (method == allowed) return route;
        allow = allowed;
        return no_such_method(method);
    };
    const auto path = target.substr(0, target.find_first_of("?#"));
    if (!strict_1_0 && path == "/api/platform") return only({.operation = describe}, "GET");
    if (!strict_1_0 && path == "/api/functions") return only({.operation = list}, "GET");
    constexpr std::string_view functions = "/api/functions/";
    if (path.substr(0, functions.size()) != functions)
        return refusal(404, "NOT_FOUND", "there is nothing at this path; functions are at /api/functions/{id}");
    auto id = path.substr(functions.size());
    std::string_view part;
    for (const std::string_view name : {"/invoke", "/health", "/warm"}) {
        if (id.size() <= name.size() || id.substr(id.size() - name.size()) != name) continue;
        part = name;
        id.remove_suffix(name.size());
        break;
    }
    // Nothing but a valid id is ever used as one: it is compared after decoding, and 'a%2Fb' is 'a/b'.
    const auto decoded = faas::detail::percent_decode(id);
    if (!decoded || !is_function_id(*decoded))
        return bad_request("that is no function id: it is a letter or digit and up to 63 more of these, '_' and '-'");
    if (part == "/invoke") return only({.operation = invoke, .function_id = *decoded}, "POST");
    if (part == "/health") return only({.operation = health, .function_id = *decoded}, "GET");
    if (part == "/warm") return only({.operation = warm, .function_id = *decoded}, "POST");
    if (method == "PUT") return CustomRoute{.operation = deploy, .function_id = *decoded};
    if (method == "GET") return CustomRoute{.operation = get, .function_id = *decoded};
    if (method == "DELETE") return CustomRoute{.operation = undeploy, .function_id = *decoded};
    allow = "DELETE, GET, PUT";
    return no_such_method(method);
}

/// Reads one number of the configuration; absent is fine, anything but an integer in the range is not.
inline result<std::optional<std::uint32_t>> read_setting(const boost::json::object& json, std::string_view name,
                                                         std::uint32_t least, std::uint32_t most) {
    const auto* found = json.if_contains(name);
    if (found == nullptr) return std::optional<std::uint32_t>{};
    const auto value = read_number(*found);
    if (!value || *value < least || *value > most)
        return bad_request("X-Blueprint-Config: " + std::string{name} + " must be an integer from " +
                           std::to_string(least) + " to " + std::to_string(most));
    return std::optional{static_cast<std::uint32_t>(*value)};
}

inline bool is_environment_name(std::string_view name) noexcept {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

inline result<void> read_environment(const boost::json::value& value, FunctionSettings& settings) {
    if (!value.is_object()) return bad_request("X-Blueprint-Config: env_vars must be an object of strings");
    for (const auto& entry : value.get_object()) {
        const std::string_view name{entry.key().data(), entry.key().size()};
        if (!is_environment_name(name))
            return bad_request("X-Blueprint-Config: a name in env_vars does not match [A-Za-z_][A-Za-z0-9_]*");
        if (name.substr(0, 10) == "BLUEPRINT_")
            return bad_request("X-Blueprint-Config: names starting with BLUEPRINT_ are reserved in env_vars");
        if (!entry.value().is_string())
            return bad_request("X-Blueprint-Config: the value of " + std::string{name} + " in env_vars is no string");
        const auto& text = entry.value().get_string();
        const std::string_view secret{text.data(), text.size()};
        if (secret.find('\0') != std::string_view::npos)
            return bad_request("X-Blueprint-Config: the value of " + std::string{name} + " in env_vars holds a NUL");
        settings.env_vars.insert_or_assign(std::string{name}, Secret{secret});
    }
    return {};
}

/// Memory in which nothing is left behind.
template <std::size_t Size>
struct WipedMemory {
    ~WipedMemory() { faas::detail::wipe(data, Size); }
    unsigned char data[Size];
};

inline result<void> read_configuration(std::string_view header, std::uint32_t most_warm, DeployRequest& request) {
    constexpr std::size_t most_bytes = 8U << 10;
    if (header.size() > most_bytes)
        return refusal(431, "HEADER_TOO_LARGE",
                       "X-Blueprint-Config has " + std::to_string(header.size()) + " bytes; at most 8192 are taken");
    auto text = faas::detail::base64_decode(header);
    if (!text) return bad_request("X-Blueprint-Config is not standard Base64 with padding and without line breaks");
    // Values of env_vars may be secrets: all that holds them here is wiped.
    WipedMemory<48U << 10> values;
    WipedMemory<4U << 10> scratch;
    boost::json::monotonic_resource tree{values.data, sizeof values.data};
    boost::system::error_code failed;
    boost::json::parser parser{boost::json::storage_ptr{}, {}, scratch.data, sizeof scratch.data};
    parser.reset(&tree);
    parser.write(faas::detail::text_of(*text).data(), text->size(), failed);
    faas::detail::wipe(text->data(), text->size());
    const auto parsed = failed ? boost::json::value{} : parser.release();
    if (failed) return bad_request("X-Blueprint-Config holds no JSON: " + failed.message());
    if (!parsed.is_object()) return bad_request("X-Blueprint-Config must hold a JSON object");
    const auto& json = parsed.get_object();
    auto& settings = request.settings;

    const auto memory = read_setting(json, "memory_mb", 128, 10240);
    if (!memory) return memory.error();
    if (*memory) settings.memory_mb = (**memory + 63) / 64 * 64;
    const auto timeout = read_setting(json, "timeout_secs", 1, 900);
    if (!timeout) return timeout.error();
    if (*timeout) settings.timeout = std::chrono::seconds{**timeout};
    const auto concurrency = read_setting(json, "max_concurrency", 1, 1000);
    if (!concurrency) return concurrency.error();
    settings.max_concurrency = *concurrency;
    const auto keep_warm =
        read_setting(json, "keep_warm", 0, std::min(most_warm, settings.max_concurrency.value_or(most_warm)));
    if (!keep_warm) return keep_warm.error();
    settings.keep_warm = keep_warm->value_or(0);
    if (const auto* hash = json.if_contains("package_sha256")) {
        if (!hash->is_string()) return bad_request("X-Blueprint-Config: package_sha256 must be a string");
        const auto bytes = faas::detail::hex_decode({hash->get_string().data(), hash->get_string().size()});
        if (!bytes || bytes->size() != 32)
            return bad_request("X-Blueprint-Config: package_sha256 must be 64 hexadecimal digits");
        request.package_sha256 = faas::detail::hex_encode(*bytes);
    }
    if (const auto* variables = json.if_contains("env_vars")) return read_environment(*variables, settings);
    return {};
}

BLUEPRINT_FAAS_DECL result<DeployRequest> read_deploy_request(const ServerRequest& head, std::uint32_t most_warm) {
    DeployRequest request;
    if (!faas::detail::iequals(media_type(head), "application/zip"))
        return refusal(415, "UNSUPPORTED_MEDIA", "the body must be the zip itself, with Content-Type: application/zip");
    if (head.field("content-encoding"))
        return refusal(415, "UNSUPPORTED_MEDIA", "the body must be the zip itself, without Content-Encoding");
    if (const auto header = head.field("x-blueprint-config")) {
        if (auto read = read_configuration(*header, most_warm, request); !read) return read.error();
    }
    if (const auto revision = head.field("x-blueprint-revision")) {
        const auto plain = plain_text(revision, 256);
        if (!plain) return bad_request("X-Blueprint-Revision must be 1 to 256 printable characters");
        request.revision = *plain;
    }
    return request;
}

BLUEPRINT_FAAS_DECL result<std::uint32_t> read_warm_request(std::string_view body) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return 1U;
    boost::system::error_code failed;
    const auto json = boost::json::parse(body, failed);
    if (failed || !json.is_object()) return bad_request("the body must be a JSON object such as {\"instances\":2}");
    const auto* found = json.get_object().if_contains("instances");
    if (found == nullptr) return 1U;
    const auto count = read_number(*found);
    if (!count || *count < 1 || *count > 1000) return bad_request("instances must be an integer from 1 to 1000");
    return static_cast<std::uint32_t>(*count);
}

BLUEPRINT_FAAS_DECL ServerAnswer error_answer(const Error& error, std::string_view function_id) {
    boost::json::object details;
    boost::json::object content{{"error", error.message},
                                {"code", error.platform_code.empty() ? "INFRASTRUCTURE_ERROR" : error.platform_code}};
    if (!function_id.empty()) {
        content["function_id"] = function_id;
        details["function_id"] = function_id;
    }
    content["details"] = std::move(details);
    return json_answer(error.http_status == 0 ? 500 : error.http_status, content);
}

BLUEPRINT_FAAS_DECL ServerAnswer json_answer(unsigned status, const boost::json::object& content) {
    ServerAnswer answer;
    answer.status = status;
    answer.body = answer_json(content);
    return answer;
}

BLUEPRINT_FAAS_DECL std::string rfc3339(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace blueprint::faas::local

#endif
