// A job is a number with bytes in and bytes out. Here are three of them, run in this process: no platform, no network.
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/payload_json.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>

namespace asio = boost::asio;
namespace faas = blueprint::faas;

// Any function can be a job: its arguments and its result become bytes by their types. Integers are little-endian.
std::uint64_t square(std::uint64_t x) { return x * x; }

// A struct that Boost.Describe knows travels as JSON text. A result<T> may be a failure.
struct Point {
    double x = 0;
    double y = 0;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, y))

faas::result<double> bearing(const Point& at) {
    if (at.x == 0 && at.y == 0) return faas::Error{.message = "the origin has no bearing"};
    return std::atan2(at.y, at.x);
}

// A coroutine can wait without holding up anything else.
asio::awaitable<std::string> greet_slowly(std::string name) {
    asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{10}};
    co_await timer.async_wait(asio::use_awaitable);
    co_return "hello, " + name;
}

// A type names each: job 0 is `square`. Two jobs with one number do not compile.
using Square = faas::Job<0, &square>;
using Bearing = faas::Job<1, &bearing>;
using Greet = faas::Job<2, &greet_slowly>;
using Jobs = faas::JobSet<Square, Bearing, Greet>;

// Runs a call and reads its result by the type of the job, so nothing can be mixed up.
template <class J>
asio::awaitable<void> show(Jobs jobs, faas::JobCall call) {
    faas::JobResult answer{.job_id = call.job_id};
    answer.outcome = co_await jobs.run(std::move(call));
    if (const auto value = faas::decode_result<J>(answer))
        std::cout << "job " << J::id << " gives " << *value << '\n';
    else
        std::cout << "job " << J::id << " failed: " << value.error() << '\n';
}

asio::awaitable<void> run_all() {
    const Point north{.x = 0, .y = 1};
    const Point origin{};
    const faas::JobCall foreign{.job_id = 0, .args = {1, 2, 3}};  // from elsewhere: three bytes are no 64-bit integer
    const Jobs jobs;
    co_await show<Square>(jobs, faas::make_call<Square>(12));
    co_await show<Bearing>(jobs, faas::make_call<Bearing>(north));
    co_await show<Bearing>(jobs, faas::make_call<Bearing>(origin));
    co_await show<Greet>(jobs, faas::make_call<Greet>("world"));
    co_await show<Square>(jobs, foreign);
}

int main() {
    asio::io_context io;
    asio::co_spawn(io, run_all(), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    io.run();
}
