#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_MESSAGES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_MESSAGES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/aws_lambda_messages.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL Error lambda_invalid(std::string message) {
    return aws_refusal(400, "InvalidParameterValueException", std::move(message));
}
BLUEPRINT_FAAS_DECL Error lambda_absent(std::string message) {
    return aws_refusal(404, "ResourceNotFoundException", std::move(message));
}
BLUEPRINT_FAAS_DECL Error lambda_conflict(std::string message) {
    return aws_refusal(409, "ResourceConflictException", std::move(message));
}

BLUEPRINT_FAAS_DECL ServerAnswer lambda_failure(const Error& error) {
    // Which errors have a Type, and how the text is called, differs by who words them: the front or Lambda itself.
    static constexpr std::string_view of_the_front[] = {
        "ValidationException",          "AccessDeniedException",       "RequestEntityTooLargeException",
        "InvalidSignatureException",    "UnrecognizedClientException", "MissingAuthenticationTokenException",
        "IncompleteSignatureException", "ExpiredTokenException",       "SerializationException",
        "InvalidClientTokenId"};
    const bool front =
        std::find(std::begin(of_the_front), std::end(of_the_front), error.platform_code) != std::end(of_the_front);
    ServerAnswer answer;
    answer.status = error.http_status == 0 ? 500 : error.http_status;
    const std::string code = error.platform_code.empty() ? "ServiceException" : error.platform_code;
    boost::json::object body;
    if (!front) body["Type"] = answer.status < 500 ? "User" : "Service";
    const bool capital =
        code == "ResourceNotFoundException" || code == "AccessDeniedException" || code == "ServiceException";
    body[capital ? "Message" : "message"] = error.message;
    answer.body = answer_json(body);
    answer.headers.emplace_back("x-amzn-ErrorType", code);
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer lambda_throttled(std::string_view reason) {
    ServerAnswer answer;
    answer.status = 429;
    answer.body = answer_json(boost::json::object{{"Reason", reason}, {"Type", "User"}, {"message", "Rate Exceeded."}});
    answer.headers.emplace_back("x-amzn-ErrorType", "TooManyRequestsException");
    return answer;
}

struct LambdaRouteRow {
    LambdaOperation operation;
    std::string_view method;
    std::string_view version;     // the date that begins the path
    std::string_view collection;  // "functions", "tags" or "account-settings"
    std::string_view part;        // what follows the function's name
    bool item = false;            // whether something follows that
    bool named = true;            // whether the collection is followed by a name
};

inline constexpr LambdaRouteRow lambda_routes[] = {
    {LambdaOperation::create_function, "POST", "2015-03-31", "functions", "", false, false},
    {LambdaOperation::list_functions, "GET", "2015-03-31", "functions", "", false, false},
    {LambdaOperation::get_function, "GET", "2015-03-31", "functions", ""},
    {LambdaOperation::delete_function, "DELETE", "2015-03-31", "functions", ""},
    {LambdaOperation::get_configuration, "GET", "2015-03-31", "functions", "configuration"},
    {LambdaOperation::update_configuration, "PUT", "2015-03-31", "functions", "configuration"},
    {LambdaOperation::update_code, "PUT", "2015-03-31", "functions", "code"},
    {LambdaOperation::invoke, "POST", "2015-03-31", "functions", "invocations"},
    {LambdaOperation::invoke_with_response_stream, "POST", "2021-11-15", "functions", "response-streaming-invocations"},
    {LambdaOperation::publish_version, "POST", "2015-03-31", "functions", "versions"},
    {LambdaOperation::list_versions, "GET", "2015-03-31", "functions", "versions"},
    {LambdaOperation::create_alias, "POST", "2015-03-31", "functions", "aliases"},
    {LambdaOperation::list_aliases, "GET", "2015-03-31", "functions", "aliases"},
    {LambdaOperation::get_alias, "GET", "2015-03-31", "functions", "aliases", true},
    {LambdaOperation::update_alias, "PUT", "2015-03-31", "functions", "aliases", true},
    {LambdaOperation::delete_alias, "DELETE", "2015-03-31", "functions", "aliases", true},
    {LambdaOperation::put_concurrency, "PUT", "2017-10-31", "functions", "concurrency"},
    {LambdaOperation::delete_concurrency, "DELETE", "2017-10-31", "functions", "concurrency"},
    {LambdaOperation::get_concurrency, "GET", "2019-09-30", "functions", "concurrency"},
    {LambdaOperation::put_provisioned, "PUT", "2019-09-30", "functions", "provisioned-concurrency"},
    {LambdaOperation::get_provisioned, "GET", "2019-09-30", "functions", "provisioned-concurrency"},
    {LambdaOperation::delete_provisioned, "DELETE", "2019-09-30", "functions", "provisioned-concurrency"},
    {LambdaOperation::put_event_config, "PUT", "2019-09-25", "functions", "event-invoke-config"},
    {LambdaOperation::update_event_config, "POST", "2019-09-25", "functions", "event-invoke-config"},
    {LambdaOperation::get_event_config, "GET", "2019-09-25", "functions", "event-invoke-config"},
    {LambdaOperation::delete_event_config, "DELETE", "2019-09-25", "functions", "event-invoke-config"},
    {LambdaOperation::list_event_configs, "GET", "2019-09-25", "functions", "event-invoke-config", true},
    {LambdaOperation::add_permission, "POST", "2015-03-31", "functions", "policy"},
    {LambdaOperation::get_policy, "GET", "2015-03-31", "functions", "policy"},
    {LambdaOperation::remove_permission, "DELETE", "2015-03-31", "functions", "policy", true},
    {LambdaOperation::tag, "POST", "2017-03-31", "tags", ""},
    {LambdaOperation::untag, "DELETE", "2017-03-31", "tags", ""},
    {LambdaOperation::list_tags, "GET", "2017-03-31", "tags", ""},
    {LambdaOperation::account_settings, "GET", "2016-08-19", "account-settings", "", false, false},
};

inline std::vector<std::string_view> lambda_split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

BLUEPRINT_FAAS_DECL result<LambdaRoute> read_lambda_route(std::string_view method, std::string_view target) {
    const auto unknown = [] {
        return aws_refusal(403, "AccessDeniedException", "Unable to determine service/operation name to be authorized");
    };
    const auto mark = target.find('?');
    LambdaRoute route;
    route.query = aws_query(target);
    auto path = target.substr(0, mark);
    if (!path.starts_with('/')) return unknown();
    std::vector<std::string> segments;
    for (const auto segment : lambda_split(path.substr(1), '/')) {
        auto decoded = faas::detail::percent_decode(segment);
        if (!decoded) return unknown();
        segments.push_back(std::move(*decoded));
    }
    // Older clients end the path of a collection with a slash.
    if (segments.size() == 3 && segments.back().empty()) segments.pop_back();
    for (const auto& row : lambda_routes) {
        const std::size_t length = 2U + (row.named ? 1U : 0U) + (row.part.empty() ? 0U : 1U) + (row.item ? 1U : 0U);
        if (row.method != method || segments.size() != length || segments[0] != row.version ||
            segments[1] != row.collection)
            continue;
        if (!row.part.empty() && segments[3] != row.part) continue;
        if (std::any_of(segments.begin(), segments.end(), [](const auto& segment) { return segment.empty(); }))
            return unknown();
        route.operation = row.operation;
        if (row.collection == "tags")
            route.item = std::move(segments[2]);
        else if (row.named)
            route.function = std::move(segments[2]);
        if (row.item) route.item = std::move(segments[4]);
        if (row.operation == LambdaOperation::list_event_configs && route.item != "list") continue;
        return route;
    }
    return unknown();
}

BLUEPRINT_FAAS_DECL result<std::uint64_t> lambda_body_limit(const LambdaRoute& route, const ServerRequest& head) {
    std::uint64_t most = 1U << 20;
    std::string_view name = "this";
    std::string message;
    const std::uint64_t length = head.content_length.value_or(0);
    switch (route.operation) {
        case LambdaOperation::create_function:
        case LambdaOperation::update_code:
            most = 70'167'211;
            name = route.operation == LambdaOperation::create_function ? "CreateFunction" : "UpdateFunctionCode";
            break;
        case LambdaOperation::invoke:
        case LambdaOperation::invoke_with_response_stream:
            most = 6U << 20;
            name = route.operation == LambdaOperation::invoke ? "InvokeFunction" : "InvokeWithResponseStream";
            if (head.field("x-amz-invocation-type").value_or("") == "Event") {
                most = 1U << 20;
                message = std::to_string(length) +
                          " byte payload is too large for the Event invocation type (limit 1048576 bytes)";
            }
            break;
        default: break;
    }
    if (length <= most) return most;
    if (message.empty())
        message = "Request must be smaller than " + std::to_string(most) + " bytes for the " + std::string{name} +
                  " operation";
    return aws_refusal(413, "RequestEntityTooLargeException", std::move(message));
}

BLUEPRINT_FAAS_DECL bool is_lambda_word(std::string_view text) noexcept {
    return !text.empty() &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               std::string_view::npos;
}

inline bool is_lambda_digits(std::string_view text, std::size_t count) noexcept {
    return text.size() == count && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Tells whether `text` looks like a region: "eu-central-1".
inline bool is_lambda_region(std::string_view text) noexcept {
    const auto last = text.rfind('-');
    if (last == std::string_view::npos || !is_lambda_digits(text.substr(last + 1), 1)) return false;
    const auto parts = lambda_split(text.substr(0, last), '-');
    if (parts.size() < 2 || parts.size() > 4) return false;
    return std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
        return part.size() >= 2 && part.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
    });
}

