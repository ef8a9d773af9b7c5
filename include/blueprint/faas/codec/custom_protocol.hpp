#ifndef BLUEPRINT_FAAS_CODEC_CUSTOM_PROTOCOL_HPP
#define BLUEPRINT_FAAS_CODEC_CUSTOM_PROTOCOL_HPP

#include "blueprint/faas/config.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/metrics.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {

class Package;

/// What to do when a platform that cannot replace a function (contract 1.0) already has one.
enum class OnConflict {
    recreate,  ///< remove it, then deploy: calls in the gap see "not found"
    keep,      ///< leave it and return what exists
    fail,      ///< `errc::conflict`
};

/// Whether a call's idempotency key makes it safe to send again (contract 1.1, `idempotency`). Where it does, a call
/// without the metadata `idempotency-key` is given a random key of its own, the same for all its attempts.
enum class IdempotencyKeys {
    never,         ///< a key is passed on, and nothing is concluded from it
    if_announced,  ///< if the platform announces it: it is asked once, before the first call
    always,        ///< the platform is known to honour keys
};

/// How a platform that speaks the custom HTTP contract is reached.
struct CustomOptions {
    std::string base_url{};                        ///< `https://faas.example.com[/path]`; trailing slashes are cut
    std::string prefix{};                          ///< functions are `job0`, or `{prefix}-job-0` with one
    std::map<JobId, std::string> job_endpoints{};  ///< URLs to POST a job's calls to, used exactly as written
    std::vector<std::string> trusted_origins{};    ///< `https://host[:port]` that may also be sent the credential
    OnConflict on_conflict = OnConflict::recreate;
    /// Of a call's request and of its answer, as they travel. Nothing: 6 MiB, or what the platform announced, if it was
    /// asked (64 MiB at most).
    std::optional<std::size_t> max_body_bytes{};
    IdempotencyKeys idempotency_keys = IdempotencyKeys::never;
    bool strict_1_0 = false;                       ///< use nothing of contract 1.1, for platforms that stumble over it
    std::function<void(std::string_view)> warn{};  ///< is told what was odd but not wrong; never a secret
};

namespace detail {

/// The wire format of the custom HTTP contract without any exchange: requests out of operations, results out of
/// answers. Immutable after construction. Source: the project's document "Custom FaaS platforms: the HTTP contract".
class CustomProtocol {
public:
    enum class Route { function, invoke, health, warm };

    /// `bytes_of_1_1`: calls are to be written in a form that only contract 1.1 has.
    BLUEPRINT_FAAS_DECL explicit CustomProtocol(CustomOptions options, bool bytes_of_1_1 = false);

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const CustomOptions& options() const noexcept { return options_; }

    BLUEPRINT_FAAS_DECL std::string function_id(JobId id) const;
    /// The job that a function of that name is; nothing if it is none of ours.
    BLUEPRINT_FAAS_DECL std::optional<JobId> job_of(std::string_view function_id) const;
    BLUEPRINT_FAAS_DECL HttpRequest request(Verb verb, JobId id, Route route) const;
    /// A request about the platform itself: "/api/functions" or "/api/platform".
    BLUEPRINT_FAAS_DECL HttpRequest platform_request(std::string_view path) const;
    /// Where a job's calls go: its own endpoint, or the contract's path, or (`bare`) `{base}/job/{id}`.
    BLUEPRINT_FAAS_DECL Url invoke_url(JobId id, bool bare) const;
    /// Takes an endpoint that the platform named, if credentials may go there; nothing (and a warning) if not.
    BLUEPRINT_FAAS_DECL std::optional<Url> trusted_endpoint(std::string_view endpoint) const;

    /// Whether what the platform announced holds for the job's calls: not if they go to another origin of the user's.
    BLUEPRINT_FAAS_DECL bool announced_for(JobId id) const;
    /// The longest body of a call's request or answer; `announced` may be null.
    BLUEPRINT_FAAS_DECL std::size_t request_limit(const PlatformDescription* announced) const;
    BLUEPRINT_FAAS_DECL std::size_t answer_limit(const PlatformDescription* announced) const;
    /// Whether a call with an idempotency key may be sent twice; `announced` may be null.
    BLUEPRINT_FAAS_DECL bool honours_keys(const PlatformDescription* announced) const;

    /// Adds what a call says beside its bytes: deadline, trace, request id, idempotency key.
    BLUEPRINT_FAAS_DECL void add_call_headers(HttpRequest& request, const JobCall& call, Deadline deadline) const;
    /// Gives the call a random key of 128 bits if it has none. Tells whether it has one now.
    BLUEPRINT_FAAS_DECL static bool ensure_key(HttpRequest& request);
    /// Refuses a call body beyond the limit before it is sent.
    BLUEPRINT_FAAS_DECL static std::optional<Error> check_size(JobId id, std::size_t body_bytes, std::size_t limit);
    BLUEPRINT_FAAS_DECL result<Invocation> read_invocation(const HttpResponse& answer, JobId id,
                                                           bool metered = true) const;
    /// Reads the answer to a call that was to be run later. A platform that ran it at once is believed.
    BLUEPRINT_FAAS_DECL result<Receipt> read_receipt(const HttpResponse& answer, JobId id) const;

    /// Checks `config` against the contract's limits and writes the `X-Blueprint-Config` document.
    BLUEPRINT_FAAS_DECL result<std::string> write_config(const FaasConfig& config, const Package& package) const;
    BLUEPRINT_FAAS_DECL result<HttpRequest> deploy_request(JobId id, const Package& package,
                                                           const std::string& config_json) const;
    /// Says how large a package is, for those who watch it being uploaded.
    BLUEPRINT_FAAS_DECL static std::string describe(const Package& package);
    BLUEPRINT_FAAS_DECL static std::string revision(const Package& package, const std::string& config_json);
    /// A deployment that failed is read as such; `failed_deployment` makes an error of it.
    BLUEPRINT_FAAS_DECL result<FaasDeployment> read_deployment(const HttpResponse& answer, JobId id) const;
    BLUEPRINT_FAAS_DECL static Error failed_deployment(const FaasDeployment& deployment);
    /// Reads all deployments that are jobs of ours; functions of other names are left out.
    BLUEPRINT_FAAS_DECL result<std::vector<FaasDeployment>> read_list(const HttpResponse& answer) const;
    /// Reads what the platform announces; one that has no such answer (404, 405, 501) is plain 1.0.
    BLUEPRINT_FAAS_DECL static result<PlatformDescription> read_description(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL result<Health> read_health(const HttpResponse& answer) const;
    BLUEPRINT_FAAS_DECL result<WarmReport> read_warm(const HttpResponse& answer, std::uint32_t requested) const;

    /// Says what an answer means as a failure, after the contract's table; nothing if its status is a success.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);
    /// The same where 404 means that the platform has no such operation: listing, describing.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_list(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge_description(const HttpResponse& answer);
    /// What is answered, with nothing sent, instead of an operation of 1.1 that the platform is known to lack.
    BLUEPRINT_FAAS_DECL Error lacks(std::string_view operation, std::string_view feature) const;

private:
    result<Invocation> read_unusual(const HttpResponse& answer, JobId id) const;

    CustomOptions options_;
    Url base_{};
    std::vector<Origin> trusted_{};
    std::map<JobId, Url> job_endpoints_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace detail
}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/custom_announced.ipp"
#include "blueprint/faas/codec/impl/custom_protocol.ipp"
#endif

#endif
