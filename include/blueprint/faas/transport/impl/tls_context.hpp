#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_CONTEXT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_CONTEXT_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/transport/impl/ca_bundle.hpp"
#include "blueprint/faas/transport/impl/tls_identity.hpp"
#include "blueprint/faas/transport/impl/tls_sessions.hpp"
#include "blueprint/faas/transport/tls_options.hpp"

#include <boost/asio/ssl/context.hpp>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace blueprint::faas::detail {

namespace asio = boost::asio;

/// What all TLS connections of a transport share. Lives on the heap at one place: OpenSSL keeps pointers into it.
struct TlsContext {
    explicit TlsContext(bool locks) : sessions{locks} {}
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    asio::ssl::context context{asio::ssl::context::tls_client};
    std::vector<Sha256Digest> pins{};
    TlsSessions sessions;
};

/// What OpenSSL's callbacks tell about one connection and need to know of it; the connection owns it.
struct TlsPeer {
    TlsContext* context = nullptr;
    std::string origin{};                 ///< the sessions' key
    bool wanted_our_certificate = false;  ///< the server asked for one, and we have none
};

/// Finds the `TlsPeer` of an `SSL`.
inline int tls_peer_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}
inline TlsPeer* tls_peer(SSL* ssl) { return static_cast<TlsPeer*>(SSL_get_ex_data(ssl, tls_peer_index())); }

/// Where a machine keeps its certificate authorities: a directory in which OpenSSL finds them by hash, or else one
/// file.
struct SystemRoots {
    std::string directory{};
    std::string file{};
};

/// Looks where distributions keep their bundle, below `root`. A hashed directory comes first: it is read as
/// certificates are needed (0.1 ms), where of a bundle all names are read (1 ms).
BLUEPRINT_FAAS_COLD inline SystemRoots find_system_roots(const std::filesystem::path& root = "/") {
    static constexpr const char* directories[] = {"etc/ssl/certs",      // Debian, Ubuntu, SUSE, Alpine, Arch
                                                  "etc/pki/tls/certs",  // Fedora, RHEL, Amazon Linux
                                                  "etc/pki/ca-trust/extracted/pem/directory-hash", "etc/openssl/certs",
                                                  "system/etc/security/cacerts"};
    static constexpr const char* files[] = {"etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Alpine, Arch
                                            "etc/pki/tls/certs/ca-bundle.crt",    // Fedora, RHEL
                                            "etc/ssl/ca-bundle.pem",              // SUSE
                                            "etc/pki/tls/cacert.pem",
                                            "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                            "etc/ssl/cert.pem",
                                            "usr/local/share/certs/ca-root-nss.crt"};
    const auto is_hashed = [](const std::filesystem::path& entry) {  // such as 5ad8a5d6.0
        const auto name = entry.filename().string();
        return name.size() == 10 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8;
    };
    std::error_code failed;
    for (const auto* directory : directories) {
        for (std::filesystem::directory_iterator entry{root / directory, failed}, end; !failed && entry != end;
             entry.increment(failed))
            if (is_hashed(entry->path())) return {.directory = (root / directory).string()};
    }
    for (const auto* file : files)
        if (std::filesystem::is_regular_file(root / file, failed)) return {.file = (root / file).string()};
    return {};
}

