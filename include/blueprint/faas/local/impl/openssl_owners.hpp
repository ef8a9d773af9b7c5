#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENSSL_OWNERS_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENSSL_OWNERS_HPP

// Owners of OpenSSL's objects. Included by files of the local cloud alone.

#include <openssl/bio.h>
#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <string>

namespace blueprint::faas::local::openssl {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* owned) const noexcept {
        Free(owned);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<&EVP_MD_CTX_free>>;
using Memory = std::unique_ptr<BIO, Freed<&BIO_free_all>>;

inline std::string text_of(BIO& bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(&bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

}  // namespace blueprint::faas::local::openssl

#endif
