#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_STS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_STS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/aws_sts.hpp"
#include "blueprint/faas/local/custom_messages.hpp"
#include "blueprint/faas/local/impl/aws_refusals.hpp"
#include "blueprint/faas/local/impl/aws_xml.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::local {

inline constexpr std::string_view sts_namespace = "https://sts.amazonaws.com/doc/2011-06-15/";

inline ServerAnswer sts_answer(unsigned status, std::string_view element, std::string content) {
    ServerAnswer answer{.status = status, .content_type = "text/xml"};
    const auto id = random_uuid();
    // An answer has its id in an element of its own, an error beside the error.
    content +=
        status == 200 ? xml_around("ResponseMetadata", xml_element("RequestId", id)) : xml_element("RequestId", id);
    answer.body = std::string{"<"}.append(element).append(" xmlns=\"").append(sts_namespace).append("\">");
    answer.body.append(content).append("</").append(element).append(1, '>');
    answer.headers.emplace_back("x-amzn-RequestId", id);
    return answer;
}

/// Reads `a=b&c=d%20e+f`.
inline AwsSts::Form read_form(std::string_view text) {
    std::string spaced{text};
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    AwsSts::Form form;
    for (auto& [name, value] : aws_query('?' + spaced)) form.insert_or_assign(std::move(name), std::move(value));
    return form;
}

inline std::string_view form_value(const AwsSts::Form& form, std::string_view name) {
    const auto found = form.find(name);
    return found == form.end() ? std::string_view{} : std::string_view{found->second};
}

/// Collects what is wrong with the parameters of a request, for one error that tells all.
class StsChecks {
public:
    explicit StsChecks(const AwsSts::Form& form) : form_{form} {}

    /// `name` begins with a capital in the form and with a small letter in messages.
    void text(std::string_view name, bool required, std::size_t least, std::size_t most, std::string_view pattern = {},
              bool (*fits)(char) = nullptr) {
        const auto found = form_.find(name);
        if (found == form_.end() || found->second.empty()) {
            if (required) fault(name, "null", "Member must not be null");
            return;
        }
        const std::string& value = found->second;
        const auto shown = '\'' + value.substr(0, 64) + '\'';
        if (value.size() < least)
            fault(name, shown, "Member must have length greater than or equal to " + std::to_string(least));
        if (value.size() > most)
            fault(name, shown, "Member must have length less than or equal to " + std::to_string(most));
        if (fits != nullptr && !std::all_of(value.begin(), value.end(), fits))
            fault(name, shown, "Member must satisfy regular expression pattern: " + std::string{pattern});
    }
    /// A token is never shown.
    void secret(std::string_view name, std::size_t least, std::size_t most) {
        const auto value = form_value(form_, name);
        if (value.empty()) return fault(name, "null", "Member must not be null");
        if (value.size() < least)
            fault(name, "'***'", "Member must have length greater than or equal to " + std::to_string(least));
        if (value.size() > most)
            fault(name, "'***'", "Member must have length less than or equal to " + std::to_string(most));
    }
    /// How long the credentials are to live; an hour if nothing is said.
    std::chrono::seconds duration() {
        const auto found = form_.find("DurationSeconds");
        if (found == form_.end()) return std::chrono::hours{1};
        const std::string& text = found->second;
        int seconds = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
        if (failed != std::errc{} || end != text.data() + text.size())
            malformed_ = "DurationSeconds is not a number";
        else if (seconds < 900)
            fault("DurationSeconds", '\'' + text + '\'', "Member must have value greater than or equal to 900");
        else if (seconds > 43200)
            fault("DurationSeconds", '\'' + text + '\'', "Member must have value less than or equal to 43200");
        return std::chrono::seconds{seconds};
    }
    result<void> verdict() const {
        if (!malformed_.empty()) return aws_refusal(400, "MalformedInput", malformed_);
        if (count_ == 0) return {};
        return aws_refusal(400, "ValidationError",
                           std::to_string(count_) + (count_ == 1 ? " validation error" : " validation errors") +
                               " detected: " + faults_);
    }

private:
    void fault(std::string_view name, const std::string& value, const std::string& constraint) {
        std::string member{name};
        member.front() = faas::detail::ascii_lower(member.front());
        faults_.append(count_++ == 0 ? "" : "; ").append("Value ").append(value).append(" at '").append(member);
        faults_.append("' failed to satisfy constraint: ").append(constraint);
    }

    const AwsSts::Form& form_;
    std::string faults_;
    std::string malformed_;
    unsigned count_ = 0;
};

inline bool is_session_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"_+=,.@-"}.find(c) != std::string_view::npos;
}

/// What a role's ARN says.
struct RoleArn {
    std::string_view account{};
    std::string_view name{};  // the last part of its path
};

