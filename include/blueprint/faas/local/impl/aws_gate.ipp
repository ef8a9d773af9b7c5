#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_GATE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_GATE_IPP

#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/impl/aws_refusals.hpp"
#include "blueprint/faas/local/impl/aws_time.hpp"
#include "blueprint/faas/local/options.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::vector<AwsParameter> aws_query(std::string_view target) {
    std::vector<AwsParameter> out;
    const auto begin = target.find('?');
    if (begin == std::string_view::npos || begin + 1 == target.size()) return out;
    const auto decoded = [](std::string_view text) {
        auto value = faas::detail::percent_decode(text);
        return value ? std::move(*value) : std::string{text};
    };
    for (auto rest = target.substr(begin + 1);;) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto pair = rest.substr(0, end);
        const auto equals = std::min(pair.find('='), pair.size());
        if (!pair.empty())
            out.push_back({.name = decoded(pair.substr(0, equals)),
                           .value = decoded(pair.substr(std::min(equals + 1, pair.size())))});
        if (end == rest.size()) return out;
        rest.remove_prefix(end + 1);
    }
}

BLUEPRINT_FAAS_DECL std::string aws_bucket_of_host(const ServerRequest& head) {
    std::string host{head.field("host").value_or("")};
    host.resize(std::min(host.find(':'), host.size()));
    std::transform(host.begin(), host.end(), host.begin(), faas::detail::ascii_lower);
    constexpr std::string_view below = ".localhost";
    return host.ends_with(below) ? host.substr(0, host.size() - below.size()) : std::string{};
}

BLUEPRINT_FAAS_DECL std::string_view aws_service_of(const ServerRequest& head) {
    if (!aws_bucket_of_host(head).empty()) return "s3";
    std::string_view path = std::string_view{head.target}.substr(0, head.target.find('?'));
    if (path.starts_with("/latest/") || path == "/container-credentials") return "";
    if (path == "/") {
        if (head.method == "POST") return "sts";
        for (const auto& parameter : aws_query(head.target))
            if (parameter.name == "Action") return "sts";
    }
    // A slash too many is for Lambda to complain of.
    while (path.starts_with('/')) path.remove_prefix(1);
    const bool dated = path.size() > 10 && path[4] == '-' && path[7] == '-' && path[10] == '/' &&
                       aws_digits(path, 0, 4) >= 0 && aws_digits(path, 5, 2) >= 0 && aws_digits(path, 8, 2) >= 0;
    return dated ? "lambda" : "s3";
}

BLUEPRINT_FAAS_DECL bool AwsGate::is_signed(const ServerRequest& head) {
    if (head.field("authorization")) return true;
    for (const auto& parameter : aws_query(head.target))
        if (parameter.name == "X-Amz-Algorithm" || parameter.name == "X-Amz-Signature") return true;
    return false;
}

/// What a client says of how it signed.
struct AwsProof {
    bool presigned = false;
    std::string credential{};
    std::string key_id{};
    std::string date{};
    std::string region{};
    std::string service{};
    std::string terminator{};
    std::string signed_headers{};
    std::vector<std::string> names{};  // of signed_headers
    std::string signature{};
    std::string time{};  // "20150830T123600Z"
    std::chrono::sys_seconds at{};
    std::string expires{};
    std::string token{};
};

inline constexpr std::string_view aws_algorithm = "AWS4-HMAC-SHA256";

