#include "blueprint/faas/auth/gcp/default_chain.hpp"
#include "blueprint/faas/auth/google.hpp"
#include "support/google_world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace google_auth_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using gcp::TokenRequest;
using tests::ok;
using tests::says;

namespace {

const std::string service_url = "https://blueprint-job-0-abc-ew.a.run.app";

/// How a source and its credential behave, and what they were asked.
struct Plan {
    std::deque<result<gcp::CredentialSearch>> finds{};  ///< in that order, the last for ever; empty: a credential
    std::optional<Error> failure{};                     ///< of every fetch
    std::string quota_project{};
    std::chrono::milliseconds life{1h};
    asio::steady_timer* gate = nullptr;  ///< is waited for by every fetch
    bool throws = false;                 ///< the source does
    int found = 0;
    std::vector<TokenRequest> fetched{};
};

asio::awaitable<result<gcp::TimedToken>> fetch(std::shared_ptr<Plan> plan, Reach reach, TokenRequest request) {
    plan->fetched.push_back(request);
    const std::string name =
        (request.kind == TokenRequest::Kind::access ? "access-" : "identity-") + std::to_string(plan->fetched.size());
    if (plan->gate != nullptr) co_await plan->gate->async_wait(asio::as_tuple(asio::use_awaitable));
    if (plan->failure) co_return *plan->failure;
    co_return gcp::TimedToken{.value = Secret{name}, .expires = reach.environment->now() + plan->life};
}

template <char letter>
struct Source {
    static constexpr char text[] = {'s', 'o', 'u', 'r', 'c', 'e', ' ', letter, '\0'};
    static constexpr std::string_view name = text;
    std::shared_ptr<Plan> plan;

    asio::awaitable<result<gcp::CredentialSearch>> find(const Reach&, Deadline) const { return answer(plan); }
    static asio::awaitable<result<gcp::CredentialSearch>> answer(std::shared_ptr<Plan> plan) {
        ++plan->found;
        if (plan->throws) throw std::runtime_error{"out of order"};
        if (!plan->finds.empty()) {
            auto said = plan->finds.front();
            if (plan->finds.size() > 1) plan->finds.pop_front();
            co_return said;
        }
        gcp::CredentialSearch search;
        search.found = gcp::Credential{.what = "the account of the test",
                                       .quota_project = plan->quota_project,
                                       .fetch = [plan](Reach reach, TokenRequest request, Deadline) {
                                           return fetch(plan, std::move(reach), std::move(request));
                                       }};
        co_return search;
    }
};
using Two = gcp::Chain<Source<'a'>, Source<'b'>>;
static_assert(gcp::TokenProvider<Two>);
static_assert(Auth<GoogleAuth<Two>>);

gcp::CredentialSearch not_here(std::string why) { return {.not_here = std::move(why)}; }

Error refused() { return {.code = errc::authentication, .message = "refused", .execution = Execution::not_started}; }

struct World : tests::GoogleWorld {
    std::shared_ptr<Plan> a = std::make_shared<Plan>();
    std::shared_ptr<Plan> b = std::make_shared<Plan>();

    GoogleAuth<Two> auth(gcp::ChainOptions options = {}) {
        return GoogleAuth<Two>{Two{reach, std::move(options), Source<'a'>{a}, Source<'b'>{b}}};
    }
    template <class Purpose, class AuthPolicy>
    result<HttpRequest> authorized(AuthPolicy& auth, Purpose purpose, HttpRequest request = {}) {
        auto done = tests::run(io, auth.authorize(request, purpose, deadline_after(1min)));
        if (!done) return std::move(done).error();
        return request;
    }
    template <class Purpose, class AuthPolicy>
    std::string sent(AuthPolicy& auth, Purpose purpose) {
        const auto request = ok(authorized(auth, purpose));
        return std::string{request.headers.get("Authorization").value_or("(none)")};
    }
    template <class AuthPolicy>
    std::string managing(AuthPolicy& auth) {
        return sent(auth, purpose::ControlPlane{});
    }
    template <class AuthPolicy>
    std::string calling(AuthPolicy& auth, const std::string& audience = service_url) {
        return sent(auth, purpose::Invocation{.audience = audience});
    }
    /// Lets a refresh that was begun run to its end.
    void settle() {
        io.restart();
        io.run();
    }
};

}  // namespace

