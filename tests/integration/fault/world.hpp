#ifndef BLUEPRINT_FAAS_TESTS_FAULT_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_WORLD_HPP

#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/custom.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "operations.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace tests {

using namespace std::chrono_literals;

/// Answers with what it was called with, and leaves a byte in a file for each run.
inline constexpr std::string_view counting_script = R"(#!/bin/sh
IFS= read -r line
args=${line#*\"args\":}
printf x >> "$COUNTER"
printf '{"result":%s]}\n' "${args%%]*}"
)";

/// A local cloud on a thread of its own, with job 0 deployed.
class World {
public:
    World() : cloud_{io_, options(data_)} {
        ok(cloud_.start());
        port = static_cast<std::uint16_t>(std::stoul(cloud_.url().substr(cloud_.url().rfind(':') + 1)));
        thread_ = std::thread{[this] { io_.run(); }};
        config.memory_mib = 128;
        config.timeout = 10s;
        config.env_vars["COUNTER"] = Secret{counter().string()};
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        asio::co_spawn(io_, cloud_.stop(), [this](std::exception_ptr) { guard_.reset(); });
        thread_.join();
    }
    /// Puts job 0 in place without any fault.
    void deploy() {
        asio::io_context io{1};
        FaasExecutor<LoopbackTransport, NoAuth, CustomCodec<>> executor{LoopbackTransport{io.get_executor()}, NoAuth{},
                                                                        CustomCodec<>{{.base_url = cloud_.url()}}};
        ok(run(io, executor.deploy_job(0, package, config)));
    }
    std::size_t runs() const {
        std::error_code none;
        const auto size = std::filesystem::file_size(counter(), none);
        return none ? 0 : static_cast<std::size_t>(size);
    }

    std::uint16_t port = 0;
    Package package =
        ok(Package::from_binary(blueprint::faas::detail::bytes_of(counting_script), {.allow_script = true}));
    FaasConfig config{};
    local::CertificateAuthority authority = ok(local::CertificateAuthority::create());
    local::CertificateAuthority stranger = ok(local::CertificateAuthority::create());

private:
    static local::CloudOptions options(const blueprint::faas::test::TemporaryDirectory& data) {
        local::CloudOptions options;
        options.host_names = {"slow.faas.test", "torture.faas.test"};
        options.data_directory = data.path() / "cloud";
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        return options;
    }
    std::filesystem::path counter() const { return data_.path() / "counter"; }

    blueprint::faas::test::TemporaryDirectory data_{};
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
    local::Cloud cloud_;
    std::thread thread_{};
};

/// Makes the transport of an executor that trusts the world's authority alone.
template <class TransportPolicy>
TransportPolicy make_transport(asio::io_context& io, const World& world) {
    if constexpr (TransportPolicy::confidential) {
        return TransportPolicy{io.get_executor(),
                               {.system_roots = false, .extra_roots = world.authority.certificate()}};
    } else {
        (void)world;
        return TransportPolicy{io.get_executor()};
    }
}

/// Whether executors of the custom contract have the operation.
inline bool exists(Operation operation) {
    return has<FaasExecutor<LoopbackTransport, NoAuth, CustomCodec<>>>(operation);
}

}  // namespace tests

#endif
