#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_SITE_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_SITE_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// One function of a site: a directory with a function.json.
struct AzureFunction {
    std::string name{};
    boost::json::object config{};  ///< function.json as it is
    std::string trigger{};         ///< type of its trigger: "httpTrigger"
    // Of functions with an HTTP trigger.
    std::string input{};                 ///< the binding's name: "req"
    std::string output{};                ///< the name of its http output, "res" or "$return"; empty: it has none
    std::string level{};                 ///< "anonymous", "function", "admin"
    std::string route{};                 ///< "run", "items/{id}"
    std::vector<std::string> methods{};  ///< in lower case; none: all
    bool simple = false;    ///< it has one HTTP input, one HTTP output and nothing else: requests may be forwarded
    std::string problem{};  ///< why it cannot be called; empty: it can
};

/// The part of a site's host.json that says how its custom handler is started, with the paths made absolute.
struct AzureCustomHandler {
    std::filesystem::path executable{};  ///< a name without a slash is looked for on PATH
    std::filesystem::path directory{};
    std::vector<std::string> arguments{};
    bool forwards = false;  ///< enableForwardingHttpRequest or enableProxyingHttpRequest
};

/// A site as Azure's host understands it.
struct AzureSite {
    std::string route_prefix = "api";
    std::optional<std::chrono::milliseconds> timeout{};  ///< functionTimeout
    std::optional<AzureCustomHandler> handler{};
    std::vector<AzureFunction> functions{};
};

/// Reads the site in the directory `root`. `variable` gives what stands between percent signs in paths and arguments:
/// the app's settings; nothing: no such one. The error is what the host is in state Error with.
///
/// A relative `defaultExecutablePath` is looked for below the site's root, or below `workerDirectory` if the
/// description names one. `workingDirectory`, where the process starts, has no part in it, whatever the documentation
/// says. Files that not everybody may read are as good as not there, since the host is not their owner (pitfall 3).
/// Source: azure-functions-host on GitHub, HttpWorkerDescription and HostJsonFileConfigurationSource.
BLUEPRINT_FAAS_DECL result<AzureSite> read_azure_site(
    const std::filesystem::path& root,
    const std::function<std::optional<std::string>(std::string_view name)>& variable);

/// Finds the function that a request is for; null: none. `path`: without query, "/api/run". `params` is given what
/// stands in the route's places.
BLUEPRINT_FAAS_DECL const AzureFunction* route_to_azure_function(const AzureSite& site, std::string_view method,
                                                                 std::string_view path, boost::json::object& params);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_site.ipp"
#endif

#endif
