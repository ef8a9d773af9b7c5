#include "blueprint/faas/auth/gcp/metadata_server.hpp"
#include "blueprint/faas/auth/gcp/settings.hpp"
#include "support/google_world.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace google_surroundings_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using gcp::TokenRequest;
using gcp::credentials::MetadataServer;
using tests::failed;
using tests::ok;
using tests::says;

namespace {

const std::string account_path = "/computeMetadata/v1/instance/service-accounts/default/";
const std::string project_path = "/computeMetadata/v1/project/project-id";
const std::string universe_path = "/computeMetadata/v1/universe/universe-domain";
const std::string service_url = "https://blueprint-job-0-abc-ew.a.run.app";

struct World : tests::GoogleWorld {
    explicit World(std::string_view detection = {}) {
        if (!detection.empty()) around.variables["METADATA_SERVER_DETECTION"] = detection;
    }
    /// Lets the server answer, as Google's does.
    void then(unsigned status, std::string body = {}) {
        Headers headers;
        headers.set("Metadata-Flavor", "Google");
        script->then(status, std::move(body), std::move(headers));
    }
    void then_all() {
        then(200, "jobs@p.iam.gserviceaccount.com\n");
        then(200, "the-project");
        then(200, "googleapis.com");
    }
    gcp::Credential credential() {
        then_all();
        auto search = ok(find(MetadataServer{}));
        REQUIRE_MESSAGE(search.found.has_value(), search.not_here);
        script->seen.clear();
        return *search.found;
    }
    std::string not_here() {
        const auto search = ok(find(MetadataServer{}));
        CHECK_FALSE(search.found.has_value());
        return search.not_here;
    }
};

Error nobody() {
    return {.code = errc::infrastructure,
            .message = "no connection",
            .retryable = true,
            .execution = Execution::not_started};
}

}  // namespace

TEST_CASE("google: the metadata server is looked for once, and asked who it is and what it belongs to") {
    World world;
    world.then(200, "computeMetadata/\n");
    world.then_all();
    const auto search = ok(world.find(MetadataServer{}));
    REQUIRE(search.found.has_value());
    CHECK(search.found->email == "jobs@p.iam.gserviceaccount.com");
    CHECK(search.found->project == "the-project");
    CHECK(search.found->universe_domain == "googleapis.com");
    CHECK(search.found->what == "the service account 'jobs@p.iam.gserviceaccount.com' of the metadata server");
    CHECK(world.script->lines() == std::vector<std::string>{"GET /", "GET " + account_path + "email",
                                                            "GET " + project_path, "GET " + universe_path});
    for (std::size_t i = 0; i < world.asked(); ++i) {
        CHECK(world.header(i, "Metadata-Flavor") == "Google");
        CHECK(world.script->seen[i].origin == "http://169.254.169.254");
    }
}

TEST_CASE("google: where nobody is there, or somebody else, the metadata server is asked once and is not here") {
    World world;
    world.script->then(nobody());
    CHECK(world.not_here() == "nobody is there to answer: no connection");
    CHECK(world.asked() == 1);
    world.script->then(200, "an instance of another cloud");
    CHECK(world.not_here() == "who answers at http://169.254.169.254 is not Google's");
    CHECK(world.asked() == 2);
    for (const auto& [name, value, why] : std::vector<std::array<std::string, 3>>{
             {"METADATA_SERVER_DETECTION", "none", "METADATA_SERVER_DETECTION is none"},
             {"METADATA_SERVER_DETECTION", "bios-only",
              "METADATA_SERVER_DETECTION is bios-only, and this machine is "
              "none of Google's"},
             {"NO_GCE_CHECK", "True", "NO_GCE_CHECK is true"}}) {
        World other;
        other.around.variables[name] = value;
        CHECK(other.not_here() == why);
        CHECK(other.asked() == 0);
    }
    World lonely{"assume-present"};
    lonely.then(404, "not found");
    CHECK(lonely.not_here() == "no service account is attached to what runs here");
}

