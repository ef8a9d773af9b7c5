#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_FORM_WORDS_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_FORM_WORDS_HPP

// What token endpoints of several platforms read and answer in the same way. Included by files of the local cloud
// alone.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

inline std::vector<std::string_view> split_text(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = std::min(text.find(separator), text.size());
        if (end > 0) parts.push_back(text.substr(0, end));
        if (end == text.size()) return parts;
        text.remove_prefix(end + 1);
    }
}

/// Returns the token of a field "Bearer TOKEN", whatever the case of "Bearer"; nothing if it is of another scheme.
inline std::optional<std::string_view> bearer_token(std::string_view field) {
    constexpr std::string_view scheme = "bearer ";
    if (field.size() <= scheme.size() || !faas::detail::iequals(field.substr(0, scheme.size()), scheme))
        return std::nullopt;
    return field.substr(scheme.size());
}

using HttpForm = std::map<std::string, std::string, std::less<>>;

/// Reads `a=b&c=d%20e+f`; nothing if it is no such form, or a name comes twice. Source: RFC 6749, sections 3.2 and B.
inline std::optional<HttpForm> read_http_form(std::string_view text) {
    HttpForm form;
    for (const auto pair : split_text(text, '&')) {
        const auto equals = std::min(pair.find('='), pair.size());
        std::string name{pair.substr(0, equals)};
        std::string value{pair.substr(std::min(equals + 1, pair.size()))};
        std::replace(name.begin(), name.end(), '+', ' ');
        std::replace(value.begin(), value.end(), '+', ' ');
        auto decoded_name = faas::detail::percent_decode(name);
        auto decoded_value = faas::detail::percent_decode(value);
        if (!decoded_name || !decoded_value ||
            !form.emplace(std::move(*decoded_name), std::move(*decoded_value)).second)
            return std::nullopt;
    }
    return form;
}

/// Returns a parameter of a form; empty if it was not sent.
inline std::string_view form_text(const HttpForm& form, std::string_view name) {
    const auto found = form.find(name);
    return found == form.end() ? std::string_view{} : std::string_view{found->second};
}

inline std::string_view path_of(const ServerRequest& request) {
    return std::string_view{request.target}.substr(0, request.target.find('?'));
}

/// Tells whether a body's type is that one, whatever parameters follow.
inline bool has_type(const ServerRequest& request, std::string_view type) {
    const auto field = request.field("content-type").value_or("");
    auto essence = field.substr(0, field.find(';'));
    while (essence.ends_with(' ')) essence.remove_suffix(1);
    return faas::detail::iequals(essence, type);
}

/// Answers a request for tokens with JSON that nobody keeps.
inline ServerAnswer token_answer(const boost::json::object& content, unsigned status = 200) {
    ServerAnswer answer{.status = status, .content_type = "application/json; charset=utf-8"};
    answer.headers.emplace_back("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate");
    answer.body = answer_json(content);
    return answer;
}

}  // namespace blueprint::faas::local

#endif
