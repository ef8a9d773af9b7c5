#ifndef BLUEPRINT_FAAS_TESTS_UNIT_AUTH_SIGV4_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_AUTH_SIGV4_FIXTURE_HPP

#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace tests::sigv4 {

namespace faas = blueprint::faas;

// The keys of AWS's own published examples.
inline constexpr std::string_view suite_secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
inline constexpr std::string_view s3_secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
inline constexpr std::string_view suite_date = "20150830T123600Z";
inline constexpr std::string_view s3_date = "20130524T000000Z";

inline const faas::aws::SigningScope lambda{.region = "us-east-1", .service = "lambda"};
inline const faas::aws::SigningScope s3{.region = "us-east-1", .service = "s3"};

inline faas::aws::Credentials suite_credentials(std::string_view token = {}) {
    return {.access_key_id = "AKIDEXAMPLE", .secret_access_key = suite_secret, .session_token = token};
}
inline faas::aws::Credentials s3_credentials() {
    return {.access_key_id = "AKIAIOSFODNN7EXAMPLE", .secret_access_key = s3_secret};
}
inline std::chrono::system_clock::time_point at(std::string_view date) {
    const auto time = faas::aws::read_amz_date(date);
    REQUIRE(time.has_value());
    return *time;
}
inline std::string hash_of(std::string_view text) { return faas::detail::sha256_hex(faas::detail::bytes_of(text)); }

inline std::string authorization(const faas::HttpRequest& request) {
    return std::string{request.headers.get("Authorization").value_or("(none)")};
}
inline std::string signature_in(std::string_view text, std::string_view before = "Signature=") {
    const auto begin = text.find(before);
    return begin == std::string_view::npos ? "(none)" : std::string{text.substr(begin + before.size(), 64)};
}
inline std::string signed_names(const faas::HttpRequest& request) {
    const auto text = authorization(request);
    const auto begin = text.find("SignedHeaders=") + 14;
    return text.substr(begin, text.find(',', begin) - begin);
}

inline faas::HttpRequest lambda_by_arn() {
    faas::HttpRequest request;
    request.origin.host = "lambda.us-east-1.amazonaws.com";
    request.verb = faas::Verb::post;
    request.target =
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ademo/invocations"
        "?Qualifier=%24LATEST";
    request.headers.add("Content-Type", "application/json");
    request.headers.add("X-Amz-Invocation-Type", "RequestResponse");
    request.headers.add("X-Amz-Log-Type", "Tail");
    request.body = faas::Body{std::string{R"({"n":7})"}};
    return request;
}
inline constexpr std::string_view lambda_signature = "8dc7a091c53d140ee1217250a24c2993423c0e9f8837ae8d1475859c8eed37d0";

inline faas::HttpRequest to_bucket(std::string target) {
    faas::HttpRequest request;
    request.origin.host = "examplebucket.s3.amazonaws.com";
    request.target = std::move(target);
    return request;
}

}  // namespace tests::sigv4

#endif
