#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_REQUESTS_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_REQUESTS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_gate.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/request_target.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// Makes the `Error` of a request that Microsoft.Web refuses, which `azure_answer` words in that provider's way.
BLUEPRINT_FAAS_DECL Error azure_web_refusal(unsigned http_status, std::string_view code, std::string message);
/// Makes that of a resource that is not there: 404 ResourceNotFound. `type`: "Microsoft.Web/sites/app".
BLUEPRINT_FAAS_DECL Error azure_no_resource(std::string_view type, std::string_view group);
/// Makes that of a path or method that is not played here: 404 NotFound.
BLUEPRINT_FAAS_DECL Error azure_unknown_action(const ServerRequest& request);

/// Words a refusal as who makes it does: `{"error":{"code":...}}`, or, of Microsoft.Web,
/// `{"Code":"BadRequest","Message":"...","Target":null,"Details":[...],"Innererror":null}`. `tenant`: see
/// `azure_failure`.
BLUEPRINT_FAAS_DECL ServerAnswer azure_answer(const Error& error, std::string_view tenant);
/// An answer that is JSON.
BLUEPRINT_FAAS_DECL ServerAnswer azure_json(const boost::json::object& body, unsigned status = 200);
/// An answer without a body.
BLUEPRINT_FAAS_DECL ServerAnswer azure_empty(unsigned status);
/// Writes a time as "2026-11-26T05:50:00.1234560Z".
BLUEPRINT_FAAS_DECL std::string azure_time(std::chrono::system_clock::time_point time);
/// Returns `text` in lower case: Azure's names are the same in either.
BLUEPRINT_FAAS_DECL std::string azure_lower(std::string_view text);
/// Brings a region to the form of its name: "West Europe" to "westeurope".
BLUEPRINT_FAAS_DECL std::string azure_region(std::string_view location);
/// Tells whether that is one of the regions that the local cloud knows.
BLUEPRINT_FAAS_DECL bool is_azure_region(std::string_view name);

/// What a target of the management API names. "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Web/sites/APP".
struct AzureTarget {
    std::string subscription{};       ///< "S"; empty: the path names none
    std::string group{};              ///< "RG", as it was sent; empty: none
    std::string provider{};           ///< "Microsoft.Web", as it was sent; empty: none
    std::string scope{};              ///< what stands before "/providers/": of extensions, the resource's id
    std::vector<std::string> path{};  ///< what follows the provider, or else the subscription: "sites", "APP"
    std::map<std::string, std::string, std::less<>> query{};
    std::string version{};  ///< the api-version

    /// Tells whether the path's segment number `index` is that word, in whatever case.
    bool is(std::size_t index, std::string_view word) const noexcept;
    std::string_view get(std::string_view name) const;
    bool flag(std::string_view name) const { return faas::detail::iequals(get(name), "true"); }
    /// Returns the type that the path names: "sites/config".
    std::string type() const;
};

/// Takes a target apart.
BLUEPRINT_FAAS_DECL AzureTarget read_azure_target(std::string_view target);

/// Reads the body, which must be a JSON object: 415 for another Content-Type, 400 InvalidRequestContent else.
BLUEPRINT_FAAS_DECL result<boost::json::object> read_azure_body(const ServerRequest& request);
/// Refuses what a resource's body cannot have at its top: members that no resource has, a location or tags of another
/// shape. Providers are asked afterwards.
/// Source: Azure Resource Manager documentation, "Understand the structure and syntax of ARM templates", Resources.
BLUEPRINT_FAAS_DECL result<void> check_azure_resource(const boost::json::object& body, bool location_required);

/// Reads members of a body, and keeps what is wrong with the first that is. Members that nobody asks for are ignored,
/// as the providers do.
class AzureReading {
public:
    /// `refuse` words what is wrong.
    explicit AzureReading(Error (*refuse)(std::string message)) : refuse_{refuse} {}

    /// Each returns nothing (null) if the member is not there or is null, and if it has another type. `path`: where
    /// `from` stands, "properties."
    std::optional<std::string> text(const boost::json::object& from, std::string_view name, std::string_view path);
    std::optional<bool> flag(const boost::json::object& from, std::string_view name, std::string_view path);
    std::optional<std::int64_t> number(const boost::json::object& from, std::string_view name, std::string_view path);
    const boost::json::object* object(const boost::json::object& from, std::string_view name, std::string_view path);
    const boost::json::array* list(const boost::json::object& from, std::string_view name, std::string_view path);
    /// Keeps an error, if it is the first.
    void wrong(std::string message);
    const std::optional<Error>& failure() const noexcept { return failure_; }

private:
    void mistyped(std::string_view path, std::string_view name, std::string_view type);

    Error (*refuse_)(std::string message);
    std::optional<Error> failure_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_requests.ipp"
#endif

#endif
