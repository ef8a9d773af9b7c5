#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CUSTOM_PLATFORM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CUSTOM_PLATFORM_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/custom_platform.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL CustomPlatform::CustomPlatform(FunctionHost& host)
    : host_{host},
      credentials_{host.options},
      keys_{host.options.limits},
      all_ended_{host.strand, asio::steady_timer::time_point::max()} {}

BLUEPRINT_FAAS_DECL Error CustomPlatform::absent(std::string_view function_id) {
    return refusal(404, "NOT_FOUND", "there is no function '" + std::string{function_id} + '\'');
}

BLUEPRINT_FAAS_DECL std::shared_ptr<CustomPlatform::Function> CustomPlatform::find(std::string_view function_id) const {
    const auto found = functions_.find(function_id);
    return found == functions_.end() ? nullptr : found->second;
}

BLUEPRINT_FAAS_DECL std::uint32_t CustomPlatform::most_warm() const noexcept {
    return std::min(host_.options.limits.warm_instances, host_.options.account_concurrency);
}

/// Whether an upload may replace what exists. Source: custom platform contract, R8.
BLUEPRINT_FAAS_DECL std::optional<Error> CustomPlatform::put_conflict(const ServerRequest& head,
                                                                      const Function* existing) const {
    const auto match = host_.options.strict_1_0 ? std::nullopt : head.field("if-match");
    if (existing == nullptr) {
        if (match) return refusal(412, "PRECONDITION_FAILED", "there is no function to replace: leave out If-Match");
        if (functions_.size() >= host_.options.limits.functions)
            return refusal(403, "FORBIDDEN",
                           "there are " + std::to_string(functions_.size()) + " functions already: remove one first");
        return std::nullopt;
    }
    if (match && *match != "*" && (existing->revision.empty() || *match != '"' + existing->revision + '"'))
        return refusal(412, "PRECONDITION_FAILED", "the function has another revision than If-Match names");
    if (match && !head.field("if-none-match")) return std::nullopt;
    return refusal(409, "CONFLICT",
                   host_.options.strict_1_0 ? "the function exists: delete it first"
                                            : "the function exists: send If-Match: * to replace it");
}

