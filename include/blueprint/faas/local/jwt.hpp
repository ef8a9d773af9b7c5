#ifndef BLUEPRINT_FAAS_LOCAL_JWT_HPP
#define BLUEPRINT_FAAS_LOCAL_JWT_HPP

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

// JSON Web Tokens as the local cloud reads and writes them. It shares no code with the client's, because it is
// what proves that right.

/// A token taken apart; nothing of it has been verified.
struct Jwt {
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
BLUEPRINT_FAAS_DECL std::optional<Bytes> base64url_decode(std::string_view text);
/// Encodes so.
BLUEPRINT_FAAS_DECL std::string base64url_encode(std::span<const std::uint8_t> data);

/// Takes "HEADER.CLAIMS.SIGNATURE" apart; nothing if it has another shape, or header or claims are no JSON object. The
/// outcome refers to `token`.
BLUEPRINT_FAAS_DECL std::optional<Jwt> read_jwt(std::string_view token);

/// Tells whether the token was signed with the private half of that PEM key by `algorithm`, "RS256" or "PS256", and its
/// `alg` says so too. Source: RFC 7518, sections 3.3 and 3.5.
BLUEPRINT_FAAS_DECL bool verify_jwt(const Jwt& jwt, std::string_view public_key_pem,
                                    std::string_view algorithm = "RS256");

/// A certificate whose key signs tokens.
struct JwtCertificate {
    std::string public_key{};  ///< PEM
    Bytes sha1{};              ///< of the whole certificate, as DER
    Bytes sha256{};            ///< likewise
    std::int64_t begins = 0;   ///< seconds since 1970
    std::int64_t ends = 0;     ///< likewise; it is good up to then
};

/// Reads the first certificate of a PEM text; nothing if there is none, or it has no RSA key.
BLUEPRINT_FAAS_DECL std::optional<JwtCertificate> read_jwt_certificate(std::string_view pem);

/// An RSA key of 2048 bits that the cloud makes for itself.
class JwtKey {
public:
    /// Makes one. Throws `std::runtime_error` if OpenSSL cannot.
    JwtKey();

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
#include "blueprint/faas/local/impl/jwt.ipp"
#endif

#endif
