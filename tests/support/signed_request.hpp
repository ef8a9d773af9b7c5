#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_SIGNED_REQUEST_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_SIGNED_REQUEST_HPP

#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

namespace aws = blueprint::faas::aws;
using blueprint::faas::local::ServerRequest;
using Fields = std::vector<std::pair<std::string, std::string>>;

/// A wall clock that shows what a test sets it to.
class PinnedClock final : public blueprint::faas::Environment {
public:
    explicit PinnedClock(std::string_view amz_date) : at{aws::read_amz_date(amz_date).value()} {}
    std::chrono::system_clock::time_point now() const override { return at; }

    std::chrono::system_clock::time_point at;
};

/// The published example key.
inline const std::string example_key = "AKIDEXAMPLE";
inline const std::string example_secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// How a request is signed: as it should be, unless a test says otherwise.
struct Signing {
    std::string service = "lambda";
    std::string region = "us-east-1";
    std::string key = example_key;
    std::string secret = example_secret;
    std::string token{};
    std::string amz_date = "20150830T123600Z";
    std::vector<std::string> unsigned_fields{};  // in small letters
    std::string payload_hash{};                  // instead of the body's
    std::string expires{};                       // not empty: sign by the query, for so many seconds
};

inline ServerRequest request_of(std::string method, std::string target, Fields fields = {},
                                std::string_view body = {}) {
    ServerRequest request{.method = std::move(method), .target = std::move(target), .fields = std::move(fields)};
    request.content_length = body.size();
    request.body.assign(body.begin(), body.end());
    return request;
}

/// Signs a request as the server will see it. Built from the stages, so that a test may sign what no client signs.
inline ServerRequest signed_request(ServerRequest request, const Signing& how = {}) {
    const auto add = [&](std::string name, std::string value) {
        request.fields.emplace_back(std::move(name), std::move(value));
    };
    if (!request.field("host")) add("Host", "127.0.0.1:4711");
    const bool presigned = !how.expires.empty();
    if (!presigned) add("X-Amz-Date", how.amz_date);
    if (!presigned && !how.token.empty()) add("X-Amz-Security-Token", how.token);

    std::vector<aws::SignedField> fields;
    for (const auto& [name, value] : request.fields) {
        bool left_out = false;
        for (const auto& other : how.unsigned_fields) left_out |= blueprint::faas::detail::iequals(other, name);
        if (!left_out) fields.push_back({.name = name, .value = value});
    }
    const auto names = aws::signed_headers(fields);
    const aws::SigningScope scope{.region = how.region, .service = how.service};
    const auto credential = how.key + '/' + aws::credential_scope(how.amz_date, scope);
    const auto encoded = [](std::string_view text) { return blueprint::faas::detail::percent_encode(text); };
    if (presigned) {
        request.target += request.target.find('?') == std::string::npos ? '?' : '&';
        request.target += "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + encoded(credential) +
                          "&X-Amz-Date=" + how.amz_date + "&X-Amz-Expires=" + how.expires +
                          (how.token.empty() ? "" : "&X-Amz-Security-Token=" + encoded(how.token)) +
                          "&X-Amz-SignedHeaders=" + encoded(names);
    }
    const std::string_view target = request.target;
    const auto question = target.find('?');
    const auto query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
    const auto hash = !how.payload_hash.empty() ? how.payload_hash : blueprint::faas::detail::sha256_hex(request.body);
    const auto canonical = aws::canonical_request({.method = request.method,
                                                   .path = target.substr(0, question),
                                                   .query = query,
                                                   .fields = fields,
                                                   .payload_hash = hash},
                                                  aws::path_rules(how.service));
    const auto text = aws::string_to_sign(how.amz_date, aws::credential_scope(how.amz_date, scope), canonical);
    const auto signature = aws::signature(aws::signing_key(how.secret, how.amz_date, scope), text);
    if (presigned)
        request.target += "&X-Amz-Signature=" + signature;
    else
        request.fields.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + credential +
                                                         ", SignedHeaders=" + names + ", Signature=" + signature);
    return request;
}

/// Replaces the first field of that name; it must be there.
inline void replace_field(ServerRequest& request, std::string_view name, std::string value) {
    for (auto& field : request.fields)
        if (blueprint::faas::detail::iequals(field.first, name)) {
            field.second = std::move(value);
            return;
        }
    throw std::logic_error{"the request has no such field"};
}

/// Replaces the first occurrence of `what`; it must be there.
inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
    return text.replace(text.find(what), what.size(), with);
}

/// Returns what stands between `<name>` and `</name>`; empty if nothing does.
inline std::string xml_text(std::string_view xml, const std::string& name) {
    const auto begin = xml.find('<' + name + '>');
    if (begin == std::string_view::npos) return {};
    const auto rest = xml.substr(begin + name.size() + 2);
    return std::string{rest.substr(0, rest.find("</" + name + '>'))};
}

}  // namespace tests

#endif
