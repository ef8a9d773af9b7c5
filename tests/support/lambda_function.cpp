// A bootstrap for the tests of the local Lambda: the runtime API with nothing but sockets, so that it shares no code
// with the library. An event {"do":"WHAT","arg":"TEXT"} says what to do; the variable INIT what to do before the first.
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace {

struct Reply {
    int status = 0;
    std::string head{};
    std::string body{};

    std::string field(const std::string& name) const {
        const auto at = head.find("\r\n" + name + ": ");
        if (at == std::string::npos) return {};
        const auto begin = at + name.size() + 4;
        return head.substr(begin, head.find("\r\n", begin) - begin);
    }
};

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::_Exit(99);
}

int open_connection() {
    const std::string address = std::getenv("AWS_LAMBDA_RUNTIME_API");
    const auto colon = address.find(':');
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
    const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || ::connect(connection, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0)
        give_up("connect");
    return connection;
}

void send_all(int connection, std::string_view text) {
    while (!text.empty()) {
        const auto sent = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;  // the answer says why, if anybody does
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

Reply read_reply(int connection) {
    std::string received;
    std::size_t end = std::string::npos;
    char chunk[65536];
    while ((end = received.find("\r\n\r\n")) == std::string::npos) {
        const auto size = ::recv(connection, chunk, sizeof chunk, 0);
        if (size <= 0) give_up("recv");
        received.append(chunk, static_cast<std::size_t>(size));
    }
    Reply reply{.status = std::atoi(received.c_str() + 9), .head = received.substr(0, end + 2)};
    reply.body = received.substr(end + 4);
    const auto length = static_cast<std::size_t>(std::atol(reply.field("Content-Length").c_str()));
    while (reply.body.size() < length) {
        const auto size = ::recv(connection, chunk, sizeof chunk, 0);
        if (size <= 0) give_up("recv");
        reply.body.append(chunk, static_cast<std::size_t>(size));
    }
    return reply;
}

int connection = -1;

Reply ask(const std::string& method, const std::string& path, std::string_view body = {},
          std::string_view fields = {}) {
    std::string request = method + " /2018-06-01/runtime/" + path +
                          " HTTP/1.1\r\nHost: api\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    request.append(fields).append("\r\n").append(body);
    send_all(connection, request);
    return read_reply(connection);
}

void sleep_ms(long ms) {
    const timespec time{ms / 1000, (ms % 1000) * 1'000'000};
    ::nanosleep(&time, nullptr);
}

std::string member(const std::string& event, const std::string& name) {
    const auto at = event.find('"' + name + "\":\"");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return event.substr(begin, event.find('"', begin) - begin);
}

/// Streams "one", "two", "three", each after `ms`; `trailers` end it.
int stream(const std::string& path, long ms, const std::string& trailers) {
    send_all(connection, "POST /2018-06-01/runtime/" + path +
                             " HTTP/1.1\r\nHost: api\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n"
                             "Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type, "
                             "Lambda-Runtime-Function-Error-Body\r\n\r\n");
    for (const char* const piece : {"3\r\none\r\n", "3\r\ntwo\r\n", "5\r\nthree\r\n"}) {
        sleep_ms(ms);
        send_all(connection, piece);
    }
    send_all(connection, "0\r\n" + trailers + "\r\n");
    return read_reply(connection).status;
}

void run(const std::string& id, const std::string& event, const Reply& next, int count) {
    const auto what = member(event, "do");
    const auto arg = member(event, "arg");
    const long number = std::atol(arg.c_str());
    const auto response = "invocation/" + id + "/response";
    const auto answer = [&](std::string_view body) { return ask("POST", response, body).status; };
    if (what == "env") {
        const char* value = std::getenv(arg.c_str());
        answer(value == nullptr ? "null" : '"' + std::string{value} + '"');
    } else if (what == "field") {
        const auto value = next.field(arg);
        answer(value.starts_with('{') ? value : '"' + value + '"');
    } else if (what == "say") {
        std::printf("out %s\n", arg.c_str());
        std::fflush(stdout);
        std::fprintf(stderr, "err %s\n", arg.c_str());
        answer("true");
    } else if (what == "fail") {
        ask("POST", "invocation/" + id + "/error",
            R"({"errorType":"Broken","errorMessage":"it broke","stackTrace":["here","there"]})",
            "Lambda-Runtime-Function-Error-Type: Function.Broken\r\n");
    } else if (what == "exit") {
        std::_Exit(static_cast<int>(number));
    } else if (what == "abort") {
        std::abort();
    } else if (what == "sleep") {
        sleep_ms(number);
        answer(std::to_string(count));
    } else if (what == "late") {  // works on after the answer
        answer(std::to_string(count));
        sleep_ms(number);
    } else if (what == "big") {
        std::printf("reply: %d\n", answer('"' + std::string(static_cast<std::size_t>(number) - 2, 'x') + '"'));
        std::fflush(stdout);
    } else if (what == "twice") {
        answer("1");
        std::fprintf(stderr, "second reply: %d\n", answer("2"));
        std::fprintf(stderr, "other id: %d\n", ask("POST", "invocation/other/response", "3").status);
    } else if (what == "stream") {
        stream(response, number, {});
    } else if (what == "stream-fail") {
        stream(response, 0,
               "Lambda-Runtime-Function-Error-Type: Function.Midway\r\nLambda-Runtime-Function-Error-Body: "
               "eyJlcnJvclR5cGUiOiJNaWR3YXkifQ==\r\n");
    } else if (what == "truncate") {
        send_all(connection, "POST /2018-06-01/runtime/" + response +
                                 " HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal");
        ::close(connection);
        connection = open_connection();
    } else if (what == "mode") {
        std::fprintf(stderr, "reply: %d\n",
                     ask("POST", response, "1", "Lambda-Runtime-Function-Response-Mode: sideways\r\n").status);
    } else if (what == "count") {
        answer(std::to_string(count));
    } else {
        answer(event);
    }
}

}  // namespace

int main() {
    const char* const init = std::getenv("INIT");
    const std::string_view before = init == nullptr ? "" : init;
    std::printf("initialising\n");
    std::fflush(stdout);
    if (before == "exit") return 7;
    connection = open_connection();
    if (before == "slow") sleep_ms(120);
    if (before == "error") {
        ask("POST", "init/error", R"({"errorType":"NoDatabase","errorMessage":"there is none"})",
            "Lambda-Runtime-Function-Error-Type: Runtime.NoDatabase\r\n");
        return 1;
    }
    for (int count = 1;; ++count) {
        const auto next = ask("GET", "invocation/next");
        if (next.status != 200) return 98;
        run(next.field("Lambda-Runtime-Aws-Request-Id"), next.body, next, count);
    }
}
