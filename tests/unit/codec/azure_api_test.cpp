#include "blueprint/faas/codec/azure_api.hpp"

#include "azure_fixture.hpp"
#include "blueprint/faas/codec/azure_operation.hpp"
#include "blueprint/faas/codec/azure_storage.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace azure_api_test {

using namespace blueprint::faas;
using detail::AzureApi;
using detail::AzureKind;
using detail::AzureOperation;
using detail::AzureStorage;
using detail::AzureStore;
using tests::azure_options;
using tests::AzureWorld;
using tests::failed;
using tests::ok;

namespace {

HttpResponse answered(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }
Error judged(const HttpResponse& answer) {
    auto error = AzureApi::judge(answer);
    REQUIRE(error.has_value());
    return *error;
}
std::string error_json(const std::string& code, const std::string& message) {
    return R"({"error":{"code":")" + code + R"(","message":")" + message + R"("}})";
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

HttpRequest change(Verb verb = Verb::put) { return AzureApi{azure_options()}.request(AzureKind::site, verb, "/site"); }
HttpResponse with(unsigned status, std::string_view name, std::string_view value, std::string body = "{}") {
    auto answer = answered(status, std::move(body));
    answer.headers.set(name, value);
    return answer;
}

AzureStore store_of(const std::string& endpoint = "https://acc.blob.core.windows.net/") {
    return {.account = "acc",
            .endpoint = endpoint,
            .container = "packages-0123456789ab",
            .key = Secret{tests::azure::Arm::key_of("acc")}};
}

}  // namespace

TEST_CASE("Z1: what follows the host of the management API is always a path, and the host is always its own") {
    const AzureApi api{azure_options()};
    for (const auto& request :
         {api.get_group(), api.get_provider("Microsoft.Web"), api.get_account("acc"), api.put_container("acc", "cont"),
          api.get_plan("subscriptions/x/serverfarms/p"), api.get_plan(""), api.get_site(), api.list_settings(),
          api.list_host_keys(), api.request(AzureKind::site, Verb::get, "subscriptions/elsewhere.example")}) {
        CAPTURE(request.target);
        CHECK(to_string(request.origin) == "https://management.azure.com");
        CHECK(request.target.starts_with("/"));
        CHECK(request.target.find("//") == std::string::npos);
    }
    auto options = azure_options();
    options.endpoint = "https://127.0.0.1:8443/arm/";
    const AzureApi local{options};
    CHECK(local.get_group().target ==
          "/arm/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/jobs?api-version=2025-04-01");
    CHECK(to_string(local.get_group().origin) == "https://127.0.0.1:8443");
    // An id that an answer told leads nowhere else either.
    CHECK(api.get_plan("/subscriptions/../x?y=1#z").target == "/subscriptions/x%3Fy%3D1%23z?api-version=2024-11-01");
}

TEST_CASE("azure: whatever the management API is asked, it is asked for JSON") {
    const AzureApi api{azure_options()};
    for (const auto& request :
         {api.get_group(), api.put_group({}), api.get_account("acc"), api.list_account_keys("acc"), api.get_site(),
          api.patch_site({}), api.delete_site(true), api.list_settings(), api.list_host_keys(), api.sync_triggers()}) {
        CAPTURE(request.target);
        CHECK(request.headers.get("Accept") == "application/json");
    }
}

TEST_CASE("Z9: each type of resource is asked about with its own api-version") {
    const AzureApi api{azure_options()};
    const auto version = [](const HttpRequest& request) {
        const auto at = request.target.find("api-version=");
        return request.target.substr(at + 12, 10);
    };
    CHECK(version(api.get_group()) == "2025-04-01");
    CHECK(version(api.register_provider("Microsoft.Web")) == "2025-04-01");
    CHECK(version(api.put_role("acc", "name", {})) == "2022-04-01");
    CHECK(version(api.get_account("acc")) == "2025-06-01");
    CHECK(version(api.put_container("acc", "cont")) == "2025-06-01");
    CHECK(version(api.get_plan(api.plan_id())) == "2024-11-01");
    CHECK(version(api.get_site()) == "2024-11-01");
    CHECK(api.delete_site(true).target.ends_with("&deleteEmptyServerFarm=true&deleteMetrics=true"));
}

TEST_CASE("Z5: derived names are stable, fit Azure's rules and are other ones for everybody else") {
    const AzureApi api{azure_options()};
    CHECK(api.app() == "blueprint-jasf5cstyflux");
    CHECK(api.app() == AzureApi{azure_options()}.app());
    CHECK(api.plan() == api.app() + "-plan");
    CHECK(api.account().size() <= 24);
    CHECK(api.account().starts_with("blueprint"));
    CHECK(api.account().find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos);
    CHECK(api.packages_container().substr(9) == api.deployment_container().substr(7));
    CHECK(api.packages_container().size() == 9 + 12);
    const std::vector<std::function<void(AzureFunctionsOptions&)>> others{
        [](auto& options) { options.subscription = "11111111-2222-4333-8444-555555555556"; },
        [](auto& options) { options.resource_group = "jobs2"; }, [](auto& options) { options.prefix = "mine"; }};
    for (const auto& other : others) {
        auto options = azure_options();
        other(options);
        const AzureApi theirs{options};
        CHECK(theirs.app() != api.app());
        CHECK(theirs.account() != api.account());
        CHECK(theirs.packages_container() != api.packages_container());
    }
    auto capitals = azure_options();
    capitals.resource_group = "JOBS";
    CHECK(AzureApi{capitals}.app() == api.app());
    auto empty = azure_options();
    empty.prefix.clear();
    CHECK(AzureApi{empty}.app().size() == 13);
    auto named = azure_options();
    named.app = "My-App";
    named.storage_account = "myaccount";
    named.plan = "My-Plan";
    const AzureApi given{named};
    CHECK(given.app() == "My-App");
    CHECK(given.account() == "myaccount");
    CHECK(given.plan() == "My-Plan");
    CHECK(given.account_is_given());
    named.app = "my-app";
    CHECK(AzureApi{named}.packages_container() == given.packages_container());
}

TEST_CASE("azure: options that Azure would refuse are refused before anything is sent, and named") {
    struct Row {
        std::string names;
        std::function<void(AzureFunctionsOptions&)> change;
    };
    const std::vector<Row> rows{
        {"subscription", [](auto& o) { o.subscription.clear(); }},
        {"subscription", [](auto& o) { o.subscription = "11111111-2222-4333-8444-55555555555g"; }},
        {"subscription", [](auto& o) { o.subscription = "11111111-2222-4333-8444-555555555555/../x"; }},
        {"resource_group is empty", [](auto& o) { o.resource_group.clear(); }},
        {"resource_group", [](auto& o) { o.resource_group = "a/b"; }},
        {"resource_group", [](auto& o) { o.resource_group = "ends."; }},
        {"prefix", [](auto& o) { o.prefix = "Capital"; }},
        {"prefix", [](auto& o) { o.prefix = "-x"; }},
        {"prefix", [](auto& o) { o.prefix = std::string(47, 'a'); }},
        {"app", [](auto& o) { o.app = "a"; }},
        {"app", [](auto& o) { o.app = "a.b"; }},
        {"app", [](auto& o) { o.app = "ends-"; }},
        {"app", [](auto& o) { o.app = std::string(61, 'a'); }},
        {"plan", [](auto& o) { o.plan = "a/b"; }},
        {"storage_account", [](auto& o) { o.storage_account = "Ab1"; }},
        {"storage_account", [](auto& o) { o.storage_account = "ab"; }},
        {"storage_account", [](auto& o) { o.storage_account = std::string(25, 'a'); }},
        {"location", [](auto& o) { o.location = "west/europe"; }},
        {"instance_concurrency", [](auto& o) { o.instance_concurrency = 0; }},
        {"instance_concurrency", [](auto& o) { o.instance_concurrency = 1001; }},
        {"max_instances", [](auto& o) { o.max_instances = 39; }},
        {"max_instances", [](auto& o) { o.max_instances = 1001; }},
        {"max_body_bytes", [](auto& o) { o.max_body_bytes = 0; }},
        {"tag", [](auto& o) { o.tags["a/b"] = "x"; }},
        {"endpoint", [](auto& o) { o.endpoint = "management.azure.com"; }},
        {"endpoint", [](auto& o) { o.endpoint = "https://management.azure.com/?x=1"; }},
        {"app_url", [](auto& o) { o.app_url = "my-app.azurewebsites.net"; }},
    };
    for (const auto& row : rows) {
        auto options = azure_options();
        row.change(options);
        CAPTURE(row.names);
        const AzureApi api{options};
        REQUIRE(api.cannot_manage().has_value());
        CHECK(api.cannot_manage()->code == errc::invalid_configuration);
        CHECK(says(*api.cannot_manage(), row.names));
        CHECK(api.misconfigured().has_value());
    }
    CHECK_FALSE(AzureApi{azure_options()}.cannot_make().has_value());
    auto nowhere = azure_options();
    nowhere.location.clear();
    CHECK_FALSE(AzureApi{nowhere}.cannot_manage().has_value());
    CHECK(says(AzureApi{nowhere}.cannot_make().value(), "location"));
    auto worded = azure_options();
    worded.location = "West Europe";
    CHECK(AzureApi{worded}.location() == "westeurope");
    // Who only calls needs an address and a key, and no subscription.
    AzureFunctionsOptions caller;
    caller.app_url = "https://my-app.azurewebsites.net";
    caller.function_key = "key";
    CHECK_FALSE(AzureApi{caller}.misconfigured().has_value());
    CHECK(AzureApi{caller}.cannot_manage().has_value());
    caller.function_key = Secret{};
    CHECK(AzureApi{caller}.misconfigured().has_value());
}

TEST_CASE("azure: refusals are read in both shapes, with what may be repeated and what is to be done") {
    struct Row {
        unsigned status;
        std::string code;
        errc meaning;
        bool retryable;
    };
    const std::vector<Row> rows{{400, "BadRequest", errc::invalid_configuration, false},
                                {401, "InvalidAuthenticationToken", errc::authentication, true},
                                {403, "AuthorizationFailed", errc::authentication, false},
                                {404, "ResourceNotFound", errc::not_found, false},
                                {404, "SubscriptionNotFound", errc::invalid_configuration, false},
                                {408, "RequestTimeout", errc::infrastructure, true},
                                {409, "Conflict", errc::conflict, false},
                                {412, "PreconditionFailed", errc::conflict, false},
                                {429, "TooManyRequests", errc::throttled, true},
                                {500, "InternalServerError", errc::infrastructure, true},
                                {501, "NotImplemented", errc::unsupported, false},
                                {503, "ServiceUnavailable", errc::infrastructure, true},
                                {504, "GatewayTimeout", errc::infrastructure, true}};
    for (const auto& row : rows) {
        CAPTURE(row.code);
        const auto small = with(row.status, "x-ms-request-id", "request-7", error_json(row.code, "why"));
        const auto capital = with(row.status, "x-ms-request-id", "request-7",
                                  R"({"Code":")" + row.code +
                                      R"(","Message":"why","Target":null,"Details":[{"Message":"and more"},)"
                                      R"({"Code":"x"},{"ErrorEntity":{}}],"Innererror":null})");
        for (const auto& error : {judged(small), judged(capital)}) {
            CHECK(error.code == row.meaning);
            CHECK(error.retryable == row.retryable);
            CHECK(error.platform_code == row.code);
            CHECK(error.http_status == row.status);
            CHECK(error.request_id == "request-7");
            CHECK(error.message.starts_with("why"));
        }
        CHECK(says(judged(capital), "and more"));
    }
    CHECK_FALSE(AzureApi::judge(answered(202, "")).has_value());
    CHECK(judged(answered(418, "")).code == errc::serialization);
    CHECK(says(judged(answered(403, error_json("AuthorizationFailed", "no"))), "the role Contributor"));
    CHECK(judged(with(429, "Retry-After", "7", "")).retry_after == std::chrono::seconds{7});
    auto moved = judged(with(302, "Location", "https://elsewhere.example/x?sig=hidden", ""));
    CHECK(moved.code == errc::infrastructure);
    CHECK(says(moved, "https://elsewhere.example/x;"));
}

