#ifndef BLUEPRINT_FAAS_AUTH_IMPL_ASK_SOURCE_HPP
#define BLUEPRINT_FAAS_AUTH_IMPL_ASK_SOURCE_HPP

#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Asks a source of credentials, whose type is forgotten, for what it has. Errors begin with `whose`, such as "AWS
/// credentials", and the source's name; one that throws has failed. `timeout` is for messages: what is over when the
/// deadline has passed. `reach` and `source` outlive the coroutine.
template <class Search, class Source>
BLUEPRINT_FAAS_COLD asio::awaitable<result<Search>> ask_source(const Reach& reach, const Source& source,
                                                               std::string_view whose,
                                                               std::chrono::milliseconds timeout, Deadline deadline) {
    const std::string of = std::string{whose} + " of " + std::string{source.name};
    if (time_left(deadline).count() == 0)
        co_return Error{.code = errc::timed_out,
                        .message = of + ": the time for one fetch (" + std::to_string(timeout.count()) +
                                   " ms) was over before they were asked for",
                        .execution = Execution::not_started};
    std::optional<result<Search>> outcome;
    try {
        auto finding = source.find(reach, deadline);
        outcome = co_await std::move(finding);
    } catch (const std::exception& thrown) {
        outcome = Error{.code = errc::infrastructure, .message = thrown.what()};
    }
    if (*outcome) co_return *std::move(outcome);
    Error error = std::move(*outcome).error();
    error.message.insert(0, of + ": ");
    error.execution = Execution::not_started;
    co_return error;
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