TEST_CASE("G1: a call gets an ID token for exactly its audience, and never an access token") {
    World world;
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer access-1");
    CHECK(world.calling(auth) == "Bearer identity-2");
    CHECK(world.calling(auth, service_url + "/other") == "Bearer identity-3");
    CHECK(world.calling(auth) == "Bearer identity-2");
    CHECK(world.a->fetched == std::vector<TokenRequest>{TokenRequest::access(), TokenRequest::identity(service_url),
                                                        TokenRequest::identity(service_url + "/other")});
    CHECK(says(tests::failed(world.authorized(auth, purpose::Invocation{})), "an ID token is for an audience"));
    CHECK(world.a->fetched.size() == 3);
}

TEST_CASE("GCP pitfall 2: an access token that is ready is not taken for a call while an ID token cannot be had") {
    World world;
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer access-1");
    world.a->failure = refused();
    HttpRequest request;
    CHECK_FALSE(auth.try_authorize(request, purpose::Invocation{.audience = service_url}));
    const auto error = tests::failed(world.authorized(auth, purpose::Invocation{.audience = service_url}, request));
    CHECK(error.message == "refused");
    CHECK(request.headers.empty());
}

TEST_CASE("GCP pitfall 7: an upload gets neither a token nor the project that pays, and nobody is asked") {
    World world;
    world.a->quota_project = "paying";
    auto auth = world.auth();
    const auto request = ok(world.authorized(auth, purpose::Upload{}));
    CHECK(request.headers.empty());
    CHECK(world.a->found == 0);
}

TEST_CASE("google: the project that pays goes to APIs alone, and a variable goes before the credential's") {
    World world;
    world.a->quota_project = "of-the-file";
    auto auth = world.auth();
    const auto field = [](const HttpRequest& request) {
        return std::string{request.headers.get("x-goog-user-project").value_or("(none)")};
    };
    CHECK(field(ok(world.authorized(auth, purpose::ControlPlane{}))) == "of-the-file");
    CHECK(field(ok(world.authorized(auth, purpose::Invocation{.audience = service_url}))) == "(none)");
    world.around.variables["GOOGLE_CLOUD_QUOTA_PROJECT"] = "of-the-variable";
    auto other = world.auth();
    CHECK(field(ok(world.authorized(other, purpose::ControlPlane{}))) == "of-the-variable");
    World without;
    auto plain = without.auth();
    HttpRequest again;
    again.headers.set("X-Goog-User-Project", "of-the-attempt-before");
    CHECK(field(ok(without.authorized(plain, purpose::ControlPlane{}, again))) == "(none)");
}

TEST_CASE("G8: the credential is found once and not again when tokens end, and no lock is held while one is fetched") {
    World world;
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer access-1");
    CHECK(world.calling(auth) == "Bearer identity-2");
    for (int hours = 0; hours < 5; ++hours) {
        world.around.time += 61min;
        world.managing(auth);
        world.calling(auth);
    }
    CHECK(world.a->fetched.size() == 12);
    CHECK(world.a->found == 1);

    // While a fetch is under way others go on: for another audience, and with the token that is still good.
    asio::steady_timer gate{world.io, asio::steady_timer::time_point::max()};
    world.a->gate = &gate;
    world.around.time += 57min;
    bool slow_done = false;
    auto slow = auth;
    const std::string slow_url = "https://slow.run.app";
    HttpRequest request;
    asio::co_spawn(world.io, slow.authorize(request, purpose::Invocation{.audience = slow_url}),
                   [&](std::exception_ptr, const result<void>& done) { slow_done = done.has_value(); });
    world.io.restart();
    world.io.poll();
    CHECK_FALSE(slow_done);
    HttpRequest quick;
    CHECK(auth.try_authorize(quick, purpose::Invocation{.audience = service_url}));
    CHECK(quick.headers.get("Authorization") == "Bearer identity-12");
    world.a->gate = nullptr;
    gate.cancel();
    world.settle();
    CHECK(slow_done);
}

