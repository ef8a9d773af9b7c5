#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_STORAGE_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_STORAGE_IPP

#include "blueprint/faas/codec/aws_storage.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/xml.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::detail {

namespace aws_storage {

using lambda_protocol::for_people;
using lambda_protocol::refused;
using lambda_protocol::shown_id;

inline bool valid_bucket(std::string_view bucket) {
    return bucket.size() >= 3 && bucket.size() <= 63 && !bucket.ends_with('.') &&
           std::all_of(bucket.begin(), bucket.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '-' || c == '_';
           });
}

struct Meaning {
    errc code{};
    bool retryable = false;
    std::string_view advice{};
};

inline std::optional<Meaning> by_code(std::string_view code) {
    struct Row {
        std::string_view code;
        Meaning meaning;
    };
    static constexpr std::string_view check = "; check the credentials, the region and this machine's clock";
    static constexpr std::array<Row, 15> table{{
        {"AccessDenied",
         {errc::authentication, false, "; the credentials lack s3:GetObject or s3:PutObject on the bucket"}},
        {"ExpiredToken", {errc::authentication, true, check}},
        {"InvalidToken", {errc::authentication, true, check}},
        {"TokenRefreshRequired", {errc::authentication, true, check}},
        {"InvalidAccessKeyId", {errc::authentication, true, check}},
        {"SignatureDoesNotMatch", {errc::authentication, true, check}},
        {"RequestTimeTooSkewed", {errc::authentication, true, check}},
        {"AuthorizationHeaderMalformed",
         {errc::invalid_configuration, false, "; the bucket must be in LambdaOptions::region"}},
        {"PermanentRedirect", {errc::invalid_configuration, false, "; the bucket must be in LambdaOptions::region"}},
        {"NoSuchBucket", {errc::invalid_configuration, false, "; create LambdaOptions::storage_bucket first"}},
        {"NoSuchUpload", {errc::not_found, false, ""}},
        {"SlowDown", {errc::throttled, true, "; wait before the next deployment"}},
        {"RequestTimeout", {errc::infrastructure, true, ""}},
        {"InternalError", {errc::infrastructure, true, "; S3 has a problem, try again later"}},
        {"ServiceUnavailable", {errc::infrastructure, true, "; S3 has a problem, try again later"}},
    }};
    for (const auto& row : table)
        if (row.code == code) return row.meaning;
    return std::nullopt;
}

inline Meaning by_status(unsigned status) {
    if (status == 401 || status == 403) return {errc::authentication, false, "; check the credentials' permissions"};
    if (status == 404) return {errc::not_found, false, ""};
    if (status == 409 || status == 412) return {errc::conflict, false, ""};
    if (status == 429) return {errc::throttled, true, ""};
    if (status >= 500) return {errc::infrastructure, true, "; S3 has a problem, try again later"};
    if (status >= 300 && status < 400)
        return {errc::invalid_configuration, false, "; the bucket must be in LambdaOptions::region"};
    if (status >= 400) return {errc::invalid_configuration, false, ""};
    return {errc::serialization, false, ""};
}

inline Error unreadable(const HttpResponse& answer, std::string_view what) {
    Error error{.code = errc::serialization,
                .message = std::string{"S3's answer has no "}.append(what),
                .http_status = answer.status};
    error.request_id = shown_id(answer.headers.get("x-amz-request-id").value_or(""));
    return error;
}

}  // namespace aws_storage

BLUEPRINT_FAAS_DECL result<AwsStorage> AwsStorage::make(const LambdaProtocol& protocol) {
    using namespace aws_storage;
    const auto& options = protocol.options();
    if (options.storage_bucket.empty())
        return refused(
            "packages of 52,428,800 bytes and more reach Lambda by way of S3 alone: name a bucket in "
            "LambdaOptions::storage_bucket, or strip the program");
    if (!valid_bucket(options.storage_bucket)) return refused("LambdaOptions::storage_bucket is no name of a bucket");
    if (options.part_bytes < (5U << 20U))
        return refused("LambdaOptions::part_bytes is " + std::to_string(options.part_bytes) +
                       ", and S3 takes parts of at least 5,242,880 bytes");
    std::string address = options.storage_endpoint;
    bool in_path = true;  // else the bucket is a part of the host's name
    if (address.empty()) {
        // The certificate of *.s3.REGION.amazonaws.com is not good for names with more dots.
        in_path = options.storage_bucket.find('.') != std::string::npos;
        const auto lead = "https://lambda." + options.region + '.';
        if (!protocol.where().starts_with(lead))
            return refused(
                "LambdaOptions::endpoint is given and storage_endpoint is not: name S3's too, such as "
                "https://s3.eu-central-1.amazonaws.com");
        address = in_path ? "https://s3." : "https://" + options.storage_bucket + ".s3.";
        address += options.region + '.' + protocol.where().substr(lead.size());
    }
    auto url = parse_url(address);
    if (!url) return refused("LambdaOptions::storage_endpoint: " + url.error().message);
    if (url->target.find('?') != std::string::npos)
        return refused("LambdaOptions::storage_endpoint has a query, which has no meaning here");
    AwsStorage storage;
    storage.origin_ = std::move(url->origin);
    storage.path_ = std::move(url->target);
    if (!storage.path_.ends_with('/')) storage.path_ += '/';
    if (in_path) storage.path_ += options.storage_bucket + '/';
    storage.bucket_ = options.storage_bucket;
    storage.prefix_ = options.prefix;
    storage.part_bytes_ = options.part_bytes;
    return storage;
}

