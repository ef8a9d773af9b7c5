#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CERTIFICATES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CERTIFICATES_IPP

#include "blueprint/faas/local/certificates.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace blueprint::faas::local {

namespace certificates {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* owned) const noexcept {
        Free(owned);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Freed<&X509_free>>;
using Bio = std::unique_ptr<BIO, Freed<&BIO_free_all>>;

inline Error failed(std::string what) {
    return Error{.code = errc::infrastructure, .message = "OpenSSL could not " + std::move(what)};
}

inline std::string text_of(BIO& bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(&bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

inline bool add_extension(X509& certificate, X509& issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, Freed<&X509_EXTENSION_free>> extension{
        X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
    return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

// A certificate for `subject_key` without extensions and signature.
inline X509Pointer draft(EVP_PKEY& subject_key, const std::string& common_name, Validity validity) {
    X509Pointer certificate{X509_new()};
    std::uint64_t serial = 0;
    if (!certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return nullptr;
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1U);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), static_cast<long>(validity.begins.count()));
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), static_cast<long>(validity.ends.count()));
    X509_set_pubkey(certificate.get(), &subject_key);
    auto* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                               -1, -1, 0);
    return certificate;
}

inline result<Certificate> sealed(X509& certificate, EVP_PKEY& own_key, EVP_PKEY& issuer_key) {
    if (X509_sign(&certificate, &issuer_key, EVP_sha256()) == 0) return failed("sign a certificate");
    const Bio certificate_text{BIO_new(BIO_s_mem())};
    const Bio key_text{BIO_new(BIO_s_secmem())};
    if (!certificate_text || !key_text || PEM_write_bio_X509(certificate_text.get(), &certificate) != 1 ||
        PEM_write_bio_PrivateKey(key_text.get(), &own_key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return failed("write a certificate as PEM");
    return Certificate{text_of(*certificate_text), Secret{text_of(*key_text)}};
}

}  // namespace certificates

BLUEPRINT_FAAS_DECL result<CertificateAuthority> CertificateAuthority::create() {
    using namespace certificates;
    const Key key{EVP_EC_gen("P-256")};
    if (!key) return failed("make a key");
    const auto certificate = draft(*key, "Blueprint FaaS local cloud", Validity{.ends = std::chrono::hours{24} * 30});
    if (!certificate) return failed("make a certificate");
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    if (!add_extension(*certificate, *certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(*certificate, *certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(*certificate, *certificate, NID_subject_key_identifier, "hash"))
        return failed("describe an authority");
    auto own = sealed(*certificate, *key, *key);
    if (!own) return own.error();
    return CertificateAuthority{std::move(*own)};
}

BLUEPRINT_FAAS_DECL result<Certificate> CertificateAuthority::issue(const std::vector<std::string>& names,
                                                                    Validity validity) const {
    std::string alternatives;
    for (const auto& name : names) {
        if (name.empty() || name.find_first_of(",;\r\n\\\"") != std::string::npos)
            return Error{.code = errc::invalid_configuration,
                         .message = "a certificate cannot be made for that name: use a host name or an IP address"};
        boost::system::error_code no_address;
        boost::asio::ip::make_address(name, no_address);
        if (!alternatives.empty()) alternatives += ',';
        alternatives += no_address ? "DNS:" : "IP:";
        alternatives += name;
    }
    if (alternatives.empty())
        return Error{.code = errc::invalid_configuration, .message = "a certificate needs at least one name"};
    return sign(names.front(), "serverAuth", alternatives, validity);
}

BLUEPRINT_FAAS_DECL result<Certificate> CertificateAuthority::issue_client(const std::string& common_name,
                                                                           Validity validity) const {
    if (common_name.empty() || common_name.size() > 64)
        return Error{.code = errc::invalid_configuration,
                     .message = "a client certificate needs a common name of 1 to 64 characters"};
    return sign(common_name, "clientAuth", {}, validity);
}

BLUEPRINT_FAAS_DECL result<Certificate> CertificateAuthority::sign(const std::string& common_name, const char* usage,
                                                                   const std::string& alternatives,
                                                                   Validity validity) const {
    using namespace certificates;
    const Bio own_text{BIO_new_mem_buf(own_.certificate.data(), static_cast<int>(own_.certificate.size()))};
    const Bio key_text{BIO_new_mem_buf(own_.private_key.reveal().data(), static_cast<int>(own_.private_key.size()))};
    const X509Pointer issuer{PEM_read_bio_X509(own_text.get(), nullptr, nullptr, nullptr)};
    const Key issuer_key{PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr)};
    const Key key{EVP_EC_gen("P-256")};
    if (!issuer || !issuer_key || !key) return failed("read the authority's own key");
    const auto certificate = draft(*key, common_name, validity);
    if (!certificate) return failed("make a certificate");
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer.get()));
    if (!add_extension(*certificate, *issuer, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(*certificate, *issuer, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(*certificate, *issuer, NID_ext_key_usage, usage) ||
        (!alternatives.empty() && !add_extension(*certificate, *issuer, NID_subject_alt_name, alternatives)))
        return failed("describe the one whom a certificate is for");
    return sealed(*certificate, *key, *issuer_key);
}

}  // namespace blueprint::faas::local

#endif
