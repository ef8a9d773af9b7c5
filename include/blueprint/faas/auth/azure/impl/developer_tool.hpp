#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_DEVELOPER_TOOL_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_DEVELOPER_TOOL_HPP

#include "blueprint/faas/auth/azure/credential.hpp"
#include "blueprint/faas/auth/azure/impl/identity_answer.hpp"
#include "blueprint/faas/auth/azure/names.hpp"
#include "blueprint/faas/auth/impl/token_question.hpp"
#include "blueprint/faas/detail/child_command.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What tools have in common that print the token of whoever is signed in to them.
BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail::azure_tool {

using token_question::failure;

/// One tool, and how it is asked.
struct Tool {
    std::string_view what{};     ///< "the Azure CLI (az)"
    std::string_view sign_in{};  ///< "az login"
    std::string program{};
    std::chrono::milliseconds timeout{};
    /// Makes its arguments for a scope, each of them checked.
    std::function<result<std::vector<std::string>>(const std::string& scope)> arguments{};
    result<azure::TimedToken> (*read)(const Secret& text, std::string_view what,
                                      const Environment& environment) = nullptr;
};

/// Refuses a subscription that cannot be one. Names of subscriptions may have blanks.
BLUEPRINT_FAAS_COLD inline result<void> check_subscription(std::string_view subscription) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._ ";
    if (subscription.empty() ||
        (subscription.front() != '-' && subscription.find_first_not_of(allowed) == std::string_view::npos))
        return {};
    return failure(errc::invalid_configuration, "'" + one_line(subscription) +
                                                    "' is no subscription that the Azure CLI could be asked for: give "
                                                    "its id (00000000-0000-0000-0000-000000000000)");
}

/// Makes what a tool wrote to its error stream fit to be shown: from where it begins to tell, and without anything that
/// looks like a token.
BLUEPRINT_FAAS_COLD inline std::string told_by(std::string_view log) {
    const auto begin = log.find("ERROR");
    std::string told{trimmed(log.substr(begin == std::string_view::npos ? 0 : begin))};
    for (auto at = told.find("eyJ"); at != std::string::npos; at = told.find("eyJ", at + 1)) {
        const auto end = std::find_if_not(told.begin() + static_cast<std::ptrdiff_t>(at), told.end(),
                                          [](char c) { return is_bearer_token({&c, 1}); });
        told.replace(told.begin() + static_cast<std::ptrdiff_t>(at), end, "[redacted]");
    }
    return one_line(told);
}

/// Says why there is no token of this tool.
BLUEPRINT_FAAS_COLD inline Error refusal(const Tool& tool, const ChildEnd& end) {
    const std::string what{tool.what};
    if (end.signal != 0)
        return failure(errc::infrastructure, what + " was ended by signal " + std::to_string(end.signal) +
                                                 "; run it by hand, and look at what it says");
    if (end.exit_code == 127) return failure(errc::not_found, what + " is not installed, or what it needs is not");
    // What it prints may tell of that as well, but is never shown.
    const bool stranger = end.log.find(tool.sign_in) != std::string::npos ||
                          end.output.reveal().find(tool.sign_in) != std::string_view::npos;
    const std::string told = told_by(end.log);
    std::string why =
        stranger ? "nobody is signed in to " + what + ", or not any more: run '" + std::string{tool.sign_in} + "'"
                 : what + " gives no token: run it by hand, and look at what it says";
    why += " (exit code " + std::to_string(end.exit_code) + (told.empty() ? ")" : "; " + told + ")");
    return failure(errc::not_found, std::move(why));
}

BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::TimedToken>> fetch(Tool tool, Reach reach,
                                                                            azure::TokenRequest request,
                                                                            Deadline deadline) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const std::string what{tool.what};
    if (!request.claims.empty())
        co_return failure(errc::authentication, "Azure demands claims of the next token (conditional access), and " +
                                                    what + " cannot be asked for them: run '" +
                                                    std::string{tool.sign_in} + "' again");
    auto arguments = tool.arguments(request.scope);
    if (!arguments) co_return std::move(arguments).error();
    ChildCommand command;
    command.words = std::move(*arguments);
    command.words.insert(command.words.begin(), tool.program);
    command.directory = "/bin";  // nobody can leave a program there that would be taken for one of the tool's
    auto running = run_child(std::move(command), what, std::min(deadline, deadline_after(tool.timeout)));
    auto end = co_await std::move(running);
    if (!end && end.error().platform_code == "ENOENT") co_return failure(errc::not_found, what + " is not installed");
    if (!end) co_return std::move(end).error();
    if (end->exit_code != 0 || end->signal != 0) co_return refusal(tool, *end);
    co_return tool.read(end->output, tool.what, *reach.environment);
}

/// Makes the credential of a tool, which is not run before a token is wanted.
BLUEPRINT_FAAS_COLD inline asio::awaitable<result<azure::CredentialSearch>> find(Tool tool) {
    // What of the arguments does not depend on the scope is wrong for all of them.
    if (auto good = tool.arguments("https://management.azure.com/.default"); !good) co_return std::move(good).error();
    azure::Credential credential;
    credential.what = "whoever is signed in to " + std::string{tool.what};
    credential.fetch = [tool = std::move(tool)](Reach way, azure::TokenRequest request, Deadline until) {
        return fetch(tool, std::move(way), std::move(request), until);
    };
    azure::CredentialSearch search;
    search.found = std::move(credential);
    co_return search;
}

}  // namespace blueprint::faas::detail::azure_tool
BLUEPRINT_FAAS_COROUTINES_END

#endif
