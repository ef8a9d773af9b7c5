#include "blueprint/faas/codec/impl/azure_provisioning.hpp"

#include "azure_fixture.hpp"

#include <boost/json/array.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace azure_provisioning_test {

using namespace blueprint::faas;
using detail::AzureApp;
using detail::AzureAppWanted;
using detail::AzureStorage;
using tests::azure_options;
using tests::AzureWorld;
using tests::failed;
using tests::FakeAzure;
using tests::ok;
using tests::azure::Object;
using tests::azure::Style;
using tests::azure::text;

namespace {

std::size_t position(const std::vector<std::string>& lines, std::string_view end) {
    const auto found = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.ends_with(end); });
    CAPTURE(end);
    REQUIRE(found != lines.end());
    return static_cast<std::size_t>(found - lines.begin());
}
bool says(const Error& error, std::string_view text) { return error.message.find(text) != std::string::npos; }

}  // namespace

TEST_CASE("Z5: all that an app needs is made, in every style of operations, and is found again") {
    for (const auto style :
         {Style::async_operation, Style::operation_location, Style::location, Style::provisioning_state}) {
        for (const int looks : {0, 1, 3}) {
            AzureWorld world;
            world.fake->operations.style = style;
            world.fake->operations.looks = looks;
            world.fake->operations.running = "NeverHeardOf";
            AzureAppWanted wanted;
            wanted.memory_mib = 2048;
            wanted.always_ready = 2;
            wanted.settings.emplace("NAME", "a \"value\"");
            const auto made = world.make(wanted);
            CHECK(made.made);
            CHECK(made.is_flex());
            CHECK(made.site.host == world.api.app() + "-c0ffee.westeurope-01.azurewebsites.net");
            CHECK(made.site.scm_host == world.api.app() + "-c0ffee.scm.westeurope-01.azurewebsites.net");
            CHECK(world.site().settings.at("NAME") == "a \"value\"");
            const auto& body = world.site().resource;
            CHECK(text(body, "kind") == "functionapp,linux");
            CHECK(body.at("tags").at("managed-by").as_string() == "blueprint-faas");
            CHECK(body.at("properties").at("httpsOnly").as_bool());
            const auto& scale = world.config().at("scaleAndConcurrency").as_object();
            CHECK(scale.at("instanceMemoryMB").as_int64() == 2048);
            CHECK(scale.at("maximumInstanceCount").as_int64() == 100);
            CHECK(scale.at("alwaysReady").as_array().at(0).at("instanceCount").as_int64() == 2);
            CHECK(scale.at("triggers").at("http").at("perInstanceConcurrency").as_int64() == 1);
            CHECK(world.config().at("runtime").at("name").as_string() == "custom");
            const auto& account = world.fake->arm.accounts.at(world.api.account());
            CHECK(account.containers.size() == 2);
            const auto& properties = account.resource.at("properties").as_object();
            CHECK_FALSE(properties.at("allowBlobPublicAccess").as_bool());
            CHECK(text(properties, "minimumTlsVersion") == "TLS1_2");

            const auto before = world.fake->lines.size();
            const auto found = world.find();
            REQUIRE(found.has_value());
            CHECK(world.fake->writes(before).empty());
            CHECK(world.fake->lines.size() == before + 2);
            CHECK(found->store.account == world.api.account());
            CHECK(found->store.key == made.store.key);
            CHECK(found->store.endpoint == made.store.endpoint);
            CHECK(found->store.container == world.api.packages_container());
            CHECK(found->site.is_ours());
            CHECK(world.provisioning.differences(*found, wanted).empty());
        }
    }
}

