#ifndef BLUEPRINT_FAAS_TRANSPORT_TLS_OPTIONS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_TLS_OPTIONS_HPP

#include "blueprint/faas/secret.hpp"

#include <string>
#include <vector>

namespace blueprint::faas {

/// Whom a TLS connection trusts, and who we are. The chain and the host name are always verified; there is no way to
/// switch that off. What cannot be used is `errc::invalid_configuration` at the first exchange and names the member.
struct TlsOptions {
    bool system_roots = true;     ///< trust what the machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed)
    std::string extra_roots{};    ///< PEM text of further certificate authorities, such as a company's own
    bool at_least_tls13 = false;  ///< refuse TLS 1.2

    std::string client_certificate{};  ///< PEM text of our certificate, its chain behind it; shown to who asks for one
    Secret client_key{};               ///< PEM text of its private key, encrypted or not
    Secret client_key_password{};      ///< opens an encrypted `client_key`

    /// Base64 SHA-256 digests of public keys (SubjectPublicKeyInfo). If any is given, a key of the server's verified
    /// chain, its own or an authority's, must be among them, on top of all other checks. Give a spare one too: a server
    /// that changes its key is refused otherwise. Made by
    /// `openssl x509 -pubkey -noout -in server.pem | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
    /// base64`. Source: RFC 7469, section 2.4.
    std::vector<std::string> pinned_keys{};
};

}  // namespace blueprint::faas

#endif
