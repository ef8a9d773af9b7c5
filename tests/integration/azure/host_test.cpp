#include "blueprint/faas/package/azure_site.hpp"
#include "blueprint/faas/package/package.hpp"
#include "host_lab.hpp"

#include <algorithm>
#include <set>

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

/// A lab with a site of one function at every path.
HostLab& deployed(HostLab& lab, const SiteFiles& site = {}) {
    lab.deploy(site);
    REQUIRE_MESSAGE(lab.host->state() == "Running", (lab.host->errors().empty() ? "" : lab.host->errors().front()));
    return lab;
}

}  // namespace

TEST_CASE("local azure host: a request is forwarded with path, query, fields and bytes as they are") {
    HostLab lab;
    SiteFiles site;
    site.description["arguments"] = json::array{"--colour", "%COLOUR%-%NONE%"};
    deployed(lab, site);
    std::string body(70'000, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 256);
    const auto reply = lab.send_to(lab.host->url(), {.method = "POST",
                                                     .target = "/a%20b?x=1&y=%2F",
                                                     .fields = {{"Content-Type", "application/octet-stream"},
                                                                {"X-Azure-Functions-InvocationId", "forged"},
                                                                {"X-Odd-Case", "kept  as it is"}},
                                                     .body = body});
    REQUIRE(reply.status == 200);
    CHECK(reply.body.starts_with("POST /a%20b?x=1&y=%2F HTTP/1.1\r\n"));
    CHECK(has(reply.body, "X-Odd-Case: kept  as it is\r\n"));
    CHECK(has(reply.body, "X-Azure-Functions-InvocationId: "));
    CHECK_FALSE(has(reply.body, "forged"));
    CHECK(has(reply.body, "X-Azure-Functions-HostVersion: 4."));
    CHECK(has(reply.body, "User-Agent: Azure-Functions-Host/4."));
    CHECK(reply.body.ends_with("\r\n\r\n" + body));
    CHECK(lab.get("/status/418").status == 418);
    CHECK(lab.get("/status/418").field("retry-after") == "7");
    CHECK(lab.get("/env/COLOUR").body == "red");
    CHECK(lab.get("/env/FUNCTIONS_WORKER_RUNTIME").body == "custom");
    CHECK(lab.get("/env/FUNCTIONS_CUSTOMHANDLER_PORT").body == lab.get("/env/FUNCTIONS_HTTPWORKER_PORT").body);
    CHECK(lab.get("/env/FUNCTIONS_CUSTOMHANDLER_WORKER_ID").body.size() == 32);
    CHECK(lab.get("/env/FUNCTIONS_APP_ROOT_PATH").body.starts_with(lab.data.path().string()));
    CHECK(lab.get("/env/HOSTNAME").body == "(none)");  // nothing of this process's environment
    CHECK(has(lab.host->log(), "argument --colour\nargument red-\n"));
}

TEST_CASE("local azure host: keys open what they are for, and others see 401 without a word") {
    HostLab lab;
    SiteFiles site;
    site.level.clear();
    site.more = {{"run/function.json", SiteFiles::function("function", "run", R"(,"methods":["get"])")},
                 {"other/function.json", SiteFiles::function("function", "other")},
                 {"boss/function.json", SiteFiles::function("admin", "boss")},
                 {"open/function.json", SiteFiles::function("anonymous", "open/{id}/{more?}")}};
    deployed(lab, site);
    const auto& keys = *lab.host->keys();
    const auto reveal = [](const Secret& key) { return std::string{key.reveal()}; };
    const auto host_key = reveal(keys.host.at("default")), own = reveal(keys.functions.at("run").at("default"));
    for (const auto& wrong : {std::string{}, std::string{"wrong"}, reveal(keys.functions.at("other").at("default"))}) {
        const auto refused = lab.get_with("/run", wrong);
        CHECK(refused.status == 401);
        CHECK(refused.body.empty());
    }
    for (const auto& right : {host_key, own, lab.master()}) {
        CHECK(lab.get_with("/run", right).status == 200);
        CHECK(lab.get("/run?code=" + right).status == 200);
    }
    CHECK(lab.get_with("/boss", host_key).status == 401);
    CHECK(lab.get_with("/boss", lab.master()).status == 200);
    CHECK(lab.get("/open/7").status == 200);
    CHECK(lab.get("/open/7/x").status == 200);
    // What is not there is not there for anybody.
    for (const auto* const target : {"/open", "/open/7/x/y", "/nothing", "/run/x"}) {
        CAPTURE(target);
        CHECK(lab.get_with(target, lab.master()).status == 404);
    }
    CHECK(lab.send_to(lab.host->url(), {.method = "POST", .target = "/run"}).status == 404);
    // A key that was changed opens no more.
    lab.host->keys()->host["default"] = std::string{"another"};
    CHECK(lab.get_with("/run", host_key).status == 401);
    CHECK(lab.get_with("/run", "another").status == 200);
}

TEST_CASE("local azure host: its own API wants the master key, but for ping") {
    HostLab lab;
    deployed(lab);
    CHECK(lab.get("/admin/host/ping").status == 200);
    for (const auto* const target : {"/admin/host/status", "/admin/functions", "/admin/functions/all"}) {
        CAPTURE(target);
        CHECK(lab.get(target).status == 401);
        CHECK(lab.get_with(target, std::string{lab.host->keys()->host.at("default").reveal()}).status == 401);
        CHECK(lab.get_with(target, lab.master()).status == 200);
    }
    const auto status = lab.status();
    CHECK(status.at("state") == "Running");
    CHECK_FALSE(status.contains("errors"));
    const auto listed = json::parse(lab.get_with("/admin/functions", lab.master()).body).as_array();
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].at("name") == "all");
    CHECK(listed[0].at("config").at("bindings").as_array().size() == 2);
    CHECK(lab.get_with("/admin/functions/none", lab.master()).status == 404);
}

