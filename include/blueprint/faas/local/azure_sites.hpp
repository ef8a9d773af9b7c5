#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_SITES_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_SITES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_accounts.hpp"
#include "blueprint/faas/local/azure_host.hpp"
#include "blueprint/faas/local/azure_requests.hpp"
#include "blueprint/faas/local/azure_scm.hpp"
#include "blueprint/faas/local/azure_shared.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// A plan that apps run in.
struct AzurePlan {
    std::string name{};
    std::string group{};
    std::string location{};
    std::string kind{};
    std::string sku{};   ///< "FC1"
    std::string tier{};  ///< "FlexConsumption"
    boost::json::object tags{};
    std::string state{};  ///< "Succeeded", "InProgress"

    bool flex() const { return tier == "FlexConsumption"; }
};

/// What an app's owner has set.
struct AzureAppSettings {
    std::string location{};
    std::string kind{};
    std::string plan{};  ///< the key of its plan in `AzureSites`
    boost::json::object tags{};
    boost::json::object function_app_config{};               ///< of Flex Consumption
    boost::json::object site_config{};                       ///< without the app settings
    std::map<std::string, Secret, std::less<>> variables{};  ///< the app settings
    std::string identity{};                                  ///< "SystemAssigned", "None"
    boost::json::object user_identities{};
    std::string principal{};  ///< of the system-assigned identity; empty: it has none
    bool https_only = false;
};

/// An app.
struct AzureApp {
    std::string name{};
    std::string group{};
    AzureAppSettings settings{};
    std::string state{};  ///< of its making or last change: "Succeeded", "InProgress"
    std::string modified{};
    bool stopped = false;
    std::shared_ptr<AzureHost> host{};
    std::shared_ptr<AzureScm> scm{};
};

/// Microsoft.Web, as far as function apps need it: plans and sites with their settings, functions and keys. Bodies are
/// judged as the service does it. On the host's strand only.
/// Source: App Service REST API, "App Service Plans", "Web Apps".
class AzureSites final : public AzureSurroundings {
public:
    static constexpr std::string_view provider = "Microsoft.Web";

    /// Both must outlive it.
    AzureSites(AzureShared& shared, AzureAccounts& accounts) : shared_{shared}, accounts_{accounts} {}

    /// Answers a request for `serverfarms...`, `sites...` or `checkNameAvailability`.
    result<ServerAnswer> answer(const AzureTarget& target, const ServerRequest& request);
    /// As of `AzureAccounts`.
    result<ServerAnswer> show_at(const AzureTarget& target) const;
    void erase_group(std::string_view group);
    void list_resources(std::string_view group, boost::json::array& listed) const;
    /// Tells whether that is the system-assigned identity of an app.
    bool knows_principal(std::string_view id) const;

    void stop_accepting();
    void end();
    std::size_t calls() const noexcept;
    std::size_t instances() const noexcept;

    const AzureOptions& options() const override { return shared_.options; }
    std::optional<ServerAnswer> judge_deployer(const ServerRequest& head) override;
    result<void> keep_package(const AzureAppConfig& app, std::span<const std::uint8_t> zip) override;
    void spawn(asio::awaitable<void> task) override { shared_.spawn(std::move(task)); }
    asio::awaitable<void> pause(std::chrono::milliseconds time) override { return shared_.pause(time); }
    std::string now() const override { return shared_.now(); }

private:
    using Found = std::shared_ptr<AzureApp>;

    result<ServerAnswer> plans(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> put_plan(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> erase_plan(const AzureTarget& target);
    AzurePlan* find_plan(std::string_view name, std::string_view group);
    const AzurePlan* plan_of(const AzureAppSettings& settings) const;
    std::size_t apps_of(std::string_view plan) const;
    boost::json::object show(const AzurePlan& plan) const;

    result<ServerAnswer> check_name(const ServerRequest& request) const;
    result<ServerAnswer> list(const AzureTarget& target) const;
    result<ServerAnswer> put(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> patch(const AzureTarget& target, const ServerRequest& request, const Found& app);
    result<ServerAnswer> erase(const AzureTarget& target, const Found& app);
    result<void> open(AzureApp& app);
    void close(AzureApp& app);
    Found find(std::string_view name, std::string_view group) const;
    boost::json::object show(const AzureApp& app) const;
    AzureAppConfig config_of(const AzureApp& app) const;
    std::string id_of(const AzureApp& app) const;

    result<void> judge(const boost::json::object& body, const AzureTarget& target, AzureAppSettings& into) const;
    result<void> judge_function_app_config(AzureAppSettings& into) const;
    result<void> judge_storage(AzureReading& reading, const boost::json::object& config,
                               const AzureAppSettings& into) const;
    static result<void> judge_site_config(const boost::json::object& given, bool flex, AzureAppSettings& into);
    static result<void> judge_variable(std::string_view name, bool flex);

    result<ServerAnswer> of_app(const AzureTarget& target, const ServerRequest& request, const Found& app);
    result<ServerAnswer> config(const AzureTarget& target, const ServerRequest& request, const Found& app);
    result<ServerAnswer> put_variables(const ServerRequest& request, AzureApp& app);
    result<ServerAnswer> functions(const AzureTarget& target, const ServerRequest& request, const AzureApp& app);
    result<ServerAnswer> host_keys(const AzureTarget& target, const ServerRequest& request, const AzureApp& app);
    result<ServerAnswer> change_key(const AzureTarget& target, const ServerRequest& request, AzureKeys::Named& keys,
                                    std::string_view type);
    result<ServerAnswer> sync(const AzureApp& app) const;
    result<ServerAnswer> policies(const AzureTarget& target, const ServerRequest& request, const AzureApp& app) const;
    result<ServerAnswer> deployments(const AzureTarget& target, const AzureApp& app) const;
    boost::json::object show_variables(const AzureApp& app) const;
    boost::json::object show_function(const AzureApp& app, const AzureFunction& function) const;

    AzureShared& shared_;
    AzureAccounts& accounts_;
    std::map<std::string, AzurePlan, std::less<>> plans_;  // by group and name, in lower case
    std::map<std::string, Found, std::less<>> apps_;       // by name, in lower case
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_app_resources.ipp"
#include "blueprint/faas/local/impl/azure_app_settings.ipp"
#include "blueprint/faas/local/impl/azure_plans.ipp"
#include "blueprint/faas/local/impl/azure_sites.ipp"
#endif

#endif
