#include "blueprint/faas/codec/azure_publish.hpp"

#include "blueprint/faas/codec/azure_job_config.hpp"
#include "blueprint/faas/package/azure_site.hpp"
#include "blueprint/faas/package/package.hpp"
#include "support/elf_image.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace azure_publish_test {

using namespace blueprint::faas;
using namespace blueprint::faas::detail;
using namespace std::chrono_literals;
using tests::failed;
using tests::ok;

namespace {

HttpResponse answer(unsigned status, std::string body = {}) {
    HttpResponse out;
    out.status = status;
    out.body = std::move(body);
    return out;
}
AzurePublish service(AzurePublishWay way = AzurePublishWay::one_deploy) {
    return ok(AzurePublish::make("app.scm.azurewebsites.net", way));
}
result<AzureDeploymentStatus> status(std::string_view number) {
    return service().read_status(
        answer(200, R"({"id":"42","status":)" + std::string{number} + R"(,"status_text":"told","complete":true})"));
}
result<AzureDeploymentStatus> unknown_deployment() {
    return std::move(*AzurePublish::judge_look(answer(404, "No deployment '42' found")));
}
Error refusal(unsigned code, std::string body = {}) {
    auto error = AzurePublish::judge_publish(answer(code, std::move(body)));
    REQUIRE(error.has_value());
    return std::move(*error);
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

Package program() {
    PackageOptions options;
    options.architecture = Architecture::x86_64;
    return ok(Package::from_binary(test::build(test::ElfImage{}), options));
}
AzureManifest with(JobId id, std::vector<std::string> env, AzureManifest manifest = {}) {
    AzureManifestJob job;
    job.package_sha256 = program().sha256();
    job.timeout = 60s;
    job.env = std::move(env);
    ok(add_azure_job(manifest, id, std::move(job)));
    return manifest;
}

}  // namespace

TEST_CASE("Azure pitfall 13: a site is handed over with a token of the management API, by One Deploy") {
    const auto zip = std::make_shared<const Bytes>(Bytes{'P', 'K'});
    const auto request = service().publish(zip);
    CHECK(to_string(request.verb) == "POST");
    CHECK(to_string(request.origin) == "https://app.scm.azurewebsites.net");
    CHECK(request.target == "/api/publish?RemoteBuild=false&Deployer=blueprint-faas");
    CHECK(request.headers.get("Content-Type") == "application/zip");
    CHECK_FALSE(request.headers.get("Authorization").has_value());  // the Auth adds it
    CHECK(request.body.view() == "PK");
    CHECK(ok(service().read_begun(answer(202, "\"9f0c-1\""))) == "/api/deployments/9f0c-1");
    for (const auto* body : {"", "{}", "\"\"", "9f0c"})
        CHECK(failed(service().read_begun(answer(202, body))).code == errc::serialization);
    const auto local = ok(AzurePublish::make("127.0.0.1:4711", AzurePublishWay::one_deploy)).look("/api/deployments/1");
    CHECK(to_string(local.origin) == "https://127.0.0.1:4711");
    for (const auto* none : {"", "user@host", "host/path"})
        CHECK_FALSE(AzurePublish::make(none, AzurePublishWay::one_deploy).has_value());
}

TEST_CASE("Azure pitfall 9: older plans get zip deployment, and the token goes to no other host") {
    const auto older = service(AzurePublishWay::zip_deploy);
    CHECK(older.publish(nullptr).target == "/api/zipdeploy?isAsync=true&deployer=blueprint-faas");
    auto begun = answer(202);
    CHECK(ok(older.read_begun(begun)) == "/api/deployments/latest");
    begun.headers.set("Location", "https://app.scm.azurewebsites.net/api/deployments/latest?deployer=x&time=1");
    CHECK(ok(older.read_begun(begun)) == "/api/deployments/latest?deployer=x&time=1");
    for (const auto* elsewhere : {"https://evil.example/api/deployments/latest", "//evil.example/x",
                                  "http://app.scm.azurewebsites.net/api/deployments/latest"}) {
        begun.headers.set("Location", elsewhere);
        CHECK_FALSE(older.read_begun(begun).has_value());
    }
    // A deployment that goes on is told by the answer's status, one that has ended by its body.
    CHECK(ok(older.read_status(answer(202))).state == AzureDeploymentStatus::State::running);
    CHECK(ok(older.read_status(answer(200, R"({"status":3})"))).state == AzureDeploymentStatus::State::failed);
    CHECK_FALSE(older.read_status(answer(200)).has_value());

    const auto error = refusal(404);
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "Flex Consumption has no zip deployment"));
    CHECK(AzurePublish::remedy(error) == AzurePublishRemedy::none);
    CHECK(AzurePublish::remedy(refusal(503, "Site Unavailable")) == AzurePublishRemedy::wait_for_service);
}

