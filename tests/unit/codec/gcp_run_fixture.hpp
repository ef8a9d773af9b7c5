#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_GCP_RUN_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_GCP_RUN_FIXTURE_HPP

#include "blueprint/faas/codec/gcp_run.hpp"
#include "blueprint/faas/executor.hpp"
#include "gcp_fixture.hpp"
#include "support/fake_gcp_run.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tests {

using gcp::FakeRun;

/// It is always the same second, and no two draws are the same.
class OneSecond : public faas::Environment {
public:
    std::chrono::system_clock::time_point now() const override {
        return std::chrono::sys_days{std::chrono::year{2026} / 1 / 2} + std::chrono::seconds{11'045};
    }
    double jitter() const noexcept override { return static_cast<double>(++draws_) / 4294967296.0; }

private:
    mutable unsigned draws_ = 0;
};

inline faas::CloudRunOptions run_options(faas::GoogleCloudOptions cloud = google_options()) {
    faas::CloudRunOptions options;
    options.cloud = std::move(cloud);
    return options;
}

/// An executor before a Cloud Run in memory, which it may share with others. Nothing is waited for.
struct CloudRun {
    using executor_type = faas::FaasExecutor<FakeGcpTransport, TwoTokens, faas::CloudRunCodec<>>;

    explicit CloudRun(faas::CloudRunOptions options = run_options(),
                      std::shared_ptr<FakeRun> shared = std::make_shared<FakeRun>(), std::function<int()> stops = {})
        : fake{std::move(shared)},
          executor{FakeGcpTransport{io.get_executor(), fake, std::move(stops)}, TwoTokens{},
                   faas::CloudRunCodec<>{std::move(options), world},
                   faas::StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}}} {}

    faas::result<faas::FaasDeployment> deploy(faas::Package package, faas::FaasConfig config = {},
                                              faas::DeployObserver observer = {}) {
        return run(io, executor.deploy_job(0, std::move(package), std::move(config), std::move(observer)));
    }
    faas::result<faas::Invocation> invoke(faas::JobCall call) {
        return run(io, executor.invoke_with_metrics(std::move(call)));
    }
    /// Deploys packages "1" to "n", each a revision.
    void deploy_revisions(int n) {
        for (int i = 1; i <= n; ++i) ok(deploy(program(std::to_string(i))));
    }

    OneSecond world{};
    boost::asio::io_context io{};
    std::shared_ptr<FakeRun> fake;
    executor_type executor;
};

inline const std::string run_api = "https://run.googleapis.com/v2/projects/p/locations/europe-west1/";
inline const std::string run_service = run_api + "services/blueprint-job-0";
inline const std::string bucket_url = "https://storage.googleapis.com/storage/v1/b/blueprint-p-europe-west1";

inline bool says(const faas::Error& error, std::string_view text) {
    return error.message.find(text) != std::string::npos;
}
inline std::size_t count(const std::vector<std::string>& lines, std::string_view text) {
    std::size_t found = 0;
    for (const auto& line : lines)
        if (line.find(text) != std::string::npos) ++found;
    return found;
}

}  // namespace tests

#endif
