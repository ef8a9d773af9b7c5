#ifndef BLUEPRINT_FAAS_CODEC_AZURE_CALLS_HPP
#define BLUEPRINT_FAAS_CODEC_AZURE_CALLS_HPP

#include "blueprint/faas/codec/azure_job_config.hpp"
#include "blueprint/faas/codec/azure_options.hpp"
#include "blueprint/faas/codec/function_calls.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// What the host of a function takes as a request's body. Source: Azure Functions documentation, "host.json reference".
inline constexpr std::uint64_t azure_request_bytes = 100ULL << 20;

/// Where the calls of all jobs go, and the key that they need there.
struct AzureAddress {
    Url url{};  ///< of the function: "https://my-app.azurewebsites.net/api/run"
    Secret key{};
    friend bool operator==(const AzureAddress& a, const AzureAddress& b) {
        return a.url.origin == b.url.origin && a.url.target == b.url.target && a.key == b.key;
    }
};

/// What the app's program says of itself.
struct AzureAppAnswer {
    bool healthy = false;
    std::string words{};     ///< what it says instead, if it is one of ours
    std::string instance{};  ///< who answered
    std::string revision{};
    std::string site{};  ///< digest of the manifest of its site; empty: it has none
    /// The jobs that it has; nothing: it does not tell.
    std::optional<std::vector<JobId>> jobs{};

    bool has(JobId id) const { return !jobs || std::find(jobs->begin(), jobs->end(), id) != jobs->end(); }
};

/// What the host that runs the app says of itself.
struct AzureHostStatus {
    std::string state{};  ///< "Running", "Error", "Starting"
    std::vector<std::string> errors{};
    bool is_running() const { return state == "Running"; }
};

/// How calls of jobs travel to a function app and back. The key is a header field, never a part of the URL (Z3).
/// Immutable after construction. Source: Azure Functions documentation, "HTTP trigger", "Work with access keys" and
/// "Azure Functions custom handlers".
class AzureCalls : public FunctionCalls {
public:
    using Address = AzureAddress;
    static constexpr bool one_address = true;

    BLUEPRINT_FAAS_DECL explicit AzureCalls(const AzureFunctionsOptions& options);

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    /// The address of the options, at job 0 for all jobs, if they say both URL and key.
    const std::map<JobId, AzureAddress>& given() const noexcept { return given_; }
    /// `AzureFunctionsOptions::app_url`, as calls go there; nothing: it is not given.
    const std::optional<Url>& given_url() const noexcept { return given_url_; }
    /// `AzureFunctionsOptions::function_key`; it may be empty.
    const Secret& given_key() const noexcept { return given_key_; }

    /// Makes the URL of the function out of the app's: "https://my-app.azurewebsites.net". A key in it is refused.
    BLUEPRINT_FAAS_DECL static result<Url> function_url(std::string_view app_url);
    /// The same out of an app's host name, as the management API tells it; it may have a port.
    BLUEPRINT_FAAS_DECL static result<Url> function_url_of(std::string_view host);
    /// Tells whether a key can stand in a header field.
    BLUEPRINT_FAAS_DECL static bool is_key(const Secret& key) noexcept;

    /// Begins a call: `form` is then one of the job at `address`, as known at `state`, and lacks what is the call's
    /// own.
    BLUEPRINT_FAAS_DECL void begin_form(CallForm& form, JobId id, const AzureAddress& address, std::uint64_t state,
                                        Form bytes) const;
    /// Says what an answer to a call means as a failure: the job's own words, or those of the host before it, which
    /// tell whether the job may have run. `retryable` may be repeated if that is harmless.
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);
    /// Tells whether a call failed because the app has another key now, which can be asked for.
    bool refuses_key(const Error& error) const noexcept {
        return error.http_status == 401 && error.code == errc::authentication && given_key_.empty();
    }

    BLUEPRINT_FAAS_DECL HttpRequest warm_request(const AzureAddress& address) const;
    BLUEPRINT_FAAS_DECL static HttpRequest health_request(const AzureAddress& address);
    BLUEPRINT_FAAS_DECL static result<AzureAppAnswer> read_app(const HttpResponse& answer);

    /// Asks the host of the app at `function`, which wants the app's master key.
    BLUEPRINT_FAAS_DECL static HttpRequest host_status_request(const Url& function, const Secret& master_key);
    BLUEPRINT_FAAS_DECL static result<AzureHostStatus> read_host_status(const HttpResponse& answer);

    /// Tells what Flex Consumption takes; `package_bytes` is that of a site with all its jobs.
    BLUEPRINT_FAAS_DECL static PlatformDescription describe(std::uint64_t package_bytes);

private:
    std::map<JobId, AzureAddress> given_{};
    std::optional<Url> given_url_{};
    Secret given_key_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/azure_calls.ipp"
#endif

#endif