TEST_CASE("google: a metadata server that must be there is not looked for, and asked again when it fails") {
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"K_SERVICE", "svc"},
                                                          {"CLOUD_RUN_JOB", "job"},
                                                          {"FUNCTION_NAME", "f"},
                                                          {"METADATA_SERVER_DETECTION", "assume-present"},
                                                          {"/sys/class/dmi/id/product_name", "Google Compute Engine\n"},
                                                          {"/sys/class/dmi/id/bios_vendor", "Google\n"}}) {
        CAPTURE(name);
        World world;
        (name.starts_with('/') ? world.around.files : world.around.variables)[name] = value;
        world.script->then(nobody());
        world.then(503);
        world.then(429);
        world.then_all();
        REQUIRE(ok(world.find(MetadataServer{})).found.has_value());
        CHECK(world.script->lines()[0] == "GET " + account_path + "email");
        CHECK(world.asked() == 6);
        for (int i = 0; i < 4; ++i) world.then(500);
        const auto error = failed(world.find(MetadataServer{}));
        CHECK(error.code == errc::infrastructure);
        CHECK(world.asked() == 10);
    }
    World world{"ping-only"};
    world.around.variables["K_SERVICE"] = "svc";
    world.script->then(nobody());
    CHECK(world.not_here() == "nobody is there to answer: no connection");
}

TEST_CASE("google: every exchange with the metadata server may fail, and what it lacks is left out") {
    for (int good = 1; good < 4; ++good) {
        CAPTURE(good);
        World world;
        for (int i = 0; i < good; ++i) world.then(200, i == 0 ? "computeMetadata/" : "googleapis.com");
        for (int i = 0; i < 4; ++i) world.then(502);
        auto outcome = world.find(MetadataServer{});
        const auto error = failed(std::move(outcome));
        CHECK(error.http_status == 502);
        CHECK(error.execution == Execution::not_started);
        CHECK(world.asked() == static_cast<std::size_t>(good) + 4);
    }
    World bare{"assume-present"};
    bare.then(200, "a@b");
    bare.then(404);
    bare.then(404);
    const auto search = ok(bare.find(MetadataServer{}));
    REQUIRE(search.found.has_value());
    CHECK(search.found->project.empty());
    CHECK(search.found->universe_domain == "googleapis.com");
    World odd{"assume-present"};
    odd.then(200, "a@b");
    odd.then(200, "p");
    odd.then(200, "evil.example/path");
    CHECK(failed(odd.find(MetadataServer{})).code == errc::serialization);
}

TEST_CASE("google: where the metadata server is can be told, and what is no place is refused") {
    const auto origin = [](std::initializer_list<std::pair<const std::string, std::string>> variables) {
        World world;
        world.around.variables = variables;
        world.script->then(nobody());
        const auto search = world.find(MetadataServer{});
        if (!search) return search.error().message;
        return world.script->seen.at(0).origin;
    };
    CHECK(origin({{"GCE_METADATA_HOST", "127.0.0.1:8080"}}) == "http://127.0.0.1:8080");
    CHECK(origin({{"GCE_METADATA_HOST", "http://localhost:81/"}, {"GCE_METADATA_ROOT", "x"}}) == "http://localhost:81");
    CHECK(origin({{"GCE_METADATA_ROOT", "metadata.google.internal"}, {"GCE_METADATA_IP", "::1"}}) ==
          "http://metadata.google.internal");
    CHECK(origin({{"GCE_METADATA_IP", "169.254.0.7"}}) == "http://169.254.0.7");
    CHECK(origin({{"GCE_METADATA_HOST", "a/b"}}) ==
          "GCE_METADATA_HOST: it has a path or a query, and should be a host with its port");
    CHECK(origin({{"GCE_METADATA_HOST", "a b"}}).starts_with("GCE_METADATA_HOST: bad URL"));
    CHECK(origin({{"GCE_METADATA_TIMEOUT", "soon"}}).starts_with("GCE_METADATA_TIMEOUT: it is no number of seconds"));
    CHECK(origin({{"METADATA_SERVER_DETECTION", "maybe"}}).starts_with("METADATA_SERVER_DETECTION: it is none of"));
}

