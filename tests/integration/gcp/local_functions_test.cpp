#include "cloud_lab.hpp"

#include <algorithm>

namespace local_functions_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

std::string function_package(const char* script = "exports.run = () => {};\n",
                             const char* manifest = R"({"main":"index.js"})") {
    ZipWriter writer;
    const auto add = [&](std::string_view name, std::string_view bytes, std::uint32_t mode) {
        REQUIRE(writer.add(name, blueprint::faas::detail::bytes_of(bytes), mode).has_value());
    };
    if (manifest != nullptr) add("package.json", manifest, 0644);
    if (script != nullptr) add("index.js", script, 0644);
    const auto program = function_program();
    add("function/bootstrap", blueprint::faas::detail::text_of(program), 0755);
    return std::string{blueprint::faas::detail::text_of(writer.finish())};
}

const std::string functions = "/v2/" + place + "/functions";

struct Upload {
    std::string target{};
    json::object source{};
};

Upload begin_upload(CloudLab& lab) {
    const auto reply = lab.send("POST", functions + ":generateUploadUrl", {{"environment", "GEN_2"}});
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    const auto body = CloudLab::json_of(reply);
    const auto url = CloudLab::text(body, "uploadUrl");
    REQUIRE(url.starts_with(lab.cloud.gcp_url() + "/gcf-v2-uploads-"));
    return {url.substr(lab.cloud.gcp_url().size()), body.at("storageSource").as_object()};
}

HttpReply put(CloudLab& lab, const Upload& upload, std::string body,
              HttpFields fields = {{"content-type", "application/zip"}}) {
    return lab.send_to(
        lab.cloud.gcp_url(),
        {.method = "PUT", .target = upload.target, .fields = std::move(fields), .body = std::move(body)});
}

json::object function_of(const json::object& source, const std::function<void(json::object& config)>& change = {}) {
    json::object config{{"availableMemory", "512Mi"}, {"maxInstanceCount", 2}};
    if (change) change(config);
    return {{"environment", "GEN_2"},
            {"buildConfig",
             json::object{
                 {"runtime", "nodejs22"}, {"entryPoint", "run"}, {"source", json::object{{"storageSource", source}}}}},
            {"serviceConfig", std::move(config)}};
}

json::object upload_package(CloudLab& lab, std::string zip) {
    const auto upload = begin_upload(lab);
    REQUIRE(put(lab, upload, std::move(zip)).status == 200);
    return upload.source;
}

}  // namespace

