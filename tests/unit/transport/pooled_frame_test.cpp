#include "blueprint/faas/detail/pooled_frame.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace pooled_frame_test {

namespace asio = boost::asio;
using blueprint::faas::detail::FramePool;

namespace {

asio::awaitable<int> elsewhere(int number) {
    co_await asio::post(asio::use_awaitable);
    co_return number;
}

// One that pools and calls itself, ordinary coroutines, and Asio's operations.
struct Worker {
    using pooled_frames = void;

    asio::awaitable<std::string> dig(int depth) const {
        if (depth == 0) {
            const auto number = co_await elsewhere(7);
            co_return std::to_string(number);
        }
        auto below = co_await dig(depth - 1);
        co_return below + '.';
    }
    static asio::awaitable<void> fail(Worker&) {
        co_await asio::post(asio::use_awaitable);
        throw std::runtime_error{"no"};
    }
};

template <class T>
T run(asio::awaitable<T> operation) {
    asio::io_context io;
    std::optional<T> outcome;
    asio::co_spawn(io, std::move(operation), [&](std::exception_ptr failure, T value) {
        if (failure) std::rethrow_exception(failure);
        outcome = std::move(value);
    });
    io.run();
    return std::move(outcome).value();
}

}  // namespace

TEST_CASE("pooled frames: coroutines call one another as all others do") {
    const Worker worker;
    CHECK(run(worker.dig(0)) == "7");
    CHECK(run(worker.dig(40)) == "7" + std::string(40, '.'));
}

TEST_CASE("pooled frames: an exception goes to who awaits") {
    Worker worker;
    asio::io_context io;
    std::string told;
    asio::co_spawn(io, Worker::fail(worker), [&](std::exception_ptr failure) {
        REQUIRE(failure);
        try {
            std::rethrow_exception(failure);
        } catch (const std::runtime_error& error) {
            told = error.what();
        }
    });
    io.run();
    CHECK(told == "no");
}

TEST_CASE("pooled frames: coroutines that never end are destroyed with their io_context") {
    const Worker worker;
    auto io = std::make_unique<asio::io_context>();
    bool called = false;
    asio::co_spawn(*io, worker.dig(3), [&](std::exception_ptr, const std::string&) { called = true; });
    io->run_one();
    io.reset();
    CHECK_FALSE(called);
}

TEST_CASE("pooled frames: memory is used again by the same thread, in its size") {
    auto* const small = FramePool::take(100);
    auto* const large = FramePool::take(1000);
    FramePool::give_back(large, 1000);
    FramePool::give_back(small, 100);
    CHECK(FramePool::take(128) == small);
    CHECK(FramePool::take(900) == large);
    auto* const huge = FramePool::take(100'000);  // from the heap, and back to it
    FramePool::give_back(huge, 100'000);
    std::thread{[&] {
        FramePool::give_back(small, 128);
        CHECK(FramePool::take(1) == small);
        FramePool::give_back(small, 1);
    }}.join();
    FramePool::give_back(large, 900);
}

}  // namespace pooled_frame_test
