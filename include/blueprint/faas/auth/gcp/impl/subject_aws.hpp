#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_SUBJECT_AWS_HPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_SUBJECT_AWS_HPP

#include "blueprint/faas/auth/aws/credentials.hpp"
#include "blueprint/faas/auth/aws/impl/metadata_answer.hpp"
#include "blueprint/faas/auth/gcp/impl/token_endpoint.hpp"
#include "blueprint/faas/auth/gcp/subject_token.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_subject {

using gcp_auth::failure;
using gcp_auth::variable;

inline constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

BLUEPRINT_FAAS_COLD inline bool made_of(std::string_view text, std::string_view others) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return letters_and_digits.find(c) != std::string_view::npos || others.find(c) != std::string_view::npos;
    });
}

/// Questions to the metadata service of an AWS instance.
class AwsMetadata {
public:
    AwsMetadata(Reach reach, std::string session_token_url, Deadline deadline)
        : reach_{std::move(reach)},
          session_token_url_{std::move(session_token_url)},
          deadline_{std::min(deadline, deadline_after(std::chrono::seconds{10}))} {}

    /// Asks for what is at `url`: the value of `member` in messages. The session is opened before the first question.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Secret>> get(std::string url, std::string member, std::string what) {
        if (session_token_.empty() && !session_token_url_.empty()) {
            auto opening = open();
            auto opened = co_await std::move(opening);
            if (!opened) co_return std::move(opened).error();
        }
        auto question = question_of(url, member, std::move(what));
        if (!question) co_return std::move(question).error();
        if (!session_token_.empty()) question->headers.emplace_back("x-aws-ec2-metadata-token", session_token_);
        question->hidden.push_back(session_token_);
        auto asking = gcp_auth::ask(reach_, std::move(*question), deadline_);
        co_return co_await std::move(asking);
    }

