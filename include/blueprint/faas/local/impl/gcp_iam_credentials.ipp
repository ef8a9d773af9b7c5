#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_IAM_CREDENTIALS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_IAM_CREDENTIALS_IPP

#include "blueprint/faas/local/custom_messages.hpp"
#include "blueprint/faas/local/gcp_iam_credentials.hpp"
#include "blueprint/faas/local/impl/gcp_words.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

inline constexpr std::string_view gcp_accounts_path = "/v1/projects/-/serviceAccounts/";

BLUEPRINT_FAAS_DECL bool GcpIamCredentials::takes(const ServerRequest& head) {
    // A project in the place of "-" is this API's mistake to tell, not another's.
    const auto path = path_of(head);
    return path.starts_with("/v1/projects/") && path.find("/serviceAccounts/") != std::string_view::npos;
}

inline Error invalid_argument(std::string message) { return gcp_refusal(400, "INVALID_ARGUMENT", std::move(message)); }

/// Reads a body that has no other members than these, as Google's front end does.
inline result<boost::json::object> read_gcp_body(const ServerRequest& request,
                                                 std::initializer_list<std::string_view> members) {
    if (!has_type(request, "application/json"))
        return invalid_argument("Invalid JSON payload received. The content type must be application/json.");
    boost::system::error_code failed;
    const auto text = faas::detail::text_of(request.body);
    auto json = boost::json::parse({text.data(), text.size()}, failed);
    if (failed || !json.is_object()) return invalid_argument("Invalid JSON payload received. Unexpected token.");
    for (const auto& member : json.get_object())
        if (std::find(members.begin(), members.end(), std::string_view{member.key().data(), member.key().size()}) ==
            members.end())
            return invalid_argument("Invalid JSON payload received. Unknown name \"" +
                                    std::string{member.key().data(), std::min<std::size_t>(member.key().size(), 64)} +
                                    "\": Cannot find field.");
    return std::move(json.get_object());
}

/// Reads a list of texts; empty if it is absent, nothing if it is anything else.
inline std::optional<std::vector<std::string>> read_gcp_texts(const boost::json::object& body, const char* name) {
    std::vector<std::string> texts;
    const auto* found = body.if_contains(name);
    if (found == nullptr) return texts;
    if (!found->is_array()) return std::nullopt;
    for (const auto& each : found->get_array()) {
        if (!each.is_string()) return std::nullopt;
        texts.emplace_back(each.get_string().data(), each.get_string().size());
    }
    return texts;
}

/// Reads "3600s"; an hour if it is absent, nothing if it is anything else.
inline std::optional<std::chrono::seconds> read_gcp_lifetime(const boost::json::object& body) {
    const auto* found = body.if_contains("lifetime");
    if (found == nullptr) return std::chrono::hours{1};
    if (!found->is_string()) return std::nullopt;
    const std::string text{found->get_string().data(), found->get_string().size()};
    std::int64_t seconds = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed != std::errc{} || std::string_view{end, text.data() + text.size()} != "s" || seconds < 1)
        return std::nullopt;
    return std::chrono::seconds{seconds};
}

BLUEPRINT_FAAS_DECL result<void> GcpIamCredentials::may_create(const std::string& member, const std::string& email,
                                                               std::string_view permission) const {
    const auto account = options_.service_accounts.find(email);
    if (account == options_.service_accounts.end())
        return gcp_refusal(404, "NOT_FOUND", "Not found; Gaia id not found for email " + email.substr(0, 128));
    const auto& creators = account->second.token_creators;
    if (creators.empty() || std::find(creators.begin(), creators.end(), member) != creators.end()) return {};
    return gcp_refusal(403, "PERMISSION_DENIED IAM_PERMISSION_DENIED",
                       "Permission '" + std::string{permission} + "' denied on resource (or it may not exist).");
}