inline HttpRequest AwsStorage::request(Verb verb, std::string_view key, std::string_view query) const {
    HttpRequest request;
    request.origin = origin_;
    request.verb = verb;
    request.target = path_;
    for (auto rest = key;;) {
        const auto segment = rest.substr(0, rest.find('/'));
        request.target += percent_encode(segment);
        if (segment.size() == rest.size()) break;
        rest.remove_prefix(segment.size() + 1);
        request.target += '/';
    }
    if (!query.empty()) request.target.append("?").append(query);
    return request;
}

BLUEPRINT_FAAS_DECL HttpRequest AwsStorage::head(std::string_view key) const { return request(Verb::head, key); }

BLUEPRINT_FAAS_DECL HttpRequest AwsStorage::put(std::string_view key, std::shared_ptr<const Bytes> bytes) const {
    auto out = request(Verb::put, key);
    out.headers.set("Content-Type", "application/zip");
    out.body = std::move(bytes);
    return out;
}

BLUEPRINT_FAAS_DECL HttpRequest AwsStorage::begin_upload(std::string_view key) const {
    auto out = request(Verb::post, key, "uploads=");
    out.headers.set("Content-Type", "application/zip");
    return out;
}

BLUEPRINT_FAAS_DECL HttpRequest AwsStorage::part(std::string_view key, std::string_view upload, std::size_t number,
                                                 Bytes bytes) const {
    auto out = request(Verb::put, key, "partNumber=" + std::to_string(number) + "&uploadId=" + percent_encode(upload));
    out.body = std::move(bytes);
    return out;
}

BLUEPRINT_FAAS_DECL HttpRequest AwsStorage::complete_upload(std::string_view key, std::string_view upload,
                                                            const std::vector<std::string>& tags) const {
    auto out = request(Verb::post, key, "uploadId=" + percent_encode(upload));
    out.headers.set("Content-Type", "application/xml");
    std::string xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (std::size_t at = 0; at < tags.size(); ++at) {
        xml.append("<Part><PartNumber>").append(std::to_string(at + 1)).append("</PartNumber><ETag>");
        for (const char c : tags[at]) {
            if (c == '&' || c == '<' || c == '>') {
                xml.append(c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
            } else {
                xml += c;
            }
        }
        xml += "</ETag></Part>";
    }
    xml += "</CompleteMultipartUpload>";
    out.body = std::move(xml);
    return out;
}

BLUEPRINT_FAAS_DECL HttpRequest AwsStorage::abort_upload(std::string_view key, std::string_view upload) const {
    return request(Verb::del, key, "uploadId=" + percent_encode(upload));
}

BLUEPRINT_FAAS_DECL std::optional<Error> AwsStorage::judge(const HttpResponse& answer) {
    using namespace aws_storage;
    std::string code;
    std::string text;
    if (answer.body.find("<Error>") != std::string::npos) {
        if (const auto document = read_xml(answer.body); document && document->name == "Error") {
            code = for_people(document->text_at("Code"));
            text = for_people(document->text_at("Message"));
        }
    }
    if (answer.status >= 200 && answer.status < 300 && code.empty()) return std::nullopt;
    const auto meaning = by_code(code).value_or(by_status(answer.status));
    Error error{.code = meaning.code, .http_status = answer.status, .platform_code = std::move(code)};
    error.request_id = shown_id(answer.headers.get("x-amz-request-id").value_or(""));
    error.retryable = meaning.retryable;
    error.retry_after = read_retry_after(answer);
    error.execution = Execution::not_started;  // no job runs by it
    error.message = "S3 refused the package: " + (text.empty() ? "HTTP " + std::to_string(answer.status) : text);
    error.message += meaning.advice;
    return error;
}

BLUEPRINT_FAAS_DECL std::optional<Error> AwsStorage::judge_head(const HttpResponse& answer) {
    if (answer.status == 404 || answer.status == 403) return std::nullopt;
    return judge(answer);
}

BLUEPRINT_FAAS_DECL bool AwsStorage::is_there(const HttpResponse& answer, std::uint64_t size) {
    return answer.status == 200 && answer.headers.get("Content-Length") == std::to_string(size);
}

BLUEPRINT_FAAS_DECL result<std::string> AwsStorage::read_upload(const HttpResponse& answer) {
    const auto document = read_xml(answer.body);
    if (!document || document->text_at("UploadId").empty()) return aws_storage::unreadable(answer, "UploadId");
    return std::string{document->text_at("UploadId")};
}

BLUEPRINT_FAAS_DECL result<std::string> AwsStorage::read_part(const HttpResponse& answer) {
    const auto tag = answer.headers.get("ETag");
    if (!tag || tag->empty()) return aws_storage::unreadable(answer, "ETag of the part");
    return std::string{*tag};
}

}  // namespace blueprint::faas::detail

#endif