/// A name taken apart; empty are the parts that it does not have.
struct LambdaNameParts {
    std::string_view region{};
    std::string_view account{};
    std::string_view name{};
    std::string_view qualifier{};
};

inline std::optional<LambdaNameParts> split_lambda_name(std::string_view text) {
    auto parts = lambda_split(text, ':');
    std::size_t at = 0;
    LambdaNameParts found;
    if (parts[0] == "arn") {
        if (parts.size() < 7 || !parts[1].starts_with("aws") || parts[2] != "lambda" || !is_lambda_region(parts[3]) ||
            !is_lambda_digits(parts[4], 12) || parts[5] != "function")
            return std::nullopt;
        found.region = parts[3];
        found.account = parts[4];
        at = 6;
    } else {
        if (parts.size() - at > 1 && is_lambda_region(parts[at])) found.region = parts[at++];
        if (parts.size() - at > 1 && is_lambda_digits(parts[at], 12)) found.account = parts[at++];
        if (parts.size() - at > 1 && parts[at] == "function") ++at;
    }
    if (parts.size() - at > 2) return std::nullopt;
    found.name = parts[at];
    if (!is_lambda_word(found.name)) return std::nullopt;
    if (parts.size() - at == 2) {
        found.qualifier = parts[at + 1];
        if (found.qualifier != "$LATEST" && !is_lambda_word(found.qualifier)) return std::nullopt;
    }
    return found;
}

