#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_AWS_ANSWERS_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_AWS_ANSWERS_HPP

#include <array>
#include <string>
#include <string_view>

namespace tests {

/// Whatever the tests of credential sources send or are given as a secret begins with one of these.
inline constexpr std::array<std::string_view, 6> aws_secrets{
    "wJalrXUtnFEMI", "session-token-of-", "web-token-of-a-pod", "container-token", "imds-token-", "external-id-7"};

inline const std::string role_arn = "arn:aws:iam::123456789012:role/jobs";

inline std::string sts_answer(const std::string& action, const std::string& expiration = "2026-01-02T01:00:00Z") {
    return "<?xml version=\"1.0\"?>\n<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" +
           action +
           "Result><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>wJalrXUtnFEMI/given"
           "</SecretAccessKey><SessionToken>session-token-of-the-role</SessionToken><Expiration>" +
           expiration +
           "</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/jobs/s</Arn>"
           "<AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></" +
           action + "Result><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></" + action + "Response>";
}

inline std::string sts_error(const std::string& code, const std::string& message) {
    return "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>" +
           code + "</Code><Message>" + message + "</Message></Error><RequestId>r-2</RequestId></ErrorResponse>";
}

/// What the endpoints of containers and instances answer with.
inline std::string json_answer(const std::string& expiration = "2026-01-02T06:00:00Z",
                               const std::string& key = "ASIAEXAMPLE") {
    return R"({"Code":"Success","AccessKeyId":")" + key +
           R"(","SecretAccessKey":"wJalrXUtnFEMI/given","Token":"session-token-of-the-role","Expiration":")" +
           expiration + "\"}";
}

}  // namespace tests

#endif
