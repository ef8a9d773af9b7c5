#ifndef BLUEPRINT_FAAS_TRANSPORT_HTTPS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_HTTPS_HPP

#include "blueprint/faas/transport/http_client.hpp"
#include "blueprint/faas/transport/locking.hpp"

#include <memory>
#include <utility>

namespace blueprint::faas {

/// Speaks HTTPS over Beast and OpenSSL: chain and host name verified, SNI, TLS 1.2 or newer, connections shared, a
/// proxy if there is one, one deadline from the queue to the last byte. `http://` is refused. Copies share connections.
/// Makes no thread; Asio itself makes one when a host name (not an address, not `localhost`) is looked up.
/// `LockingPolicy` says whether several threads may use it: `Shared` or `SingleThread`.
template <Locking LockingPolicy = Shared>
class BasicHttpsTransport {
public:
    static constexpr bool confidential = true;

    explicit BasicHttpsTransport(asio::any_io_executor executor, TlsOptions tls = {},
                                 ConnectionOptions connections = {})
        : client_{std::make_shared<detail::HttpClient>(std::move(executor), detail::HttpClient::Mode::https_only,
                                                       std::move(connections), std::move(tls), LockingPolicy::locks)} {}

    asio::any_io_executor get_executor() const noexcept { return client_->get_executor(); }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        return client_->exchange(request, deadline);
    }
    /// Tells what the transport did so far. Cheap: a few counters are copied.
    TransportStatistics statistics() const { return client_->statistics(); }

private:
    std::shared_ptr<detail::HttpClient> client_;
};

/// The transport of every platform outside this machine, usable from all threads of its executor.
using HttpsTransport = BasicHttpsTransport<>;
static_assert(Transport<HttpsTransport>);

}  // namespace blueprint::faas

#endif
