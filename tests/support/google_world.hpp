#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_GOOGLE_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_GOOGLE_WORLD_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "support/run.hpp"
#include "support/source_world.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// A key pair that this program has made.
class RsaPair {
public:
    explicit RsaPair(unsigned bits = 2048) : key_{EVP_RSA_gen(bits), &EVP_PKEY_free} { REQUIRE(key_ != nullptr); }

    std::string pkcs8() const {
        return pem([this](BIO* bio) {
            return PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
    }
    std::string pkcs1() const {
        return pem([this](BIO* bio) {
            return PEM_write_bio_PrivateKey_traditional(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
    }
    std::string with_password() const {
        return pem([this](BIO* bio) {
            return PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), EVP_aes_128_cbc(), "password", 8, nullptr, nullptr);
        });
    }
    std::string public_key() const {
        return pem([this](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key_.get()); });
    }
    EVP_PKEY* native() const { return key_.get(); }
    /// Tells whether the JSON Web Token was signed with this key by RS256.
    bool has_signed(std::string_view token) const {
        const auto dot = token.rfind('.');
        const auto signature = blueprint::faas::detail::base64url_decode(token.substr(dot + 1));
        if (dot == std::string_view::npos || !signature) return false;
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
        const auto text = blueprint::faas::detail::bytes_of(token.substr(0, dot));
        return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
               EVP_DigestVerify(context.get(), signature->data(), signature->size(), text.data(), text.size()) == 1;
    }

private:
    template <class Write>
    static std::string pem(Write write) {
        const std::unique_ptr<BIO, int (*)(BIO*)> bio{BIO_new(BIO_s_mem()), &BIO_free};
        REQUIRE(write(bio.get()) == 1);
        char* data = nullptr;
        const auto size = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }
    std::shared_ptr<EVP_PKEY> key_;
};

/// The key of the service account that the tests are; made once, because that takes a while.
inline const RsaPair& account_key() {
    static const RsaPair pair;
    return pair;
}

/// Returns a part of a JSON Web Token, 0 the header and 1 the claims.
inline boost::json::object jwt_part(std::string_view token, int part) {
    for (; part > 0; --part) token.remove_prefix(token.find('.') + 1);
    const auto bytes = blueprint::faas::detail::base64url_decode(token.substr(0, token.find('.')));
    REQUIRE(bytes.has_value());
    return boost::json::parse(blueprint::faas::detail::text_of(*bytes)).as_object();
}

/// Makes what Google gives as an ID token: one that we need not verify.
inline std::string id_token(std::string_view audience, std::int64_t expires, std::string_view more = "c2lnbmF0dXJl") {
    const auto part = [](const boost::json::object& json) {
        return blueprint::faas::detail::base64url_encode(
            blueprint::faas::detail::bytes_of(boost::json::serialize(json)));
    };
    return part({{"alg", "RS256"}, {"typ", "JWT"}}) + '.' +
           part({{"iss", "https://accounts.google.com"}, {"aud", audience}, {"exp", expires}, {"email", "a@b"}}) + '.' +
           std::string{more};
}

inline boost::json::object service_account_json() {
    return {{"type", "service_account"},
            {"project_id", "file-project"},
            {"private_key_id", "key-7"},
            {"private_key", account_key().pkcs8()},
            {"client_email", "jobs@file-project.iam.gserviceaccount.com"},
            {"token_uri", "https://oauth2.googleapis.com/token"}};
}

inline boost::json::object authorized_user_json() {
    return {{"type", "authorized_user"},
            {"client_id", "7-abc.apps.googleusercontent.com"},
            {"client_secret", "client-secret-of-gcloud"},
            {"refresh_token", "refresh-token-of-the-user"},
            {"quota_project_id", "paying-project"}};
}

/// The surroundings of Google's sources, and what answers them.
struct GoogleWorld : SourceWorld {
    void then_access_token(std::string_view token, int expires_in = 3600) {
        script->then(200, R"({"access_token":")" + std::string{token} + R"(","token_type":"Bearer","expires_in":)" +
                              std::to_string(expires_in) + "}");
    }
    void then_id_token(std::string_view audience, std::chrono::seconds life = std::chrono::hours{1}) {
        script->then(200, R"({"id_token":")" + id_token(audience, now() + life.count()) + "\"}");
    }
    blueprint::faas::result<blueprint::faas::gcp::TimedToken> fetch(
        const blueprint::faas::gcp::Credential& credential, blueprint::faas::gcp::TokenRequest request,
        std::chrono::milliseconds within = std::chrono::minutes{1}) {
        return run(io, credential.fetch(reach, std::move(request), blueprint::faas::deadline_after(within)));
    }
};

/// Returns the error of what must have failed, and sees to it that it tells no secret and that nothing ran.
template <class T>
blueprint::faas::Error failed_secretly(blueprint::faas::result<T> outcome) {
    blueprint::faas::Error error = failed(std::move(outcome));
    std::ostringstream text;
    text << error;
    const auto key = account_key().pkcs8();
    for (const auto secret : {std::string_view{"client-secret-of"}, std::string_view{"refresh-token-of"},
                              std::string_view{"ya29.secret"}, std::string_view{key}.substr(40, 24)})
        CHECK_MESSAGE(text.str().find(secret) == std::string::npos, text.str());
    CHECK(error.execution == blueprint::faas::Execution::not_started);
    return error;
}

}  // namespace tests

#endif