TEST_CASE("azure: reasons are added to a refusal until it has more than 1200 characters") {
    const auto text = [](std::size_t length, char letter) { return std::string(length, letter); };
    // What a refusal says after its first three texts, which have `length` characters.
    const auto told = [&](std::size_t length) {
        const auto first = text(500, 'a');
        const auto second = text(500, 'b');
        const auto third = text(length - first.size() - second.size() - 4, 'c');
        const auto error = judged(answered(400, R"({"error":{"code":"BadRequest","message":")" + first +
                                                    R"(","details":[{"message":")" + second + R"("},{"message":")" +
                                                    third + R"("},{"message":"and no room"}]}})"));
        CHECK(error.message.starts_with(first + "; " + second + "; " + third));
        return error.message.substr(length);
    };
    CHECK(told(1199) == "; and no room");
    CHECK(told(1200) == "; and no room");
    CHECK(told(1201).empty());
    CHECK(told(1202).empty());
}

TEST_CASE("C11: only Azure's own word says that something is absent, not a page of somebody's") {
    const auto own = judged(answered(404, error_json("ResourceNotFound", "no app")));
    CHECK(own.code == errc::not_found);
    CHECK_FALSE(says(own, "check the endpoint"));
    const auto page = judged(answered(404, "<html><title>Not here</title></html>"));
    CHECK(page.code == errc::invalid_configuration);
    CHECK(says(page, "Not here"));
    CHECK(says(page, "check the endpoint"));
    // A gateway that is down says so in words of its own, and the endpoint may well be right.
    CHECK_FALSE(says(judged(answered(502, "<html><title>Bad Gateway</title></html>")), "check the endpoint"));
}

