#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CLIENT_CERTIFICATE_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CLIENT_CERTIFICATE_IPP

#include "blueprint/faas/auth/azure/client_certificate.hpp"
#include "blueprint/faas/auth/azure/impl/certificate_file.hpp"
#include "blueprint/faas/auth/azure/impl/token_endpoint.hpp"
#include "blueprint/faas/detail/random.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <memory>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::azure_certificate {

namespace json = boost::json;

/// Never changed after it is made, so that fetches may share it.
struct Client {
    azure_auth::Application application{};
    azure::ClientCertificateOptions options{};
    std::string where{};
};

BLUEPRINT_FAAS_COLD inline result<Certificate> read(const Client& client, const Environment& environment) {
    auto text = environment.read_file(client.options.path);
    if (!text) return std::move(text).error();
    if (!*text)
        return azure_auth::failure(errc::invalid_configuration, client.where + " does not exist; correct the path");
    return read_certificate(**text, client.options.password, client.where);
}

/// Signs that the application asks. Source: Microsoft identity platform, "Application authentication certificate
/// credentials", assertion format.
BLUEPRINT_FAAS_COLD inline result<Secret> assertion_of(const Client& client, const Certificate& certificate,
                                                       std::chrono::system_clock::time_point now) {
    const bool pss = client.options.signature == RsaSignature::ps256;
    json::object header;
    header["alg"] = pss ? "PS256" : "RS256";
    header["typ"] = "JWT";
    header[pss ? "x5t#S256" : "x5t"] = pss ? certificate.sha256 : certificate.sha1;
    if (client.options.send_chain) {
        json::array chain;
        for (const auto& one : certificate.chain) chain.emplace_back(one);
        header["x5c"] = std::move(chain);
    }
    const auto begin = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
    json::object claims;
    claims["aud"] = client.application.token_url;
    claims["iss"] = client.application.client_id;
    claims["sub"] = client.application.client_id;
    claims["jti"] = random_uuid();
    claims["nbf"] = begin.count();
    claims["exp"] = (begin + std::chrono::minutes{10}).count();
    return sign_jwt(certificate.key, json::serialize(header), json::serialize(claims), client.options.signature);
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::TimedToken>> fetch(std::shared_ptr<const Client> client,
                                                                            Reach reach, azure::TokenRequest request,
                                                                            Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto certificate = read(*client, *reach.environment);
    if (!certificate) co_return certificate.error();
    azure_auth::Proof proof;
    auto assertion = assertion_of(*client, *certificate, reach.environment->now());
    if (!assertion) co_return std::move(assertion).error();
    proof.assertion = std::move(*assertion);
    auto question = azure_auth::question_of(client->application, request, proof);
    auto asking = azure_auth::ask_for_token(std::move(reach), std::move(question), deadline);
    co_return co_await std::move(asking);
}

BLUEPRINT_FAAS_COLD inline result<azure::Credential> make(const Environment& environment,
                                                          azure::ClientCertificateOptions options,
                                                          const azure_auth::Names& names) {
    if (options.path.empty())
        return azure_auth::failure(errc::invalid_configuration, std::string{names.proof} + " is empty");
    auto application = azure_auth::make_application(environment, "the certificate", names, options.tenant,
                                                    options.client_id, options.authority);
    if (!application) return std::move(application).error();
    auto client = std::make_shared<Client>();
    client->application = std::move(*application);
    client->where = std::string{names.proof} + ", '" + options.path + "',";
    client->options = std::move(options);
    if (auto usable = read(*client, environment); !usable) return std::move(usable).error();
    azure::Credential credential;
    credential.what = client->application.what;
    credential.fetch = [shared = std::shared_ptr<const Client>{std::move(client)}](
                           Reach reach, azure::TokenRequest request, Deadline deadline) {
        return fetch(shared, std::move(reach), std::move(request), deadline);
    };
    return credential;
}

}  // namespace blueprint::faas::detail::azure_certificate

namespace blueprint::faas::azure {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Credential> client_certificate(const faas::Environment& environment,
                                                                              ClientCertificateOptions options) {
    static constexpr faas::detail::azure_auth::Names names{.tenant = "ClientCertificateOptions::tenant",
                                                           .client_id = "ClientCertificateOptions::client_id",
                                                           .proof = "ClientCertificateOptions::path"};
    return faas::detail::azure_certificate::make(environment, std::move(options), names);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> credentials::ClientCertificate::find(
    const Reach& reach, Deadline) const {
    return faas::detail::azure_auth::found_at_once(client_certificate(*reach.environment, options_));
}

}  // namespace blueprint::faas::azure
BLUEPRINT_FAAS_COROUTINES_END

#endif
