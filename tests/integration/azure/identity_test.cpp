#include "blueprint/faas/local/cloud.hpp"
#include "identity_lab.hpp"

#include <optional>

namespace identity_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

const std::string unmatched =
    ". Check your federated identity credential Subject, Audience and Issuer against the presented assertion.";

std::string federated(const json::object& claims) {
    return TokenKey::stranger().sign(R"({"alg":"RS256","kid":"theirs"})", json::serialize(claims));
}

}  // namespace

TEST_CASE("local azure: a client secret is worth a token, which opens what it is for until it ends") {
    IdentityLab lab;
    const auto reply = lab.post_form(token_path, IdentityLab::secret_form());
    REQUIRE(reply.status == 200);
    CHECK(reply.field("cache-control").find("no-store") != std::string::npos);
    CHECK(reply.field("x-ms-request-id").size() == 36);
    const auto content = json::parse(reply.body).as_object();
    CHECK(content.size() == 4);
    CHECK(content.at("token_type").as_string() == "Bearer");
    CHECK(content.at("expires_in").as_int64() == 3599);
    CHECK(content.at("ext_expires_in").as_int64() == 3599);
    const auto token = IdentityLab::value(reply, "access_token");
    const auto object = local::azure_object_id(tenant, application);
    CHECK(object.size() == 36);
    CHECK(lab.manage(token).body == application + '|' + object + '|' + management + '|');
    CHECK(lab.get("/subscriptions/s", {{"Authorization", "bearer " + token}}).status == 200);
    CHECK(lab.doors->reached_at == lab.server.url());

    const auto claims = IdentityLab::claims_of(token);
    CHECK(claims.at("aud").as_string() == "https://management.azure.com");
    CHECK(std::string{claims.at("iss").as_string().c_str()} == "https://sts.windows.net/" + tenant + '/');
    CHECK(std::string{claims.at("tid").as_string().c_str()} == tenant);
    CHECK(std::string{claims.at("appid").as_string().c_str()} == application);
    CHECK(claims.at("oid") == claims.at("sub"));
    CHECK(claims.at("exp").as_int64() == lab.now() + 3599);

    lab.clock.advance(3598s);
    CHECK(lab.manage(token).status == 200);
    lab.clock.advance(1s);
    const auto over = lab.manage(token);
    CHECK(management_verdict(over) ==
          "401 ExpiredAuthenticationToken: The access token expiry UTC time '12/18/2024 12:59:59 AM' is earlier than "
          "current UTC time '12/18/2024 12:59:59 AM'.");
    CHECK(over.field("www-authenticate").starts_with("Bearer authorization_uri=\"https://login.windows.net/" + tenant));
}

TEST_CASE("local azure: a token opens its own resource alone, under each of that one's names") {
    IdentityLab lab;
    for (const std::string& name :
         {std::string{"https://management.azure.com/"}, std::string{"https://management.core.windows.net"},
          std::string{"https://management.core.windows.net/"}, lab.server.url()}) {
        CAPTURE(name);
        const auto token = lab.token(name);
        CHECK(lab.manage(token).status == 200);
        CHECK(lab.blobs(token).status == 401);
    }
    const auto token = lab.token(storage);
    CHECK(lab.blobs(token).status == 200);
    CHECK(management_verdict(lab.manage(token)) ==
          "401 InvalidAuthenticationTokenAudience: The access token has been obtained for wrong audience or resource "
          "'https://storage.azure.com'. It should exactly match with one of the allowed audiences "
          "'https://management.core.windows.net/','https://management.core.windows.net',"
          "'https://management.azure.com/','https://management.azure.com'.");
    const auto refused = lab.blobs(lab.token());
    CHECK(management_verdict(refused).starts_with("401 InvalidAuthenticationInfo: "));
    CHECK(refused.field("www-authenticate") == "Bearer authorization_uri=https://login.microsoftonline.com/" + tenant +
                                                   "/oauth2/authorize resource_id=https://storage.azure.com");
    CHECK(lab.get("/storage/a/b").status == 401);
}

