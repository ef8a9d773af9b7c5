#ifndef BLUEPRINT_FAAS_AUTH_AWS_CHAIN_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_CHAIN_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/auth/token_cache.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::aws {

/// How a chain of credential sources fetches.
struct ChainOptions {
    std::chrono::milliseconds timeout{30'000};  ///< of one fetch, all sources together
    /// With its spread, fetches begin 7.5 to 12.5 minutes before the credentials end.
    TokenRules rules{.refresh_ahead = std::chrono::minutes{10}};
};

}  // namespace blueprint::faas::aws

namespace blueprint::faas::detail {

/// A credential source whose type is forgotten.
struct AnySource {
    std::string_view name{};  ///< static lifetime
    std::function<asio::awaitable<result<aws::Search>>(const aws::Reach& reach, Deadline deadline)> find{};
};

/// What all chains are, whatever their sources.
class SourceChain {
public:
    BLUEPRINT_FAAS_DECL SourceChain(aws::Reach reach, std::vector<AnySource> sources, aws::ChainOptions options);

    BLUEPRINT_FAAS_DECL std::shared_ptr<const aws::Credentials> ready();
    BLUEPRINT_FAAS_DECL asio::awaitable<result<std::shared_ptr<const aws::Credentials>>> get(Deadline deadline);
    BLUEPRINT_FAAS_DECL bool invalidate(std::string_view access_key_id) noexcept;

private:
    TokenCache<aws::Credentials> cache_;
};

}  // namespace blueprint::faas::detail

namespace blueprint::faas::aws {

/// Gives the credentials of the first source that has some. Nothing is asked before the first `get` or `ready`. That
/// source is remembered and asked again before its credentials end, in the background, by one for all; a refresh that
/// fails keeps the credentials that are still good. A source that says "not here" is passed over, also one that had
/// some before; one that fails ends the fetch with its error, which names the source. If all are passed over, the error
/// is `errc::authentication` and tells of each source why. Credentials without an end are asked for once, and again
/// after `invalidate`.
/// Copies share the credentials. Safe to use from every thread of the reach's executor, whose io_context must outlive
/// it.
template <CredentialSource... Sources>
class Chain {
    static_assert(sizeof...(Sources) > 0,
                  "a chain without a source has no credentials: name one, such as "
                  "aws::credentials::Environment");

public:
    explicit Chain(Reach reach, ChainOptions options = {})
        requires(std::default_initializable<Sources> && ...)
        : Chain{std::move(reach), std::move(options), Sources{}...} {}
    Chain(Reach reach, ChainOptions options, Sources... sources)
        : shared_{std::make_shared<faas::detail::SourceChain>(
              std::move(reach), std::vector<faas::detail::AnySource>{erased(std::move(sources))...},
              std::move(options))} {}

    /// Returns the credentials if they are good, without waiting, and starts their refresh if that is due; else null.
    std::shared_ptr<const Credentials> ready() { return shared_->ready(); }
    /// Returns good credentials, fetched first if need be. `*this` or a copy must outlive the awaitable.
    asio::awaitable<result<std::shared_ptr<const Credentials>>> get(Deadline deadline) {
        return shared_->get(deadline);
    }
    /// Drops the credentials with this access key id, because AWS refused them, and tells whether the next `get` may
    /// give others; false if too many were refused of late.
    bool invalidate(std::string_view access_key_id) noexcept { return shared_->invalidate(access_key_id); }

private:
    template <class Source>
    static faas::detail::AnySource erased(Source source) {
        return {.name = Source::name, .find = [source = std::move(source)](const Reach& reach, Deadline deadline) {
                    return source.find(reach, deadline);
                }};
    }

    std::shared_ptr<faas::detail::SourceChain> shared_;
};

}  // namespace blueprint::faas::aws

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/aws/impl/chain.ipp"
#endif

#endif