TEST_CASE("Azure pitfall 6: the container for deployments is made before the app that names it") {
    AzureWorld world;
    world.make();
    const auto writes = world.fake->writes();
    const auto site = position(writes, "/sites/" + world.api.app());
    CHECK(position(writes, "/containers/" + world.api.deployment_container()) < site);
    CHECK(position(writes, "/serverfarms/" + world.api.plan()) < site);
    CHECK(position(writes, "/storageAccounts/" + world.api.account()) <
          position(writes, "/containers/" + world.api.packages_container()));
    CHECK(world.config().at("deployment").at("storage").at("value").as_string() ==
          "https://" + world.api.account() + ".blob.core.windows.net/" + world.api.deployment_container());
}

TEST_CASE("azure: making an app goes on where it stopped, whichever request is refused or has its answer lost") {
    AzureWorld whole;
    whole.make();
    const auto requests = whole.fake->lines.size();
    for (std::size_t at = 1; at <= requests; ++at) {
        CAPTURE(at);
        AzureWorld world;
        world.fake->fault_at = at;
        auto first = tests::run(world.io, world.provisioning.make({}));
        REQUIRE(first.has_error());
        CHECK(first.error().code == errc::authentication);
        world.make();
        CHECK(world.find().has_value());
        AzureWorld lossy;
        lossy.fake->fault_at = at;
        lossy.fake->fault = FakeAzure::Fault::lost;
        lossy.make();
        CHECK(lossy.fake->arm.sites.size() == 1);
        CHECK(lossy.fake->arm.accounts.size() == 1);
    }
}

TEST_CASE("azure: a resource provider that the subscription lacks is registered, and the request made again") {
    AzureWorld world;
    world.fake->arm.registered.clear();
    world.fake->arm.registering = 3;
    world.make();
    CHECK(world.fake->arm.registered.contains("Microsoft.Web"));
    CHECK(world.fake->arm.registered.contains("Microsoft.Storage"));
    CHECK(world.told.find("Microsoft.Storage is registered") != std::string::npos);
    CHECK(world.told.find("the plan " + world.api.plan() + " is made") != std::string::npos);
    AzureWorld stuck;
    stuck.fake->arm.registered.clear();
    stuck.fake->arm.registering = 1'000'000;
    const auto error = failed(tests::run(stuck.io, stuck.provisioning.make({})));
    CHECK(error.code == errc::timed_out);
    CHECK(says(error, "Microsoft.Storage is not registered yet"));
    // Who may not register it is told what somebody else has to do.
    AzureWorld forbidden;
    forbidden.fake->arm.registered.clear();
    forbidden.make();
    const auto registering = position(forbidden.fake->lines, "Microsoft.Storage/register");
    AzureWorld refused;
    refused.fake->arm.registered.clear();
    refused.fake->fault_at = registering + 1;
    const auto refusal = failed(tests::run(refused.io, refused.provisioning.make({})));
    CHECK(says(refusal, "register the resource provider Microsoft.Storage for the subscription"));
}

TEST_CASE("azure: a change is asked for again while another goes on, and not for ever") {
    AzureWorld world;
    world.fake->arm.busy = 3;
    world.make();
    CHECK(world.told.find("Azure is at another change") != std::string::npos);
    AzureWorld stuck;
    stuck.fake->arm.busy = 1'000'000;
    const auto error = failed(tests::run(stuck.io, stuck.provisioning.make({})));
    CHECK(error.code == errc::conflict);
    CHECK(error.platform_code == "AnotherOperationInProgress");
}

TEST_CASE("azure: an operation that ends in vain tells Azure's reason, and looks that fail do not end it") {
    AzureWorld world;
    world.fake->operations.failing = {1, 2, 3};
    world.fake->operations.looks = 2;
    world.make();
    AzureWorld vain;
    vain.fake->operations.next_failure = {{"code", "NoRoom"}, {"message", "There is no room."}};
    const auto error = failed(tests::run(vain.io, vain.provisioning.make({})));
    CHECK(error.platform_code == "NoRoom");
    CHECK(says(error, "There is no room."));
    AzureWorld elsewhere;
    elsewhere.fake->operations.elsewhere = "https://evil.example";
    CHECK(says(failed(tests::run(elsewhere.io, elsewhere.provisioning.make({}))), "evil.example"));
    for (const auto& line : elsewhere.fake->lines) CHECK(line.find("evil") == std::string::npos);
}

