#ifndef BLUEPRINT_FAAS_LOCAL_GCP_SERVICES_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_SERVICES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/gcp_functions.hpp"
#include "blueprint/faas/local/gcp_platform.hpp"
#include "blueprint/faas/local/gcp_run.hpp"
#include "blueprint/faas/local/gcp_shared.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// Cloud Storage, Cloud Run and Cloud Functions, which there have host names of their own and here one address: they
/// are told apart by their paths. What an instance wrote is at "/local/logs/" and its revision's name, where the
/// revision's `logUri` points.
class GcpServices final : public GcpApis {
public:
    /// Both must outlive it.
    GcpServices(FunctionHost& host, const GcpPlatform& platform)
        : shared_{host, platform.options(), platform.gate(), platform.clock()},
          run_{shared_},
          functions_{shared_, run_} {}

    Admission admit(const ServerRequest& head) override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    void serve_at(std::string url, std::weak_ptr<void> owner) override;
    void end_processes() override;
    asio::awaitable<void> stop(std::chrono::milliseconds grace) override;

private:
    result<GcpCaller> judge(const ServerRequest& head) const;
    result<ServerAnswer> handle(GcpTarget target, const ServerRequest& request, const GcpCaller& caller);
    result<ServerAnswer> operations(const GcpTarget& target, const ServerRequest& request);
    result<ServerAnswer> list_locations(const GcpTarget& target) const;
    asio::awaitable<ServerAnswer> wait(GcpTarget target, ServerRequest request);

    GcpShared shared_;
    GcpRun run_;
    GcpFunctions functions_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_services.ipp"
#endif

#endif
