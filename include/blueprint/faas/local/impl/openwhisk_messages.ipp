#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_MESSAGES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_MESSAGES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"
#include "blueprint/faas/local/openwhisk_messages.hpp"
#include "blueprint/faas/local/random.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL Error openwhisk_refusal(unsigned status, std::string message) {
    return Error{.code = errc::invocation_failed,
                 .message = std::move(message),
                 .http_status = status,
                 .execution = Execution::not_started};
}

BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_failure(const Error& error) {
    const auto id = openwhisk_id();
    auto answer = openwhisk_answer(boost::json::object{{"error", error.message}, {"code", id}},
                                   error.http_status == 0 ? 500 : error.http_status);
    answer.headers.emplace_back("X-Request-ID", id);
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_answer(const boost::json::value& value, unsigned status) {
    ServerAnswer answer;
    answer.status = status;
    answer.body = answer_json(value);
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_too_large_page() {
    ServerAnswer answer;
    answer.status = 413;
    answer.content_type = "text/html";
    answer.body =
        "<html>\r\n<head><title>Request Entity Too Large</title></head>\r\n<body>\r\n<p>The request is larger than "
        "this server takes.</p>\r\n</body>\r\n</html>\r\n";
    return answer;
}

BLUEPRINT_FAAS_DECL Error openwhisk_absent() {
    return openwhisk_refusal(404, "The requested resource does not exist.");
}

BLUEPRINT_FAAS_DECL Error openwhisk_other_collection() {
    return openwhisk_refusal(409, "Resource by this name exists but is not in this collection.");
}

BLUEPRINT_FAAS_DECL Error openwhisk_malformed(std::string_view why) {
    return openwhisk_refusal(400, "The request content was malformed:\n" + std::string{why});
}

BLUEPRINT_FAAS_DECL Error openwhisk_too_big(std::string_view field, std::uint64_t is, std::uint64_t allowed) {
    return openwhisk_refusal(413, std::string{field} + " larger than allowed: " + std::to_string(is) + " > " +
                                      std::to_string(allowed) + " bytes.");
}

BLUEPRINT_FAAS_DECL std::string openwhisk_id() {
    std::array<std::uint8_t, 16> bytes{};
    draw_random(bytes);
    return faas::detail::hex_encode(bytes);
}

BLUEPRINT_FAAS_DECL result<void> check_openwhisk_name(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    const auto later = [&](char c) { return letter(c) || std::string_view{" @.&-"}.find(c) != std::string_view::npos; };
    constexpr std::size_t most = 256;
    if (name.size() > most)
        return openwhisk_refusal(
            400, "Name longer than allowed: " + std::to_string(name.size()) + " > " + std::to_string(most) + '.');
    if (name.empty() || !letter(name.front()) || name.back() == ' ' || !std::all_of(name.begin(), name.end(), later))
        return openwhisk_refusal(400, "The name of the entity contains illegal characters.");
    return {};
}

inline std::optional<std::int64_t> openwhisk_integer(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

BLUEPRINT_FAAS_DECL result<std::optional<std::int64_t>> read_openwhisk_number(const RequestTarget& target,
                                                                              std::string_view name,
                                                                              const std::string& otherwise) {
    const auto found = target.query.find(name);
    if (found == target.query.end()) return std::optional<std::int64_t>{};
    const auto number = openwhisk_integer(found->second);
    if (!number) return openwhisk_refusal(400, otherwise);
    return number;
}

BLUEPRINT_FAAS_DECL result<bool> read_openwhisk_flag(const RequestTarget& target, std::string_view name, bool absent) {
    const auto found = target.query.find(name);
    if (found == target.query.end()) return absent;
    if (found->second == "true") return true;
    if (found->second == "false") return false;
    return openwhisk_refusal(400, "The query parameter '" + std::string{name} + "' was malformed:\n'" +
                                      found->second.substr(0, 100) + "' is not a valid Boolean value");
}

BLUEPRINT_FAAS_DECL result<OpenWhiskPage> read_openwhisk_page(const RequestTarget& target,
                                                              std::string_view collection) {
    constexpr std::int64_t most = 200;
    OpenWhiskPage page;
    const auto no_integer = [&](std::string_view name) {
        return "The value '" + std::string{target.get(name)} + "' is not an integer for " + std::string{collection} +
               '.';
    };
    const auto limit = read_openwhisk_number(target, "limit", no_integer("limit"));
    if (!limit) return limit.error();
    if (*limit && (**limit < 0 || **limit > most))
        return openwhisk_refusal(400, "The value '" + std::to_string(**limit) + "' is not in the range of 0 to " +
                                          std::to_string(most) + " for " + std::string{collection} + '.');
    if (*limit) page.limit = static_cast<std::size_t>(**limit == 0 ? most : **limit);
    const auto skip = read_openwhisk_number(target, "skip", no_integer("skip"));
    if (!skip) return skip.error();
    if (*skip && **skip < 0)
        return openwhisk_refusal(400, "The value '" + std::to_string(**skip) +
                                          "' is not greater than or equal to 0 for " + std::string{collection} + '.');
    if (*skip) page.skip = static_cast<std::size_t>(**skip);
    const auto count = read_openwhisk_flag(target, "count", false);
    if (!count) return count.error();
    page.count = *count;
    return page;
}

BLUEPRINT_FAAS_DECL result<boost::json::object> read_openwhisk_body(const ServerRequest& request) {
    if (request.body.empty()) return boost::json::object{};
    constexpr std::string_view json_type = "application/json";
    const auto type = request.field("content-type").value_or("");
    if (!faas::detail::iequals(type.substr(0, json_type.size()), json_type))
        return openwhisk_refusal(415,
                                 "The request's Content-Type is not supported. Expected:\n" + std::string{json_type});
    boost::system::error_code failed;
    boost::json::parse_options options;
    options.max_depth = 512;
    auto json = boost::json::parse(faas::detail::text_of(request.body), failed, {}, options);
    if (failed) return openwhisk_malformed(failed.message());
    if (!json.is_object()) return openwhisk_malformed("Object expected");
    return std::move(json.get_object());
}

BLUEPRINT_FAAS_DECL result<OpenWhiskValues> read_openwhisk_values(const boost::json::value& json) {
    const auto malformed = [] { return openwhisk_malformed("parameters malformed!"); };
    if (!json.is_array()) return malformed();
    OpenWhiskValues values;
    for (const auto& entry : json.get_array()) {
        if (!entry.is_object()) return malformed();
        const auto& object = entry.get_object();
        const auto* const key = object.if_contains("key");
        const auto* const value = object.if_contains("value");
        const auto* const init = object.if_contains("init");
        if (key == nullptr || !key->is_string() || key->get_string().empty() || value == nullptr) return malformed();
        if (init != nullptr && !init->is_bool()) return malformed();
        values[std::string{key->get_string()}] = {.value = *value, .init = init != nullptr && init->get_bool()};
    }
    return values;
}

BLUEPRINT_FAAS_DECL boost::json::array write_openwhisk_values(const OpenWhiskValues& values) {
    boost::json::array array;
    for (const auto& [key, entry] : values) {
        boost::json::object object{{"key", key}, {"value", entry.value}};
        if (entry.init) object["init"] = true;
        array.push_back(std::move(object));
    }
    return array;
}

BLUEPRINT_FAAS_DECL bool is_openwhisk_true(const OpenWhiskValues& annotations, std::string_view name) {
    const auto found = annotations.find(name);
    if (found == annotations.end()) return false;
    const auto& value = found->second.value;
    if (value.is_bool()) return value.get_bool();
    if (value.is_string()) return !value.get_string().empty();
    if (value.is_number()) return value.to_number<double>() != 0;
    return !value.is_null();
}

BLUEPRINT_FAAS_DECL ServerAnswer openwhisk_list(boost::json::array all, const OpenWhiskPage& page,
                                                std::string_view collection) {
    const auto begin = std::min(page.skip, all.size());
    if (page.count) return openwhisk_answer(boost::json::object{{collection, all.size() - begin}});
    const auto end = std::min(begin + page.limit, all.size());
    boost::json::array some;
    some.reserve(end - begin);
    for (auto at = begin; at < end; ++at) some.push_back(std::move(all[at]));
    return openwhisk_answer(some);
}

}  // namespace blueprint::faas::local

#endif
