#include "blueprint/faas/auth/azure/chain.hpp"
#include "blueprint/faas/auth/azure/client_certificate.hpp"
#include "blueprint/faas/auth/azure/client_secret.hpp"
#include "blueprint/faas/auth/azure/clouds.hpp"
#include "blueprint/faas/auth/azure/environment.hpp"
#include "blueprint/faas/auth/azure/names.hpp"
#include "blueprint/faas/auth/azure/workload_identity.hpp"
#include "blueprint/faas/auth/azure_ad.hpp"
#include "support/azure_world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace azure_credentials_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using azure::TokenRequest;
using tests::account_key;
using tests::azure_client;
using tests::azure_tenant;
using tests::failed_without;
using tests::jwt_part;
using tests::management_scope;
using tests::ok;
using tests::says;

namespace {

const std::string secret_text = "what~only+the app=knows";
const std::string token_url = "https://login.microsoftonline.com/" + azure_tenant + "/oauth2/v2.0/token";

struct World : tests::AzureWorld {
    World() { around.variables = {{"AZURE_TENANT_ID", azure_tenant}, {"AZURE_CLIENT_ID", azure_client}}; }
    azure::Credential with_secret() {
        around.variables["AZURE_CLIENT_SECRET"] = secret_text;
        return found(azure::credentials::Environment{});
    }
    azure::Credential with_certificate(std::string pem) {
        around.variables["AZURE_CLIENT_CERTIFICATE_PATH"] = "/app.pem";
        around.files["/app.pem"] = std::move(pem);
        return found(azure::credentials::Environment{});
    }
    /// The assertion that was sent, or what stands there instead.
    std::string assertion(std::size_t request) const { return form(request, "client_assertion"); }
};

/// Surroundings in which who waits for a token gives up while a file is read.
struct StopsAtFiles : tests::AwsWorld {
    mutable asio::cancellation_signal stop{};
    result<std::optional<Secret>> read_file(const std::string& path, std::size_t max_bytes) const override {
        stop.emit(asio::cancellation_type::terminal);
        return AwsWorld::read_file(path, max_bytes);
    }
};

/// The certificate of the application that the tests are, and one of its authority's; made once.
const tests::SelfSignedCertificate& app_certificate() {
    static const tests::SelfSignedCertificate made{account_key(), "app"};
    return made;
}
const tests::RsaPair& other_key() {
    static const tests::RsaPair made;
    return made;
}
const tests::SelfSignedCertificate& other_certificate() {
    static const tests::SelfSignedCertificate made{other_key(), "authority"};
    return made;
}

std::string base64(std::string_view bytes) { return detail::base64_encode(detail::bytes_of(bytes)); }

using Signed = AzureAd<azure::Chain<azure::credentials::ClientSecret>>;

/// Answers any thread with a token that names its scope, and is not that of anybody else.
asio::awaitable<result<HttpResponse>> name_the_scope(std::shared_ptr<std::atomic<int>> count, HttpRequest request) {
    const bool storage = tests::form_field(request.body.view(), "scope") == tests::blob_scope;
    HttpResponse answer;
    answer.status = 200;
    answer.body = R"({"token_type":"Bearer","expires_in":3599,"access_token":"of-)";
    answer.body += (storage ? "storage-" : "management-") + std::to_string(++*count) + "\"}";
    co_return answer;
}

asio::awaitable<void> ask_often(Signed auth, std::string_view service, bool refused, std::atomic<int>& right) {
    const purpose::ControlPlane managing{.service = service};
    const std::string_view own = service.empty() ? "Bearer of-management-" : "Bearer of-storage-";
    for (int i = 0; i < 300; ++i) {
        HttpRequest request;
        auto authorizing = auth.authorize(request, managing);
        const auto done = co_await std::move(authorizing);
        const std::string sent{request.headers.get("Authorization").value_or("")};
        if (done && sent.starts_with(own)) ++right;
        if (refused && i == 99) auth.provider().demand(sent, "{}");
    }
}

}  // namespace