/// Reads `AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...`.
inline result<AwsProof> read_authorization(const ServerRequest& head, const AwsRefusals& refusals) {
    std::string_view text;
    std::size_t count = 0;
    for (const auto& [name, value] : head.fields)
        if (faas::detail::iequals(name, "authorization")) {
            text = value;
            ++count;
        }
    if (count == 0) return refusals.missing();
    if (count > 1) return refusals.incomplete("Authorization header must be sent once.", false);
    const auto space = text.find(' ');
    if (text.substr(0, space) != aws_algorithm)
        return refusals.incomplete("Unsupported AWS 'algorithm': '" + aws_quoted(text.substr(0, space)).substr(0, 20) +
                                       "' (only AWS4-HMAC-SHA256 for this 'service')",
                                   false);
    AwsProof proof;
    text.remove_prefix(std::min(space, text.size()));
    for (auto part : aws_split(text, ',')) {
        while (part.starts_with(' ')) part.remove_prefix(1);
        while (part.ends_with(' ')) part.remove_suffix(1);
        const auto equals = part.find('=');
        if (equals == std::string_view::npos)
            return refusals.incomplete(
                "'" + aws_quoted(part) + "' not a valid key=value pair (missing equal-sign) in Authorization header.",
                false);
        const auto key = part.substr(0, equals);
        std::string* const known = key == "Credential"      ? &proof.credential
                                   : key == "SignedHeaders" ? &proof.signed_headers
                                   : key == "Signature"     ? &proof.signature
                                                            : nullptr;
        if (known == nullptr) continue;
        if (!known->empty())
            return refusals.incomplete("Authorization header has '" + std::string{key} + "' twice.", false);
        *known = part.substr(equals + 1);
    }
    std::string lacking;
    const auto require = [&](std::string_view name, const std::string& value) {
        if (value.empty())
            lacking.append(lacking.empty() ? "" : " ").append("Authorization header requires '").append(name) +=
                "' parameter.";
    };
    require("Credential", proof.credential);
    require("Signature", proof.signature);
    require("SignedHeaders", proof.signed_headers);
    const auto amz_date = head.field("x-amz-date");
    const auto date = head.field("date");
    if (!amz_date && !date)
        lacking.append(lacking.empty() ? "" : " ")
            .append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    if (!lacking.empty()) return refusals.incomplete(std::move(lacking), false);
    auto at = faas::aws::read_amz_date(amz_date ? *amz_date : *date);
    if (!at && !amz_date) at = read_http_date(*date);
    if (!at)
        return refusals.incomplete("Date must be in ISO-8601 'basic format'. Got '" +
                                       aws_quoted(amz_date ? *amz_date : *date) +
                                       "'. See http://en.wikipedia.org/wiki/ISO_8601",
                                   false);
    proof.at = *at;
    proof.time = faas::aws::amz_date(*at);
    proof.token = head.field("x-amz-security-token").value_or("");
    return proof;
}

