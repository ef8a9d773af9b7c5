#include "blueprint/faas/auth/gcp/external_account.hpp"
#include "blueprint/faas/auth/gcp/external_account_user.hpp"
#include "blueprint/faas/auth/gcp/impersonated.hpp"
#include "google_federated_fixture.hpp"

#include <functional>
#include <vector>

namespace google_federated_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using gcp::TokenRequest;
using tests::audience;
using tests::external;
using tests::federated;
using tests::form_of;
using tests::generated;
using tests::id_token;
using tests::impersonating;
using tests::later;
using tests::ok;
using tests::rpc_error;
using tests::says;
using World = tests::FederatedWorld;

namespace {

template <class T>
Error failed(result<T> outcome) {
    return tests::failed_telling_nothing(std::move(outcome));
}

const std::string service = "https://job-0-abc.a.run.app";
const std::string workforce = "//iam.googleapis.com/locations/global/workforcePools/pool/providers/one";
const std::string identity_answer = R"({"token":")" + id_token(service, later) + "\"}";
const std::string user =
    R"({"type":"authorized_user","client_id":"id","client_secret":"client-secret-1","refresh_token":"refresh-token-1",)"
    R"("quota_project_id":"payer"})";

// The file of a service account that somebody else uses.
std::string impersonated(const std::string& more = "", const std::string& source = user) {
    return R"({"type":"impersonated_service_account","source_credentials":)" + source + impersonating(more) + "}";
}

std::string workforce_user(const std::string& more = "") {
    return R"({"type":"external_account_authorized_user","audience":")" + workforce +
           R"(","client_id":"id:1","client_secret":"client-secret-1","refresh_token":"refresh-token-1")" + more + "}";
}

// A world whose token file has a token.
struct FileWorld : World {
    FileWorld() { around.files["/token"] = "subject-token-1"; }
};

}  // namespace