/// Reads "arn:aws:iam::123456789012:role/path/name"; nothing if it is none.
inline std::optional<RoleArn> read_role_arn(std::string_view arn) {
    if (!arn.starts_with("arn:")) return std::nullopt;
    const auto iam = arn.find(":iam::", 4);
    if (iam == std::string_view::npos || arn.substr(4, iam - 4).find(':') != std::string_view::npos)
        return std::nullopt;
    const auto rest = arn.substr(iam + 6);
    if (rest.size() < 19 || rest.substr(12, 6) != ":role/" ||
        rest.substr(0, 12).find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    const auto name = rest.substr(rest.rfind('/') + 1);
    if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), is_session_name_character))
        return std::nullopt;
    return RoleArn{.account = rest.substr(0, 12), .name = name};
}

inline result<RoleArn> require_role_arn(std::string_view arn) {
    const auto role = read_role_arn(arn);
    if (role) return *role;
    return aws_refusal(400, "ValidationError", aws_quoted(arn) + " is invalid");
}

inline std::string assumed_arn(const AwsOptions& options, const RoleArn& role, std::string_view session_name) {
    return aws_arn(options, "sts").append("assumed-role/").append(role.name).append(1, '/').append(session_name);
}

inline std::string credentials_xml(const AwsSession& session) {
    return xml_around("Credentials", xml_element("AccessKeyId", session.access_key_id) +
                                         xml_element("SecretAccessKey", session.secret_access_key.reveal()) +
                                         xml_element("SessionToken", session.token.reveal()) +
                                         xml_element("Expiration", rfc3339(session.expires)));
}

inline std::string assumed_xml(const AwsSession& session, std::string_view role_arn, std::string_view session_name) {
    auto id = aws_unique_id("AROA", role_arn).append(1, ':').append(session_name);
    return xml_around("AssumedRoleUser", xml_element("AssumedRoleId", id) + xml_element("Arn", session.arn));
}

BLUEPRINT_FAAS_DECL result<std::string> AwsSts::assume_role(const Form& form, const AwsCaller& caller) {
    StsChecks checks{form};
    checks.text("RoleArn", true, 20, 2048);
    checks.text("RoleSessionName", true, 2, 64, "[\\w+=,.@-]*", &is_session_name_character);
    checks.text("ExternalId", false, 2, 1224);
    checks.text("Policy", false, 1, 2048);
    checks.text("SourceIdentity", false, 2, 64, "[\\w+=,.@-]*", &is_session_name_character);
    const auto life = checks.duration();
    if (auto right = checks.verdict(); !right) return right.error();
    const auto arn = form_value(form, "RoleArn");
    const auto role = require_role_arn(arn);
    if (!role) return role.error();
    if (role->account != options_.account_id)
        return aws_refusal(
            403, "AccessDenied",
            "User: " + caller.arn + " is not authorized to perform: sts:AssumeRole on resource: " + aws_quoted(arn));
    // Source: AWS IAM User Guide, "Roles terms and concepts", role chaining.
    if (life > std::chrono::hours{1} && caller.arn.find(":assumed-role/") != std::string::npos)
        return aws_refusal(
            400, "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining");
    const auto name = form_value(form, "RoleSessionName");
    const auto session = sessions_.issue(assumed_arn(options_, *role, name), life);
    std::string out = credentials_xml(session) + assumed_xml(session, arn, name);
    if (const auto source = form_value(form, "SourceIdentity"); !source.empty())
        out += xml_element("SourceIdentity", source);
    return out;
}

/// What a JSON Web Token claims, as far as it can be read.
struct TokenClaims {
    std::string subject{};
    std::string issuer{};
    std::string audience{};
    std::optional<std::int64_t> expires{};
};

/// Reads a token of three parts whose second is a JSON object in base64url; nothing if it has another shape. Nobody's
/// signature is checked.
inline std::optional<TokenClaims> read_token_claims(std::string_view token) {
    const auto parts = aws_split(token, '.');
    if (parts.size() != 3 || parts[0].empty() || parts[1].empty() || parts[2].empty()) return std::nullopt;
    std::string payload{parts[1]};
    std::replace(payload.begin(), payload.end(), '-', '+');
    std::replace(payload.begin(), payload.end(), '_', '/');
    payload.append((4 - payload.size() % 4) % 4, '=');
    const auto bytes = faas::detail::base64_decode(payload);
    if (!bytes) return std::nullopt;
    boost::system::error_code failed;
    const auto text = faas::detail::text_of(*bytes);
    const auto json = boost::json::parse({text.data(), text.size()}, failed);
    if (failed || !json.is_object()) return std::nullopt;
    const auto& object = json.get_object();
    const auto string = [&](std::string_view name) {
        const auto* found = object.if_contains(name);
        return found != nullptr && found->is_string()
                   ? std::string{found->get_string().data(), found->get_string().size()}
                   : std::string{};
    };
    TokenClaims claims{.subject = string("sub"), .issuer = string("iss"), .audience = string("aud")};
    if (const auto* end = object.if_contains("exp")) {
        if (end->is_int64()) claims.expires = end->get_int64();
        if (end->is_uint64() || end->is_double()) claims.expires = end->to_number<std::int64_t>(failed);
    }
    return claims;
}