TEST_CASE("local google functions: a package is uploaded, built, deployed and called") {
    CloudLab lab;
    const auto source = upload_package(lab, function_package());
    const auto begun = lab.send("POST", functions + "?functionId=job-0", function_of(source, [](auto& config) {
                                    config["environmentVariables"] = json::object{{"COLOUR", "red"}};
                                    config["timeoutSeconds"] = 120;
                                }));
    const auto first = CloudLab::json_of(begun);
    CHECK(CloudLab::text(first, "metadata.@type") == "type.googleapis.com/google.cloud.functions.v2.OperationMetadata");
    CHECK(CloudLab::text(first, "metadata.verb") == "create");
    CHECK(CloudLab::text(CloudLab::json_of(lab.get(functions + "/job-0")), "state") == "DEPLOYING");
    CHECK(CloudLab::verdict(lab.send("PATCH", functions + "/job-0?updateMask=description", {{"description", "x"}}))
              .starts_with("409 ABORTED"));
    const auto done = lab.finish(begun);
    REQUIRE_MESSAGE(done.contains("response"), json::serialize(done));
    for (const auto& stage : done.at("metadata").as_object().at("stages").as_array())
        CHECK(CloudLab::text(stage.as_object(), "state") == "COMPLETE");
    CHECK(
        CloudLab::text(done, "metadata.buildName").starts_with("projects/123456789012/locations/europe-west1/builds/"));

    const auto shown = CloudLab::json_of(lab.get(functions + "/job-0"));
    CHECK(CloudLab::text(shown, "state") == "ACTIVE");
    const auto service = CloudLab::text(shown, "serviceConfig.service");
    CHECK(service == place + "/services/job-0");
    const auto below = lab.shown("job-0");
    CHECK(CloudLab::text(below, "labels.goog-managed-by") == "cloudfunctions");
    const auto uri = CloudLab::text(shown, "serviceConfig.uri");
    CHECK(uri == CloudLab::text(below, "uri"));
    lab.open_to("job-0", {"serviceAccount:" + other_account});

    // GCP pitfall 1: the audience is the whole URL of the function, or that of its service.
    const auto call = [&](const std::string& target, const std::string& audience) {
        return lab.send_to(
            uri, {.target = target, .fields = {{"Authorization", "Bearer " + lab.id_token(other_account, audience)}}});
    };
    const auto url = CloudLab::text(shown, "url");
    REQUIRE(url == uri + "/job-0");
    CHECK(call("/env/COLOUR", uri).body == "red");
    CHECK(call("/job-0/env/FUNCTION_TARGET", url).body == "run");
    CHECK(call("/env/K_SERVICE", uri).body == "job-0");
    CHECK(call("/env/COLOUR", uri + "/job-1").status == 401);
    CHECK(lab.send_to(uri, {.target = "/", .fields = {{"Authorization", "Bearer " + lab.token}}}).status == 401);

    lab.finish(lab.remove(functions + "/job-0"));
    CHECK(lab.get(functions + "/job-0").status == 404);
    CHECK(lab.get("/v2/" + service).status == 404);
}

TEST_CASE("GCP pitfall 7: a signed URL takes what it was signed for and nothing else") {
    auto options = cloud_options();
    CloudLab lab{std::move(options)};
    const auto upload = begin_upload(lab);
    const auto refused = [&](const HttpFields& fields) {
        const auto reply = put(lab, upload, "zip", fields);
        CHECK(reply.field("content-type").starts_with("application/xml"));
        return reply.status == 403 && reply.body.find("<Code>SignatureDoesNotMatch</Code>") != std::string::npos;
    };
    CHECK(refused({}));
    CHECK(refused({{"content-type", "application/octet-stream"}}));
    CHECK(refused({{"content-type", "application/zip"}, {"Authorization", "Bearer " + lab.token}}));
    CHECK(refused({{"content-type", "application/zip"}, {"x-goog-user-project", "local-project"}}));
    CHECK(refused({{"content-type", "application/zip"}, {"x-goog-content-length-range", "0,104857600"}}));
    auto forged = upload;
    forged.target.insert(forged.target.find(".zip"), "x");
    CHECK(put(lab, forged, "zip").status == 403);
    auto longer = upload;
    const auto expires = longer.target.find("Expires=") + 8;
    longer.target[expires] = '9';
    CHECK(put(lab, longer, "zip").status == 403);
    CHECK(put(lab, upload, "zip").status == 200);
    CHECK(lab.get("/storage/v1/b/" + CloudLab::text(upload.source, "bucket")).status == 403);
}

TEST_CASE("GCP pitfall 5: who may call is the service's matter and not the function's") {
    CloudLab lab;
    const auto source = upload_package(lab, function_package());
    lab.finish(lab.send("POST", functions + "?functionId=job-0", function_of(source)));
    const json::object binding{{"role", "roles/run.invoker"}, {"members", json::array{"allUsers"}}};
    const json::object policy{{"policy", json::object{{"bindings", json::array{binding}}}}};
    const auto refused = lab.send("POST", functions + "/job-0:setIamPolicy", policy);
    CHECK(CloudLab::verdict(refused) ==
          "400 INVALID_ARGUMENT: Role roles/run.invoker is not supported for this resource.");
    const json::object without{{"role", "roles/cloudfunctions.invoker"}, {"members", json::array{"allUsers"}}};
    CHECK(lab.send("POST", functions + "/job-0:setIamPolicy",
                   {{"policy", json::object{{"bindings", json::array{without}}}}})
              .status == 200);
    const auto uri = CloudLab::text(lab.shown("job-0"), "uri");
    CHECK(lab.send_to(uri, {.target = "/count"}).status == 403);
    CHECK(lab.send("POST", "/v2/" + place + "/services/job-0:setIamPolicy", policy).status == 200);
    CHECK(lab.send_to(uri, {.target = "/count"}).status == 200);
}

