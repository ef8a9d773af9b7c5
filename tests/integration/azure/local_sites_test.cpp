#include "blueprint/faas/local/azure_sites.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "cloud_lab.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace local_sites_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

const std::string plan_id = web_provider + "serverfarms/jobs-plan";
const std::string site_id = web_provider + "sites/jobs-app";

/// The program of tests/support/http_function.cpp as a custom handler: "/env/NAME" answers a variable.
std::string site_zip() {
    const char* const path = std::getenv("BLUEPRINT_FAAS_TEST_LOCAL_AZURE_HANDLER");
    REQUIRE_MESSAGE(path != nullptr, "BLUEPRINT_FAAS_TEST_LOCAL_AZURE_HANDLER does not name the test's handler");
    std::ifstream file{path, std::ios::binary};
    const std::string program{std::istreambuf_iterator<char>{file}, {}};
    ZipWriter zip;
    const auto add = [&](std::string_view name, std::string_view text, std::uint32_t mode) {
        REQUIRE(zip.add(name, detail::bytes_of(text), mode).has_value());
    };
    add("host.json", R"({"version":"2.0","extensions":{"http":{"routePrefix":""}},"customHandler":{"description":
        {"defaultExecutablePath":"handler"},"enableForwardingHttpRequest":true}})",
        0644);
    add("run/function.json", R"({"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":"function",
        "methods":["get","post"],"route":"{*path}"},{"type":"http","direction":"out","name":"res"}]})",
        0644);
    add("handler", program, 0755);
    return std::string{detail::text_of(zip.finish())};
}

/// A member somewhere in a body, which the tests alter.
json::value& at(json::object& body, std::string_view path) {
    const auto dot = path.find('.');
    auto& member = body[path.substr(0, dot)];
    if (dot == std::string_view::npos) return member;
    if (!member.is_object()) member = json::object{};
    return at(member.get_object(), path.substr(dot + 1));
}

/// The local Azure with an account, and what apps are made of.
class SiteLab : public AzureLab {
public:
    explicit SiteLab(local::CloudOptions options = azure_cloud_options()) : AzureLab{std::move(options)} {
        key = make_account();
    }

    json::object plan_body(const std::string& sku = "FC1", const std::string& tier = "FlexConsumption") const {
        return {{"location", "westeurope"},
                {"kind", "functionapp"},
                {"sku", json::object{{"name", sku}, {"tier", tier}}},
                {"properties", json::object{{"reserved", true}}}};
    }
    void make_plan(const std::string& sku = "FC1", const std::string& tier = "FlexConsumption") {
        CHECK(finish(put(plan_id + web_version, plan_body(sku, tier))) == "Succeeded");
    }
    std::string connection() const {
        return "DefaultEndpointsProtocol=http;AccountName=jobstore;AccountKey=" + key +
               ";BlobEndpoint=" + cloud.azure_url() + "/storage/jobstore/";
    }
    /// The body of a Flex Consumption app.
    json::object site_body() const {
        json::object body{{"location", "West Europe"}, {"kind", "functionapp,linux"}};
        at(body, "tags.managed-by") = "tests";
        at(body, "properties.serverFarmId") = plan_id;
        at(body, "properties.httpsOnly") = true;
        const std::string storage = "properties.functionAppConfig.deployment.storage.";
        at(body, storage + "type") = "blobContainer";
        at(body, storage + "value") = cloud.azure_url() + "/storage/jobstore/packages";
        at(body, storage + "authentication.type") = "StorageAccountConnectionString";
        at(body, storage + "authentication.storageAccountConnectionStringName") = "DEPLOYMENT_STORAGE";
        at(body, "properties.functionAppConfig.runtime.name") = "custom";
        at(body, "properties.functionAppConfig.runtime.version") = "1.0";
        at(body, "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB") = 512;
        at(body, "properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount") = 40;
        at(body, "properties.siteConfig.appSettings") =
            json::array{setting("DEPLOYMENT_STORAGE", connection()), setting("AzureWebJobsStorage", connection())};
        return body;
    }
    static json::object setting(const std::string& name, const std::string& value) {
        return {{"name", name}, {"value", value}};
    }
    void make_site() {
        make_plan();
        CHECK(finish(put(site_id + web_version, site_body())) == "Succeeded");
    }
    HttpReply app(std::string method, const std::string& below, const json::object& body = {}) {
        if (method == "GET") return get(site_id + below + web_version);
        return send(std::move(method), site_id + below + web_version, body);
    }
    /// The app's host names: "127.0.0.1:4711".
    std::string host_name(bool repository) {
        const auto shown = json_of(app("GET", ""));
        for (const auto& state : shown.at("properties").at("hostNameSslStates").as_array())
            if (text(state.as_object(), "hostType") == (repository ? "Repository" : "Standard"))
                return text(state.as_object(), "name");
        return {};
    }
    /// Deploys a package in the way of the app's plan and returns the answer.
    HttpReply publish(const std::string& zip, const std::string& path = "/api/publish?Deployer=tests") {
        return send_to("http://" + host_name(true),
                       {.method = "POST",
                        .target = path,
                        .fields = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/zip"}},
                        .body = zip});
    }
    /// The keys of the host, when it can tell them.
    json::object keys() {
        until([&] { return app("POST", "/host/default/listkeys").status == 200; });
        return json_of(app("POST", "/host/default/listkeys"));
    }
    HttpReply call(const std::string& path, const std::string& function_key) {
        return send_to("http://" + host_name(false), {.target = path, .fields = {{"x-functions-key", function_key}}});
    }
    void deploy() {
        const auto accepted = publish(site_zip());
        REQUIRE_MESSAGE(accepted.status == 202, accepted.body);
        const auto id = accepted.body.substr(1, accepted.body.size() - 2);
        until([&] {
            const auto told = app("GET", "/deployments/" + id);
            return told.status == 200 && json_of(told).at("properties").at("status") == 4;
        });
    }

