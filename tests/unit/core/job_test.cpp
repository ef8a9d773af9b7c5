#include "blueprint/faas/job.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <sstream>
#include <type_traits>
#include <unordered_set>

namespace job_test {

using namespace blueprint::faas;

namespace {

template <class T>
constexpr bool converts_to_job_id = std::is_convertible_v<T, JobId>;

}  // namespace

TEST_CASE("C1: a job id beyond 32 bits is refused, not cut") {
    for (const std::uint64_t number :
         {std::uint64_t{1} << 32, (std::uint64_t{1} << 32) + 7, std::numeric_limits<std::uint64_t>::max()}) {
        CAPTURE(number);
        const auto id = JobId::from(number);
        REQUIRE(id.has_error());
        CHECK(id.error().code == errc::invalid_configuration);
        CHECK(id.error().execution == Execution::not_started);
        CHECK(id.error().message.find(std::to_string(number)) != std::string::npos);
        CHECK(id.error().message.find("4294967295") != std::string::npos);
    }
}

TEST_CASE("C1: a negative number is refused, not wrapped") {
    const auto id = JobId::from(-1);
    REQUIRE(id.has_error());
    CHECK(id.error().message.find("-1") != std::string::npos);
}

TEST_CASE("C1: job 256 stays job 256, and the greatest id is 4294967295") {
    for (const std::uint64_t number : {0U, 255U, 256U, 65536U, 4294967295U}) {
        CAPTURE(number);
        const auto id = JobId::from(number);
        REQUIRE(id.has_value());
        CHECK(id->value() == number);
    }
}

TEST_CASE("C1: wider integers, characters, booleans and fractions do not become a job id by themselves") {
    static_assert(converts_to_job_id<std::uint8_t>);
    static_assert(converts_to_job_id<std::uint32_t>);
    static_assert(!converts_to_job_id<bool>);
    static_assert(!converts_to_job_id<double>);
    // A constant of a signed or wider type is checked by the compiler.
    constexpr JobId from_literal = 7;
    constexpr JobId from_wide = 4294967295ULL;
    static_assert(from_literal.value() == 7);
    static_assert(from_wide.value() == 4294967295U);
    CHECK(from_literal != from_wide);
}

TEST_CASE("job: ids compare and hash by their number, and print as it") {
    CHECK(JobId{1U} < JobId{2U});
    CHECK(JobId{3U} == JobId{3U});
    const std::unordered_set<JobId> ids{JobId{1U}, JobId{1U}, JobId{2U}};
    CHECK(ids.size() == 2);
    std::ostringstream out;
    out << JobId{4294967295U};
    CHECK(out.str() == "4294967295");
}

TEST_CASE("C2: call and result carry metadata, in order, each name once") {
    JobCall call{.job_id = JobId{1U}, .metadata = {{"traceparent", "00-a-b-01"}, {"x-request-id", "1"}}};
    call.metadata.set("x-request-id", "2");
    call.metadata.set("tenant", "");
    const JobResult answer{.job_id = call.job_id, .metadata = call.metadata};
    CHECK(answer.metadata.size() == 3);
    CHECK((answer.metadata.get("x-request-id") == "2"));
    CHECK((answer.metadata.get("tenant") == ""));
    CHECK(!answer.metadata.get("X-Request-Id").has_value());
    std::string names;
    for (const auto& [name, value] : answer.metadata) names += name + ' ';
    CHECK(names == "traceparent x-request-id tenant ");
    CHECK((answer.metadata == call.metadata));
}

TEST_CASE("job: a repeated name in a list keeps its first place and its last value") {
    const Metadata metadata{{"a", "1"}, {"b", "2"}, {"a", "3"}};
    CHECK((metadata == Metadata{{"a", "3"}, {"b", "2"}}));
}

TEST_CASE("C4: a failed job is not an empty success") {
    const JobResult failed{.outcome = Error{.code = errc::function_error, .message = "divided by zero"}};
    const JobResult empty{.outcome = Bytes{}};
    CHECK(!failed.succeeded());
    CHECK(failed.outcome.error().code == errc::function_error);
    CHECK(empty.succeeded());
    CHECK(empty.outcome->empty());
    CHECK_THROWS_AS(static_cast<void>(failed.outcome.value()), FaasException);
}

TEST_CASE("C6: a call says how long it may take and whether it may be sent twice, and assumes neither") {
    const JobCall call{.job_id = JobId{1U}};
    CHECK(!call.timeout.has_value());
    CHECK(!call.idempotent);
}

}  // namespace job_test
