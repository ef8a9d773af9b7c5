#ifndef BLUEPRINT_FAAS_TRANSPORT_LOOPBACK_HPP
#define BLUEPRINT_FAAS_TRANSPORT_LOOPBACK_HPP

#include "blueprint/faas/transport/http_client.hpp"

#include <memory>
#include <utility>

namespace blueprint::faas {

/// Speaks plain HTTP to this machine: for a local cloud and for tests. A peer that is not loopback is refused before a
/// byte is sent, and so is `https://`. Copies share connections. Makes no thread.
class LoopbackTransport {
public:
    static constexpr bool confidential = false;

    explicit LoopbackTransport(asio::any_io_executor executor, ConnectionOptions connections = {})
        : client_{std::make_shared<detail::HttpClient>(
              std::move(executor), detail::HttpClient::Mode::loopback_http_only, connections, TlsOptions{})} {}

    asio::any_io_executor get_executor() const noexcept { return client_->get_executor(); }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        return client_->exchange(request, deadline);
    }
    TransportStatistics statistics() const { return client_->statistics(); }

private:
    std::shared_ptr<detail::HttpClient> client_;
};
static_assert(Transport<LoopbackTransport>);

}  // namespace blueprint::faas

#endif
