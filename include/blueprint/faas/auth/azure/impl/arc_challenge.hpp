#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_ARC_CHALLENGE_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_ARC_CHALLENGE_HPP

#include "blueprint/faas/auth/azure/impl/identity_answer.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas::detail::azure_identity {

/// Returns the file that the agent of Azure Arc wants to have read: `Basic realm=/var/opt/azcmagent/tokens/x.key`. It
/// must lie in the agent's own directory, so that nobody who answers in its place gets another file of this machine.
BLUEPRINT_FAAS_COLD inline result<std::string> arc_file(std::string_view challenge) {
    constexpr std::string_view directory = "/var/opt/azcmagent/tokens/";
    constexpr std::string_view scheme = "Basic realm=";
    const auto refused = [](std::string_view why) {
        return failure(errc::serialization, "the agent of Azure Arc wants a proof that it does not get: " +
                                                std::string{why} + "; check that it is the agent that answers");
    };
    if (challenge.size() <= scheme.size() || !iequals(challenge.substr(0, scheme.size()), scheme))
        return refused("its WWW-Authenticate is not 'Basic realm=' and a file");
    challenge.remove_prefix(scheme.size());
    if (challenge.size() >= 2 && challenge.front() == '"' && challenge.back() == '"')
        challenge = challenge.substr(1, challenge.size() - 2);
    if (!challenge.starts_with(directory)) return refused("the file is not in /var/opt/azcmagent/tokens");
    const auto name = challenge.substr(directory.size());
    if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") !=
            std::string_view::npos ||
        name.starts_with('.'))
        return refused("the file's name is not a plain one");
    if (!name.ends_with(".key")) return refused("the file's name does not end with .key");
    return std::string{challenge};
}

/// Makes the field Authorization that answers the agent's challenge.
BLUEPRINT_FAAS_COLD inline result<Secret> arc_proof(std::string_view challenge, const Environment& environment) {
    auto path = arc_file(challenge);
    if (!path) return std::move(path).error();
    auto file = environment.read_file(*path, 4096);
    if (!file) {
        Error error = std::move(file).error();
        error.message += "; the agent of Azure Arc wants it read: add this user to the group himds";
        error.execution = Execution::not_started;
        return error;
    }
    const std::string_view text = *file ? trimmed((*file)->reveal()) : std::string_view{};
    if (text.empty())
        return failure(errc::authentication, "the file '" + *path + "', which the agent of Azure Arc wants read, " +
                                                 (*file ? "is empty" : "does not exist"));
    if (text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos)
        return failure(errc::serialization, "the file '" + *path + "' has more than one line");
    return "Basic " + Secret{text};
}

}  // namespace blueprint::faas::detail::azure_identity

#endif
