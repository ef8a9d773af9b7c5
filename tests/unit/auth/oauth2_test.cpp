#include "blueprint/faas/auth/oauth2.hpp"

#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "blueprint/faas/transport/in_memory.hpp"
#include "support/hand_clock.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oauth2_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::HandClock;
using tests::ok;
using tests::play;
using tests::Script;

namespace {

using Client = ClientCredentials<InMemoryTransport>;
static_assert(Auth<Client>);

const std::string_view secret = "s3cret/with ä+%";
const std::string_view encoded_secret = "s3cret%2Fwith%20%C3%A4%2B%25";

ClientCredentialsOptions options() {
    ClientCredentialsOptions all;
    all.token_url = "https://login.example.com/oauth2/token?tenant=7";
    all.client_id = "job runner:1";
    all.client_secret = secret;
    all.retry = {.first_delay = 0ms, .first_throttled_delay = 0ms};
    return all;
}

// A token server in memory, and a client of it.
struct World {
    explicit World(ClientCredentialsOptions with = options()) : client{play(io, script), std::move(with), clock} {}

    void then_token(std::string_view token, int expires_in = 3600) {
        script->then(200, R"({"access_token":")" + std::string{token} + R"(","token_type":"Bearer","expires_in":)" +
                              std::to_string(expires_in) + "}");
    }
    template <class Purpose = purpose::ControlPlane>
    result<std::string> authorization(Purpose purpose = {}) {
        HttpRequest request;
        const auto done = tests::run(io, client.authorize(request, purpose));
        if (!done) return done.error();
        return std::string{request.headers.get("Authorization").value_or("(none)")};
    }
    Error error() { return failed(authorization()); }

