#include "blueprint/faas/auth/azure/chain.hpp"
#include "blueprint/faas/auth/azure/environment.hpp"
#include "blueprint/faas/auth/azure/workload_identity.hpp"
#include "blueprint/faas/auth/azure_ad.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/resilience/standard.hpp"
#include "support/azure_world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace azure_auth_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using azure::TokenRequest;
using tests::blob_scope;
using tests::management_scope;
using tests::ok;
using tests::says;

namespace {

const std::string claims_text = R"({"access_token":{"nbf":{"essential":true,"value":"1767312000"}}})";

/// How a source and its credential behave, and what they were asked.
struct Plan {
    std::deque<result<azure::CredentialSearch>> finds{};  ///< in that order, the last for ever; empty: a credential
    std::optional<Error> failure{};                       ///< of every fetch
    std::chrono::milliseconds life{1h};
    std::optional<std::chrono::milliseconds> refresh_in{};
    asio::steady_timer* gate = nullptr;  ///< is waited for by every fetch
    bool throws = false;                 ///< the source does
    int found = 0;
    std::vector<TokenRequest> fetched{};
};

asio::awaitable<result<azure::TimedToken>> fetch(std::shared_ptr<Plan> plan, Reach reach, TokenRequest request) {
    plan->fetched.push_back(request);
    const std::string name = "token-" + std::to_string(plan->fetched.size());
    if (plan->gate != nullptr) co_await plan->gate->async_wait(asio::as_tuple(asio::use_awaitable));
    if (plan->failure) co_return *plan->failure;
    const auto now = reach.environment->now();
    azure::TimedToken token{.value = Secret{name}, .expires = now + plan->life};
    if (plan->refresh_in) token.refresh_at = now + *plan->refresh_in;
    co_return token;
}

template <char letter>
struct Source {
    static constexpr char text[] = {'S', 'o', 'u', 'r', 'c', 'e', letter, '\0'};
    static constexpr std::string_view name = text;
    std::shared_ptr<Plan> plan;

    asio::awaitable<result<azure::CredentialSearch>> find(const Reach&, Deadline) const { return answer(plan); }
    static asio::awaitable<result<azure::CredentialSearch>> answer(std::shared_ptr<Plan> plan) {
        ++plan->found;
        if (plan->throws) throw std::runtime_error{"out of order"};
        if (!plan->finds.empty()) {
            auto said = plan->finds.front();
            if (plan->finds.size() > 1) plan->finds.pop_front();
            co_return said;
        }
        azure::CredentialSearch search;
        search.found = azure::Credential{.what = "the application of the test",
                                         .fetch = [plan](Reach reach, TokenRequest request, Deadline) {
                                             return fetch(plan, std::move(reach), std::move(request));
                                         }};
        co_return search;
    }
};
using Two = azure::Chain<Source<'A'>, Source<'B'>>;
static_assert(azure::TokenProvider<Two>);
static_assert(Auth<AzureAd<Two>>);

azure::CredentialSearch not_here(std::string why) { return {.not_here = std::move(why)}; }

Error failure(errc code, std::string message, bool retryable = false) {
    return {.code = code, .message = std::move(message), .retryable = retryable, .execution = Execution::not_started};
}

/// The answer by which Azure ends a token before its time.
HttpResponse challenge(std::string_view claims = claims_text) {
    HttpResponse answer;
    answer.status = 401;
    answer.headers.set(
        "WWW-Authenticate",
        R"(Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize",)"
        R"( error="insufficient_claims", claims=")" +
            detail::base64_encode(detail::bytes_of(claims)) + '"');
    return answer;
}

struct World : tests::AzureWorld {
    std::shared_ptr<Plan> a = std::make_shared<Plan>();
    std::shared_ptr<Plan> b = std::make_shared<Plan>();

