#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_SETTINGS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_SETTINGS_IPP

#include "blueprint/faas/local/aws_lambda_settings.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

inline bool is_lambda_role(std::string_view text) {
    constexpr std::string_view digits = "0123456789";
    if (!text.starts_with("arn:aws")) return false;
    const auto iam = text.find(":iam::");
    if (iam == std::string_view::npos || text.find_first_of(':') != 3 || text.find(':', 4) != iam) return false;
    auto rest = text.substr(iam + 6);
    if (rest.size() < 18 || rest.substr(0, 12).find_first_not_of(digits) != std::string_view::npos) return false;
    rest.remove_prefix(12);
    if (!rest.starts_with(":role")) return false;
    rest.remove_prefix(5);
    if (rest.starts_with('/')) rest.remove_prefix(1);
    return !rest.empty() &&
           rest.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-/") ==
               std::string_view::npos;
}

inline bool has_no_blank(std::string_view text) {
    return !text.empty() && text.find_first_of(" \t\r\n\f\v") == std::string_view::npos;
}

inline bool is_lambda_variable(std::string_view name) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return name.size() >= 2 && letters.find(name[0]) != std::string_view::npos &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
               std::string_view::npos;
}

inline bool is_lambda_log_group(std::string_view text) {
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/#") ==
           std::string_view::npos;
}

inline constexpr LambdaChecks::TextRule lambda_role_rule{
    .pattern = "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+", .matches = &is_lambda_role};

/// The variables that only the platform sets. Source: AWS Lambda Developer Guide, "Defined runtime environment
/// variables".
inline constexpr std::string_view reserved_lambda_variables[] = {"_HANDLER",
                                                                 "_X_AMZN_TRACE_ID",
                                                                 "AWS_ACCESS_KEY",
                                                                 "AWS_ACCESS_KEY_ID",
                                                                 "AWS_DEFAULT_REGION",
                                                                 "AWS_EXECUTION_ENV",
                                                                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                                                 "AWS_LAMBDA_FUNCTION_NAME",
                                                                 "AWS_LAMBDA_FUNCTION_VERSION",
                                                                 "AWS_LAMBDA_INITIALIZATION_TYPE",
                                                                 "AWS_LAMBDA_LOG_GROUP_NAME",
                                                                 "AWS_LAMBDA_LOG_STREAM_NAME",
                                                                 "AWS_LAMBDA_RUNTIME_API",
                                                                 "AWS_REGION",
                                                                 "AWS_SECRET_ACCESS_KEY",
                                                                 "AWS_SESSION_TOKEN",
                                                                 "LAMBDA_RUNTIME_DIR",
                                                                 "LAMBDA_TASK_ROOT"};

/// Reads the settings one after the other. What breaks the model's constraints is collected; what Lambda itself refuses
/// is told only if the rest is right.
class LambdaSettingsReader {
public:
    LambdaSettingsReader(const boost::json::object& body, LambdaSettings& settings)
        : body_{body}, settings_{settings} {}

    result<void> read(bool create) {
        read_texts(create);
        read_numbers();
        read_variables();
        read_structures();
        read_lists();
        if (auto fine = checks_.outcome(); !fine) return fine.error();
        if (refused_) return *refused_;
        return {};
    }

private:
    void refuse(std::string message) {
        if (!refused_) refused_ = lambda_invalid(std::move(message));
    }

