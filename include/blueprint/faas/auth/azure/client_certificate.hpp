#ifndef BLUEPRINT_FAAS_AUTH_AZURE_CLIENT_CERTIFICATE_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_CLIENT_CERTIFICATE_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/auth/jwt.hpp"
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

/// An application that signs in by signing an assertion with the key of a certificate that it has registered.
struct ClientCertificateOptions {
    std::string tenant{};     ///< its id, or a domain name of it
    std::string client_id{};  ///< "Application (client) ID"
    std::string path{};       ///< of a file in PEM: the private key, its certificate, and what that is issued by
    Secret password{};        ///< of the key; empty: it has none
    /// Sends the certificates along, for applications that trust whatever is issued to a name by an authority.
    bool send_chain = false;
    /// By `ps256` the certificate is named by its SHA-256, by `rs256` by its SHA-1: what AD FS wants.
    RsaSignature signature = RsaSignature::ps256;
    std::string authority{};  ///< empty: AZURE_AUTHORITY_HOST, else that of the public cloud
};

/// Makes a credential of an application and its certificate. The file is read at once, to see whether it will do, and
/// anew for every token, so that a certificate may be renewed. `errc::invalid_configuration` names what is missing or
/// wrong, and shows nothing of the key.
/// Source: Microsoft identity platform, "Application authentication certificate credentials".
BLUEPRINT_FAAS_DECL result<Credential> client_certificate(const faas::Environment& environment,
                                                          ClientCertificateOptions options);

namespace credentials {

/// An application and its certificate, which the caller gives.
class ClientCertificate {
public:
    static constexpr std::string_view name = "ClientCertificateCredential";

    explicit ClientCertificate(ClientCertificateOptions options) : options_{std::move(options)} {}

    BLUEPRINT_FAAS_DECL asio::awaitable<result<CredentialSearch>> find(const Reach& reach, Deadline deadline) const;

private:
    ClientCertificateOptions options_;
};
static_assert(CredentialSource<ClientCertificate>);

}  // namespace credentials

}  // namespace blueprint::faas::azure

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/client_certificate.ipp"
#endif

#endif