TEST_CASE("azure: a setting that a refusal repeats is not shown with its key") {
    const auto error = judged(
        answered(400, error_json("BadRequest",
                                 "AzureWebJobsStorage 'AccountName=acc;AccountKey=c2VjcmV0;EndpointSuffix=x' and "
                                 "https://x/y?sv=1&sig=abc%2Bdef&sp=r are bad")));
    CHECK(says(error, "AccountName=acc"));
    CHECK_FALSE(says(error, "c2VjcmV0"));
    CHECK_FALSE(says(error, "abc%2Bdef"));
    CHECK(says(error, "are bad"));
}

TEST_CASE("Azure pitfall 4: a host that cannot tell its keys yet is no bad request, but passes") {
    for (const unsigned status : {400U, 500U}) {
        const auto answer =
            answered(status, R"({"Code":"BadRequest","Message":"Encountered an error (ServiceUnavailable) from host )"
                             R"(runtime.","Details":[]})");
        const auto error = AzureApi::judge_host(answer);
        REQUIRE(error.has_value());
        CHECK(error->code == errc::infrastructure);
        CHECK(error->retryable);
    }
    CHECK(AzureApi::judge_host(answered(400, error_json("BadRequest", "no")))->code == errc::invalid_configuration);
}

TEST_CASE("azure: what goes on already is told from names that are somebody else's") {
    const auto refusal = [](const std::string& code, const std::string& message) {
        return judged(answered(409, error_json(code, message)));
    };
    CHECK(AzureApi::is_busy(refusal("AnotherOperationInProgress", "x")));
    CHECK(AzureApi::is_busy(refusal("StorageAccountOperationInProgress", "x")));
    CHECK(AzureApi::is_busy(refusal("Conflict", "Cannot modify this site because another operation is in progress.")));
    CHECK_FALSE(AzureApi::is_busy(refusal("Conflict", "Website with given name x already exists.")));
    CHECK_FALSE(AzureApi::is_busy(refusal("StorageAccountAlreadyTaken", "x")));
    CHECK_FALSE(AzureApi::is_busy(judged(answered(400, error_json("BadRequest", "x")))));
}