/// Reads `?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=...`.
inline result<AwsProof> read_presigned(const std::vector<AwsParameter>& query, const AwsRefusals& refusals) {
    AwsProof proof{.presigned = true};
    std::string algorithm;
    const std::array<std::pair<std::string_view, std::string*>, 7> wanted{
        {{"X-Amz-Algorithm", &algorithm},
         {"X-Amz-Credential", &proof.credential},
         {"X-Amz-Date", &proof.time},
         {"X-Amz-SignedHeaders", &proof.signed_headers},
         {"X-Amz-Signature", &proof.signature},
         {"X-Amz-Expires", &proof.expires},
         {"X-Amz-Security-Token", &proof.token}}};
    for (const auto& [name, value] : query)
        for (const auto& [known, place] : wanted) {
            if (name != known) continue;
            if (!place->empty())
                return refusals.incomplete("AWS query-string parameters must include '" + name + "' once.", true);
            *place = value;
        }
    for (std::size_t i = 0; i < 5; ++i)
        if (wanted[i].second->empty())
            return refusals.incomplete("AWS query-string parameters must include '" + std::string{wanted[i].first} +
                                           "'. Re-examine the query-string parameters.",
                                       true);
    if (algorithm != aws_algorithm)
        return refusals.incomplete("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"", true);
    const auto at = faas::aws::read_amz_date(proof.time);
    if (!at) return refusals.incomplete("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"", true);
    proof.at = *at;
    return proof;
}

/// Reads how the request is signed, and takes credential and list of headers apart.
inline result<AwsProof> read_proof(const ServerRequest& head, const AwsRefusals& refusals) {
    const auto query = aws_query(head.target);
    const bool presigned = std::any_of(query.begin(), query.end(), [](const AwsParameter& parameter) {
        return parameter.name == "X-Amz-Algorithm" || parameter.name == "X-Amz-Signature";
    });
    if (presigned && head.field("authorization"))
        return refusals.incomplete("Only one auth mechanism allowed: the query or the Authorization header.", true);
    auto read = presigned ? read_presigned(query, refusals) : read_authorization(head, refusals);
    if (!read) return read.error();
    auto& proof = *read;
    const auto parts = aws_split(proof.credential, '/');
    if (parts.size() != 5)
        return refusals.incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" +
                aws_quoted(proof.credential) + "'",
            presigned);
    proof.key_id = parts[0];
    proof.date = parts[1];
    proof.region = parts[2];
    proof.service = parts[3];
    proof.terminator = parts[4];
    for (const auto name : aws_split(proof.signed_headers, ';')) proof.names.emplace_back(name);
    return std::move(*read);
}

inline result<void> judge_scope(const AwsProof& proof, std::string_view service, const AwsOptions& options,
                                const AwsRefusals& refusals) {
    if (proof.terminator != "aws4_request")
        return refusals.scope("Credential should be scoped with a valid terminator: 'aws4_request', not '" +
                                  aws_quoted(proof.terminator) + "'.",
                              proof.presigned);
    if (proof.date != proof.time.substr(0, 8))
        return refusals.scope(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '" +
                aws_quoted(proof.date) + "' != '" + proof.time.substr(0, 8) + "', from '" + proof.time + "'.",
            proof.presigned);
    if (proof.region != options.region)
        return service == "s3"
                   ? refusals.scope("The authorization header is malformed; the region '" + aws_quoted(proof.region) +
                                        "' is wrong; expecting '" + options.region + "'",
                                    proof.presigned)
                   : refusals.scope(
                         "Credential should be scoped to a valid region, not '" + aws_quoted(proof.region) + "'.",
                         proof.presigned);
    if (proof.service != service)
        return refusals.scope("Credential should be scoped to correct service: '" + std::string{service} + "'.",
                              proof.presigned);
    return {};
}

inline result<void> judge_time(const AwsProof& proof, std::string_view service, const AwsOptions& options,
                               std::chrono::sys_seconds now, const AwsRefusals& refusals) {
    const auto skew = service == "s3" ? 3 * options.max_skew : options.max_skew;
    const auto minutes = [](std::chrono::seconds time) {
        return time.count() % 60 == 0 ? std::to_string(time.count() / 60) + " min."
                                      : std::to_string(time.count()) + " s";
    };
    if (proof.at > now + skew)
        return refusals.skew("Signature not yet current: " + proof.time + " is still later than " +
                             faas::aws::amz_date(now + skew) + " (" + faas::aws::amz_date(now) + " + " + minutes(skew) +
                             ")");
    auto life = skew;
    if (proof.presigned) {
        std::int64_t seconds = 0;
        const auto* const end = proof.expires.data() + proof.expires.size();
        const auto [stopped, failed] = std::from_chars(proof.expires.data(), end, seconds);
        if (proof.expires.empty() && service != "s3")
            seconds = 900;
        else if (failed != std::errc{} || stopped != end || seconds < 1)
            return refusals.incomplete("X-Amz-Expires should be a number from 1 to 604800", true);
        if (seconds > 604800)
            return refusals.incomplete(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                "than 604800 seconds",
                true);
        life = std::chrono::seconds{seconds};
        if (service == "s3" && proof.at + life < now) return aws_refusal(403, "AccessDenied", "Request has expired");
    }
    if (proof.at + life < now)
        return refusals.skew("Signature expired: " + proof.time + " is now earlier than " +
                             faas::aws::amz_date(now - life) + " (" + faas::aws::amz_date(now) + " - " + minutes(life) +
                             ")");
    return {};
}

/// Sees that nothing was sent which should have been signed and was not.
/// Source: AWS IAM User Guide, "Create a signed AWS API request", CanonicalHeaders.
inline result<void> judge_signed_headers(const AwsProof& proof, const ServerRequest& head, const AwsOptions& options,
                                         const AwsRefusals& refusals) {
    const auto has = [&](std::string_view name) {
        return std::any_of(proof.names.begin(), proof.names.end(),
                           [&](std::string_view signed_name) { return faas::detail::iequals(signed_name, name); });
    };
    if (!has("host")) return refusals.not_signed("Host' or ':authority");
    for (const auto& field : head.fields) {
        const bool amz = faas::detail::iequals(std::string_view{field.first}.substr(0, 6), "x-amz-");
        // Who uses a presigned URL is a browser often, which adds a type of its own.
        const bool type = options.content_type_must_be_signed && !proof.presigned &&
                          faas::detail::iequals(field.first, "content-type");
        if ((amz || type) && !has(field.first)) return refusals.not_signed(aws_quoted(field.first));
    }
    return {};
}

/// Returns the line of the canonical request that stands for the body; empty if it cannot be known yet.
inline result<std::string> payload_line(const ServerRequest& request, const AwsProof& proof, std::string_view service,
                                        bool with_body) {
    const auto announced = request.field("x-amz-content-sha256");
    const bool digest = announced && announced->size() == 64 &&
                        announced->find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (service != "s3") {
        const bool empty = request.content_length.value_or(0) == 0 && !request.field("transfer-encoding");
        if (with_body || empty) return faas::detail::sha256_hex(request.body);
        return digest ? std::string{*announced} : std::string{};
    }
    if (!announced) {
        if (proof.presigned) return std::string{faas::aws::unsigned_payload};
        return aws_refusal(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
    }
    if (*announced == faas::aws::unsigned_payload || *announced == "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        return std::string{*announced};
    if (announced->starts_with("STREAMING-"))
        return aws_refusal(501, "NotImplemented",
                           "A header you provided implies functionality that is not implemented: "
                           "x-amz-content-sha256: " +
                               aws_quoted(*announced));
    if (!digest)
        return aws_refusal(400, "InvalidArgument",
                           "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, or a "
                           "valid sha256 value.");
    if (with_body && faas::detail::sha256_hex(request.body) != *announced)
        return aws_refusal(400, "XAmzContentSHA256Mismatch",
                           "The provided 'x-amz-content-sha256' header does not match what was computed.");
    return std::string{*announced};
}

/// Returns what the signature should be; nothing if the client's list of headers is none that can be right.
inline std::optional<std::string> signature_of(const ServerRequest& request, const AwsProof& proof,
                                               std::string_view payload, const Secret& secret) {
    std::vector<faas::aws::SignedField> fields;
    for (const auto& [name, value] : request.fields)
        for (const auto& listed : proof.names)
            if (faas::detail::iequals(listed, name)) fields.push_back({.name = name, .value = value});
    // Sorted, in small letters, each once, and all of them sent.
    if (faas::aws::signed_headers(fields) != proof.signed_headers) return std::nullopt;
    const auto target = std::string_view{request.target};
    const auto path = target.substr(0, target.find('?'));
    auto query = std::string{target.substr(std::min(path.size() + 1, target.size()))};
    if (proof.presigned) query = faas::aws::without_parameter(query, "X-Amz-Signature");
    const auto canonical = faas::aws::canonical_request(
        {.method = request.method, .path = path, .query = query, .fields = fields, .payload_hash = payload},
        faas::aws::path_rules(proof.service));
    const faas::aws::SigningScope scope{.region = proof.region, .service = proof.service};
    const auto text = faas::aws::string_to_sign(proof.time, faas::aws::credential_scope(proof.time, scope), canonical);
    return faas::aws::signature(faas::aws::signing_key(secret, proof.time, scope), text);
}

BLUEPRINT_FAAS_DECL result<AwsCaller> AwsGate::judge(const ServerRequest& request, std::string_view service,
                                                     bool with_body) const {
    if (service.empty()) service = aws_service_of(request);
    const AwsRefusals refusals{service};
    auto proof = read_proof(request, refusals);
    if (!proof) return proof.error();
    if (auto right = judge_scope(*proof, service, options_, refusals); !right) return right.error();
    const auto now = clock_.now();
    if (auto right = judge_time(*proof, service, options_, std::chrono::floor<std::chrono::seconds>(now), refusals);
        !right)
        return right.error();

    AwsCaller caller{
        .access_key_id = proof->key_id, .account_id = options_.account_id, .service = std::string{service}};
    const Secret* secret = nullptr;
    if (const auto key = options_.keys.find(proof->key_id); key != options_.keys.end()) {
        if (!proof->token.empty()) return refusals.bad_token();
        secret = &key->second;
        caller.arn = aws_arn(options_, "iam") + "user/local-" + proof->key_id;
    } else if (const auto* session = sessions_.find(proof->key_id)) {
        if (!same_secret(proof->token, session->token)) return refusals.bad_token();
        if (session->expires <= now) return refusals.expired_token();
        secret = &session->secret_access_key;
        caller.arn = session->arn;
    } else {
        return refusals.unknown_key();
    }

    if (auto right = judge_signed_headers(*proof, request, options_, refusals); !right) return right.error();
    const auto payload = payload_line(request, *proof, service, with_body);
    if (!payload) return payload.error();
    if (payload->empty()) return caller;
    const auto expected = signature_of(request, *proof, *payload, *secret);
    if (!expected || proof->signature.size() != expected->size() ||
        CRYPTO_memcmp(proof->signature.data(), expected->data(), expected->size()) != 0)
        return refusals.mismatch();
    return caller;
}

}  // namespace blueprint::faas::local

#endif
