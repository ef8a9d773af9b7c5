#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_POLICY_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_RUN_POLICY_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/gcp_run.hpp"
#include "blueprint/faas/local/gcp_schema.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

// Who may call a service. Source: Cloud Run documentation, "Access control with IAM"; IAM documentation, "Policy".

inline bool is_iam_member(std::string_view member) {
    if (member == "allUsers" || member == "allAuthenticatedUsers") return true;
    static constexpr std::array<std::string_view, 7> kinds{
        "user:", "serviceAccount:", "group:", "domain:", "principal:", "principalSet:", "deleted:"};
    return std::any_of(kinds.begin(), kinds.end(),
                       [&](auto kind) { return member.starts_with(kind) && member.size() > kind.size(); });
}

inline bool role_may_invoke(std::string_view role) {
    return role == "roles/run.invoker" || role == "roles/run.admin" || role == "roles/run.servicesInvoker";
}

BLUEPRINT_FAAS_DECL void GcpRun::apply_rules(GcpService& of) const {
    GcpFront::Rules rules;
    rules.members = shared_.options.invokers;
    if (const auto* const bindings = of.policy.if_contains("bindings"))
        for (const auto& item : bindings->get_array()) {
            const auto& binding = item.get_object();
            if (!role_may_invoke(gcp_text(binding, "role"))) continue;
            for (const auto& member : binding.at("members").get_array()) {
                const std::string name{member.get_string()};
                rules.everybody |= name == "allUsers";
                rules.all_known |= name == "allAuthenticatedUsers";
                rules.members.push_back(name);
            }
        }
    const auto* const open = gcp_at(of.shown, "invokerIamDisabled");
    rules.everybody |= open != nullptr && open->is_bool() && open->get_bool();
    if (const auto* const audiences = of.shown.if_contains("customAudiences"))
        for (const auto& audience : audiences->get_array()) rules.audiences.emplace_back(audience.get_string());
    rules.path_prefix = of.path_prefix;
    if (!of.path_prefix.empty()) rules.audiences.push_back(of.front->url() + of.path_prefix);
    rules.reachable = gcp_text(of.shown, "ingress") == "INGRESS_TRAFFIC_ALL";
    of.front->set_rules(std::move(rules));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::get_policy(const GcpTarget& target, const GcpService& of) {
    if (auto known = check_gcp_query(target, {"options.requestedPolicyVersion"}); !known) return known.error();
    const auto version = target.get("options.requestedPolicyVersion");
    if (!version.empty() && version != "0" && version != "1" && version != "3")
        return gcp_invalid("Policy versions are 1 and 3, not " + std::string{version});
    return gcp_json(of.policy);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::set_policy(const ServerRequest& request, GcpService& of) {
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    auto body = gcp_run_schema().read("SetIamPolicyRequest", *json);
    if (!body) return body.error();
    const auto* const sent = body->if_contains("policy");
    if (sent == nullptr) return gcp_invalid("The policy is missing.");
    auto policy = sent->get_object();
    const auto version = gcp_number(policy, "version");
    if (version != 0 && version != 1 && version != 3) return gcp_invalid("Policy versions are 1 and 3.");
    const auto etag = gcp_text(policy, "etag");
    if (!etag.empty() && !faas::detail::base64_decode(etag))
        return gcp_invalid("Invalid value at 'policy.etag' (TYPE_BYTES), Base64 decoding failed for \"" + etag + '"');
    if (!etag.empty() && etag != gcp_text(of.policy, "etag"))
        return gcp_refusal(409, "ABORTED",
                           "There were concurrent policy changes. Please retry the whole read-modify-write with "
                           "exponential backoff. The request's ETag '" +
                               etag + "' did not match the current policy's ETag '" + gcp_text(of.policy, "etag") +
                               "'.");
    boost::json::array bindings;
    if (const auto* const given = policy.if_contains("bindings")) {
        for (const auto& item : given->get_array()) {
            const auto& binding = item.get_object();
            const auto role = gcp_text(binding, "role");
            if (!role.starts_with("roles/run.") && !role.starts_with("projects/") && role != "roles/viewer")
                return gcp_invalid("Role " + role + " is not supported for this resource.");
            if (binding.if_contains("condition") != nullptr && version != 3)
                return gcp_invalid("A condition needs the policy version 3.");
            const auto* const members = binding.if_contains("members");
            if (members == nullptr || members->get_array().empty()) continue;  // a binding of nobody goes
            for (const auto& member : members->get_array())
                if (!is_iam_member(member.get_string()))
                    return gcp_invalid("Invalid member '" + std::string{member.get_string()} +
                                       "': it must begin with 'user:', 'serviceAccount:', 'group:' or another kind.");
            bindings.push_back(binding);
        }
    }
    boost::json::object kept{{"version", version == 0 ? 1 : version},
                             {"etag", faas::detail::base64_encode(faas::detail::bytes_of(random_text(12)))}};
    if (!bindings.empty()) kept["bindings"] = std::move(bindings);
    of.policy = std::move(kept);
    apply_rules(of);
    return gcp_json(of.policy);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpRun::test_permissions(const ServerRequest& request, const GcpService& of,
                                                                  const GcpCaller& caller) {
    const auto json = read_gcp_body(request);
    if (!json) return json.error();
    const auto body = gcp_run_schema().read("TestIamPermissionsRequest", *json);
    if (!body) return body.error();
    const auto* const asked = body->if_contains("permissions");
    if (asked == nullptr || asked->get_array().empty()) return gcp_invalid("permissions: must be set");
    const auto& general = shared_.options.invokers;
    bool invokes = std::find(general.begin(), general.end(), caller.member) != general.end();
    if (const auto* const bindings = of.policy.if_contains("bindings"))
        for (const auto& item : bindings->get_array())
            for (const auto& member : item.get_object().at("members").get_array())
                invokes |= role_may_invoke(gcp_text(item.get_object(), "role")) &&
                           (member.get_string() == std::string_view{caller.member} ||
                            member.get_string() == "allUsers" || member.get_string() == "allAuthenticatedUsers");
    boost::json::array permitted;
    for (const auto& item : asked->get_array()) {
        const std::string_view permission = item.get_string();
        if (!permission.starts_with("run.") || permission.find('*') != std::string_view::npos)
            return gcp_invalid("Permission " + std::string{permission} + " is not valid for this resource.");
        if (permission == "run.routes.invoke" ? invokes : shared_.gate.may_administrate(caller))
            permitted.push_back(item);
    }
    boost::json::object answer;
    if (!permitted.empty()) answer["permissions"] = std::move(permitted);
    return gcp_json(answer);
}

}  // namespace blueprint::faas::local

#endif