TEST_CASE("local azure: without a token, with another's and with an altered one nothing opens") {
    IdentityLab lab;
    const auto nobody = lab.get("/subscriptions/s");
    CHECK(management_verdict(nobody) ==
          "401 AuthenticationFailed: Authentication failed. The 'Authorization' header is missing.");
    CHECK(nobody.field("www-authenticate") == "Bearer authorization_uri=\"https://login.windows.net/" + tenant +
                                                  "\", error=\"invalid_token\", error_description=\"The "
                                                  "authentication failed because of missing 'Authorization' header.\"");
    CHECK(management_verdict(lab.get("/subscriptions/s", {{"Authorization", "Basic eDp5"}}))
              .starts_with("401 AuthenticationFailedInvalidHeader: "));
    const auto token = lab.token();
    const auto header = from_url_safe(token.substr(0, token.find('.')));
    auto claims = IdentityLab::claims_of(token);
    const std::string invalid = "401 InvalidAuthenticationToken: The access token is invalid.";
    CHECK(management_verdict(lab.manage("x")) == invalid);
    CHECK(management_verdict(lab.manage(TokenKey::known().sign(header, json::serialize(claims)))) == invalid);
    CHECK(management_verdict(
              lab.manage(url_safe(R"({"alg":"none"})") + '.' + url_safe(json::serialize(claims)) + '.')) == invalid);
    claims["appid"] = "cccccccc-0000-4000-8000-000000000003";
    CHECK(management_verdict(lab.manage(token.substr(0, token.find('.') + 1) + url_safe(json::serialize(claims)) +
                                        token.substr(token.rfind('.')))) == invalid);
    // Another cloud's token is by another key.
    IdentityLab other;
    CHECK(management_verdict(lab.manage(other.token())) == invalid);
}

TEST_CASE("local azure: who may not administrate is told as whom he came, and for what") {
    IdentityLab lab;
    const auto form = with(with(IdentityLab::secret_form(), "client_id", guest), "client_secret", "guest-secret");
    const auto token = IdentityLab::value(lab.post_form(token_path, form), "access_token");
    CHECK(management_verdict(lab.manage(token)) ==
          "403 AuthorizationFailed: The client '" + guest + "' with object id '" +
              local::azure_object_id(tenant, guest) +
              "' does not have authorization to perform action 'Microsoft.Web/sites/write' over scope "
              "'/subscriptions/s' or the scope is invalid. If access was recently granted, please refresh your "
              "credentials.");
    const auto for_blobs =
        IdentityLab::value(lab.post_form(token_path, with(form, "scope", storage + "/.default")), "access_token");
    CHECK(management_verdict(lab.blobs(for_blobs)).starts_with("403 AuthorizationPermissionMismatch: "));
}

