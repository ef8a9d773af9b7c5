#include "blueprint/faas/metrics.hpp"

#include "blueprint/faas/deployment.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace metrics_test {

using namespace blueprint::faas;

TEST_CASE("C9: metrics that nobody told are empty") {
    const FaasMetrics metrics{};
    CHECK(!metrics.cold_start.has_value());
    CHECK(!metrics.execution_duration.has_value());
    CHECK(!metrics.billed_duration.has_value());
    CHECK(!metrics.init_duration.has_value());
    CHECK(!metrics.queue_duration.has_value());
    CHECK(!metrics.memory_used_mib.has_value());
    CHECK(!metrics.connection_reused.has_value());
    CHECK(metrics.attempts == 1);
}

TEST_CASE("C9: a slow call does not turn into a cold one") {
    const FaasMetrics metrics{.total_duration = std::chrono::seconds{30}};
    CHECK(!metrics.cold_start.has_value());
    CHECK(!metrics.billed_duration.has_value());
}

TEST_CASE("H1: a deployment of which the platform told nothing invents no memory, timeout or cold start") {
    const FaasDeployment deployment{.job_id = JobId{4U}};
    CHECK(!deployment.memory_mib.has_value());
    CHECK(!deployment.timeout.has_value());
    CHECK(!deployment.cold_start_estimate.has_value());
    CHECK(!deployment.binary_size_bytes.has_value());
    CHECK(deployment.endpoint.empty());
    CHECK(!deployment.unchanged);
}

TEST_CASE("C12: health is a state with a reason, and nothing is healthy unless somebody said so") {
    CHECK((Health{}.state == HealthState::unknown));
    std::set<std::string_view> words;
    for (const auto state : {HealthState::healthy, HealthState::unhealthy, HealthState::deploying, HealthState::absent,
                             HealthState::unknown})
        words.insert(to_string(state));
    CHECK(words.size() == 5);
}

TEST_CASE("C13: a warm report does not count instances that the platform did not count") {
    const WarmReport report{.requested = 3};
    CHECK(report.requested == 3);
    CHECK(!report.instances.has_value());
}

}  // namespace metrics_test