private:
    BLUEPRINT_FAAS_COLD static result<gcp_auth::Question> question_of(std::string_view url, const std::string& member,
                                                                      std::string what) {
        auto parsed = parse_url(url);
        if (!parsed) {
            Error error = std::move(parsed).error();
            error.message.insert(0, member + " of credential_source: ");
            return error;
        }
        return gcp_auth::Question{.url = std::move(*parsed), .what = std::move(what)};
    }

    // Source: AWS EC2 User Guide, "Use the Instance Metadata Service".
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> open() {
        auto question =
            question_of(session_token_url_, "imdsv2_session_token_url", "session token of the metadata service");
        if (!question) co_return std::move(question).error();
        question->verb = Verb::put;
        question->headers.emplace_back("x-aws-ec2-metadata-token-ttl-seconds", "300");
        auto asking = gcp_auth::ask(reach_, std::move(*question), deadline_);
        auto answer = co_await std::move(asking);
        if (!answer) {
            Error error = std::move(answer).error();
            if (error.code == errc::timed_out)
                error.message +=
                    "; in a container the answer is lost if the instance's hop limit (HttpPutResponseHopLimit) is 1: "
                    "set it to 2";
            co_return error;
        }
        session_token_ = trimmed(answer->reveal());
        if (session_token_.empty() ||
            session_token_.reveal().find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos)
            co_return failure(errc::serialization,
                              "the metadata service of AWS gave no session token; check imdsv2_session_token_url");
        co_return result<void>{};
    }

    Reach reach_;
    std::string session_token_url_;
    Deadline deadline_;
    Secret session_token_{};
};

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<std::string>> aws_region(AwsMetadata& metadata,
                                                                           const gcp::AwsSubject& source,
                                                                           const Environment& environment) {
    std::string region = variable(environment, "AWS_REGION");
    std::string from = "AWS_REGION";
    if (region.empty()) {
        region = variable(environment, "AWS_DEFAULT_REGION");
        from = "AWS_DEFAULT_REGION";
    }
    if (region.empty()) {
        if (source.region_url.empty())
            co_return failure(errc::invalid_configuration,
                              "the AWS region is not known: set AWS_REGION, or give credential_source a region_url");
        auto asking = metadata.get(source.region_url, "region_url", "region of this AWS instance");
        auto zone = co_await std::move(asking);
        if (!zone) co_return std::move(zone).error();
        region = trimmed(zone->reveal());
        if (!region.empty()) region.pop_back();  // "us-east-1b" is a zone of "us-east-1"
        from = "what region_url gave";
    }
    if (!made_of(region, "-")) co_return failure(errc::invalid_configuration, from + " is no AWS region");
    co_return region;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<aws::Credentials>> aws_credentials(AwsMetadata& metadata,
                                                                                     const gcp::AwsSubject& source,
                                                                                     const Environment& environment) {
    aws::Credentials credentials{.access_key_id = variable(environment, "AWS_ACCESS_KEY_ID"),
                                 .secret_access_key = variable(environment, "AWS_SECRET_ACCESS_KEY"),
                                 .session_token = variable(environment, "AWS_SESSION_TOKEN")};
    if (!credentials.access_key_id.empty() && !credentials.secret_access_key.empty()) co_return credentials;
    if (source.credentials_url.empty())
        co_return failure(errc::invalid_configuration,
                          "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
                          "credential_source the url of the instance's credentials");
    std::string url = source.credentials_url;
    while (url.ends_with('/')) url.pop_back();
    auto asking = metadata.get(url, "url", "name of this AWS instance's role");
    auto told = co_await std::move(asking);
    if (!told) co_return std::move(told).error();
    const auto names = trimmed(told->reveal());
    const std::string role{trimmed(names.substr(0, names.find('\n')))};
    // Source: AWS IAM API Reference, "CreateRole", RoleName.
    if (!made_of(role, "_+=,.@-"))
        co_return failure(errc::authentication,
                          "this AWS instance has no role: attach an instance profile, or set AWS_ACCESS_KEY_ID and "
                          "AWS_SECRET_ACCESS_KEY");
    auto asking_again = metadata.get(url + '/' + role, "url", "credentials of the role '" + role + "'");
    auto text = co_await std::move(asking_again);
    if (!text) co_return std::move(text).error();
    auto answer = metadata::read_answer(text->reveal());
    if (!answer.complete || (!answer.code.empty() && answer.code != "Success"))
        co_return failure(errc::authentication, "the metadata service of AWS gave no credentials of the role '" + role +
                                                    "'; check the role of the instance and whom it trusts");
    co_return std::move(answer.timed.credentials);
}

/// Where the identity would be proved in a region, which its name tells.
BLUEPRINT_FAAS_COLD inline std::string verification_url(const gcp::AwsSubject& source, std::string_view region) {
    static constexpr std::string_view mark = "{region}";
    std::string url = source.verification_url;
    for (auto at = url.find(mark); at != std::string::npos; at = url.find(mark, at + region.size()))
        url.replace(at, mark.size(), region);
    return url;
}

/// Signs POST GetCallerIdentity for `now` and writes it as Google's token service takes it: percent-encoded JSON. The
/// audience is signed too, so that nobody can use the request for another one. The verification URL has been checked.
/// Source: Google Cloud, Security Token Service API, "token", subject_token.
BLUEPRINT_FAAS_COLD inline result<Secret> signed_identity_request(const gcp::AwsSubject& source,
                                                                  const std::string& region,
                                                                  const aws::Credentials& credentials,
                                                                  const std::string& audience,
                                                                  std::chrono::system_clock::time_point now) {
    const auto url = verification_url(source, region);
    const auto parsed = parse_url(url);
    if (!parsed) return parsed.error();

    const std::string date = aws::amz_date(now);
    const std::string host = to_string(parsed->origin).substr(std::string_view{"https://"}.size());
    std::vector<aws::SignedField> fields{
        {"host", host}, {"x-amz-date", date}, {"x-goog-cloud-target-resource", audience}};
    if (!credentials.session_token.empty())
        fields.push_back({"x-amz-security-token", credentials.session_token.reveal()});
    const auto query = parsed->target.find('?');
    const std::string_view target = parsed->target;
    const aws::SignedParts parts{.method = "POST",
                                 .path = target.substr(0, query),
                                 .query = query == std::string::npos ? std::string_view{} : target.substr(query + 1),
                                 .fields = fields,
                                 .payload_hash = aws::empty_payload_hash};
    const aws::SigningScope scope{.region = region, .service = "sts"};
    const std::string name = aws::credential_scope(date, scope);
    const Secret canonical = aws::canonical_request(parts);
    const std::string text = aws::string_to_sign(date, name, canonical.reveal());
    const auto key = aws::signing_key(credentials.secret_access_key, date, scope);
    const Secret authorization = "AWS4-HMAC-SHA256 Credential=" + credentials.access_key_id + '/' + name +
                                 ", SignedHeaders=" + aws::signed_headers(fields) +
                                 ", Signature=" + aws::signature(key, text);
    fields.push_back({"Authorization", authorization.reveal()});

    namespace json = boost::json;
    WipedMemory memory{4 * (url.size() + audience.size() + credentials.session_token.size() + authorization.size())};
    json::array headers(memory.storage());  // braces would be a list
    for (const auto& field : fields) {
        json::object one(memory.storage());
        one["key"] = json::string_view{field.name.data(), field.name.size()};
        one["value"] = json::string_view{field.value.data(), field.value.size()};
        headers.push_back(std::move(one));
    }
    json::object request(memory.storage());
    request["url"] = url;
    request["method"] = "POST";
    request["headers"] = std::move(headers);
    const Secret document{json::serialize(request)};
    return Secret{percent_encode(document.reveal())};
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> token_of(Reach reach, gcp::AwsSubject source,
                                                                    gcp::SubjectUse use, Deadline deadline) {
    const auto& environment = *reach.environment;
    AwsMetadata metadata{reach, source.session_token_url, deadline};
    auto finding = aws_region(metadata, source, environment);
    auto region = co_await std::move(finding);
    if (!region) co_return std::move(region).error();
    auto getting = aws_credentials(metadata, source, environment);
    auto credentials = co_await std::move(getting);
    if (!credentials) co_return std::move(credentials).error();
    co_return signed_identity_request(source, *region, *credentials, use.audience, environment.now());
}

}  // namespace blueprint::faas::detail::gcp_subject
BLUEPRINT_FAAS_COROUTINES_END

#endif
