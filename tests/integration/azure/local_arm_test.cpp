#include "blueprint/faas/local/azure_arm.hpp"
#include "cloud_lab.hpp"

namespace local_arm_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

TEST_CASE("local azure: api-versions are those that Azure knows, type by type") {
    AzureLab lab;
    const auto refused = [&](const std::string& target) { return AzureLab::verdict(lab.get(target)); };
    CHECK(lab.get("/subscriptions?api-version=2022-12-01").status == 200);
    CHECK(lab.get(subscription + resources_version).status == 200);
    CHECK(lab.get("/tenants" + resources_version).status == 200);
    CHECK(refused(subscription).starts_with("400 MissingApiVersionParameter"));
    CHECK(refused(subscription + "?api-version=2025-13-01").starts_with("400 InvalidApiVersionParameter"));
    lab.make_group();
    CHECK(lab.get(web_provider + "sites?api-version=2025-05-01").status == 200);
    CHECK(refused(web_provider + "sites?api-version=2025-06-01").starts_with("400 NoRegisteredProviderFound"));
    CHECK(refused(web_provider + "ovens" + web_version).starts_with("404 InvalidResourceType"));
    CHECK(refused(group + "/providers/Microsoft.Oven/ovens" + web_version).starts_with("404 InvalidResourceNamespace"));
    CHECK(refused("/subscriptions/22222222-2222-4333-8444-555555555555" + resources_version)
              .starts_with("404 SubscriptionNotFound"));
}

TEST_CASE("local azure: who asks the management API shows a token and may do so") {
    AzureLab lab;
    const auto target = group + resources_version;
    const auto as = [&](const std::string& token) {
        return AzureLab::verdict(
            lab.send_to(lab.cloud.azure_url(), {.target = target, .fields = {{"Authorization", "Bearer " + token}}}));
    };
    CHECK(AzureLab::verdict(lab.send_to(lab.cloud.azure_url(), {.target = target}))
              .starts_with("401 AuthenticationFailed"));
    CHECK(as("none").starts_with("401 InvalidAuthenticationToken"));
    CHECK(as(lab.token_of(owner_client, "owner-secret", "https://storage.azure.com"))
              .starts_with("401 InvalidAuthenticationTokenAudience"));
    const auto other = as(lab.token_of(other_client, "other-secret", "https://management.azure.com"));
    CHECK(other.starts_with("403 AuthorizationFailed"));
    CHECK(other.find("'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '" + group + '\'') !=
          std::string::npos);
    CHECK(as(lab.token).starts_with("404 ResourceGroupNotFound"));
}

TEST_CASE("local azure: resource groups are made, found, changed and removed with what is in them") {
    auto options = azure_cloud_options();
    options.azure->settle = 1500ms;
    AzureLab lab{std::move(options)};
    const auto target = group + resources_version;
    CHECK(lab.ask({.method = "HEAD", .target = target}).status == 404);
    CHECK(AzureLab::verdict(lab.put(target, {})).starts_with("400 LocationRequired"));
    CHECK(AzureLab::verdict(lab.put(target, {{"location", "atlantis"}}))
              .starts_with("400 LocationNotAvailableForResourceGroup"));
    CHECK(AzureLab::verdict(lab.put(target, {{"location", "westeurope"}, {"loction", "x"}}))
              .starts_with("400 InvalidRequestContent: The request content was invalid and could not be deserialized: "
                           "'Could not find member 'loction'"));
    const auto made = lab.put(target, {{"location", "West Europe"}, {"tags", json::object{{"team", "a"}}}});
    REQUIRE(made.status == 201);
    CHECK(AzureLab::text(AzureLab::json_of(made), "properties.provisioningState") == "Succeeded");
    CHECK(AzureLab::text(AzureLab::json_of(made), "id") == group);
    CHECK(lab.put(target, {{"location", "westeurope"}}).status == 200);
    CHECK(AzureLab::verdict(lab.put(target, {{"location", "eastus"}})).starts_with("409 InvalidResourceGroupLocation"));
    CHECK(lab.ask({.method = "HEAD", .target = target}).status == 204);
    // Names are the same in either case.
    CHECK(lab.get(subscription + "/resourcegroups/JOBS" + resources_version).status == 200);
    CHECK(AzureLab::json_of(lab.get(subscription + "/resourcegroups" + resources_version))
              .at("value")
              .as_array()
              .size() == 1);
    lab.make_account();
    CHECK(AzureLab::json_of(lab.get(group + "/resources" + resources_version)).at("value").as_array().size() == 1);
    const auto going = lab.remove(target);
    REQUIRE(going.status == 202);
    CHECK(AzureLab::verdict(lab.put(storage_provider + "another" + storage_version, AzureLab::account_body()))
              .starts_with("409 ResourceGroupBeingDeleted"));
    const auto where = going.field("location").substr(lab.cloud.azure_url().size());
    CHECK(lab.get(where).status == 202);
    lab.until([&] { return lab.get(where).status == 200; });
    CHECK(lab.get(target).status == 404);
    lab.make_group();
    CHECK(lab.get(storage_provider + "jobstore" + storage_version).status == 404);
}