BLUEPRINT_FAAS_DECL result<std::string> AwsSts::assume_role_with_web_identity(const Form& form) {
    StsChecks checks{form};
    checks.text("RoleArn", true, 20, 2048);
    checks.text("RoleSessionName", true, 2, 64, "[\\w+=,.@-]*", &is_session_name_character);
    checks.secret("WebIdentityToken", 4, 20'000);
    checks.text("Policy", false, 1, 2048);
    const auto life = checks.duration();
    if (auto right = checks.verdict(); !right) return right.error();
    const auto arn = form_value(form, "RoleArn");
    const auto role = require_role_arn(arn);
    if (!role) return role.error();

    const auto token = form_value(form, "WebIdentityToken");
    const auto claims = read_token_claims(token);
    if (!options_.web_identity_tokens.empty()) {
        bool known = false;
        for (const auto& allowed : options_.web_identity_tokens) known |= same_secret(token, allowed);
        if (!known)
            return aws_refusal(400, "InvalidIdentityToken",
                               "The web identity token that was passed could not be validated by AWS.");
    } else if (!claims) {
        return aws_refusal(
            400, "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)");
    }
    const auto now = clock_.now();
    if (claims && claims->expires) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
        if (*claims->expires <= seconds)
            return aws_refusal(400, "ExpiredTokenException",
                               "Token expired: current date/time " + std::to_string(seconds) +
                                   " must be before the expiration date/time " + std::to_string(*claims->expires));
    }
    if (role->account != options_.account_id)
        return aws_refusal(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    const auto name = form_value(form, "RoleSessionName");
    const auto session = sessions_.issue(assumed_arn(options_, *role, name), life);
    std::string out = credentials_xml(session) + assumed_xml(session, arn, name);
    if (claims) {
        if (!claims->subject.empty()) out += xml_element("SubjectFromWebIdentityToken", claims->subject);
        if (!claims->issuer.empty()) out += xml_element("Provider", claims->issuer);
        if (!claims->audience.empty()) out += xml_element("Audience", claims->audience);
    }
    return out;
}

BLUEPRINT_FAAS_DECL std::string AwsSts::caller_identity(const AwsCaller& caller) const {
    std::string user = aws_unique_id("AIDA", caller.arn);
    const std::string_view arn = caller.arn;
    if (const auto role = arn.find(":assumed-role/"); role != std::string_view::npos) {
        const auto names = arn.substr(role + 14);
        const auto slash = std::min(names.find('/'), names.size());
        const auto role_arn = aws_arn(options_, "iam").append("role/").append(names.substr(0, slash));
        user = aws_unique_id("AROA", role_arn).append(1, ':').append(names.substr(std::min(slash + 1, names.size())));
    }
    return xml_element("Arn", caller.arn) + xml_element("UserId", user) + xml_element("Account", caller.account_id);
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsSts::failure(const Error& error) {
    const std::string_view type = error.http_status < 500 ? "Sender" : "Receiver";
    return sts_answer(error.http_status == 0 ? 500 : error.http_status, "ErrorResponse",
                      xml_around("Error", xml_element("Type", type) + xml_element("Code", error.platform_code) +
                                              xml_element("Message", error.message)));
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsSts::answer(const ServerRequest& request, const AwsCaller* caller) {
    const auto query = request.target.find('?');
    auto form = read_form(request.method == "POST"     ? faas::detail::text_of(request.body)
                          : query == std::string::npos ? std::string_view{}
                                                       : std::string_view{request.target}.substr(query + 1));
    const auto action = form_value(form, "Action");
    if (action.empty() && caller == nullptr) return failure(AwsRefusals{"sts"}.missing());
    if (action.empty()) return failure(aws_refusal(400, "MissingAction", "Request is missing Action parameter"));
    if (const auto version = form_value(form, "Version"); version != "2011-06-15")
        return failure(aws_refusal(400, version.empty() ? "MissingParameter" : "NoSuchVersion",
                                   "Could not find operation " + aws_quoted(action) + " for version " +
                                       (version.empty() ? "NO_VERSION_SPECIFIED" : aws_quoted(version))));
    result<std::string> content{std::string{}};
    if (action == "AssumeRoleWithWebIdentity")
        content = assume_role_with_web_identity(form);
    else if (caller == nullptr)
        content = AwsRefusals{"sts"}.missing();
    else if (action == "AssumeRole")
        content = assume_role(form, *caller);
    else if (action == "GetCallerIdentity")
        content = caller_identity(*caller);
    else
        content = aws_refusal(400, "InvalidAction",
                              "Could not find operation " + aws_quoted(action) + " for version 2011-06-15");
    for (auto& [name, value] : form)
        if (name == "WebIdentityToken") faas::detail::wipe(value);
    if (!content) return failure(content.error());
    return sts_answer(200, std::string{action} + "Response", xml_around(std::string{action} + "Result", *content));
}

}  // namespace blueprint::faas::local

#endif
