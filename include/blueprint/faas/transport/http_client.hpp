#ifndef BLUEPRINT_FAAS_TRANSPORT_HTTP_CLIENT_HPP
#define BLUEPRINT_FAAS_TRANSPORT_HTTP_CLIENT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/pooled_frame.hpp"
#include "blueprint/faas/transport/concept.hpp"
#include "blueprint/faas/transport/options.hpp"
#include "blueprint/faas/transport/tls_options.hpp"

#include <memory>

namespace blueprint::faas::detail {

/// The HTTP/1.1 client below HttpsTransport, LoopbackTransport and MetadataTransport: shares connections, holds every
/// step to the deadline. Its definition needs Beast and OpenSSL and can be compiled apart; this header needs neither.
/// `locks` says whether several threads may use it; it is a value, so that one compiled client serves both policies.
class HttpClient {
public:
    using pooled_frames = void;
    enum class Mode { https_only, loopback_http_only, metadata_http_only };

    BLUEPRINT_FAAS_DECL HttpClient(asio::any_io_executor executor, Mode mode, ConnectionOptions connections,
                                   TlsOptions tls, bool locks);
    BLUEPRINT_FAAS_DECL ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Makes one exchange. Every kind of cancellation that the calling coroutine lets through ends each wait in it.
    BLUEPRINT_FAAS_DECL asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline);
    BLUEPRINT_FAAS_DECL asio::any_io_executor get_executor() const noexcept;
    BLUEPRINT_FAAS_DECL TransportStatistics statistics() const;

    struct State;

private:
    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/transport/impl/http_client.ipp"
#endif

#endif
