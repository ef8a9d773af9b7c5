#ifndef BLUEPRINT_FAAS_AUTH_GCP_CHAIN_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_CHAIN_HPP

#include "blueprint/faas/auth/gcp/credential.hpp"
#include "blueprint/faas/auth/gcp/tokens.hpp"
#include "blueprint/faas/auth/token_cache.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::gcp {

/// How a chain finds its credential and fetches tokens.
struct ChainOptions {
    std::string scopes{cloud_platform_scope};   ///< of access tokens, parted by blanks
    std::chrono::milliseconds timeout{30'000};  ///< of one fetch; of finding the credential as well
    /// With its spread, fetches begin 2.4 to 4 minutes before a token ends: the metadata server gives the same token
    /// until 4 minutes before.
    TokenRules rules{.refresh_ahead = std::chrono::seconds{192}};
    std::size_t max_audiences = 1'000;  ///< whose ID tokens are kept; the one unused for longest makes room
};

}  // namespace blueprint::faas::gcp

namespace blueprint::faas::detail {

/// A source of Google credentials whose type is forgotten.
struct AnyGoogleSource {
    std::string_view name{};  ///< static lifetime
    std::function<asio::awaitable<result<gcp::CredentialSearch>>(const Reach& reach, Deadline deadline)> find{};
};

/// What all chains are, whatever their sources: one cache for the credential, one for the access token, and one for
/// each audience.
class GoogleTokens {
public:
    BLUEPRINT_FAAS_DECL GoogleTokens(Reach reach, std::vector<AnyGoogleSource> sources, gcp::ChainOptions options);

    BLUEPRINT_FAAS_DECL gcp::SharedAccessToken ready_access();
    BLUEPRINT_FAAS_DECL gcp::SharedIdToken ready_identity(std::string_view audience);
    BLUEPRINT_FAAS_DECL asio::awaitable<result<gcp::SharedAccessToken>> get_access(Deadline deadline);
    BLUEPRINT_FAAS_DECL asio::awaitable<result<gcp::SharedIdToken>> get_identity(std::string audience,
                                                                                 Deadline deadline);
    BLUEPRINT_FAAS_DECL asio::awaitable<result<std::shared_ptr<const gcp::Credential>>> credential(Deadline deadline);
    BLUEPRINT_FAAS_DECL bool invalidate(std::string_view authorization) noexcept;

    struct Giver;

private:
    using IdentityCache = TokenCache<gcp::IdToken>;
    struct Kept {
        std::shared_ptr<IdentityCache> cache{};
        std::uint64_t used = 0;  ///< when last, by `uses_`
    };
    std::shared_ptr<IdentityCache> identity_cache(std::string_view audience);

    const std::shared_ptr<Giver> giver_;
    TokenCache<gcp::AccessToken> access_;
    std::mutex mutex_;  // guards what follows; never held over a co_await
    std::map<std::string, Kept, std::less<>> identities_{};
    std::uint64_t uses_ = 0;
};

}  // namespace blueprint::faas::detail

namespace blueprint::faas::gcp {

/// Finds a credential in the first source that has one, and gives its tokens. Nothing is asked before something is
/// wanted. The credential is found once, and anew only after it or a token of it was refused; not when a token ends. A
/// source that says "not here" is passed over; one that fails ends it with its error, which names the source. If all
/// are passed over, the error is `errc::authentication`, tells of each source why, and what to do.
/// Each token is fetched by one for all who want it, again before it ends and in the background; a refresh that fails
/// keeps the token that is still good. GOOGLE_CLOUD_QUOTA_PROJECT goes before the quota project of the credential.
/// Copies share credential and tokens. Safe to use from every thread of the reach's executor, whose io_context must
/// outlive it.
template <CredentialSource... Sources>
class Chain {
    static_assert(sizeof...(Sources) > 0,
                  "a chain without a source has no credential: name one, such as gcp::credentials::EnvironmentFile");

public:
    explicit Chain(Reach reach, ChainOptions options = {})
        requires(std::default_initializable<Sources> && ...)
        : Chain{std::move(reach), std::move(options), Sources{}...} {}
    Chain(Reach reach, ChainOptions options, Sources... sources)
        : shared_{std::make_shared<faas::detail::GoogleTokens>(
              std::move(reach), std::vector<faas::detail::AnyGoogleSource>{erased(std::move(sources))...},
              std::move(options))} {}

    /// Returns the access token if it is good, without waiting, and starts its refresh if that is due; else null.
    SharedAccessToken ready_access() { return shared_->ready_access(); }
    /// The same of the ID token for that audience.
    SharedIdToken ready_identity(std::string_view audience) { return shared_->ready_identity(audience); }
    /// Returns a good token, fetched first if need be. `*this` or a copy must outlive the awaitable.
    asio::awaitable<result<SharedAccessToken>> get_access(Deadline deadline) { return shared_->get_access(deadline); }
    asio::awaitable<result<SharedIdToken>> get_identity(std::string audience, Deadline deadline) {
        return shared_->get_identity(std::move(audience), deadline);
    }
    /// Returns who it is that asks: for the project, the email, the domain of the APIs.
    asio::awaitable<result<std::shared_ptr<const Credential>>> credential(Deadline deadline) {
        return shared_->credential(deadline);
    }
    /// Drops the token that was sent as `authorization`, if it is still kept, and looks for the credential anew when
    /// the next one is wanted. Tells whether the next token may be another; false if too many were refused of late.
    bool invalidate(std::string_view authorization) noexcept { return shared_->invalidate(authorization); }

private:
    template <class Source>
    static faas::detail::AnyGoogleSource erased(Source source) {
        return {.name = Source::name, .find = [source = std::move(source)](const Reach& reach, Deadline deadline) {
                    return source.find(reach, deadline);
                }};
    }

    std::shared_ptr<faas::detail::GoogleTokens> shared_;
};

}  // namespace blueprint::faas::gcp

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/gcp/impl/chain.ipp"
#endif

#endif
