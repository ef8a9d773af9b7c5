#ifndef BLUEPRINT_FAAS_AUTH_AWS_IMPL_CHAIN_IPP
#define BLUEPRINT_FAAS_AUTH_AWS_IMPL_CHAIN_IPP

#include "blueprint/faas/auth/aws/chain.hpp"
#include "blueprint/faas/auth/impl/ask_source.hpp"

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

namespace source_chain {

using Fetched = result<FetchedToken<aws::Credentials>>;

/// What a fetch uses. There is one fetch at a time, and it alone changes `remembered`.
struct Asked {
    aws::Reach reach{};
    std::vector<AnySource> sources{};
    aws::ChainOptions options{};
    std::optional<std::size_t> remembered{};  ///< the source that had credentials last
};

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<aws::Search>> ask(const Asked& asked, std::size_t which,
                                                                    Deadline deadline) {
    const auto& source = asked.sources[which];
    auto asking = ask_source<aws::Search>(asked.reach, source, "AWS credentials", asked.options.timeout, deadline);
    auto search = co_await std::move(asking);
    if (!search) co_return search;
    const std::string of = "AWS credentials of " + std::string{source.name};
    const auto& found = search->found;
    const auto now = asked.reach.environment->now();
    if (found && found->expires && *found->expires <= now)
        co_return failure(errc::authentication, of + " have ended already: renew them, or check this machine's clock");
    if (found && (found->credentials.access_key_id.empty() || found->credentials.secret_access_key.empty()))
        co_return failure(errc::authentication, of + " lack the access key id or the secret access key");
    co_return search;
}

BLUEPRINT_FAAS_COLD inline FetchedToken<aws::Credentials> token_of(aws::TimedCredentials found) {
    return {.value = std::move(found.credentials), .expires = found.expires.value_or(TokenSchedule::Time::max())};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<Fetched> fetch(std::shared_ptr<Asked> asked) {
    const Deadline deadline = deadline_after(asked->options.timeout);
    if (asked->remembered) {
        auto search = co_await ask(*asked, *asked->remembered, deadline);
        if (!search) co_return std::move(search).error();
        if (search->found) co_return token_of(*std::move(search->found));
        asked->remembered.reset();
    }
    std::string tried;
    for (std::size_t i = 0; i < asked->sources.size(); ++i) {
        auto search = co_await ask(*asked, i, deadline);
        if (!search) co_return std::move(search).error();
        if (search->found) {
            asked->remembered = i;
            co_return token_of(*std::move(search->found));
        }
        tried.append(i == 0 ? "" : "; ").append(asked->sources[i].name).append(" (").append(search->not_here) += ')';
    }
    co_return failure(errc::authentication, "there are no AWS credentials; these were tried: " + tried);
}

}  // namespace source_chain

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL SourceChain::SourceChain(aws::Reach reach, std::vector<AnySource> sources,
                                                                 aws::ChainOptions options)
    : cache_{reach.executor,
             [asked = std::make_shared<source_chain::Asked>(
                  source_chain::Asked{.reach = reach, .sources = std::move(sources), .options = options})] {
                 return source_chain::fetch(asked);
             },
             options.rules, *reach.environment} {}

BLUEPRINT_FAAS_DECL std::shared_ptr<const aws::Credentials> SourceChain::ready() { return cache_.ready(); }

BLUEPRINT_FAAS_DECL asio::awaitable<result<std::shared_ptr<const aws::Credentials>>> SourceChain::get(
    Deadline deadline) {
    return cache_.get(deadline);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool SourceChain::invalidate(std::string_view access_key_id) noexcept {
    return cache_.invalidate([&](const aws::Credentials& kept) { return kept.access_key_id == access_key_id; });
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