TEST_CASE("azure: the provider that a subscription lacks is found in the refusal, or in what was asked for") {
    const AzureApi api{azure_options()};
    const auto lacking = [](const std::string& message) {
        return judged(answered(409, error_json("MissingSubscriptionRegistration", message)));
    };
    CHECK(AzureApi::unregistered(lacking("not registered to use namespace 'Microsoft.App'. See"), api.get_site()) ==
          "Microsoft.App");
    CHECK(AzureApi::unregistered(lacking("not registered"), api.get_site()) == "Microsoft.Web");
    CHECK(AzureApi::unregistered(lacking("use namespace '../x'"), api.get_account("acc")) == "Microsoft.Storage");
    CHECK(AzureApi::unregistered(judged(answered(409, error_json("Conflict", "x"))), api.get_site()).empty());
    CHECK(ok(AzureApi::read_registered(answered(200, R"({"registrationState":"Registered"})"))));
    CHECK_FALSE(ok(AzureApi::read_registered(answered(200, R"({"registrationState":"Registering"})"))));
    CHECK(failed(AzureApi::read_registered(answered(200, "{}"))).code == errc::serialization);
}

TEST_CASE("azure: an operation is asked about where its header says, with that very URL") {
    const std::string url =
        "https://management.azure.com/subscriptions/s/operationResults/1?t=a%2Fb&api-version=2099-01-01";
    for (const auto* name : {"Azure-AsyncOperation", "Operation-Location", "operation-location"}) {
        CAPTURE(name);
        auto operation = ok(AzureOperation::begin(change(), with(201, name, url)));
        CHECK(operation.style() == AzureOperation::Style::status);
        CHECK_FALSE(operation.done());
        CHECK(operation.look().target == "/subscriptions/s/operationResults/1?t=a%2Fb&api-version=2099-01-01");
        CHECK(operation.look().verb == Verb::get);
        ok(operation.observe(answered(200, R"({"status":"InProgress"})")));
        CHECK_FALSE(operation.done());
        CHECK(operation.progress() == "InProgress");
        // A word that nobody has heard of goes on.
        ok(operation.observe(answered(200, R"({"status":"Contemplating"})")));
        CHECK_FALSE(operation.done());
        ok(operation.observe(answered(200, R"({"status":"canceling"})")));
        CHECK_FALSE(operation.done());
        ok(operation.observe(answered(202, "")));
        CHECK_FALSE(operation.done());
        ok(operation.observe(answered(200, R"({"status":"succeeded"})")));
        CHECK(operation.done());
        CHECK_FALSE(operation.failed().has_value());
    }
    // Both headers: the one with a status is looked at.
    auto both = with(202, "Location", "https://management.azure.com/elsewhere");
    both.headers.set("Azure-AsyncOperation", url);
    CHECK(ok(AzureOperation::begin(change(), both)).style() == AzureOperation::Style::status);
    // App Service answers its status URL with the app itself in the end.
    auto plain = ok(AzureOperation::begin(change(), with(202, "Azure-AsyncOperation", url)));
    ok(plain.observe(answered(200, R"({"name":"app","properties":{}})")));
    CHECK(plain.done());
}

