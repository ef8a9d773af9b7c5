#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_AWS_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_AWS_WORLD_HPP

#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/provider/aws.hpp"
#include "support/recording_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace tests {

namespace asio = boost::asio;
namespace faas = blueprint::faas;

using LambdaRecording = faas::test::RecordingTransport<faas::LoopbackTransport>;
using LambdaExecutor = faas::aws::BasicLambdaExecutor<faas::aws::FixedCredentials, LambdaRecording>;

/// A local cloud that plays AWS, and what a test needs to reach it. All that anybody says is kept: no secret may be in
/// it.
class LambdaWorld {
public:
    inline static const faas::Secret secret_key{"not-to-be-seen-in-any-log-or-error"};
    inline static const std::string role = "arn:aws:iam::123456789012:role/jobs";

    explicit LambdaWorld(faas::local::AwsOptions aws = {}) {
        faas::local::CloudOptions options;
        aws.keys.emplace("AKIDEXAMPLE", secret_key);
        options.aws = std::move(aws);
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        options.log = [this](std::string_view line) { said << line << '\n'; };
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
    }
    LambdaWorld(const LambdaWorld&) = delete;
    LambdaWorld& operator=(const LambdaWorld&) = delete;
    ~LambdaWorld() {
        asio::co_spawn(io, cloud->stop(), [](std::exception_ptr) {});
        io.restart();
        io.run();
        CHECK(said.str().find(secret_key.reveal()) == std::string::npos);
    }

    template <class T>
    T run(asio::awaitable<T> operation) {
        auto outcome = run_beside(io, std::move(operation));
        if (outcome.has_error()) said << outcome.error() << '\n';
        return outcome;
    }
    LambdaExecutor executor(faas::LambdaOptions options = {}, faas::test::SentLines* sent = nullptr) {
        using namespace std::chrono_literals;
        options.region = "us-east-1";
        options.endpoint = cloud->aws_url();
        if (options.role_arn.empty()) options.role_arn = role;
        options.first_poll = 20ms;
        options.max_poll = 100ms;
        LambdaRecording transport{faas::LoopbackTransport{io.get_executor()}};
        if (sent != nullptr) *sent = transport.lines;
        return ok(faas::aws::create(std::move(transport), key(), std::move(options)));
    }
    static faas::aws::FixedCredentials key(faas::Secret secret = secret_key) {
        faas::aws::Credentials credentials;
        credentials.access_key_id = "AKIDEXAMPLE";
        credentials.secret_access_key = std::move(secret);
        return faas::aws::FixedCredentials{std::move(credentials)};
    }

    asio::io_context io{};
    std::ostringstream said{};
    std::optional<faas::local::Cloud> cloud{};
};

}  // namespace tests

#endif
