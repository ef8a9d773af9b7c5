#ifndef BLUEPRINT_FAAS_SERVE_IMPL_HTTP_LISTEN_HPP
#define BLUEPRINT_FAAS_SERVE_IMPL_HTTP_LISTEN_HPP

// How a function's process opens its door, and what it knows of itself. Included by http_server.ipp alone.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/serve/http_door.hpp"
#include "blueprint/faas/serve/http_messages.hpp"
#include "blueprint/faas/serve/stdio.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <tuple>
#include <unistd.h>

namespace blueprint::faas::detail {

/// A descriptor, closed when it goes.
class OwnedDescriptor {
public:
    OwnedDescriptor() = default;
    explicit OwnedDescriptor(int value) noexcept : value_{value} {}
    OwnedDescriptor(OwnedDescriptor&& other) noexcept : value_{std::exchange(other.value_, -1)} {}
    OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~OwnedDescriptor() { close(); }
    int get() const noexcept { return value_; }
    void close() noexcept {
        if (value_ >= 0) ::close(std::exchange(value_, -1));
    }

private:
    int value_ = -1;
};

inline Error cannot_listen(std::string message) {
    return Error{.code = errc::invalid_configuration, .message = std::move(message)};
}

union ListenAddress {
    ::sockaddr any;
    ::sockaddr_in v4;
    ::sockaddr_in6 v6;
    ::sockaddr_un local;
};

// Binds; false with errno if that cannot be done.
inline bool bind_and_listen(int descriptor, const ListenAddress& address, ::socklen_t size) noexcept {
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return ::bind(descriptor, &address.any, size) == 0 && ::listen(descriptor, SOMAXCONN) == 0;
}

inline result<OwnedDescriptor> listen_on_socket(const std::string& path) {
    ListenAddress address{};
    address.local.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.local.sun_path)
        return cannot_listen("BLUEPRINT_HTTP_SOCKET must be a path of at most " +
                             std::to_string(sizeof address.local.sun_path - 1) + " bytes");
    path.copy(address.local.sun_path, path.size());
    constexpr int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    OwnedDescriptor listener{::socket(AF_UNIX, kind, 0)};
    if (bind_and_listen(listener.get(), address, sizeof address.local)) return listener;
    const int why = errno;
    // A socket that a dead process left behind is in nobody's use.
    const OwnedDescriptor other{why == EADDRINUSE ? ::socket(AF_UNIX, kind, 0) : -1};
    const bool left_behind = other.get() >= 0 && ::connect(other.get(), &address.any, sizeof address.local) != 0 &&
                             errno == ECONNREFUSED && ::unlink(path.c_str()) == 0;
    if (left_behind && bind_and_listen(listener.get(), address, sizeof address.local)) return listener;
    return cannot_listen("cannot listen on the Unix socket '" + path + "': " + std::generic_category().message(why));
}

inline result<OwnedDescriptor> listen_on_port(const HttpDoor& door) {
    const auto& [host, port] = std::tie(door.host, door.port);
    std::uint16_t number = 0;
    const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || read.ec != std::errc{} || read.ptr != port.data() + port.size())
        return cannot_listen(std::string{door.port_name} + " is '" + port + "': a port number is expected");
    ListenAddress address{};
    ::socklen_t size = 0;
    if (::inet_pton(AF_INET, host.c_str(), &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(number);
        size = sizeof address.v4;
    } else if (::inet_pton(AF_INET6, host.c_str(), &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(number);
        size = sizeof address.v6;
    } else {
        return cannot_listen("BLUEPRINT_HTTP_HOST is '" + host + "': an IP address is expected, as in 127.0.0.1");
    }
    OwnedDescriptor listener{::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!bind_and_listen(listener.get(), address, size))
        return cannot_listen("cannot listen on " + host + " port " + port + ": " +
                             std::generic_category().message(errno));
    if (number != 0) return listener;
    ::getsockname(listener.get(), &address.any, &size);
    number = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
    complain("blueprint: listening on " + host + " port " + std::to_string(number) + '\n');
    return listener;
}

inline result<OwnedDescriptor> open_door(const HttpDoor& door) {
    if (!door.socket) return listen_on_port(door);
    // Killed outright, the process that started this one could not end it; the socket is of no use to others.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    return listen_on_socket(*door.socket);
}

inline result<std::size_t> read_concurrency(const Environment& world) {
    const auto text = world.variable("BLUEPRINT_CONCURRENCY").value_or("1");
    std::size_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc{} && read.ptr == text.data() + text.size() && number >= 1 && number <= 1'000)
        return number;
    return cannot_listen("BLUEPRINT_CONCURRENCY is '" + text + "': a number from 1 to 1000 is expected");
}

/// Returns how long ago this process was started, to a hundredth of a second. Source: proc(5), /proc/[pid]/stat.
inline std::optional<std::chrono::milliseconds> process_age() {
    const OwnedDescriptor file{::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)};
    std::array<char, 1024> text{};
    const auto size = file.get() < 0 ? -1 : ::read(file.get(), text.data(), text.size());
    std::string_view rest{text.data(), static_cast<std::size_t>(std::max<::ssize_t>(size, 0))};
    rest.remove_prefix(std::min(rest.rfind(')') + 1, rest.size()));  // the name may hold anything
    for (int field = 2; field < 22; ++field) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
    std::int64_t ticks = 0;
    ::timespec now{};
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), ticks);
    const auto per_second = ::sysconf(_SC_CLK_TCK);
    if (read.ec != std::errc{} || per_second <= 0 || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return std::nullopt;
    const std::int64_t age = std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000 - ticks * 1000 / per_second;
    return std::chrono::milliseconds{std::max<std::int64_t>(age, 0)};
}

inline HttpInstance this_instance(const Environment& world) {
    std::array<std::uint8_t, 16> random{};
    [[maybe_unused]] const auto size = ::getrandom(random.data(), random.size(), 0);  // 16 bytes never come short
    HttpInstance instance{.id = hex_encode(random), .init = process_age()};
    const auto revision = world.variable("K_REVISION").value_or("");
    const auto fit = [](char c) { return c > ' ' && c < '\x7f'; };  // it stands in a header field
    if (std::all_of(revision.begin(), revision.end(), fit)) instance.revision = revision;
    return instance;
}

/// Turns SIGTERM and SIGINT into a number written to a descriptor, as long as it lives. One at a time.
class StopSignals {
public:
    explicit StopSignals(int wake) {
        wake_descriptor().store(wake);
        asked_flag().store(false);
        struct ::sigaction action{};
        action.sa_handler = &StopSignals::came;
        action.sa_flags = SA_RESTART;
        ::sigemptyset(&action.sa_mask);
        ::sigaction(SIGTERM, &action, &terminate_);
        ::sigaction(SIGINT, &action, &interrupt_);
    }
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals() {
        ::sigaction(SIGTERM, &terminate_, nullptr);
        ::sigaction(SIGINT, &interrupt_, nullptr);
        wake_descriptor().store(-1);
    }
    bool asked() const noexcept { return asked_flag().load(); }

private:
    static std::atomic<int>& wake_descriptor() noexcept {
        static std::atomic<int> descriptor{-1};
        return descriptor;
    }
    static std::atomic<bool>& asked_flag() noexcept {
        static std::atomic<bool> asked{false};
        return asked;
    }
    static void came(int) {
        const int kept = errno;
        asked_flag().store(true);
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_descriptor().load(), &one, sizeof one);
        errno = kept;
    }

    struct ::sigaction terminate_{};
    struct ::sigaction interrupt_{};
};

}  // namespace blueprint::faas::detail

#endif