TEST_CASE("Azure pitfall 15: before anything is deployed, only WarmUp is listed, and nobody can call it") {
    HostLab lab;
    REQUIRE(lab.host->functions().size() == 1);
    CHECK(lab.host->functions().front().name == "WarmUp");
    CHECK(lab.status().at("state") == "Running");
    CHECK(lab.get("/api/WarmUp").status == 404);
    CHECK(lab.get("/api/run").status == 404);
}

TEST_CASE("Azure pitfall 4: a host that has just been made knows no keys") {
    auto options = host_options();
    options.host_start = 150ms;
    HostLab lab{options};
    CHECK(lab.host->keys() == nullptr);
    CHECK(lab.host->state() == "Starting");
    CHECK(lab.get("/admin/host/ping").status == 200);  // is answered when it is up
    CHECK(lab.host->keys() != nullptr);
}

TEST_CASE("Azure pitfalls 1, 3: permissions that a package lacks are not given to it") {
    HostLab lab;
    SiteFiles site;
    site.handler_mode = 0644;
    lab.deploy(site);
    CHECK(has(lab.error(), "permission denied"));
    site.handler_mode = 0700;  // the host is not its owner
    lab.deploy(site);
    CHECK(has(lab.error(), "permission denied"));
    site.handler_mode = 0755;
    site.host_mode = 0600;
    lab.deploy(site);
    CHECK(has(lab.error(), "host.json' is denied"));
    CHECK(lab.host->functions().empty());
    site.host_mode = 0644;
    deployed(lab, site);
    CHECK(lab.get("/count").status == 200);
}

TEST_CASE("local azure host: a site that the host cannot read leaves it in state Error") {
    HostLab lab;
    SiteFiles site;
    site.with_host = false;
    lab.deploy(site);
    CHECK(has(lab.error(), "customHandler"));
    site.with_host = true;
    site.with_handler = false;
    lab.deploy(site);
    CHECK(has(lab.error(), "customHandler"));
    site.with_handler = true;
    site.host.erase("version");
    lab.deploy(site);
    CHECK(has(lab.error(), "version"));
    site.host["version"] = "2.0";
    site.host["functionTimeout"] = "5 minutes";
    lab.deploy(site);
    CHECK(has(lab.error(), "functionTimeout"));
    site.host.erase("functionTimeout");
    site.description["defaultExecutablePath"] = "";
    lab.deploy(site);
    CHECK(has(lab.error(), "defaultExecutablePath"));
    // Nothing to run is no error.
    SiteFiles empty;
    empty.with_handler = false;
    empty.level.clear();
    lab.deploy(empty);
    CHECK(lab.host->state() == "Running");
    CHECK(lab.get("/").status == 200);
    CHECK(lab.get("/run").status == 404);
    // What is no zip changes nothing.
    CHECK_FALSE(lab.host->deploy(blueprint::faas::detail::bytes_of("this is no zip")).has_value());
    CHECK(lab.host->state() == "Running");
}

