#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_S3_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_S3_HPP

#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace tests {

/// A bucket in memory, as far as packages need one.
struct FakeS3 {
    using HttpRequest = blueprint::faas::HttpRequest;
    using HttpResponse = blueprint::faas::HttpResponse;

    std::string bucket = "packages";
    std::map<std::string, std::string, std::less<>> objects{};
    std::map<std::string, std::string, std::less<>> parts{};  ///< of the upload that is under way, by tag
    bool uploading = false;
    bool nameless = false;      ///< an upload that is begun gets no id
    bool late_failure = false;  ///< the end of an upload fails with status 200

    static HttpResponse plain(unsigned status, std::string body = {}) {
        HttpResponse answer;
        answer.status = status;
        answer.body = std::move(body);
        return answer;
    }
    static HttpResponse refusal(unsigned status, std::string_view code) {
        return plain(status, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + std::string{code} +
                                 "</Code><Message>told by S3</Message><RequestId>R1</RequestId></Error>");
    }
    /// "https://packages.s3.REGION...", or the bucket first in the path.
    HttpResponse answer(const HttpRequest& request) {
        using blueprint::faas::Verb;
        std::string_view target = request.target;
        target.remove_prefix(1);
        const bool in_host = request.origin.host.starts_with(bucket + ".s3.");
        if (!in_host && !target.starts_with(bucket + '/')) return refusal(404, "NoSuchBucket");
        if (!in_host) target.remove_prefix(bucket.size() + 1);
        const std::string key{target.substr(0, target.find('?'))};
        const auto query = target.substr(std::min(target.size(), key.size() + 1));
        if (request.verb == Verb::head) {
            const auto object = objects.find(key);
            auto answer = plain(object == objects.end() ? 404 : 200);
            if (answer.status == 200) answer.headers.set("Content-Length", std::to_string(object->second.size()));
            return answer;
        }
        if (query.empty()) {
            objects[key] = request.body.view();
            return plain(200);
        }
        if (query == "uploads=") {
            if (nameless) return plain(200, "<InitiateMultipartUploadResult></InitiateMultipartUploadResult>");
            uploading = true;
            return plain(200,
                         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                         "<Bucket>packages</Bucket><UploadId>up/1</UploadId></InitiateMultipartUploadResult>");
        }
        if (!uploading || !query.ends_with("uploadId=up%2F1")) return refusal(404, "NoSuchUpload");
        if (request.verb == Verb::del) {
            uploading = false;
            parts.clear();
            return plain(204);
        }
        if (request.verb == Verb::put) {
            const auto number = query.substr(11, query.find('&') - 11);
            const auto tag = "\"tag-" + std::string{number} + '"';
            parts[tag] = request.body.view();
            auto answer = plain(200);
            answer.headers.set("ETag", tag);
            return answer;
        }
        if (late_failure) return refusal(200, "InternalError");
        std::string whole;
        const auto body = request.body.view();
        for (std::size_t at = 0; (at = body.find("<ETag>", at)) != std::string_view::npos;) {
            at += 6;
            const auto part = parts.find(body.substr(at, body.find('<', at) - at));
            if (part == parts.end()) return refusal(400, "InvalidPart");
            whole += part->second;
        }
        objects[key] = whole;
        uploading = false;
        return plain(200,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<CompleteMultipartUploadResult><Key>" +
                         key + "</Key></CompleteMultipartUploadResult>");
    }
};

}  // namespace tests

#endif