    void read_texts(bool create) {
        auto& shown = settings_.shown;
        if (auto role = checks_.text(body_, "Role", "role", lambda_role_rule, create)) {
            settings_.role = *role;
            shown["Role"] = std::move(*role);
        }
        static constexpr LambdaChecks::TextRule handler{.most = 128, .pattern = "[^\\s]+", .matches = &has_no_blank};
        if (auto text = checks_.text(body_, "Handler", "handler", handler)) shown["Handler"] = std::move(*text);
        if (auto text = checks_.text(body_, "Description", "description", {.most = 256}))
            shown["Description"] = std::move(*text);
        if (auto key = checks_.text(body_, "KMSKeyArn", "kMSKeyArn", {})) {
            if (key->empty())
                shown.erase("KMSKeyArn");
            else
                shown["KMSKeyArn"] = std::move(*key);
        }
        static constexpr std::string_view packages[] = {"Zip", "Image"};
        if (const auto package = checks_.one_of(body_, "PackageType", "packageType", packages);
            package == "Image" || body_.contains("ImageConfig"))
            refuse("The local cloud runs no container images. Please create the function with packageType Zip.");
        read_runtime();
        if (create && (!shown.contains("Runtime") || !shown.contains("Handler")))
            refuse("Runtime and Handler are mandatory parameters for functions created with deployment packages.");
    }

    void read_runtime() {
        auto runtime = checks_.text(body_, "Runtime", "runtime", {});
        if (!runtime) return;
        if (*runtime == "provided") {
            refuse(
                "The runtime parameter of provided is no longer supported for creating or updating AWS Lambda "
                "functions. "
                "We recommend you use a supported runtime while creating or updating functions.");
        } else if (*runtime != "provided.al2" && *runtime != "provided.al2023") {
            refuse("Value " + *runtime +
                   " at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [provided.al2023, "
                   "provided.al2] or be a valid ARN");
        }
        settings_.shown["Runtime"] = std::move(*runtime);
    }

