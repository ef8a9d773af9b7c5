#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_IDENTITY_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_IDENTITY_HPP

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/transport/tls_options.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

inline Error refuse_tls(std::string why) {
    return Error{.code = errc::invalid_configuration, .message = std::move(why), .execution = Execution::not_started};
}

namespace tls {

// Gives OpenSSL the password; never lets it ask on the terminal.
BLUEPRINT_FAAS_COLD inline int give_password(char* buffer, int size, int, void* secret) {
    const auto password = static_cast<const Secret*>(secret)->reveal();
    if (size < 0 || password.size() > static_cast<std::size_t>(size)) return -1;
    std::copy(password.begin(), password.end(), buffer);
    return static_cast<int>(password.size());
}

}  // namespace tls

/// Gives `context` our certificate and its key. Each way in which they can be wrong has a sentence of its own; none
/// shows anything of the key.
BLUEPRINT_FAAS_COLD inline result<void> use_client_certificate(asio::ssl::context& context, const TlsOptions& options) {
    if (options.client_certificate.empty() && options.client_key.empty()) return {};
    if (options.client_certificate.empty())
        return refuse_tls("TlsOptions::client_key is given without TlsOptions::client_certificate");
    if (options.client_key.empty())
        return refuse_tls("TlsOptions::client_certificate is given without TlsOptions::client_key");
    boost::system::error_code failed;
    context.use_certificate_chain(asio::buffer(options.client_certificate), failed);
    if (failed) return refuse_tls("TlsOptions::client_certificate is not the PEM text of a certificate");

    const auto text = options.client_key.reveal();
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                        &BIO_free};
    Secret password = options.client_key_password;
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
        PEM_read_bio_PrivateKey(bio.get(), nullptr, &tls::give_password, &password), &EVP_PKEY_free};
    ERR_clear_error();
    if (!key) {
        const bool encrypted = text.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string_view::npos ||
                               text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
        if (!encrypted) return refuse_tls("TlsOptions::client_key is not the PEM text of a private key");
        if (password.empty())
            return refuse_tls("TlsOptions::client_key is encrypted: give TlsOptions::client_key_password");
        return refuse_tls("TlsOptions::client_key_password does not open TlsOptions::client_key");
    }
    const bool fits = SSL_CTX_use_PrivateKey(context.native_handle(), key.get()) == 1;
    ERR_clear_error();
    if (!fits)
        return refuse_tls(
            "TlsOptions::client_key is not the key of the first certificate in "
            "TlsOptions::client_certificate");
    return {};
}

/// Tells whether a TLS failure is the server's word about our certificate: none, or none that it accepts.
/// Source: RFC 8446, section 6.2, and RFC 5246, section 7.2.2.
BLUEPRINT_FAAS_COLD inline bool is_about_our_certificate(const boost::system::error_code& failed) {
    if (failed.category() != asio::error::get_ssl_category()) return false;
    switch (ERR_GET_REASON(static_cast<unsigned long>(failed.value()))) {
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED: return true;
        default: return false;
    }
}

}  // namespace blueprint::faas::detail

#endif
