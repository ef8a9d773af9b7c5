#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_OPERATIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_OPERATIONS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_requests.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// The long-running operations of the management API: a change that takes time is answered at once, and its answer
/// tells where it is asked about. Of those that are over the newest thousand are kept. On the host's strand only.
/// Source: Azure Resource Manager documentation, "Track asynchronous Azure operations".
class AzureOperations {
public:
    /// One that goes on, or has ended.
    struct Operation {
        std::string id{};
        std::string resource{};  ///< its full id
        std::string started{};
        std::string ended{};  ///< empty: it goes on
        std::optional<AzureFault> error{};
    };

    /// `options` must outlive it.
    explicit AzureOperations(const AzureOptions& options) : options_{options} {}

    /// Begins one and returns its id.
    std::string begin(std::string_view resource, std::string now);
    void end(std::string_view id, std::string now, std::optional<AzureFault> error = std::nullopt);
    const Operation* find(std::string_view id) const;
    /// Tells whether one goes on for that resource.
    bool busy(std::string_view resource) const;

    /// Completes the answer to what began one: adds the header that the cloud's style has. `path`: below which it is
    /// asked about, "/subscriptions/S/providers/Microsoft.Web/locations/westeurope"; `version`: the api-version that
    /// the address carries; `url`: the cloud's. With the style that has none the status becomes 201.
    void announce(ServerAnswer& answer, std::string_view id, std::string_view url, std::string_view path,
                  std::string_view version) const;
    /// Makes `answer` one that has a Location, whatever the style, as what has no body of its own needs it.
    void locate(ServerAnswer& answer, std::string_view id, std::string_view url, std::string_view path,
                std::string_view version) const;

    /// Answers who asks about one. `target`: its path ends with "operations/ID" or "operationresults/ID".
    /// `resource`: shows it; what a Location answers in the end.
    result<ServerAnswer> show(const AzureTarget& target,
                              const std::function<result<ServerAnswer>(std::string_view id)>& resource) const;

private:
    void advise(ServerAnswer& answer) const;

    const AzureOptions& options_;
    std::map<std::string, Operation, std::less<>> all_;
    std::deque<std::string> over_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_operations.ipp"
#endif

#endif
