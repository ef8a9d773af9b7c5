#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CHAIN_IPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_CHAIN_IPP

#include "blueprint/faas/auth/azure/chain.hpp"
#include "blueprint/faas/auth/azure/names.hpp"
#include "blueprint/faas/auth/impl/ask_source.hpp"

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace azure_chain {

using azure::Credential;
using azure::TokenRequest;

/// A credential, and which source had it.
struct Found {
    Credential credential{};
    std::size_t source = 0;
};
using SharedFound = std::shared_ptr<const Found>;

/// What finding the credential uses.
struct Search {
    Reach reach{};
    std::vector<AnyAzureSource> sources{};
    azure::ChainOptions options{};

    std::mutex mutex{};                                // guards what follows; never held over a co_await
    std::vector<std::optional<std::string>> absent{};  ///< why a source's credential is not there after all
    std::optional<std::size_t> proved{};               ///< the source whose credential has given a token
};

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline std::optional<std::string> why_absent(Search& search, std::size_t source) {
    const std::lock_guard lock{search.mutex};
    return search.absent[source];
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<FetchedToken<Found>>> find(std::shared_ptr<Search> search) {
    const Deadline deadline = deadline_after(search->options.timeout);
    std::string tried;
    for (std::size_t i = 0; i < search->sources.size(); ++i) {
        auto why_not = why_absent(*search, i);
        if (!why_not) {
            auto asking = ask_source<azure::CredentialSearch>(search->reach, search->sources[i], "Azure credentials",
                                                              search->options.timeout, deadline);
            auto outcome = co_await std::move(asking);
            if (!outcome) co_return std::move(outcome).error();
            if (outcome->found)
                co_return FetchedToken<Found>{.value = {.credential = *std::move(outcome->found), .source = i},
                                              .expires = TokenSchedule::Time::max()};
            why_not = std::move(outcome->not_here);
        }
        tried.append(i == 0 ? "" : "; ").append(search->sources[i].name).append(" (").append(*why_not) += ')';
    }
    const std::lock_guard lock{search->mutex};
    for (auto& why_not : search->absent) why_not.reset();  // what was not there may be there next time
    co_return failure(errc::authentication,
                      "there are no Azure credentials; these were tried: " + tried +
                          ". Run 'az login', set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run "
                          "where a managed identity is assigned");
}

}  // namespace azure_chain

/// Who gives tokens: the credential, found when it is first wanted. The token caches share it, and may outlive the
/// chain until their fetches have ended.
struct AzureTokens::Giver {
    explicit Giver(std::shared_ptr<azure_chain::Search> what)
        : search{std::move(what)},
          found{search->reach.executor, [search = search] { return azure_chain::find(search); }, rules(*search),
                *search->reach.environment} {}

    // Every source may turn out not to be there, each after it was found.
    static TokenRules rules(const azure_chain::Search& search) {
        TokenRules rules;
        rules.drops += static_cast<std::uint32_t>(search.sources.size());
        return rules;
    }
    /// Forgets the credential, so that it is looked for anew; another one that was found meanwhile stays. False: too
    /// many were forgotten of late.
    BLUEPRINT_FAAS_COLD bool forget(const azure::Credential* one) {
        return found.invalidate([&](const azure_chain::Found& kept) { return &kept.credential == one; });
    }

    const std::shared_ptr<azure_chain::Search> search;
    TokenCache<azure_chain::Found> found;
};

/// What Azure demanded of the next token for a scope.
struct AzureTokens::Claims {
    std::mutex mutex;
    std::string demanded{};
};

namespace azure_chain {

struct Given {
    azure::TimedToken token{};
    SharedFound giver{};
};

/// Takes note that a credential is not there after all; false, and nothing is noted, if it has given a token before.
BLUEPRINT_FAAS_COLD inline bool pass_over(Search& search, const Found& found, const Error& why) {
    const std::lock_guard lock{search.mutex};
    if (search.proved == found.source) return false;
    search.absent[found.source] = why.message;
    return true;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Given>> fetch(std::shared_ptr<AzureTokens::Giver> giver,
                                                                TokenRequest request) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto& search = *giver->search;
    const Deadline deadline = deadline_after(search.options.timeout);
    for (;;) {
        auto finding = giver->found.get(deadline);
        auto found = co_await std::move(finding);
        if (!found) co_return std::move(found).error();
        const Credential& credential = (*found)->credential;
        auto fetching = credential.fetch(search.reach, request, deadline);
        auto token = co_await std::move(fetching);
        if (!token) {
            Error error = std::move(token).error();
            const bool absent = error.code == errc::not_found && pass_over(search, **found, error);
            // Whoever gave tokens before has signed out, or was taken away: no job that is not found.
            if (error.code == errc::not_found) error.code = errc::authentication;
            // The secret may have been replaced, or another identity assigned.
            const bool anew = error.code == errc::authentication && giver->forget(&credential);
            if (absent && anew) continue;
            co_return error;
        }
        if (token->expires <= search.reach.environment->now())
            co_return failure(errc::authentication,
                              "the token of " + credential.what + " has ended already: check this machine's clock");
        {
            const std::lock_guard lock{search.mutex};
            search.proved = (*found)->source;
        }
        co_return Given{.token = std::move(*token), .giver = std::move(*found)};
    }
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<FetchedToken<azure::AccessToken>>> fetch_access(
    std::shared_ptr<AzureTokens::Giver> giver, std::string scope, std::shared_ptr<AzureTokens::Claims> claims) {
    TokenRequest request{.scope = std::move(scope)};
    {
        const std::lock_guard lock{claims->mutex};
        request.claims = claims->demanded;
    }
    const std::string demanded = request.claims;
    auto fetching = fetch(giver, std::move(request));
    auto given = co_await std::move(fetching);
    // Claims that were met are asked for no more; nor are those that were refused, because somebody may sign in anew.
    if (given || given.error().code == errc::authentication) {
        const std::lock_guard lock{claims->mutex};
        if (claims->demanded == demanded) claims->demanded.clear();
    }
    if (!given) co_return std::move(given).error();
    const auto now = giver->search->reach.environment->now();
    const auto life = given->token.expires - now;
    auto refresh_at = given->token.refresh_at;
    if (!refresh_at && life > giver->search->options.long_life) refresh_at = now + life / 2;
    std::shared_ptr<const Credential> by{given->giver, &given->giver->credential};
    co_return FetchedToken<azure::AccessToken>{
        .value = {.authorization = "Bearer " + given->token.value, .giver = std::move(by)},
        .expires = given->token.expires,
        .refresh_at = refresh_at};
}

BLUEPRINT_FAAS_COLD inline std::shared_ptr<Search> make_search(Reach reach, std::vector<AnyAzureSource> sources,
                                                               azure::ChainOptions options) {
    auto search = std::make_shared<Search>();
    search->reach = std::move(reach);
    search->absent.resize(sources.size());
    search->sources = std::move(sources);
    search->options = options;
    return search;
}

}  // namespace azure_chain

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureTokens::AzureTokens(Reach reach, std::vector<AnyAzureSource> sources,
                                                                 azure::ChainOptions options)
    : giver_{std::make_shared<Giver>(azure_chain::make_search(std::move(reach), std::move(sources), options))} {}

BLUEPRINT_FAAS_DECL azure::SharedAccessToken AzureTokens::ready(std::string_view scope) {
    std::shared_ptr<TokenCache<azure::AccessToken>> cache;
    {
        const std::lock_guard lock{mutex_};
        const auto found = kept_.find(scope);
        if (found == kept_.end()) return nullptr;
        cache = found->second.cache;
    }
    return cache->ready();
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<azure::SharedAccessToken>> AzureTokens::get(
    std::string scope, Deadline deadline) {
    if (auto good = azure::check_scope(scope); !good) co_return std::move(good).error();
    const auto cache = cache_of(scope);
    auto getting = cache->get(deadline);
    co_return co_await std::move(getting);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<std::shared_ptr<const azure::Credential>>>
AzureTokens::credential(Deadline deadline) {
    const auto giver = giver_;
    auto finding = giver->found.get(deadline);
    auto found = co_await std::move(finding);
    if (!found) co_return std::move(found).error();
    std::shared_ptr<const azure::Credential> credential{*found, &(*found)->credential};
    co_return credential;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzureTokens::invalidate(std::string_view authorization) noexcept {
    std::shared_ptr<const azure::Credential> of;
    bool another = true;
    {
        const std::lock_guard lock{mutex_};
        for (auto& [scope, kept] : kept_) {
            const auto is_that_one = [&](const azure::AccessToken& token) {
                if (token.authorization.reveal() != authorization) return false;
                of = token.giver;
                return true;
            };
            another = kept.cache->invalidate(is_that_one) && another;
        }
    }
    if (of && another) giver_->forget(of.get());
    return another;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void AzureTokens::demand(std::string_view authorization, std::string claims) {
    const std::lock_guard lock{mutex_};
    for (auto& [scope, kept] : kept_) {
        const auto is_that_one = [&](const azure::AccessToken& token) {
            if (token.authorization.reveal() != authorization) return false;
            const std::lock_guard writing{kept.claims->mutex};
            kept.claims->demanded = claims;
            return true;
        };
        kept.cache->invalidate(is_that_one);
    }
}

BLUEPRINT_FAAS_COLD inline std::shared_ptr<TokenCache<azure::AccessToken>> AzureTokens::cache_of(
    std::string_view scope) {
    const std::lock_guard lock{mutex_};
    auto found = kept_.find(scope);
    if (found == kept_.end()) {
        Kept kept;
        kept.claims = std::make_shared<Claims>();
        kept.cache = std::make_shared<TokenCache<azure::AccessToken>>(
            giver_->search->reach.executor,
            [giver = giver_, of = std::string{scope}, claims = kept.claims] {
                return azure_chain::fetch_access(giver, of, claims);
            },
            giver_->search->options.rules, *giver_->search->reach.environment);
        found = kept_.emplace(scope, std::move(kept)).first;
    }
    return found->second.cache;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
