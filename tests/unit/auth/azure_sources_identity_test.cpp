#include "blueprint/faas/auth/azure/impl/identity_schedule.hpp"
#include "blueprint/faas/auth/azure/managed_identity.hpp"
#include "support/source_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace azure_sources_identity_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using azure::credentials::ManagedIdentity;
using azure::credentials::ManagedIdentityOptions;
using tests::ok;
using tests::says;

namespace {

const std::string arm = "https://management.azure.com/.default";
const std::string resource = "resource=https%3A%2F%2Fmanagement.azure.com";
const std::string token_path = "/metadata/identity/oauth2/token";
const std::string machine = "http://169.254.169.254" + token_path;
const std::string arc = "http://127.0.0.1:40342" + token_path;
const std::string no_identity = R"({"error":"invalid_request","error_description":"Identity not found"})";
const ManagedIdentityOptions hasty{.renewal = {.max_attempts = 8, .first_delay = 0ms}};

struct World : tests::SourceWorld {
    explicit World(std::vector<std::pair<std::string, std::string>> variables = {}) {
        for (auto& [name, value] : variables) around.variables[name] = value;
    }
    void then_token(std::string_view token = "token-of-identity", std::chrono::seconds life = 1h) {
        script->then(200, R"({"access_token":")" + std::string{token} + R"(","expires_on":")" +
                              std::to_string(now() + life.count()) + R"(","token_type":"Bearer"})");
    }
    void then_refused() { script->then(400, R"({"error":"invalid_request"})"); }  // a probe, by Azure's own service
    azure::Credential credential(ManagedIdentityOptions options = hasty) {
        auto search = ok(find(ManagedIdentity{std::move(options)}));
        REQUIRE_MESSAGE(search.found.has_value(), search.not_here);
        return *search.found;
    }
    /// The credential of a machine, after it was looked for.
    azure::Credential of_machine(ManagedIdentityOptions options = hasty) {
        then_refused();
        auto found = credential(std::move(options));
        script->seen.clear();
        return found;
    }
    result<azure::TimedToken> fetch(const azure::Credential& credential, std::string scope = arm) {
        return tests::run(io, credential.fetch(reach, {.scope = std::move(scope)}, deadline_after(2min)));
    }
    std::string not_here(ManagedIdentityOptions options = hasty) {
        const auto search = ok(find(ManagedIdentity{std::move(options)}));
        CHECK_FALSE(search.found.has_value());
        return search.not_here;
    }
};

/// Returns an error that tells nothing it must not.
template <class T>
Error failed(result<T> outcome) {
    Error error = tests::failed(std::move(outcome));
    std::ostringstream text;
    text << error;
    for (const std::string_view secret : {"header-secret", "token-of-identity", "key-of-the-agent", "not-to-be-seen"})
        CHECK_MESSAGE(text.str().find(secret) == std::string::npos, text.str());
    CHECK(error.execution == Execution::not_started);
    return error;
}

Error no_answer() { return {.code = errc::infrastructure, .message = "no connection", .retryable = true}; }

Headers challenge(std::string_view text) {
    Headers headers;
    headers.set("WWW-Authenticate", text);
    return headers;
}

}  // namespace

