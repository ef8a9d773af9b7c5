#include "blueprint/faas/error.hpp"

#include "blueprint/faas/metrics.hpp"

#include <boost/system/result.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace error_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;

TEST_CASE("C5: an error carries status, provider, platform code, request id, retryable and wait") {
    const Error error{.code = errc::throttled,
                      .message = "invoking job 3 was refused: the account's limit is reached; wait and call again",
                      .provider = "AWS Lambda",
                      .http_status = 429,
                      .platform_code = "TooManyRequestsException",
                      .request_id = "b1",
                      .retryable = true,
                      .retry_after = 1500ms,
                      .execution = Execution::not_started};
    const result<int> answer = error;
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == errc::throttled);
    CHECK(answer.error().provider == "AWS Lambda");
    CHECK(answer.error().http_status == 429);
    CHECK(answer.error().platform_code == "TooManyRequestsException");
    CHECK(answer.error().request_id == "b1");
    CHECK(answer.error().retryable);
    CHECK((answer.error().retry_after == 1500ms));
    CHECK((answer.error().execution == Execution::not_started));
}

TEST_CASE("C5: an error of which nothing is known claims nothing") {
    const Error error{};
    CHECK(!error.code.failed());
    CHECK(error.http_status == 0);
    CHECK(!error.retryable);
    CHECK(!error.retry_after.has_value());
    CHECK((error.execution == Execution::unknown));
    CHECK(error.metrics == nullptr);
}

TEST_CASE("C5: printed, an error is one line with all that the platform's support asks for") {
    std::ostringstream full;
    full << Error{.code = errc::function_error,
                  .message = "job 2 ended with exit status 3",
                  .provider = "Custom HTTP",
                  .http_status = 502,
                  .platform_code = "FUNCTION_ERROR",
                  .request_id = "r-9"};
    CHECK(full.str() ==
          "function error (Custom HTTP): job 2 ended with exit status 3 [HTTP 502] [FUNCTION_ERROR] [request r-9]");
    std::ostringstream bare;
    bare << Error{.code = errc::cancelled, .message = "cancelled between two attempts"};
    CHECK(bare.str() == "cancelled: cancelled between two attempts");
}

TEST_CASE("error: every kind has words of its own") {
    const auto& category = faas_category();
    CHECK(std::string{category.name()} == "blueprint.faas");
    std::string seen = "|";
    for (int value = static_cast<int>(errc::invocation_failed); value <= static_cast<int>(errc::cancelled); ++value) {
        CAPTURE(value);
        const auto words = category.message(value);
        CHECK(words != "unknown error");
        CHECK(seen.find('|' + words + '|') == std::string::npos);
        seen += words + '|';
    }
    CHECK(category.message(0) == "unknown error");
    CHECK(category.message(static_cast<int>(errc::cancelled) + 1) == "unknown error");
}

TEST_CASE("error: an errc becomes an error_code of the library's category and compares with it") {
    const boost::system::error_code code = errc::timed_out;
    CHECK((code.category() == faas_category()));
    CHECK(code == errc::timed_out);
    CHECK(code != errc::cancelled);
    CHECK(code.failed());
    CHECK((code != boost::system::error_code{static_cast<int>(errc::timed_out), boost::system::system_category()}));
}

TEST_CASE("error: value() of a failed result throws the error itself") {
    const result<int> failed = Error{.code = errc::not_found, .message = "job 9 is not deployed", .request_id = "r-1"};
    try {
        static_cast<void>(failed.value());
        FAIL("value() of a failed result returned");
    } catch (const FaasException& thrown) {
        CHECK(std::string{thrown.what()} == "job 9 is not deployed");
        CHECK(thrown.error().code == errc::not_found);
        CHECK(thrown.error().request_id == "r-1");
    }
}

TEST_CASE("error: what was measured of a failed call travels with its copies") {
    auto metrics = std::make_shared<FaasMetrics>();
    metrics->attempts = 4;
    const Error error{.code = errc::timed_out, .metrics = metrics};
    const Error copy = error;
    REQUIRE(copy.metrics != nullptr);
    CHECK(copy.metrics->attempts == 4);
}

// Counts the objects that live, and throws when it is told to.
struct Counted {
    Counted() { ++alive; }
    Counted(const Counted&) {
        if (throws) throw std::runtime_error{"no copy"};
        ++alive;
    }
    ~Counted() { --alive; }
    Counted& operator=(const Counted&) = default;
    static inline int alive = 0;
    static inline bool throws = false;
};