TEST_CASE("G8: a credential is found anew when it was refused, or a token of it") {
    World world;
    auto auth = world.auth();
    const auto request = ok(world.authorized(auth, purpose::Invocation{.audience = service_url}));
    CHECK(auth.invalidate(request));
    CHECK(world.calling(auth) == "Bearer identity-2");
    CHECK(world.a->found == 2);
    CHECK(auth.invalidate(request));  // that token is gone already: the new one stays
    CHECK(world.calling(auth) == "Bearer identity-2");
    CHECK(world.a->found == 2);

    world.a->failure = refused();
    world.around.time += 61min;
    tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    world.around.time += 1min;
    world.a->failure.reset();
    CHECK(world.managing(auth) == "Bearer access-4");
    CHECK(world.a->found == 3);
    world.a->failure = Error{.code = errc::infrastructure, .message = "down", .retryable = true};
    world.around.time += 61min;
    tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    world.around.time += 1min;
    world.a->failure.reset();
    CHECK(world.managing(auth) == "Bearer access-6");
    CHECK(world.a->found == 3);
}

TEST_CASE("google: a refused access token is dropped and leaves ID tokens alone") {
    World world;
    auto auth = world.auth();
    const auto managing = ok(world.authorized(auth, purpose::ControlPlane{}));
    CHECK(world.calling(auth) == "Bearer identity-2");
    CHECK(auth.invalidate(managing));
    CHECK(world.managing(auth) == "Bearer access-3");
    CHECK(world.calling(auth) == "Bearer identity-2");
    CHECK(auth.invalidate());
    CHECK(world.managing(auth) == "Bearer access-4");
    bool again = true;  // a token server is not asked for ever
    for (int i = 0; i < 10 && again; ++i) {
        world.managing(auth);
        again = auth.invalidate();
    }
    CHECK_FALSE(again);
}

TEST_CASE("google: each token of many audiences is fetched by one for all who want it") {
    World world;
    asio::steady_timer gate{world.io, asio::steady_timer::time_point::max()};
    world.a->gate = &gate;
    auto auth = world.auth();
    constexpr std::size_t audiences = 200, callers = 3;
    std::vector<std::string> urls;
    for (std::size_t i = 0; i < audiences; ++i) urls.push_back("https://job-" + std::to_string(i) + ".run.app");
    std::vector<HttpRequest> requests(audiences * callers);
    std::size_t done = 0;
    for (std::size_t i = 0; i < requests.size(); ++i)
        asio::co_spawn(world.io, auth.authorize(requests[i], purpose::Invocation{.audience = urls[i % audiences]}),
                       [&](std::exception_ptr, const result<void>& outcome) { done += outcome.has_value() ? 1 : 0; });
    world.io.poll();
    CHECK(done == 0);
    CHECK(world.a->found == 1);
    CHECK(world.a->fetched.size() == audiences);
    world.a->gate = nullptr;
    gate.cancel();
    world.settle();
    CHECK(done == requests.size());
    CHECK(world.a->fetched.size() == audiences);
    CHECK(world.a->found == 1);
    bool same = true;
    for (std::size_t i = 0; i < audiences; ++i)
        for (std::size_t j = 1; j < callers; ++j)
            same = same && requests[i].headers.text() == requests[i + j * audiences].headers.text();
    CHECK(same);
}