TEST_CASE("azure: names that somebody else has are told with what to name instead") {
    AzureWorld world;
    world.fake->arm.taken = {world.api.account()};
    auto error = failed(tests::run(world.io, world.provisioning.make({})));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "storage_account"));
    world.fake->arm.taken = {world.api.app()};
    error = failed(tests::run(world.io, world.provisioning.make({})));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "AzureFunctionsOptions::app"));
    // A plan of another kind is not an app's to be made in.
    AzureWorld planned;
    planned.fake->arm.put_group();
    planned.fake->arm.plans[planned.api.plan()] = {{"sku", Object{{"name", "B1"}, {"tier", "Basic"}}}};
    CHECK(says(failed(tests::run(planned.io, planned.provisioning.make({}))), "none of Flex Consumption (B1)"));
    AzureWorld keyless;
    keyless.fake->arm.put_group();
    auto& account = keyless.fake->arm.put_account(keyless.api.account());
    account.resource.at("properties").as_object()["allowSharedKeyAccess"] = false;
    CHECK(says(failed(tests::run(keyless.io, keyless.provisioning.make({}))), "storage_access"));
}

TEST_CASE("azure: what somebody else is making is waited for, and not for ever, and what ended in vain is made anew") {
    AzureWorld world;
    world.fake->operations.looks = 4;
    world.make();
    const auto& lines = world.fake->lines;
    for (const auto& put : {"/storageAccounts/" + world.api.account(), "/serverfarms/" + world.api.plan()}) {
        CAPTURE(put);
        AzureWorld broken_off;
        broken_off.fake->operations.looks = 4;
        const auto asked = std::find_if(lines.begin(), lines.end(), [&](const auto& line) {
            return line.starts_with("PUT ") && line.ends_with(put);
        });
        REQUIRE(asked != lines.end());
        broken_off.fake->fault_at = static_cast<std::size_t>(asked - lines.begin()) + 2;
        failed(tests::run(broken_off.io, broken_off.provisioning.make({})));
        broken_off.make();
        CHECK(broken_off.told.find(" is being made\n") != std::string::npos);
    }
    for (const auto* state : {"Failed", "Canceled", "canceled"}) {
        CAPTURE(state);
        AzureWorld vain;
        vain.fake->arm.put_group();
        auto& account = vain.fake->arm.put_account(vain.api.account()).resource;
        tests::rest::part(account, "properties")["provisioningState"] = state;
        vain.make();
        CHECK(vain.told.find("the storage account " + vain.api.account() + " is made\n") != std::string::npos);
        CHECK(vain.told.find("is being made") == std::string::npos);
    }
    AzureWorld stuck;
    stuck.fake->arm.put_group();
    auto& account = stuck.fake->arm.put_account(stuck.api.account()).resource;
    tests::rest::part(account, "properties")["provisioningState"] = "ResolvingDNS";
    const auto error = failed(tests::run(stuck.io, stuck.provisioning.make({})));
    CHECK(error.retryable);
    CHECK(says(error, "not ready; try again later"));
}

TEST_CASE("azure: nothing is made where that is not wanted, or no location is known") {
    auto options = azure_options();
    options.create = false;
    AzureWorld world{options};
    CHECK_FALSE(world.find().has_value());
    CHECK(failed(tests::run(world.io, world.provisioning.make({}))).code == errc::not_found);
    options = azure_options();
    options.location.clear();
    AzureWorld nowhere{options};
    CHECK(says(failed(tests::run(nowhere.io, nowhere.provisioning.make({}))), "location"));
    CHECK(nowhere.fake->writes().empty());
    DeployPlan plan;
    CHECK(tests::run(nowhere.io, nowhere.provisioning.plan_making(plan)).has_error());
}

