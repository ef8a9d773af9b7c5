#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_STORAGE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_STORAGE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/gcp_storage.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL GcpStorage::GcpStorage(const GcpOptions& options, const GcpGate& gate, const GcpClock& clock)
    : options_{options}, gate_{gate}, clock_{clock}, signing_key_{random_text(40)} {}

/// Makes the `Error` of the JSON API: `reason` is its own name of what is wrong, "notFound".
inline Error storage_refusal(unsigned status, std::string_view reason, std::string message) {
    return gcp_refusal(status, reason, std::move(message));
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpStorage::failure(const Error& error) {
    const unsigned status = error.http_status == 0 ? 500 : error.http_status;
    std::string reason = error.platform_code;
    // Refusals of what all APIs have in common name the code of those.
    if (reason.starts_with("UNAUTHENTICATED")) reason = status == 401 ? "authError" : "forbidden";
    if (reason.starts_with("PERMISSION_DENIED")) {
        reason = reason.ends_with("SERVICE_DISABLED")                  ? "accessNotConfigured"
                 : reason.ends_with("ACCESS_TOKEN_SCOPE_INSUFFICIENT") ? "insufficientPermissions"
                                                                       : "forbidden";
    }
    if (reason == "INVALID_ARGUMENT") reason = "invalid";
    const boost::json::object detail{{"message", error.message}, {"domain", "global"}, {"reason", reason}};
    const boost::json::object content{
        {"code", status}, {"message", error.message}, {"errors", boost::json::array{detail}}};
    ServerAnswer answer = gcp_json({{"error", content}});
    answer.status = status;
    if (status == 401) answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"https://accounts.google.com/\"");
    return answer;
}

BLUEPRINT_FAAS_DECL bool GcpStorage::takes(const ServerRequest& head) {
    const std::string_view target = head.target;
    return target.starts_with("/storage/v1/") || target.starts_with("/upload/storage/v1/") || is_signed(head);
}

