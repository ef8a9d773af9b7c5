#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_PLATFORM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_PLATFORM_IPP

#include "blueprint/faas/local/aws_platform.hpp"

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL AwsPlatform::AwsPlatform(FunctionHost& host, AwsOptions options)
    : options_{std::move(options)},
      clock_{options_.clock_offset},
      sessions_{clock_},
      gate_{options_, sessions_, clock_},
      sts_{options_, sessions_, clock_},
      storage_{options_, clock_},
      metadata_{options_, sessions_, clock_},
      lambda_{host, options_, sessions_, storage_} {}

BLUEPRINT_FAAS_DECL void AwsPlatform::serve_at(std::string url, std::weak_ptr<void> owner) {
    lambda_.reached_at(std::move(url));
    lambda_.owned_by(std::move(owner));
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsPlatform::dated(ServerAnswer answer) const {
    if (options_.clock_offset.count() != 0) answer.date = clock_.http_date();
    return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsPlatform::refusal(std::string_view service, const Error& error) const {
    if (service == "sts") return dated(AwsSts::failure(error));
    if (service == "s3") return dated(AwsStorage::failure(error));
    auto answer = lambda_failure(error);
    answer.headers.emplace_back("x-amzn-RequestId", random_uuid());
    return dated(std::move(answer));
}

BLUEPRINT_FAAS_DECL ServerAnswer AwsPlatform::failure(unsigned status, std::string_view message) {
    return refusal({}, aws_refusal(status,
                                   status == 413  ? "RequestEntityTooLargeException"
                                   : status < 500 ? "InvalidRequestContentException"
                                                  : "ServiceException",
                                   std::string{message}));
}

BLUEPRINT_FAAS_DECL Admission AwsPlatform::admit(const ServerRequest& head) {
    if (AwsLambda::takes_code(head.target)) return {};
    const auto service = aws_service_of(head);
    if (service.empty()) return {.body_bytes = 4096};  // the metadata services
    const bool needs_signature = service != "sts" || AwsGate::is_signed(head);
    if (needs_signature)
        if (const auto caller = gate_.judge_head(head); !caller) return {.refusal = refusal(service, caller.error())};
    if (service == "sts") return {.body_bytes = AwsSts::body_bytes};
    if (service == "s3") return {.body_bytes = storage_.body_bytes(head)};
    Admission admission = lambda_.admit(head);
    if (admission.refusal) {
        admission.refusal->headers.emplace_back("x-amzn-RequestId", random_uuid());
        admission.refusal = dated(std::move(*admission.refusal));
    }
    return admission;
}

BLUEPRINT_FAAS_DECL bool AwsPlatform::anybody_may(const ServerRequest& head) const {
    if (AwsMetadata::takes(head)) return true;
    const bool any_token = options_.web_identity_tokens.empty() && aws_service_of(head) == "sts";
    if (any_token && !AwsGate::is_signed(head)) return true;
    // A secret that is the name of its key keeps nobody out, and is meant so.
    return std::any_of(options_.keys.begin(), options_.keys.end(),
                       [](const auto& key) { return same_secret(key.first, key.second); });
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AwsPlatform::answer(ServerRequest request) {
    if (AwsLambda::takes_code(request.target)) co_return dated(lambda_.answer_code(request.target));
    const auto service = aws_service_of(request);
    if (service.empty()) co_return dated(metadata_.answer(request));
    AwsCaller caller;
    const AwsCaller* known = nullptr;
    if (service != "sts" || AwsGate::is_signed(request)) {
        auto judged = gate_.judge(request);
        if (!judged) co_return refusal(service, judged.error());
        caller = std::move(*judged);
        known = &caller;
    }
    if (service == "sts") co_return dated(sts_.answer(request, known));
    if (service == "s3") co_return dated(storage_.answer(std::move(request), known));
    ServerAnswer answer = co_await lambda_.answer(std::move(request));
    co_return dated(std::move(answer));
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
