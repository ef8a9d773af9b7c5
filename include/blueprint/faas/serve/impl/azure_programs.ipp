#ifndef BLUEPRINT_FAAS_SERVE_IMPL_AZURE_PROGRAMS_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_AZURE_PROGRAMS_IPP

#include "blueprint/faas/serve/azure_programs.hpp"
#include "blueprint/faas/serve/impl/http_listen.hpp"
#include "blueprint/faas/serve/impl/http_messages.ipp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

inline Error program_error(std::string_view code, std::string message, Execution execution = Execution::not_started) {
    return Error{.code = errc::function_error,
                 .message = std::move(message),
                 .platform_code = std::string{code},
                 .execution = execution};
}

inline std::string text_of_errno(int why) { return std::generic_category().message(why); }

/// One program and its connections.
struct AzurePrograms::Program {
    explicit Program(std::string of) : name{std::move(of)} {}

    result<OwnedDescriptor> take(const std::filesystem::path& root, const std::string& directory, SteadyTime deadline);
    result<void> start(const std::filesystem::path& root, const std::string& directory);
    result<void> copy(const std::filesystem::path& from, const std::string& to);
    int spawn(const std::string& path, const std::string& where);
    OwnedDescriptor connect() const;
    bool running();
    std::string how_it_ended() const;
    std::string what_befell();
    void give_back(OwnedDescriptor connection);
    void end();
    void reap(SteadyTime until);

    std::string name;
    std::mutex mutex{};  // for what follows
    ::pid_t pid = -1;
    int status = 0;
    std::string socket{};
    struct Idle {
        OwnedDescriptor connection{};
        SteadyTime since{};
    };
    std::vector<Idle> idle{};
};

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzurePrograms::AzurePrograms(std::filesystem::path root, std::string temporary,
                                                                     std::size_t max_bytes)
    : root_{std::move(root)}, temporary_{std::move(temporary)}, max_bytes_{max_bytes} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzurePrograms::~AzurePrograms() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{2};
    for (auto& [name, program] : programs_) program->end();
    for (auto& [name, program] : programs_) program->reap(until);
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

inline bool AzurePrograms::Program::running() {
    if (pid > 0 && ::waitpid(pid, &status, WNOHANG) == pid) pid = -1;
    return pid > 0;
}

inline std::string AzurePrograms::Program::how_it_ended() const {
    if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
    return "exited with status " + std::to_string(WEXITSTATUS(status));
}

inline void AzurePrograms::Program::end() {
    const std::lock_guard lock{mutex};
    idle.clear();
    if (running()) ::kill(pid, SIGTERM);
}

inline void AzurePrograms::Program::reap(SteadyTime until) {
    const std::lock_guard lock{mutex};
    while (running()) {
        if (std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
            continue;
        }
        ::kill(pid, SIGKILL);
        ::waitpid(std::exchange(pid, -1), &status, 0);
    }
}

inline result<void> AzurePrograms::Program::copy(const std::filesystem::path& from, const std::string& to) {
    const OwnedDescriptor in{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
    const OwnedDescriptor out{::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700)};
    struct ::stat found{};
    bool fine = in.get() >= 0 && out.get() >= 0 && ::fstat(in.get(), &found) == 0 && S_ISREG(found.st_mode);
    for (::off_t left = found.st_size; fine && left > 0;) {
        const auto sent = ::sendfile(out.get(), in.get(), nullptr, static_cast<std::size_t>(left));
        fine = sent > 0;
        left -= sent;
    }
    if (fine && ::fchmod(out.get(), 0700) == 0) return {};
    return program_error("CANNOT_START", "the program " + name +
                                             " cannot be copied to where it can be executed: " + text_of_errno(errno));
}

