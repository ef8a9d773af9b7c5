#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AWS_DEPLOY_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AWS_DEPLOY_FIXTURE_HPP

#include "blueprint/faas/codec/aws_lambda.hpp"
#include "blueprint/faas/executor.hpp"
#include "support/elf_image.hpp"
#include "support/fake_lambda.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tests {

namespace faas = blueprint::faas;

/// Brings requests to a `FakeLambda`. `stops` says how often others may go on before the next one.
class FakeLambdaTransport {
public:
    static constexpr bool confidential = true;  // no byte leaves the process

    FakeLambdaTransport(boost::asio::any_io_executor executor, std::shared_ptr<FakeLambda> fake,
                        std::function<int()> stops)
        : executor_{std::move(executor)}, fake_{std::move(fake)}, stops_{std::move(stops)} {}

    boost::asio::any_io_executor get_executor() const noexcept { return executor_; }
    boost::asio::awaitable<faas::result<faas::HttpResponse>> exchange(const faas::HttpRequest& request,
                                                                      faas::Deadline) {
        CHECK(request.headers.refused().empty());
        const int stops = stops_ ? stops_() : 0;
        for (int i = 0; i < stops; ++i) co_await boost::asio::post(executor_, boost::asio::use_awaitable);
        if (request.upload_progress) request.upload_progress(request.body.size(), request.body.size());
        co_return fake_->answer(request);
    }

private:
    boost::asio::any_io_executor executor_;
    std::shared_ptr<FakeLambda> fake_;
    std::function<int()> stops_;
};
static_assert(faas::Transport<FakeLambdaTransport>);

inline faas::LambdaOptions lambda_options() {
    faas::LambdaOptions options{.region = "eu-central-1", .role_arn = "arn:aws:iam::123456789012:role/jobs"};
    options.first_poll = {};
    options.max_poll = {};
    options.role_patience = std::chrono::milliseconds{5};
    return options;
}

/// An executor before a Lambda in memory, which it may share with others. Nothing is waited for.
struct Deploying {
    using executor_type = faas::FaasExecutor<FakeLambdaTransport, faas::NoAuth, faas::LambdaCodec<>>;

    explicit Deploying(faas::LambdaOptions options = lambda_options(),
                       std::shared_ptr<FakeLambda> shared = std::make_shared<FakeLambda>(),
                       std::function<int()> stops = {})
        : fake{std::move(shared)},
          executor{FakeLambdaTransport{io.get_executor(), fake, std::move(stops)}, faas::NoAuth{},
                   faas::LambdaCodec<>{std::move(options)},
                   faas::StandardResilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}}} {}

    faas::result<faas::FaasDeployment> deploy(faas::Package package, faas::FaasConfig config = {},
                                              faas::DeployObserver observer = {}) {
        return run(io, executor.deploy_job(0, std::move(package), std::move(config), std::move(observer)));
    }

    boost::asio::io_context io{};
    std::shared_ptr<FakeLambda> fake;
    executor_type executor;
};

/// A small package for x86_64; two with different `code` differ.
inline faas::Package program(std::string code = "1", faas::Architecture architecture = faas::Architecture::x86_64) {
    faas::test::ElfImage image;
    image.code = std::move(code);
    if (architecture == faas::Architecture::aarch64) image.machine = 183;
    if (architecture == faas::Architecture::riscv64) image.machine = 243;
    faas::PackageOptions options;
    options.architecture = architecture;
    return ok(faas::Package::from_binary(faas::test::build(image), options));
}

/// What Lambda says of a package's code.
inline std::string code_digest(const faas::Package& package) {
    return faas::detail::base64_encode(*faas::detail::hex_decode(package.sha256()));
}

}  // namespace tests

#endif