TEST_CASE("azure: each platform's managed identity is asked as that platform wants it") {
    struct Row {
        std::vector<std::pair<std::string, std::string>> variables;
        ManagedIdentityOptions options;
        std::string url, field, value, what;
    };
    const std::string msi = "http://127.0.0.1:41741/msi/token";
    const std::pair<std::string, std::string> endpoint{"IDENTITY_ENDPOINT", msi};
    const std::pair<std::string, std::string> old{"MSI_ENDPOINT", msi};
    const std::pair<std::string, std::string> header{"IDENTITY_HEADER", "header-secret-1"};
    const std::pair<std::string, std::string> secret{"MSI_SECRET", "header-secret-2"};
    const std::string app_service = msi + "?api-version=2019-08-01&" + resource;
    const std::string learning = msi + "?api-version=2017-09-01&" + resource;
    for (const auto& row : std::vector<Row>{
             {{endpoint, header}, {}, app_service, "X-IDENTITY-HEADER", "header-secret-1", "App Service"},
             {{endpoint, header, old, secret}, {}, app_service, "X-IDENTITY-HEADER", "header-secret-1", "App Service"},
             {{endpoint, header, {"AZURE_CLIENT_ID", "id 1"}},
              {},
              app_service + "&client_id=id%201",
              "X-IDENTITY-HEADER",
              "header-secret-1",
              "'id 1' of the identity endpoint of App Service"},
             {{endpoint, header, {"AZURE_CLIENT_ID", "id-1"}},
              {.object_id = "id-2"},
              app_service + "&object_id=id-2",
              "X-IDENTITY-HEADER",
              "header-secret-1",
              "'id-2'"},
             {{endpoint, header},
              {.resource_id = "/a/b"},
              app_service + "&mi_res_id=%2Fa%2Fb",
              "X-IDENTITY-HEADER",
              "header-secret-1",
              "'/a/b'"},
             {{old, secret}, {}, learning, "secret", "header-secret-2", "Machine Learning"},
             {{old, secret, {"DEFAULT_IDENTITY_CLIENT_ID", "id-3"}},
              {},
              learning + "&clientid=id-3",
              "secret",
              "header-secret-2",
              "Machine Learning"},
             {{old, secret, {"DEFAULT_IDENTITY_CLIENT_ID", "id-3"}},
              {.client_id = "id-4"},
              learning + "&clientid=id-4",
              "secret",
              "header-secret-2",
              "'id-4'"},
             {{{"IDENTITY_ENDPOINT", arc}, {"IMDS_ENDPOINT", "http://127.0.0.1:40342"}},
              {},
              arc + "?api-version=2020-06-01&" + resource,
              "Metadata",
              "true",
              "the agent of Azure Arc"},
             {{{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1/"}},
              {.resource_id = "/a"},
              "http://127.0.0.1:1" + token_path + "?api-version=2018-02-01&" + resource + "&msi_res_id=%2Fa",
              "Metadata",
              "true",
              "AZURE_POD_IDENTITY_AUTHORITY_HOST"},
             {{{"AZURE_TOKEN_CREDENTIALS", "managedidentitycredential"}},
              {.client_id = "id-5"},
              machine + "?api-version=2018-02-01&" + resource + "&client_id=id-5",
              "Metadata",
              "true",
              "'id-5' of the metadata service"},
         }) {
        CAPTURE(row.url);
        World world{row.variables};
        const auto credential = world.credential(row.options);
        CHECK(world.asked() == 0);
        CHECK(credential.what.find(row.what) != std::string::npos);
        world.then_token();
        const auto token = ok(world.fetch(credential));
        CHECK(token.value.reveal() == "token-of-identity");
        CHECK((token.expires == world.around.time + 1h));
        REQUIRE(world.asked() == 1);
        CHECK(world.url(0) == "GET " + row.url);
        CHECK(world.header(0, row.field) == row.value);
        CHECK((world.header(0, "Metadata") == "true") == (row.field == "Metadata"));
    }
}

TEST_CASE("azure: Cloud Shell is asked by a form, and knows no user-assigned identities") {
    World world{{{"MSI_ENDPOINT", "http://localhost:50342/oauth2/token"}}};
    const auto credential = world.credential();
    world.then_token();
    ok(world.fetch(credential));
    CHECK(world.url(0) == "POST http://localhost:50342/oauth2/token");
    CHECK(world.header(0, "Metadata") == "true");
    CHECK(world.header(0, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(world.script->seen[0].body == resource);

    CHECK(says(failed(world.find(ManagedIdentity{{.client_id = "id"}})), "has no user-assigned identities"));
    world.around.variables["AZURE_CLIENT_ID"] = "id";
    CHECK(world.not_here() ==
          "Cloud Shell (MSI_ENDPOINT) has no user-assigned identities, and AZURE_CLIENT_ID names one");
}

TEST_CASE("azure: what cannot be asked for is told before anybody is asked") {
    struct Row {
        std::vector<std::pair<std::string, std::string>> variables;
        ManagedIdentityOptions options;
        errc code;
        std::string told;
    };
    const std::pair<std::string, std::string> endpoint{"IDENTITY_ENDPOINT", "https://127.0.0.1:1/"};
    const std::pair<std::string, std::string> header{"IDENTITY_HEADER", "header-secret-1"};
    for (const auto& row : std::vector<Row>{
             {{endpoint, header, {"IDENTITY_SERVER_THUMBPRINT", "ab"}}, {}, errc::unsupported, "Service Fabric"},
             {{{"IDENTITY_ENDPOINT", "header-secret"}, header}, {}, errc::invalid_configuration, "IDENTITY_ENDPOINT: "},
             {{{"MSI_ENDPOINT", "http://a b"}}, {}, errc::invalid_configuration, "MSI_ENDPOINT: "},
             {{endpoint, header},
              {.client_id = "a", .object_id = "b"},
              errc::invalid_configuration,
              "leave one of them"},
             {{{"MSI_ENDPOINT", "http://127.0.0.1"}, {"MSI_SECRET", "header-secret-2"}},
              {.resource_id = "/a"},
              errc::invalid_configuration,
              "by client id alone"},
             {{{"IDENTITY_ENDPOINT", "http://127.0.0.1.example.com/"}, {"IMDS_ENDPOINT", "x"}},
              {},
              errc::invalid_configuration,
              "runs on this machine"},
             {{{"IDENTITY_ENDPOINT", arc}, {"IMDS_ENDPOINT", "x"}},
              {.object_id = "a"},
              errc::invalid_configuration,
              "no user-assigned"},
             {{{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "127.0.0.1"}},
              {},
              errc::invalid_configuration,
              "AZURE_POD_IDENTITY_AUTHORITY_HOST: "},
             {{{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://a/?b=c"}}, {}, errc::invalid_configuration, "a query"},
         }) {
        CAPTURE(row.told);
        World world{row.variables};
        const auto error = failed(world.find(ManagedIdentity{row.options}));
        CHECK(error.code == row.code);
        CHECK(says(error, row.told));
        CHECK(world.asked() == 0);
    }
    World world{{endpoint, header}};
    const auto error = failed(world.fetch(world.credential(), "https://a.example.com&resource=b/.default"));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(world.asked() == 0);
}

TEST_CASE("azure: a machine's metadata service is looked for once, by a request that can get no token") {
    World world;
    world.then_refused();
    const auto credential = world.credential();
    CHECK(world.url(0) == "GET " + machine);
    CHECK(world.header(0, "Metadata") == "(none)");
    world.then_token();
    ok(world.fetch(credential));
    CHECK(world.url(1) == "GET " + machine + "?api-version=2018-02-01&" + resource);
    CHECK(world.header(1, "Metadata") == "true");
    CHECK(world.asked() == 2);

    Headers of_google;
    of_google.set("Metadata-Flavor", "Google");
    Headers of_amazon;
    of_amazon.set("Server", "EC2ws");
    World other;
    other.script->then(no_answer());
    CHECK(other.not_here() == "nobody is there to answer: no connection");
    other.script->then(403, "A socket operation was attempted to an unreachable network.");
    CHECK(other.not_here() == "the network of the metadata service is unreachable");
    other.script->then(404, "", of_amazon);
    CHECK(other.not_here() == "the metadata service that answers is that of Amazon");
    other.script->then(404, "", of_google);
    CHECK(other.not_here() == "the metadata service that answers is that of Google");
    CHECK(other.asked() == 4);
    other.script->then(Error{.code = errc::cancelled, .message = "cancelled"});
    CHECK(failed(other.find(ManagedIdentity{})).code == errc::cancelled);
}

TEST_CASE("azure: a machine without an identity says so at the first token, as somebody else's service does") {
    World world;
    const auto credential = world.of_machine();
    world.script->then(400, no_identity);
    const auto none = failed(world.fetch(credential));
    CHECK(none.code == errc::not_found);
    CHECK(none.platform_code == "invalid_request");
    CHECK(says(none, "Identity not found"));
    for (const unsigned status : {401U, 403U}) {
        world.script->then(status, "<html>");
        CHECK(failed(world.fetch(credential)).code == errc::not_found);
    }
    CHECK(world.asked() == 3);
    // Microsoft Entra refuses what an identity that is there asks for.
    world.script->then(400, R"({"error":"invalid_resource","error_description":"AADSTS500011: not-there"})");
    const auto wrong_scope = failed(world.fetch(credential));
    CHECK(wrong_scope.code == errc::authentication);
    CHECK(says(wrong_scope, "AADSTS500011"));
    world.script->then(403, R"({"error":"forbidden"})");
    CHECK(failed(world.fetch(credential)).code == errc::authentication);

    World app{{{"IDENTITY_ENDPOINT", "http://127.0.0.1:1/"}, {"IDENTITY_HEADER", "header-secret-1"}}};
    app.script->then(400, R"({"statusCode":400,"message":"No User Assigned identity for header-secret-1"})");
    const auto unassigned = failed(app.fetch(app.credential()));
    CHECK(unassigned.code == errc::authentication);
    CHECK(says(unassigned, "No User Assigned identity for [redacted]"));
}

TEST_CASE("azure: what passes by itself is asked again, and a renewal of the metadata service for 70 seconds") {
    for (const unsigned status : {404U, 408U, 429U, 500U, 503U}) {
        CAPTURE(status);
        World world;
        const auto credential = world.of_machine();
        for (int i = 0; i < 3; ++i) world.script->then(status, R"({"error":"busy"})");
        world.then_token();
        ok(world.fetch(credential));
        CHECK(world.asked() == 4);
        for (int i = 0; i < 4; ++i) world.script->then(status, R"({"error":"busy"})");
        const auto error = failed(world.fetch(credential));
        CHECK(error.http_status == status);
        CHECK(error.code == (status == 429 ? errc::throttled : errc::infrastructure));
        CHECK(world.asked() == 8);
    }
    World world;
    const auto credential = world.of_machine();
    for (int i = 0; i < 7; ++i) world.script->then(410, "");
    world.then_token();
    ok(world.fetch(credential));
    CHECK(world.asked() == 8);

    detail::azure_identity::IdentitySchedule schedule{ManagedIdentityOptions{}};
    const Error gone{.code = errc::infrastructure, .http_status = 410, .retryable = true};
    std::chrono::milliseconds waited{0};
    for (auto delay = schedule.after(gone, 0); delay; delay = schedule.after(gone, 0)) waited += *delay;
    CHECK((waited == 70s));

    World broken;
    const auto reached = broken.of_machine();
    for (int i = 0; i < 4; ++i) broken.script->then(no_answer());
    CHECK(failed(broken.fetch(reached)).code == errc::infrastructure);
    CHECK(broken.asked() == 4);
    broken.script->then(302, "not-to-be-seen");
    CHECK(says(failed(broken.fetch(reached)), "elsewhere"));
    broken.script->then(Error{.code = errc::invalid_configuration, .message = "no such peer"});
    CHECK(failed(broken.fetch(reached)).code == errc::invalid_configuration);
    CHECK(broken.asked() == 6);
}

TEST_CASE("azure: who is cancelled while a metadata service is renewed does not ask it again") {
    World world;
    const auto credential = world.of_machine({.renewal = {.max_attempts = 8, .first_delay = 1h}});
    world.script->then(410, "");
    world.then_token();
    asio::cancellation_signal stop;
    std::optional<result<azure::TimedToken>> outcome;
    asio::co_spawn(world.io, credential.fetch(world.reach, {.scope = arm}, deadline_after(24h)),
                   asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr, result<azure::TimedToken> token) {
                       outcome.emplace(std::move(token));
                   }));
    world.io.restart();
    world.io.poll();
    CHECK_FALSE(outcome.has_value());
    stop.emit(asio::cancellation_type::terminal);
    world.io.poll();
    REQUIRE(outcome.has_value());
    CHECK(failed(std::move(*outcome)).code == errc::cancelled);
    CHECK(world.asked() == 1);
}

TEST_CASE("azure: the agent of Azure Arc gets the proof that it wants, from its own directory alone") {
    const std::string key = "/var/opt/azcmagent/tokens/a-1.key";
    World world{{{"IDENTITY_ENDPOINT", arc}, {"IMDS_ENDPOINT", "http://127.0.0.1:40342"}}};
    world.around.files[key] = "key-of-the-agent\n";
    const auto credential = world.credential();
    for (const auto& field : {"Basic realm=" + key, "basic realm=\"" + key + '"'}) {
        world.script->seen.clear();
        world.script->then(401, "", challenge(field));
        world.then_token();
        ok(world.fetch(credential));
        REQUIRE(world.asked() == 2);
        CHECK(world.header(0, "Authorization") == "(none)");
        CHECK(world.header(1, "Authorization") == "Basic key-of-the-agent");
        CHECK(world.url(1) == world.url(0));
    }
    world.script->then(401, "", challenge("Basic realm=" + key));
    world.script->then(401, R"({"error":"unauthorized","error_description":"key-of-the-agent is old"})");
    const auto refused = failed(world.fetch(credential));
    CHECK(refused.code == errc::authentication);
    CHECK(says(refused, "[redacted] is old"));

    const std::string directory = "/var/opt/azcmagent/tokens";
    world.around.files["/etc/shadow"] = "not-to-be-seen";
    world.around.files["/etc/a.key"] = "not-to-be-seen";
    world.around.files[directory + "/a.txt"] = "not-to-be-seen";
    world.around.files[directory + "/../a.key"] = "not-to-be-seen";
    world.around.files[directory + "/b/a.key"] = "not-to-be-seen";
    world.around.files[directory + "/empty.key"] = "\n";
    world.around.files[directory + "/lines.key"] = "not-to-be-seen\r\nX: y";
    world.around.files[directory + "/long.key"] = std::string(4097, 'x');
    world.around.forbidden.insert(directory + "/closed.key");
    for (const auto& [field, told] : std::vector<std::pair<std::string, std::string>>{
             {"", "is not 'Basic realm='"},
             {"Basic realm=", "is not 'Basic realm='"},
             {"Bearer realm=" + key, "is not 'Basic realm='"},
             {"Basic realm=/etc/shadow", "is not in /var/opt/azcmagent/tokens"},
             {"Basic realm=/etc/a.key", "is not in /var/opt/azcmagent/tokens"},
             {"Basic realm=" + directory + "-of-another/a.key", "is not in /var/opt/azcmagent/tokens"},
             {"Basic realm=" + directory + "/../a.key", "is not a plain one"},
             {"Basic realm=" + directory + "/b/a.key", "is not a plain one"},
             {"Basic realm=" + directory + "/.key", "is not a plain one"},
             {"Basic realm=" + directory + "/a.key\" x", "is not a plain one"},
             {"Basic realm=" + directory + "/a.txt", "does not end with .key"},
             {"Basic realm=" + directory + "/absent.key", "does not exist"},
             {"Basic realm=" + directory + "/empty.key", "is empty"},
             {"Basic realm=" + directory + "/lines.key", "more than one line"},
             {"Basic realm=" + directory + "/long.key", "too long"},
             {"Basic realm=" + directory + "/closed.key", "group himds"},
         }) {
        CAPTURE(field);
        world.script->seen.clear();
        world.script->then(401, "", challenge(field));
        CHECK(says(failed(world.fetch(credential)), told));
        CHECK(world.asked() == 1);
    }

    // Installed, and not running: whoever else has a credential may give it.
    World installed;
    installed.around.files["/opt/azcmagent/bin/himds"] =
        "\x7f"
        "ELF";
    const auto silent = installed.credential();
    for (int i = 0; i < 4; ++i) installed.script->then(no_answer());
    CHECK(failed(installed.fetch(silent)).code == errc::not_found);
    CHECK(installed.url(0) == "GET " + arc + "?api-version=2020-06-01&" + resource);
}

TEST_CASE("azure: the end of an identity's token is read in every form in which platforms write it") {
    World world;
    const auto credential = world.of_machine();
    const auto midnight = world.around.time;  // of 2026-01-02
    const auto seconds = std::to_string(world.now() + 3600);
    for (const auto& [end, life] : std::vector<std::pair<std::string, std::chrono::seconds>>{
             {R"("expires_on":")" + seconds + '"', 1h},
             {R"("expires_on":)" + seconds, 1h},
             {R"("expires_on":)" + seconds + ".5", 1h},
             {R"("expires_on":"2026-01-02T01:00:00Z")", 1h},
             {R"("expires_on":"2026-01-02T03:00:00+02:00")", 1h},
             {R"("expires_on":"1/2/2026 1:00:00 AM +00:00")", 1h},
             {R"("expires_on":"01/02/2026 12:30:00 PM +00:00")", 12h + 30min},
             {R"("expires_on":"01/02/2026 12:30:00 AM +00:00")", 30min},
             {R"("expires_on":"1/2/2026 13:00:00 +00:00")", 13h},
             {R"("expires_in":"600")", 10min},
             {R"("expires_in":600)", 10min},
             {R"("expires_on":"soon","expires_in":600)", 10min},
         }) {
        CAPTURE(end);
        world.script->then(200, R"({"access_token":"token-of-identity",)" + end + "}");
        CHECK((ok(world.fetch(credential)).expires == midnight + life));
    }
    for (const auto& [body, told] : std::vector<std::pair<std::string, std::string>>{
             {"token-of-identity", "no JSON object"},
             {R"(["token-of-identity"])", "no JSON object"},
             {R"({"expires_in":600})", "no access_token"},
             {R"({"access_token":"token-of-identity\r\nX: y","expires_in":600})",
              "characters that no Bearer token has"},
             {R"({"access_token":"token-of-identity","token_type":"pop","expires_in":600})", "'pop' and not Bearer"},
             {R"({"access_token":"token-of-identity"})", "when the token ends"},
             {R"({"access_token":"token-of-identity","expires_on":-1})", "when the token ends"},
             {R"({"access_token":"token-of-identity","expires_on":"13/2/2026 1:00:00 AM +00:00"})", "when the token"},
             {R"({"access_token":"token-of-identity","expires_on":"1/2/2026 13:00:00 PM +00:00"})", "when the token"},
             {R"({"access_token":"token-of-identity","expires_on":"1/2/2026 1:00:00 AM +02:00"})", "when the token"},
             {R"({"access_token":"token-of-identity","expires_on":)" + std::to_string(world.now()) + "}", "has ended"},
         }) {
        CAPTURE(body);
        world.script->then(200, body);
        CHECK(says(failed(world.fetch(credential)), told));
    }
}

TEST_CASE("azure: an identity's token that lives for long is worth renewing at half of its life") {
    World world;
    const auto credential = world.of_machine();
    world.then_token("token-of-identity", 2h);
    CHECK_FALSE(ok(world.fetch(credential)).refresh_at.has_value());
    world.then_token("token-of-identity", 24h);
    CHECK((ok(world.fetch(credential)).refresh_at == world.around.time + 12h));
    world.script->then(200, R"({"access_token":"token-of-identity","expires_in":86400,"refresh_in":3600})");
    CHECK((ok(world.fetch(credential)).refresh_at == world.around.time + 1h));
}

}  // namespace azure_sources_identity_test
