#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SERVICES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SERVICES_IPP

#include "blueprint/faas/local/gcp_schema.hpp"
#include "blueprint/faas/local/gcp_services.hpp"
#include "blueprint/faas/local/impl/gcp_functions.ipp"
#include "blueprint/faas/local/impl/gcp_run_v1.ipp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

inline constexpr std::string_view gcp_log_root = "/local/logs/";

/// Takes a target of the v2 APIs apart: what follows the last colon is what is done with the resource.
inline GcpTarget read_gcp_v2_target(const ServerRequest& request) {
    auto target = read_request_target(request.target, "/v2/");
    auto& last = target.segments.back();
    if (const auto colon = last.rfind(':'); colon != std::string::npos) {
        target.verb = last.substr(colon + 1);
        last.resize(colon);
    }
    return target;
}

/// The kind of resource that a path names: "services", "functions", "operations".
inline std::string_view gcp_kind_of(const GcpTarget& target) {
    const auto& segments = target.segments;
    if (segments.size() < 3 || segments[0] != "projects" || segments[2] != "locations") return {};
    if (segments.size() == 3) return "locations";
    return segments.size() > 4 ? std::string_view{segments[4]} : std::string_view{};
}

BLUEPRINT_FAAS_DECL result<GcpCaller> GcpServices::judge(const ServerRequest& head) const {
    const auto kind = std::string{gcp_kind_of(read_gcp_v2_target(head))};
    const bool of_functions = kind == "functions" || kind == "runtimes";
    const auto service = of_functions ? GcpFunctions::service : GcpRun::service;
    auto caller = shared_.gate.judge_api(head, service);
    // Operations and locations are of both APIs, which have host names of their own there.
    if (!caller && (kind == "operations" || kind == "locations"))
        caller = shared_.gate.judge_api(head, GcpFunctions::service);
    if (!caller) return caller.error();
    const auto& options = shared_.options;
    const auto& disabled = options.disabled_services;
    if (std::find(disabled.begin(), disabled.end(), service) != disabled.end())
        return gcp_refusal(403, "PERMISSION_DENIED SERVICE_DISABLED",
                           (of_functions ? "Cloud Functions API" : "Cloud Run Admin API") +
                               std::string{" has not been used in project "} + options.project +
                               " before or it is disabled. Enable it by visiting "
                               "https://console.developers.google.com/apis/api/" +
                               std::string{service} + "/overview?project=" + options.project + " then retry.");
    const auto quota = head.field("x-goog-user-project");
    if (quota && *quota != options.project && *quota != options.project_number)
        return gcp_refusal(403, "PERMISSION_DENIED USER_PROJECT_DENIED",
                           "Caller does not have required permission to use project " + std::string{*quota} + '.');
    return caller;
}

