#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_MOCK_PLATFORM_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_MOCK_PLATFORM_HPP

#include <atomic>
#include <cstdint>
#include <string>
#include <sys/types.h>

namespace bench {

/// A platform that does next to nothing, as a process of its own: each call gets its arguments back. It speaks Lambda's
/// Invoke and the custom contract (JSON and binary), plain and over TLS 1.3, and reads no more of a request than it has
/// to: no signature, hardly a header field.
class MockPlatform {
public:
    /// Starts the process. The certificate of its TLS port is for 127.0.0.1.
    MockPlatform();
    MockPlatform(const MockPlatform&) = delete;
    MockPlatform& operator=(const MockPlatform&) = delete;
    /// Ends it.
    ~MockPlatform();

    std::uint16_t port(bool tls) const noexcept { return tls ? tls_port_ : plain_port_; }
    /// PEM text of the authority that issued the certificate.
    const std::string& authority() const noexcept { return authority_; }
    /// How many requests it has answered, over all connections.
    std::uint64_t requests() const noexcept { return requests_->load(std::memory_order_acquire); }

private:
    pid_t process_ = -1;
    std::uint16_t plain_port_ = 0;
    std::uint16_t tls_port_ = 0;
    std::string authority_{};
    std::atomic<std::uint64_t>* requests_ = nullptr;  // in memory that both processes share
};

}  // namespace bench

#endif
