#ifndef BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_PLATFORM_HPP
#define BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_PLATFORM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/digitalocean_api.hpp"
#include "blueprint/faas/local/digitalocean_namespaces.hpp"
#include "blueprint/faas/local/digitalocean_options.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/openwhisk_service.hpp"
#include "blueprint/faas/local/platform_clock.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// DigitalOcean Functions on one address: below `/v2/` the API of namespaces and access keys, for who shows an API
/// token; everything else is OpenWhisk's API, for who shows an access key, in the namespace of that key. On the host's
/// strand only.
class DigitalOceanPlatform final : public HttpService {
public:
    /// `environment`, whose clock it goes by, must outlive it.
    explicit DigitalOceanPlatform(DigitalOceanOptions options, const Environment& environment = Environment::process());
    DigitalOceanPlatform(const DigitalOceanPlatform&) = delete;
    DigitalOceanPlatform& operator=(const DigitalOceanPlatform&) = delete;

    /// Gives it what plays the functions, before `serve_at`. It may refer to `options()`.
    void add_functions(std::unique_ptr<OpenWhiskService> functions) { functions_ = std::move(functions); }
    const DigitalOceanOptions& options() const noexcept { return options_; }

    Admission admit(const ServerRequest& head) override;
    bool anybody_may(const ServerRequest& head) const override {
        return options_.tokens.empty() && DigitalOceanApi::takes(head);
    }
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

    /// See `OpenWhiskService`. `url` is what namespaces tell as their `api_host`.
    void serve_at(std::string url, std::weak_ptr<void> owner);
    void end_processes();
    asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    std::optional<std::string> namespace_of(const ServerRequest& head) const;
    std::optional<ServerAnswer> refuse(const ServerRequest& head) const;
    ServerAnswer answer_api(const ServerRequest& request);
    ServerAnswer dated(ServerAnswer answer) const;

    DigitalOceanOptions options_;
    PlatformClock clock_;
    DigitalOceanNamespaces namespaces_;
    DigitalOceanApi api_;
    std::unique_ptr<OpenWhiskService> functions_;  // null: nothing can be run
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/digitalocean_platform.ipp"
#endif

#endif