TEST_CASE("google: the metadata server gives access tokens by scopes, and ID tokens by the whole audience") {
    World world{"assume-present"};
    const auto credential = world.credential();
    world.then(200, R"({"access_token":"ya29.m","expires_in":3600,"token_type":"Bearer"})");
    const auto access = ok(world.fetch(credential, TokenRequest::access("https://a/x https://a/y")));
    CHECK(access.value.reveal() == "ya29.m");
    CHECK(access.expires == world.around.time + 3599s);
    CHECK(world.script->lines()[0] == "GET " + account_path + "token?scopes=https%3A%2F%2Fa%2Fx%2Chttps%3A%2F%2Fa%2Fy");
    world.then(200, R"({"access_token":"ya29.m","expires_in":3600,"token_type":"Bearer"})");
    ok(world.fetch(credential, TokenRequest::access(" https://a/x  https://a/y ")));
    CHECK(world.script->lines()[1] == world.script->lines()[0]);  // blanks around scopes are no scopes
    const auto token = tests::id_token(service_url, world.now() + 3600);
    world.then(200, token + "\n");
    const auto identity = ok(world.fetch(credential, TokenRequest::identity(service_url)));
    CHECK(identity.value.reveal() == token);
    CHECK(identity.expires == world.around.time + 1h);
    CHECK(world.script->lines()[2] ==
          "GET " + account_path + "identity?audience=https%3A%2F%2Fblueprint-job-0-abc-ew.a.run.app&format=full");
}

TEST_CASE("google: what the metadata server refuses is told with what to do, and a stranger's token is not taken") {
    using Row = std::tuple<unsigned, errc, std::string_view>;
    for (const auto& [status, code, advice] :
         std::vector<Row>{{404, errc::authentication, "attach a service account to what runs here"},
                          {403, errc::authentication, "give it the scope cloud-platform"},
                          {400, errc::invalid_configuration, "check the audience or the scopes"}}) {
        World world{"assume-present"};
        const auto credential = world.credential();
        world.then(status, "x");
        const auto error = failed(world.fetch(credential, TokenRequest::access()));
        CHECK(error.code == code);
        CHECK(error.http_status == status);
        CHECK(says(error, advice));
        CHECK(world.asked() == 1);
    }
    World world{"assume-present"};
    const auto credential = world.credential();
    world.then_access_token("ya29.secret");  // without Metadata-Flavor
    const auto error = tests::failed_secretly(world.fetch(credential, TokenRequest::access()));
    CHECK(says(error, "is not Google's metadata server"));
    world.then(200, tests::id_token("https://somebody.else", world.now() + 3600));
    CHECK(says(failed(world.fetch(credential, TokenRequest::identity(service_url))), "not for the audience"));
    world.then(200, tests::id_token(service_url, world.now() - 1));
    CHECK(says(failed(world.fetch(credential, TokenRequest::identity(service_url))), "has ended already"));
    world.then(200, R"({"expires_in":7})");
    CHECK(says(failed(world.fetch(credential, TokenRequest::access())), "it gave no access_token"));
}

TEST_CASE(
    "google: a metadata server that is asked too often is told apart from one that fails, and may be asked later") {
    for (const auto& [status, code] :
         {std::pair{429U, errc::throttled}, {500U, errc::infrastructure}, {503U, errc::infrastructure}}) {
        CAPTURE(status);
        World world{"assume-present"};
        const auto credential = world.credential();
        for (int i = 0; i < 4; ++i) world.then(status, "x");
        const auto error = failed(world.fetch(credential, TokenRequest::access()));
        CHECK(error.code == code);
        CHECK(error.http_status == status);
        CHECK(error.retryable);
        CHECK(world.asked() == 4);
    }
}

TEST_CASE("google: the region of what runs here is that of the function, or of the machine's zone") {
    World world{"assume-present"};
    const auto region = [&] {
        return ok(tests::run(world.io, MetadataServer{}.region(world.reach, deadline_after(1min)))).value_or("(none)");
    };
    world.then(200, "projects/7/regions/europe-west1");
    CHECK(region() == "europe-west1");
    world.then(404);
    world.then(200, "projects/7/zones/europe-west4-b");
    CHECK(region() == "europe-west4");
    world.then(404);
    world.then(404);
    CHECK(region() == "(none)");
    world.around.variables["METADATA_SERVER_DETECTION"] = "none";
    CHECK(region() == "(none)");
    CHECK(world.asked() == 5);
}

