#ifndef BLUEPRINT_FAAS_LOCAL_CUSTOM_MESSAGES_HPP
#define BLUEPRINT_FAAS_LOCAL_CUSTOM_MESSAGES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/http_message.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace blueprint::faas::local {

// What the custom platform contract's messages say, apart from who asks and what is then done.

/// Makes an `Error` that is to become an answer of that status and code.
inline Error refusal(unsigned status, std::string code, std::string message) {
    return Error{.code = errc::invocation_failed,
                 .message = std::move(message),
                 .http_status = status,
                 .platform_code = std::move(code),
                 .execution = Execution::not_started};
}

/// The operations of the contract's table.
enum class CustomOperation { deploy, invoke, health, get, undeploy, warm, list, describe };

/// What a request's method and target mean.
struct CustomRoute {
    CustomOperation operation = CustomOperation::get;
    std::string function_id{};
};

/// Reads method and target: 400 for an id that is none, 404 for an unknown path, 405 for a wrong method, in which case
/// `allow` is set to what is allowed. Ids are checked as sent and after percent-decoding. `strict_1_0`: no list, no
/// describe.
BLUEPRINT_FAAS_DECL result<CustomRoute> read_custom_route(std::string_view method, std::string_view target,
                                                          bool strict_1_0, std::string& allow);

/// Tells whether `id` matches [A-Za-z0-9][A-Za-z0-9_-]{0,63}.
BLUEPRINT_FAAS_DECL bool is_function_id(std::string_view id) noexcept;

/// What an upload's header says.
struct DeployRequest {
    FunctionSettings settings{};
    std::string package_sha256{};  ///< lower-case hex; empty: not told
    std::string revision{};
};

/// Reads `X-Blueprint-Config` and `X-Blueprint-Revision`: 431 or 400 for what is too long or not exactly as it should
/// be, defaults only for what is absent. `most_warm` bounds `keep_warm`.
BLUEPRINT_FAAS_DECL result<DeployRequest> read_deploy_request(const ServerRequest& head, std::uint32_t most_warm);

/// Reads `{"instances":N}`; an empty body means 1.
BLUEPRINT_FAAS_DECL result<std::uint32_t> read_warm_request(std::string_view body);

/// Writes `{"error","code","function_id","details":{"function_id"}}`; status and code are `error`'s.
BLUEPRINT_FAAS_DECL ServerAnswer error_answer(const Error& error, std::string_view function_id);

/// Writes `content` as JSON.
BLUEPRINT_FAAS_DECL ServerAnswer json_answer(unsigned status, const boost::json::object& content);

/// Returns `text` if it is at most `most` printable ASCII characters: what may be echoed and passed on.
inline std::optional<std::string_view> plain_text(std::optional<std::string_view> text, std::size_t most) noexcept {
    if (!text || text->empty() || text->size() > most) return std::nullopt;
    for (const char c : *text)
        if (c < 0x20 || c > 0x7e) return std::nullopt;
    return text;
}

/// Writes a point in time as in "2030-01-02T03:04:05Z".
BLUEPRINT_FAAS_DECL std::string rfc3339(std::chrono::system_clock::time_point time);

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/custom_messages.ipp"
#endif

#endif
