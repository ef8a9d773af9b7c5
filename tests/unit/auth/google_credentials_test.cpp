#include "blueprint/faas/auth/gcp/authorized_user.hpp"
#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/service_account.hpp"
#include "blueprint/faas/auth/jwt.hpp"
#include "support/google_world.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace google_credentials_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using gcp::TokenRequest;
using tests::account_key;
using tests::failed_secretly;
using tests::GoogleWorld;
using tests::ok;
using tests::says;

namespace json = boost::json;

namespace {

const std::string function_url = "https://europe-west1-my-project.cloudfunctions.net/blueprint-job-0";
const std::string service_url = "https://blueprint-job-0-abc-ew.a.run.app";

gcp::Credential account(gcp::ServiceAccountOptions options = {}) {
    return ok(gcp::service_account(tests::service_account_json(), "/key.json", options));
}

gcp::Credential user() { return ok(gcp::authorized_user(tests::authorized_user_json(), "/adc.json")); }

Error broken_connection() {
    return {.code = errc::infrastructure, .message = "connection reset", .execution = Execution::unknown};
}

}  // namespace

TEST_CASE("jwt: what we sign is accepted with the public key, whichever way the private one is written") {
    const auto header = R"({"alg":"RS256","typ":"JWT"})", claims = R"({"iss":"a@b","iat":1})";
    for (const auto& pem : {account_key().pkcs8(), account_key().pkcs1()}) {
        const auto key = ok(RsaKey::from_pem(pem, "the key"));
        const auto token = ok(sign_jwt(key, header, claims));
        CHECK(account_key().has_signed(token.reveal()));
        CHECK_FALSE(tests::RsaPair{}.has_signed(token.reveal()));
        CHECK(token.reveal().starts_with("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhQGIiLCJpYXQiOjF9."));
        CHECK(token.reveal().find_first_of("+/=") == std::string_view::npos);
    }
    CHECK(tests::failed(sign_jwt(RsaKey{}, header, claims)).message == "there is no key to sign with");
}

TEST_CASE("jwt: a key that cannot be used is refused with what to do, and nothing of it is shown") {
    const auto pem = account_key().pkcs8();
    std::string escaped = pem, damaged = pem;
    for (auto at = escaped.find('\n'); at != std::string::npos; at = escaped.find('\n')) escaped.replace(at, 1, "\\n");
    damaged.erase(damaged.size() / 2, 8);
    const std::array<std::pair<std::string, std::string_view>, 7> table{{
        {"", "does not begin with"},
        {escaped, "unescape them once more"},
        {damaged, "it is damaged"},
        {account_key().with_password(), "a key with a password"},
        {account_key().public_key(), "it is a public key"},
        {tests::RsaPair{1024}.pkcs8(), "fewer than 2048 bits"},
        {std::string(70'000, 'x'), "too long"},
    }};
    for (const auto& [text, advice] : table) {
        CAPTURE(advice);
        const auto error = failed_secretly(RsaKey::from_pem(text, "'private_key' of '/key.json'"));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "'private_key' of '/key.json' is no private RSA key in PEM that can be used: "));
        CHECK(says(error, advice));
    }
}