TEST_CASE("local azure: what a client did wrong has Entra ID's number") {
    IdentityLab lab;
    const auto good = IdentityLab::secret_form();
    const std::string body_wants =
        "400 invalid_request 900144: The request body must contain the following parameter: ";
    const std::vector<std::pair<Form, std::string>> cases{
        {good, "200"},
        {with(good, "client_secret", "second-secret"), "200"},
        {with(good, "client_id", "AAAAAAAA-0000-4000-8000-000000000001"), "200"},
        {with(good, "claims", R"({"access_token":{"xms_cc":{"values":["cp1"]}}})"), "200"},
        {with(good, "client_secret", "first-secret "),
         "401 invalid_client 7000215: Invalid client secret provided. Ensure the secret being sent in the request is "
         "the client secret value, not the client secret ID, for a secret added to app '" +
             application + "'."},
        {with(good, "client_secret", "old-secret"),
         "401 invalid_client 7000222: The provided client secret keys for app '" + application +
             "' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate "
             "credentials for added security."},
        {with(good, "client_id", "dddddddd-0000-4000-8000-000000000009"),
         "400 unauthorized_client 700016: Application with identifier 'dddddddd-0000-4000-8000-000000000009' was not "
         "found in the directory '" +
             tenant +
             "'. This can happen if the application has not been installed by the administrator of the tenant or "
             "consented to by any user in the tenant. You may have sent your authentication request to the wrong "
             "tenant."},
        {with(good, "scope", "https://vault.azure.net/.default"),
         "400 invalid_resource 500011: The resource principal named https://vault.azure.net was not found in the "
         "tenant "
         "named " +
             tenant +
             ". This can happen if the application has not been installed by the administrator of the tenant or "
             "consented to by any user in the tenant. You might have sent your authentication request to the wrong "
             "tenant."},
        {with(good, "scope", management),
         "400 invalid_scope 1002012: The provided value for scope " + management +
             " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource "
             "identifier (application ID URI)."},
        {with(good, "scope", ""), body_wants + "'scope'."},
        {with(good, "grant_type", ""), body_wants + "'grant_type'."},
        {with(good, "client_id", ""), body_wants + "'client_id'."},
        {with(good, "grant_type", "password"),
         "400 unsupported_grant_type 70003: The app requested an unsupported grant type 'password'."},
        {with(good, "client_secret", ""),
         "401 invalid_client 7000216: 'client_assertion', 'client_secret' or 'request' is required for the "
         "'client_credentials' grant type."},
        {with(good, "client_assertion", "a.b.c"),
         "400 invalid_request 9002313: Invalid request. Request is malformed or invalid: two proofs of one client."},
        {with(good, "claims", "cp1"),
         "400 invalid_request 9002313: Invalid request. Request is malformed or invalid: 'claims' is no JSON object."},
    };
    for (const auto& [form, expected] : cases) {
        CAPTURE(expected);
        CHECK(login_verdict(lab.post_form(token_path, form)) == expected);
    }
    const auto at = [&](const std::string& path) { return login_verdict(lab.post_form(path, good)); };
    CHECK(at("/other.example.com/oauth2/v2.0/token")
              .starts_with("400 invalid_request 90002: Tenant 'other.example.com' not found. "));
    CHECK(at("/a%20b/oauth2/v2.0/token")
              .starts_with("400 invalid_request 900023: Specified tenant identifier 'a%20b' is neither "));
    CHECK(login_verdict(lab.get(token_path)) ==
          "400 invalid_request 900561: The endpoint only accepts POST requests. Received a GET request.");
    CHECK(login_verdict(lab.ask({.method = "POST", .target = token_path, .body = "grant_type=client_credentials"}))
              .starts_with("400 invalid_request 9002313: "));
    // Support asks for the id that the client chose.
    const auto named = lab.post_form(token_path, with(good, "client_secret", "x"), {{"client-request-id", "mine-1"}});
    CHECK(json::parse(named.body).at("correlation_id").as_string() == "mine-1");
    CHECK(json::parse(named.body).at("timestamp").as_string() == "2024-12-18 00:00:00Z");
}

