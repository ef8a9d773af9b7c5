#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AWS_FIXTURE_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_AWS_FIXTURE_HPP

#include "blueprint/faas/auth/api_key.hpp"
#include "blueprint/faas/codec/aws_event_stream.hpp"
#include "blueprint/faas/codec/aws_lambda.hpp"
#include "blueprint/faas/executor.hpp"
#include "support/hand_clock.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/io_context.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// A Lambda executor over a scripted API; retries wait for nothing.
template <class Format = blueprint::faas::Base64Json, class Auth = blueprint::faas::Bearer>
struct Lambda {
    using codec_type = blueprint::faas::LambdaCodec<Format>;
    using executor_type = blueprint::faas::FaasExecutor<blueprint::faas::InMemoryTransport, Auth, codec_type>;

    explicit Lambda(blueprint::faas::LambdaOptions options = {.region = "eu-central-1"},
                    Auth auth = blueprint::faas::Bearer{"fixed-token"})
        : executor{play(io, script), std::move(auth), codec_type{std::move(options), clock},
                   blueprint::faas::StandardResilience{
                       {.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}}} {}

    auto invoke(blueprint::faas::JobCall call) { return run(io, executor.invoke_with_metrics(std::move(call))); }

    HandClock clock{};
    boost::asio::io_context io{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    executor_type executor;
};

inline blueprint::faas::Headers fields(std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
    blueprint::faas::Headers headers;
    for (const auto& [name, value] : all) headers.set(name, value);
    return headers;
}

inline blueprint::faas::detail::EventStreamHeader header(std::string name,
                                                         blueprint::faas::detail::EventStreamHeader::Value value) {
    return {std::move(name), std::move(value)};
}

inline std::string frame(std::vector<blueprint::faas::detail::EventStreamHeader> headers, std::string_view payload) {
    return ok(blueprint::faas::detail::encode_event_stream(headers, payload));
}

inline std::string chunk(std::string_view payload) {
    return frame({header(":event-type", "PayloadChunk"), header(":content-type", "application/octet-stream"),
                  header(":message-type", "event")},
                 payload);
}

inline std::string complete(std::string_view payload = "{}") {
    return frame({header(":event-type", "InvokeComplete"), header(":content-type", "application/json"),
                  header(":message-type", "event")},
                 payload);
}

}  // namespace tests

#endif