namespace tls {

// Trusts the authorities of a file, which must be there. Files that are more than certificates are for OpenSSL to read.
BLUEPRINT_FAAS_COLD inline bool trust_file(SSL_CTX* native, const std::string& path, const Environment& environment) {
    const auto text = environment.read_file(path, std::size_t{16} << 20U);
    if (text && *text && trust_bundle(native, (*text)->reveal())) return true;
    return SSL_CTX_load_verify_file(native, path.c_str()) == 1;
}

BLUEPRINT_FAAS_COLD inline result<void> trust_system(SSL_CTX* native, const Environment& environment) {
    const auto variable = [&](const char* name) { return environment.variable(name).value_or(std::string{}); };
    const auto file = variable("SSL_CERT_FILE");
    const auto directories = variable("SSL_CERT_DIR");
    if (!file.empty() && !trust_file(native, file, environment))
        return refuse_tls("SSL_CERT_FILE names '" + file + "', which is no readable PEM file of certificates");
    if (!directories.empty()) {
        bool any = false;
        for (std::string_view rest = directories; !rest.empty();) {
            const auto end = std::min(rest.find(':'), rest.size());
            std::error_code ignored;
            any = any || std::filesystem::is_directory(rest.substr(0, end), ignored);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        if (!any) return refuse_tls("SSL_CERT_DIR names '" + directories + "', which is no directory");
        SSL_CTX_load_verify_dir(native, directories.c_str());
    }
    if (!file.empty() || !directories.empty()) return {};

    const auto roots = find_system_roots();
    if (!roots.directory.empty()) {
        SSL_CTX_load_verify_dir(native, roots.directory.c_str());
    } else if (roots.file.empty() || !trust_file(native, roots.file, environment)) {
        SSL_CTX_set_default_verify_paths(native);
    }
    return {};
}

BLUEPRINT_FAAS_COLD inline bool has_pin(X509* certificate, const std::vector<Sha256Digest>& pins) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    if (size <= 0) return false;
    const auto digest = sha256({der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return std::find(pins.begin(), pins.end(), digest) != pins.end();
}

// Runs in the handshake, so that a peer without the right key gets nothing, and no session of it is kept.
BLUEPRINT_FAAS_COLD inline int verify_with_pins(X509_STORE_CTX* store, void* shared) {
    if (X509_verify_cert(store) != 1) return 0;
    const auto& pins = static_cast<const TlsContext*>(shared)->pins;
    if (pins.empty()) return 1;
    const auto* chain = X509_STORE_CTX_get0_chain(store);
    for (int i = 0; i < sk_X509_num(chain); ++i)
        if (has_pin(sk_X509_value(chain, i), pins)) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

BLUEPRINT_FAAS_COLD inline result<void> read_pins(const std::vector<std::string>& texts,
                                                  std::vector<Sha256Digest>& pins) {
    for (const auto& text : texts) {
        const auto digest = base64_decode(text);
        Sha256Digest pin{};
        if (!digest || digest->size() != pin.size())
            return refuse_tls("TlsOptions::pinned_keys has '" + text +
                              "', which is not the Base64 text of a SHA-256 digest (44 characters)");
        std::copy(digest->begin(), digest->end(), pin.begin());
        pins.push_back(pin);
    }
    return {};
}

BLUEPRINT_FAAS_COLD inline int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* const peer = tls_peer(ssl);
    if (peer == nullptr) return 0;
    peer->context->sessions.keep(peer->origin, TlsSession{session});
    return 1;  // the reference is ours now
}

BLUEPRINT_FAAS_COLD inline int note_certificate_request(SSL* ssl, X509**, EVP_PKEY**) {
    if (auto* const peer = tls_peer(ssl)) peer->wanted_our_certificate = true;
    return 0;
}

}  // namespace tls

/// Makes the context that all connections of a transport share: what to trust, who we are, how new TLS must be.
BLUEPRINT_FAAS_COLD inline result<std::shared_ptr<TlsContext>> make_tls_context(
    const TlsOptions& options, bool resume, bool locks, const Environment& environment = Environment::process()) {
    auto made = std::make_shared<TlsContext>(locks);
    auto& context = made->context;
    auto* const native = context.native_handle();
    SSL_CTX_set_min_proto_version(native, options.at_least_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    static constexpr unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(native, protocols, sizeof protocols);
    context.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_cert_verify_callback(native, &tls::verify_with_pins, made.get());
    SSL_CTX_set_client_cert_cb(native, &tls::note_certificate_request);
    if (resume) {
        SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(native, &tls::keep_session);
    }

    if (auto read = tls::read_pins(options.pinned_keys, made->pins); !read) return std::move(read).error();
    if (options.system_roots)
        if (auto trusted = tls::trust_system(native, environment); !trusted) return std::move(trusted).error();
    // A whole bundle, such as AWS_CA_BUNDLE names, is too much to parse for the one or two that are needed.
    static constexpr std::size_t few_roots = 32U * 1024U;
    if (options.extra_roots.size() <= few_roots ? !options.extra_roots.empty()
                                                : !tls::trust_bundle(native, options.extra_roots)) {
        boost::system::error_code failed;
        context.add_certificate_authority(asio::buffer(options.extra_roots), failed);
        if (failed)
            return refuse_tls("TlsOptions::extra_roots is not the PEM text of a certificate: " + failed.message());
    }
    if (auto used = use_client_certificate(context, options); !used) return std::move(used).error();
    return made;
}

/// Says in a sentence why a certificate was refused and what to do about it.
BLUEPRINT_FAAS_COLD inline std::string explain_certificate(long verdict) {
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
        case X509_V_ERR_APPLICATION_VERIFICATION:
            return "no key of its chain is among TlsOptions::pinned_keys; if the server has a new key, and you know it "
                   "to be the server's, add its digest";
        default: return why;
    }
}

}  // namespace blueprint::faas::detail

#endif
