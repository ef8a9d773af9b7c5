#ifndef BLUEPRINT_FAAS_LOCAL_AZURE_SCM_HPP
#define BLUEPRINT_FAAS_LOCAL_AZURE_SCM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/azure_host.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// A deployment as `/api/deployments/{id}` tells of it.
struct AzureDeploymentRecord {
    enum class Status { pending = 0, building = 1, deploying = 2, failed = 3, success = 4, conflict = 5 };
    struct Line {
        std::string time{};
        std::string message{};
    };
    std::string id{};
    Status status = Status::pending;
    std::string status_text{};
    std::string deployer{};
    std::string author{};
    std::string received{};
    std::string started{};
    std::string ended{};  ///< empty: it is not over
    std::vector<Line> log{};
};

/// The deployment endpoints of one app, on an address of their own: `/api/publish` of Flex Consumption apps,
/// `/api/zipdeploy` of all others, and what became of it. On the strand of its `FunctionHost` only.
/// Source: Azure documentation, "Zip push deployment for Azure Functions"; Kudu's wiki, "Deploying from a zip file or
/// url".
class AzureScm final : public HttpService, public std::enable_shared_from_this<AzureScm> {
public:
    static constexpr std::uint64_t package_bytes = 512ULL << 20;

    /// Listens. `surroundings` and `host` outlive it and belong to `owner`.
    static result<std::shared_ptr<AzureScm>> open(FunctionHost& host, AzureSurroundings& surroundings,
                                                  std::shared_ptr<AzureHost> app, std::weak_ptr<void> owner);
    ~AzureScm() override = default;

    std::string url() const { return server_.url(); }
    void stop_accepting() { server_.stop_accepting(); }
    void close() { server_.close(); }
    /// The deployments, the newest last.
    const std::list<AzureDeploymentRecord>& deployments() const noexcept { return deployments_; }

    Admission admit(const ServerRequest& head) override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

private:
    AzureScm(FunctionHost& host, AzureSurroundings& surroundings, std::shared_ptr<AzureHost> app,
             std::weak_ptr<void> owner);
    std::optional<ServerAnswer> judge_package(const ServerRequest& head) const;
    ServerAnswer publish(ServerRequest request);
    asio::awaitable<ServerAnswer> zip_deploy(ServerRequest request);
    ServerAnswer show(const ServerRequest& request) const;
    boost::json::object show(const AzureDeploymentRecord& record, const ServerRequest& request) const;
    AzureDeploymentRecord& begin(const ServerRequest& request);
    void note(AzureDeploymentRecord& record, std::string message) const;
    /// The record stays where it is: one that is not over is never forgotten.
    static asio::awaitable<void> carry_out(std::shared_ptr<AzureScm> self, AzureDeploymentRecord& record, Bytes zip);
    std::optional<std::string> put_into_service(const Bytes& zip) const;
    const AzureDeploymentRecord* find(std::string_view id) const;
    bool busy() const noexcept;

    AzureSurroundings& surroundings_;
    std::shared_ptr<AzureHost> app_;
    std::weak_ptr<void> owner_;
    HttpServer server_;
    std::list<AzureDeploymentRecord> deployments_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/azure_scm.ipp"
#endif

#endif
