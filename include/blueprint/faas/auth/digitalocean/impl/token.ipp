#ifndef BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_IMPL_TOKEN_IPP
#define BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_IMPL_TOKEN_IPP

#include "blueprint/faas/auth/digitalocean/doctl_config.hpp"
#include "blueprint/faas/auth/digitalocean/token.hpp"
#include "blueprint/faas/detail/bearer_text.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/http.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace blueprint::faas::detail::digitalocean_token {

using digitalocean::DoctlConfig;
using digitalocean::FoundToken;

inline constexpr std::string_view remedy =
    "set DIGITALOCEAN_TOKEN, run 'doctl auth init', or give a token to the options of the executor; tokens are made at "
    "https://cloud.digitalocean.com/account/api/tokens";

BLUEPRINT_FAAS_COLD inline Error failure(errc code, std::string message) {
    return Error{.code = code, .message = std::move(message), .execution = Execution::not_started};
}

BLUEPRINT_FAAS_COLD inline std::string variable(const Environment& environment, const char* name) {
    return environment.variable(name).value_or("");
}

/// Names a context in a message. Whoever puts a token into the wrong variable is not to find it in a log.
BLUEPRINT_FAAS_COLD inline std::string shown(const std::string& context) {
    const bool name = context.size() <= 40 && !context.starts_with("dop_v1_") && !context.starts_with("doo_v1_");
    return name ? "'" + one_line(context) + "'" : std::string{"(a name that is not shown, for it may be a token)"};
}

/// The context that is chosen, in lower case, and who says so; empty: `default`.
struct Choice {
    std::string name{};
    std::string by{};
    bool is_default() const noexcept { return name.empty() || name == "default"; }
};

class Search {
public:
    Search(const Environment& environment, const digitalocean::TokenOptions& options)
        : environment_{environment},
          options_{options},
          path_{options.config_file.empty() ? digitalocean::doctl_config_path(environment) : options.config_file} {}

    BLUEPRINT_FAAS_COLD result<FoundToken> find() {
        Choice chosen{.name = options_.context, .by = "the option 'context'"};
        if (chosen.name.empty())
            chosen = {.name = variable(environment_, "DIGITALOCEAN_CONTEXT"), .by = "DIGITALOCEAN_CONTEXT"};
        const bool here = !chosen.name.empty();
        lower(chosen.name);
        if (!chosen.is_default()) return of_context(chosen);
        if (auto found = in_variable("DIGITALOCEAN_TOKEN")) return *std::move(found);
        if (!here) {
            if (auto read = look(); !read) return std::move(read).error();
            chosen = {.name = config_ ? config_->context : "", .by = "'context' in '" + path_ + "'"};
            if (!chosen.is_default()) return of_context(chosen);
        }
        if (auto found = in_variable("DIGITALOCEAN_ACCESS_TOKEN")) return *std::move(found);
        if (auto read = look(); !read) return std::move(read).error();
        if (config_ && !config_->access_token.empty())
            return checked(config_->access_token, "'access-token' in '" + path_ + "'");
        return failure(errc::authentication,
                       "no DigitalOcean API token is known: DIGITALOCEAN_TOKEN and "
                       "DIGITALOCEAN_ACCESS_TOKEN are not set, and " +
                           (config_ ? "'access-token' in '" + path_ + "' has no value" : no_file()) + "; " +
                           std::string{remedy});
    }

private:
    static void lower(std::string& text) { std::transform(text.begin(), text.end(), text.begin(), ascii_lower); }

    BLUEPRINT_FAAS_COLD static result<FoundToken> checked(const Secret& token, std::string by) {
        const Secret bare{trimmed(token.reveal())};
        auto good = digitalocean::check_token(bare, by);
        if (!good) return std::move(good).error();
        return FoundToken{.value = bare, .by = std::move(by)};
    }
    /// Nothing: the variable is not set, or blank.
    BLUEPRINT_FAAS_COLD std::optional<result<FoundToken>> in_variable(const char* name) const {
        const Secret value{variable(environment_, name)};
        if (trimmed(value.reveal()).empty()) return std::nullopt;
        return checked(value, name);
    }
    /// Reads doctl's file, once.
    BLUEPRINT_FAAS_COLD result<void> look() {
        if (std::exchange(looked_, true) || path_.empty()) return {};
        auto text = environment_.read_file(path_);
        if (!text) return std::move(text).error();
        if (!*text) {
            // The usual file may be missing; one that somebody has named may not.
            if (!options_.config_file.empty())
                return failure(errc::invalid_configuration, "the option 'config_file' names the file '" + path_ +
                                                                "', which does not exist; correct the path");
            return {};
        }
        auto config = digitalocean::read_doctl_config(**text, path_);
        if (!config) return std::move(config).error();
        config_ = std::move(*config);
        return {};
    }
    BLUEPRINT_FAAS_COLD std::string no_file() const {
        if (path_.empty()) return "no variable (XDG_CONFIG_HOME, HOME) says where doctl's config.yaml is";
        return "there is no file '" + path_ + "'";
    }
    BLUEPRINT_FAAS_COLD result<FoundToken> of_context(const Choice& chosen) {
        if (auto read = look(); !read) return std::move(read).error();
        if (config_) {
            const auto found = config_->contexts.find(chosen.name);
            if (found != config_->contexts.end() && !trimmed(found->second.reveal()).empty())
                return checked(found->second, shown(chosen.name) + " below 'auth-contexts' in '" + path_ + "'");
        }
        std::string message =
            "no API token of the doctl context " + shown(chosen.name) + " is known, which " + chosen.by + " chooses: ";
        message += config_ ? "'auth-contexts' in '" + path_ + "' has " + names() : no_file();
        return failure(errc::authentication,
                       message +
                           "; run 'doctl auth init --context NAME', or choose the context 'default', in which "
                           "DIGITALOCEAN_ACCESS_TOKEN counts too");
    }
    BLUEPRINT_FAAS_COLD std::string names() const {
        std::string all;
        for (const auto& [name, token] : config_->contexts)
            all.append(all.empty() ? "only " : ", ").append(shown(name));
        return all.empty() ? "none" : all;
    }

    const Environment& environment_;
    const digitalocean::TokenOptions& options_;
    const std::string path_;
    std::optional<DoctlConfig> config_{};  // nothing: not read yet, or there is none
    bool looked_ = false;
};

}  // namespace blueprint::faas::detail::digitalocean_token

namespace blueprint::faas::digitalocean {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<void> check_token(const Secret& token, std::string_view by) {
    const auto refused = [&](std::string_view why) {
        return faas::detail::digitalocean_token::failure(
            errc::invalid_configuration, std::string{by} + " is no API token of DigitalOcean's: " + std::string{why});
    };
    const auto text = token.reveal();
    if (text.empty()) return refused("it is empty");
    if (text.starts_with("dof_v1_"))
        return refused(
            "it is an access key of a Functions namespace, which does not open the API; give that to the option "
            "'access_key' or the variable BLUEPRINT_DIGITALOCEAN_ACCESS_KEY");
    if (text.starts_with("dor_v1_"))
        return refused("it is a refresh token, which gets tokens and is none; give the token that begins with doo_v1_");
    if (!faas::detail::is_bearer_token(text))
        return refused(
            "it has a character that no token has, such as a blank, a quote or a colon; give the token alone, without "
            "'Bearer'");
    return {};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<FoundToken> find_token(const faas::Environment& environment,
                                                                      const TokenOptions& options) {
    return faas::detail::digitalocean_token::Search{environment, options}.find();
}

}  // namespace blueprint::faas::digitalocean

#endif
