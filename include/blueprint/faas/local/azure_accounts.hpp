#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_ACCOUNTS_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_ACCOUNTS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_requests.hpp"
#include "blueprint/faas/local/azure_shared.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/json/object.hpp>

#include <map>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Microsoft.Storage: accounts, their keys, and containers as the management API knows them. On the host's strand only.
/// Source: Azure Storage resource provider REST API.
class AzureAccounts {
public:
    static constexpr std::string_view provider = "Microsoft.Storage";

    /// `shared` must outlive it.
    explicit AzureAccounts(AzureShared& shared) : shared_{shared} {}

    /// Answers a request for `storageAccounts...` or `checkNameAvailability`.
    result<ServerAnswer> answer(const AzureTarget& target, const ServerRequest& request);
    /// Shows what stands at an id; what an operation's Location answers in the end.
    result<ServerAnswer> show_at(const AzureTarget& target) const;
    /// Removes all of a resource group.
    void erase_group(std::string_view group);
    /// Adds what is in a resource group to `listed`, as in a list of resources.
    void list_resources(std::string_view group, boost::json::array& listed) const;
    /// Returns the id of an account; empty if there is none.
    std::string id_of(std::string_view account) const;
    /// Returns where an account's blobs are: "https://127.0.0.1:4711/storage/account/".
    std::string blob_endpoint(std::string_view account) const;

private:
    struct Account {
        std::string name{};
        std::string group{};  // as it was written when it was made
        std::string location{};
        std::string kind{};
        std::string sku{};
        std::string state{};  // "Succeeded", "Creating"
        std::string created{};
        boost::json::object tags{};
        boost::json::object settings{};  // of its properties, those that its owner sets
    };

    result<ServerAnswer> check_name(const AzureTarget& target, const ServerRequest& request) const;
    result<ServerAnswer> of_account(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> put(const AzureTarget& target, const ServerRequest& request);
    result<ServerAnswer> patch(Account& account, const ServerRequest& request);
    result<ServerAnswer> keys(const Account& account, const ServerRequest& request, bool renew);
    result<ServerAnswer> containers(const AzureTarget& target, const ServerRequest& request, Account& account);
    static result<void> read_settings(const boost::json::object& body, Account& into);
    Account* find(std::string_view name, std::string_view group);
    const Account* find(std::string_view name, std::string_view group) const;
    boost::json::object show(const Account& account) const;
    boost::json::object show_container(const Account& account, std::string_view name) const;
    std::string id_of(const Account& account) const;

    AzureShared& shared_;
    std::map<std::string, Account, std::less<>> accounts_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_accounts.ipp"
#endif

#endif