    std::string key;
};

}  // namespace

TEST_CASE("local azure: plans have one of Azure's sizes") {
    SiteLab lab;
    const auto put = [&](const json::object& body) { return AzureLab::verdict(lab.put(plan_id + web_version, body)); };
    CHECK(put(lab.plan_body("FC2")).starts_with("400 Web BadRequest: The SKU 'FC2'"));
    CHECK(put(lab.plan_body("FC1", "Dynamic")).starts_with("400 Web BadRequest"));
    auto windows = lab.plan_body();
    windows.erase("properties");
    CHECK(put(windows).starts_with("400 Web BadRequest: Flex Consumption plans are Linux plans"));
    lab.make_plan();
    CHECK(put(lab.plan_body()) == "200");
    CHECK(put(lab.plan_body("EP1", "ElasticPremium")).starts_with("400 Web BadRequest"));
    const auto shown = AzureLab::json_of(lab.get(plan_id + web_version));
    CHECK(AzureLab::text(shown, "sku.tier") == "FlexConsumption");
    CHECK(AzureLab::text(shown, "properties.provisioningState") == "Succeeded");
    CHECK(AzureLab::json_of(lab.get(web_provider + "serverfarms" + web_version)).at("value").as_array().size() == 1);
    CHECK(lab.remove(plan_id + web_version).status == 200);
    CHECK(lab.remove(plan_id + web_version).status == 204);
}

