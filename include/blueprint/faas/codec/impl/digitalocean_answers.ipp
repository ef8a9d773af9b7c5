#ifndef BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_ANSWERS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_ANSWERS_IPP

#include "blueprint/faas/codec/digitalocean_api.hpp"
#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace digitalocean_api {

namespace json = boost::json;
using answer_reading::for_people;

struct Meaning {
    errc code{};
    bool retryable = false;
};

// Whoever says 404 and is not the API itself, with its `id`, knows nothing of what is there.
BLUEPRINT_FAAS_COLD inline std::optional<Meaning> meaning_of(unsigned status, std::string_view id) {
    switch (status) {
        case 400:
        case 411:
        case 413:
        case 415:
        case 422: return Meaning{errc::invalid_configuration, false};
        case 401: return Meaning{errc::authentication, true};
        case 403: return Meaning{errc::authentication, false};
        // The API documents its `bad_request` of a namespace without a label as a 404.
        case 404: return Meaning{id == "not_found" ? errc::not_found : errc::invalid_configuration, false};
        case 405:
        case 501: return Meaning{errc::unsupported, false};
        case 409:
        case 412: return Meaning{errc::conflict, false};
        case 410: return Meaning{errc::invocation_failed, false};
        case 429: return Meaning{errc::throttled, true};
        case 408:
        case 500:
        case 502:
        case 503:
        case 504: return Meaning{errc::infrastructure, true};
        default: return std::nullopt;
    }
}

BLUEPRINT_FAAS_COLD inline std::string_view advice(const Meaning& meaning, std::string_view message) {
    switch (meaning.code) {
        case errc::authentication:
            return meaning.retryable ? "; check the API token: it may have expired, or been deleted"
                                     : "; the API token lacks a scope for this: namespaces need function:read and "
                                       "function:create, access keys need function:admin";
        case errc::throttled:
            return "; DigitalOcean takes 250 requests a minute and 5000 an hour from one token: wait, or ask for less";
        case errc::infrastructure: return "; DigitalOcean has a problem, try again later";
        case errc::invalid_configuration:
            if (message.find("limit reached") != std::string_view::npos)
                return "; delete what is not needed any more, or name a namespace that is there";
            return "";
        default: return "";
    }
}

BLUEPRINT_FAAS_COLD inline std::optional<std::uint32_t> number_field(const HttpResponse& answer,
                                                                     std::string_view name) {
    const auto text = answer.headers.get(name).value_or("");
    std::uint32_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto [stopped, failed] = std::from_chars(text.data(), end, number);
    if (text.empty() || failed != std::errc{} || stopped != end) return std::nullopt;
    return number;
}

// `retry-after` comes with the limit of a minute alone. That of an hour tells when the oldest request of it is counted
// no more, which is compared with the answer's own `Date`, so that no clock of ours decides.
// Source: DigitalOcean API, "Rate Limit".
BLUEPRINT_FAAS_COLD inline std::optional<std::chrono::milliseconds> wait_asked_for(const HttpResponse& answer) {
    if (const auto told = read_retry_after(answer)) return told;
    if (answer.status != 429 || number_field(answer, "ratelimit-remaining") != 0U) return std::nullopt;
    const auto reset = number_field(answer, "ratelimit-reset");
    const auto now = read_http_date(answer.headers.get("Date").value_or(""));
    if (!reset || !now) return std::nullopt;
    // Both are whole seconds.
    return std::max(std::chrono::seconds{1}, std::chrono::sys_seconds{std::chrono::seconds{*reset}} - *now);
}

BLUEPRINT_FAAS_COLD inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    return Error{.code = errc::serialization,
                 .message = "DigitalOcean's answer is not what its API says: " + std::string{what},
                 .http_status = answer.status,
                 .execution = Execution::not_started};
}

// Reads what holds keys: parsed into memory that is wiped, out of a text that is wiped too.
template <class T, class Read>
BLUEPRINT_FAAS_COLD result<T> read_wiped(HttpResponse& answer, std::string_view what, Read read) {
    WipedMemory memory{answer.body.size()};
    boost::system::error_code failed;
    const json::value document = json::parse(answer.body, failed, memory.storage());
    wipe(answer.body);
    const auto* object = !failed ? document.if_object() : nullptr;
    std::optional<T> out;
    if (object != nullptr) out = read(*object);
    if (!out) return unreadable(answer, what);
    return std::move(*out);
}

// The name with .io is on its way to clients with certificates; for these ids the same host answers as .co.
// Source: doctl, do/serverless.go.
BLUEPRINT_FAAS_COLD inline std::string host_to_ask(std::string_view told, std::string_view id) {
    static constexpr std::string_view old_end = ".io";
    while (told.ends_with('/')) told.remove_suffix(1);
    std::string host{told};
    if (id.starts_with("fn-") && host.ends_with(old_end)) host.replace(host.size() - old_end.size(), 3, ".co");
    return host;
}

