#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CLOUD_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CLOUD_IPP

#include "blueprint/faas/local/aws_platform.hpp"
#include "blueprint/faas/local/azure_arm.hpp"
#include "blueprint/faas/local/azure_platform.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/local/custom_platform.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/digitalocean_platform.hpp"
#include "blueprint/faas/local/gcp_platform.hpp"
#include "blueprint/faas/local/gcp_services.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/openwhisk_platform.hpp"
#include "blueprint/faas/local/openwhisk_system.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstdint>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

inline asio::any_io_executor one_at_a_time(asio::any_io_executor executor, bool single_thread) {
    if (single_thread) return executor;
    return asio::make_strand(std::move(executor));
}

struct Cloud::State {
    State(asio::any_io_executor executor, CloudOptions options)
        : host{.strand = one_at_a_time(std::move(executor), options.single_thread), .options = std::move(options)},
          platform{host},
          server{host.strand, platform} {
        if (host.options.aws) {
            aws = std::make_unique<AwsPlatform>(host, *host.options.aws);
            aws_server = std::make_unique<HttpServer>(host.strand, *aws);
        }
        if (host.options.gcp) {
            gcp = std::make_unique<GcpPlatform>(*host.options.gcp);
            gcp->add_apis(std::make_unique<GcpServices>(host, *gcp));
            gcp_server = std::make_unique<HttpServer>(host.strand, *gcp);
        }
        if (host.options.azure) {
            azure = std::make_unique<AzurePlatform>(*host.options.azure);
            azure->add_apis(std::make_unique<AzureArm>(host, *azure));
            azure_server = std::make_unique<HttpServer>(host.strand, *azure);
        }
        if (host.options.digitalocean) {
            digitalocean = std::make_unique<DigitalOceanPlatform>(*host.options.digitalocean);
            digitalocean->add_functions(std::make_unique<OpenWhiskSystem>(host, digitalocean->options().functions));
            digitalocean_server = std::make_unique<HttpServer>(host.strand, *digitalocean);
        }
        if (host.options.openwhisk) {
            openwhisk = std::make_unique<OpenWhiskPlatform>(*host.options.openwhisk);
            openwhisk->add_functions(std::make_unique<OpenWhiskSystem>(host, openwhisk->options().settings));
            openwhisk_server = std::make_unique<HttpServer>(host.strand, *openwhisk);
        }
    }

    FunctionHost host;
    CustomPlatform platform;
    HttpServer server;
    std::unique_ptr<AwsPlatform> aws;  // null: it is not played
    std::unique_ptr<HttpServer> aws_server;
    std::unique_ptr<GcpPlatform> gcp;  // null: likewise
    std::unique_ptr<HttpServer> gcp_server;
    std::unique_ptr<AzurePlatform> azure;  // null: likewise
    std::unique_ptr<HttpServer> azure_server;
    std::unique_ptr<DigitalOceanPlatform> digitalocean;  // null: likewise
    std::unique_ptr<HttpServer> digitalocean_server;
    std::unique_ptr<OpenWhiskPlatform> openwhisk;  // null: likewise
    std::unique_ptr<HttpServer> openwhisk_server;
};

/// Opens another platform's address. Who asks there proves who it is in that platform's way.
template <class Platform>
result<void> start_platform(CloudOptions options, std::uint16_t port, Platform& platform, HttpServer& server,
                            std::weak_ptr<void> owner) {
    options.port = port;
    options.client_ca.clear();
    if (auto started = server.start(options, owner); !started) return started.error();
    platform.serve_at(server.url(), std::move(owner));
    return {};
}

BLUEPRINT_FAAS_DECL Cloud::Cloud(asio::any_io_executor executor, CloudOptions options)
    : state_{std::make_shared<State>(std::move(executor), std::move(options))} {}

BLUEPRINT_FAAS_DECL Cloud::~Cloud() {
    // Connections may outlive this for as long as the io_context exists; they find everything ended.
    state_->server.close();
    if (state_->aws_server) state_->aws_server->close();
    if (state_->aws) state_->aws->end_processes();
    if (state_->gcp_server) state_->gcp_server->close();
    if (state_->gcp) state_->gcp->end_processes();
    if (state_->azure_server) state_->azure_server->close();
    if (state_->azure) state_->azure->end_processes();
    if (state_->digitalocean_server) state_->digitalocean_server->close();
    if (state_->digitalocean) state_->digitalocean->end_processes();
    if (state_->openwhisk_server) state_->openwhisk_server->close();
    if (state_->openwhisk) state_->openwhisk->end_processes();
    state_->platform.end_processes();
    state_->host.processes.kill_and_reap_all();
    state_->host.store.reset();
}

