#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_JWT_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_JWT_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/impl/openssl_owners.hpp"
#include "blueprint/faas/local/jwt.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <stdexcept>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::optional<Bytes> base64url_decode(std::string_view text) {
    // The other alphabet's characters and padding are none of this one.
    if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
    std::string standard{text};
    std::replace(standard.begin(), standard.end(), '-', '+');
    std::replace(standard.begin(), standard.end(), '_', '/');
    standard.append((4 - standard.size() % 4) % 4, '=');
    return faas::detail::base64_decode(standard);
}

BLUEPRINT_FAAS_DECL std::string base64url_encode(std::span<const std::uint8_t> data) {
    auto text = faas::detail::base64_encode(data);
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    text.erase(std::min(text.find('='), text.size()));
    return text;
}

inline std::optional<boost::json::object> read_jwt_part(std::string_view text) {
    const auto bytes = base64url_decode(text);
    if (!bytes) return std::nullopt;
    boost::system::error_code failed;
    const auto json_text = faas::detail::text_of(*bytes);
    auto json = boost::json::parse({json_text.data(), json_text.size()}, failed);
    if (failed || !json.is_object()) return std::nullopt;
    return std::move(json.get_object());
}

BLUEPRINT_FAAS_DECL std::optional<Jwt> read_jwt(std::string_view token) {
    const auto first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;  // a third dot is none of the signature's characters
    auto header = read_jwt_part(token.substr(0, first));
    auto claims = read_jwt_part(token.substr(first + 1, second - first - 1));
    auto signature = base64url_decode(token.substr(second + 1));
    if (!header || !claims || !signature) return std::nullopt;
    return Jwt{.header = std::move(*header),
               .claims = std::move(*claims),
               .signed_part = token.substr(0, second),
               .signature = std::move(*signature)};
}

inline std::string jwt_text_in(const boost::json::object& object, std::string_view name) {
    const auto* found = object.if_contains({name.data(), name.size()});
    const auto* text = found != nullptr ? found->if_string() : nullptr;
    return text != nullptr ? std::string{text->data(), text->size()} : std::string{};
}

BLUEPRINT_FAAS_DECL std::string Jwt::text(std::string_view claim) const { return jwt_text_in(claims, claim); }
BLUEPRINT_FAAS_DECL std::string Jwt::header_text(std::string_view name) const { return jwt_text_in(header, name); }

BLUEPRINT_FAAS_DECL std::optional<std::int64_t> Jwt::number(std::string_view claim) const {
    const auto* found = claims.if_contains({claim.data(), claim.size()});
    if (found == nullptr || !found->is_number()) return std::nullopt;
    boost::system::error_code failed;
    const auto value = found->to_number<std::int64_t>(failed);
    if (failed) return std::nullopt;
    return value;
}

namespace openssl {

inline std::string number_of(EVP_PKEY& key, const char* name) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(&key, name, &number) != 1)
        throw std::runtime_error{"OpenSSL does not tell a key's parts"};
    const std::unique_ptr<BIGNUM, Freed<&BN_free>> owned{number};
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, bytes.data());
    return base64url_encode(bytes);
}

}  // namespace openssl

