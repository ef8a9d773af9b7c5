#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_METADATA_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_METADATA_IPP

#include "blueprint/faas/local/gcp_metadata.hpp"
#include "blueprint/faas/local/impl/gcp_words.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace blueprint::faas::local {

inline ServerAnswer gcp_metadata_answer(unsigned status, std::string body, std::string_view type = "application/text") {
    ServerAnswer answer{.status = status, .content_type = std::string{type}, .body = std::move(body)};
    answer.headers.emplace_back("Metadata-Flavor", "Google");
    answer.headers.emplace_back("Server", "Metadata Server for VM");
    return answer;
}

inline ServerAnswer gcp_metadata_refusal(unsigned status, std::string_view title, std::string_view text) {
    return gcp_metadata_answer(status,
                               "<!DOCTYPE html>\n<html><head><title>Error " + std::to_string(status) + " (" +
                                   std::string{title} + ")</title></head><body><p>" + std::string{text} +
                                   "</p></body></html>\n",
                               "text/html; charset=UTF-8");
}

inline ServerAnswer gcp_metadata_absent() {
    return gcp_metadata_refusal(404, "Not Found", "The requested URL was not found on this server.");
}

BLUEPRINT_FAAS_DECL bool GcpMetadata::takes(const ServerRequest& head) {
    const auto path = path_of(head);
    // At the root alone it looks whether the request is for it: a client asks there whether it is on Google Cloud.
    return path.starts_with("/computeMetadata") ||
           (path == "/" && head.method == "GET" && head.field("metadata-flavor"));
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpMetadata::token(std::string_view query) {
    const auto form = read_http_form(query);
    if (!form) return gcp_metadata_refusal(400, "Bad Request", "The query is malformed.");
    std::string scopes{form_text(*form, "scopes")};
    std::replace(scopes.begin(), scopes.end(), ',', ' ');
    if (scopes.empty()) scopes = gcp_cloud_platform;
    if (!gcp_scopes_are_real(scopes)) return gcp_metadata_refusal(400, "Bad Request", "invalid scopes");
    auto& current = current_[scopes];
    const auto now = clock_.now();
    const auto early = std::min<std::chrono::seconds>(std::chrono::minutes{4}, options_.token_life / 2);
    if (current.value.empty() || current.expires - now <= early || !tokens_.find_access(current.value.reveal()))
        current = tokens_.issue_access({.member = gcp_member(options_, options_.metadata_account),
                                        .email = options_.metadata_account,
                                        .scopes = scopes},
                                       options_.token_life);
    const auto left = std::chrono::floor<std::chrono::seconds>(current.expires - now);
    const boost::json::object content{
        {"access_token", current.value.reveal()}, {"expires_in", std::int64_t{left.count()}}, {"token_type", "Bearer"}};
    auto body = boost::json::serialize(content);
    constexpr std::size_t most = 1000;
    if (current_.size() > most) current_.clear();
    return gcp_metadata_answer(200, std::move(body), "application/json");
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpMetadata::identity(std::string_view query) const {
    const auto form = read_http_form(query);
    if (!form) return gcp_metadata_refusal(400, "Bad Request", "The query is malformed.");
    const auto audience = form_text(*form, "audience");
    if (audience.empty()) return gcp_metadata_refusal(400, "Bad Request", "non-empty audience parameter required");
    const auto format = form_text(*form, "format");
    if (!format.empty() && format != "standard" && format != "full")
        return gcp_metadata_refusal(400, "Bad Request", "format must be standard or full");
    const bool full = format == "full";
    // Without the whole format the token tells neither the email nor the instance.
    return gcp_metadata_answer(
        200,
        tokens_.issue_identity(
            {.email = options_.metadata_account, .audience = std::string{audience}, .with_email = full, .full = full}),
        "text/html");
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpMetadata::account(std::string_view what, std::string_view query) {
    if (what == "token") return token(query);
    if (what == "identity") return identity(query);
    if (what == "email") return gcp_metadata_answer(200, options_.metadata_account);
    if (what == "aliases") return gcp_metadata_answer(200, "default\n");
    if (what == "scopes") return gcp_metadata_answer(200, std::string{gcp_cloud_platform} + '\n');
    if (what.empty()) return gcp_metadata_answer(200, "aliases\nemail\nidentity\nscopes\ntoken\n");
    return gcp_metadata_absent();
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpMetadata::answer(const ServerRequest& request) {
    if (request.method != "GET" && request.method != "HEAD")
        return gcp_metadata_refusal(405, "Method Not Allowed", "Only GET is allowed here.");
    if (request.field("x-forwarded-for"))
        return gcp_metadata_refusal(403, "Forbidden", "Forwarded requests get no metadata.");
    if (request.field("metadata-flavor") != std::string_view{"Google"})
        return gcp_metadata_refusal(403, "Forbidden", "Missing Metadata-Flavor:Google header.");

    auto path = path_of(request);
    const auto query = std::string_view{request.target}.substr(path.size());
    const auto parameters = query.empty() ? query : query.substr(1);
    if (path == "/") return gcp_metadata_answer(200, "computeMetadata/\n");
    constexpr std::string_view root = "/computeMetadata/v1";
    if (!path.starts_with(root)) return gcp_metadata_absent();
    path.remove_prefix(root.size());
    if (path.ends_with('/')) path.remove_suffix(1);

    constexpr std::string_view accounts = "/instance/service-accounts";
    if (path.substr(0, path.find('/', accounts.size())) == accounts) {
        if (options_.metadata_account.empty()) return gcp_metadata_absent();
        if (path == accounts) return gcp_metadata_answer(200, "default/\n" + options_.metadata_account + "/\n");
        const auto rest = path.substr(accounts.size() + 1);
        for (const std::string_view name : {std::string_view{"default"}, std::string_view{options_.metadata_account}}) {
            if (rest == name) return account({}, parameters);
            if (rest.starts_with(name) && rest.substr(name.size()).starts_with('/'))
                return account(rest.substr(name.size() + 1), parameters);
        }
        return gcp_metadata_absent();
    }
    const auto place = "projects/" + options_.project_number;
    const std::array<std::pair<std::string_view, std::string>, 10> values{{
        {"", "instance/\nproject/\nuniverse/\n"},
        {"/instance", "id\nregion\nservice-accounts/\nzone\n"},
        {"/instance/id", gcp_unique_id("instance")},
        {"/instance/region", place + "/regions/" + options_.region},
        {"/instance/zone", place + "/zones/" + options_.region + "-b"},
        {"/project", "numeric-project-id\nproject-id\n"},
        {"/project/project-id", options_.project},
        {"/project/numeric-project-id", options_.project_number},
        {"/universe/universe-domain", options_.universe_domain},
        {"/universe/universe_domain", options_.universe_domain},
    }};
    for (const auto& [name, value] : values)
        if (path == name) return gcp_metadata_answer(200, value);
    return gcp_metadata_absent();
}

}  // namespace blueprint::faas::local

#endif
