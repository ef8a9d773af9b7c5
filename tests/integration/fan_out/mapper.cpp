// The program that the fan-out tests kill: maps job 1 over 0 ... TOTAL-1 on the platform that listens on PORT.
//
//     mapper PORT RESUME_FILE TOTAL plain|idempotent
//
// Each call is one connection: it sends "N\n", the platform runs the job and answers with a byte. Prints the counts at
// the end, and for each input whose fate is unknown "unknown N".
#include <blueprint/faas/map.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <iostream>
#include <ranges>
#include <string>

namespace asio = boost::asio;
namespace faas = blueprint::faas;

namespace {

class SocketExecutor {
public:
    SocketExecutor(asio::io_context& io, unsigned short port)
        : io_{&io}, platform_{asio::ip::make_address("127.0.0.1"), port} {}

    static constexpr std::string_view provider_name() noexcept { return "socket"; }
    asio::any_io_executor get_executor() { return io_->get_executor(); }
    asio::awaitable<faas::result<faas::JobResult>> invoke(faas::JobCall call) {
        auto done = co_await invoke_with_metrics(std::move(call));
        if (!done) co_return std::move(done).error();
        co_return std::move(done->result);
    }
    asio::awaitable<faas::result<faas::Invocation>> invoke_with_metrics(faas::JobCall call) {
        faas::Error error{.code = faas::errc::infrastructure, .message = "no connection"};
        error.execution = faas::Execution::not_started;
        asio::ip::tcp::socket socket{co_await asio::this_coro::executor};
        const auto [refused] = co_await socket.async_connect(platform_, asio::as_tuple(asio::use_awaitable));
        if (refused) co_return error;
        error.execution = faas::Execution::unknown;
        const auto request = asio::buffer(call.args);
        const auto [unsent, sent] = co_await asio::async_write(socket, request, asio::as_tuple(asio::use_awaitable));
        if (unsent) co_return error;
        faas::Bytes answer(1);
        const auto room = asio::buffer(answer);
        const auto [unread, got] = co_await asio::async_read(socket, room, asio::as_tuple(asio::use_awaitable));
        if (unread) co_return error;
        faas::Invocation done;
        done.result.outcome = std::move(answer);
        co_return done;
    }

private:
    asio::io_context* io_;
    asio::ip::tcp::endpoint platform_;
};

asio::awaitable<int> run(SocketExecutor& executor, faas::MapOptions options, int total) {
    auto inputs = std::views::iota(0, total) | std::views::transform([](int n) { return std::to_string(n) + '\n'; });
    auto stream = faas::map(executor, faas::JobId{1}, inputs, std::move(options));
    for (;;) {
        auto next = co_await stream.next();
        if (!next) {
            std::cout << "error " << next.error() << '\n';
            co_return 1;
        }
        if (!*next) break;
        const auto& done = **next;
        if (!done.value && done.value.error().execution == faas::Execution::unknown)
            std::cout << "unknown " << done.index << '\n';
    }
    const auto progress = stream.progress();
    std::cout << "succeeded " << progress.succeeded << "\nresumed " << progress.resumed << "\nfailed "
              << progress.failed << '\n';
    co_return 0;
}

}  // namespace

int main(int, char** argv) {
    const bool idempotent = std::string{argv[4]} == "idempotent";
    asio::io_context io;
    SocketExecutor executor{io, static_cast<unsigned short>(std::stoi(argv[1]))};
    faas::MapOptions options{.in_flight = 8, .idempotent = idempotent, .run_id = "killed"};
    options.resume = faas::ResumeOptions{.path = argv[2]};
    int status = 2;
    asio::co_spawn(io, run(executor, std::move(options), std::stoi(argv[3])),
                   [&](std::exception_ptr failure, int ended) {
                       if (failure) std::rethrow_exception(failure);
                       status = ended;
                   });
    io.run();
    return status;
}