TEST_CASE("google: what the metadata server tells as the region is not used if it is no name of one") {
    for (const std::string told : {"projects/7/regions/", "projects/7/regions/Europe", "<html>sign in</html>", ""}) {
        CAPTURE(told);
        World world{"assume-present"};
        world.then(200, told);
        const auto error = failed(tests::run(world.io, MetadataServer{}.region(world.reach, deadline_after(1min))));
        CHECK(error.code == errc::serialization);
        CHECK(says(error, "what the metadata server told as the region is none"));
    }
}

namespace {

// Settings by variables ("NAME"), or files ("/path").
gcp::Settings settings(std::initializer_list<std::pair<const std::string, std::string>> said,
                       const gcp::SettingsOptions& options = {}) {
    tests::AwsWorld world;
    world.variables["CLOUDSDK_CONFIG"] = "/cfg";
    for (const auto& [name, value] : said) (name.starts_with('/') ? world.files : world.variables)[name] = value;
    return ok(gcp::resolve_settings(world, options));
}

std::string refused(std::initializer_list<std::pair<const std::string, std::string>> said) {
    tests::AwsWorld world;
    world.variables["CLOUDSDK_CONFIG"] = "/cfg";
    for (const auto& [name, value] : said) (name.starts_with('/') ? world.files : world.variables)[name] = value;
    const auto error = failed(gcp::resolve_settings(world));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("SECRET") == std::string::npos);
    return error.message;
}

const std::string default_config = "/cfg/configurations/config_default";
const std::string adc = "/cfg/application_default_credentials.json";

}  // namespace

TEST_CASE("google: the project is that of the first who says one, and messages can tell who") {
    // From the last to the first: each one goes before all above it.
    std::vector<std::pair<std::string, std::string>> places{
        {adc, R"({"quota_project_id":"p-quota"})"},
        {default_config, "# written by gcloud\n[core]\naccount = me@example.com\nproject = p-config\n"},
        {adc, R"({"quota_project_id":"p-quota","project_id":"p-file"})"},
        {"CLOUDSDK_CORE_PROJECT", "p-sdk"},
        {"GCLOUD_PROJECT", "p-old"},
        {"GOOGLE_CLOUD_PROJECT", "p-new"}};
    const std::vector<std::pair<std::string, std::string>> expected{
        {"p-quota", "'quota_project_id' of '" + adc + "'"},
        {"p-config", "'core/project' of '" + default_config + "'"},
        {"p-file", "'project_id' of '" + adc + "'"},
        {"p-sdk", "CLOUDSDK_CORE_PROJECT"},
        {"p-old", "GCLOUD_PROJECT"},
        {"p-new", "GOOGLE_CLOUD_PROJECT"}};
    tests::AwsWorld world;
    world.variables["CLOUDSDK_CONFIG"] = "/cfg";
    const auto none = ok(gcp::resolve_settings(world));
    CHECK(none.project.value.empty());
    CHECK(says(failed(none.demand_project()), "gcloud config set project"));
    for (std::size_t i = 0; i < places.size(); ++i) {
        (places[i].first.starts_with('/') ? world.files : world.variables)[places[i].first] = places[i].second;
        const auto found = ok(gcp::resolve_settings(world));
        CHECK(found.project.value == expected[i].first);
        CHECK(found.project.by == expected[i].second);
        CHECK(ok(found.demand_project()) == expected[i].first);
    }
    CHECK(ok(gcp::resolve_settings(world, {.project = "mine"})).project.value == "mine");
    CHECK(settings({{"/k.json", R"({"project_id":"p-k"})"}}, {.credential_file = "/k.json"}).project.value == "p-k");
    CHECK(settings({{"GOOGLE_APPLICATION_CREDENTIALS", "/k.json"}, {"/k.json", R"({"project_id":"p-k"})"}})
              .project.value == "p-k");
    CHECK(settings({{adc, "this is no JSON"}}).project.value.empty());
}