    AzureAd<Two> auth(azure::ChainOptions options = {}) {
        return AzureAd<Two>{Two{reach, std::move(options), Source<'A'>{a}, Source<'B'>{b}}};
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
    std::string storing(AuthPolicy& auth) {
        return sent(auth, purpose::ControlPlane{.service = "storage"});
    }
    /// Lets a refresh that was begun run to its end.
    void settle() {
        io.restart();
        io.run();
    }
};

}  // namespace

TEST_CASE("azure: the management API and storage get a token each, made for their scope") {
    World world;
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer token-1");
    CHECK(world.storing(auth) == "Bearer token-2");
    CHECK(world.managing(auth) == "Bearer token-1");
    CHECK(world.storing(auth) == "Bearer token-2");
    CHECK(world.a->fetched == std::vector<TokenRequest>{{.scope = management_scope}, {.scope = blob_scope}});
    CHECK(world.a->found == 1);
    const auto error = tests::failed(world.authorized(auth, purpose::ControlPlane{.service = "queue"}));
    CHECK(error.code == errc::unsupported);
    CHECK(says(error, "'queue'"));
    CHECK(world.a->fetched.size() == 2);
}

TEST_CASE("azure: calls and uploads get no token, and nobody is asked for one") {
    World world;
    auto auth = world.auth();
    HttpRequest call;
    call.headers.set("x-functions-key", "the key of the app");
    const auto sent =
        ok(world.authorized(auth, purpose::Invocation{.audience = "https://app.azurewebsites.net"}, call));
    CHECK(sent.headers.text() == call.headers.text());
    CHECK(ok(world.authorized(auth, purpose::Upload{})).headers.empty());
    CHECK(world.a->found == 0);
    // A key that is refused is no token that could be fetched anew.
    CHECK(world.managing(auth) == "Bearer token-1");
    CHECK_FALSE(auth.invalidate(sent));
    CHECK(world.managing(auth) == "Bearer token-1");
}

TEST_CASE("azure: the scopes are those of the cloud") {
    struct Case {
        std::string_view authority;
        std::string_view scope;
    };
    for (const auto& [authority, scope] :
         {Case{"https://login.microsoftonline.com", "https://management.azure.com/.default"},
          Case{"https://login.microsoftonline.us", "https://management.usgovcloudapi.net/.default"},
          Case{"https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"},
          Case{"https://login.partner.microsoftonline.cn", "https://management.chinacloudapi.cn/.default"},
          Case{"https://127.0.0.1:7443", "https://management.azure.com/.default"}}) {
        CAPTURE(authority);
        World world;
        Two chain{world.reach, {}, Source<'A'>{world.a}, Source<'B'>{world.b}};
        AzureAd<Two> auth{chain, azure::scopes_of(azure::cloud_of(authority))};
        world.managing(auth);
        world.storing(auth);
        CHECK(world.a->fetched == std::vector<TokenRequest>{{.scope = std::string{scope}}, {.scope = blob_scope}});
    }
}

TEST_CASE("azure: a scope that could mean something else elsewhere is asked of nobody") {
    World world;
    Two chain{world.reach, {}, Source<'A'>{world.a}, Source<'B'>{world.b}};
    for (const std::string scope : {"", "https://a b/.default", "x\";rm", "-o", "$(id)", "https://a/.default&x=1"}) {
        CAPTURE(scope);
        const auto error = tests::failed(tests::run(world.io, chain.get(scope, deadline_after(1min))));
        CHECK(error.code == errc::invalid_configuration);
    }
    CHECK(world.a->found == 0);
}

TEST_CASE("azure: fixed tokens are given for their scope alone, and never renewed") {
    World world;
    AzureAd<azure::FixedTokens> auth{azure::FixedTokens{{{management_scope, "given"}}}};
    CHECK(world.managing(auth) == "Bearer given");
    HttpRequest request = ok(world.authorized(auth, purpose::ControlPlane{}));
    CHECK_FALSE(auth.invalidate(request));
    CHECK_FALSE(auth.invalidate());
    auth.observe(request, challenge());
    CHECK(world.managing(auth) == "Bearer given");
    const auto error = tests::failed(world.authorized(auth, purpose::ControlPlane{.service = "storage"}));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, blob_scope));
}

