#include "blueprint/faas/deadline.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>

namespace deadline_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;

TEST_CASE("C6: a deadline lies ahead by its timeout and is never told longer than that") {
    const auto before = std::chrono::steady_clock::now();
    const auto deadline = deadline_after(1h);
    const auto after = std::chrono::steady_clock::now();
    CHECK((deadline >= before + 1h));
    CHECK((deadline <= after + 1h));
    CHECK((time_left(deadline) <= 1h));
    CHECK((time_left(deadline) > 0ms));
}

TEST_CASE("deadline: a timeout too long for the clock means never, and does not wrap") {
    for (const auto timeout :
         {std::chrono::milliseconds::max(), std::chrono::milliseconds{std::numeric_limits<std::int64_t>::max() / 1000}})
        CHECK((deadline_after(timeout) == Deadline::max()));
    CHECK((time_left(Deadline::max()) > std::chrono::hours{24 * 365}));
}

TEST_CASE("deadline: what has passed leaves zero, never less") {
    CHECK((time_left(Deadline{}) == 0ms));
    CHECK((time_left(deadline_after(0ms)) == 0ms));
    CHECK((time_left(deadline_after(-5s)) == 0ms));
    CHECK((time_left(Deadline::min()) == 0ms));
}

}  // namespace deadline_test
