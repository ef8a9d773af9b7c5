#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_CALL_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_CALL_IPP

// How the host of an Azure app hands a call to the custom handler, and what becomes of the answer.

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/local/azure_host.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"
#include "blueprint/faas/local/impl/azure_site.ipp"
#include "blueprint/faas/local/random.hpp"
#include "blueprint/faas/local/request_target.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

inline std::string_view path_without_query(const ServerRequest& request) {
    return std::string_view{request.target}.substr(0, request.target.find('?'));
}

inline ServerAnswer json_answer(const boost::json::value& body) {
    ServerAnswer answer{.content_type = "application/json; charset=utf-8"};
    answer.body = answer_json(body);
    return answer;
}

/// Reads bytes as the text that the host takes them for: what is not UTF-8 is lost (pitfall 10).
inline std::string as_text(std::span<const std::uint8_t> bytes) {
    std::string out;
    for (auto text = faas::detail::text_of(bytes); !text.empty();) {
        const auto length = faas::detail::utf8_length(text);
        out += length == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

/// Wraps a request as the host does that is not told to forward it.
/// Source: Azure documentation, "Azure Functions custom handlers", "Request payload".
inline ServerRequest azure_enveloped(const ServerRequest& request, const AzureFunction& function,
                                     boost::json::object params) {
    boost::json::object query, fields;
    for (const auto& [name, value] : read_request_target(request.target, "/").query) query[name] = value;
    for (const auto& [name, value] : request.fields) {
        auto& list = fields[name];
        if (!list.is_array()) list = boost::json::array{};
        list.get_array().emplace_back(value);
    }
    const std::string host{request.field("host").value_or("localhost")};
    boost::json::object inside{{"Url", (request.tls ? "https://" : "http://") + host + request.target},
                               {"Method", request.method},
                               {"Query", std::move(query)},
                               {"Headers", std::move(fields)},
                               {"Params", std::move(params)}};
    if (!request.body.empty()) {
        const auto type = lower_text(std::string{request.field("content-type").value_or("")});
        const bool bytes = type.starts_with("application/octet-stream") || type.starts_with("multipart/");
        inside["Body"] = bytes ? faas::detail::base64_encode(request.body) : as_text(request.body);
    }
    boost::json::object data;
    data[function.input] = std::move(inside);
    const boost::json::object sys{{"MethodName", function.name}, {"RandGuid", random_uuid()}};
    boost::json::object envelope;
    envelope["Data"] = std::move(data);
    envelope["Metadata"] = boost::json::object{{"sys", sys}};
    const auto text = boost::json::serialize(envelope);
    ServerRequest out{.method = "POST", .target = '/' + function.name};
    out.fields = {{"Host", "127.0.0.1"}, {"Content-Type", "application/json; charset=utf-8"}};
    out.body.assign(text.begin(), text.end());
    return out;
}

/// Takes the answer out of the envelope; nothing: it is none, and the call has failed.
inline std::optional<ServerAnswer> azure_unwrapped(const ServerAnswer& given, const AzureFunction& function) {
    if (given.status < 200 || given.status > 299) return std::nullopt;
    boost::system::error_code failed;
    const auto value = boost::json::parse(given.body, failed);
    if (failed || !value.is_object()) return std::nullopt;
    ServerAnswer answer{.content_type = ""};
    const auto* const outputs = site_object(value.get_object(), "Outputs");
    const auto* const response = outputs != nullptr ? site_object(*outputs, function.output) : nullptr;
    if (response == nullptr) return answer;
    if (const auto* const status = response->if_contains("statusCode")) {
        const auto text = status->is_string() ? std::string{status->get_string()} : boost::json::serialize(*status);
        const auto read = std::from_chars(text.data(), text.data() + text.size(), answer.status);
        if (read.ec != std::errc{} || answer.status < 200 || answer.status > 599) return std::nullopt;
    }
    if (const auto* const fields = site_object(*response, "headers")) {
        for (const auto& member : *fields) {
            const std::string name{member.key()};
            const auto text = member.value().is_string() ? std::string{member.value().get_string()}
                                                         : boost::json::serialize(member.value());
            if (faas::detail::iequals(name, "content-type"))
                answer.content_type = text;
            else if (!faas::detail::iequals(name, "content-length"))
                answer.headers.emplace_back(name, text);
        }
    }
    if (const auto* const body = response->if_contains("body"); body != nullptr && !body->is_null()) {
        answer.body = body->is_string() ? std::string{body->get_string()} : boost::json::serialize(*body);
        if (answer.content_type.empty())
            answer.content_type = body->is_string() ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
    }
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureHost::no_answer(const Error& error, const std::shared_ptr<HttpPool>& from) {
    const auto& why = error.platform_code;
    if (why == "BUSY") return azure_host_text(503, "The service is unavailable.");
    if (why == "UNAVAILABLE") return azure_host_text(503, "Function host is not running.");
    if (why != "TIMEOUT") return azure_host_text(500, "");
    const bool by_host = site_.timeout && *site_.timeout < surroundings_.options().answer_limit;
    if (by_host) {
        if (from == pool_) begin();  // a function that takes too long costs the host its process
        return azure_host_text(500, "");
    }
    ServerAnswer late{.status = 504, .content_type = "text/html"};
    late.body = "<html><head><title>504.0 GatewayTimeout</title></head><body>504.0 GatewayTimeout</body></html>";
    return late;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AzureHost::run(ServerRequest request, AzureFunction function,
                                                                 boost::json::object params) {
    const auto self = shared_from_this();
    const auto pool = pool_;
    if (!pool) co_return azure_host_text(503, "Function host is not running.");
    const bool forwards = site_.handler->forwards && function.simple;
    if (!forwards) request = azure_enveloped(request, function, std::move(params));
    const std::string own = "Azure-Functions-Host/" + std::string{version};
    std::erase_if(request.fields, [](const auto& field) {
        return faas::detail::iequals(field.first, "x-azure-functions-invocationid") ||
               faas::detail::iequals(field.first, "x-azure-functions-hostversion");
    });
    request.fields.emplace_back("X-Azure-Functions-HostVersion", version);
    request.fields.emplace_back("X-Azure-Functions-InvocationId", random_uuid());
    request.fields.emplace_back("User-Agent", own);
    auto answer = co_await pool->call(std::move(request));
    if (!answer) co_return no_answer(answer.error(), pool);
    if (forwards) co_return std::move(*answer);
    auto unwrapped = azure_unwrapped(*answer, function);
    co_return unwrapped ? std::move(*unwrapped) : azure_host_text(500, "");
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