TEST_CASE("google: each service has its region, and the active configuration is the one that gcloud uses") {
    const std::string config = "[run]\nregion = r-run\n[functions]\nregion=r-fun\n[compute]\nregion = r-compute\n";
    const auto both = settings({{default_config, config}});
    CHECK(ok(both.demand_region(gcp::Service::run)) == "r-run");
    CHECK(ok(both.demand_region(gcp::Service::functions)) == "r-fun");
    const auto one = settings({{default_config, "[compute]\nregion = r-compute\n"}, {"CLOUDSDK_RUN_REGION", "r-var"}});
    CHECK(one.run_region.value == "r-var");
    CHECK(one.functions_region.value == "r-var");
    CHECK(settings({{default_config, "[compute]\r\nregion = r-compute\r\n"}}).run_region.value == "r-compute");
    const auto all = settings({{default_config, config}, {"GOOGLE_CLOUD_REGION", "r-all"}});
    CHECK(all.run_region.value == "r-all");
    CHECK(all.functions_region.by == "GOOGLE_CLOUD_REGION");
    CHECK(says(failed(settings({}).demand_region(gcp::Service::functions)), "gcloud config set functions/region"));

    CHECK(settings({{"/cfg/active_config", "work\n"},
                    {"/cfg/configurations/config_work", "[core]\nproject = p-work"},
                    {default_config, "[core]\nproject = p-default"}})
              .project.value == "p-work");
    CHECK(settings({{"/cfg/active_config", "work\n"},
                    {"CLOUDSDK_ACTIVE_CONFIG_NAME", "home"},
                    {"/cfg/configurations/config_home", "[core]\nproject = p-home"}})
              .project.value == "p-home");
}

TEST_CASE("google: endpoints and the universe can be told, and what is none is refused without being shown") {
    const auto usual = settings({});
    CHECK(usual.endpoint_of(gcp::Service::run) == "https://run.googleapis.com");
    CHECK(usual.endpoint_of(gcp::Service::functions) == "https://cloudfunctions.googleapis.com");
    CHECK(usual.endpoint_of(gcp::Service::storage) == "https://storage.googleapis.com");
    const auto other = settings({{"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "example.test"},
                                 {"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", "http://127.0.0.1:8080/"},
                                 {default_config,
                                  "[api_endpoint_overrides]\nstorage = http://127.0.0.1:8080/gcs/storage/v1/\n"
                                  "run = https://unused.example/\n"}});
    CHECK(other.endpoint_of(gcp::Service::run) == "http://127.0.0.1:8080");
    CHECK(other.endpoint_of(gcp::Service::functions) == "https://cloudfunctions.example.test");
    CHECK(other.endpoint_of(gcp::Service::storage) == "http://127.0.0.1:8080/gcs");
    CHECK(settings({{adc, R"({"universe_domain":"file.test"})"}}).universe_domain.value == "file.test");

    CHECK(refused({{"GOOGLE_CLOUD_PROJECT", "SECRET/x"}}) ==
          "GOOGLE_CLOUD_PROJECT is no id of a project, such as my-project-123");
    CHECK(refused({{default_config, "[run]\nregion = SECRET\n"}}) ==
          "'run/region' of '" + default_config + "' is no name of a region, such as europe-west1");
    CHECK(refused({{"CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS", "SECRET"}})
              .starts_with("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS is no endpoint: bad URL"));
    CHECK(refused({{"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", "https://a?SECRET"}}).ends_with("it has a query"));
    CHECK(refused({{"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "SECRET"}}) ==
          "GOOGLE_CLOUD_UNIVERSE_DOMAIN is no domain name, such as googleapis.com");
    CHECK(refused({{"CLOUDSDK_ACTIVE_CONFIG_NAME", "../SECRET"}})
              .starts_with("CLOUDSDK_ACTIVE_CONFIG_NAME is no name of a gcloud configuration"));
}

}  // namespace google_surroundings_test
