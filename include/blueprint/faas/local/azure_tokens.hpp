#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_TOKENS_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_TOKENS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/jwt.hpp"
#include "blueprint/faas/local/platform_clock.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

using AzureClock = PlatformClock;

/// Makes the `Error` of a request that Azure refuses. `code`: as in its answer, "AuthorizationFailed".
inline Error azure_refusal(unsigned http_status, std::string_view code, std::string message) {
    return Error{.code = errc::invocation_failed,
                 .message = std::move(message),
                 .http_status = http_status,
                 .platform_code = std::string{code},
                 .execution = Execution::not_started};
}

/// Who calls, as an access token says.
struct AzureCaller {
    std::string client_id{};    ///< of the application or managed identity: "appid"
    std::string object_id{};    ///< of its service principal in the tenant: "oid"
    std::string audience{};     ///< what the token is for, as it was asked for: "aud"
    std::string resource_id{};  ///< of a managed identity: "xms_mirid"; empty: an application
};

/// An access token that somebody was given.
struct AzureToken {
    Secret value{};
    std::chrono::system_clock::time_point expires{};
};

/// Returns the object id of an application's service principal in the tenant: a UUID, the same for the same two.
BLUEPRINT_FAAS_DECL std::string azure_object_id(std::string_view tenant, std::string_view client_id);

/// What tokens can be for.
enum class AzureResource {
    none,        ///< nothing that is here
    management,  ///< Azure's management API, and what deploys to an app: "https://management.azure.com"
    storage,     ///< blobs: "https://storage.azure.com"
};

/// Tells what that audience is. The management API has several names, with and without a slash at the end; `url` is one
/// more: where the local cloud has it.
BLUEPRINT_FAAS_DECL AzureResource azure_resource(std::string_view audience, std::string_view url = {});

/// Gives out access tokens, JWTs that everybody can verify by the published key, and knows them again.
/// Source: Microsoft identity platform documentation, "Access token claims reference", version 1.0.
class AzureTokens {
public:
    /// Makes the signing key. Throws `std::runtime_error` if OpenSSL cannot. Both must outlive it.
    AzureTokens(const AzureOptions& options, const AzureClock& clock) : options_{options}, clock_{clock} {}

    /// Signs a token for `AzureOptions::token_life`.
    AzureToken issue(const AzureCaller& caller) const;
    /// Verifies a token: signature, issuer, tenant and times; not what it is for. `Error::platform_code` is the
    /// management API's word for what is wrong: "InvalidAuthenticationToken", "ExpiredAuthenticationToken".
    result<AzureCaller> judge(std::string_view token) const;

    /// The published key as a JWK set. `issuer`: as the tenant's discovery document says.
    std::string key_set(std::string_view issuer) const;
    /// Who signs: "https://sts.windows.net/TENANT/".
    std::string issuer() const;

private:
    const AzureOptions& options_;
    const AzureClock& clock_;
    JwtKey key_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_tokens.ipp"
#endif

#endif
