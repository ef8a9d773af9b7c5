#ifndef BLUEPRINT_FAAS_AUTH_JWT_HPP
#define BLUEPRINT_FAAS_AUTH_JWT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// OpenSSL's own name of its keys, so that this header needs no OpenSSL.
struct evp_pkey_st;

namespace blueprint::faas {

/// How an RSA key signs, by its name in JSON Web Tokens. Source: RFC 7518, sections 3.3 and 3.5.
enum class RsaSignature : std::uint8_t {
    rs256,  ///< RSASSA-PKCS1-v1_5 with SHA-256
    ps256,  ///< RSASSA-PSS with SHA-256, also in MGF1, and a salt of 32 bytes
};

/// A private RSA key that signs. Copies share it. Safe to use from several threads; it is never printed.
class RsaKey {
public:
    /// Holds no key: `sign` fails.
    RsaKey() = default;
    /// Reads a key in PEM, as PKCS#8 ("BEGIN PRIVATE KEY") or PKCS#1 ("BEGIN RSA PRIVATE KEY"); certificates may stand
    /// before and behind it. `password` opens one that is encrypted. `errc::invalid_configuration`, which tells what to
    /// do and shows nothing of the text: it is no such key, or has fewer than the 2048 bits that both signatures want.
    /// `where` is for messages: "private_key of '/key.json'".
    BLUEPRINT_FAAS_DECL static result<RsaKey> from_pem(const Secret& pem, std::string_view where,
                                                       const Secret& password = {});

    /// Signs. Costs about half a millisecond.
    BLUEPRINT_FAAS_DECL result<std::vector<std::uint8_t>> sign(std::string_view text,
                                                               RsaSignature signature = RsaSignature::rs256) const;

    /// Returns OpenSSL's own key, which lives as long as this one; null: there is none.
    evp_pkey_st* native() const noexcept { return key_.get(); }

private:
    std::shared_ptr<evp_pkey_st> key_{};
};

/// Makes a JSON Web Token that is signed: `header` and `claims` are JSON objects as text, and the header's "alg" names
/// that `signature`. Source: RFC 7515, section 7.1.
BLUEPRINT_FAAS_DECL result<Secret> sign_jwt(const RsaKey& key, std::string_view header, std::string_view claims,
                                            RsaSignature signature = RsaSignature::rs256);

/// What a token says of itself. Nobody has looked whether that is true.
struct JwtClaims {
    std::optional<std::chrono::system_clock::time_point> expires{};  ///< `exp`
    std::vector<std::string> audiences{};                            ///< `aud`, which may be one or a list
    std::string email{};
};

/// Reads what a JSON Web Token says of itself, without looking at its signature: good enough to know when a token that
/// we were given ends, and for nothing else. `errc::serialization`, which shows nothing of the text, if it is none.
BLUEPRINT_FAAS_DECL result<JwtClaims> read_unverified_jwt(const Secret& token);

namespace detail {

/// Encodes as Base64 in the alphabet for URLs, without padding. Source: RFC 4648, section 5; RFC 7515, section 2.
BLUEPRINT_FAAS_DECL std::string base64url_encode(std::span<const std::uint8_t> data);
/// Decodes what `base64url_encode` writes and nothing else.
BLUEPRINT_FAAS_DECL std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text);

}  // namespace detail

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/impl/jwt.ipp"
#endif

#endif
