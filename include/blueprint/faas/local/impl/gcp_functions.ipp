#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FUNCTIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_FUNCTIONS_IPP

#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/gcp_functions.hpp"
#include "blueprint/faas/local/gcp_schema.hpp"
#include "blueprint/faas/local/impl/gcp_run.ipp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

// What Cloud Functions' API does with functions.

inline constexpr std::array<std::string_view, 4> gcp_node_runtimes{"nodejs18", "nodejs20", "nodejs22", "nodejs24"};

/// Says of an object which message it is, as operations tell it.
inline boost::json::object gcp_functions_typed(std::string_view type, boost::json::object shown) {
    shown["@type"] = "type.googleapis.com/" + std::string{type};
    return shown;
}

/// The region of "projects/p/locations/l/...".
inline std::string gcp_region_of(std::string_view name) {
    const auto target = read_request_target(name, {});
    return target.segments.size() > 3 ? target.segments[3] : std::string{};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::answer(const GcpTarget& target, const ServerRequest& request,
                                                              const GcpCaller& caller, std::string_view origin) {
    const auto& segments = target.segments;
    const auto& method = request.method;
    const auto permission = [&](std::string_view name) {
        return shared_.gate.require(caller, "cloudfunctions." + std::string{name}, target.name(6));
    };
    if (segments[4] == "runtimes") {
        if (segments.size() > 5 || method != "GET") return gcp_unknown_method(request);
        return list_runtimes(target);
    }
    if (segments.size() == 5) {
        if (target.verb == "generateUploadUrl" && method == "POST") {
            if (auto may = permission("functions.sourceCodeSet"); !may) return may.error();
            return upload_url(target, request, origin);
        }
        if (!target.verb.empty() || (method != "GET" && method != "POST")) return gcp_unknown_method(request);
        if (auto may = permission(method == "GET" ? "functions.list" : "functions.create"); !may) return may.error();
        return method == "GET" ? list(target) : create(target, request, caller);
    }
    if (segments.size() != 6) return gcp_unknown_method(request);
    if (!target.verb.empty()) {
        if (auto may = permission("functions." + target.verb); !may && target.verb != "testIamPermissions")
            return may.error();
        return policy(target, request);
    }
    if (method == "GET") {
        if (auto may = permission("functions.get"); !may) return may.error();
        if (auto known = check_gcp_query(target, {"revision"}); !known) return known.error();
        const auto found = functions_.find(target.name(6));
        if (found == functions_.end()) return gcp_no_resource("Resource", target.name(6));
        return gcp_json(show(*found->second));
    }
    if (method != "PATCH" && method != "DELETE") return gcp_unknown_method(request);
    if (auto may = permission(method == "PATCH" ? "functions.update" : "functions.delete"); !may) return may.error();
    return method == "PATCH" ? patch(target, request, caller) : erase(target);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::list(const GcpTarget& target) {
    if (auto known = check_gcp_query(target, {"pageSize", "pageToken", "filter", "orderBy"}); !known)
        return known.error();
    std::vector<std::pair<std::string, boost::json::object>> entries;
    const bool everywhere = target.segments[3] == "-";
    const auto prefix = target.name(everywhere ? 2 : 5) + '/';
    for (const auto& [name, one] : functions_)
        if (name.starts_with(prefix)) entries.emplace_back(name, show(*one));
    auto page = gcp_page(target, "functions", std::move(entries));
    if (!page) return page.error();
    return gcp_json(*page);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::list_runtimes(const GcpTarget& target) const {
    if (auto known = check_gcp_query(target, {"filter"}); !known) return known.error();
    boost::json::array runtimes;
    for (const auto name : gcp_node_runtimes)
        runtimes.push_back(boost::json::object{{"name", name},
                                               {"displayName", "Node.js " + std::string{name.substr(6)}},
                                               {"stage", name == "nodejs18" ? "DEPRECATED" : "GA"},
                                               {"environment", "GEN_2"}});
    return gcp_json({{"runtimes", std::move(runtimes)}});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::upload_url(const GcpTarget& target, const ServerRequest& request,
                                                                  std::string_view origin) {
    if (auto known = check_gcp_query(target, {}); !known) return known.error();
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    const auto body = gcp_functions_schema().read("GenerateUploadUrlRequest", *json);
    if (!body) return body.error();
    if (gcp_text(*body, "environment") == "GEN_1")
        return gcp_invalid("environment: the local cloud has functions of the second generation");
    const auto bucket =
        "gcf-v2-uploads-" + shared_.options.project_number + '.' + target.segments[3] + ".cloudfunctions.appspot.com";
    const auto object = random_uuid() + ".zip";
    auto url = shared_.storage.signed_upload_url(origin, bucket, object);
    const boost::json::object source{{"bucket", bucket}, {"object", object}};
    return gcp_json({{"uploadUrl", std::move(url)}, {"storageSource", source}});
}

/// The policy of a function is not what lets callers in: that is the service's.
BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::policy(const GcpTarget& target, const ServerRequest& request) {
    if (!functions_.contains(target.name(6))) return gcp_no_resource("Resource", target.name(6));
    if (target.verb == "getIamPolicy" && request.method == "GET") return gcp_json({{"version", 1}, {"etag", "ACAB"}});
    const bool sets = target.verb == "setIamPolicy";
    if (request.method != "POST" || (!sets && target.verb != "testIamPermissions")) return gcp_unknown_method(request);
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    const auto body = gcp_run_schema().read(sets ? "SetIamPolicyRequest" : "TestIamPermissionsRequest", *json);
    if (!body) return body.error();
    if (!sets) {
        const auto* const asked = body->if_contains("permissions");
        return gcp_json({{"permissions", asked == nullptr ? boost::json::array{} : asked->get_array()}});
    }
    if (const auto* const bindings = gcp_at(*body, "policy.bindings"))
        for (const auto& item : bindings->get_array())
            if (const auto role = gcp_text(item.get_object(), "role"); !role.starts_with("roles/cloudfunctions."))
                return gcp_invalid("Role " + role + " is not supported for this resource.");
    auto policy = body->at("policy").get_object();
    policy["etag"] = "ACAB";
    return gcp_json(policy);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::create(const GcpTarget& target, const ServerRequest& request,
                                                              const GcpCaller& caller) {
    if (auto known = check_gcp_query(target, {"functionId"}); !known) return known.error();
    const std::string id{target.get("functionId")};
    if (!is_gcp_name(id, 63))
        return gcp_invalid("The request has errors: function_id: '" + id +
                           "' must begin with a letter, be followed by up to 62 lower-case letters, digits or hyphens, "
                           "and not end with a hyphen");
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    auto body = gcp_functions_schema().read("Function", *json, "function");
    if (!body) return body.error();
    const auto name = target.name(5) + '/' + id;
    if (const auto given = gcp_text(*body, "name"); !given.empty() && given != name)
        return gcp_invalid("function.name: '" + given + "' is not what function_id names");
    if (functions_.contains(name))
        return gcp_refusal(409, "ALREADY_EXISTS", "Could not create resource " + name + ": it already exists.");
    if (run_.find(target.name(4) + "/services/" + id))
        return gcp_refusal(409, "ALREADY_EXISTS",
                           "Could not create Cloud Run service " + id +
                               ". A Cloud Run service with this name already "
                               "exists.");
    auto judged = judge(std::move(*body), id);
    if (!judged) return judged.error();
    auto made = std::make_shared<GcpFunction>();
    made->name = name;
    made->id = id;
    made->shown = std::move(*judged);
    made->created = shared_.now();
    functions_[name] = made;
    return begin({.changed = made, .verb = "create", .caller = caller.email});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::patch(const GcpTarget& target, const ServerRequest& request,
                                                             const GcpCaller& caller) {
    if (auto known = check_gcp_query(target, {"updateMask"}); !known) return known.error();
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    const auto schema = gcp_functions_schema();
    const auto body = schema.read("Function", *json, "function");
    if (!body) return body.error();
    const auto found = functions_.find(target.name(6));
    if (found == functions_.end()) return gcp_no_resource("Resource", target.name(6));
    auto& function = *found->second;
    if (function.busy)
        return gcp_refusal(409, "ABORTED",
                           "unable to queue the operation: another one is in progress on " + function.name + '.');
    auto merged = function.shown;
    const auto paths = gcp_mask_paths(target.get("updateMask"));
    for (const auto& path : paths) {
        if (path == "*") continue;
        const auto names = schema.names("Function", path);
        if (names == GcpSchema::Names::nothing || names == GcpSchema::Names::inside)
            return gcp_invalid("Invalid update_mask: '" + path +
                               (names == GcpSchema::Names::inside ? "': a map or a list is named as a whole"
                                                                  : "' is no field of Function"));
        if (names == GcpSchema::Names::member) gcp_apply_mask_path(merged, *body, path);
    }
    // Without a mask what is there replaces what was.
    if (paths.empty() || std::find(paths.begin(), paths.end(), "*") != paths.end())
        for (const auto& [key, value] : *body) merged[key] = value;
    merged.erase("name");
    auto judged = judge(std::move(merged), function.id);
    if (!judged) return judged.error();
    function.shown = std::move(*judged);
    return begin({.changed = found->second, .verb = "update", .caller = caller.email});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpFunctions::erase(const GcpTarget& target) {
    if (auto known = check_gcp_query(target, {}); !known) return known.error();
    const auto found = functions_.find(target.name(6));
    if (found == functions_.end()) return gcp_no_resource("Resource", target.name(6));
    auto& function = *found->second;
    if (function.busy)
        return gcp_refusal(409, "ABORTED",
                           "unable to queue the operation: another one is in progress on " + function.name + '.');
    function.busy = true;
    function.state = "DELETING";
    auto told = metadata(function, "delete");
    const auto operation = shared_.operations.begin(target.name(4), told);
    auto answer = gcp_json(*shared_.operations.show(operation));
    shared_.spawn(erase_later(found->second, operation, std::move(told)));
    return answer;
}

BLUEPRINT_FAAS_DECL boost::json::object GcpFunctions::show(const GcpFunction& of) const {
    boost::json::object out{{"name", of.name}};
    for (const auto& [key, value] : of.shown) out[key] = value;
    out["state"] = of.state;
    out["createTime"] = of.created;
    out["updateTime"] = of.updated;
    if (!of.problem.empty()) {
        const boost::json::object message{
            {"severity", "ERROR"}, {"type", "CloudRunServiceNotReady"}, {"message", of.problem}};
        out["stateMessages"] = boost::json::array{message};
    }
    if (!of.uri.empty()) out["url"] = of.uri + '/' + of.id;
    auto& config = out["serviceConfig"].get_object();
    if (!of.service.empty()) config["service"] = of.service;
    if (!of.revision.empty()) config["revision"] = of.revision;
    if (!of.uri.empty()) config["uri"] = of.uri;
    if (!of.build.empty()) out["buildConfig"].get_object()["build"] = of.build;
    return out;
}

}  // namespace blueprint::faas::local

#endif
