// Addresses, encodings and documents: what is read, written again and read again is the same.
#include "blueprint/faas/auth/aws/config_file.hpp"
#include "blueprint/faas/auth/aws/sts.hpp"
#include "blueprint/faas/auth/digitalocean/doctl_config.hpp"
#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/auth/gcp/impl/subject_executable.hpp"
#include "blueprint/faas/auth/openwhisk/wskprops.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/xml.hpp"
#include "support/plain_codecs.hpp"
#include "targets.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::fuzz {

namespace {

bool finite(const boost::json::value& value) {
    if (const auto* number = value.if_double()) return std::isfinite(*number);
    if (const auto* array = value.if_array()) return std::all_of(array->begin(), array->end(), finite);
    const auto* object = value.if_object();
    return object == nullptr ||
           std::all_of(object->begin(), object->end(), [](const auto& member) { return finite(member.value()); });
}

void write_values(std::string& out, const aws::ConfigValues& values, std::string_view indent) {
    for (const auto& [key, value] : values) {
        out.append(indent).append(key).append(" = ");
        for (const char c : value.reveal()) out.append(c == '\n' ? "\n  " : std::string(1, c));
        out += '\n';
    }
}

// Writes sections as `read_config` reads them, each name in quotes.
void write_sections(std::string& out, std::string_view kind, const aws::ConfigSections& sections) {
    for (const auto& [name, section] : sections) {
        out.append("[").append(kind).append(" \"");
        for (const char c : name) out.append(c == '"' || c == '\\' ? "\\" : "").append(1, c);
        out += "\"]\n";
        write_values(out, section.values, "");
        for (const auto& [key, values] : section.nested) {
            out.append(key).append(" =\n");
            write_values(out, values, " ");
        }
    }
}

bool same(const aws::ConfigSections& a, const aws::ConfigSections& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return x.first == y.first && x.second.values == y.second.values && x.second.nested == y.second.nested;
    });
}

// Writes text as YAML has it in quotes, on one line.
std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\n' || c == '\r')
            out += c == '\n' ? "\\n" : "\\r";
        else
            out.append(c == '"' || c == '\\' ? "\\" : "").append(1, c);
    }
    return out + '"';
}

// Counts the characters of an element and all below it.
std::size_t size_of(const detail::XmlElement& element, int levels) {
    FAAS_REQUIRE(levels <= 16);
    FAAS_REQUIRE(!element.name.empty());
    std::size_t size = element.name.size() + element.text.size();
    for (const auto& child : element.children) size += size_of(child, levels + 1);
    return size;
}

}  // namespace

