#ifndef BLUEPRINT_FAAS_AUTH_CONCEPT_HPP
#define BLUEPRINT_FAAS_AUTH_CONCEPT_HPP

#include "blueprint/faas/http.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <string_view>

namespace blueprint::faas {

namespace asio = boost::asio;

/// What a request is for. The compiler knows it, so a token of one kind can never be sent for another.
namespace purpose {

/// The platform's management API.
struct ControlPlane {};
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
/// use the credential. Models: NoAuth, Bearer, ApiKey, Basic.
template <class A>
concept Auth = std::move_constructible<A> && requires(A& auth, HttpRequest& request, purpose::Invocation invocation) {
    { A::reveals_secret } -> std::convertible_to<bool>;
    { auth.authorize(request, purpose::ControlPlane{}) } -> std::same_as<asio::awaitable<result<void>>>;
    { auth.authorize(request, invocation) } -> std::same_as<asio::awaitable<result<void>>>;
    { auth.authorize(request, purpose::Upload{}) } -> std::same_as<asio::awaitable<result<void>>>;
    { auth.invalidate() } noexcept -> std::same_as<bool>;
};

}  // namespace blueprint::faas

#endif