    asio::io_context io{};
    HandClock clock{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    Client client;
};

std::string decoded_basic(const Headers& headers) {
    const auto field = std::string{headers.get("Authorization").value_or("")};
    REQUIRE(field.starts_with("Basic "));
    const auto bytes = detail::base64_decode(std::string_view{field}.substr(6));
    REQUIRE(bytes.has_value());
    return std::string{detail::text_of(*bytes)};
}

}  // namespace

TEST_CASE("oauth2: the request says grant, scope and client, percent-encoded, the secret in the Authorization field") {
    auto all = options();
    all.scope = "jobs:run jobs:deploy";
    all.audience = "https://faas.example.com/?a=b&c";
    all.resources = {"https://one.example.com/", "https://two.example.com/"};
    all.parameters = {{"x-tenant", "a b"}};
    World world{all};
    world.then_token("token-1");
    ok(world.authorization());
    REQUIRE(world.script->seen.size() == 1);
    const auto& seen = world.script->seen[0];
    CHECK(seen.line == "POST /oauth2/token?tenant=7");
    CHECK(seen.origin == "https://login.example.com");
    CHECK(seen.headers.get("Content-Type") == "application/x-www-form-urlencoded");
    CHECK(seen.headers.get("Accept") == "application/json");
    CHECK(seen.body ==
          "grant_type=client_credentials&scope=jobs%3Arun%20jobs%3Adeploy"
          "&audience=https%3A%2F%2Ffaas.example.com%2F%3Fa%3Db%26c"
          "&resource=https%3A%2F%2Fone.example.com%2F&resource=https%3A%2F%2Ftwo.example.com%2F&x-tenant=a%20b");
    // RFC 6749, section 2.3.1: both are form-encoded before the colon joins them.
    CHECK(decoded_basic(seen.headers) == "job%20runner%3A1:" + std::string{encoded_secret});
}

TEST_CASE("oauth2: the secret goes into the body, or nowhere, if that is asked for") {
    auto all = options();
    all.authentication = ClientAuthentication::post;
    World by_body{all};
    by_body.then_token("token-1");
    ok(by_body.authorization());
    CHECK(by_body.script->seen[0].body ==
          "grant_type=client_credentials&client_id=job%20runner%3A1&client_secret=" + std::string{encoded_secret});
    CHECK_FALSE(by_body.script->seen[0].headers.get("Authorization").has_value());

    all.authentication = ClientAuthentication::tls;
    all.client_secret = Secret{};
    World by_certificate{all};
    by_certificate.then_token("token-1");
    ok(by_certificate.authorization());
    CHECK(by_certificate.script->seen[0].body == "grant_type=client_credentials&client_id=job%20runner%3A1");
    CHECK_FALSE(by_certificate.script->seen[0].headers.get("Authorization").has_value());
}

TEST_CASE("oauth2: one token serves management and calls, and is never sent with an upload") {
    World world;
    world.then_token("token-1");
    CHECK(ok(world.authorization(purpose::Upload{})) == "(none)");
    CHECK(world.script->seen.empty());
    CHECK(ok(world.authorization()) == "Bearer token-1");
    CHECK(ok(world.authorization(purpose::Invocation{"https://faas.example.com"})) == "Bearer token-1");
    CHECK(world.script->seen.size() == 1);
    auto copy = world.client;
    HttpRequest request;
    ok(tests::run(world.io, copy.authorize(request, purpose::ControlPlane{})));
    CHECK(request.headers.get("Authorization") == "Bearer token-1");
    CHECK(world.script->seen.size() == 1);
}

TEST_CASE("oauth2: a token is kept for a second less than the server says, or five minutes if it does not say") {
    struct Row {
        std::string_view expires_in;
        std::chrono::seconds life;
    };
    for (const auto& [expires_in, life] :
         {Row{R"(,"expires_in":60)", 60s}, Row{R"(,"expires_in":"60")", 60s}, Row{R"(,"expires_in":60.9)", 60s},
          Row{R"(,"expires_in":1e99)", 3600s * 24 * 3650}, Row{"", 300s}, Row{R"(,"expires_in":null)", 300s}}) {
        CAPTURE(expires_in);
        const detail::ClientCredentialsProtocol protocol{options()};
        HttpResponse answer;
        answer.status = 200;
        answer.body = R"({"access_token":"t","token_type":"bEARER")" + std::string{expires_in} + R"(,"scope":"x"})";
        const TokenSchedule::Time asked{1h};
        const auto token = ok(protocol.read(answer, asked));
        CHECK(token.value.reveal() == "Bearer t");
        CHECK((token.expires - asked == life - 1s));
    }
}

TEST_CASE("oauth2: a token is renewed before its end, while calls go on with the old one") {
    World world;
    world.then_token("token-1", 100);
    CHECK(ok(world.authorization()) == "Bearer token-1");
    world.clock.advance(76s);
    world.then_token("token-2", 100);
    CHECK(ok(world.authorization()) == "Bearer token-1");
    CHECK(ok(world.authorization()) == "Bearer token-2");
    world.clock.advance(76s);
    world.script->then(503);
    world.script->then(503);
    world.script->then(503);
    CHECK(ok(world.authorization()) == "Bearer token-2");
    CHECK(ok(world.authorization()) == "Bearer token-2");
    CHECK(world.script->seen.size() == 5);
    world.clock.advance(22s);
    world.then_token("token-3", 100);
    CHECK(ok(world.authorization()) == "Bearer token-3");  // so near the end that it waits
}

TEST_CASE("oauth2: an answer that is not what the standard says is `serialization`, and shows nothing of a token") {
    for (const std::string_view body :
         {"", "<html>sign in</html>", "[]", "{}", R"({"access_token":"","token_type":"Bearer"})",
          R"({"access_token":7,"token_type":"Bearer"})", R"({"access_token":"tok-en"})",
          R"({"access_token":"tok-en","token_type":"mac"})", R"({"access_token":"tok-en","token_type":7})",
          R"({"access_token":"tok en","token_type":"Bearer"})",
          R"({"access_token":"tok-en\r\nX: 1","token_type":"Bearer"})",
          R"({"access_token":"tok-en","token_type":"Bearer","expires_in":"soon"})",
          R"({"access_token":"tok-en","token_type":"Bearer","expires_in":"60s"})",
          R"({"access_token":"tok-en","token_type":"Bearer","expires_in":-1})",
          R"({"access_token":"tok-en","token_type":"Bearer","expires_in":0})",
          R"({"access_token":"tok-en","token_type":"Bearer","expires_in":[60]})"}) {
        CAPTURE(body);
        World world;
        world.script->then(200, std::string{body});
        const auto error = world.error();
        CHECK(error.code == errc::serialization);
        CHECK_FALSE(error.retryable);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find("https://login.example.com/oauth2/token") != std::string::npos);
        CHECK(error.message.find("tenant") == std::string::npos);
        CHECK(error.message.find("tok-en") == std::string::npos);
        CHECK(world.script->seen.size() == 1);
    }
}