TEST_CASE("azure: an operation that failed or was cancelled says why") {
    const std::string url = "https://management.azure.com/o";
    auto operation = ok(AzureOperation::begin(change(), with(202, "Azure-AsyncOperation", url)));
    ok(operation.observe(answered(
        200,
        R"({"status":"Failed","error":{"code":"SkuNotAvailable","message":"no room","details":[{"message":"at all"}]}})")));
    REQUIRE(operation.failed().has_value());
    CHECK(operation.failed()->platform_code == "SkuNotAvailable");
    CHECK(says(*operation.failed(), "no room; at all"));
    CHECK(operation.failed()->code == errc::invocation_failed);
    CHECK_FALSE(operation.failed()->retryable);
    operation = ok(AzureOperation::begin(change(), with(202, "Azure-AsyncOperation", url)));
    ok(operation.observe(answered(200, R"({"status":"Canceled"})")));
    REQUIRE(operation.failed().has_value());
    CHECK(says(*operation.failed(), "Canceled"));
}

TEST_CASE("azure: an operation with a Location goes on while it is answered 202") {
    auto operation =
        ok(AzureOperation::begin(change(Verb::del), with(202, "Location", "https://management.azure.com/o/1")));
    CHECK(operation.style() == AzureOperation::Style::location);
    auto next = with(202, "Location", "https://management.azure.com/o/2");
    ok(operation.observe(next));
    CHECK_FALSE(operation.done());
    CHECK(operation.look().target == "/o/2");
    ok(operation.observe(answered(202, "")));
    CHECK(operation.look().target == "/o/2");
    ok(operation.observe(answered(200, "{}")));
    CHECK(operation.done());
    // With 201 it names what was made.
    CHECK(ok(AzureOperation::begin(change(), with(201, "Location", "https://management.azure.com/site"))).done());
    CHECK(ok(AzureOperation::begin(change(Verb::del), answered(200, ""))).done());
}

