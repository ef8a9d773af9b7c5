#include "identity_lab.hpp"

namespace managed_identity_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

const std::string machine =
    "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com";
const std::string app = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com";
const std::string own = "cccccccc-0000-4000-8000-000000000003";
const std::string first = "eeeeeeee-0000-4000-8000-000000000004";
const std::string second = "ffffffff-0000-4000-8000-000000000005";

local::AzureManagedIdentity identity(const std::string& client_id, bool system_assigned = false) {
    return {.client_id = client_id,
            .object_id = "object-" + client_id,
            .resource_id =
                "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/"
                "userAssignedIdentities/" +
                client_id,
            .system_assigned = system_assigned};
}

local::AzureOptions with_identities(std::vector<local::AzureManagedIdentity> identities) {
    auto options = known_to_all();
    options.identities = std::move(identities);
    options.identity_header = Secret{"identity-header"};
    return options;
}

HttpReply of_machine(IdentityLab& lab, const std::string& more = {}) {
    return lab.get(machine + more, {{"Metadata", "true"}});
}

HttpReply of_app(IdentityLab& lab, const std::string& more = {}) {
    return lab.get(app + more, {{"X-IDENTITY-HEADER", "identity-header"}});
}

/// "400 text" of a machine's or an app's refusal.
std::string verdict(const HttpReply& reply) {
    if (reply.status == 200) return "200";
    const auto content = json::parse(reply.body).as_object();
    const auto* text = content.if_contains("error_description");
    if (text == nullptr) text = &content.at("message");
    return std::to_string(reply.status) + ' ' + text->as_string().c_str();
}

std::string whose(const HttpReply& reply) {
    const auto claims = IdentityLab::claims_of(IdentityLab::value(reply, "access_token"));
    return claims.at("appid").as_string().c_str();
}

}  // namespace

TEST_CASE("local azure: a machine's metadata service gives its identity's token, the same until it is nearly over") {
    IdentityLab lab{with_identities({identity(own, true)})};
    const auto reply = of_machine(lab);
    const auto token = IdentityLab::value(reply, "access_token");
    CHECK(IdentityLab::value(reply, "token_type") == "Bearer");
    CHECK(IdentityLab::value(reply, "expires_in") == "3599");
    CHECK(IdentityLab::value(reply, "expires_on") == std::to_string(lab.now() + 3599));
    CHECK(IdentityLab::value(reply, "resource") == management);
    CHECK(IdentityLab::value(reply, "client_id") == own);
    CHECK(lab.manage(token).body == own + "|object-" + own + '|' + management + '|' + identity(own).resource_id);
    lab.clock.advance(3200s);
    CHECK(IdentityLab::value(of_machine(lab), "access_token") == token);
    CHECK(IdentityLab::value(of_machine(lab), "expires_in") == "399");
    lab.clock.advance(100s);
    CHECK(IdentityLab::value(of_machine(lab), "access_token") != token);
}

TEST_CASE("local azure: the metadata service gives nothing to who could be sent by somebody else") {
    IdentityLab lab{with_identities({identity(own, true)})};
    CHECK(verdict(lab.get(machine)) == "400 Required metadata header not specified");
    CHECK(verdict(lab.get(machine, {{"Metadata", "false"}})) == "400 Required metadata header not specified");
    CHECK(lab.get(machine, {{"Metadata", "True"}}).status == 200);
    CHECK(verdict(lab.get(machine, {{"Metadata", "true"}, {"X-Forwarded-For", "10.0.0.1"}}))
              .starts_with("400 Requests that were forwarded"));
    const HttpFields asks{{"Metadata", "true"}};
    const std::string path = "/metadata/identity/oauth2/token";
    CHECK(verdict(lab.get(path, asks)) == "400 Required query variable 'api-version' is missing");
    CHECK(verdict(lab.get(path + "?api-version=2018-02-01", asks)) ==
          "400 Required query variable 'resource' is missing");
    CHECK(verdict(lab.get(path + "?api-version=2017-01-01&resource=x", asks)) ==
          "400 The api-version '2017-01-01' is not supported");
    CHECK(verdict(lab.get(path + "?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net", asks))
              .starts_with("400 AADSTS500011: "));
    CHECK(lab.ask({.method = "POST", .target = machine, .fields = asks}).status == 405);
    CHECK(lab.get("/metadata/instance", asks).status == 404);
    // Microsoft's own library puts a slash between path and query.
    auto with_slash = machine;
    CHECK(lab.get(with_slash.insert(machine.find('?'), 1, '/'), asks).status == 200);
}

TEST_CASE("local azure: an identity is named by its client, its object or its resource, in each endpoint's words") {
    IdentityLab lab{with_identities({identity(first), identity(second)})};
    const auto resource = detail::percent_encode(identity(second).resource_id);
    for (const std::string& more : {"&client_id=" + second, "&object_id=object-" + second, "&msi_res_id=" + resource}) {
        CAPTURE(more);
        CHECK(whose(of_machine(lab, more)) == second);
    }
    for (const std::string& more : {"&client_id=" + second, "&principal_id=object-" + second,
                                    "&object_id=object-" + second, "&mi_res_id=" + resource}) {
        CAPTURE(more);
        CHECK(whose(of_app(lab, more)) == second);
    }
    CHECK(verdict(of_machine(lab, "&client_id=" + own)) == "400 Identity not found");
    CHECK(verdict(of_app(lab, "&client_id=" + own)).starts_with("400 No Managed Identity found"));
    CHECK(verdict(of_machine(lab)).starts_with("400 Multiple user assigned identities exist"));
    CHECK(verdict(of_app(lab)).starts_with("400 Several identities"));

    IdentityLab none{with_identities({})};
    CHECK(verdict(of_machine(none)) == "400 Identity not found");
    CHECK(verdict(of_app(none)).starts_with("400 No Managed Identity found"));
    IdentityLab one{with_identities({identity(first)})};
    CHECK(whose(of_machine(one)) == first);
    IdentityLab both{with_identities({identity(first), identity(own, true)})};
    CHECK(whose(of_machine(both)) == own);
    CHECK(whose(of_app(both)) == own);
}

TEST_CASE("local azure: an app's endpoint asks for the header that only the app knows") {
    IdentityLab lab{with_identities({identity(own, true)})};
    const auto reply = of_app(lab);
    CHECK(IdentityLab::value(reply, "expires_on") == std::to_string(lab.now() + 3599));
    CHECK(IdentityLab::value(reply, "client_id") == own);
    CHECK(lab.manage(IdentityLab::value(reply, "access_token")).status == 200);
    CHECK(lab.get(app).status == 401);
    CHECK(lab.get(app, {{"X-IDENTITY-HEADER", "another"}}).status == 401);
    CHECK(lab.get(app, {{"Metadata", "true"}}).status == 401);
    const HttpFields asks{{"X-IDENTITY-HEADER", "identity-header"}};
    CHECK(verdict(lab.get("/msi/token?resource=x", asks)) == "400 The api-version must be 2019-08-01.");
    CHECK(verdict(lab.get("/msi/token?api-version=2019-08-01", asks)) == "400 The parameter resource is missing.");

    IdentityLab plain;  // without a header there is no such endpoint
    CHECK(plain.get(app, {{"X-IDENTITY-HEADER", ""}}).status == 404);
}

}  // namespace managed_identity_test