    void read_numbers() {
        if (const auto seconds = checks_.number(body_, "Timeout", "timeout", 1, 900)) {
            settings_.shown["Timeout"] = *seconds;
            settings_.timeout = std::chrono::seconds{*seconds};
        }
        if (const auto size = checks_.number(body_, "MemorySize", "memorySize", 128, 10'240)) {
            settings_.shown["MemorySize"] = *size;
            settings_.memory_mb = static_cast<std::uint32_t>(std::clamp<std::int64_t>(*size, 128, 10'240));
        }
        if (const auto* const storage = checks_.object(body_, "EphemeralStorage", "ephemeralStorage"))
            if (const auto size = checks_.number(*storage, "Size", "ephemeralStorage.size", 512, 10'240, true))
                settings_.shown["EphemeralStorage"] = boost::json::object{{"Size", *size}};
    }

    void read_variables() {
        const auto* const environment = checks_.object(body_, "Environment", "environment");
        if (environment == nullptr) return;
        std::map<std::string, Secret, std::less<>> variables;
        const auto* const sent = checks_.object(*environment, "Variables", "environment.variables");
        if (sent == nullptr) {
            settings_.variables = std::move(variables);
            return;
        }
        std::string reserved;
        for (const auto& [key, value] : *sent) {
            const std::string name{key.data(), key.size()};
            if (!value.is_string()) {
                static_cast<void>(checks_.text(*sent, name, "environment.variables", {}, true));
                continue;
            }
            if (std::find(std::begin(reserved_lambda_variables), std::end(reserved_lambda_variables), name) !=
                std::end(reserved_lambda_variables))
                reserved.append(reserved.empty() ? "" : ", ").append(name);
            else if (!is_lambda_variable(name))
                checks_.fail("***", "environment.variables",
                             "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "
                             "[a-zA-Z]([a-zA-Z0-9_])+]");
            variables.insert_or_assign(name, Secret{std::string_view{value.get_string()}});
        }
        if (!reserved.empty())
            refuse(
                "Lambda was unable to configure your environment variables because the environment variables you have "
                "provided contains reserved keys that are currently not supported for modification. Reserved keys used "
                "in this request: " +
                reserved);
        // The service shows what it has measured, values and all.
        if (const auto measured = boost::json::serialize(*sent); measured.size() > 4096)
            refuse(
                "Lambda was unable to configure your environment variables because the environment variables you have "
                "provided exceeded the 4KB limit. String measured: " +
                measured);
        settings_.variables = std::move(variables);
    }

    void read_structures() {
        auto& shown = settings_.shown;
        if (const auto* const letters = checks_.object(body_, "DeadLetterConfig", "deadLetterConfig")) {
            const auto target = checks_.text(*letters, "TargetArn", "deadLetterConfig.targetArn", {});
            if (target && !target->empty())
                shown["DeadLetterConfig"] = boost::json::object{{"TargetArn", *target}};
            else
                shown.erase("DeadLetterConfig");
        }
        static constexpr std::string_view modes[] = {"Active", "PassThrough"};
        if (const auto* const tracing = checks_.object(body_, "TracingConfig", "tracingConfig"))
            if (const auto mode = checks_.one_of(*tracing, "Mode", "tracingConfig.mode", modes))
                shown["TracingConfig"] = boost::json::object{{"Mode", *mode}};
        static constexpr std::string_view applied[] = {"PublishedVersions", "None"};
        if (const auto* const snap = checks_.object(body_, "SnapStart", "snapStart"))
            if (const auto on = checks_.one_of(*snap, "ApplyOn", "snapStart.applyOn", applied)) {
                if (*on != "None") refuse("SnapStart is not supported for the runtime of this function.");
                shown["SnapStart"] = boost::json::object{{"ApplyOn", "None"}, {"OptimizationStatus", "Off"}};
            }
        read_logging();
    }

    void read_logging() {
        const auto* const logging = checks_.object(body_, "LoggingConfig", "loggingConfig");
        if (logging == nullptr) return;
        static constexpr std::string_view formats[] = {"JSON", "Text"};
        static constexpr std::string_view levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
        static constexpr std::string_view system_levels[] = {"DEBUG", "INFO", "WARN"};
        static constexpr LambdaChecks::TextRule group{
            .least = 1, .most = 512, .pattern = "[\\.\\-_/#A-Za-z0-9]+", .matches = &is_lambda_log_group};
        auto config = settings_.shown["LoggingConfig"].as_object();
        if (const auto format = checks_.one_of(*logging, "LogFormat", "loggingConfig.logFormat", formats)) {
            config["LogFormat"] = *format;
            settings_.json_log = *format == "JSON";
            if (settings_.json_log) {
                if (!config.contains("ApplicationLogLevel")) config["ApplicationLogLevel"] = "INFO";
                if (!config.contains("SystemLogLevel")) config["SystemLogLevel"] = "INFO";
            } else {
                config.erase("ApplicationLogLevel");
                config.erase("SystemLogLevel");
            }
        }
        const auto level = checks_.one_of(*logging, "ApplicationLogLevel", "loggingConfig.applicationLogLevel", levels);
        const auto system = checks_.one_of(*logging, "SystemLogLevel", "loggingConfig.systemLogLevel", system_levels);
        if ((level || system) && !settings_.json_log)
            refuse("You cannot set the log level when the log format is Text.");
        if (level) config["ApplicationLogLevel"] = *level;
        if (system) config["SystemLogLevel"] = *system;
        if (const auto name = checks_.text(*logging, "LogGroup", "loggingConfig.logGroup", group))
            config["LogGroup"] = *name;
        settings_.shown["LoggingConfig"] = std::move(config);
    }

    void read_lists() {
        static constexpr std::string_view known[] = {"x86_64", "arm64"};
        if (const auto* const sent = body_.if_contains("Architectures"); sent != nullptr && sent->is_array())
            if (auto fine = read_architectures(sent->get_array(), known)) settings_.shown["Architectures"] = *fine;
        if (const auto* const layers = body_.if_contains("Layers");
            layers != nullptr && layers->is_array() && !layers->get_array().empty()) {
            if (layers->get_array().size() > 5) refuse("Cannot reference more than 5 layers.");
            const auto& first = layers->get_array().front();
            refuse("Layer version " + (first.is_string() ? std::string{first.get_string().c_str()} : std::string{}) +
                   " does not exist.");
        }
        if (const auto* const systems = body_.if_contains("FileSystemConfigs");
            systems != nullptr && systems->is_array() && !systems->get_array().empty())
            refuse("The local cloud has no file systems that a function could mount.");
        if (const auto* const network = checks_.object(body_, "VpcConfig", "vpcConfig")) {
            const auto* const subnets = network->if_contains("SubnetIds");
            if (subnets != nullptr && subnets->is_array() && !subnets->get_array().empty()) {
                const auto& first = subnets->get_array().front();
                refuse(
                    "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error "
                    "Message: The subnet ID '" +
                    (first.is_string() ? std::string{first.get_string().c_str()} : std::string{}) + "' does not exist");
            }
        }
    }

    std::optional<boost::json::array> read_architectures(const boost::json::array& sent,
                                                         std::span<const std::string_view> known) {
        std::string listed;
        bool right = true;
        for (const auto& value : sent) {
            const std::string_view text = value.is_string() ? std::string_view{value.get_string()} : "null";
            listed.append(listed.empty() ? "" : ", ").append(text);
            right &= std::find(known.begin(), known.end(), text) != known.end();
        }
        listed = '[' + listed + ']';
        if (sent.size() > 1)
            checks_.fail(listed, "architectures", "Member must have length less than or equal to 1");
        else if (sent.empty())
            checks_.fail(listed, "architectures", "Member must have length greater than or equal to 1");
        else if (!right)
            checks_.fail(listed, "architectures",
                         "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member "
                         "must not be null]");
        else
            return sent;
        return std::nullopt;
    }

    const boost::json::object& body_;
    LambdaSettings& settings_;
    LambdaChecks checks_;
    std::optional<Error> refused_;
};

BLUEPRINT_FAAS_DECL result<LambdaSettingsRequest> read_new_lambda_settings(const boost::json::object& body,
                                                                           std::string_view function_name) {
    LambdaSettingsRequest request;
    request.settings.shown = {
        {"Architectures", boost::json::array{"x86_64"}},
        {"Description", ""},
        {"EphemeralStorage", boost::json::object{{"Size", 512}}},
        {"LoggingConfig",
         boost::json::object{{"LogFormat", "Text"}, {"LogGroup", "/aws/lambda/" + std::string{function_name}}}},
        {"MemorySize", 128},
        {"PackageType", "Zip"},
        {"SnapStart", boost::json::object{{"ApplyOn", "None"}, {"OptimizationStatus", "Off"}}},
        {"Timeout", 3},
        {"TracingConfig", boost::json::object{{"Mode", "PassThrough"}}},
    };
    LambdaSettingsReader reader{body, request.settings};
    if (auto read = reader.read(true); !read) return read.error();
    request.names_role = true;
    return request;
}

BLUEPRINT_FAAS_DECL result<LambdaSettingsRequest> read_changed_lambda_settings(const boost::json::object& body,
                                                                               const LambdaSettings& old) {
    LambdaSettingsRequest request;
    request.settings = old;
    LambdaChecks checks;
    request.revision_id = checks.text(body, "RevisionId", "revisionId", {}).value_or("");
    if (auto fine = checks.outcome(); !fine) return fine.error();
    LambdaSettingsReader reader{body, request.settings};
    if (auto read = reader.read(false); !read) return read.error();
    request.names_role = body.contains("Role");
    return request;
}

BLUEPRINT_FAAS_DECL result<std::map<std::string, std::string, std::less<>>> read_lambda_tags(
    const boost::json::object& tags) {
    std::map<std::string, std::string, std::less<>> read;
    LambdaChecks checks;
    for (const auto& [key, value] : tags) {
        const std::string name{key.data(), key.size()};
        if (name.empty() || name.size() > 128)
            checks.fail('{' + name + "=...}", "tags",
                        "Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member "
                        "must have length greater than or equal to 1]");
        auto text = checks.text(tags, name, "tags", {.most = 256}, true);
        if (text) read.insert_or_assign(name, std::move(*text));
    }
    if (auto fine = checks.outcome(); !fine) return fine.error();
    return read;
}

}  // namespace blueprint::faas::local

#endif
