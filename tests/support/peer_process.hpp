#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_PEER_PROCESS_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_PEER_PROCESS_HPP

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// Programs of other projects that a test starts: on loopback, in a directory of the test's own, and gone with it.
namespace blueprint::faas::test {

/// A TCP socket of 127.0.0.1, closed when it goes.
class LoopbackSocket {
public:
    LoopbackSocket() : descriptor_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        if (descriptor_ < 0) throw std::system_error{errno, std::generic_category(), "socket"};
    }
    LoopbackSocket(const LoopbackSocket&) = delete;
    LoopbackSocket& operator=(const LoopbackSocket&) = delete;
    ~LoopbackSocket() { ::close(descriptor_); }

    /// Connects to that port; false if nobody listens.
    bool connect(std::uint16_t port) const {
        const auto address = loopback(port);
        return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    /// Binds to a port that was free and returns it.
    std::uint16_t bind() const {
        auto address = loopback(0);
        socklen_t size = sizeof address;
        if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::system_error{errno, std::generic_category(), "bind"};
        return ntohs(address.sin_port);
    }

private:
    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }
    int descriptor_;
};

/// Returns a port that is free now; who uses it must be ready to find it taken.
inline std::uint16_t free_port() { return LoopbackSocket{}.bind(); }

/// A running program in a process group of its own, which is killed when this object goes; it also dies with the
/// thread that started it. What it writes goes into a file.
class PeerProcess {
public:
    PeerProcess(std::vector<std::string> command, std::filesystem::path log) : log_{std::move(log)} {
        std::vector<char*> arguments;
        for (auto& word : command) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        const int output = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (output < 0) throw std::system_error{errno, std::generic_category(), log_.string()};
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ == 0) {  // only what is safe after fork
            ::setpgid(0, 0);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(127);
            ::dup2(output, 1);
            ::dup2(output, 2);
            ::close_range(3, ~0U, 0);  // the test's own sockets are not for it
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
        ::close(output);
        if (pid_ < 0) throw std::system_error{errno, std::generic_category(), "fork"};
        ::setpgid(pid_, pid_);  // in both, so that it is done whoever is first
    }
    PeerProcess(const PeerProcess&) = delete;
    PeerProcess& operator=(const PeerProcess&) = delete;
    ~PeerProcess() { end(); }

    /// Kills it and all that it started, and waits for its end.
    void end() noexcept {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
    }
    bool running() noexcept {
        if (pid_ <= 0) return false;
        if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
        ::kill(-pid_, SIGKILL);
        pid_ = -1;
        return false;
    }
    /// Its number, which is its group's too.
    pid_t pid() const noexcept { return pid_; }
    /// Waits for its end; returns its exit status, or 128 and the signal that ended it. What it started goes on.
    int wait() noexcept {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    std::string log() const {
        std::ifstream file{log_, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

private:
    std::filesystem::path log_;
    pid_t pid_ = -1;
};

/// Returns once the program accepts connections on `port`; throws, with what it wrote, if it ends before or takes
/// longer than `limit`.
inline void wait_until_listening(PeerProcess& process, std::uint16_t port,
                                 std::chrono::seconds limit = std::chrono::seconds{30}) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!LoopbackSocket{}.connect(port)) {
        if (!process.running()) throw std::runtime_error{"the program ended: " + process.log()};
        if (std::chrono::steady_clock::now() > end) throw std::runtime_error{"it does not listen: " + process.log()};
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
}

/// A program that listens on a port.
struct Peer {
    std::unique_ptr<PeerProcess> process{};
    std::uint16_t port = 0;
};

/// Starts the program of `command(port)` on a free port, and on another one if somebody was faster.
inline Peer start_peer(const std::function<std::vector<std::string>(std::uint16_t)>& command,
                       const std::filesystem::path& log) {
    for (int attempt = 1;; ++attempt) {
        Peer peer;
        peer.port = free_port();
        peer.process = std::make_unique<PeerProcess>(command(peer.port), log);
        try {
            wait_until_listening(*peer.process, peer.port);
            return peer;
        } catch (const std::runtime_error&) {
            if (attempt == 3) throw;
        }
    }
}

/// Where `tests/peers` put the programs.
inline std::filesystem::path peers_directory() {
    for (const char* name : {"BLUEPRINT_FAAS_PEERS_DIR", "BLUEPRINT_FAAS_DEFAULT_PEERS_DIR"})
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
    return "build-peers";
}

/// Finds a program: the one of `tests/peers`, else the machine's own. Empty: there is none.
inline std::filesystem::path find_program(const std::string& name, const std::vector<std::filesystem::path>& first) {
    std::vector<std::filesystem::path> places = first;
    for (const char* directory : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"})
        places.push_back(std::filesystem::path{directory} / name);
    for (const auto& place : places)
        if (::access(place.c_str(), X_OK) == 0) return place;
    return {};
}

/// Writes a file that only this user can read.
inline std::filesystem::path write_private(const std::filesystem::path& path, std::string_view text) {
    std::ofstream{path, std::ios::binary} << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    return path;
}

}  // namespace blueprint::faas::test

#endif
