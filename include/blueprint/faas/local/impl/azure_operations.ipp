#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_OPERATIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_OPERATIONS_IPP

#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/azure_operations.hpp"

#include <algorithm>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string AzureOperations::begin(std::string_view resource, std::string now) {
    auto id = random_uuid();
    all_[id] = Operation{.id = id, .resource = std::string{resource}, .started = std::move(now)};
    return id;
}

BLUEPRINT_FAAS_DECL void AzureOperations::end(std::string_view id, std::string now, std::optional<AzureFault> error) {
    const auto found = all_.find(id);
    if (found == all_.end()) return;
    found->second.ended = std::move(now);
    found->second.error = std::move(error);
    constexpr std::size_t kept = 1000;
    over_.emplace_back(id);
    if (over_.size() <= kept) return;
    all_.erase(over_.front());
    over_.pop_front();
}

BLUEPRINT_FAAS_DECL const AzureOperations::Operation* AzureOperations::find(std::string_view id) const {
    const auto found = all_.find(id);
    return found == all_.end() ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL bool AzureOperations::busy(std::string_view resource) const {
    return std::any_of(all_.begin(), all_.end(), [&](const auto& entry) {
        return entry.second.ended.empty() && faas::detail::iequals(entry.second.resource, resource);
    });
}

/// Writes the whole address at which an operation is asked about.
inline std::string azure_operation_url(std::string_view url, std::string_view path, std::string_view kind,
                                       std::string_view id, std::string_view version) {
    return std::string{url}
        .append(path)
        .append("/")
        .append(kind)
        .append("/")
        .append(id)
        .append("?api-version=")
        .append(version);
}

/// Whole seconds are all that can be advised; what is quicker leaves it to the client.
BLUEPRINT_FAAS_DECL void AzureOperations::advise(ServerAnswer& answer) const {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(options_.settle).count();
    if (seconds > 0) answer.headers.emplace_back("Retry-After", std::to_string(seconds));
}

BLUEPRINT_FAAS_DECL void AzureOperations::locate(ServerAnswer& answer, std::string_view id, std::string_view url,
                                                 std::string_view path, std::string_view version) const {
    answer.headers.emplace_back("Location", azure_operation_url(url, path, "operationresults", id, version));
    advise(answer);
}

BLUEPRINT_FAAS_DECL void AzureOperations::announce(ServerAnswer& answer, std::string_view id, std::string_view url,
                                                   std::string_view path, std::string_view version) const {
    using Style = AzureOptions::Style;
    answer.status = options_.operations == Style::provisioning_state ? 201 : 202;
    switch (options_.operations) {
        case Style::provisioning_state: return;
        case Style::location: return locate(answer, id, url, path, version);
        case Style::async_operation:
        case Style::operation_location: break;
    }
    answer.headers.emplace_back(
        options_.operations == Style::async_operation ? "Azure-AsyncOperation" : "Operation-Location",
        azure_operation_url(url, path, "operations", id, version));
    advise(answer);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AzureOperations::show(
    const AzureTarget& target, const std::function<result<ServerAnswer>(std::string_view id)>& resource) const {
    const auto& path = target.path;
    const auto* const operation = path.empty() ? nullptr : find(path.back());
    if (operation == nullptr)
        return azure_refusal(404, "NotFound",
                             "The operation '" + (path.empty() ? "" : path.back()) + "' is not known.");
    const bool by_location = target.is(path.size() - 2, "operationresults");
    if (by_location && operation->ended.empty()) {
        // Whoever follows a Location asks the same one again until its status is another.
        auto answer = azure_empty(202);
        advise(answer);
        return answer;
    }
    if (by_location) {
        if (!operation->error) return resource(operation->resource);
        return azure_refusal(409, operation->error->code, operation->error->message);
    }
    boost::json::object shown{{"id", "/" + operation->id},
                              {"name", operation->id},
                              {"status", operation->ended.empty() ? "InProgress"
                                         : operation->error       ? "Failed"
                                                                  : "Succeeded"},
                              {"startTime", operation->started}};
    if (!operation->ended.empty()) shown["endTime"] = operation->ended;
    if (operation->error)
        shown["error"] = boost::json::object{{"code", operation->error->code}, {"message", operation->error->message}};
    auto answer = azure_json(shown);
    if (operation->ended.empty()) advise(answer);
    return answer;
}

}  // namespace blueprint::faas::local

#endif
