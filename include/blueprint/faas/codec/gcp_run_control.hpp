#ifndef BLUEPRINT_FAAS_CODEC_GCP_RUN_CONTROL_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_RUN_CONTROL_HPP

#include "blueprint/faas/codec/gcp_api.hpp"
#include "blueprint/faas/codec/gcp_service_config.hpp"
#include "blueprint/faas/config.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/wiped_body.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {
class Package;
}

namespace blueprint::faas::detail {

/// Whether a service or a revision is as it was asked to be, and why not.
struct CloudRunCondition {
    std::string state{};   ///< "CONDITION_SUCCEEDED"; empty: not told
    std::string reason{};  ///< "HEALTH_CHECK_CONTAINER_ERROR"
    std::string message{};

    bool succeeded() const { return state == "CONDITION_SUCCEEDED"; }
    bool failed() const { return state == "CONDITION_FAILED"; }
    /// "HEALTH_CHECK_CONTAINER_ERROR: the container ..., " and what to do about it (pitfall 8).
    BLUEPRINT_FAAS_DECL std::string text() const;
};

/// What a revision runs, or the next one will.
struct CloudRunSettings {
    std::string image{};
    std::string base_image{};
    std::string bucket{};  ///< of the package; empty: there is none
    std::string object{};
    std::vector<std::string> command{};
    std::map<std::string, Secret, std::less<>> environment{};
    bool plain_environment = true;  ///< no variable is taken from a secret of Google's
    std::uint64_t memory_bytes = 0;
    std::uint32_t milli_cpu = 0;
    bool cpu_idle = false;
    bool cpu_boost = false;
    std::chrono::seconds timeout{};
    std::uint32_t concurrency = 0;
    std::string service_account{};
    std::string execution_environment{};
    std::uint32_t probe_seconds = 0;  ///< that a new instance has to open its port
    std::map<std::string, std::string> labels{};
};

/// Who gets how many of a hundred calls.
struct CloudRunTraffic {
    std::string revision{};  ///< the last part of its name; empty: the latest that is ready
    std::uint32_t percent = 0;
    std::string tag{};  ///< of an address of its own, which somebody gave it

    friend bool operator==(const CloudRunTraffic&, const CloudRunTraffic&) = default;
};

/// What Cloud Run says of a service.
struct CloudRunService {
    std::string name{};  ///< "projects/p/locations/r/services/blueprint-job-0"
    std::string uri{};
    std::string etag{};
    std::string description{};
    std::string ingress{};
    std::string updated{};         ///< RFC 3339
    std::string latest_created{};  ///< the last part of the revision's name
    std::string latest_ready{};
    std::uint32_t min_instances = 0;
    std::uint32_t max_instances = 0;
    bool manual_scaling = false;
    bool reconciling = false;
    CloudRunCondition ready{};
    std::map<std::string, std::string> labels{};
    CloudRunSettings settings{};             ///< of the next revision
    std::vector<CloudRunTraffic> traffic{};  ///< as it should be
    std::vector<CloudRunTraffic> serving{};  ///< as it is
    std::string spec_sha256{};               ///< of all that can be written: two looks at the same state have the same
    Secret document{};                       ///< the answer itself: what others have set in it is written back

    /// Calls get to the latest revision, which is ready (C8).
    bool usable() const { return !reconciling && ready.succeeded() && latest_ready == latest_created; }
};

/// What Cloud Run says of one revision.
struct CloudRunRevision {
    std::string id{};       ///< "blueprint-job-0-00007-abc"
    std::string created{};  ///< RFC 3339
    std::string log_uri{};
    CloudRunCondition ready{};
    CloudRunSettings settings{};
};

/// Some of a list, and where the rest begins.
template <class T>
struct CloudRunPage {
    std::vector<T> entries{};
    std::string next{};  ///< empty: that was all
};

/// What a job's service is to be like; checked.
struct CloudRunWanted {
    GoogleServiceConfig config{};
    std::string package_sha256{};  ///< empty: an image of the user's own
    std::uint64_t binary_size_bytes = 0;
    bool from_image() const { return package_sha256.empty(); }
};

/// Where an uploaded package is; empty where an image is used.
struct CloudRunSource {
    std::string bucket{};
    std::string object{};
};

/// What of a service is not as wanted: the parts that have to be written.
struct CloudRunDifference {
    bool labels = false;
    bool description = false;
    bool ingress = false;
    bool scaling = false;
    bool revision = false;  ///< a new one is needed
    bool anew = false;      ///< also if it is like the last one, which failed
    bool traffic = false;
    std::string why{};  ///< "memory, traffic"

    bool none() const { return why.empty(); }
    /// "labels,template": maps are named as a whole, never their members (pitfall 9).
    BLUEPRINT_FAAS_DECL std::string mask() const;
};

/// The requests of Cloud Run's management API, what their answers mean, and the decisions between them.
/// Source: Cloud Run Admin API v2, REST: projects.locations.services and its revisions.
class CloudRunControl {
public:
    BLUEPRINT_FAAS_DECL explicit CloudRunControl(CloudRunOptions options);