TEST_CASE("google: a token is fetched ahead, behind the back of who uses it, and a failed refresh keeps it") {
    World world;
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer access-1");
    HttpRequest request;
    world.around.time += 55min;  // the metadata server would give the same token yet
    CHECK(auth.try_authorize(request, purpose::ControlPlane{}));
    world.settle();
    CHECK(world.a->fetched.size() == 1);

    world.a->failure = Error{.code = errc::infrastructure, .message = "down", .retryable = true};
    world.around.time += 3min;
    CHECK(auth.try_authorize(request, purpose::ControlPlane{}));
    world.settle();
    CHECK(world.a->fetched.size() == 2);
    CHECK(world.managing(auth) == "Bearer access-1");
    world.a->failure.reset();
    world.around.time += 31s;
    CHECK(world.managing(auth) == "Bearer access-1");
    world.settle();
    CHECK(world.managing(auth) == "Bearer access-3");
    CHECK(world.a->found == 1);
}

TEST_CASE("google: of too many audiences the one unused for longest is forgotten") {
    World world;
    auto auth = world.auth({.max_audiences = 2});
    CHECK(world.calling(auth, "https://a") == "Bearer identity-1");
    CHECK(world.calling(auth, "https://b") == "Bearer identity-2");
    CHECK(world.calling(auth, "https://a") == "Bearer identity-1");
    CHECK(world.calling(auth, "https://c") == "Bearer identity-3");
    CHECK(world.calling(auth, "https://a") == "Bearer identity-1");
    CHECK(world.calling(auth, "https://b") == "Bearer identity-4");
    CHECK(world.calling(auth, "https://c") == "Bearer identity-5");
}

TEST_CASE("google: a chain passes over who has nothing, stops at who is broken, and at its end tells what to do") {
    World world;
    world.a->finds = {not_here("A is not set")};
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer access-1");
    CHECK(world.b->found == 1);

    World dry;
    dry.a->finds = {not_here("A is not set")};
    dry.b->finds = {not_here("nobody is there")};
    auto nothing = dry.auth();
    const auto error = tests::failed(dry.authorized(nothing, purpose::ControlPlane{}));
    CHECK(error.code == errc::authentication);
    CHECK_FALSE(error.retryable);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message ==
          "there are no Google credentials; these were tried: source a (A is not set); source b (nobody is there). Run "
          "'gcloud auth application-default login', set GOOGLE_APPLICATION_CREDENTIALS to the path of a credential "
          "file, or run where a service account is attached");
    dry.around.time += 1min;
    dry.b->finds.clear();  // somebody signed in meanwhile
    CHECK(dry.managing(nothing) == "Bearer access-1");

    World broken;
    broken.a->finds = {Error{.code = errc::invalid_configuration, .message = "the file is broken"}};
    auto stops = broken.auth();
    CHECK(tests::failed(broken.authorized(stops, purpose::ControlPlane{})).message ==
          "Google credentials of source a: the file is broken");
    CHECK(broken.b->found == 0);
    broken.around.time += 1min;
    broken.a->throws = true;
    CHECK(tests::failed(broken.authorized(stops, purpose::ControlPlane{})).message ==
          "Google credentials of source a: out of order");
}

TEST_CASE("google: a token that has ended already is not sent") {
    World world;
    world.a->life = -1s;
    auto auth = world.auth();
    const auto error = tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "the token of the account of the test has ended already: check this machine's clock"));
}