TEST_CASE("azure: what making an app would do is told, and nothing of it is done") {
    AzureWorld world;
    DeployPlan plan;
    ok(tests::run(world.io, world.provisioning.plan_making(plan)));
    CHECK(world.fake->writes().empty());
    const auto planned = world.fake->lines.size();
    AzureWorld done;
    done.make();
    auto writes = done.fake->writes();
    std::vector<std::string> told;
    for (const auto& call : plan.calls)
        if (call.writes) told.push_back(call.what);
    CHECK(told == writes);
    CHECK(planned == 3);
}

TEST_CASE("azure: an app that gets at its storage by its identity is given the role, and no key is asked for") {
    auto options = azure_options();
    options.storage_access = AzureStorageAccess::identity;
    AzureWorld world{options};
    world.fake->arm.identity_spreads = 3;
    const auto place = world.make();
    CHECK(place.store.key.empty());
    REQUIRE(world.fake->arm.roles.size() == 1);
    const auto& [name, role] = *world.fake->arm.roles.begin();
    CHECK(name == AzureApp::role_name(world.api.account_id(world.api.account()), place.site.principal_id));
    CHECK(name.size() == 36);
    CHECK(name != AzureApp::role_name(world.api.account_id(world.api.account()), "another identity"));
    CHECK(name != AzureApp::role_name(world.api.account_id("another"), place.site.principal_id));
    const auto& properties = role.at("properties").as_object();
    CHECK(text(properties, "principalId") == place.site.principal_id);
    CHECK(text(properties, "principalType") == "ServicePrincipal");
    CHECK(text(properties, "roleDefinitionId").ends_with("/b7e6dc6d-f1e8-4753-8033-0f276bb0955b"));
    for (const auto& line : world.fake->lines) CHECK_FALSE(line.ends_with("/listKeys"));
    CHECK(world.site().settings.at("AzureWebJobsStorage__accountName") == world.api.account());
    CHECK_FALSE(world.site().settings.contains("AzureWebJobsStorage"));  // a connection string would win (pitfall 6)
    CHECK(world.config().at("deployment").at("storage").at("authentication").at("type").as_string() ==
          "SystemAssignedIdentity");
    CHECK_FALSE(world.fake->arm.accounts.at(world.api.account())
                    .resource.at("properties")
                    .at("allowSharedKeyAccess")
                    .as_bool());
    const auto found = world.find();
    REQUIRE(found.has_value());
    CHECK(found->store.endpoint == place.store.endpoint);
    // The role is there already: Azure says so with an error.
    world.fake->arm.sites.clear();
    world.make();
    CHECK(world.fake->arm.roles.size() == 1);
}

TEST_CASE("azure: an app in the storage of another address is told that address") {
    auto options = azure_options();
    AzureWorld by_key{options};
    by_key.fake->arm.blob_endpoint = "https://127.0.0.1:8443/storage/" + by_key.api.account() + "/";
    by_key.make();
    const auto found = by_key.find();
    CHECK(found->store.endpoint == by_key.fake->arm.blob_endpoint);
    CHECK(by_key.site().settings.at("AzureWebJobsStorage").ends_with(";BlobEndpoint=" + found->store.endpoint));
    options.storage_access = AzureStorageAccess::identity;
    AzureWorld by_identity{options};
    by_identity.fake->arm.blob_endpoint = by_key.fake->arm.blob_endpoint;
    by_identity.make();
    CHECK(by_identity.site().settings.at("AzureWebJobsStorage__blobServiceUri") == by_key.fake->arm.blob_endpoint);
    CHECK(by_identity.find()->store.endpoint == by_key.fake->arm.blob_endpoint);
    CHECK(by_identity.find()->store.account == by_identity.api.account());
}

