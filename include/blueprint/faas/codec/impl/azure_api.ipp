#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_API_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_API_IPP

#include "blueprint/faas/codec/azure_api.hpp"
#include "blueprint/faas/codec/impl/azure_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_api {

using azure_reading::lower;
using azure_reading::only;
using azure_reading::refused;

// 13 characters that stand for a text: 65 bits of its SHA-256, in the alphabet of RFC 4648, section 6, made small.
BLUEPRINT_FAAS_COLD inline std::string short_digest(std::string_view text) {
    static constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    static constexpr std::size_t length = 13;
    const auto digest = sha256(bytes_of(text));
    std::string out;
    unsigned bits = 0;
    unsigned held = 0;
    for (std::size_t at = 0; out.size() < length;) {
        if (held < 5) {
            bits = (bits << 8U | digest[at++]) & 0xfffU;
            held += 8;
        }
        held -= 5;
        out += alphabet[bits >> held & 31U];
    }
    return out;
}

BLUEPRINT_FAAS_COLD inline bool is_guid(std::string_view text) {
    static constexpr std::string_view form = "00000000-0000-0000-0000-000000000000";
    if (text.size() != form.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = ascii_lower(text[i]);
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (form[i] == '-' ? c != '-' : !digit) return false;
    }
    return true;
}

// Source: Azure documentation, "Naming rules and restrictions for Azure resources": Microsoft.Web, Microsoft.Storage,
// Microsoft.Resources.
BLUEPRINT_FAAS_COLD inline bool is_site_name(std::string_view name, std::size_t least) {
    return name.size() >= least && name.size() <= 60 && only(lower(name), "-") && !name.starts_with('-') &&
           !name.ends_with('-');
}
BLUEPRINT_FAAS_COLD inline bool is_group_name(std::string_view name) {
    return !name.empty() && name.size() <= 90 && only(lower(name), "-_().") && !name.ends_with('.');
}
BLUEPRINT_FAAS_COLD inline bool is_account_name(std::string_view name) {
    return name.size() >= 3 && name.size() <= 24 && only(name, "");
}
// Those of storage accounts, which are the narrowest.
BLUEPRINT_FAAS_COLD inline bool is_tag(std::string_view name, std::string_view value) {
    return !name.empty() && name.size() <= 128 && value.size() <= 256 &&
           name.find_first_of("<>%&\\?/") == std::string_view::npos;
}

