#ifndef BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_SETTINGS_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_SETTINGS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_lambda_messages.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace blueprint::faas::local {

/// How a function is to run: what CreateFunction and UpdateFunctionConfiguration set.
struct LambdaSettings {
    boost::json::object shown{};  ///< the members as answers show them, but Environment
    /// The variables; nothing: no Environment was ever set, and none is shown.
    std::optional<std::map<std::string, Secret, std::less<>>> variables{};
    std::chrono::seconds timeout{3};
    std::uint32_t memory_mb = 128;
    bool json_log = false;
    std::string role{};

    /// Tells whether both run the same way.
    friend bool operator==(const LambdaSettings& a, const LambdaSettings& b) {
        return a.shown == b.shown && a.variables == b.variables;
    }
};

/// What a request sets beyond the settings.
struct LambdaSettingsRequest {
    LambdaSettings settings{};
    std::string revision_id{};
    bool names_role = false;
};

/// Reads the settings of CreateFunction. What the local cloud cannot do is refused as the service refuses what is not
/// there: other runtimes than those without a language, images, layers, file systems, subnets.
/// Source: AWS Lambda API Reference, CreateFunction; AWS Lambda Developer Guide, "Lambda quotas".
BLUEPRINT_FAAS_DECL result<LambdaSettingsRequest> read_new_lambda_settings(const boost::json::object& body,
                                                                           std::string_view function_name);

/// Reads the settings of UpdateFunctionConfiguration: `old` with the members that the request has.
BLUEPRINT_FAAS_DECL result<LambdaSettingsRequest> read_changed_lambda_settings(const boost::json::object& body,
                                                                               const LambdaSettings& old);

/// Reads a map of tags. How many a function may have is for the caller to count.
BLUEPRINT_FAAS_DECL result<std::map<std::string, std::string, std::less<>>> read_lambda_tags(
    const boost::json::object& tags);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_lambda_settings.ipp"
#endif

#endif
