#include "blueprint/faas/local/cloud.hpp"
#include "identity_lab.hpp"
#include "support/signed_request.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <functional>

namespace identity_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

const std::string invalid_credentials =
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
const std::string out_of_scope = "400 invalid_scope: Invalid OAuth scope or ID token audience provided.";

}  // namespace

TEST_CASE("local google: what a service account signed is worth an access token, which opens APIs until it ends") {
    IdentityLab lab;
    const auto reply = lab.show_assertion(lab.signed_by_known(lab.assertion_claims()));
    REQUIRE(reply.status == 200);
    CHECK(reply.field("cache-control").find("no-store") != std::string::npos);
    const auto content = json::parse(reply.body).as_object();
    CHECK(content.size() == 3);
    CHECK(content.at("token_type").as_string() == "Bearer");
    CHECK(content.at("expires_in").as_int64() == 3599);
    const auto token = IdentityLab::value(reply, "access_token");
    CHECK(token.starts_with("local-"));
    CHECK(lab.api(token).body == "serviceAccount:" + deployer + '|' + deployer + '|' + cloud_platform);
    CHECK(lab.get("/v2/x", {{"Authorization", "bearer " + token}}).status == 200);
    CHECK(lab.doors->reached_at == lab.server.url());

    lab.clock.advance(3598s);
    CHECK(lab.api(token).status == 200);
    lab.clock.advance(1s);
    const auto late = lab.api(token);
    CHECK(api_verdict(late) == "401 UNAUTHENTICATED ACCESS_TOKEN_EXPIRED: " + invalid_credentials);
    CHECK(late.field("www-authenticate") == "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"");
}

TEST_CASE("local google: an assertion that is not as Google wants it gets no token, and Google's own words") {
    IdentityLab lab;
    const auto right = lab.assertion_claims();
    const auto changed = [&](const char* name, json::value value) {
        auto claims = right;
        if (value.is_null())
            claims.erase(name);
        else
            claims[name] = std::move(value);
        return lab.signed_by_known(claims);
    };
    const auto good = lab.signed_by_known(right);
    const auto unsigned_part = good.substr(0, good.rfind('.'));
    const std::string signature = "400 invalid_grant: Invalid JWT Signature.";
    const std::string shape = "400 invalid_grant: Invalid JWT: it must have a header, claims and a signature.";
    const std::string audience =
        "400 invalid_grant: Invalid JWT: Failed audience check. The right audience is "
        "https://oauth2.googleapis.com/token";
    const std::string unauthorized =
        "401 unauthorized_client: Client is unauthorized to retrieve access tokens using this method, or client not "
        "authorized for any of the scopes requested.";
    auto both = right;
    both["target_audience"] = service_url;
    const auto claims = json::serialize(right);
    const std::vector<std::pair<std::string, std::string>> cases{
        {good, "200"},
        {changed("aud", "https://oauth2.googleapis.com/token"), "200"},
        {changed("sub", text_value(deployer)), "200"},
        {lab.signed_by_known(right, R"({"alg":"RS256"})"), "200"},
        {changed("iat", lab.now() + 299), "200"},
        {changed("exp", lab.now() + 60), "200"},
        {TokenKey::stranger().sign(R"({"alg":"RS256"})", claims), signature},
        {TokenKey::known().sign(R"({"alg":"RS512"})", claims), signature},
        {TokenKey::known().sign(R"({"alg":"none"})", claims), signature},
        {TokenKey::known().sign(R"({"alg":"RS256","kid":"key-2"})", claims), signature},
        {unsigned_part + '.', signature},
        {url_safe(R"({"alg":"RS256"})") + good.substr(good.find('.')), signature},
        {unsigned_part, shape},
        {good + ".x", shape},
        {good + "==", shape},
        {"a.b.c", shape},
        {changed("iss", "nobody@local-project.iam.gserviceaccount.com"),
         "400 invalid_grant: Invalid grant: account not found"},
        {changed("iss", text_value(caller)), signature},  // it has no key
        {changed("aud", "https://run.googleapis.com/"), audience},
        {changed("aud", text_value(lab.server.url() + "/token/")), audience},
        {changed("aud", nullptr), audience},
        {changed("exp", lab.now() + 3601), times},
        {changed("iat", lab.now() + 301), times},
        {changed("iat", lab.now() - 3600), times},  // so that it would live two hours
        {changed("exp", lab.now() - 301), times},
        {changed("iat", nullptr), times},
        {changed("exp", nullptr), times},
        {changed("sub", "alice@example.com"), unauthorized},
        {changed("scope", nullptr), out_of_scope},
        {changed("scope", "https://www.googleapis.com/auth/"), out_of_scope},
        {lab.signed_by_known(both), out_of_scope},
    };
    for (const auto& [assertion, expected] : cases) {
        CAPTURE(&assertion - &cases.front().first);
        CAPTURE(assertion);
        CHECK(oauth_verdict(lab.show_assertion(assertion)) == expected);
    }
    // An hour later the clock of whoever signed is wrong, or the token was kept.
    lab.clock.advance(2h);
    CHECK(oauth_verdict(lab.show_assertion(good)) == times);
}

TEST_CASE("GCP pitfall 3: the URL of a service is no scope") {
    IdentityLab lab;
    auto claims = lab.assertion_claims();
    claims["scope"] = service_url;
    CHECK(oauth_verdict(lab.show_assertion(lab.signed_by_known(claims))) == out_of_scope);
}

TEST_CASE("local google: the token endpoint takes forms alone") {
    IdentityLab lab;
    const std::string grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const auto body = "grant_type=" + detail::percent_encode(grant) + "&assertion=x";
    const std::string form = "application/x-www-form-urlencoded";
    const auto verdict = [&](std::string method, const std::string& type, const std::string& text) {
        return oauth_verdict(lab.ask(
            {.method = std::move(method), .target = "/token", .fields = {{"Content-Type", type}}, .body = text}));
    };
    const std::string shape = "400 invalid_grant: Invalid JWT: it must have a header, claims and a signature.";
    CHECK(verdict("POST", form, body) == shape);
    CHECK(verdict("POST", form + "; charset=UTF-8", body) == shape);
    CHECK(verdict("POST", "application/json", body) ==
          "400 invalid_request: The body must be application/x-www-form-urlencoded.");
    CHECK(verdict("PUT", form, body) == "405 invalid_request: Only POST is allowed here.");
    CHECK(verdict("POST", form, body + "&assertion=y") ==
          "400 invalid_request: The body is no form, or has a parameter twice.");
    CHECK(verdict("POST", form, body + "&a=%zz") ==
          "400 invalid_request: The body is no form, or has a parameter twice.");
    CHECK(verdict("POST", form, "grant_type=" + grant) == "400 invalid_request: Missing required parameter: assertion");
    CHECK(verdict("POST", form, "grant_type=password") == "400 unsupported_grant_type: Invalid grant_type: password");
    // In the query nothing counts.
    CHECK(oauth_verdict(lab.ask({.method = "POST", .target = "/token?" + body, .fields = {{"Content-Type", form}}})) ==
          "400 unsupported_grant_type: Invalid grant_type: ");
}

TEST_CASE("G1 and GCP pitfall 2: a service opens to an ID token, and answers 401 to an access token") {
    IdentityLab lab;
    const auto token = lab.id_token(service_url);
    CHECK(lab.call(token).body == "serviceAccount:" + deployer + '|' + deployer + '|');
    CHECK(lab.show("/call", token, "X-Serverless-Authorization").status == 200);
    check_unauthorized(lab.call(lab.access_token()));
    // The platform's own field comes first, whatever Authorization is for.
    CHECK(
        lab.get("/call", {{"Authorization", "Basic eDp5"}, {"X-Serverless-Authorization", "Bearer " + token}}).status ==
        200);
    check_unauthorized(lab.get("/call", {{"Authorization", "Bearer " + token},
                                         {"X-Serverless-Authorization", "Bearer " + lab.access_token()}}));
    check_unauthorized(lab.get("/call", {{"Authorization", token}}));
    const auto nobody = lab.get("/call");
    CHECK(nobody.status == 403);
    CHECK(nobody.field("content-type").starts_with("text/html"));
    CHECK(nobody.body.find("does not have permission") != std::string::npos);
    // Nor does an ID token open an API.
    CHECK(api_verdict(lab.api(token)) == "401 UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED: " + invalid_credentials);
}

TEST_CASE("GCP pitfall 1: an ID token is for its audience letter by letter") {
    IdentityLab lab;
    const std::string function = "https://europe-west1-local-project.cloudfunctions.net/job-0";
    CHECK(lab.call(lab.id_token(function)).status == 200);
    for (const std::string audience :
         {"https://europe-west1-local-project.cloudfunctions.net",
          "https://europe-west1-local-project.cloudfunctions.net/", "https://job-0-abc-ew.a.run.app/",
          "https://job-0-abc-ew.a.run.app/run", "http://job-0-abc-ew.a.run.app", "job-0-abc-ew.a.run.app",
          "https://job-1-abc-ew.a.run.app"}) {
        CAPTURE(audience);
        check_unauthorized(lab.call(lab.id_token(audience)));
    }
}

TEST_CASE("local google: an ID token is good for an hour and by its issuer's key alone") {
    IdentityLab lab;
    const auto token = lab.id_token(service_url);
    const auto claims = IdentityLab::claims_of(token);
    CHECK(claims.at("iss").as_string() == "https://accounts.google.com");
    CHECK(claims.at("email").as_string() == deployer);
    CHECK(claims.at("email_verified").as_bool());
    CHECK(claims.at("iat").as_int64() == lab.now());
    CHECK(claims.at("exp").as_int64() == lab.now() + 3600);
    CHECK(claims.at("sub") == claims.at("azp"));

    // Whoever has the published keys can tell.
    const auto set = json::parse(lab.get("/oauth2/v3/certs").body).as_object();
    const auto key = set.at("keys").as_array().at(0).as_object();
    const auto text = [&](const char* name) { return std::string{key.at(name).as_string().c_str()}; };
    CHECK(text("kty") + text("alg") + text("use") == "RSARS256sig");
    CHECK(TokenKey::of_jwk(text("n"), text("e")).has_signed(token));
    CHECK_FALSE(TokenKey::known().has_signed(token));
    const auto certificates = lab.get("/oauth2/v1/certs");
    CHECK(certificates.field("cache-control").find("max-age=") != std::string::npos);
    const auto by_id = json::parse(certificates.body).as_object();
    CHECK(TokenKey::of_certificate(by_id.at(text("kid")).as_string().c_str()).has_signed(token));
    const auto header = json::parse(from_url_safe(token.substr(0, token.find('.')))).as_object();
    CHECK(std::string{header.at("kid").as_string().c_str()} == text("kid"));

    // The same claims by another's key, by none, and altered.
    const auto header_text = json::serialize(header);
    const auto claims_text = json::serialize(claims);
    check_unauthorized(lab.call(TokenKey::stranger().sign(header_text, claims_text)));
    check_unauthorized(lab.call(TokenKey::known().sign(R"({"alg":"RS256","kid":"key-1"})", claims_text)));
    check_unauthorized(lab.call(url_safe(R"({"alg":"none"})") + '.' + url_safe(claims_text) + '.'));
    auto other = claims;
    other["email"] = caller;
    check_unauthorized(lab.call(token.substr(0, token.find('.') + 1) + url_safe(json::serialize(other)) +
                                token.substr(token.rfind('.'))));
    lab.clock.advance(3599s);
    CHECK(lab.call(token).status == 200);
    lab.clock.advance(1s);
    check_unauthorized(lab.call(token));
}

TEST_CASE("local google: a JWT that an account signed for an API opens it without a token endpoint, and no service") {
    IdentityLab lab;
    const json::object base{{"iss", deployer}, {"sub", deployer}, {"iat", lab.now()}, {"exp", lab.now() + 3600}};
    const auto claims = [&](const std::function<void(json::object&)>& change) {
        auto made = base;
        made["aud"] = "https://run.googleapis.com/";
        change(made);
        return made;
    };
    const auto none = [](json::object&) {};
    CHECK(lab.api(lab.signed_by_known(claims(none))).body == "serviceAccount:" + deployer + '|' + deployer + '|');
    CHECK(lab.api(lab.signed_by_known(claims([](json::object& c) {
                 c.erase("aud");
                 c["scope"] = cloud_platform;
             })))
              .status == 200);
    check_unauthorized(lab.call(lab.signed_by_known(claims([](json::object& c) { c["aud"] = service_url; }))));

    const std::string type = "401 UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED: " + invalid_credentials;
    const std::string over = "401 UNAUTHENTICATED ACCESS_TOKEN_EXPIRED: " + invalid_credentials;
    const std::vector<std::pair<std::function<void(json::object&)>, std::string>> cases{
        {[](json::object& c) { c["aud"] = "https://run.googleapis.com"; }, type},
        {[](json::object& c) { c["aud"] = "https://storage.googleapis.com/"; }, type},
        {[](json::object& c) { c["scope"] = cloud_platform; }, type},  // and an audience
        {[](json::object& c) { c.erase("aud"); }, type},
        {[](json::object& c) { c.erase("sub"); }, type},
        {[](json::object& c) { c["sub"] = caller; }, type},
        {[](json::object& c) { c["iss"] = caller, c["sub"] = caller; }, type},
        {[&](json::object& c) { c["exp"] = lab.now() + 3601; }, over},
        {[&](json::object& c) { c["iat"] = lab.now() - 7200, c["exp"] = lab.now() - 3600; }, over},
        {[](json::object& c) { c.erase("exp"); }, over},
    };
    for (const auto& [change, expected] : cases) {
        CAPTURE(json::serialize(claims(change)));
        CHECK(api_verdict(lab.api(lab.signed_by_known(claims(change)))) == expected);
    }
    for (const std::string header :
         {R"({"alg":"RS256"})", R"({"alg":"RS256","kid":"key-2"})", R"({"alg":"RS384","kid":"key-1"})"})
        CHECK(api_verdict(lab.api(lab.signed_by_known(claims(none), header))) == type);
    CHECK(api_verdict(lab.api(
              TokenKey::stranger().sign(R"({"alg":"RS256","kid":"key-1"})", json::serialize(claims(none))))) == type);

    // A key is found by its id alone, also where any id will do.
    auto options = known_to_all();
    options.service_accounts[deployer].key_id.clear();
    IdentityLab lenient{std::move(options)};
    CHECK(lenient.api(lab.signed_by_known(claims(none), R"({"alg":"RS256","kid":"any"})")).status == 200);
    CHECK(api_verdict(lenient.api(lab.signed_by_known(claims(none), R"({"alg":"RS256"})"))) == type);
}

TEST_CASE("local google: an API tells who is not known, not allowed, or came with too narrow a scope") {
    auto options = known_to_all();
    options.administrators = {"serviceAccount:" + caller};
    IdentityLab lab{std::move(options)};
    const auto missing = lab.get("/v2/x");
    CHECK(api_verdict(missing).starts_with(
        "401 UNAUTHENTICATED CREDENTIALS_MISSING: Request is missing required authentication credential."));
    CHECK(missing.field("www-authenticate") == "Bearer realm=\"https://accounts.google.com/\"");
    CHECK(missing.field("content-type") == "application/json; charset=UTF-8");
    CHECK(api_verdict(lab.api("local-nothing")) == "401 UNAUTHENTICATED ACCESS_TOKEN_EXPIRED: " + invalid_credentials);
    CHECK(api_verdict(lab.get("/v2/x", {{"Authorization", "Basic eDp5"}})) ==
          "401 UNAUTHENTICATED ACCESS_TOKEN_TYPE_UNSUPPORTED: " + invalid_credentials);
    CHECK(api_verdict(lab.api(lab.access_token())) ==
          "403 PERMISSION_DENIED IAM_PERMISSION_DENIED: Permission 'run.services.create' denied on resource "
          "'projects/local-project/locations/europe-west1' (or it may not exist).");
    auto narrow = lab.assertion_claims();
    narrow["scope"] = "https://www.googleapis.com/auth/devstorage.read_write";
    CHECK(api_verdict(lab.api(lab.access_token(narrow))) ==
          "403 PERMISSION_DENIED ACCESS_TOKEN_SCOPE_INSUFFICIENT: Request had insufficient authentication scopes.");
}

TEST_CASE("GCP pitfall 4: a user's refresh token gives an ID token for the user's program alone") {
    auto options = known_to_all();
    const auto program = options.users.front().client_id;
    IdentityLab lab{options};
    const Form form{{"grant_type", "refresh_token"},
                    {"client_id", program},
                    {"client_secret", "client-secret"},
                    {"refresh_token", "refresh-1"}};
    const auto reply = lab.post_form("/token", form);
    const auto id_token = IdentityLab::value(reply, "id_token");
    CHECK(IdentityLab::claims_of(id_token).at("aud").as_string() == program);
    CHECK(IdentityLab::claims_of(id_token).at("email").as_string() == "alice@example.com");
    check_unauthorized(lab.call(id_token));
    CHECK(lab.api(IdentityLab::value(reply, "access_token")).body ==
          "user:alice@example.com|alice@example.com|openid https://www.googleapis.com/auth/userinfo.email " +
              cloud_platform);

    const std::vector<std::pair<Form, std::string>> cases{
        {with(form, "client_secret", "other"), "401 invalid_client: Unauthorized"},
        {with(form, "client_id", "other"), "401 invalid_client: The OAuth client was not found."},
        {with(form, "refresh_token", "other"), "400 invalid_grant: Token has been expired or revoked."},
        {with(form, "refresh_token", ""), "400 invalid_request: Missing required parameter: refresh_token"},
        {with(form, "client_id", ""), "400 invalid_request: Could not determine client ID from request."},
        {with(form, "scope", cloud_platform), "200"},
        {with(form, "scope", "https://www.googleapis.com/auth/drive"),
         "400 invalid_scope: Some requested scopes were invalid."},
    };
    for (const auto& [changed, expected] : cases) CHECK(oauth_verdict(lab.post_form("/token", changed)) == expected);

    // Of foreign users it is asked elsewhere, and the program shows who it is by HTTP Basic.
    const Form foreign{{"grant_type", "refresh_token"}, {"refresh_token", "refresh-1"}};
    const auto basic = "Basic " + detail::base64_encode(detail::bytes_of(program + ":client-secret"));
    const auto exchanged = lab.post_form("/v1/oauthtoken", foreign, {{"Authorization", basic}});
    CHECK(lab.api(IdentityLab::value(exchanged, "access_token")).status == 200);
    CHECK_FALSE(json::parse(exchanged.body).as_object().contains("id_token"));
    CHECK(oauth_verdict(lab.post_form("/v1/oauthtoken", form)) ==
          "401 invalid_client: The OAuth client was not found.");
    CHECK(oauth_verdict(lab.post_form("/token", form, {{"Authorization", basic}})) ==
          "400 invalid_request: The client must be authenticated in one way.");

    // With gcloud's own ids the front end lets users in.
    options.invoking_clients = {program};
    IdentityLab lenient{options};
    CHECK(lenient.call(IdentityLab::value(lenient.post_form("/token", form), "id_token")).body ==
          "user:alice@example.com|alice@example.com|");
}

}  // namespace identity_test
