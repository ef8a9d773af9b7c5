#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_STORAGE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_STORAGE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/aws_storage.hpp"
#include "blueprint/faas/local/impl/aws_refusals.hpp"
#include "blueprint/faas/local/impl/aws_upload.hpp"
#include "blueprint/faas/local/impl/aws_xml.hpp"
#include "blueprint/faas/local/impl/http_date.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

inline constexpr std::string_view s3_namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

struct AwsStorage::Place {
    std::string resource{};  // the path as sent
    std::string bucket{};
    std::string key{};
    std::map<std::string, std::string, std::less<>> query{};

    bool has(std::string_view name) const { return query.find(name) != query.end(); }
    std::string_view parameter(std::string_view name) const {
        const auto found = query.find(name);
        return found == query.end() ? std::string_view{} : std::string_view{found->second};
    }
};

inline AwsStorage::Place read_place(const ServerRequest& request) {
    AwsStorage::Place place;
    const auto path = std::string_view{request.target}.substr(0, request.target.find('?'));
    place.resource = path;
    place.bucket = aws_bucket_of_host(request);
    auto rest = path.substr(std::min<std::size_t>(1, path.size()));
    const auto decoded = [](std::string_view text) {
        return faas::detail::percent_decode(text).value_or(std::string{text});
    };
    if (place.bucket.empty()) {
        const auto end = std::min(rest.find('/'), rest.size());
        place.bucket = decoded(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    place.key = decoded(rest);
    for (auto& [name, value] : aws_query(request.target)) place.query.insert_or_assign(name, std::move(value));
    return place;
}

/// Tells whether the query asks for nothing that is not here: an ACL, tags, a list.
inline bool has_known_query(const AwsStorage::Place& place) {
    static constexpr std::array<std::string_view, 5> known{"location", "partNumber", "uploadId", "uploads", "x-id"};
    return std::all_of(place.query.begin(), place.query.end(), [](const auto& parameter) {
        const std::string_view name = parameter.first;
        return std::find(known.begin(), known.end(), name) != known.end() || name.starts_with("X-Amz-") ||
               name.starts_with("response-");
    });
}

inline Error no_such_bucket() { return aws_refusal(404, "NoSuchBucket", "The specified bucket does not exist"); }
inline Error not_implemented(std::string_view what) {
    return aws_refusal(501, "NotImplemented", "The local cloud has no " + std::string{what});
}
inline Error method_not_allowed() {
    return aws_refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
}
inline Error precondition_failed() {
    return aws_refusal(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
}

/// Source: Amazon S3 User Guide, "Bucket naming rules".
inline bool is_bucket_name(std::string_view name) {
    const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return name.size() >= 3 && name.size() <= 63 && alphanumeric(name.front()) && alphanumeric(name.back()) &&
           name.find("..") == std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '.' || c == '-'; });
}

inline ServerAnswer s3_answer(unsigned status, std::string body = {}) {
    ServerAnswer answer{.status = status, .content_type = body.empty() ? "" : "application/xml"};
    if (!body.empty()) answer.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + body;
    return answer;
}

inline std::string s3_document(std::string_view element, std::string_view content) {
    return std::string{"<"}.append(element).append(" xmlns=\"").append(s3_namespace).append("\">").append(content) +
           "</" + std::string{element} + '>';
}

/// What an object keeps of the header fields of its upload.
inline std::vector<std::pair<std::string, std::string>> kept_headers(const ServerRequest& request) {
    static constexpr std::array<std::string_view, 5> known{"cache-control", "content-disposition", "content-language",
                                                           "content-type", "expires"};
    std::vector<std::pair<std::string, std::string>> kept;
    for (const auto& [name, value] : request.fields) {
        const bool named = std::any_of(known.begin(), known.end(),
                                       [&](std::string_view one) { return faas::detail::iequals(one, name); });
        if (named || faas::detail::iequals(std::string_view{name}.substr(0, 11), "x-amz-meta-"))
            kept.emplace_back(name, value);
        // "aws-chunked" is how it was sent and not what it is.
        if (faas::detail::iequals(name, "content-encoding") && value.find("aws-chunked") == std::string::npos)
            kept.emplace_back(name, value);
    }
    return kept;
}

/// What keeping something costs: a million empty objects are not for nothing.
inline std::uint64_t storage_cost(std::size_t bytes, const std::vector<std::pair<std::string, std::string>>& headers) {
    std::uint64_t cost = bytes + 1024;
    for (const auto& [name, value] : headers) cost += name.size() + value.size();
    return cost;
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsStorage::failure(const Error& error, std::string_view resource) {
    const auto id = aws_unique_id("", random_uuid());
    auto answer =
        s3_answer(error.http_status == 0 ? 500 : error.http_status,
                  xml_around("Error", xml_element("Code", error.platform_code) + xml_element("Message", error.message) +
                                          xml_element("Resource", resource) + xml_element("RequestId", id)));
    answer.headers.emplace_back("x-amz-request-id", id);
    return answer;
}

BLUEPRINT_FAAS_DECL std::shared_ptr<const Bytes> AwsStorage::find(std::string_view bucket, std::string_view key) const {
    const auto place = buckets_.find(bucket);
    if (place == buckets_.end()) return nullptr;
    const auto object = place->second.objects.find(key);
    return object == place->second.objects.end() ? nullptr : object->second.bytes;
}

BLUEPRINT_FAAS_DECL std::uint64_t AwsStorage::body_bytes(const ServerRequest& head) const {
    const auto left = options_.storage_bytes - used_ + (1U << 20);
    const auto text = head.field("x-amz-decoded-content-length").value_or("");
    std::uint64_t announced = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), announced);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size() || announced > left) return left;
    // A chunk has 8 KiB at least, and up to a hundred bytes around it.
    return std::min(left, announced + announced / 64 + (64U << 10));
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsStorage::answer(ServerRequest request, const AwsCaller* caller) {
    const auto place = read_place(request);
    if (caller == nullptr) return failure(AwsRefusals{"s3"}.missing(), place.resource);
    auto answer = handle(place, request);
    if (!answer) return failure(answer.error(), place.resource);
    answer->headers.emplace_back("x-amz-request-id", aws_unique_id("", random_uuid()));
    return std::move(*answer);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::handle(const Place& place, ServerRequest& request) {
    if (place.bucket.empty()) return not_implemented("list of buckets");
    if (!has_known_query(place)) return not_implemented("such operation: the query asks for it");
    if (place.key.empty()) return handle_bucket(place, request);
    if (place.key.size() > 1024) return aws_refusal(400, "KeyTooLongError", "Your key is too long");
    const auto found = buckets_.find(place.bucket);
    if (found == buckets_.end()) return no_such_bucket();
    auto& bucket = found->second;
    if (request.method == "POST") {
        if (place.has("uploads")) return create_upload(place, request);
        if (place.has("uploadId")) return complete_upload(place, bucket, request);
        return method_not_allowed();
    }
    if (request.method == "PUT") {
        if (request.field("x-amz-copy-source")) return not_implemented("copying");
        if (place.has("uploadId") || place.has("partNumber")) return put_part(place, request);
        return put_object(place, bucket, request);
    }
    if (place.has("uploads") || (request.method == "GET" && place.has("uploadId")))
        return not_implemented("list of uploads or parts");
    if (request.method == "GET" || request.method == "HEAD") return get_object(place, bucket, request);
    if (request.method != "DELETE") return method_not_allowed();
    if (place.has("uploadId")) return abort_upload(place);
    if (const auto object = bucket.objects.find(place.key); object != bucket.objects.end()) {
        used_ -= storage_cost(object->second.bytes->size(), object->second.headers);
        bucket.objects.erase(object);
    }
    return s3_answer(204);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::handle_bucket(const Place& place, ServerRequest& request) {
    const auto found = buckets_.find(place.bucket);
    if (request.method == "PUT") {
        if (!is_bucket_name(place.bucket))
            return aws_refusal(400, "InvalidBucketName", "The specified bucket is not valid.");
        const auto location = read_location(faas::detail::text_of(request.body));
        if (!location) return location.error();
        if (location->empty() ? options_.region != "us-east-1" : *location != options_.region)
            return aws_refusal(400, "IllegalLocationConstraintException",
                               "The " + (location->empty() ? "unspecified" : aws_quoted(*location)) +
                                   " location constraint is incompatible for the region specific endpoint this "
                                   "request was sent to.");
        if (found != buckets_.end() && options_.region != "us-east-1")
            return aws_refusal(409, "BucketAlreadyOwnedByYou",
                               "Your previous request to create the named bucket succeeded and you already own it.");
        if (found == buckets_.end() && buckets_.size() >= 100)
            return aws_refusal(400, "TooManyBuckets", "You have attempted to create more buckets than allowed");
        buckets_.try_emplace(place.bucket);
        auto answer = s3_answer(200);
        answer.headers.emplace_back("Location", '/' + place.bucket);
        return answer;
    }
    if (found == buckets_.end()) return no_such_bucket();
    if (request.method == "HEAD") {
        auto answer = s3_answer(200);
        answer.headers.emplace_back("x-amz-bucket-region", options_.region);
        return answer;
    }
    if (request.method == "GET" && place.has("location"))
        return s3_answer(200, s3_document("LocationConstraint", options_.region == "us-east-1" ? "" : options_.region));
    if (request.method == "GET") return not_implemented("list of objects");
    if (request.method != "DELETE") return method_not_allowed();
    if (!found->second.objects.empty())
        return aws_refusal(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
    std::erase_if(uploads_, [&](auto& upload) {
        if (upload.second.bucket != place.bucket) return false;
        drop(upload.second);
        return true;
    });
    buckets_.erase(found);
    return s3_answer(204);
}

BLUEPRINT_FAAS_DECL result<void> AwsStorage::make_room(std::uint64_t wanted, std::uint64_t freed) {
    if (used_ - freed + wanted > options_.storage_bytes)
        return aws_refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.");
    used_ = used_ - freed + wanted;
    return {};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::put_object(const Place& place, Bucket& bucket,
                                                                ServerRequest& request) {
    const auto existing = bucket.objects.find(place.key);
    if (request.field("if-none-match").value_or("") == "*" && existing != bucket.objects.end())
        return precondition_failed();
    auto bytes = take_upload(request);
    if (!bytes) return bytes.error();
    Object object{.etag = '"' + md5_hex(*bytes) + '"', .headers = kept_headers(request), .modified = clock_.now()};
    const auto freed =
        existing == bucket.objects.end() ? 0 : storage_cost(existing->second.bytes->size(), existing->second.headers);
    if (auto room = make_room(storage_cost(bytes->size(), object.headers), freed); !room) return room.error();
    object.bytes = std::make_shared<const Bytes>(std::move(*bytes));
    auto answer = s3_answer(200);
    answer.headers.emplace_back("ETag", object.etag);
    bucket.objects.insert_or_assign(place.key, std::move(object));
    return answer;
}

/// Reads "bytes=0-9", "bytes=5-" or "bytes=-3" as first and last byte; nothing for several ranges or another unit,
/// which may be ignored, and an error for one that holds no byte. Source: RFC 9110, section 14.
inline result<std::optional<std::pair<std::size_t, std::size_t>>> read_range(std::string_view text, std::size_t size) {
    using Range = std::optional<std::pair<std::size_t, std::size_t>>;
    if (!text.starts_with("bytes=") || text.find(',') != std::string_view::npos) return Range{};
    text.remove_prefix(6);
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return Range{};
    const auto number = [](std::string_view digits) -> std::optional<std::size_t> {
        std::size_t value = 0;
        const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (digits.empty() || failed != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
        return value;
    };
    const auto first = number(text.substr(0, dash));
    const auto last = number(text.substr(dash + 1));
    if ((!first && dash != 0) || (!last && dash + 1 != text.size()) || (!first && !last)) return Range{};
    const auto begin = first ? *first : size - std::min(*last, size);
    const auto end = first && last ? std::min(*last, size - 1) : size - 1;
    if (first && last && *last < *first) return Range{};
    if (begin >= size) return aws_refusal(416, "InvalidRange", "The requested range is not satisfiable");
    return Range{std::pair{begin, end}};
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::get_object(const Place& place, const Bucket& bucket,
                                                                const ServerRequest& request) const {
    const auto found = bucket.objects.find(place.key);
    if (found == bucket.objects.end()) return aws_refusal(404, "NoSuchKey", "The specified key does not exist.");
    if (place.has("partNumber")) return not_implemented("reading of single parts");
    const auto& object = found->second;
    if (const auto wanted = request.field("if-match"); wanted && *wanted != object.etag && *wanted != "*")
        return precondition_failed();
    ServerAnswer answer{.content_type = "binary/octet-stream"};
    for (const auto& [name, value] : object.headers) {
        if (faas::detail::iequals(name, "content-type"))
            answer.content_type = value;
        else
            answer.headers.emplace_back(name, value);
    }
    answer.headers.emplace_back("ETag", object.etag);
    answer.headers.emplace_back("Last-Modified", http_date(std::chrono::system_clock::to_time_t(object.modified)));
    answer.headers.emplace_back("Accept-Ranges", "bytes");
    if (request.field("if-none-match").value_or("") == object.etag) {
        answer.status = 304;
        return answer;
    }
    auto text = faas::detail::text_of(*object.bytes);
    const auto range = read_range(request.field("range").value_or(""), text.size());
    if (!range) return range.error();
    if (*range) {
        const auto [first, last] = **range;
        answer.status = 206;
        answer.headers.emplace_back("Content-Range", "bytes " + std::to_string(first) + '-' + std::to_string(last) +
                                                         '/' + std::to_string(text.size()));
        text = text.substr(first, last - first + 1);
    }
    answer.body = text;
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::create_upload(const Place& place, const ServerRequest& request) {
    Upload upload{.bucket = place.bucket, .key = place.key, .headers = kept_headers(request)};
    if (auto room = make_room(storage_cost(0, upload.headers), 0); !room) return room.error();
    auto id = random_text(64);
    auto answer = s3_answer(200, s3_document("InitiateMultipartUploadResult", xml_element("Bucket", place.bucket) +
                                                                                  xml_element("Key", place.key) +
                                                                                  xml_element("UploadId", id)));
    uploads_.insert_or_assign(std::move(id), std::move(upload));
    return answer;
}

BLUEPRINT_FAAS_DECL result<AwsStorage::Upload*> AwsStorage::find_upload(const Place& place) {
    const auto found = uploads_.find(place.parameter("uploadId"));
    if (found == uploads_.end() || found->second.bucket != place.bucket || found->second.key != place.key)
        return aws_refusal(404, "NoSuchUpload",
                           "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
                           "been aborted or completed.");
    return &found->second;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::put_part(const Place& place, ServerRequest& request) {
    const auto text = place.parameter("partNumber");
    unsigned number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || number < 1 || number > 10'000)
        return aws_refusal(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
    const auto upload = find_upload(place);
    if (!upload) return upload.error();
    auto bytes = take_upload(request);
    if (!bytes) return bytes.error();
    auto& parts = (*upload)->parts;
    const auto existing = parts.find(number);
    const auto freed = existing == parts.end() ? 0 : storage_cost(existing->second.bytes->size(), {});
    if (auto room = make_room(storage_cost(bytes->size(), {}), freed); !room) return room.error();
    Object part{.etag = '"' + md5_hex(*bytes) + '"', .modified = clock_.now()};
    part.bytes = std::make_shared<const Bytes>(std::move(*bytes));
    auto answer = s3_answer(200);
    answer.headers.emplace_back("ETag", part.etag);
    parts.insert_or_assign(number, std::move(part));
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::complete_upload(const Place& place, Bucket& bucket,
                                                                     const ServerRequest& request) {
    const auto upload = find_upload(place);
    if (!upload) return upload.error();
    const auto wanted = read_completed_parts(faas::detail::text_of(request.body));
    if (!wanted) return wanted.error();
    auto& parts = (*upload)->parts;
    std::string digests;
    std::size_t size = 0;
    const bool ascending = std::adjacent_find(wanted->begin(), wanted->end(), [](const auto& a, const auto& b) {
                               return a.first >= b.first;
                           }) == wanted->end();
    if (!ascending)
        return aws_refusal(400, "InvalidPartOrder",
                           "The list of parts was not in ascending order. Parts must be ordered by part number.");
    for (const auto& [number, etag] : *wanted) {
        const auto part = parts.find(number);
        if (part == parts.end() || (part->second.etag != etag && part->second.etag != '"' + etag + '"'))
            return aws_refusal(400, "InvalidPart",
                               "One or more of the specified parts could not be found. The part may not have been "
                               "uploaded, or the specified entity tag may not match the part's entity tag.");
        if (part->second.bytes->size() < smallest_part && number != wanted->back().first)
            return aws_refusal(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
        const auto digest = faas::detail::hex_decode(std::string_view{part->second.etag}.substr(1, 32));
        digests.append(faas::detail::text_of(digest.value_or(Bytes{})));
        size += part->second.bytes->size();
    }
    Object object{.etag = '"' + md5_hex(faas::detail::bytes_of(digests)) + '-' + std::to_string(wanted->size()) + '"',
                  .headers = std::move((*upload)->headers),
                  .modified = clock_.now()};
    Bytes bytes;
    bytes.reserve(size);
    for (const auto& [number, etag] : *wanted) {
        const auto part = parts.find(number);
        bytes.insert(bytes.end(), part->second.bytes->begin(), part->second.bytes->end());
        used_ -= storage_cost(part->second.bytes->size(), {});
        parts.erase(part);  // at once, so that the whole is not there twice
    }
    object.bytes = std::make_shared<const Bytes>(std::move(bytes));
    used_ += storage_cost(size, object.headers);
    (*upload)->headers = object.headers;
    drop(**upload);
    uploads_.erase(uploads_.find(place.parameter("uploadId")));
    if (const auto existing = bucket.objects.find(place.key); existing != bucket.objects.end())
        used_ -= storage_cost(existing->second.bytes->size(), existing->second.headers);
    auto content = xml_element("Location", "http://" + std::string{request.field("host").value_or("")} + '/' +
                                               place.bucket + '/' + faas::detail::percent_encode(place.key)) +
                   xml_element("Bucket", place.bucket) + xml_element("Key", place.key) +
                   xml_element("ETag", object.etag);
    bucket.objects.insert_or_assign(place.key, std::move(object));
    return s3_answer(200, s3_document("CompleteMultipartUploadResult", content));
}

BLUEPRINT_FAAS_DECL void AwsStorage::drop(const Upload& upload) {
    for (const auto& [number, part] : upload.parts) used_ -= storage_cost(part.bytes->size(), {});
    used_ -= storage_cost(0, upload.headers);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> AwsStorage::abort_upload(const Place& place) {
    const auto upload = find_upload(place);
    if (!upload) return upload.error();
    drop(**upload);
    uploads_.erase(uploads_.find(place.parameter("uploadId")));
    return s3_answer(204);
}

}  // namespace blueprint::faas::local

#endif