TEST_CASE("azure: what becomes of a deployment is told by its own status, not by that of the answer") {
    using State = AzureDeploymentStatus::State;
    for (const auto& [number, state] : {std::pair{"0", State::running},
                                        {"1", State::running},
                                        {"2", State::running},
                                        {"3", State::failed},
                                        {"4", State::succeeded},
                                        {"5", State::conflict},
                                        {"6", State::failed},
                                        {"-1", State::cancelled},
                                        {"17", State::running}}) {
        CAPTURE(number);
        CHECK(ok(status(number)).state == state);
    }
    CHECK_FALSE(service().read_status(answer(200, "{}")).has_value());
    CHECK_FALSE(service().read_status(answer(202, "")).has_value());
    auto later = answer(200, R"({"status":1})");
    later.headers.set("Retry-After", "7");
    CHECK(ok(service().read_status(later)).retry_after == 7s);
}

TEST_CASE("azure: a deployment that is not known yet is looked for three times, and one that is gone is through") {
    using Next = AzurePublishWatch::Next;
    AzurePublishWatch early;
    for (int look = 0; look < 3; ++look) CHECK(ok(early.after(unknown_deployment())) == Next::look_again);
    CHECK(ok(early.after(status("1"))) == Next::look_again);
    CHECK(ok(early.after(unknown_deployment())) == Next::vanished);
    AzurePublishWatch never;
    for (int look = 0; look < 3; ++look) CHECK(ok(never.after(unknown_deployment())) == Next::look_again);
    CHECK(says(failed(never.after(unknown_deployment())), "deploy again"));

    AzurePublishWatch shaky;
    const result<AzureDeploymentStatus> down = std::move(*AzurePublish::judge_look(answer(503)));
    for (int look = 0; look < 5; ++look) CHECK(ok(shaky.after(down)) == Next::look_again);
    CHECK(failed(shaky.after(down)).http_status == 503);
    const result<AzureDeploymentStatus> shut = std::move(*AzurePublish::judge_look(answer(403)));
    CHECK(failed(AzurePublishWatch{}.after(shut)).code == errc::authentication);

    CHECK(ok(AzurePublishWatch{}.after(status("4"))) == Next::done);
    CHECK(failed(AzurePublishWatch{}.after(status("3"))).code == errc::invocation_failed);
    CHECK(failed(AzurePublishWatch{}.after(status("6"))).code == errc::invocation_failed);
    CHECK(failed(AzurePublishWatch{}.after(status("5"))).code == errc::conflict);
    CHECK(failed(AzurePublishWatch{}.after(status("-1"))).code == errc::conflict);
}