// A path out of an id: each part is encoded, whatever is in it.
BLUEPRINT_FAAS_COLD inline std::string path_of(std::string_view id) {
    std::string path;
    while (!id.empty()) {
        if (id.starts_with('/')) id.remove_prefix(1);
        const auto part = id.substr(0, id.find('/'));
        if (part != "." && part != "..") path += '/' + percent_encode(part);
        id.remove_prefix(part.size());
    }
    return path;
}

}  // namespace azure_api

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureApi::AzureApi(AzureFunctionsOptions options)
    : options_{std::move(options)} {
    auto url = parse_url(options_.endpoint.empty() ? "https://management.azure.com" : options_.endpoint);
    if (!url || url->target.find('?') != std::string::npos) {
        misconfigured_ = azure_api::refused(
            "AzureFunctionsOptions::endpoint: " +
            (url ? std::string{"it has a query, which has no meaning here"} : std::move(url.error().message)));
    } else {
        while (url->target.ends_with('/')) url->target.pop_back();
        base_ = std::move(*url);
        misconfigured_ = check();
    }
    location_ = azure_api::lower(options_.location);
    std::erase(location_, ' ');
    derive_names();
    cannot_manage_ = misconfigured_ ? misconfigured_ : check_place();
    // Calls of an app whose address and key are known need no management API.
    if (options_.app_url.empty() || options_.function_key.empty()) misconfigured_ = cannot_manage_;
    cannot_make_ = cannot_manage_;
    if (!cannot_make_ && options_.location.empty())
        cannot_make_ = azure_api::refused(
            "the app is to be made and AzureFunctionsOptions::location is empty; give it, such as westeurope");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzureApi::check() const {
    using namespace azure_api;
    static constexpr std::size_t longest_prefix = 60 - 14;
    const auto wrong = [](std::string why) { return refused("AzureFunctionsOptions: " + std::move(why)); };
    const auto& prefix = options_.prefix;
    if (!only(prefix, "-") || prefix.size() > longest_prefix || prefix.starts_with('-'))
        return wrong("prefix makes no name of an app: use up to 46 small letters, digits and '-', none of that first");
    if (!options_.app.empty() && !is_site_name(options_.app, 2))
        return wrong("app is no name of an app: 2 to 60 letters, digits and '-', which neither begins nor ends it");
    if (!options_.plan.empty() && !is_site_name(options_.plan, 1))
        return wrong("plan is no name of a plan: 1 to 60 letters, digits and '-'");
    if (account_is_given() && !is_account_name(options_.storage_account))
        return wrong("storage_account is no name of one: 3 to 24 small letters and digits");
    if (!only(lower(options_.location), " ")) return wrong("location is no name of a region, such as westeurope");
    if (options_.instance_concurrency < 1 || options_.instance_concurrency > 1000)
        return wrong("instance_concurrency is " + std::to_string(options_.instance_concurrency) +
                     "; Azure takes 1 to 1000");
    if (options_.max_instances < 40 || options_.max_instances > 1000)
        return wrong("max_instances is " + std::to_string(options_.max_instances) + "; Azure takes 40 to 1000");
    if (options_.max_body_bytes == 0) return wrong("max_body_bytes is 0: no call would pass");
    if (options_.tags.size() > 14) return wrong("tags are more than 14; storage accounts have no room for more");
    for (const auto& [name, value] : options_.tags)
        if (!is_tag(name, value)) return wrong("the tag '" + name.substr(0, 128) + "' is none that Azure takes");
    if (options_.app_url.empty()) return std::nullopt;
    const auto app = parse_url(options_.app_url);
    if (!app) return wrong("app_url: " + app.error().message);
    if (app->target.find('?') != std::string::npos) return wrong("app_url has a query, which has no meaning here");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzureApi::check_place() const {
    using namespace azure_api;
    if (options_.subscription.empty())
        return refused("AzureFunctionsOptions::subscription is empty; give the subscription's id, which is a GUID");
    if (!is_guid(options_.subscription))
        return refused("AzureFunctionsOptions::subscription is no id of one: 00000000-0000-0000-0000-000000000000");
    if (options_.resource_group.empty())
        return refused("AzureFunctionsOptions::resource_group is empty; give its name");
    if (!is_group_name(options_.resource_group))
        return refused(
            "AzureFunctionsOptions::resource_group is no name of one: up to 90 letters, digits and -_(). "
            "with no '.' at its end");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL void AzureApi::derive_names() {
    using namespace azure_api;
    static constexpr std::size_t containers_digits = 12;
    static constexpr std::size_t longest_lead = 24 - 13;
    // Azure does not tell capitals in any of these apart.
    const auto place = lower(options_.subscription) + '/' + lower(options_.resource_group) + '/';
    app_ = options_.app;
    if (app_.empty())
        app_ =
            (options_.prefix.empty() ? std::string{} : options_.prefix + '-') + short_digest(place + options_.prefix);
    plan_ = options_.plan.empty() ? app_ + "-plan" : options_.plan;
    const auto app = lower(app_);
    account_ = options_.storage_account;
    if (account_.empty()) {
        for (const char c : options_.prefix)
            if (c != '-' && account_.size() < longest_lead) account_ += c;
        account_ += short_digest(place + app + "/storage");
    }
    const auto digest = sha256_hex(bytes_of(app)).substr(0, containers_digits);
    packages_ = "packages-" + digest;
    deployments_ = "deploy-" + digest;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureApi::group_id() const {
    return "/subscriptions/" + options_.subscription + "/resourceGroups/" + options_.resource_group;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureApi::site_id() const {
    return group_id() + "/providers/Microsoft.Web/sites/" + app_;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureApi::plan_id() const {
    return group_id() + "/providers/Microsoft.Web/serverfarms/" + plan_;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureApi::account_id(std::string_view account) const {
    return group_id() + "/providers/Microsoft.Storage/storageAccounts/" + std::string{account};
}
BLUEPRINT_FAAS_COLD inline std::string AzureApi::site_path(std::string_view below) const {
    return azure_api::path_of(site_id()).append(below);
}
BLUEPRINT_FAAS_COLD inline std::string AzureApi::container_path(std::string_view account,
                                                                std::string_view container) const {
    return azure_api::path_of(account_id(account)) + "/blobServices/default/containers" +
           (container.empty() ? "" : '/' + percent_encode(container));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string_view AzureApi::version(AzureKind kind) noexcept {
    switch (kind) {
        case AzureKind::provider:
        case AzureKind::group: return "2025-04-01";
        case AzureKind::role_assignment: return "2022-04-01";
        case AzureKind::account: return "2025-06-01";
        case AzureKind::plan:
        case AzureKind::site: break;
    }
    return "2024-11-01";
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::request(AzureKind kind, Verb verb, std::string_view path,
                                                                      std::string_view query) const {
    HttpRequest out;
    out.origin = base_.origin;
    out.verb = verb;
    out.target = base_.target;
    // Whatever it is given, what follows the host is a path: without its '/' the token would go to another host (Z1).
    if (!path.starts_with('/')) out.target += '/';
    out.target.append(path).append("?api-version=").append(version(kind));
    if (!query.empty()) out.target.append("&").append(query);
    out.headers.set("Accept", "application/json");
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::request(AzureKind kind, Verb verb, std::string_view path,
                                                                      Body json) const {
    auto out = request(kind, verb, path);
    out.headers.set("Content-Type", "application/json");
    out.body = std::move(json);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::get_provider(std::string_view name) const {
    return request(AzureKind::provider, Verb::get,
                   "/subscriptions/" + options_.subscription + "/providers/" + percent_encode(name));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::register_provider(std::string_view name) const {
    return request(AzureKind::provider, Verb::post,
                   "/subscriptions/" + options_.subscription + "/providers/" + percent_encode(name) + "/register");
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::get_group() const {
    return request(AzureKind::group, Verb::get, azure_api::path_of(group_id()));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::put_group(Body json) const {
    return request(AzureKind::group, Verb::put, azure_api::path_of(group_id()), std::move(json));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::get_account(std::string_view account) const {
    return request(AzureKind::account, Verb::get, azure_api::path_of(account_id(account)));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::put_account(std::string_view account, Body json) const {
    return request(AzureKind::account, Verb::put, azure_api::path_of(account_id(account)), std::move(json));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::delete_account(std::string_view account) const {
    return request(AzureKind::account, Verb::del, azure_api::path_of(account_id(account)));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::list_account_keys(std::string_view account) const {
    return request(AzureKind::account, Verb::post, azure_api::path_of(account_id(account)) + "/listKeys");
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::list_containers(std::string_view account) const {
    return request(AzureKind::account, Verb::get, container_path(account, {}));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::put_container(std::string_view account,
                                                                            std::string_view container) const {
    return request(AzureKind::account, Verb::put, container_path(account, container),
                   Body{std::string{R"({"properties":{"publicAccess":"None"}})"}});
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::delete_container(std::string_view account,
                                                                               std::string_view container) const {
    return request(AzureKind::account, Verb::del, container_path(account, container));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::put_role(std::string_view account, std::string_view name,
                                                                       Body json) const {
    return request(AzureKind::role_assignment, Verb::put,
                   azure_api::path_of(account_id(account)) + "/providers/Microsoft.Authorization/roleAssignments/" +
                       percent_encode(name),
                   std::move(json));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::get_plan(std::string_view id) const {
    return request(AzureKind::plan, Verb::get, azure_api::path_of(id));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::put_plan(Body json) const {
    return request(AzureKind::plan, Verb::put, azure_api::path_of(plan_id()), std::move(json));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::delete_plan(std::string_view id) const {
    return request(AzureKind::plan, Verb::del, azure_api::path_of(id));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::get_site() const {
    return request(AzureKind::site, Verb::get, site_path(""));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::put_site(Body json) const {
    return request(AzureKind::site, Verb::put, site_path(""), std::move(json));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::patch_site(Body json) const {
    return request(AzureKind::site, Verb::patch, site_path(""), std::move(json));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::delete_site(bool and_plan) const {
    return request(
        AzureKind::site, Verb::del, site_path(""),
        and_plan ? "deleteEmptyServerFarm=true&deleteMetrics=true" : "deleteEmptyServerFarm=false&deleteMetrics=true");
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::list_settings() const {
    return request(AzureKind::site, Verb::post, site_path("/config/appsettings/list"));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::put_settings(Body json) const {
    return request(AzureKind::site, Verb::put, site_path("/config/appsettings"), std::move(json));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::get_web_config() const {
    return request(AzureKind::site, Verb::get, site_path("/config/web"));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::patch_web_config(Body json) const {
    return request(AzureKind::site, Verb::patch, site_path("/config/web"), std::move(json));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::list_host_keys() const {
    return request(AzureKind::site, Verb::post, site_path("/host/default/listkeys"));
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureApi::sync_triggers() const {
    return request(AzureKind::site, Verb::post, site_path("/syncfunctiontriggers"));
}

}  // namespace blueprint::faas::detail

#endif
