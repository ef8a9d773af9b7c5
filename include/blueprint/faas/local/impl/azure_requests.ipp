#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_REQUESTS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_REQUESTS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/azure_requests.hpp"
#include "blueprint/faas/local/gcp_requests.hpp"
#include "blueprint/faas/local/impl/answer_json.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace blueprint::faas::local {

/// Begins `Error::platform_code` of what Microsoft.Web refuses.
inline constexpr std::string_view azure_web_mark = "Microsoft.Web ";

BLUEPRINT_FAAS_DECL Error azure_web_refusal(unsigned http_status, std::string_view code, std::string message) {
    return azure_refusal(http_status, std::string{azure_web_mark}.append(code), std::move(message));
}

BLUEPRINT_FAAS_DECL Error azure_no_resource(std::string_view type, std::string_view group) {
    return azure_refusal(404, "ResourceNotFound",
                         "The Resource '" + std::string{type} + "' under resource group '" + std::string{group} +
                             "' was not found. For more details please go to "
                             "https://aka.ms/ARMResourceNotFoundFix");
}

BLUEPRINT_FAAS_DECL Error azure_unknown_action(const ServerRequest& request) {
    return azure_refusal(404, "NotFound",
                         "There is nothing that answers " + request.method + " at " +
                             request.target.substr(0, request.target.find('?')) + '.');
}

BLUEPRINT_FAAS_DECL ServerAnswer azure_answer(const Error& error, std::string_view tenant) {
    const std::string_view marked = error.platform_code;
    if (!marked.starts_with(azure_web_mark)) {
        auto answer = azure_failure(error, tenant);
        answer.headers.emplace_back("x-ms-failure-cause", "gateway");
        return answer;
    }
    const auto code = marked.substr(azure_web_mark.size());
    const boost::json::object entity{{"ExtendedCode", "51021"},
                                     {"MessageTemplate", error.message},
                                     {"Parameters", boost::json::array{}},
                                     {"Code", code},
                                     {"Message", error.message}};
    boost::json::array details;
    details.push_back(boost::json::object{{"Message", error.message}});
    details.push_back(boost::json::object{{"Code", code}});
    details.push_back(boost::json::object{{"ErrorEntity", entity}});
    boost::json::object body{{"Code", code}, {"Message", error.message}, {"Target", nullptr}};
    body["Details"] = std::move(details);
    body["Innererror"] = nullptr;
    return azure_json(body, error.http_status);
}

