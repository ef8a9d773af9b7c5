// Contract 1.1 between our client and our platform: nothing is lost and nothing runs twice, also when connections
// break.
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "support/run.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::ok;

namespace {

// Stands between client and platform and breaks a connection once the whole request has reached the platform.
class Cutter {
public:
    enum class When { request_sent, answer_begun };

    Cutter(asio::io_context& io, std::uint16_t behind) : state_{std::make_shared<State>(io, behind)} {
        asio::co_spawn(io, listen(state_), asio::detached);
    }
    Cutter(const Cutter&) = delete;
    Cutter& operator=(const Cutter&) = delete;
    ~Cutter() {
        boost::system::error_code ignored;
        state_->acceptor.close(ignored);
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(state_->acceptor.local_endpoint().port()); }
    /// Breaks the next `count` connections on which a call of a job is made.
    void cut(unsigned count, When when) {
        state_->cuts = count;
        state_->when = when;
    }
    unsigned left() const { return state_->cuts; }

private:
    using tcp = asio::ip::tcp;
    struct State {
        State(asio::io_context& io, std::uint16_t port)
            : acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}}, behind{port} {}
        tcp::acceptor acceptor;
        std::uint16_t behind;
        unsigned cuts = 0;
        When when = When::answer_begun;
    };
    struct Pair {
        explicit Pair(tcp::socket from) : client{std::move(from)}, platform{client.get_executor()} {}
        void close() {
            boost::system::error_code ignored;
            client.set_option(asio::socket_base::linger{true, 0}, ignored);
            client.close(ignored);
            platform.close(ignored);
        }
        tcp::socket client;
        tcp::socket platform;
        bool doomed = false;
    };

    static asio::awaitable<void> listen(std::shared_ptr<State> state) {
        for (;;) {
            auto [refused, socket] = co_await state->acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            if (refused) co_return;
            auto pair = std::make_shared<Pair>(std::move(socket));
            const tcp::endpoint platform{asio::ip::address_v4::loopback(), state->behind};
            const auto [unreachable] =
                co_await pair->platform.async_connect(platform, asio::as_tuple(asio::use_awaitable));
            if (unreachable) continue;
            asio::co_spawn(state->acceptor.get_executor(), up(state, pair), asio::detached);
            asio::co_spawn(state->acceptor.get_executor(), down(pair), asio::detached);
        }
    }
    static asio::awaitable<void> up(std::shared_ptr<State> state, std::shared_ptr<Pair> pair) {
        char piece[16384];
        for (;;) {
            const auto space = asio::buffer(piece);
            const auto [ended, size] =
                co_await pair->client.async_read_some(space, asio::as_tuple(asio::use_awaitable));
            if (ended) break;
            const std::string_view text{piece, size};  // our calls here fit one piece
            if (state->cuts > 0 && text.find("/invoke HTTP/1.1") != std::string_view::npos) {
                --state->cuts;
                pair->doomed = true;
            }
            const auto data = asio::buffer(piece, size);
            const auto [broken, sent] =
                co_await asio::async_write(pair->platform, data, asio::as_tuple(asio::use_awaitable));
            if (broken || (pair->doomed && state->when == When::request_sent)) break;
        }
        pair->close();
    }
    static asio::awaitable<void> down(std::shared_ptr<Pair> pair) {
        char piece[16384];
        for (;;) {
            const auto space = asio::buffer(piece);
            const auto [ended, size] =
                co_await pair->platform.async_read_some(space, asio::as_tuple(asio::use_awaitable));
            if (ended || pair->doomed) break;
            const auto data = asio::buffer(piece, size);
            const auto [broken, sent] =
                co_await asio::async_write(pair->client, data, asio::as_tuple(asio::use_awaitable));
            if (broken) break;
        }
        pair->close();
    }

    std::shared_ptr<State> state_;
};

