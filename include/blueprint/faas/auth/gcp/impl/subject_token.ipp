#ifndef BLUEPRINT_FAAS_AUTH_GCP_IMPL_SUBJECT_TOKEN_IPP
#define BLUEPRINT_FAAS_AUTH_GCP_IMPL_SUBJECT_TOKEN_IPP

#include "blueprint/faas/auth/gcp/impl/subject_aws.hpp"
#include "blueprint/faas/auth/gcp/impl/subject_executable.hpp"
#include "blueprint/faas/auth/gcp/impl/token_endpoint.hpp"
#include "blueprint/faas/auth/gcp/subject_token.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/detail/wiped_json.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::gcp_subject {

/// The member credential_source, and how errors about it begin.
struct Reading {
    const boost::json::object& object;
    std::string where{};  ///< "credential_source of '/credentials.json'"

    BLUEPRINT_FAAS_COLD Error wrong(std::string_view why) const {
        return failure(errc::invalid_configuration, where + ' ' + std::string{why});
    }
    /// Looks for a member; one that is null counts as not there.
    BLUEPRINT_FAAS_COLD const boost::json::value* find(std::string_view member) const {
        const auto* value = object.if_contains(member);
        return value == nullptr || value->is_null() ? nullptr : value;
    }
    /// Reads a text that may be absent, and is empty then.
    BLUEPRINT_FAAS_COLD result<std::string> text(std::string_view member) const {
        const auto* value = find(member);
        if (value != nullptr && !value->is_string()) return wrong("has a " + std::string{member} + " that is no text");
        return std::string{text_in(object, member)};
    }
};

BLUEPRINT_FAAS_COLD inline result<gcp::SubjectForm> read_form(const Reading& reading) {
    gcp::SubjectForm form;
    const auto* value = reading.find("format");
    if (value == nullptr) return form;
    const auto* format = value->if_object();
    const auto type = format == nullptr ? std::string_view{} : text_in(*format, "type");
    if (type == "text") return form;
    if (type != "json") return reading.wrong("has a format whose type is neither text nor json");
    form.json_member = text_in(*format, "subject_token_field_name");
    if (form.json_member.empty())
        return reading.wrong("has the format json: add subject_token_field_name, the member that has the token");
    return form;
}

BLUEPRINT_FAAS_COLD inline result<gcp::SubjectSource> read_file(const Reading& reading) {
    auto path = reading.text("file");
    auto form = read_form(reading);
    if (!path) return std::move(path).error();
    if (!form) return std::move(form).error();
    if (path->empty()) return reading.wrong("has an empty file");
    return gcp::FileSubject{.path = std::move(*path), .form = std::move(*form)};
}

BLUEPRINT_FAAS_COLD inline result<gcp::SubjectSource> read_url(const Reading& reading) {
    auto url = reading.text("url");
    auto form = read_form(reading);
    if (!url) return std::move(url).error();
    if (!form) return std::move(form).error();
    if (auto parsed = parse_url(*url); !parsed)
        return reading.wrong("has a url that is none: " + parsed.error().message);
    gcp::UrlSubject source{.url = std::move(*url), .form = std::move(*form)};
    const auto* value = reading.find("headers");
    if (value == nullptr) return source;
    const auto* headers = value->if_object();
    if (headers == nullptr) return reading.wrong("has headers that are no JSON object");
    for (const auto& [name, text] : *headers) {
        const auto* content = text.if_string();
        Headers one;
        if (content != nullptr) one.set(name, *content);
        if (content == nullptr || !one.refused().empty())
            return reading.wrong("has headers that cannot be sent: names and texts of one line are wanted");
        source.headers.emplace_back(std::string{name}, Secret{std::string_view{*content}});
    }
    return source;
}

BLUEPRINT_FAAS_COLD inline result<gcp::SubjectSource> read_executable(const Reading& reading) {
    const auto* given = reading.object.at("executable").if_object();
    if (given == nullptr) return reading.wrong("has an executable that is no JSON object");
    gcp::ExecutableSubject source{.command = text_in(*given, "command"),
                                  .output_file = std::string{text_in(*given, "output_file")}};
    if (trimmed(source.command.reveal()).empty()) return reading.wrong("has an executable without a command");
    if (const auto* limit = given->if_contains("timeout_millis"); limit != nullptr && !limit->is_null()) {
        if (!limit->is_int64() || limit->get_int64() < 5'000 || limit->get_int64() > 120'000)
            return reading.wrong("has a timeout_millis that is no number from 5000 to 120000");
        source.timeout = std::chrono::milliseconds{limit->get_int64()};
    }
    return source;
}

