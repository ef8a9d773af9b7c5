#ifndef BLUEPRINT_FAAS_AUTH_IMPL_JWT_IPP
#define BLUEPRINT_FAAS_AUTH_IMPL_JWT_IPP

#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace blueprint::faas::detail {

namespace jwt {

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

// Without an answer OpenSSL would ask for the password of a key at the terminal.
BLUEPRINT_FAAS_COLD inline int tell_password(char* out, int room, int, void* given) noexcept {
    const auto password = static_cast<const Secret*>(given)->reveal();
    if (password.empty() || password.size() > static_cast<std::size_t>(room)) return -1;
    password.copy(out, password.size());
    return static_cast<int>(password.size());
}

BLUEPRINT_FAAS_COLD inline std::string_view why_no_key(std::string_view pem, bool with_password) noexcept {
    const auto has = [&](std::string_view words) { return pem.find(words) != std::string_view::npos; };
    const bool encrypted = has("BEGIN ENCRYPTED PRIVATE KEY") || has("Proc-Type: 4,ENCRYPTED");
    if (encrypted && with_password) return "the password does not open it, or it is damaged";
    if (encrypted) return "it is a key with a password; give one without";
    if (!has("PRIVATE KEY-----") && (has("BEGIN PUBLIC KEY") || has("BEGIN CERTIFICATE")))
        return "it is a public key; give the private one";
    if (has("\\n")) return "its line breaks are written as '\\n'; unescape them once more";
    if (!has("PRIVATE KEY-----")) return "it does not begin with '-----BEGIN PRIVATE KEY-----'";
    return "it is damaged; download it again";
}

}  // namespace jwt

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string base64url_encode(std::span<const std::uint8_t> data) {
    std::string text = base64_encode(data);
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    while (text.ends_with('=')) text.pop_back();
    return text;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<std::vector<std::uint8_t>> base64url_decode(
    std::string_view text) {
    if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
    std::string standard{text};
    std::replace(standard.begin(), standard.end(), '-', '+');
    std::replace(standard.begin(), standard.end(), '_', '/');
    standard.append((4 - standard.size() % 4) % 4, '=');
    auto bytes = base64_decode(standard);
    wipe(standard);
    return bytes;
}

}  // namespace blueprint::faas::detail

namespace blueprint::faas {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<RsaKey> RsaKey::from_pem(const Secret& pem, std::string_view where,
                                                                        const Secret& password) {
    using namespace detail::jwt;
    const auto refused = [&](std::string_view why) {
        return failure(errc::invalid_configuration,
                       std::string{where} + " is no private RSA key in PEM that can be used: " + std::string{why});
    };
    const auto text = pem.reveal();
    if (text.size() > 64U * 1024) return refused("it is too long");
    const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                  &BIO_free};
    RsaKey key;
    key.key_ = {
        bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &tell_password, const_cast<Secret*>(&password)) : nullptr,
        &EVP_PKEY_free};
    ERR_clear_error();
    if (!key.key_) return refused(why_no_key(text, !password.empty()));
    if (EVP_PKEY_get_base_id(key.key_.get()) != EVP_PKEY_RSA) return refused("it is a key of another kind");
    if (EVP_PKEY_get_bits(key.key_.get()) < 2048) return refused("it has fewer than 2048 bits; make a new one");
    return key;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::vector<std::uint8_t>> RsaKey::sign(std::string_view text,
                                                                                       RsaSignature signature) const {
    using namespace detail::jwt;
    if (!key_) return failure(errc::invalid_configuration, "there is no key to sign with");
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    const auto bytes = detail::bytes_of(text);
    EVP_PKEY_CTX* way = nullptr;  // the context's own
    std::size_t size = 0;
    bool good = context && EVP_DigestSignInit(context.get(), &way, EVP_sha256(), nullptr, key_.get()) == 1;
    if (good && signature == RsaSignature::ps256)  // MGF1 takes the digest of the signature where none is set
        good = EVP_PKEY_CTX_set_rsa_padding(way, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(way, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good && EVP_DigestSign(context.get(), nullptr, &size, bytes.data(), bytes.size()) == 1;
    std::vector<std::uint8_t> signed_bytes(good ? size : 0);
    good = good && EVP_DigestSign(context.get(), signed_bytes.data(), &size, bytes.data(), bytes.size()) == 1;
    ERR_clear_error();
    if (!good) return failure(errc::invalid_configuration, "OpenSSL does not sign with this RSA key");
    signed_bytes.resize(size);
    return signed_bytes;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Secret> sign_jwt(const RsaKey& key, std::string_view header,
                                                                std::string_view claims, RsaSignature signature) {
    std::string token =
        detail::base64url_encode(detail::bytes_of(header)) + '.' + detail::base64url_encode(detail::bytes_of(claims));
    const auto bytes = key.sign(token, signature);
    if (!bytes) return bytes.error();
    return Secret{token + '.' + detail::base64url_encode(*bytes)};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<JwtClaims> read_unverified_jwt(const Secret& token) {
    using namespace detail::jwt;
    const auto text = token.reveal();
    const auto first = text.find('.');
    const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
    if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos)
        return failure(errc::serialization, "it is no JSON Web Token: it has not three parts");
    const auto bytes = detail::base64url_decode(text.substr(first + 1, second - first - 1));
    if (!bytes) return failure(errc::serialization, "it is no JSON Web Token: its claims are no Base64 for URLs");
    const Secret body{detail::text_of(*bytes)};
    detail::WipedMemory memory{body.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({body.reveal().data(), body.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr)
        return failure(errc::serialization, "it is no JSON Web Token: its claims are no JSON object");
    JwtClaims claims{.email = std::string{detail::text_in(*object, "email")}};
    constexpr double end_of_time = 9.2e9;  // seconds that the clock, which counts nanoseconds, can count to
    if (const auto* exp = object->if_contains("exp"); exp != nullptr && exp->is_number()) {
        const double seconds = std::clamp(exp->to_number<double>(), 0.0, end_of_time);
        claims.expires =
            std::chrono::system_clock::time_point{std::chrono::seconds{static_cast<std::int64_t>(seconds)}};
    }
    if (const auto* aud = object->if_contains("aud")) {
        if (const auto* one = aud->if_string()) claims.audiences.emplace_back(std::string_view{*one});
        if (const auto* several = aud->if_array())
            for (const auto& each : *several)
                if (const auto* one = each.if_string()) claims.audiences.emplace_back(std::string_view{*one});
    }
    return claims;
}

}  // namespace blueprint::faas

#endif
