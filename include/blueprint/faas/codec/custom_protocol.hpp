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

/// How a platform that speaks the custom HTTP contract is reached.
struct CustomOptions {
    std::string base_url{};                        ///< `https://faas.example.com[/path]`; trailing slashes are cut
    std::string prefix{};                          ///< functions are `job0`, or `{prefix}-job-0` with one
    std::map<JobId, std::string> job_endpoints{};  ///< URLs to POST a job's calls to, used exactly as written
    std::vector<std::string> trusted_origins{};    ///< `https://host[:port]` that may also be sent the credential
    OnConflict on_conflict = OnConflict::recreate;
    std::size_t max_body_bytes = 6 * 1024 * 1024;  ///< of a call's request and of its answer
    std::function<void(std::string_view)> warn{};  ///< is told what was odd but not wrong; never a secret
};

namespace detail {

/// The wire format of the custom HTTP contract without any exchange: requests out of operations, results out of
/// answers. Immutable after construction. Source: the project's document "Custom FaaS platforms: the HTTP contract".
class CustomProtocol {
public:
    enum class Route { function, invoke, health, warm };

    BLUEPRINT_FAAS_DECL explicit CustomProtocol(CustomOptions options);

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const CustomOptions& options() const noexcept { return options_; }

    BLUEPRINT_FAAS_DECL std::string function_id(JobId id) const;
    BLUEPRINT_FAAS_DECL HttpRequest request(Verb verb, JobId id, Route route) const;
    /// Where a job's calls go: its own endpoint, or the contract's path, or (`bare`) `{base}/job/{id}`.
    BLUEPRINT_FAAS_DECL Url invoke_url(JobId id, bool bare) const;
    /// Takes an endpoint that the platform named, if credentials may go there; nothing (and a warning) if not.
    BLUEPRINT_FAAS_DECL std::optional<Url> trusted_endpoint(std::string_view endpoint) const;

    /// Adds what a call says beside its bytes: deadline, trace, request id, idempotency key.
    BLUEPRINT_FAAS_DECL void add_call_headers(HttpRequest& request, const JobCall& call, Deadline deadline) const;
    /// Refuses a call body beyond the limit before it is sent.
    BLUEPRINT_FAAS_DECL std::optional<Error> check_size(JobId id, std::size_t body_bytes) const;
    BLUEPRINT_FAAS_DECL result<Invocation> read_invocation(const HttpResponse& answer, JobId id) const;

    /// Checks `config` against the contract's limits and writes the `X-Blueprint-Config` document.
    BLUEPRINT_FAAS_DECL result<std::string> write_config(const FaasConfig& config, const Package& package) const;
    BLUEPRINT_FAAS_DECL result<HttpRequest> deploy_request(JobId id, const Package& package,
                                                           const std::string& config_json) const;
    /// Says how large a package is, for those who watch it being uploaded.
    BLUEPRINT_FAAS_DECL static std::string describe(const Package& package);
    BLUEPRINT_FAAS_DECL static std::string revision(const Package& package, const std::string& config_json);
    BLUEPRINT_FAAS_DECL result<FaasDeployment> read_deployment(const HttpResponse& answer, JobId id) const;
    BLUEPRINT_FAAS_DECL result<Health> read_health(const HttpResponse& answer) const;
    BLUEPRINT_FAAS_DECL result<WarmReport> read_warm(const HttpResponse& answer, std::uint32_t requested) const;

    /// Says what an answer means as a failure, after the contract's table; nothing if its status is a success.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);

private:
    CustomOptions options_;
    Url base_{};
    std::vector<Origin> trusted_{};
    std::map<JobId, Url> job_endpoints_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace detail
}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/custom_protocol.ipp"
#endif

#endif
