#include "blueprint/faas/local/gcp_gate.hpp"
#include "cloud_lab.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace local_run_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

std::string url_of(const json::object& service) { return CloudLab::text(service, "uri"); }

}  // namespace

TEST_CASE("local google run: a package is uploaded, deployed and called") {
    CloudLab lab;
    lab.upload("main.tar.gz", tar_of("main", function_program()));
    const auto begun = lab.create("job-0", CloudLab::service("main.tar.gz", [](auto& container, auto&) {
                                      container["env"] =
                                          json::array{json::object{{"name", "COLOUR"}, {"value", "red"}}};
                                      container["args"] = json::array{"--fast"};
                                  }));
    const auto first = CloudLab::json_of(begun).at("metadata").as_object();
    CHECK(first.at("reconciling") == true);
    CHECK(CloudLab::text(first, "terminalCondition.state") == "CONDITION_RECONCILING");
    const auto done = lab.finish(begun);
    REQUIRE_MESSAGE(done.contains("response"), json::serialize(done));
    CHECK(CloudLab::text(done, "response.@type") == "type.googleapis.com/google.cloud.run.v2.Service");

    const auto service = lab.shown("job-0");
    CHECK(CloudLab::text(service, "terminalCondition.state") == "CONDITION_SUCCEEDED");
    CHECK(CloudLab::text(service, "latestReadyRevision") == CloudLab::text(service, "latestCreatedRevision"));
    CHECK(!service.contains("reconciling"));
    CHECK(!service.contains("@type"));
    // What Google fills in is filled in.
    const auto& revision = service.at("template").as_object();
    CHECK(CloudLab::text(revision, "timeout") == "300s");
    CHECK(revision.at("maxInstanceRequestConcurrency") == 80);
    CHECK(CloudLab::text(revision, "serviceAccount") == "123456789012-compute@developer.gserviceaccount.com");

    lab.open_to("job-0", {"allUsers"});
    const auto url = url_of(service);
    CHECK(lab.send_to(url, {.target = "/env/COLOUR"}).body == "red");
    CHECK(lab.send_to(url, {.target = "/env/K_SERVICE"}).body == "job-0");
    CHECK(lab.send_to(url, {.target = "/env/K_CONFIGURATION"}).body == "job-0");
    const auto name = CloudLab::text(service, "latestReadyRevision");
    CHECK(name.ends_with(lab.send_to(url, {.target = "/env/K_REVISION"}).body));
    const auto shown = CloudLab::json_of(lab.get("/v2/" + name));
    CHECK(CloudLab::text(shown, "service") == "job-0");
    const auto log_url = CloudLab::text(shown, "logUri");
    CHECK(lab.send_to(url, {.target = "/say/hello"}).body == "said");
    const auto path = log_url.substr(lab.cloud.gcp_url().size());
    lab.until([&] { return lab.get(path).body.find("err hello") != std::string::npos; });
    CHECK(lab.get(path).body.find("argument --fast") != std::string::npos);
    CHECK(lab.send_to(lab.cloud.gcp_url(), {.target = path}).status == 401);
}

