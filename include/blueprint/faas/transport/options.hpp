#ifndef BLUEPRINT_FAAS_TRANSPORT_OPTIONS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_OPTIONS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace blueprint::faas {

/// How connections are made and kept.
struct ConnectionOptions {
    std::chrono::milliseconds connect_timeout{10'000};  ///< name, TCP and TLS together; the call's deadline still holds
    std::chrono::milliseconds max_idle_time{50'000};    ///< below the 60 s after which many servers hang up
    std::size_t max_idle = 1024;                        ///< kept connections, all origins together
};

/// What a transport did since it was made.
struct TransportStatistics {
    std::uint64_t connections_opened = 0;
    std::uint64_t requests_sent = 0;
    std::size_t idle_connections = 0;
};

}  // namespace blueprint::faas

#endif