// Starts the program at `path` in the directory `where`; returns 0, or why it cannot be executed.
inline int AzurePrograms::Program::spawn(const std::string& path, const std::string& where) {
    // All memory that the child needs is had before: between fork and exec it may not ask for any.
    std::vector<std::string> variables;
    for (char** one = ::environ; *one != nullptr; ++one) {
        const std::string_view text{*one};
        const bool ours = text.starts_with("FUNCTIONS_CUSTOMHANDLER_PORT=") ||
                          text.starts_with("FUNCTIONS_HTTPWORKER_PORT=") || text.starts_with("BLUEPRINT_HTTP") ||
                          text.starts_with("K_REVISION=");
        if (!ours) variables.emplace_back(text);
    }
    variables.push_back("BLUEPRINT_HTTP_SOCKET=" + socket);
    variables.push_back("K_REVISION=" + name);
    std::vector<char*> list;
    for (auto& one : variables) list.push_back(one.data());
    list.push_back(nullptr);
    std::string program = path;
    std::array<char*, 2> arguments{program.data(), nullptr};
    std::array<int, 2> told{-1, -1};
    if (::pipe2(told.data(), O_CLOEXEC) != 0) return errno;
    OwnedDescriptor ear{told[0]}, mouth{told[1]};
    const ::pid_t parent = ::getpid();
    const ::pid_t child = ::fork();
    if (child == 0) {  // only what is safe after fork
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        for (const int signal : {SIGTERM, SIGINT, SIGPIPE}) ::signal(signal, SIG_DFL);
        const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        int why = 0;
        if (::getppid() != parent || nothing < 0 || ::dup2(nothing, 0) != 0 || ::dup2(2, 1) != 1 ||
            ::chdir(where.c_str()) != 0 || ::execve(program.c_str(), arguments.data(), list.data()) != 0)
            why = errno;
        [[maybe_unused]] const auto size = ::write(told[1], &why, sizeof why);
        ::_exit(127);
    }
    if (child < 0) return errno;
    mouth.close();
    int why = 0;
    const auto size = ::read(ear.get(), &why, sizeof why);
    if (size == static_cast<::ssize_t>(sizeof why)) {
        ::waitpid(child, &status, 0);
        return why == 0 ? ECANCELED : why;
    }
    pid = child;
    return 0;
}

inline result<void> AzurePrograms::Program::start(const std::filesystem::path& root, const std::string& directory) {
    idle.clear();
    socket = directory + '/' + name + ".http";
    const auto where = root / "programs" / name;
    const auto original = where / "bootstrap";
    const auto copied = directory + '/' + name;
    // Also a file with all its permissions cannot be executed where the file system says so.
    const bool executable = ::access(original.c_str(), X_OK) == 0;
    int why = executable ? spawn(original.string(), where.string()) : EACCES;
    if (why == EACCES) {
        if (const auto made = copy(original, copied); !made) return made;
        why = spawn(copied, where.string());
    }
    if (why == 0) return {};
    return program_error("CANNOT_START", "the program " + name + " cannot be started: " + text_of_errno(why));
}

inline OwnedDescriptor AzurePrograms::Program::connect() const {
    ListenAddress address{};
    address.local.sun_family = AF_UNIX;
    socket.copy(address.local.sun_path, sizeof address.local.sun_path - 1);
    OwnedDescriptor connection{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(connection.get(), &address.any, sizeof address.local) != 0) connection.close();
    return connection;
}

// Returns a connection to the program, which is started first if it does not run.
inline result<OwnedDescriptor> AzurePrograms::Program::take(const std::filesystem::path& root,
                                                            const std::string& directory, SteadyTime deadline) {
    const std::lock_guard lock{mutex};
    if (!running())
        if (const auto started = start(root, directory); !started) return started.error();
    while (!idle.empty()) {
        auto kept = std::move(idle.back());
        idle.pop_back();
        // The program closes those that are idle for long, and what it closes must not be given a call.
        ::pollfd one{.fd = kept.connection.get(), .events = POLLIN, .revents = 0};
        const bool young = std::chrono::steady_clock::now() - kept.since < std::chrono::minutes{5};
        if (young && ::poll(&one, 1, 0) == 0) return std::move(kept.connection);
    }
    for (auto pause = std::chrono::milliseconds{1};; pause = std::min(pause * 2, std::chrono::milliseconds{50})) {
        if (auto connection = connect(); connection.get() >= 0) return connection;
        if (!running())
            return program_error("CANNOT_START", "the program " + name + ' ' + how_it_ended() +
                                                     " before it took a call: see what it wrote to the app's log");
        if (std::chrono::steady_clock::now() >= deadline)
            return Error{.code = errc::timed_out,
                         .message = "the program " + name + " did not start before the call's time was over",
                         .platform_code = "TIMEOUT",
                         .execution = Execution::not_started};
        std::this_thread::sleep_for(pause);
    }
}