TEST_CASE("error: a result has Boost's type and interface, and says of itself what it can do") {
    static_assert(std::is_same_v<result<int>, boost::system::result<int, Error>>);
    static_assert(std::is_same_v<result<int>::error_type, Error> && std::is_same_v<result<void>::value_type, void>);
    static_assert(std::is_nothrow_move_constructible_v<result<std::string>>);
    static_assert(std::is_copy_constructible_v<result<std::string>>);
    static_assert(!std::is_copy_constructible_v<result<std::unique_ptr<int>>>);
    static_assert(!std::is_copy_assignable_v<result<std::unique_ptr<int>>>);
    static_assert(std::is_constructible_v<result<std::string>, std::size_t, char>);
    static_assert(!std::is_convertible_v<std::size_t, result<std::vector<int>>>);  // as explicit as the vector's own
    static_assert(std::is_constructible_v<result<std::vector<int>>, std::size_t>);
    struct Undefaulted {
        explicit Undefaulted(int) {}
    };
    static_assert(!std::is_default_constructible_v<result<Undefaulted>>);

    result<std::string> text;
    REQUIRE(text.has_value());
    CHECK(text->empty());
    text = std::string{"seven"};
    CHECK(*text == "seven");
    CHECK(text.value() == "seven");
    CHECK(text.unsafe_value() == "seven");
    CHECK(std::as_const(text).unsafe_value() == "seven");
    CHECK(result<std::string>{text}.unsafe_value() == "seven");
    result<void>{}.unsafe_value();
    CHECK(text.error().message.empty());
    text.emplace(3U, 'x');
    CHECK(*std::move(text) == "xxx");
    const result<std::string> tagged{boost::system::in_place_error, Error{.code = errc::conflict, .message = "taken"}};
    CHECK(tagged.operator->() == nullptr);
    CHECK(tagged.error().message == "taken");
    std::ostringstream shown;
    shown << result<int>{5} << ' ' << result<void>{};
    CHECK(shown.str() == "value:5 value:void");
}

TEST_CASE("error: results of other types are taken over, with value or error") {
    const result<const char*> word = "ab";
    CHECK(*result<std::string>{word} == "ab");
    const result<const char*> failed = Error{.code = errc::throttled, .message = "wait"};
    CHECK(result<std::string>{failed}.error().message == "wait");
    result<std::unique_ptr<int>> number{std::make_unique<int>(4)};
    const result<std::shared_ptr<int>> shared = std::move(number);
    CHECK(**shared == 4);
}

TEST_CASE("error: a result changes between value and error, is copied, moved and swapped, and leaves nothing behind") {
    {
        result<Counted> one;
        result<Counted> other = one;
        CHECK(Counted::alive == 2);
        other = Error{.code = errc::cancelled, .message = "gone"};
        CHECK(Counted::alive == 1);
        swap(one, other);
        CHECK(one.error().message == "gone");
        CHECK(other.has_value());
        const auto taken = std::move(one).error();
        CHECK(taken.message == "gone");
        one = other;
        CHECK(one.has_value());
        const auto& same = one;
        one = same;
        CHECK(Counted::alive == 2);
    }
    CHECK(Counted::alive == 0);

    result<void> done;
    CHECK(done.has_value());
    done.value();
    done = Error{.code = errc::timed_out, .message = "late"};
    const auto copy = done;
    done.emplace();
    CHECK(done.has_value());
    CHECK(copy.error().message == "late");
    CHECK_THROWS_AS(copy.value(), FaasException);
}

TEST_CASE("error: a value that throws while it is assigned leaves a result that can be used") {
    {
        result<Counted> kept = Error{.code = errc::conflict, .message = "before"};
        const result<Counted> source;
        Counted::throws = true;
        CHECK_THROWS_AS(kept = source, std::runtime_error);
        Counted::throws = false;
        CHECK(kept.error().message == "before");
        Counted::throws = true;
        CHECK_THROWS_AS(kept.emplace(*source), std::runtime_error);
        Counted::throws = false;
        CHECK(kept.has_error());
        kept = source;
        CHECK(kept.has_value());
    }
    CHECK(Counted::alive == 0);
}

}  // namespace error_test
