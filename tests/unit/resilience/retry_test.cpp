#include "blueprint/faas/resilience/retry.hpp"

#include "blueprint/faas/resilience/standard.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>

namespace retry_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using Wait = std::optional<std::chrono::milliseconds>;

TEST_CASE("retry: waits double up to the limit, then it gives up") {
    RetrySchedule schedule{{.max_attempts = 5, .first_delay = 100ms, .max_delay = 350ms}};
    const Error reset{.code = errc::infrastructure, .message = "connection reset", .retryable = true};
    for (const auto expected : {Wait{50ms}, Wait{100ms}, Wait{175ms}, Wait{175ms}, Wait{}})
        CHECK((schedule.after(reset, 0.5) == expected));
}

TEST_CASE("retry: what is not retryable is never tried again") {
    RetrySchedule schedule{{.max_attempts = 5}};
    CHECK((schedule.after(Error{.code = errc::function_error, .message = "no"}, 0.5) == Wait{}));
}

TEST_CASE("retry: the platform's wait wins over the curve") {
    RetrySchedule schedule{{.max_attempts = 3}};
    const Error throttled{.code = errc::throttled, .message = "slow", .retryable = true, .retry_after = 7s};
    CHECK((schedule.after(throttled, 0.0) == Wait{7s}));
}

TEST_CASE("retry: throttling begins with the longer wait") {
    RetrySchedule schedule{{.max_attempts = 3}};
    const Error throttled{.code = errc::throttled, .message = "slow", .retryable = true};
    CHECK((schedule.after(throttled, 0.5) == Wait{500ms}));
}

TEST_CASE("retry: many failures do not overflow the wait") {
    RetrySchedule schedule{{.max_attempts = 4'000'000}};
    const Error reset{.code = errc::infrastructure, .message = "reset", .retryable = true};
    Wait last{};
    for (int i = 0; i < 200; ++i) last = schedule.after(reset, 0.999);
    CHECK((last > Wait{19s} && last <= Wait{20s}));
}

TEST_CASE("retry: NoRetry gives up at once") {
    const NoRetry never;
    const Error error{.code = errc::infrastructure, .message = "x", .retryable = true};
    CHECK_FALSE(never.begin().after(error, Moment{}, 0.1).wait);
}

}  // namespace retry_test
