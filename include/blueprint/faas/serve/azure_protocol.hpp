#ifndef BLUEPRINT_FAAS_SERVE_AZURE_PROTOCOL_HPP
#define BLUEPRINT_FAAS_SERVE_AZURE_PROTOCOL_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/package/azure_manifest.hpp"
#include "blueprint/faas/serve/azure_programs.hpp"
#include "blueprint/faas/serve/http_protocol.hpp"
#include "blueprint/faas/serve/http_server.hpp"
#include "blueprint/faas/serve/protocol.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas {

namespace detail {

/// The site that a process of Azure's host belongs to.
struct AzureSiteHere {
    std::filesystem::path root{};
    AzureManifest manifest{};
    std::string digest{};  ///< empty: it is not told
};

/// Finds the site: FUNCTIONS_APP_ROOT_PATH names its root, else that is two levels above `working_directory`. Nothing:
/// there is no manifest, as in sites that others made.
BLUEPRINT_FAAS_DECL result<std::optional<AzureSiteHere>> find_azure_site(
    const Environment& world, const std::filesystem::path& working_directory);

/// Writes what the health tells of a site: `,"site":"...","jobs":[0,1]`.
BLUEPRINT_FAAS_DECL std::string azure_health(const AzureSiteHere& site);

/// A function's server as Azure's host wants it, which hands on the calls of jobs that other programs have.
class AzureFunctionServer {
public:
    BLUEPRINT_FAAS_DECL AzureFunctionServer(const Environment& world, const ServeOptions& options);
    AzureFunctionServer(const AzureFunctionServer&) = delete;
    AzureFunctionServer& operator=(const AzureFunctionServer&) = delete;
    BLUEPRINT_FAAS_DECL ~AzureFunctionServer();

    /// As `FunctionServer::run`. The port is open before anything else is done (pitfall 11).
    BLUEPRINT_FAAS_DECL int run(std::function<void()> work);
    /// Waits for the next call that a job of this program must run for.
    BLUEPRINT_FAAS_DECL std::optional<HttpCall> next();
    void reply(const HttpCall& call, result<Bytes> outcome, std::chrono::milliseconds took,
               std::optional<std::size_t> memory_mib) {
        server_.reply(call, std::move(outcome), took, memory_mib);
    }

private:
    BLUEPRINT_FAAS_DECL bool is_for_us(HttpCall& call);

    const Environment& world_;
    ServeOptions options_;
    FunctionServer server_;
    std::optional<AzureSiteHere> site_{};
    std::unique_ptr<AzurePrograms> programs_{};
};

}  // namespace detail

/// Calls as Azure's Functions host sends them to a custom handler: HTTP on FUNCTIONS_CUSTOMHANDLER_PORT (or
/// FUNCTIONS_HTTPWORKER_PORT, as older hosts say) of the loopback interface. The host asks GET / until it is answered,
/// which it is at once. Calls are as `HttpProtocol` tells, whatever their path; a host that is not told to forward
/// requests wraps them in JSON, which is understood too, but for bare bytes, which do not survive it (pitfall 10).
///
/// Where the site has the manifest of this library, `blueprint.json`, this program answers for all jobs of the app:
/// jobs of other programs are handed on to these, each job ends with its own timeout, jobs that are not in it are
/// unknown, and the health tells the site's digest and jobs.
/// Source: Azure documentation, "Azure Functions custom handlers".
struct AzureProtocol {
    static constexpr std::string_view name = "azure";

    static bool detect(const Surroundings& found) {
        const auto& world = found.world;
        return !world.variable("BLUEPRINT_HTTP_SOCKET") &&
               (world.variable("FUNCTIONS_CUSTOMHANDLER_PORT") || world.variable("FUNCTIONS_HTTPWORKER_PORT"));
    }

    template <LocalJobs Jobs>
    static int serve(Jobs& jobs, const Surroundings& found, const ServeOptions& options) {
        detail::AzureFunctionServer server{found.world, options};
        return server.run([&jobs, &server] { detail::answer_http_calls(jobs, server); });
    }
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/serve/impl/azure_protocol.ipp"
#endif

#endif
