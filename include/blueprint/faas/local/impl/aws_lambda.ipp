#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/aws_lambda.hpp"
#include "blueprint/faas/local/custom_messages.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

/// Counts something that runs and that `stop` waits for.
struct AwsLambda::Counted {
    explicit Counted(AwsLambda& counting) : lambda{counting} { ++lambda.running_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
        if (--lambda.running_ == 0) lambda.all_ended_.cancel();
    }
    AwsLambda& lambda;
};

BLUEPRINT_FAAS_DECL Admission AwsLambda::admit(const ServerRequest& head) const {
    const auto route = read_lambda_route(head.method, head.target);
    if (!route) return {.refusal = lambda_failure(route.error())};
    const auto most = lambda_body_limit(*route, head);
    if (!most) return {.refusal = lambda_failure(most.error())};
    return {.body_bytes = *most};
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AwsLambda::answer(ServerRequest request) {
    std::string request_id = random_uuid();
    ServerAnswer answer;
    auto route = read_lambda_route(request.method, request.target);
    if (!route) {
        answer = lambda_failure(route.error());
    } else if (route->operation == LambdaOperation::invoke ||
               route->operation == LambdaOperation::invoke_with_response_stream) {
        answer = co_await invoke(std::move(*route), std::move(request), request_id);
    } else {
        auto outcome = handle(*route, request);
        answer = outcome ? std::move(*outcome) : lambda_failure(outcome.error());
    }
    answer.headers.emplace_back("x-amzn-RequestId", std::move(request_id));
    co_return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsLambda::handle(const LambdaRoute& route, const ServerRequest& request) {
    auto read = read_lambda_body(request);
    if (!read) return read.error();
    const auto& body = *read;
    switch (route.operation) {
        case LambdaOperation::create_function: return create_function(body);
        case LambdaOperation::get_function: return get_function(route, false);
        case LambdaOperation::get_configuration: return get_function(route, true);
        case LambdaOperation::update_code: return update_code(route, body);
        case LambdaOperation::update_configuration: return update_configuration(route, body);
        case LambdaOperation::delete_function: return delete_function(route);
        case LambdaOperation::list_functions: return list_functions(route);
        case LambdaOperation::publish_version: return publish_version(route, body);
        case LambdaOperation::list_versions: return list_versions(route);
        case LambdaOperation::create_alias: return create_alias(route, body);
        case LambdaOperation::update_alias: return update_alias(route, body);
        case LambdaOperation::get_alias: return get_alias(route);
        case LambdaOperation::delete_alias: return delete_alias(route);
        case LambdaOperation::list_aliases: return list_aliases(route);
        case LambdaOperation::put_concurrency: return put_concurrency(route, body);
        case LambdaOperation::get_concurrency: return get_concurrency(route);
        case LambdaOperation::delete_concurrency: return delete_concurrency(route);
        case LambdaOperation::put_provisioned: return put_provisioned(route, body);
        case LambdaOperation::get_provisioned:
            return route.parameter("List") ? list_provisioned(route) : get_provisioned(route);
        case LambdaOperation::delete_provisioned: return delete_provisioned(route);
        case LambdaOperation::put_event_config: return put_event_config(route, body, true);
        case LambdaOperation::update_event_config: return put_event_config(route, body, false);
        case LambdaOperation::get_event_config: return get_event_config(route);
        case LambdaOperation::delete_event_config: return delete_event_config(route);
        case LambdaOperation::list_event_configs: return list_event_configs(route);
        case LambdaOperation::add_permission: return add_permission(route, body);
        case LambdaOperation::remove_permission: return remove_permission(route);
        case LambdaOperation::get_policy: return get_policy(route);
        case LambdaOperation::tag:
        case LambdaOperation::untag:
        case LambdaOperation::list_tags: return handle_tags(route, body);
        case LambdaOperation::account_settings: return json_answer(200, account_settings());
        case LambdaOperation::invoke:
        case LambdaOperation::invoke_with_response_stream: break;
    }
    return aws_refusal(500, "ServiceException", "this operation is answered elsewhere");
}

BLUEPRINT_FAAS_DECL AwsLambda::FunctionPointer AwsLambda::find(std::string_view name) {
    const auto found = functions_.find(name);
    if (found == functions_.end()) return nullptr;
    settle(*found->second);
    return found->second;
}

BLUEPRINT_FAAS_DECL result<AwsLambda::FunctionPointer> AwsLambda::function_of(const LambdaTarget& target) {
    auto function = find(target.name);
    if (!function) return lambda_absent("Function not found: " + arn(target.name, target.qualifier));
    return function;
}

BLUEPRINT_FAAS_DECL result<AwsLambda::Found> AwsLambda::resolve(const LambdaTarget& target) {
    auto function = function_of(target);
    if (!function) return function.error();
    Found found{.function = std::move(*function), .qualifier = target.qualifier};
    if (const auto alias = found.function->aliases.find(target.qualifier); alias != found.function->aliases.end()) {
        found.alias = &alias->second;
        found.version = found.function->find(alias->second.version);
    } else {
        found.version = found.function->find(target.qualifier.empty() ? "$LATEST" : target.qualifier);
    }
    if (found.version == nullptr) return lambda_absent("Function not found: " + arn(target.name, target.qualifier));
    return found;
}

BLUEPRINT_FAAS_DECL result<LambdaTarget> AwsLambda::target_of(const LambdaRoute& route, bool namespaced) const {
    return read_lambda_target(route, options_, namespaced);
}

/// Reads the name of a function that may have no qualifier.
BLUEPRINT_FAAS_DECL result<LambdaTarget> AwsLambda::unqualified(const LambdaRoute& route) const {
    auto target = target_of(route);
    if (target && !target->qualifier.empty())
        return lambda_invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN.");
    return target;
}

/// Makes a function what it is by now: what is being created or changed becomes so after a while.
BLUEPRINT_FAAS_DECL void AwsLambda::settle(LambdaFunction& function) {
    const auto now = std::chrono::steady_clock::now();
    auto& latest = function.latest;
    if ((latest.pending || latest.updating) && now >= latest.ready_at) {
        if (latest.updating) {
            const auto before = std::exchange(latest.pool, make_pool(function.name, latest));
            if (before) before->retire();
        }
        latest.pending = latest.updating = false;
        latest.revision_id = random_uuid();
    }
    for (auto& [number, version] : function.versions) {
        if (!version.pending || now < version.ready_at) continue;
        version.pending = false;
        version.revision_id = random_uuid();
    }
}

BLUEPRINT_FAAS_DECL std::shared_ptr<LambdaPool> AwsLambda::make_pool(const std::string& name,
                                                                     const LambdaVersion& version) {
    LambdaPoolPlan plan{.function_name = name,
                        .version = version.version,
                        .region = options_.region,
                        .settings = version.settings,
                        .code = version.code};
    plan.credentials = [this, name, role = version.settings->role] {
        const auto slash = role.rfind('/');
        const auto session = sessions_.issue("arn:aws:sts::" + options_.account_id + ":assumed-role/" +
                                                 role.substr(slash == std::string::npos ? 0 : slash + 1) + '/' + name,
                                             options_.session);
        return std::map<std::string, Secret, std::less<>>{{"AWS_ACCESS_KEY_ID", session.access_key_id},
                                                          {"AWS_SECRET_ACCESS_KEY", session.secret_access_key},
                                                          {"AWS_SESSION_TOKEN", session.token}};
    };
    return std::make_shared<LambdaPool>(host_, std::move(plan));
}

BLUEPRINT_FAAS_DECL result<void> AwsLambda::not_busy(const LambdaFunction& function) const {
    if (function.latest.pending)
        return lambda_conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: "
            "Pending");
    if (function.latest.updating)
        return lambda_conflict(
            "The operation cannot be performed at this time. An update is in progress for resource: " +
            arn(function.name));
    return {};
}

BLUEPRINT_FAAS_DECL result<void> AwsLambda::same_revision(std::string_view sent, const std::string& present) {
    if (sent.empty() || sent == present) return {};
    return aws_refusal(412, "PreconditionFailedException",
                       "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias "
                       "API to retrieve the latest Revision Id");
}

BLUEPRINT_FAAS_DECL boost::json::object AwsLambda::describe(const LambdaFunction& function,
                                                            const LambdaVersion& version, std::string_view qualifier,
                                                            Shown shown) const {
    boost::json::object json = version.settings->shown;
    json["CodeSha256"] = version.code->sha256_base64;
    json["CodeSize"] = version.code->bytes;
    json["FunctionArn"] = arn(function.name, qualifier);
    json["FunctionName"] = function.name;
    json["LastModified"] = version.last_modified;
    json["RevisionId"] = version.revision_id;
    json["Version"] = version.version;
    if (const auto& variables = version.settings->variables) {
        boost::json::object listed;
        for (const auto& [name, value] : *variables) listed[name] = value.reveal();
        json["Environment"] = boost::json::object{{"Variables", std::move(listed)}};
    }
    if (shown == Shown::listed) return json;
    const std::string_view runtime = version.settings->shown.at("Runtime").get_string();
    json["RuntimeVersionConfig"] =
        boost::json::object{{"RuntimeVersionArn", "arn:aws:lambda:" + options_.region + "::runtime:" +
                                                      faas::detail::sha256_hex(faas::detail::bytes_of(runtime))}};
    constexpr std::string_view reason = "The function is being created.";
    json["State"] = version.pending ? "Pending" : "Active";
    if (version.pending) {
        json["StateReason"] = reason;
        json["StateReasonCode"] = "Creating";
        return json;
    }
    json["LastUpdateStatus"] = version.updating ? "InProgress" : "Successful";
    if (version.updating) {
        json["LastUpdateStatusReason"] = reason;
        json["LastUpdateStatusReasonCode"] = "Creating";
    }
    return json;
}

BLUEPRINT_FAAS_DECL void AwsLambda::end() {
    stopping_ = true;
    host_.ending = true;
    for (auto* timer : pauses_) timer->cancel();
    for (const auto& entry : functions_) {
        auto& function = *entry.second;
        if (function.latest.pool) function.latest.pool->retire();
        for (auto& [number, version] : function.versions)
            if (version.pool) version.pool->retire();
    }
    host_.processes.kill_all();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AwsLambda::stop(std::chrono::milliseconds grace) {
    stopping_ = true;
    for (auto* timer : pauses_) timer->cancel();
    if (running_ > 0 && grace.count() > 0) {
        all_ended_.expires_after(grace);
        while (running_ > 0) {
            const auto [woken] = co_await all_ended_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (!woken) break;
        }
    }
    end();
    all_ended_.expires_at(asio::steady_timer::time_point::max());
    while (running_ > 0) {
        const auto [ignored] = co_await all_ended_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

/// Takes the page of `entries` that the request asks for: `Marker` names the entry that the last page ended with.
inline result<boost::json::object> lambda_page(const LambdaRoute& route, std::string_view member,
                                               std::vector<std::pair<std::string, boost::json::object>> entries,
                                               std::size_t most) {
    LambdaChecks checks;
    std::size_t wanted = most;
    if (const auto items = route.parameter("MaxItems")) {
        const boost::json::object query{{"MaxItems", std::strtoll(std::string{*items}.c_str(), nullptr, 10)}};
        if (const auto number = checks.number(query, "MaxItems", "maxItems", 1, 10'000))
            wanted = std::min(most, static_cast<std::size_t>(*number));
    }
    if (auto fine = checks.outcome(); !fine) return fine.error();
    auto first = entries.begin();
    if (const auto marker = route.parameter("Marker"); marker && !marker->empty()) {
        const auto decoded = faas::detail::base64_decode(*marker);
        first = decoded ? std::find_if(entries.begin(), entries.end(),
                                       [last = faas::detail::text_of(*decoded)](const auto& entry) {
                                           return entry.first == last;
                                       })
                        : entries.end();
        if (first == entries.end()) return lambda_invalid("Invalid Marker");
        ++first;
    }
    boost::json::array listed;
    for (; first != entries.end() && listed.size() < wanted; ++first) listed.push_back(std::move(first->second));
    boost::json::object page;
    if (first != entries.end())
        page["NextMarker"] = faas::detail::base64_encode(faas::detail::bytes_of(std::prev(first)->first));
    page[member] = std::move(listed);
    return page;
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