BLUEPRINT_FAAS_DECL bool verify_jwt(const Jwt& jwt, std::string_view public_key_pem, std::string_view algorithm) {
    using namespace openssl;
    if ((algorithm != "RS256" && algorithm != "PS256") || jwt.header_text("alg") != algorithm) return false;
    const Memory pem{BIO_new_mem_buf(public_key_pem.data(), static_cast<int>(public_key_pem.size()))};
    if (!pem) return false;
    const Key key{PEM_read_bio_PUBKEY(pem.get(), nullptr, nullptr, nullptr)};
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return false;
    const Digest context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* details = nullptr;  // the context's own
    return context && EVP_DigestVerifyInit(context.get(), &details, EVP_sha256(), nullptr, key.get()) == 1 &&
           (algorithm == "RS256" || (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
                                     EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
           EVP_DigestVerify(context.get(), jwt.signature.data(), jwt.signature.size(),
                            reinterpret_cast<const unsigned char*>(jwt.signed_part.data()),
                            jwt.signed_part.size()) == 1;
}

BLUEPRINT_FAAS_DECL std::optional<JwtCertificate> read_jwt_certificate(std::string_view pem) {
    using namespace openssl;
    const Memory text{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    const Memory key_text{BIO_new(BIO_s_mem())};
    if (!text || !key_text) return std::nullopt;
    const std::unique_ptr<X509, Freed<&X509_free>> certificate{
        PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)};
    auto* const key = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
    if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || PEM_write_bio_PUBKEY(key_text.get(), key) != 1)
        return std::nullopt;
    JwtCertificate read{.public_key = text_of(*key_text)};
    const auto digest = [&](const EVP_MD* kind) {
        Bytes value(EVP_MAX_MD_SIZE);
        unsigned size = 0;
        value.resize(X509_digest(certificate.get(), kind, value.data(), &size) == 1 ? size : 0);
        return value;
    };
    read.sha1 = digest(EVP_sha1());
    read.sha256 = digest(EVP_sha256());
    const auto seconds = [](const ASN1_TIME* time) {
        std::tm utc{};
        return ASN1_TIME_to_tm(time, &utc) == 1 ? std::int64_t{::timegm(&utc)} : 0;
    };
    read.begins = seconds(X509_get0_notBefore(certificate.get()));
    read.ends = seconds(X509_get0_notAfter(certificate.get()));
    return read;
}

BLUEPRINT_FAAS_DECL void JwtKey::Free::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

BLUEPRINT_FAAS_DECL JwtKey::JwtKey() : key_{EVP_RSA_gen(2048)} {
    using namespace openssl;
    const Memory pem{BIO_new(BIO_s_mem())};
    if (!key_ || !pem || PEM_write_bio_PUBKEY(pem.get(), key_.get()) != 1)
        throw std::runtime_error{"OpenSSL makes no RSA key"};
    public_key_ = text_of(*pem);
    id_ = faas::detail::sha256_hex(faas::detail::bytes_of(public_key_)).substr(0, 40);
    modulus_ = number_of(*key_, "n");
    exponent_ = number_of(*key_, "e");
}

BLUEPRINT_FAAS_DECL std::string JwtKey::sign(const boost::json::object& claims) const {
    using namespace openssl;
    const boost::json::object header{{"alg", "RS256"}, {"kid", id_}, {"typ", "JWT"}};
    const auto encoded = [](const boost::json::object& part) {
        const auto text = boost::json::serialize(part);
        return base64url_encode(faas::detail::bytes_of(text));
    };
    auto token = encoded(header) + '.' + encoded(claims);
    const auto* const data = reinterpret_cast<const unsigned char*>(token.data());
    const Digest context{EVP_MD_CTX_new()};
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data, token.size()) != 1)
        throw std::runtime_error{"OpenSSL does not sign"};
    Bytes signature(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, data, token.size()) != 1)
        throw std::runtime_error{"OpenSSL does not sign"};
    signature.resize(size);
    return token + '.' + base64url_encode(signature);
}

BLUEPRINT_FAAS_DECL std::string JwtKey::certificate() const {
    using namespace openssl;
    const std::unique_ptr<X509, Freed<&X509_free>> certificate{X509_new()};
    const Memory pem{BIO_new(BIO_s_mem())};
    if (!certificate || !pem) throw std::runtime_error{"OpenSSL makes no certificate"};
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600L);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 365L * 86400L);
    auto* const name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>("Blueprint FaaS local cloud"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_set_pubkey(certificate.get(), key_.get());
    if (X509_sign(certificate.get(), key_.get(), EVP_sha256()) == 0 ||
        PEM_write_bio_X509(pem.get(), certificate.get()) != 1)
        throw std::runtime_error{"OpenSSL makes no certificate"};
    return text_of(*pem);
}

}  // namespace blueprint::faas::local

#endif
