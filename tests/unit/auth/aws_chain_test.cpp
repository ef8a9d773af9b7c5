#include "blueprint/faas/auth/aws/chain.hpp"
#include "blueprint/faas/auth/aws/default_chain.hpp"
#include "support/aws_sources.hpp"
#include "support/run.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aws_chain_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::ok;
using tests::says;

namespace {

// What a source is to say, in that order (the last for ever), and what it was asked.
struct Plan {
    std::deque<result<aws::Search>> says{};
    std::vector<Deadline> asked{};
    asio::steady_timer* gate = nullptr;  // is waited for first
    bool throws = false;
};

template <char letter>
struct Source {
    static constexpr char text[] = {'s', 'o', 'u', 'r', 'c', 'e', ' ', letter, '\0'};
    static constexpr std::string_view name = text;
    std::shared_ptr<Plan> plan;

    asio::awaitable<result<aws::Search>> find(const aws::Reach&, Deadline deadline) const {
        return answer(plan, deadline);
    }
    static asio::awaitable<result<aws::Search>> answer(std::shared_ptr<Plan> plan, Deadline deadline) {
        plan->asked.push_back(deadline);
        if (plan->throws) throw std::runtime_error{"out of order"};
        if (plan->gate != nullptr) co_await plan->gate->async_wait(asio::as_tuple(asio::use_awaitable));
        auto said = plan->says.front();
        if (plan->says.size() > 1) plan->says.pop_front();
        co_return said;
    }
};
using Two = aws::Chain<Source<'a'>, Source<'b'>>;
static_assert(aws::CredentialSource<Source<'a'>>);
static_assert(aws::CredentialsProvider<Two>);

aws::Search not_here(std::string why) { return {.not_here = std::move(why)}; }

struct World : tests::SourceWorld {
    std::shared_ptr<Plan> a = std::make_shared<Plan>();
    std::shared_ptr<Plan> b = std::make_shared<Plan>();

    Two chain(aws::ChainOptions options = {}) { return Two{reach, options, Source<'a'>{a}, Source<'b'>{b}}; }
    aws::Search found(const std::string& key, std::optional<std::chrono::milliseconds> life = {}) const {
        aws::TimedCredentials timed{.credentials = {.access_key_id = key, .secret_access_key = "wJalrXUtnFEMI/" + key}};
        if (life) timed.expires = around.time + *life;
        aws::Search search;
        search.found = std::move(timed);
        return search;
    }
    template <class Chain>
    result<std::string> get(Chain& chain, std::chrono::milliseconds within = 60s) {
        auto given = tests::run(io, chain.get(deadline_after(within)));
        if (!given) return std::move(given).error();
        return (*given)->access_key_id;
    }
    template <class Chain>
    Error failed(Chain& chain) {
        return tests::failed_quietly(get(chain));
    }
    // Says what is there without waiting, and lets a refresh that this began run to its end.
    template <class Chain>
    std::string ready(Chain& chain) {
        const auto given = chain.ready();
        io.restart();
        io.run();
        return given ? given->access_key_id : "(none)";
    }
};

Error broken(std::string message = "it is broken") {
    return {.code = errc::infrastructure, .message = std::move(message), .retryable = true};
}

}  // namespace

TEST_CASE(
    "aws chain: nothing is asked before credentials are wanted, and then the first source that has some gives them") {
    World world;
    world.a->says = {not_here("A is not set")};
    world.b->says = {world.found("KEY-B", 1h)};
    auto chain = world.chain();
    auto copy = chain;
    world.io.run();
    CHECK(world.a->asked.size() + world.b->asked.size() == 0);
    CHECK(ok(world.get(chain)) == "KEY-B");
    CHECK(world.ready(copy) == "KEY-B");
    CHECK(ok(world.get(copy)) == "KEY-B");
    CHECK(world.a->asked.size() == 1);
    CHECK(world.b->asked.size() == 1);

    World other;
    other.a->says = {other.found("KEY-A", 1h)};
    auto first = other.chain();
    CHECK(other.ready(first) == "(none)");  // but it was begun
    CHECK(other.ready(first) == "KEY-A");
    CHECK(other.b->asked.empty());
}

