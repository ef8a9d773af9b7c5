#ifndef BLUEPRINT_FAAS_LOCAL_GCP_RUN_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_RUN_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/gcp_front.hpp"
#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/gcp_shared.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_pool.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// A program that a revision runs, and where.
struct GcpProgram {
    std::shared_ptr<OwnedDirectory> code{};  ///< null: it is this machine's
    std::filesystem::path program{};
    std::filesystem::path directory{};
    std::vector<std::string> arguments{};  ///< before those of the revision
    std::map<std::string, std::string> variables{};
    bool node = false;
};

/// A state of a service that was deployed.
struct GcpRevision {
    std::string name{};           ///< "job-00001-abc"
    boost::json::object shown{};  ///< the template as it was judged
    std::string created{};
    std::int64_t generation = 0;
    std::shared_ptr<HttpPool> pool{};  ///< null: it has not started
    bool ready = false;
    std::string reason{};   ///< why it is not: "HEALTH_CHECK_CONTAINER_ERROR"; empty: it is, or is being started
    std::string message{};  ///< the same for people
};

/// A service, and what it is at present.
struct GcpService {
    std::string name{};           ///< "projects/p/locations/l/services/s"
    std::string id{};             ///< "s"
    boost::json::object shown{};  ///< what its owner set, as it was judged
    std::string uid{};
    std::string etag{};
    std::string created{};
    std::string updated{};
    std::string creator{};
    std::int64_t generation = 0;
    std::int64_t observed = 0;
    std::map<std::string, std::shared_ptr<GcpRevision>, std::less<>> revisions{};
    std::string latest_created{};
    std::string latest_ready{};
    std::string reason{};  ///< why the last change came to nothing
    std::string message{};
    boost::json::object policy{};
    std::shared_ptr<GcpFront> front{};
    std::optional<GcpProgram> program{};  ///< of a function: what its build made
    std::string path_prefix{};            ///< of a function: "/name"
    std::uint32_t changes = 0;            ///< that go on
    bool changing = false;                ///< one of them is at it
    bool gone = false;
};

/// Cloud Run's services and revisions, and who may call them. Instances run as processes of this machine.
/// Source: Cloud Run Admin API v2, REST reference.
class GcpRun {
public:
    static constexpr std::string_view service = "run.googleapis.com";
    using Found = std::shared_ptr<GcpService>;

    explicit GcpRun(GcpShared& shared) : shared_{shared} {}

    /// Answers a request for `projects/P/locations/L/services...`.
    result<ServerAnswer> answer(const GcpTarget& target, const ServerRequest& request, const GcpCaller& caller);

    /// Answers a request of version 1 of the API, `/apis/serving.knative.dev/v1/namespaces/P/services...`: reading
    /// alone.
    result<ServerAnswer> answer_v1(const ServerRequest& request, const GcpCaller& caller);

    /// Makes or changes the service of a function, and returns when it runs: the service, or why it does not.
    /// `all_traffic`: to the newest revision; else it stays as it was divided.
    asio::awaitable<result<Found>> deploy_function(std::string name, boost::json::object wanted, GcpProgram program,
                                                   std::string caller, bool all_traffic);
    /// Removes a service at once, if it is there.
    void remove(std::string_view name);
    /// Finds a service by its full name; null: it is not there.
    Found find(std::string_view name) const;
    /// What the instances of a revision wrote; nothing: there is no such revision.
    std::optional<std::string> log_of(std::string_view revision) const;

    void stop_accepting();
    /// Closes all addresses and ends all instances.
    void end();
    /// Counts the calls that are being answered, and the instances there are.
    std::size_t calls() const;
    std::size_t instances() const;

private:
    struct Change {
        Found changed{};
        std::shared_ptr<GcpRevision> revision{};  // null: no new one
        std::string operation{};                  // empty: none
        std::string verb{};
    };

    result<ServerAnswer> create(const GcpTarget& target, const ServerRequest& request, const GcpCaller& caller);
    result<ServerAnswer> list(const GcpTarget& target);
    result<ServerAnswer> patch(const GcpTarget& target, const ServerRequest& request, const GcpCaller& caller);
    result<ServerAnswer> erase(const GcpTarget& target);
    result<ServerAnswer> revisions(const GcpTarget& target, const ServerRequest& request);
    result<ServerAnswer> get_policy(const GcpTarget& target, const GcpService& of);
    result<ServerAnswer> set_policy(const ServerRequest& request, GcpService& of);
    result<ServerAnswer> test_permissions(const ServerRequest& request, const GcpService& of, const GcpCaller& caller);

    result<Found> make(std::string name, boost::json::object judged, std::string creator);
    result<ServerAnswer> make_and_roll_out(std::string name, const boost::json::object& body, bool validate_only,
                                           const GcpCaller& caller);
    result<std::shared_ptr<GcpRevision>> change(GcpService& changed, boost::json::object judged, bool new_revision);
    std::shared_ptr<GcpRevision> add_revision(GcpService& changed);
    result<void> check_revisions(const GcpService& of, const boost::json::object& judged,
                                 const std::string& coming) const;
    ServerAnswer begin(Change change);
    asio::awaitable<void> roll_out(Change change);
    asio::awaitable<void> take_turn(Found changed);
    asio::awaitable<void> bring_up(Found changed, std::shared_ptr<GcpRevision> revision);
    result<GcpProgram> program_of(const GcpService& of, const GcpRevision& revision) const;
    asio::awaitable<void> erase_later(Found erased, std::string operation);
    asio::awaitable<void> erase_revision_later(Found of, std::string revision, std::string operation);
    void apply_traffic(GcpService& of);
    void apply_rules(GcpService& of) const;

    boost::json::object show(const GcpService& of) const;
    boost::json::object show(const GcpService& of, const GcpRevision& revision) const;
    boost::json::object condition(std::string_view type, std::string_view reason, std::string_view message,
                                  bool reconciling, std::string_view time) const;

    GcpShared& shared_;
    std::map<std::string, Found, std::less<>> services_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_run.ipp"
#include "blueprint/faas/local/impl/gcp_run_policy.ipp"
#include "blueprint/faas/local/impl/gcp_run_rollout.ipp"
#include "blueprint/faas/local/impl/gcp_run_show.ipp"
#include "blueprint/faas/local/impl/gcp_run_v1.ipp"
#endif

#endif