TEST_CASE("local azure: a provider that is not registered takes no changes until it is") {
    auto options = azure_cloud_options();
    options.azure->unregistered = {"Microsoft.Storage"};
    options.azure->settle = 1s;
    AzureLab lab{std::move(options)};
    lab.make_group();
    const auto account = storage_provider + "jobstore" + storage_version;
    CHECK(AzureLab::verdict(lab.put(account, AzureLab::account_body()))
              .starts_with("409 MissingSubscriptionRegistration: The subscription is not registered to use namespace "
                           "'Microsoft.Storage'"));
    const auto provider = subscription + "/providers/Microsoft.Storage";
    const auto state = [&](const HttpReply& reply) {
        return AzureLab::text(AzureLab::json_of(reply), "registrationState");
    };
    CHECK(state(lab.get(provider + resources_version)) == "NotRegistered");
    CHECK(state(lab.post(provider + "/register" + resources_version)) == "Registering");
    CHECK(AzureLab::verdict(lab.put(account, AzureLab::account_body())).starts_with("409"));
    lab.until([&] { return state(lab.get(provider + resources_version)) == "Registered"; });
    CHECK(lab.put(account, AzureLab::account_body()).status == 202);
}

TEST_CASE("local azure: operations are told of in each of the service's styles") {
    using Style = local::AzureOptions::Style;
    for (const auto style :
         {Style::async_operation, Style::operation_location, Style::location, Style::provisioning_state}) {
        CAPTURE(static_cast<int>(style));
        auto options = azure_cloud_options();
        options.azure->operations = style;
        options.azure->settle = 1s;
        AzureLab lab{std::move(options)};
        lab.make_group();
        const auto target = storage_provider + "jobstore" + storage_version;
        const auto begun = lab.put(target, AzureLab::account_body());
        CHECK(begun.status == (style == Style::provisioning_state ? 201 : 202));
        CHECK(begun.field("azure-asyncoperation").empty() == (style != Style::async_operation));
        CHECK(begun.field("operation-location").empty() == (style != Style::operation_location));
        CHECK(begun.field("location").empty() == (style != Style::location));
        CHECK(AzureLab::verdict(lab.remove(target)).starts_with("409 StorageAccountOperationInProgress"));
        CHECK(AzureLab::verdict(lab.post(storage_provider + "jobstore/listKeys" + storage_version))
                  .starts_with("409 StorageAccountIsNotProvisioned"));
        const auto state = [&](const HttpReply& reply) {
            return AzureLab::text(AzureLab::json_of(reply), "properties.provisioningState");
        };
        if (style == Style::provisioning_state) {
            CHECK(state(begun) == "Creating");
            lab.until([&] { return state(lab.get(target)) == "Succeeded"; });
        } else if (style == Style::location) {
            const auto where = begun.field("location").substr(lab.cloud.azure_url().size());
            CHECK(lab.get(where).status == 202);
            lab.until([&] { return lab.get(where).status == 200; });
            CHECK(state(lab.get(where)) == "Succeeded");
        } else {
            const auto where = (begun.field("azure-asyncoperation") + begun.field("operation-location"))
                                   .substr(lab.cloud.azure_url().size());
            CHECK(where.find("api-version=2025-06-01") != std::string::npos);
            CHECK(AzureLab::text(AzureLab::json_of(lab.get(where)), "status") == "InProgress");
            lab.until([&] { return AzureLab::text(AzureLab::json_of(lab.get(where)), "status") == "Succeeded"; });
        }
        CHECK(state(lab.get(target)) == "Succeeded");
    }
}