TEST_CASE("local google functions: builds and starts that fail leave a function that says why") {
    CloudLab lab;
    const std::vector<std::pair<std::string, const char*>> packages{
        {"no zip", "no zip that can be unpacked"},
        {function_package("x", nullptr), "package.json is missing"},
        {function_package("x", "[]"), "package.json is missing"},
        {function_package(nullptr), "There is no index.js"},
        {function_package("exports.run = (;\n"), "node --check of index.js failed"}};
    int number = 0;
    for (const auto& [zip, expected] : packages) {
        CAPTURE(expected);
        const auto id = "bad-" + std::to_string(number++);
        const auto done =
            lab.finish(lab.send("POST", functions + "?functionId=" + id, function_of(upload_package(lab, zip))));
        REQUIRE(done.contains("error"));
        CHECK(done.at("error").as_object().at("code") == 3);
        const auto message = CloudLab::text(done, "error.message");
        CHECK(message.starts_with("Build failed with status: FAILURE"));
        CHECK(message.find(expected) != std::string::npos);
        const auto shown = CloudLab::json_of(lab.get(functions + "/" + id));
        CHECK(CloudLab::text(shown, "state") == "FAILED");
        CHECK(CloudLab::text(shown.at("stateMessages").as_array().at(0).as_object(), "message") == message);
    }
    const auto source = upload_package(lab, function_package());
    const auto with = [&](const char* init) {
        return function_of(source,
                           [=](auto& config) { config["environmentVariables"] = json::object{{"INIT", init}}; });
    };
    const auto done = lab.finish(lab.send("POST", functions + "?functionId=job-0", with("exit")));
    CHECK(CloudLab::text(done, "error.message").find("Container Healthcheck failed") != std::string::npos);
    CHECK(CloudLab::text(done, "error.message").find("exited with status 7") != std::string::npos);
    // It is there, and a change puts it right. GCP pitfall 9: maps are named as a whole.
    CHECK(lab.send("POST", functions + "?functionId=job-0", with("")).status == 409);
    CHECK(CloudLab::verdict(
              lab.send("PATCH", functions + "/job-0?updateMask=serviceConfig.environmentVariables.INIT", with("")))
              .starts_with("400 INVALID_ARGUMENT"));
    CHECK(CloudLab::verdict(lab.send("PATCH", functions + "/job-0?updateMask=serviceConfig.none", with("")))
              .starts_with("400 INVALID_ARGUMENT"));
    lab.finish(lab.send("PATCH", functions + "/job-0?updateMask=serviceConfig.environmentVariables",
                        {{"serviceConfig", json::object{{"environmentVariables", json::object{{"NEW", "1"}}}}}}));
    const auto shown = CloudLab::json_of(lab.get(functions + "/job-0"));
    CHECK(CloudLab::text(shown, "state") == "ACTIVE");
    CHECK(!shown.contains("stateMessages"));
    CHECK(CloudLab::text(shown, "serviceConfig.availableMemory") == "512Mi");
    lab.open_to("job-0", {"allUsers"});
    CHECK(lab.send_to(CloudLab::text(shown, "serviceConfig.uri"), {.target = "/env/INIT"}).body == "(none)");
    CHECK(lab.send_to(CloudLab::text(shown, "serviceConfig.uri"), {.target = "/env/NEW"}).body == "1");
}

