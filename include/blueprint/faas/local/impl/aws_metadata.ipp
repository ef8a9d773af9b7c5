#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_METADATA_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_METADATA_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/aws_metadata.hpp"
#include "blueprint/faas/local/custom_messages.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace blueprint::faas::local {

inline ServerAnswer metadata_text(unsigned status, std::string text) {
    ServerAnswer answer{.status = status, .content_type = "text/plain", .body = std::move(text)};
    answer.headers.emplace_back("Server", "EC2ws");
    return answer;
}

inline ServerAnswer metadata_refusal(unsigned status, std::string_view title) {
    std::string page = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><head><title>" + std::to_string(status) +
                       " - " + std::string{title} + "</title></head><body><h1>" + std::to_string(status) + " - " +
                       std::string{title} + "</h1></body></html>\n";
    auto answer = metadata_text(status, std::move(page));
    answer.content_type = "text/html";
    return answer;
}

BLUEPRINT_FAAS_DECL const AwsSession& AwsMetadata::current() {
    const auto now = clock_.now();
    // As there, the next ones can be had before the last ones end.
    const auto early = std::min<std::chrono::seconds>(std::chrono::minutes{5}, options_.session / 2);
    if (!current_ || current_->expires - now <= early) {
        current_ = sessions_.issue(
            aws_arn(options_, "sts") + "assumed-role/" + options_.metadata_role + "/i-0123456789abcdef0",
            options_.session);
        issued_ = now;
    }
    return *current_;
}

BLUEPRINT_FAAS_DECL bool AwsMetadata::knows_token(std::string_view token) const {
    const auto found = tokens_.find(faas::detail::sha256_hex(faas::detail::bytes_of(token)));
    return found != tokens_.end() && found->second > clock_.now();
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsMetadata::token(const ServerRequest& request) {
    if (request.method != "PUT") return metadata_refusal(405, "Method Not Allowed");
    // Source: Amazon EC2 User Guide, "How Instance Metadata Service Version 2 works": forwarded requests get no token.
    if (request.field("x-forwarded-for")) return metadata_refusal(403, "Forbidden");
    const auto ttl = request.field("x-aws-ec2-metadata-token-ttl-seconds").value_or("");
    int seconds = 0;
    const auto [end, failed] = std::from_chars(ttl.data(), ttl.data() + ttl.size(), seconds);
    if (ttl.empty() || failed != std::errc{} || end != ttl.data() + ttl.size() || seconds < 1 || seconds > 21600)
        return metadata_refusal(400, "Bad Request");
    const auto now = clock_.now();
    std::erase_if(tokens_, [&](const auto& entry) { return entry.second <= now; });
    constexpr std::size_t most = 10'000;
    if (tokens_.size() >= most) return metadata_refusal(503, "Service Unavailable");
    auto token = random_text(54) + "==";
    tokens_.insert_or_assign(faas::detail::sha256_hex(faas::detail::bytes_of(token)),
                             now + std::chrono::seconds{seconds});
    auto answer = metadata_text(200, std::move(token));
    answer.headers.emplace_back("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", std::to_string(seconds));
    return answer;
}

inline ServerAnswer container_refusal(unsigned status, std::string_view code, std::string_view message) {
    const boost::json::object content{{"code", code}, {"message", message}};
    return {.status = status, .body = answer_json(content)};
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsMetadata::container(const ServerRequest& request) {
    if (request.method != "GET") return container_refusal(405, "MethodNotAllowed", "only GET is allowed here");
    // The token is sent as it is: "Bearer" in front of it makes it another one.
    if (!options_.container_token.empty() &&
        !same_secret(request.field("authorization").value_or(""), options_.container_token))
        return container_refusal(400, "InvalidTokenException", "the Authorization header has no valid token");
    const auto& session = current();
    const boost::json::object content{
        {"AccessKeyId", session.access_key_id},
        {"SecretAccessKey", session.secret_access_key.reveal()},
        {"Token", session.token.reveal()},
        {"Expiration", rfc3339(session.expires)},
        {"AccountId", options_.account_id},
        {"RoleArn", aws_arn(options_, "iam") + "role/" + options_.metadata_role},
    };
    return {.body = boost::json::serialize(content)};
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsMetadata::answer(const ServerRequest& request, const AwsCaller* /*caller*/) {
    const auto path = std::string_view{request.target}.substr(0, request.target.find('?'));
    if (path == container_path) return container(request);
    if (path == "/latest/api/token") return token(request);
    if (request.method != "GET" && request.method != "HEAD") return metadata_refusal(405, "Method Not Allowed");
    if (request.field("x-forwarded-for")) return metadata_refusal(403, "Forbidden");
    if (!knows_token(request.field("x-aws-ec2-metadata-token").value_or("")))
        return metadata_refusal(401, "Unauthorized");

    constexpr std::string_view roles = "/latest/meta-data/iam/security-credentials";
    const auto wanted = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
    if (wanted == roles) return metadata_text(200, options_.metadata_role);
    if (wanted.starts_with(roles) && wanted.substr(roles.size()) == '/' + options_.metadata_role) {
        const auto& session = current();
        const boost::json::object content{
            {"Code", "Success"},
            {"LastUpdated", rfc3339(issued_)},
            {"Type", "AWS-HMAC"},
            {"AccessKeyId", session.access_key_id},
            {"SecretAccessKey", session.secret_access_key.reveal()},
            {"Token", session.token.reveal()},
            {"Expiration", rfc3339(session.expires)},
        };
        return metadata_text(200, boost::json::serialize(content));
    }
    if (wanted == "/latest/meta-data/placement/region") return metadata_text(200, options_.region);
    if (wanted == "/latest/meta-data/placement/availability-zone") return metadata_text(200, options_.region + 'a');
    return metadata_refusal(404, "Not Found");
}

}  // namespace blueprint::faas::local

#endif