TEST_CASE("azure: an app that cannot run jobs is refused with what is wrong about it") {
    struct Row {
        std::string says;
        std::function<void(Object&)> change;
    };
    const std::vector<Row> rows{
        {"no function app", [](Object& site) { site["kind"] = "app,linux"; }},
        {"Windows", [](Object& site) { site["kind"] = "functionapp"; }},
        {"container", [](Object& site) { site["kind"] = "functionapp,linux,container"; }},
        {"'python'",
         [](Object& site) {
             tests::rest::part(site, "properties")["functionAppConfig"] =
                 Object{{"runtime", Object{{"name", "python"}, {"version", "3.12"}}}};
         }},
    };
    for (const auto& row : rows) {
        CAPTURE(row.says);
        AzureWorld world;
        world.fake->arm.put_group();
        row.change(world.fake->arm.put_site(world.api.app(), "Y1", "Dynamic").resource);
        const auto error = failed(tests::run(world.io, world.provisioning.find()));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(says(error, row.says));
    }
}

TEST_CASE("Azure pitfall 9: an older app is told by its plan, gets the settings that it needs, and keeps all others") {
    AzureWorld world;
    world.fake->arm.put_group();
    world.fake->arm.put_account("theirs");
    auto& site = world.fake->arm.put_site(world.api.app(), "Y1", "Dynamic");
    site.settings = {
        {"AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=theirs;AccountKey=" +
                                    tests::azure::Arm::key_of("theirs") + ";EndpointSuffix=core.windows.net"},
        {"THEIRS", "stays"},
        {"GOES", "x"}};
    site.linux_version = "DOTNET|8.0";
    auto place = world.find();
    REQUIRE(place.has_value());
    CHECK_FALSE(place->is_flex());
    CHECK(place->plan.is_consumption());
    CHECK_FALSE(place->site.is_ours());
    CHECK(place->store.account == "theirs");
    CHECK(place->store.endpoint == "https://theirs.blob.core.windows.net/");
    AzureAppWanted wanted;
    wanted.settings.emplace("NEW", "value");
    wanted.dropped = {"GOES", "NEVER_THERE"};
    CHECK(world.provisioning.differences(*place, wanted).size() == 4);
    CHECK(ok(tests::run(world.io, world.provisioning.apply(*place, wanted))));
    CHECK(site.settings.at("FUNCTIONS_WORKER_RUNTIME") == "custom");
    CHECK(site.settings.at("FUNCTIONS_EXTENSION_VERSION") == "~4");
    CHECK(site.settings.at("THEIRS") == "stays");
    CHECK(site.settings.at("NEW") == "value");
    CHECK_FALSE(site.settings.contains("GOES"));
    CHECK(site.linux_version.empty());
    const auto before = world.fake->lines.size();
    CHECK_FALSE(ok(tests::run(world.io, world.provisioning.apply(*place, wanted))));
    CHECK(world.fake->writes(before).empty());
    // What is another language's is not broken.
    site.settings["FUNCTIONS_WORKER_RUNTIME"] = "python";
    place = world.find();
    CHECK(says(failed(tests::run(world.io, world.provisioning.apply(*place, wanted))), "FUNCTIONS_WORKER_RUNTIME"));
    // The container of the packages is made there.
    ok(tests::run(world.io, world.provisioning.have_container(place->store)));
    CHECK(world.fake->arm.accounts.at("theirs").containers.contains(world.api.packages_container()));
}

TEST_CASE("azure: the container of the packages is asked of storage itself where another group has the account") {
    AzureWorld world;
    world.fake->arm.put_group();
    world.fake->arm.put_account("theirs");
    world.fake->arm.put_site(world.api.app(), "Y1", "Dynamic").settings = {
        {"AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=theirs;AccountKey=" +
                                    tests::azure::Arm::key_of("theirs") + ";EndpointSuffix=core.windows.net"}};
    const auto place = world.find();
    REQUIRE(place.has_value());
    world.fake->more = [](const tests::azure::Call& call, const HttpRequest&) -> std::optional<FakeAzure::Answer> {
        if (call.path.find("/storageAccounts/theirs") == std::string::npos) return std::nullopt;
        return tests::azure::error(404, "ResourceNotFound", "The Resource 'theirs' was not found.");
    };
    for (int i = 0; i < 2; ++i) {  // that it is there already is no error
        world.told.clear();
        ok(tests::run(world.io, world.provisioning.have_container(place->store)));
        CHECK(world.told == "the container " + world.api.packages_container() + " is made for packages\n");
        CHECK(world.fake->arm.accounts.at("theirs").containers.contains(world.api.packages_container()));
    }
}