class World {
public:
    explicit World(bool strict_1_0 = false) {
        local::CloudOptions options;
        options.strict_1_0 = strict_1_0;
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
        const auto url = cloud->url();
        cutter.emplace(io, static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        cutter.reset();
        bool over = false;
        asio::co_spawn(io, cloud->stop(), [&over](std::exception_ptr) { over = true; });
        if (io.stopped()) io.restart();
        while (!over && io.run_one() != 0) {
        }
    }

    template <class T>
    T run(asio::awaitable<T> operation) {
        return tests::run_beside(io, std::move(operation));
    }
    auto executor(CustomOptions options = {}) {
        options.base_url = cutter->url();
        return ok(custom::create(LoopbackTransport{io.get_executor()}, std::move(options)));
    }
    std::uint64_t invocations(JobId id) {
        auto plain = executor();
        return ok(run(plain.health_check(id))).total_invocations.value_or(0);
    }

    asio::io_context io{1};
    std::optional<local::Cloud> cloud{};
    std::optional<Cutter> cutter{};
};

// A function that takes `seconds` and answers differently whenever it runs.
Package random_function(const std::string& seconds = "0") {
    const std::string script =
        "#!/bin/sh\ncat > /dev/null; sleep " + seconds +
        "; printf '{\"result\":['; dd if=/dev/urandom bs=16 count=1 2>/dev/null | od -An -v -tu1 | "
        "tr -s ' \\n' ',,' | sed 's/^,//; s/,$//'; printf ']}\\n'\n";
    PackageOptions options;
    options.allow_script = true;
    return ok(Package::from_binary(Bytes{script.begin(), script.end()}, options));
}

}  // namespace

TEST_CASE("custom 1.1: with idempotency keys a call whose answer was lost runs exactly once and is answered") {
    for (const auto keys : {IdempotencyKeys::always, IdempotencyKeys::if_announced}) {
        World world;
        auto executor = world.executor({.idempotency_keys = keys});
        ok(world.run(executor.deploy_job(0, random_function(), {})));
        std::set<Bytes> results;
        for (unsigned call = 0; call < 5; ++call) {
            world.cutter->cut(call % 3, Cutter::When::answer_begun);
            const auto done = ok(world.run(executor.invoke({.job_id = 0, .args = {1}})));
            CHECK(world.cutter->left() == 0);
            results.insert(*done.outcome);
        }
        CHECK(results.size() == 5);  // no call got another one's answer
        CHECK(world.invocations(0) == 5);
    }
}

TEST_CASE("custom 1.1: a call that is repeated while it still runs is the same call") {
    World world;
    auto executor = world.executor({.idempotency_keys = IdempotencyKeys::always});
    ok(world.run(executor.deploy_job(0, random_function("1"), {})));
    world.cutter->cut(2, Cutter::When::request_sent);
    ok(world.run(executor.invoke({.job_id = 0, .args = {1}})));
    CHECK(world.cutter->left() == 0);
    CHECK(world.invocations(0) == 1);
}

TEST_CASE(
    "custom 1.1: without a key the fate of a call whose answer was lost is told as unknown, and it is not repeated") {
    World world;
    auto executor = world.executor();
    ok(world.run(executor.deploy_job(0, random_function(), {})));
    world.cutter->cut(1, Cutter::When::answer_begun);
    const auto error = failed(world.run(executor.invoke({.job_id = 0, .args = {1}})));
    CHECK(error.code == errc::infrastructure);
    CHECK(error.execution == Execution::unknown);
    CHECK(world.invocations(0) == 1);
    world.cutter->cut(1, Cutter::When::answer_begun);
    ok(world.run(executor.invoke({.job_id = 0, .args = {1}, .idempotent = true})));
    CHECK(world.invocations(0) == 3);  // who declares a job idempotent gets it twice
}