TEST_CASE("Z4: an application of the environment signs in, and a workload, not only who has signed in to a tool") {
    World world;
    using Chain = azure::Chain<azure::credentials::Environment, azure::credentials::WorkloadIdentity, Source<'A'>>;
    const auto chain = [&] { return AzureAd<Chain>{Chain{world.reach, {}, {}, {}, Source<'A'>{world.a}}}; };
    auto& variables = world.around.variables;
    variables = {{"AZURE_TENANT_ID", tests::azure_tenant}, {"AZURE_CLIENT_ID", tests::azure_client}};
    auto by_tool = chain();
    CHECK(world.managing(by_tool) == "Bearer token-1");

    variables["AZURE_FEDERATED_TOKEN_FILE"] = "/token";
    world.around.files["/token"] = "who-the-cluster-says-it-is";
    world.then_token("of-the-workload");
    auto by_workload = chain();
    CHECK(world.managing(by_workload) == "Bearer of-the-workload");
    CHECK(world.form(0, "client_assertion") == "who-the-cluster-says-it-is");

    variables["AZURE_CLIENT_SECRET"] = "what-only-the-app-knows";
    world.then_token("of-the-environment");
    auto by_secret = chain();
    CHECK(world.managing(by_secret) == "Bearer of-the-environment");
    CHECK(world.form(1, "client_secret") == "what-only-the-app-knows");
    CHECK(world.a->found == 1);
}

TEST_CASE("azure: a source that is not here is passed over, and who is dry names all that were tried") {
    World world;
    world.a->finds = {not_here("AZURE_CLIENT_ID is not set")};
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer token-1");
    CHECK(world.b->fetched.size() == 1);

    World dry;
    dry.a->finds = {not_here("AZURE_CLIENT_ID is not set")};
    dry.b->finds = {not_here("nobody answers")};
    auto none = dry.auth();
    const auto error = tests::failed(dry.authorized(none, purpose::ControlPlane{}));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "SourceA (AZURE_CLIENT_ID is not set); SourceB (nobody answers)"));
    CHECK(says(error, "az login"));
    CHECK(error.execution == Execution::not_started);
}

TEST_CASE("azure: who is configured and fails ends the search, and the next source is not asked") {
    World broken;
    broken.a->finds = {failure(errc::invalid_configuration, "the file is damaged")};
    auto auth = broken.auth();
    const auto error = tests::failed(broken.authorized(auth, purpose::ControlPlane{}));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "Azure credentials of SourceA: the file is damaged"));
    CHECK(broken.b->found == 0);

    World refused;
    refused.a->failure = failure(errc::authentication, "AADSTS7000215");
    auto wrong = refused.auth();
    CHECK(tests::failed(refused.authorized(wrong, purpose::ControlPlane{})).message == "AADSTS7000215");
    CHECK(refused.b->found == 0);

    World thrown;
    thrown.a->throws = true;
    auto throwing = thrown.auth();
    CHECK(says(tests::failed(thrown.authorized(throwing, purpose::ControlPlane{})), "out of order"));
    CHECK(thrown.b->found == 0);
}

TEST_CASE("azure: a credential that is not there when it is first used is passed over, but not one that gave a token") {
    World world;
    world.a->failure = failure(errc::not_found, "no identity is assigned");
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer token-1");
    CHECK(world.a->fetched.size() == 1);
    CHECK(world.storing(auth) == "Bearer token-2");  // the first success is remembered
    CHECK(world.a->fetched.size() == 1);
    world.b->failure = failure(errc::not_found, "it has gone");
    world.around.time += 2h;
    const auto gone = tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    CHECK(gone.message == "it has gone");
    CHECK(gone.code == errc::authentication);

    World dry;
    dry.a->failure = failure(errc::not_found, "no identity is assigned");
    dry.b->failure = failure(errc::not_found, "nobody is signed in");
    auto none = dry.auth();
    const auto error = tests::failed(dry.authorized(none, purpose::ControlPlane{}));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "SourceA (no identity is assigned); SourceB (nobody is signed in)"));
    dry.a->failure.reset();  // somebody has assigned one
    dry.around.time += 1min;
    auto another = dry.auth();
    CHECK(dry.managing(another) == "Bearer token-2");
    dry.around.time += 1min;
    CHECK(dry.managing(none) == "Bearer token-3");
}

