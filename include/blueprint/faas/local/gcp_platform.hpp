#ifndef BLUEPRINT_FAAS_LOCAL_GCP_PLATFORM_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_PLATFORM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/local/gcp_gate.hpp"
#include "blueprint/faas/local/gcp_iam_credentials.hpp"
#include "blueprint/faas/local/gcp_metadata.hpp"
#include "blueprint/faas/local/gcp_oauth.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/gcp_sts.hpp"
#include "blueprint/faas/local/gcp_tokens.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// What of Google Cloud runs functions: its APIs, and the functions' own URLs. It is given every request that is not
/// for the token endpoints or the metadata server, and judges itself who may, by the platform's gate. On the host's
/// strand.
class GcpApis {
public:
    virtual ~GcpApis() = default;
    /// Judges the head of a request.
    virtual Admission admit(const ServerRequest& head) = 0;
    /// Answers a whole request.
    virtual asio::awaitable<ServerAnswer> answer(ServerRequest request) = 0;
    /// As `HttpService::broken_off`.
    virtual void broken_off(const ServerRequest& head, bool too_long) {
        static_cast<void>(head), static_cast<void>(too_long);
    }
    /// Where the platform is reached, "http://127.0.0.1:4711", and what keeps this alive while something runs that
    /// nobody waits for.
    virtual void serve_at(std::string url, std::weak_ptr<void> owner) = 0;
    virtual void end_processes() = 0;
    /// Takes no more invocations, gives those that run `grace`, then ends the instances.
    virtual asio::awaitable<void> stop(std::chrono::milliseconds grace) = 0;
};

/// Google Cloud on one address: who one is, and with `GcpApis` what one may run. On the host's strand only.
class GcpPlatform final : public HttpService {
public:
    /// `environment`, whose clock it goes by, must outlive it.
    explicit GcpPlatform(GcpOptions options, const Environment& environment = Environment::process());
    GcpPlatform(const GcpPlatform&) = delete;
    GcpPlatform& operator=(const GcpPlatform&) = delete;

    /// Gives it the APIs, before `serve_at`. They may refer to the three below.
    void add_apis(std::unique_ptr<GcpApis> apis) { apis_ = std::move(apis); }
    const GcpOptions& options() const noexcept { return options_; }
    const GcpGate& gate() const noexcept { return gate_; }
    const GcpClock& clock() const noexcept { return clock_; }

    Admission admit(const ServerRequest& head) override;
    bool anybody_may(const ServerRequest& head) const override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    void broken_off(const ServerRequest& head, bool too_long) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

    /// See `GcpApis`.
    void serve_at(std::string url, std::weak_ptr<void> owner);
    void end_processes();
    asio::awaitable<void> stop(std::chrono::milliseconds grace);

private:
    std::optional<ServerAnswer> answer_identity(const ServerRequest& request);
    ServerAnswer dated(ServerAnswer answer) const;

    GcpOptions options_;
    GcpClock clock_;
    GcpTokens tokens_;
    GcpGate gate_;
    GcpOauth oauth_;
    GcpSts sts_;
    GcpIamCredentials iam_credentials_;
    GcpMetadata metadata_;
    std::unique_ptr<GcpApis> apis_;  // null: nothing can be run
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_platform.ipp"
#endif

#endif