BLUEPRINT_FAAS_DECL Admission GcpStorage::admit(const ServerRequest& head) const {
    if (is_signed(head)) return {.body_bytes = room()};
    // Whoever has a session's address may go on with it.
    // Source: Cloud Storage documentation, "Resumable uploads", session URIs.
    const bool uploading = std::string_view{head.target}.starts_with("/upload/");
    if (uploading && sessions_.contains(read_request_target(head.target, "/upload/storage/v1/").get("upload_id")))
        return {.body_bytes = room() + (1U << 20)};
    constexpr std::string_view scopes =
        "https://www.googleapis.com/auth/devstorage.full_control https://www.googleapis.com/auth/devstorage.read_write";
    const auto caller = gate_.judge_api(head, service, scopes);
    if (!caller) return {.refusal = failure(caller.error())};
    const bool disabled = std::find(options_.disabled_services.begin(), options_.disabled_services.end(), service) !=
                          options_.disabled_services.end();
    if (disabled)
        return {.refusal = failure(storage_refusal(403, "accessNotConfigured",
                                                   "Cloud Storage JSON API has not been used in project " +
                                                       options_.project + " before or it is disabled."))};
    if (!gate_.may_administrate(*caller))
        return {.refusal = failure(storage_refusal(403, "forbidden",
                                                   caller->email + " does not have access to the Google Cloud "
                                                                   "Storage bucket."))};
    return {.body_bytes = uploading ? room() + (1U << 20) : 64U << 10};
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpStorage::answer(ServerRequest request) {
    if (is_signed(request)) return put_signed(request);
    const bool uploads = std::string_view{request.target}.starts_with("/upload/");
    const auto target = read_request_target(request.target, uploads ? "/upload/storage/v1/" : "/storage/v1/");
    auto answer = uploads ? upload(target, request) : handle(target, request);
    return answer ? std::move(*answer) : failure(answer.error());
}

BLUEPRINT_FAAS_DECL std::shared_ptr<const Bytes> GcpStorage::find(std::string_view bucket, std::string_view object,
                                                                  std::string_view generation) const {
    const auto place = buckets_.find(bucket);
    if (place == buckets_.end()) return nullptr;
    const auto found = place->second.objects.find(object);
    if (found == place->second.objects.end()) return nullptr;
    if (!generation.empty() && found->second.generation != generation) return nullptr;
    return found->second.bytes;
}

inline Error storage_method_not_allowed() { return storage_refusal(405, "methodNotAllowed", "Method Not Allowed"); }

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::handle(const GcpTarget& target, ServerRequest& request) {
    const auto& segments = target.segments;
    if (auto known = check_gcp_query(
            target, {"project", "projection", "prefix", "delimiter", "pageToken", "maxResults", "generation",
                     "ifGenerationMatch", "ifMetagenerationMatch", "userProject", "uploadType", "versions"});
        !known)
        return storage_refusal(400, "invalidParameter", known.error().message);
    if (segments.empty() || segments[0] != "b") return storage_refusal(404, "notFound", "Not Found");
    if (segments.size() == 1) return buckets(target, request);
    if (segments.size() == 2) return one_bucket(target, request);
    if (segments[2] != "o" || segments.size() > 4) return storage_refusal(404, "notFound", "Not Found");
    const auto bucket = find_bucket(segments[1]);
    if (!bucket) return bucket.error();
    if (segments.size() == 3) {
        if (request.method != "GET") return storage_method_not_allowed();
        return list_objects(target);
    }
    return one_object(target, request);
}

BLUEPRINT_FAAS_DECL result<GcpStorage::Bucket*> GcpStorage::find_bucket(std::string_view name) {
    const auto& foreign = options_.foreign_buckets;
    const auto found = buckets_.find(name);
    if (std::find(foreign.begin(), foreign.end(), name) != foreign.end() ||
        (found != buckets_.end() && found->second.hidden))
        return storage_refusal(403, "forbidden",
                               "The caller does not have storage.buckets.get access to the Google Cloud Storage "
                               "bucket. Permission 'storage.buckets.get' denied on resource (or it may not exist).");
    if (found == buckets_.end()) return storage_refusal(404, "notFound", "The specified bucket does not exist.");
    return &found->second;
}

/// Source: Cloud Storage documentation, "About Cloud Storage buckets", Bucket names.
inline bool is_storage_bucket_name(std::string_view name) {
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return name.size() >= 3 && name.size() <= 63 && alphanumeric(name.front()) && alphanumeric(name.back()) &&
           !name.starts_with("goog") && name.find("google") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::buckets(const GcpTarget& target, const ServerRequest& request) {
    if (target.get("project").empty()) return storage_refusal(400, "required", "Required parameter: project");
    if (target.get("project") != options_.project && target.get("project") != options_.project_number)
        return storage_refusal(403, "forbidden",
                               "The caller does not have access to the project, or it does not exist.");
    if (request.method == "POST") return insert_bucket(target, request);
    if (request.method != "GET") return storage_method_not_allowed();
    boost::json::object page{{"kind", "storage#buckets"}};
    boost::json::array items;
    for (const auto& [name, bucket] : buckets_)
        if (!bucket.hidden) items.push_back(bucket.shown);
    if (!items.empty()) page["items"] = std::move(items);
    return gcp_json(page);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::insert_bucket(const GcpTarget&, const ServerRequest& request) {
    const auto body = read_gcp_body(request);
    if (!body || !body->is_object())
        return storage_refusal(400, "parseError", body ? "Parse Error" : body.error().message);
    const auto& wanted = body->get_object();
    static constexpr std::array<std::string_view, 14> members{
        "name",    "location",       "locationType", "storageClass", "iamConfiguration", "lifecycle",
        "labels",  "versioning",     "cors",         "encryption",   "softDeletePolicy", "autoclass",
        "website", "retentionPolicy"};
    for (const auto& [key, value] : wanted)
        if (std::find(members.begin(), members.end(), std::string_view{key}) == members.end())
            return storage_refusal(400, "invalid", "Unknown name \"" + std::string{key} + "\": Cannot find field.");
    const auto name = gcp_text(wanted, "name");
    if (!is_storage_bucket_name(name)) return storage_refusal(400, "invalid", "Invalid bucket name: '" + name + '\'');
    const auto& foreign = options_.foreign_buckets;
    const bool others = std::find(foreign.begin(), foreign.end(), name) != foreign.end();
    if (others || buckets_.find(name) != buckets_.end())
        return storage_refusal(409, "conflict",
                               others ? "The requested bucket name is not available. The bucket namespace is shared by "
                                        "all users of the system. Please select a different name and try again."
                                      : "Your previous request to create the named bucket succeeded and you already "
                                        "own it.");
    if (buckets_.size() >= 100) return storage_refusal(429, "rateLimitExceeded", "The project has too many buckets.");
    const auto now = gcp_time(clock_.now());
    auto location = gcp_text(wanted, "location");
    if (location.empty()) location = "US";
    std::transform(location.begin(), location.end(), location.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    auto shown = wanted;
    shown["kind"] = "storage#bucket";
    shown["id"] = name;
    shown["projectNumber"] = options_.project_number;
    shown["metageneration"] = "1";
    shown["location"] = location;
    shown["locationType"] = location.find('-') == std::string::npos ? "multi-region" : "region";
    shown["storageClass"] = "STANDARD";
    shown["timeCreated"] = now;
    shown["updated"] = now;
    shown["etag"] = "CAE=";
    buckets_[name].shown = shown;
    return gcp_json(shown);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::one_bucket(const GcpTarget& target, const ServerRequest& request) {
    const auto bucket = find_bucket(target.segments[1]);
    if (!bucket) return bucket.error();
    if (request.method == "GET") return gcp_json((*bucket)->shown);
    if (request.method != "DELETE") return storage_method_not_allowed();
    if (!(*bucket)->objects.empty())
        return storage_refusal(409, "conflict", "The bucket you tried to delete is not empty.");
    buckets_.erase(target.segments[1]);
    return ServerAnswer{.status = 204, .content_type = ""};
}

BLUEPRINT_FAAS_DECL boost::json::object GcpStorage::show(std::string_view bucket, std::string_view name,
                                                         const Object& object) const {
    return {{"kind", "storage#object"},
            {"id", std::string{bucket} + '/' + std::string{name} + '/' + object.generation},
            {"name", name},
            {"bucket", bucket},
            {"generation", object.generation},
            {"metageneration", "1"},
            {"contentType", object.content_type},
            {"storageClass", "STANDARD"},
            {"size", std::to_string(object.bytes->size())},
            {"md5Hash", object.md5},
            {"etag", "CAE="},
            {"timeCreated", object.created},
            {"updated", object.created}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::list_objects(const GcpTarget& target) {
    if (!target.get("delimiter").empty())
        return storage_refusal(501, "notImplemented", "The local cloud lists without a delimiter.");
    const auto& bucket = *find_bucket(target.segments[1]).value();
    std::vector<std::pair<std::string, boost::json::object>> entries;
    const auto prefix = target.get("prefix");
    for (auto at = bucket.objects.lower_bound(prefix); at != bucket.objects.end(); ++at) {
        if (!at->first.starts_with(prefix)) break;
        entries.emplace_back(at->first, show(target.segments[1], at->first, at->second));
    }
    auto paging = target;
    if (const auto size = target.get("maxResults"); !size.empty()) paging.query["pageSize"] = size;
    auto page = gcp_page(paging, "items", std::move(entries));
    if (!page) return storage_refusal(400, "invalid", page.error().message);
    (*page)["kind"] = "storage#objects";
    return gcp_json(*page);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::one_object(const GcpTarget& target, const ServerRequest& request) {
    const auto& name = target.segments[3];
    auto& bucket = *find_bucket(target.segments[1]).value();
    const auto found = bucket.objects.find(name);
    const auto generation = target.get("generation");
    if (found == bucket.objects.end() || (!generation.empty() && generation != found->second.generation))
        return storage_refusal(404, "notFound", "No such object: " + target.segments[1] + '/' + name);
    if (request.method == "DELETE") {
        used_ -= found->second.bytes->size() + 1024;
        bucket.objects.erase(found);
        return ServerAnswer{.status = 204, .content_type = ""};
    }
    if (request.method != "GET") return storage_method_not_allowed();
    if (target.get("alt") != "media") return gcp_json(show(target.segments[1], name, found->second));
    ServerAnswer answer{.content_type = found->second.content_type};
    answer.body = faas::detail::text_of(*found->second.bytes);
    answer.headers.emplace_back("x-goog-generation", found->second.generation);
    return answer;
}

}  // namespace blueprint::faas::local

#endif