TEST_CASE("local azure: an assertion is taken if its certificate is the application's and it says what it must") {
    IdentityLab lab;
    const auto claims = lab.assertion_claims();
    CHECK(login_verdict(lab.show_assertion(lab.signed_by_known(claims))) == "200");
    CHECK(login_verdict(lab.show_assertion(lab.signed_by_known(claims, false))) == "200");
    CHECK(login_verdict(lab.show_assertion(lab.signed_by_known(claims))) == "200");  // again

    const auto changed = [&](const char* name, const json::value& value) {
        auto other = claims;
        other.erase(name);
        if (!value.is_null()) other[name] = value;
        return lab.signed_by_known(other);
    };
    const auto text = json::serialize(claims);
    const auto newer = json::serialize(lab.header(true));
    const auto older = json::serialize(lab.header(false));
    auto mixed = lab.header(true);
    mixed["alg"] = "RS256";  // its thumbprint is the other kind's
    auto foreign = lab.header(true);
    foreign["x5t#S256"] =
        text_value(thumbprint(TokenKey::stranger().certificate(lab.now() - 60, lab.now() + 60), EVP_sha256()));
    const std::string signature = "401 invalid_client 700027: Client assertion contains an invalid signature. ";
    const std::string unregistered =
        "401 invalid_client 700027: The certificate with identifier used to sign the client assertion is not "
        "registered on application. [Reason - The key was not found., Thumbprint of key used by client: '";
    const std::string malformed = "401 invalid_client 50027: JWT token is invalid or malformed: ";
    const std::string audience =
        "401 invalid_client 700023: Client assertion audience claim does not match Realm issuer.";
    const std::string other_client = "401 invalid_client 700021: ";
    const std::string times =
        "401 invalid_client 700024: Client assertion is not within its valid time range. Current time: "
        "2024-12-18T00:00:00.0000000Z, assertion valid from ";
    const std::vector<std::pair<std::string, std::string>> cases{
        {TokenKey::known().sign(older, text), "200"},
        {changed("aud", text_value("https://login.microsoftonline.com" + token_path)), "200"},
        {changed("exp", lab.now() - 299), "200"},
        {changed("nbf", lab.now() + 300), "200"},
        {TokenKey::stranger().sign(newer, text, 32), signature},
        {TokenKey::known().sign(newer, text, 20), signature},  // another salt
        {TokenKey::known().sign(newer, text), signature},      // the older kind's signature
        {TokenKey::known().sign(older, text, 32), signature},
        {TokenKey::stranger().sign(json::serialize(foreign), text, 32), unregistered},
        {TokenKey::known().sign(json::serialize(mixed), text), malformed},
        {TokenKey::known().sign(R"({"alg":"PS256"})", text, 32), malformed},
        {TokenKey::known().sign(R"({"alg":"none"})", text), malformed},
        {"a.b.c", malformed},
        {changed("aud", text_value(lab.server.url() + '/' + tenant + "/oauth2/token")), audience},
        {changed("aud", text_value(lab.server.url() + "/common/oauth2/v2.0/token")), audience},
        {changed("aud", nullptr), audience},
        {changed("iss", text_value(guest)), other_client},
        {changed("sub", text_value(guest)), other_client},
        {changed("jti", nullptr), malformed},
        {changed("exp", nullptr), malformed},
        {changed("nbf", nullptr), malformed},
        {changed("exp", lab.now() - 300), times},
        {changed("nbf", lab.now() + 301), times},
    };
    for (const auto& [assertion, expected] : cases) {
        CAPTURE(&assertion - &cases.front().first);
        const auto verdict = login_verdict(lab.show_assertion(assertion));
        CAPTURE(verdict);
        CHECK(verdict.starts_with(expected));
    }
    // Some other application's certificate is none of this one's.
    CHECK(login_verdict(lab.post_form(token_path, with(IdentityLab::assertion_form(lab.signed_by_known(claims)),
                                                       "client_id", guest)))
              .starts_with(unregistered));
    CHECK(login_verdict(lab.post_form(token_path, with(IdentityLab::assertion_form(lab.signed_by_known(claims)),
                                                       "client_assertion_type", "jwt")))
              .starts_with("400 invalid_request 900144: "));
    lab.clock.advance(24h + 1s);
    CHECK(login_verdict(lab.show_assertion(lab.signed_by_known(lab.assertion_claims())))
              .starts_with("401 invalid_client 700027: The certificate with identifier used to sign the client "
                           "assertion is expired on application."));
}

TEST_CASE("local azure: a foreign identity is told which of issuer, subject and audience is not known") {
    IdentityLab lab;
    const json::object good{{"iss", "https://ci.example.com"},
                            {"sub", "repo:a/b:ref:main"},
                            {"aud", "api://AzureADTokenExchange"},
                            {"iat", lab.now()},
                            {"exp", lab.now() + 300}};
    const auto verdict = [&](const char* name, const json::value& value) {
        auto claims = good;
        if (*name != '\0') claims[name] = value;
        return login_verdict(lab.show_assertion(federated(claims)));
    };
    CHECK(verdict("", {}) == "200");
    const std::string beginning = "401 invalid_client ";
    const std::string record = ": No matching federated identity record found for presented assertion ";
    CHECK(verdict("iss", "https://ci.example.com/") ==
          beginning + "700211" + record + "issuer 'https://ci.example.com/'" + unmatched);
    CHECK(verdict("sub", "repo:A/b:ref:main") ==
          beginning + "700213" + record + "subject 'repo:A/b:ref:main'" + unmatched);
    CHECK(verdict("aud", "api://other") == beginning + "700212" + record + "audience 'api://other'" + unmatched);
    CHECK(verdict("sub", "repo:a/c") ==
          beginning + "700212" + record + "audience 'api://AzureADTokenExchange'" + unmatched);
    CHECK(verdict("exp", lab.now() - 300).starts_with(beginning + "700024: "));
    CHECK(verdict("iat", lab.now() + 301).starts_with(beginning + "700024: "));
    CHECK(login_verdict(
              lab.post_form(token_path, with(IdentityLab::assertion_form(federated(good)), "client_id", guest))) ==
          beginning + "70025: The client '" + guest + "' has no configured federated identity credentials.");
}

