#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_KEY_FILE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_KEY_FILE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"
#include "blueprint/faas/local/gcp_key_file.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/impl/openssl_owners.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <utility>

namespace blueprint::faas::local {

inline result<std::string> gcp_public_pem(EVP_PKEY& key) {
    const openssl::Memory pem{BIO_new(BIO_s_mem())};
    if (!pem || PEM_write_bio_PUBKEY(pem.get(), &key) != 1)
        return Error{.code = errc::infrastructure, .message = "OpenSSL could not write a key as PEM"};
    return openssl::text_of(*pem);
}

BLUEPRINT_FAAS_DECL result<GcpAccountKey> GcpAccountKey::make(std::string email) {
    const openssl::Key key{EVP_RSA_gen(2048)};
    const openssl::Memory pem{BIO_new(BIO_s_secmem())};
    if (!key || !pem || PEM_write_bio_PKCS8PrivateKey(pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return Error{.code = errc::infrastructure, .message = "OpenSSL could not make an RSA key"};
    auto public_key = gcp_public_pem(*key);
    if (!public_key) return public_key.error();
    GcpAccountKey made{.email = std::move(email), .private_key = openssl::text_of(*pem)};
    made.account.key_id = faas::detail::sha256_hex(faas::detail::bytes_of(*public_key)).substr(0, 40);
    made.account.public_key = std::move(*public_key);
    return made;
}

BLUEPRINT_FAAS_DECL result<GcpAccountKey> GcpAccountKey::read(const Secret& file) {
    const auto refused = [](std::string why) {
        return Error{.code = errc::invalid_configuration,
                     .message = "the file is no key of a service account: " + std::move(why),
                     .execution = Execution::not_started};
    };
    faas::detail::WipedMemory memory{file.size()};
    boost::system::error_code failed;
    const auto json = boost::json::parse({file.reveal().data(), file.reveal().size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : json.if_object();
    if (object == nullptr) return refused("it is no JSON object");
    using faas::detail::text_in;
    if (text_in(*object, "type") != "service_account") return refused("its type is not service_account");
    GcpAccountKey read{.email = std::string{text_in(*object, "client_email")},
                       .private_key = text_in(*object, "private_key")};
    if (read.email.empty()) return refused("it has no client_email");
    read.account.key_id = text_in(*object, "private_key_id");
    const auto text = read.private_key.reveal();
    const openssl::Memory pem{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    const openssl::Key key{pem ? PEM_read_bio_PrivateKey(pem.get(), nullptr, nullptr, nullptr) : nullptr};
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return refused("its private_key is no RSA key");
    auto public_key = gcp_public_pem(*key);
    if (!public_key) return public_key.error();
    read.account.public_key = std::move(*public_key);
    return read;
}

BLUEPRINT_FAAS_DECL Secret GcpAccountKey::file(std::string_view project, std::string_view token_uri) const {
    faas::detail::WipedMemory memory{private_key.size() + 1024};
    boost::json::object object{memory.storage()};
    const std::pair<const char*, std::string_view> members[] = {
        {"type", "service_account"},           {"project_id", project}, {"private_key_id", account.key_id},
        {"private_key", private_key.reveal()}, {"client_email", email}, {"token_uri", token_uri},
        {"universe_domain", "googleapis.com"},
    };
    for (const auto& [name, value] : members) object[name] = boost::json::string_view{value.data(), value.size()};
    object["client_id"] = gcp_unique_id(email);
    return Secret{boost::json::serialize(object)};
}

}  // namespace blueprint::faas::local

#endif
