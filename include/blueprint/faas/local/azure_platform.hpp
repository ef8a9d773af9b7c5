#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_PLATFORM_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_PLATFORM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/azure_gate.hpp"
#include "blueprint/faas/local/azure_login.hpp"
#include "blueprint/faas/local/azure_metadata.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/azure_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// What of Azure runs functions: the management API, blob storage, and the apps, which have addresses of their own. It
/// is given every request to the platform's address that is not for the token endpoint or managed identity, and judges
/// itself who may, by the platform's gate. On the host's strand.
class AzureApis {
public:
    virtual ~AzureApis() = default;
    /// Judges the head of a request.
    virtual Admission admit(const ServerRequest& head) = 0;
    /// Answers a whole request.
    virtual asio::awaitable<ServerAnswer> answer(ServerRequest request) = 0;
    /// As `HttpService::broken_off`.
    virtual void broken_off(const ServerRequest& head, bool too_long) {
        static_cast<void>(head), static_cast<void>(too_long);
    }
    /// Where the platform is reached, "https://127.0.0.1:4711", and what keeps this alive while something runs that
    /// nobody waits for.
    virtual void serve_at(std::string url, std::weak_ptr<void> owner) = 0;
    /// Closes the apps' addresses and kills what runs.
    virtual void end_processes() = 0;
    /// Takes no more calls, gives those that run `grace`, then ends the instances and closes the apps' addresses.
    virtual asio::awaitable<void> stop(std::chrono::milliseconds grace) = 0;
};

/// Azure on one address: who one is, and with `AzureApis` what one may run. On the host's strand only.
class AzurePlatform final : public HttpService {
public:
    /// `environment`, whose clock it goes by, must outlive it.
    explicit AzurePlatform(AzureOptions options, const Environment& environment = Environment::process());
    AzurePlatform(const AzurePlatform&) = delete;
    AzurePlatform& operator=(const AzurePlatform&) = delete;

    /// Gives it the APIs, before `serve_at`. They may refer to the three below.
    void add_apis(std::unique_ptr<AzureApis> apis) { apis_ = std::move(apis); }
    const AzureOptions& options() const noexcept { return options_; }
    const AzureGate& gate() const noexcept { return gate_; }
    const AzureClock& clock() const noexcept { return clock_; }

    Admission admit(const ServerRequest& head) override;
    bool anybody_may(const ServerRequest& head) const override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    void broken_off(const ServerRequest& head, bool too_long) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

    /// See `AzureApis`.
    void serve_at(std::string url, std::weak_ptr<void> owner);
    void end_processes();
    asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    std::optional<ServerAnswer> answer_identity(const ServerRequest& request);
    ServerAnswer stamped(ServerAnswer answer) const;

    AzureOptions options_;
    AzureClock clock_;
    AzureTokens tokens_;
    AzureGate gate_;
    AzureLogin login_;
    AzureMetadata metadata_;
    std::unique_ptr<AzureApis> apis_;  // null: nothing can be managed
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_platform.ipp"
#endif

#endif
