#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_ARM_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_ARM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_accounts.hpp"
#include "blueprint/faas/local/azure_platform.hpp"
#include "blueprint/faas/local/azure_requests.hpp"
#include "blueprint/faas/local/azure_shared.hpp"
#include "blueprint/faas/local/azure_sites.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Azure's management API: subscriptions, resource providers, resource groups, role assignments, and behind it the
/// providers Microsoft.Storage and Microsoft.Web. Blobs, which there have host names of their own, are at "/storage/".
/// On the host's strand only.
/// Source: Azure Resource Manager REST API.
class AzureArm final : public AzureApis {
public:
    /// Both must outlive it.
    AzureArm(FunctionHost& host, const AzurePlatform& platform);

    Admission admit(const ServerRequest& head) override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    void serve_at(std::string url, std::weak_ptr<void> owner) override;
    void end_processes() override;
    asio::awaitable<void> stop(std::chrono::milliseconds grace) override;

private:
    struct Group {
        std::string name{};
        std::string location{};
        boost::json::object tags{};
        boost::json::value managed_by{};
        bool deleting = false;
    };

    result<ServerAnswer> handle(const AzureTarget& target, const ServerRequest& request, const AzureCaller& caller);
    result<void> check_version(const AzureTarget& target) const;
    result<void> check_place(const AzureTarget& target, const ServerRequest& request) const;
    result<ServerAnswer> subscriptions(const AzureTarget& target, const ServerRequest& request) const;
    result<ServerAnswer> providers(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> groups(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> put_group(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> erase_group(Group& group, std::string_view version);
    result<ServerAnswer> list_resources(const Group& group) const;
    result<ServerAnswer> operation(const AzureTarget& target, const ServerRequest& request) const;
    result<ServerAnswer> role_assignments(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> assign_role(const AzureTarget& target, const ServerRequest& request);
    bool knows_principal(std::string_view id) const;
    bool is_registered(std::string_view provider) const;
    boost::json::object show(const Group& group) const;
    boost::json::object show_provider(std::string_view provider) const;
    Group* find_group(std::string_view name);
    const Group* find_group(std::string_view name) const;

    AzureShared shared_;
    AzureAccounts accounts_;
    AzureSites sites_;
    std::map<std::string, Group, std::less<>> groups_;              // by their names in lower case
    std::map<std::string, std::string, std::less<>> registration_;  // of those that are not, or were not: "Registering"
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_arm.ipp"
#include "blueprint/faas/local/impl/azure_arm_groups.ipp"
#endif

#endif