BLUEPRINT_FAAS_COLD inline std::optional<DigitalOceanNamespace> namespace_of(const json::value& value) {
    const auto* const told = value.if_object();
    if (told == nullptr || text_in(*told, "namespace").empty()) return std::nullopt;
    DigitalOceanNamespace out;
    out.id = text_in(*told, "namespace");
    out.label = text_in(*told, "label");
    out.region = text_in(*told, "region");
    out.api_host = host_to_ask(text_in(*told, "api_host"), out.id);
    const auto uuid = text_in(*told, "uuid");
    if (const auto key = text_in(*told, "key"); !uuid.empty() && !key.empty())
        out.legacy_key = std::string{uuid}.append(":") + Secret{key};
    return out;
}

BLUEPRINT_FAAS_COLD inline std::optional<DigitalOceanKey> key_of(const json::object& told) {
    DigitalOceanKey key;
    key.id = text_in(told, "id");
    key.secret = Secret{text_in(told, "secret")};
    const auto made = read_timestamp(text_in(told, "created_at"));
    const auto ends = read_timestamp(text_in(told, "expires_at"));
    if (made && ends && *ends > *made) key.life = std::chrono::duration_cast<std::chrono::milliseconds>(*ends - *made);
    // The id becomes the name of a user, which ends at a colon.
    const bool good = !key.id.empty() && key.id.find_first_of(": \t\r\n") == std::string::npos && !key.secret.empty();
    return good ? std::optional{std::move(key)} : std::nullopt;
}

}  // namespace digitalocean_api

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> DigitalOceanApi::judge(const HttpResponse& answer) {
    using namespace digitalocean_api;
    if (answer.status >= 200 && answer.status < 300) return std::nullopt;
    if (answer.status >= 300 && answer.status < 400) {
        const auto where = answer.headers.get("Location").value_or("an address it does not name");
        return Error{.code = errc::infrastructure,
                     .message = "DigitalOcean's API redirects to " + for_people(where.substr(0, where.find('?'))) +
                                "; redirects are not followed: give that address as the endpoint if you trust it",
                     .http_status = answer.status,
                     .execution = Execution::not_started};
    }
    std::string id;
    std::string message;
    Error error;
    if (const auto body = answer_reading::parse_object(answer.body)) {
        id = for_people(text_in(*body, "id"));
        message = for_people(text_in(*body, "message"));
        error.request_id = for_people(text_in(*body, "request_id"));
    } else {
        message = answer_reading::plain_body_text(answer.body);
    }
    if (message.empty()) message = "DigitalOcean answered HTTP " + std::to_string(answer.status);
    const auto meaning = meaning_of(answer.status, id);
    if (!meaning) {
        error.code = errc::serialization;
        message += "; that is an answer which DigitalOcean's API does not have";
    } else {
        error.code = meaning->code;
        error.retryable = meaning->retryable;
        error.retry_after = wait_asked_for(answer);
        if (answer.status == 404 && id.empty())
            message += "; that was not said by DigitalOcean's API: check the endpoint and proxies";
        message += advice(*meaning, message);
        error.execution = meaning->code == errc::infrastructure ? Execution::unknown : Execution::not_started;
    }
    error.message = std::move(message);
    error.http_status = answer.status;
    error.platform_code = std::move(id);
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::vector<DigitalOceanNamespace>> DigitalOceanApi::read_namespaces(
    HttpResponse& answer) {
    using namespace digitalocean_api;
    using List = std::vector<DigitalOceanNamespace>;
    return read_wiped<List>(answer, "a list of namespaces has none", [](const json::object& body) {
        std::optional<List> out;
        const auto* const told = body.if_contains("namespaces");
        // A list without entries may come as null. What is no list at all must not pass for an account without
        // namespaces, because then one would be made (D1).
        if (told == nullptr || !(told->is_array() || told->is_null())) return out;
        List all;
        if (told->is_array()) {
            for (const auto& one : told->get_array()) {
                auto read = namespace_of(one);
                if (!read) return out;
                // App Platform's own: it deploys there itself, and nobody else is to.
                if (!read->id.starts_with("ap-")) all.push_back(std::move(*read));
            }
        }
        out = std::move(all);
        return out;
    });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<DigitalOceanNamespace> DigitalOceanApi::read_namespace(
    HttpResponse& answer) {
    using namespace digitalocean_api;
    return read_wiped<DigitalOceanNamespace>(answer, "a namespace has no id", [](const json::object& body) {
        const auto* const told = body.if_contains("namespace");
        return told != nullptr ? namespace_of(*told) : std::nullopt;
    });
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<DigitalOceanKey> DigitalOceanApi::read_key(HttpResponse& answer) {
    using namespace digitalocean_api;
    return read_wiped<DigitalOceanKey>(answer, "an access key has no id or no secret", [](const json::object& body) {
        const auto* const told = answer_reading::object_member(body, "access_key");
        return told != nullptr ? key_of(*told) : std::nullopt;
    });
}

}  // namespace blueprint::faas::detail

#endif
