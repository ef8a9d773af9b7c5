#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_CLIENT_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_CLIENT_HPP

// What every client of bench_invoke has in common: what it is to do, and how it is watched.

#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace bench {

namespace faas = blueprint::faas;

using Clock = std::chrono::steady_clock;

/// What one client is to do: call a job with `payload` bytes, always `in_flight` calls at once.
struct Setting {
    bool tls = false;
    std::size_t in_flight = 64;
    std::size_t payload = 1024;
    std::uint16_t port = 0;        // of the mock, on 127.0.0.1
    std::string authority{};       // PEM text that the mock's certificate is checked with
    std::string authority_file{};  // the same as a file
    bool log_tail = true;          // ask for the end of the function's log, as the library does by default
};

/// Says why the whole benchmark cannot go on, and ends the process.
[[noreturn]] void fail(const std::string& why);

template <class T>
T good(faas::result<T> outcome) {
    if (!outcome) fail(outcome.error().message);
    return std::move(outcome).value();
}

/// Counts the calls of one run, and decides when it is over. One thread.
class Meter {
public:
    /// A run that ends after some time or after `most` calls, whatever comes first.
    Meter(std::chrono::milliseconds time, std::uint64_t most) : last_{Clock::now()}, end_{last_ + time}, left_{most} {}

    /// Says that a call begins, and when; nothing: the run is over. The clock is read once a call, at its end.
    std::optional<Clock::time_point> start() noexcept {
        if (left_ == 0 || last_ >= end_) return std::nullopt;
        --left_;
        return last_;
    }
    void done(Clock::time_point began, bool fine) noexcept {
        last_ = Clock::now();
        ++(fine ? calls_ : failures_);
        const auto took = static_cast<std::uint64_t>(std::chrono::nanoseconds{last_ - began}.count());
        ++counts_[slot(took)];
    }
    std::uint64_t calls() const noexcept { return calls_; }
    std::uint64_t failures() const noexcept { return failures_; }
    /// The latency in microseconds that the given share of the calls stayed below, exact to 3 %.
    double latency_us(double share) const noexcept {
        auto rest = static_cast<std::uint64_t>(share * static_cast<double>(calls_ + failures_));
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            if (counts_[i] > rest) return static_cast<double>(value(i)) / 1000;
            rest -= counts_[i];
        }
        return 0;
    }

private:
    // 32 steps for each doubling.
    static constexpr std::size_t steps_log = 5, steps = std::size_t{1} << steps_log;
    static std::size_t slot(std::uint64_t ns) noexcept {
        if (ns < steps) return static_cast<std::size_t>(ns);
        const auto shift = static_cast<std::size_t>(63 - __builtin_clzll(ns)) - steps_log;
        return (shift + 1) * steps + static_cast<std::size_t>(ns >> shift) - steps;
    }
    static std::uint64_t value(std::size_t slot) noexcept {
        if (slot < steps) return slot;
        return static_cast<std::uint64_t>(slot % steps + steps) << (slot / steps - 1);
    }

    Clock::time_point last_;
    Clock::time_point end_;
    std::uint64_t left_;
    std::uint64_t calls_ = 0;
    std::uint64_t failures_ = 0;
    std::array<std::uint32_t, 60 * steps> counts_{};
};

/// One way to call a function. Lives in a process of its own, and keeps its connections from run to run.
class Client {
public:
    virtual ~Client() = default;
    /// Calls until the meter says that it is enough, and waits for the answers of all.
    virtual void run(Meter& meter) = 0;
};
using MakeClient = std::unique_ptr<Client> (*)(const Setting& setting);

// With the library, exactly as a user would: aws::create and aws::create_local with nothing but an endpoint.
std::unique_ptr<Client> make_aws(const Setting& setting);
std::unique_ptr<Client> make_aws_metered(const Setting& setting);
// With the library's executor of the custom contract, once for each way to write bytes.
std::unique_ptr<Client> make_custom_json(const Setting& setting);
std::unique_ptr<Client> make_custom_base64(const Setting& setting);
std::unique_ptr<Client> make_custom_binary(const Setting& setting);
// With the library's executor of Google Cloud Run.
std::unique_ptr<Client> make_gcp(const Setting& setting);
// With the library's executor of Azure Functions.
std::unique_ptr<Client> make_azure(const Setting& setting);
// With the library's executor of Apache OpenWhisk, which DigitalOcean's calls go by too.
std::unique_ptr<Client> make_openwhisk(const Setting& setting);
// `http::async_write` of a message and `http::async_read` of another over tcp_stream, `expires_after` each time.
std::unique_ptr<Client> make_textbook(const Setting& setting);
// Bytes that were written before, an Asio socket, and Beast's parser of answers.
std::unique_ptr<Client> make_prebuilt(const Setting& setting);
// The same, each time signed afresh by aws::Signer.
std::unique_ptr<Client> make_prebuilt_signed(const Setting& setting);
// Blocking sockets.
std::unique_ptr<Client> make_floor(const Setting& setting);
// libcurl, which signs by itself; only where it was found when this was built.
std::unique_ptr<Client> make_libcurl(const Setting& setting);

/// The request that the library sends for the call, but for its signature.
faas::HttpRequest unsigned_request(const Setting& setting);
/// The first lines of a request up to its header fields, as the library writes them.
std::string request_line(const faas::HttpRequest& request);
/// What the job is called with.
faas::Bytes arguments(const Setting& setting);
/// AWS's own example of credentials, for those who sign.
inline constexpr const char* access_key_id = "AKIDEXAMPLE";
inline constexpr const char* secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
inline constexpr const char* region = "us-east-1";

}  // namespace bench

#endif
