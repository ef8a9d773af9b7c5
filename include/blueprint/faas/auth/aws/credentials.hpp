#ifndef BLUEPRINT_FAAS_AUTH_AWS_CREDENTIALS_HPP
#define BLUEPRINT_FAAS_AUTH_AWS_CREDENTIALS_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

namespace aws {

/// What signs requests to AWS. The access key id is a name and no secret; the session token is there if the credentials
/// are temporary.
struct Credentials {
    std::string access_key_id{};
    Secret secret_access_key{};
    Secret session_token{};
    std::string account_id{};  ///< empty: not told
};

/// Gives credentials: at once from what it holds (`ready`, null if there is nothing good), or fetched (`get`). It may
/// be used from several threads. `invalidate` drops what it holds if that has this access key id, because AWS refused
/// it, and tells whether the next `get` may give another one. Copies share what they hold. Models: FixedCredentials,
/// Chain.
template <class P>
concept CredentialsProvider =
    std::copy_constructible<P> && requires(P& provider, Deadline deadline, std::string_view access_key_id) {
        { provider.ready() } -> std::same_as<std::shared_ptr<const Credentials>>;
        { provider.get(deadline) } -> std::same_as<asio::awaitable<result<std::shared_ptr<const Credentials>>>>;
        { provider.invalidate(access_key_id) } noexcept -> std::same_as<bool>;
    };

/// Credentials that were given and do not change.
class FixedCredentials {
public:
    explicit FixedCredentials(Credentials credentials)
        : credentials_{std::make_shared<const Credentials>(std::move(credentials))} {}

    std::shared_ptr<const Credentials> ready() const noexcept { return credentials_; }
    asio::awaitable<result<std::shared_ptr<const Credentials>>> get(Deadline) const { co_return credentials_; }
    bool invalidate(std::string_view) noexcept { return false; }  // there is no fresher version

private:
    std::shared_ptr<const Credentials> credentials_;
};
static_assert(CredentialsProvider<FixedCredentials>);

}  // namespace aws
}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
