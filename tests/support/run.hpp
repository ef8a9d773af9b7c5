#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_RUN_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_RUN_HPP

#include "blueprint/faas/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <optional>
#include <utility>

namespace tests {

/// Runs one operation to its end on `io` and returns its outcome.
template <class T>
T run(boost::asio::io_context& io, boost::asio::awaitable<T> operation) {
    std::optional<T> outcome;
    boost::asio::co_spawn(io, std::move(operation), [&](std::exception_ptr failure, T value) {
        if (failure) std::rethrow_exception(failure);
        outcome.emplace(std::move(value));
    });
    io.restart();
    io.run();
    REQUIRE(outcome.has_value());
    return std::move(*outcome);
}

/// Runs one operation to its end on `io`, where others, such as servers, go on.
template <class T>
T run_beside(boost::asio::io_context& io, boost::asio::awaitable<T> operation) {
    std::optional<T> outcome;
    boost::asio::co_spawn(io, std::move(operation), [&](std::exception_ptr failure, T value) {
        if (failure) std::rethrow_exception(failure);
        outcome.emplace(std::move(value));
    });
    io.restart();
    while (!outcome && io.run_one() != 0) {
    }
    REQUIRE(outcome.has_value());
    return std::move(*outcome);
}

/// Returns the value of a result, or fails the test with the error's text.
template <class T>
T ok(blueprint::faas::result<T> outcome) {
    if (!outcome) FAIL(outcome.error().message);
    return std::move(outcome).value();
}

/// Returns the error of a result that must have failed.
template <class T>
blueprint::faas::Error failed(blueprint::faas::result<T> outcome) {
    REQUIRE_MESSAGE(outcome.has_error(), "it succeeded, but should have failed");
    return std::move(outcome).error();
}

}  // namespace tests

#endif