TEST_CASE("local azure host: the program is looked for from the site's root on, not from its working directory") {
    HostLab lab;
    SiteFiles site;
    site.more = {{"inside/file", "text"}};
    site.description["workingDirectory"] = "inside";
    deployed(lab, site);
    CHECK(has(lab.get("/env/FUNCTIONS_APP_ROOT_PATH").body, "/"));
    site.description["defaultExecutablePath"] = "../handler";
    lab.deploy(site);
    CHECK(has(lab.error(), "no such file"));
    site.description["workerDirectory"] = "inside";
    deployed(lab, site);
}

TEST_CASE("Azure pitfall 11: a handler that opens no port in time is an error, and is started again and again") {
    auto options = host_options();
    options.start_limit = 200ms;
    HostLab lab{options, [](auto& app) { app.settings["INIT"] = std::string{"deaf"}; }};
    lab.deploy({});
    CHECK(has(lab.error(), "did not open its port in time"));
    const auto before = lab.functions.processes.started();
    lab.until([&] { return lab.get("/").status == 503 && lab.functions.processes.started() > before; });
    auto app = lab.host->app();
    app.settings["INIT"] = std::string{"exit"};
    lab.host->configure(app);
    lab.settle();
    CHECK(has(lab.error(), "exited with status 7"));
    app.settings.erase("INIT");
    lab.host->configure(app);
    lab.settle();
    CHECK(lab.get("/count").status == 200);
}

TEST_CASE("local azure host: settings change what runs, and a stopped app says so") {
    HostLab lab;
    deployed(lab);
    auto app = lab.host->app();
    app.settings["COLOUR"] = std::string{"blue"};
    lab.host->configure(app);
    CHECK(lab.get("/env/COLOUR").body == "blue");  // the call waits for the new process
    app.stopped = true;
    lab.host->configure(app);
    CHECK(lab.get("/env/COLOUR").status == 403);
    lab.until([&] { return lab.host->instances() == 0; });
    app.stopped = false;
    lab.host->configure(app);
    CHECK(lab.get("/env/COLOUR").body == "blue");
}

TEST_CASE("local azure host: without forwarding, requests and answers go in the envelope") {
    HostLab lab;
    SiteFiles site;
    site.forwards = false;
    site.level.clear();
    site.more = {{"enveloped/function.json", SiteFiles::function("anonymous", "items/{id}")},
                 {"status/function.json", SiteFiles::function("anonymous", "bad")}};
    deployed(lab, site);
    const auto reply = lab.send_to(lab.host->url(), {.method = "POST",
                                                     .target = "/items/7?x=1",
                                                     .fields = {{"Content-Type", "application/json"}, {"X-Two", "a"}},
                                                     .body = R"({"n":1})"});
    CHECK(reply.status == 201);
    CHECK(reply.field("x-from") == "handler");
    CHECK(reply.field("content-type") == "text/plain; charset=utf-8");
    const auto sent = json::parse(reply.body).as_object();
    const auto& request = sent.at("Data").at("req").as_object();
    CHECK(sent.at("Metadata").at("sys").at("MethodName") == "enveloped");
    CHECK(request.at("Method") == "POST");
    CHECK(request.at("Url") == json::string{lab.host->url() + "/items/7?x=1"});
    CHECK(request.at("Query").at("x") == "1");
    CHECK(request.at("Params").at("id") == "7");
    CHECK(request.at("Headers").at("X-Two").at(0) == "a");
    CHECK(request.at("Body") == R"({"n":1})");
    // Azure pitfall 10: bytes go as Base64 if they are told to be bytes, else what is no text is lost.
    const auto body_of = [&](const std::string& type) {
        const auto told = lab.send_to(lab.host->url(), {.method = "POST",
                                                        .target = "/items/7",
                                                        .fields = {{"Content-Type", type}},
                                                        .body = std::string{"\xff\x00\x41", 3}});
        return std::string{json::parse(told.body).at("Data").at("req").at("Body").as_string()};
    };
    CHECK(body_of("application/octet-stream") == "/wBB");
    CHECK(body_of("text/plain") == std::string{"\xef\xbf\xbd\x00\x41", 5});
    const auto bad = lab.get("/bad");  // is no envelope
    CHECK(bad.status == 500);
    CHECK(bad.body.empty());
}

