#ifndef BLUEPRINT_FAAS_AUTH_NO_AUTH_HPP
#define BLUEPRINT_FAAS_AUTH_NO_AUTH_HPP

#include "blueprint/faas/auth/concept.hpp"

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Asks as nobody: for platforms that are open, or that know us by the connection: mutual TLS is not an Auth but
/// `TlsOptions::client_certificate` and `client_key` of the transport.
class NoAuth {
public:
    static constexpr bool reveals_secret = false;
    asio::awaitable<result<void>> authorize(HttpRequest&, auto /*purpose*/) const { co_return result<void>{}; }
    bool try_authorize(HttpRequest&, auto /*purpose*/) const noexcept { return true; }
    bool invalidate() noexcept { return false; }
};
static_assert(Auth<NoAuth>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