TEST_CASE(
    "Azure pitfall 7: a Flex Consumption app without functionAppConfig is refused, and what is wrong in it named") {
    SiteLab lab;
    lab.make_plan();
    const auto refused = [&](std::string_view path, json::value value, const std::string& version = web_version) {
        auto body = lab.site_body();
        at(body, path) = std::move(value);
        return AzureLab::verdict(lab.put(site_id + version, body));
    };
    const std::string config = "properties.functionAppConfig";
    CHECK(refused(config, nullptr)
              .starts_with("400 Web BadRequest: Site.FunctionAppConfig is invalid.  The FunctionAppConfig section was "
                           "not specified in the request, which is required for Flex Consumption sites."));
    // Older versions of the API do not know the member.
    CHECK(refused("kind", "functionapp,linux", "?api-version=2022-09-01").find("was not specified") !=
          std::string::npos);
    const struct {
        std::string path;
        json::value value;
        std::string named;
    } wrong[]{
        {".runtime.version", "1", "Runtime.Version"},
        {".runtime.name", "cobol", "Runtime.Name"},
        {".runtime.name", "python", "Runtime.Name"},
        {".runtime", nullptr, "Runtime"},
        {".scaleAndConcurrency.instanceMemoryMB", 1024, "InstanceMemoryMB"},
        {".scaleAndConcurrency.maximumInstanceCount", 39, "MaximumInstanceCount"},
        {".scaleAndConcurrency.maximumInstanceCount", 1001, "MaximumInstanceCount"},
        {".scaleAndConcurrency.alwaysReady", json::array{json::object{{"name", "x"}, {"instanceCount", 1}}},
         "AlwaysReady"},
        {".scaleAndConcurrency.triggers.http.perInstanceConcurrency", 0, "PerInstanceConcurrency"},
        {".deployment.storage", nullptr, "Deployment.Storage"},
        {".deployment.storage.value", "https://elsewhere.blob.core.windows.net/packages", "Storage.Value"},
        {".deployment.storage.authentication.storageAccountConnectionStringName", "NONE", "There is no app setting"},
        {".deployment.storage.authentication.type", "SystemAssignedIdentity", "no system-assigned identity"},
    };
    for (const auto& [path, value, named] : wrong) {
        CAPTURE(path);
        const auto verdict = refused(config + path, value);
        CHECK(verdict.starts_with("400 Web BadRequest: Site.FunctionAppConfig."));
        CHECK(verdict.find(named) != std::string::npos);
    }
    CHECK(refused("properties.siteConfig.linuxFxVersion", "PYTHON|3.11").find("LinuxFxVersion") != std::string::npos);
    CHECK(refused("properties.siteConfig.alwaysOn", true).find("AlwaysOn") != std::string::npos);
    CHECK(refused("properties.containerSize", 1536).find("ContainerSize") != std::string::npos);
    for (const auto* const name :
         {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE", "ENABLE_ORYX_BUILD"})
        CHECK(refused("properties.siteConfig.appSettings", json::array{SiteLab::setting(name, "x")})
                  .find("Site.SiteConfig.AppSettings." + std::string{name}) != std::string::npos);
    CHECK(refused("properties.siteConfig.appSettings", json::array{SiteLab::setting("A-B", "x")})
              .ends_with("AppSetting with name(s) 'A-B' is not allowed."));
    CHECK(refused("properties.serverFarmId", "nowhere").starts_with("404 Web NotFound"));
    CHECK(refused("location", "eastus").starts_with("400 Web BadRequest: The site is in another region"));
    CHECK(refused("kind", "app,linux").starts_with("400 Web BadRequest"));
    CHECK(refused("properties.httpsOnly", "yes").starts_with("400 Web BadRequest"));
    CHECK(lab.get(site_id + web_version).status == 404);
}

TEST_CASE("local azure: apps have names of their own, and a Flex Consumption plan one app") {
    auto options = azure_cloud_options();
    options.azure->taken_names = {"Theirs"};
    options.azure->settle = 1500ms;
    SiteLab lab{std::move(options)};
    lab.make_plan();
    const auto put = [&](const std::string& name, const std::string& in = web_provider) {
        return AzureLab::verdict(lab.put(in + "sites/" + name + web_version, lab.site_body()));
    };
    CHECK(put("a").starts_with("400 Web BadRequest: The parameter name"));
    CHECK(put("a_b").starts_with("400 Web BadRequest"));
    CHECK(put("theirs") == "409 Web Conflict: Website with given name theirs already exists.");
    const auto begun = lab.put(site_id + web_version, lab.site_body());
    CHECK(begun.status == 202);
    CHECK(AzureLab::text(AzureLab::json_of(begun), "properties.defaultHostName").starts_with("127.0.0.1:"));
    CHECK(put("jobs-app").starts_with("409 Web Conflict: Cannot modify this site"));
    CHECK(lab.finish(begun) == "Succeeded");
    CHECK(put("second").find("one app may be in such a plan") != std::string::npos);
    const auto elsewhere = subscription + "/resourceGroups/elsewhere";
    CHECK(lab.put(elsewhere + resources_version, {{"location", "westeurope"}}).status == 201);
    CHECK(put("JOBS-APP", elsewhere + "/providers/Microsoft.Web/").starts_with("409 Web Conflict: Website with given"));
    CHECK(AzureLab::verdict(lab.remove(plan_id + web_version)).starts_with("409 Web Conflict: Server farm"));
    const auto name = [&](const std::string& wanted) {
        return AzureLab::json_of(lab.send("POST",
                                          subscription + "/providers/Microsoft.Web/checkNameAvailability" + web_version,
                                          {{"name", wanted}, {"type", "Microsoft.Web/sites"}}));
    };
    CHECK(name("jobs-other").at("nameAvailable") == true);
    CHECK(AzureLab::text(name("jobs-app"), "reason") == "AlreadyExists");
    CHECK(AzureLab::text(name("x"), "reason") == "Invalid");
    const auto shown = AzureLab::json_of(lab.get(site_id + web_version));
    CHECK(AzureLab::text(shown, "properties.state") == "Running");
    CHECK(AzureLab::text(shown, "properties.serverFarmId") == plan_id);
    CHECK(AzureLab::text(shown, "properties.sku") == "FlexConsumption");
    CHECK(AzureLab::text(shown, "tags.managed-by") == "tests");
    CHECK(!shown.at("properties").at("siteConfig").as_object().contains("appSettings"));
    CHECK(AzureLab::json_of(lab.get(subscription + "/providers/Microsoft.Web/sites" + web_version))
              .at("value")
              .as_array()
              .size() == 1);
    CHECK(lab.remove(site_id + "?api-version=2024-11-01&deleteEmptyServerFarm=false").status == 200);
    CHECK(lab.remove(site_id + web_version).status == 204);
    CHECK(lab.get(plan_id + web_version).status == 200);
    CHECK(lab.finish(lab.put(site_id + web_version, lab.site_body())) == "Succeeded");
    CHECK(lab.remove(site_id + "?api-version=2024-11-01&deleteEmptyServerFarm=true").status == 200);
    CHECK(lab.get(plan_id + web_version).status == 404);
}

TEST_CASE("local azure: an app that cannot be made leaves none") {
    auto options = azure_cloud_options();
    options.azure->operation_fault = [](std::string_view resource) -> std::optional<local::AzureFault> {
        if (!resource.ends_with("/sites/jobs-app")) return std::nullopt;
        return local::AzureFault{.code = "QuotaExceeded", .message = "There are no instances left."};
    };
    SiteLab lab{std::move(options)};
    lab.make_plan();
    CHECK(lab.finish(lab.put(site_id + web_version, lab.site_body())) == "Failed: QuotaExceeded");
    CHECK(lab.get(site_id + web_version).status == 404);
    CHECK(lab.remove(plan_id + web_version).status == 200);
}

TEST_CASE("Azure pitfalls 4 and 5: keys and triggers wait for the host") {
    auto options = azure_cloud_options();
    options.azure->host_start = 2s;
    SiteLab lab{std::move(options)};
    lab.make_site();
    const auto unavailable = "400 Web BadRequest: Encountered an error (ServiceUnavailable) from host runtime.";
    CHECK(AzureLab::verdict(lab.app("POST", "/host/default/listkeys")) == unavailable);
    CHECK(AzureLab::verdict(lab.app("POST", "/syncfunctiontriggers")) == unavailable);
    const auto keys = lab.keys();
    CHECK(!AzureLab::text(keys, "masterKey").empty());
    CHECK(!AzureLab::text(keys, "functionKeys.default").empty());
    CHECK(lab.app("POST", "/syncfunctiontriggers").status == 204);
    CHECK(lab.app("POST", "/host/default/sync").status == 204);
    // Keys can be set, and removed again.
    const json::object named{{"properties", json::object{{"name", "ci"}, {"value", "a-key-of-the-tests"}}}};
    CHECK(lab.app("PUT", "/host/default/functionKeys/ci", named).status == 201);
    CHECK(lab.app("PUT", "/host/default/functionKeys/ci", named).status == 200);
    CHECK(AzureLab::text(lab.keys(), "functionKeys.ci") == "a-key-of-the-tests");
    CHECK(lab.app("DELETE", "/host/default/functionKeys/ci").status == 204);
    CHECK(!lab.keys().at("functionKeys").as_object().contains("ci"));
}

TEST_CASE("local azure: a deployed app runs with its settings, whose change replaces all of them") {
    SiteLab lab;
    lab.make_site();
    const auto functions = [&] { return AzureLab::json_of(lab.app("GET", "/functions")).at("value").as_array(); };
    CHECK(AzureLab::text(functions().at(0).as_object(), "name") == "jobs-app/WarmUp");  // pitfall 15
    lab.deploy();
    CHECK(functions().size() == 1);
    const auto run = AzureLab::json_of(lab.app("GET", "/functions/run"));
    CHECK(AzureLab::text(run, "name") == "jobs-app/run");
    CHECK(AzureLab::text(run, "properties.config.bindings").empty());
    CHECK(lab.app("GET", "/functions/none").status == 404);
    const auto package = lab.send_to(
        lab.cloud.azure_url(), {.method = "HEAD",
                                .target = "/storage/jobstore/packages/released-package.zip",
                                .fields = {{"x-ms-version", "2021-12-02"},
                                           {"Authorization", "Bearer " + lab.token_of(owner_client, "owner-secret",
                                                                                      "https://storage.azure.com")}}});
    CHECK(package.status == 200);
    const auto key = AzureLab::text(lab.keys(), "functionKeys.default");
    const auto own = AzureLab::text(AzureLab::json_of(lab.app("POST", "/functions/run/listkeys")), "default");
    CHECK(lab.call("/env/COLOUR", "none").status == 401);
    CHECK(lab.call("/env/COLOUR", key).status == 200);
    CHECK(lab.call("/env/COLOUR", own).status == 200);

    auto settings = AzureLab::json_of(lab.app("POST", "/config/appsettings/list")).at("properties").as_object();
    CHECK(settings.size() == 2);
    const auto put = [&](const json::object& properties) {
        return lab.app("PUT", "/config/appsettings", {{"properties", properties}});
    };
    settings["COLOUR"] = "green";
    CHECK(put(settings).status == 200);
    CHECK(lab.call("/env/COLOUR", key).body == "green");
    settings.erase("COLOUR");
    settings["SHAPE"] = "round";
    CHECK(AzureLab::json_of(put(settings)).at("properties").as_object().size() == 3);
    CHECK(lab.call("/env/COLOUR", key).body != "green");
    CHECK(lab.call("/env/SHAPE", key).body == "round");
    settings["FUNCTIONS_WORKER_RUNTIME"] = "custom";
    CHECK(AzureLab::verdict(put(settings)).find("FUNCTIONS_WORKER_RUNTIME") != std::string::npos);
    settings.erase("FUNCTIONS_WORKER_RUNTIME");
    settings["SHAPE"] = 7;
    CHECK(AzureLab::verdict(put(settings)).starts_with("400 Web BadRequest"));
    CHECK(AzureLab::verdict(lab.app("PUT", "/config/appsettings")).starts_with("400 Web BadRequest"));

    CHECK(lab.app("POST", "/stop").status == 200);
    CHECK(AzureLab::text(AzureLab::json_of(lab.app("GET", "")), "properties.state") == "Stopped");
    CHECK(lab.call("/env/SHAPE", key).status == 403);
    CHECK(lab.app("POST", "/start").status == 200);
    CHECK(lab.app("POST", "/restart").status == 200);
    CHECK(lab.call("/env/SHAPE", key).body == "round");
    const auto front = lab.host_name(false);
    CHECK(lab.remove(site_id + web_version).status == 200);
    CHECK_THROWS(lab.send_to("http://" + front, {.target = "/env/SHAPE"}));
}

TEST_CASE("local azure: PATCH changes what it names") {
    SiteLab lab;
    lab.make_site();
    json::object change;
    at(change, "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB") = 2048;
    REQUIRE(lab.app("PATCH", "", change).status == 200);
    const auto shown = AzureLab::json_of(lab.app("GET", ""));
    const auto& config = shown.at("properties").at("functionAppConfig");
    CHECK(config.at("scaleAndConcurrency").at("instanceMemoryMB") == 2048);
    CHECK(config.at("runtime").at("name") == "custom");
    at(change, "properties.functionAppConfig.scaleAndConcurrency.instanceMemoryMB") = 1;
    CHECK(AzureLab::verdict(lab.app("PATCH", "", change)).starts_with("400 Web BadRequest"));
    CHECK(AzureLab::json_of(lab.app("POST", "/config/appsettings/list")).at("properties").as_object().size() == 2);
    CHECK(lab.app("PATCH", "/config/web", {{"properties", json::object{{"http20Enabled", true}}}}).status == 200);
    CHECK(AzureLab::json_of(lab.app("GET", "/config/web")).at("properties").at("http20Enabled") == true);
    CHECK(AzureLab::verdict(lab.app("PUT", "/config/web", {{"properties", json::object{{"alwaysOn", true}}}}))
              .find("AlwaysOn") != std::string::npos);
}

TEST_CASE("Azure pitfall 6: a package needs its container, and the app access to it") {
    SiteLab lab;
    lab.make_site();
    const auto containers = storage_provider + "jobstore/blobServices/default/containers/packages" + storage_version;
    CHECK(lab.remove(containers).status == 200);
    const auto gone = lab.publish(site_zip());
    CHECK(gone.status == 400);
    CHECK(gone.body.find("BlobUploadFailedException") != std::string::npos);
    CHECK(gone.body.find("404") != std::string::npos);
    CHECK(lab.put(containers, {}).status == 201);
    // A key that is not the account's any more.
    CHECK(
        lab.send("POST", storage_provider + "jobstore/regenerateKey" + storage_version, {{"keyName", "key1"}}).status ==
        200);
    const auto denied = lab.publish(site_zip());
    CHECK(denied.status == 400);
    CHECK(denied.body.find("403") != std::string::npos);
    // By the app's own identity, once it has the role.
    json::object change;
    at(change, "identity.type") = "SystemAssigned";
    const std::string access = "properties.functionAppConfig.deployment.storage.";
    at(change, access + "type") = "blobContainer";
    at(change, access + "value") = lab.cloud.azure_url() + "/storage/jobstore/packages";
    at(change, access + "authentication.type") = "SystemAssignedIdentity";
    const auto changed = lab.app("PATCH", "", change);
    REQUIRE_MESSAGE(changed.status == 200, changed.body);
    CHECK(lab.publish(site_zip()).status == 400);
    const auto principal = AzureLab::text(AzureLab::json_of(changed), "identity.principalId");
    const auto role =
        subscription + "/providers/Microsoft.Authorization/roleDefinitions/b7e6dc6d-f1e8-4753-8033-0f276bb0955b";
    CHECK(lab.put(storage_provider + "jobstore/providers/Microsoft.Authorization/roleAssignments/"
                                     "44444444-0000-4000-8000-000000000001?api-version=2022-04-01",
                  {{"properties", json::object{{"roleDefinitionId", role},
                                               {"principalId", principal},
                                               {"principalType", "ServicePrincipal"}}}})
              .status == 201);
    lab.deploy();
}

TEST_CASE("Azure pitfall 9: apps of older plans take zip deployment, and no functionAppConfig") {
    SiteLab lab;
    lab.make_plan("Y1", "Dynamic");
    auto body = lab.site_body();
    CHECK(AzureLab::verdict(lab.put(site_id + web_version, body)).find("only valid for Flex Consumption") !=
          std::string::npos);
    at(body, "properties").get_object().erase("functionAppConfig");
    at(body, "properties.siteConfig.linuxFxVersion") = "";
    at(body, "properties.siteConfig.appSettings") = json::array{
        SiteLab::setting("FUNCTIONS_WORKER_RUNTIME", "custom"), SiteLab::setting("FUNCTIONS_EXTENSION_VERSION", "~4"),
        SiteLab::setting("AzureWebJobsStorage", lab.connection())};
    CHECK(lab.finish(lab.put(site_id + web_version, body)) == "Succeeded");
    CHECK(lab.publish(site_zip()).status == 404);
    const auto deployed = lab.publish(site_zip(), "/api/zipdeploy?deployer=tests");
    CHECK_MESSAGE(deployed.status == 200, deployed.body);
    const auto key = AzureLab::text(lab.keys(), "functionKeys.default");
    CHECK(lab.call("/env/FUNCTIONS_WORKER_RUNTIME", key).body == "custom");
}

TEST_CASE("Azure pitfall 13: deployments show tokens of administrators, never passwords") {
    SiteLab lab;
    lab.make_site();
    const auto policy = AzureLab::json_of(lab.app("GET", "/basicPublishingCredentialsPolicies/scm"));
    CHECK(policy.at("properties").at("allow") == false);
    CHECK(AzureLab::verdict(lab.app("PUT", "/basicPublishingCredentialsPolicies/scm",
                                    {{"properties", json::object{{"allow", true}}}}))
              .starts_with("403 RequestDisallowedByPolicy"));
    const auto credentials = AzureLab::json_of(lab.app("POST", "/config/publishingcredentials/list"));
    CHECK(AzureLab::text(credentials, "properties.publishingUserName") == "$jobs-app");
    const auto scm = "http://" + lab.host_name(true);
    const auto as = [&](const std::string& authorization) {
        return lab.send_to(scm, {.target = "/api/deployments", .fields = {{"Authorization", authorization}}}).status;
    };
    CHECK(as("Basic JGpvYnMtYXBwOng=") == 401);
    CHECK(as("Bearer " + lab.token_of(other_client, "other-secret", "https://management.azure.com")) == 403);
    CHECK(as("Bearer " + lab.token_of(owner_client, "owner-secret", "https://storage.azure.com")) == 401);
    CHECK(as("Bearer " + lab.token) == 200);
}

}  // namespace local_sites_test
