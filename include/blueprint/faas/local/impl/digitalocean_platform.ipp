#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_PLATFORM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_PLATFORM_IPP

#include "blueprint/faas/local/digitalocean_platform.hpp"
#include "blueprint/faas/local/impl/basic_words.hpp"

#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL DigitalOceanPlatform::DigitalOceanPlatform(DigitalOceanOptions options,
                                                               const Environment& environment)
    : options_{std::move(options)},
      clock_{options_.clock_offset, environment},
      namespaces_{options_, clock_},
      api_{options_, clock_, namespaces_} {}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanPlatform::dated(ServerAnswer answer) const {
    if (options_.clock_offset.count() != 0) answer.date = clock_.http_date();
    return answer;
}

BLUEPRINT_FAAS_DECL void DigitalOceanPlatform::serve_at(std::string url, std::weak_ptr<void> owner) {
    api_.reached_at(url);
    if (functions_) functions_->serve_at(std::move(url), std::move(owner));
}

BLUEPRINT_FAAS_DECL void DigitalOceanPlatform::end_processes() {
    if (functions_) functions_->end_processes();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> DigitalOceanPlatform::stop(std::chrono::milliseconds grace) {
    if (functions_) co_await functions_->stop(grace);
}

/// Bodies that are too long for the API are refused before they come, so that a 413 here is about a function.
BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanPlatform::failure(unsigned status, std::string_view message) {
    if (status == 413 && functions_) return dated(functions_->refusal(status, message));
    return dated(digitalocean_failure(status,
                                      status == 413   ? "request_entity_too_large"
                                      : status == 503 ? "service_unavailable"
                                      : status < 500  ? "bad_request"
                                                      : "server_error",
                                      message));
}

BLUEPRINT_FAAS_DECL std::optional<std::string> DigitalOceanPlatform::namespace_of(const ServerRequest& head) const {
    const auto pair = basic_pair(head.field("authorization").value_or(""));
    return pair ? namespaces_.opened_by(pair->user, pair->password) : std::nullopt;
}

/// Refuses a request for the functions whose head does not say who asks.
BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> DigitalOceanPlatform::refuse(const ServerRequest& head) const {
    if (!functions_)
        return digitalocean_failure(404, "not_found", "The resource you were accessing could not be found.");
    if (namespace_of(head)) return std::nullopt;
    return openwhisk_unauthorized(*functions_, head.field("authorization").has_value());
}

BLUEPRINT_FAAS_DECL Admission DigitalOceanPlatform::admit(const ServerRequest& head) {
    if (options_.fault)
        if (auto answer = options_.fault(head)) return {.refusal = dated(std::move(*answer))};
    Admission admission;
    if (DigitalOceanApi::takes(head))
        admission = api_.admit(head);
    else if (functions_ && functions_->answer_anybody(head))
        admission.body_bytes = 4096;
    else if (auto refusal = refuse(head))
        admission.refusal = std::move(refusal);
    else
        admission = functions_->admit(head);
    if (admission.refusal) admission.refusal = dated(std::move(*admission.refusal));
    return admission;
}

BLUEPRINT_FAAS_DECL ServerAnswer DigitalOceanPlatform::answer_api(const ServerRequest& request) {
    return api_.answer(request, [this](const std::string& id) {
        if (functions_) functions_->remove_namespace(id);
    });
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> DigitalOceanPlatform::answer(ServerRequest request) {
    if (DigitalOceanApi::takes(request)) co_return dated(answer_api(request));
    if (auto told = functions_->answer_anybody(request)) co_return dated(std::move(*told));
    // The key may have been removed while the body came.
    auto name_space = namespace_of(request);
    if (!name_space) co_return dated(openwhisk_unauthorized(*functions_, true));
    ServerAnswer answer = co_await functions_->answer(std::move(request), std::move(*name_space));
    co_return dated(std::move(answer));
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