TEST_CASE("oauth2: the secret that an answer has for a token_type is not told") {
    World world;
    world.script->then(200, R"({"access_token":"tok-en","token_type":"x)" + std::string{secret} + "x\"}");
    const auto error = world.error();
    CHECK(error.code == errc::serialization);
    CHECK(error.message.find("token_type") != std::string::npos);
    CHECK(error.message.find(secret) == std::string::npos);
}

TEST_CASE("oauth2: what the server refuses is told as what it is, with what to do, and never with the secret") {
    struct Row {
        unsigned status;
        std::string_view body;
        errc code;
        bool retryable;
        std::string_view says;
    };
    const std::string echo =
        R"({"error":"invalid_client","error_description":"no such pair: job runner:1 )" + std::string{secret} + "\"}";
    const std::string encoded =
        R"({"error":"invalid_request","error_description":"you sent )" + std::string{encoded_secret} + "\"}";
    const std::string pair = detail::base64_encode(detail::bytes_of("job%20runner%3A1:" + std::string{encoded_secret}));
    const std::string header = R"({"error":"invalid_client","error_description":"Basic )" + pair + "\"}";
    const Row rows[] = {
        {401, R"({"error":"invalid_client"})", errc::authentication, false, "check client_id and client_secret"},
        {400, R"({"error":"invalid_client"})", errc::authentication, false, "check client_id and client_secret"},
        {200, R"({"error":"invalid_client"})", errc::authentication, false, "check client_id and client_secret"},
        {401, echo, errc::authentication, false, "[redacted]"},
        {400, encoded, errc::invalid_configuration, false, "[redacted]"},
        {401, header, errc::authentication, false, "[redacted]"},
        {400, R"({"error":"unauthorized_client"})", errc::authentication, false, "allow this client"},
        {400, R"({"error":"invalid_grant"})", errc::authentication, false, "allow this client"},
        {403, R"({"error":"access_denied"})", errc::authentication, false, "the right"},
        {400, R"({"error":"invalid_scope","error_description":"no scope 'jobs'"})", errc::invalid_configuration, false,
         "no scope 'jobs'; check ClientCredentialsOptions::scope"},
        {400, R"({"error":"invalid_target"})", errc::invalid_configuration, false, "resources"},
        {400, R"({"error":"invalid_request"})", errc::invalid_configuration, false, "audience"},
        {400, R"({"error":"unsupported_grant_type"})", errc::unsupported, false, "client credentials grant"},
        {400, R"({"error":"temporarily_unavailable"})", errc::infrastructure, true, "try again later"},
        {400, R"({"error":"quite_new"})", errc::invalid_configuration, false, "(quite_new)"},
        {400, "nothing", errc::invalid_configuration, false, "HTTP 400"},
        {401, "", errc::authentication, false, "HTTP 401"},
        {302, "", errc::invalid_configuration, false, "put the final address into token_url"},
        {404, "<html>", errc::invalid_configuration, false, "no token endpoint"},
        {429, "", errc::throttled, true, "fewer tokens"},
        {500, "", errc::infrastructure, true, "try again later"},
        {503, R"({"error":"invalid_client"})", errc::infrastructure, true, "try again later"}};
    for (const auto& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.body);
        World world;
        for (int i = 0; i < 3; ++i) world.script->then(row.status, std::string{row.body});
        const auto error = world.error();
        CHECK(error.code == row.code);
        CHECK(error.retryable == row.retryable);
        CHECK(error.http_status == row.status);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find(row.says) != std::string::npos);
        CHECK(world.script->seen.size() == (row.retryable ? 3 : 1));
        std::ostringstream shown;
        shown << error;
        for (const auto hidden : {std::string_view{"s3cret"}, encoded_secret, std::string_view{pair}})
            CHECK(shown.str().find(hidden) == std::string::npos);
        // Asked again at once, the server is left alone and the answer is the same.
        CHECK(world.error().message == error.message);
        CHECK(world.script->seen.size() == (row.retryable ? 3 : 1));
    }
}

TEST_CASE("oauth2: a server that is in trouble is asked again, as it wishes") {
    World world;
    world.script->then(503);
    world.script->then(Error{.code = errc::infrastructure, .message = "reset", .retryable = true});
    world.then_token("token-1");
    CHECK(ok(world.authorization()) == "Bearer token-1");

    World busy;
    Headers headers;
    headers.set("Retry-After", "120");
    busy.script->then(429, "", headers);
    const auto error = busy.error();
    CHECK((error.retry_after == 120s));  // longer than a fetch may take, so the caller is told
    CHECK(busy.script->seen.size() == 1);
    busy.clock.advance(119s);
    CHECK((busy.error().retry_after == 1s));
    CHECK(busy.script->seen.size() == 1);
    busy.clock.advance(1s);
    busy.then_token("token-1");
    CHECK(ok(busy.authorization()) == "Bearer token-1");
}