inline bool is_lambda_name(std::string_view text) { return split_lambda_name(text).has_value(); }

inline bool is_lambda_qualifier(std::string_view text) {
    return !text.empty() &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_$") ==
               std::string_view::npos;
}

inline constexpr LambdaChecks::TextRule lambda_name_rule{
    .least = 1,
    .most = 140,
    .pattern =
        "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?("
        "function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
    .matches = &is_lambda_name};
inline constexpr LambdaChecks::TextRule lambda_long_name_rule{
    .least = 1, .most = 256, .pattern = lambda_name_rule.pattern, .matches = &is_lambda_name};
inline constexpr LambdaChecks::TextRule lambda_qualifier_rule{
    .least = 1, .most = 128, .pattern = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+", .matches = &is_lambda_qualifier};

BLUEPRINT_FAAS_DECL std::string lambda_arn(const AwsOptions& options, std::string_view name,
                                           std::string_view qualifier) {
    std::string arn = "arn:aws:lambda:" + options.region + ':' + options.account_id + ":function:";
    arn.append(name);
    if (!qualifier.empty()) arn.append(1, ':').append(qualifier);
    return arn;
}

BLUEPRINT_FAAS_DECL result<LambdaTarget> read_lambda_target(const LambdaRoute& route, const AwsOptions& options,
                                                            bool namespaced) {
    LambdaChecks checks;
    const auto sent = route.parameter("Qualifier");
    if (sent) checks.check(*sent, "qualifier", lambda_qualifier_rule);
    checks.check(route.function, "functionName", namespaced ? lambda_long_name_rule : lambda_name_rule);
    if (auto fine = checks.outcome(); !fine) return fine.error();
    const auto parts = *split_lambda_name(route.function);
    if (!parts.region.empty() && parts.region != options.region)
        return lambda_absent("Functions from '" + std::string{parts.region} + "' are not reachable in this region ('" +
                             options.region + "')");
    LambdaTarget target{.name = std::string{parts.name}, .qualifier = std::string{parts.qualifier}};
    if (!parts.account.empty() && parts.account != options.account_id)
        return aws_refusal(403, "AccessDeniedException",
                           "The function is of account " + std::string{parts.account} +
                               ", and no resource-based policy of it allows this account the action");
    if (sent && !parts.qualifier.empty() && *sent != parts.qualifier)
        return lambda_invalid("The derived qualifier from the function name does not match the specified qualifier.");
    if (sent) target.qualifier = *sent;
    return target;
}

BLUEPRINT_FAAS_DECL void LambdaChecks::fail(std::string_view value, std::string_view member, std::string constraint) {
    failures_.push_back("Value '" + std::string{value} + "' at '" + std::string{member} +
                        "' failed to satisfy constraint: " + std::move(constraint));
}

BLUEPRINT_FAAS_DECL void LambdaChecks::wrong_type(std::string_view member, std::string_view wanted) {
    if (wrong_type_.empty())
        wrong_type_ = "The value of '" + std::string{member} + "' can not be converted to " + std::string{wanted};
}

BLUEPRINT_FAAS_DECL void LambdaChecks::check(std::string_view value, std::string_view member, const TextRule& rule) {
    if (value.size() > rule.most)
        fail(value, member, "Member must have length less than or equal to " + std::to_string(rule.most));
    else if (value.size() < rule.least)
        fail(value, member, "Member must have length greater than or equal to " + std::to_string(rule.least));
    else if (rule.matches != nullptr && !rule.matches(value))
        fail(value, member, "Member must satisfy regular expression pattern: " + std::string{rule.pattern});
}

inline const boost::json::value* lambda_member(const boost::json::object& json, std::string_view name) {
    const auto* const found = json.if_contains(name);
    return found == nullptr || found->is_null() ? nullptr : found;
}

BLUEPRINT_FAAS_DECL std::optional<std::string> LambdaChecks::text(const boost::json::object& json,
                                                                  std::string_view name, std::string_view member,
                                                                  const TextRule& rule, bool required) {
    const auto* const found = lambda_member(json, name);
    if (found == nullptr) {
        if (required)
            failures_.push_back("Value null at '" + std::string{member} +
                                "' failed to satisfy constraint: Member must not be null");
        return std::nullopt;
    }
    if (!found->is_string()) {
        wrong_type(member, "a String");
        return std::nullopt;
    }
    std::string value{found->get_string().data(), found->get_string().size()};
    check(value, member, rule);
    return value;
}

BLUEPRINT_FAAS_DECL std::optional<std::string> LambdaChecks::one_of(const boost::json::object& json,
                                                                    std::string_view name, std::string_view member,
                                                                    std::span<const std::string_view> values) {
    auto value = text(json, name, member, {});
    if (!value || std::find(values.begin(), values.end(), *value) != values.end()) return value;
    std::string set;
    for (const auto allowed : values) set.append(set.empty() ? "" : ", ").append(allowed);
    fail(*value, member, "Member must satisfy enum value set: [" + set + ']');
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::optional<std::int64_t> LambdaChecks::number(const boost::json::object& json,
                                                                     std::string_view name, std::string_view member,
                                                                     std::int64_t least, std::int64_t most,
                                                                     bool required) {
    const auto* const found = lambda_member(json, name);
    if (found == nullptr) {
        if (required)
            failures_.push_back("Value null at '" + std::string{member} +
                                "' failed to satisfy constraint: Member must not be null");
        return std::nullopt;
    }
    boost::system::error_code failed;
    const auto value = found->to_number<std::int64_t>(failed);
    if (failed) {
        wrong_type(member, "an Integer");
        return std::nullopt;
    }
    if (value > most)
        fail(std::to_string(value), member, "Member must have value less than or equal to " + std::to_string(most));
    else if (value < least)
        fail(std::to_string(value), member, "Member must have value greater than or equal to " + std::to_string(least));
    return value;
}

BLUEPRINT_FAAS_DECL std::optional<bool> LambdaChecks::boolean(const boost::json::object& json, std::string_view name,
                                                              std::string_view member) {
    const auto* const found = lambda_member(json, name);
    if (found == nullptr) return std::nullopt;
    if (found->is_bool()) return found->get_bool();
    wrong_type(member, "a Boolean");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL const boost::json::object* LambdaChecks::object(const boost::json::object& json,
                                                                    std::string_view name, std::string_view member) {
    const auto* const found = lambda_member(json, name);
    if (found == nullptr) return nullptr;
    if (found->is_object()) return &found->get_object();
    wrong_type(member, "a structure");
    return nullptr;
}

BLUEPRINT_FAAS_DECL result<void> LambdaChecks::outcome() const {
    if (!wrong_type_.empty()) return aws_refusal(400, "SerializationException", wrong_type_);
    if (failures_.empty()) return {};
    std::string message =
        std::to_string(failures_.size()) + " validation error" + (failures_.size() == 1 ? "" : "s") + " detected: ";
    for (std::size_t i = 0; i < failures_.size(); ++i) message += (i == 0 ? "" : "; ") + failures_[i];
    return aws_refusal(400, "ValidationException", std::move(message));
}

BLUEPRINT_FAAS_DECL result<boost::json::object> read_lambda_body(const ServerRequest& request) {
    const auto text = faas::detail::text_of(request.body);
    if (text.empty()) return boost::json::object{};
    boost::system::error_code failed;
    auto value = boost::json::parse(text, failed);
    if (failed || !value.is_object())
        return aws_refusal(
            400, "SerializationException",
            "Could not parse request body into json: " + (failed ? failed.message() : std::string{"it is no object"}));
    return std::move(value.get_object());
}

}  // namespace blueprint::faas::local

#endif
