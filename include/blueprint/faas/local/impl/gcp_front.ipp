#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FRONT_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FRONT_IPP

#include "blueprint/faas/local/gcp_front.hpp"
#include "blueprint/faas/local/random.hpp"

#include <algorithm>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL ServerAnswer gcp_front_page(unsigned status, std::string_view title, std::string_view message) {
    ServerAnswer answer{.status = status, .content_type = "text/html; charset=UTF-8"};
    answer.body = "<html><head><title>" + std::to_string(status) + ' ' + std::string{title} +
                  "</title></head><body><h1>Error: " + std::string{title} + "</h1><h2>" + std::string{message} +
                  "</h2></body></html>\n";
    answer.headers.emplace_back("Server", "Google Frontend");
    return answer;
}

inline ServerAnswer gcp_front_text(unsigned status, std::string_view text) {
    ServerAnswer answer{.status = status, .content_type = "text/plain; charset=utf-8"};
    answer.body = text;
    return answer;
}

/// Words why no instance answered a call.
inline ServerAnswer gcp_no_answer(const Error& error) {
    const auto& why = error.platform_code;
    if (why == "BUSY") return gcp_front_text(429, "Rate exceeded.");
    if (why == "TIMEOUT") return gcp_front_text(504, "upstream request timeout");
    if (why == "TOO_LARGE") return gcp_front_page(500, "Server Error", "The response was too large.");
    return gcp_front_page(503, "Server Error",
                          "The service you requested is not available yet.<p>Please try again in 30 seconds.");
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<GcpFront>> GcpFront::open(FunctionHost& host, const GcpGate& gate,
                                                                     std::weak_ptr<void> owner) {
    std::shared_ptr<GcpFront> front{new GcpFront{host, gate, std::move(owner)}};
    CloudOptions options = host.options;
    options.port = 0;
    options.client_ca.clear();  // who calls shows a token
    if (auto started = front->server_.start(options, front->weak_from_this()); !started) return started.error();
    return front;
}

BLUEPRINT_FAAS_DECL void GcpFront::set_traffic(std::vector<Share> shares) {
    turns_.clear();
    for (auto& share : shares)
        if (share.percent > 0 && share.pool) turns_.push_back({.share = std::move(share)});
}

/// Takes turns, so that of a hundred calls in a row each revision gets exactly its share, well mixed.
BLUEPRINT_FAAS_DECL std::shared_ptr<HttpPool> GcpFront::choose() {
    Turn* best = nullptr;
    std::int64_t total = 0;
    for (auto& turn : turns_) {
        turn.credit += turn.share.percent;
        total += turn.share.percent;
        if (best == nullptr || turn.credit > best->credit) best = &turn;
    }
    if (best == nullptr) return nullptr;
    best->credit -= total;
    return best->share.pool;
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpFront::failure(unsigned status, std::string_view message) {
    if (status == 413)
        return gcp_front_page(413, "Request Entity Too Large", "Your client issued a request that was too large.");
    return gcp_front_page(status, status < 500 ? "Bad Request" : "Server Error", message);
}

BLUEPRINT_FAAS_DECL Admission GcpFront::admit(const ServerRequest& head) {
    const auto owner = owner_.lock();
    if (!owner) return {.refusal = failure(503, "The service is gone.")};
    if (!rules_.reachable)
        return {.refusal = gcp_front_page(404, "Page not found", "The requested URL was not found on this server.")};
    if (!rules_.everybody) {
        auto audiences = rules_.audiences;
        audiences.push_back(url());
        const auto caller = gate_.judge_invocation(head, audiences);
        if (!caller) return {.refusal = gcp_invocation_failure(caller.error())};
        const auto& members = rules_.members;
        if (!rules_.all_known && std::find(members.begin(), members.end(), caller->member) == members.end())
            return {.refusal = gcp_invocation_failure(GcpGate::not_invoker())};
    }
    return {.body_bytes = body_bytes};
}

/// What reaches the instance cannot be used to call others: the token that let the call in has lost its signature.
/// Source: Cloud Run documentation, "Authenticating service-to-service", X-Serverless-Authorization.
BLUEPRINT_FAAS_DECL void GcpFront::hide_signature(ServerRequest& request) {
    const std::string_view checked =
        request.field("x-serverless-authorization") ? "x-serverless-authorization" : "authorization";
    for (auto& [name, value] : request.fields) {
        if (!faas::detail::iequals(name, checked)) continue;
        const auto dot = value.rfind('.');
        if (dot != std::string::npos && value.find('.') != dot)
            value.replace(dot + 1, value.npos, "SIGNATURE_REMOVED_BY_GOOGLE");
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> GcpFront::answer(ServerRequest request) {
    const auto self = shared_from_this();
    const auto owner = owner_.lock();
    if (!owner) co_return failure(503, "The service is gone.");
    const auto pool = choose();
    if (!pool) co_return failure(503, "The service has no revision that is ready.");
    const auto& prefix = rules_.path_prefix;
    if (!prefix.empty() && request.target.starts_with(prefix)) {
        auto rest = request.target.substr(prefix.size());
        if (rest.empty() || rest.front() == '/' || rest.front() == '?')
            request.target = rest.starts_with('/') ? rest : '/' + rest;
    }
    hide_signature(request);
    request.fields.emplace_back("X-Forwarded-For", "127.0.0.1");
    request.fields.emplace_back("X-Forwarded-Proto", request.tls ? "https" : "http");
    auto outcome = co_await pool->call(std::move(request));
    ServerAnswer answer = outcome ? std::move(*outcome) : gcp_no_answer(outcome.error());
    auto trace = random_uuid();
    std::erase(trace, '-');
    answer.headers.emplace_back("X-Cloud-Trace-Context", trace + ";o=1");
    co_return answer;
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
