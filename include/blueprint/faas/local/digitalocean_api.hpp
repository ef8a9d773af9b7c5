#ifndef BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_API_HPP
#define BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_API_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/digitalocean_namespaces.hpp"
#include "blueprint/faas/local/digitalocean_options.hpp"
#include "blueprint/faas/local/digitalocean_rates.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/platform_clock.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// Words a refusal as DigitalOcean's API does: `{"id":"not_found","message":"…","request_id":"…"}`.
/// Source: DigitalOcean API reference, "HTTP Statuses".
BLUEPRINT_FAAS_DECL ServerAnswer digitalocean_failure(unsigned status, std::string_view id, std::string_view message);

/// DigitalOcean's API of namespaces and their access keys, below `/v2/functions/namespaces`. A namespace is called by
/// its id; nothing says that two may not have one label. On the platform's strand only.
/// Source: github.com/digitalocean/openapi, `specification/`.
class DigitalOceanApi {
public:
    static constexpr std::uint64_t body_bytes = 64U << 10;

    /// All must outlive it.
    DigitalOceanApi(const DigitalOceanOptions& options, const PlatformClock& clock, DigitalOceanNamespaces& namespaces)
        : options_{options}, clock_{clock}, namespaces_{namespaces}, rates_{options, clock} {}

    static bool takes(const ServerRequest& head) { return head.target == "/v2" || head.target.starts_with("/v2/"); }
    /// Judges who asks, how often, and what for.
    Admission admit(const ServerRequest& head);
    /// Answers a request that `admit` let pass. `removed` is told the id of a namespace that is removed.
    ServerAnswer answer(const ServerRequest& request, const std::function<void(const std::string&)>& removed);
    /// Where the functions of all namespaces are.
    void reached_at(std::string url) { url_ = std::move(url); }

private:
    enum class Operation { none, list, create, get, remove, list_keys, make_key, rename_key, remove_key };
    struct Call {
        Operation operation = Operation::none;
        std::string name_space{};
        std::string key{};
    };
    /// Who shows which token.
    struct Caller {
        std::string digest{};  // of the token; empty: of nobody who is known
        bool reads_only = false;
    };

    Caller judge(const ServerRequest& head) const;
    static Call call_of(const ServerRequest& head);
    std::optional<ServerAnswer> refuse(const ServerRequest& head, const Caller& caller) const;
    static ServerAnswer with_rate(ServerAnswer answer, const DigitalOceanRate& rate);
    ServerAnswer perform(const ServerRequest& request, const std::function<void(const std::string&)>& removed);
    ServerAnswer perform_on_keys(const Call& call, DigitalOceanNamespace& in, const boost::json::object& body);
    ServerAnswer create(const boost::json::object& body);
    ServerAnswer make_key(DigitalOceanNamespace& in, const boost::json::object& body);
    ServerAnswer rename_key(DigitalOceanNamespace& in, DigitalOceanKey& key, const boost::json::object& body);
    boost::json::object show(const DigitalOceanNamespace& one) const;

    const DigitalOceanOptions& options_;
    const PlatformClock& clock_;
    DigitalOceanNamespaces& namespaces_;
    DigitalOceanRates rates_;
    std::string url_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/digitalocean_api.ipp"
#endif

#endif
