#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CERTIFICATE_FILE_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CERTIFICATE_FILE_HPP

#include "blueprint/faas/auth/impl/token_question.hpp"
#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/secret.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail::azure_certificate {

/// A key that signs, and the certificate by which it is known.
struct Certificate {
    RsaKey key{};
    std::string sha1{};                ///< of the certificate, in Base64 for URLs
    std::string sha256{};              ///< the same
    std::vector<std::string> chain{};  ///< in Base64: the certificate, then the others of the file
};

using OneX509 = std::unique_ptr<X509, void (*)(X509*)>;

BLUEPRINT_FAAS_COLD inline std::vector<OneX509> certificates_in(std::string_view pem) {
    constexpr std::size_t most = 16;
    std::vector<OneX509> found;
    const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
    while (bio && found.size() < most) {
        OneX509 one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free};
        if (!one) break;
        found.push_back(std::move(one));
    }
    ERR_clear_error();
    return found;
}

BLUEPRINT_FAAS_COLD inline std::string thumbprint(const X509* certificate, const EVP_MD* digest) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    if (X509_digest(certificate, digest, bytes.data(), &size) != 1) size = 0;
    return base64url_encode(std::span{bytes}.first(size));
}

BLUEPRINT_FAAS_COLD inline std::string base64_of(const X509* certificate) {
    std::uint8_t* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    std::string text;
    if (size > 0) text = base64_encode(std::span{bytes, static_cast<std::size_t>(size)});
    OPENSSL_free(bytes);
    return text;
}

/// Reads a file that has a private key and its certificate. `where` is for messages: "AZURE_CLIENT_CERTIFICATE_PATH,
/// '/app.pem',". The certificate is the one of that key, wherever in the file it stands.
BLUEPRINT_FAAS_COLD inline result<Certificate> read_certificate(const Secret& pem, const Secret& password,
                                                                const std::string& where) {
    const auto wrong = [&](std::string_view why) {
        return token_question::failure(errc::invalid_configuration, where + ' ' + std::string{why});
    };
    const auto text = pem.reveal();
    const auto has = [&](std::string_view words) { return text.find(words) != std::string_view::npos; };
    if (text.size() > 64U * 1024) return wrong("is too long for a certificate and its key");
    if (!has("-----BEGIN "))
        return wrong("is not in PEM; make it so of a .pfx file by 'openssl pkcs12 -in app.pfx -out app.pem -nodes'");
    if (!has("PRIVATE KEY-----")) return wrong("has no private key; put it into the same file as the certificate");
    if (password.empty() && (has("BEGIN ENCRYPTED PRIVATE KEY") || has("Proc-Type: 4,ENCRYPTED")))
        return wrong("has a key with a password; tell it (AZURE_CLIENT_CERTIFICATE_PASSWORD)");
    Certificate certificate;
    auto key = RsaKey::from_pem(pem, where, password);
    if (!key) return std::move(key).error();
    certificate.key = std::move(*key);
    auto all = certificates_in(text);
    if (all.empty()) return wrong("has no certificate; put it into the same file as the private key");
    const auto is_of_key = [&](const OneX509& one) {
        const bool is = X509_check_private_key(one.get(), certificate.key.native()) == 1;
        ERR_clear_error();
        return is;
    };
    const auto own = std::find_if(all.begin(), all.end(), is_of_key);
    if (own == all.end()) return wrong("has no certificate of its private key; they must belong together");
    std::rotate(all.begin(), own, own + 1);
    certificate.sha1 = thumbprint(all.front().get(), EVP_sha1());
    certificate.sha256 = thumbprint(all.front().get(), EVP_sha256());
    for (const auto& one : all) certificate.chain.push_back(base64_of(one.get()));
    return certificate;
}

}  // namespace blueprint::faas::detail::azure_certificate

#endif