TEST_CASE("aws chain: an error stops it, and is told with the source's name") {
    World world;
    world.a->says = {broken()};
    world.b->says = {world.found("KEY-B")};
    auto chain = world.chain();
    const auto error = world.failed(chain);
    CHECK(error.code == errc::infrastructure);
    CHECK(error.message == "AWS credentials of source a: it is broken");
    CHECK(error.retryable);
    CHECK(world.b->asked.empty());
    world.around.time += 1min;
    world.a->throws = true;
    CHECK(world.failed(chain).message == "AWS credentials of source a: out of order");
}

TEST_CASE("aws chain: when all sources are dry the error tells of each one why") {
    World world;
    world.a->says = {not_here("A is not set")};
    world.b->says = {not_here("nobody is there")};
    auto chain = world.chain();
    const auto error = world.failed(chain);
    CHECK(error.code == errc::authentication);
    CHECK_FALSE(error.retryable);
    CHECK(error.message ==
          "there are no AWS credentials; these were tried: source a (A is not set); source b (nobody is there)");
    world.around.time += 1min;
    world.a->says = {world.found("KEY-A")};  // put there meanwhile
    CHECK(ok(world.get(chain)) == "KEY-A");
}

TEST_CASE(
    "aws chain: the source that had credentials is asked again 5 to 15 minutes before their end, in the background") {
    World world;
    const auto begin = world.around.time;
    world.a->says = {not_here("A is not set")};
    world.b->says = {world.found("KEY-1", 1h)};
    auto chain = world.chain();
    ok(world.get(chain));
    world.b->says = {world.found("KEY-2", 2h)};
    world.around.time = begin + 45min;
    CHECK(world.ready(chain) == "KEY-1");
    CHECK(world.b->asked.size() == 1);
    world.around.time = begin + 55min;
    CHECK(world.ready(chain) == "KEY-1");  // at once, while the next ones are fetched
    CHECK(world.b->asked.size() == 2);
    CHECK(world.ready(chain) == "KEY-2");
    CHECK(world.a->asked.size() == 1);
}

TEST_CASE(
    "aws chain: a failed refresh keeps credentials that are good, and is tried again; after their end it is told") {
    World world;
    const auto begin = world.around.time;
    world.a->says = {world.found("KEY-1", 1h), broken()};
    auto chain = world.chain();
    ok(world.get(chain));
    world.around.time = begin + 55min;
    CHECK(world.ready(chain) == "KEY-1");
    CHECK(world.ready(chain) == "KEY-1");
    CHECK(world.a->asked.size() == 2);  // there is a pause after a failure
    world.around.time += 1min;
    CHECK(world.ready(chain) == "KEY-1");
    CHECK(world.a->asked.size() == 3);
    world.around.time = begin + 1h;
    CHECK(world.failed(chain).message == "AWS credentials of source a: it is broken");
    CHECK(world.b->asked.empty());
    world.a->says = {world.found("KEY-2", 1h)};
    world.around.time += 1min;
    CHECK(ok(world.get(chain)) == "KEY-2");
}

TEST_CASE("aws chain: a source that has none any more is passed over, and all are tried again") {
    World world;
    const auto begin = world.around.time;
    world.a->says = {not_here("A is not set"), world.found("KEY-A")};
    world.b->says = {world.found("KEY-B", 1h), not_here("gone")};
    auto chain = world.chain();
    ok(world.get(chain));
    world.around.time = begin + 55min;
    CHECK(world.ready(chain) == "KEY-B");
    CHECK(world.ready(chain) == "KEY-A");
}

TEST_CASE("aws chain: credentials without an end are asked for once, and again when AWS refused them") {
    World world;
    world.a->says = {world.found("KEY-1"), world.found("KEY-2")};
    auto chain = world.chain();
    ok(world.get(chain));
    world.around.time += 24h * 365 * 10;
    CHECK(world.ready(chain) == "KEY-1");
    CHECK(world.a->asked.size() == 1);

    CHECK(chain.invalidate("KEY-0"));  // somebody still had older ones: these stay
    CHECK(world.ready(chain) == "KEY-1");
    auto copy = chain;
    CHECK(copy.invalidate("KEY-1"));
    CHECK(chain.ready() == nullptr);
    CHECK(ok(world.get(chain)) == "KEY-2");
    CHECK(world.a->asked.size() == 2);

    int dropped = 0;
    while (dropped < 100 && chain.invalidate("KEY-2")) {
        ++dropped;
        ok(world.get(chain));
    }
    CHECK(dropped == 4);  // and no more at once: others would be refused, too
    CHECK(world.ready(chain) == "KEY-2");
}

