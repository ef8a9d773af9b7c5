// Signs the requests that are described on standard input, one JSON object a line, and answers each with a line: what
// was signed and the signature. against_botocore.py compares them with another signer's.
//   {"way": "stages" | "header" | "query", ...}
// "stages" calls the pure functions on a raw description; the others sign an HttpRequest with one Signer for all of
// them, and take apart what it would send, as a server does.
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace faas = blueprint::faas;
namespace aws = blueprint::faas::aws;
namespace json = boost::json;

namespace {

std::string text(const json::object& from, std::string_view name) { return json::value_to<std::string>(from.at(name)); }

struct Description {
    explicit Description(const json::object& from)
        : method{text(from, "method")},
          date{text(from, "date")},
          scope{.region = text(from, "region"), .service = text(from, "service")},
          credentials{.access_key_id = text(from, "access_key_id"),
                      .secret_access_key = text(from, "secret"),
                      .session_token = text(from, "token")} {
        for (const auto& pair : from.at("fields").as_array())
            fields.emplace_back(json::value_to<std::string>(pair.at(0)), json::value_to<std::string>(pair.at(1)));
        const auto bytes = faas::detail::hex_decode(text(from, "body_hex"));
        if (!bytes) throw std::runtime_error{"body_hex is no hexadecimal text"};
        body = faas::detail::text_of(*bytes);
    }
    std::string method;
    std::string date;
    aws::SigningScope scope;
    aws::Credentials credentials;
    std::vector<std::pair<std::string, std::string>> fields{};
    std::string body{};
};

json::object outcome_of(const Description& what, const aws::SignedParts& parts) {
    const auto canonical = aws::canonical_request(parts, aws::path_rules(what.scope.service));
    const auto to_sign = aws::string_to_sign(what.date, aws::credential_scope(what.date, what.scope), canonical);
    const auto key = aws::signing_key(what.credentials.secret_access_key, what.date, what.scope);
    return {{"canonical", canonical}, {"signature", aws::signature(key, to_sign)}};
}

json::object by_stages(const json::object& from) {
    const Description what{from};
    std::vector<aws::SignedField> fields;
    for (const auto& [name, value] : what.fields) fields.push_back({name, value});
    const auto hash = from.contains("payload_hash") ? text(from, "payload_hash")
                                                    : faas::detail::sha256_hex(faas::detail::bytes_of(what.body));
    const auto path = text(from, "path"), query = text(from, "query");
    return outcome_of(what,
                      {.method = what.method, .path = path, .query = query, .fields = fields, .payload_hash = hash});
}

std::string host_as_sent(const faas::Origin& origin) {
    const auto url = to_string(origin);
    return url.substr(url.find("//") + 2);
}

// Checks a request like a server: the named fields as they came, the hash as it was announced or of the body.
json::object as_a_server(const Description& what, const faas::HttpRequest& request, std::string_view names,
                         std::string_view query, std::string_view hash) {
    std::vector<std::pair<std::string, std::string>> kept;
    for (auto rest = std::string{names}; !rest.empty();) {
        const auto name = rest.substr(0, rest.find(';'));
        rest.erase(0, std::min(name.size() + 1, rest.size()));
        if (name == "host") kept.emplace_back(name, host_as_sent(request.origin));
        for (auto lines = request.headers.text(); !lines.empty();) {
            const auto line = lines.substr(0, lines.find("\r\n"));
            lines.remove_prefix(line.size() + 2);
            const auto colon = line.find(':');
            if (faas::detail::iequals(line.substr(0, colon), name)) kept.emplace_back(name, line.substr(colon + 1));
        }
    }
    std::vector<aws::SignedField> fields;
    for (const auto& [name, value] : kept) fields.push_back({name, value});
    const auto path = std::string_view{request.target}.substr(0, request.target.find('?'));
    auto outcome = outcome_of(
        what,
        {.method = to_string(request.verb), .path = path, .query = query, .fields = fields, .payload_hash = hash});
    outcome["target"] = request.target;
    return outcome;
}

std::string between(std::string_view all, std::string_view begin, std::string_view end) {
    const auto at = all.find(begin);
    if (at == std::string_view::npos) throw std::runtime_error{"there is no " + std::string{begin}};
    all.remove_prefix(at + begin.size());
    return std::string{all.substr(0, all.find(end))};
}

json::object by_signer(aws::Signer& signer, const json::object& from, bool query_way) {
    const Description what{from};
    faas::HttpRequest request;
    request.origin = {.tls = from.at("tls").as_bool(),
                      .host = text(from, "host"),
                      .port = json::value_to<std::uint16_t>(from.at("port"))};
    for (const auto verb :
         {faas::Verb::get, faas::Verb::head, faas::Verb::post, faas::Verb::put, faas::Verb::patch, faas::Verb::del})
        if (to_string(verb) == what.method) request.verb = verb;
    request.target = text(from, "target");
    for (const auto& [name, value] : what.fields) request.headers.add(name, value);
    request.body = faas::Body{what.body};
    const auto now = aws::read_amz_date(what.date);
    if (!now) throw std::runtime_error{"no date"};
    const auto body_hash = faas::detail::sha256_hex(faas::detail::bytes_of(what.body));
    if (query_way) {
        const std::chrono::seconds lifetime{json::value_to<std::int64_t>(from.at("lifetime"))};
        if (auto done = signer.presign(request, what.credentials, what.scope, *now, lifetime); !done)
            return {{"error", done.error().message}};
        const auto query = request.target.substr(request.target.find('?') + 1);
        const auto names = faas::detail::percent_decode(between(query, "X-Amz-SignedHeaders=", "&")).value();
        const bool s3 = !aws::path_rules(what.scope.service).encode;
        auto outcome = as_a_server(what, request, names, aws::without_parameter(query, "X-Amz-Signature"),
                                   s3 ? aws::unsigned_payload : std::string_view{body_hash});
        outcome["sent_signature"] = between(query, "X-Amz-Signature=", "&");
        return outcome;
    }
    const aws::SigningOptions options{.unsigned_payload = from.at("unsigned").as_bool()};
    if (auto done = signer.sign(request, what.credentials, what.scope, *now, options); !done)
        return {{"error", done.error().message}};
    const std::string authorization{request.headers.get("Authorization").value_or("")};
    const auto mark = request.target.find('?');
    const auto query = mark == std::string::npos ? std::string{} : request.target.substr(mark + 1);
    auto outcome = as_a_server(what, request, between(authorization, "SignedHeaders=", ","), query,
                               request.headers.get("X-Amz-Content-Sha256").value_or(body_hash));
    outcome["sent_signature"] = between(authorization, "Signature=", ",");
    outcome["authorization"] = authorization;
    return outcome;
}

}  // namespace

int main() {
    aws::Signer signer;
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto parsed = json::parse(line);
        const auto& request = parsed.as_object();
        const auto way = text(request, "way");
        std::cout << json::serialize(way == "stages" ? by_stages(request) : by_signer(signer, request, way == "query"))
                  << '\n';
    }
}