TEST_CASE("jwt: Base64 for URLs has no padding, and claims are read without looking at the signature") {
    for (const auto& [plain, encoded] : std::vector<std::pair<std::string, std::string>>{
             {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xfb\xff\xbf", "-_-_"}}) {
        CHECK(detail::base64url_encode(detail::bytes_of(plain)) == encoded);
        const auto decoded = detail::base64url_decode(encoded);
        REQUIRE(decoded.has_value());
        CHECK(detail::text_of(*decoded) == plain);
    }
    for (const auto* text : {"Zg==", "+/+/", "Z", "Zh", "Zm9v Zg"})
        CHECK_FALSE(detail::base64url_decode(text).has_value());

    const auto claims = ok(read_unverified_jwt(tests::id_token(service_url, 1'770'000'000)));
    CHECK(claims.expires == std::chrono::system_clock::from_time_t(1'770'000'000));
    CHECK(claims.audiences == std::vector<std::string>{service_url});
    CHECK(claims.email == "a@b");
    const auto with = [](std::string_view body) {
        return "e30." + detail::base64url_encode(detail::bytes_of(body)) + ".c2ln";
    };
    CHECK(ok(read_unverified_jwt(with(R"({"aud":["a",1,"b"]})"))).audiences == std::vector<std::string>{"a", "b"});
    CHECK_FALSE(ok(read_unverified_jwt(with(R"({"exp":"soon"})"))).expires.has_value());
    for (const auto& text :
         {std::string{}, std::string{"a.b"}, std::string{"a.b.c.d"}, with("[]"), with("{"), std::string{"e30.*.c2ln"}})
        CHECK(tests::failed(read_unverified_jwt(text)).code == errc::serialization);
}

TEST_CASE("google: an access token of a service account is signed here, which saves the request") {
    GoogleWorld world;
    const auto credential = account();
    CHECK(credential.email == "jobs@file-project.iam.gserviceaccount.com");
    CHECK(credential.project == "file-project");
    CHECK(credential.universe_domain == "googleapis.com");
    const auto token = ok(world.fetch(credential, TokenRequest::access()));
    CHECK(world.asked() == 0);
    CHECK(account_key().has_signed(token.value.reveal()));
    CHECK(tests::jwt_part(token.value.reveal(), 0) == json::object{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "key-7"}});
    CHECK(tests::jwt_part(token.value.reveal(), 1) == json::object{{"sub", credential.email},
                                                                   {"scope", gcp::cloud_platform_scope},
                                                                   {"iss", credential.email},
                                                                   {"iat", world.now()},
                                                                   {"exp", world.now() + 3600}});
    CHECK(token.expires == world.around.time + 1h);
}

TEST_CASE("google: with self-signed tokens off, a service account asks the token endpoint by a signed assertion") {
    GoogleWorld world;
    world.then_access_token("ya29.given", 3599);
    const auto token = ok(world.fetch(account({.self_signed = false}), TokenRequest::access("scope-a scope-b")));
    CHECK(token.value.reveal() == "ya29.given");
    CHECK(token.expires == world.around.time + 3598s);
    CHECK(world.url(0) == "POST https://oauth2.googleapis.com/token");
    CHECK(world.header(0, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(world.header(0, "Authorization") == "(none)");
    CHECK(world.form(0, "grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const auto assertion = world.form(0, "assertion");
    CHECK(account_key().has_signed(assertion));
    CHECK(tests::jwt_part(assertion, 1) == json::object{{"aud", "https://oauth2.googleapis.com/token"},
                                                        {"scope", "scope-a scope-b"},
                                                        {"iss", "jobs@file-project.iam.gserviceaccount.com"},
                                                        {"iat", world.now()},
                                                        {"exp", world.now() + 3600}});
}

TEST_CASE("GCP pitfall 1: an ID token is asked for the whole URL of a function, and one for another is not taken") {
    GoogleWorld world;
    world.then_id_token(function_url);
    const auto token = ok(world.fetch(account(), TokenRequest::identity(function_url)));
    CHECK(token.expires == world.around.time + 1h);
    CHECK(world.asked() == 1);
    const auto claims = tests::jwt_part(world.form(0, "assertion"), 1);
    CHECK(std::string_view{claims.at("target_audience").as_string()} == function_url);
    world.then_id_token("https://europe-west1-my-project.cloudfunctions.net");
    const auto error = failed_secretly(world.fetch(account(), TokenRequest::identity(function_url)));
    CHECK(error.code == errc::serialization);
    CHECK(says(error, "not for the audience '" + function_url + "' but for "));
}

TEST_CASE("GCP pitfall 3: the audience of an ID token is never sent as a scope, and a wrong scope says so") {
    GoogleWorld world;
    world.then_id_token(service_url);
    ok(world.fetch(account(), TokenRequest::identity(service_url)));
    CHECK_FALSE(tests::jwt_part(world.form(0, "assertion"), 1).contains("scope"));
    CHECK(world.form(0, "scope") == "(none)");
    world.script->then(400,
                       R"({"error":"invalid_scope","error_description":"Invalid OAuth scope or ID token audience"})");
    const auto error = failed_secretly(world.fetch(account({.self_signed = false}), TokenRequest::access(service_url)));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "the URL of a service is no scope, but the audience of an ID token"));
}

TEST_CASE("google: in another universe access tokens are always signed here, and IAM makes the ID tokens") {
    GoogleWorld world;
    auto file = tests::service_account_json();
    file["universe_domain"] = "example-universe.test";
    const auto credential = ok(gcp::service_account(file, "/key.json", {.self_signed = false}));
    ok(world.fetch(credential, TokenRequest::access()));
    CHECK(world.asked() == 0);
    world.script->then(200, R"({"token":")" + tests::id_token(service_url, world.now() + 3600) + "\"}");
    const auto token = ok(world.fetch(credential, TokenRequest::identity(service_url)));
    CHECK(token.expires == world.around.time + 1h);
    CHECK(world.url(0) ==
          "POST https://iamcredentials.example-universe.test/v1/projects/-/serviceAccounts/"
          "jobs%40file-project.iam.gserviceaccount.com:generateIdToken");
    CHECK(account_key().has_signed(world.header(0, "Authorization").substr(7)));
    CHECK(json::parse(world.script->seen[0].body) == json::object{{"audience", service_url}, {"includeEmail", true}});
}

TEST_CASE("google: what a token endpoint refuses is told with what to do about it") {
    using Row = std::tuple<unsigned, std::string, errc, std::string_view>;
    const auto grant = [](std::string_view told) {
        return R"({"error":"invalid_grant","error_description":")" + std::string{told} + "\"}";
    };
    const std::array<Row, 9> table{{
        {400,
         grant("Invalid JWT: Token must be a short-lived token and in a reasonable timeframe. Check your iat and exp"),
         errc::authentication, "check this machine's clock"},
        {400, grant("Invalid JWT Signature."), errc::authentication, "the key was deleted or disabled"},
        {400, grant("Invalid grant: account not found"), errc::authentication, "the account was deleted"},
        {400, R"({"error":"invalid_grant","error_subtype":"invalid_rapt","error_description":"reauth related error"})",
         errc::authentication, "sign in again from time to time"},
        {401, R"({"error":"unauthorized_client","error_description":"x"})", errc::authentication, "check its scopes"},
        {400, R"({"error":"invalid_request"})", errc::invalid_configuration, "check the members"},
        {403, R"({"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}})", errc::authentication,
         "give who asks the right to do this in IAM"},
        {404, "<!DOCTYPE html><html>not here</html>", errc::invalid_configuration, "this may be no token endpoint"},
        {302, "", errc::invalid_configuration, "put the final address into the file"},
    }};
    for (const auto& [status, body, code, advice] : table) {
        CAPTURE(advice);
        GoogleWorld world;
        world.script->then(status, body);
        const auto error = failed_secretly(world.fetch(account(), TokenRequest::identity(service_url)));
        CHECK(error.code == code);
        CHECK(error.http_status == status);
        CHECK_FALSE(error.retryable);
        CHECK(says(error, "https://oauth2.googleapis.com/token gives no ID token of the service account 'jobs@"));
        CHECK(says(error, advice));
        CHECK(world.asked() == 1);
    }
}

TEST_CASE("google: what may pass by itself is asked again, three times at most and not beyond the deadline") {
    GoogleWorld world;
    world.script->then(503, "<html>busy</html>");
    world.script->then(broken_connection());
    world.then_id_token(service_url);
    ok(world.fetch(account(), TokenRequest::identity(service_url)));
    CHECK(world.asked() == 3);
    for (int i = 0; i < 3; ++i) world.script->then(429, R"({"error":"rate_limit_exceeded"})");
    const auto error = failed_secretly(world.fetch(account(), TokenRequest::identity(service_url)));
    CHECK(error.code == errc::throttled);
    CHECK(error.retryable);
    CHECK(world.asked() == 6);
    Headers later;
    later.set("Retry-After", "3600");
    for (const unsigned status : {503U, 408U}) {
        CAPTURE(status);
        world.script->then(status, "", later);
        const auto busy = failed_secretly(world.fetch(account(), TokenRequest::identity(service_url)));
        CHECK(busy.code == errc::infrastructure);
        CHECK(busy.retryable);
        CHECK(busy.retry_after == 3600s);
    }
    CHECK(world.asked() == 8);
}

TEST_CASE("google: an answer without the token, or with one that is none, is not taken") {
    for (const auto& [body, why] : std::vector<std::pair<std::string, std::string_view>>{
             {"", "its answer is no JSON object"},
             {"[]", "its answer is no JSON object"},
             {R"({"access_token":"ya29.secret"})", "it gave no id_token"},
             {R"({"id_token":"a b"})", "characters that no Bearer token has"},
             {R"({"id_token":"a.b.c"})", "its ID token is none"},
             {R"({"id_token":"e30.e30.c2ln"})", "does not say when it ends"},
             {R"({"id_token":"e30.e30.c2ln","token_type":"mac"})", "its token_type is 'mac' and not Bearer"},
             {R"({"id_token":"e30.e30.c2ln","expires_in":0})", "its expires_in is no number of seconds above 0"}}) {
        CAPTURE(body);
        GoogleWorld world;
        world.script->then(200, body);
        const auto error = failed_secretly(world.fetch(account(), TokenRequest::identity(service_url)));
        CHECK(error.code == errc::serialization);
        CHECK(says(error, why));
    }
}

TEST_CASE("google: an ID token that has ended already is not taken") {
    for (const auto& credential : {account(), user()}) {
        CAPTURE(credential.what);
        GoogleWorld world;
        for (const auto left : {0, -1, -86400})
            world.script->then(200, R"({"id_token":")" + tests::id_token(service_url, world.now() + left) +
                                        R"(","access_token":"ya29.secret","expires_in":3599})");
        for (int call = 0; call < 3; ++call) {
            const auto error = failed_secretly(world.fetch(credential, TokenRequest::identity(service_url)));
            CHECK(error.code == errc::authentication);
            CHECK(says(error, "that has ended already; check this machine's clock"));
        }
    }
}

TEST_CASE("google: a user's refresh token is exchanged, and neither it nor the client's secret is ever shown") {
    GoogleWorld world;
    const auto credential = user();
    CHECK(credential.quota_project == "paying-project");
    world.then_access_token("ya29.given");
    const auto token = ok(world.fetch(credential, TokenRequest::access()));
    CHECK(token.value.reveal() == "ya29.given");
    CHECK(world.url(0) == "POST https://oauth2.googleapis.com/token");
    CHECK(world.form(0, "grant_type") == "refresh_token");
    CHECK(world.form(0, "client_id") == "7-abc.apps.googleusercontent.com");
    CHECK(world.form(0, "client_secret") == "client-secret-of-gcloud");
    CHECK(world.form(0, "refresh_token") == "refresh-token-of-the-user");
    world.script->then(400, R"({"error":"invalid_grant","error_description":"Bad Request refresh-token-of-the-user"})");
    const auto error = failed_secretly(world.fetch(credential, TokenRequest::access()));
    CHECK(says(error, "run 'gcloud auth application-default login'"));
    CHECK(says(error, "Bad Request [redacted]"));
    // Long texts are cut, and half a secret would not be known for one.
    world.script->then(400, R"({"error":"invalid_grant","error_description":")" + std::string(240, 'x') +
                                "refresh-token-of-the-user\"}");
    CHECK(says(failed_secretly(world.fetch(credential, TokenRequest::access())), "xxx[redacted]"));
    world.script->then(401, R"({"error":"client-secret-of-gcloud"})");
    CHECK(failed_secretly(world.fetch(credential, TokenRequest::access())).platform_code == "[redacted]");
}