TEST_CASE("aws chain: a hundred callers at once are one fetch, and one who gives up takes nothing from the others") {
    World world;
    asio::steady_timer gate{world.io, Deadline::max()};
    world.a->gate = &gate;
    world.a->says = {world.found("KEY-A", 1h)};
    auto chain = world.chain();
    int served = 0;
    int late = 0;
    for (int i = 0; i < 100; ++i) {
        const auto deadline = i == 50 ? Deadline{} : Deadline::max();
        asio::co_spawn(world.io, chain.get(deadline), [&](std::exception_ptr failure, auto given) {
            if (failure) std::rethrow_exception(failure);
            if (given) {
                CHECK((*given)->access_key_id == "KEY-A");
                ++served;
            } else {
                CHECK(given.error().code == errc::timed_out);
                ++late;
            }
            if (served == 0 && late == 1) gate.cancel();  // all the others are waiting by now
        });
    }
    world.io.run();
    CHECK(served == 99);
    CHECK(late == 1);
    CHECK(world.a->asked.size() == 1);
}

TEST_CASE("aws chain: a fetch has a time of its own, whatever the caller's") {
    World world;
    world.a->says = {not_here("A is not set")};
    world.b->says = {not_here("B is not set")};
    auto chain = world.chain({.timeout = 5s});
    const auto before = std::chrono::steady_clock::now();
    auto given = tests::run(world.io, chain.get(Deadline::max()));
    CHECK(given.has_error());
    REQUIRE(world.a->asked.size() == 1);
    REQUIRE(world.b->asked.size() == 1);
    CHECK(world.a->asked[0] == world.b->asked[0]);
    CHECK(world.a->asked[0] >= before + 5s);
    CHECK(world.a->asked[0] <= std::chrono::steady_clock::now() + 5s);

    auto hasty = world.chain({.timeout = 0ms});
    const auto error = world.failed(hasty);
    CHECK(error.code == errc::timed_out);
    CHECK(says(error, "AWS credentials of source a: the time for one fetch (0 ms) was over"));
    CHECK(world.a->asked.size() == 1);
}

TEST_CASE("aws chain: what a source gives is credentials that have not ended") {
    World world;
    auto chain = world.chain();
    world.a->says = {world.found("KEY-A", 0ms)};
    CHECK(says(world.failed(chain), "AWS credentials of source a have ended already"));
    world.around.time += 1min;
    world.a->says = {world.found("")};
    CHECK(says(world.failed(chain), "AWS credentials of source a lack the access key id"));
}

TEST_CASE("aws chain: the sources that ask servers work in it, each told by its name when all are dry") {
    World world;
    using Servers =
        aws::Chain<aws::credentials::WebIdentity, aws::credentials::Container, aws::credentials::InstanceMetadata>;
    Servers chain{world.reach};
    world.script->then(tests::nobody());
    CHECK(world.failed(chain).message ==
          "there are no AWS credentials; these were tried: the web identity token (AWS_WEB_IDENTITY_TOKEN_FILE is not "
          "set); the container's endpoint (neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
          "AWS_CONTAINER_CREDENTIALS_FULL_URI is set); the instance metadata service (nobody is there to answer: "
          "no connection)");
    world.around.time += 1min;
    world.around.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/c";
    world.script->then(403, R"({"code":"NoRole","message":"none"})");
    CHECK(says(world.failed(chain), "AWS credentials of the container's endpoint: http://169.254.170.2: it gives no"));
    world.around.time += 1min;
    world.script->then(200, tests::json_answer());
    CHECK(ok(world.get(chain)) == "ASIAEXAMPLE");
}

