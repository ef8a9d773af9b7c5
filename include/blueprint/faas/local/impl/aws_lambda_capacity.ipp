#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_CAPACITY_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_CAPACITY_IPP

#include "blueprint/faas/local/impl/aws_lambda.ipp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Tells how much of the account's concurrency must stay for functions that reserve none: 100 of 1,000.
inline std::uint32_t least_unreserved(const AwsOptions& options) noexcept {
    return std::min(100U, options.concurrency / 10);
}

/// Returns what the functions that reserve no concurrency share.
BLUEPRINT_FAAS_DECL std::uint32_t AwsLambda::unreserved() const {
    std::uint64_t taken = 0;
    for (const auto& [name, function] : functions_) {
        if (function->reserved) {
            taken += *function->reserved;
        } else {
            for (const auto& [qualifier, provisioned] : function->provisioned) taken += provisioned.requested;
        }
    }
    return static_cast<std::uint32_t>(options_.concurrency - std::min<std::uint64_t>(taken, options_.concurrency));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::put_concurrency(const LambdaRoute& route,
                                                                    const boost::json::object& body) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    LambdaChecks checks;
    const auto wanted =
        checks.number(body, "ReservedConcurrentExecutions", "reservedConcurrentExecutions", 0, 2'147'483'647, true);
    if (auto fine = checks.outcome(); !fine) return fine.error();
    const auto found = function_of(*target);
    if (!found) return found.error();
    auto& function = **found;
    std::uint64_t provisioned = 0;
    for (const auto& [qualifier, config] : function.provisioned) provisioned += config.requested;
    if (static_cast<std::uint64_t>(*wanted) < provisioned)
        return lambda_invalid(" ReservedConcurrentExecutions  " + std::to_string(*wanted) +
                              " should not be lower than function's total provisioned concurrency [" +
                              std::to_string(provisioned) + "].");
    const std::uint64_t free = std::uint64_t{unreserved()} + function.reserved.value_or(0);
    const auto least = least_unreserved(options_);
    if (static_cast<std::uint64_t>(*wanted) + least > free)
        return lambda_invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            "below its minimum value of [" +
            std::to_string(least) + "].");
    function.reserved = static_cast<std::uint32_t>(*wanted);
    return json_answer(200, {{"ReservedConcurrentExecutions", *wanted}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::get_concurrency(const LambdaRoute& route) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    const auto found = function_of(*target);
    if (!found) return found.error();
    boost::json::object json;
    if ((*found)->reserved) json["ReservedConcurrentExecutions"] = *(*found)->reserved;
    return json_answer(200, json);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::delete_concurrency(const LambdaRoute& route) {
    const auto target = unqualified(route);
    if (!target) return target.error();
    const auto found = function_of(*target);
    if (!found) return found.error();
    (*found)->reserved.reset();
    ServerAnswer answer;
    answer.status = 204;
    return answer;
}

inline boost::json::object describe_provisioned(const LambdaProvisioned& config) {
    boost::json::object json{{"RequestedProvisionedConcurrentExecutions", config.requested},
                             {"AvailableProvisionedConcurrentExecutions", config.allocated},
                             {"AllocatedProvisionedConcurrentExecutions", config.allocated},
                             {"Status", config.status},
                             {"LastModified", config.last_modified}};
    if (!config.status_reason.empty()) json["StatusReason"] = config.status_reason;
    return json;
}

/// Reads the qualifier of a request about provisioned concurrency: a version or an alias that is there.
BLUEPRINT_FAAS_DECL result<std::string> AwsLambda::provisioned_qualifier(LambdaFunction& function,
                                                                         const LambdaRoute& route) {
    const std::string qualifier{route.parameter("Qualifier").value_or("")};
    if (qualifier.empty() || qualifier == "$LATEST")
        return lambda_invalid("The function resource provided must be an alias or a published version.");
    if (qualifier.find_first_not_of("0123456789") == std::string::npos) {
        if (function.find(qualifier) == nullptr)
            return lambda_absent("Function not found: " + arn(function.name, qualifier));
    } else if (function.aliases.find(qualifier) == function.aliases.end()) {
        return lambda_absent("Cannot find alias arn: " + arn(function.name, qualifier));
    }
    return qualifier;
}

/// Returns how many events a version may run on instances that were started in advance.
BLUEPRINT_FAAS_DECL std::uint32_t AwsLambda::provisioned_of(LambdaFunction& function,
                                                            const LambdaVersion& version) const {
    std::uint32_t sum = 0;
    for (const auto& [qualifier, config] : function.provisioned) {
        const auto alias = function.aliases.find(qualifier);
        if (qualifier == version.version ||
            (alias != function.aliases.end() && alias->second.version == version.version))
            sum += config.allocated;
    }
    return sum;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::put_provisioned(const LambdaRoute& route,
                                                                    const boost::json::object& body) {
    auto target = target_of(route);
    if (!target) return target.error();
    LambdaChecks checks;
    const auto wanted = checks.number(body, "ProvisionedConcurrentExecutions", "provisionedConcurrentExecutions", 1,
                                      2'147'483'647, true);
    if (auto fine = checks.outcome(); !fine) return fine.error();
    if (route.parameter("Qualifier").value_or("") == "$LATEST")
        return lambda_invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.");
    const auto found = function_of(*target);
    if (!found) return found.error();
    auto& function = **found;
    const auto qualifier = provisioned_qualifier(function, route);
    if (!qualifier) return qualifier.error();
    const auto alias = function.aliases.find(*qualifier);
    for (const auto& [name, config] : function.provisioned) {
        if (name == *qualifier) continue;
        const auto other = function.aliases.find(name);
        if (alias != function.aliases.end() && name == alias->second.version)
            return lambda_conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version");
        if (other != function.aliases.end() && other->second.version == *qualifier)
            return lambda_conflict("Version is pointed by a Provisioned Concurrency alias");
    }
    const auto present = function.provisioned.find(*qualifier);
    const std::uint64_t before = present == function.provisioned.end() ? 0 : present->second.requested;
    std::uint64_t others = 0;
    for (const auto& [name, config] : function.provisioned) others += config.requested;
    others -= before;
    const auto count = static_cast<std::uint64_t>(*wanted);
    const auto least = least_unreserved(options_);
    if (function.reserved && others + count > *function.reserved)
        return lambda_invalid(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for "
            "function");
    if (!function.reserved && count > unreserved() + before)
        return lambda_invalid(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [" +
            std::to_string(unreserved() + before) + "].");
    if (!function.reserved && count + least > unreserved() + before)
        return lambda_invalid(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            "minimum value of [" +
            std::to_string(least) + "].");
    function.provisioned[*qualifier].requested = static_cast<std::uint32_t>(count);
    provision(*found, *qualifier);
    return json_answer(202, describe_provisioned(function.provisioned[*qualifier]));
}

/// Lets the versions that no configuration points to any more end their instances.
BLUEPRINT_FAAS_DECL void AwsLambda::release_provisioned(LambdaFunction& function) const {
    for (auto& [number, version] : function.versions) {
        std::uint32_t wanted = 0;
        for (const auto& [qualifier, config] : function.provisioned) {
            const auto alias = function.aliases.find(qualifier);
            const bool points = alias != function.aliases.end() && alias->second.version == version.version;
            if (qualifier == version.version || points) wanted += config.requested;
        }
        if (version.pool) version.pool->keep(wanted);
    }
}

/// Begins to start the instances of a configuration.
BLUEPRINT_FAAS_DECL void AwsLambda::provision(const FunctionPointer& function, const std::string& qualifier) {
    auto& config = function->provisioned[qualifier];
    config.allocated = 0;
    config.status = "IN_PROGRESS";
    config.status_reason.clear();
    config.last_modified = lambda_api_time(std::chrono::system_clock::now());
    config.turn = ++turns_;
    auto counted = std::make_unique<Counted>(*this);
    asio::co_spawn(host_.strand, provision_later(function, qualifier, config.turn, std::move(counted), owner_.lock()),
                   asio::detached);
}

/// Returns the configuration that `turn` is of; null: another one came, or it was removed.
inline LambdaProvisioned* find_provisioned(LambdaFunction& function, const std::string& qualifier, std::uint64_t turn) {
    const auto found = function.provisioned.find(qualifier);
    return found == function.provisioned.end() || found->second.turn != turn ? nullptr : &found->second;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AwsLambda::provision_later(FunctionPointer function, std::string qualifier,
                                                                     std::uint64_t turn,
                                                                     std::unique_ptr<Counted> counted,
                                                                     std::shared_ptr<void> owner) {
    const auto kept = std::move(owner);
    const auto running = std::move(counted);
    co_await pause(options_.settle);
    const auto alias = function->aliases.find(qualifier);
    const auto* const version = function->find(alias == function->aliases.end() ? qualifier : alias->second.version);
    if (stopping_ || version == nullptr || find_provisioned(*function, qualifier, turn) == nullptr) co_return;
    const auto pool = version->pool;
    const auto wanted = find_provisioned(*function, qualifier, turn)->requested;
    const auto started = co_await pool->provision(wanted);
    auto* const config = find_provisioned(*function, qualifier, turn);
    if (config == nullptr) co_return;
    if (started >= wanted) {
        config->allocated = wanted;
        config->status = "READY";
    } else {
        config->status = "FAILED";
        config->status_reason = "FUNCTION_ERROR_INIT_FAILURE";
    }
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::get_provisioned(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    auto function = find(target->name);
    if (!function) return lambda_absent("Function not found: " + arn(target->name, target->qualifier));
    const auto qualifier = provisioned_qualifier(*function, route);
    if (!qualifier) return qualifier.error();
    const auto config = function->provisioned.find(*qualifier);
    if (config == function->provisioned.end())
        return aws_refusal(404, "ProvisionedConcurrencyConfigNotFoundException",
                           "No Provisioned Concurrency Config found for this function");
    return json_answer(200, describe_provisioned(config->second));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::delete_provisioned(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    auto function = find(target->name);
    if (!function) return lambda_absent("Function not found: " + arn(target->name, target->qualifier));
    const auto qualifier = provisioned_qualifier(*function, route);
    if (!qualifier) return qualifier.error();
    function->provisioned.erase(*qualifier);
    release_provisioned(*function);
    ServerAnswer answer;
    answer.status = 204;
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::list_provisioned(const LambdaRoute& route) {
    const auto target = target_of(route);
    if (!target) return target.error();
    const auto function = find(target->name);
    if (!function) return lambda_absent("Function not found: " + arn(target->name));
    std::vector<std::pair<std::string, boost::json::object>> entries;
    for (const auto& [qualifier, config] : function->provisioned) {
        auto json = describe_provisioned(config);
        json["FunctionArn"] = arn(function->name, qualifier);
        entries.emplace_back(qualifier, std::move(json));
    }
    auto page = lambda_page(route, "ProvisionedConcurrencyConfigs", std::move(entries), 50);
    if (!page) return page.error();
    return json_answer(200, *page);
}

/// Tells why an invocation of the version has no place now; nothing: it has.
BLUEPRINT_FAAS_DECL std::optional<std::string_view> AwsLambda::throttled(LambdaFunction& function,
                                                                         const LambdaVersion& version) const {
    if (*version.on_provisioned < provisioned_of(function, version)) return std::nullopt;
    if (function.reserved) {
        std::uint32_t provisioned = 0;
        for (const auto& [qualifier, config] : function.provisioned) provisioned += config.requested;
        if (function.running + provisioned < *function.reserved) return std::nullopt;
        return "ReservedFunctionConcurrentInvocationLimitExceeded";
    }
    if (unreserved_ < unreserved()) return std::nullopt;
    return "ConcurrentInvocationLimitExceeded";
}

BLUEPRINT_FAAS_DECL boost::json::object AwsLambda::account_settings() const {
    std::uint64_t bytes = 0;
    for (const auto& [name, function] : functions_) {
        bytes += function->latest.code->bytes;
        for (const auto& [number, version] : function->versions) bytes += version.code->bytes;
    }
    return {{"AccountLimit", boost::json::object{{"TotalCodeSize", 80'530'636'800LL},
                                                 {"CodeSizeUnzipped", host_.options.limits.unpacked_bytes},
                                                 {"CodeSizeZipped", host_.options.limits.package_bytes},
                                                 {"ConcurrentExecutions", options_.concurrency},
                                                 {"UnreservedConcurrentExecutions", unreserved()}}},
            {"AccountUsage", boost::json::object{{"TotalCodeSize", bytes}, {"FunctionCount", functions_.size()}}}};
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