BLUEPRINT_FAAS_DECL result<void> GcpIamCredentials::judge_chain(const GcpCaller& caller,
                                                                const boost::json::object& body,
                                                                const std::string& email,
                                                                std::string_view permission) const {
    const auto delegates = read_gcp_texts(body, "delegates");
    if (!delegates) return invalid_argument("Invalid value at 'delegates'.");
    auto member = caller.member;
    for (const auto& delegate : *delegates) {
        constexpr std::string_view before = "projects/-/serviceAccounts/";
        if (!delegate.starts_with(before))
            return invalid_argument("Invalid form of a delegate: projects/-/serviceAccounts/ must come first.");
        const auto next = delegate.substr(before.size());
        if (auto may = may_create(member, next, "iam.serviceAccounts.implicitDelegation"); !may) return may.error();
        member = gcp_member(options_, next);
    }
    return may_create(member, email, permission);
}

BLUEPRINT_FAAS_DECL result<boost::json::object> GcpIamCredentials::handle(const ServerRequest& request) {
    // Who asks is judged before what is asked.
    const auto caller =
        gate_.judge_api(request, "iamcredentials.googleapis.com", "https://www.googleapis.com/auth/iam");
    if (!caller) return caller.error();
    const auto path = path_of(request);
    const auto colon = path.rfind(':');
    const auto method = colon == std::string_view::npos ? std::string_view{} : path.substr(colon + 1);
    const bool access = method == "generateAccessToken";
    if (request.method != "POST" || (!access && method != "generateIdToken"))
        return gcp_refusal(404, "NOT_FOUND", "Method not found.");
    if (!path.starts_with(gcp_accounts_path))
        return invalid_argument("Invalid form of the account's name: the project must be given as '-'.");
    const auto name =
        faas::detail::percent_decode(path.substr(gcp_accounts_path.size(), colon - gcp_accounts_path.size()));
    if (!name || name->empty()) return invalid_argument("Invalid form of the account's name.");
    const std::string& email = *name;

    if (access) {
        const auto body = read_gcp_body(request, {"scope", "lifetime", "delegates"});
        if (!body) return body.error();
        const auto scopes = read_gcp_texts(*body, "scope");
        if (!scopes) return invalid_argument("Invalid value at 'scope'.");
        std::string joined;
        for (const auto& scope : *scopes) joined += (joined.empty() ? "" : " ") + scope;
        if (!gcp_scopes_are_real(joined))
            return invalid_argument("Request contains an invalid argument: at least one valid scope is required.");
        const auto life = read_gcp_lifetime(*body);
        if (!life)
            return invalid_argument("Invalid value at 'lifetime' (type.googleapis.com/google.protobuf.Duration)");
        if (*life > std::chrono::hours{1})
            return invalid_argument("The specified lifetime exceeds the maximum allowed lifetime of 3600 seconds.");
        if (auto may = judge_chain(*caller, *body, email, "iam.serviceAccounts.getAccessToken"); !may)
            return may.error();
        const auto token =
            tokens_.issue_access({.member = gcp_member(options_, email), .email = email, .scopes = joined}, *life);
        return boost::json::object{{"accessToken", token.value.reveal()},
                                   {"expireTime", rfc3339(std::chrono::floor<std::chrono::seconds>(token.expires))}};
    }
    const auto body =
        read_gcp_body(request, {"audience", "includeEmail", "delegates", "useEmailAzp", "organizationNumberIncluded"});
    if (!body) return body.error();
    const auto* audience = body->if_contains("audience");
    if (audience == nullptr || !audience->is_string() || audience->get_string().empty())
        return invalid_argument("Request contains an invalid argument: an audience is required.");
    const auto flag = [&](const char* member) {
        const auto* found = body->if_contains(member);
        return found != nullptr && found->is_bool() && found->get_bool();
    };
    if (auto may = judge_chain(*caller, *body, email, "iam.serviceAccounts.getOpenIdToken"); !may) return may.error();
    return boost::json::object{
        {"token", tokens_.issue_identity({.email = email,
                                          .audience = {audience->get_string().data(), audience->get_string().size()},
                                          .authorized_party = flag("useEmailAzp") ? email : std::string{},
                                          .with_email = flag("includeEmail")})}};
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpIamCredentials::answer(const ServerRequest& request) {
    auto handled = handle(request);
    if (!handled) return gcp_failure(handled.error());
    return token_answer(*handled);
}

}  // namespace blueprint::faas::local

#endif