TEST_CASE("Azure pitfall 6: a refusal for the sake of storage tells what may be done about it") {
    const auto text = [](std::string_view more) {
        return R"({"Message":"BlobUploadFailedException: Failed to upload blob to storage account: )" +
               std::string{more} + "\"}";
    };
    const auto missing = refusal(400, text("Response status code does not indicate success: 404"));
    CHECK(AzurePublish::remedy(missing) == AzurePublishRemedy::make_container);
    const auto shut = refusal(400, text("Response status code does not indicate success: 403 (AuthorizationFailure)"));
    CHECK(AzurePublish::remedy(shut) == AzurePublishRemedy::wait_for_storage);
    CHECK(says(shut, "Storage Blob Data Contributor"));
    const auto other = refusal(400, R"({"Message":"Package deployment failed: host.json is missing"})");
    CHECK(AzurePublish::remedy(other) == AzurePublishRemedy::none);
    CHECK(says(other, "host.json is missing"));
}

TEST_CASE("azure: refusals of a deployment are told apart") {
    struct Case {
        unsigned status;
        errc code;
        AzurePublishRemedy remedy;
        std::string_view words;
    };
    for (const auto& [code, meaning, remedy, words] :
         {Case{401, errc::authentication, AzurePublishRemedy::none, "Website Contributor"},
          Case{403, errc::authentication, AzurePublishRemedy::none, "access restrictions"},
          Case{409, errc::conflict, AzurePublishRemedy::wait_for_other, "another deployment"},
          Case{413, errc::invalid_configuration, AzurePublishRemedy::none, "413"},
          Case{415, errc::unsupported, AzurePublishRemedy::none, "does not take a zip"},
          Case{429, errc::throttled, AzurePublishRemedy::none, "429"},
          Case{500, errc::infrastructure, AzurePublishRemedy::none, "500"},
          Case{502, errc::infrastructure, AzurePublishRemedy::wait_for_service, "502"}}) {
        CAPTURE(code);
        const auto error = refusal(code, "told by the service");
        CHECK(error.code == meaning);
        CHECK(AzurePublish::remedy(error) == remedy);
        CHECK(says(error, words));
        CHECK(says(error, "told by the service"));
    }
    CHECK(refusal(401).retryable);  // once more, with a fresh token
    CHECK_FALSE(AzurePublish::judge_publish(answer(202)).has_value());
}

TEST_CASE("Azure pitfall 14: an app that runs a package from a URL is told, and not waited for") {
    const auto error = refusal(409, "Run-From-Zip is set to a remote URL using WEBSITE_RUN_FROM_PACKAGE app setting.");
    CHECK(AzurePublish::remedy(error) == AzurePublishRemedy::none);
    CHECK(says(error, "take the setting WEBSITE_RUN_FROM_PACKAGE away"));
    AzureAppWanted wanted;
    ok(want_azure_runtime(wanted, {}));
    CHECK(wanted.settings.at("FUNCTIONS_WORKER_RUNTIME").reveal() == "custom");
    CHECK(wanted.settings.at("FUNCTIONS_EXTENSION_VERSION").reveal() == "~4");
    ok(want_azure_runtime(wanted, {{"WEBSITE_RUN_FROM_PACKAGE", "1"}, {"FUNCTIONS_WORKER_RUNTIME", "custom"}}));
    const auto url = failed(want_azure_runtime(
        wanted, {{"WEBSITE_RUN_FROM_PACKAGE", "https://acc.blob.core.windows.net/c/b.zip?sv=1&sig=not-to-be-seen"}}));
    CHECK(url.code == errc::conflict);
    CHECK_FALSE(says(url, "not-to-be-seen"));
    CHECK(failed(want_azure_runtime(wanted, {{"FUNCTIONS_WORKER_RUNTIME", "python"}})).code == errc::conflict);
}

TEST_CASE("azure: the log of a deployment shows its last lines, and no signature of a URL") {
    const auto log = AzurePublish::read_log(
        answer(200, R"log([{"message":"0"},{"message":"1"},{"message":"2"},{"message":"3"},{"log_time":"x"},
                 {"message":"cannot read https://a.blob.core.windows.net/c/b.zip?sv=1&sig=AbC%2B%2F%3D&se=2 (403)"}])log"));
    CHECK(log.starts_with("1 | 2 | 3 | cannot read"));
    CHECK(log.find("AbC") == std::string::npos);
    CHECK(log.ends_with("sig=[redacted]&se=2 (403)"));
    CHECK(AzurePublish::read_log(answer(200, "no list")).empty());
    CHECK(service().log(ok(status("3"))).target == "/api/deployments/42/log");
    CHECK_FALSE(says(refusal(400, "https://a/b?sig=AbCdef"), "AbCdef"));
}