void url(Input input) {
    const auto text = detail::text_of(input);
    const auto read = detail::parse_url(text);
    if (!read) {
        FAAS_REQUIRE(read.error().code == errc::invalid_configuration);
        // It may hold a password, so the message is made of fixed sentences.
        FAAS_REQUIRE(read.error().message.starts_with("bad URL: "));
        FAAS_REQUIRE(read.error().message.size() <= 160);
        return;
    }
    const auto& origin = read->origin;
    FAAS_REQUIRE(origin.port != 0);
    FAAS_REQUIRE(!origin.host.empty());
    FAAS_REQUIRE(std::none_of(origin.host.begin(), origin.host.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    FAAS_REQUIRE(origin.host.find_first_of(std::string_view{"/?#@[] \r\n\0", 10}) == std::string::npos);
    FAAS_REQUIRE(read->target.starts_with('/'));
    FAAS_REQUIRE(read->target.find_first_of(std::string_view{"# \t\r\n\0", 6}) == std::string::npos);
    const auto again = detail::parse_url(to_string(origin) + read->target);
    FAAS_REQUIRE(again.has_value());
    FAAS_REQUIRE(again->origin == origin);
    FAAS_REQUIRE(again->target == read->target);
}

void text(Input input) {
    const auto whole = detail::text_of(input);
    FAAS_REQUIRE(detail::base64_decode(whole) == test::read_plain_base64(whole));
    FAAS_REQUIRE(detail::base64_encode(input) == test::write_plain_base64(input));
    FAAS_REQUIRE(detail::base64_decode(detail::base64_encode(input)) == Bytes(input.begin(), input.end()));
    FAAS_REQUIRE(detail::hex_decode(detail::hex_encode(input)) == Bytes(input.begin(), input.end()));
    if (const auto bytes = detail::hex_decode(whole)) FAAS_REQUIRE(detail::hex_encode(*bytes).size() == whole.size());
    FAAS_REQUIRE(detail::percent_decode(detail::percent_encode(whole)) == std::string{whole});
    if (const auto plain = detail::percent_decode(whole)) FAAS_REQUIRE(plain->size() <= whole.size());
}

void json_bytes(Input input) {
    const auto whole = detail::text_of(input);
    std::string written;
    detail::append_json_bytes(written, input);
    Bytes back;
    const auto length = detail::read_json_bytes(written, back);
    FAAS_REQUIRE(length.has_value() && *length == written.size());
    FAAS_REQUIRE(std::equal(back.begin(), back.end(), input.begin(), input.end()));

    const auto plain = test::read_plain_array(whole);
    if (const auto used = detail::read_json_bytes(whole, back)) {
        FAAS_REQUIRE(plain.why.empty());
        FAAS_REQUIRE(*used == plain.at);
        FAAS_REQUIRE(back == plain.bytes);
    } else {
        FAAS_REQUIRE(!plain.why.empty());
        FAAS_REQUIRE(
            used.error().message.ends_with("offset " + std::to_string(plain.at) + ": " + std::string{plain.why}));
    }
    std::optional<Bytes> bytes;
    const auto object = detail::parse_object_with_bytes(whole, "result", bytes);
    if (!object) {
        FAAS_REQUIRE(object.error().code == errc::serialization);
        return;
    }
    if (bytes) FAAS_REQUIRE(!object->contains("result"));
    // The same object with the bytes written by us reads as the same. Of a number beyond all doubles Boost writes what
    // no JSON parser reads.
    for (const auto& member : *object)
        if (!finite(member.value())) return;
    std::string again = boost::json::serialize(*object);
    if (bytes) {
        std::string member = "\"result\":";
        detail::append_json_bytes(member, *bytes);
        if (!object->empty()) member += ',';
        again.insert(1, member);
    }
    std::optional<Bytes> second;
    const auto reread = detail::parse_object_with_bytes(again, "result", second);
    FAAS_REQUIRE(reread.has_value());
    FAAS_REQUIRE(second == bytes);
    FAAS_REQUIRE(reread->size() == object->size());
}

void aws_config(Input input) {
    const auto whole = detail::text_of(input);
    for (const auto kind : {aws::ConfigFileKind::config, aws::ConfigFileKind::credentials}) {
        const auto file = aws::read_config(whole, "/c", kind);
        if (!file) {
            // Any line may hold a key, so the message is made of fixed sentences.
            FAAS_REQUIRE(file.error().code == errc::invalid_configuration);
            FAAS_REQUIRE(file.error().message.starts_with("cannot read line "));
            FAAS_REQUIRE(file.error().message.size() <= 160);
            continue;
        }
        std::string again;
        write_sections(again, "profile", file->profiles);
        write_sections(again, "sso-session", file->sso_sessions);
        write_sections(again, "services", file->services);
        const auto reread = aws::read_config(again, "/c", aws::ConfigFileKind::config);
        FAAS_REQUIRE(reread.has_value());
        FAAS_REQUIRE(same(reread->profiles, file->profiles));
        FAAS_REQUIRE(same(reread->sso_sessions, file->sso_sessions));
        FAAS_REQUIRE(same(reread->services, file->services));
    }
}

void xml(Input input) {
    const auto whole = detail::text_of(input);
    const auto document = detail::read_xml(whole);
    if (document) {
        FAAS_REQUIRE(size_of(*document, 1) <= whole.size());
        FAAS_REQUIRE(document->find("") == nullptr);
    } else {
        FAAS_REQUIRE(document.error().code == errc::serialization);
        // It may hold credentials, so the message is made of fixed sentences.
        FAAS_REQUIRE(document.error().message.starts_with("an XML document cannot be read: "));
        FAAS_REQUIRE(document.error().message.size() <= 160);
    }
    HttpResponse answer;
    answer.body = whole;
    const std::chrono::sys_days now{std::chrono::year{2026} / 1 / 2};
    for (const unsigned status : {200U, 403U}) {
        answer.status = status;
        const auto given = detail::read_sts_credentials("AssumeRole", "it", answer, now);
        if (given) {
            FAAS_REQUIRE(status == 200 && document.has_value());
            FAAS_REQUIRE(given->expires > now);
            FAAS_REQUIRE(!given->credentials.secret_access_key.empty());
        } else {
            FAAS_REQUIRE(given.error().message.size() <= 1024);
            FAAS_REQUIRE(given.error().message.find('\n') == std::string::npos);
        }
    }
}

void doctl_config(Input input) {
    const Secret whole{detail::text_of(input)};
    const auto read = digitalocean::read_doctl_config(whole, "f");
    if (read) {
        std::string again = "context: " + in_quotes(read->context) +
                            "\naccess-token: " + in_quotes(read->access_token.reveal()) + "\nauth-contexts:\n";
        for (const auto& [name, token] : read->contexts) {
            FAAS_REQUIRE(!name.empty());
            again += "  " + in_quotes(name) + ": " + in_quotes(token.reveal()) + '\n';
        }
        const auto same = digitalocean::read_doctl_config(Secret{std::move(again)}, "f");
        FAAS_REQUIRE(same.has_value());
        FAAS_REQUIRE(same->context == read->context);
        FAAS_REQUIRE(same->access_token == read->access_token);
        FAAS_REQUIRE(same->contexts == read->contexts);
    } else {
        FAAS_REQUIRE(read.error().code == errc::invalid_configuration);
        // It may hold a token, so the message is made of fixed sentences.
        FAAS_REQUIRE(read.error().message.starts_with("the file 'f', line "));
        FAAS_REQUIRE(read.error().message.size() <= 160);
    }
    const auto properties = openwhisk::read_wskprops(whole);
    FAAS_REQUIRE(properties.api_host.find('\n') == std::string::npos);
    const auto same = openwhisk::read_wskprops(
        Secret{"AUTH=" + std::string{properties.auth.reveal()} + "\nAPIHOST=" + properties.api_host});
    FAAS_REQUIRE(same.api_host == properties.api_host);
    FAAS_REQUIRE(same.auth == properties.auth);
}

void google_file(Input input) {
    const Secret text{detail::text_of(input)};
    const auto shown = [](std::string_view message) {
        return !message.empty() && message.size() <= 1024 && message.find('\n') == std::string_view::npos;
    };
    const auto found = gcp::read_credential(text, "/cred.json", Environment::process());
    if (found) {
        FAAS_REQUIRE(found->fetch != nullptr);
        FAAS_REQUIRE(!found->universe_domain.empty());
        FAAS_REQUIRE(shown(found->what));
    } else {
        FAAS_REQUIRE(found.error().execution == Execution::not_started);
        FAAS_REQUIRE(shown(found.error().message));
    }
    const auto printed = detail::gcp_subject::read_printed(text, "the program");
    FAAS_REQUIRE(!printed || printed->token.empty() != printed->success);
    FAAS_REQUIRE(printed || shown(printed.error().message));
    const auto split = detail::gcp_subject::quoted_words(text.reveal());
    std::size_t size = 0;
    if (split)
        for (const auto& word : split->words) size += word.size();
    FAAS_REQUIRE(size <= text.size());
}

}  // namespace blueprint::faas::fuzz
