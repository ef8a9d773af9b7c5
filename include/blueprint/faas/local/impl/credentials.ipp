#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CREDENTIALS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CREDENTIALS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/credentials.hpp"

#include <openssl/crypto.h>

#include <string_view>
#include <utility>

namespace blueprint::faas::local {

inline std::string lower_case(std::string_view text) {
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

/// Digests have one length, so that comparing them tells no other.
inline faas::detail::Sha256Digest secret_digest(std::string_view value) {
    return faas::detail::sha256(faas::detail::bytes_of(value));
}

/// "bEaReR   x" and "Bearer x" are the same credential.
inline Secret same_scheme(std::string_view value) {
    const auto space = value.find(' ');
    if (space == std::string_view::npos) return Secret{value};
    auto rest = value.substr(space);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    const Secret credential{rest};
    return lower_case(value.substr(0, space)) + ' ' + credential;
}

BLUEPRINT_FAAS_DECL Credentials::Credentials(const CloudOptions& options) : authorize_{options.authorize} {
    const auto challenge = [this](std::string_view scheme) {
        if (challenge_.find(scheme) != std::string::npos) return;
        challenge_.append(challenge_.empty() ? "" : ", ").append(scheme);
    };
    for (const auto& token : options.bearer_tokens) {
        accepted_.push_back({"authorization", secret_digest(("bearer " + token).reveal())});
        challenge("Bearer");
    }
    for (const auto& basic : options.basic_users) {
        const Secret pair = basic.user + ':' + basic.password;
        const Secret encoded = faas::detail::base64_encode(faas::detail::bytes_of(pair.reveal()));
        accepted_.push_back({"authorization", secret_digest(("basic " + encoded).reveal())});
        challenge("Basic realm=\"blueprint\"");
    }
    for (const auto& api_key : options.api_keys) {
        auto header = lower_case(api_key.header);
        const Secret value = header == "authorization" ? same_scheme(api_key.key.reveal()) : api_key.key;
        accepted_.push_back({header, secret_digest(value.reveal())});
        challenge("ApiKey header=\"" + api_key.header + '"');
    }
}

BLUEPRINT_FAAS_DECL std::optional<Denial> Credentials::judge(const ServerRequest& head) const {
    if (none()) return std::nullopt;
    bool known = false;
    bool sent = false;
    for (const auto& credential : accepted_) {
        const auto value = head.field(credential.header);
        sent |= value.has_value();
        const auto digest = credential.header == "authorization"
                                ? secret_digest(same_scheme(value.value_or("")).reveal())
                                : secret_digest(value.value_or(""));
        // All are compared: the time does not tell which one fits.
        known |= CRYPTO_memcmp(credential.digest.data(), digest.data(), digest.size()) == 0 && value.has_value();
    }
    if (known) return std::nullopt;
    if (authorize_) return authorize_(head);
    return Denial{.message = sent ? "the credential is not known here" : "a credential is needed",
                  .challenge = sent && challenge_ == "Bearer" ? "Bearer error=\"invalid_token\"" : challenge_};
}

}  // namespace blueprint::faas::local

#endif
