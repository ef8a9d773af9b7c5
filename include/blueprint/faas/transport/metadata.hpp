#ifndef BLUEPRINT_FAAS_TRANSPORT_METADATA_HPP
#define BLUEPRINT_FAAS_TRANSPORT_METADATA_HPP

#include "blueprint/faas/transport/http_client.hpp"
#include "blueprint/faas/transport/locking.hpp"

#include <memory>
#include <utility>

namespace blueprint::faas {

/// Speaks plain HTTP to this machine and to the link-local addresses (169.254.0.0/16, fd00:ec2::/32) where AWS,
/// Azure and Google Cloud hand out credentials to an instance, a task or a pod. Every other peer is refused before a
/// byte is sent, whatever name it has, and so is `https://`. It never uses a proxy, which would get the credentials to
/// see. Copies share connections. `LockingPolicy` says whether several threads may use it: `Shared` or `SingleThread`.
template <Locking LockingPolicy = Shared>
class BasicMetadataTransport {
public:
    static constexpr bool confidential = false;

    explicit BasicMetadataTransport(asio::any_io_executor executor, ConnectionOptions connections = {})
        : client_{std::make_shared<detail::HttpClient>(std::move(executor),
                                                       detail::HttpClient::Mode::metadata_http_only,
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

/// Plain HTTP to metadata services, usable from all threads of its executor.
using MetadataTransport = BasicMetadataTransport<>;
static_assert(Transport<MetadataTransport>);

}  // namespace blueprint::faas

#endif