TEST_CASE("azure: a connection string that cannot be read is told with its setting, and shows nothing") {
    AzureWorld world;
    world.make();
    world.site().settings["AzureWebJobsStorage"] = "AccountKey=not-to-be-seen";
    const auto error = failed(tests::run(world.io, world.provisioning.find()));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(says(error, "the setting AzureWebJobsStorage of the app " + world.api.app()));
    CHECK_FALSE(says(error, "not-to-be-seen"));
}

TEST_CASE("azure: settings that somebody changes at the same time stay, and only what differs is written") {
    AzureWorld world;
    auto place = world.make();
    world.site().settings["THEIRS"] = "set meanwhile";
    AzureAppWanted wanted;
    wanted.settings.emplace("NEW", "value");
    CHECK(ok(tests::run(world.io, world.provisioning.apply(place, wanted))));
    CHECK(world.site().settings.at("THEIRS") == "set meanwhile");
    CHECK(world.site().settings.at("NEW") == "value");
    CHECK(world.site().settings.contains("AzureWebJobsStorage"));
    CHECK_FALSE(world.site().settings.contains("FUNCTIONS_WORKER_RUNTIME"));  // which Flex Consumption refuses
    world.config()["scaleAndConcurrency"].as_object()["alwaysReady"] =
        boost::json::array{Object{{"name", "blob"}, {"instanceCount", 3}}};
    place = *world.find();
    wanted.memory_mib = 4096;
    wanted.always_ready = 1;
    CHECK(world.provisioning.differences(place, wanted) == std::vector<std::string>{"memory", "instances kept ready"});
    auto before = world.fake->lines.size();
    CHECK(ok(tests::run(world.io, world.provisioning.apply(place, wanted))));
    CHECK(world.fake->writes(before).size() == 1);
    CHECK(world.config().at("scaleAndConcurrency").at("instanceMemoryMB").as_int64() == 4096);
    CHECK(world.config().at("scaleAndConcurrency").at("alwaysReady").as_array().size() == 2);
    CHECK(world.config().at("deployment").at("storage").at("type").as_string() == "blobContainer");
    before = world.fake->lines.size();
    CHECK_FALSE(ok(tests::run(world.io, world.provisioning.apply(place, wanted))));
    CHECK(world.fake->lines.size() == before);
}

TEST_CASE("Azure pitfall 4: the keys of an app that was just made are asked for until its host can tell them") {
    AzureWorld world;
    world.make();
    world.fake->arm.host_starts = 20;
    const auto keys = ok(tests::run(world.io, world.exchanges.host_keys(true)));
    CHECK(keys.function_key == Secret{"a-key-for-calls"});
    CHECK(keys.master_key == Secret{"a-key-for-everything"});
    world.fake->arm.host_starts = 1'000'000;
    CHECK(failed(tests::run(world.io, world.exchanges.host_keys(true))).retryable);
    AzureWorld later;
    later.make();
    later.fake->arm.host_starts = 1'000'000;
    const auto before = later.fake->lines.size();
    CHECK(failed(tests::run(later.io, later.exchanges.host_keys(false))).retryable);
    CHECK(later.fake->lines.size() - before == 3);  // no more than the link tries
}