TEST_CASE("azure: the credential is found once and not again when tokens end") {
    World world;
    auto auth = world.auth();
    for (int hours = 0; hours < 5; ++hours) {
        world.managing(auth);
        world.storing(auth);
        world.around.time += 61min;
    }
    CHECK(world.a->fetched.size() == 10);
    CHECK(world.a->found == 1);
}

TEST_CASE("azure: a credential is found anew when it was refused, or a token of it") {
    World world;
    auto auth = world.auth();
    const auto request = ok(world.authorized(auth, purpose::ControlPlane{}));
    CHECK(world.storing(auth) == "Bearer token-2");
    CHECK(auth.invalidate(request));
    CHECK(world.managing(auth) == "Bearer token-3");
    CHECK(world.storing(auth) == "Bearer token-2");
    CHECK(world.a->found == 2);
    CHECK(auth.invalidate(request));  // that token is gone already: the new one stays
    CHECK(world.managing(auth) == "Bearer token-3");
    CHECK(world.a->found == 2);

    world.a->failure = failure(errc::authentication, "AADSTS7000222");
    world.around.time += 61min;
    tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    world.around.time += 1min;
    world.a->failure.reset();
    CHECK(world.managing(auth) == "Bearer token-5");
    CHECK(world.a->found == 3);
    world.a->failure = failure(errc::infrastructure, "down", true);
    world.around.time += 61min;
    tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    world.around.time += 1min;
    world.a->failure.reset();
    CHECK(world.managing(auth) == "Bearer token-7");
    CHECK(world.a->found == 3);
    CHECK(auth.invalidate());
    CHECK(world.managing(auth) == "Bearer token-8");
    bool again = true;  // a token server is not asked for ever
    for (int i = 0; i < 10 && again; ++i) {
        world.managing(auth);
        again = auth.invalidate();
    }
    CHECK_FALSE(again);
}

TEST_CASE("azure: a token is fetched by one for all who want it, and by others for other scopes") {
    World world;
    asio::steady_timer gate{world.io, asio::steady_timer::time_point::max()};
    world.a->gate = &gate;
    auto auth = world.auth();
    std::vector<HttpRequest> requests(6);
    std::size_t done = 0;
    for (std::size_t i = 0; i < requests.size(); ++i)
        asio::co_spawn(world.io,
                       auth.authorize(requests[i], purpose::ControlPlane{.service = i % 2 == 0 ? "" : "storage"}),
                       [&](std::exception_ptr, const result<void>& outcome) { done += outcome ? 1U : 0U; });
    world.io.poll();
    CHECK(done == 0);
    CHECK(world.a->fetched.size() == 2);
    world.a->gate = nullptr;
    gate.cancel();
    world.settle();
    CHECK(done == requests.size());
    CHECK(world.a->fetched.size() == 2);
    CHECK(requests[0].headers.get("Authorization") != requests[1].headers.get("Authorization"));
    CHECK(requests[0].headers.get("Authorization") == requests[4].headers.get("Authorization"));
}

TEST_CASE("azure: a token is fetched anew in the background before its last five minutes, and kept if that fails") {
    World world;
    auto auth = world.auth();
    CHECK(world.managing(auth) == "Bearer token-1");
    world.around.time += 51min;
    CHECK(world.managing(auth) == "Bearer token-1");
    world.settle();
    CHECK(world.a->fetched.size() == 1);

    world.a->failure = failure(errc::infrastructure, "down", true);
    world.around.time += 4min;  // 5 minutes are left
    HttpRequest request;
    CHECK(auth.try_authorize(request, purpose::ControlPlane{}));
    CHECK(request.headers.get("Authorization") == "Bearer token-1");
    world.settle();
    CHECK(world.a->fetched.size() == 2);
    world.around.time += 1min;
    CHECK(world.managing(auth) == "Bearer token-1");
    world.settle();
    CHECK(world.a->fetched.size() == 3);

    world.a->failure.reset();
    world.around.time += 1min;
    CHECK(world.managing(auth) == "Bearer token-1");
    world.settle();
    CHECK(world.managing(auth) == "Bearer token-4");
    CHECK(world.a->fetched.size() == 4);
}

