#ifndef BLUEPRINT_FAAS_TRANSPORT_CONCEPT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_CONCEPT_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <concepts>

namespace blueprint::faas {

namespace asio = boost::asio;

/// Carries one HTTP exchange to `request.origin` and back before `deadline`.
/// The request outlives the awaitable. An answer of any status is a value; an `Error` means that there is none, its
/// `execution` is `not_started` only if the peer cannot have taken the request, as when no byte of it was sent, and it
/// is `retryable` if sending an idempotent request again may help. A model follows no redirects, never sends a request
/// whose headers were refused, and is called again before earlier exchanges ended. `confidential` says whether the
/// bytes are encrypted and the peer is known. One that is not, and refuses all peers but this machine, may say so by
/// `stays_on_this_machine`: keys that a codec sends by itself may then go over it. Models: HttpsTransport,
/// LoopbackTransport, MetadataTransport, InMemoryTransport.
template <class T>
concept Transport =
    std::move_constructible<T> && requires(T& transport, const HttpRequest& request, Deadline deadline) {
        { T::confidential } -> std::convertible_to<bool>;
        { transport.get_executor() } -> std::convertible_to<asio::any_io_executor>;
        { transport.exchange(request, deadline) } -> std::same_as<asio::awaitable<result<HttpResponse>>>;
    };

}  // namespace blueprint::faas

#endif
