#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_SELF_SIGNED_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_SELF_SIGNED_HPP

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace blueprint::faas::test {

/// A certificate for 127.0.0.1 and localhost that vouches for itself, and its key; both PEM.
struct SelfSigned {
    std::string certificate{};
    std::string key{};
};

/// `kind` is OpenSSL's name of the kind of text that the name is written in.
inline SelfSigned make_self_signed(const std::string& common_name = "localhost", int kind = MBSTRING_ASC) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), &X509_free};
    if (!key || !certificate) throw std::runtime_error{"OpenSSL makes no key"};
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
    X509_set_pubkey(certificate.get(), key.get());
    auto* const name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", kind, reinterpret_cast<const unsigned char*>(common_name.data()),
                               static_cast<int>(common_name.size()), -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    for (const auto& [nid, value] : {std::pair{NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost"},
                                     std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
        X509_add_ext(certificate.get(), extension, -1);
        X509_EXTENSION_free(extension);
    }
    if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) throw std::runtime_error{"OpenSSL does not sign"};

    const auto text = [](auto write) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio{BIO_new(BIO_s_mem()), &BIO_free};
        write(bio.get());
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &data);
        return std::string{data, static_cast<std::size_t>(size)};
    };
    return {.certificate = text([&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); }),
            .key = text(
                [&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

}  // namespace blueprint::faas::test

#endif