TEST_CASE("azure: without a header the resource itself tells how its change goes on") {
    const auto state = [](const std::string& word) {
        return answered(200, R"({"properties":{"provisioningState":")" + word + R"("}})");
    };
    auto operation = ok(AzureOperation::begin(change(), state("Creating")));
    CHECK(operation.style() == AzureOperation::Style::resource);
    CHECK_FALSE(operation.done());
    CHECK(operation.look().target == change().target);
    ok(operation.observe(state("ResolvingDNS")));
    CHECK_FALSE(operation.done());
    ok(operation.observe(state("Succeeded")));
    CHECK(operation.done());
    CHECK(ok(AzureOperation::begin(change(), answered(200, R"({"properties":{}})"))).done());
    CHECK_FALSE(ok(AzureOperation::begin(change(), answered(202, R"({"properties":{}})"))).done());
    CHECK(ok(AzureOperation::begin(change(), state("Failed"))).failed().has_value());
}

TEST_CASE("azure: how long to wait is told in seconds, or by a date") {
    auto answer = with(202, "Azure-AsyncOperation", "https://management.azure.com/o");
    CHECK_FALSE(ok(AzureOperation::begin(change(), answer)).wait().has_value());
    answer.headers.set("Retry-After", "17");
    CHECK(ok(AzureOperation::begin(change(), answer)).wait() == std::chrono::seconds{17});
    answer.headers.set("Retry-After", "Fri, 02 Jan 2026 03:04:35 GMT");
    answer.headers.set("Date", "Fri, 02 Jan 2026 03:04:05 GMT");
    auto operation = ok(AzureOperation::begin(change(), answer));
    CHECK(operation.wait() == std::chrono::seconds{30});
    ok(operation.observe(with(200, "Retry-After", "3", R"({"status":"Running"})")));
    CHECK(operation.wait() == std::chrono::seconds{3});
    ok(operation.observe(answered(200, R"({"status":"Running"})")));
    CHECK_FALSE(operation.wait().has_value());
}

