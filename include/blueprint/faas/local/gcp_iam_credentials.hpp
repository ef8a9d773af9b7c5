#ifndef BLUEPRINT_FAAS_LOCAL_GCP_IAM_CREDENTIALS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_IAM_CREDENTIALS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_gate.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// The IAM Service Account Credentials API: `generateAccessToken` and `generateIdToken` below
/// `/v1/projects/-/serviceAccounts/`, for whoever may create tokens for that account.
/// Source: Service Account Credentials API reference, `projects.serviceAccounts`.
class GcpIamCredentials {
public:
    static constexpr std::uint64_t body_bytes = 64U << 10;  ///< the longest request

    /// All must outlive it.
    GcpIamCredentials(const GcpOptions& options, GcpTokens& tokens, const GcpGate& gate)
        : options_{options}, tokens_{tokens}, gate_{gate} {}

    static bool takes(const ServerRequest& head);
    ServerAnswer answer(const ServerRequest& request);

private:
    result<boost::json::object> handle(const ServerRequest& request);
    result<void> may_create(const std::string& member, const std::string& email, std::string_view permission) const;
    result<void> judge_chain(const GcpCaller& caller, const boost::json::object& body, const std::string& email,
                             std::string_view permission) const;

    const GcpOptions& options_;
    GcpTokens& tokens_;
    const GcpGate& gate_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_iam_credentials.ipp"
#endif

#endif
