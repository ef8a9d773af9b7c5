#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_IPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_IPP

#include "blueprint/faas/auth/sigv4.hpp"
#include "blueprint/faas/detail/retry_after.hpp"

#include <string>

namespace blueprint::faas {

namespace aws {

BLUEPRINT_FAAS_DECL std::chrono::system_clock::time_point SkewedClock::now() const {
    return environment_.now() + std::chrono::seconds{ahead_seconds_.load(std::memory_order_relaxed)};
}

BLUEPRINT_FAAS_DECL void SkewedClock::observe(const HttpRequest& request, const HttpResponse& answer) noexcept {
    if (answer.status != 400 && answer.status != 403) return;
    if (answer.headers.get("Age")) return;
    const auto signed_for = read_amz_date(request.headers.get("X-Amz-Date").value_or(""));
    const auto theirs = faas::detail::read_http_date(answer.headers.get("Date").value_or(""));
    if (!signed_for || !theirs || std::chrono::abs(*theirs - *signed_for) <= tolerance) return;
    // Not by the request's time: a request that lay about before it was sent would make a good clock a bad one.
    const auto ours = std::chrono::floor<std::chrono::seconds>(environment_.now());
    ahead_seconds_.store((*theirs - ours).count(), std::memory_order_relaxed);
}

BLUEPRINT_FAAS_DECL bool SkewedClock::is_off(const HttpRequest& request) const noexcept {
    const auto signed_for = read_amz_date(request.headers.get("X-Amz-Date").value_or(""));
    return signed_for && std::chrono::abs(now() - *signed_for) > tolerance;
}

BLUEPRINT_FAAS_DECL std::string_view signed_by(const HttpRequest& request) noexcept {
    constexpr std::string_view begin = "AWS4-HMAC-SHA256 Credential=";
    const auto field = request.headers.get("Authorization").value_or("");
    if (!field.starts_with(begin)) return {};
    return field.substr(begin.size(), field.find('/') - begin.size());
}

}  // namespace aws

namespace detail {

BLUEPRINT_FAAS_DECL result<void> SharedSigner::sign(HttpRequest& request,
                                                    const std::shared_ptr<const aws::Credentials>& by,
                                                    std::string_view service) {
    if (!by)
        return Error{.code = errc::authentication,
                     .message = "cannot sign for AWS: the provider of credentials gave none",
                     .execution = Execution::not_started};
    if (service.empty() || service == scope_.service) {
        const bool leave_out = unsigned_uploads_ && request.origin.tls && !aws::path_rules(scope_.service).encode;
        return signer_.sign(request, *by, scope_, clock_.now(), {.unsigned_payload = leave_out});
    }
    const bool leave_out = unsigned_uploads_ && request.origin.tls && !aws::path_rules(service).encode;
    return signer_.sign(request, *by, {.region = scope_.region, .service = std::string{service}}, clock_.now(),
                        {.unsigned_payload = leave_out});
}

}  // namespace detail
}  // namespace blueprint::faas

#endif
