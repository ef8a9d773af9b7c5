#ifndef BLUEPRINT_FAAS_SERVE_IMPL_AZURE_MESSAGES_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_AZURE_MESSAGES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/serve/azure_messages.hpp"
#include "blueprint/faas/serve/impl/http_messages.ipp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace blueprint::faas::detail {

inline std::string_view azure_text(const boost::json::object& object, std::string_view name) {
    const auto* const found = object.if_contains(name);
    if (found == nullptr || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

/// The request in an envelope: the one input that has a method.
inline const boost::json::object* azure_request(const boost::json::object& data) {
    for (const auto& member : data)
        if (member.value().is_object() && member.value().get_object().contains("Method"))
            return &member.value().get_object();
    return nullptr;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<result<AzureEnvelope>> read_azure_envelope(
    std::string_view text) {
    // A call of the exec model, which comes far more often, is not parsed for nothing.
    if (text.find("\"Data\"") == text.npos || text.find("\"Metadata\"") == text.npos) return std::nullopt;
    boost::system::error_code failed;
    const auto parsed = boost::json::parse(boost::json::string_view{text.data(), text.size()}, failed);
    if (failed || !parsed.is_object()) return std::nullopt;
    const auto& object = parsed.get_object();
    const auto* const data = object.if_contains("Data");
    const auto* const metadata = object.if_contains("Metadata");
    if (data == nullptr || !data->is_object() || metadata == nullptr || !metadata->is_object() ||
        object.contains("job_id"))
        return std::nullopt;
    const auto* const request = azure_request(data->get_object());
    if (request == nullptr) return bad_http_call("the envelope of the host has no HTTP request in its Data");
    AzureEnvelope out;
    out.method = azure_text(*request, "Method");
    if (out.method.empty()) return bad_http_call("the envelope of the host has no Method in its HTTP request");
    const auto* const fields = request->if_contains("Headers");
    if (fields != nullptr && fields->is_object()) {
        for (const auto& member : fields->get_object()) {
            const std::string_view name{member.key().data(), member.key().size()};
            // Its Content-Type may have been told apart from the rest; hop-by-hop fields were of the host's connection.
            if (!is_http_call_field(name) || iequals(name, "transfer-encoding") || iequals(name, "expect")) continue;
            const auto* value = &member.value();
            if (value->is_array() && !value->get_array().empty()) value = &value->get_array().front();
            if (value->is_string()) out.fields.add(name, {value->get_string().data(), value->get_string().size()});
        }
    }
    if (const auto* const body = request->if_contains("Body"); body != nullptr && !body->is_null()) {
        const auto taken = body->is_string() ? std::string{body->get_string()} : boost::json::serialize(*body);
        out.body.assign(taken.begin(), taken.end());
    }
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpReply write_azure_envelope(const HttpReply& reply) {
    boost::json::object fields;
    std::string_view lines = reply.fields;
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find("\r\n"));
        lines.remove_prefix(std::min(line.size() + 2, lines.size()));
        const auto colon = std::min(line.find(": "), line.size());
        fields[line.substr(0, colon)] = line.substr(std::min(colon + 2, line.size()));
    }
    const auto body = reply.body();
    boost::json::object response{{"statusCode", reply.status}, {"headers", std::move(fields)}};
    response["body"] = is_utf8(body) ? std::string{body} : base64_encode(bytes_of(body));
    boost::json::object outputs;
    outputs["res"] = std::move(response);
    boost::json::object out;
    out["Outputs"] = std::move(outputs);
    out["Logs"] = boost::json::array{};
    out["ReturnValue"] = nullptr;
    HttpReply enveloped{.fields = http_json_type()};
    enveloped.text = boost::json::serialize(out);
    return enveloped;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error azure_binary_refusal() {
    return http_refusal(415, "UNSUPPORTED_MEDIA",
                        "bare bytes do not come through the JSON in which Azure's host hands this request over: set "
                        "enableForwardingHttpRequest to true under customHandler in host.json, or call with one of the "
                        "JSON payload formats");
}

}  // namespace blueprint::faas::detail

#endif
