#include "blueprint/faas/config.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <ostream>
#include <string_view>
#include <type_traits>

namespace config_test {

using namespace blueprint::faas;

TEST_CASE("config: the defaults are 512 MiB, 300 s, an empty environment and no instance kept warm") {
    const FaasConfig config{};
    CHECK(config.memory_mib == 512);
    CHECK((config.timeout == std::chrono::seconds{300}));
    CHECK(config.env_vars.empty());
    CHECK(!config.max_concurrency.has_value());
    CHECK(config.keep_warm == 0);
}

TEST_CASE("config: environment values are secrets, found by a view of their name") {
    static_assert(std::is_same_v<decltype(FaasConfig::env_vars)::mapped_type, Secret>);
    const FaasConfig config{.env_vars = {{"TOKEN", "hunter2"}, {"MODE", "fast"}}};
    const auto found = config.env_vars.find(std::string_view{"TOKEN"});
    REQUIRE(found != config.env_vars.end());
    CHECK(found->second.reveal() == "hunter2");
}

}  // namespace config_test
