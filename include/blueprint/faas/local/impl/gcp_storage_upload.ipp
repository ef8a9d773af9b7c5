#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_STORAGE_UPLOAD_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_STORAGE_UPLOAD_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hmac.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/gcp_storage.hpp"
#include "blueprint/faas/local/impl/gcp_storage.ipp"
#include "blueprint/faas/local/impl/md5.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace blueprint::faas::local {

// How objects come into the local Cloud Storage.

BLUEPRINT_FAAS_DECL result<boost::json::object> GcpStorage::store(std::string_view bucket, std::string_view name,
                                                                  Bytes bytes, std::string_view content_type,
                                                                  std::string_view generation_match) {
    auto& objects = buckets_.find(bucket)->second.objects;
    const auto existing = objects.find(name);
    const auto there = existing == objects.end() ? std::string{"0"} : existing->second.generation;
    if (!generation_match.empty() && generation_match != there)
        return storage_refusal(412, "conditionNotMet",
                               "At least one of the pre-conditions you specified did not hold.");
    const std::uint64_t freed = existing == objects.end() ? 0 : existing->second.bytes->size() + 1024;
    const std::uint64_t wanted = bytes.size() + 1024;
    if (wanted > room() + freed)
        return storage_refusal(503, "backendError", "The local cloud's storage is full: raise its storage_bytes.");
    used_ += wanted - freed;
    const auto now = clock_.now();
    generation_ = std::max(generation_ + 1,
                           static_cast<std::uint64_t>(
                               std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count()));
    Object object{.generation = std::to_string(generation_),
                  .content_type = content_type.empty() ? "application/octet-stream" : std::string{content_type},
                  .md5 = md5_base64(bytes),
                  .created = gcp_time(now)};
    object.bytes = std::make_shared<const Bytes>(std::move(bytes));
    auto shown = show(bucket, name, object);
    objects.insert_or_assign(std::string{name}, std::move(object));
    return shown;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::upload(const GcpTarget& target, ServerRequest& request) {
    const auto& segments = target.segments;
    if (segments.size() != 3 || segments[0] != "b" || segments[2] != "o")
        return storage_refusal(404, "notFound", "Not Found");
    if (auto known = check_gcp_query(target, {"uploadType", "upload_id", "name", "ifGenerationMatch", "projection",
                                              "userProject", "contentEncoding", "predefinedAcl"});
        !known)
        return storage_refusal(400, "invalidParameter", known.error().message);
    const auto bucket = find_bucket(segments[1]);
    if (!bucket) return bucket.error();
    const auto type = target.get("uploadType");
    if (type == "resumable" && target.query.contains("upload_id")) return continue_session(target, request);
    if (request.method != "POST") return storage_method_not_allowed();
    if (type == "resumable") return begin_session(target, request);
    if (type != "media")
        return storage_refusal(
            400, "badRequest",
            "uploadType: the local cloud takes 'media' and 'resumable', not '" + std::string{type} + "'.");
    const auto name = target.get("name");
    if (name.empty() || name.size() > 1024) return storage_refusal(400, "required", "Required parameter: name");
    if (const auto md5 = request.field("content-md5"); md5 && *md5 != md5_base64(request.body))
        return storage_refusal(400, "invalid", "Provided MD5 hash doesn't match the calculated MD5 hash.");
    const auto content_type = std::string{request.field("content-type").value_or("")};
    auto stored = store(segments[1], name, std::move(request.body), content_type, target.get("ifGenerationMatch"));
    if (!stored) return stored.error();
    return gcp_json(*stored);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::begin_session(const GcpTarget& target,
                                                                   const ServerRequest& request) {
    const auto body = read_gcp_body(request);
    if (!body || !body->is_object())
        return storage_refusal(400, "parseError", body ? "Parse Error" : body.error().message);
    Session session{.bucket = target.segments[1],
                    .name = std::string{target.get("name")},
                    .content_type = std::string{request.field("x-upload-content-type").value_or("")},
                    .generation_match = std::string{target.get("ifGenerationMatch")}};
    if (session.name.empty()) session.name = gcp_text(body->get_object(), "name");
    if (session.name.empty() || session.name.size() > 1024)
        return storage_refusal(400, "required", "Required parameter: name");
    constexpr std::size_t most = 100;
    if (sessions_.size() >= most) std::erase_if(sessions_, [](const auto& one) { return !one.second.done.empty(); });
    if (sessions_.size() >= most) return storage_refusal(429, "rateLimitExceeded", "Too many uploads are under way.");
    const auto id = random_text(40);
    ServerAnswer answer{.content_type = ""};
    const auto host = request.field("host").value_or("localhost");
    answer.headers.emplace_back("Location", std::string{request.tls ? "https://" : "http://"}.append(host) +
                                                "/upload/storage/v1/b/" + faas::detail::percent_encode(session.bucket) +
                                                "/o?uploadType=resumable&name=" +
                                                faas::detail::percent_encode(session.name) + "&upload_id=" + id);
    answer.headers.emplace_back("X-GUploader-UploadID", id);
    sessions_.emplace(id, std::move(session));
    return answer;
}

/// The field Content-Range of a piece: "bytes 0-524287/2000000", "bytes 0-524287/*", or "bytes */2000000", which asks.
struct StoragePiece {
    bool asks = false;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> total{};
};

inline std::optional<StoragePiece> read_storage_piece(std::string_view text) {
    const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
        std::uint64_t value = 0;
        const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (digits.empty() || failed != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
        return value;
    };
    constexpr std::string_view unit = "bytes ";
    const auto slash = text.find('/');
    if (!text.starts_with(unit) || slash == std::string_view::npos) return std::nullopt;
    StoragePiece piece;
    const auto total = text.substr(slash + 1);
    if (total != "*") {
        piece.total = number(total);
        if (!piece.total) return std::nullopt;
    }
    const auto range = text.substr(unit.size(), slash - unit.size());
    piece.asks = range == "*";
    if (piece.asks) return piece;
    const auto dash = std::min(range.find('-'), range.size());
    const auto first = number(range.substr(0, dash));
    const auto last = number(range.substr(std::min(dash + 1, range.size())));
    if (!first || !last || *last < *first || (piece.total && *last >= *piece.total)) return std::nullopt;
    piece.first = *first;
    piece.last = *last;
    return piece;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> GcpStorage::continue_session(const GcpTarget& target, ServerRequest& request) {
    const auto found = sessions_.find(target.get("upload_id"));
    if (found == sessions_.end() || found->second.bucket != target.segments[1])
        return storage_refusal(404, "notFound", "The upload session does not exist, or is over.");
    auto& session = found->second;
    if (request.method == "DELETE") {
        used_ -= session.bytes.size();
        sessions_.erase(found);
        return ServerAnswer{.status = 499, .content_type = ""};
    }
    if (request.method != "PUT") return storage_method_not_allowed();
    if (!session.done.empty()) return gcp_json(session.done);
    const auto there = static_cast<std::uint64_t>(session.bytes.size());
    StoragePiece piece{.first = 0, .last = request.body.size() - 1, .total = request.body.size()};
    if (const auto field = request.field("content-range")) {
        const auto read = read_storage_piece(*field);
        if (!read) return storage_refusal(400, "invalid", "Failed to parse Content-Range header.");
        piece = *read;
    } else if (request.body.empty()) {
        piece.asks = true;
    }
    const auto more = [&] {
        ServerAnswer answer{.status = 308, .content_type = ""};
        if (!session.bytes.empty())
            answer.headers.emplace_back("Range", "bytes=0-" + std::to_string(session.bytes.size() - 1));
        return answer;
    };
    if (!piece.asks) {
        if (piece.last - piece.first + 1 != request.body.size())
            return storage_refusal(400, "invalid", "Invalid request. The body is not as long as Content-Range says.");
        if (piece.first > there) return more();  // who left something out looks where to go on
        const bool final = piece.total && piece.last + 1 == *piece.total;
        constexpr std::uint64_t granule = 256U << 10;
        if (!final && request.body.size() % granule != 0)
            return storage_refusal(400, "invalid",
                                   "Invalid request. All pieces but the last must be multiples of 262144 bytes; there "
                                   "were " +
                                       std::to_string(request.body.size()) + '.');
        const auto known = static_cast<std::size_t>(there - piece.first);  // what came before is not taken twice
        const auto fresh = request.body.size() - std::min(known, request.body.size());
        if (fresh > room())
            return storage_refusal(503, "backendError", "The local cloud's storage is full: raise its storage_bytes.");
        session.bytes.insert(session.bytes.end(), request.body.end() - static_cast<std::ptrdiff_t>(fresh),
                             request.body.end());
        used_ += fresh;
    }
    if (!piece.total || session.bytes.size() < *piece.total) return more();
    used_ -= session.bytes.size();
    auto stored =
        store(session.bucket, session.name, std::move(session.bytes), session.content_type, session.generation_match);
    session.bytes = {};
    if (!stored) {
        sessions_.erase(found);
        return stored.error();
    }
    session.done = *stored;
    return gcp_json(*stored);
}

BLUEPRINT_FAAS_DECL bool GcpStorage::is_signed(const ServerRequest& head) {
    return head.method == "PUT" && head.target.find("GoogleAccessId=") != std::string::npos;
}

/// Source: Cloud Storage documentation, "V2 signing process", String-to-sign.
BLUEPRINT_FAAS_DECL std::string GcpStorage::signature_of(std::string_view method, std::string_view md5,
                                                         std::string_view type, std::string_view expires,
                                                         std::string_view extensions, std::string_view resource) const {
    std::string text;
    for (const auto part : {method, md5, type, expires}) text.append(part).append(1, '\n');
    text.append(extensions).append(resource);
    const faas::detail::HmacSha256Key key{faas::detail::bytes_of(signing_key_)};
    faas::detail::Sha256 work;
    const auto code = key.code(faas::detail::bytes_of(text), work);
    return faas::detail::base64_encode(code);
}

inline std::string storage_path_of(std::string_view bucket, std::string_view object) {
    return '/' + std::string{bucket} + '/' + std::string{object};
}

BLUEPRINT_FAAS_DECL std::string GcpStorage::signed_upload_url(std::string_view origin, std::string_view bucket,
                                                              std::string_view object) {
    buckets_[std::string{bucket}].hidden = true;
    const auto expires = std::to_string(clock_.seconds() + 1800);
    const auto signature = signature_of("PUT", {}, "application/zip", expires, {}, storage_path_of(bucket, object));
    return std::string{origin} + storage_path_of(bucket, object) + "?GoogleAccessId=service-" +
           options_.project_number + "%40gcf-admin-robot.iam.gserviceaccount.com&Expires=" + expires +
           "&Signature=" + faas::detail::percent_encode(signature);
}

/// An error of the XML API, which signed URLs belong to.
inline ServerAnswer storage_xml_failure(unsigned status, std::string_view code, std::string_view message,
                                        std::string_view details) {
    ServerAnswer answer{.status = status, .content_type = "application/xml; charset=UTF-8"};
    answer.body = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>" + std::string{code} + "</Code><Message>" +
                  std::string{message} + "</Message><Details>" + std::string{details} + "</Details></Error>";
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer GcpStorage::put_signed(ServerRequest& request) {
    const auto target = read_request_target(request.target, "/");
    const auto expires = target.get("Expires");
    // All fields that begin so are part of what was signed, whoever sent them: the URL was signed without any.
    std::map<std::string, std::string> fields;
    for (const auto& [name, value] : request.fields) {
        std::string lower;
        for (const char c : name) lower += faas::detail::ascii_lower(c);
        if (lower.starts_with("x-goog-")) fields[lower] = value;
    }
    std::string extensions;
    for (const auto& [name, value] : fields) extensions += name + ':' + value + '\n';
    const auto resource = '/' + target.name(target.segments.size());
    const auto expected = signature_of("PUT", request.field("content-md5").value_or(""),
                                       request.field("content-type").value_or(""), expires, extensions, resource);
    const bool other_credentials = request.field("authorization").has_value();
    if (other_credentials || expected != target.get("Signature"))
        return storage_xml_failure(403, "SignatureDoesNotMatch", "Access denied.",
                                   "The request signature we calculated does not match the "
                                   "signature you provided. Check your Google secret key and "
                                   "signing method.");
    std::int64_t until = 0;
    std::from_chars(expires.data(), expires.data() + expires.size(), until);
    if (until < clock_.seconds())
        return storage_xml_failure(
            400, "ExpiredToken", "Invalid argument.",
            "The provided token has expired. Request signature expired at: " + std::to_string(until));
    const auto& segments = target.segments;
    const auto bucket = segments[0];
    if (segments.size() < 2 || buckets_.find(bucket) == buckets_.end())
        return storage_xml_failure(404, "NoSuchBucket", "The specified bucket does not exist.", {});
    auto object = target.name(segments.size()).substr(bucket.size() + 1);
    auto stored = store(bucket, object, std::move(request.body), "application/zip", {});
    if (!stored) return storage_xml_failure(503, "ServiceUnavailable", stored.error().message, {});
    ServerAnswer answer{.content_type = ""};
    answer.headers.emplace_back("x-goog-generation", gcp_text(*stored, "generation"));
    return answer;
}

}  // namespace blueprint::faas::local

#endif
