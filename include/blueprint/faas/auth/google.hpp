#ifndef BLUEPRINT_FAAS_AUTH_GOOGLE_HPP
#define BLUEPRINT_FAAS_AUTH_GOOGLE_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/auth/gcp/tokens.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace gcp {

/// Puts a token into a request. Which kind of token a purpose takes is decided by the compiler: an API of Google's
/// takes an access token, and the project that pays; the call of a function an ID token and nothing else.
/// Source: Google Cloud, "Token types"; "Set the quota project using a REST request"; Cloud Run, "Authenticating
/// service-to-service".
template <class Purpose, class Token>
void present(HttpRequest& request, Purpose, const Token& token) {
    constexpr bool calls = std::is_same_v<Purpose, purpose::Invocation>;
    constexpr bool manages = std::is_same_v<Purpose, purpose::ControlPlane>;
    static_assert(!calls || std::is_same_v<Token, IdToken>,
                  "calling a function wants an ID token that is made for its audience: an access token is refused, and "
                  "would let the function act for us");
    static_assert(!manages || std::is_same_v<Token, AccessToken>,
                  "Google's APIs want an access token: an ID token says who asks, but not what that one may do");
    static_assert(calls || manages, "an upload's URL is its permission: no token is sent with it");
    request.headers.set("Authorization", token.authorization.reveal());
    if constexpr (manages) {
        if (token.quota_project.empty())
            request.headers.erase("x-goog-user-project");
        else
            request.headers.set("x-goog-user-project", token.quota_project);
    }
}

}  // namespace gcp

/// Asks as an account of Google Cloud: with an access token, and the project that pays, where Google's APIs are asked;
/// with an ID token for exactly the purpose's audience, and nothing else, where a function is called; with nothing
/// where an upload is authorised already. A token that is ready is sent at once; else it is fetched before the
/// deadline. Copies share the tokens. Safe to use from several threads.
template <gcp::TokenProvider Provider>
class GoogleAuth {
public:
    static constexpr bool reveals_secret = true;  // who reads a token can use it

    explicit GoogleAuth(Provider provider) : provider_{std::move(provider)} {}

    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose) {
        return authorize(request, purpose, Deadline::max());
    }
    template <class Purpose>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose,
                                                                [[maybe_unused]] Deadline deadline) {
        if (try_authorize(request, purpose)) co_return result<void>{};
        if constexpr (std::is_same_v<Purpose, purpose::ControlPlane>) {
            auto token = co_await provider_.get_access(deadline);
            if (!token) co_return std::move(token).error();
            gcp::present(request, purpose, **token);
        } else if constexpr (std::is_same_v<Purpose, purpose::Invocation>) {
            std::string audience{purpose.audience};
            auto getting = provider_.get_identity(std::move(audience), deadline);
            auto token = co_await std::move(getting);
            if (!token) co_return std::move(token).error();
            gcp::present(request, purpose, **token);
        }
        co_return result<void>{};
    }
    /// Sends the token that is ready, if one is.
    template <class Purpose>
    bool try_authorize([[maybe_unused]] HttpRequest& request, [[maybe_unused]] Purpose purpose) {
        if constexpr (std::is_same_v<Purpose, purpose::ControlPlane>) {
            const auto token = provider_.ready_access();
            if (token) gcp::present(request, purpose, *token);
            return token != nullptr;
        } else if constexpr (std::is_same_v<Purpose, purpose::Invocation>) {
            const auto token = provider_.ready_identity(purpose.audience);
            if (token) gcp::present(request, purpose, *token);
            return token != nullptr;
        } else {
            static_assert(std::is_same_v<Purpose, purpose::Upload>);
            return true;
        }
    }

    /// Drops the token that the refused request was sent with; another one that came meanwhile stays.
    bool invalidate(const HttpRequest& request) noexcept {
        return provider_.invalidate(request.headers.get("Authorization").value_or(""));
    }
    /// Drops the access token. ID tokens are dropped by the request that they were sent with.
    bool invalidate() noexcept {
        const auto token = provider_.ready_access();
        return !token || provider_.invalidate(token->authorization.reveal());
    }

    /// Returns whom tokens come from.
    Provider& provider() noexcept { return provider_; }

private:
    Provider provider_;
};
static_assert(Auth<GoogleAuth<gcp::FixedTokens>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
