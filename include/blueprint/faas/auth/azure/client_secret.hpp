#ifndef BLUEPRINT_FAAS_AUTH_AZURE_CLIENT_SECRET_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_CLIENT_SECRET_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::azure {

/// An application that signs in with a secret.
struct ClientSecretOptions {
    std::string tenant{};     ///< its id, or a domain name of it
    std::string client_id{};  ///< "Application (client) ID"
    Secret secret{};          ///< the secret's value, not its id
    std::string authority{};  ///< empty: AZURE_AUTHORITY_HOST, else that of the public cloud
};

/// Makes a credential of an application and its secret. `errc::invalid_configuration` names what is missing or wrong.
/// Source: Microsoft identity platform, "OAuth 2.0 client credentials flow", access token request with a shared secret.
BLUEPRINT_FAAS_DECL result<Credential> client_secret(const faas::Environment& environment, ClientSecretOptions options);

namespace credentials {

/// An application and its secret, which the caller gives.
class ClientSecret {
public:
    static constexpr std::string_view name = "ClientSecretCredential";

    explicit ClientSecret(ClientSecretOptions options) : options_{std::move(options)} {}

    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    ClientSecretOptions options_;
};
static_assert(CredentialSource<ClientSecret>);

}  // namespace credentials

}  // namespace blueprint::faas::azure

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/client_secret.ipp"
#endif

#endif
