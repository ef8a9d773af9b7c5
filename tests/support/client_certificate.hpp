#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_CLIENT_CERTIFICATE_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_CLIENT_CERTIFICATE_HPP

#include "support/self_signed.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace blueprint::faas::test {

/// Returns the PEM text of a private key again, encrypted with `password` (PKCS #8, AES-256).
inline std::string encrypt_key(const std::string& key_text, const std::string& password) {
    using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
    const Bio in{BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())), &BIO_free};
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
        PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
    const Bio out{BIO_new(BIO_s_mem()), &BIO_free};
    if (!key || PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), password.data(),
                                              static_cast<int>(password.size()), nullptr, nullptr) != 1)
        throw std::runtime_error{"OpenSSL does not encrypt a key"};
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

}  // namespace blueprint::faas::test

#endif
