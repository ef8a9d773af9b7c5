#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_LOGIN_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_LOGIN_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/jwt.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// Microsoft Entra ID as applications see it: the token endpoint `POST /{tenant}/oauth2/v2.0/token`, and without "v2.0"
/// the older one; the discovery documents; and the keys by which everybody verifies tokens.
///
/// An assertion that an application signed is verified in all: signature, certificate, audience, issuer and times. That
/// it is shown again is no fault, as there: Microsoft's own library shows one for as long as it is good. Of a foreign
/// identity's token issuer, subject, audience and times are judged; not its signature, because its issuer's keys are
/// not known here.
/// Source: Microsoft identity platform documentation, "OAuth 2.0 client credentials flow", "Certificate credentials"
/// and "Microsoft Entra authentication and authorization error codes".
class AzureLogin {
public:
    static constexpr std::uint64_t body_bytes = 64U << 10;  ///< the longest request

    /// All must outlive it.
    AzureLogin(const AzureOptions& options, const AzureTokens& tokens, const AzureClock& clock)
        : options_{options}, tokens_{tokens}, clock_{clock} {}

    static bool takes(const ServerRequest& head);
    ServerAnswer answer(const ServerRequest& request) const;
    /// Where it is: one more name of the management API.
    void reached_at(std::string url) { url_ = std::move(url); }

private:
    using Form = std::map<std::string, std::string, std::less<>>;
    /// What a path names: a tenant, and what of it.
    struct Place {
        std::string_view tenant{};
        std::string_view what{};
    };

    static Place place_of(const ServerRequest& request);
    bool knows_tenant(std::string_view tenant) const;
    ServerAnswer token(const ServerRequest& request, const Place& place) const;
    result<AzureCaller> judge(const ServerRequest& request, const Place& place) const;
    result<void> judge_client(const ServerRequest& request, const Place& place, const Form& form,
                              const AzureApplication& application) const;
    result<void> judge_secret(const AzureApplication& application, std::string_view secret) const;
    result<void> judge_signed(const ServerRequest& request, const Place& place, const AzureApplication& application,
                              const Jwt& jwt) const;
    result<void> judge_federated(const AzureApplication& application, const Jwt& jwt) const;
    result<std::string> judge_scope(const Place& place, const Form& form) const;
    ServerAnswer refused(const ServerRequest& request, const Error& error) const;

    const AzureOptions& options_;
    const AzureTokens& tokens_;
    const AzureClock& clock_;
    std::string url_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_login.ipp"
#endif

#endif
