#ifndef BLUEPRINT_FAAS_TESTS_UNIT_AUTH_GOOGLE_FEDERATED_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_AUTH_GOOGLE_FEDERATED_FIXTURE_HPP

#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/subject_token.hpp"
#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace tests {

namespace faas = blueprint::faas;
namespace gcp = blueprint::faas::gcp;

// Whatever these tests send or are given as a secret holds one of these.
inline constexpr std::array<std::string_view, 10> federated_secrets{
    "subject-token-", "client-secret-",    "federated-token-", "refresh-token-",   "wJalrXUtnFEMI",
    "imds-token-",    "session-token-of-", "header-secret-",   "argument-secret-", "token-of-jobs"};

template <class T>
faas::Error failed_telling_nothing(faas::result<T> outcome) {
    faas::Error error = failed(std::move(outcome));
    std::ostringstream text;
    text << error;
    for (const auto secret : federated_secrets) CHECK_MESSAGE(text.str().find(secret) == std::string::npos, text.str());
    CHECK(error.execution == faas::Execution::not_started);
    return error;
}

inline bool says(const faas::Error& error, std::string_view text) {
    INFO(error.message);
    return error.message.find(text) != std::string::npos;
}

inline boost::json::object object_of(const std::string& text) { return boost::json::parse(text).as_object(); }

// A JSON Web Token that nobody has signed.
inline std::string id_token(const std::string& audience, long expires) {
    const auto part = [](const std::string& text) {
        return faas::detail::base64url_encode(faas::detail::bytes_of(text));
    };
    return part(R"({"alg":"RS256"})") + '.' +
           part(R"({"aud":")" + audience + R"(","exp":)" + std::to_string(expires) + '}') + ".c2lnbmF0dXJl";
}

// The fields of a form, decoded.
inline std::map<std::string, std::string> form_of(std::string_view body) {
    std::map<std::string, std::string> fields;
    while (!body.empty()) {
        const auto pair = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(body.size(), pair.size() + 1));
        const auto equals = pair.find('=');
        fields[std::string{pair.substr(0, equals)}] = faas::detail::percent_decode(pair.substr(equals + 1)).value();
    }
    return fields;
}

inline constexpr std::string_view audience =
    "//iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/pool/providers/one";
inline constexpr std::string_view impersonation_url =
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/jobs@p.iam.gserviceaccount.com:"
    "generateAccessToken";

/// The surroundings of a credential, and what answers it.
struct FederatedWorld {
    boost::asio::io_context io{};
    AwsWorld around{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    faas::Reach reach = tests::reach(io, around, script);
    faas::Deadline deadline = faas::deadline_after(std::chrono::minutes{1});

    faas::result<faas::Secret> proof(const std::string& credential_source) {
        const auto object = object_of(credential_source);
        auto source = gcp::read_subject_source(object, "/cred.json");
        if (!source) return std::move(source).error();
        return proof(*source);
    }
    faas::result<faas::Secret> proof(gcp::SubjectSource source) {
        gcp::SubjectUse use{.audience = std::string{audience},
                            .token_type = "urn:ietf:params:oauth:token-type:jwt",
                            .impersonated_email = "jobs@p.iam.gserviceaccount.com"};
        return tests::run(io, gcp::subject_token(reach, std::move(source), std::move(use), deadline));
    }
    faas::result<gcp::Credential> credential(const std::string& file) {
        return gcp::read_credential(faas::Secret{file}, "/cred.json", around);
    }
    faas::result<gcp::TimedToken> fetch(const std::string& file,
                                        gcp::TokenRequest request = gcp::TokenRequest::access()) {
        auto found = credential(file);
        if (!found) return std::move(found).error();
        return tests::run(io, found->fetch(reach, std::move(request), deadline));
    }
    std::string header(std::size_t request, std::string_view name) const {
        return std::string{script->seen.at(request).headers.get(name).value_or("(none)")};
    }
    std::string url(std::size_t request) const {
        const auto& seen = script->seen.at(request);
        const auto blank = seen.line.find(' ');
        return seen.line.substr(0, blank + 1) + seen.origin + seen.line.substr(blank + 1);
    }
    std::size_t asked() const { return script->seen.size(); }
};

// A credential file of a workload identity; `more` begins with a comma.
inline std::string external(const std::string& more = "", const std::string& source = R"({"file":"/token"})",
                            std::string_view of = audience) {
    return R"({"type":"external_account","audience":")" + std::string{of} +
           R"(","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","credential_source":)" + source + more +
           "}";
}

inline std::string impersonating(const std::string& more = "") {
    return R"(,"service_account_impersonation_url":")" + std::string{impersonation_url} + '"' + more;
}

inline const std::string federated =
    R"({"access_token":"federated-token-1","issued_token_type":"urn:ietf:params:oauth:token-type:access_token",)"
    R"("token_type":"Bearer","expires_in":3600})";
inline const std::string generated = R"({"accessToken":"token-of-jobs","expireTime":"2026-01-02T01:00:00Z"})";
inline constexpr long later = 1'767'315'600;  // 2026-01-02T01:00:00Z

inline std::string rpc_error(const std::string& status, const std::string& message, const std::string& details = "[]") {
    return R"({"error":{"code":403,"status":")" + status + R"(","message":")" + message + R"(","details":)" + details +
           "}}";
}

}  // namespace tests

#endif