TEST_CASE("local azure host: instances are added up to the plan's limit, each with as many calls as it may have") {
    HostLab lab{host_options(), [](auto& app) {
                    app.concurrency = 2;
                    app.max_instances = 2;
                }};
    deployed(lab);
    const auto replies = lab.send_all({"/sleep/1500", "/sleep/1500", "/sleep/1500", "/sleep/1500", "/sleep/1500"});
    std::set<std::string> instances;
    int refused = 0;
    for (const auto& reply : replies) {
        if (reply.status == 200)
            instances.insert(reply.field("x-instance"));
        else
            refused += reply.status == 503 ? 1 : 0;
    }
    CHECK(instances.size() == 2);
    CHECK(refused == 1);  // nobody was free in time
    CHECK(lab.host->instances() == 2);
}

TEST_CASE("local azure host: instances that are always ready are there before a call") {
    HostLab lab{host_options(), [](auto& app) { app.always_ready = 2; }};
    deployed(lab);
    CHECK(lab.host->instances() == 2);
}

TEST_CASE("local azure host: a call that takes too long ends with 504 there, and by the app's own limit with 500") {
    auto options = host_options();
    options.answer_limit = 1'200ms;
    HostLab lab{options};
    deployed(lab);
    const auto first = lab.get("/count").field("x-instance");
    const auto late = lab.get("/sleep/5000");
    CHECK(late.status == 504);
    CHECK(has(late.body, "GatewayTimeout"));
    CHECK(lab.get("/count").field("x-instance") == first);
    SiteFiles site;
    site.host["functionTimeout"] = "00:00:01";
    deployed(lab, site);
    const auto second = lab.get("/count").field("x-instance");
    const auto failed = lab.get("/sleep/5000");
    CHECK(failed.status == 500);
    CHECK(failed.body.empty());
    CHECK(lab.get("/count").field("x-instance") != second);  // the host has restarted
}

TEST_CASE("local azure host: a handler that ends during a call costs that call a 500, and the next one has a new one") {
    HostLab lab;
    deployed(lab);
    const auto first = lab.get("/count").field("x-instance");
    const auto broken = lab.get("/exit/3");
    CHECK(broken.status == 500);
    CHECK(broken.body.empty());
    CHECK(lab.get("/garbage").status == 500);
    const auto next = lab.get("/count");
    CHECK(next.status == 200);
    CHECK(next.field("x-instance") != first);
}

