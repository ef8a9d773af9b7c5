#ifndef BLUEPRINT_FAAS_LOCAL_HTTP_INSTANCE_HPP
#define BLUEPRINT_FAAS_LOCAL_HTTP_INSTANCE_HPP

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

/// How it is seen that an instance has started: its port is open, or it answers GET of `path`.
struct HttpProbe {
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds patience{std::chrono::seconds{240}};  ///< all attempts together
    std::string path{};                                             ///< empty: the port is enough
    std::string user_agent{};
    bool any_status = false;  ///< every answer will do; else one of less than 400
};

/// What the instances of one program are started from, and how many calls they take.
struct HttpInstancePlan {
    std::shared_ptr<OwnedDirectory> code{};  ///< null: the program is this machine's
    std::filesystem::path program{};
    std::filesystem::path directory{};
    std::vector<std::string> arguments{};
    std::map<std::string, Secret, std::less<>> variables{};
    std::vector<std::string> port_variables{"PORT"};  ///< that tell an instance its port
    std::vector<std::string> id_variables{};          ///< that tell an instance who it is, in 32 hexadecimal digits
    bool node = false;                                ///< it is Node.js, which would listen on every interface
    std::uint64_t memory_bytes = 0;                   ///< 0: not limited
    std::uint16_t port = 8080;                        ///< as its owner declares it; the local one is another
    std::uint64_t answer_bytes = 32ULL << 20;
    HttpProbe startup{};
    std::uint32_t concurrency = 1;
    std::uint32_t min_instances = 0;
    std::uint32_t max_instances = 1;
    std::chrono::milliseconds timeout{std::chrono::seconds{300}};
};

/// One instance of a program: a process that serves HTTP on a port of the loopback interface which was free when it was
/// started, and is told so in a variable. On the host's strand only.
class HttpInstance : public std::enable_shared_from_this<HttpInstance> {
public:
    /// Starts the process. `log` is given what it writes; `ended` is called once when it is gone. The host must outlive
    /// the call. `errc::function_error`: it cannot be executed.
    static result<std::shared_ptr<HttpInstance>> start(FunctionHost& host, const HttpInstancePlan& plan,
                                                       std::function<void(std::string_view)> log,
                                                       std::function<void()> ended);

    /// Returns when the instance has started, has ended, or did not start in time. By the one who started it.
    asio::awaitable<void> open(HttpProbe probe);
    /// Returns when `open` has returned. By all others.
    asio::awaitable<void> opened();
    /// Sends it a request and returns what it answered, both as they are but for what belongs to a connection. The
    /// `Error`'s platform_code says why there is none: "TIMEOUT", "BROKEN", "TOO_LARGE"; "REFUSED": it was not sent,
    /// and the instance comes to its end.
    asio::awaitable<result<ServerAnswer>> forward(const ServerRequest& request, Deadline deadline);
    /// Asks the process to end; who has not after `CloudLimits::kill_after` is killed.
    void terminate();

    /// What `HttpInstancePlan::id_variables` say; also without any.
    const std::string& id() const noexcept { return id_; }
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

    explicit HttpInstance(asio::any_io_executor strand);
    result<void> launch(FunctionHost& host, const HttpInstancePlan& plan);
    void on_end(const ProcessOutcome& outcome);
    void keep(std::shared_ptr<Connection> connection);
    static std::string head_of(const ServerRequest& request);
    asio::awaitable<std::shared_ptr<Connection>> connect(Deadline deadline);
    asio::awaitable<bool> probe_once(const HttpProbe& probe, Deadline deadline);
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
    std::string id_;
    std::uint64_t answer_bytes_ = 0;
    std::uint16_t port_ = 0;
    State state_ = State::starting;
    bool port_was_taken_ = false;
    bool port_lost_ = false;  // nothing listened there when it was connected to last
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/http_forward.ipp"
#include "blueprint/faas/local/impl/http_instance.ipp"
#endif

#endif
