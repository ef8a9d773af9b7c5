#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_PLATFORM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_PLATFORM_IPP

#include "blueprint/faas/local/gcp_platform.hpp"

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL GcpPlatform::GcpPlatform(GcpOptions options, const Environment& environment)
    : options_{std::move(options)},
      clock_{options_.clock_offset, environment},
      tokens_{options_, clock_},
      gate_{options_, tokens_, clock_},
      oauth_{options_, tokens_, clock_},
      sts_{options_, tokens_, clock_},
      iam_credentials_{options_, tokens_, gate_},
      metadata_{options_, tokens_, clock_} {}

BLUEPRINT_FAAS_DECL ServerAnswer GcpPlatform::dated(ServerAnswer answer) const {
    if (options_.clock_offset.count() != 0) answer.date = clock_.http_date();
    return answer;
}

BLUEPRINT_FAAS_DECL void GcpPlatform::serve_at(std::string url, std::weak_ptr<void> owner) {
    oauth_.reached_at(url);
    if (apis_) apis_->serve_at(std::move(url), std::move(owner));
}

BLUEPRINT_FAAS_DECL void GcpPlatform::end_processes() {
    if (apis_) apis_->end_processes();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpPlatform::stop(std::chrono::milliseconds grace) {
    if (apis_) co_await apis_->stop(grace);
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpPlatform::failure(unsigned status, std::string_view message) {
    return dated(gcp_failure(gcp_refusal(status,
                                         status == 413   ? "INVALID_ARGUMENT"
                                         : status == 503 ? "UNAVAILABLE"
                                         : status < 500  ? "INVALID_ARGUMENT"
                                                         : "INTERNAL",
                                         std::string{message})));
}

inline Error gcp_no_such_path(const ServerRequest& head) {
    const auto path = std::string_view{head.target}.substr(0, head.target.find('?'));
    return gcp_refusal(404, "NOT_FOUND",
                       "The requested URL " + std::string{path.substr(0, 200)} + " was not found on this server.");
}

BLUEPRINT_FAAS_DECL Admission GcpPlatform::admit(const ServerRequest& head) {
    if (options_.fault)
        if (auto answer = options_.fault(head)) return {.refusal = std::move(*answer)};
    if (GcpMetadata::takes(head)) return {.body_bytes = 4096};
    if (GcpOauth::takes(head)) return {.body_bytes = GcpOauth::body_bytes};
    if (GcpSts::takes(head)) return {.body_bytes = GcpSts::body_bytes};
    if (GcpIamCredentials::takes(head)) return {.body_bytes = GcpIamCredentials::body_bytes};
    if (!apis_) return {.refusal = dated(gcp_failure(gcp_no_such_path(head)))};
    Admission admission = apis_->admit(head);
    if (admission.refusal) admission.refusal = dated(std::move(*admission.refusal));
    return admission;
}

BLUEPRINT_FAAS_DECL bool GcpPlatform::anybody_may(const ServerRequest& head) const {
    if (GcpMetadata::takes(head)) return true;
    return GcpSts::takes(head) && std::any_of(options_.identities.begin(), options_.identities.end(),
                                              [](const auto& identity) { return GcpSts::takes_any(identity); });
}

BLUEPRINT_FAAS_DECL void GcpPlatform::broken_off(const ServerRequest& head, bool too_long) {
    if (apis_) apis_->broken_off(head, too_long);
}

BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> GcpPlatform::answer_identity(const ServerRequest& request) {
    if (GcpMetadata::takes(request)) return metadata_.answer(request);
    if (GcpOauth::takes(request)) return oauth_.answer(request);
    if (GcpSts::takes(request)) return sts_.answer(request);
    if (GcpIamCredentials::takes(request)) return iam_credentials_.answer(request);
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> GcpPlatform::answer(ServerRequest request) {
    if (auto identity = answer_identity(request)) co_return dated(std::move(*identity));
    ServerAnswer answer = co_await apis_->answer(std::move(request));
    co_return dated(std::move(answer));
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