TEST_CASE("GCP pitfall 4: a user's ID token is sent as Google gives it, and where there is none the error says why") {
    GoogleWorld world;
    world.script->then(200, R"({"access_token":"ya29.secret","expires_in":3599,"id_token":")" +
                                tests::id_token("7-abc.apps.googleusercontent.com", world.now() + 1800) + "\"}");
    const auto token = ok(world.fetch(user(), TokenRequest::identity(service_url)));
    CHECK(ok(read_unverified_jwt(token.value)).audiences.front() == "7-abc.apps.googleusercontent.com");
    CHECK(token.expires == world.around.time + 30min);
    world.then_access_token("ya29.secret");
    const auto error = failed_secretly(world.fetch(user(), TokenRequest::identity(service_url)));
    CHECK(error.code == errc::authentication);
    CHECK(says(error, "users cannot get one for an audience"));
    CHECK(says(error, "--impersonate-service-account"));
}

TEST_CASE("google: a credential file that cannot be used says why and shows nothing of itself") {
    const auto without = [](std::string_view member) {
        auto file = tests::service_account_json();
        file.erase(member);
        return json::serialize(file);
    };
    const auto with = [](std::string_view member, std::string_view value) {
        auto file = tests::service_account_json();
        file[member] = value;
        return json::serialize(file);
    };
    GoogleWorld world;
    using Row = std::tuple<std::string, errc, std::string_view>;
    for (const auto& [text, code, why] : std::vector<Row>{
             {"", errc::invalid_configuration, "it is no JSON object"},
             {"[1]", errc::invalid_configuration, "it is no JSON object"},
             {"{}", errc::invalid_configuration, "it has no 'type'"},
             {R"({"installed":{}})", errc::invalid_configuration, "it is an OAuth client and not a credential"},
             {R"({"type":7})", errc::invalid_configuration, "it has no 'type'"},
             {R"({"type":"gdch_service_account"})", errc::unsupported, "air-gapped"},
             {R"({"type":"magic"})", errc::unsupported, "nothing is known of credentials of the type 'magic'"},
             {without("client_email"), errc::invalid_configuration, "it has no 'client_email'"},
             {without("private_key"), errc::invalid_configuration, "it has no 'private_key'"},
             {without("type"), errc::invalid_configuration, "it has no 'type'"},
             {with("token_uri", "http://example.com/token"), errc::invalid_configuration, "must begin with https://"},
             {with("token_uri", "http://127.example.com/"), errc::invalid_configuration, "must begin with https://"},
             {with("token_uri", "nonsense"), errc::invalid_configuration, "'token_uri' of '/key.json': bad URL"},
             {with("universe_domain", "a/b"), errc::invalid_configuration, "is no domain name"},
             {R"({"type":"authorized_user","client_id":"a","client_secret":"client-secret-of"})",
              errc::invalid_configuration, "it has no 'refresh_token'"}}) {
        CAPTURE(text.substr(0, 60));
        const auto error = failed_secretly(gcp::read_credential(text, "/key.json", world.around));
        CHECK(error.code == code);
        CHECK(says(error, "/key.json"));
        CHECK(says(error, why));
    }
    CHECK(ok(gcp::read_credential(json::serialize(tests::authorized_user_json()), "/adc.json", world.around)).what ==
          "the user of '/adc.json'");
    // A local cloud's token endpoint.
    ok(gcp::read_credential(with("token_uri", "http://127.0.0.1:8080/token"), "/key.json", world.around));
}