TEST_CASE("local azure host: two jobs of different packages answer from one site by our own function side") {
    HostLab lab;
    const auto binary = program_of("BLUEPRINT_FAAS_TEST_FUNCTION");
    blueprint::faas::detail::AzureManifest manifest;
    blueprint::faas::detail::AzurePackages packages;
    for (const std::uint32_t id : {0U, 2U}) {
        ZipWriter writer;
        REQUIRE(writer.add("bootstrap", binary, 0755).has_value());
        REQUIRE(writer.add("note", blueprint::faas::detail::bytes_of(std::to_string(id)), 0644).has_value());
        auto package = Package::from_zip(writer.finish());
        REQUIRE_MESSAGE(package.has_value(), (package ? "" : package.error().message));
        packages[package->sha256()] = package->zip();
        REQUIRE(blueprint::faas::detail::add_azure_job(manifest, JobId{id},
                                                       {.package_sha256 = package->sha256(), .timeout = 60s})
                    .has_value());
    }
    const auto zip = blueprint::faas::detail::azure_site_zip(manifest, packages);
    REQUIRE_MESSAGE(zip.has_value(), (zip ? "" : zip.error().message));
    REQUIRE(lab.host->deploy(*zip).has_value());
    lab.settle();
    REQUIRE_MESSAGE(lab.host->state() == "Running", (lab.host->errors().empty() ? "" : lab.host->errors().front()));
    const auto key = std::string{lab.host->keys()->host.at("default").reveal()};
    const auto call = [&](int job, const std::string& args) {
        return lab.send_to(lab.host->url(), {.method = "POST",
                                             .target = "/api/run",
                                             .fields = {{"Content-Type", "application/octet-stream"},
                                                        {"X-Blueprint-Job-Id", std::to_string(job)},
                                                        {"x-functions-key", key}},
                                             .body = args});
    };
    CHECK(call(0, std::string{"\x07\0\0\0\0\0\0\0", 8}).body == std::string{"\x31\0\0\0\0\0\0\0", 8});
    CHECK(call(2, "abc").body == "abc");
    CHECK(call(0, std::string(8, '\0')).field("x-blueprint-revision") != call(2, "").field("x-blueprint-revision"));
    CHECK(call(1, "").status == 500);
    const auto health = lab.get_with("/api/run", key);
    CHECK(
        has(health.body, "\"site\":\"" + blueprint::faas::detail::azure_site_digest(manifest) + "\",\"jobs\":[0,2]}"));
}

TEST_CASE("local azure scm: a package of a Flex app is published, and its deployment tells how far it is") {
    HostLab lab;
    const auto zip = SiteFiles{}.zip();
    const auto accepted = lab.publish(zip);
    REQUIRE(accepted.status == 202);
    REQUIRE(accepted.body.size() == 38);
    const auto id = std::string{json::parse(accepted.body).as_string()};
    CHECK((lab.kept == zip));
    auto shown = lab.deployment(id);
    CHECK(shown.at("complete") == false);
    CHECK(shown.at("status").as_int64() < 3);
    CHECK(shown.at("deployer") == "test");
    CHECK(lab.publish(zip).status == 409);
    CHECK(lab.ask_scm("GET", "/api/isdeploying").body == R"({"value":true})");
    shown = lab.finish(id);
    CHECK(shown.at("status") == 4);
    CHECK(shown.at("active") == true);
    lab.settle();
    CHECK(lab.get("/count").status == 200);
    const auto log = json::parse(lab.ask_scm("GET", "/api/deployments/" + id + "/log").body).as_array();
    CHECK(log.size() == 2);
    CHECK(log[0].at("message").is_string());
    CHECK(lab.ask_scm("GET", "/api/deployments/none").status == 404);
    CHECK(json::parse(lab.ask_scm("GET", "/api/deployments").body).as_array().size() == 1);
}

TEST_CASE("local azure scm: who has no token, sends no zip, or sends it the other plan's way is refused") {
    HostLab lab;
    const HttpAsk without{
        .method = "POST", .target = "/api/publish", .fields = {{"Content-Type", "application/zip"}}, .body = "zip"};
    CHECK(lab.send_to(lab.scm->url(), without).status == 401);
    CHECK(lab.ask_scm("POST", "/api/publish", {{"Content-Type", "text/plain"}}, "zip").status == 415);
    CHECK(lab.ask_scm("POST", "/api/publish", {{"Content-Type", "application/zip"}}, "").status == 400);
    CHECK(lab.ask_scm("GET", "/api/publish").status == 405);
    CHECK(lab.ask_scm("GET", "/api/nothing").status == 404);
    CHECK(lab.scm->deployments().empty());
}

TEST_CASE("local azure: who waits for a host to start waits no longer when it is closed") {
    HostLab lab;
    REQUIRE(lab.host->deploy(SiteFiles{}.zip()).has_value());
    REQUIRE(lab.host->state() == "Starting");
    bool over = false;
    auto waiting = lab.host->settled();
    asio::co_spawn(asio::any_io_executor{lab.functions.strand}, std::move(waiting),
                   [&](std::exception_ptr) { over = true; });
    lab.io.restart();
    lab.io.poll();
    CHECK_FALSE(over);
    lab.host->close();
    const auto patience = std::chrono::steady_clock::now() + 5s;
    lab.io.restart();
    while (!over && std::chrono::steady_clock::now() < patience) lab.io.run_one_for(10ms);
    CHECK(over);
}