TEST_CASE("azure: nobody but the management API is asked about an operation, so that nobody else sees the token") {
    for (const auto* url : {"https://management.azure.com.evil.example/o", "http://management.azure.com/o",
                            "https://management.azure.com:8443/o", "//evil.example/o", "ftp://x", "https://u@x/"}) {
        for (const auto* name : {"Azure-AsyncOperation", "Location"}) {
            CAPTURE(url);
            CHECK(failed(AzureOperation::begin(change(), with(202, name, url))).code == errc::serialization);
            auto operation = ok(AzureOperation::begin(change(), with(202, name, "https://management.azure.com/o")));
            CHECK(failed(operation.observe(with(202, name, url))).code == errc::serialization);
        }
    }
    CHECK(ok(AzureOperation::begin(change(), with(202, "Location", "/o?x=1"))).look().target == "/o?x=1");
}

TEST_CASE("azure: the permission of a blob is signed as Azure documents it, for an hour at most") {
    const auto storage = ok(AzureStorage::make(store_of()));
    const tests::HandClock clock;
    const auto request = storage.put("a b.zip", "application/zip", Body{}, {}, clock.now());
    CHECK(storage.string_to_sign("cw", "2024-12-17T23:55:00Z", "2024-12-18T00:55:00Z", 'b', "a b.zip") ==
          "cw\n2024-12-17T23:55:00Z\n2024-12-18T00:55:00Z\n/blob/acc/packages-0123456789ab/a b.zip\n\n\nhttps\n"
          "2022-11-02\nb\n\n\n\n\n\n\n");
    // The signature was computed by another program.
    CHECK(request.target ==
          "/packages-0123456789ab/a%20b.zip?sv=2022-11-02&st=2024-12-17T23%3A55%3A00Z&se=2024-12-18T00%3A55%3A00Z"
          "&sr=b&sp=cw&spr=https&sig=ORNNC0Yagi2rQAQzWRtfsRc1y17pq%2FtWFLdryvu4Qt0%3D");
    CHECK(request.headers.get("x-ms-date") == "Wed, 18 Dec 2024 00:00:00 GMT");
    auto open = store_of();
    open.key = Secret{};
    const auto by_token = ok(AzureStorage::make(open));
    CHECK_FALSE(by_token.is_signed());
    CHECK(by_token.get("x", 10, clock.now()).target == "/packages-0123456789ab/x");
}

TEST_CASE("azure: blobs are written, read, listed and removed by key and by token") {
    for (const bool by_key : {true, false}) {
        CAPTURE(by_key);
        AzureWorld world;
        world.fake->arm.put_group();
        world.fake->arm.put_account("acc").containers.insert("packages-0123456789ab");
        auto store = store_of();
        if (!by_key) store.key = Secret{};
        const auto storage = ok(AzureStorage::make(store));
        const auto now = world.clock.now();
        const auto put = [&](const std::string& blob, const std::string& body, detail::AzureBlobCondition condition) {
            return world.ask(storage, storage.put(blob, "application/json", Body{body}, condition, now));
        };
        ok(put("manifest.json", "1", {.absent = true}));
        const auto overtaken = failed(put("manifest.json", "2", {.absent = true}));
        CHECK(overtaken.code == errc::conflict);
        CHECK(AzureStorage::was_overtaken(overtaken));
        auto first = ok(AzureStorage::read_blob(ok(world.ask(storage, storage.get("manifest.json", 100, now)))));
        CHECK(first.body == "1");
        ok(put("manifest.json", "3", {.etag = first.etag}));
        CHECK(AzureStorage::was_overtaken(failed(put("manifest.json", "4", {.etag = first.etag}))));
        ok(put("b.zip", "b", {}));
        ok(put("c.zip", "c", {}));
        std::vector<std::string> names;
        std::string marker;
        do {
            const auto page = ok(AzureStorage::read_page(ok(world.ask(storage, storage.list(marker, now)))));
            names.insert(names.end(), page.names.begin(), page.names.end());
            marker = page.next;
        } while (!marker.empty());
        CHECK(names == std::vector<std::string>{"b.zip", "c.zip", "manifest.json"});
        ok(world.ask(storage, storage.head("b.zip", now)));
        ok(world.ask(storage, storage.remove("b.zip", now)));
        CHECK(failed(world.ask(storage, storage.get("b.zip", 100, now))).code == errc::not_found);
        CHECK(failed(world.ask(storage, storage.head("b.zip", now))).code == errc::not_found);
        world.fake->arm.accounts.at("acc").containers.clear();
        const auto gone = failed(world.ask(storage, storage.get("b.zip", 100, now)));
        CHECK(gone.platform_code == "ContainerNotFound");
        // The container of an account that the management API does not know is made by storage itself.
        ok(world.ask(storage, storage.make_container(now)));
        CHECK(failed(world.ask(storage, storage.make_container(now))).platform_code == "ContainerAlreadyExists");
    }
}

