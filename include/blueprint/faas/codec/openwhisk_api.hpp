#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_API_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_API_HPP

#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// OpenWhisk's API in its wire format: names, requests, and what refusals mean. The requests are complete: the
/// credential of `access` is in them, and no Auth has to add anything. Immutable after construction.
/// Source: Apache OpenWhisk, "OpenWhisk REST API" (apiv1swagger.json); documentation, "OpenWhisk system details".
class OpenWhiskApi {
public:
    /// Entries of one page of a list, the most that OpenWhisk gives.
    static constexpr std::uint32_t page_size = 200;

    BLUEPRINT_FAAS_DECL explicit OpenWhiskApi(OpenWhiskActionOptions options);

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const OpenWhiskActionOptions& options() const noexcept { return options_; }

    /// "blueprint-job-7"; in a package "package/blueprint-job-7".
    BLUEPRINT_FAAS_DECL std::string action(JobId id) const;
    /// Whose action that is; nothing: none that these options give. The package may be left out if there is one, so the
    /// name of an action of a list of the package will do. "blueprint-job-07" is none.
    BLUEPRINT_FAAS_DECL std::optional<JobId> job_of(std::string_view action_name) const;
    /// The target of an action, percent-encoded and without a query: "/api/v1/namespaces/_/actions/blueprint-job-7".
    BLUEPRINT_FAAS_DECL std::string action_target(const OpenWhiskAccess& access, JobId id) const;

    /// Asks what the host offers, for which no credential is needed. `at_api_root`: at /api/v1, where DigitalOcean
    /// tells it; else at /, where OpenWhisk does.
    BLUEPRINT_FAAS_DECL HttpRequest get_offer(const OpenWhiskAccess& access, bool at_api_root) const;
    /// Asks which namespace the credential belongs to, and so whether it is a good one.
    BLUEPRINT_FAAS_DECL HttpRequest get_namespaces(const OpenWhiskAccess& access) const;
    /// Asks for everything but the code.
    BLUEPRINT_FAAS_DECL HttpRequest get_action(const OpenWhiskAccess& access, JobId id) const;
    /// Makes or replaces the action. The answer repeats the code, so it may be as long as the request.
    BLUEPRINT_FAAS_DECL HttpRequest put_action(const OpenWhiskAccess& access, JobId id, Body json) const;
    /// Removes the action, which the answer repeats with its code.
    BLUEPRINT_FAAS_DECL HttpRequest delete_action(const OpenWhiskAccess& access, JobId id) const;
    /// Lists actions: of the package, if the options name one, else of the whole namespace.
    BLUEPRINT_FAAS_DECL HttpRequest list_actions(const OpenWhiskAccess& access, std::uint32_t skip) const;
    /// The package of the options, which has to be there before its actions. One that is there keeps what is in it.
    BLUEPRINT_FAAS_DECL HttpRequest put_package(const OpenWhiskAccess& access) const;
    BLUEPRINT_FAAS_DECL HttpRequest get_package(const OpenWhiskAccess& access) const;
    /// `id` is what a call's answer says; it is percent-encoded, whatever it is.
    BLUEPRINT_FAAS_DECL HttpRequest get_activation(const OpenWhiskAccess& access, std::string_view id) const;
    BLUEPRINT_FAAS_DECL HttpRequest get_logs(const OpenWhiskAccess& access, std::string_view id) const;
    /// The newest calls first. `limit`: 1 to 200.
    BLUEPRINT_FAAS_DECL HttpRequest list_activations(const OpenWhiskAccess& access, JobId id,
                                                     std::uint32_t limit) const;

    /// Says what an answer to a request of management means as a failure; nothing if its status is a success.
    /// `errc::not_found` is said of what the API itself says is absent, never of a page by somebody else (C11).
    /// `errc::authentication` is never retryable: another credential has to be found first. `request_id` is the
    /// transaction that OpenWhisk names. Pages of HTML, as front ends answer, are read too (pitfalls 2 and 3).
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);
    /// Tells whether a change was refused only because another one went on at the same time.
    BLUEPRINT_FAAS_DECL static bool is_concurrent_change(const Error& error);

private:
    BLUEPRINT_FAAS_DECL std::optional<Error> check() const;
    HttpRequest request(const OpenWhiskAccess& access, Verb verb, std::string target) const;
    std::string below(const OpenWhiskAccess& access, std::string_view path) const;
    std::string job_name(JobId id) const;

    OpenWhiskActionOptions options_;
    std::optional<Error> misconfigured_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/openwhisk_answers.ipp"
#include "blueprint/faas/codec/impl/openwhisk_api.ipp"
#endif

#endif
