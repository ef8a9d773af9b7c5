#ifndef BLUEPRINT_FAAS_CODEC_GCP_CALLS_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_CALLS_HPP

#include "blueprint/faas/codec/function_calls.hpp"
#include "blueprint/faas/codec/gcp_options.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/http.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Where a job's calls go, and whom a token for them is made for.
struct GoogleAddress {
    Url url{};
    std::string audience{};
    friend bool operator==(const GoogleAddress& a, const GoogleAddress& b) { return a.audience == b.audience; }
};

/// How calls of jobs travel to a service of Google's and back, the same for Cloud Run and for functions. Immutable
/// after construction. Source: Cloud Run documentation, "Authenticating service-to-service" and "Troubleshoot Cloud Run
/// issues".
class GoogleCalls : public FunctionCalls {
public:
    using Address = GoogleAddress;
    static constexpr bool one_address = false;  // each job has a service of its own

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
    /// Says what an answer to a call means as a failure: the function's own words, or those of Google's front end,
    /// which tell whether the job may have run. `retryable` may be repeated if that is harmless.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);

    HttpRequest warm_request(const GoogleAddress& address) const { return FunctionCalls::warm_request(address.url); }
    static HttpRequest health_request(const GoogleAddress& address) {
        return FunctionCalls::health_request(address.url);
    }

private:
    static constexpr Words words{
        .body_limit = "GoogleCloudOptions::max_body_bytes, of which Google takes 33554432",
        .too_many = "; send fewer calls at once, or raise GoogleCloudOptions::instance_concurrency",
        .other_address = "give that address in job_urls"};

    std::map<JobId, GoogleAddress> given_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/gcp_calls.ipp"
#endif

#endif
