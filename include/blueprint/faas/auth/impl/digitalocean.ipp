#ifndef BLUEPRINT_FAAS_AUTH_IMPL_DIGITALOCEAN_IPP
#define BLUEPRINT_FAAS_AUTH_IMPL_DIGITALOCEAN_IPP

#include "blueprint/faas/auth/digitalocean.hpp"

#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// What the copies of one auth share.
struct DigitalOceanAuth::State {
    /// A token as it is sent, and who had it.
    struct Known {
        Secret authorization{};
        std::string by{};
    };

    State(const Environment* where, digitalocean::TokenOptions how) : environment{where}, options{std::move(how)} {}

    std::shared_ptr<const Known> look() const {
        const std::lock_guard lock{mutex};
        return known;
    }
    /// Keeps a token that was found, and returns it; or that of another request, which has found one meanwhile.
    BLUEPRINT_FAAS_COLD std::shared_ptr<const Known> keep(const digitalocean::FoundToken& found) {
        auto fresh = std::make_shared<const Known>(Known{.authorization = "Bearer " + found.value, .by = found.by});
        const std::lock_guard lock{mutex};
        if (!known) known = std::move(fresh);
        return known;
    }
    /// Looks for a token anew, and tells whether another one than `refused` is kept now.
    BLUEPRINT_FAAS_COLD bool replace(const std::shared_ptr<const Known>& refused) noexcept {
        if (environment == nullptr || !refused) return false;
        try {
            const auto found = digitalocean::find_token(*environment, options);
            if (!found) return false;  // what the platform said of the old one says more
            auto fresh =
                std::make_shared<const Known>(Known{.authorization = "Bearer " + found->value, .by = found->by});
            if (fresh->authorization == refused->authorization) return false;
            const std::lock_guard lock{mutex};
            if (known == refused) known = std::move(fresh);
            return true;
        } catch (const std::exception&) {
            return false;
        }
    }

    const Environment* const environment;  // null: a token was given
    const digitalocean::TokenOptions options;
    std::optional<Error> wrong{};  // of a token that was given
    mutable std::mutex mutex{};    // guards what follows
    std::shared_ptr<const Known> known{};
};

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL DigitalOceanAuth::DigitalOceanAuth(Secret token)
    : state_{std::make_shared<State>(nullptr, digitalocean::TokenOptions{})} {
    auto good = digitalocean::check_token(token, "the API token that was given");
    if (!good)
        state_->wrong = std::move(good).error();
    else
        state_->keep({.value = std::move(token), .by = "the options"});
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL DigitalOceanAuth::DigitalOceanAuth(const Environment& environment,
                                                                           digitalocean::TokenOptions options)
    : state_{std::make_shared<State>(&environment, std::move(options))} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> DigitalOceanAuth::manage(
    HttpRequest& request, purpose::ControlPlane purpose) {
    if (!purpose.service.empty())
        co_return Error{.code = errc::unsupported,
                        .message = "DigitalOceanAuth has no credential for the service '" +
                                   std::string{purpose.service} + "'; it knows \"\" (DigitalOcean's API)",
                        .execution = Execution::not_started};
    if (present(request)) co_return result<void>{};
    if (state_->wrong) co_return *state_->wrong;
    const auto found = digitalocean::find_token(*state_->environment, state_->options);
    if (!found) co_return found.error();
    const auto known = state_->keep(*found);
    request.headers.set("Authorization", known->authorization.reveal());
    co_return result<void>{};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> DigitalOceanAuth::nothing_to_do() {
    co_return result<void>{};
}

BLUEPRINT_FAAS_DECL bool DigitalOceanAuth::present(HttpRequest& request) const {
    const auto known = state_->look();
    if (known) request.headers.set("Authorization", known->authorization.reveal());
    return known != nullptr;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool DigitalOceanAuth::invalidate(const HttpRequest& request) noexcept {
    const auto sent = request.headers.get("Authorization");
    const auto known = state_->look();
    if (!known || !sent || !sent->starts_with("Bearer ")) return false;
    // Another token came while that request was under way.
    if (*sent != known->authorization.reveal()) return true;
    return state_->replace(known);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool DigitalOceanAuth::invalidate() noexcept {
    return state_->replace(state_->look());
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string DigitalOceanAuth::found_in() const {
    const auto known = state_->look();
    return known ? known->by : std::string{};
}

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
