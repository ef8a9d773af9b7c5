#include "blueprint/faas/auth/sigv4.hpp"

#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "blueprint/faas/transport/in_memory.hpp"
#include "sigv4_fixture.hpp"
#include "support/hand_clock.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sigv4_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using namespace tests::sigv4;
using tests::failed;
using tests::HandClock;
using tests::ok;
using tests::play;
using tests::run;
using tests::Script;

namespace {

// Credentials that may be fetched, refused and replaced, as a test says.
class Source {
public:
    std::shared_ptr<const aws::Credentials> ready() const { return state_->ready; }
    asio::awaitable<result<std::shared_ptr<const aws::Credentials>>> get(Deadline) const {
        ++state_->fetched;
        if (state_->error) co_return *state_->error;
        co_return state_->next;
    }
    bool invalidate(std::string_view id) noexcept {
        const std::lock_guard lock{state_->mutex};
        state_->refused.emplace_back(id);
        return state_->renewable;
    }

    struct State {
        std::mutex mutex{};
        std::shared_ptr<const aws::Credentials> ready{};
        std::shared_ptr<const aws::Credentials> next = std::make_shared<const aws::Credentials>(suite_credentials());
        std::optional<Error> error{};
        std::vector<std::string> refused{};
        int fetched = 0;
        bool renewable = true;
    };
    State* operator->() const noexcept { return state_.get(); }

private:
    std::shared_ptr<State> state_ = std::make_shared<State>();
};
static_assert(aws::CredentialsProvider<Source>);
static_assert(Auth<SigV4<Source>>);
static_assert(!SigV4<Source>::reveals_secret);

std::string http_date(std::chrono::system_clock::time_point time) {
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{second - day};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "Thu, %02u %s %04d %02d:%02d:%02d GMT", static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

HttpResponse refusal(std::chrono::system_clock::time_point date, unsigned status = 403) {
    HttpResponse answer;
    answer.status = status;
    answer.headers.add("Date", http_date(date));
    return answer;
}

std::string sent_date(const HttpRequest& request) {
    return std::string{request.headers.get("X-Amz-Date").value_or("(none)")};
}

// What a codec of AWS says about an answer.
std::optional<Error> judge(const HttpResponse& answer) {
    if (answer.status == 200) return std::nullopt;
    if (answer.status == 403) return Error{.code = errc::authentication, .message = "refused", .retryable = true};
    return Error{.code = errc::infrastructure, .message = "broken", .retryable = true};
}

// One executor's worth of link over a script.
struct World {
    result<HttpResponse> send(HttpRequest& request) {
        Link link{transport, auth, resilience, deadline_after(10s), clock};
        return run(io, link.exchange(request, purpose::Invocation{}, Repeat::safe, judge));
    }

    asio::io_context io{};
    HandClock clock{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    InMemoryTransport transport = play(io, script);
    Source source{};
    SigV4<Source> auth{source, {.region = "us-east-1"}, clock};
    StandardResilience resilience{{.retry = {.first_delay = 0ms, .first_throttled_delay = 0ms}}};
};

}  // namespace

TEST_CASE("sigv4: credentials that are there sign at once, and what cannot be signed is left to be explained") {
    asio::io_context io;
    HandClock clock;
    Source source;
    SigV4<Source> auth{source, {.region = "us-east-1"}, clock};
    auto request = lambda_by_arn();
    CHECK_FALSE(auth.try_authorize(request, purpose::Invocation{}));  // nothing was fetched yet
    CHECK(source->fetched == 0);
    CHECK(auth.try_authorize(request, purpose::Upload{}));
    CHECK(request.headers.text() == lambda_by_arn().headers.text());
    ok(run(io, auth.authorize(request, purpose::Invocation{})));
    source->ready = source->next;
    auto again = lambda_by_arn();
    CHECK(auth.try_authorize(again, purpose::Invocation{}));
    CHECK(again.headers.text() == request.headers.text());
    CHECK(auth.try_authorize(again, purpose::ControlPlane{"s3"}));
    CHECK(authorization(again).find("/us-east-1/s3/") != std::string::npos);

    SigV4<Source> nowhere{source, {}, clock};
    CHECK_FALSE(nowhere.try_authorize(again, purpose::Invocation{}));
    CHECK(failed(run(io, nowhere.authorize(again, purpose::Invocation{}))).code == errc::invalid_configuration);
}

TEST_CASE("sigv4: calls and management are signed, for the service that the purpose names, and uploads are not") {
    asio::io_context io;
    HandClock clock;
    Source source;
    SigV4<Source> auth{source, {.region = "us-east-1"}, clock};
    auto request = lambda_by_arn();
    ok(run(io, auth.authorize(request, purpose::Upload{})));
    CHECK(request.headers.text() == lambda_by_arn().headers.text());
    CHECK(source->fetched == 0);
    const auto scope_for = [&](auto purpose) {
        ok(run(io, auth.authorize(request, purpose)));
        const auto text = authorization(request);
        const auto begin = text.find("/us-east-1/") + 11;
        return text.substr(begin, text.find('/', begin) - begin);
    };
    CHECK(scope_for(purpose::Invocation{"https://lambda.us-east-1.amazonaws.com"}) == "lambda");
    CHECK(scope_for(purpose::ControlPlane{}) == "lambda");
    CHECK_FALSE(request.headers.get("X-Amz-Content-Sha256").has_value());
    CHECK(scope_for(purpose::ControlPlane{"s3"}) == "s3");
    CHECK(request.headers.get("X-Amz-Content-Sha256") == hash_of(R"({"n":7})"));
    CHECK(sent_date(request) == aws::amz_date(clock.now()));
}

TEST_CASE("sigv4: what the provider has ready is taken, else it is asked, and without credentials nothing is sent") {
    World world;
    world.source->ready = std::make_shared<const aws::Credentials>(
        aws::Credentials{.access_key_id = "AKIDREADY", .secret_access_key = suite_secret});
    auto request = lambda_by_arn();
    world.script->then(200);
    ok(world.send(request));
    CHECK(world.source->fetched == 0);
    CHECK(aws::signed_by(request) == "AKIDREADY");
    world.source->ready = nullptr;
    world.script->then(200);
    ok(world.send(request));
    CHECK(world.source->fetched == 1);
    CHECK(aws::signed_by(request) == "AKIDEXAMPLE");

    world.source->error = Error{.code = errc::authentication, .message = "all sources are dry"};
    auto error = failed(world.send(request));
    CHECK(error.message == "all sources are dry");
    CHECK(error.execution == Execution::not_started);
    world.source->error.reset();
    world.source->next = nullptr;
    CHECK(failed(world.send(request)).code == errc::authentication);
    for (const auto& useless : {aws::Credentials{}, aws::Credentials{.access_key_id = "AKIDEXAMPLE"},
                                aws::Credentials{.secret_access_key = suite_secret}}) {
        world.source->next = std::make_shared<const aws::Credentials>(useless);
        error = failed(world.send(request));
        CHECK(error.code == errc::authentication);
        CHECK(error.message.find(suite_secret) == std::string::npos);
    }
    CHECK(world.script->seen.size() == 2);
    for (const auto& seen : world.script->seen) CHECK(seen.headers.get("Authorization").has_value());
}

TEST_CASE("AWS pitfall 5: a repeated request is signed for the moment at which it is sent again") {
    World world;
    auto request = lambda_by_arn();
    const auto first = aws::amz_date(world.clock.now());
    InMemoryTransport slow{world.io.get_executor(), [&, calls = 0](const HttpRequest& sent) mutable {
                               CHECK(sent_date(sent) == aws::amz_date(world.clock.now()));
                               HttpResponse answer;
                               answer.status = calls++ == 0 ? 503 : 200;
                               world.clock.advance(16min);
                               return result<HttpResponse>{answer};
                           }};
    world.transport = slow;
    ok(world.send(request));
    CHECK(sent_date(request) != first);
}

TEST_CASE("AWS pitfall 14: a wrong clock is learnt from the Date of the refusal, and the second attempt passes") {
    for (const auto ahead : {std::chrono::seconds{-3600}, std::chrono::seconds{301}, std::chrono::seconds{86'400}}) {
        CAPTURE(ahead.count());
        World world;
        const auto theirs = [&] { return world.clock.now() + ahead; };
        world.script->answers.emplace_back(refusal(theirs()));
        world.script->then(200);
        world.script->then(200);
        auto request = lambda_by_arn();
        ok(world.send(request));
        REQUIRE(world.script->seen.size() == 2);
        CHECK(world.script->seen[0].headers.get("X-Amz-Date") == aws::amz_date(world.clock.now()));
        CHECK(sent_date(request) == aws::amz_date(theirs()));
        CHECK(world.source->refused.empty());  // the credentials were good
        // A copy knows it too, and so does the next request.
        auto copy = world.auth;
        auto next = lambda_by_arn();
        world.clock.advance(10s);
        ok(run(world.io, copy.authorize(next, purpose::Invocation{})));
        CHECK(sent_date(next) == aws::amz_date(theirs()));
    }
}

TEST_CASE("AWS pitfall 14: of requests that are refused together each gets its second attempt") {
    World world;
    const auto theirs = world.clock.now() + 1h;
    std::vector<HttpRequest> requests(3, lambda_by_arn());
    for (auto& request : requests) ok(run(world.io, world.auth.authorize(request, purpose::Invocation{})));
    for (auto& request : requests) {
        world.auth.observe(request, refusal(theirs));
        CHECK(world.auth.invalidate(std::as_const(request)));
    }
    CHECK(world.source->refused.empty());
    for (auto& request : requests) {
        ok(run(world.io, world.auth.authorize(request, purpose::Invocation{})));
        CHECK(sent_date(request) == aws::amz_date(theirs));
        CHECK(world.auth.invalidate(std::as_const(request)));  // the time is right now, so it is the credentials
    }
    CHECK(world.source->refused == std::vector<std::string>(3, "AKIDEXAMPLE"));
}

TEST_CASE("AWS pitfall 14: only the Date of a fresh refusal that is far off moves the clock") {
    struct Row {
        std::string_view what;
        HttpResponse answer;
        bool learnt;
    };
    World world;
    auto request = lambda_by_arn();
    ok(run(world.io, world.auth.authorize(request, purpose::Invocation{})));
    const auto now = world.clock.now();
    auto cached = refusal(now + 1h);
    cached.headers.add("Age", "3600");
    auto undated = refusal(now + 1h);
    undated.headers.erase("Date");
    auto unreadable = refusal(now + 1h);
    unreadable.headers.set("Date", "yesterday");
    const Row rows[] = {
        {"four minutes", refusal(now + 4min), false},
        {"four minutes and a second", refusal(now + 241s), true},
        {"behind by four minutes", refusal(now - 4min), false},
        {"behind by an hour", refusal(now - 1h), true},
        {"400", refusal(now + 1h, 400), true},
        {"200", refusal(now + 1h, 200), false},
        {"500", refusal(now + 1h, 500), false},
        {"with an Age", cached, false},
        {"without a Date", undated, false},
        {"an unreadable Date", unreadable, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        aws::SkewedClock clock{world.clock};
        clock.observe(request, row.answer);
        CHECK((clock.now() != now) == row.learnt);
        CHECK(clock.is_off(request) == row.learnt);
    }
    // A request that lay about before it was sent says nothing about our clock.
    aws::SkewedClock clock{world.clock};
    world.clock.advance(16min);
    clock.observe(request, refusal(world.clock.now()));
    CHECK(clock.now() == world.clock.now());
    CHECK(clock.is_off(request));
    // One that was never signed neither.
    clock.observe(lambda_by_arn(), refusal(now + 5h));
    CHECK(clock.now() == world.clock.now());
    CHECK_FALSE(clock.is_off(lambda_by_arn()));
}

TEST_CASE("sigv4: a refusal at the right time drops the credentials that the request had, and them alone") {
    World world;
    world.script->then(403);
    world.script->then(200);
    auto request = lambda_by_arn();
    ok(world.send(request));
    CHECK(world.source->refused == std::vector<std::string>{"AKIDEXAMPLE"});
    world.source->renewable = false;
    world.script->then(403);
    CHECK(failed(world.send(request)).code == errc::authentication);
    CHECK(world.script->seen.size() == 3);
    world.source->ready = world.source->next;
    CHECK_FALSE(world.auth.invalidate());
    CHECK(world.source->refused.back() == "AKIDEXAMPLE");
    CHECK_FALSE(SigV4<aws::FixedCredentials>{aws::FixedCredentials{suite_credentials()}, {}}.invalidate());
}

TEST_CASE("sigv4: bodies to S3, and no others, may be left to TLS where there is TLS") {
    auto request = to_bucket("/key");
    request.body = Body{std::string{"anything"}};
    asio::io_context io;
    HandClock clock;
    SigV4<Source> auth{{}, {.region = "us-east-1", .unsigned_uploads = true}, clock};
    const auto hash_sent = [&](bool tls, std::string_view service) {
        request.origin.tls = tls;
        ok(run(io, auth.authorize(request, purpose::ControlPlane{service})));
        return std::string{request.headers.get("X-Amz-Content-Sha256").value_or("(none)")};
    };
    CHECK(hash_sent(true, "s3") == "UNSIGNED-PAYLOAD");
    CHECK(hash_sent(false, "s3") == hash_of("anything"));
    CHECK(hash_sent(true, "") == "(none)");
}

TEST_CASE("sigv4: no secret is in an error, whatever the platform says back") {
    World world;
    world.source->next = std::make_shared<const aws::Credentials>(suite_credentials("SESSIONTOKENEXAMPLE"));
    InMemoryTransport echo{world.io.get_executor(), [](const HttpRequest& sent) {
                               HttpResponse answer;
                               answer.status = 403;
                               answer.body = sent.headers.text();
                               return result<HttpResponse>{answer};
                           }};
    Link link{echo, world.auth, world.resilience, deadline_after(10s), world.clock};
    auto request = lambda_by_arn();
    const auto says = [](const HttpResponse& answer) {
        return std::optional{Error{.code = errc::authentication, .message = "the platform says " + answer.body}};
    };
    const auto error = failed(run(world.io, link.exchange(request, purpose::Invocation{}, Repeat::safe, says)));
    for (const auto& secret :
         {std::string{suite_secret}, std::string{"SESSIONTOKENEXAMPLE"}, signature_in(authorization(request))})
        CHECK(error.message.find(secret) == std::string::npos);
}

}  // namespace sigv4_test
