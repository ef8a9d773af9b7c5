#ifndef BLUEPRINT_FAAS_PROVIDER_IMPL_DIGITALOCEAN_IPP
#define BLUEPRINT_FAAS_PROVIDER_IMPL_DIGITALOCEAN_IPP

#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/detail/wiped.hpp"
#include "blueprint/faas/provider/digitalocean.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::digitalocean {

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<Options> resolve(Options options, const faas::Environment& environment) {
    const auto told_by = [&](const char* variable) {
        const Secret text{environment.variable(variable).value_or("")};
        return Secret{faas::detail::trimmed(text.reveal())};
    };
    const auto wrong = [](const char* variable, std::string_view what) {
        return Error{.code = errc::invalid_configuration,
                     .message = std::string{variable} + " is no " + std::string{what},
                     .execution = Execution::not_started};
    };
    // They become parts of URLs, and are not shown: whoever puts a key into the wrong variable would find it in a log.
    const auto fill = [&](std::string& option, const char* variable, std::string_view begin, std::string_view what) {
        if (!option.empty()) return result<void>{};
        const auto told = told_by(variable);
        constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
        if (!told.reveal().starts_with(begin) && !told.empty()) return result<void>{wrong(variable, what)};
        if (told.reveal().find_first_not_of(allowed) != std::string_view::npos || told.size() > 64)
            return result<void>{wrong(variable, what)};
        option = told.reveal();
        return result<void>{};
    };
    const auto fill_url = [&](std::string& option, const char* variable) {
        if (!option.empty()) return result<void>{};
        const auto told = told_by(variable);
        if (told.empty()) return result<void>{};
        const auto url = faas::detail::parse_url(told.reveal());
        if (!url) return result<void>{wrong(variable, "address: " + url.error().message)};
        if (url->target.find('?') != std::string::npos)
            return result<void>{wrong(variable, "address of an API: it has a query")};
        option = told.reveal();
        while (option.ends_with('/')) option.pop_back();
        return result<void>{};
    };
    if (auto good = fill(options.namespace_id, "BLUEPRINT_DIGITALOCEAN_NAMESPACE", "fn-",
                         "id of a namespace: that begins with 'fn-'; 'doctl serverless namespaces list' shows it");
        !good)
        return std::move(good).error();
    if (auto good = fill(options.region, "BLUEPRINT_DIGITALOCEAN_REGION", "", "name of a region, such as nyc1"); !good)
        return std::move(good).error();
    for (auto [option, variable] : {std::pair{&options.api_host, "BLUEPRINT_DIGITALOCEAN_API_HOST"},
                                    std::pair{&options.endpoint, "DIGITALOCEAN_API_URL"}})
        if (auto good = fill_url(*option, variable); !good) return std::move(good).error();
    if (options.access_key.empty()) {
        options.access_key = told_by("BLUEPRINT_DIGITALOCEAN_ACCESS_KEY");
        const auto key = options.access_key.reveal();
        const auto colon = key.find(':');
        const bool whole = colon != std::string_view::npos && colon != 0 && colon + 1 != key.size();
        const bool printable = key.find_first_of(" \t\r\n\"'") == std::string_view::npos;
        if (!key.empty() && (!whole || !printable))
            return wrong("BLUEPRINT_DIGITALOCEAN_ACCESS_KEY",
                         "access key of a namespace: that is its id, a colon and its secret, 'dof_v1_…:…', as "
                         "'doctl serverless key create' tells them");
    }
    return options;
}

}  // namespace blueprint::faas::digitalocean

#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
namespace blueprint::faas {

template asio::awaitable<result<JobResult>>
    FaasExecutor<HttpsTransport, DigitalOceanAuth, DigitalOceanCodec<Base64Json>>::invoke(JobCall);
template asio::awaitable<result<Invocation>>
    FaasExecutor<HttpsTransport, DigitalOceanAuth, DigitalOceanCodec<Base64Json>>::invoke_with_metrics(JobCall);

template result<digitalocean::FunctionsExecutor> digitalocean::create<Base64Json>(asio::any_io_executor,
                                                                                  digitalocean::Options,
                                                                                  const digitalocean::ClientOptions&,
                                                                                  const Environment&);

}  // namespace blueprint::faas
#endif

#endif