TEST_CASE("azure: an app tells which site it has") {
    CHECK(read_azure_site_answer(answer(200, R"({"status":"healthy","site":"abc","jobs":[0]})")).digest == "abc");
    CHECK(read_azure_site_answer(answer(200, "hello")).digest.empty());
}

TEST_CASE("Z8: what Azure would not keep is refused with what works, before anything is sent") {
    AzureFunctionsOptions options;
    options.instance_concurrency = 8;
    const auto refused = [&](const FaasConfig& config, bool flex = true) {
        const auto error = failed(azure_wanted(options, 7, program(), config, flex));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, "job 7: "));
        return error.message;
    };
    const auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos;
    };
    FaasConfig config;
    CHECK(has(refused(config), "timeout 300 s"));
    CHECK(has(refused(config), "230 s"));
    config.timeout = 230s;
    const auto wanted = ok(azure_wanted(options, 7, program(), config));
    CHECK(wanted.job.timeout == 230s);
    CHECK(wanted.job.memory_mib == 512);
    CHECK(wanted.job.binary_bytes == program().binary_size_bytes());
    config.memory_mib = 1024;
    CHECK(has(refused(config), "take 2048"));
    ok(azure_wanted(options, 7, program(), config, false));
    config.memory_mib = 8192;
    CHECK(has(refused(config), "512, 2048 and 4096"));
    CHECK(has(refused(config, false), "1536"));
    config.memory_mib = 1537;
    CHECK(has(refused(config, false), "memory_mib 1537"));
    config.memory_mib = 1536;
    CHECK(ok(azure_wanted(options, 7, program(), config, false)).job.memory_mib == 1536);
    config.memory_mib = 4096;
    config.max_concurrency = 100;
    CHECK(has(refused(config), "12 instances"));
    CHECK(has(refused(config), "320 to 8000"));
    config.max_concurrency = 8008;
    CHECK(has(refused(config), "1001 instances"));
    config.max_concurrency = 320;
    CHECK(ok(azure_wanted(options, 7, program(), config)).job.max_concurrency == 320);
    config.keep_warm = 41;
    CHECK(has(refused(config), "keep_warm 41"));
    config.memory_mib = 512;
    CHECK(has(refused(config, false), "Flex Consumption"));
    config = {.timeout = 60s};
    for (const auto* name : {"FUNCTIONS_WORKER_RUNTIME", "WEBSITE_X", "AzureWebJobsStorage", "azurewebjobsX",
                             "ENABLE_ORYX_BUILD", "SCM_X", "PORT", "APPSETTING_X", "BLUEPRINT_X", "1X", "", "A-B"}) {
        CAPTURE(name);
        config.env_vars = {{name, "not-to-be-seen"}};
        CHECK_FALSE(has(refused(config), "not-to-be-seen"));
    }
    config.env_vars = {{"LEVEL", std::string{"a\0b", 3}}};
    refused(config);
    config.env_vars = {{"LEVEL", "3"}};
    CHECK(ok(azure_wanted(options, 7, program(), config)).job.env == std::vector<std::string>{"LEVEL"});
}

TEST_CASE("azure: the jobs of an app share its instances, which are as the most demanding one wants them") {
    AzureFunctionsOptions options;
    options.instance_concurrency = 4;
    auto manifest = with(0, {});
    manifest = with(1, {}, manifest);
    manifest.jobs.at(0).memory_mib = 2048;
    manifest.jobs.at(1).keep_warm = 3;
    const auto few = ok(azure_app_wanted(options, {}, {}, manifest, 1, {}));
    CHECK(few.memory_mib == 2048);
    CHECK(few.always_ready == 3);
    CHECK(few.max_instances == 100);
    CHECK(few.settings.at("BLUEPRINT_CONCURRENCY").reveal() == "4");
    manifest.jobs.at(0).max_concurrency = 800;
    CHECK(ok(azure_app_wanted(options, {}, {}, manifest, 1, {})).max_instances == 200);
}

