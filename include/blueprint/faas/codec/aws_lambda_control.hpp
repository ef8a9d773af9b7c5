#ifndef BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_CONTROL_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_CONTROL_HPP

#include "blueprint/faas/codec/aws_lambda_protocol.hpp"
#include "blueprint/faas/config.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas {
class Package;
}

namespace blueprint::faas::detail {

/// What of a function, or of one version of it, a deployment decides.
struct LambdaSettings {
    std::string role{};
    std::string runtime = "provided.al2023";
    std::string handler = "bootstrap";  ///< free text to this runtime, but it must be there
    std::string description{};
    std::string architecture{};
    std::string log_format = "Text";  ///< the REPORT line is there in this one alone
    std::string code_sha256{};        ///< of the package, in Base64, as Lambda writes it
    std::uint32_t memory = 0;         ///< MB
    std::uint32_t timeout = 0;        ///< seconds
    std::map<std::string, Secret, std::less<>> environment{};
    bool environment_known = true;  ///< Lambda tells it to those alone who may use its key

    /// Names what the two differ in, apart from the code and what belongs to it: "memory, environment". What one of
    /// them does not know of is no difference.
    BLUEPRINT_FAAS_DECL std::string difference(const LambdaSettings& other) const;
    bool same_code(const LambdaSettings& other) const {
        return code_sha256 == other.code_sha256 && architecture == other.architecture;
    }
};

/// How far Lambda is with what it was asked to do.
enum class LambdaPhase { settled, changing, failed };

/// What Lambda says of a function or of one version of it.
struct LambdaConfiguration {
    LambdaSettings settings{};
    std::string arn{};
    std::string version{};
    std::string revision_id{};    ///< of this state; a change that names an older one is refused
    std::string last_modified{};  ///< RFC 3339
    std::string state{};
    std::string state_reason{};  ///< "ImageDeleted: the text"
    std::string update_status{};
    std::string update_reason{};

    BLUEPRINT_FAAS_DECL LambdaPhase phase() const;
    /// Says in a sentence what `phase` is about.
    BLUEPRINT_FAAS_DECL std::string status() const;
};

struct LambdaFunction {
    LambdaConfiguration configuration{};
    std::map<std::string, std::string> tags{};
    std::optional<std::uint32_t> reserved{};  ///< concurrency
};

/// Where an alias sends calls: to one version, and a share of them to another one.
struct LambdaAlias {
    std::string version{};
    std::string other{};  ///< empty: there is no other one
    double other_share = 0;
    std::string revision_id{};

    bool same_route(const LambdaAlias& b) const {
        return version == b.version && other == b.other && (other.empty() || other_share == b.other_share);
    }
};

struct LambdaProvisioned {
    std::uint32_t requested = 0;
    std::string status{};
    std::string reason{};
};

/// A page of versions or functions.
struct LambdaPage {
    std::vector<LambdaConfiguration> entries{};
    std::string next{};  ///< the marker of the next page; empty: this is the last one
};

/// What a deployment is to bring about.
struct LambdaWanted {
    LambdaSettings settings{};
    std::shared_ptr<const Bytes> zip{};         ///< the package
    std::string package_sha256{};               ///< lower-case hex
    std::uint64_t binary_size_bytes = 0;        ///< of the program in it
    std::optional<std::uint32_t> reserved{};    ///< concurrency
    std::uint32_t provisioned = 0;              ///< concurrency
    std::map<std::string, std::string> tags{};  ///< those that others set stay
    std::string alias{};
    std::uint32_t keep_versions = 0;
};

/// What is there before a deployment.
struct LambdaFound {
    std::optional<LambdaFunction> latest{};
    std::optional<LambdaAlias> alias{};
    std::optional<LambdaConfiguration> live{};  ///< the version that the alias names
    std::optional<LambdaProvisioned> provisioned{};
};

/// A part of a deployment, in the order in which they are carried out. Callers see nothing of the package and its
/// configuration before the alias is moved; without an alias they see each step.
enum class LambdaStep {
    create,
    configure,
    upload,
    tag,
    reserve,
    unreserve,
    publish,  // and have the alias name that version
    route,    // have the alias name the version that it names, and no other one
    provision,
    await_provisioned,
    unprovision,
    prune
};

struct LambdaTask {
    LambdaStep step{};
    std::string why{};
};

/// Tells what has to be done; nothing if all is as wanted.
BLUEPRINT_FAAS_DECL std::vector<LambdaTask> lambda_tasks(const LambdaWanted& wanted, const LambdaFound& found);

/// Why Lambda refused a change, as far as there is something to do about it.
enum class LambdaRefusal {
    other,
    busy,      ///< it is still at the change before: wait and repeat
    exists,    ///< somebody made it already
    outdated,  ///< what is there is no more what the request was based on
    role,      ///< the role cannot be used yet, as is usual for a while after it was made
};
/// Source: AWS Lambda Developer Guide, "Lambda function states", and API reference, errors of each operation.
BLUEPRINT_FAAS_DECL LambdaRefusal lambda_refusal(const Error& error);

/// A request body that is wiped when the last request which sends it goes. `text()` may be altered between exchanges.
class LambdaBody {
public:
    LambdaBody() : bytes_{new Bytes, wipe_and_delete} {}
    Bytes& bytes() noexcept { return *bytes_; }
    Body body() const { return Body{std::shared_ptr<const Bytes>{bytes_}}; }

private:
    static void wipe_and_delete(Bytes* bytes) noexcept {
        wipe(bytes->data(), bytes->size());
        delete bytes;
    }
    std::shared_ptr<Bytes> bytes_;
};

/// Where Lambda takes the code from: the request itself, or an object in S3.
struct LambdaCode {
    std::string bucket{};  ///< empty: the request itself
    std::string key{};
};

/// The wire format of Lambda's control plane: requests out of what is wanted, and what the answers say. Refers to the
/// protocol, which outlives it.
/// Source: AWS Lambda Developer Guide, "API reference".
class LambdaControl {
public:
    explicit LambdaControl(const LambdaProtocol& protocol) noexcept : protocol_{protocol} {}

