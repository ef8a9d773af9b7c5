#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_OPERATIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_OPERATIONS_IPP

#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/gcp_operations.hpp"
#include "blueprint/faas/local/gcp_requests.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string GcpOperations::begin(std::string_view parent, boost::json::object metadata) {
    auto name = std::string{parent} + "/operations/" + random_uuid();
    all_[name] = boost::json::object{{"name", name}, {"metadata", std::move(metadata)}, {"done", false}};
    return name;
}

BLUEPRINT_FAAS_DECL void GcpOperations::tell(std::string_view name, boost::json::object metadata) {
    if (const auto found = all_.find(name); found != all_.end()) found->second["metadata"] = std::move(metadata);
}

BLUEPRINT_FAAS_DECL void GcpOperations::end(boost::json::object& operation, std::string_view name) {
    operation["done"] = true;
    changed_.cancel();
    constexpr std::size_t kept = 1000;
    over_.emplace_back(name);
    if (over_.size() <= kept) return;
    all_.erase(over_.front());
    over_.pop_front();
}

BLUEPRINT_FAAS_DECL void GcpOperations::succeed(std::string_view name, boost::json::object response) {
    const auto found = all_.find(name);
    if (found == all_.end()) return;
    found->second["response"] = std::move(response);
    end(found->second, name);
}

BLUEPRINT_FAAS_DECL void GcpOperations::fail(std::string_view name, const GcpStatus& status) {
    const auto found = all_.find(name);
    if (found == all_.end()) return;
    found->second["error"] = boost::json::object{{"code", status.code}, {"message", status.message}};
    end(found->second, name);
}

BLUEPRINT_FAAS_DECL result<boost::json::object> GcpOperations::show(std::string_view name) const {
    const auto found = all_.find(name);
    if (found == all_.end()) return gcp_no_resource("Operation", name);
    return found->second;
}

BLUEPRINT_FAAS_DECL std::vector<std::pair<std::string, boost::json::object>> GcpOperations::list(
    std::string_view parent) const {
    std::vector<std::pair<std::string, boost::json::object>> listed;
    const auto prefix = std::string{parent} + "/operations/";
    for (auto at = all_.lower_bound(prefix); at != all_.end() && at->first.starts_with(prefix); ++at)
        listed.emplace_back(at->first, at->second);
    return listed;
}

BLUEPRINT_FAAS_DECL bool GcpOperations::forget(std::string_view name) {
    const auto found = all_.find(name);
    if (found == all_.end()) return false;
    all_.erase(found);
    return true;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpOperations::wait(std::string name, Deadline deadline) {
    asio::steady_timer limit{changed_.get_executor()};
    limit.expires_at(deadline);
    limit.async_wait([this](boost::system::error_code failed) {
        if (!failed) changed_.cancel();
    });
    while (std::chrono::steady_clock::now() < deadline) {
        const auto found = all_.find(name);
        if (found == all_.end() || found->second.at("done").get_bool()) break;
        const auto [ignored] = co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
