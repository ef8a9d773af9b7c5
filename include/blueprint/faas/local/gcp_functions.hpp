#ifndef BLUEPRINT_FAAS_LOCAL_GCP_FUNCTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_FUNCTIONS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/gcp_run.hpp"
#include "blueprint/faas/local/gcp_shared.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// A function, and what it is at present.
struct GcpFunction {
    std::string name{};           ///< "projects/p/locations/l/functions/f"
    std::string id{};             ///< "f"
    boost::json::object shown{};  ///< what its owner set, as it was judged
    std::string state{};          ///< "ACTIVE", "DEPLOYING", "FAILED", "DELETING"
    std::string problem{};        ///< why it failed
    std::string created{};
    std::string updated{};
    std::string service{};   ///< of Cloud Run, its full name; empty: there is none yet
    std::string revision{};  ///< of that service, the one that serves
    std::string uri{};
    std::string build{};
    bool busy = false;  ///< an operation goes on
};

/// Cloud Functions v2: functions in Node.js, each with a service of Cloud Run below it. Its builds look a package
/// over instead of making an image of it.
/// Source: Cloud Functions API v2, REST reference.
class GcpFunctions {
public:
    static constexpr std::string_view service = "cloudfunctions.googleapis.com";
    using Found = std::shared_ptr<GcpFunction>;

    /// Both must outlive it.
    GcpFunctions(GcpShared& shared, GcpRun& run) : shared_{shared}, run_{run} {}

    /// Answers a request for `projects/P/locations/L/functions...` or `.../runtimes`. `origin`: where it was asked.
    result<ServerAnswer> answer(const GcpTarget& target, const ServerRequest& request, const GcpCaller& caller,
                                std::string_view origin);

private:
    result<ServerAnswer> create(const GcpTarget& target, const ServerRequest& request, const GcpCaller& caller);
    result<ServerAnswer> patch(const GcpTarget& target, const ServerRequest& request, const GcpCaller& caller);
    result<ServerAnswer> erase(const GcpTarget& target);
    result<ServerAnswer> list(const GcpTarget& target);
    result<ServerAnswer> list_runtimes(const GcpTarget& target) const;
    result<ServerAnswer> upload_url(const GcpTarget& target, const ServerRequest& request, std::string_view origin);
    result<ServerAnswer> policy(const GcpTarget& target, const ServerRequest& request);

    struct Change {
        Found changed{};
        std::string operation{};
        std::string verb{};  // "create" or "update"
        std::string caller{};
        boost::json::object metadata{};
    };
    result<boost::json::object> judge(boost::json::object function, std::string_view id) const;
    ServerAnswer begin(Change change);
    void tell(Change& change, std::string_view stage, std::string_view state, std::string_view problem = {});
    void fail(Change& change, std::string_view stage, const GcpStatus& status);
    asio::awaitable<void> deploy(Change change);
    asio::awaitable<void> erase_later(Found erased, std::string operation, boost::json::object metadata);
    asio::awaitable<result<GcpProgram>> build(Found of);
    asio::awaitable<std::string> check_script(std::filesystem::path node, std::filesystem::path script);
    std::filesystem::path node() const;
    boost::json::object service_of(const GcpFunction& of) const;
    boost::json::object metadata(const GcpFunction& of, std::string_view verb) const;
    static void set_stage(boost::json::object& metadata, std::string_view name, std::string_view state,
                          std::string_view problem = {});
    boost::json::object show(const GcpFunction& of) const;

    GcpShared& shared_;
    GcpRun& run_;
    std::map<std::string, Found, std::less<>> functions_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_functions.ipp"
#include "blueprint/faas/local/impl/gcp_functions_deploy.ipp"
#include "blueprint/faas/local/impl/gcp_functions_settings.ipp"
#endif

#endif