TEST_CASE("local google run: a call goes through with all fields and bytes as they are") {
    CloudLab lab;
    const auto url = url_of(lab.deploy("job-0"));
    std::string body(70'000, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 256);
    const auto reply = lab.send_to(url, {.method = "POST",
                                         .target = "/a%20b?x=1&y=%2F",
                                         .fields = {{"Content-Type", "application/octet-stream"},
                                                    {"X-Odd-Case", "kept  as it is"},
                                                    {"Authorization", "Basic dXNlcjpwYXNz"}},
                                         .body = body});
    REQUIRE(reply.status == 200);
    CHECK(reply.body.starts_with("POST /a%20b?x=1&y=%2F HTTP/1.1\r\n"));
    CHECK(reply.body.find("X-Odd-Case: kept  as it is\r\n") != std::string::npos);
    CHECK(reply.body.find("Authorization: Basic dXNlcjpwYXNz\r\n") != std::string::npos);
    CHECK(reply.body.find("Host: " + url.substr(7)) != std::string::npos);
    CHECK(reply.body.ends_with("\r\n\r\n" + body));
    CHECK(reply.field("content-type") == "application/octet-stream");

    const auto head = lab.send_to(url, {.method = "HEAD", .target = "/big/12345"});
    CHECK(head.status == 200);
    CHECK(head.field("content-length") == "12345");
    CHECK(lab.send_to(url, {.target = "/chunked"}).body == "one two");
    const auto no = lab.send_to(url, {.target = "/status/418"});
    CHECK(no.status == 418);
    CHECK(no.field("retry-after") == "7");
    CHECK(no.body == "said no");
    // A connection that the instance closed without a word costs nobody an answer.
    CHECK(lab.send_to(url, {.target = "/hangup"}).body == "bye");
    CHECK(lab.send_to(url, {.target = "/count"}).status == 200);
}

TEST_CASE("GCP pitfall 1, 2: only an ID token for the service's own URL opens it") {
    CloudLab lab;
    const auto service = lab.deploy("job-0");
    const auto url = url_of(service);
    lab.open_to("job-0", {"serviceAccount:" + other_account});
    const auto status = [&](const std::string& bearer, const std::string& field = "Authorization") {
        return lab.send_to(url, {.method = "POST", .target = "/", .fields = {{field, "Bearer " + bearer}}}).status;
    };
    CHECK(lab.send_to(url, {.target = "/"}).status == 403);
    CHECK(status(lab.token) == 401);
    const auto good = lab.id_token(other_account, url);
    CHECK(status(good) == 200);
    CHECK(status(good, "X-Serverless-Authorization") == 200);
    CHECK(status(lab.id_token(other_account, url + "/job")) == 401);
    CHECK(status(lab.id_token(other_account, "https://elsewhere.example")) == 401);
    CHECK(status(lab.id_token(owner_account, url)) == 403);  // known, and no invoker
    const auto refused = lab.send_to(url, {.target = "/", .fields = {{"Authorization", "Bearer " + lab.token}}});
    CHECK(refused.field("www-authenticate").find("could not be verified") != std::string::npos);
    CHECK(refused.field("content-type").starts_with("text/html"));

    // What lets the call in cannot be used again by the instance.
    const auto echoed = lab.send_to(url, {.target = "/", .fields = {{"Authorization", "Bearer " + good}}}).body;
    CHECK(echoed.find(good) == std::string::npos);
    CHECK(echoed.find("SIGNATURE_REMOVED_BY_GOOGLE") != std::string::npos);
    const auto both = lab.send_to(
        url, {.target = "/",
              .fields = {{"X-Serverless-Authorization", "Bearer " + good}, {"Authorization", "Bearer a.b.c"}}});
    CHECK(both.body.find("Authorization: Bearer a.b.c\r\n") != std::string::npos);

    lab.finish(lab.send("PATCH", "/v2/" + place + "/services/job-0?updateMask=customAudiences",
                        {{"customAudiences", json::array{"https://jobs.example"}}}));
    CHECK(status(lab.id_token(other_account, "https://jobs.example")) == 200);
    lab.finish(lab.send("PATCH", "/v2/" + place + "/services/job-0?updateMask=invokerIamDisabled",
                        {{"invokerIamDisabled", true}}));
    CHECK(lab.send_to(url, {.target = "/"}).status == 200);
    lab.finish(lab.send("PATCH", "/v2/" + place + "/services/job-0?updateMask=ingress",
                        {{"ingress", "INGRESS_TRAFFIC_INTERNAL_ONLY"}}));
    CHECK(lab.send_to(url, {.target = "/"}).status == 404);
}

TEST_CASE("local google run: policies are changed by who read them last") {
    CloudLab lab;
    lab.deploy("job-0");
    const auto path = "/v2/" + place + "/services/job-0:";
    auto policy = CloudLab::json_of(lab.get(path + "getIamPolicy?options.requestedPolicyVersion=3"));
    const auto etag = CloudLab::text(policy, "etag");
    REQUIRE(!etag.empty());
    lab.open_to("job-0", {"user:alice@example.com"});
    const auto late = lab.send("POST", path + "setIamPolicy", {{"policy", policy}});
    CHECK(CloudLab::verdict(late).starts_with("409 ABORTED"));
    policy = CloudLab::json_of(lab.get(path + "getIamPolicy"));
    CHECK(lab.send("POST", path + "setIamPolicy", {{"policy", policy}, {"updateMask", "bindings,etag"}}).status == 200);
    const auto set = [&](const char* role, const char* member) {
        const json::object binding{{"role", role}, {"members", json::array{member}}};
        return CloudLab::verdict(
            lab.send("POST", path + "setIamPolicy", {{"policy", json::object{{"bindings", json::array{binding}}}}}));
    };
    CHECK(set("roles/cloudfunctions.invoker", "allUsers").starts_with("400 INVALID_ARGUMENT"));
    CHECK(set("roles/run.invoker", "alice@example.com").starts_with("400 INVALID_ARGUMENT"));
    const auto may = [&] {
        const auto reply = lab.send("POST", path + "testIamPermissions",
                                    {{"permissions", json::array{"run.routes.invoke", "run.services.get"}}});
        return json::serialize(CloudLab::json_of(reply));
    };
    CHECK(may() == R"({"permissions":["run.services.get"]})");
    lab.open_to("job-0", {"serviceAccount:" + owner_account});
    CHECK(may() == R"({"permissions":["run.routes.invoke","run.services.get"]})");
}

TEST_CASE("local google run: what Google refuses is refused with the member's name") {
    CloudLab lab;
    lab.upload("main.tar.gz", tar_of("main", function_program()));
    using Change = std::function<void(json::object & container, json::object & revision)>;
    const auto limits = [](const char* cpu, const char* memory) {
        return Change{[=](json::object& container, json::object&) {
            container["resources"] =
                json::object{{"limits", json::object{{"cpu", cpu}, {"memory", memory}}}, {"cpuIdle", true}};
        }};
    };
    const auto variable = [](const char* name) {
        return Change{[=](json::object& container, json::object&) {
            container["env"] = json::array{json::object{{"name", name}, {"value", "x"}}};
        }};
    };
    const std::vector<std::pair<Change, std::string>> refused{
        {[](auto& container, auto&) { container["imageUri"] = "x"; },
         "400 INVALID_ARGUMENT: Invalid JSON payload received. Unknown name \"imageUri\" at "
         "'service.template.containers[0]': Cannot find field."},
        {[](auto&, auto& revision) { revision["timeout"] = "5m"; }, "service.template.timeout"},
        {[](auto&, auto& revision) { revision["timeout"] = "3601s"; }, "template.timeout"},
        {[](auto&, auto& revision) { revision["maxInstanceRequestConcurrency"] = 1001; },
         "template.maxInstanceRequestConcurrency"},
        {[](auto&, auto& revision) { revision["revision"] = "other-1"; }, "template.revision"},
        {[](auto&, auto& revision) { revision["labels"] = json::object{{"Big", "x"}}; }, "template.labels[Big]"},
        {[](auto&, auto& revision) { revision["annotations"] = json::object{{"run.googleapis.com/x", "y"}}; },
         "run.googleapis.com/x"},
        {[](auto&, auto& revision) { revision["scaling"] = json::object{{"maxInstanceCount", 101}}; },
         "maxScale may not exceed 100"},
        {[](auto&, auto& revision) { revision["serviceAccount"] = "nobody@x.iam.gserviceaccount.com"; },
         "403 PERMISSION_DENIED: Permission 'iam.serviceaccounts.actAs' denied"},
        {[](auto& container, auto&) { container["command"] = json::array{"/bin/sh"}; }, "containers[0].command"},
        {[](auto& container, auto&) { container.erase("command"); }, "containers[0].command"},
        {[](auto& container, auto&) { container.erase("baseImageUri"); }, "containers[0].baseImageUri"},
        {[](auto& container, auto&) {
             container["image"] = "docker.io/library/nginx";
             container.erase("sourceCode");
         },
         "runs no containers"},
        {limits("4", "1Gi"), "cpu do not fit"},
        {limits("1", "8Gi"), "cpu do not fit"},
        {limits("3", "1Gi"), "cpu"},
        {limits("1", "64Mi"), "memory"},
        {limits("0.5", "2Gi"), "cpu do not fit"},
        {variable("PORT"), "reserved env names were provided: PORT"},
        {variable("K_REVISION"), "reserved env names"},
        {[](auto& container, auto&) {
             container["startupProbe"] = json::object{{"periodSeconds", 10}, {"failureThreshold", 25}};
         },
         "240 seconds"}};
    for (const auto& [change, expected] : refused) {
        CAPTURE(expected);
        const auto reply = lab.create("job-0", CloudLab::service("main.tar.gz", change));
        CAPTURE(reply.body);
        CHECK(reply.status >= 400);
        CHECK(CloudLab::verdict(reply).find(expected) != std::string::npos);
    }
    const auto fine = CloudLab::service("main.tar.gz");
    CHECK(CloudLab::verdict(lab.create("Job", fine)).starts_with("400 INVALID_ARGUMENT"));
    CHECK(CloudLab::verdict(lab.create(std::string(50, 'a'), fine)).starts_with("400 INVALID_ARGUMENT"));
    CHECK(CloudLab::verdict(lab.send("POST", "/v2/projects/other/locations/x/services?serviceId=a", fine))
              .starts_with("403 PERMISSION_DENIED"));
    CHECK(CloudLab::verdict(lab.send("POST", "/v2/" + place + "/services?serviceId=a&force=1", fine))
              .find("Unknown name \"force\"") != std::string::npos);
    const auto plain = lab.ask({.method = "POST",
                                .target = "/v2/" + place + "/services?serviceId=a",
                                .fields = {{"Content-Type", "text/plain"}},
                                .body = json::serialize(fine)});
    CHECK(plain.status == 400);
    // Read-only members are ignored, and so is null.
    auto odd = fine;
    odd["uri"] = "https://mine.example";
    odd["reconciling"] = true;
    odd["description"] = nullptr;
    const auto planned =
        CloudLab::json_of(lab.ask({.method = "POST",
                                   .target = "/v2/" + place + "/services?serviceId=planned&validateOnly=true",
                                   .fields = {{"Content-Type", "application/json"}},
                                   .body = json::serialize(odd)},
                                  true));
    CHECK(planned.at("done") == true);
    CHECK(!planned.at("response").as_object().contains("uri"));
    CHECK(lab.get("/v2/" + place + "/services/planned").status == 404);
}

TEST_CASE("GCP pitfall 8: a program that cannot be started or does not listen says so in Google's words") {
    CloudLab lab;
    const auto program = function_program();
    lab.upload("main.tar.gz", tar_of("main", program));
    lab.upload("plain.tar.gz", tar_of("main", program, 0644));
    lab.upload("other.tar.gz", tar_of("other", program));
    lab.upload("broken.tar.gz", "no archive at all");
    lab.upload("text.tar.gz", tar_of("main", Bytes{'h', 'i'}));
    const auto init = [](const char* value) {
        return [=](json::object& container, json::object&) {
            container["env"] = json::array{json::object{{"name", "INIT"}, {"value", value}}};
            container["startupProbe"] = json::object{{"periodSeconds", 1}, {"failureThreshold", 1}};
        };
    };
    const std::vector<std::tuple<const char*, const char*, const char*, const char*>> cases{
        {"other.tar.gz", "", "reason", "CONTAINER_MISSING"},
        {"absent.tar.gz", "", "reason", "CONTAINER_MISSING"},
        {"broken.tar.gz", "", "reason", "CONTAINER_MISSING"},
        {"plain.tar.gz", "", "reason", "CONTAINER_PERMISSION_DENIED"},
        {"text.tar.gz", "", "revisionReason", "HEALTH_CHECK_CONTAINER_ERROR"},
        {"main.tar.gz", "exit", "revisionReason", "HEALTH_CHECK_CONTAINER_ERROR"},
        {"main.tar.gz", "deaf", "revisionReason", "HEALTH_CHECK_CONTAINER_ERROR"}};
    int number = 0;
    for (const auto& [object, before, member, reason] : cases) {
        CAPTURE(object);
        CAPTURE(before);
        const auto id = "bad-" + std::to_string(number++);
        const auto done = lab.finish(lab.create(id, CloudLab::service(object, init(before))));
        REQUIRE(done.contains("error"));
        CHECK(done.at("error").as_object().at("code") == 9);
        const auto message = CloudLab::text(done, "error.message");
        CHECK(message.starts_with("Revision '" + id + "-00001-"));
        if (std::string_view{reason} == "HEALTH_CHECK_CONTAINER_ERROR")
            CHECK(message.find("failed to start and listen on the port defined provided by the PORT=8080") !=
                  std::string::npos);
        const auto service = lab.shown(id);
        CHECK(CloudLab::text(service, "terminalCondition.state") == "CONDITION_FAILED");
        CHECK(CloudLab::text(service, "terminalCondition." + std::string{member}) == reason);
        CHECK(CloudLab::text(service, "latestReadyRevision").empty());
        lab.open_to(id, {"allUsers"});
        CHECK(lab.send_to(url_of(service), {.target = "/"}).status == 503);
    }
    // A bad change leaves what was good in service.
    const auto url = url_of(lab.deploy("good"));
    const auto done = lab.finish(
        lab.send("PATCH", "/v2/" + place + "/services/good", CloudLab::service("main.tar.gz", init("exit"))));
    CHECK(done.contains("error"));
    CHECK(lab.send_to(url, {.target = "/env/INIT"}).body == "(none)");
    const auto service = lab.shown("good");
    CHECK(CloudLab::text(service, "latestReadyRevision") != CloudLab::text(service, "latestCreatedRevision"));
}

TEST_CASE("local google run: changes follow the mask, the etag and the revisions") {
    CloudLab lab;
    lab.deploy("job-0");
    const auto path = "/v2/" + place + "/services/job-0";
    const auto before = lab.shown("job-0");
    const auto patch = [&](const std::string& query, const json::object& body) {
        return lab.send("PATCH", path + query, body);
    };
    CHECK(CloudLab::verdict(patch("?updateMask=template.containers.env", {})).starts_with("400 INVALID_ARGUMENT"));
    CHECK(CloudLab::verdict(patch("?updateMask=labels.a", {})).starts_with("400 INVALID_ARGUMENT"));
    CHECK(CloudLab::verdict(patch("?updateMask=nothing", {})).starts_with("400 INVALID_ARGUMENT"));
    CHECK(CloudLab::verdict(patch("?updateMask=description", {{"etag", "\"old\""}})).starts_with("409 ABORTED"));
    // Labels alone make no revision.
    lab.finish(patch("?updateMask=labels", {{"labels", json::object{{"a", "b"}}}, {"description", "not masked"}}));
    auto after = lab.shown("job-0");
    CHECK(CloudLab::text(after, "labels.a") == "b");
    CHECK(!after.contains("description"));
    CHECK(after.at("latestCreatedRevision") == before.at("latestCreatedRevision"));
    CHECK(after.at("etag") != before.at("etag"));
    CHECK(CloudLab::text(after, "generation") == "2");
    // A member that is masked and not there goes.
    lab.finish(patch("?updateMask=labels,template.timeout", {{"template", json::object{{"timeout", "7s"}}}}));
    after = lab.shown("job-0");
    CHECK(!after.contains("labels"));
    CHECK(after.at("latestCreatedRevision") != before.at("latestCreatedRevision"));
    CHECK(CloudLab::text(after, "template.timeout") == "7s");
    // A revision's name is used once.
    auto named = CloudLab::service("main.tar.gz", [](auto&, auto& revision) { revision["revision"] = "job-0-blue"; });
    lab.finish(patch("", named));
    CHECK(CloudLab::text(lab.shown("job-0"), "latestReadyRevision").ends_with("/job-0-blue"));
    named = CloudLab::service("main.tar.gz", [](auto&, auto& revision) {
        revision["revision"] = "job-0-blue";
        revision["timeout"] = "9s";
    });
    CHECK(CloudLab::verdict(patch("", named)).starts_with("409 ALREADY_EXISTS"));
    // Missing services are made if that is wanted.
    const auto other = "/v2/" + place + "/services/job-1";
    CHECK(lab.send("PATCH", other, CloudLab::service("main.tar.gz")).status == 404);
    lab.finish(lab.send("PATCH", other + "?allowMissing=true", CloudLab::service("main.tar.gz")));
    CHECK(CloudLab::verdict(lab.create("job-1", CloudLab::service("main.tar.gz"))).starts_with("409 ALREADY_EXISTS"));

    const auto page = CloudLab::json_of(lab.get("/v2/" + place + "/services?pageSize=1"));
    CHECK(page.at("services").as_array().size() == 1);
    const auto next =
        CloudLab::json_of(lab.get("/v2/" + place + "/services?pageSize=1&pageToken=" +
                                  blueprint::faas::detail::percent_encode(CloudLab::text(page, "nextPageToken"))));
    CHECK(CloudLab::text(next.at("services").as_array().at(0).as_object(), "name").ends_with("/job-1"));
    CHECK(!next.contains("nextPageToken"));

    // A project's number names it too, and so does a place that is all of them.
    const auto numbered = lab.get("/v2/projects/123456789012/locations/europe-west1/services/job-1");
    CHECK(CloudLab::text(CloudLab::json_of(numbered), "name") == place + "/services/job-1");
    CHECK(CloudLab::json_of(lab.get("/v2/projects/local-project/locations/-/services"))
              .at("services")
              .as_array()
              .size() == 2);
    CHECK(lab.get("/v2/projects/local-project/locations/-/services/job-1").status == 400);

    CHECK(lab.remove(other + "?etag=%22old%22").status == 409);
    const auto uri = url_of(lab.shown("job-1"));
    lab.finish(lab.remove(other));
    CHECK(lab.get(other).status == 404);
    CHECK(lab.remove(other).status == 404);
    CHECK_THROWS(lab.send_to(uri, {.target = "/"}));
}

TEST_CASE("local google run: traffic is divided between revisions, and goes back") {
    CloudLab lab;
    const auto url = url_of(lab.deploy("job-0"));
    const auto path = "/v2/" + place + "/services/job-0";
    const auto first = CloudLab::text(lab.shown("job-0"), "latestReadyRevision");
    lab.finish(
        lab.send("PATCH", path + "?updateMask=template.timeout", {{"template", json::object{{"timeout", "9s"}}}}));
    const auto second = CloudLab::text(lab.shown("job-0"), "latestReadyRevision");
    REQUIRE(first != second);
    const auto id = [](const std::string& name) { return name.substr(name.rfind('/') + 1); };
    const auto share = [&](const std::string& revision, int percent) {
        return json::object{
            {"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"}, {"revision", id(revision)}, {"percent", percent}};
    };
    const auto divide = [&](json::array traffic) {
        return lab.send("PATCH", path + "?updateMask=traffic", {{"traffic", std::move(traffic)}});
    };
    CHECK(CloudLab::verdict(divide({share(first, 60)})).find("add up to 100") != std::string::npos);
    CHECK(CloudLab::verdict(divide({share("job-0-none", 100)})).find("does not exist") != std::string::npos);
    const auto calls = [&](int count) {
        std::map<std::string, int> seen;
        for (int i = 0; i < count; ++i) ++seen[lab.send_to(url, {.target = "/env/K_REVISION"}).body];
        return seen;
    };
    CHECK(calls(4)[id(second)] == 4);
    lab.finish(divide({share(first, 75), share(second, 25)}));
    auto seen = calls(20);
    CHECK(seen[id(first)] == 15);
    CHECK(seen[id(second)] == 5);
    CHECK(CloudLab::verdict(lab.remove("/v2/" + first)).starts_with("400 FAILED_PRECONDITION"));
    lab.finish(divide({share(first, 100)}));
    CHECK(calls(4)[id(first)] == 4);
    const json::object latest{{"type", "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"}, {"percent", 100}};
    lab.finish(divide({latest}));
    CHECK(calls(4)[id(second)] == 4);
    CHECK(CloudLab::json_of(lab.get(path + "/revisions")).at("revisions").as_array().size() == 2);
    CHECK(lab.finish(lab.remove("/v2/" + first)).contains("response"));
    CHECK(lab.get("/v2/" + first).status == 404);
}

TEST_CASE("local google run: instances take as many calls at once as they may, and no more are started") {
    CloudLab lab;
    const auto url = url_of(lab.deploy("job-0", [](auto&, auto& revision) {
        revision["maxInstanceRequestConcurrency"] = 3;
        revision["scaling"] = json::object{{"maxInstanceCount", 2}};
    }));
    const auto replies = lab.send_all_to(url, std::vector<HttpAsk>(6, {.target = "/sleep/200"}));
    std::map<std::string, int> by_instance;
    for (const auto& reply : replies) {
        CHECK(reply.status == 200);
        ++by_instance[reply.field("x-instance")];
    }
    CHECK(by_instance.size() == 2);
    for (const auto& [instance, count] : by_instance) CHECK(count == 3);
    // Two more than there is room for wait in vain: 400 ms, and the others take longer.
    auto asks = std::vector<HttpAsk>(6, {.target = "/sleep/900"});
    asks.insert(asks.end(), 2, {.target = "/count"});
    const auto crowded = lab.send_all_to(url, asks);
    CHECK(std::count_if(crowded.begin(), crowded.end(), [](auto& reply) { return reply.status == 429; }) == 2);
    CHECK(std::any_of(crowded.begin(), crowded.end(), [](auto& reply) { return reply.body == "Rate exceeded."; }));
    // Fewer than there is room for are all one instance's.
    const auto few = lab.send_all_to(url, std::vector<HttpAsk>(3, {.target = "/sleep/50"}));
    CHECK(few[0].field("x-instance") == few[1].field("x-instance"));
    CHECK(few[0].field("x-instance") == few[2].field("x-instance"));
}

TEST_CASE("local google run: what goes wrong in an instance is told as the front end does") {
    CloudLab lab;
    const auto url = url_of(lab.deploy("job-0", [](auto&, auto& revision) {
        revision["timeout"] = "2s";
        revision["scaling"] = json::object{{"maxInstanceCount", 1}};
    }));
    const auto first = lab.send_to(url, {.target = "/count"});
    const auto crashed = lab.send_to(url, {.target = "/exit/3"});
    CHECK(crashed.status == 503);
    CHECK(crashed.field("content-type").starts_with("text/html"));
    const auto next = lab.send_to(url, {.target = "/count"});
    CHECK(next.status == 200);
    CHECK(next.field("x-instance") != first.field("x-instance"));
    // So does one that crashed and has not been seen to end yet.
    CHECK(lab.send_to(url, {.target = "/deaf"}).body == "bye");
    const auto after = lab.send_to(url, {.target = "/count"});
    CHECK(after.status == 200);
    CHECK(after.body == "1");
    CHECK(after.field("x-instance") != next.field("x-instance"));
    CHECK(lab.send_to(url, {.target = "/garbage"}).status == 503);
    const auto late = lab.send_to(url, {.target = "/sleep/6000"});
    CHECK(late.status == 504);
    CHECK(late.body == "upstream request timeout");
    CHECK(lab.send_to(url, {.target = "/big/33554433"}).status == 500);
    CHECK(lab.send_to(url, {.method = "POST",
                            .target = "/",
                            .fields = {{"Content-Length", "33554433"}, {"Expect", "100-continue"}}})
              .status == 413);
}

TEST_CASE("local google run: some instances are always there, others end when nobody needs them") {
    auto options = cloud_options();
    options.limits.warm_idle = 500ms;
    CloudLab lab{std::move(options)};
    const auto scale = [](int least) {
        return [=](json::object&, json::object& revision) {
            revision["scaling"] = json::object{{"minInstanceCount", least}, {"maxInstanceCount", 4}};
            revision["maxInstanceRequestConcurrency"] = 1;
        };
    };
    const auto url = url_of(lab.deploy("job-0", scale(2)));
    CHECK(lab.cloud.stats().processes_alive == 2);
    lab.send_all_to(url, std::vector<HttpAsk>(4, {.target = "/sleep/100"}));
    CHECK(lab.cloud.stats().processes_alive == 4);
    lab.until([&] { return lab.cloud.stats().processes_alive == 2; });
    const auto revision = CloudLab::text(lab.shown("job-0"), "latestReadyRevision");
    CHECK(lab.get("/local/logs/" + revision).body.find("asked to end") != std::string::npos);  // before it is killed
    // One of them that dies is replaced.
    const auto started = lab.cloud.stats().processes_started;
    lab.send_to(url, {.target = "/exit/1"});
    lab.until([&] {
        const auto stats = lab.cloud.stats();
        return stats.processes_started == started + 1 && stats.processes_alive == 2;
    });
    lab.finish(lab.send("PATCH", "/v2/" + place + "/services/job-0", CloudLab::service("main.tar.gz", scale(0))));
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });
    CHECK(lab.send_to(url, {.target = "/count"}).body == "1");
    auto stopping = lab.cloud.stop(1s);
    wait_for(lab.io, std::move(stopping));
    CHECK(lab.cloud.stats().processes_alive == 0);
}

