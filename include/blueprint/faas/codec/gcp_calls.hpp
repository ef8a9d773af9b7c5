#ifndef BLUEPRINT_FAAS_CODEC_GCP_CALLS_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_CALLS_HPP

#include "blueprint/faas/codec/gcp_options.hpp"
#include "blueprint/faas/codec/impl/call_forms.hpp"
#include "blueprint/faas/codec/impl/gcp_addresses.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// How calls of jobs travel to a service of Google's and back, the same for Cloud Run and for functions: requests out
/// of calls, results out of answers. Immutable after construction. Source: Cloud Run documentation, "Authenticating
/// service-to-service" and "Troubleshoot Cloud Run issues".
class GoogleCalls {
public:
    /// How a call's bytes are written: bare, or in JSON as numbers or as Base64.
    enum class Form { bare, numbers, base64 };

    BLUEPRINT_FAAS_DECL explicit GoogleCalls(const GoogleCloudOptions& options);

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    /// The addresses of `GoogleCloudOptions::job_urls`.
    const std::map<JobId, GoogleAddress>& given() const noexcept { return given_; }

    /// Takes the URL of a service apart. The audience of tokens is the URL as it stands: of run.app without a path, of
    /// cloudfunctions.net with it (pitfall 1).
    BLUEPRINT_FAAS_DECL static result<GoogleAddress> address(std::string_view url);

    /// Begins a call: `form` is then one of the job at `address`, as known at `state`, and lacks what is the call's
    /// own.
    BLUEPRINT_FAAS_DECL void begin_form(CallForm& form, JobId id, const GoogleAddress& address, std::uint64_t state,
                                        Form bytes) const;
    /// Ends it when the body is written: deadline, trace, metadata. Refuses what could not travel.
    BLUEPRINT_FAAS_DECL std::optional<Error> end_form(CallForm& form, const JobCall& call, Deadline deadline) const;

    BLUEPRINT_FAAS_DECL result<Invocation> read_invocation(const HttpResponse& answer, JobId id,
                                                           bool metered = true) const;
    /// Says what an answer to a call means as a failure: the function's own words, or those of Google's front end,
    /// which tell whether the job may have run. `retryable` may be repeated if that is harmless.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);

    /// A call that runs no job and is held for a moment, so that the next one needs another instance.
    BLUEPRINT_FAAS_DECL HttpRequest warm_request(const GoogleAddress& address) const;
    /// Asks the function whether it is there; runs no job.
    BLUEPRINT_FAAS_DECL HttpRequest health_request(const GoogleAddress& address) const;

    /// What the answer to a warming call says: who answered it.
    struct Warmed {
        std::string instance{};  ///< empty: the service does not know such calls
        std::string why_not{};
    };
    BLUEPRINT_FAAS_DECL static Warmed read_warmed(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static Health read_health(const HttpResponse& answer);

private:
    result<Invocation> read_unusual(const HttpResponse& answer, JobId id) const;
    HttpRequest plain_request(const GoogleAddress& address, Verb verb) const;

    std::size_t max_body_bytes_;
    std::chrono::milliseconds warm_hold_;
    std::map<JobId, GoogleAddress> given_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/gcp_calls.ipp"
#endif

#endif
