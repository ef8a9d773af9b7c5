#ifndef BLUEPRINT_FAAS_AUTH_AZURE_CHAIN_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_CHAIN_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/auth/azure/tokens.hpp"
#include "blueprint/faas/auth/token_cache.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::azure {

/// How a chain finds its credential and fetches tokens.
struct ChainOptions {
    std::chrono::milliseconds timeout{30'000};  ///< of one fetch; of finding the credential as well
    /// With its spread, fetches begin 5 to 8 minutes before a token ends.
    TokenRules rules{.refresh_ahead = std::chrono::seconds{400}};
    /// Tokens that live longer than this are fetched anew after half of their life, where who gave one has not told
    /// when. Those of managed identities live for a day, and what they may do is looked up when they are made.
    std::chrono::seconds long_life{7'200};
};

}  // namespace blueprint::faas::azure

namespace blueprint::faas::detail {

/// A source of Azure credentials whose type is forgotten.
struct AnyAzureSource {
    std::string_view name{};  ///< static lifetime
    std::function<asio::awaitable<result<azure::CredentialSearch>>(const Reach& reach, Deadline deadline)> find{};
};

/// What all chains are, whatever their sources: one cache for the credential, and one for the token of each scope.
class AzureTokens {
public:
    BLUEPRINT_FAAS_DECL AzureTokens(Reach reach, std::vector<AnyAzureSource> sources, azure::ChainOptions options);

    BLUEPRINT_FAAS_DECL azure::SharedAccessToken ready(std::string_view scope);
    BLUEPRINT_FAAS_DECL asio::awaitable<result<azure::SharedAccessToken>> get(std::string scope, Deadline deadline);
    BLUEPRINT_FAAS_DECL asio::awaitable<result<std::shared_ptr<const azure::Credential>>> credential(Deadline deadline);
    BLUEPRINT_FAAS_DECL bool invalidate(std::string_view authorization) noexcept;
    BLUEPRINT_FAAS_DECL void demand(std::string_view authorization, std::string claims);

    struct Giver;
    struct Claims;

private:
    struct Kept {
        std::shared_ptr<TokenCache<azure::AccessToken>> cache{};
        std::shared_ptr<Claims> claims{};
    };
    std::shared_ptr<TokenCache<azure::AccessToken>> cache_of(std::string_view scope);

    const std::shared_ptr<Giver> giver_;
    std::mutex mutex_;  // guards what follows; never held over a co_await
    std::map<std::string, Kept, std::less<>> kept_{};
};

}  // namespace blueprint::faas::detail

namespace blueprint::faas::azure {

/// Finds a credential in the first source that has one, and gives its tokens. Nothing is asked before something is
/// wanted. The first credential that gives a token is remembered; one is looked for anew only after it or a token of it
/// was refused, not when a token ends. A source that says "not here" is passed over, and so is one whose credential
/// says `errc::not_found` before it has given any token: only then is it known of some that they are not there. Any
/// other error ends it, and names the source. If all are passed over, the error is `errc::authentication`, tells of
/// each source why, and what to do. The token of each scope is fetched by one for all who want it, again before it ends
/// and in the background; a refresh that fails keeps the token that is still good. Copies share credential and tokens.
/// Safe to use from every thread of the reach's executor, whose io_context must outlive it.
template <CredentialSource... Sources>
class Chain {
    static_assert(sizeof...(Sources) > 0,
                  "a chain without a source has no credential: name one, such as "
                  "azure::credentials::Environment");

public:
    explicit Chain(Reach reach, ChainOptions options = {})
        requires(std::default_initializable<Sources> && ...)
        : Chain{std::move(reach), std::move(options), Sources{}...} {}
    Chain(Reach reach, ChainOptions options, Sources... sources)
        : shared_{std::make_shared<faas::detail::AzureTokens>(
              std::move(reach), std::vector<faas::detail::AnyAzureSource>{erased(std::move(sources))...},
              std::move(options))} {}

    /// Returns the token for that scope if it is good, without waiting, and starts its refresh if that is due; else
    /// null.
    SharedAccessToken ready(std::string_view scope) { return shared_->ready(scope); }
    /// Returns a good token, fetched first if need be. `*this` or a copy must outlive the awaitable.
    asio::awaitable<result<SharedAccessToken>> get(std::string scope, Deadline deadline) {
        return shared_->get(std::move(scope), deadline);
    }
    /// Returns who it is that asks. It may turn out later not to be there: see above.
    asio::awaitable<result<std::shared_ptr<const Credential>>> credential(Deadline deadline) {
        return shared_->credential(deadline);
    }
    /// Drops the token that was sent as `authorization`, if it is still kept, and looks for the credential anew when
    /// the next one is wanted. Tells whether the next token may be another; false if too many were refused of late.
    bool invalidate(std::string_view authorization) noexcept { return shared_->invalidate(authorization); }
    /// Drops the token that was sent as `authorization`, if it is still kept, and has the next one for its scope asked
    /// for with `claims`. The credential stays: it is not what was refused.
    void demand(std::string_view authorization, std::string claims) {
        shared_->demand(authorization, std::move(claims));
    }

private:
    template <class Source>
    static faas::detail::AnyAzureSource erased(Source source) {
        return {.name = Source::name, .find = [source = std::move(source)](const Reach& reach, Deadline deadline) {
                    return source.find(reach, deadline);
                }};
    }

    std::shared_ptr<faas::detail::AzureTokens> shared_;
};

}  // namespace blueprint::faas::azure

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/chain.ipp"
#endif

#endif
