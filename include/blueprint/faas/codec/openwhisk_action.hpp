#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_ACTION_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_ACTION_HPP

#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/codec/openwhisk_api.hpp"
#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/codec/openwhisk_runtimes.hpp"
#include "blueprint/faas/config.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/wiped_body.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/job.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {
class Package;
}

namespace blueprint::faas::detail {

/// The limits of an action, as it tells them.
struct OpenWhiskLimits {
    std::uint32_t timeout_ms = 60'000;
    std::uint32_t memory_mib = 256;
    std::uint32_t log_mib = 1;
    std::uint32_t concurrency = 1;  ///< calls that one instance takes at a time
    friend bool operator==(const OpenWhiskLimits&, const OpenWhiskLimits&) = default;
};

/// A parameter of an action. `init`: it becomes an environment variable of the action's program, and no part of calls.
struct OpenWhiskParameter {
    std::string name{};
    Secret value{};  ///< a text; anything else as JSON
    bool init = true;
    /// It is a text, and told as it is. What the platform keeps encrypted cannot be compared, so it counts as
    /// different.
    bool plain = true;
    friend bool operator==(const OpenWhiskParameter&, const OpenWhiskParameter&) = default;
};

/// An action as the platform tells it. What it did not tell is empty.
struct OpenWhiskAction {
    std::string name{};     ///< with its package: "blueprint-job-7", "package/blueprint-job-7"
    std::string version{};  ///< "0.0.7", which grows with every change
    std::string kind{};     ///< "nodejs:22"; lists tell it in an annotation
    std::string main{};
    std::string name_space{};  ///< without the package
    std::chrono::sys_time<std::chrono::milliseconds> updated{};
    OpenWhiskLimits limits{};
    std::map<std::string, std::string> annotations{};  ///< texts bare, anything else as JSON
    std::vector<OpenWhiskParameter> parameters{};      ///< none in lists
};

/// An action as a deployment wants it; checked.
struct OpenWhiskWanted {
    std::string kind{};  ///< empty: whatever the action there has
    std::string main{};
    OpenWhiskLimits limits{};
    std::map<std::string, std::string> annotations{};  ///< ours and the user's, without the platform's
    std::vector<OpenWhiskParameter> parameters{};      ///< sorted by their names
    std::string package_sha256{};                      ///< lower-case hex
    std::uint64_t binary_size_bytes = 0;
};

/// What a host offers, and how actions are described and read. All of it is stateless. Members of answers that are not
/// known pass. `errc::serialization` if an answer is none of the request.
/// Source: Apache OpenWhisk, "OpenWhisk REST API" (apiv1swagger.json): Action, ActionPut; documentation, "Annotations".
class OpenWhiskActions {
public:
    /// The annotation that says what is deployed: "<SHA-256 of the package>:<digest of what stands around it>".
    static constexpr std::string_view package_annotation = "blueprint-package";
    /// The one that says how large the program is, in bytes.
    static constexpr std::string_view size_annotation = "blueprint-binary-bytes";
    /// The one that names the annotations of the options, with commas between, so that they go when they are wanted no
    /// longer and those by others stay.
    static constexpr std::string_view names_annotation = "blueprint-annotations";

    /// Reads what GET / or GET /api/v1 tells.
    BLUEPRINT_FAAS_DECL static result<OpenWhiskOffer> read_offer(const HttpResponse& answer);
    /// Chooses the runtime: the given one, which has to be there and not deprecated ("family:default" becomes what it
    /// stands for); else the newest by its number of the family that the options' way is for. The error lists what
    /// there is (pitfall 10). An offer of nothing at all leaves a given one as it is.
    BLUEPRINT_FAAS_DECL static result<std::string> pick_kind(const OpenWhiskOffer& offer,
                                                             const OpenWhiskActionOptions& options);

    /// Checks everything that the platform would refuse, and what it would not keep (D4): `errc::invalid_configuration`
    /// names the value and what works. A package that is too large has the platform code "TOO_LARGE".
    BLUEPRINT_FAAS_DECL static result<OpenWhiskWanted> wanted(const OpenWhiskApi& api, JobId id, const Package& package,
                                                              const FaasConfig& config, std::string kind,
                                                              const OpenWhiskBounds& bounds,
                                                              std::string_view shim_digest);
    /// Names what differs: "package", "kind", "limits.memory", "annotation web-export", "parameter NAME"; never a
    /// value. Empty: nothing does. No action there: "action".
    BLUEPRINT_FAAS_DECL static std::vector<std::string> difference(const OpenWhiskWanted& wanted,
                                                                   const OpenWhiskAction* there);
    /// Writes everything that an action is, because what a change leaves out stays as it was. `code_base64` has no line
    /// breaks: with them it would be taken for a program's text.
    BLUEPRINT_FAAS_DECL static WipedBody put_action_body(const OpenWhiskWanted& wanted, std::string_view code_base64,
                                                         const OpenWhiskAction* there);

    /// Reads an action: of GET, and of PUT, where the code that it repeats is passed over.
    BLUEPRINT_FAAS_DECL static result<OpenWhiskAction> read_action(const HttpResponse& answer);
    /// The same; the answer's body is wiped, because parameters are an action's environment.
    BLUEPRINT_FAAS_DECL static result<OpenWhiskAction> read_action(HttpResponse& answer);
    /// Reads a page of a list.
    BLUEPRINT_FAAS_DECL static result<std::vector<OpenWhiskAction>> read_actions(const HttpResponse& answer);
    /// Says what was deployed for job `id`.
    BLUEPRINT_FAAS_DECL static FaasDeployment deployment(const OpenWhiskApi& api, const OpenWhiskAccess& access,
                                                         JobId id, const OpenWhiskAction& action);
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/openwhisk_action_answers.ipp"
#include "blueprint/faas/codec/impl/openwhisk_action_wanted.ipp"
#endif

#endif
