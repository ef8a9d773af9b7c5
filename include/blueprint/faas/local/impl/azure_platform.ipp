#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_PLATFORM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_PLATFORM_IPP

#include "blueprint/faas/local/azure_platform.hpp"
#include "blueprint/faas/local/random.hpp"

#include <algorithm>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL AzurePlatform::AzurePlatform(AzureOptions options, const Environment& environment)
    : options_{std::move(options)},
      clock_{options_.clock_offset, environment},
      tokens_{options_, clock_},
      gate_{options_, tokens_},
      login_{options_, tokens_, clock_},
      metadata_{options_, tokens_, clock_} {}

/// Every answer of Azure's has an id that its support asks for.
BLUEPRINT_FAAS_DECL ServerAnswer AzurePlatform::stamped(ServerAnswer answer) const {
    constexpr std::string_view name = "x-ms-request-id";
    const auto is_id = [&](const auto& field) { return faas::detail::iequals(field.first, name); };
    if (std::none_of(answer.headers.begin(), answer.headers.end(), is_id))
        answer.headers.emplace_back(name, random_uuid());
    if (options_.clock_offset.count() != 0) answer.date = clock_.http_date();
    return answer;
}

BLUEPRINT_FAAS_DECL void AzurePlatform::serve_at(std::string url, std::weak_ptr<void> owner) {
    gate_.reached_at(url);
    login_.reached_at(url);
    metadata_.reached_at(url);
    if (apis_) apis_->serve_at(std::move(url), std::move(owner));
}

BLUEPRINT_FAAS_DECL void AzurePlatform::end_processes() {
    if (apis_) apis_->end_processes();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AzurePlatform::stop(std::chrono::milliseconds grace) {
    if (apis_) co_await apis_->stop(grace);
}

BLUEPRINT_FAAS_DECL ServerAnswer AzurePlatform::failure(unsigned status, std::string_view message) {
    return stamped(azure_failure(azure_refusal(status,
                                               status == 413   ? "RequestBodyTooLarge"
                                               : status == 503 ? "ServerBusy"
                                               : status < 500  ? "BadRequest"
                                                               : "InternalServerError",
                                               std::string{message})));
}

inline Error azure_no_such_path(const ServerRequest& head) {
    const auto path = std::string_view{head.target}.substr(0, head.target.find('?'));
    return azure_refusal(404, "NotFound", "There is nothing at " + std::string{path.substr(0, 200)} + '.');
}

BLUEPRINT_FAAS_DECL Admission AzurePlatform::admit(const ServerRequest& head) {
    if (options_.fault)
        if (auto answer = options_.fault(head)) return {.refusal = stamped(std::move(*answer))};
    if (AzureMetadata::takes(head)) return {.body_bytes = 4096};
    if (AzureLogin::takes(head)) return {.body_bytes = AzureLogin::body_bytes};
    if (!apis_) return {.refusal = stamped(azure_failure(azure_no_such_path(head)))};
    Admission admission = apis_->admit(head);
    if (admission.refusal) admission.refusal = stamped(std::move(*admission.refusal));
    return admission;
}

BLUEPRINT_FAAS_DECL bool AzurePlatform::anybody_may(const ServerRequest& head) const {
    if (AzureMetadata::takes(head)) return true;
    // A secret that is the name of its application keeps nobody out, and is meant so.
    const auto known = [](const AzureApplication& application) {
        return std::any_of(application.secrets.begin(), application.secrets.end(),
                           [&](const Secret& secret) { return same_secret(application.client_id, secret); });
    };
    return AzureLogin::takes(head) && std::any_of(options_.applications.begin(), options_.applications.end(), known);
}

BLUEPRINT_FAAS_DECL void AzurePlatform::broken_off(const ServerRequest& head, bool too_long) {
    if (apis_) apis_->broken_off(head, too_long);
}

BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> AzurePlatform::answer_identity(const ServerRequest& request) {
    if (AzureMetadata::takes(request)) return metadata_.answer(request);
    if (AzureLogin::takes(request)) return login_.answer(request);
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AzurePlatform::answer(ServerRequest request) {
    if (auto identity = answer_identity(request)) co_return stamped(std::move(*identity));
    ServerAnswer answer = co_await apis_->answer(std::move(request));
    co_return stamped(std::move(answer));
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