inline void AzurePrograms::Program::give_back(OwnedDescriptor connection) {
    const std::lock_guard lock{mutex};
    if (pid > 0) idle.push_back({.connection = std::move(connection), .since = std::chrono::steady_clock::now()});
}

/// Waits until a connection can be read or written; false at the deadline.
inline bool wait_for_peer(int descriptor, short what, SteadyTime deadline) noexcept {
    for (;;) {
        int time = -1;
        if (deadline != SteadyTime::max()) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            time = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
        }
        ::pollfd one{.fd = descriptor, .events = what, .revents = 0};
        const int ready = ::poll(&one, 1, time);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return true;  // the next call says what it is
        if (std::chrono::steady_clock::now() >= deadline) return false;
    }
}

/// How a conversation with a program went wrong.
enum class Broken { ended, late, malformed };

/// Sends `parts` whole; also to a peer that has stopped reading because it answers already.
inline std::optional<Broken> send_to_program(int connection, std::span<const std::string_view> parts,
                                             SteadyTime deadline) noexcept {
    for (auto part : parts) {
        while (!part.empty()) {
            if (!wait_for_peer(connection, POLLOUT, deadline)) return Broken::late;
            const auto sent = ::send(connection, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (sent < 0) return Broken::ended;
            part.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    return std::nullopt;
}

/// An answer as far as it has come. Programs answer as our own server does, always with Content-Length.
struct ProgramAnswer {
    std::string text{};  // the head, then the body
    std::size_t head_bytes = 0;
    std::size_t body_bytes = 0;
    bool last = false;
    HttpReply reply{};

    bool read_head(std::size_t max_bytes);
};

inline bool ProgramAnswer::read_head(std::size_t max_bytes) {
    const auto end = text.find("\r\n\r\n");
    if (end == std::string::npos) return text.size() <= (64U << 10);
    head_bytes = end + 4;
    std::string_view lines{text.data(), end + 2};
    const auto first = lines.substr(0, lines.find("\r\n"));
    if (!first.starts_with("HTTP/1.1 ") || first.size() < 12) return false;
    reply.status = static_cast<unsigned>(read_http_number(first.substr(9, 3)).value_or(0));
    std::optional<std::uint64_t> length;
    for (lines.remove_prefix(first.size() + 2); !lines.empty();) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(line.size() + 2);
        const auto colon = line.find(": ");
        if (colon == std::string_view::npos) return false;
        const auto name = line.substr(0, colon), value = line.substr(colon + 2);
        if (iequals(name, "content-length"))
            length = read_http_number(value);
        else if (iequals(name, "connection"))
            last = !iequals(value, "keep-alive");
        else
            reply.fields += http_field(name, value);
    }
    if (!length || *length > max_bytes + (1U << 20)) return false;
    body_bytes = static_cast<std::size_t>(*length);
    return reply.status >= 200;
}

/// Reads an answer whole.
inline std::optional<Broken> read_from_program(int connection, ProgramAnswer& answer, std::size_t max_bytes,
                                               SteadyTime deadline) {
    std::vector<char> buffer(64U << 10);
    while (answer.head_bytes == 0 || answer.text.size() < answer.head_bytes + answer.body_bytes) {
        if (!wait_for_peer(connection, POLLIN, deadline)) return Broken::late;
        const auto size = ::recv(connection, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (size <= 0) return Broken::ended;
        answer.text.append(buffer.data(), static_cast<std::size_t>(size));
        if (answer.head_bytes == 0 && !answer.read_head(max_bytes)) return Broken::malformed;
        if (answer.head_bytes != 0) answer.text.reserve(answer.head_bytes + answer.body_bytes);
    }
    if (answer.text.size() != answer.head_bytes + answer.body_bytes) return Broken::malformed;
    answer.reply.bytes.assign(answer.text.begin() + static_cast<std::ptrdiff_t>(answer.head_bytes), answer.text.end());
    return std::nullopt;
}

/// Writes the head of the request that came, but for the caller's time, which is what is left of it.
inline std::string head_for_program(const HttpCall& call, std::size_t body_bytes) {
    std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\n";
    std::string_view lines = call.fields.text();
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find("\r\n") + 2);
        lines.remove_prefix(line.size());
        const auto name = line.substr(0, line.find(':'));
        const auto is = [name](std::string_view other) { return iequals(name, other); };
        if (!is("x-blueprint-timeout-ms") && !is("transfer-encoding") && !is("expect") && !is("content-length"))
            head += line;
    }
    if (call.deadline != SteadyTime::max()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(call.deadline - std::chrono::steady_clock::now());
        head += http_field("X-Blueprint-Timeout-Ms", std::to_string(std::max<std::int64_t>(left.count(), 1)));
    }
    head += http_field("Content-Length", std::to_string(body_bytes));
    return head += "\r\n";
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzurePrograms::Program& AzurePrograms::find(const std::string& name) {
    const std::lock_guard lock{mutex_};
    auto& program = programs_[name];
    if (!program) program = std::make_unique<Program>(name);
    return *program;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> AzurePrograms::directory() {
    const std::lock_guard lock{mutex_};
    if (!directory_.empty()) return directory_;
    std::string pattern = temporary_ + "/blueprint-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)  // with mode 0700
        return program_error("CANNOT_START", "no directory can be made in " + temporary_ + ": " + text_of_errno(errno));
    directory_ = std::move(pattern);
    return directory_;
}

inline std::string AzurePrograms::Program::what_befell() {
    const std::lock_guard lock{mutex};
    for (int i = 0; i < 100 && running(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds{2});
    return running() ? "broke off" : how_it_ended();
}

BLUEPRINT_FAAS_DECL result<HttpReply> AzurePrograms::exchange(const std::string& name, const HttpCall& call) {
    const auto private_directory = directory();
    if (!private_directory) return private_directory.error();
    auto& program = find(name);
    // The program answers at the deadline by itself; this is for one that does not.
    const auto limit = call.deadline == SteadyTime::max() ? call.deadline : call.deadline + std::chrono::seconds{1};
    auto connection = program.take(root_, *private_directory, limit);
    if (!connection) return connection.error();
    const auto body = text_of(call.binary ? call.request.call.args : call.kept);
    const auto head = head_for_program(call, body.size());
    const std::array<std::string_view, 2> parts{head, body};
    ProgramAnswer answer;
    auto broken = send_to_program(connection->get(), parts, limit);
    // Who answers before all is sent is heard.
    if (broken != Broken::late) broken = read_from_program(connection->get(), answer, max_bytes_, limit);
    if (!broken) {
        if (!answer.last) program.give_back(*std::move(connection));
        return std::move(answer.reply);
    }
    if (*broken == Broken::late)
        return Error{.code = errc::timed_out,
                     .message = "the job's program did not answer in time",
                     .platform_code = "TIMEOUT",
                     .execution = Execution::started};
    if (*broken == Broken::malformed)
        return program_error("CRASHED", "the job's program gave no answer that can be read", Execution::started);
    return program_error("CRASHED", "the job's program " + program.what_befell() + " during the call",
                         Execution::started);
}

}  // namespace blueprint::faas::detail

#endif
