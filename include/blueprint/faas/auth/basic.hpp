#ifndef BLUEPRINT_FAAS_AUTH_BASIC_HPP
#define BLUEPRINT_FAAS_AUTH_BASIC_HPP

#include "blueprint/faas/auth/api_key.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/secret.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace blueprint::faas {

/// Sends a user name and password. The name must not contain ':', which would end it early.
/// Source: RFC 7617, "The 'Basic' Authentication Scheme".
class Basic : public ApiKey {
public:
    Basic(std::string_view user, const Secret& password) : ApiKey{"Authorization", field(user, password)} {}

private:
    static Secret field(std::string_view user, const Secret& password) {
        const Secret pair = std::string{user} + ':' + password;
        const Secret encoded =
            detail::base64_encode({reinterpret_cast<const std::uint8_t*>(pair.reveal().data()), pair.reveal().size()});
        return "Basic " + encoded;
    }
};
static_assert(Auth<Basic>);

}  // namespace blueprint::faas

#endif
