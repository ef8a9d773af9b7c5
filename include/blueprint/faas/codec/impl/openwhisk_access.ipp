#ifndef BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACCESS_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_OPENWHISK_ACCESS_IPP

#include "blueprint/faas/codec/openwhisk_access.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/wiped.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Secret basic_authorization(const Secret& user_and_password) {
    return "Basic " + Secret{base64_encode(bytes_of(user_and_password.reveal()))};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Url> openwhisk_api_url(std::string_view api_host) {
    static constexpr std::string_view api = "/api/v1";
    const auto text = trimmed(api_host);
    auto url = text.find("://") == std::string_view::npos ? parse_url("https://" + std::string{text}) : parse_url(text);
    if (!url) return url;
    if (url->target.find('?') != std::string::npos)
        return Error{.code = errc::invalid_configuration,
                     .message =
                         "bad URL: it has a query, which has no meaning here; it should look like "
                         "https://openwhisk.example.com",
                     .execution = Execution::not_started};
    while (url->target.ends_with('/')) url->target.pop_back();
    if (!url->target.ends_with(api)) url->target += api;
    return url;
}

}  // namespace blueprint::faas::detail

#endif