TEST_CASE("local azure: an operation may fail, and leaves nothing then") {
    using Style = local::AzureOptions::Style;
    for (const auto style : {Style::async_operation, Style::location}) {
        auto options = azure_cloud_options();
        options.azure->operations = style;
        std::string asked;
        options.azure->operation_fault = [&](std::string_view resource) -> std::optional<local::AzureFault> {
            asked = resource;
            return local::AzureFault{.code = "CapacityExceeded", .message = "There is no room."};
        };
        AzureLab lab{std::move(options)};
        lab.make_group();
        const auto begun = lab.put(storage_provider + "jobstore" + storage_version, AzureLab::account_body());
        if (style == Style::async_operation) {
            CHECK(lab.finish(begun) == "Failed: CapacityExceeded");
        } else {
            const auto where = begun.field("location").substr(lab.cloud.azure_url().size());
            lab.until([&] { return lab.get(where).status != 202; });
            CHECK(AzureLab::verdict(lab.get(where)) == "409 CapacityExceeded: There is no room.");
        }
        CHECK(asked == storage_provider + "jobstore");
        CHECK(lab.get(storage_provider + "jobstore" + storage_version).status == 404);
    }
}

TEST_CASE("local azure: storage accounts have names of their own, keys and containers") {
    auto options = azure_cloud_options();
    options.azure->taken_names = {"theirs"};
    AzureLab lab{std::move(options)};
    lab.make_group();
    const auto put = [&](const std::string& name, const json::object& body = AzureLab::account_body()) {
        return AzureLab::verdict(lab.put(storage_provider + name + storage_version, body));
    };
    CHECK(put("No-Name").starts_with("400 AccountNameInvalid"));
    CHECK(put("theirs").starts_with("409 StorageAccountAlreadyTaken"));
    auto odd = AzureLab::account_body();
    odd["sku"] = json::object{{"name", "Cheap"}};
    CHECK(put("jobstore", odd).starts_with("400 InvalidValuesForRequestParameters"));
    odd = AzureLab::account_body();
    odd["properties"].as_object()["allowSharedKeyAccess"] = "yes";
    CHECK(put("jobstore", odd).starts_with("400 InvalidValuesForRequestParameters"));
    odd = AzureLab::account_body();
    odd.erase("location");
    CHECK(put("jobstore", odd).starts_with("400 LocationRequired"));
    const auto available = [&](const std::string& name) {
        return AzureLab::json_of(
            lab.send("POST", subscription + "/providers/Microsoft.Storage/checkNameAvailability" + storage_version,
                     {{"name", name}, {"type", "Microsoft.Storage/storageAccounts"}}));
    };
    CHECK(available("jobstore").at("nameAvailable") == true);
    lab.make_account();
    CHECK(AzureLab::text(available("jobstore"), "reason") == "AlreadyExists");
    CHECK(AzureLab::text(available("theirs"), "reason") == "AlreadyExists");
    CHECK(AzureLab::text(available("a"), "reason") == "AccountNameInvalid");
    CHECK(lab.put(storage_provider + "jobstore" + storage_version, AzureLab::account_body()).status == 200);
    const auto shown = AzureLab::json_of(lab.get(storage_provider + "jobstore" + storage_version));
    CHECK(AzureLab::text(shown, "properties.primaryEndpoints.blob") == lab.cloud.azure_url() + "/storage/jobstore/");

    const auto containers = storage_provider + "jobstore/blobServices/default/containers";
    CHECK(AzureLab::verdict(lab.put(containers + "/Bad_Name" + storage_version, {}))
              .starts_with("400 ContainerNameInvalid"));
    CHECK(AzureLab::verdict(
              lab.put(containers + "/open" + storage_version, {{"properties", json::object{{"publicAccess", "Blob"}}}}))
              .starts_with("409 PublicAccessNotPermitted"));
    CHECK(lab.put(containers + "/packages" + storage_version, {}).status == 200);
    CHECK(lab.get(containers + "/none" + storage_version).status == 404);
    CHECK(AzureLab::json_of(lab.get(containers + storage_version)).at("value").as_array().size() == 1);
    CHECK(lab.remove(containers + "/packages" + storage_version).status == 200);
    CHECK(lab.remove(containers + "/packages" + storage_version).status == 204);

    const auto keys = [&](const HttpReply& reply) { return AzureLab::json_of(reply).at("keys").as_array(); };
    const auto before = keys(lab.post(storage_provider + "jobstore/listKeys" + storage_version));
    REQUIRE(before.size() == 2);
    const auto renewed =
        keys(lab.send("POST", storage_provider + "jobstore/regenerateKey" + storage_version, {{"keyName", "key2"}}));
    CHECK(renewed.at(0) == before.at(0));
    CHECK(renewed.at(1).at("value") != before.at(1).at("value"));
    CHECK(lab.remove(storage_provider + "jobstore" + storage_version).status == 200);
    CHECK(lab.remove(storage_provider + "jobstore" + storage_version).status == 204);
}

}  // namespace local_arm_test