TEST_CASE("azure: an application asks for a token with its secret, by a form and over TLS") {
    World world;
    const auto credential = world.with_secret();
    CHECK(credential.what == "the client secret of the application '" + azure_client + "'");
    CHECK(world.asked() == 0);
    world.then_token("eyJ0.eyJh.sig");
    const auto token = ok(world.fetch(credential));
    CHECK(token.value.reveal() == "eyJ0.eyJh.sig");
    CHECK(token.expires == world.around.time + 3598s);
    CHECK_FALSE(token.refresh_at.has_value());
    CHECK(world.url(0) == "POST " + token_url);
    CHECK(world.header(0, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(world.header(0, "Authorization") == "(none)");
    CHECK(world.form(0, "grant_type") == "client_credentials");
    CHECK(world.form(0, "client_id") == azure_client);
    CHECK(world.form(0, "client_secret") == secret_text);
    CHECK(world.form(0, "scope") == management_scope);
    CHECK(world.form(0, "claims") == "(none)");
    CHECK(world.form(0, "client_assertion") == "(none)");
    CHECK(world.form(0, "client_assertion_type") == "(none)");

    world.then_token("another", 86'399, R"(,"refresh_in":43199)");
    const auto longer = ok(world.fetch(credential, {.scope = tests::blob_scope, .claims = R"({"access_token":{}})"}));
    CHECK(longer.expires == world.around.time + 86'398s);
    CHECK(longer.refresh_at == world.around.time + 43'199s);
    CHECK(world.form(1, "scope") == tests::blob_scope);
    CHECK(world.form(1, "claims") == R"({"access_token":{}})");
}

TEST_CASE("azure: tokens come from who the cloud says") {
    struct Case {
        std::string given;
        std::string authority;  ///< empty: refused
    };
    for (const auto& [given, authority] :
         std::vector<Case>{{"", "https://login.microsoftonline.com"},
                           {"https://login.microsoftonline.us", "https://login.microsoftonline.us"},
                           {"https://login.chinacloudapi.cn/", "https://login.chinacloudapi.cn"},
                           {"Login.MicrosoftOnline.us", "https://login.microsoftonline.us"},
                           {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
                           {"https://localhost:8443/", "https://localhost:8443"},
                           {"http://login.microsoftonline.com", ""},
                           {"https://login.microsoftonline.com/common", ""},
                           {"https://user:pw@login.microsoftonline.com", ""},
                           {"ftp://login.microsoftonline.com", ""}}) {
        CAPTURE(given);
        World world;
        world.around.variables["AZURE_AUTHORITY_HOST"] = given;
        const auto resolved = azure::resolve_authority(world.around);
        if (authority.empty()) {
            const auto error = failed_without("pw@", azure::resolve_authority(world.around));
            CHECK(error.code == errc::invalid_configuration);
            CHECK(says(error, "AZURE_AUTHORITY_HOST"));
            continue;
        }
        CHECK(ok(resolved) == authority);
        world.then_token("x");
        ok(world.fetch(world.with_secret()));
        CHECK(world.url(0) == "POST " + authority + '/' + azure_tenant + "/oauth2/v2.0/token");
    }
    World world;
    world.around.variables["AZURE_AUTHORITY_HOST"] = "https://login.microsoftonline.us";
    CHECK(ok(azure::resolve_authority(world.around, "login.chinacloudapi.cn")) == "https://login.chinacloudapi.cn");
    CHECK(&azure::cloud_of("https://login.microsoftonline.us") == &azure::us_government_cloud);
    CHECK(&azure::cloud_of("https://login.chinacloudapi.cn") == &azure::china_cloud);
    CHECK(&azure::cloud_of("https://127.0.0.1:1") == &azure::public_cloud);
}

TEST_CASE("azure: what is no tenant or scope goes into no URL and no command line") {
    for (const std::string_view good : {"72f988bf-0000-4000-8000-000000000000", "contoso.onmicrosoft.com", "common"}) {
        CAPTURE(good);
        CHECK(azure::check_tenant(good, "AZURE_TENANT_ID").has_value());
    }
    for (const std::string bad : {"", "a/b", "a b", "a;b", "a?b", "../x", "a%2f", "-T", ".", "a..b", "a\nb", "ä"}) {
        CAPTURE(bad);
        const auto error = tests::failed(azure::check_tenant(bad, "AZURE_TENANT_ID"));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "AZURE_TENANT_ID"));
        CHECK(error.message.find('\n') == std::string::npos);
        World world;
        world.with_secret();
        world.around.variables["AZURE_TENANT_ID"] = bad;
        const auto outcome = world.find(azure::credentials::Environment{});
        if (bad.empty()) {
            CHECK(says(Error{.message = ok(outcome).not_here}, "AZURE_TENANT_ID"));
        } else {
            CHECK(says(tests::failed(outcome), "AZURE_TENANT_ID"));
        }
    }
    for (const std::string_view good : {"https://management.azure.com/.default", "api://app-1/.default", "a_b.c:d"})
        CHECK(azure::is_scope(good));
    for (const std::string_view bad : {"", "-o", "a b", "a'b", "a\"b", "a&b", "a;b", "a?b", "$(a)", "a\n"})
        CHECK_FALSE(azure::is_scope(bad));
    CHECK(azure::resource_of("https://management.azure.com/.default") == "https://management.azure.com");
    CHECK(azure::resource_of("https://vault.azure.net//.default") == "https://vault.azure.net/");
    CHECK(azure::resource_of("api://x") == "api://x");
}

TEST_CASE("azure: a refusal shows Microsoft Entra's number, what to do, and the trace that support asks for") {
    struct Case {
        std::uint64_t number;
        std::string_view name;
        errc code;
        std::string_view advice;
    };
    constexpr auto denied = errc::authentication;
    constexpr auto wrong = errc::invalid_configuration;
    for (const auto& [number, name, code, advice] :
         std::vector<Case>{{7000215, "invalid_client", denied, "value and not its id"},
                           {7000222, "invalid_client", denied, "has run out"},
                           {700016, "unauthorized_client", denied, "AZURE_CLIENT_ID and AZURE_TENANT_ID"},
                           {90002, "invalid_request", wrong, "AZURE_TENANT_ID"},
                           {700027, "invalid_client", denied, "add the certificate to the application"},
                           {700024, "invalid_client", denied, "clock"},
                           {70021, "invalid_request", denied, "issuer, subject and audience"},
                           {700213, "invalid_request", denied, "issuer, subject and audience"},
                           {50034, "invalid_grant", denied, "no such account"},
                           {500011, "invalid_resource", wrong, "check the scope"},
                           {1002012, "invalid_scope", wrong, "/.default"},
                           {424242, "invalid_client", denied, "check the application's secret or certificate"},
                           {424242, "invalid_scope", wrong, "scopes are such as"}}) {
        CAPTURE(number);
        World world;
        const auto credential = world.with_secret();
        world.then_refusal(400, name, number, "What happened, in Microsoft's words.");
        const auto error = failed_without(secret_text, world.fetch(credential));
        CHECK(error.code == code);
        CHECK(error.platform_code == "AADSTS" + std::to_string(number));
        CHECK(error.http_status == 400);
        CHECK_FALSE(error.retryable);
        CHECK(error.request_id == "1f5a-trace");
        CHECK(says(error, "(" + std::string{name} + ", AADSTS" + std::to_string(number) +
                              "): What happened, in Microsoft's words.; "));
        CHECK(says(error, advice));
        CHECK(says(error, token_url + " gives no token for '" + management_scope + "' by the client secret of"));
        CHECK_FALSE(says(error, "Trace ID"));
        CHECK(world.asked() == 1);
    }
}

TEST_CASE("azure: a number that only the description has is found, and an answer that is none of Entra's is told so") {
    World world;
    const auto credential = world.with_secret();
    Headers headers;
    headers.set("x-ms-request-id", "of-the-header");
    world.script->then(
        401, R"({"error":"invalid_client","error_description":"AADSTS7000222: It ended.\r\nTrace ID: 1"})", headers);
    const auto error = failed_without(secret_text, world.fetch(credential));
    CHECK(error.platform_code == "AADSTS7000222");
    CHECK(error.request_id == "of-the-header");
    CHECK(says(error, "(invalid_client, AADSTS7000222): It ended.; the secret has run out"));

    world.script->then(404, "<html>no such page</html>");
    const auto stranger = failed_without(secret_text, world.fetch(credential));
    CHECK(stranger.code == errc::invalid_configuration);
    CHECK(says(stranger, "(HTTP 404); check AZURE_AUTHORITY_HOST"));
    world.script->then(302, "");
    CHECK(says(failed_without(secret_text, world.fetch(credential)), "not sent on"));
    world.script->then(403, "");
    CHECK(failed_without(secret_text, world.fetch(credential)).code == errc::authentication);
}

TEST_CASE("azure: a secret that the server sends back is not shown, plain or encoded") {
    World world;
    const auto credential = world.with_secret();
    world.then_refusal(401, "invalid_client", 7000215, "You sent " + secret_text + ", and it is wrong.");
    const auto error = failed_without(secret_text, world.fetch(credential));
    CHECK(says(error, "You sent [redacted], and it is wrong."));
    const auto encoded = detail::percent_encode(secret_text);
    world.then_refusal(401, encoded, 7000215, "client_secret=" + encoded);
    const auto echo = failed_without(encoded, world.fetch(credential));
    CHECK(says(echo, "[redacted]"));
}

TEST_CASE("azure: what may pass by itself is tried again within the deadline, as patiently as the server asks") {
    Headers at_once;
    at_once.set("Retry-After", "0");
    struct Case {
        unsigned status;
        std::string_view name;
        errc code;
    };
    for (const auto& [status, name, code] :
         {Case{429, "temporarily_unavailable", errc::throttled}, Case{500, "server_error", errc::infrastructure},
          Case{503, "temporarily_unavailable", errc::infrastructure},
          Case{400, "temporarily_unavailable", errc::infrastructure}}) {
        CAPTURE(status);
        World world;
        const auto credential = world.with_secret();
        world.then_refusal(status, name, 1, "Busy.", at_once);
        world.then_token("after-all");
        CHECK(ok(world.fetch(credential)).value.reveal() == "after-all");
        CHECK(world.asked() == 2);

        for (int i = 0; i < 5; ++i) world.then_refusal(status, name, 1, "Busy.", at_once);
        const auto error = failed_without(secret_text, world.fetch(credential));
        CHECK(error.code == code);
        CHECK(error.retryable);
        CHECK(world.asked() == 5);  // thrice
    }
    World world;
    const auto credential = world.with_secret();
    Headers later;
    later.set("Retry-After", "120");
    world.then_refusal(429, "temporarily_unavailable", 1, "Busy.", later);
    const auto error = failed_without(secret_text, world.fetch(credential));  // within a minute
    CHECK(error.retry_after == 120s);
    CHECK(world.asked() == 1);

    world.script->then(502, "<html>a gateway that has nobody behind it</html>");
    world.script->then(Error{.code = errc::infrastructure, .message = "connection reset"});
    world.then_token("after-all");
    CHECK(ok(world.fetch(credential)).value.reveal() == "after-all");
    world.script->then(Error{.code = errc::timed_out, .message = "nobody answers"});
    const auto silent = failed_without(secret_text, world.fetch(credential));
    CHECK(says(silent, token_url + " could not be asked for token for"));
    CHECK(silent.code == errc::timed_out);
}

TEST_CASE("azure: an answer of 200 that has no good token is an error, and shows nothing of it") {
    for (const std::string_view body : {"", "no json", "[]", "{}", R"({"token_type":"Bearer","expires_in":3599})",
                                        R"({"token_type":"Bearer","access_token":"hush-hush hush"})",
                                        R"({"token_type":"mac","access_token":"hush-hush-hush"})",
                                        R"({"expires_in":-5,"access_token":"hush-hush-hush"})",
                                        R"({"expires_in":"soon","access_token":"hush-hush-hush"})"}) {
        CAPTURE(body);
        World world;
        const auto credential = world.with_secret();
        world.script->then(200, std::string{body});
        const auto error = failed_without("hush", world.fetch(credential));
        CHECK(error.code == errc::serialization);
        CHECK(says(error, token_url));
    }
}

TEST_CASE("azure: an application signs an assertion with the key of its certificate, by PS256") {
    World world;
    const auto credential = world.with_certificate(account_key().pkcs8() + app_certificate().pem());
    CHECK(credential.what == "the certificate of the application '" + azure_client + "'");
    world.then_token("first");
    world.then_token("second");
    CHECK(ok(world.fetch(credential)).value.reveal() == "first");
    ok(world.fetch(credential));
    CHECK(world.form(0, "client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    CHECK(world.form(0, "grant_type") == "client_credentials");
    CHECK(world.form(0, "client_secret") == "(none)");
    const auto assertion = world.assertion(0);
    CHECK(tests::has_signed_ps256(account_key(), assertion));
    CHECK_FALSE(account_key().has_signed(assertion));
    CHECK(jwt_part(assertion, 0) ==
          boost::json::object{{"alg", "PS256"},
                              {"typ", "JWT"},
                              {"x5t#S256", tests::thumbprint(app_certificate().der(), EVP_sha256())}});
    auto claims = jwt_part(assertion, 1);
    const std::string id{claims["jti"].as_string()};
    CHECK(id.size() == 36);
    CHECK(jwt_part(world.assertion(1), 1)["jti"].as_string() != id);
    claims.erase("jti");
    CHECK(claims == boost::json::object{{"aud", token_url},
                                        {"iss", azure_client},
                                        {"sub", azure_client},
                                        {"nbf", world.now()},
                                        {"exp", world.now() + 600}});
}

TEST_CASE("azure: an assertion may be signed by RS256, and have the certificates along") {
    World world;
    world.around.files["/all.pem"] = other_certificate().pem() + account_key().pkcs1() + app_certificate().pem();
    azure::ClientCertificateOptions options{
        .tenant = azure_tenant, .client_id = azure_client, .path = "/all.pem", .signature = RsaSignature::rs256};
    world.then_token("x");
    ok(world.fetch(world.found(azure::credentials::ClientCertificate{options})));
    CHECK(account_key().has_signed(world.assertion(0)));
    CHECK(jwt_part(world.assertion(0), 0) ==
          boost::json::object{
              {"alg", "RS256"}, {"typ", "JWT"}, {"x5t", tests::thumbprint(app_certificate().der(), EVP_sha1())}});

    options.send_chain = true;
    options.signature = RsaSignature::ps256;
    world.then_token("x");
    ok(world.fetch(world.found(azure::credentials::ClientCertificate{options})));
    CHECK(jwt_part(world.assertion(1), 0)["x5c"] ==
          boost::json::array{base64(app_certificate().der()), base64(other_certificate().der())});

    for (const auto& [value, sent] : std::map<std::string, bool>{
             {"true", true}, {"1", true}, {"TRUE", true}, {"", false}, {"0", false}, {"false", false}}) {
        CAPTURE(value);
        World around;
        around.around.variables["AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"] = value;
        around.then_token("x");
        ok(around.fetch(around.with_certificate(account_key().pkcs8() + app_certificate().pem())));
        CHECK(jwt_part(around.assertion(0), 0).contains("x5c") == sent);
    }
}

TEST_CASE("azure: a certificate's key may have a password, and a renewed certificate is used for the next token") {
    World world;
    world.around.variables["AZURE_CLIENT_CERTIFICATE_PASSWORD"] = "password";
    const auto credential = world.with_certificate(account_key().with_password() + app_certificate().pem());
    world.then_token("x");
    ok(world.fetch(credential));
    CHECK(tests::has_signed_ps256(account_key(), world.assertion(0)));

    world.around.files["/app.pem"] = other_key().pkcs8() + other_certificate().pem();
    world.then_token("x");
    ok(world.fetch(credential));
    CHECK(tests::has_signed_ps256(other_key(), world.assertion(1)));
    world.around.files.erase("/app.pem");
    CHECK(says(tests::failed(world.fetch(credential)), "'/app.pem', does not exist"));
    CHECK(world.asked() == 2);
}

TEST_CASE("azure: a certificate file that cannot be used is an error that says why, and shows nothing of the key") {
    const auto key = account_key().pkcs8();
    auto damaged = key;
    damaged.replace(200, 40, 40, 'A');
    struct Case {
        std::string text;
        std::string password;
        std::string_view why;
    };
    for (const auto& [text, password, why] : std::vector<Case>{
             {"", "", "is not in PEM"},
             {std::string{"\x30\x82\x01", 3}, "", "openssl pkcs12"},
             {app_certificate().pem(), "", "has no private key"},
             {key, "", "has no certificate; put it"},
             {key + other_certificate().pem(), "", "must belong together"},
             {damaged + app_certificate().pem(), "", "it is damaged"},
             {account_key().with_password() + app_certificate().pem(), "", "AZURE_CLIENT_CERTIFICATE_PASSWORD"},
             {account_key().with_password() + app_certificate().pem(), "not-that-one", "the password does not open it"},
             {std::string(70'000, 'x'), "", "too long"}}) {
        CAPTURE(why);
        World world;
        world.around.variables["AZURE_CLIENT_CERTIFICATE_PATH"] = "/app.pem";
        world.around.variables["AZURE_CLIENT_CERTIFICATE_PASSWORD"] = password;
        world.around.files["/app.pem"] = text;
        const auto error =
            failed_without(std::string_view{key}.substr(80, 24), world.find(azure::credentials::Environment{}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "AZURE_CLIENT_CERTIFICATE_PATH, '/app.pem',"));
        CHECK(says(error, why));
        CHECK_FALSE(says(error, "not-that-one"));
    }
    World world;
    world.around.variables["AZURE_CLIENT_CERTIFICATE_PATH"] = "/nowhere.pem";
    CHECK(says(tests::failed(world.find(azure::credentials::Environment{})), "does not exist"));
}

TEST_CASE("Z4: the environment's application is found by its variables, a secret before a certificate") {
    const std::map<std::string, std::string> all{{"AZURE_TENANT_ID", azure_tenant},
                                                 {"AZURE_CLIENT_ID", azure_client},
                                                 {"AZURE_CLIENT_SECRET", secret_text},
                                                 {"AZURE_CLIENT_CERTIFICATE_PATH", "/app.pem"}};
    struct Case {
        std::vector<std::string> missing;
        std::string_view says;  ///< of who it is, or why there is nobody
    };
    for (const auto& [missing, says_so] :
         std::vector<Case>{{{}, "the client secret of"},
                           {{"AZURE_CLIENT_SECRET"}, "the certificate of"},
                           {{"AZURE_CLIENT_CERTIFICATE_PATH"}, "the client secret of"},
                           {{"AZURE_TENANT_ID"}, "not set: AZURE_TENANT_ID"},
                           {{"AZURE_CLIENT_ID", "AZURE_TENANT_ID"}, "not set: AZURE_TENANT_ID and AZURE_CLIENT_ID"},
                           {{"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"},
                            "not set: AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH"}}) {
        CAPTURE(says_so);
        for (const bool empty : {false, true}) {  // an empty variable is not set
            World world;
            world.around.variables = all;
            world.around.files["/app.pem"] = account_key().pkcs8() + app_certificate().pem();
            for (const auto& name : missing) world.around.variables[name].clear();
            if (!empty)
                for (const auto& name : missing) world.around.variables.erase(name);
            const auto search = ok(world.find(azure::credentials::Environment{}));
            CHECK((search.found ? search.found->what : search.not_here).find(says_so) == 0);
            CHECK(world.asked() == 0);
        }
    }
}

TEST_CASE("azure: a user's name and password are not used, and the error says why") {
    World world;
    world.around.variables["AZURE_USERNAME"] = "somebody@contoso.com";
    world.around.variables["AZURE_PASSWORD"] = "hush-hush-hush";
    const auto error = failed_without("hush", world.find(azure::credentials::Environment{}));
    CHECK(error.code == errc::unsupported);
    CHECK(says(error, "second factor"));
    world.with_secret();  // of the application's own secret nobody is in doubt
    world.around.variables.erase("AZURE_CLIENT_ID");
    CHECK_FALSE(ok(world.find(azure::credentials::Environment{})).found.has_value());
}

TEST_CASE("azure: a caller may give tenant, application and secret, and errors name the options") {
    World world;
    world.around.variables.clear();
    azure::ClientSecretOptions options{.tenant = "contoso.com",
                                       .client_id = azure_client,
                                       .secret = secret_text,
                                       .authority = "https://login.microsoftonline.us"};
    world.then_token("x");
    ok(world.fetch(world.found(azure::credentials::ClientSecret{options})));
    CHECK(world.url(0) == "POST https://login.microsoftonline.us/contoso.com/oauth2/v2.0/token");
    options.tenant = "a/b";
    CHECK(says(failed_without(secret_text, world.find(azure::credentials::ClientSecret{options})),
               "ClientSecretOptions::tenant"));
    options.tenant = "contoso.com";
    options.client_id.clear();
    CHECK(says(failed_without(secret_text, azure::client_secret(world.around, options)),
               "ClientSecretOptions::client_id"));
    options.secret = {};
    CHECK(says(tests::failed(azure::client_secret(world.around, options)), "ClientSecretOptions::secret is empty"));
    CHECK(says(tests::failed(azure::client_certificate(world.around, {.tenant = "t", .client_id = "c"})),
               "ClientCertificateOptions::path is empty"));
}

TEST_CASE("azure: a workload shows the token of its file, which is read anew for every token") {
    World world;
    world.around.variables["AZURE_FEDERATED_TOKEN_FILE"] = "/token";
    world.around.files["/token"] = "who.the-cluster.says-it-is\n";
    const auto credential = world.found(azure::credentials::WorkloadIdentity{});
    CHECK(credential.what == "the workload identity of the application '" + azure_client + "'");
    world.then_token("first");
    CHECK(ok(world.fetch(credential)).value.reveal() == "first");
    CHECK(world.url(0) == "POST " + token_url);
    CHECK(world.assertion(0) == "who.the-cluster.says-it-is");
    CHECK(world.form(0, "client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    CHECK(world.form(0, "client_id") == azure_client);
    world.around.files["/token"] = "a.later.one";
    world.then_token("second");
    ok(world.fetch(credential));
    CHECK(world.assertion(1) == "a.later.one");

    world.then_refusal(401, "invalid_client", 700213, "No matching federated identity record for a.later.one.");
    const auto refused = failed_without("a.later.one", world.fetch(credential));
    CHECK(says(refused, "federated-credential list"));
    for (const auto& [file, code] :
         std::map<std::string, errc>{{" \n", errc::authentication}, {"", errc::authentication}}) {
        world.around.files["/token"] = file;
        const auto error = tests::failed(world.fetch(credential));
        CHECK(error.code == code);
        CHECK(says(error, "'/token'"));
    }
    world.around.files.erase("/token");
    CHECK(says(tests::failed(world.fetch(credential)), "does not exist"));
    CHECK(says(tests::failed(world.find(azure::credentials::WorkloadIdentity{})), "does not exist"));
    CHECK(world.asked() == 3);
}

TEST_CASE("azure: a workload identity is not here without all of its variables, or is what the caller gives") {
    for (const std::string name : {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"}) {
        CAPTURE(name);
        World world;
        world.around.variables["AZURE_FEDERATED_TOKEN_FILE"] = "/token";
        world.around.files["/token"] = "a.b.c";
        world.around.variables[name].clear();
        const auto search = ok(world.find(azure::credentials::WorkloadIdentity{}));
        CHECK_FALSE(search.found.has_value());
        CHECK(search.not_here == "not set: " + name);
    }
    World world;
    world.around.variables.clear();
    world.around.files["/mine"] = "a.b.c";
    world.then_token("x");
    ok(world.fetch(world.found(azure::credentials::WorkloadIdentity{
        {.tenant = "contoso.com", .client_id = "app", .token_file = "/mine", .authority = "login.chinacloudapi.cn"}})));
    CHECK(world.url(0) == "POST https://login.chinacloudapi.cn/contoso.com/oauth2/v2.0/token");
    CHECK(world.form(0, "client_id") == "app");
}

TEST_CASE("azure: a workload that is cancelled while its file is read throws nothing") {
    World world;
    world.around.files["/token"] = "a.b.c";
    const auto credential = world.found(azure::credentials::WorkloadIdentity{{.token_file = "/token"}});
    StopsAtFiles around;
    around.files = world.around.files;
    world.reach.environment = &around;
    world.then_token("x");
    bool ended = false;
    asio::co_spawn(world.io, credential.fetch(world.reach, {.scope = management_scope}, deadline_after(1min)),
                   asio::bind_cancellation_slot(around.stop.slot(), [&](std::exception_ptr thrown, auto) {
                       CHECK(thrown == nullptr);
                       ended = true;
                   }));
    world.io.restart();
    world.io.run();
    CHECK(ended);
}

TEST_CASE("azure: four threads manage and store, and each gets the token of its scope") {
    asio::io_context io;
    const tests::AwsWorld around;
    Reach reach;
    reach.executor = io.get_executor();
    reach.environment = &around;
    reach.exchange = [count = std::make_shared<std::atomic<int>>()](HttpRequest request, Deadline) {
        return name_the_scope(count, std::move(request));
    };
    azure::credentials::ClientSecret source{{.tenant = "contoso.com", .client_id = "app", .secret = secret_text}};
    const Signed auth{azure::Chain<azure::credentials::ClientSecret>{reach, {}, source}};
    std::atomic<int> right = 0;
    for (int i = 0; i < 8; ++i)
        asio::co_spawn(io, ask_often(auth, i % 2 == 0 ? "" : "storage", i < 4, right), asio::detached);
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    threads.clear();
    CHECK(right.load() == 8 * 300);
}

}  // namespace azure_credentials_test