BLUEPRINT_FAAS_DECL ServerAnswer azure_json(const boost::json::object& body, unsigned status) {
    ServerAnswer answer{.status = status, .content_type = "application/json; charset=utf-8"};
    answer.body = answer_json(body);
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer azure_empty(unsigned status) {
    return ServerAnswer{.status = status, .content_type = ""};
}

BLUEPRINT_FAAS_DECL std::string azure_time(std::chrono::system_clock::time_point time) {
    auto text = gcp_time(time);
    text.insert(text.size() - 1, 1, '0');
    return text;
}

BLUEPRINT_FAAS_DECL std::string azure_lower(std::string_view text) {
    std::string lower;
    for (const char c : text) lower += faas::detail::ascii_lower(c);
    return lower;
}

BLUEPRINT_FAAS_DECL std::string azure_region(std::string_view location) {
    auto name = azure_lower(location);
    std::erase(name, ' ');
    return name;
}

BLUEPRINT_FAAS_DECL bool is_azure_region(std::string_view name) {
    static constexpr std::array<std::string_view, 22> regions{"westeurope",      "northeurope",    "germanywestcentral",
                                                              "francecentral",   "swedencentral",  "switzerlandnorth",
                                                              "uksouth",         "eastus",         "eastus2",
                                                              "centralus",       "northcentralus", "southcentralus",
                                                              "westus",          "westus2",        "westus3",
                                                              "canadacentral",   "brazilsouth",    "japaneast",
                                                              "southeastasia",   "australiaeast",  "centralindia",
                                                              "southafricanorth"};
    return std::find(regions.begin(), regions.end(), name) != regions.end();
}

BLUEPRINT_FAAS_DECL bool AzureTarget::is(std::size_t index, std::string_view word) const noexcept {
    return index < path.size() && faas::detail::iequals(path[index], word);
}

BLUEPRINT_FAAS_DECL std::string_view AzureTarget::get(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (faas::detail::iequals(key, name)) return value;
    return {};
}

BLUEPRINT_FAAS_DECL std::string AzureTarget::type() const {
    std::string type;
    for (std::size_t i = 0; i < path.size(); i += 2) type += (i == 0 ? "" : "/") + path[i];
    return type;
}

BLUEPRINT_FAAS_DECL AzureTarget read_azure_target(std::string_view target) {
    auto taken = read_request_target(target, "/");
    AzureTarget out;
    out.query = std::move(taken.query);
    out.version = out.get("api-version");
    auto& segments = taken.segments;
    std::erase(segments, std::string{});
    const auto is = [&](std::size_t index, std::string_view word) {
        return index < segments.size() && faas::detail::iequals(segments[index], word);
    };
    std::size_t at = 0;
    if (is(0, "subscriptions") && segments.size() > 1) {
        out.subscription = segments[1];
        at = 2;
        if (is(2, "resourceGroups") && segments.size() > 3) {
            out.group = segments[3];
            at = 4;
        }
    }
    // Resources that belong to another one stand behind a second "/providers/".
    for (std::size_t i = segments.size(); i > at; --i)
        if (is(i - 1, "providers") && i < segments.size()) {
            out.provider = segments[i];
            for (std::size_t k = 0; k + 1 < i; ++k) out.scope += '/' + segments[k];
            at = i + 1;
            break;
        }
    out.path.assign(segments.begin() + static_cast<std::ptrdiff_t>(std::min(at, segments.size())), segments.end());
    return out;
}

inline Error azure_invalid_content(const std::string& message) {
    return azure_refusal(400, "InvalidRequestContent",
                         "The request content was invalid and could not be deserialized: '" + message + "'.");
}

BLUEPRINT_FAAS_DECL result<boost::json::object> read_azure_body(const ServerRequest& request) {
    const auto type = request.field("content-type").value_or("");
    if (!request.body.empty() && !azure_lower(type).starts_with("application/json"))
        return azure_refusal(415, "UnsupportedMediaType",
                             "The content media type '" + std::string{type} +
                                 "' is not supported. Only 'application/json' is supported.");
    boost::system::error_code failed;
    auto json = boost::json::parse(faas::detail::text_of(request.body), failed);
    if (failed) return azure_invalid_content(failed.message());
    if (!json.is_object()) return azure_invalid_content("the content is no JSON object");
    return std::move(json.get_object());
}

BLUEPRINT_FAAS_DECL result<void> check_azure_resource(const boost::json::object& body, bool location_required) {
    static constexpr std::array<std::string_view, 16> members{
        "id",   "name",  "type",  "location",         "tags",      "kind",      "sku", "identity", "plan", "properties",
        "etag", "zones", "scale", "extendedLocation", "managedBy", "systemData"};
    for (const auto& [key, value] : body) {
        const bool known = std::any_of(members.begin(), members.end(),
                                       [&](std::string_view member) { return faas::detail::iequals(member, key); });
        if (!known)
            return azure_invalid_content("Could not find member '" + std::string{key} +
                                         "' on object of type 'ResourceDefinition'. Path '" + std::string{key} + '\'');
    }
    AzureReading reading{[](std::string message) { return azure_invalid_content(message); }};
    const auto location = reading.text(body, "location", "");
    static_cast<void>(reading.text(body, "kind", ""));
    if (const auto* const tags = reading.object(body, "tags", "")) {
        if (tags->size() > 50)
            return azure_refusal(400, "InvalidTagCount", "The maximum number of tags of a resource is 50.");
        for (const auto& [key, value] : *tags)
            if (!value.is_string() || value.get_string().size() > 256 || key.size() > 512)
                return azure_refusal(400, "InvalidTagValue",
                                     "The tag '" + std::string{key.substr(0, 64)} +
                                         "' is invalid: a name has 512 characters and a text as its value 256.");
    }
    if (reading.failure()) return *reading.failure();
    if (!location || location->empty()) {
        if (!location_required) return {};
        return azure_refusal(400, "LocationRequired", "The location property is required for this definition.");
    }
    return {};
}

BLUEPRINT_FAAS_DECL void AzureReading::wrong(std::string message) {
    if (!failure_) failure_ = refuse_(std::move(message));
}

BLUEPRINT_FAAS_DECL void AzureReading::mistyped(std::string_view path, std::string_view name, std::string_view type) {
    wrong("The value at '" + std::string{path} + std::string{name} + "' is no " + std::string{type});
}

/// Finds a member, in whatever case; null if it is not there or has no value.
inline const boost::json::value* azure_member(const boost::json::object& from, std::string_view name) {
    const auto* found = from.if_contains(name);
    if (found == nullptr)
        for (const auto& entry : from)
            if (faas::detail::iequals(entry.key(), name)) found = &entry.value();
    return found == nullptr || found->is_null() ? nullptr : found;
}

BLUEPRINT_FAAS_DECL std::optional<std::string> AzureReading::text(const boost::json::object& from,
                                                                  std::string_view name, std::string_view path) {
    const auto* const found = azure_member(from, name);
    if (found == nullptr) return std::nullopt;
    if (found->is_string()) return std::string{found->get_string()};
    mistyped(path, name, "text");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::optional<bool> AzureReading::flag(const boost::json::object& from, std::string_view name,
                                                           std::string_view path) {
    const auto* const found = azure_member(from, name);
    if (found == nullptr) return std::nullopt;
    if (found->is_bool()) return found->get_bool();
    mistyped(path, name, "boolean");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::optional<std::int64_t> AzureReading::number(const boost::json::object& from,
                                                                     std::string_view name, std::string_view path) {
    const auto* const found = azure_member(from, name);
    if (found == nullptr) return std::nullopt;
    if (found->is_int64()) return found->get_int64();
    mistyped(path, name, "whole number");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL const boost::json::object* AzureReading::object(const boost::json::object& from,
                                                                    std::string_view name, std::string_view path) {
    const auto* const found = azure_member(from, name);
    if (found == nullptr) return nullptr;
    if (!found->is_object()) mistyped(path, name, "object");
    return found->if_object();
}

BLUEPRINT_FAAS_DECL const boost::json::array* AzureReading::list(const boost::json::object& from, std::string_view name,
                                                                 std::string_view path) {
    const auto* const found = azure_member(from, name);
    if (found == nullptr) return nullptr;
    if (!found->is_array()) mistyped(path, name, "list");
    return found->if_array();
}

}  // namespace blueprint::faas::local

#endif
