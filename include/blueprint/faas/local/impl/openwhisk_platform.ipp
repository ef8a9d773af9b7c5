#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_PLATFORM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_PLATFORM_IPP

#include "blueprint/faas/local/impl/basic_words.hpp"
#include "blueprint/faas/local/openwhisk_platform.hpp"
#include "blueprint/faas/local/options.hpp"

#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL void OpenWhiskPlatform::serve_at(std::string url, std::weak_ptr<void> owner) {
    if (functions_) functions_->serve_at(std::move(url), std::move(owner));
}

BLUEPRINT_FAAS_DECL void OpenWhiskPlatform::end_processes() {
    if (functions_) functions_->end_processes();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> OpenWhiskPlatform::stop(std::chrono::milliseconds grace) {
    if (functions_) co_await functions_->stop(grace);
}

BLUEPRINT_FAAS_DECL ServerAnswer OpenWhiskPlatform::failure(unsigned status, std::string_view message) {
    if (functions_) return functions_->refusal(status, message);
    return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::string{message}};
}

BLUEPRINT_FAAS_DECL std::optional<std::string> OpenWhiskPlatform::namespace_of(const ServerRequest& head) const {
    const auto pair = basic_pair(head.field("authorization").value_or(""));
    if (!pair) return std::nullopt;
    if (options_.users.empty()) return OpenWhiskUser{}.name_space;
    std::optional<std::string> opened;
    for (const auto& known : options_.users)
        if (same_secret(pair->password.reveal(), known.password) && pair->user == known.user) opened = known.name_space;
    return opened;
}

BLUEPRINT_FAAS_DECL Admission OpenWhiskPlatform::admit(const ServerRequest& head) {
    if (options_.fault)
        if (auto answer = options_.fault(head)) return {.refusal = std::move(*answer)};
    if (!functions_) return {.refusal = failure(404, "The requested resource could not be found.")};
    if (functions_->answer_anybody(head)) return {.body_bytes = 4096};
    if (!namespace_of(head))
        return {.refusal = openwhisk_unauthorized(*functions_, head.field("authorization").has_value())};
    return functions_->admit(head);
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> OpenWhiskPlatform::answer(ServerRequest request) {
    if (auto told = functions_->answer_anybody(request)) co_return std::move(*told);
    auto name_space = namespace_of(request);
    if (!name_space) co_return openwhisk_unauthorized(*functions_, true);
    ServerAnswer answer = co_await functions_->answer(std::move(request), std::move(*name_space));
    co_return answer;
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
