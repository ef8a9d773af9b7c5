#ifndef BLUEPRINT_FAAS_CODEC_DIGITALOCEAN_API_HPP
#define BLUEPRINT_FAAS_CODEC_DIGITALOCEAN_API_HPP

#include "blueprint/faas/codec/digitalocean_options.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::detail {

/// A namespace of DigitalOcean Functions, as the API tells it.
struct DigitalOceanNamespace {
    std::string id{};  ///< "fn-…"; never the label (D1)
    std::string label{};
    std::string region{};    ///< "nyc1"
    std::string api_host{};  ///< as it is to be asked: "https://faas-nyc1-….doserverless.co"; empty: not told
    /// "uuid:key", the namespace's own key of before 2026. Empty: not told.
    Secret legacy_key{};
};

/// A namespace access key that was just made.
struct DigitalOceanKey {
    std::string id{};  ///< "dof_v1_…", which is the user's name
    Secret secret{};   ///< told this once
    /// From its making to its end, by DigitalOcean's clock; nothing: not told.
    std::optional<std::chrono::milliseconds> life{};
};

/// DigitalOcean's own API in its wire format, as far as functions need it: which namespaces there are, and the keys
/// that open them. What is in a namespace is OpenWhisk's (D2). Immutable after construction. Source: DigitalOcean API
/// (OpenAPI), "Functions".
class DigitalOceanApi {
public:
    BLUEPRINT_FAAS_DECL explicit DigitalOceanApi(DigitalOceanOptions options);

    /// Tells what is wrong with the options; every operation answers with it.
    const std::optional<Error>& misconfigured() const noexcept { return misconfigured_; }
    const DigitalOceanOptions& options() const noexcept { return options_; }
    /// "nyc1": the region as the API writes it; empty: any.
    const std::string& region() const noexcept { return region_; }
    /// Tells whether a namespace that is missing may be made, as far as the options say.
    BLUEPRINT_FAAS_DECL bool can_make() const noexcept;

    /// Returns a region as the API writes it: "nyc" and "NYC1" are "nyc1". `errc::invalid_configuration`, with what
    /// there is, for a region that has no functions, such as "nyc3". Source: doctl, "namespaces create".
    BLUEPRINT_FAAS_DECL static result<std::string> region_slug(std::string_view region);

    BLUEPRINT_FAAS_DECL HttpRequest list_namespaces() const;
    /// Makes a namespace of the options' label and region.
    BLUEPRINT_FAAS_DECL HttpRequest create_namespace() const;
    /// Makes an access key that ends by itself after `key_life`.
    BLUEPRINT_FAAS_DECL HttpRequest create_key(std::string_view namespace_id, std::string_view name) const;
    BLUEPRINT_FAAS_DECL HttpRequest delete_key(std::string_view namespace_id, std::string_view key_id) const;

    /// Says what an answer means as a failure; nothing if its status is a success. `errc::not_found` is said of what
    /// the API itself says is absent, never of a page by somebody else (C11). `platform_code` is DigitalOcean's `id`:
    /// "too_many_requests".
    BLUEPRINT_FAAS_DECL static std::optional<Error> judge(const HttpResponse& answer);

    /// Reads the namespaces that may be touched: those of App Platform are left out. Wipes the answer, which has keys.
    BLUEPRINT_FAAS_DECL static result<std::vector<DigitalOceanNamespace>> read_namespaces(HttpResponse& answer);
    /// The same of one that was made.
    BLUEPRINT_FAAS_DECL static result<DigitalOceanNamespace> read_namespace(HttpResponse& answer);
    /// Reads a key that was made. Wipes the answer.
    BLUEPRINT_FAAS_DECL static result<DigitalOceanKey> read_key(HttpResponse& answer);

    /// Chooses the namespace that the options mean: by id, else by label and region (D1). Nothing: there is none, and
    /// one may be made. An error: it cannot be told which one is meant, or it is not where it is to be.
    BLUEPRINT_FAAS_DECL result<std::optional<DigitalOceanNamespace>> choose(
        const std::vector<DigitalOceanNamespace>& there) const;
    /// The error of a namespace that is not there: what is, and what to do.
    BLUEPRINT_FAAS_DECL Error absent(const std::vector<DigitalOceanNamespace>& there) const;

private:
    BLUEPRINT_FAAS_DECL std::optional<Error> check();
    BLUEPRINT_FAAS_DECL HttpRequest request(Verb verb, std::string_view below) const;

    DigitalOceanOptions options_;
    Url base_{};
    std::string region_{};
    std::optional<Error> misconfigured_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/codec/impl/digitalocean_answers.ipp"
#include "blueprint/faas/codec/impl/digitalocean_api.ipp"
#endif

#endif
