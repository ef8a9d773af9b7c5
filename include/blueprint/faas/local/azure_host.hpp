#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_HOST_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_HOST_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_site.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_pool.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// What an app is at present, as the management API keeps it.
struct AzureAppConfig {
    std::string id{};    ///< "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Web/sites/APP"
    std::string name{};  ///< "APP"
    bool flex = true;    ///< its plan is Flex Consumption
    bool stopped = false;
    /// App settings, as its processes see them.
    std::map<std::string, Secret, std::less<>> settings{};
    std::uint32_t memory_mib = 2048;    ///< of an instance; 0: not limited
    std::uint32_t max_instances = 100;  ///< the cloud's own `AzureOptions::max_instances` bounds it too
    std::uint32_t always_ready = 0;
    std::uint32_t concurrency = 16;  ///< calls that one instance takes at a time
};

/// What an app's host and its deployment endpoints ask of the rest of the local Azure, which outlives them. On the
/// host's strand only.
class AzureSurroundings {
public:
    virtual ~AzureSurroundings() = default;
    virtual const AzureOptions& options() const = 0;
    /// Judges who deploys by the head of his request: a bearer token for the management API is expected. What he is
    /// answered instead; nothing: he may.
    virtual std::optional<ServerAnswer> judge_deployer(const ServerRequest& head) = 0;
    /// Puts a package into the container that the app's functionAppConfig names, as the blob `released-package.zip`.
    /// The error's `http_status` is the storage's: 404, no such container; 403, no access; `platform_code` its code.
    virtual result<void> keep_package(const AzureAppConfig& app, std::span<const std::uint8_t> zip) = 0;
    /// Runs `task`, and keeps the cloud alive for it.
    virtual void spawn(asio::awaitable<void> task) = 0;
    /// Waits; less long when the cloud is being stopped.
    virtual asio::awaitable<void> pause(std::chrono::milliseconds time) = 0;
    /// The time by the cloud's clock: "2026-01-31T12:00:00.0000000Z".
    virtual std::string now() const = 0;
};

/// The keys of one app. Which they are stays the same for as long as the app is there.
struct AzureKeys {
    using Named = std::map<std::string, Secret, std::less<>>;
    Secret master{};
    Named host{};    ///< open every function; "default" is there from the beginning
    Named system{};  ///< of extensions
    std::map<std::string, Named, std::less<>> functions{};  ///< open one function each; "default" likewise
};

/// Words the two answers that clients know an Azure function's host by.
BLUEPRINT_FAAS_DECL ServerAnswer azure_host_text(unsigned status, std::string_view text);

/// The host of one app's functions: its front, an address of its own, and the custom handler processes behind it. Reads
/// an unpacked site as Azure's host does, starts what its host.json names, lets in who has a key, and hands calls on.
/// On the strand of its `FunctionHost` only.
/// Source: Azure documentation, "Azure Functions custom handlers"; "Work with access keys in Azure Functions".
class AzureHost final : public HttpService, public std::enable_shared_from_this<AzureHost> {
public:
    static constexpr std::uint64_t body_bytes = 104'857'600;  ///< of a call; what the host takes unless told otherwise
    static constexpr std::string_view version = "4.1043.0.0";

    /// Listens; no site is there yet. `surroundings` and `host` outlive it and belong to `owner`.
    static result<std::shared_ptr<AzureHost>> open(FunctionHost& host, AzureSurroundings& surroundings,
                                                   AzureAppConfig app, std::weak_ptr<void> owner);
    ~AzureHost() override;

    /// Where the app is called: "https://127.0.0.1:4711".
    std::string url() const { return server_.url(); }
    const AzureAppConfig& app() const noexcept { return app_; }
    /// Takes new settings or a new plan, and restarts the host with the site that it has.
    void configure(AzureAppConfig app);
    /// Starts the host anew.
    void restart();
    /// Unpacks `zip` and puts it into service, in place of what was there; calls under way end with the old one. What
    /// is wrong with the archive is an error and changes nothing; what is wrong with the site in it shows in `status`.
    result<void> deploy(std::span<const std::uint8_t> zip);
    /// Returns when the host runs, or has come to a state that lasts.
    asio::awaitable<void> settled();

    /// The keys; null: the host has not started, and who asks for them is told to come again (pitfall 4).
    const AzureKeys* keys() const noexcept;
    /// The same, to be changed; null likewise.
    AzureKeys* keys() noexcept;
    /// The functions of the site; before the first deployment the placeholder `WarmUp`, which nobody can call.
    const std::vector<AzureFunction>& functions() const noexcept { return site_.functions; }
    /// "Running", "Starting", "Error", "Stopped", "Offline": as /admin/host/status tells.
    std::string_view state() const noexcept;
    /// Why the host is in state Error; empty: it is not.
    const std::vector<std::string>& errors() const noexcept { return errors_; }
    /// What the processes wrote: the last 64 KiB.
    std::string_view log() const noexcept;
    bool has_site() const noexcept { return code_ != nullptr; }

    void stop_accepting() { server_.stop_accepting(); }
    /// Ends the processes, whatever they do, and closes the address.
    void close();
    /// Counts the calls that are being answered, or wait, and the instances there are.
    std::size_t calls() const noexcept;
    std::size_t instances() const noexcept;

    Admission admit(const ServerRequest& head) override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

private:
    enum class Level { anonymous, function, admin };  // what a caller has shown

    AzureHost(FunctionHost& host, AzureSurroundings& surroundings, AzureAppConfig app, std::weak_ptr<void> owner);
    bool up() const noexcept;
    void begin();
    void retire();
    void fail(std::string message);
    static asio::awaitable<void> prove(std::shared_ptr<AzureHost> self, std::shared_ptr<HttpPool> pool);
    asio::awaitable<void> wait_until_up();
    result<HttpInstancePlan> plan() const;
    Level level_of(const ServerRequest& request, const AzureFunction* function) const;
    std::optional<ServerAnswer> judge(const ServerRequest& head) const;
    ServerAnswer manage(const ServerRequest& request) const;
    ServerAnswer show_status() const;
    boost::json::object show(const AzureFunction& function) const;
    asio::awaitable<ServerAnswer> run(ServerRequest request, AzureFunction function, boost::json::object params);
    ServerAnswer no_answer(const Error& error, const std::shared_ptr<HttpPool>& from);

    FunctionHost& host_;
    AzureSurroundings& surroundings_;
    AzureAppConfig app_;
    std::weak_ptr<void> owner_;
    HttpServer server_;
    AzureKeys keys_;
    AzureSite site_;
    std::shared_ptr<OwnedDirectory> code_;          // null: nothing was deployed
    std::shared_ptr<HttpPool> pool_;                // null: there is nothing to start
    std::vector<std::weak_ptr<HttpPool>> retired_;  // they end what they have
    std::vector<std::string> errors_;
    asio::steady_timer changed_;
    std::chrono::steady_clock::time_point opened_{};
    std::chrono::steady_clock::time_point started_{};
    std::chrono::steady_clock::time_point retry_at_{};  // of a host in state Error
    unsigned failures_ = 0;
    bool starting_ = false;
    bool closed_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_host.ipp"
#endif

#endif