TEST_CASE("local azure: who has a token can verify it by what discovery leads to") {
    IdentityLab lab;
    const auto document =
        json::parse(lab.get('/' + tenant + "/v2.0/.well-known/openid-configuration").body).as_object();
    const auto text = [&](const char* name) { return std::string{document.at(name).as_string().c_str()}; };
    CHECK(text("token_endpoint") == lab.server.url() + token_path);
    CHECK(text("issuer") == lab.server.url() + '/' + tenant + "/v2.0");
    CHECK(text("jwks_uri") == lab.server.url() + '/' + tenant + "/discovery/v2.0/keys");
    const auto set = json::parse(lab.get(text("jwks_uri").substr(lab.server.url().size())).body).as_object();
    const auto key = set.at("keys").as_array().at(0).as_object();
    const auto of_key = [&](const char* name) { return std::string{key.at(name).as_string().c_str()}; };
    CHECK(TokenKey::of_jwk(of_key("n"), of_key("e")).has_signed(lab.token()));

    const auto instance = lab.get("/common/discovery/instance?api-version=1.1&authorization_endpoint=x");
    const auto hosts = json::parse(instance.body).at("metadata").as_array().at(0).at("aliases").as_array();
    CHECK("http://" + std::string{hosts.at(0).as_string().c_str()} == lab.server.url());
    CHECK(json::parse(lab.get("/common/v2.0/.well-known/openid-configuration").body)
              .at("issuer")
              .as_string()
              .ends_with("/{tenantid}/v2.0"));
    CHECK(login_verdict(lab.get("/other.example.com/v2.0/.well-known/openid-configuration"))
              .starts_with("400 invalid_request 90002: "));
}

TEST_CASE("local azure: the older token endpoint takes a resource and words numbers as texts") {
    IdentityLab lab;
    auto form = with(IdentityLab::secret_form(), "scope", "");
    const auto path = '/' + tenant + "/oauth2/token";
    CHECK(login_verdict(lab.post_form(path, form)).starts_with("400 invalid_request 900144: "));
    form.emplace_back("resource", management + '/');
    const auto reply = lab.post_form(path, form);
    CHECK(IdentityLab::value(reply, "expires_in") == "3599");
    CHECK(IdentityLab::value(reply, "expires_on") == std::to_string(lab.now() + 3599));
    CHECK(IdentityLab::value(reply, "resource") == management + '/');
    CHECK(lab.manage(IdentityLab::value(reply, "access_token")).status == 200);
}

TEST_CASE("local azure: a fault is answered instead, and a clock that is wrong shows in Date") {
    auto options = known_to_all();
    options.clock_offset = -30min;
    options.token_life = 24h;
    unsigned left = 1;
    options.fault = [&](const local::ServerRequest& head) -> std::optional<local::ServerAnswer> {
        if (head.target != token_path || left == 0) return std::nullopt;
        --left;
        return local::azure_failure(local::azure_refusal(503, "ServerBusy", "Come back later."));
    };
    IdentityLab lab{std::move(options)};
    const auto form = IdentityLab::secret_form();
    CHECK(management_verdict(lab.post_form(token_path, form)) == "503 ServerBusy: Come back later.");
    const auto reply = lab.post_form(token_path, form);
    CHECK(reply.field("date") == "Tue, 17 Dec 2024 23:30:00 GMT");
    CHECK(json::parse(reply.body).at("refresh_in").as_int64() == 43200);
    CHECK(login_verdict(lab.show_assertion(lab.signed_by_known(lab.assertion_claims())))
              .starts_with("401 invalid_client 700024: "));
}

TEST_CASE("local azure: a cloud plays it on an address of its own, beside the others") {
    asio::io_context io{1};
    local::CloudOptions options;
    options.single_thread = true;
    options.azure = known_to_all();
    options.gcp.emplace();
    local::Cloud cloud{io, std::move(options)};
    CHECK(cloud.azure_url().empty());
    REQUIRE(cloud.start().has_value());
    CHECK(cloud.azure_url().starts_with("http://127.0.0.1:"));
    CHECK(cloud.azure_url() != cloud.gcp_url());
    CHECK(cloud.azure_url() != cloud.url());
    HttpClient client{io, cloud.azure_url()};
    auto exchange = client.exchange({.target = "/common/discovery/instance"});
    CHECK(wait_for<HttpReply>(io, std::move(exchange)).status == 200);
    CHECK(cloud.stats().requests == 1);
    auto stopping = cloud.stop();
    wait_for(io, std::move(stopping));
    CHECK(cloud.stats().open_connections == 0);
}

}  // namespace identity_test
