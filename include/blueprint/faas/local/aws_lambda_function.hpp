#ifndef BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_FUNCTION_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_FUNCTION_HPP

#include "blueprint/faas/local/aws_lambda_pool.hpp"
#include "blueprint/faas/local/aws_lambda_settings.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

// What Lambda keeps of a function.

/// Concurrency that was asked for in advance, of a version or of an alias.
struct LambdaProvisioned {
    std::uint32_t requested = 0;
    std::uint32_t allocated = 0;
    std::string status = "IN_PROGRESS";
    std::string status_reason{};
    std::string last_modified{};
    std::uint64_t turn = 0;  ///< tells apart what was asked for one after the other
};

/// How events are treated that nobody waits for.
struct LambdaEventConfig {
    std::optional<std::int64_t> retries{};
    std::optional<std::int64_t> age_seconds{};
    boost::json::object destinations{};
    std::chrono::system_clock::time_point last_modified{};
};

/// Who else may invoke: statements by their id, in the order of their making.
struct LambdaPolicy {
    std::vector<std::pair<std::string, boost::json::object>> statements{};
    std::string revision_id{};
};

/// One state of a function: "$LATEST", or a published version.
struct LambdaVersion {
    std::string version = "$LATEST";
    std::shared_ptr<const LambdaSettings> settings{};
    std::shared_ptr<const LambdaCode> code{};
    std::string revision_id{};
    std::string last_modified{};
    bool pending = false;                              ///< being created
    bool updating = false;                             ///< being changed: `pool` is still of what was before
    std::chrono::steady_clock::time_point ready_at{};  ///< until when it is one of the two
    std::shared_ptr<LambdaPool> pool{};
    std::shared_ptr<std::uint32_t> on_provisioned = std::make_shared<std::uint32_t>(0);  ///< events that run there
    std::shared_ptr<const LambdaSettings> made_from{};  ///< of a published version: the settings of "$LATEST" then
};

/// A name for one version, or for two that share its calls.
struct LambdaAlias {
    std::string name{};
    std::string version{};
    std::string description{};
    std::optional<std::pair<std::string, double>> additional{};  ///< the other version, and its share of the calls
    std::string revision_id{};
};

/// A function, whatever happens to it.
struct LambdaFunction {
    std::string name{};
    LambdaVersion latest{};
    std::map<std::uint64_t, LambdaVersion> versions{};
    std::uint64_t last_version = 0;
    std::map<std::string, LambdaAlias, std::less<>> aliases{};
    std::map<std::string, std::string, std::less<>> tags{};
    std::optional<std::uint32_t> reserved{};
    std::uint32_t running = 0;  ///< events that run, but on provisioned instances
    std::map<std::string, LambdaProvisioned, std::less<>> provisioned{};    ///< by qualifier
    std::map<std::string, LambdaEventConfig, std::less<>> event_configs{};  ///< by qualifier
    std::map<std::string, LambdaPolicy, std::less<>> policies{};            ///< by qualifier; empty: of none

    /// Returns the version of that number or "$LATEST"; null if there is none.
    LambdaVersion* find(std::string_view version) {
        if (version == "$LATEST") return &latest;
        for (auto& [number, found] : versions)
            if (found.version == version) return &found;
        return nullptr;
    }
};

}  // namespace blueprint::faas::local

#endif