TEST_CASE("local azure: a request that comes as the cloud has ended is refused, and asks nothing of what is gone") {
    HostLab lab;
    lab.end_surroundings();
    const auto head = [](std::string target) {
        local::ServerRequest request;
        request.method = "POST";
        request.target = std::move(target);
        return request;
    };
    for (const auto& admission : {lab.host->admit(head("/api/run")), lab.scm->admit(head("/api/publish"))}) {
        REQUIRE(admission.refusal.has_value());
        CHECK(admission.refusal->status == 503);
    }
}

TEST_CASE("Azure pitfall 9: ZipDeploy is not there for a Flex app, nor One Deploy for another one") {
    HostLab flex;
    const auto zip = SiteFiles{}.zip();
    const std::string body{blueprint::faas::detail::text_of(zip)};
    CHECK(flex.ask_scm("POST", "/api/zipdeploy?isAsync=true", {{"Content-Type", "application/zip"}}, body).status ==
          404);
    HostLab other{host_options(), [](auto& app) { app.flex = false; }};
    CHECK(other.publish(zip).status == 404);
    const auto accepted =
        other.ask_scm("POST", "/api/zipdeploy?isAsync=true&deployer=test", {{"Content-Type", "application/zip"}}, body);
    REQUIRE(accepted.status == 202);
    const auto location = accepted.field("location");
    REQUIRE(location.starts_with(other.scm->url() + "/api/deployments/latest?deployer=test"));
    const auto path = location.substr(other.scm->url().size());
    CHECK(other.ask_scm("GET", path).status == 202);
    CHECK(other.ask_scm("POST", "/api/zipdeploy", {{"Content-Type", "application/zip"}}, body).status == 409);
    other.until([&] { return other.ask_scm("GET", path).status == 200; });
    other.settle();
    CHECK(other.get("/count").status == 200);
    const auto at_once =
        other.ask_scm("POST", "/api/zipdeploy", {{"Content-Type", "application/octet-stream"}}, "no zip");
    CHECK(at_once.status == 400);
    CHECK(has(at_once.body, "Package deployment failed"));
    auto app = other.host->app();
    app.settings["WEBSITE_RUN_FROM_PACKAGE"] = std::string{"https://storage.example/package.zip"};
    other.host->configure(app);
    CHECK(other.ask_scm("POST", "/api/zipdeploy", {{"Content-Type", "application/zip"}}, body).status == 409);
}

TEST_CASE("Azure pitfall 6: a package whose container is missing is refused by its storage's words") {
    HostLab lab;
    lab.container_is_there = false;
    const auto refused = lab.publish(SiteFiles{}.zip());
    CHECK(refused.status == 400);
    CHECK(has(refused.body, "BlobUploadFailedException"));
    CHECK(has(refused.body, "404"));
    CHECK(lab.scm->deployments().empty());
}

TEST_CASE("local azure scm: a deployment that failed is told of with 200 too, and what ran goes on running") {
    auto options = host_options();
    bool faulty = false;
    options.operation_fault = [&](std::string_view resource) -> std::optional<local::AzureFault> {
        CHECK(resource.ends_with("/sites/app/publish"));
        if (!faulty) return std::nullopt;
        return local::AzureFault{.code = "InternalError", .message = "the disk is full"};
    };
    HostLab lab{options};
    deployed(lab);
    const auto broken = lab.finish(std::string{json::parse(lab.publish({'n', 'o'}).body).as_string()});
    CHECK(broken.at("status") == 3);
    CHECK(has(json::serialize(broken.at("build_summary").at("errors")), "Package deployment failed"));
    faulty = true;
    const auto failed = lab.finish(std::string{json::parse(lab.publish(SiteFiles{}.zip()).body).as_string()});
    CHECK(failed.at("status") == 3);
    CHECK(failed.at("status_text") == "InternalError: the disk is full");
    CHECK(lab.get("/count").status == 200);
}
