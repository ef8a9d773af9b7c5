#ifndef BLUEPRINT_FAAS_TRANSPORT_LOOPBACK_HPP
#define BLUEPRINT_FAAS_TRANSPORT_LOOPBACK_HPP

#include "blueprint/faas/transport/http_client.hpp"
#include "blueprint/faas/transport/locking.hpp"

#include <memory>
#include <utility>

namespace blueprint::faas {

/// Speaks plain HTTP to this machine: for a local cloud and for tests. A peer that is not loopback is refused before a
/// byte is sent, and so is `https://`. It never uses a proxy. Copies share connections. Makes no thread.
/// `LockingPolicy` says whether several threads may use it: `Shared` or `SingleThread`.
template <Locking LockingPolicy = Shared>
class BasicLoopbackTransport {
public:
    static constexpr bool confidential = false;
    static constexpr bool stays_on_this_machine = true;

    explicit BasicLoopbackTransport(asio::any_io_executor executor, ConnectionOptions connections = {})
        : client_{std::make_shared<detail::HttpClient>(std::move(executor),
                                                       detail::HttpClient::Mode::loopback_http_only,
                                                       std::move(connections), TlsOptions{}, LockingPolicy::locks)} {}

    asio::any_io_executor get_executor() const noexcept { return client_->get_executor(); }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        return client_->exchange(request, deadline);
    }
    /// Tells what the transport did so far. Cheap: a few counters are copied.
    TransportStatistics statistics() const { return client_->statistics(); }

private:
    std::shared_ptr<detail::HttpClient> client_;
};

/// Plain HTTP to this machine, usable from all threads of its executor.
using LoopbackTransport = BasicLoopbackTransport<>;
static_assert(Transport<LoopbackTransport>);

}  // namespace blueprint::faas

#endif
