#ifndef BLUEPRINT_FAAS_AUTH_REACH_HPP
#define BLUEPRINT_FAAS_AUTH_REACH_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/transport/concept.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace asio = boost::asio;

/// How sources of credentials reach what they ask: the process's surroundings, and servers. `exchange` sends
/// `https://` anywhere, and `http://` to this machine and to the platforms' metadata addresses alone.
/// It is off the way of a warm call, hence erased. `environment` outlives it.
struct Reach {
    asio::any_io_executor executor{};
    const Environment* environment = &Environment::process();
    std::function<asio::awaitable<result<HttpResponse>>(HttpRequest request, Deadline deadline)> exchange{};
};

/// Sends `https://` by one transport and `http://` by the other. Copies share both.
template <Transport TlsTransport, Transport PlainTransport>
class Ways {
    static_assert(TlsTransport::confidential,
                  "credentials must not travel in the clear: give HttpsTransport for https://, and MetadataTransport "
                  "for http://");

public:
    Ways(TlsTransport tls, PlainTransport plain)
        : pair_{std::make_shared<Pair>(Pair{std::move(tls), std::move(plain)})} {}

    asio::awaitable<result<HttpResponse>> operator()(HttpRequest request, Deadline deadline) const {
        return request.origin.tls ? carry(pair_, &Pair::tls, std::move(request), deadline)
                                  : carry(pair_, &Pair::plain, std::move(request), deadline);
    }

private:
    struct Pair {
        TlsTransport tls;
        PlainTransport plain;
    };
    // The request lives in this coroutine, because a transport only refers to it.
    template <class TransportPolicy>
    static asio::awaitable<result<HttpResponse>> carry(std::shared_ptr<Pair> pair, TransportPolicy Pair::* way,
                                                       HttpRequest request, Deadline deadline) {
        co_return co_await (pair.get()->*way).exchange(request, deadline);
    }

    std::shared_ptr<Pair> pair_;
};

/// Makes what sources of credentials reach by: `tls` (HttpsTransport) for `https://`, `plain` (MetadataTransport, which
/// refuses every peer but this machine and metadata services) for `http://`. `environment` outlives it.
template <Transport TlsTransport, Transport PlainTransport>
Reach make_reach(TlsTransport tls, PlainTransport plain, const Environment& environment = Environment::process()) {
    Reach reach;
    reach.executor = tls.get_executor();
    reach.environment = &environment;
    reach.exchange = Ways<TlsTransport, PlainTransport>{std::move(tls), std::move(plain)};
    return reach;
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
