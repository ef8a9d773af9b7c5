#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_GCP_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_GCP_FIXTURE_HPP

#include "blueprint/faas/codec/gcp_functions.hpp"
#include "blueprint/faas/executor.hpp"
#include "support/elf_image.hpp"
#include "support/fake_gcp.hpp"
#include "support/fake_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace tests {

namespace faas = blueprint::faas;

using FakeGcpTransport = FakeTransport<FakeGcp>;

/// Shows an access token to Google's APIs, an ID token for its audience to a service, and none to a signed URL. The
/// purposes decide at compile time, as GoogleAuth's do.
class TwoTokens {
public:
    static constexpr bool reveals_secret = true;
    boost::asio::awaitable<faas::result<void>> authorize(faas::HttpRequest& request,
                                                         faas::purpose::ControlPlane) const {
        request.headers.set("Authorization", "Bearer access-token");
        co_return faas::result<void>{};
    }
    boost::asio::awaitable<faas::result<void>> authorize(faas::HttpRequest& request,
                                                         faas::purpose::Invocation call) const {
        if (no_id_tokens)
            co_return faas::Error{.code = faas::errc::authentication, .message = "a user has no ID tokens"};
        request.headers.set("Authorization", "Bearer id-token for " + std::string{call.audience});
        co_return faas::result<void>{};
    }
    boost::asio::awaitable<faas::result<void>> authorize(faas::HttpRequest&, faas::purpose::Upload) const {
        co_return faas::result<void>{};
    }
    bool invalidate() noexcept { return true; }

    bool no_id_tokens = false;
};
static_assert(faas::Auth<TwoTokens>);

inline faas::GoogleCloudOptions google_options() {
    faas::GoogleCloudOptions options;
    options.project = "p";
    options.region = "europe-west1";
    options.first_poll = {};
    options.max_poll = {};
    return options;
}

/// An executor before a Google Cloud in memory, which it may share with others. Nothing is waited for.
template <class Codec, class Options>
struct Google {
    using executor_type = faas::FaasExecutor<FakeGcpTransport, TwoTokens, Codec>;

    explicit Google(Options options, std::shared_ptr<FakeGcp> shared = std::make_shared<FakeGcp>(),
                    std::function<int()> stops = {}, TwoTokens auth = {})
        : fake{std::move(shared)},
          executor{FakeGcpTransport{io.get_executor(), fake, std::move(stops)}, auth, Codec{std::move(options)},
                   faas::StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}}} {}

    faas::result<faas::FaasDeployment> deploy(faas::Package package, faas::FaasConfig config = {},
                                              faas::DeployObserver observer = {}) {
        return run(io, executor.deploy_job(0, std::move(package), std::move(config), std::move(observer)));
    }
    faas::result<faas::Invocation> invoke(faas::JobCall call) {
        return run(io, executor.invoke_with_metrics(std::move(call)));
    }

    boost::asio::io_context io{};
    std::shared_ptr<FakeGcp> fake;
    executor_type executor;
};

inline faas::CloudFunctionOptions function_options(faas::GoogleCloudOptions cloud = google_options()) {
    faas::CloudFunctionOptions options;
    options.cloud = std::move(cloud);
    return options;
}

template <class Format = faas::Binary>
struct FunctionsOf : Google<faas::CloudFunctionCodec<Format>, faas::CloudFunctionOptions> {
    using Base = Google<faas::CloudFunctionCodec<Format>, faas::CloudFunctionOptions>;
    explicit FunctionsOf(faas::CloudFunctionOptions options = function_options(),
                         std::shared_ptr<FakeGcp> shared = std::make_shared<FakeGcp>(), std::function<int()> stops = {},
                         TwoTokens auth = {})
        : Base{std::move(options), std::move(shared), std::move(stops), auth} {}
};
using CloudFunctions = FunctionsOf<>;

/// A small package for x86_64; two with different `code` differ.
inline faas::Package program(std::string code = "1") {
    faas::test::ElfImage image;
    image.code = std::move(code);
    faas::PackageOptions options;
    options.architecture = faas::Architecture::x86_64;
    return ok(faas::Package::from_binary(faas::test::build(image), options));
}

}  // namespace tests

#endif