TEST_CASE("google: files are looked for where Google's libraries do, and one that is named must be there") {
    GoogleWorld world;
    const auto found = [&](const auto& source) {
        auto search = ok(world.find(source));
        return search.found ? search.found->what : "not here: " + search.not_here;
    };
    const gcp::credentials::EnvironmentFile named;
    const gcp::credentials::WellKnownFile left;
    CHECK(found(named) == "not here: GOOGLE_APPLICATION_CREDENTIALS is not set");
    CHECK(found(left) == "not here: neither CLOUDSDK_CONFIG nor HOME is set");
    world.around.variables["HOME"] = "/u";
    CHECK(found(left) == "not here: there is no '/u/.config/gcloud/application_default_credentials.json'");
    const auto user_file = json::serialize(tests::authorized_user_json());
    world.around.files["/u/.config/gcloud/application_default_credentials.json"] = user_file;
    CHECK(found(left) == "the user of '/u/.config/gcloud/application_default_credentials.json'");
    world.around.variables["CLOUDSDK_CONFIG"] = "/cfg";
    CHECK(found(left) == "not here: there is no '/cfg/application_default_credentials.json'");
    world.around.files["/cfg/application_default_credentials.json"] = user_file;
    CHECK(found(left) == "the user of '/cfg/application_default_credentials.json'");

    world.around.variables["GOOGLE_APPLICATION_CREDENTIALS"] = "/key.json";
    const auto missing = failed_secretly(world.find(named));
    CHECK(missing.code == errc::invalid_configuration);
    CHECK(says(missing, "GOOGLE_APPLICATION_CREDENTIALS names the file '/key.json', which does not exist"));
    world.around.files["/key.json"] = json::serialize(tests::service_account_json());
    CHECK(found(named) == "the service account 'jobs@file-project.iam.gserviceaccount.com' of '/key.json'");
    CHECK(found(gcp::credentials::JsonFile{"/key.json"}) == found(named));
    CHECK(says(failed_secretly(world.find(gcp::credentials::JsonFile{"/other.json"})), "the caller names the file"));
    world.around.forbidden.insert("/key.json");
    CHECK(says(failed_secretly(world.find(named)), "Permission denied"));
}

}  // namespace google_credentials_test
