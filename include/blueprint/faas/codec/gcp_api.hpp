#ifndef BLUEPRINT_FAAS_CODEC_GCP_API_HPP
#define BLUEPRINT_FAAS_CODEC_GCP_API_HPP

#include "blueprint/faas/codec/gcp_options.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// The APIs that a deployment speaks to.
enum class GoogleService { functions, run, storage };

/// How a change at Google goes on, which takes longer than a request.
struct GoogleOperation {
    std::string name{};  ///< "projects/p/locations/r/operations/o"
    bool done = false;
    std::optional<Error> failed{};  ///< why it ended in vain; `retryable`: the same change may be asked for again
    std::string progress{};         ///< what it is at, as Google tells it; empty: not told
};

/// What both of Google's codecs have in common in the wire format of its APIs: names, requests, and what refusals mean.
/// Immutable after construction. Source: Google Cloud, "API design guide", errors, and "Cloud Run Admin API", REST.
class GoogleApi {
public:
    /// `functions_endpoint` is that of Cloud Functions; empty: Google's own.
    BLUEPRINT_FAAS_DECL explicit GoogleApi(GoogleCloudOptions options, std::string_view functions_endpoint = {});

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    /// The same for operations that ask an API: a project and a region are needed too.
    const std::optional<Error>& cannot_manage() const noexcept { return cannot_manage_; }
    const GoogleCloudOptions& options() const noexcept { return options_; }

    /// "blueprint-job-0": the last part of the names of functions and services.
    BLUEPRINT_FAAS_DECL std::string id_of(JobId id) const;
    /// The job that a function or service of that name is, a whole one or the last part; nothing if it is none of ours.
    BLUEPRINT_FAAS_DECL std::optional<JobId> job_of(std::string_view name) const;
    /// "projects/p/locations/r".
    BLUEPRINT_FAAS_DECL std::string location() const;

    /// Makes a request to an API. `path` begins with '/', is percent-encoded and may have a query.
    BLUEPRINT_FAAS_DECL HttpRequest request(GoogleService service, Verb verb, std::string_view path) const;
    /// The same with a body of JSON.
    BLUEPRINT_FAAS_DECL HttpRequest request(GoogleService service, Verb verb, std::string_view path, Body json) const;
    /// Asks how an operation goes on.
    BLUEPRINT_FAAS_DECL HttpRequest operation(GoogleService service, std::string_view name) const;
    /// Whether the API is Google's own, and so are the machines that jobs run on.
    BLUEPRINT_FAAS_DECL bool is_googles(GoogleService service) const;

    /// Reads what a change is answered with, and how it goes on.
    BLUEPRINT_FAAS_DECL static result<GoogleOperation> read_operation(const HttpResponse& answer);

    /// Who may call is said of the Cloud Run service, also of the one below a function (pitfall 5). `service` is
    /// "projects/p/locations/r/services/s".
    BLUEPRINT_FAAS_DECL HttpRequest get_policy(std::string_view service) const;
    BLUEPRINT_FAAS_DECL HttpRequest set_policy(std::string_view service, std::string body) const;
    BLUEPRINT_FAAS_DECL HttpRequest test_invoker(std::string_view service) const;
    /// Writes the body that gives `members` the role of callers and leaves all else as `policy` has it, conditions and
    /// etag too; nothing if none of them lacks it.
    BLUEPRINT_FAAS_DECL static result<std::optional<std::string>> add_invokers(const HttpResponse& policy,
                                                                               const std::vector<std::string>& members);
    /// Reads whether the one who asked may call.
    BLUEPRINT_FAAS_DECL static result<bool> read_invoker_test(const HttpResponse& answer);

    /// Says what an answer means as a failure; nothing if its status is a success. `errc::not_found` is said of what
    /// Google's API itself says is absent, never of a page by somebody else (C11). `retryable` may be repeated if it is
    /// harmless to do so. `platform_code` is Google's name: "PERMISSION_DENIED"; of Storage "notFound".
    /// Source: google.rpc.Code, google.rpc.Status; Cloud Storage, "Status and error codes".
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);

private:
    BLUEPRINT_FAAS_DECL std::optional<Error> check();
    const Url& base(GoogleService service) const noexcept { return bases_[static_cast<std::size_t>(service)]; }

    GoogleCloudOptions options_;
    Url bases_[3]{};
    std::optional<Error> misconfigured_{};
    std::optional<Error> cannot_manage_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/gcp_api.ipp"
#include "blueprint/faas/codec/impl/gcp_iam.ipp"
#endif

#endif
