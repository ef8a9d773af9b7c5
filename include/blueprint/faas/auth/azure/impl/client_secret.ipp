#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CLIENT_SECRET_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CLIENT_SECRET_IPP

#include "blueprint/faas/auth/azure/client_secret.hpp"
#include "blueprint/faas/auth/azure/impl/token_endpoint.hpp"

#include <memory>
#include <utility>

namespace blueprint::faas::detail::azure_client_secret {

/// Never changed after it is made, so that fetches may share it.
struct Client {
    azure_auth::Application application{};
    Secret secret{};
};

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::TimedToken>> fetch(std::shared_ptr<const Client> client,
                                                                            Reach reach, azure::TokenRequest request,
                                                                            Deadline deadline) {
    azure_auth::Proof proof;
    proof.client_secret = client->secret;
    auto question = azure_auth::question_of(client->application, request, proof);
    return azure_auth::ask_for_token(std::move(reach), std::move(question), deadline);
}

BLUEPRINT_FAAS_COLD inline result<azure::Credential> make(const Environment& environment,
                                                          azure::ClientSecretOptions options,
                                                          const azure_auth::Names& names) {
    if (options.secret.empty())
        return azure_auth::failure(errc::invalid_configuration, std::string{names.proof} + " is empty");
    auto application = azure_auth::make_application(environment, "the client secret", names, options.tenant,
                                                    options.client_id, options.authority);
    if (!application) return std::move(application).error();
    auto client = std::make_shared<Client>();
    client->application = std::move(*application);
    client->secret = std::move(options.secret);
    azure::Credential credential;
    credential.what = client->application.what;
    credential.fetch = [shared = std::shared_ptr<const Client>{std::move(client)}](
                           Reach reach, azure::TokenRequest request, Deadline deadline) {
        return fetch(shared, std::move(reach), std::move(request), deadline);
    };
    return credential;
}

}  // namespace blueprint::faas::detail::azure_client_secret

namespace blueprint::faas::azure {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> client_secret(const faas::Environment& environment,
                                                                         ClientSecretOptions options) {
    static constexpr faas::detail::azure_auth::Names names{.tenant = "ClientSecretOptions::tenant",
                                                           .client_id = "ClientSecretOptions::client_id",
                                                           .proof = "ClientSecretOptions::secret"};
    return faas::detail::azure_client_secret::make(environment, std::move(options), names);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> credentials::ClientSecret::find(
    const Reach& reach, Deadline) const {
    return faas::detail::azure_auth::found_at_once(client_secret(*reach.environment, options_));
}

}  // namespace blueprint::faas::azure

#endif
