#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_CLOUD_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_CLOUD_IPP

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
          server{host.strand, platform} {}

    FunctionHost host;
    CustomPlatform platform;
    HttpServer server;
};

BLUEPRINT_FAAS_DECL Cloud::Cloud(asio::any_io_executor executor, CloudOptions options)
    : state_{std::make_shared<State>(std::move(executor), std::move(options))} {}

BLUEPRINT_FAAS_DECL Cloud::~Cloud() {
    // Connections may outlive this for as long as the io_context exists; they find everything ended.
    state_->server.close();
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
    return {};
}

BLUEPRINT_FAAS_DECL std::string Cloud::url() const { return state_->server.url(); }

BLUEPRINT_FAAS_DECL std::filesystem::path Cloud::directory() const {
    return state_->host.store ? state_->host.store->root() : std::filesystem::path{};
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
    asio::awaitable<void> stopping = stop_cloud(state.host, state.platform, state.server, grace);
    co_await asio::co_spawn(state.host.strand, std::move(stopping), asio::use_awaitable);
}

BLUEPRINT_FAAS_DECL CloudStats Cloud::stats() const {
    const auto& server = state_->server;
    const auto& processes = state_->host.processes;
    return {.requests = server.requests(),
            .connections = server.connections(),
            .open_connections = server.open_connections(),
            .processes_started = processes.started(),
            .processes_alive = processes.alive()};
}

}  // namespace blueprint::faas::local

#endif
