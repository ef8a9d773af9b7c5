#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_IAM_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_IAM_IPP

// Who may call a service: its policy read and written.

#include "blueprint/faas/codec/gcp_api.hpp"
#include "blueprint/faas/codec/impl/gcp_reading.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace blueprint::faas::detail {

namespace gcp_iam {

using gcp_reading::array_member;
using gcp_reading::parse_object;
using gcp_reading::text_member;
using gcp_reading::unreadable;
namespace json = boost::json;

inline constexpr std::string_view invoker_role = "roles/run.invoker";
inline constexpr std::string_view invoker_permission = "run.routes.invoke";

// Google writes addresses in small letters, whoever gave them.
BLUEPRINT_FAAS_COLD inline bool same_member(std::string_view a, std::string_view b) {
    return a.find('@') != std::string_view::npos ? iequals(a, b) : a == b;
}

// A condition says when a binding holds, so who is in such a one may lack the role now.
BLUEPRINT_FAAS_COLD inline bool is_for_callers(const json::value& one) {
    const auto* binding = one.if_object();
    return binding != nullptr && text_member(*binding, "role") == invoker_role && !binding->contains("condition");
}

BLUEPRINT_FAAS_COLD inline bool has_member(const json::array& bindings, std::string_view member) {
    return std::any_of(bindings.begin(), bindings.end(), [&](const json::value& one) {
        if (!is_for_callers(one)) return false;
        const auto& members = array_member(one.get_object(), "members");
        return std::any_of(members.begin(), members.end(), [&](const json::value& there) {
            return there.is_string() && same_member(there.get_string(), member);
        });
    });
}

}  // namespace gcp_iam

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleApi::get_policy(std::string_view service) const {
    // Without the version, bindings with conditions would be told without these, and be written back so.
    return request(GoogleService::run, Verb::get,
                   "/v2/" + std::string{service} + ":getIamPolicy?options.requestedPolicyVersion=3");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleApi::set_policy(std::string_view service,
                                                                          std::string body) const {
    return request(GoogleService::run, Verb::post, "/v2/" + std::string{service} + ":setIamPolicy",
                   Body{std::move(body)});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest GoogleApi::test_invoker(std::string_view service) const {
    return request(GoogleService::run, Verb::post, "/v2/" + std::string{service} + ":testIamPermissions",
                   Body{R"({"permissions":[")" + std::string{gcp_iam::invoker_permission} + "\"]}"});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::optional<std::string>> GoogleApi::add_invokers(
    const HttpResponse& policy, const std::vector<std::string>& members) {
    using namespace gcp_iam;
    auto document = parse_object(policy.body);
    if (!document) return unreadable(policy, "a policy is no JSON object");
    auto& told = (*document)["bindings"];
    if (told.is_null()) told.emplace_array();  // of a policy without any, the member is left out
    if (!told.is_array()) return unreadable(policy, "the bindings of a policy are no array");
    auto& bindings = told.get_array();
    bool changed = false;
    for (const auto& member : members) {
        if (has_member(bindings, member)) continue;
        auto binding = std::find_if(bindings.begin(), bindings.end(), is_for_callers);
        if (binding == bindings.end()) {
            bindings.push_back(json::object{{"role", invoker_role}, {"members", json::array{}}});
            binding = std::prev(bindings.end());
        }
        auto& list = binding->get_object()["members"];
        if (!list.is_array()) list.emplace_array();
        list.get_array().push_back(json::value(member));
        changed = true;
    }
    if (!changed) return std::optional<std::string>{};
    (*document)["version"] = 3;
    return std::optional{
        json::serialize(json::object{{"policy", std::move(*document)}, {"updateMask", "bindings,etag,version"}})};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<bool> GoogleApi::read_invoker_test(const HttpResponse& answer) {
    using namespace gcp_iam;
    const auto body = parse_object(answer.body);
    if (!body) return unreadable(answer, "permissions are no JSON object");
    const auto& permissions = array_member(*body, "permissions");
    return std::any_of(permissions.begin(), permissions.end(), [](const json::value& one) {
        return one.is_string() && one.get_string() == invoker_permission;
    });
}

}  // namespace blueprint::faas::detail

#endif
