#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AZURE_DEPLOY_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AZURE_DEPLOY_FIXTURE_HPP

#include "blueprint/faas/codec/azure_functions.hpp"
#include "blueprint/faas/executor.hpp"
#include "blueprint/faas/package/package.hpp"
#include "support/elf_image.hpp"
#include "support/fake_azure_app.hpp"
#include "support/fake_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

namespace faas = blueprint::faas;

/// It is always the same second.
class AzureSecond : public faas::Environment {
public:
    std::chrono::system_clock::time_point now() const override {
        return std::chrono::sys_days{std::chrono::year{2026} / 1 / 2} + std::chrono::seconds{11'045};
    }
    double jitter() const noexcept override { return 0.5; }
};

inline faas::AzureFunctionsOptions deploy_options() {
    faas::AzureFunctionsOptions options;
    options.subscription = std::string{azure::subscription};
    options.resource_group = std::string{azure::group};
    options.location = "westeurope";
    options.first_poll = {};
    options.max_poll = {};
    return options;
}

/// An executor before an Azure in memory, which it may share with others. Nothing is waited for.
struct AzureCloud {
    using executor_type = faas::FaasExecutor<FakeTransport<FakeAzureApps>, AzureTokens, faas::AzureFunctionsCodec<>>;

    explicit AzureCloud(faas::AzureFunctionsOptions options = deploy_options(),
                        std::shared_ptr<FakeAzureApps> shared = std::make_shared<FakeAzureApps>(),
                        std::function<int()> stops = {})
        : fake{std::move(shared)},
          executor{FakeTransport<FakeAzureApps>{io.get_executor(), fake, std::move(stops)}, AzureTokens{},
                   faas::AzureFunctionsCodec<>{std::move(options), world},
                   faas::StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}}} {
        fake->storage.now = world.now();
    }

    faas::result<faas::FaasDeployment> deploy(faas::JobId id, faas::Package package,
                                              faas::FaasConfig config = {.timeout = std::chrono::seconds{60}},
                                              faas::DeployObserver observer = {}) {
        return run(io, executor.deploy_job(id, std::move(package), std::move(config), std::move(observer)));
    }
    faas::result<faas::DeployPlan> plan(faas::JobId id, faas::Package package,
                                        faas::FaasConfig config = {.timeout = std::chrono::seconds{60}}) {
        return run(io, executor.plan_deploy(id, std::move(package), std::move(config)));
    }
    faas::result<void> undeploy(faas::JobId id) { return run(io, executor.undeploy_job(id)); }
    /// Calls the job, which answers with the name of its program.
    std::string call(faas::JobId id) {
        auto answer = run(io, executor.invoke_with_metrics({.job_id = id}));
        if (!answer) return answer.error().message;
        auto& outcome = answer->result.outcome;
        return outcome ? std::string{outcome->begin(), outcome->end()} : outcome.error().message;
    }
    /// The app that the fake has, if it is the only one.
    const std::string& app() const {
        REQUIRE(fake->arm.sites.size() == 1);
        return fake->arm.sites.begin()->first;
    }
    azure::Arm::Site& site() { return fake->arm.sites.find(app())->second; }
    azure::Running& running() { return fake->running[app()]; }
    /// The names of the blobs in the container for packages.
    std::vector<std::string> blobs() const {
        std::vector<std::string> out;
        for (const auto& [name, blob] : fake->storage.blobs)
            if (name.find("/packages-") != std::string::npos) out.push_back(name.substr(name.rfind('/') + 1));
        return out;
    }

    AzureSecond world{};
    boost::asio::io_context io{};
    std::shared_ptr<FakeAzureApps> fake;
    executor_type executor;
};

inline faas::Package azure_program(std::string code = "0") {
    faas::test::ElfImage image;
    image.code = "program " + std::move(code);
    faas::PackageOptions options;
    options.architecture = faas::Architecture::x86_64;
    return ok(faas::Package::from_binary(faas::test::build(image), options));
}
inline std::string name_of(const faas::Package& package) { return package.sha256().substr(0, 16); }

inline bool says(const faas::Error& error, std::string_view text) {
    return error.message.find(text) != std::string::npos;
}
inline std::size_t count(const std::vector<std::string>& lines, std::string_view part) {
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

}  // namespace tests

#endif
