#ifndef BLUEPRINT_FAAS_AUTH_AZURE_AD_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_AD_HPP

#include "blueprint/faas/auth/azure/clouds.hpp"
#include "blueprint/faas/auth/azure/tokens.hpp"
#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/detail/declare.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

namespace azure {

/// What tokens are asked for: who is asked with them checks that.
struct Scopes {
    std::string management = public_cloud.management_scope();
    std::string storage{storage_scope};
};

/// Returns the scopes of a cloud: `scopes_of(cloud_of(authority))`.
inline Scopes scopes_of(const Cloud& cloud) { return {.management = cloud.management_scope()}; }

/// Puts a token into a request. Only whoever manages is asked with one.
template <class Purpose>
void present(HttpRequest& request, Purpose, const AccessToken& token) {
    static_assert(
        std::is_same_v<Purpose, purpose::ControlPlane>,
        "a token is for Azure's own APIs: calling a function wants its key (x-functions-key), and a token would let "
        "the function act for us; an upload's URL is its permission");
    request.headers.set("Authorization", token.authorization.reveal());
}

/// Reads the claims that Azure demands of the next token when it refuses one before its time: JSON as text; nothing if
/// it demands none. `WWW-Authenticate: Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`
/// Source: Microsoft identity platform, "Claims challenges, claims requests, and client capabilities".
BLUEPRINT_FAAS_DECL std::optional<std::string> demanded_claims(const Headers& answer);

}  // namespace azure

/// Asks as an identity of Microsoft Entra ID (once called Azure AD): with a token for Azure's management API, which the
/// deployment host of an app takes too, or for `ControlPlane{"storage"}` one for blob storage. Where a function is
/// called nothing is added, because its key is the permission, nor where an upload is authorised already. A token that
/// is ready is sent at once; else it is fetched before the deadline. When Azure ends a token before its time and says
/// which claims it wants, the next one is asked for with these, once. Copies share the tokens. Safe to use from several
/// threads.
template <azure::TokenProvider Provider>
class AzureAd {
public:
    static constexpr bool reveals_secret = true;  // who reads a token can use it

    explicit AzureAd(Provider provider, azure::Scopes scopes = {})
        : provider_{std::move(provider)}, scopes_{std::move(scopes)} {}

    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose) {
        return authorize(request, purpose, Deadline::max());
    }
    template <class Purpose>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose,
                                                                [[maybe_unused]] Deadline deadline) {
        if (try_authorize(request, purpose)) co_return result<void>{};
        if constexpr (std::is_same_v<Purpose, purpose::ControlPlane>) {
            std::string scope{scope_of(purpose)};
            if (scope.empty())
                co_return Error{.code = errc::unsupported,
                                .message = "AzureAd has no token for the service '" + std::string{purpose.service} +
                                           "'; it knows \"\" (management) and \"storage\"",
                                .execution = Execution::not_started};
            auto getting = provider_.get(std::move(scope), deadline);
            auto token = co_await std::move(getting);
            if (!token) co_return std::move(token).error();
            azure::present(request, purpose, **token);
        }
        co_return result<void>{};
    }
    /// Sends the token that is ready, if one is.
    template <class Purpose>
    bool try_authorize([[maybe_unused]] HttpRequest& request, [[maybe_unused]] Purpose purpose) {
        if constexpr (std::is_same_v<Purpose, purpose::ControlPlane>) {
            const auto token = provider_.ready(scope_of(purpose));
            if (token) azure::present(request, purpose, *token);
            return token != nullptr;
        } else {
            static_assert(std::is_same_v<Purpose, purpose::Invocation> || std::is_same_v<Purpose, purpose::Upload>);
            return true;
        }
    }

    /// Takes note of what Azure demands of the next token, if it refused this one for that.
    void observe(const HttpRequest& request, const HttpResponse& answer) {
        if (answer.status == 401) take_note(request, answer);
    }
    /// Drops the token that the refused request was sent with; another one that came meanwhile stays. False if it was
    /// sent with none.
    bool invalidate(const HttpRequest& request) noexcept {
        const auto sent = request.headers.get("Authorization");
        return sent && provider_.invalidate(*sent);
    }
    /// Drops the tokens, for the management API and for storage.
    bool invalidate() noexcept {
        bool another = true;
        for (const auto* scope : {&scopes_.management, &scopes_.storage})
            if (const auto token = provider_.ready(*scope))
                another = provider_.invalidate(token->authorization.reveal()) && another;
        return another;
    }

    /// Returns whom tokens come from.
    Provider& provider() noexcept { return provider_; }
    const azure::Scopes& scopes() const noexcept { return scopes_; }

private:
    BLUEPRINT_FAAS_COLD void take_note(const HttpRequest& request, const HttpResponse& answer) {
        const auto sent = request.headers.get("Authorization");
        if (!sent) return;
        auto claims = azure::demanded_claims(answer.headers);
        if (claims) provider_.demand(*sent, std::move(*claims));
    }
    std::string_view scope_of(purpose::ControlPlane purpose) const noexcept {
        if (purpose.service.empty()) return scopes_.management;
        return purpose.service == "storage" ? std::string_view{scopes_.storage} : std::string_view{};
    }

    Provider provider_;
    azure::Scopes scopes_;
};
static_assert(Auth<AzureAd<azure::FixedTokens>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/azure/impl/challenge.ipp"
#endif

#endif
