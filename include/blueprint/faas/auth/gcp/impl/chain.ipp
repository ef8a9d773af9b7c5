#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_CHAIN_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_CHAIN_IPP

#include "blueprint/faas/auth/gcp/chain.hpp"
#include "blueprint/faas/auth/impl/ask_source.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace google_chain {

using gcp::Credential;
using gcp::TokenRequest;

/// What finding the credential uses.
struct Search {
    Reach reach{};
    std::vector<AnyGoogleSource> sources{};
    gcp::ChainOptions options{};
};

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<FetchedToken<Credential>>> find(
    std::shared_ptr<const Search> search) {
    const Deadline deadline = deadline_after(search->options.timeout);
    std::string tried;
    for (std::size_t i = 0; i < search->sources.size(); ++i) {
        auto asking = ask_source<gcp::CredentialSearch>(search->reach, search->sources[i], "Google credentials",
                                                        search->options.timeout, deadline);
        auto outcome = co_await std::move(asking);
        if (!outcome) co_return std::move(outcome).error();
        if (outcome->found) {
            Credential credential = *std::move(outcome->found);
            auto quota = search->reach.environment->variable("GOOGLE_CLOUD_QUOTA_PROJECT").value_or("");
            if (!quota.empty()) credential.quota_project = std::move(quota);
            co_return FetchedToken<Credential>{.value = std::move(credential), .expires = TokenSchedule::Time::max()};
        }
        tried.append(i == 0 ? "" : "; ").append(search->sources[i].name).append(" (").append(outcome->not_here) += ')';
    }
    co_return failure(errc::authentication,
                      "there are no Google credentials; these were tried: " + tried +
                          ". Run 'gcloud auth application-default login', set GOOGLE_APPLICATION_CREDENTIALS to the "
                          "path of a credential file, or run where a service account is attached");
}

}  // namespace google_chain

/// Who gives tokens: the credential, found when it is first wanted. The token caches share it, and may outlive the
/// chain until their fetches have ended.
struct GoogleTokens::Giver {
    explicit Giver(google_chain::Search what)
        : reach{what.reach},
          options{what.options},
          credential{what.reach.executor,
                     [search = std::make_shared<const google_chain::Search>(std::move(what))] {
                         return google_chain::find(search);
                     },
                     TokenRules{}, *reach.environment} {}

    /// Forgets the credential, so that it is found anew; another one that was found meanwhile stays.
    BLUEPRINT_FAAS_COLD void forget(const gcp::Credential* one) {
        credential.invalidate([&](const gcp::Credential& kept) { return &kept == one; });
    }

    const Reach reach;
    const gcp::ChainOptions options;
    TokenCache<gcp::Credential> credential;
};