TEST_CASE("custom 1.1: the caller's own key answers later calls too; another body is a conflict") {
    World world;
    auto executor = world.executor({.idempotency_keys = IdempotencyKeys::if_announced});
    ok(world.run(executor.deploy_job(0, random_function(), {})));
    const Metadata key{{"idempotency-key", "order-77"}};
    const auto first = ok(world.run(executor.invoke({.job_id = 0, .args = {1}, .metadata = key})));
    const auto again = ok(world.run(executor.invoke({.job_id = 0, .args = {1}, .metadata = key})));
    CHECK((*first.outcome == *again.outcome));
    const auto reused = failed(world.run(executor.invoke({.job_id = 0, .args = {2}, .metadata = key})));
    CHECK(reused.code == errc::conflict);
    CHECK(reused.platform_code == "KEY_REUSED");
    CHECK(world.invocations(0) == 1);
}

TEST_CASE("custom 1.1: an asynchronous call is taken at once and run") {
    World world;
    auto executor = world.executor();
    ok(world.run(executor.deploy_job(0, random_function("0.3"), {})));
    const auto receipt = ok(world.run(executor.invoke_async({.job_id = 0, .args = {1}})));
    CHECK_FALSE(receipt.invocation_id.empty());
    CHECK_FALSE(receipt.completed);
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (world.invocations(0) == 0 && std::chrono::steady_clock::now() < end) world.io.run_one_for(20ms);
    CHECK(world.invocations(0) == 1);
    CHECK(failed(world.run(executor.invoke_async({.job_id = 9}))).code == errc::not_found);
}

TEST_CASE("custom 1.1: the platform lists our jobs and describes itself; one of 1.0 does neither") {
    World world;
    auto executor = world.executor();
    auto team = world.executor({.prefix = "team"});
    CHECK(ok(world.run(executor.list_deployments())).empty());
    ok(world.run(executor.deploy_job(7, random_function(), {.memory_mib = 192})));
    ok(world.run(executor.deploy_job(4294967295, random_function(), {})));
    ok(world.run(team.deploy_job(1, random_function(), {})));
    const auto all = ok(world.run(executor.list_deployments()));
    std::set<JobId> jobs;
    for (const auto& one : all) jobs.insert(one.job_id);
    CHECK((jobs == std::set<JobId>{JobId{7}, JobId{4294967295}}));
    CHECK(ok(world.run(team.list_deployments())).size() == 1);
    const auto told = ok(world.run(executor.describe_platform()));
    CHECK(told.spec == "1.1");
    for (const std::string feature :
         {"replace", "base64", "binary", "async", "list", "idempotency", "warm-count", "loop"}) {
        CAPTURE(feature);
        CHECK(told.has(feature));
    }
    CHECK(told.limit("request_bytes") == 6U << 20);
    CHECK(told.limit("memory_mb.max") == 10240);

    World strict{true};
    auto old = strict.executor({.idempotency_keys = IdempotencyKeys::if_announced});
    CHECK(failed(strict.run(old.list_deployments())).code == errc::unsupported);
    CHECK(ok(strict.run(old.describe_platform())).spec == "1.0");
    ok(strict.run(old.deploy_job(0, random_function(), {})));
    ok(strict.run(old.invoke({.job_id = 0, .args = {1}})));
    CHECK(failed(strict.run(old.invoke_async({.job_id = 0}))).code == errc::unsupported);
    strict.cutter->cut(1, Cutter::When::answer_begun);
    CHECK(failed(strict.run(old.invoke({.job_id = 0, .args = {1}}))).execution == Execution::unknown);
    CHECK(strict.invocations(0) == 2);
}

TEST_CASE("custom 1.1: strictly 1.0 our client drives a platform that has all of 1.1") {
    World world;
    auto executor = world.executor({.strict_1_0 = true});
    ok(world.run(executor.deploy_job(0, random_function(), {})));
    CHECK_FALSE(ok(world.run(executor.deploy_job(0, random_function(), {}))).unchanged);
    ok(world.run(executor.invoke({.job_id = 0, .args = {1}})));
    CHECK(ok(world.run(executor.warm(0, 1))).supported);
    CHECK(world.run(executor.undeploy_job(0)).has_value());
}
