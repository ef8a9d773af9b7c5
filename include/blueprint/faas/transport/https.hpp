#ifndef BLUEPRINT_FAAS_TRANSPORT_HTTPS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_HTTPS_HPP

#include "blueprint/faas/transport/http_client.hpp"

#include <memory>
#include <utility>

namespace blueprint::faas {

/// Speaks HTTPS over Beast and OpenSSL: chain and host name verified, SNI, TLS 1.2 or newer, connections kept, one
/// deadline from the name look-up to the last byte. `http://` is refused. Copies share connections.
/// Makes no thread; Asio itself makes one when a host name (not an address, not `localhost`) is looked up.
class HttpsTransport {
public:
    static constexpr bool confidential = true;

    explicit HttpsTransport(asio::any_io_executor executor, TlsOptions tls = {}, ConnectionOptions connections = {})
        : client_{std::make_shared<detail::HttpClient>(std::move(executor), detail::HttpClient::Mode::https_only,
                                                       connections, std::move(tls))} {}

    asio::any_io_executor get_executor() const noexcept { return client_->get_executor(); }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        return client_->exchange(request, deadline);
    }
    TransportStatistics statistics() const { return client_->statistics(); }

private:
    std::shared_ptr<detail::HttpClient> client_;
};
static_assert(Transport<HttpsTransport>);

}  // namespace blueprint::faas

#endif