TEST_CASE("local google functions: where the framework is named, it is given the function") {
    auto options = cloud_options();
    const TemporaryDirectory modules;
    const auto framework = modules.path() / "node_modules" / "framework" / "main.js";
    std::filesystem::create_directories(framework.parent_path());
    std::ofstream{framework} << "// never run\n";
    options.gcp->functions_framework = framework;
    options.gcp->node = std::getenv("BLUEPRINT_FAAS_TEST_LOCAL_GCP_FUNCTION");
    CloudLab lab{std::move(options)};
    const auto source = upload_package(lab, function_package());
    const auto done = lab.finish(lab.send("POST", functions + "?functionId=job-0", function_of(source)));
    REQUIRE_MESSAGE(done.contains("response"), json::serialize(done));
    lab.open_to("job-0", {"allUsers"});
    const auto service = lab.shown("job-0");
    const auto uri = CloudLab::text(service, "uri");
    const auto variable = [&](const std::string& name) { return lab.send_to(uri, {.target = "/env/" + name}).body; };
    CHECK(variable("FUNCTION_TARGET") == "run");
    CHECK(variable("FUNCTION_SIGNATURE_TYPE") == "http");
    CHECK(variable("NODE_PATH") == (modules.path() / "node_modules").string());
    CHECK(variable("NODE_OPTIONS").starts_with("--require \"/"));  // which keeps it on the loopback interface
    const auto log = lab.get("/local/logs/" + CloudLab::text(service, "latestReadyRevision")).body;
    CHECK(log.find("argument " + framework.string() + "\n") != std::string::npos);
    CHECK(log.find("argument --target=run\n") != std::string::npos);
    CHECK(log.find("argument --source=/") != std::string::npos);
}

TEST_CASE("local google functions: what Google refuses is refused") {
    CloudLab lab;
    const json::object source{{"bucket", "b"}, {"object", "o"}};
    const auto create = [&](const json::object& body, const std::string& id = "job-0") {
        return CloudLab::verdict(lab.send("POST", functions + "?functionId=" + id, body));
    };
    const auto config = [&](const char* member, json::value value) {
        return create(function_of(source, [&](auto& settings) { settings[member] = value; }));
    };
    CHECK(config("memory", "512Mi").find("Unknown name \"memory\" at 'function.serviceConfig'") != std::string::npos);
    CHECK(config("timeoutSeconds", 3601).find("timeout_seconds") != std::string::npos);
    CHECK(config("availableMemory", "lots").find("available_memory") != std::string::npos);
    CHECK(config("maxInstanceCount", 101).find("maxScale may not exceed 100") != std::string::npos);     // pitfall 10
    CHECK(config("minInstanceCount", 3).find("autoscaling.knative.dev/minScale") != std::string::npos);  // pitfall 11
    CHECK(config("maxInstanceRequestConcurrency", 8).find("less than 1 CPU needs a concurrency of 1") !=
          std::string::npos);
    CHECK(config("serviceAccountEmail", "nobody@x").find("actAs") != std::string::npos);
    CHECK(config("environmentVariables", json::object{{"FUNCTION_TARGET", "x"}}).find("reserved") != std::string::npos);
    auto function = function_of(source);
    function["buildConfig"].as_object()["runtime"] = "provided";
    CHECK(create(function).find("Invalid runtime 'provided'") != std::string::npos);
    CHECK(create(function_of({{"bucket", "b"}})).find("storage_source.object") != std::string::npos);
    CHECK(create(function_of(source), "Job").find("function_id") != std::string::npos);
    const auto runtimes = CloudLab::json_of(lab.get("/v2/" + place + "/runtimes")).at("runtimes").as_array();
    CHECK(std::any_of(runtimes.begin(), runtimes.end(),
                      [](const auto& one) { return CloudLab::text(one.as_object(), "name") == "nodejs22"; }));
    CHECK(!CloudLab::json_of(lab.get(functions)).contains("functions"));
}

}  // namespace local_functions_test
