#ifndef BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_HPP
#define BLUEPRINT_FAAS_AUTH_DIGITALOCEAN_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/auth/digitalocean/token.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/secret.hpp"

#include <memory>
#include <string>
#include <type_traits>

namespace blueprint::faas {

/// Asks DigitalOcean's API as the owner of an API token: `Authorization: Bearer dop_v1_…`, on `ControlPlane` requests
/// alone. Functions are called with the access key of their namespace, which the codec sends itself: such requests are
/// left as they are, and so are uploads. A token is given, or found at the first request that needs one; a found one
/// that is refused is looked for anew, and if that gives another one the request is sent once more. Copies share what
/// they found. Safe to use from several threads. Source: DigitalOcean API, "Authentication".
class DigitalOceanAuth {
public:
    static constexpr bool reveals_secret = true;  // who reads a token can use it

    /// Sends `token` and no other. One that cannot be a token is refused by every request that needs it.
    BLUEPRINT_FAAS_DECL explicit DigitalOceanAuth(Secret token);
    /// Sends what `digitalocean::find_token` finds, which reads a small file at most. `environment` outlives this.
    BLUEPRINT_FAAS_DECL explicit DigitalOceanAuth(const Environment& environment = Environment::process(),
                                                  digitalocean::TokenOptions options = {});

    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose) {
        if constexpr (std::is_same_v<Purpose, purpose::ControlPlane>)
            return manage(request, purpose);
        else
            return nothing_to_do();
    }
    /// Sends the token that was given or found before, if there is one.
    template <class Purpose>
    bool try_authorize([[maybe_unused]] HttpRequest& request, [[maybe_unused]] Purpose purpose) const {
        if constexpr (std::is_same_v<Purpose, purpose::ControlPlane>) {
            return purpose.service.empty() && present(request);
        } else {
            static_assert(std::is_same_v<Purpose, purpose::Invocation> || std::is_same_v<Purpose, purpose::Upload>);
            return true;
        }
    }

    /// Looks for another token than the one that the refused request was sent with. False, and nothing is changed, if
    /// there is none, or if it was sent with none of ours: an access key is renewed by the codec.
    BLUEPRINT_FAAS_DECL bool invalidate(const HttpRequest& request) noexcept;
    /// Looks for another token than the one that is sent now.
    BLUEPRINT_FAAS_DECL bool invalidate() noexcept;

    /// Returns who had the token, for messages: "DIGITALOCEAN_TOKEN". Empty: none was needed yet.
    BLUEPRINT_FAAS_DECL std::string found_in() const;

    struct State;

private:
    BLUEPRINT_FAAS_DECL asio::awaitable<result<void>> manage(HttpRequest& request, purpose::ControlPlane purpose);
    BLUEPRINT_FAAS_DECL static asio::awaitable<result<void>> nothing_to_do();
    BLUEPRINT_FAAS_DECL bool present(HttpRequest& request) const;

    std::shared_ptr<State> state_;
};
static_assert(Auth<DigitalOceanAuth>);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/impl/digitalocean.ipp"
#endif

#endif
