#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_DETAILS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_DETAILS_IPP

#include "blueprint/faas/local/impl/aws_lambda.ipp"
#include "blueprint/faas/local/impl/aws_lambda_settings.ipp"

namespace blueprint::faas::local {

// What functions have besides: how events are treated, who may invoke, tags.

inline std::string or_latest(const std::string& qualifier) { return qualifier.empty() ? "$LATEST" : qualifier; }

inline boost::json::object describe_event_config(const LambdaEventConfig& config, std::string function_arn) {
    boost::json::object json{
        {"DestinationConfig", config.destinations},
        {"FunctionArn", std::move(function_arn)},
        {"LastModified",
         std::chrono::duration_cast<std::chrono::seconds>(config.last_modified.time_since_epoch()).count()}};
    if (config.retries) json["MaximumRetryAttempts"] = *config.retries;
    if (config.age_seconds) json["MaximumEventAgeInSeconds"] = *config.age_seconds;
    return json;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::put_event_config(const LambdaRoute& route,
                                                                     const boost::json::object& body, bool replace) {
    const auto target = target_of(route);
    if (!target) return target.error();
    LambdaChecks checks;
    const auto retries = checks.number(body, "MaximumRetryAttempts", "maximumRetryAttempts", 0, 2);
    const auto age = checks.number(body, "MaximumEventAgeInSeconds", "maximumEventAgeInSeconds", 60, 21'600);
    const auto* const sent = checks.object(body, "DestinationConfig", "destinationConfig");
    boost::json::object destinations{{"OnFailure", boost::json::object{}}, {"OnSuccess", boost::json::object{}}};
    if (sent != nullptr) {
        for (const char* const end : {"OnFailure", "OnSuccess"}) {
            const auto* const one = checks.object(*sent, end, "destinationConfig");
            const auto where =
                one == nullptr ? std::nullopt : checks.text(*one, "Destination", "destinationConfig", {.most = 350});
            if (where && !where->empty()) destinations[end] = boost::json::object{{"Destination", *where}};
        }
    }
    if (auto fine = checks.outcome(); !fine) return fine.error();
    if (!retries && !age && sent == nullptr)
        return lambda_invalid("You must specify at least one of error handling or destination setting.");
    const auto qualifier = or_latest(target->qualifier);
    if (const auto found = resolve(*target); !found) return lambda_absent("The function doesn't exist.");
    auto& configs = find(target->name)->event_configs;
    if (!replace && configs.find(qualifier) == configs.end())
        return lambda_absent("The function " + arn(target->name, qualifier) + " doesn't have an EventInvokeConfig");
    if (replace) configs.insert_or_assign(qualifier, LambdaEventConfig{});
    auto& config = configs[qualifier];
    if (retries) config.retries = *retries;
    if (age) config.age_seconds = *age;
    if (sent != nullptr || replace) config.destinations = std::move(destinations);
    config.last_modified = std::chrono::system_clock::now();
    return json_answer(200, describe_event_config(config, arn(target->name, qualifier)));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::get_event_config(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    const auto qualifier = or_latest(target->qualifier);
    const auto absent = [&] {
        return lambda_absent("The function " + arn(target->name, qualifier) + " doesn't have an EventInvokeConfig");
    };
    const auto function = find(target->name);
    if (!function) return absent();
    const auto config = function->event_configs.find(qualifier);
    if (config == function->event_configs.end()) return absent();
    return json_answer(200, describe_event_config(config->second, arn(target->name, qualifier)));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::delete_event_config(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    const auto qualifier = or_latest(target->qualifier);
    const auto function = find(target->name);
    if (!function || function->event_configs.erase(qualifier) == 0)
        return lambda_absent("The function " + arn(target->name, qualifier) + " doesn't have an EventInvokeConfig");
    ServerAnswer answer;
    answer.status = 204;
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::list_event_configs(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    const auto function = find(target->name);
    if (!function) return lambda_absent("The function doesn't exist.");
    std::vector<std::pair<std::string, boost::json::object>> entries;
    for (const auto& [qualifier, config] : function->event_configs)
        entries.emplace_back(qualifier, describe_event_config(config, arn(target->name, qualifier)));
    auto page = lambda_page(route, "FunctionEventInvokeConfigs", std::move(entries), 50);
    if (!page) return page.error();
    return json_answer(200, *page);
}

inline bool is_lambda_statement(std::string_view text) { return is_lambda_word(text); }
inline bool is_lambda_action(std::string_view text) { return text == "*" || text.starts_with("lambda:"); }

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::add_permission(const LambdaRoute& route,
                                                                   const boost::json::object& body) {
    const auto target = target_of(route);
    if (!target) return target.error();
    LambdaChecks checks;
    static constexpr LambdaChecks::TextRule id_rule{
        .least = 1, .most = 100, .pattern = "([a-zA-Z0-9-_]+)", .matches = &is_lambda_statement};
    static constexpr LambdaChecks::TextRule action_rule{.pattern = "(lambda:[*]|lambda:[a-zA-Z]+|[*])",
                                                        .matches = &is_lambda_action};
    static constexpr LambdaChecks::TextRule principal_rule{
        .most = 2048, .pattern = "[^\\s]+", .matches = &has_no_blank};
    static constexpr std::string_view url_types[] = {"NONE", "AWS_IAM"};
    const auto id = checks.text(body, "StatementId", "statementId", id_rule, true);
    const auto action = checks.text(body, "Action", "action", action_rule, true);
    const auto principal = checks.text(body, "Principal", "principal", principal_rule, true);
    const auto source = checks.text(body, "SourceArn", "sourceArn", {});
    const auto account = checks.text(body, "SourceAccount", "sourceAccount", {.most = 12});
    const auto token = checks.text(body, "EventSourceToken", "eventSourceToken", {.most = 256});
    const auto organisation = checks.text(body, "PrincipalOrgID", "principalOrgID", {.least = 12, .most = 34});
    const auto url_type = checks.one_of(body, "FunctionUrlAuthType", "functionUrlAuthType", url_types);
    const auto by_url = checks.boolean(body, "InvokedViaFunctionUrl", "invokedViaFunctionUrl");
    const auto revision = checks.text(body, "RevisionId", "revisionId", {}).value_or("");
    if (auto fine = checks.outcome(); !fine) return fine.error();
    if (target->qualifier == "$LATEST")
        return lambda_invalid("We currently do not support adding policies for $LATEST.");
    const auto found = resolve(*target);
    if (!found) return found.error();
    auto& policy = found->function->policies[target->qualifier];
    if (!revision.empty() && revision != policy.revision_id)
        return aws_refusal(412, "PreconditionFailedException",
                           "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to "
                           "retrieve the latest Revision Id");
    for (const auto& [known, statement] : policy.statements)
        if (known == *id)
            return lambda_conflict("The statement id (" + *id +
                                   ") provided already exists. Please provide a new statement id, or remove the "
                                   "existing statement.");
    boost::json::object statement{{"Sid", *id}, {"Effect", "Allow"}};
    const bool number = principal->size() == 12 && principal->find_first_not_of("0123456789") == std::string::npos;
    if (*principal == "*")
        statement["Principal"] = "*";
    else if (number)
        statement["Principal"] = boost::json::object{{"AWS", "arn:aws:iam::" + *principal + ":root"}};
    else if (principal->starts_with("arn:"))
        statement["Principal"] = boost::json::object{{"AWS", *principal}};
    else if (principal->find('.') != std::string::npos)
        statement["Principal"] = boost::json::object{{"Service", *principal}};
    else
        return lambda_invalid("The provided principal was invalid. Please check the principal and try again.");
    statement["Action"] = *action;
    statement["Resource"] = arn(target->name, target->qualifier);
    boost::json::object condition;
    boost::json::object equals;
    if (account) equals["AWS:SourceAccount"] = *account;
    if (token) equals["lambda:EventSourceToken"] = *token;
    if (organisation) equals["aws:PrincipalOrgID"] = *organisation;
    if (url_type) equals["lambda:FunctionUrlAuthType"] = *url_type;
    if (!equals.empty()) condition["StringEquals"] = std::move(equals);
    if (by_url) condition["Bool"] = boost::json::object{{"lambda:InvokedViaFunctionUrl", *by_url ? "true" : "false"}};
    if (source) condition["ArnLike"] = boost::json::object{{"AWS:SourceArn", *source}};
    if (!condition.empty()) statement["Condition"] = std::move(condition);
    auto text = boost::json::serialize(statement);
    std::size_t bytes = text.size();
    for (const auto& [known, other] : policy.statements) bytes += boost::json::serialize(other).size();
    if (bytes > 20'480)
        return aws_refusal(400, "PolicyLengthExceededException",
                           "The final policy size (" + std::to_string(bytes) + ") is bigger than the limit (20480).");
    policy.statements.emplace_back(*id, std::move(statement));
    policy.revision_id = random_uuid();
    return json_answer(201, {{"Statement", text}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::remove_permission(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    const auto function = find(target->name);
    if (!function) return lambda_absent("No policy found for: " + arn(target->name, target->qualifier));
    const auto policy = function->policies.find(target->qualifier);
    if (policy == function->policies.end() || policy->second.statements.empty())
        return lambda_absent("No policy is associated with the given resource.");
    auto& statements = policy->second.statements;
    const auto statement = std::find_if(statements.begin(), statements.end(),
                                        [&](const auto& entry) { return entry.first == route.item; });
    if (statement == statements.end())
        return lambda_absent("Statement " + route.item + " is not found in resource policy.");
    statements.erase(statement);
    policy->second.revision_id = random_uuid();
    ServerAnswer answer;
    answer.status = 204;
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::get_policy(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    const auto found = resolve(*target);
    if (!found) return found.error();
    const auto policy = found->function->policies.find(target->qualifier);
    if (policy == found->function->policies.end() || policy->second.statements.empty())
        return lambda_absent("The resource you requested does not exist.");
    boost::json::array statements;
    for (const auto& [id, statement] : policy->second.statements) statements.push_back(statement);
    boost::json::object document{{"Version", "2012-10-17"}, {"Id", "default"}};
    document["Statement"] = std::move(statements);
    return json_answer(200, {{"Policy", boost::json::serialize(document)}, {"RevisionId", policy->second.revision_id}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::handle_tags(const LambdaRoute& route,
                                                                const boost::json::object& body) {
    LambdaRoute named;
    named.function = route.item;
    const auto target = target_of(named, true);
    if (!target || !route.item.starts_with("arn:"))
        return aws_refusal(400, "ValidationException",
                           "1 validation error detected: Value '" + route.item +
                               "' at 'resource' failed to satisfy constraint: Member must satisfy regular expression "
                               "pattern: arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:"
                               "\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?)");
    if (!target->qualifier.empty())
        return lambda_invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.");
    const auto found = function_of(*target);
    if (!found) return found.error();
    auto& tags = (*found)->tags;
    ServerAnswer answer;
    answer.status = 204;
    if (route.operation == LambdaOperation::list_tags) {
        boost::json::object listed;
        for (const auto& [name, value] : tags) listed[name] = value;
        boost::json::object json;
        json["Tags"] = std::move(listed);
        return json_answer(200, json);
    }
    if (route.operation == LambdaOperation::untag) {
        bool any = false;
        for (const auto& parameter : route.query) {
            if (parameter.name != "tagKeys") continue;
            any = true;
            tags.erase(parameter.value);
        }
        if (any) return answer;
        return aws_refusal(400, "ValidationException",
                           "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member "
                           "must not be null");
    }
    LambdaChecks checks;
    const auto* const sent = checks.object(body, "Tags", "tags");
    if (auto fine = checks.outcome(); !fine) return fine.error();
    if (sent == nullptr || sent->empty())
        return lambda_invalid("An error occurred and the request cannot be processed.");
    auto read = read_lambda_tags(*sent);
    if (!read) return read.error();
    auto merged = tags;
    for (auto& [name, value] : *read) merged.insert_or_assign(name, std::move(value));
    if (merged.size() > 50) return lambda_invalid("Number of tags exceeds resource tag limit.");
    tags = std::move(merged);
    return answer;
}

}  // namespace blueprint::faas::local

#endif
