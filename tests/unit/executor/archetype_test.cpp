#include "archetype/policies.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/executor.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

namespace archetype_test {

using namespace blueprint::faas;

TEST_CASE("archetypes: the executor needs no more of its policies than their concepts say") {
    asio::io_context io;
    FaasExecutor<archetype::Transport, archetype::Auth, archetype::Codec, archetype::Resilience> executor{
        archetype::Transport{io.get_executor()}, archetype::Auth{}, archetype::Codec{}, archetype::Resilience{}};
    CHECK(tests::run(io, executor.invoke({.job_id = 1})).has_value());
}

TEST_CASE("archetypes: the custom codec needs no more than the concepts say") {
    asio::io_context io;
    FaasExecutor<archetype::Transport, archetype::Auth, CustomCodec<archetype::Format>, archetype::Resilience> executor{
        archetype::Transport{io.get_executor()}, archetype::Auth{},
        CustomCodec<archetype::Format>{{.base_url = "https://a.example"}}, archetype::Resilience{}};
    CHECK(tests::run(io, executor.invoke({.job_id = 0})).has_value());
    CHECK(tests::run(io, executor.get_deployment(0)).has_value());
    CHECK(tests::run(io, executor.undeploy_job(0)).has_value());
    CHECK(tests::run(io, executor.warm(0)).has_value());
    CHECK(tests::run(io, executor.health_check(0)).has_value());
}

}  // namespace archetype_test
