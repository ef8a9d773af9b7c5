#ifndef BLUEPRINT_FAAS_TESTS_AZURE_CLOUD_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_AZURE_CLOUD_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "support/local_cloud_lab.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

using namespace std::chrono_literals;

inline const std::string owner_client = "aaaaaaaa-0000-4000-8000-000000000001";
inline const std::string other_client = "bbbbbbbb-0000-4000-8000-000000000002";
inline const std::string subscription = "/subscriptions/11111111-2222-4333-8444-555555555555";
inline const std::string group = subscription + "/resourceGroups/jobs";
inline const std::string storage_provider = group + "/providers/Microsoft.Storage/storageAccounts/";
inline const std::string web_provider = group + "/providers/Microsoft.Web/";
inline const std::string resources_version = "?api-version=2025-04-01";
inline const std::string storage_version = "?api-version=2025-06-01";
inline const std::string web_version = "?api-version=2024-11-01";

inline local::CloudOptions azure_cloud_options() {
    local::CloudOptions options;
    options.limit_memory = false;  // the test function may be built with AddressSanitizer
    auto& azure = options.azure.emplace();
    azure.applications.push_back({.client_id = owner_client, .secrets = {"owner-secret"}});
    azure.applications.push_back({.client_id = other_client, .secrets = {"other-secret"}});
    azure.administrators = std::vector<std::string>{owner_client};
    azure.settle = 20ms;
    azure.host_start = 20ms;
    azure.queue_time = 400ms;
    return options;
}

/// The local Azure and a client of it.
class AzureLab : public LocalCloudLab {
public:
    explicit AzureLab(local::CloudOptions options = azure_cloud_options())
        : LocalCloudLab{options}, tenant{options.azure->tenant} {
        token = token_of(owner_client, "owner-secret", "https://management.azure.com");
    }

    std::string token_of(const std::string& client, const std::string& secret, const std::string& resource) {
        const auto reply =
            send_to(cloud.azure_url(),
                    {.method = "POST",
                     .target = '/' + tenant + "/oauth2/v2.0/token",
                     .fields = {{"Content-Type", "application/x-www-form-urlencoded"}},
                     .body = "grant_type=client_credentials&client_id=" + client + "&client_secret=" + secret +
                             "&scope=" + faas::detail::percent_encode(resource + "/.default")});
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        return text(json_of(reply), "access_token");
    }
    /// Asks the management API as the owner.
    HttpReply ask(HttpAsk what) {
        what.fields.emplace_back("Authorization", "Bearer " + token);
        auto reply = send_to(cloud.azure_url(), what);
        record(what, reply);
        return reply;
    }
    HttpReply get(std::string target) { return ask({.target = std::move(target)}); }
    HttpReply remove(std::string target) { return ask({.method = "DELETE", .target = std::move(target)}); }
    HttpReply post(std::string target) { return ask({.method = "POST", .target = std::move(target)}); }
    HttpReply send(std::string method, std::string target, const json::object& body) {
        return ask({.method = std::move(method),
                    .target = std::move(target),
                    .fields = {{"Content-Type", "application/json"}},
                    .body = json::serialize(body)});
    }
    HttpReply put(std::string target, const json::object& body) { return send("PUT", std::move(target), body); }

    /// Follows what a change answered until it is over, and returns how it ended: "Succeeded", "Failed: CODE".
    std::string finish(const HttpReply& begun) {
        const auto url = begun.field("azure-asyncoperation");
        REQUIRE_MESSAGE(url.starts_with(cloud.azure_url() + '/'), begun.status << ' ' << begun.body);
        for (;;) {
            const auto told = json_of(get(url.substr(cloud.azure_url().size())));
            const auto status = text(told, "status");
            if (status != "InProgress") return status == "Failed" ? "Failed: " + text(told, "error.code") : status;
            io.restart();
            io.run_one_for(5ms);
        }
    }
    void make_group() {
        const auto reply = put(group + resources_version, {{"location", "westeurope"}});
        REQUIRE_MESSAGE(reply.status < 300, reply.body);
    }
    static json::object account_body() {
        const json::object properties{{"minimumTlsVersion", "TLS1_2"},
                                      {"allowBlobPublicAccess", false},
                                      {"supportsHttpsTrafficOnly", true},
                                      {"allowSharedKeyAccess", true}};
        return {{"location", "westeurope"},
                {"kind", "StorageV2"},
                {"sku", json::object{{"name", "Standard_LRS"}}},
                {"properties", properties}};
    }
    /// Makes the group if need be, an account and a container of it. Returns the account's first key.
    std::string make_account(const std::string& name = "jobstore", const std::string& container = "packages") {
        make_group();
        const auto path = storage_provider + name;
        CHECK(finish(put(path + storage_version, account_body())) == "Succeeded");
        const auto made = put(path + "/blobServices/default/containers/" + container + storage_version,
                              {{"properties", json::object{{"publicAccess", "None"}}}});
        REQUIRE_MESSAGE(made.status == 201, made.body);
        const auto keys = json_of(post(path + "/listKeys" + storage_version)).at("keys").as_array();
        return text(keys.at(0).as_object(), "value");
    }
    /// "409 Conflict: text" of a refusal of the management API, in either of its shapes.
    static std::string verdict(const HttpReply& reply) {
        if (reply.status < 400) return std::to_string(reply.status);
        const auto body = json_of(reply);
        if (body.contains("Code")) {
            CHECK(body.at("Target").is_null());
            CHECK(body.at("Innererror").is_null());
            CHECK(text(body.at("Details").as_array().at(1).as_object(), "Code") == text(body, "Code"));
            return std::to_string(reply.status) + " Web " + text(body, "Code") + ": " + text(body, "Message");
        }
        return std::to_string(reply.status) + ' ' + text(body, "error.code") + ": " + text(body, "error.message");
    }

    std::string tenant;
    std::string token;
};

}  // namespace blueprint::faas::test

#endif
