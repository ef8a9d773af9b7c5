#ifndef BLUEPRINT_FAAS_AUTH_GCP_TOKENS_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_TOKENS_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::gcp {

/// What Google's APIs want: it says what who holds it may do, and not whom it is for.
struct AccessToken {
    Secret authorization{};                     ///< the whole field: "Bearer …"
    std::string quota_project{};                ///< that pays for the request; empty: nobody else
    std::shared_ptr<const Credential> giver{};  ///< that gave it; null: nobody whom one could ask again
};

/// What a function or a service wants: it says who calls, to one audience alone.
struct IdToken {
    Secret authorization{};  ///< the whole field: "Bearer …"
    std::shared_ptr<const Credential> giver{};
};

using SharedAccessToken = std::shared_ptr<const AccessToken>;
using SharedIdToken = std::shared_ptr<const IdToken>;

/// Gives tokens of both kinds. What is ready is given without waiting, null if nothing is; `get_…` fetches it before
/// the deadline, and `*this` or a copy outlives the awaitable. `invalidate` drops the token that was sent as
/// `authorization`, and tells whether the next one may be another. Copies share tokens. May be used from several
/// threads. Models: FixedTokens, Chain.
template <class P>
concept TokenProvider =
    std::copy_constructible<P> && requires(P& tokens, std::string_view text, std::string audience, Deadline end) {
        { tokens.ready_access() } -> std::same_as<SharedAccessToken>;
        { tokens.ready_identity(text) } -> std::same_as<SharedIdToken>;
        { tokens.get_access(end) } -> std::same_as<asio::awaitable<result<SharedAccessToken>>>;
        { tokens.get_identity(audience, end) } -> std::same_as<asio::awaitable<result<SharedIdToken>>>;
        { tokens.invalidate(text) } noexcept -> std::same_as<bool>;
    };

/// Gives tokens that somebody else has fetched and that are never renewed: what `gcloud auth print-access-token` and
/// `gcloud auth print-identity-token --audiences=URL` print, for an hour's work.
class FixedTokens {
public:
    /// `identity_tokens` are by audience: the URL of the service. Tokens are given without "Bearer".
    BLUEPRINT_FAAS_COLD FixedTokens(const Secret& access_token, const std::map<std::string, Secret>& identity_tokens,
                                    std::string quota_project = {}) {
        auto tokens = std::make_shared<Tokens>();
        if (!access_token.empty())
            tokens->access = std::make_shared<const AccessToken>(
                AccessToken{.authorization = "Bearer " + access_token, .quota_project = std::move(quota_project)});
        for (const auto& [audience, token] : identity_tokens)
            tokens->identity.emplace(audience,
                                     std::make_shared<const IdToken>(IdToken{.authorization = "Bearer " + token}));
        tokens_ = std::move(tokens);
    }

    SharedAccessToken ready_access() const { return tokens_->access; }
    SharedIdToken ready_identity(std::string_view audience) const {
        const auto found = tokens_->identity.find(audience);
        return found == tokens_->identity.end() ? nullptr : found->second;
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<SharedAccessToken>> get_access(Deadline) const {
        if (auto token = ready_access()) co_return token;
        co_return missing("access token");
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<SharedIdToken>> get_identity(std::string audience, Deadline) const {
        if (auto token = ready_identity(audience)) co_return token;
        co_return missing("ID token for the audience '" + audience + "'");
    }
    bool invalidate(std::string_view) const noexcept { return false; }  // there is no fresher one

private:
    struct Tokens {
        SharedAccessToken access{};
        std::map<std::string, SharedIdToken, std::less<>> identity{};
    };
    BLUEPRINT_FAAS_COLD static Error missing(const std::string& what) {
        return {.code = errc::authentication,
                .message = "FixedTokens was given no " + what,
                .execution = Execution::not_started};
    }
    std::shared_ptr<const Tokens> tokens_;
};
static_assert(TokenProvider<FixedTokens>);

}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
