#ifndef BLUEPRINT_FAAS_CODEC_AZURE_API_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_API_HPP

#include "blueprint/faas/codec/azure_options.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// What Azure's management API holds. Each kind has an api-version of its own (Z9).
enum class AzureKind : std::uint8_t { provider, group, role_assignment, account, plan, site };

/// The management API of Azure (Azure Resource Manager) in its wire format: names, requests, and what refusals mean.
/// Immutable after construction. Source: Azure Resource Manager REST API reference; "Resource Manager common error
/// codes".
class AzureApi {
public:
    BLUEPRINT_FAAS_DECL explicit AzureApi(AzureFunctionsOptions options);

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    /// The same for operations that ask the management API: a subscription and a resource group are needed too.
    const std::optional<Error>& cannot_manage() const noexcept { return cannot_manage_; }
    /// The same for what makes something: a location is needed too.
    const std::optional<Error>& cannot_make() const noexcept { return cannot_make_; }
    const AzureFunctionsOptions& options() const noexcept { return options_; }

    /// "blueprint-2o4kzqx5m3ahe": of the app, given or derived; so are the plan's and the storage account's.
    const std::string& app() const noexcept { return app_; }
    const std::string& plan() const noexcept { return plan_; }
    const std::string& account() const noexcept { return account_; }
    /// Whether the storage account was named by the user.
    bool account_is_given() const noexcept { return !options_.storage_account.empty(); }
    /// The containers of the app: of jobs' packages and the manifest, and of the platform's own deployments.
    const std::string& packages_container() const noexcept { return packages_; }
    const std::string& deployment_container() const noexcept { return deployments_; }
    /// "westeurope": the location as Azure writes it, without blanks and capitals.
    const std::string& location() const noexcept { return location_; }

    /// "/subscriptions/S/resourceGroups/RG" and what is in it.
    BLUEPRINT_FAAS_DECL std::string group_id() const;
    BLUEPRINT_FAAS_DECL std::string site_id() const;
    BLUEPRINT_FAAS_DECL std::string plan_id() const;
    BLUEPRINT_FAAS_DECL std::string account_id(std::string_view account) const;

    /// The api-versions of all kinds, in this one place.
    BLUEPRINT_FAAS_DECL static std::string_view version(AzureKind kind) noexcept;
    /// Makes a request. `path` begins with '/', is percent-encoded and has no query; `query` is "name=value&...".
    BLUEPRINT_FAAS_DECL HttpRequest request(AzureKind kind, Verb verb, std::string_view path,
                                            std::string_view query = {}) const;
    /// The same with a body of JSON.
    BLUEPRINT_FAAS_DECL HttpRequest request(AzureKind kind, Verb verb, std::string_view path, Body json) const;

    BLUEPRINT_FAAS_DECL HttpRequest get_provider(std::string_view name) const;
    BLUEPRINT_FAAS_DECL HttpRequest register_provider(std::string_view name) const;
    BLUEPRINT_FAAS_DECL HttpRequest get_group() const;
    BLUEPRINT_FAAS_DECL HttpRequest put_group(Body json) const;

    BLUEPRINT_FAAS_DECL HttpRequest get_account(std::string_view account) const;
    BLUEPRINT_FAAS_DECL HttpRequest put_account(std::string_view account, Body json) const;
    BLUEPRINT_FAAS_DECL HttpRequest delete_account(std::string_view account) const;
    BLUEPRINT_FAAS_DECL HttpRequest list_account_keys(std::string_view account) const;
    BLUEPRINT_FAAS_DECL HttpRequest list_containers(std::string_view account) const;
    /// Makes a container that nobody reads without permission; one that is there stays as it is.
    BLUEPRINT_FAAS_DECL HttpRequest put_container(std::string_view account, std::string_view container) const;
    BLUEPRINT_FAAS_DECL HttpRequest delete_container(std::string_view account, std::string_view container) const;
    /// Gives a role on an account; `name` is a GUID.
    BLUEPRINT_FAAS_DECL HttpRequest put_role(std::string_view account, std::string_view name, Body json) const;

    /// `id` is a whole one, as a site tells it: the plan may be in another resource group.
    BLUEPRINT_FAAS_DECL HttpRequest get_plan(std::string_view id) const;
    BLUEPRINT_FAAS_DECL HttpRequest put_plan(Body json) const;
    BLUEPRINT_FAAS_DECL HttpRequest delete_plan(std::string_view id) const;

    BLUEPRINT_FAAS_DECL HttpRequest get_site() const;
    BLUEPRINT_FAAS_DECL HttpRequest put_site(Body json) const;
    BLUEPRINT_FAAS_DECL HttpRequest patch_site(Body json) const;
    /// `and_plan`: the plan too, if the app was the last one in it.
    BLUEPRINT_FAAS_DECL HttpRequest delete_site(bool and_plan) const;
    /// Reads the app's settings, values too, which Azure has as a POST.
    BLUEPRINT_FAAS_DECL HttpRequest list_settings() const;
    /// Replaces all settings; the app restarts.
    BLUEPRINT_FAAS_DECL HttpRequest put_settings(Body json) const;
    BLUEPRINT_FAAS_DECL HttpRequest get_web_config() const;
    BLUEPRINT_FAAS_DECL HttpRequest patch_web_config(Body json) const;
    /// Reads the keys of the app's host, which has to be running for it (pitfall 4).
    BLUEPRINT_FAAS_DECL HttpRequest list_host_keys() const;
    /// Has the platform look anew at what functions the app has.
    BLUEPRINT_FAAS_DECL HttpRequest sync_triggers() const;

    /// Says what an answer means as a failure; nothing if its status is a success. `errc::not_found` is said of what
    /// the API itself says is absent, never of a page by somebody else (C11). `retryable` may be repeated if it is
    /// harmless to do so. `platform_code` is Azure's name: "AuthorizationFailed".
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);
    /// The same for what the app's host is asked for: what it cannot tell yet passes (pitfalls 4 and 5).
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_host(const HttpResponse& answer);
    /// Tells whether a change was refused only because another one goes on.
    BLUEPRINT_FAAS_DECL static bool is_busy(const Error& error);
    /// Names the resource provider that the subscription has to register for the refused request; empty: that is not
    /// why it was refused.
    BLUEPRINT_FAAS_DECL static std::string unregistered(const Error& error, const HttpRequest& request);
    /// Reads whether a provider is registered.
    BLUEPRINT_FAAS_DECL static result<bool> read_registered(const HttpResponse& answer);

private:
    BLUEPRINT_FAAS_DECL std::optional<Error> check() const;
    BLUEPRINT_FAAS_DECL std::optional<Error> check_place() const;
    BLUEPRINT_FAAS_DECL void derive_names();
    std::string site_path(std::string_view below) const;
    std::string container_path(std::string_view account, std::string_view container) const;

    AzureFunctionsOptions options_;
    Url base_{};
    std::string app_{};
    std::string plan_{};
    std::string account_{};
    std::string packages_{};
    std::string deployments_{};
    std::string location_{};
    std::optional<Error> misconfigured_{};
    std::optional<Error> cannot_manage_{};
    std::optional<Error> cannot_make_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/azure_answers.ipp"
#include "blueprint/faas/codec/impl/azure_api.ipp"
#endif

#endif
