#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_CONTEXT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_CONTEXT_HPP

#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/transport/tls_options.hpp"

#include <boost/asio/ssl/context.hpp>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// Makes the context that all connections of a transport share: what to trust, and how new TLS must be.
inline result<std::shared_ptr<asio::ssl::context>> make_tls_context(const TlsOptions& options) {
    const auto refuse = [](std::string why) {
        return Error{
            .code = errc::invalid_configuration, .message = std::move(why), .execution = Execution::not_started};
    };
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    auto* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, options.at_least_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    static constexpr unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(native, protocols, sizeof protocols);
    context->set_verify_mode(asio::ssl::verify_peer);

    if (options.system_roots) {
        const auto& environment = Environment::process();
        const auto file = environment.variable("SSL_CERT_FILE");
        const auto directory = environment.variable("SSL_CERT_DIR");
        std::error_code ignored;
        if (file || directory) {
            if (file && SSL_CTX_load_verify_file(native, file->c_str()) != 1)
                return refuse("SSL_CERT_FILE names '" + *file + "', which is no readable PEM file of certificates");
            if (directory) SSL_CTX_load_verify_dir(native, directory->c_str());
        } else if (std::filesystem::is_directory("/etc/ssl/certs", ignored)) {
            // A hashed directory is read as certificates are needed; the bundle file costs 27 ms at once.
            SSL_CTX_load_verify_dir(native, "/etc/ssl/certs");
        } else {
            SSL_CTX_set_default_verify_paths(native);
        }
    }
    if (!options.extra_roots.empty()) {
        boost::system::error_code failed;
        context->add_certificate_authority(asio::buffer(options.extra_roots), failed);
        if (failed) return refuse("TlsOptions::extra_roots is not the PEM text of a certificate: " + failed.message());
    }
    return context;
}

/// Says in a sentence why a certificate was refused and what to do about it.
inline std::string explain_certificate(long verdict) {
    std::string why = X509_verify_cert_error_string(verdict);
    switch (verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED: return why + "; the server must renew it, or this machine's clock is wrong";
        case X509_V_ERR_CERT_NOT_YET_VALID: return why + "; check the clock of this machine";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH: return why + "; use the name that the certificate was made for";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return why + "; if you trust its authority, give it as TlsOptions::extra_roots";
        default: return why;
    }
}

}  // namespace blueprint::faas::detail

#endif