BLUEPRINT_FAAS_DECL Admission GcpServices::admit(const ServerRequest& head) {
    if (GcpStorage::takes(head)) return shared_.storage.admit(head);
    const std::string_view target = head.target;
    if (!target.starts_with("/v2/") && !target.starts_with(gcp_log_root) && !target.starts_with(gcp_run_v1::root))
        return {.refusal = gcp_front_page(404, "Not Found", "The requested URL was not found on this server.")};
    const auto caller = judge(head);
    if (!caller) return {.refusal = gcp_failure(caller.error())};
    return {.body_bytes = 4U << 20};
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> GcpServices::answer(ServerRequest request) {
    if (GcpStorage::takes(request)) co_return shared_.storage.answer(std::move(request));
    const auto caller = judge(request);
    if (!caller) co_return gcp_failure(caller.error());
    if (request.target.starts_with(gcp_log_root)) {
        auto log = run_.log_of(std::string_view{request.target}.substr(gcp_log_root.size()));
        if (!log) co_return gcp_failure(gcp_no_resource("Log", request.target));
        ServerAnswer answer{.content_type = "text/plain; charset=utf-8"};
        answer.body = std::move(*log);
        co_return answer;
    }
    if (request.target.starts_with(gcp_run_v1::root)) {
        auto told = run_.answer_v1(request, *caller);
        co_return told ? std::move(*told) : gcp_failure(told.error());
    }
    auto target = read_gcp_v2_target(request);
    if (gcp_kind_of(target) == "operations" && target.verb == "wait" && request.method == "POST") {
        auto waiting = wait(std::move(target), std::move(request));
        ServerAnswer waited = co_await std::move(waiting);
        co_return waited;
    }
    auto answer = handle(std::move(target), request, *caller);
    co_return answer ? std::move(*answer) : gcp_failure(answer.error());
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpServices::handle(GcpTarget target, const ServerRequest& request,
                                                             const GcpCaller& caller) {
    const auto kind = gcp_kind_of(target);
    if (kind == "locations") return list_locations(target);
    if (kind.empty()) return gcp_unknown_method(request);
    const bool lists = request.method == "GET" && target.segments.size() == 5;
    if (auto fine = shared_.check_place(target, lists); !fine) return fine.error();
    if (kind == "services") return run_.answer(target, request, caller);
    if (kind == "functions" || kind == "runtimes") {
        const auto origin =
            std::string{request.tls ? "https://" : "http://"}.append(request.field("host").value_or("localhost"));
        return functions_.answer(target, request, caller, origin);
    }
    if (kind == "operations") return operations(target, request);
    return gcp_unknown_method(request);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpServices::list_locations(const GcpTarget& target) const {
    boost::json::array locations;
    for (const auto& id : {shared_.options.region, std::string{"us-central1"}})
        locations.push_back(boost::json::object{{"name", target.name(2) + "/locations/" + id}, {"locationId", id}});
    if (shared_.options.region == "us-central1") locations.resize(1);
    return gcp_json({{"locations", std::move(locations)}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpServices::operations(const GcpTarget& target,
                                                                 const ServerRequest& request) {
    auto& all = shared_.operations;
    if (!target.verb.empty() || target.segments.size() > 6) return gcp_unknown_method(request);
    if (target.segments.size() == 5) {
        if (request.method != "GET") return gcp_unknown_method(request);
        auto page = gcp_page(target, "operations", all.list(target.name(4)));
        if (!page) return page.error();
        return gcp_json(*page);
    }
    const auto name = target.name(6);
    if (request.method == "DELETE") {
        if (!all.forget(name)) return gcp_no_resource("Operation", name);
        return gcp_json({});
    }
    if (request.method != "GET") return gcp_unknown_method(request);
    const auto shown = all.show(name);
    if (!shown) return shown.error();
    return gcp_json(*shown);
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> GcpServices::wait(GcpTarget target, ServerRequest request) {
    if (auto fine = shared_.check_place(target, false); !fine) co_return gcp_failure(fine.error());
    const auto json = read_gcp_body(request);
    if (!json) co_return gcp_failure(json.error());
    const auto body = gcp_run_schema().read("WaitOperationRequest", *json);
    if (!body) co_return gcp_failure(body.error());
    const auto name = target.name(target.segments.size());
    if (const auto known = shared_.operations.show(name); !known) co_return gcp_failure(known.error());
    constexpr std::chrono::milliseconds longest{30'000};
    const auto wanted = gcp_duration(gcp_text(*body, "timeout")).value_or(longest);
    const auto limit = deadline_after(std::min(wanted, longest));
    co_await shared_.operations.wait(name, limit);
    const auto shown = shared_.operations.show(name);
    co_return shown ? gcp_json(*shown) : gcp_failure(shown.error());
}

BLUEPRINT_FAAS_DECL void GcpServices::serve_at(std::string url, std::weak_ptr<void> owner) {
    shared_.url = std::move(url);
    shared_.owned_by(std::move(owner));
}

BLUEPRINT_FAAS_DECL void GcpServices::end_processes() {
    shared_.host.ending = true;
    shared_.begin_stopping();
    run_.end();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpServices::stop(std::chrono::milliseconds grace) {
    asio::steady_timer look{shared_.host.strand};
    run_.stop_accepting();
    const auto limit = deadline_after(grace);
    while (run_.calls() > 0 && std::chrono::steady_clock::now() < limit) {
        look.expires_after(std::chrono::milliseconds{5});
        const auto [ignored] = co_await look.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    end_processes();
    auto finishing = shared_.finish();
    co_await std::move(finishing);
    const auto killed = deadline_after(shared_.host.options.limits.kill_after + std::chrono::milliseconds{500});
    while (run_.instances() > 0 && std::chrono::steady_clock::now() < killed) {
        look.expires_after(std::chrono::milliseconds{5});
        const auto [ignored] = co_await look.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
