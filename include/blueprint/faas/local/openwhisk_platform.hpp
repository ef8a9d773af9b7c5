#ifndef BLUEPRINT_FAAS_LOCAL_OPENWHISK_PLATFORM_HPP
#define BLUEPRINT_FAAS_LOCAL_OPENWHISK_PLATFORM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/openwhisk_options.hpp"
#include "blueprint/faas/local/openwhisk_service.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// A self-hosted Apache OpenWhisk on one address: who one is by HTTP Basic authentication, and with `OpenWhiskService`
/// what one may run. On the host's strand only.
class OpenWhiskPlatform final : public HttpService {
public:
    explicit OpenWhiskPlatform(OpenWhiskOptions options) : options_{std::move(options)} {}
    OpenWhiskPlatform(const OpenWhiskPlatform&) = delete;
    OpenWhiskPlatform& operator=(const OpenWhiskPlatform&) = delete;

    /// Gives it what plays the functions, before `serve_at`. It may refer to `options()`.
    void add_functions(std::unique_ptr<OpenWhiskService> functions) { functions_ = std::move(functions); }
    const OpenWhiskOptions& options() const noexcept { return options_; }

    Admission admit(const ServerRequest& head) override;
    bool anybody_may(const ServerRequest&) const override { return options_.users.empty(); }
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

    /// See `OpenWhiskService`.
    void serve_at(std::string url, std::weak_ptr<void> owner);
    void end_processes();
    asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    std::optional<std::string> namespace_of(const ServerRequest& head) const;

    OpenWhiskOptions options_;
    std::unique_ptr<OpenWhiskService> functions_;  // null: nothing can be run
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/openwhisk_platform.ipp"
#endif

#endif
