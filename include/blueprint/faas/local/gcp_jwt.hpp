#ifndef BLUEPRINT_FAAS_LOCAL_GCP_JWT_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_JWT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/job.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// OpenSSL's own name of a key, so that this header needs no OpenSSL.
struct evp_pkey_st;

namespace blueprint::faas::local {

// JSON Web Tokens as the local Google Cloud reads and writes them. It shares no code with the client's, because it is
// what proves that right.

/// A token taken apart; nothing of it has been verified.
struct GcpJwt {
    boost::json::object header{};
    boost::json::object claims{};
    std::string_view signed_part{};  ///< of the token's text: what the signature is of
    Bytes signature{};

    /// A claim that is a text; empty if there is none.
    std::string text(std::string_view claim) const;
    /// A claim that is a whole number; nothing if there is none.
    std::optional<std::int64_t> number(std::string_view claim) const;
    /// A text of the header; empty if there is none.
    std::string header_text(std::string_view name) const;
};

/// Decodes base64url without padding, and nothing else. Source: RFC 7515, section 2.
BLUEPRINT_FAAS_DECL std::optional<Bytes> gcp_base64url_decode(std::string_view text);
/// Encodes so.
BLUEPRINT_FAAS_DECL std::string gcp_base64url_encode(std::span<const std::uint8_t> data);

/// Takes "HEADER.CLAIMS.SIGNATURE" apart; nothing if it has another shape, or header or claims are no JSON object. The
/// outcome refers to `token`.
BLUEPRINT_FAAS_DECL std::optional<GcpJwt> read_gcp_jwt(std::string_view token);

/// Tells whether the token was signed by RS256 (`alg` says so too) with the private half of that PEM key.
BLUEPRINT_FAAS_DECL bool verify_gcp_jwt(const GcpJwt& jwt, std::string_view public_key_pem);

/// An RSA key of 2048 bits that the cloud makes for itself.
class GcpSigningKey {
public:
    /// Makes one. Throws `std::runtime_error` if OpenSSL cannot.
    GcpSigningKey();

    /// Signs a token by RS256. Throws `std::runtime_error` if OpenSSL cannot.
    std::string sign(const boost::json::object& claims) const;
    const std::string& id() const noexcept { return id_; }
    const std::string& public_key() const noexcept { return public_key_; }
    /// Modulus and exponent as a JSON Web Key has them.
    const std::string& modulus() const noexcept { return modulus_; }
    const std::string& exponent() const noexcept { return exponent_; }
    /// A certificate of the key by itself, PEM, good for a year.
    std::string certificate() const;

private:
    struct Free {
        void operator()(evp_pkey_st* key) const noexcept;
    };
    std::unique_ptr<evp_pkey_st, Free> key_;
    std::string id_;
    std::string public_key_;
    std::string modulus_;
    std::string exponent_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_jwt.ipp"
#endif

#endif