TEST_CASE("azure: what storage refuses is told with what is to be done, and with no part of the signature") {
    AzureWorld world;
    world.fake->arm.put_group();
    world.fake->arm.put_account("acc").containers.insert("packages-0123456789ab");
    const auto storage = ok(AzureStorage::make(store_of()));
    const auto now = world.clock.now();
    const auto late = failed(world.ask(storage, storage.get("x", 100, now - std::chrono::hours{1})));
    CHECK(late.code == errc::authentication);
    CHECK(says(late, "clock"));
    CHECK_FALSE(says(late, "RequestId"));
    world.fake->storage.takes_keys = false;
    CHECK(says(failed(world.ask(storage, storage.get("x", 100, now))), "storage_access"));
    auto store = store_of();
    store.key = Secret{};
    const auto by_token = ok(AzureStorage::make(store));
    world.fake->storage.role_spreads = 1;
    CHECK(says(failed(world.ask(by_token, by_token.get("x", 100, now))), "Storage Blob Data Contributor"));
    // Azure pitfall 6: of a role that was just given that passes.
    world.fake->storage.role_spreads = 5;
    ok(world.ask(by_token, by_token.put("x", "text/plain", Body{std::string{"x"}}, {}, now), true));
    const auto page = AzureStorage::judge({.status = 404, .body = "<html>nothing</html>"});
    CHECK(page->code == errc::invalid_configuration);
    CHECK(AzureStorage::judge({.status = 503, .body = ""})->retryable);
    for (const auto* endpoint : {"", "acc.blob.core.windows.net", "https://acc.blob.core.windows.net/?x=1"})
        CHECK(AzureStorage::make(store_of(endpoint)).has_error());
    store = store_of();
    store.key = Secret{"no base64 at all"};
    const auto error = failed(AzureStorage::make(store));
    CHECK_FALSE(says(error, "no base64 at"));
}

TEST_CASE("azure: connection strings are written and read, with endpoints of every kind") {
    const auto written = [](const std::string& endpoint) {
        return std::string{detail::write_connection_string(store_of(endpoint)).reveal()};
    };
    CHECK(written("https://acc.blob.core.windows.net/").ends_with(";EndpointSuffix=core.windows.net"));
    CHECK(written("https://acc.blob.core.chinacloudapi.cn").ends_with(";EndpointSuffix=core.chinacloudapi.cn"));
    for (const auto* endpoint :
         {"https://acc.blob.core.windows.net/", "https://127.0.0.1:8443/storage/acc/", "https://cdn.example/"}) {
        const auto read = ok(detail::read_connection_string(detail::write_connection_string(store_of(endpoint))));
        CHECK(read.endpoint == endpoint);
        CHECK(read.account == "acc");
        CHECK(read.key == store_of().key);
    }
    for (const auto* text : {"", "UseDevelopmentStorage=true", "AccountName=acc", "AccountKey=c2VjcmV0"}) {
        const auto error = failed(detail::read_connection_string(Secret{text}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK_FALSE(says(error, "c2VjcmV0"));
    }
}

}  // namespace azure_api_test