TEST_CASE("Z8: variables are united, and one name with two values is a conflict that shows no value") {
    const AzureFunctionsOptions options;
    const auto before = with(0, {"A", "COMMON"});
    const AzureSettings there{{"A", "1"}, {"COMMON", "2"}, {"THEIRS", "3"}};
    const auto after = with(1, {"B", "COMMON"}, before);
    const auto wanted = ok(azure_app_wanted(options, there, before, after, 1, {{"B", "4"}, {"COMMON", "2"}}));
    CHECK(wanted.settings.at("B").reveal() == "4");
    CHECK(wanted.dropped.empty());
    const auto error = failed(azure_app_wanted(options, there, before, after, 1, {{"B", "4"}, {"COMMON", "secret"}}));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "'COMMON'"));
    CHECK(says(error, "for job 0"));
    CHECK_FALSE(says(error, "secret"));
    const auto theirs = with(1, {"THEIRS"}, before);
    CHECK(says(failed(azure_app_wanted(options, there, before, theirs, 1, {{"THEIRS", "4"}})), "somebody else set it"));
    // A job's own variable may get another value, and what no job has any more goes.
    const auto changed = with(0, {"A"});
    const auto fewer = ok(azure_app_wanted(options, there, before, changed, 0, {{"A", "9"}}));
    CHECK(fewer.settings.at("A").reveal() == "9");
    CHECK(fewer.dropped == std::set<std::string, std::less<>>{"COMMON"});
    const auto gone = ok(azure_app_wanted(options, there, before, {}, 0, {}));
    CHECK(gone.dropped ==
          std::set<std::string, std::less<>>{"A", "BLUEPRINT_CONCURRENCY", "BLUEPRINT_VARIABLES", "COMMON"});
}

TEST_CASE("Z8: variables that an interrupted removal left are ours still, and are replaced or go") {
    const AzureFunctionsOptions options;
    const auto first = ok(azure_app_wanted(options, {}, {}, with(0, {"A", "B"}), 0, {{"A", "1"}, {"B", "2"}}));
    CHECK(first.settings.at("BLUEPRINT_VARIABLES").reveal() == "A,B");
    // The manifest names no job any more, and all settings are there.
    auto there = first.settings;
    there.insert_or_assign("THEIRS", Secret{"3"});
    const auto again = ok(azure_app_wanted(options, there, {}, with(1, {"A"}), 1, {{"A", "9"}}));
    CHECK(again.settings.at("A").reveal() == "9");
    CHECK(again.dropped == std::set<std::string, std::less<>>{"B"});
    CHECK(again.settings.at("BLUEPRINT_VARIABLES").reveal() == "A");
    CHECK(says(failed(azure_app_wanted(options, there, {}, with(1, {"THEIRS"}), 1, {{"THEIRS", "4"}})),
               "somebody else set it"));
    // What another job has is not taken from it.
    const auto both = with(1, {"A"}, with(0, {"A"}));
    CHECK(says(failed(azure_app_wanted(options, there, with(0, {"A"}), both, 1, {{"A", "4"}})), "for job 0"));
    // Whatever the setting says, Azure's own settings are not dropped.
    there.insert_or_assign("BLUEPRINT_VARIABLES", Secret{",A,,AzureWebJobsStorage,B,"});
    CHECK(ok(azure_app_wanted(options, there, {}, {}, 1, {})).dropped ==
          std::set<std::string, std::less<>>{"A", "B", "BLUEPRINT_CONCURRENCY", "BLUEPRINT_VARIABLES"});
}

}  // namespace azure_publish_test
