#ifndef BLUEPRINT_FAAS_LOCAL_GCP_GATE_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_GATE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// Makes the `Error` of a request that one of Google's APIs refuses. `status`: the code's name, "PERMISSION_DENIED";
/// after a blank may follow the reason that Google's `ErrorInfo` gives: "PERMISSION_DENIED SERVICE_DISABLED".
BLUEPRINT_FAAS_DECL Error gcp_refusal(unsigned http_status, std::string_view status, std::string message);

/// Words a refusal as Google's APIs do: `{"error":{"code":403,"message":"...","status":"PERMISSION_DENIED"}}`. A 401
/// carries the challenge.
/// Source: Google Cloud APIs, "Errors", JSON representation.
BLUEPRINT_FAAS_DECL ServerAnswer gcp_failure(const Error& error);

/// Words why the front end lets a call not pass to a function or service: a page, and with 401 the challenge.
/// Source: Cloud Run documentation, "Troubleshoot Cloud Run issues", 401 and 403.
BLUEPRINT_FAAS_DECL ServerAnswer gcp_invocation_failure(const Error& error);

/// Judges who calls. Access tokens and self-signed JWTs open Google's APIs, ID tokens open functions and services;
/// neither opens the other.
class GcpGate {
public:
    /// All must outlive it.
    GcpGate(const GcpOptions& options, const GcpTokens& tokens, const GcpClock& clock)
        : options_{options}, tokens_{tokens}, clock_{clock} {}

    /// Returns who asks one of Google's APIs: an access token that may do so (`cloud-platform`, or a scope of
    /// `scopes`), or a JWT that a service account signed for `service`, "run.googleapis.com". 401 or 403 otherwise.
    /// `scopes`: narrower ones that are enough, parted by blanks.
    result<GcpCaller> judge_api(const ServerRequest& head, std::string_view service,
                                std::string_view scopes = {}) const;
    /// Refuses, with Google's words, who may not administrate. `permission`: "run.services.create"; `resource`:
    /// "projects/p/locations/l/services/s".
    result<void> require(const GcpCaller& caller, std::string_view permission, std::string_view resource) const;
    bool may_administrate(const GcpCaller& caller) const;

    /// Returns who calls a function or service that is reached at one of `audiences`: its URL, and others that it was
    /// given. X-Serverless-Authorization comes before Authorization. 401 for all but a good ID token, 403 without any.
    /// Whether that caller may is the policy's matter.
    result<GcpCaller> judge_invocation(const ServerRequest& head, const std::vector<std::string>& audiences) const;
    /// The refusal of a caller whom the policy does not let in: 403.
    static Error not_invoker();

private:
    result<GcpCaller> judge_self_signed(std::string_view token, std::string_view service) const;

    const GcpOptions& options_;
    const GcpTokens& tokens_;
    const GcpClock& clock_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_gate.ipp"
#endif

#endif