TEST_CASE("azure: a token is fetched anew when who gave it says so, and a long one after half of its life") {
    struct Case {
        std::chrono::milliseconds life;
        std::optional<std::chrono::milliseconds> told;
        std::chrono::milliseconds fresh;  ///< how old it gets without being fetched anew
    };
    for (const auto& [life, told, fresh] :
         {Case{24h, {}, 12h}, Case{24h, 20h, 20h}, Case{2h, {}, 113min}, Case{1h, 30min, 30min}, Case{1h, 2h, 53min}}) {
        CAPTURE(life.count());
        CAPTURE(fresh.count());
        World world;
        world.a->life = life;
        world.a->refresh_in = told;
        auto auth = world.auth();
        CHECK(world.managing(auth) == "Bearer token-1");
        world.around.time += fresh - 1min;
        CHECK(world.managing(auth) == "Bearer token-1");
        world.settle();
        CHECK(world.a->fetched.size() == 1);
        world.around.time += 4min;
        CHECK(world.managing(auth) == "Bearer token-1");  // it is still good
        world.settle();
        CHECK(world.managing(auth) == "Bearer token-2");
    }
}

TEST_CASE("azure: a token that has ended when it comes is an error that names the clock") {
    World world;
    world.a->life = -1s;
    auto auth = world.auth();
    const auto error = tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "this machine's clock"));
}

TEST_CASE("azure: the claims of a refusal are read, and nothing else is taken for them") {
    const auto encoded = detail::base64_encode(detail::bytes_of(claims_text));
    const auto url_safe = detail::base64url_encode(detail::bytes_of(R"({"a":"??>>"})"));
    struct Case {
        std::string field;
        std::optional<std::string> claims;
    };
    for (const auto& [field, claims] : std::vector<Case>{
             {R"(Bearer error="insufficient_claims", claims=")" + encoded + '"', claims_text},
             {"bearer claims=" + encoded + " , error=insufficient_claims", claims_text},
             {R"(Bearer realm="x, claims=e30=", Error="insufficient_claims", Claims=")" + encoded + '"', claims_text},
             {R"(Bearer error="insufficient_claims", claims=")" + url_safe + '"', R"({"a":"??>>"})"},
             {R"(Bearer error="invalid_token", claims=")" + encoded + '"', {}},
             {R"(Bearer error="insufficient_claims")", {}},
             {R"(Bearer error="insufficient_claims", claims="")", {}},
             {R"(Bearer error="insufficient_claims", claims="%%%")", {}},
             {R"(Bearer error="insufficient_claims", claims="bm8ganNvbg==")", {}},
             {R"(Bearer error="insufficient_claims", claims="WzFd")", {}},  // [1]
             {R"(Basic realm="scm")", {}},
             {"=", {}},
             {R"(Bearer error=")", {}},
             {"", {}}}) {
        CAPTURE(field);
        Headers headers;
        headers.add("WWW-Authenticate", "Basic realm=\"other\"");
        headers.add("www-authenticate", field);
        CHECK(azure::demanded_claims(headers) == claims);
    }
    CHECK_FALSE(azure::demanded_claims(Headers{}).has_value());
}

