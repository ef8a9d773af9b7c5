#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CLOUD_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CLOUD_IPP

#include "blueprint/faas/local/aws_platform.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/local/custom_platform.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

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
        if (!host.options.aws) return;
        aws = std::make_unique<AwsPlatform>(host, *host.options.aws);
        aws_server = std::make_unique<HttpServer>(host.strand, *aws);
    }

    FunctionHost host;
    CustomPlatform platform;
    HttpServer server;
    std::unique_ptr<AwsPlatform> aws;  // null: it is not played
    std::unique_ptr<HttpServer> aws_server;
};

BLUEPRINT_FAAS_DECL Cloud::Cloud(asio::any_io_executor executor, CloudOptions options)
    : state_{std::make_shared<State>(std::move(executor), std::move(options))} {}

BLUEPRINT_FAAS_DECL Cloud::~Cloud() {
    // Connections may outlive this for as long as the io_context exists; they find everything ended.
    state_->server.close();
    if (state_->aws_server) state_->aws_server->close();
    if (state_->aws) state_->aws->end_processes();
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
    if (!state_->aws) return {};
    CloudOptions options = state_->host.options;
    options.port = options.aws->port;
    options.client_ca.clear();  // who asks AWS signs
    if (auto started = state_->aws_server->start(options, state_); !started) {
        state_->server.close();
        state_->host.store.reset();
        return started.error();
    }
    state_->aws->serve_at(state_->aws_server->url(), state_);
    return {};
}

BLUEPRINT_FAAS_DECL std::string Cloud::url() const { return state_->server.url(); }

BLUEPRINT_FAAS_DECL std::string Cloud::aws_url() const {
    return state_->aws_server ? state_->aws_server->url() : std::string{};
}

BLUEPRINT_FAAS_DECL std::filesystem::path Cloud::directory() const {
    return state_->host.store ? state_->host.store->root() : std::filesystem::path{};
}

/// Runs on the strand. Before the other platform's end, which kills all processes.
inline asio::awaitable<void> stop_aws(AwsPlatform& platform, HttpServer& other, HttpServer& server,
                                      std::chrono::milliseconds grace) {
    co_await asio::this_coro::throw_if_cancelled(false);
    other.stop_accepting();
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
        asio::awaitable<void> ending = stop_aws(*state.aws, state.server, *state.aws_server, grace);
        co_await asio::co_spawn(state.host.strand, std::move(ending), asio::use_awaitable);
    }
    asio::awaitable<void> stopping = stop_cloud(state.host, state.platform, state.server, time_left(deadline));
    co_await asio::co_spawn(state.host.strand, std::move(stopping), asio::use_awaitable);
}

BLUEPRINT_FAAS_DECL CloudStats Cloud::stats() const {
    const auto& processes = state_->host.processes;
    CloudStats stats{.processes_started = processes.started(), .processes_alive = processes.alive()};
    for (const auto* const server :
         {static_cast<const HttpServer*>(&state_->server), static_cast<const HttpServer*>(state_->aws_server.get())}) {
        if (server == nullptr) continue;
        stats.requests += server->requests();
        stats.connections += server->connections();
        stats.open_connections += server->open_connections();
    }
    return stats;
}

}  // namespace blueprint::faas::local

#endif
