#ifndef BLUEPRINT_FAAS_AUTH_API_KEY_HPP
#define BLUEPRINT_FAAS_AUTH_API_KEY_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/secret.hpp"

#include <string>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Sends a fixed key in the header field `header`, as Azure function keys and many custom platforms want it.
class ApiKey {
public:
    static constexpr bool reveals_secret = true;  // must not meet a Transport that does not encrypt
    ApiKey(std::string header, Secret key) : header_{std::move(header)}, key_{std::move(key)} {}

    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose) const {
        try_authorize(request, purpose);
        co_return result<void>{};
    }
    template <class Purpose>
    bool try_authorize(HttpRequest& request, Purpose) const {
        if constexpr (!std::is_same_v<Purpose, purpose::Upload>) request.headers.set(header_, key_.reveal());
        return true;
    }
    bool invalidate() noexcept { return false; }  // a fixed key has no fresher version

private:
    std::string header_;
    Secret key_;
};
static_assert(Auth<ApiKey>);

/// Sends a fixed bearer token. Source: RFC 6750, "Authorization Request Header Field".
class Bearer : public ApiKey {
public:
    explicit Bearer(const Secret& token) : ApiKey{"Authorization", "Bearer " + token} {}
};
static_assert(Auth<Bearer>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