namespace google_chain {

struct Given {
    gcp::TimedToken token{};
    std::shared_ptr<const Credential> giver{};
};

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Given>> fetch(std::shared_ptr<GoogleTokens::Giver> giver,
                                                                TokenRequest request) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const Deadline deadline = deadline_after(giver->options.timeout);
    auto finding = giver->credential.get(deadline);
    auto credential = co_await std::move(finding);
    if (!credential) co_return std::move(credential).error();
    auto fetching = (*credential)->fetch(giver->reach, std::move(request), deadline);
    auto token = co_await std::move(fetching);
    if (!token) {
        // The file may have been replaced, or another account attached.
        if (token.error().code == errc::authentication) giver->forget(credential->get());
        co_return std::move(token).error();
    }
    if (token->expires <= giver->reach.environment->now())
        co_return failure(errc::authentication,
                          "the token of " + (*credential)->what + " has ended already: check this machine's clock");
    co_return Given{.token = std::move(*token), .giver = std::move(*credential)};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<FetchedToken<gcp::AccessToken>>> fetch_access(
    std::shared_ptr<GoogleTokens::Giver> giver) {
    TokenRequest request = TokenRequest::access(giver->options.scopes);
    auto fetching = fetch(giver, std::move(request));
    auto given = co_await std::move(fetching);
    if (!given) co_return std::move(given).error();
    co_return FetchedToken<gcp::AccessToken>{.value = {.authorization = "Bearer " + given->token.value,
                                                       .quota_project = given->giver->quota_project,
                                                       .giver = given->giver},
                                             .expires = given->token.expires};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<FetchedToken<gcp::IdToken>>> fetch_identity(
    std::shared_ptr<GoogleTokens::Giver> giver, std::string audience) {
    TokenRequest request = TokenRequest::identity(std::move(audience));
    auto fetching = fetch(giver, std::move(request));
    auto given = co_await std::move(fetching);
    if (!given) co_return std::move(given).error();
    co_return FetchedToken<gcp::IdToken>{
        .value = {.authorization = "Bearer " + given->token.value, .giver = given->giver},
        .expires = given->token.expires};
}

}  // namespace google_chain

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL GoogleTokens::GoogleTokens(Reach reach, std::vector<AnyGoogleSource> sources,
                                                                   gcp::ChainOptions options)
    : giver_{std::make_shared<Giver>(google_chain::Search{
          .reach = std::move(reach), .sources = std::move(sources), .options = std::move(options)})},
      access_{giver_->reach.executor, [giver = giver_] { return google_chain::fetch_access(giver); },
              giver_->options.rules, *giver_->reach.environment} {}

BLUEPRINT_FAAS_DECL gcp::SharedAccessToken GoogleTokens::ready_access() { return access_.ready(); }

BLUEPRINT_FAAS_DECL gcp::SharedIdToken GoogleTokens::ready_identity(std::string_view audience) {
    std::shared_ptr<IdentityCache> cache;
    {
        const std::lock_guard lock{mutex_};
        const auto found = identities_.find(audience);
        if (found == identities_.end()) return nullptr;
        found->second.used = ++uses_;
        cache = found->second.cache;
    }
    return cache->ready();
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<gcp::SharedAccessToken>> GoogleTokens::get_access(
    Deadline deadline) {
    return access_.get(deadline);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<gcp::SharedIdToken>> GoogleTokens::get_identity(
    std::string audience, Deadline deadline) {
    if (audience.empty())
        co_return google_chain::failure(errc::invalid_configuration,
                                        "an ID token is for an audience, and none was given: the URL of the service");
    const auto cache = identity_cache(audience);  // kept here while it waits, also if it has to make room
    auto getting = cache->get(deadline);
    co_return co_await std::move(getting);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<std::shared_ptr<const gcp::Credential>>>
GoogleTokens::credential(Deadline deadline) {
    return giver_->credential.get(deadline);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool GoogleTokens::invalidate(std::string_view authorization) noexcept {
    std::shared_ptr<const gcp::Credential> of;
    const auto is_that_one = [&](const auto& kept) {
        if (kept.authorization.reveal() != authorization) return false;
        of = kept.giver;
        return true;
    };
    bool another = access_.invalidate(is_that_one);
    {
        const std::lock_guard lock{mutex_};
        for (auto& [audience, kept] : identities_) another = kept.cache->invalidate(is_that_one) && another;
    }
    if (of && another) giver_->forget(of.get());
    return another;
}

BLUEPRINT_FAAS_COLD inline std::shared_ptr<GoogleTokens::IdentityCache> GoogleTokens::identity_cache(
    std::string_view audience) {
    std::shared_ptr<IdentityCache> dropped;  // its end outside the lock
    const std::lock_guard lock{mutex_};
    auto found = identities_.find(audience);
    if (found == identities_.end()) {
        if (!identities_.empty() && identities_.size() >= giver_->options.max_audiences) {
            const auto oldest =
                std::min_element(identities_.begin(), identities_.end(),
                                 [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
            dropped = std::move(oldest->second.cache);
            identities_.erase(oldest);
        }
        auto cache = std::make_shared<IdentityCache>(
            giver_->reach.executor,
            [giver = giver_, whom = std::string{audience}] { return google_chain::fetch_identity(giver, whom); },
            giver_->options.rules, *giver_->reach.environment);
        found = identities_.emplace(audience, Kept{.cache = std::move(cache)}).first;
    }
    found->second.used = ++uses_;
    return found->second.cache;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
