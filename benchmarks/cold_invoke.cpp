// A program that makes one call of a job on AWS Lambda and ends: what bench_cold starts. `cold_invoke URL CA-FILE`
// makes the call; with a number it makes so many, and prints what each took of the processor and what the transport
// did; `cold_invoke URL CA-FILE steps` prints what the parts of the first call take. Without arguments it does nothing,
// which is what starting it costs.
#include "blueprint/faas/blocking.hpp"
#include "blueprint/faas/provider/aws.hpp"
#include "blueprint/faas/transport/impl/tls_context.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <openssl/ssl.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <netdb.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utility>

namespace faas = blueprint::faas;
namespace asio = boost::asio;

namespace {

[[noreturn]] void fail(const std::string& why) {
    std::fprintf(stderr, "cold_invoke: %s\n", why.c_str());
    std::exit(1);
}

template <class T>
T good(faas::result<T> outcome) {
    if (!outcome) fail(outcome.error().message);
    return std::move(outcome).value();
}

// Prints how many microseconds of the processor went by since the last time.
class Steps {
public:
    void end(const char* name) {
        const double before = std::exchange(us_, now());
        std::printf("%s %.1f\n", name, us_ - before);
        us_ = now();
    }

private:
    static double now() {
        timespec time{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
    }
    double us_ = 0;
};

faas::aws::Options options_for(const std::string& url, const std::string& authority) {
    faas::aws::Options options;
    options.lambda.endpoint = url;
    options.tls.extra_roots = authority;
    return options;
}

void invoke(const std::string& url, const std::string& authority, int calls, bool tell) {
    Steps steps;
    if (tell) steps.end("start");
    asio::io_context io{1};
    auto executor = good(faas::aws::create(io.get_executor(), options_for(url, authority)));
    if (tell) steps.end("executor");
    for (int i = 0; i < calls; ++i) {
        faas::JobCall call{.job_id = faas::JobId{0}, .args = {7, 0, 0, 0, 0, 0, 0, 0}};
        const auto answer = good(faas::blocking(executor).invoke(std::move(call)));
        good(answer.outcome);
        if (tell) steps.end(("call_" + std::to_string(i + 1)).c_str());
    }
    if (!tell) return;
    const auto did = executor.transport().statistics();
    std::printf("opened %llu\nreused %llu\nresumed %llu\nlookups %llu\n",
                static_cast<unsigned long long>(did.connections_opened),
                static_cast<unsigned long long>(did.connections_reused),
                static_cast<unsigned long long>(did.tls_resumptions), static_cast<unsigned long long>(did.dns_lookups));
}

template <class T>
T run(asio::io_context& io, asio::awaitable<faas::result<T>> operation) {
    std::optional<faas::result<T>> outcome;
    asio::co_spawn(io, std::move(operation), [&](std::exception_ptr failed, faas::result<T> answer) {
        if (failed) std::rethrow_exception(failed);
        outcome = std::move(answer);
    });
    io.restart();
    io.run();
    return good(std::move(*outcome));
}

int connect_to(const addrinfo* addresses) {
    for (const auto* one = addresses; one != nullptr; one = one->ai_next) {
        const int fd = ::socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (fd >= 0 && ::connect(fd, one->ai_addr, one->ai_addrlen) == 0) return fd;
        if (fd >= 0) ::close(fd);
    }
    fail("nobody listens");
}

using Ssl = std::unique_ptr<SSL, decltype(&::SSL_free)>;

Ssl shake_hands(faas::detail::TlsContext& context, int fd, SSL_SESSION* session) {
    Ssl ssl{::SSL_new(context.context.native_handle()), &::SSL_free};
    ::SSL_set_fd(ssl.get(), fd);
    ::SSL_set_tlsext_host_name(ssl.get(), "localhost");
    ::SSL_set1_host(ssl.get(), "localhost");
    if (session != nullptr) ::SSL_set_session(ssl.get(), session);
    if (::SSL_connect(ssl.get()) != 1) fail("no TLS with the server");
    return ssl;
}

// Sends the smallest request there is and waits for the answer, which brings the session that the next one resumes.
void exchange(SSL* ssl) {
    constexpr std::string_view request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    char answer[1024];
    if (::SSL_write(ssl, request.data(), static_cast<int>(request.size())) <= 0 ||
        ::SSL_read(ssl, answer, sizeof answer) <= 0)
        fail("no answer");
}

// What a call is made of, one after the other and with blocking sockets, because the transport's parts cannot be told
// apart from outside.
void take_steps(const std::string& url, const std::string& authority) {
    Steps steps;
    steps.end("start");
    const auto& environment = faas::Environment::process();
    asio::io_context io{1};
    auto all = good(faas::aws::resolve(options_for(url, authority), environment));
    steps.end("settings");
    auto reach = faas::aws::make_reach(faas::HttpsTransport{io.get_executor(), all.tls, all.connections},
                                       faas::MetadataTransport{io.get_executor()}, environment);
    faas::SigV4 auth{faas::aws::default_chain(std::move(reach), all.settings),
                     faas::SigV4Options{.region = all.lambda.region}, environment};
    faas::HttpRequest request{.origin = {.host = "localhost"}, .verb = faas::Verb::post};
    run(io, auth.authorize(request, faas::purpose::ControlPlane{}));
    steps.end("credentials_and_signature");
    run(io, auth.authorize(request, faas::purpose::ControlPlane{}));
    steps.end("signature");
    const auto context = good(faas::detail::make_tls_context(all.tls, true, false, environment));
    steps.end("tls_context");

    const auto port = url.substr(url.rfind(':') + 1);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    // A system without /etc/hosts need not know the name, which the library never asks for.
    if (::getaddrinfo("localhost", port.c_str(), &hints, &found) != 0 &&
        ::getaddrinfo("127.0.0.1", port.c_str(), &hints, &found) != 0)
        fail("there is no loopback address");
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses{found, &::freeaddrinfo};
    steps.end("name");
    const int first = connect_to(found);
    steps.end("tcp");
    const auto full = shake_hands(*context, first, nullptr);
    steps.end("handshake");
    exchange(full.get());
    steps.end("exchange");
    const std::unique_ptr<SSL_SESSION, decltype(&::SSL_SESSION_free)> session{::SSL_get1_session(full.get()),
                                                                              &::SSL_SESSION_free};
    ::close(first);  // the server has one connection at a time
    const int second = connect_to(found);
    steps.end("tcp_again");
    const auto resumed = shake_hands(*context, second, session.get());
    steps.end("handshake_resumed");
    if (::SSL_session_reused(resumed.get()) != 1) fail("the server did not resume the session");
    ::close(second);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 3) return 0;
    std::ifstream file{arguments[2]};
    const std::string authority{std::istreambuf_iterator<char>{file}, {}};
    const std::string_view what = count > 3 ? arguments[3] : "1";
    if (what == "steps")
        take_steps(arguments[1], authority);
    else
        invoke(arguments[1], authority, std::atoi(what.data()), count > 3);
    return 0;
}
