#ifndef BLUEPRINT_FAAS_AUTH_CONCEPT_HPP
#define BLUEPRINT_FAAS_AUTH_CONCEPT_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <string_view>

namespace blueprint::faas {

namespace asio = boost::asio;

/// What a request is for. The compiler knows it, so a token of one kind can never be sent for another.
namespace purpose {

/// The platform's management API; `service` names another one of the platform's, such as "s3" for its object storage,
/// where credentials are made for one service. Empty: the codec's own. Static lifetime.
struct ControlPlane {
    std::string_view service{};
};
/// Calling the function; `audience` is whom a token must be made for (its URL), and outlives the request.
struct Invocation {
    std::string_view audience{};
};
/// A pre-authorised upload: the URL itself is the permission, and no credential may be added.
struct Upload {};

}  // namespace purpose

/// Says who is asking: completes `request` so that the platform accepts it for the purpose.
/// A model may be called from several threads at once and is called afresh for every attempt, also on a request that it
/// completed before: it replaces its own fields and touches headers and target only. `invalidate` drops what is cached
/// and tells whether the next call may give another credential. `reveals_secret` says that who reads the request can
/// use the credential. A model that has to ask somebody may also have `authorize(request, purpose, deadline)`, and one
/// whose credentials change while calls are under way `invalidate(request)`, which drops only what that request was
/// sent with: see `authorize` and `invalidate` below. One that learns from answers (the platform's clock, say) may have
/// `observe(request, answer)`, which is called for every answer before it is judged. One that mostly has what it needs
/// at hand may have `try_authorize(request, purpose)`, which completes the request without a coroutine's cost and says
/// true; or it says false, for whatever reason, and `authorize` is asked, which tells the reason if it is an error. A
/// class derived from a model that replaces its `authorize` replaces its `try_authorize` too.
/// Models: NoAuth, Bearer, ApiKey, Basic, ClientCredentials, SigV4, GoogleAuth.
template <class A>
concept Auth = std::move_constructible<A> && requires(A& auth, HttpRequest& request, purpose::Invocation invocation) {
    { A::reveals_secret } -> std::convertible_to<bool>;
    { auth.authorize(request, purpose::ControlPlane{}) } -> std::same_as<asio::awaitable<result<void>>>;
    { auth.authorize(request, invocation) } -> std::same_as<asio::awaitable<result<void>>>;
    { auth.authorize(request, purpose::Upload{}) } -> std::same_as<asio::awaitable<result<void>>>;
    { auth.invalidate() } noexcept -> std::same_as<bool>;
};

/// Asks `auth` to complete `request`, before `deadline` if it is one that knows about deadlines.
template <Auth AuthPolicy, class Purpose>
asio::awaitable<result<void>> authorize(AuthPolicy& auth, HttpRequest& request, Purpose purpose, Deadline deadline) {
    if constexpr (requires { auth.authorize(request, purpose, deadline); })
        return auth.authorize(request, purpose, deadline);
    else
        return auth.authorize(request, purpose);
}

/// Completes `request` if `auth` can do so at once; false: `authorize` is to be asked.
template <Auth AuthPolicy, class Purpose>
bool try_authorize(AuthPolicy& auth, HttpRequest& request, Purpose purpose) {
    if constexpr (requires { auth.try_authorize(request, purpose); })
        return auth.try_authorize(request, purpose);
    else
        return false;
}

/// Drops the credential that the refused `request` was sent with, and tells whether the next call may give another one.
/// A newer credential, which another call has fetched meanwhile, stays if `auth` can tell.
template <Auth AuthPolicy>
bool invalidate(AuthPolicy& auth, const HttpRequest& request) noexcept {
    if constexpr (requires { auth.invalidate(request); })
        return auth.invalidate(request);
    else
        return auth.invalidate();
}

}  // namespace blueprint::faas

#endif
