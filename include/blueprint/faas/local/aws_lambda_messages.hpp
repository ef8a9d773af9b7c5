#ifndef BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_MESSAGES_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_LAMBDA_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

// What Lambda's requests say and how its answers look, apart from what functions there are.
// Source: AWS Lambda API Reference.

/// Answers with an error in Lambda's shape: its code in `x-amzn-ErrorType`, its text in the body.
BLUEPRINT_FAAS_DECL ServerAnswer lambda_failure(const Error& error);

/// Answers 429. `reason` is one of ThrottleReason.
BLUEPRINT_FAAS_DECL ServerAnswer lambda_throttled(std::string_view reason);

/// Makes the error of a value that Lambda itself refuses.
BLUEPRINT_FAAS_DECL Error lambda_invalid(std::string message);
/// Makes the error of something that is not there.
BLUEPRINT_FAAS_DECL Error lambda_absent(std::string message);
/// Makes the error of something that is there already, or is being changed.
BLUEPRINT_FAAS_DECL Error lambda_conflict(std::string message);

/// The operations of the API that are here.
enum class LambdaOperation {
    create_function,
    get_function,
    get_configuration,
    update_code,
    update_configuration,
    delete_function,
    list_functions,
    invoke,
    invoke_with_response_stream,
    publish_version,
    list_versions,
    create_alias,
    get_alias,
    update_alias,
    delete_alias,
    list_aliases,
    put_concurrency,
    get_concurrency,
    delete_concurrency,
    put_provisioned,
    get_provisioned,
    delete_provisioned,
    put_event_config,
    update_event_config,
    get_event_config,
    delete_event_config,
    list_event_configs,
    add_permission,
    get_policy,
    remove_permission,
    tag,
    untag,
    list_tags,
    account_settings,
};

/// What method, path and query mean. `function` is as it was sent, decoded; `item` is an alias, a statement or, of the
/// tags, an ARN.
struct LambdaRoute {
    LambdaOperation operation = LambdaOperation::account_settings;
    std::string function{};
    std::string item{};
    std::vector<AwsParameter> query{};

    /// Returns the first value of that name; nothing if it was not sent.
    std::optional<std::string_view> parameter(std::string_view name) const noexcept {
        for (const auto& entry : query)
            if (entry.name == name) return entry.value;
        return std::nullopt;
    }
};

/// Reads method and target; 403 for what is no operation, as the service answers a doubled slash.
BLUEPRINT_FAAS_DECL result<LambdaRoute> read_lambda_route(std::string_view method, std::string_view target);

/// Tells how long the body of an operation may be, and refuses one that announces more.
BLUEPRINT_FAAS_DECL result<std::uint64_t> lambda_body_limit(const LambdaRoute& route, const ServerRequest& head);

/// A function as a request names it.
struct LambdaTarget {
    std::string name{};
    std::string qualifier{};  ///< a version, an alias or "$LATEST"; empty: none was given
};

/// Reads the name of `route`, in all its forms (NAME, NAME:QUALIFIER, ACCOUNT:function:NAME, an ARN), and the Qualifier
/// of the query. `namespaced`: of the operations that take longer names. Refuses functions that are elsewhere.
BLUEPRINT_FAAS_DECL result<LambdaTarget> read_lambda_target(const LambdaRoute& route, const AwsOptions& options,
                                                            bool namespaced);

/// Writes the ARN of a function, with its qualifier if it has one.
BLUEPRINT_FAAS_DECL std::string lambda_arn(const AwsOptions& options, std::string_view name,
                                           std::string_view qualifier = {});

/// Collects what is wrong with a request, and words it as the service does: all of it in one answer.
class LambdaChecks {
public:
    /// `pattern` is what the API's model says; `matches` does the same.
    struct TextRule {
        std::size_t least = 0;
        std::size_t most = 10'000;
        std::string_view pattern{};
        bool (*matches)(std::string_view) = nullptr;
    };

    /// Notes that `value`, which stands at `member`, breaks `constraint`.
    void fail(std::string_view value, std::string_view member, std::string constraint);
    /// Notes what is wrong with a text.
    void check(std::string_view value, std::string_view member, const TextRule& rule);

    /// Returns the text at `name`; nothing if it is absent, null or wrong. In messages it is `member`.
    std::optional<std::string> text(const boost::json::object& json, std::string_view name, std::string_view member,
                                    const TextRule& rule, bool required = false);
    std::optional<std::string> one_of(const boost::json::object& json, std::string_view name, std::string_view member,
                                      std::span<const std::string_view> values);
    std::optional<std::int64_t> number(const boost::json::object& json, std::string_view name, std::string_view member,
                                       std::int64_t least, std::int64_t most, bool required = false);
    std::optional<bool> boolean(const boost::json::object& json, std::string_view name, std::string_view member);
    /// Returns the object at `name`; null if it is absent or wrong.
    const boost::json::object* object(const boost::json::object& json, std::string_view name, std::string_view member);

    /// Tells the first wrong type, or all broken constraints.
    result<void> outcome() const;

private:
    void wrong_type(std::string_view member, std::string_view wanted);

    std::vector<std::string> failures_;
    std::string wrong_type_;
};

/// Reads a request's body, a JSON object; an empty one is one without members.
BLUEPRINT_FAAS_DECL result<boost::json::object> read_lambda_body(const ServerRequest& request);

/// Tells whether `text` is letters, digits, '-' and '_', and not empty.
BLUEPRINT_FAAS_DECL bool is_lambda_word(std::string_view text) noexcept;

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_lambda_messages.ipp"
#endif

#endif
