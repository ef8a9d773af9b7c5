#ifndef BLUEPRINT_FAAS_CODEC_OPENWHISK_ACCESS_HPP
#define BLUEPRINT_FAAS_CODEC_OPENWHISK_ACCESS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/secret.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas::detail {

/// Where the actions of an OpenWhisk namespace are, and what opens it.
struct OpenWhiskAccess {
    Url api{};                     ///< "https://host/api/v1": the target has no '/' at its end
    std::string name_space = "_";  ///< "_": the one that `authorization` belongs to
    Secret authorization{};        ///< the whole value of the header field, "Basic ..."

    friend bool operator==(const OpenWhiskAccess& a, const OpenWhiskAccess& b) noexcept {
        return a.api.origin == b.api.origin && a.api.target == b.api.target && a.name_space == b.name_space &&
               a.authorization == b.authorization;
    }
};

/// Writes "user:password" as the header field Authorization takes it: "Basic <Base64>". What it takes for that is
/// wiped. Source: RFC 7617, section 2.
BLUEPRINT_FAAS_DECL Secret basic_authorization(const Secret& user_and_password);

/// Finds OpenWhisk's API on a host that is given as people and platforms write it: "host", "https://host",
/// "http://127.0.0.1:3233", also with a path, with "/api/v1" at the end or without. A host without a scheme is one of
/// https. `errc::invalid_configuration` says what is wrong, and shows nothing of `api_host`.
/// Source: OpenWhisk documentation, "Using REST APIs with OpenWhisk".
BLUEPRINT_FAAS_DECL result<Url> openwhisk_api_url(std::string_view api_host);

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/openwhisk_access.ipp"
#endif

#endif
