#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_VERSIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_VERSIONS_IPP

#include "blueprint/faas/local/impl/aws_lambda.ipp"

namespace blueprint::faas::local {

/// Publishes "$LATEST", or returns the version that was published last if it is the same.
BLUEPRINT_FAAS_DECL LambdaVersion& AwsLambda::publish(LambdaFunction& function, std::optional<std::string> description,
                                                      bool pending) {
    const auto& latest = function.latest;
    if (const auto last = function.versions.find(function.last_version); last != function.versions.end()) {
        const auto& version = last->second;
        if (version.code->sha256_base64 == latest.code->sha256_base64 && *version.made_from == *latest.settings)
            return last->second;
    }
    LambdaVersion version;
    const auto number = ++function.last_version;
    version.version = std::to_string(number);
    version.made_from = latest.settings;
    version.code = latest.code;
    version.settings = latest.settings;
    if (description) {
        auto described = std::make_shared<LambdaSettings>(*latest.settings);
        described->shown["Description"] = *description;
        version.settings = std::move(described);
    }
    version.revision_id = random_uuid();
    version.last_modified = latest.last_modified;
    version.pending = pending;
    version.ready_at = latest.ready_at;
    version.pool = make_pool(function.name, version);
    return function.versions.insert_or_assign(number, std::move(version)).first->second;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::publish_version(const LambdaRoute& route,
                                                                    const boost::json::object& body) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    LambdaChecks checks;
    auto description = checks.text(body, "Description", "description", {.most = 256});
    const auto revision = checks.text(body, "RevisionId", "revisionId", {}).value_or("");
    const auto sha256 = checks.text(body, "CodeSha256", "codeSha256", {});
    if (auto fine = checks.outcome(); !fine) return fine.error();
    auto found = function_of(*target);
    if (!found) return found.error();
    auto& function = **found;
    if (auto free = not_busy(function); !free) return free.error();
    if (auto same = same_revision(revision, function.latest.revision_id); !same) return same.error();
    if (sha256 && *sha256 != function.latest.code->sha256_base64)
        return lambda_invalid("CodeSHA256 (" + *sha256 + ") is different from current CodeSHA256 in $LATEST (" +
                              function.latest.code->sha256_base64 +
                              "). Please try again with the CodeSHA256 in $LATEST.");
    const auto& version = publish(function, std::move(description), false);
    return json_answer(201, describe(function, version, version.version, Shown::all));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::list_versions(const LambdaRoute& route) {
    auto target = target_of(route, true);
    if (!target) return target.error();
    target->qualifier.clear();
    const auto found = function_of(*target);
    if (!found) return found.error();
    const auto& function = **found;
    std::vector<std::pair<std::string, boost::json::object>> entries;
    entries.emplace_back("$LATEST", describe(function, function.latest, "$LATEST", Shown::listed));
    for (const auto& [number, version] : function.versions)
        entries.emplace_back(version.version, describe(function, version, version.version, Shown::listed));
    auto page = lambda_page(route, "Versions", std::move(entries), 50);
    if (!page) return page.error();
    return json_answer(200, *page);
}

inline bool is_lambda_alias(std::string_view text) {
    return is_lambda_word(text) && text.find_first_not_of("0123456789") != std::string_view::npos;
}
inline bool is_lambda_version(std::string_view text) {
    return text == "$LATEST" || (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos);
}
inline constexpr LambdaChecks::TextRule lambda_alias_rule{
    .least = 1, .most = 128, .pattern = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)", .matches = &is_lambda_alias};
inline constexpr LambdaChecks::TextRule lambda_version_rule{
    .least = 1, .most = 1024, .pattern = "(\\$LATEST(\\.PUBLISHED)?|[0-9]+)", .matches = &is_lambda_version};

BLUEPRINT_FAAS_DECL boost::json::object AwsLambda::describe_alias(const LambdaFunction& function,
                                                                  const LambdaAlias& alias) const {
    boost::json::object json{{"AliasArn", arn(function.name, alias.name)},
                             {"Description", alias.description},
                             {"FunctionVersion", alias.version},
                             {"Name", alias.name},
                             {"RevisionId", alias.revision_id}};
    if (alias.additional)
        json["RoutingConfig"] = boost::json::object{
            {"AdditionalVersionWeights", boost::json::object{{alias.additional->first, alias.additional->second}}}};
    return json;
}

/// Sets the version and the routing of an alias as a request has them.
BLUEPRINT_FAAS_DECL result<void> AwsLambda::read_routing(LambdaFunction& function, LambdaAlias& alias,
                                                         const boost::json::object& body) {
    LambdaChecks checks;
    constexpr std::string_view member = "routingConfig.additionalVersionWeights";
    if (auto version = checks.text(body, "FunctionVersion", "functionVersion", lambda_version_rule))
        alias.version = std::move(*version);
    if (auto description = checks.text(body, "Description", "description", {.most = 256}))
        alias.description = std::move(*description);
    const auto* const routing = checks.object(body, "RoutingConfig", "routingConfig");
    const auto* const weights =
        routing == nullptr ? nullptr : checks.object(*routing, "AdditionalVersionWeights", member);
    if (routing != nullptr) alias.additional.reset();
    if (weights != nullptr) {
        for (const auto& [key, value] : *weights) {
            const std::string version{key.data(), key.size()};
            boost::system::error_code failed;
            const double weight = value.to_number<double>(failed);
            const std::string shown = '{' + version + '=' + boost::json::serialize(value) + '}';
            if (version.empty() || version.find_first_not_of("0123456789") != std::string::npos)
                checks.fail(shown, member,
                            "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
                            "Member must have length greater than or equal to 1, Member must satisfy regular "
                            "expression pattern: [0-9]+]");
            else if (failed || weight < 0.0 || weight > 1.0)
                checks.fail(shown, member,
                            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
                            "Member must have value greater than or equal to 0.0, Member must not be null]");
            else
                alias.additional.emplace(version, weight);
        }
    }
    if (auto fine = checks.outcome(); !fine) return fine.error();
    if (weights != nullptr && weights->size() > 1)
        return lambda_invalid("Number of items in AdditionalVersionWeights cannot be greater than 1");
    if (function.find(alias.version) == nullptr)
        return lambda_absent("Function not found: " + arn(function.name, alias.version));
    if (!alias.additional) return {};
    if (alias.version == "$LATEST")
        return lambda_invalid("$LATEST is not supported for an alias pointing to more than 1 version");
    if (alias.additional->first == alias.version)
        return lambda_invalid("Invalid function version " + alias.version + ". Function version " + alias.version +
                              " is already included in routing configuration.");
    if (function.find(alias.additional->first) == nullptr)
        return lambda_absent("Function not found: " + arn(function.name, alias.additional->first));
    return {};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::create_alias(const LambdaRoute& route,
                                                                 const boost::json::object& body) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    LambdaChecks checks;
    LambdaAlias alias;
    alias.name = checks.text(body, "Name", "name", lambda_alias_rule, true).value_or("");
    const auto version = checks.text(body, "FunctionVersion", "functionVersion", lambda_version_rule, true);
    if (auto fine = checks.outcome(); !fine) return fine.error();
    auto function = find(target->name);
    if (!function) return lambda_absent("Function not found: " + arn(target->name, *version));
    if (auto read = read_routing(*function, alias, body); !read) return read.error();
    if (function->aliases.find(alias.name) != function->aliases.end())
        return lambda_conflict("Alias already exists: " + arn(function->name, alias.name));
    alias.revision_id = random_uuid();
    auto shown = describe_alias(*function, alias);
    function->aliases.insert_or_assign(alias.name, std::move(alias));
    return json_answer(201, shown);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::update_alias(const LambdaRoute& route,
                                                                 const boost::json::object& body) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    LambdaChecks checks;
    checks.check(route.item, "name", lambda_alias_rule);
    const auto revision = checks.text(body, "RevisionId", "revisionId", {}).value_or("");
    if (auto fine = checks.outcome(); !fine) return fine.error();
    auto function = find(target->name);
    if (!function) return lambda_absent("Function not found: " + arn(target->name));
    const auto found = function->aliases.find(route.item);
    if (found == function->aliases.end()) return lambda_absent("Alias not found: " + arn(target->name, route.item));
    if (auto same = same_revision(revision, found->second.revision_id); !same) return same.error();
    LambdaAlias alias = found->second;
    if (auto read = read_routing(*function, alias, body); !read) return read.error();
    alias.revision_id = random_uuid();
    const bool moved = alias.version != found->second.version;
    found->second = std::move(alias);
    if (moved && function->provisioned.find(route.item) != function->provisioned.end()) provision(function, route.item);
    if (moved) release_provisioned(*function);
    return json_answer(200, describe_alias(*function, found->second));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::get_alias(const LambdaRoute& route) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    const auto function = find(target->name);
    const auto absent = [&] { return lambda_absent("Cannot find alias arn: " + arn(target->name, route.item)); };
    if (!function) return absent();
    const auto found = function->aliases.find(route.item);
    if (found == function->aliases.end()) return absent();
    return json_answer(200, describe_alias(*function, found->second));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::delete_alias(const LambdaRoute& route) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    ServerAnswer answer;
    answer.status = 204;
    const auto function = find(target->name);
    if (!function) return answer;
    function->aliases.erase(route.item);
    function->provisioned.erase(route.item);
    release_provisioned(*function);
    function->event_configs.erase(route.item);
    function->policies.erase(route.item);
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::list_aliases(const LambdaRoute& route) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    LambdaChecks checks;
    const auto version = route.parameter("FunctionVersion");
    if (version) checks.check(*version, "functionVersion", lambda_version_rule);
    if (auto fine = checks.outcome(); !fine) return fine.error();
    const auto function = find(target->name);
    if (!function) return lambda_absent("Function not found: " + arn(target->name));
    std::vector<std::pair<std::string, boost::json::object>> entries;
    for (const auto& [name, alias] : function->aliases) {
        const bool points =
            !version || alias.version == *version || (alias.additional && alias.additional->first == *version);
        if (points) entries.emplace_back(name, describe_alias(*function, alias));
    }
    auto page = lambda_page(route, "Aliases", std::move(entries), 50);
    if (!page) return page.error();
    return json_answer(200, *page);
}

}  // namespace blueprint::faas::local

#endif