TEST_CASE("oauth2: a server that cannot be reached is named") {
    World world;
    world.script->then(Error{.code = errc::infrastructure, .message = "connection refused by login.example.com"});
    const auto error = world.error();
    CHECK(error.code == errc::infrastructure);
    CHECK(error.message ==
          "no token from https://login.example.com/oauth2/token: connection refused by login.example.com");
    CHECK(error.execution == Execution::not_started);
}

TEST_CASE("oauth2: an answer may have 64 KiB") {
    CHECK(detail::ClientCredentialsProtocol{options()}.request().max_response_bytes == 65536);
}

TEST_CASE("oauth2: options that cannot work are told before anything is sent") {
    struct Row {
        void (*spoil)(ClientCredentialsOptions&);
        std::string_view says;
    };
    const Row rows[] = {
        {[](auto& all) { all.token_url = ""; }, "token_url: "},
        {[](auto& all) { all.token_url = "http://login.example.com/"; }, "token_url: it must begin with https://"},
        {[](auto& all) { all.token_url = "https://id:s3cret@login.example.com/"; }, "token_url: "},
        {[](auto& all) { all.client_id = ""; }, "client_id: it is empty"},
        {[](auto& all) { all.client_secret = Secret{}; }, "client_secret: it is empty"},
        {[](auto& all) { all.authentication = ClientAuthentication::tls; }, "client_secret: "},
        {[](auto& all) { all.parameters = {{"client_secret", "s3cret"}}; }, "parameters: 'client_secret'"}};
    for (const auto& row : rows) {
        CAPTURE(row.says);
        auto all = options();
        row.spoil(all);
        World world{all};
        REQUIRE(world.client.misconfigured());
        const auto error = world.error();
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.message.find("ClientCredentialsOptions::" + std::string{row.says}) != std::string::npos);
        CHECK(error.message.find("s3cret") == std::string::npos);
        CHECK(world.script->seen.empty());
    }
}

namespace {

std::optional<Error> unauthorized_if_401(const HttpResponse& answer) {
    if (answer.status != 401) return std::nullopt;
    return Error{.code = errc::authentication,
                 .message = "who are you?",
                 .http_status = 401,
                 .retryable = true,
                 .execution = Execution::not_started};
}

// What one exchange with the platform comes to, and which credentials it was sent with.
result<HttpResponse> call(World& world, const std::shared_ptr<Script>& platform) {
    auto transport = play(world.io, platform);
    StandardResilience resilience;
    Link link{transport, world.client, resilience, deadline_after(10s), world.clock};
    HttpRequest request;
    return tests::run(world.io, link.exchange(request, purpose::Invocation{}, Repeat::if_unsent, &unauthorized_if_401));
}

}  // namespace

TEST_CASE("oauth2: a token that the platform refuses is dropped, and the call repeated once with a new one") {
    World world;
    world.then_token("token-1");
    world.then_token("token-2");
    const auto platform = std::make_shared<Script>();
    platform->then(401);
    platform->then(200);
    CHECK(ok(call(world, platform)).status == 200);
    REQUIRE(platform->seen.size() == 2);
    CHECK(platform->seen[0].headers.get("Authorization") == "Bearer token-1");
    CHECK(platform->seen[1].headers.get("Authorization") == "Bearer token-2");

    world.then_token("token-3");
    platform->then(401);
    platform->then(401);
    CHECK(failed(call(world, platform)).code == errc::authentication);
    CHECK(platform->seen.size() == 4);
    CHECK(world.script->seen.size() == 3);
}

TEST_CASE("oauth2: a call that was refused with an old token leaves the new one alone") {
    World world;
    world.then_token("token-1");
    world.then_token("token-2");
    HttpRequest slow;
    ok(tests::run(world.io, world.client.authorize(slow, purpose::Invocation{})));
    CHECK(world.client.invalidate(slow));
    CHECK(ok(world.authorization()) == "Bearer token-2");
    CHECK(world.client.invalidate(slow));
    CHECK(ok(world.authorization()) == "Bearer token-2");
    CHECK(world.client.invalidate());
    world.then_token("token-3");
    CHECK(ok(world.authorization()) == "Bearer token-3");
}