BLUEPRINT_FAAS_DECL result<void> Cloud::start() {
    auto store = PackageStore::open(state_->host.options);
    if (!store) return store.error();
    state_->host.store = std::move(*store);
    state_->platform.owned_by(state_);
    if (auto started = state_->server.start(state_->host.options, state_); !started) {
        state_->host.store.reset();
        return started.error();
    }
    const auto& options = state_->host.options;
    result<void> started;
    if (state_->aws) started = start_platform(options, options.aws->port, *state_->aws, *state_->aws_server, state_);
    if (started && state_->gcp)
        started = start_platform(options, options.gcp->port, *state_->gcp, *state_->gcp_server, state_);
    if (started && state_->azure)
        started = start_platform(options, options.azure->port, *state_->azure, *state_->azure_server, state_);
    if (started && state_->digitalocean)
        started = start_platform(options, options.digitalocean->port, *state_->digitalocean,
                                 *state_->digitalocean_server, state_);
    if (started && state_->openwhisk)
        started =
            start_platform(options, options.openwhisk->port, *state_->openwhisk, *state_->openwhisk_server, state_);
    if (started) return {};
    state_->server.close();
    if (state_->aws_server) state_->aws_server->close();
    if (state_->gcp_server) state_->gcp_server->close();
    if (state_->azure_server) state_->azure_server->close();
    if (state_->digitalocean_server) state_->digitalocean_server->close();
    state_->host.store.reset();
    return started.error();
}

BLUEPRINT_FAAS_DECL std::string Cloud::url() const { return state_->server.url(); }

BLUEPRINT_FAAS_DECL std::string Cloud::aws_url() const {
    return state_->aws_server ? state_->aws_server->url() : std::string{};
}

BLUEPRINT_FAAS_DECL std::string Cloud::gcp_url() const {
    return state_->gcp_server ? state_->gcp_server->url() : std::string{};
}

BLUEPRINT_FAAS_DECL std::string Cloud::azure_url() const {
    return state_->azure_server ? state_->azure_server->url() : std::string{};
}

BLUEPRINT_FAAS_DECL std::string Cloud::digitalocean_url() const {
    return state_->digitalocean_server ? state_->digitalocean_server->url() : std::string{};
}

BLUEPRINT_FAAS_DECL std::string Cloud::openwhisk_url() const {
    return state_->openwhisk_server ? state_->openwhisk_server->url() : std::string{};
}

BLUEPRINT_FAAS_DECL std::filesystem::path Cloud::directory() const {
    return state_->host.store ? state_->host.store->root() : std::filesystem::path{};
}

/// Runs on the strand. Before the first platform's end, which kills all processes.
template <class Platform>
asio::awaitable<void> stop_platform(Platform& platform, HttpServer& first, HttpServer& server,
                                    std::chrono::milliseconds grace) {
    co_await asio::this_coro::throw_if_cancelled(false);
    first.stop_accepting();
    server.stop_accepting();
    co_await platform.stop(grace);
    co_await server.stop(std::chrono::seconds{2});
}

/// Runs on the strand.
inline asio::awaitable<void> stop_cloud(FunctionHost& host, CustomPlatform& platform, HttpServer& server,
                                        std::chrono::milliseconds grace) {
    co_await asio::this_coro::throw_if_cancelled(false);
    server.stop_accepting();
    co_await platform.stop(grace);
    co_await server.stop(std::chrono::seconds{2});
    host.processes.kill_and_reap_all();  // instances that waited; they are dead already
    host.store.reset();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> Cloud::stop(std::chrono::milliseconds grace) {
    State& state = *state_;
    const auto deadline = deadline_after(grace);
    if (state.aws) {
        asio::awaitable<void> ending = stop_platform(*state.aws, state.server, *state.aws_server, grace);
        co_await asio::co_spawn(state.host.strand, std::move(ending), asio::use_awaitable);
    }
    if (state.gcp) {
        asio::awaitable<void> ending = stop_platform(*state.gcp, state.server, *state.gcp_server, time_left(deadline));
        co_await asio::co_spawn(state.host.strand, std::move(ending), asio::use_awaitable);
    }
    if (state.azure) {
        asio::awaitable<void> ending =
            stop_platform(*state.azure, state.server, *state.azure_server, time_left(deadline));
        co_await asio::co_spawn(state.host.strand, std::move(ending), asio::use_awaitable);
    }
    if (state.digitalocean) {
        asio::awaitable<void> ending =
            stop_platform(*state.digitalocean, state.server, *state.digitalocean_server, time_left(deadline));
        co_await asio::co_spawn(state.host.strand, std::move(ending), asio::use_awaitable);
    }
    if (state.openwhisk) {
        asio::awaitable<void> ending =
            stop_platform(*state.openwhisk, state.server, *state.openwhisk_server, time_left(deadline));
        co_await asio::co_spawn(state.host.strand, std::move(ending), asio::use_awaitable);
    }
    asio::awaitable<void> stopping = stop_cloud(state.host, state.platform, state.server, time_left(deadline));
    co_await asio::co_spawn(state.host.strand, std::move(stopping), asio::use_awaitable);
}

BLUEPRINT_FAAS_DECL CloudStats Cloud::stats() const {
    const auto& processes = state_->host.processes;
    CloudStats stats{.processes_started = processes.started(), .processes_alive = processes.alive()};
    const std::array<const HttpServer*, 6> servers{
        &state_->server,
        state_->aws_server.get(),
        state_->gcp_server.get(),
        state_->azure_server.get(),
        state_->digitalocean_server.get(),
        state_->openwhisk_server.get(),
    };
    for (const auto* const server : servers) {
        if (server == nullptr) continue;
        stats.requests += server->requests();
        stats.connections += server->connections();
        stats.open_connections += server->open_connections();
    }
    return stats;
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
