#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_API_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_API_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/digitalocean_api.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"
#include "blueprint/faas/local/impl/form_words.hpp"
#include "blueprint/faas/local/options.hpp"
#include "blueprint/faas/local/random.hpp"
#include "blueprint/faas/local/request_target.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <system_error>

namespace blueprint::faas::local {

/// A time as in "2022-09-14T04:16:45Z".
inline std::string digitalocean_time(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[64];
    const int size = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900,
                                   utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    return {text, static_cast<std::size_t>(size)};
}

inline ServerAnswer digitalocean_json(const boost::json::object& content, unsigned status = 200) {
    ServerAnswer answer{.status = status, .content_type = "application/json; charset=utf-8"};
    answer.headers.emplace_back("x-request-id", random_uuid());
    answer.body = answer_json(content);
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer digitalocean_failure(unsigned status, std::string_view id, std::string_view message) {
    const auto request_id = random_uuid();
    auto answer = digitalocean_json({{"id", id}, {"message", message}, {"request_id", request_id}}, status);
    answer.headers.front().second = request_id;
    return answer;
}

/// Keys alone have a 400 in the published description: a namespace that is asked for wrongly is a "bad_request" as
/// well, with status 404.
inline ServerAnswer digitalocean_bad_request(unsigned status, std::string_view why) {
    return digitalocean_failure(status, "bad_request", "Invalid request payload: " + std::string{why});
}

/// Reads "12h" or "7d"; nothing: it is no such text, or less than an hour.
inline std::optional<std::chrono::hours> digitalocean_life(std::string_view text) {
    if (!text.ends_with('h') && !text.ends_with('d')) return std::nullopt;
    const auto digits = text.substr(0, text.size() - 1);
    std::uint32_t count = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    constexpr std::uint32_t most = 1'000'000;
    if (failed != std::errc{} || end != digits.data() + digits.size() || count == 0 || count > most)
        return std::nullopt;
    return std::chrono::hours{text.back() == 'd' ? count * 24 : count};
}

/// A text of a body; nothing: there is none, or it is something else.
inline std::optional<std::string> digitalocean_text(const boost::json::object& body, std::string_view name) {
    const auto* const found = body.if_contains(name);
    if (found == nullptr || !found->is_string() || found->get_string().empty()) return std::nullopt;
    return std::string{found->get_string()};
}

inline boost::json::object digitalocean_key(const DigitalOceanKey& key) {
    boost::json::object shown{{"id", key.id}, {"name", key.name}, {"expires_at", nullptr}};
    if (key.expires) shown["expires_at"] = digitalocean_time(*key.expires);
    shown["created_at"] = digitalocean_time(key.created);
    shown["updated_at"] = digitalocean_time(key.updated);
    return shown;
}

BLUEPRINT_FAAS_DECL DigitalOceanApi::Caller DigitalOceanApi::judge(const ServerRequest& head) const {
    const auto token = bearer_token(head.field("authorization").value_or(""));
    if (!token) return {};
    const auto is_sent = [&](const Secret& known) { return same_secret(*token, known); };
    const bool reads = std::count_if(options_.readers.begin(), options_.readers.end(), is_sent) > 0;
    const bool may = std::count_if(options_.tokens.begin(), options_.tokens.end(), is_sent) > 0;
    if (!reads && !may && !options_.tokens.empty()) return {};
    return {.digest = faas::detail::sha256_hex(faas::detail::bytes_of(*token)), .reads_only = reads};
}

BLUEPRINT_FAAS_DECL DigitalOceanApi::Call DigitalOceanApi::call_of(const ServerRequest& head) {
    auto target = read_request_target(head.target, "/v2/");
    auto& path = target.segments;
    if (path.size() < 2 || path[0] != "functions" || path[1] != "namespaces") return {};
    const auto is = [&](std::string_view method) { return head.method == method; };
    using enum Operation;
    if (path.size() == 2) return {.operation = is("GET") ? list : is("POST") ? create : none};
    Call call{.name_space = std::move(path[2])};
    if (path.size() == 3) call.operation = is("GET") ? get : is("DELETE") ? remove : none;
    if (path.size() < 4 || path[3] != "keys") return call;
    if (path.size() == 4) call.operation = is("GET") ? list_keys : is("POST") ? make_key : none;
    if (path.size() == 5) {
        call.key = std::move(path[4]);
        call.operation = is("PUT") ? rename_key : is("DELETE") ? remove_key : none;
    }
    return call;
}

BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> DigitalOceanApi::refuse(const ServerRequest& head,
                                                                        const Caller& caller) const {
    if (caller.digest.empty()) return digitalocean_failure(401, "unauthorized", "Unable to authenticate you.");
    const auto operation = call_of(head).operation;
    if (operation == Operation::none)
        return digitalocean_failure(404, "not_found", "The resource you were accessing could not be found.");
    if (caller.reads_only && operation == Operation::get)
        return digitalocean_failure(403, "forbidden", "not allowed to get namespace");
    if (caller.reads_only && operation != Operation::list)
        return digitalocean_failure(403, "forbidden", "You do not have access for the attempted action.");
    if (head.content_length.value_or(0) > body_bytes)
        return digitalocean_failure(413, "request_entity_too_large", "the body is too long");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanApi::with_rate(ServerAnswer answer, const DigitalOceanRate& rate) {
    answer.headers.emplace_back("ratelimit-limit", std::to_string(rate.limit));
    answer.headers.emplace_back("ratelimit-remaining", std::to_string(rate.remaining));
    answer.headers.emplace_back("ratelimit-reset", std::to_string(rate.reset));
    if (rate.retry_after) answer.headers.emplace_back("retry-after", std::to_string(*rate.retry_after));
    return answer;
}

BLUEPRINT_FAAS_DECL Admission DigitalOceanApi::admit(const ServerRequest& head) {
    const auto caller = judge(head);
    const auto rate = rates_.count(caller.digest);
    if (rate.refused)
        return {.refusal = with_rate(digitalocean_failure(429, "too_many_requests", "API rate limit exceeded."), rate)};
    if (auto refusal = refuse(head, caller)) return {.refusal = with_rate(std::move(*refusal), rate)};
    return {.body_bytes = body_bytes};
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanApi::answer(const ServerRequest& request,
                                                         const std::function<void(const std::string&)>& removed) {
    auto rate = rates_.look(judge(request).digest);
    rate.retry_after.reset();  // that is for who is refused
    return with_rate(perform(request, removed), rate);
}

BLUEPRINT_FAAS_DECL boost::json::object DigitalOceanApi::show(const DigitalOceanNamespace& one) const {
    boost::json::object shown{{"api_host", url_},
                              {"namespace", one.id},
                              {"created_at", digitalocean_time(one.created)},
                              {"updated_at", digitalocean_time(one.created)},
                              {"label", one.label},
                              {"region", one.region}};
    if (!one.uuid.empty()) {
        shown["uuid"] = one.uuid;
        shown["key"] = one.key.reveal();
    }
    return shown;
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanApi::create(const boost::json::object& body) {
    auto label = digitalocean_text(body, "label");
    auto region = digitalocean_text(body, "region");
    if (!label) return digitalocean_bad_request(404, "missing label field");
    if (!region) return digitalocean_bad_request(404, "missing region field");
    if (!DigitalOceanNamespaces::is_region(*region)) return digitalocean_bad_request(404, "invalid region");
    if (namespaces_.full()) return digitalocean_failure(422, "unprocessable_entity", "namespace limit reached");
    return digitalocean_json({{"namespace", show(namespaces_.make(std::move(*label), std::move(*region)))}});
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanApi::make_key(DigitalOceanNamespace& in, const boost::json::object& body) {
    auto name = digitalocean_text(body, "name");
    if (!name) return digitalocean_bad_request(400, "missing name field");
    std::optional<std::chrono::hours> life;
    if (const auto* const given = body.if_contains("expires_in")) {
        if (given->is_string()) life = digitalocean_life(given->get_string());
        if (!life) return digitalocean_bad_request(400, "expires_in must be a number of hours or days, at least 1h");
    }
    if (in.key_named(*name) != nullptr)
        return digitalocean_failure(409, "conflict", "The request could not be completed due to a conflict.");
    const auto [key, secret] = in.make_key(std::move(*name), life, clock_.now());
    auto shown = digitalocean_key(*key);
    shown["secret"] = secret.reveal();
    return digitalocean_json({{"access_key", std::move(shown)}}, 201);
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanApi::rename_key(DigitalOceanNamespace& in, DigitalOceanKey& key,
                                                             const boost::json::object& body) {
    auto name = digitalocean_text(body, "name");
    if (!name) return digitalocean_bad_request(400, "missing name field");
    if (const auto* const other = in.key_named(*name); other != nullptr && other != &key)
        return digitalocean_failure(409, "conflict", "The request could not be completed due to a conflict.");
    key.name = std::move(*name);
    key.updated = clock_.now();
    return digitalocean_json({{"access_key", digitalocean_key(key)}});
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanApi::perform_on_keys(const Call& call, DigitalOceanNamespace& in,
                                                                  const boost::json::object& body) {
    if (call.operation == Operation::make_key) return make_key(in, body);
    if (call.operation == Operation::list_keys) {
        boost::json::array keys;
        for (const auto& key : in.keys) keys.push_back(digitalocean_key(key));
        const auto count = keys.size();
        return digitalocean_json({{"access_keys", std::move(keys)}, {"count", count}});
    }
    auto* const key = in.find_key(call.key);
    if (key == nullptr) return digitalocean_failure(404, "not_found", "access key not found");
    if (call.operation == Operation::rename_key) return rename_key(in, *key, body);
    in.remove_key(call.key);
    return digitalocean_json({});
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanApi::perform(const ServerRequest& request,
                                                          const std::function<void(const std::string&)>& removed) {
    const auto call = call_of(request);
    const bool of_key = call.operation == Operation::make_key || call.operation == Operation::rename_key;
    boost::json::object body;
    if (of_key || call.operation == Operation::create) {
        boost::system::error_code failed;
        auto json = boost::json::parse(faas::detail::text_of(request.body), failed);
        if (failed || !json.is_object() || !has_type(request, "application/json"))
            return digitalocean_bad_request(of_key ? 400 : 404, "it must be a JSON object, of type application/json");
        body = std::move(json.get_object());
    }
    if (call.operation == Operation::create) return create(body);
    if (call.operation == Operation::list) {
        boost::json::array all;
        for (const auto& one : namespaces_.all()) all.push_back(show(one));
        return digitalocean_json({{"namespaces", std::move(all)}});
    }
    auto* const one = namespaces_.find(call.name_space);
    if (one == nullptr) return digitalocean_failure(404, "not_found", "namespace not found");
    if (one->of_app_platform())
        return digitalocean_failure(403, "forbidden", "You do not have access for the attempted action.");
    if (call.operation == Operation::get) return digitalocean_json({{"namespace", show(*one)}});
    if (call.operation != Operation::remove) return perform_on_keys(call, *one, body);
    namespaces_.remove(call.name_space);
    removed(call.name_space);
    ServerAnswer answer{.status = 204, .content_type = ""};
    answer.headers.emplace_back("x-request-id", random_uuid());
    return answer;
}

}  // namespace blueprint::faas::local

#endif