BLUEPRINT_FAAS_DECL std::optional<Error> CustomPlatform::no_place(const Function& function) const {
    const auto account = host_.options.account_concurrency;
    const auto own = function.deployment->most_running();
    if (function.running >= own)
        return refusal(429, "THROTTLED",
                       "the function runs " + std::to_string(own) + " times already, which is its max_concurrency");
    if (running_ >= account)
        return refusal(429, "THROTTLED", "the platform runs " + std::to_string(account) + " invocations already");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL result<void> CustomPlatform::judge(const ServerRequest& head, const CustomRoute& route,
                                                       std::uint64_t& body_bytes) {
    const auto existing = find(route.function_id);
    body_bytes = 64U << 10;
    switch (route.operation) {
        case CustomOperation::deploy: {
            body_bytes = host_.options.limits.package_bytes;
            if (auto request = read_deploy_request(head, most_warm()); !request) return request.error();
            if (auto conflict = put_conflict(head, existing.get())) return std::move(*conflict);
            break;
        }
        case CustomOperation::invoke: {
            body_bytes = host_.options.limits.request_bytes;
            const auto call = read_invoke_head(head, host_.options.strict_1_0);
            if (!call) return call.error();
            if (!existing) return absent(route.function_id);
            // What a key is known for needs no place.
            if (!call->idempotency_key.empty() && keys_.find(route.function_id, call->idempotency_key)) break;
            if (auto full = no_place(*existing)) return std::move(*full);
            break;
        }
        default: break;
    }
    return {};
}

/// Adds what every answer has: the request's id, and what goes with some statuses.
inline ServerAnswer completed(ServerAnswer answer, const ServerRequest& head) {
    if (const auto id = plain_text(head.field("x-request-id"), 256)) answer.headers.emplace_back("X-Request-Id", *id);
    if (answer.status == 429 || answer.status == 503) answer.headers.emplace_back("Retry-After", "1");
    return answer;
}

BLUEPRINT_FAAS_DECL Admission CustomPlatform::admit(const ServerRequest& head) {
    Admission admission;
    if (const auto denial = credentials_.judge(head)) {
        const bool unknown = denial->status != 403;
        const auto* const message = unknown ? "a credential is needed" : "the credential is not good for this";
        auto answer = error_answer(refusal(unknown ? 401 : 403, unknown ? "UNAUTHORIZED" : "FORBIDDEN",
                                           denial->message.empty() ? message : denial->message),
                                   {});
        if (unknown) answer.headers.emplace_back("WWW-Authenticate", denial->challenge);
        answer.close = true;  // the body of a stranger is not read
        admission.refusal = completed(std::move(answer), head);
        return admission;
    }
    std::string allow;
    const auto route = read_custom_route(head.method, head.target, host_.options.strict_1_0, allow);
    if (!route) {
        auto answer = error_answer(route.error(), {});
        if (!allow.empty()) answer.headers.emplace_back("Allow", allow);
        admission.refusal = completed(std::move(answer), head);
        return admission;
    }
    if (auto judged = judge(head, *route, admission.body_bytes); !judged)
        admission.refusal = completed(error_answer(judged.error(), route->function_id), head);
    return admission;
}

BLUEPRINT_FAAS_DECL ServerAnswer CustomPlatform::failure(unsigned status, std::string_view message) {
    const char* const code = status == 403   ? "FORBIDDEN"
                             : status == 413 ? "TOO_LARGE"
                             : status == 431 ? "HEADER_TOO_LARGE"
                             : status == 503 ? "UNAVAILABLE"
                             : status >= 500 ? "INFRASTRUCTURE_ERROR"
                                             : "BAD_REQUEST";
    return completed(error_answer(refusal(status, code, std::string{message}), {}), {});
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> CustomPlatform::answer(ServerRequest request) {
    std::string allow;
    const auto route = read_custom_route(request.method, request.target, host_.options.strict_1_0, allow);
    if (!route) co_return error_answer(route.error(), {});  // `admit` has refused it before
    ServerRequest head;
    if (const auto id = request.field("x-request-id")) head.fields.emplace_back("X-Request-Id", *id);
    if (route->operation == CustomOperation::invoke) {
        std::string function_id = route->function_id;
        ServerAnswer answer = co_await invoke(std::move(function_id), std::move(request));
        co_return completed(std::move(answer), head);
    }
    auto handled = handle(*route, request);
    co_return completed(handled ? std::move(*handled) : error_answer(handled.error(), route->function_id), head);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> CustomPlatform::handle(const CustomRoute& route, ServerRequest& request) {
    using enum CustomOperation;
    if (route.operation == describe) return describe_platform();
    if (route.operation == list) {
        boost::json::array all;
        for (const auto& entry : functions_) all.push_back(describe_function(*entry.second, request));
        return json_answer(200, {{"functions", std::move(all)}});
    }
    if (route.operation == deploy) return deploy_function(route.function_id, request);
    const auto function = find(route.function_id);
    if (!function) return absent(route.function_id);
    switch (route.operation) {
        case health: return health_of(route.function_id, *function);
        case warm: return warm_function(route.function_id, request);
        case undeploy:
            function->deployment->retire();
            functions_.erase(route.function_id);
            return ServerAnswer{.status = 204};
        default: return json_answer(200, describe_function(*function, request));
    }
}

/// The base of the URLs in answers: what the client itself called the server.
inline std::string asked_at(const ServerRequest& request) {
    const auto host = request.field("host").value_or("");
    const auto harmless = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == ':' || c == '[' || c == ']' || c == '_';
    };
    if (host.empty() || host.size() > 255 || !std::all_of(host.begin(), host.end(), harmless)) return {};
    return (request.tls ? "https://" : "http://") + std::string{host};
}

BLUEPRINT_FAAS_DECL boost::json::object CustomPlatform::describe_function(const Function& function,
                                                                          const ServerRequest& request) const {
    auto description = function.description;
    const auto& id = description["function_id"].as_string();
    description["endpoint"] = asked_at(request) + "/api/functions/" + std::string{id.data(), id.size()} + "/invoke";
    // An estimate: what starting processes took here lately.
    const auto start_ms = std::chrono::ceil<std::chrono::milliseconds>(host_.start_time).count();
    description["cold_start_ms"] = std::max<std::int64_t>(start_ms, 1);
    return description;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> CustomPlatform::deploy_function(const std::string& function_id,
                                                                         ServerRequest& request) {
    // Judged again: something may have changed while the body was on its way.
    auto wanted = read_deploy_request(request, most_warm());
    if (!wanted) return wanted.error();
    auto existing = find(function_id);
    if (auto conflict = put_conflict(request, existing.get())) return std::move(*conflict);
    if (stopping_) return refusal(503, "UNAVAILABLE", "the platform is being stopped");
    if (!wanted->package_sha256.empty() && faas::detail::sha256_hex(request.body) != wanted->package_sha256)
        return refusal(400, "BAD_REQUEST", "the body is not what package_sha256 says: it was damaged on its way");
    auto package = host_.store->unpack(request.body);
    if (!package) {
        Error error = package.error();
        error.http_status = error.platform_code == "TOO_LARGE" ? 413 : error.platform_code == "BAD_REQUEST" ? 400 : 500;
        if (error.http_status == 500) error.platform_code = "INFRASTRUCTURE_ERROR";
        return error;
    }
    const bool replaces = existing != nullptr;
    auto function = replaces ? std::move(existing) : std::make_shared<Function>();
    const auto& settings = wanted->settings;
    function->description = {
        {"function_id", function_id},
        {"status", "deployed"},
        {"memory_mb", settings.memory_mb},
        {"timeout_secs", settings.timeout.count()},
        {"deployed_at", rfc3339(std::chrono::system_clock::now())},
        {"binary_size_bytes", package->bootstrap_bytes},
    };
    if (settings.max_concurrency) function->description["max_concurrency"] = *settings.max_concurrency;
    if (!host_.options.strict_1_0) {
        function->description["package_sha256"] = package->sha256;
        if (!wanted->revision.empty()) function->description["revision"] = wanted->revision;
        if (package->loop) function->description["loop"] = true;
    }
    function->revision = std::move(wanted->revision);
    function->problem.clear();
    auto deployment =
        std::make_shared<Deployment>(host_, function_id, std::move(wanted->settings), std::move(*package));
    if (function->deployment) function->deployment->retire();  // what runs on it goes on, and then its files go
    function->deployment = std::move(deployment);
    functions_.insert_or_assign(function_id, function);
    if (const auto count = function->deployment->settings().keep_warm; count > 0)
        if (auto warmed = function->deployment->warm(count); !warmed) function->problem = warmed.error().message;
    return json_answer(replaces ? 200 : 201, describe_function(*function, request));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> CustomPlatform::warm_function(const std::string& function_id,
                                                                       const ServerRequest& request) {
    const auto count =
        host_.options.strict_1_0 ? result<std::uint32_t>{1U} : read_warm_request(faas::detail::text_of(request.body));
    if (!count) return count.error();
    const auto function = find(function_id);
    if (!function) return absent(function_id);
    if (stopping_) return refusal(503, "UNAVAILABLE", "the platform is being stopped");
    const auto warmed = function->deployment->warm(*count);
    if (!warmed) {
        if (warmed.error().code == errc::function_error) function->problem = warmed.error().message;
        return warmed.error().code == errc::function_error
                   ? refusal(503, "UNHEALTHY", "the function cannot be started: " + warmed.error().message)
                   : refusal(500, "INFRASTRUCTURE_ERROR", warmed.error().message);
    }
    return json_answer(200, {{"function_id", function_id}, {"status", "warm"}, {"instances_warmed", *warmed}});
}

BLUEPRINT_FAAS_DECL ServerAnswer CustomPlatform::health_of(const std::string& function_id,
                                                           const Function& function) const {
    if (!function.problem.empty())
        return json_answer(503, {{"function_id", function_id},
                                 {"status", "unhealthy"},
                                 {"error", function.problem},
                                 {"code", "UNHEALTHY"},
                                 {"details", boost::json::object{{"function_id", function_id}}}});
    boost::json::object content{{"function_id", function_id},
                                {"status", "healthy"},
                                {"last_invocation", nullptr},
                                {"total_invocations", function.invocations}};
    if (function.invocations > 0) content["last_invocation"] = rfc3339(function.last_invocation);
    return json_answer(200, content);
}

BLUEPRINT_FAAS_DECL ServerAnswer CustomPlatform::describe_platform() const {
    const auto& limits = host_.options.limits;
    const auto range = [](std::uint64_t least, std::uint64_t most) {
        return boost::json::object{{"min", least}, {"max", most}};
    };
    // Only what is here: a client uses what is announced.
    return json_answer(
        200, {{"spec", "1.1"},
              {"features", {"replace", "base64", "binary", "async", "list", "idempotency", "warm-count", "loop"}},
              {"limits",
               {{"package_bytes", limits.package_bytes},
                {"unpacked_bytes", limits.unpacked_bytes},
                {"request_bytes", limits.request_bytes},
                {"answer_bytes", limits.answer_bytes},
                {"config_header_bytes", 8192},
                {"memory_mb", range(128, 10240)},
                {"timeout_secs", range(1, 900)},
                {"max_concurrency", range(1, 1000)},
                {"function_concurrency", host_.options.function_concurrency},
                {"account_concurrency", host_.options.account_concurrency},
                {"async_invocations", limits.async_invocations},
                {"idempotency_secs", std::chrono::duration_cast<std::chrono::seconds>(limits.idempotency).count()},
                {"idempotency_keys", limits.idempotency_keys},
                {"warm_instances", most_warm()}}}});
}

BLUEPRINT_FAAS_DECL void CustomPlatform::end_processes() {
    stopping_ = true;
    host_.ending = true;
    for (const auto& entry : functions_) entry.second->deployment->retire();
    host_.processes.kill_all();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> CustomPlatform::stop(std::chrono::milliseconds grace) {
    stopping_ = true;
    if (running_ > 0 && grace.count() > 0) {
        all_ended_.expires_after(grace);
        while (running_ > 0) {
            const auto [woken] = co_await all_ended_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (!woken) break;
        }
    }
    end_processes();
    all_ended_.expires_at(asio::steady_timer::time_point::max());
    while (running_ > 0) {
        const auto [ignored] = co_await all_ended_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
