#ifndef BLUEPRINT_FAAS_AUTH_AZURE_TOKENS_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_TOKENS_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
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
namespace blueprint::faas::azure {

/// What Azure's APIs want: it says who asks, and to which API, its audience.
struct AccessToken {
    Secret authorization{};                     ///< the whole field: "Bearer …"
    std::shared_ptr<const Credential> giver{};  ///< that gave it; null: nobody whom one could ask again
};

using SharedAccessToken = std::shared_ptr<const AccessToken>;

/// Gives tokens by scope, such as "https://management.azure.com/.default". `ready` gives what is there without waiting,
/// null if nothing is; `get` fetches it before the deadline, and `*this` or a copy outlives the awaitable. `invalidate`
/// drops the token that was sent as `authorization`, and tells whether the next one may be another. `demand` drops it
/// too, and has the next one for its scope asked for with `claims`, once: Azure wants that where it ends a token before
/// its time. Copies share tokens. May be used from several threads. Models: FixedTokens, Chain.
template <class P>
concept TokenProvider =
    std::copy_constructible<P> && requires(P& tokens, std::string_view text, std::string owned, Deadline deadline) {
        { tokens.ready(text) } -> std::same_as<SharedAccessToken>;
        { tokens.get(owned, deadline) } -> std::same_as<asio::awaitable<result<SharedAccessToken>>>;
        { tokens.invalidate(text) } noexcept -> std::same_as<bool>;
        { tokens.demand(text, owned) } -> std::same_as<void>;
    };

/// Gives tokens that somebody else has fetched and that are never renewed: what `az account get-access-token --scope
/// SCOPE --query accessToken` prints, for an hour's work.
class FixedTokens {
public:
    /// Tokens are by scope, and given without "Bearer".
    BLUEPRINT_FAAS_COLD explicit FixedTokens(const std::map<std::string, Secret>& tokens) {
        auto kept = std::make_shared<Tokens>();
        for (const auto& [scope, token] : tokens)
            kept->emplace(scope, std::make_shared<const AccessToken>(AccessToken{.authorization = "Bearer " + token}));
        tokens_ = std::move(kept);
    }

    SharedAccessToken ready(std::string_view scope) const {
        const auto found = tokens_->find(scope);
        return found == tokens_->end() ? nullptr : found->second;
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<SharedAccessToken>> get(std::string scope, Deadline) const {
        if (auto token = ready(scope)) co_return token;
        co_return Error{.code = errc::authentication,
                        .message = "FixedTokens was given no token for the scope '" + scope + "'",
                        .execution = Execution::not_started};
    }
    bool invalidate(std::string_view) const noexcept { return false; }  // there is no fresher one
    void demand(std::string_view, std::string) const {}

private:
    using Tokens = std::map<std::string, SharedAccessToken, std::less<>>;
    std::shared_ptr<const Tokens> tokens_;
};
static_assert(TokenProvider<FixedTokens>);

}  // namespace blueprint::faas::azure
BLUEPRINT_FAAS_COROUTINES_END

#endif
