#ifndef BLUEPRINT_FAAS_TRANSPORT_TLS_OPTIONS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_TLS_OPTIONS_HPP

#include <string>

namespace blueprint::faas {

/// Whom a TLS connection trusts. The chain and the host name are always verified; there is no way to switch that off.
struct TlsOptions {
    bool system_roots = true;     ///< trust what the machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed)
    std::string extra_roots{};    ///< PEM text of further certificate authorities, such as a company's own
    bool at_least_tls13 = false;  ///< refuse TLS 1.2
};

}  // namespace blueprint::faas

#endif
