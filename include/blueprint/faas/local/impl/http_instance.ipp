#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_INSTANCE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_HTTP_INSTANCE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/http_instance.hpp"
#include "blueprint/faas/local/impl/http_forward.ipp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Binds to a port of the loopback interface, 0 for any free one, and lets go of it. Returns it; 0: it is taken.
inline std::uint16_t try_loopback_port(std::uint16_t port) noexcept {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    const bool bound = probe >= 0 && ::bind(probe, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                       ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (probe >= 0) ::close(probe);
    return bound ? ntohs(address.sin_port) : std::uint16_t{0};
}

BLUEPRINT_FAAS_DECL HttpInstance::HttpInstance(asio::any_io_executor strand)
    : strand_{strand},
      changed_{strand, asio::steady_timer::time_point::max()},
      opened_{strand, asio::steady_timer::time_point::max()} {}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<HttpInstance>> HttpInstance::start(FunctionHost& host,
                                                                              const HttpInstancePlan& plan,
                                                                              std::function<void(std::string_view)> log,
                                                                              std::function<void()> ended) {
    if (host.ending || !host.store)
        return Error{.code = errc::infrastructure,
                     .message = "the platform is being stopped",
                     .execution = Execution::not_started};
    std::shared_ptr<HttpInstance> instance{new HttpInstance{host.strand}};
    instance->log_ = std::move(log);
    instance->on_ended_ = std::move(ended);
    if (auto launched = instance->launch(host, plan); !launched) return launched.error();
    return instance;
}

BLUEPRINT_FAAS_DECL result<void> HttpInstance::launch(FunctionHost& host, const HttpInstancePlan& plan) {
    auto temporary = host.store->private_directory();
    if (!temporary) return temporary.error();
    port_ = try_loopback_port(0);
    if (port_ == 0)
        return Error{.code = errc::infrastructure,
                     .message = "no port is free for an instance",
                     .execution = Execution::not_started};
    const auto home = (*temporary)->path();
    auto variables = plan.variables;
    std::array<std::uint8_t, 16> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
        return Error{.code = errc::infrastructure,
                     .message = "the system gives no random bytes",
                     .execution = Execution::not_started};
    id_ = faas::detail::hex_encode(random);
    answer_bytes_ = plan.answer_bytes;
    for (const auto& name : plan.port_variables) variables[name] = std::to_string(port_);
    for (const auto& name : plan.id_variables) variables[name] = id_;
    variables["TMPDIR"] = home.string();
    const std::pair<std::string_view, std::string> defaults[] = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOME", home.string()},
        {"LANG", "C.UTF-8"},
    };
    for (const auto& [name, value] : defaults) variables.try_emplace(std::string{name}, value);
    if (plan.node) {
        std::ofstream script{home / "loopback.cjs"};
        script << "'use strict';\n"
                  "const { Server } = require('net');\n"
                  "const listen = Server.prototype.listen;\n"
                  "Server.prototype.listen = function (first, ...rest) {\n"
                  "  const where = typeof first === 'object' && first !== null ? { ...first } : { port: first };\n"
                  "  if ('port' in where) where.host = '127.0.0.1';\n"
                  "  return listen.call(this, where, ...rest.filter((one) => typeof one === 'function'));\n"
                  "};\n";
        variables["NODE_OPTIONS"] = "--require \"" + (home / "loopback.cjs").string() + '"';
        if (!script.flush())
            return Error{.code = errc::infrastructure,
                         .message = "cannot write into an instance's directory",
                         .execution = Execution::not_started};
    }

    ProcessPlan process;
    process.program = plan.program;
    process.arguments = plan.arguments;
    process.directory = plan.directory;
    process.environment.reserve(variables.size());
    for (const auto& [name, value] : variables) {
        std::string variable;
        variable.reserve(name.size() + value.size() + 1);  // once, so that no copy of a secret is left behind
        variable.append(name).append(1, '=').append(value.reveal());
        process.environment.push_back(std::move(variable));
    }
    // Node.js has private memory of which it never uses the most; no limit tells the two apart.
    if (host.options.limit_memory && !plan.node) process.memory_bytes = plan.memory_bytes;
    process.merge_output = true;
    process.kill_after = host.options.limits.kill_after;
    process.mark = home.string();
    process.belongings = std::make_shared<std::pair<std::shared_ptr<OwnedDirectory>, std::shared_ptr<OwnedDirectory>>>(
        std::move(*temporary), plan.code);
    idle_since_ = std::chrono::steady_clock::now();
    auto started = Process::start(strand_, host.processes, std::move(process));
    if (!started) return started.error();
    process_ = std::move(*started);
    process_->watch(
        [weak = weak_from_this()](std::string_view text) {
            if (const auto self = weak.lock(); self && self->log_) self->log_(text);
        },
        [weak = weak_from_this()](const ProcessOutcome& outcome) {
            if (const auto self = weak.lock()) self->on_end(outcome);
        });
    return {};
}

BLUEPRINT_FAAS_DECL void HttpInstance::on_end(const ProcessOutcome& outcome) {
    if (ended_) return;
    ended_.emplace(outcome);
    if (state_ == State::starting) port_was_taken_ = try_loopback_port(port_) == 0;
    idle_.clear();
    changed_.cancel();
    if (const auto ended = std::exchange(on_ended_, nullptr)) ended();
}

BLUEPRINT_FAAS_DECL void HttpInstance::terminate() {
    if (process_) process_->terminate();
}

BLUEPRINT_FAAS_DECL asio::awaitable<bool> HttpInstance::probe_once(const HttpProbe& probe, Deadline deadline) {
    const auto connection = co_await connect(deadline);
    if (!connection) co_return false;
    if (probe.path.empty()) {
        keep(connection);
        co_return true;
    }
    ServerRequest request{.method = "GET", .target = probe.path};
    request.fields.emplace_back("Host", "127.0.0.1:" + std::to_string(port_));
    if (!probe.user_agent.empty()) request.fields.emplace_back("User-Agent", probe.user_agent);
    const auto head = head_of(request);
    const auto answer = co_await exchange(connection, head, request, deadline);
    co_return answer && (probe.any_status || answer->status < 400);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> HttpInstance::open(HttpProbe probe) {
    const auto self = shared_from_this();
    const auto limit = deadline_after(probe.delay + probe.patience);
    auto pause = std::max(probe.delay, std::chrono::milliseconds{2});
    while (!ended_ && std::chrono::steady_clock::now() < limit) {
        changed_.expires_after(pause);  // the end of the process cuts it short
        const auto [ignored] = co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
        changed_.expires_at(asio::steady_timer::time_point::max());
        if (ended_) break;
        const bool answered = co_await probe_once(probe, limit);
        if (answered && !ended_) {
            state_ = State::ready;
            break;
        }
        pause = std::min(pause * 2, std::chrono::milliseconds{100});
    }
    if (state_ == State::starting) state_ = State::failed;
    idle_since_ = std::chrono::steady_clock::now();
    opened_.cancel();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> HttpInstance::opened() {
    const auto self = shared_from_this();
    while (state_ == State::starting) {
        const auto [ignored] = co_await opened_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
