#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_TOKEN_KEY_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_TOKEN_KEY_HPP

#include "blueprint/faas/detail/encoding.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// JSON Web Tokens by the tests' own hand: neither the client's code nor the local cloud's.
namespace blueprint::faas::test {

inline std::string url_safe(std::string_view bytes) {
    auto text = faas::detail::base64_encode(faas::detail::bytes_of(bytes));
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    text.resize(std::min(text.find('='), text.size()));
    return text;
}

inline std::string from_url_safe(std::string text) {
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    while (text.size() % 4 != 0) text += '=';
    const auto bytes = faas::detail::base64_decode(text).value();
    return {bytes.begin(), bytes.end()};
}

/// An RSA key of 2048 bits, made when it is asked for.
class TokenKey {
public:
    using Pointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

    TokenKey() : TokenKey{Pointer{EVP_RSA_gen(2048), &EVP_PKEY_free}} {}

    /// The one key of the program that everybody may know, and another that nobody does.
    static const TokenKey& known() {
        static const TokenKey key;
        return key;
    }
    static const TokenKey& stranger() {
        static const TokenKey key;
        return key;
    }
    /// The key that a JSON Web Key's `n` and `e` are the public half of.
    static TokenKey of_jwk(const std::string& modulus, const std::string& exponent) {
        const auto number = [](const std::string& text) {
            const auto bytes = from_url_safe(text);
            return std::unique_ptr<BIGNUM, decltype(&BN_free)>{
                BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()),
                          nullptr),
                &BN_free};
        };
        const auto n = number(modulus);
        const auto e = number(exponent);
        const std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)> build{OSSL_PARAM_BLD_new(),
                                                                                    &OSSL_PARAM_BLD_free};
        OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
        OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
        const std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)> parts{OSSL_PARAM_BLD_to_param(build.get()),
                                                                            &OSSL_PARAM_free};
        const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context{
            EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), &EVP_PKEY_CTX_free};
        EVP_PKEY* key = nullptr;
        EVP_PKEY_fromdata_init(context.get());
        if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parts.get()) != 1)
            throw std::runtime_error{"OpenSSL takes no such key"};
        return TokenKey{Pointer{key, &EVP_PKEY_free}};
    }
    /// The key of a certificate.
    static TokenKey of_certificate(const std::string& pem) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> text{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                             &BIO_free};
        const std::unique_ptr<X509, decltype(&X509_free)> certificate{
            PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), &X509_free};
        if (!certificate) throw std::runtime_error{"that is no certificate"};
        return TokenKey{Pointer{X509_get_pubkey(certificate.get()), &EVP_PKEY_free}};
    }

    std::string public_pem() const {
        return written([&](BIO* out) { PEM_write_bio_PUBKEY(out, key_.get()); });
    }
    /// As PKCS#8.
    std::string private_pem() const {
        return written(
            [&](BIO* out) { PEM_write_bio_PKCS8PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    }

    /// A certificate of the key by itself, PEM, that is good between those seconds since 1970.
    std::string certificate(std::time_t begins, std::time_t ends) const {
        const std::unique_ptr<X509, decltype(&X509_free)> made{X509_new(), &X509_free};
        X509_set_version(made.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
        ASN1_TIME_set(X509_getm_notBefore(made.get()), begins);
        ASN1_TIME_set(X509_getm_notAfter(made.get()), ends);
        auto* const name = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(made.get(), name);
        X509_set_pubkey(made.get(), key_.get());
        if (X509_sign(made.get(), key_.get(), EVP_sha256()) == 0) throw std::runtime_error{"OpenSSL does not sign"};
        return written([&](BIO* out) { PEM_write_bio_X509(out, made.get()); });
    }

    /// Signs a token of exactly these texts, by RS256, or with `salt` bytes of salt by PS256.
    std::string sign(std::string_view header, std::string_view claims, std::optional<int> salt = {}) const {
        const auto text = url_safe(header) + '.' + url_safe(claims);
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
        std::string signature(256, '\0');
        std::size_t size = signature.size();
        EVP_PKEY_CTX* details = nullptr;
        if (EVP_DigestSignInit(context.get(), &details, EVP_sha256(), nullptr, key_.get()) != 1 ||
            (salt && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) != 1 ||
                      EVP_PKEY_CTX_set_rsa_pss_saltlen(details, *salt) != 1)) ||
            EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1)
            throw std::runtime_error{"OpenSSL does not sign"};
        signature.resize(size);
        return text + '.' + url_safe(signature);
    }
    /// Tells whether a token was signed by this key.
    bool has_signed(const std::string& token) const {
        const auto dot = token.rfind('.');
        const auto signature = from_url_safe(token.substr(dot + 1));
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
        return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
               EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                                signature.size(), reinterpret_cast<const unsigned char*>(token.data()), dot) == 1;
    }

private:
    explicit TokenKey(Pointer key) : key_{std::move(key)} {
        if (!key_) throw std::runtime_error{"OpenSSL makes no key"};
    }
    template <class Write>
    static std::string written(Write write) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio{BIO_new(BIO_s_mem()), &BIO_free};
        write(bio.get());
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }

    Pointer key_;
};

}  // namespace blueprint::faas::test

#endif
