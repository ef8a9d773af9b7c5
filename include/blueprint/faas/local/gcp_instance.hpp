#ifndef BLUEPRINT_FAAS_LOCAL_GCP_INSTANCE_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_INSTANCE_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/process.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// How it is seen that an instance has started: its port is open, or it answers GET of `path` with less than 400.
struct GcpProbe {
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds patience{std::chrono::seconds{240}};  ///< all attempts together
    std::string path{};                                             ///< empty: the port is enough
};

/// What the instances of one revision are started from, and how many calls they take.
struct GcpRevisionPlan {
    std::string service{};
    std::string revision{};
    std::shared_ptr<OwnedDirectory> code{};  ///< null: the program is this machine's
    std::filesystem::path program{};
    std::filesystem::path directory{};
    std::vector<std::string> arguments{};
    std::map<std::string, Secret, std::less<>> variables{};
    bool node = false;               ///< it is Node.js, which would listen on every interface
    std::uint64_t memory_bytes = 0;  ///< 0: not limited
    std::uint16_t port = 8080;       ///< as the revision declares it; the local one is another
    GcpProbe startup{};
    std::uint32_t concurrency = 1;
    std::uint32_t min_instances = 0;
    std::uint32_t max_instances = 1;
    std::chrono::milliseconds timeout{std::chrono::seconds{300}};
};

/// One instance of a revision: a process that serves HTTP on a port of the loopback interface which was free when it
/// was started. On the host's strand only. Source: Cloud Run documentation, "Container runtime contract".
class GcpInstance : public std::enable_shared_from_this<GcpInstance> {
public:
    /// Starts the process. `log` is given what it writes; `ended` is called once when it is gone. The host must outlive
    /// the call. `errc::function_error`: it cannot be executed.
    static result<std::shared_ptr<GcpInstance>> start(FunctionHost& host, const GcpRevisionPlan& plan,
                                                      std::function<void(std::string_view)> log,
                                                      std::function<void()> ended);

    /// Returns when the instance has started, has ended, or did not start in time. By the one who started it.
    asio::awaitable<void> open(GcpProbe probe);
    /// Returns when `open` has returned. By all others.
    asio::awaitable<void> opened();
    /// Sends it a request and returns what it answered, both as they are but for what belongs to a connection. The
    /// `Error`'s platform_code says why there is none: "TIMEOUT", "BROKEN", "TOO_LARGE".
    asio::awaitable<result<ServerAnswer>> forward(const ServerRequest& request, Deadline deadline);
    /// Asks the process to end; who has not after `CloudLimits::kill_after` is killed.
    void terminate();

    bool starting() const noexcept { return state_ == State::starting; }
    bool ready() const noexcept { return state_ == State::ready && !ended_; }
    /// How the process ended; nothing: it runs.
    const std::optional<ProcessOutcome>& ended() const noexcept { return ended_; }
    /// Somebody else had the port when the process wanted it.
    bool port_was_taken() const noexcept { return port_was_taken_; }
    std::chrono::steady_clock::time_point idle_since() const noexcept { return idle_since_; }

    /// Calls that it has. For its pool.
    std::uint32_t calls = 0;
    void called() { idle_since_ = std::chrono::steady_clock::now(); }

private:
    enum class State { starting, ready, failed };
    struct Connection;

    explicit GcpInstance(asio::any_io_executor strand);
    result<void> launch(FunctionHost& host, const GcpRevisionPlan& plan);
    void on_end(const ProcessOutcome& outcome);
    void keep(std::shared_ptr<Connection> connection);
    static std::string head_of(const ServerRequest& request);
    asio::awaitable<std::shared_ptr<Connection>> connect(Deadline deadline);
    asio::awaitable<bool> probe_once(const GcpProbe& probe, Deadline deadline);
    asio::awaitable<result<ServerAnswer>> exchange(std::shared_ptr<Connection> connection, const std::string& head,
                                                   const ServerRequest& request, Deadline deadline);

    asio::any_io_executor strand_;
    asio::steady_timer changed_;  // the process has ended, while it starts
    asio::steady_timer opened_;
    std::shared_ptr<Process> process_;
    std::function<void(std::string_view)> log_;
    std::function<void()> on_ended_;
    std::vector<std::shared_ptr<Connection>> idle_;
    std::optional<ProcessOutcome> ended_;
    std::chrono::steady_clock::time_point idle_since_{};
    std::uint16_t port_ = 0;
    State state_ = State::starting;
    bool port_was_taken_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_forward.ipp"
#include "blueprint/faas/local/impl/gcp_instance.ipp"
#endif

#endif