    /// Checks everything that Lambda would refuse: `errc::invalid_configuration`, which names the value.
    /// Source: AWS Lambda Developer Guide, "Lambda quotas" and "Defined runtime environment variables".
    BLUEPRINT_FAAS_DECL result<LambdaWanted> wanted(const Package& package, const FaasConfig& config) const;

    BLUEPRINT_FAAS_DECL HttpRequest get_function(JobId id, std::string_view qualifier) const;
    BLUEPRINT_FAAS_DECL HttpRequest create_function() const;
    BLUEPRINT_FAAS_DECL HttpRequest update_code(JobId id) const;
    BLUEPRINT_FAAS_DECL HttpRequest update_configuration(JobId id, const LambdaWanted& wanted,
                                                         std::string_view revision_id) const;
    BLUEPRINT_FAAS_DECL HttpRequest delete_function(JobId id, std::string_view qualifier) const;
    BLUEPRINT_FAAS_DECL HttpRequest list_functions(std::string_view marker) const;
    BLUEPRINT_FAAS_DECL HttpRequest publish(JobId id, const LambdaWanted& wanted, std::string_view revision_id) const;
    BLUEPRINT_FAAS_DECL HttpRequest list_versions(JobId id, std::string_view marker) const;
    BLUEPRINT_FAAS_DECL HttpRequest get_alias(JobId id) const;
    BLUEPRINT_FAAS_DECL HttpRequest create_alias(JobId id, std::string_view version) const;
    /// Names the alias's `revision_id`, so that a change made meanwhile by somebody else is not undone.
    BLUEPRINT_FAAS_DECL HttpRequest update_alias(JobId id, const LambdaAlias& alias) const;
    BLUEPRINT_FAAS_DECL HttpRequest tag(std::string_view arn, const std::map<std::string, std::string>& tags) const;
    BLUEPRINT_FAAS_DECL HttpRequest reserve(JobId id, std::optional<std::uint32_t> concurrency) const;
    BLUEPRINT_FAAS_DECL HttpRequest provisioned(Verb verb, JobId id, std::uint32_t instances = 0) const;
    /// A call that is only checked.
    BLUEPRINT_FAAS_DECL HttpRequest dry_run(JobId id) const;
    /// A call that runs no job, because it is marked.
    BLUEPRINT_FAAS_DECL HttpRequest warm(JobId id) const;

    /// Writes CreateFunction's body. The package stands in it as Base64 unless `code` names a bucket.
    BLUEPRINT_FAAS_DECL LambdaBody create_body(JobId id, const LambdaWanted& wanted, const LambdaCode& code) const;
    /// Writes UpdateFunctionCode's body up to the revision, which `set_revision` puts there, also another one.
    BLUEPRINT_FAAS_DECL LambdaBody code_body(const LambdaWanted& wanted, const LambdaCode& code) const;
    BLUEPRINT_FAAS_DECL static void set_revision(LambdaBody& body, std::string_view revision_id);

    /// Each reads an answer; `errc::serialization` if it is none of the operation. Environments are wiped in `answer`.
    BLUEPRINT_FAAS_DECL static result<LambdaFunction> read_function(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<LambdaConfiguration> read_configuration(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<LambdaPage> read_page(HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<LambdaAlias> read_alias(const HttpResponse& answer);
    BLUEPRINT_FAAS_DECL static result<LambdaProvisioned> read_provisioned(const HttpResponse& answer);

    /// What the answer to a marked call says: who answered it.
    struct Warmed {
        std::string instance{};  ///< empty: the function does not know the mark
        std::string why_not{};
    };
    BLUEPRINT_FAAS_DECL static Warmed read_warmed(const HttpResponse& answer);

    BLUEPRINT_FAAS_DECL FaasDeployment deployment(JobId id, const LambdaConfiguration& configuration) const;
    /// The versions as revisions, the newest first, with the traffic that `alias` gives them; without an alias all goes
    /// to "$LATEST".
    BLUEPRINT_FAAS_DECL static std::vector<Revision> revisions(const std::vector<LambdaConfiguration>& versions,
                                                               const std::optional<LambdaAlias>& alias);
    /// Tells whether a function can be called, as far as its state tells.
    BLUEPRINT_FAAS_DECL static Health health(const LambdaFunction& function);
    /// Where the alias has to send calls so that `revision` gets `share` of them.
    BLUEPRINT_FAAS_DECL static result<LambdaAlias> shifted(const LambdaAlias& now, const std::string& revision,
                                                           double share);
    /// The versions that may go: older than the alias's, without traffic, beyond the newest `keep` of them.
    BLUEPRINT_FAAS_DECL static std::vector<std::string> prunable(const std::vector<LambdaConfiguration>& versions,
                                                                 const LambdaAlias& alias, std::uint32_t keep);
    /// The versions older than all that get calls, the newest first.
    BLUEPRINT_FAAS_DECL static std::vector<std::string> older(const std::vector<LambdaConfiguration>& versions,
                                                              const LambdaAlias& alias);

    const LambdaProtocol& protocol() const noexcept { return protocol_; }
    const LambdaOptions& options() const noexcept { return protocol_.options(); }

private:
    const LambdaProtocol& protocol_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/aws_lambda_answers.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_control.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_wanted.ipp"
#endif

#endif
