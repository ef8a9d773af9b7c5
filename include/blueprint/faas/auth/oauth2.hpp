#ifndef BLUEPRINT_FAAS_AUTH_OAUTH2_HPP
#define BLUEPRINT_FAAS_AUTH_OAUTH2_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/auth/token_cache.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wait.hpp"
#include "blueprint/faas/environment.hpp"
#include "blueprint/faas/resilience/retry.hpp"
#include "blueprint/faas/secret.hpp"
#include "blueprint/faas/transport/concept.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// How a client proves to the token endpoint who it is.
enum class ClientAuthentication {
    basic,  ///< `client_secret_basic`: in the Authorization field, which every server must support
    post,   ///< `client_secret_post`: in the body, for servers that want it so
    tls,    ///< `tls_client_auth`: by the client certificate of the transport, without a secret
};

/// What `ClientCredentials` asks for, and whom.
struct ClientCredentialsOptions {
    std::string token_url{};  ///< "https://login.example.com/oauth2/token"
    std::string client_id{};
    Secret client_secret{};  ///< none with `ClientAuthentication::tls`
    ClientAuthentication authentication = ClientAuthentication::basic;
    std::string scope{};                                            ///< words parted by blanks; empty: not sent
    std::string audience{};                                         ///< for servers that want one; empty: not sent
    std::vector<std::string> resources{};                           ///< URIs the token is for (RFC 8707)
    std::vector<std::pair<std::string, std::string>> parameters{};  ///< further fields, as a server's document asks
    std::chrono::milliseconds timeout{30'000};                      ///< of one fetch, its retries included
    std::chrono::milliseconds default_lifetime{300'000};            ///< of a token whose answer does not tell
    RetryLimits retry{};
    TokenRules token{};
};

namespace detail {

/// What is said to a token endpoint and what its answers mean: no I/O. Immutable, so any thread may use it.
/// Source: RFC 6749, sections 2.3.1, 4.4, 5.1, 5.2; RFC 8705, section 2; RFC 8707, section 2.
class ClientCredentialsProtocol {
public:
    BLUEPRINT_FAAS_DECL explicit ClientCredentialsProtocol(ClientCredentialsOptions options);
    /// Says why no token can ever be fetched with these options; nothing: they are usable.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const ClientCredentialsOptions& options() const noexcept { return options_; }
    /// Makes the request, its secrets in memory that is wiped.
    BLUEPRINT_FAAS_DECL HttpRequest request() const;
    /// Reads the answer to a request made at `asked`: the whole Authorization value and when it ends, a second before
    /// what the server said; or what went wrong.
    BLUEPRINT_FAAS_DECL result<FetchedToken<Secret>> read(HttpResponse answer, TokenSchedule::Time asked) const;
    /// Words what the transport says when there was no answer.
    BLUEPRINT_FAAS_DECL Error unreachable(Error error) const;

private:
    Error refusal(const HttpResponse& answer) const;
    void hide_secret(std::string& text) const;

    ClientCredentialsOptions options_;
    Url url_{};
    std::string name_{};  // of the endpoint, in messages
    std::optional<Error> misconfigured_{};
};

}  // namespace detail

/// Asks as a client of an OAuth 2.0 server: fetches access tokens by the client credentials grant through a transport
/// of its own, keeps them (see `TokenCache`) and sends them as `Authorization: Bearer`, but never with an upload.
/// A token server that refuses the client is `errc::authentication`; one that cannot be reached or has a problem is
/// retried within `timeout`, and nobody waits for it beyond the deadline of his own call.
/// Copies share the token. Safe to use from every thread of the transport's executor; `environment` must outlive it.
template <Transport TransportPolicy>
class ClientCredentials {
    static_assert(TransportPolicy::confidential,
                  "a client secret and its tokens must not travel in the clear: reach the token endpoint by "
                  "HttpsTransport");

public:
    static constexpr bool reveals_secret = true;  // who reads a token can use it

    ClientCredentials(TransportPolicy transport, ClientCredentialsOptions options,
                      const Environment& environment = Environment::process())
        : ClientCredentials{std::make_shared<Endpoint>(std::move(transport), std::move(options), environment)} {}

    /// Says why no token can ever be fetched with these options; nothing: they are usable.
    const std::optional<Error>& misconfigured() const noexcept { return endpoint_->protocol.misconfigured(); }

    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose) {
        return authorize(request, purpose, Deadline::max());
    }
    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose, Deadline deadline) {
        if constexpr (!std::is_same_v<Purpose, purpose::Upload>) {
            if (misconfigured()) co_return *misconfigured();
            auto token = cache_->ready();
            if (!token) {
                auto fetched = co_await cache_->get(deadline);
                if (!fetched) co_return std::move(fetched).error();
                token = std::move(*fetched);
            }
            request.headers.set("Authorization", token->reveal());
        }
        co_return result<void>{};
    }
    /// Sends the token that is there, if one is.
    template <class Purpose>
    bool try_authorize(HttpRequest& request, Purpose) {
        if constexpr (!std::is_same_v<Purpose, purpose::Upload>) {
            const auto token = misconfigured() ? nullptr : cache_->ready();
            if (!token) return false;
            request.headers.set("Authorization", token->reveal());
        }
        return true;
    }
    bool invalidate() noexcept {
        return cache_->invalidate([](const Secret&) { return true; });
    }
    bool invalidate(const HttpRequest& request) noexcept {
        const auto sent = request.headers.get("Authorization");
        return cache_->invalidate([&](const Secret& kept) { return sent == kept.reveal(); });
    }

private:
    struct Endpoint {
        Endpoint(TransportPolicy way, ClientCredentialsOptions options, const Environment& world)
            : transport{std::move(way)}, protocol{std::move(options)}, environment{world} {}
        TransportPolicy transport;
        const detail::ClientCredentialsProtocol protocol;
        const Environment& environment;
    };

    explicit ClientCredentials(std::shared_ptr<Endpoint> endpoint)
        : endpoint_{std::move(endpoint)},
          cache_{std::make_shared<TokenCache<Secret>>(
              endpoint_->transport.get_executor(), [endpoint = endpoint_] { return fetch(endpoint); },
              endpoint_->protocol.options().token, endpoint_->environment)} {}

    static asio::awaitable<result<FetchedToken<Secret>>> fetch(std::shared_ptr<Endpoint> endpoint) {
        const auto& options = endpoint->protocol.options();
        const Deadline deadline = deadline_after(options.timeout);
        RetrySchedule schedule{options.retry};
        for (;;) {
            const HttpRequest request = endpoint->protocol.request();
            const auto asked = endpoint->environment.now();
            auto answer = co_await endpoint->transport.exchange(request, deadline);
            Error error;
            if (answer) {
                auto token = endpoint->protocol.read(std::move(*answer), asked);
                if (token) co_return std::move(token);
                error = std::move(token).error();
            } else {
                error = endpoint->protocol.unreachable(std::move(answer).error());
            }
            const auto delay = schedule.after(error, endpoint->environment.jitter());
            if (!delay || *delay >= time_left(deadline)) co_return error;
            const bool waited = co_await detail::wait_for(*delay);
            if (!waited) co_return Error{.code = errc::cancelled, .message = "cancelled between two token requests"};
        }
    }

    std::shared_ptr<Endpoint> endpoint_;
    std::shared_ptr<TokenCache<Secret>> cache_;
};

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/impl/oauth2.ipp"
#endif

#endif
