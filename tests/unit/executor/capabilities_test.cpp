#include "blueprint/faas/capabilities.hpp"

#include "archetype/policies.hpp"
#include "blueprint/faas/codec/aws_lambda.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/executor.hpp"

#include <doctest/doctest.h>

namespace capabilities_test {

using namespace blueprint::faas;

TEST_CASE("capabilities: a codec that can only invoke, and declares nothing, promises nothing") {
    using Poorest = FaasExecutor<archetype::Transport, archetype::Auth, archetype::Codec, archetype::Resilience>;
    static_assert(capabilities_of<Poorest>() == Capabilities{});
    CHECK(capabilities_of<Poorest>() == Capabilities{});
}

TEST_CASE("capabilities: they are those of the codec, over whatever link, and known to the compiler") {
    using Lambda = FaasExecutor<InMemoryTransport, NoAuth, LambdaCodec<>>;
    constexpr auto lambda = capabilities_of<Lambda>();
    static_assert(lambda == capabilities_of_codec<LambdaCodec<>>());
    static_assert(lambda.invoke_async && lambda.invoke_streaming && lambda.roll_back &&
                  lambda.facts.metrics.billed_duration);
    static_assert(!lambda.describe && !lambda.release);
    CHECK(lambda.facts.queued_call_bytes < lambda.facts.call_bytes);
}

TEST_CASE("capabilities: a layout that lacks operations lacks them here too") {
    constexpr auto whole = capabilities_of_codec<CustomCodec<>>();
    constexpr auto bare = capabilities_of_codec<CustomCodec<JsonBytes, BareLayout>>();
    CHECK(whole.deploy);
    CHECK(whole.invoke_async);
    CHECK(whole.facts.honours_idempotency_keys);
    CHECK(bare.health);
    CHECK_FALSE(bare.deploy);
    CHECK_FALSE(bare.undeploy);
    CHECK_FALSE(bare.warm);
    CHECK_FALSE(bare.invoke_async);
    CHECK_FALSE(bare.list);
    CHECK_FALSE(bare.facts.honours_idempotency_keys);
    CHECK(bare.facts.call_bytes == whole.facts.call_bytes);
}

}  // namespace capabilities_test
