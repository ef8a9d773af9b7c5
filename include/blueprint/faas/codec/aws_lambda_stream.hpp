#ifndef BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_STREAM_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_STREAM_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/codec/aws_event_stream.hpp"
#include "blueprint/faas/codec/aws_lambda_protocol.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace blueprint::faas::detail {

/// Takes the answer to a streamed call while it comes, and hands the pieces of the result on. One for each call; what
/// it was made of outlives it. Source: AWS Lambda Developer Guide, "InvokeWithResponseStream".
class LambdaStream final : public BodySink {
public:
    LambdaStream(const LambdaProtocol& protocol, const ResultSink& sink) : protocol_{protocol}, sink_{sink} {}

    BLUEPRINT_FAAS_DECL result<void> begin(const HttpResponse& head) override;
    BLUEPRINT_FAAS_DECL result<void> write(std::string_view piece) override;

    /// Says what became of the call once its exchange has ended well. A stream whose end Lambda did not announce was
    /// cut short; one whose function failed is that failure.
    BLUEPRINT_FAAS_DECL result<Invocation> finish(const HttpResponse& answer);
    /// Completes the error of an exchange that failed: once a stream has begun, the job has too.
    BLUEPRINT_FAAS_DECL Error interrupted(Error error) const;

private:
    BLUEPRINT_FAAS_DECL result<void> take(const EventStreamMessage& message);
    BLUEPRINT_FAAS_DECL result<void> complete(std::string_view told);
    BLUEPRINT_FAAS_DECL static result<void> ran(Error error);

    const LambdaProtocol& protocol_;
    const ResultSink& sink_;
    EventStreamDecoder decoder_{};
    bool begun_ = false;
    bool complete_ = false;
    std::uint64_t handed_on_ = 0;  // bytes
    FaasMetrics metrics_{};
    std::optional<Error> function_error_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/aws_lambda_stream.ipp"
#endif

#endif
