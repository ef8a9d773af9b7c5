// A program for the tests of the local Google Cloud and Azure: serves HTTP on PORT or FUNCTIONS_CUSTOMHANDLER_PORT with
// nothing but sockets and threads, so that it shares no code with the library. The path says what to do: "/sleep/200";
// the variable INIT what to do before.
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <time.h>
#include <unistd.h>

namespace {

std::atomic<int> calls{0};
std::atomic<int> running{0};
std::atomic<int> most_running{0};
int listener = -1;

void sleep_ms(long ms) {
    const timespec time{ms / 1000, (ms % 1000) * 1'000'000};
    ::nanosleep(&time, nullptr);
}

bool send_all(int connection, std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

struct Request {
    std::string line{};
    std::string head{};
    std::string body{};

    std::string method() const { return line.substr(0, line.find(' ')); }
    std::string path() const {
        const auto begin = line.find(' ') + 1;
        return line.substr(begin, line.find(' ', begin) - begin);
    }
};

/// Reads one request; false at the end of the connection.
bool read_request(int connection, std::string& received, Request& request) {
    char chunk[65536];
    std::size_t end = 0;
    while ((end = received.find("\r\n\r\n")) == std::string::npos) {
        const auto size = ::recv(connection, chunk, sizeof chunk, 0);
        if (size <= 0) return false;
        received.append(chunk, static_cast<std::size_t>(size));
    }
    request.line = received.substr(0, received.find("\r\n"));
    request.head = received.substr(request.line.size() + 2, end - request.line.size());
    received.erase(0, end + 4);
    const auto at = request.head.find("Content-Length: ");
    const auto length = at == std::string::npos ? 0 : std::strtoul(request.head.c_str() + at + 16, nullptr, 10);
    while (received.size() < length) {
        const auto size = ::recv(connection, chunk, sizeof chunk, 0);
        if (size <= 0) return false;
        received.append(chunk, static_cast<std::size_t>(size));
    }
    request.body = received.substr(0, length);
    received.erase(0, length);
    return true;
}

std::string json_string(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

bool answer(int connection, const Request& request, const std::string& body, const char* status = "200 OK",
            const std::string& fields = {}) {
    std::string out = std::string{"HTTP/1.1 "} + status + "\r\nContent-Type: application/octet-stream\r\n" + fields +
                      "Content-Length: " + std::to_string(body.size()) +
                      "\r\nX-Instance: " + std::to_string(::getpid()) + "\r\n\r\n";
    if (request.method() != "HEAD") out += body;
    return send_all(connection, out);
}

bool run(int connection, const Request& request) {
    const auto path = request.path();
    const auto slash = path.find('/', 1);
    const auto what = path.substr(1, slash == std::string::npos ? path.npos : slash - 1);
    const std::string arg = slash == std::string::npos ? "" : path.substr(slash + 1);
    const long number = std::atol(arg.c_str());
    const int count = ++calls;
    if (what == "env") {
        const char* const value = std::getenv(arg.c_str());
        return answer(connection, request, value == nullptr ? "(none)" : value);
    }
    if (what == "sleep") {
        const int now = ++running;
        for (int most = most_running; now > most && !most_running.compare_exchange_weak(most, now);) {
        }
        sleep_ms(number);
        --running;
        return answer(connection, request, std::to_string(most_running));
    }
    if (what == "count") return answer(connection, request, std::to_string(count));
    if (what == "say") {
        std::printf("out %s\n", arg.c_str());
        std::fflush(stdout);
        std::fprintf(stderr, "err %s\n", arg.c_str());
        return answer(connection, request, "said");
    }
    if (what == "exit") std::_Exit(static_cast<int>(number));
    if (what == "garbage") return send_all(connection, "this is no HTTP\r\n\r\n") && false;
    if (what == "big") return answer(connection, request, std::string(static_cast<std::size_t>(number), 'x'));
    if (what == "status") return answer(connection, request, "said no", (arg + " No").c_str(), "Retry-After: 7\r\n");
    if (what == "hangup") {  // after an answer that did not say so
        answer(connection, request, "bye");
        return false;
    }
    if (what == "deaf") {  // from now on it takes no connection, and goes on running
        ::shutdown(listener, SHUT_RDWR);
        answer(connection, request, "bye", "200 OK", "Connection: close\r\n");
        return false;
    }
    if (what == "enveloped") {  // as Azure's host wants the answers to what it has not forwarded
        const auto body = R"({"Outputs":{"res":{"statusCode":201,"headers":{"X-From":"handler"},"body":)" +
                          json_string(request.body) + R"(}},"Logs":["said"],"ReturnValue":null})";
        return answer(connection, request, body);
    }
    if (what == "chunked")
        return send_all(connection,
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n");
    return answer(connection, request, request.line + "\r\n" + request.head + "\r\n" + request.body);
}

void serve(int connection) {
    std::string received;
    Request request;
    while (read_request(connection, received, request) && run(connection, request)) request = {};
    ::close(connection);
}

void on_term(int) {
    static constexpr std::string_view text = "asked to end\n";
    const auto ignored = ::write(2, text.data(), text.size());
    static_cast<void>(ignored);
    std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
    const char* const init = std::getenv("INIT");
    const std::string_view before = init == nullptr ? "" : init;
    if (argc > 1 && std::string_view{argv[1]} == "--check") return 0;  // it plays Node.js too
    std::printf("starting\n");
    for (int i = 1; i < argc; ++i) std::printf("argument %s\n", argv[i]);
    std::fflush(stdout);
    if (before == "exit") return 7;
    if (before == "deaf") sleep_ms(60'000);
    if (before == "slow") sleep_ms(300);
    std::signal(SIGTERM, on_term);
    const char* port = std::getenv("PORT");
    if (port == nullptr) port = std::getenv("FUNCTIONS_CUSTOMHANDLER_PORT");
    listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port == nullptr ? 8080 : std::atoi(port)));
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 64) != 0) {
        std::perror("listen");
        return 98;
    }
    for (;;) {
        const int connection = ::accept(listener, nullptr, nullptr);
        if (connection >= 0)
            std::thread{serve, connection}.detach();
        else if (errno == EINVAL)  // it is deaf
            ::pause();
    }
}