namespace {

// A platform that knows only the second token, and takes its time to say so until the test opens the gate.
struct SlowPlatform {
    static constexpr bool confidential = true;
    asio::steady_timer* gate;
    std::vector<std::string>* seen;

    asio::any_io_executor get_executor() const noexcept { return gate->get_executor(); }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline) {
        seen->emplace_back(request.headers.get("Authorization").value_or(""));
        const auto [opened] = co_await gate->async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(opened);
        HttpResponse answer;
        answer.status = request.headers.get("Authorization") == "Bearer token-2" ? 200 : 401;
        co_return answer;
    }
};
static_assert(Transport<SlowPlatform>);

}  // namespace

TEST_CASE("oauth2: a slow call that is refused with the old token repeats with the one that others fetched meanwhile") {
    World world;
    world.then_token("token-1");
    world.then_token("token-2");
    world.then_token("token-3");
    asio::steady_timer gate{world.io, Deadline::max()};
    std::vector<std::string> seen;
    SlowPlatform slow{&gate, &seen};
    StandardResilience resilience;
    Link link{slow, world.client, resilience, Deadline::max(), world.clock};
    HttpRequest request;
    std::optional<result<HttpResponse>> outcome;
    asio::co_spawn(world.io, link.exchange(request, purpose::Invocation{}, Repeat::if_unsent, &unauthorized_if_401),
                   [&](std::exception_ptr, result<HttpResponse> got) { outcome = std::move(got); });
    while (seen.empty()) REQUIRE(world.io.run_one() == 1);
    CHECK(world.client.invalidate());
    HttpRequest other;
    std::optional<result<void>> renewed;
    asio::co_spawn(world.io, world.client.authorize(other, purpose::Invocation{}),
                   [&](std::exception_ptr, result<void> got) { renewed = std::move(got); });
    while (!renewed) REQUIRE(world.io.run_one() == 1);
    CHECK(other.headers.get("Authorization") == "Bearer token-2");
    gate.expires_at(Deadline{});
    world.io.run();
    REQUIRE(outcome);
    CHECK(ok(std::move(*outcome)).status == 200);
    CHECK((seen == std::vector<std::string>{"Bearer token-1", "Bearer token-2"}));
    CHECK(world.script->seen.size() == 2);
}

TEST_CASE("oauth2: a platform that refuses every token does not make us ask for one with every call") {
    World world;
    for (int i = 0; i < 200; ++i) world.then_token("token-" + std::to_string(i));
    for (int i = 0; i < 100; ++i) {
        const auto platform = std::make_shared<Script>();
        platform->then(401);
        platform->then(401);
        CHECK(failed(call(world, platform)).code == errc::authentication);
    }
    CHECK(world.script->seen.size() == 6);
}

namespace {

// A token server that takes every request and never answers.
struct SilentTransport {
    static constexpr bool confidential = true;
    asio::any_io_executor executor;
    int* requests;

    asio::any_io_executor get_executor() const noexcept { return executor; }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest&, Deadline deadline) {
        ++*requests;
        const bool waited = co_await detail::wait_for(time_left(deadline));
        co_return Error{.code = waited ? errc::timed_out : errc::cancelled, .message = "silence"};
    }
};

}  // namespace

TEST_CASE("oauth2: a silent token server holds a call no longer than the call's own deadline") {
    asio::io_context io;
    int asked = 0;
    auto all = options();
    all.timeout = 2s;
    ClientCredentials<SilentTransport> client{SilentTransport{io.get_executor(), &asked}, all};
    const auto platform = std::make_shared<Script>();
    auto transport = play(io, platform);
    StandardResilience resilience;
    Link link{transport, client, resilience, deadline_after(20ms)};
    HttpRequest request;
    std::optional<result<HttpResponse>> outcome;
    const auto began = std::chrono::steady_clock::now();
    asio::co_spawn(io, link.exchange(request, purpose::Invocation{}, Repeat::safe, &unauthorized_if_401),
                   [&](std::exception_ptr, result<HttpResponse> got) { outcome = std::move(got); });
    while (!outcome && io.run_one() != 0) {
    }
    REQUIRE(outcome);
    const auto error = failed(std::move(*outcome));
    CHECK(error.code == errc::timed_out);
    CHECK(error.execution == Execution::not_started);
    CHECK(std::chrono::steady_clock::now() - began < 1s);
    CHECK(asked == 1);
    CHECK(platform->seen.empty());
}

}  // namespace oauth2_test
