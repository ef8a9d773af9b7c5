#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_PLAIN_TRANSPORT_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_PLAIN_TRANSPORT_HPP

#include "blueprint/faas/transport/loopback.hpp"
#include "client.hpp"

#include <utility>

namespace bench {

// Tokens and keys go over plain HTTP nowhere but here, to see what TLS takes.
struct PlainTransport : faas::LoopbackTransport {
    static constexpr bool confidential = true;
    explicit PlainTransport(asio::any_io_executor executor) : faas::LoopbackTransport{std::move(executor)} {}
};

}  // namespace bench

#endif