TEST_CASE("google federation: the proof is exchanged by a form at the token service, for the scopes that are wanted") {
    FileWorld world;
    world.script->then(200, federated);
    const auto token = ok(world.fetch(external(), TokenRequest::access("https://www.googleapis.com/auth/devstorage")));
    CHECK(token.value.reveal() == "federated-token-1");
    CHECK((token.expires == world.around.time + 3599s));
    CHECK(world.url(0) == "POST https://sts.googleapis.com/v1/token");
    CHECK(world.header(0, "Content-Type") == "application/x-www-form-urlencoded");
    CHECK(world.header(0, "Authorization") == "(none)");
    CHECK((form_of(world.script->seen[0].body) ==
           std::map<std::string, std::string>{{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                              {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                                              {"audience", std::string{audience}},
                                              {"scope", "https://www.googleapis.com/auth/devstorage"},
                                              {"subject_token", "subject-token-1"},
                                              {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"}}));

    world.around.files["/token"] = "subject-token-2";  // is read anew
    world.script->then(200, R"({"access_token":"federated-token-2","token_type":"Bearer"})");
    CHECK((ok(world.fetch(external())).expires == world.around.time + 1h));
    CHECK(form_of(world.script->seen[1].body)["subject_token"] == "subject-token-2");
    CHECK(form_of(world.script->seen[1].body)["scope"] == "https://www.googleapis.com/auth/cloud-platform");

    const auto found = ok(world.credential(external(R"(,"quota_project_id":"payer")")));
    CHECK(found.quota_project == "payer");
    CHECK(found.universe_domain == "googleapis.com");
    CHECK(found.email.empty());
    CHECK(found.what == "the federated identity of '/cred.json'");
}

TEST_CASE("google federation: a client signs in by Basic, and a workforce identity without one names who pays") {
    FileWorld world;
    const std::string payer = R"(,"workforce_pool_user_project":"payer")";
    for (const auto& more : {payer, payer + R"(,"client_id":"a:b","client_secret":"client-secret-1")"}) {
        world.script->then(200, federated);
        ok(world.fetch(external(more, R"({"file":"/token"})", workforce)));
    }
    CHECK(form_of(world.script->seen[0].body)["options"] == R"({"userProject":"payer"})");
    CHECK(world.header(0, "Authorization") == "(none)");
    CHECK_FALSE(form_of(world.script->seen[1].body).contains("options"));
    CHECK(world.header(1, "Authorization") ==
          "Basic " + detail::base64_encode(detail::bytes_of("a%3Ab:client-secret-1")));
    CHECK(says(failed(world.credential(external(payer))), "for workforce pools alone"));
}

TEST_CASE("google federation: a service account is used by the federated token, which has the whole platform's scope") {
    FileWorld world;
    world.script->then(200, federated);
    world.script->then(200, generated);
    const std::string file =
        external(impersonating(R"(,"service_account_impersonation":{"token_lifetime_seconds":1200})"));
    const auto token = ok(world.fetch(file, TokenRequest::access("scope-1 scope-2")));
    CHECK(token.value.reveal() == "token-of-jobs");
    CHECK((token.expires == world.around.time + 1h));
    CHECK(form_of(world.script->seen[0].body)["scope"] == "https://www.googleapis.com/auth/cloud-platform");
    CHECK(world.url(1) == "POST " + std::string{tests::impersonation_url});
    CHECK(world.header(1, "Authorization") == "Bearer federated-token-1");
    CHECK(world.header(1, "Content-Type") == "application/json");
    CHECK(world.script->seen[1].body == R"({"scope":["scope-1","scope-2"],"lifetime":"1200s"})");
    // Blanks around scopes are no scopes.
    world.script->then(200, federated);
    world.script->then(200, generated);
    ok(world.fetch(file, TokenRequest::access(" scope-1  scope-2 ")));
    CHECK(world.script->seen[3].body == R"({"scope":["scope-1","scope-2"],"lifetime":"1200s"})");
    const auto found = ok(world.credential(file));
    CHECK(found.email == "jobs@p.iam.gserviceaccount.com");
    CHECK(says(Error{.message = found.what}, "'jobs@p.iam.gserviceaccount.com' by the federated identity of '/cred"));
}

TEST_CASE(
    "G1: an ID token of a federated identity is that of its service account, for the audience, or there is none") {
    FileWorld world;
    world.script->then(200, federated);
    world.script->then(200, identity_answer);
    const auto token = ok(world.fetch(external(impersonating()), TokenRequest::identity(service)));
    CHECK(token.value.reveal() == id_token(service, later));
    CHECK((token.expires == world.around.time + 1h));
    CHECK(world.url(1) ==
          "POST https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/jobs@p.iam.gserviceaccount.com:"
          "generateIdToken");
    CHECK(world.script->seen[1].body == R"({"audience":")" + service + R"(","includeEmail":true})");

    const auto none = failed(world.fetch(external(), TokenRequest::identity(service)));
    CHECK(none.code == errc::invalid_configuration);
    CHECK(says(none, "Add service_account_impersonation_url"));
    CHECK(world.asked() == 2);

    for (const auto& [body, told] :
         {std::pair{R"({"token":")" + id_token("https://else", later) + "\"}", "not for the audience"},
          {R"({"token":")" + id_token(service, later - 3600) + "\"}", "ended already"},
          {R"({"token":"no-jwt"})", "ID token"},
          {std::string{"{}"}, "gave no token"},
          {R"({"accessToken":"token-of-jobs"})", "gave no token"}}) {
        CAPTURE(body);
        world.script->then(200, federated);
        world.script->then(200, body);
        CHECK(says(failed(world.fetch(external(impersonating()), TokenRequest::identity(service))), told));
    }
}

TEST_CASE("google federation: where there is no proof, the error begins with whose token that was for") {
    World world;
    const auto error = failed(world.fetch(external()));
    CHECK(error.code == errc::invalid_configuration);
    CHECK_MESSAGE(error.message.starts_with("no token of the federated identity of '/cred.json': "), error.message);
    CHECK(says(error, "'/token' of credential_source does not exist"));
    CHECK(world.asked() == 0);
}

TEST_CASE("google federation: secrets go to https:// and this machine alone, and another universe has other hosts") {
    for (const auto* url :
         {"http://sts.googleapis.com/v1/token", "http://10.0.0.1/", "ftp://a", "sts.googleapis.com"}) {
        CAPTURE(url);
        World world;
        const auto error = failed(world.credential(external(R"(,"token_url":")" + std::string{url} + '"')));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "'token_url' of '/cred.json'"));
        const auto other = failed(world.credential(workforce_user(R"(,"token_url":")" + std::string{url} + '"')));
        CHECK(says(other, "'token_url' of '/cred.json'"));
    }
    for (const auto* url :
         {"http://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
          "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b", "https://example.com/:generateX",
          "https://example.com/v1/projects/-/serviceAccounts/:generateAccessToken",
          "https://example.com/v1/projects/-/serviceAccounts/a/b:generateAccessToken", "no URL"}) {
        CAPTURE(url);
        World world;
        const std::string member = R"(,"service_account_impersonation_url":")" + std::string{url} + '"';
        CHECK(says(failed(world.credential(external(member))), "'service_account_impersonation_url' of '/cred.json'"));
    }
    FileWorld world;
    world.script->then(200, federated);
    ok(world.fetch(external(R"(,"token_url":"http://127.0.0.1:8080/token")")));
    CHECK(world.url(0) == "POST http://127.0.0.1:8080/token");
    world.script->then(200, federated);
    const std::string elsewhere = R"(,"universe_domain":"example.goog")";
    ok(world.fetch(external(elsewhere)));
    CHECK(world.url(1) == "POST https://sts.example.goog/v1/token");
    world.script->then(200, federated);
    ok(world.fetch(workforce_user(elsewhere)));
    CHECK(world.url(2) == "POST https://sts.example.goog/v1/oauthtoken");
    CHECK(ok(world.credential(external(elsewhere))).universe_domain == "example.goog");
}

TEST_CASE("google federation: a file that lacks something or has it wrong is refused by the name of that") {
    const std::string life = R"(,"service_account_impersonation":{"token_lifetime_seconds":)";
    for (const auto& [file, told] : {
             std::pair{std::string{R"({"type":"external_account"})"}, "'audience'"},
             {R"({"type":"external_account","audience":"a"})", "'subject_token_type'"},
             {R"({"type":"external_account","audience":"a","subject_token_type":"t"})", "'credential_source'"},
             {external(impersonating(life + "599}")), "600 to 43200"},
             {external(impersonating(life + "43201}")), "600 to 43200"},
             {external(impersonating(life + "\"900\"}")), "600 to 43200"},
             {external(R"(,"universe_domain":"example.com/x")"), "'universe_domain'"},
             {R"({"type":"external_account_authorized_user"})", "'client_id'"},
             {R"({"type":"external_account_authorized_user","client_id":"i","client_secret":"client-secret-1"})",
              "'refresh_token'"},
             {R"({"type":"impersonated_service_account"})", "'service_account_impersonation_url'"},
             {"{\"type\":\"impersonated_service_account\"" + impersonating() + "}", "'source_credentials'"},
             {impersonated("", R"({"type":"authorized_user","client_secret":"client-secret-1"})"),
              "'/cred.json, source_credentials': it has no 'client_id'"},
             {impersonated("", R"({"type":"magic"})"), "magic"},
             {impersonated(R"(,"delegates":"a@b")"), "'delegates' is no list"},
             {impersonated(R"(,"delegates":[7])"), "'delegates' is no list"},
             {impersonated(R"(,"scopes":[""])"), "'scopes' is no list"},
         }) {
        CAPTURE(file);
        World world;
        const auto error = failed(world.credential(file));
        CHECK(says(error, told));
        CHECK(says(error, "/cred.json"));
        CHECK((error.code == errc::invalid_configuration || error.code == errc::unsupported));
    }
}

TEST_CASE("google: who may use a service account gets its tokens, by way of the delegates") {
    World world;
    world.script->then(200, R"({"access_token":"federated-token-1","expires_in":3600,"token_type":"Bearer"})");
    world.script->then(200, generated);
    const std::string delegates =
        R"(,"delegates":["a@p.iam.gserviceaccount.com","projects/-/serviceAccounts/b@p.iam.gserviceaccount.com"])";
    const auto token = ok(world.fetch(impersonated(delegates)));
    CHECK(token.value.reveal() == "token-of-jobs");
    CHECK((token.expires == world.around.time + 1h));
    CHECK(world.url(0) == "POST https://oauth2.googleapis.com/token");
    CHECK(world.header(1, "Authorization") == "Bearer federated-token-1");
    CHECK(world.header(1, "x-goog-user-project") == "payer");
    const std::string list = R"("delegates":["projects/-/serviceAccounts/a@p.iam.gserviceaccount.com",)"
                             R"("projects/-/serviceAccounts/b@p.iam.gserviceaccount.com"]})";
    CHECK(world.script->seen[1].body ==
          R"({"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"3600s",)" + list);

    world.script->then(200, federated);
    world.script->then(200, identity_answer);
    CHECK(ok(world.fetch(impersonated(delegates), TokenRequest::identity(service))).value.reveal() ==
          id_token(service, later));
    CHECK(world.script->seen[3].body == R"({"audience":")" + service + R"(","includeEmail":true,)" + list);

    // The file's own scopes stand for the platform's, not for what the caller narrows.
    const std::string scoped = impersonated(R"(,"scopes":["scope-1","scope-2"])");
    for (const auto& [wanted, sent] : {std::pair{TokenRequest::access(), R"(["scope-1","scope-2"])"},
                                       {TokenRequest::access("scope-3"), R"(["scope-3"])"}}) {
        world.script->then(200, federated);
        world.script->then(200, generated);
        ok(world.fetch(scoped, wanted));
        CHECK(world.script->seen.back().body.find(std::string{"\"scope\":"} + sent) != std::string::npos);
    }
    const auto found = ok(world.credential(impersonated(R"(,"quota_project_id":"other")")));
    CHECK(found.quota_project == "other");
    CHECK(found.email == "jobs@p.iam.gserviceaccount.com");
}

TEST_CASE("google: a federated identity may stand behind an impersonated service account") {
    FileWorld world;
    world.script->then(200, federated);
    world.script->then(200, generated);
    CHECK(ok(world.fetch(impersonated("", external()))).value.reveal() == "token-of-jobs");
    CHECK(world.url(0) == "POST https://sts.googleapis.com/v1/token");
    CHECK(world.header(1, "x-goog-user-project") == "(none)");
}

TEST_CASE("GCP pitfall 12: a right that lacks and an API that is switched off are told apart, with what to do") {
    World world;
    const auto play = [&](const std::string& details) {
        world.script->then(200, federated);
        world.script->then(403, rpc_error("PERMISSION_DENIED", "no federated-token-1", details));
        auto error = failed(world.fetch(impersonated()));
        CHECK(error.code == errc::authentication);
        CHECK(error.http_status == 403);
        CHECK(error.platform_code == "PERMISSION_DENIED");
        return error;
    };
    const auto right = play("[]");
    CHECK(says(right,
               "no [redacted]; give who asks the role roles/iam.serviceAccountTokenCreator on the service "
               "account 'jobs@p.iam.gserviceaccount.com'"));
    const auto api = play(R"([7,{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.ErrorInfo",)"
                          R"("reason":"SERVICE_DISABLED","metadata":{"service":"iamcredentials.googleapis.com"}}])");
    CHECK(says(api, "gcloud services enable iamcredentials.googleapis.com"));
    CHECK_FALSE(says(api, "serviceAccountTokenCreator"));
    world.script->then(200, federated);
    world.script->then(403, R"({"error":"PERMISSION_DENIED"})");
    CHECK(says(failed(world.fetch(impersonated())), "serviceAccountTokenCreator"));
}

TEST_CASE("GCP pitfall 4: a workforce user has no ID tokens, and is told to use a service account") {
    World world;
    const auto error = failed(world.fetch(workforce_user(), TokenRequest::identity(service)));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "--impersonate-service-account"));
    CHECK(world.asked() == 0);
}

TEST_CASE("google: a workforce user's refresh token is sent with Basic, and its successor takes its place") {
    World world;
    const auto found = ok(world.credential(workforce_user()));
    const auto fetch = [&] {
        return tests::run(world.io, found.fetch(world.reach, TokenRequest::access(), world.deadline));
    };
    world.script->then(200,
                       R"({"access_token":"federated-token-1","expires_in":1800,"refresh_token":"refresh-token-2"})");
    const auto token = ok(fetch());
    CHECK(token.value.reveal() == "federated-token-1");
    CHECK((token.expires == world.around.time + 1799s));
    CHECK(world.url(0) == "POST https://sts.googleapis.com/v1/oauthtoken");
    CHECK(world.header(0, "Authorization") ==
          "Basic " + detail::base64_encode(detail::bytes_of("id%3A1:client-secret-1")));
    CHECK(world.script->seen[0].body == "grant_type=refresh_token&refresh_token=refresh-token-1");
    world.script->then(503);
    world.script->then(200, federated);
    ok(fetch());
    CHECK(world.script->seen[2].body == "grant_type=refresh_token&refresh_token=refresh-token-2");
    world.script->then(400, R"({"error":"invalid_grant","error_description":"refresh-token-2 has ended"})");
    const auto ended = failed(fetch());
    CHECK(ended.code == errc::authentication);
    CHECK(says(ended, "[redacted] has ended; the sign-in has ended or was revoked: run 'gcloud auth"));
}

TEST_CASE("google federation: whichever exchange fails, the error tells what to do and shows no secret") {
    struct Row {
        std::string file;
        std::vector<std::string> answers;
        TokenRequest request = TokenRequest::access();
    };
    const std::string by_url =
        external(impersonating(R"(,"client_id":"id","client_secret":"client-secret-1")"),
                 R"({"url":"https://idp.example.com/t","headers":{"Authorization":"Bearer header-secret-1"}})");
    const std::string everything =
        "header-secret-1 subject-token-1 client-secret-1 federated-token-1 refresh-token-1 " +
        detail::base64_encode(detail::bytes_of("id:client-secret-1")) + ' ' +
        detail::base64_encode(detail::bytes_of("id%3A1:client-secret-1"));
    for (const auto& row :
         {Row{by_url, {"subject-token-1", federated, generated}},
          Row{by_url, {"subject-token-1", federated, identity_answer}, TokenRequest::identity(service)},
          Row{impersonated(), {federated, generated}},
          Row{impersonated(), {federated, identity_answer}, TokenRequest::identity(service)},
          Row{workforce_user(), {federated}}}) {
        for (std::size_t nth = 0; nth < row.answers.size(); ++nth) {
            CAPTURE(nth);
            // Each answer echoes what its question had; a later secret is not known to an earlier server.
            const std::string& echo = everything;
            const auto play = [&](tests::Script::Answer broken) {
                FileWorld world;
                for (std::size_t i = 0; i < nth; ++i) world.script->then(200, row.answers[i]);
                world.script->answers.push_back(std::move(broken));
                auto error = tests::failed(world.fetch(row.file, row.request));
                CHECK(error.execution == Execution::not_started);
                CHECK_FALSE(error.message.empty());
                const auto& seen = world.script->seen.at(nth);
                for (const auto secret : tests::federated_secrets) {
                    const bool sent = seen.headers.text().find(secret) != std::string_view::npos ||
                                      seen.body.find(secret) != std::string::npos;
                    if (sent) CHECK_MESSAGE(error.message.find(secret) == std::string::npos, error.message);
                    if (sent) CHECK(error.platform_code.find(secret) == std::string::npos);
                }
                return error;
            };
            const auto answer = [](unsigned status, std::string body) {
                HttpResponse response;
                response.status = status;
                response.body = std::move(body);
                return response;
            };
            CHECK(play(Error{.code = errc::cancelled, .message = echo}).code == errc::cancelled);
            CHECK(play(Error{.code = errc::timed_out, .message = echo}).code == errc::timed_out);
            CHECK(play(Error{.code = errc::infrastructure, .message = echo}).code == errc::infrastructure);
            CHECK(play(answer(302, "")).code == errc::invalid_configuration);
            CHECK(play(answer(503, "<html>")).code == errc::infrastructure);
            CHECK(play(answer(403, "<html>")).code == errc::authentication);
            for (const auto* name : {"invalid_grant", "invalid_client", "invalid_target", "odd"})
                CHECK_FALSE(
                    play(answer(400, R"({"error":")" + std::string{name} + R"(","error_description":")" + echo + "\"}"))
                        .retryable);
            for (const auto* name : {"PERMISSION_DENIED", "NOT_FOUND", "UNAUTHENTICATED", "INVALID_ARGUMENT"})
                CHECK(play(answer(403, rpc_error(name, echo))).platform_code == name);
            if (row.answers[nth] == "subject-token-1") continue;  // any text would do as that
            for (const auto* body : {"", "[]", "{}", R"({"access_token":"a b"})", R"({"accessToken":"a b"})",
                                     R"({"accessToken":"token-of-jobs"})", R"({"token":"a.b.c"})",
                                     R"({"access_token":"x","token_type":"mac"})"}) {
                CAPTURE(body);
                CHECK(play(answer(200, body)).code == errc::serialization);
            }
        }
    }
    // What a server tells is cut, but no secret is cut in two.
    const std::string cut(246, '.');
    const std::string basic = detail::base64_encode(detail::bytes_of("id:client-secret-1"));
    for (const auto& echo : {std::string{"subject-token-1"}, std::string{"client-secret-1"}, basic}) {
        FileWorld world;
        world.script->then(400, R"({"error":"odd","error_description":")" + cut + echo + "\"}");
        const auto error = failed(world.fetch(external(R"(,"client_id":"id","client_secret":"client-secret-1")")));
        CHECK_FALSE(says(error, echo.substr(0, 6)));
    }
    for (const auto& echo : {std::string{"Bearer federated-token-1"}, std::string{"federated-token-1"}}) {
        FileWorld world;
        world.script->then(200, federated);
        world.script->then(403, rpc_error("PERMISSION_DENIED", cut + echo));
        CHECK_FALSE(says(failed(world.fetch(external(impersonating()))), "federated-"));
    }
    FileWorld world;
    world.script->then(200, federated);
    world.script->then(200, R"({"accessToken":"token-of-jobs","expireTime":"2026-01-02T00:00:00Z"})");
    CHECK(says(failed(world.fetch(external(impersonating()))), "check this machine's clock"));
    for (const auto& [name, told] : {std::pair{"invalid_grant", "issuer, audience and attributes"},
                                     {"invalid_target", "check the audience"},
                                     {"unauthorized_client", "attribute condition"}}) {
        world.script->then(400, R"({"error":")" + std::string{name} + "\"}");
        CHECK(says(failed(world.fetch(external())), told));
    }
}

}  // namespace google_federated_test
