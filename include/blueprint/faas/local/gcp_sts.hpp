#ifndef BLUEPRINT_FAAS_LOCAL_GCP_STS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_STS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// The Security Token Service, `POST /v1/token`: exchanges what another identity provider says of somebody for an
/// access token of Google's. A subject token of AWS is a signed request to AWS's STS; its signature is verified.
/// Source: Security Token Service API reference, `token`; RFC 8693.
class GcpSts {
public:
    static constexpr std::uint64_t body_bytes = 64U << 10;  ///< the longest request

    /// All must outlive it.
    GcpSts(const GcpOptions& options, GcpTokens& tokens, const GcpClock& clock)
        : options_{options}, tokens_{tokens}, clock_{clock} {}

    static bool takes(const ServerRequest& head);
    /// Whether it takes whatever looks right as a subject token of `identity`.
    static bool takes_any(const GcpWorkloadIdentity& identity) {
        return identity.subject_tokens.empty() && identity.client_secret.empty();
    }
    ServerAnswer answer(const ServerRequest& request);

private:
    /// Both return the subject: how the other provider names who asks.
    result<std::string> judge_token(const GcpWorkloadIdentity& identity, std::string_view token, bool jwt) const;
    result<std::string> judge_aws(const GcpWorkloadIdentity& identity, std::string_view token) const;

    const GcpOptions& options_;
    GcpTokens& tokens_;
    const GcpClock& clock_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_sts.ipp"
#endif

#endif