TEST_CASE("azure: a token that Azure ends before its time is asked for once more with the claims it wants, once") {
    World world;
    auto auth = world.auth();
    CHECK(world.storing(auth) == "Bearer token-1");
    const auto request = ok(world.authorized(auth, purpose::ControlPlane{}));
    auth.observe(request, challenge());
    CHECK(auth.invalidate(request));
    CHECK(world.managing(auth) == "Bearer token-3");
    CHECK(world.a->fetched.back() == TokenRequest{.scope = management_scope, .claims = claims_text});
    CHECK(world.a->found == 1);  // the credential is not what was refused
    CHECK(world.storing(auth) == "Bearer token-1");
    auth.observe(request, challenge("{}"));  // of a token that is gone already
    CHECK(world.managing(auth) == "Bearer token-3");
    world.around.time += 61min;
    CHECK(world.managing(auth) == "Bearer token-4");
    CHECK(world.storing(auth) == "Bearer token-5");
    for (const auto* fetched : {&world.a->fetched[3], &world.a->fetched[4]}) CHECK(fetched->claims.empty());
}

TEST_CASE("azure: an answer without claims, or to a request without a token, changes nothing") {
    World world;
    auto auth = world.auth();
    const auto request = ok(world.authorized(auth, purpose::ControlPlane{}));
    HttpResponse forbidden = challenge();
    forbidden.status = 403;
    HttpResponse expired;
    expired.status = 401;
    expired.headers.set("WWW-Authenticate", R"(Bearer error="invalid_token")");
    auth.observe(request, forbidden);
    auth.observe(request, expired);
    auth.observe(HttpRequest{}, challenge());
    CHECK(world.managing(auth) == "Bearer token-1");
    CHECK(world.a->fetched.size() == 1);
}

TEST_CASE("azure: claims stay demanded while the token server is down, and are dropped when it refuses them") {
    World world;
    auto auth = world.auth();
    const auto refuse = [&] { auth.observe(ok(world.authorized(auth, purpose::ControlPlane{})), challenge()); };
    refuse();
    world.a->failure = failure(errc::infrastructure, "down", true);
    tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    world.around.time += 1min;
    world.a->failure.reset();
    CHECK(world.managing(auth) == "Bearer token-3");
    CHECK(world.a->fetched.back().claims == claims_text);

    refuse();
    world.a->failure = failure(errc::authentication, "sign in anew");
    tests::failed(world.authorized(auth, purpose::ControlPlane{}));
    CHECK(world.a->fetched.back().claims == claims_text);
    world.around.time += 1min;
    world.a->failure.reset();
    CHECK(world.managing(auth) == "Bearer token-5");
    CHECK(world.a->fetched.back().claims.empty());
}

TEST_CASE("azure: an exchange that is refused for its claims is repeated at once with a token that has them") {
    World world;
    auto auth = world.auth();
    world.script->answers.emplace_back(challenge());
    world.script->then(200, "{}");
    world.script->answers.emplace_back(challenge());
    world.script->answers.emplace_back(challenge("{}"));
    InMemoryTransport transport = tests::play(world.io, world.script);
    StandardResilience resilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}};
    const auto ask = [&] {
        Link<InMemoryTransport, AzureAd<Two>, StandardResilience> link{transport, auth, resilience,
                                                                       deadline_after(1min), world.around};
        HttpRequest request;
        request.origin.host = "management.azure.com";
        const auto judge = [](const HttpResponse& answer) -> std::optional<Error> {
            if (answer.status == 200) return std::nullopt;
            return Error{.code = errc::authentication, .message = "refused", .retryable = answer.status == 401};
        };
        return tests::run(world.io, link.exchange(request, purpose::ControlPlane{}, Repeat::safe, judge));
    };
    CHECK(ok(ask()).status == 200);
    CHECK(world.header(0, "Authorization") == "Bearer token-1");
    CHECK(world.header(1, "Authorization") == "Bearer token-2");
    CHECK(world.a->fetched.back() == TokenRequest{.scope = management_scope, .claims = claims_text});
    CHECK(tests::failed(ask()).code == errc::authentication);  // once: no endless quarrel
    CHECK(world.asked() == 4);
    CHECK(world.a->fetched.size() == 3);
}

}  // namespace azure_auth_test
