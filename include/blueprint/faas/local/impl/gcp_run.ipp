#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_IPP

#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/gcp_run.hpp"
#include "blueprint/faas/local/gcp_run_settings.hpp"
#include "blueprint/faas/local/gcp_schema.hpp"
#include "blueprint/faas/local/impl/gcp_run_show.ipp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace blueprint::faas::local {

// What Cloud Run's API does with services and revisions.

inline Error gcp_unknown_method(const ServerRequest& request) {
    const auto path = std::string_view{request.target}.substr(0, request.target.find('?'));
    return gcp_refusal(404, "NOT_FOUND",
                       "The requested URL " + std::string{path} + " was not found on this server for the method " +
                           request.method + '.');
}

BLUEPRINT_FAAS_DECL GcpRun::Found GcpRun::find(std::string_view name) const {
    const auto found = services_.find(name);
    return found == services_.end() ? nullptr : found->second;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::answer(const GcpTarget& target, const ServerRequest& request,
                                                        const GcpCaller& caller) {
    const auto& segments = target.segments;
    const auto& method = request.method;
    const auto& verb = target.verb;
    const auto permission = [&](std::string_view name) {
        return shared_.gate.require(caller, "run." + std::string{name}, target.name(6));
    };
    if (segments.size() == 5) {
        if (!verb.empty() || (method != "GET" && method != "POST")) return gcp_unknown_method(request);
        if (auto may = permission(method == "GET" ? "services.list" : "services.create"); !may) return may.error();
        return method == "GET" ? list(target) : create(target, request, caller);
    }
    if (segments.size() > 6) {
        if (segments[6] != "revisions" || segments.size() > 8 || !verb.empty()) return gcp_unknown_method(request);
        if (auto may = permission(method == "DELETE" ? "revisions.delete" : "revisions.get"); !may) return may.error();
        return revisions(target, request);
    }
    if (verb.empty() && method == "PATCH") {
        if (auto may = permission("services.update"); !may) return may.error();
        return patch(target, request, caller);
    }
    const auto found = find(target.name(6));
    if (!verb.empty()) {
        if (!found) return gcp_no_resource("Resource", target.name(6));
        if (verb == "testIamPermissions" && method == "POST") return test_permissions(request, *found, caller);
        const bool sets = verb == "setIamPolicy" && method == "POST";
        if (!sets && !(verb == "getIamPolicy" && method == "GET")) return gcp_unknown_method(request);
        if (auto may = permission(sets ? "services.setIamPolicy" : "services.getIamPolicy"); !may) return may.error();
        return sets ? set_policy(request, *found) : get_policy(target, *found);
    }
    if (method != "GET" && method != "DELETE") return gcp_unknown_method(request);
    if (auto may = permission(method == "GET" ? "services.get" : "services.delete"); !may) return may.error();
    if (method == "DELETE") return erase(target);
    if (auto known = check_gcp_query(target, {}); !known) return known.error();
    if (!found) return gcp_no_resource("Resource", target.name(6));
    return gcp_json(show(*found));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::list(const GcpTarget& target) {
    if (auto known = check_gcp_query(target, {"pageSize", "pageToken", "showDeleted"}); !known) return known.error();
    std::vector<std::pair<std::string, boost::json::object>> entries;
    const bool everywhere = target.segments[3] == "-";
    const auto prefix = target.name(everywhere ? 2 : 5) + '/';
    for (const auto& [name, one] : services_)
        if (name.starts_with(prefix)) entries.emplace_back(name, show(*one));
    auto page = gcp_page(target, "services", std::move(entries));
    if (!page) return page.error();
    return gcp_json(*page);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::create(const GcpTarget& target, const ServerRequest& request,
                                                        const GcpCaller& caller) {
    if (auto known = check_gcp_query(target, {"serviceId", "validateOnly"}); !known) return known.error();
    const std::string id{target.get("serviceId")};
    if (!is_gcp_name(id, 49))
        return gcp_invalid("Violation in CreateServiceRequest.service_id: '" + id +
                           "' must only contain lowercase letters, digits and hyphens, begin with a letter, not end "
                           "with a hyphen, and have less than 50 characters");
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    const auto body = gcp_run_schema().read("Service", *json, "service");
    if (!body) return body.error();
    const auto name = target.name(5) + '/' + id;
    if (find(name)) return gcp_refusal(409, "ALREADY_EXISTS", "Resource '" + id + "' already exists.");
    return make_and_roll_out(name, *body, target.flag("validateOnly"), caller);
}

BLUEPRINT_FAAS_DECL result<GcpRun::Found> GcpRun::make(std::string name, boost::json::object judged,
                                                       std::string creator) {
    auto front = GcpFront::open(shared_.host, shared_.gate, shared_.owner());
    if (!front) return gcp_refusal(500, "INTERNAL", front.error().message);
    auto made = std::make_shared<GcpService>();
    made->id = name.substr(name.rfind('/') + 1);
    made->name = std::move(name);
    made->shown = std::move(judged);
    made->uid = random_uuid();
    made->etag = '"' + random_text(22) + '"';
    made->created = made->updated = shared_.now();
    made->creator = std::move(creator);
    made->generation = 1;
    made->policy = {{"version", 1}, {"etag", "ACAB"}};
    made->front = std::move(*front);
    services_[made->name] = made;
    apply_rules(*made);
    return made;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::make_and_roll_out(std::string name, const boost::json::object& body,
                                                                   bool validate_only, const GcpCaller& caller) {
    const auto id = name.substr(name.rfind('/') + 1);
    auto judged = judge_run_service(body, id, shared_.options);
    if (!judged) return judged.error();
    if (auto fine = shared_.check_account(gcp_text(*judged, "template.serviceAccount")); !fine) return fine.error();
    if (auto fine = check_revisions({}, *judged, gcp_text(*judged, "template.revision")); !fine) return fine.error();
    if (services_.size() >= 1000)
        return gcp_refusal(429, "RESOURCE_EXHAUSTED", "There may be 1000 services in a region.");
    if (validate_only) {
        GcpService planned{.name = name, .id = id, .shown = std::move(*judged), .generation = 1};
        planned.created = planned.updated = shared_.now();
        const auto parent = name.substr(0, name.find("/services/"));
        const auto operation = shared_.operations.begin(parent, gcp_run_typed("Service", show(planned)));
        shared_.operations.succeed(operation, gcp_run_typed("Service", show(planned)));
        return gcp_json(*shared_.operations.show(operation));
    }
    auto made = make(std::move(name), std::move(*judged), caller.email);
    if (!made) return made.error();
    return begin({.changed = *made, .revision = add_revision(**made), .verb = "create"});
}

/// Names a new revision and puts it beside the others.
BLUEPRINT_FAAS_DECL std::shared_ptr<GcpRevision> GcpRun::add_revision(GcpService& changed) {
    auto revision = std::make_shared<GcpRevision>();
    revision->shown = changed.shown.at("template").get_object();
    revision->name = gcp_text(revision->shown, "revision");
    revision->shown.erase("revision");
    if (revision->name.empty()) {
        char number[24];
        std::snprintf(number, sizeof number, "-%05lld-", static_cast<long long>(changed.generation));
        std::string letters;
        for (const char c : random_uuid())  // hex digits as letters
            if (letters.size() < 3 && c != '-') letters += static_cast<char>('a' + c % 26);
        revision->name = changed.id.substr(0, 63 - 10) + number + letters;
    }
    revision->created = shared_.now();
    revision->generation = changed.generation;
    changed.latest_created = revision->name;
    changed.revisions[revision->name] = revision;
    return revision;
}

/// Refuses traffic for revisions that are not there. `coming`: one that will be.
BLUEPRINT_FAAS_DECL result<void> GcpRun::check_revisions(const GcpService& of, const boost::json::object& judged,
                                                         const std::string& coming) const {
    for (const auto& item : judged.at("traffic").get_array()) {
        const auto revision = gcp_text(item.get_object(), "revision");
        if (revision.empty() || revision == coming || of.revisions.contains(revision)) continue;
        return gcp_invalid("traffic.revision: the revision '" + revision + "' does not exist");
    }
    return {};
}

/// Makes a service what was judged. Returns the revision that came with it; null: the template is as it was.
BLUEPRINT_FAAS_DECL result<std::shared_ptr<GcpRevision>> GcpRun::change(GcpService& changed, boost::json::object judged,
                                                                        bool new_revision) {
    auto wanted = judged.at("template").get_object();
    const auto named = gcp_text(wanted, "revision");
    wanted.erase("revision");
    const auto latest = changed.revisions.find(changed.latest_created);
    const bool same = latest != changed.revisions.end() && latest->second->shown == wanted;
    new_revision = new_revision || !same;
    if (new_revision && changed.revisions.contains(named))
        return gcp_refusal(409, "ALREADY_EXISTS",
                           "Revision named '" + named + "' with different configuration already exists.");
    if (auto fine = check_revisions(changed, judged, named); !fine) return fine.error();
    changed.shown = std::move(judged);
    ++changed.generation;
    changed.etag = '"' + random_text(22) + '"';
    changed.updated = shared_.now();
    return new_revision ? add_revision(changed) : nullptr;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::patch(const GcpTarget& target, const ServerRequest& request,
                                                       const GcpCaller& caller) {
    if (auto known = check_gcp_query(target, {"updateMask", "validateOnly", "allowMissing", "forceNewRevision"});
        !known)
        return known.error();
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    const auto schema = gcp_run_schema();
    const auto body = schema.read("Service", *json, "service");
    if (!body) return body.error();
    const auto name = target.name(6);
    if (const auto given = gcp_text(*body, "name"); !given.empty() && given != name)
        return gcp_invalid("service.name: '" + given + "' is not what the URL names");
    const auto paths = gcp_mask_paths(target.get("updateMask"));
    for (const auto& path : paths) {
        if (path == "*") continue;
        const auto names = schema.names("Service", path);
        if (names == GcpSchema::Names::nothing)
            return gcp_invalid("Invalid field mask: '" + path + "' is no field of Service");
        if (names == GcpSchema::Names::inside)
            return gcp_invalid("Invalid field mask: '" + path + "': a map or a list is named as a whole");
    }
    const auto found = find(name);
    if (!found) {
        if (!target.flag("allowMissing")) return gcp_no_resource("Resource", name);
        if (auto may = shared_.gate.require(caller, "run.services.create", name); !may) return may.error();
        if (!is_gcp_name(target.segments[5], 49)) return gcp_invalid("service.name: not a name: '" + name + '\'');
        return make_and_roll_out(name, *body, target.flag("validateOnly"), caller);
    }
    if (const auto etag = gcp_text(*body, "etag"); !etag.empty() && etag != found->etag)
        return gcp_refusal(409, "ABORTED",
                           "Conflict for resource '" + found->id + "': version '" + etag +
                               "' was specified but current version is '" + found->etag + "'.");
    boost::json::object merged = found->shown;
    if (paths.empty() || std::find(paths.begin(), paths.end(), "*") != paths.end()) {
        merged = *body;
    } else {
        for (const auto& path : paths)
            if (schema.names("Service", path) == GcpSchema::Names::member) gcp_apply_mask_path(merged, *body, path);
    }
    auto judged = judge_run_service(std::move(merged), found->id, shared_.options);
    if (!judged) return judged.error();
    if (auto fine = shared_.check_account(gcp_text(*judged, "template.serviceAccount")); !fine) return fine.error();
    if (target.flag("validateOnly")) {
        GcpService planned = *found;
        planned.shown = std::move(*judged);
        const auto operation = shared_.operations.begin(target.name(4), gcp_run_typed("Service", show(*found)));
        shared_.operations.succeed(operation, gcp_run_typed("Service", show(planned)));
        return gcp_json(*shared_.operations.show(operation));
    }
    auto revision = change(*found, std::move(*judged), target.flag("forceNewRevision"));
    if (!revision) return revision.error();
    return begin({.changed = found, .revision = *revision, .verb = "update"});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::erase(const GcpTarget& target) {
    if (auto known = check_gcp_query(target, {"validateOnly", "etag"}); !known) return known.error();
    const auto found = find(target.name(6));
    if (!found) return gcp_no_resource("Resource", target.name(6));
    if (const auto etag = target.get("etag"); !etag.empty() && etag != found->etag)
        return gcp_refusal(409, "ABORTED", "Conflict for resource '" + found->id + "': its version is another one.");
    auto shown = gcp_run_typed("Service", show(*found));
    auto operation = shared_.operations.begin(target.name(4), shown);
    if (target.flag("validateOnly")) {
        shared_.operations.succeed(operation, std::move(shown));
        return gcp_json(*shared_.operations.show(operation));
    }
    auto answer = gcp_json(*shared_.operations.show(operation));
    ++found->changes;
    shared_.spawn(erase_later(found, std::move(operation)));
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::revisions(const GcpTarget& target, const ServerRequest& request) {
    const auto of = find(target.name(6));
    if (!of) return gcp_no_resource("Resource", target.name(6));
    if (target.segments.size() == 7) {
        if (request.method != "GET") return gcp_unknown_method(request);
        if (auto known = check_gcp_query(target, {"pageSize", "pageToken", "showDeleted"}); !known)
            return known.error();
        std::vector<std::pair<std::string, boost::json::object>> entries;
        for (const auto& [name, one] : of->revisions) entries.emplace_back(name, show(*of, *one));
        auto page = gcp_page(target, "revisions", std::move(entries));
        if (!page) return page.error();
        return gcp_json(*page);
    }
    if (auto known = check_gcp_query(target, {"validateOnly", "etag"}); !known) return known.error();
    const auto found = of->revisions.find(target.segments[7]);
    if (found == of->revisions.end()) return gcp_no_resource("Resource", target.name(8));
    auto shown = show(*of, *found->second);
    if (request.method == "GET") return gcp_json(shown);
    if (request.method != "DELETE") return gcp_unknown_method(request);
    bool serves = found->first == of->latest_created || found->first == of->latest_ready;
    for (const auto& item : of->shown.at("traffic").get_array())
        serves |=
            gcp_text(item.get_object(), "revision") == found->first && gcp_number(item.get_object(), "percent") > 0;
    if (serves)
        return gcp_refusal(
            400, "FAILED_PRECONDITION",
            "Revision '" + found->first + "' is the latest one or receives traffic, and cannot be directly deleted.");
    auto operation = shared_.operations.begin(target.name(4), gcp_run_typed("Revision", std::move(shown)));
    auto answer = gcp_json(*shared_.operations.show(operation));
    shared_.spawn(erase_revision_later(of, found->first, std::move(operation)));
    return answer;
}

}  // namespace blueprint::faas::local

#endif