TEST_CASE("azure: an app that was made by us goes with its plan and storage, somebody else's stays") {
    AzureWorld world;
    world.make();
    CHECK(ok(tests::run(world.io, world.provisioning.remove())));
    CHECK(world.fake->arm.sites.empty());
    CHECK(world.fake->arm.plans.empty());
    CHECK(world.fake->arm.accounts.empty());
    CHECK(world.fake->arm.groups.size() == 1);
    CHECK(ok(tests::run(world.io, world.provisioning.remove())));  // nothing is left to remove

    AzureWorld theirs;
    theirs.fake->arm.put_group();
    theirs.fake->arm.put_site(theirs.api.app(), "Y1", "Dynamic");
    CHECK_FALSE(ok(tests::run(theirs.io, theirs.provisioning.remove())));
    CHECK(theirs.fake->writes().empty());

    auto options = azure_options();
    options.storage_account = "shared";
    AzureWorld shared{options};
    shared.make();
    auto& account = shared.fake->arm.accounts.at("shared");
    account.containers.insert("packages-fedcba987654");  // another app's
    CHECK(ok(tests::run(shared.io, shared.provisioning.remove())));
    CHECK(account.containers == std::set<std::string, std::less<>>{"packages-fedcba987654"});

    AzureWorld foreign{options};
    foreign.fake->arm.put_group();
    foreign.fake->arm.put_account("shared");
    foreign.make();
    CHECK(ok(tests::run(foreign.io, foreign.provisioning.remove())));
    CHECK(foreign.fake->arm.accounts.at("shared").containers.empty());
}

TEST_CASE("azure: removing an app goes on where it stopped") {
    AzureWorld whole;
    whole.make();
    const auto before = whole.fake->lines.size();
    ok(tests::run(whole.io, whole.provisioning.remove()));
    const auto requests = whole.fake->lines.size() - before;
    for (std::size_t at = 1; at <= requests; ++at) {
        CAPTURE(at);
        AzureWorld world;
        world.make();
        world.fake->fault_at = before + at;
        const auto first = tests::run(world.io, world.provisioning.remove());
        CHECK(first.has_error());
        ok(tests::run(world.io, world.provisioning.remove()));
        CHECK(world.fake->arm.sites.empty());
        CHECK(world.fake->arm.plans.empty());
        CHECK(world.fake->arm.accounts.empty());
    }
}

TEST_CASE("azure: no key and no setting's value is told while an app is made or changed") {
    AzureWorld world;
    AzureAppWanted wanted;
    wanted.settings.emplace("NAME", "hidden-value");
    auto place = world.make(wanted);
    wanted.settings.insert_or_assign("NAME", "hidden-value-2");
    ok(tests::run(world.io, world.provisioning.apply(place, wanted)));
    DeployPlan plan;
    const auto storage = ok(AzureStorage::make(place.store));
    plan.calls.push_back(detail::planned_azure_call(storage.get("x", 1, world.clock.now()), "why", false));
    CHECK(plan.calls.front().what.ends_with("/x"));
    CHECK(world.told.find("the setting NAME") != std::string::npos);
    for (const auto& secret :
         {std::string{"hidden-value"}, std::string{place.store.key.reveal()}, std::string{"sig="}}) {
        CHECK(world.told.find(secret) == std::string::npos);
        CHECK(plan.calls.front().what.find(secret) == std::string::npos);
        for (const auto& line : world.fake->lines) CHECK(line.find(secret) == std::string::npos);
    }
}

TEST_CASE("settings are read whole or not at all, because they are written as a whole") {
    HttpResponse good{.status = 200, .body = R"({"properties":{"A":"1","B":null,"C":""}})"};
    const auto settings = ok(AzureApp::read_settings(good));
    CHECK(settings.size() == 2);
    CHECK(settings.at("A").reveal() == "1");
    for (const auto* body : {R"({"properties":{"A":"1","B":7}})", R"({"properties":[]})", "{}"}) {
        HttpResponse answer{.status = 200};
        answer.body = body;
        CAPTURE(body);
        CHECK(failed(AzureApp::read_settings(answer)).code == errc::serialization);
    }
}

}  // namespace azure_provisioning_test