TEST_CASE("aws chain: an instance whose metadata service has gone goes on with what it has, and asks again later") {
    World world;
    aws::Chain<aws::credentials::InstanceMetadata> chain{world.reach};
    const auto begin = world.around.time;
    for (const auto& body :
         {std::string{"imds-token-1"}, std::string{"jobs"}, tests::json_answer("2026-01-02T01:00:00Z")})
        world.script->then(200, body);
    CHECK(ok(world.get(chain)) == "ASIAEXAMPLE");
    // From now on the script is empty: every exchange fails, and is no time that is waited for.
    std::vector<std::chrono::minutes> asked;
    for (auto minute = 1min; minute <= 3h; ++minute) {
        world.around.time = begin + minute;
        const auto before = world.asked();
        CHECK(world.ready(chain) == "ASIAEXAMPLE");
        if (world.asked() > before) asked.push_back(minute);
    }
    REQUIRE(asked.size() > 5);
    CHECK(asked[0] >= 45min);
    CHECK(asked[0] <= 55min);
    for (std::size_t i = 1; i < asked.size(); ++i) {
        CAPTURE(asked[i].count());
        CHECK(asked[i] - asked[i - 1] >= 10min);
        CHECK(asked[i] - asked[i - 1] <= 25min);
    }
    for (const auto& body : {std::string{"jobs"}, tests::json_answer("2026-01-02T09:00:00Z", "ASIAFRESH")})
        world.script->then(200, body);
    world.around.time = begin + 3h + 25min;
    CHECK(ok(world.get(chain)) == "ASIAFRESH");
}

TEST_CASE(
    "aws default chain: variables, profile, web identity, container, instance, in this order and each by its name") {
    World world;
    auto& variables = world.around.variables;
    variables = {{"HOME", "/h"}};
    aws::DefaultChain chain{world.reach};
    world.script->then(tests::nobody());
    const auto dry = world.failed(chain);
    CHECK(dry.code == errc::authentication);
    std::size_t at = 0;
    for (const auto* told : {"these were tried: the environment's variables (", "; the profile (", "'default'",
                             "; the web identity token (AWS_WEB_IDENTITY_TOKEN_FILE is not set); the container's "
                             "endpoint (",
                             "; the instance metadata service ("}) {
        CAPTURE(told);
        CAPTURE(dry.message);
        at = dry.message.find(told, at);
        REQUIRE(at != std::string::npos);
    }

    // Each place gets a key of its own, from the last to the first: the earlier one wins.
    const auto given = [&](const aws::SettingsOptions& settings = {}) {
        auto fresh = aws::default_chain(world.reach, settings);
        return ok(world.get(fresh));
    };
    for (const auto& body :
         {std::string{"imds-token-1"}, std::string{"jobs"}, tests::json_answer("2026-01-02T06:00:00Z", "KEY-INSTANCE")})
        world.script->then(200, body);
    CHECK(given() == "KEY-INSTANCE");
    variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/c";
    world.script->then(200, tests::json_answer("2026-01-02T06:00:00Z", "KEY-CONTAINER"));
    CHECK(given() == "KEY-CONTAINER");
    variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
    variables["AWS_ROLE_ARN"] = tests::role_arn;
    variables["AWS_REGION"] = "eu-central-1";
    world.around.files["/token"] = "web-token-of-a-pod";
    world.script->then(200, tests::sts_answer("AssumeRoleWithWebIdentity"));
    CHECK(given() == "ASIAEXAMPLE");
    const auto asked = world.asked();
    world.around.files["/h/.aws/credentials"] =
        "[default]\naws_access_key_id = KEY-PROFILE\naws_secret_access_key = wJalrXUtnFEMI/profile\n"
        "[dev]\naws_access_key_id = KEY-DEV\naws_secret_access_key = wJalrXUtnFEMI/dev\n";
    CHECK(given() == "KEY-PROFILE");
    variables["AWS_ACCESS_KEY_ID"] = "KEY-VARIABLES";
    CHECK(says(world.failed(chain = aws::DefaultChain{world.reach}), "AWS credentials of the environment's variables"));
    variables["AWS_SECRET_ACCESS_KEY"] = "wJalrXUtnFEMI/variables";
    CHECK(given() == "KEY-VARIABLES");
    CHECK(given({.profile = "dev"}) == "KEY-DEV");
    CHECK(world.asked() == asked);
}

}  // namespace aws_chain_test