BLUEPRINT_FAAS_COLD inline result<gcp::SubjectSource> read_aws(const Reading& reading, std::string_view environment) {
    if (environment != "aws1")
        return reading.wrong("has an environment_id that is not aws1: this library knows no other");
    gcp::AwsSubject source;
    for (const auto& [member, to] : {std::pair{"region_url", &source.region_url},
                                     {"url", &source.credentials_url},
                                     {"regional_cred_verification_url", &source.verification_url},
                                     {"imdsv2_session_token_url", &source.session_token_url}}) {
        auto text = reading.text(member);
        if (!text) return std::move(text).error();
        *to = std::move(*text);
    }
    const auto url = parse_url(verification_url(source, "us-east-1"));
    if (!url || !url->origin.tls)
        return reading.wrong(
            "has no regional_cred_verification_url such as "
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    return source;
}

/// Takes the proof out of a text.
BLUEPRINT_FAAS_COLD inline result<Secret> proof_in(const Secret& text, const gcp::SubjectForm& form,
                                                   const std::string& what) {
    if (form.json_member.empty()) {
        Secret proof = trimmed(text.reveal());
        if (proof.empty())
            return failure(errc::authentication, what + " is empty; look why what should write the token does not");
        return proof;
    }
    WipedMemory memory{text.size()};
    boost::system::error_code failed;
    const boost::json::value document =
        boost::json::parse({text.reveal().data(), text.size()}, failed, memory.storage());
    const auto* object = failed ? nullptr : document.if_object();
    if (object == nullptr)
        return failure(errc::serialization, what + " is no JSON object; check the format of credential_source");
    Secret proof = text_in(*object, form.json_member);
    if (proof.empty())
        return failure(errc::serialization, what + " has no text in its member '" + one_line(form.json_member) +
                                                "'; check subject_token_field_name of credential_source");
    return proof;
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> token_of(Reach reach, gcp::FileSubject source,
                                                                    gcp::SubjectUse /*use*/, Deadline /*deadline*/) {
    const std::string what = "the token file '" + source.path + "' of credential_source";
    const auto file = reach.environment->read_file(source.path);
    if (!file) co_return file.error();
    if (!*file)
        co_return failure(errc::invalid_configuration,
                          what + " does not exist; check the path, and look why what should write it does not");
    co_return proof_in(**file, source.form, what);
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<Secret>> token_of(Reach reach, gcp::UrlSubject source,
                                                                    gcp::SubjectUse /*use*/, Deadline deadline) {
    auto url = parse_url(source.url);
    if (!url) co_return std::move(url).error();
    const std::string what = "what " + gcp_auth::name_of(*url) + " answered";
    gcp_auth::Question question{.url = std::move(*url), .what = "token for credential_source"};
    for (const auto& [name, value] : source.headers) {
        question.headers.emplace_back(name, value);
        question.hidden.push_back(value);
    }
    auto asking = gcp_auth::ask(std::move(reach), std::move(question), deadline);
    const auto text = co_await std::move(asking);
    if (!text) co_return text.error();
    co_return proof_in(*text, source.form, what);
}

}  // namespace blueprint::faas::detail::gcp_subject

namespace blueprint::faas::gcp {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<SubjectSource> read_subject_source(
    const boost::json::object& credential_source, std::string_view where) {
    namespace subject = faas::detail::gcp_subject;
    const subject::Reading reading{.object = credential_source,
                                   .where = "credential_source of '" + std::string{where} + "'"};
    const auto has = [&](const char* member) { return reading.find(member) != nullptr; };
    if (has("certificate"))
        return subject::failure(errc::unsupported,
                                reading.where +
                                    " proves who you are by a client certificate, which this library "
                                    "cannot; configure the provider for a file, a url, an executable or "
                                    "AWS instead");
    if (has("environment_id"))
        return subject::read_aws(reading, faas::detail::text_in(credential_source, "environment_id"));
    if (has("executable")) return subject::read_executable(reading);
    if (has("file") && has("url")) return reading.wrong("has a file and a url: leave one of them");
    if (has("file")) return subject::read_file(reading);
    if (has("url")) return subject::read_url(reading);
    return reading.wrong("names no source of the token: a file, a url, an executable or AWS (environment_id)");
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<Secret>> subject_token(Reach reach, SubjectSource source,
                                                                                      SubjectUse use,
                                                                                      Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto getting = std::visit(
        [&](auto& one) {
            return faas::detail::gcp_subject::token_of(std::move(reach), std::move(one), std::move(use), deadline);
        },
        source);
    co_return co_await std::move(getting);
}

}  // namespace blueprint::faas::gcp
BLUEPRINT_FAAS_COROUTINES_END

#endif
