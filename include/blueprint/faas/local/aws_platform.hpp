#ifndef BLUEPRINT_FAAS_LOCAL_AWS_PLATFORM_HPP
#define BLUEPRINT_FAAS_LOCAL_AWS_PLATFORM_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/aws_lambda.hpp"
#include "blueprint/faas/local/aws_metadata.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/aws_sessions.hpp"
#include "blueprint/faas/local/aws_storage.hpp"
#include "blueprint/faas/local/aws_sts.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

/// AWS on one address: Lambda, STS, S3 as far as packages need it, and the metadata services. Who asks one of the first
/// three must have signed the request. On the host's strand only; the host must outlive it.
class AwsPlatform final : public HttpService {
public:
    AwsPlatform(FunctionHost& host, AwsOptions options);
    AwsPlatform(const AwsPlatform&) = delete;
    AwsPlatform& operator=(const AwsPlatform&) = delete;

    Admission admit(const ServerRequest& head) override;
    bool anybody_may(const ServerRequest& head) const override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

    /// Where this is reached, and what keeps it alive while something runs that nobody waits for.
    void serve_at(std::string url, std::weak_ptr<void> owner);
    void end_processes() { lambda_.end(); }
    /// Takes no more invocations, gives those that run `grace`, then ends the instances.
    asio::awaitable<void> stop(std::chrono::milliseconds grace) { return lambda_.stop(grace); }

private:
    ServerAnswer refusal(std::string_view service, const Error& error) const;
    ServerAnswer dated(ServerAnswer answer) const;

    AwsOptions options_;
    AwsClock clock_;
    AwsSessions sessions_;
    AwsGate gate_;
    AwsSts sts_;
    AwsStorage storage_;
    AwsMetadata metadata_;
    AwsLambda lambda_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/aws_platform.ipp"
#endif

#endif