TEST_CASE("local google run: an image runs where a program is named for it") {
    auto options = cloud_options();
    options.gcp->images["registry.example/jobs:1"] = std::getenv("BLUEPRINT_FAAS_TEST_LOCAL_GCP_FUNCTION");
    CloudLab lab{std::move(options)};
    const json::object container{{"image", "registry.example/jobs:1"}};
    const json::object revision{{"containers", json::array{container}}};
    const auto done = lab.finish(lab.create("job-0", {{"template", revision}}));
    REQUIRE_MESSAGE(done.contains("response"), json::serialize(done));
    lab.open_to("job-0", {"allUsers"});
    CHECK(lab.send_to(url_of(lab.shown("job-0")), {.target = "/count"}).body == "1");
}

TEST_CASE("GCP pitfall 12, 15: operations fail and APIs are missing as they do there") {
    auto options = cloud_options();
    int polls = 0;
    options.gcp->operation_fault = [](std::string_view verb, std::string_view name) -> std::optional<local::GcpStatus> {
        if (verb == "create" && name.ends_with("/crowded"))
            return local::GcpStatus{.code = 8, .message = "Resource exhausted"};
        return std::nullopt;
    };
    options.gcp->fault = [&polls](const local::ServerRequest& head) -> std::optional<local::ServerAnswer> {
        if (head.target.find("/operations/") == std::string::npos || ++polls % 2 == 0) return std::nullopt;
        return local::gcp_failure(local::gcp_refusal(503, "UNAVAILABLE", "try again"));
    };
    options.gcp->disabled_services = {"cloudfunctions.googleapis.com"};
    options.gcp->settle = 0ms;
    CloudLab lab{std::move(options)};
    lab.upload("main.tar.gz", tar_of("main", function_program()));
    const auto begun = lab.create("crowded", CloudLab::service("main.tar.gz"));
    const auto name = CloudLab::text(CloudLab::json_of(begun), "name");
    CHECK(lab.get("/v2/" + name).status == 503);
    const auto waited = CloudLab::json_of(lab.send("POST", "/v2/" + name + ":wait", {{"timeout", "10s"}}));
    CHECK(waited.at("done") == true);
    CHECK(waited.at("error").as_object().at("code") == 8);
    const auto disabled = lab.get("/v2/" + place + "/functions");
    CHECK(CloudLab::verdict(disabled).starts_with("403 PERMISSION_DENIED: Cloud Functions API has not been used"));
    CHECK(disabled.body.find("SERVICE_DISABLED") != std::string::npos);
    CHECK(lab.send_to(lab.cloud.gcp_url(), {.target = "/v2/" + place + "/services"}).status == 401);
    const auto quota = lab.ask({.target = "/v2/" + place + "/services", .fields = {{"x-goog-user-project", "theirs"}}});
    CHECK(CloudLab::verdict(quota).starts_with("403 PERMISSION_DENIED"));
}

}  // namespace local_run_test
