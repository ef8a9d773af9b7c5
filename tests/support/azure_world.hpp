#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_AZURE_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_AZURE_WORLD_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/deadline.hpp"
#include "support/google_world.hpp"
#include "support/run.hpp"
#include "support/source_world.hpp"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace tests {

inline const std::string azure_tenant = "72f988bf-0000-4000-8000-000000000000";
inline const std::string azure_client = "0a1b2c3d-0000-4000-8000-111111111111";
inline const std::string management_scope = "https://management.azure.com/.default";
inline const std::string blob_scope = "https://storage.azure.com/.default";

/// A certificate for a key, which vouches for itself.
class SelfSignedCertificate {
public:
    SelfSignedCertificate(const RsaPair& key, const std::string& common_name) : certificate_{X509_new(), &X509_free} {
        X509_set_version(certificate_.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate_.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 86400);
        X509_set_pubkey(certificate_.get(), key.native());
        auto* const name = X509_get_subject_name(certificate_.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0);
        X509_set_issuer_name(certificate_.get(), name);
        REQUIRE(X509_sign(certificate_.get(), key.native(), EVP_sha256()) > 0);
    }

    std::string pem() const {
        const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new(BIO_s_mem()), &BIO_free};
        REQUIRE(PEM_write_bio_X509(bio.get(), certificate_.get()) == 1);
        char* data = nullptr;
        const auto size = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }
    std::string der() const {
        unsigned char* bytes = nullptr;
        const int size = i2d_X509(certificate_.get(), &bytes);
        REQUIRE(size > 0);
        std::string text{reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
        OPENSSL_free(bytes);
        return text;
    }

private:
    std::shared_ptr<X509> certificate_;
};

/// Returns the digest of `bytes` as Base64 for URLs.
inline std::string thumbprint(std::string_view bytes, const EVP_MD* digest) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    REQUIRE(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, digest, nullptr) == 1);
    return blueprint::faas::detail::base64url_encode(std::span{out}.first(size));
}

/// Tells whether a JSON Web Token was signed with `key` by PS256: a salt of exactly 32 bytes, SHA-256 in MGF1 too.
inline bool has_signed_ps256(const RsaPair& key, std::string_view token) {
    const auto dot = token.rfind('.');
    const auto signature = blueprint::faas::detail::base64url_decode(token.substr(dot + 1));
    if (dot == std::string_view::npos || !signature) return false;
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
    const auto text = blueprint::faas::detail::bytes_of(token.substr(0, dot));
    EVP_PKEY_CTX* way = nullptr;
    return EVP_DigestVerifyInit(context.get(), &way, EVP_sha256(), nullptr, key.native()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(way, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(way, 32) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(way, EVP_sha256()) == 1 &&
           EVP_DigestVerify(context.get(), signature->data(), signature->size(), text.data(), text.size()) == 1;
}

/// The surroundings of Azure's sources, and what answers them.
struct AzureWorld : SourceWorld {
    void then_token(std::string_view token, int expires_in = 3599, std::string_view more = {}) {
        script->then(200, R"({"token_type":"Bearer","expires_in":)" + std::to_string(expires_in) +
                              R"(,"ext_expires_in":3599,"access_token":")" + std::string{token} + '"' +
                              std::string{more} + '}');
    }
    /// What Microsoft Entra answers instead of a token.
    void then_refusal(unsigned status, std::string_view name, std::uint64_t number, std::string_view told,
                      blueprint::faas::Headers headers = {}) {
        const auto digits = std::to_string(number);
        script->then(status,
                     R"({"error":")" + std::string{name} + R"(","error_description":"AADSTS)" + digits + ": " +
                         std::string{told} +
                         R"( Trace ID: 1f5a-trace Correlation ID: 77-corr Timestamp: 2026-01-02 00:00:00Z",)" +
                         R"("error_codes":[)" + digits +
                         R"(],"timestamp":"2026-01-02 00:00:00Z","trace_id":"1f5a-trace","correlation_id":"77-corr"})",
                     std::move(headers));
    }
    blueprint::faas::result<blueprint::faas::azure::TimedToken> fetch(
        const blueprint::faas::azure::Credential& credential,
        blueprint::faas::azure::TokenRequest request = {.scope = management_scope},
        std::chrono::milliseconds within = std::chrono::minutes{1}) {
        return run(io, credential.fetch(reach, std::move(request), blueprint::faas::deadline_after(within)));
    }
    /// Asks a source that must have a credential.
    template <class Source>
    blueprint::faas::azure::Credential found(const Source& source) {
        auto search = ok(find(source));
        REQUIRE_MESSAGE(search.found.has_value(), search.not_here);
        return *std::move(search.found);
    }
};

/// Returns the error of what must have failed, and sees to it that it tells no secret and that nothing ran.
template <class T>
blueprint::faas::Error failed_without(std::string_view secret, blueprint::faas::result<T> outcome) {
    blueprint::faas::Error error = failed(std::move(outcome));
    std::ostringstream text;
    text << error;
    CHECK_MESSAGE(text.str().find(secret) == std::string::npos, text.str());
    CHECK(error.execution == blueprint::faas::Execution::not_started);
    return error;
}

}  // namespace tests

#endif