TEST_CASE("google: the usual chain takes the file of the variable, and signs without asking anybody") {
    tests::GoogleWorld world;
    world.around.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/key.json";
    world.around.files["/key.json"] = boost::json::serialize(tests::service_account_json());
    GoogleAuth auth{gcp::DefaultChain{world.reach}};
    HttpRequest request;
    ok(tests::run(world.io, auth.authorize(request, purpose::ControlPlane{})));
    const auto field = std::string{request.headers.get("Authorization").value_or("")};
    REQUIRE(field.starts_with("Bearer "));
    CHECK(tests::account_key().has_signed(std::string_view{field}.substr(7)));
    CHECK(world.asked() == 0);
    const auto who = ok(tests::run(world.io, auth.provider().credential(deadline_after(1min))));
    CHECK(who->email == "jobs@file-project.iam.gserviceaccount.com");

    world.then_id_token(service_url);
    HttpRequest call;
    ok(tests::run(world.io, auth.authorize(call, purpose::Invocation{.audience = service_url})));
    CHECK(call.headers.get("Authorization") == "Bearer " + tests::id_token(service_url, world.now() + 3600));
    CHECK(world.asked() == 1);
    HttpRequest next;
    CHECK(auth.try_authorize(next, purpose::Invocation{.audience = service_url}));
    CHECK(world.asked() == 1);
}

TEST_CASE("google: fixed tokens are sent for what they are, and never one for the other") {
    boost::asio::io_context io;
    GoogleAuth auth{gcp::FixedTokens{"ya29.fixed", {{service_url, "id-fixed"}}, "paying"}};
    HttpRequest managing, calling;
    CHECK(auth.try_authorize(managing, purpose::ControlPlane{}));
    CHECK(managing.headers.text() == "Authorization: Bearer ya29.fixed\r\nx-goog-user-project: paying\r\n");
    CHECK(auth.try_authorize(calling, purpose::Invocation{.audience = service_url}));
    CHECK(calling.headers.text() == "Authorization: Bearer id-fixed\r\n");
    HttpRequest other;
    const auto error =
        tests::failed(tests::run(io, auth.authorize(other, purpose::Invocation{.audience = "https://x"})));
    CHECK(error.message == "FixedTokens was given no ID token for the audience 'https://x'");
    CHECK(other.headers.empty());
    CHECK_FALSE(auth.invalidate(managing));
}

namespace {

// Gives each audience a token that names it, on whatever thread it is asked.
struct Naming {
    static constexpr std::string_view name = "the naming source";
    static asio::awaitable<result<gcp::TimedToken>> give(Reach reach, TokenRequest request) {
        co_return gcp::TimedToken{.value = Secret{"for-" + request.target}, .expires = reach.environment->now() + 1h};
    }
    static asio::awaitable<result<gcp::CredentialSearch>> search() {
        gcp::CredentialSearch search;
        search.found = gcp::Credential{.fetch = [](Reach reach, TokenRequest request, Deadline) {
            return give(std::move(reach), std::move(request));
        }};
        co_return search;
    }
    asio::awaitable<result<gcp::CredentialSearch>> find(const Reach&, Deadline) const { return search(); }
};

asio::awaitable<void> call_often(GoogleAuth<gcp::Chain<Naming>> auth, int first, std::atomic<int>& right) {
    for (int i = 0; i < 300; ++i) {
        const std::string audience = "https://job-" + std::to_string((first + i) % 20) + ".run.app";
        const purpose::Invocation purpose{.audience = audience};
        HttpRequest request;
        if (!auth.try_authorize(request, purpose)) {
            auto authorizing = auth.authorize(request, purpose, deadline_after(1min));
            const auto done = co_await std::move(authorizing);
            if (!done) continue;
        }
        right += request.headers.get("Authorization") == "Bearer for-" + audience ? 1 : 0;
        if (i % 50 == 49) auth.invalidate(request);
    }
}

}  // namespace

TEST_CASE("google: four threads call many audiences, of which not all are kept, and each gets its own token") {
    asio::io_context io;
    const tests::AwsWorld around;
    Reach reach;
    reach.executor = io.get_executor();
    reach.environment = &around;
    const GoogleAuth<gcp::Chain<Naming>> auth{gcp::Chain<Naming>{reach, {.max_audiences = 8}}};
    std::atomic<int> right = 0;
    for (int i = 0; i < 8; ++i) asio::co_spawn(io, call_often(auth, i * 3, right), asio::detached);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    threads.clear();
    CHECK(right == 8 * 300);
}

}  // namespace google_auth_test
