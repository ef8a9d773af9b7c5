#ifndef BLUEPRINT_FAAS_LOCAL_CERTIFICATES_HPP
#define BLUEPRINT_FAAS_LOCAL_CERTIFICATES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace blueprint::faas::local {

/// A certificate and its private key, both as PEM text.
struct Certificate {
    std::string certificate{};
    Secret private_key{};
};

/// From when until when a certificate is good, relative to now.
struct Validity {
    std::chrono::seconds begins{-std::chrono::minutes{5}};
    std::chrono::seconds ends{std::chrono::hours{24}};
};

/// A certificate authority of one's own for a local cloud: made fresh, kept in memory, trusted by nobody who is not
/// given `certificate()` (for example as `TlsOptions::extra_roots`). Keys are ECDSA P-256.
class CertificateAuthority {
public:
    /// Makes a new authority; fails only if OpenSSL cannot make keys.
    BLUEPRINT_FAAS_DECL static result<CertificateAuthority> create();

    /// Returns the authority's own certificate as PEM text.
    const std::string& certificate() const noexcept { return own_.certificate; }
    /// Issues a server certificate for host names and IP addresses, at least one.
    BLUEPRINT_FAAS_DECL result<Certificate> issue(const std::vector<std::string>& names, Validity validity = {}) const;
    /// Issues a client certificate, which a server checks that was given `certificate()` as `CloudOptions::client_ca`.
    BLUEPRINT_FAAS_DECL result<Certificate> issue_client(const std::string& common_name, Validity validity = {}) const;

private:
    explicit CertificateAuthority(Certificate own) : own_{std::move(own)} {}
    BLUEPRINT_FAAS_DECL result<Certificate> sign(const std::string& common_name, const char* usage,
                                                 const std::string& alternatives, Validity validity) const;

    Certificate own_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/certificates.ipp"
#endif

#endif
