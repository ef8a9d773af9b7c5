#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/local/gcp_key_file.hpp"
#include "identity_lab.hpp"
#include "support/signed_request.hpp"

#include <boost/json/array.hpp>

#include <functional>
#include <stdexcept>

namespace exchange_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

Form exchange_of(const std::string& token, const std::string& type = "urn:ietf:params:oauth:token-type:jwt") {
    return {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
            {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
            {"audience", provider},
            {"scope", cloud_platform},
            {"subject_token", token},
            {"subject_token_type", type}};
}

std::string accounts_path(const std::string& email, const std::string& method) {
    return "/v1/projects/-/serviceAccounts/" + email + ':' + method;
}

}  // namespace

TEST_CASE("local google: a foreign identity is exchanged for what acts as it") {
    IdentityLab lab;
    const auto subject = [&](const std::function<void(json::object&)>& change) {
        json::object claims{{"iss", "https://ci.example.com"},
                            {"aud", "https:" + provider},
                            {"sub", "repo:local"},
                            {"iat", lab.now()},
                            {"exp", lab.now() + 600}};
        change(claims);
        // Nobody verifies it here, and the cloud says so.
        return TokenKey::stranger().sign(R"({"alg":"RS256"})", json::serialize(claims));
    };
    const auto good = subject([](json::object&) {});
    const auto form = exchange_of(good);
    const auto reply = lab.post_form("/v1/token", form);
    const auto content = json::parse(reply.body).as_object();
    CHECK(content.size() == 4);
    CHECK(content.at("issued_token_type").as_string() == "urn:ietf:params:oauth:token-type:access_token");
    CHECK(content.at("expires_in").as_int64() == 3599);
    CHECK(lab.api(IdentityLab::value(reply, "access_token")).body ==
          "principal:" + pool + "/subject/repo:local||" + cloud_platform);

    const std::string rejected = "400 invalid_grant: ";
    const std::vector<std::pair<Form, std::string>> cases{
        {with(form, "subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), "200"},
        {with(form, "subject_token", subject([](json::object& c) { c["aud"] = provider; })), "200"},
        {with(form, "grant_type", "refresh_token"), "400 unsupported_grant_type: Invalid value for \"grant_type\"."},
        {with(form, "requested_token_type", ""), "400 invalid_request: Invalid value for \"requested_token_type\"."},
        {with(form, "audience", pool),
         "400 invalid_target: The target service indicated by the \"audience\" parameters is invalid. This might "
         "either be because the pool or provider is disabled or deleted or because it doesn't exist."},
        {with(form, "scope", ""), "400 invalid_scope: Invalid value for \"scope\"."},
        {with(form, "scope", service_url), "400 invalid_scope: Invalid value for \"scope\"."},
        {with(form, "subject_token", ""), "400 invalid_request: Missing required parameter: subject_token"},
        {with(form, "subject_token_type", "jwt"), "400 invalid_request: Invalid value for \"subject_token_type\"."},
        {with(form, "subject_token", "text"), rejected + "Error parsing the ID Token: it is not a valid JWT."},
        {with(form, "subject_token", subject([](json::object& c) { c["iss"] = "https://other.example.com"; })),
         rejected + "The issuer in ID Token does not match the expected ones."},
        {with(form, "subject_token", subject([](json::object& c) { c["aud"] = pool; })),
         rejected + "The audience in ID Token does not match the expected audience."},
        {with(form, "subject_token", subject([&](json::object& c) { c["exp"] = lab.now(); })),
         rejected + "ID Token issued at " + std::to_string(lab.now()) + " is stale to sign-in."},
        {with(form, "subject_token", subject([](json::object& c) { c.erase("sub"); })),
         rejected + "The ID Token has no subject: google.subject cannot be mapped."},
        {exchange_of("x", "urn:ietf:params:oauth:token-type:saml2"),
         rejected + "The SAML response is rejected by the provider."},
        {exchange_of("x", "urn:ietf:params:aws:token-type:aws4_request"),
         rejected + "The provider takes no identities of AWS."},
    };
    for (const auto& [changed, expected] : cases) CHECK(oauth_verdict(lab.post_form("/v1/token", changed)) == expected);

    auto fixed = known_to_all();
    fixed.identities.front().subject_tokens = {"a proof"};
    fixed.identities.front().client_id = "workforce";
    fixed.identities.front().client_secret = "its secret";
    IdentityLab other{std::move(fixed)};
    const HttpFields basic{
        {"Authorization", "Basic " + detail::base64_encode(detail::bytes_of("workforce:its%20secret"))}};
    CHECK(oauth_verdict(other.post_form("/v1/token", exchange_of("a proof"), basic)) == "200");
    CHECK(oauth_verdict(other.post_form("/v1/token", exchange_of("a proof", "urn:ietf:params:oauth:token-type:saml2"),
                                        basic)) == "200");
    CHECK(oauth_verdict(other.post_form("/v1/token", exchange_of("no proof"), basic)) ==
          rejected + "The given credential is rejected by the provider.");
    CHECK(oauth_verdict(other.post_form("/v1/token", exchange_of("a proof"))) ==
          "401 invalid_client: The OAuth client was not found.");
    CHECK(oauth_verdict(other.post_form("/v1/token", with(exchange_of("a proof"), "options", "{}"), basic)) ==
          "400 invalid_request: Invalid value for \"options\".");
}

TEST_CASE("local google: an identity of AWS proves itself by a signed request, of which every part counts") {
    auto options = known_to_all();
    auto& known = options.identities.front();
    known.aws_keys[tests::example_key] = {.secret_access_key = tests::example_secret};
    known.aws_keys["ASIAEXAMPLE"] = {.secret_access_key = "another secret",
                                     .session_token = "SESSION",
                                     .arn = "arn:aws:sts::210987654321:assumed-role/ci/one"};
    IdentityLab lab{std::move(options)};
    const std::string host = "sts.eu-west-1.amazonaws.com";
    const std::string query = "?Action=GetCallerIdentity&Version=2011-06-15";
    const auto at = aws::amz_date(std::chrono::floor<std::chrono::seconds>(lab.clock.now()));
    const tests::Signing usual{.service = "sts", .region = "eu-west-1", .amz_date = at};

    /// What a client makes of the request that it signed; `change` may spoil it.
    const auto token = [&](const tests::Signing& how, const std::function<void(json::object&)>& change) {
        const auto request = tests::signed_request(tests::request_of("POST", '/' + query, {{"Host", host}}), how);
        json::array headers;
        for (const auto& [name, value] : request.fields) headers.push_back({{"key", name}, {"value", value}});
        headers.push_back({{"key", "x-goog-cloud-target-resource"}, {"value", provider}});
        json::object whole{{"url", "https://" + host + query}, {"method", "POST"}, {"headers", headers}};
        change(whole);
        return detail::percent_encode(json::serialize(whole));
    };
    const auto as_it_is = [](json::object&) {};
    const auto header = [](json::object& whole, std::string_view name) -> json::value& {
        for (auto& each : whole.at("headers").as_array())
            if (detail::iequals(each.at("key").as_string().c_str(), name)) return each.at("value");
        throw std::logic_error{"no such header"};
    };
    const auto exchange = [&](const std::string& subject_token) {
        return lab.post_form("/v1/token", exchange_of(subject_token, "urn:ietf:params:aws:token-type:aws4_request"));
    };
    CHECK(lab.api(IdentityLab::value(exchange(token(usual, as_it_is)), "access_token")).body ==
          "principal:" + pool + "/subject/arn:aws:iam::123456789012:user/local-AKIDEXAMPLE||" + cloud_platform);
    auto temporary = usual;
    temporary.key = "ASIAEXAMPLE";
    temporary.secret = "another secret";
    temporary.token = "SESSION";
    CHECK(lab.api(IdentityLab::value(exchange(token(temporary, as_it_is)), "access_token")).body ==
          "principal:" + pool + "/subject/arn:aws:sts::210987654321:assumed-role/ci/one||" + cloud_platform);

    const std::string parsing =
        "400 invalid_grant: Error parsing the AWS subject token: it is not a serialized signed request.";
    const std::string no_question =
        "400 invalid_grant: The AWS subject token is not a request of GetCallerIdentity to STS.";
    const std::string invalid = "400 invalid_grant: Invalid AWS subject token: ";
    auto other_secret = usual;
    other_secret.secret = "not this one";
    auto other_region = usual;
    other_region.region = "us-east-1";
    auto old = usual;
    old.amz_date = aws::amz_date(std::chrono::floor<std::chrono::seconds>(lab.clock.now() - 6min));
    const std::vector<std::pair<std::string, std::string>> cases{
        {token(other_secret, as_it_is), invalid + "The request signature we calculated"},
        {token(other_region, as_it_is), invalid + "Credential should be scoped to a valid region"},
        {token(old, as_it_is), invalid + "Signature expired"},
        {token(usual, [&](json::object& w) { header(w, "x-goog-cloud-target-resource") = pool; }),
         "400 invalid_grant: The x-goog-cloud-target-resource of the AWS subject token does not match the audience."},
        {token(usual, [](json::object& w) { w["url"] = "https://sts.eu-west-1.amazonaws.com?Action=AssumeRole"; }),
         no_question},
        {token(usual, [](json::object& w) { w["method"] = "GET"; }), no_question},
        {token(usual,
               [&](json::object& w) {
                   w["url"] = "https://sts.example.com" + query;
                   header(w, "host") = "sts.example.com";
               }),
         no_question},
        {token(usual, [&](json::object& w) { w["url"] = "https://sts.us-east-1.amazonaws.com" + query; }), parsing},
        {token(usual, [](json::object& w) { w.erase("headers"); }), parsing},
        {token(usual, [](json::object& w) { w["headers"] = json::object{{"host", "x"}}; }), parsing},
        {token(usual, [](json::object& w) { w["url"] = 1; }), parsing},
        {"no json", parsing},
    };
    for (const auto& [subject_token, expected] : cases)
        CHECK_MESSAGE(oauth_verdict(exchange(subject_token)).starts_with(expected),
                      oauth_verdict(exchange(subject_token)));
}

TEST_CASE("local google: who may create tokens for an account gets them from IAM Credentials") {
    auto options = known_to_all();
    const std::string target = "target@local-project.iam.gserviceaccount.com";
    const std::string between = "between@local-project.iam.gserviceaccount.com";
    options.service_accounts[target].token_creators = {"serviceAccount:" + between};
    options.service_accounts[between].token_creators = {"serviceAccount:" + deployer};
    IdentityLab lab{std::move(options)};
    const auto token = lab.access_token();
    const json::object wanted{{"scope", json::array{cloud_platform}}, {"lifetime", "600s"}};
    const auto reply = lab.post_json(accounts_path(caller, "generateAccessToken"), wanted, token);
    CHECK(IdentityLab::value(reply, "expireTime") == "2024-12-18T00:10:00Z");
    const auto given = IdentityLab::value(reply, "accessToken");
    CHECK(lab.api(given).body == "serviceAccount:" + caller + '|' + caller + '|' + cloud_platform);
    lab.clock.advance(600s);
    CHECK(lab.api(given).status == 401);

    const json::object audience{{"audience", service_url}, {"includeEmail", true}};
    const auto identity =
        IdentityLab::value(lab.post_json(accounts_path(caller, "generateIdToken"), audience, token), "token");
    CHECK(lab.call(identity).body == "serviceAccount:" + caller + '|' + caller + '|');
    // Without the email nobody can tell whether the policy names it.
    const auto nameless = IdentityLab::value(
        lab.post_json(accounts_path(caller, "generateIdToken"), {{"audience", service_url}}, token), "token");
    CHECK_FALSE(IdentityLab::claims_of(nameless).contains("email"));
    check_unauthorized(lab.call(nameless));

    // Step by step down the chain of those who may.
    auto delegated = wanted;
    delegated["delegates"] = json::array{"projects/-/serviceAccounts/" + between};
    CHECK(lab.post_json(accounts_path(target, "generateAccessToken"), delegated, token).status == 200);
    const auto verdict = [&](const std::string& path, const json::object& body) {
        return api_verdict(lab.post_json(path, body, token));
    };
    const auto access = [&](const std::string& email) { return accounts_path(email, "generateAccessToken"); };
    CHECK(verdict(access(target), wanted) ==
          "403 PERMISSION_DENIED IAM_PERMISSION_DENIED: Permission 'iam.serviceAccounts.getAccessToken' denied on "
          "resource (or it may not exist).");
    CHECK(verdict(accounts_path(target, "generateIdToken"), audience) ==
          "403 PERMISSION_DENIED IAM_PERMISSION_DENIED: Permission 'iam.serviceAccounts.getOpenIdToken' denied on "
          "resource (or it may not exist).");
    CHECK(verdict(access("nobody@example.com"), wanted) ==
          "404 NOT_FOUND: Not found; Gaia id not found for email nobody@example.com");
    CHECK(verdict(accounts_path(caller, "signEverything"), wanted) == "404 NOT_FOUND: Method not found.");
    CHECK(verdict("/v1/projects/local-project/serviceAccounts/" + caller + ":generateAccessToken", wanted)
              .starts_with("400 INVALID_ARGUMENT: "));
    const auto refused = [&](const char* name, json::value value) {
        auto body = wanted;
        body[name] = std::move(value);
        return verdict(access(caller), body);
    };
    CHECK(refused("lifetime", "3601s") ==
          "400 INVALID_ARGUMENT: The specified lifetime exceeds the maximum allowed lifetime of 3600 seconds.");
    for (const json::value& bad : {json::value{"600"}, json::value{600}, json::value{"0s"}})
        CHECK(refused("lifetime", bad).starts_with("400 INVALID_ARGUMENT: Invalid value at 'lifetime'"));
    CHECK(refused("scope", json::array{}).starts_with("400 INVALID_ARGUMENT: "));
    CHECK(refused("scope", text_value(cloud_platform)) == "400 INVALID_ARGUMENT: Invalid value at 'scope'.");
    CHECK(refused("delegates", json::array{between}).starts_with("400 INVALID_ARGUMENT: "));
    CHECK(refused("Lifetime", "60s") ==
          "400 INVALID_ARGUMENT: Invalid JSON payload received. Unknown name \"Lifetime\": Cannot find field.");
    CHECK(verdict(accounts_path(caller, "generateIdToken"), {{"includeEmail", true}}).starts_with("400 "));
    // An ID token proves who one is to a service, not to this.
    CHECK(lab.post_json(access(caller), wanted, lab.id_token("https://iamcredentials.googleapis.com/")).status == 401);
}

TEST_CASE("local google: the metadata server tells who and where one is, to those who ask as they should") {
    IdentityLab lab;
    const auto email = lab.metadata("/instance/service-accounts/default/email");
    CHECK(email.body == caller);
    CHECK(email.field("metadata-flavor") == "Google");
    const std::vector<std::pair<std::string, std::string>> values{
        {"/project/project-id", "local-project"},
        {"/project/numeric-project-id", "123456789012"},
        {"/universe/universe-domain", "googleapis.com"},
        {"/instance/region", "projects/123456789012/regions/europe-west1"},
        {"/instance/service-accounts/", "default/\n" + caller + "/\n"},
    };
    for (const auto& [path, expected] : values) CHECK(lab.metadata(path).body == expected);
    CHECK(lab.metadata("/instance/").status == 200);
    CHECK(lab.get("/", {{"Metadata-Flavor", "Google"}}).field("metadata-flavor") == "Google");
    CHECK(lab.metadata("/instance/service-accounts/" + deployer + "/token").status == 404);
    CHECK(lab.metadata("/instance/service-accountsdefault/token").status == 404);
    CHECK(lab.metadata("/project").status == 200);
    CHECK(lab.metadata("/projects").status == 404);

    const std::string path = "/computeMetadata/v1/instance/service-accounts/default/token";
    CHECK(lab.get(path).status == 403);
    CHECK(lab.get(path, {{"Metadata-Flavor", "google"}}).status == 403);
    CHECK(lab.get(path, {{"Metadata-Flavor", "Google"}, {"X-Forwarded-For", "10.0.0.1"}}).status == 403);
    CHECK(lab.ask({.method = "POST", .target = path, .fields = {{"Metadata-Flavor", "Google"}}}).status == 405);

    auto bare = known_to_all();
    bare.metadata_account.clear();
    IdentityLab without{std::move(bare)};
    const auto absent = without.metadata("/instance/service-accounts/default/token");
    CHECK(absent.status == 404);
    CHECK(absent.field("metadata-flavor") == "Google");
    CHECK(without.metadata("/project/project-id").status == 200);
}

TEST_CASE("local google: the metadata server gives a token again until shortly before its end") {
    IdentityLab lab;
    const auto ask = [&](const std::string& query = {}) {
        const auto reply = lab.metadata("/instance/service-accounts/default/token" + query);
        REQUIRE(reply.status == 200);
        CHECK(reply.field("content-type") == "application/json");
        const auto content = json::parse(reply.body).as_object();
        return std::pair{std::string{content.at("access_token").as_string().c_str()},
                         content.at("expires_in").as_int64()};
    };
    const auto [first, life] = ask();
    CHECK(life == 3599);
    CHECK(lab.api(first).body == "serviceAccount:" + caller + '|' + caller + '|' + cloud_platform);
    lab.clock.advance(3599s - 241s);
    CHECK(ask() == std::pair{first, std::int64_t{241}});
    lab.clock.advance(1s);
    CHECK(ask().first != first);
    CHECK(ask().second == 3599);
    CHECK(lab.api(first).status == 200);  // the old one is good to its end

    const auto narrow = ask("?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fpubsub,email");
    CHECK(api_verdict(lab.api(narrow.first)).starts_with("403 PERMISSION_DENIED ACCESS_TOKEN_SCOPE_INSUFFICIENT"));
    CHECK(lab.metadata("/instance/service-accounts/default/token?scopes=" + service_url).status == 400);
}

TEST_CASE("local google: the metadata server's ID tokens name their audience, and the caller if asked in full") {
    IdentityLab lab;
    const std::string path = "/instance/service-accounts/default/identity";
    const auto audience = "?audience=" + detail::percent_encode(service_url);
    const auto full = lab.metadata(path + audience + "&format=full").body;
    CHECK(lab.call(full).body == "serviceAccount:" + caller + '|' + caller + '|');
    const auto engine = IdentityLab::claims_of(full).at("google").at("compute_engine").as_object();
    CHECK(engine.at("project_id").as_string() == "local-project");
    CHECK(engine.at("project_number").as_int64() == 123456789012);
    const auto standard = lab.metadata(path + audience).body;
    CHECK(IdentityLab::claims_of(standard).at("aud").as_string() == service_url);
    CHECK_FALSE(IdentityLab::claims_of(standard).contains("email"));
    check_unauthorized(lab.call(standard));
    CHECK(lab.metadata(path).status == 400);
    CHECK(lab.metadata(path + audience + "&format=long").status == 400);
}

TEST_CASE("local google: a clock that is wrong shows in Date, and a fault is answered instead") {
    auto options = known_to_all();
    options.clock_offset = -2h;
    unsigned left = 1;
    options.fault = [&](const local::ServerRequest& head) -> std::optional<local::ServerAnswer> {
        if (head.target != "/token" || left == 0) return std::nullopt;
        --left;
        return local::gcp_failure(local::gcp_refusal(503, "UNAVAILABLE", "The service is currently unavailable."));
    };
    IdentityLab lab{std::move(options)};
    const auto early = lab.signed_by_known(lab.assertion_claims());
    CHECK(api_verdict(lab.show_assertion(early)) == "503 UNAVAILABLE: The service is currently unavailable.");
    const auto reply = lab.show_assertion(early);
    CHECK(oauth_verdict(reply) == times);
    CHECK(reply.field("date") == "Tue, 17 Dec 2024 22:00:00 GMT");
}

TEST_CASE("local google: a cloud plays it on an address of its own, beside the others") {
    asio::io_context io{1};
    local::CloudOptions options;
    options.single_thread = true;
    options.gcp = known_to_all();
    options.aws.emplace();
    local::Cloud cloud{io, std::move(options)};
    CHECK(cloud.gcp_url().empty());
    REQUIRE(cloud.start().has_value());
    CHECK(cloud.gcp_url().starts_with("http://127.0.0.1:"));
    CHECK(cloud.gcp_url() != cloud.aws_url());
    CHECK(cloud.gcp_url() != cloud.url());
    HttpClient client{io, cloud.gcp_url()};
    auto exchange = client.exchange(
        {.target = "/computeMetadata/v1/project/project-id", .fields = {{"Metadata-Flavor", "Google"}}});
    CHECK(wait_for<HttpReply>(io, std::move(exchange)).body == "local-project");
    CHECK(cloud.stats().requests == 1);
    auto stopping = cloud.stop();
    wait_for(io, std::move(stopping));
    CHECK(cloud.stats().open_connections == 0);
}

TEST_CASE("local google: a key is written to a file as Google does it, and read again") {
    const auto made = local::GcpAccountKey::make(deployer);
    REQUIRE(made.has_value());
    const auto file = made->file("local-project", "http://127.0.0.1:4711/token");
    const auto members = json::parse({file.reveal().data(), file.reveal().size()}).as_object();
    CHECK(members.at("type").as_string() == "service_account");
    CHECK(members.at("client_email").as_string() == json::string_view{deployer.data(), deployer.size()});
    CHECK(members.at("project_id").as_string() == "local-project");
    CHECK(members.at("token_uri").as_string() == "http://127.0.0.1:4711/token");
    CHECK(members.at("private_key").as_string().starts_with("-----BEGIN PRIVATE KEY-----"));
    const auto read = local::GcpAccountKey::read(file);
    REQUIRE(read.has_value());
    CHECK(read->email == deployer);
    CHECK(read->account.key_id == made->account.key_id);
    CHECK(read->account.public_key == made->account.public_key);

    const auto refused = [&](const char* name, const json::value& value) {
        auto changed = members;
        changed[name] = value;
        const auto outcome = local::GcpAccountKey::read(Secret{json::serialize(changed)});
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().code == errc::invalid_configuration);
        return outcome.error().message;
    };
    const std::string beginning = "the file is no key of a service account: ";
    CHECK(refused("type", "authorized_user") == beginning + "its type is not service_account");
    CHECK(refused("client_email", nullptr) == beginning + "it has no client_email");
    CHECK(refused("private_key", "-----BEGIN PRIVATE KEY-----") == beginning + "its private_key is no RSA key");
    CHECK(local::GcpAccountKey::read(Secret{"[]"}).error().message == beginning + "it is no JSON object");
}

}  // namespace exchange_test
