#ifndef BLUEPRINT_FAAS_TRANSPORT_OPTIONS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_OPTIONS_HPP

#include "blueprint/faas/transport/proxy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace blueprint::faas {

/// How connections are made, shared and kept.
struct ConnectionOptions {
    std::chrono::milliseconds connect_timeout{10'000};  ///< name, proxy, TCP and TLS together; the deadline still holds
    std::chrono::milliseconds max_idle_time{50'000};    ///< below the 60 s after which many servers hang up
    std::chrono::milliseconds max_age{900'000};  ///< an older connection is not used again, so that a move is followed
    std::size_t max_idle = 1024;                 ///< kept connections, all origins together
    std::size_t max_per_origin = 1024;  ///< connections of one origin, opening ones too; further exchanges queue fairly

    std::chrono::milliseconds dns_ttl{30'000};    ///< how long a looked-up address is used; the system tells no time
    std::chrono::seconds keepalive_idle{45};      ///< TCP probes after this silence: NATs forget after 60 s; 0: none
    std::chrono::seconds keepalive_interval{10};  ///< between probes; the third unanswered one ends the connection
    bool resume_tls_sessions = true;              ///< half the cost of a handshake; tickets are kept in memory alone

    ProxyOptions proxy{};
    bool proxy_from_environment = true;  ///< obey `HTTPS_PROXY` and `NO_PROXY`, read once, unless `proxy.url` is set
};

/// What a transport did since it was made, and what it holds now.
struct TransportStatistics {
    std::uint64_t connections_opened = 0;
    std::uint64_t connections_reused = 0;  ///< exchanges that found a kept connection
    std::uint64_t connections_closed = 0;
    std::uint64_t connections_failed = 0;  ///< attempts that led to no connection
    std::uint64_t requests_sent = 0;
    std::uint64_t tls_resumptions = 0;  ///< handshakes that a kept session made short
    std::uint64_t dns_lookups = 0;      ///< names the system was asked for; the others were known
    std::size_t idle_connections = 0;
    std::size_t busy_connections = 0;  ///< carrying an exchange, or being opened
    std::size_t waiting = 0;           ///< exchanges that queue for a connection
};

}  // namespace blueprint::faas

#endif
