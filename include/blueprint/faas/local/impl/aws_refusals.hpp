#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_REFUSALS_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_REFUSALS_HPP

// How AWS words its refusals. Included by the files of the local AWS alone.

#include "blueprint/faas/local/aws_sessions.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

/// Why a signature does not open, in the words of the service in question.
class AwsRefusals {
public:
    explicit AwsRefusals(std::string_view service) : s3_{service == "s3"}, sts_{service == "sts"} {}

    Error missing() const {
        if (s3_) return aws_refusal(403, "AccessDenied", "Access Denied");
        if (sts_) return aws_refusal(403, "MissingAuthenticationToken", "Request is missing Authentication Token");
        return aws_refusal(403, "MissingAuthenticationTokenException", "Missing Authentication Token");
    }
    Error incomplete(std::string text, bool presigned) const {
        if (s3_)
            return aws_refusal(400, presigned ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed",
                               std::move(text));
        if (sts_) return aws_refusal(400, "IncompleteSignature", std::move(text));
        return aws_refusal(403, "IncompleteSignatureException", std::move(text));
    }
    Error scope(std::string text, bool presigned) const {
        return s3_ ? incomplete(std::move(text), presigned) : signature(std::move(text));
    }
    Error unknown_key() const {
        if (s3_)
            return aws_refusal(403, "InvalidAccessKeyId",
                               "The AWS Access Key Id you provided does not exist in our records.");
        return bad_token();
    }
    Error bad_token() const {
        if (s3_) return aws_refusal(400, "InvalidToken", "The provided token is malformed or otherwise invalid.");
        return aws_refusal(403, sts_ ? "InvalidClientTokenId" : "UnrecognizedClientException",
                           "The security token included in the request is invalid.");
    }
    Error expired_token() const {
        if (s3_) return aws_refusal(400, "ExpiredToken", "The provided token has expired.");
        return aws_refusal(403, sts_ ? "ExpiredToken" : "ExpiredTokenException",
                           "The security token included in the request is expired");
    }
    Error skew(std::string text) const {
        if (s3_)
            return aws_refusal(403, "RequestTimeTooSkewed",
                               "The difference between the request time and the current time is too large.");
        return signature(std::move(text));
    }
    Error not_signed(std::string_view name) const {
        if (s3_)
            return aws_refusal(403, "AccessDenied", "There were headers present in the request which were not signed");
        return signature('\'' + std::string{name} + "' must be a 'SignedHeader' in the AWS Authorization.");
    }
    Error mismatch() const {
        if (s3_)
            return signature(
                "The request signature we calculated does not match the signature you provided. Check your key and "
                "signing method.");
        return signature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.");
    }

private:
    Error signature(std::string text) const {
        return aws_refusal(403, s3_ || sts_ ? "SignatureDoesNotMatch" : "InvalidSignatureException", std::move(text));
    }

    bool s3_;
    bool sts_;
};

/// What a client sent, for a message: short, and nothing that a terminal could take for an order.
inline std::string aws_quoted(std::string_view text) {
    std::string out{text.substr(0, 128)};
    for (char& c : out)
        if (c < 0x20 || c > 0x7e) c = '?';
    return out;
}

inline std::vector<std::string_view> aws_split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = std::min(text.find(separator), text.size());
        parts.push_back(text.substr(0, end));
        if (end == text.size()) return parts;
        text.remove_prefix(end + 1);
    }
}

}  // namespace blueprint::faas::local

#endif