    const GoogleApi& api() const noexcept { return api_; }
    /// What programs find there: elsewhere than at Google they run on whatever that machine has.
    BLUEPRINT_FAAS_DECL GlibcVersion glibc() const;
    const CloudRunOptions& options() const noexcept { return options_; }
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const std::optional<Error>& cannot_manage() const noexcept { return cannot_manage_; }
    /// "projects/p/locations/r/services/blueprint-job-0".
    std::string service_name(JobId id) const { return api_.location() + "/services/" + api_.id_of(id); }

    BLUEPRINT_FAAS_DECL HttpRequest get_service(JobId id) const;
    BLUEPRINT_FAAS_DECL HttpRequest list_services(std::string_view page) const;
    BLUEPRINT_FAAS_DECL HttpRequest create_service(JobId id, Body body = {}) const;
    BLUEPRINT_FAAS_DECL HttpRequest patch_service(JobId id, const CloudRunDifference& what, Body body = {}) const;
    BLUEPRINT_FAAS_DECL HttpRequest delete_service(JobId id) const;
    BLUEPRINT_FAAS_DECL HttpRequest list_revisions(JobId id, std::string_view page) const;
    BLUEPRINT_FAAS_DECL HttpRequest get_revision(JobId id, std::string_view revision) const;
    BLUEPRINT_FAAS_DECL HttpRequest delete_revision(JobId id, std::string_view revision) const;

    /// Reads answers. What they say may hold variables, so their text is wiped.
    BLUEPRINT_FAAS_DECL static result<CloudRunService> read_service(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<CloudRunPage<CloudRunService>> read_services(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<CloudRunRevision> read_revision(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<CloudRunPage<CloudRunRevision>> read_revisions(HttpResponse& answer);

    /// Checks everything that Cloud Run would refuse, and what it could not start.
    BLUEPRINT_FAAS_DECL result<CloudRunWanted> wanted(JobId id, const Package& package, const FaasConfig& config) const;
    BLUEPRINT_FAAS_DECL CloudRunDifference difference(const CloudRunWanted& wanted, const CloudRunService& now) const;
    /// Writes what is wanted, and the traffic to the latest revision.
    BLUEPRINT_FAAS_DECL WipedBody create_body(const CloudRunWanted& wanted, const CloudRunSource& source) const;
    /// The same of the parts that differ, based on the state `before`: it must still be that one.
    BLUEPRINT_FAAS_DECL WipedBody patch_body(const CloudRunWanted& wanted, const CloudRunSource& source,
                                             const CloudRunService& before, const CloudRunDifference& what) const;
    BLUEPRINT_FAAS_DECL static WipedBody traffic_body(const CloudRunService& before,
                                                      const std::vector<CloudRunTraffic>& traffic);

    BLUEPRINT_FAAS_DECL FaasDeployment deployment(JobId id, const CloudRunService& service) const;
    /// Tells of revisions, the newest first.
    BLUEPRINT_FAAS_DECL static std::vector<Revision> revisions(const std::vector<CloudRunRevision>& all,
                                                               const CloudRunService& service);
    /// Who is to get calls if `revision` gets that share: the rest goes to who has most of them now.
    BLUEPRINT_FAAS_DECL static result<std::vector<CloudRunTraffic>> shifted(const CloudRunService& now,
                                                                            const std::string& revision, double share);
    /// Those that are older than all which get calls, the newest first.
    BLUEPRINT_FAAS_DECL static std::vector<CloudRunRevision> older(std::vector<CloudRunRevision> all,
                                                                   const CloudRunService& service);
    /// Those to be deleted: they get no calls, have no tag, are not the latest, and `keep` newer ones are like that.
    BLUEPRINT_FAAS_DECL static std::vector<CloudRunRevision> prunable(std::vector<CloudRunRevision> all,
                                                                      const CloudRunService& service,
                                                                      std::uint32_t keep);
    BLUEPRINT_FAAS_DECL static Health health(const CloudRunService& service);
    BLUEPRINT_FAAS_DECL static PlatformDescription describe();
    /// Whether calls are split as `wanted` says, whatever tags there are.
    BLUEPRINT_FAAS_DECL static bool same_traffic(const std::vector<CloudRunTraffic>& a,
                                                 const std::vector<CloudRunTraffic>& b);

private:
    std::optional<Error> check() const;

    CloudRunOptions options_;
    GoogleApi api_;
    std::optional<Error> misconfigured_{};
    std::optional<Error> cannot_manage_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/gcp_run_answers.ipp"
#include "blueprint/faas/codec/impl/gcp_run_control.ipp"
#include "blueprint/faas/codec/impl/gcp_run_decisions.ipp"
#endif

#endif
