#ifndef BLUEPRINT_FAAS_DETAIL_IMPL_HASH_IPP
#define BLUEPRINT_FAAS_DETAIL_IMPL_HASH_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <openssl/evp.h>

#include <memory>
#include <new>
#include <stdexcept>

namespace blueprint::faas::detail {

// Looked up once: EVP_sha256() alone makes OpenSSL 3 search its providers at every use. Never freed, because OpenSSL
// tears itself down at exit in an order that we do not know.
BLUEPRINT_FAAS_DECL const EVP_MD* sha256_algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (algorithm == nullptr) throw std::runtime_error{"OpenSSL offers no SHA-256: look at its configuration file"};
    return algorithm;
}

BLUEPRINT_FAAS_DECL void require_openssl(int answer) {
    if (answer != 1) throw std::runtime_error{"OpenSSL failed to compute a SHA-256 digest"};
}

BLUEPRINT_FAAS_DECL Sha256Digest sha256(std::span<const std::uint8_t> data) {
    Sha256Digest digest{};
    require_openssl(EVP_Digest(data.data(), data.size(), digest.data(), nullptr, sha256_algorithm(), nullptr));
    return digest;
}

BLUEPRINT_FAAS_DECL std::string sha256_hex(std::span<const std::uint8_t> data) { return hex_encode(sha256(data)); }

BLUEPRINT_FAAS_DECL void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

BLUEPRINT_FAAS_DECL Sha256::Sha256() : context_{EVP_MD_CTX_new()} {
    if (!context_) throw std::bad_alloc{};
    require_openssl(EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr));
}

BLUEPRINT_FAAS_DECL Sha256::Sha256(const Sha256& other) : context_{EVP_MD_CTX_new()} {
    if (!context_) throw std::bad_alloc{};
    require_openssl(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()));
}

BLUEPRINT_FAAS_DECL Sha256& Sha256::operator=(const Sha256& other) {
    if (this == &other) return *this;
    if (!context_) return *this = Sha256{other};
    require_openssl(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()));
    return *this;
}

BLUEPRINT_FAAS_DECL void Sha256::update(std::span<const std::uint8_t> data) {
    require_openssl(EVP_DigestUpdate(context_.get(), data.data(), data.size()));
}

BLUEPRINT_FAAS_DECL Sha256Digest Sha256::conclude() {
    Sha256Digest digest{};
    require_openssl(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
    return digest;
}

BLUEPRINT_FAAS_DECL Sha256Digest Sha256::finish() {
    const Sha256Digest digest = conclude();
    require_openssl(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr));
    return digest;
}

}  // namespace blueprint::faas::detail

#endif
