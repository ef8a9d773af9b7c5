#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_STREAM_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AWS_LAMBDA_STREAM_IPP

#include "blueprint/faas/codec/aws_lambda_stream.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"

#include <memory>
#include <string>
#include <utility>

namespace blueprint::faas::detail {

// Whoever made the error: once the stream has begun, no repetition is harmless.
BLUEPRINT_FAAS_DECL result<void> LambdaStream::ran(Error error) {
    error.execution = Execution::started;
    return error;
}

BLUEPRINT_FAAS_DECL result<void> LambdaStream::begin(const HttpResponse& head) {
    using namespace lambda_protocol;
    begun_ = true;
    metrics_ = protocol_.read_metrics(head);
    const auto type = head.headers.get("Content-Type").value_or("nothing");
    if (!iequals(type.substr(0, type.find(';')), "application/vnd.amazon.eventstream"))
        return ran(
            Error{.code = errc::serialization,
                  .message = "the answer to a streamed call is of the type " + for_people(type) +
                             " instead of application/vnd.amazon.eventstream; check that the platform can stream"});
    return {};
}

BLUEPRINT_FAAS_DECL result<void> LambdaStream::write(std::string_view piece) {
    decoder_.feed(piece);
    for (;;) {
        auto message = decoder_.next();
        if (!message) return ran(std::move(message).error());
        if (!*message) return {};
        auto taken = take(**message);
        if (!taken) return ran(std::move(taken).error());
    }
}

BLUEPRINT_FAAS_DECL result<void> LambdaStream::take(const EventStreamMessage& message) {
    using namespace lambda_protocol;
    const auto kind = message.text(":message-type");
    if (kind == "event") {
        const auto event = message.text(":event-type");
        if (event == "InvokeComplete") return complete(message.payload);
        if (event != "PayloadChunk") return {};  // of a kind that was added later
        if (complete_)
            return Error{.code = errc::serialization, .message = "the stream goes on after it was said to be complete"};
        auto taken = sink_(bytes_of(message.payload));
        if (taken) handed_on_ += message.payload.size();
        return taken;
    }
    const bool exception = kind == "exception";
    if (!exception && kind != "error") return {};
    HttpResponse told;
    told.status = 500;
    told.headers.set("x-amzn-ErrorType", message.text(exception ? ":exception-type" : ":error-code"));
    told.body = exception ? message.payload : message.text(":error-message");
    auto error = LambdaProtocol::judge(told);
    error->http_status = 200;
    return std::move(*error);
}

BLUEPRINT_FAAS_DECL result<void> LambdaStream::complete(std::string_view told) {
    using namespace lambda_protocol;
    const auto body = parse_object(told);
    if (!body)
        return Error{.code = errc::serialization, .message = "what Lambda says of a stream's end is no JSON object"};
    complete_ = true;
    protocol_.read_log(text_member(*body, "LogResult"), metrics_);
    const auto code = text_member(*body, "ErrorCode");
    if (!code.empty())
        function_error_ = LambdaProtocol::function_failed(text_member(*body, "ErrorDetails"), code, metrics_);
    return {};
}

BLUEPRINT_FAAS_DECL result<Invocation> LambdaStream::finish(const HttpResponse& answer) {
    metrics_.connection_reused = answer.connection_reused;
    if (!complete_)
        return interrupted(Error{.code = errc::infrastructure,
                                 .message = "the stream ended before Lambda said that it is complete",
                                 .http_status = answer.status});
    if (function_error_) {
        function_error_->http_status = answer.status;
        return interrupted(std::move(*function_error_));
    }
    Invocation done;
    done.metrics = std::move(metrics_);
    return done;
}

BLUEPRINT_FAAS_DECL Error LambdaStream::interrupted(Error error) const {
    if (!begun_) return error;
    error.message += "; " + std::to_string(handed_on_) + " bytes of the result had come";
    error.execution = Execution::started;
    if (error.request_id.empty()) error.request_id = metrics_.request_id;
    error.metrics = std::make_shared<const FaasMetrics>(metrics_);
    return error;
}

}  // namespace blueprint::faas::detail

#endif
