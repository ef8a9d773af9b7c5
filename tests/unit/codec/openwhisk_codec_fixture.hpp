#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_OPENWHISK_CODEC_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_OPENWHISK_CODEC_FIXTURE_HPP

#include "blueprint/faas/codec/digitalocean.hpp"
#include "blueprint/faas/executor.hpp"
#include "support/elf_image.hpp"
#include "support/fake_openwhisk.hpp"
#include "support/fake_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

namespace faas = blueprint::faas;

/// Nothing is waited for longer than it has to be.
inline faas::OpenWhiskActionOptions hasty(faas::OpenWhiskActionOptions actions = {}) {
    actions.first_poll = std::chrono::milliseconds{1};
    actions.max_poll = std::chrono::milliseconds{1};
    return actions;
}
inline faas::OpenWhiskOptions openwhisk_options(faas::OpenWhiskActionOptions actions = {}) {
    faas::OpenWhiskOptions options;
    options.api_host = "https://" + std::string{FakeOpenWhisk::own_host};
    options.auth = "guest-user:guest-password";
    options.actions = hasty(std::move(actions));
    return options;
}
inline faas::DigitalOceanOptions digitalocean_options(faas::OpenWhiskActionOptions actions = {}) {
    faas::DigitalOceanOptions options;
    options.region = "nyc1";
    options.actions = hasty(std::move(actions));
    return options;
}
inline faas::FaasConfig short_config(std::uint32_t memory_mib = 256) {
    faas::FaasConfig config;
    config.memory_mib = memory_mib;
    config.timeout = std::chrono::seconds{60};
    config.env_vars = {{"MODE", "fast \"and\" small"}};
    return config;
}

template <class Options>
Options usual_options() {
    if constexpr (std::same_as<Options, faas::OpenWhiskOptions>)
        return openwhisk_options();
    else
        return digitalocean_options();
}

/// An executor before an OpenWhisk in memory, which it may share with others.
template <class Codec>
struct WhiskOf {
    using executor_type = faas::FaasExecutor<FakeTransport<FakeOpenWhisk>, ManagementToken, Codec>;

    explicit WhiskOf(typename Codec::Options options = usual_options<typename Codec::Options>(),
                     std::shared_ptr<FakeOpenWhisk> shared = std::make_shared<FakeOpenWhisk>(),
                     std::function<int()> stops = {}, faas::ExecutorOptions timeouts = {})
        : fake{std::move(shared)},
          executor{FakeTransport<FakeOpenWhisk>{io.get_executor(), fake, std::move(stops)}, ManagementToken{},
                   Codec{std::move(options)},
                   faas::StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}},
                   timeouts} {}

    faas::result<faas::FaasDeployment> deploy(faas::JobId id, faas::Package package,
                                              faas::FaasConfig config = short_config(),
                                              faas::DeployObserver observer = {}) {
        return run(io, executor.deploy_job(id, std::move(package), std::move(config), std::move(observer)));
    }
    faas::result<faas::DeployPlan> plan(faas::JobId id, faas::Package package,
                                        faas::FaasConfig config = short_config()) {
        return run(io, executor.plan_deploy(id, std::move(package), std::move(config)));
    }
    faas::result<void> undeploy(faas::JobId id) { return run(io, executor.undeploy_job(id)); }
    faas::result<faas::Invocation> invoke(faas::JobCall call) {
        return run(io, executor.invoke_with_metrics(std::move(call)));
    }
    /// What was asked since the last time.
    std::vector<std::string> asked() { return std::exchange(fake->lines, {}); }

    boost::asio::io_context io{};
    std::shared_ptr<FakeOpenWhisk> fake;
    executor_type executor;
};

using OpenWhisk = WhiskOf<faas::OpenWhiskCodec<>>;
using DigitalOcean = WhiskOf<faas::DigitalOceanCodec<>>;

/// A small package for x86_64; two with different `code` differ.
inline faas::Package whisk_program(std::string code = "0") {
    faas::test::ElfImage image;
    image.code = "program " + std::move(code);
    faas::PackageOptions options;
    options.architecture = faas::Architecture::x86_64;
    return ok(faas::Package::from_binary(faas::test::build(image), options));
}
inline bool says(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
inline bool says(const faas::Error& error, std::string_view part) { return says(error.message, part); }
inline std::size_t lines_with(const std::vector<std::string>& lines, std::string_view part) {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return says(line, part); }));
}

}  // namespace tests

#endif
