#ifndef BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_NAMESPACES_HPP
#define BLUEPRINT_FAAS_LOCAL_DIGITALOCEAN_NAMESPACES_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/digitalocean_options.hpp"
#include "blueprint/faas/local/platform_clock.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::local {

/// An access key of a namespace. Its secret is told once and is not kept.
struct DigitalOceanKey {
    std::string id{};  ///< "dof_v1_…"
    std::string name{};
    faas::detail::Sha256Digest secret{};
    std::optional<std::chrono::system_clock::time_point> expires{};  ///< nothing: never
    std::chrono::system_clock::time_point created{};
    std::chrono::system_clock::time_point updated{};
};

/// A namespace of the account's.
struct DigitalOceanNamespace {
    std::string id{};  ///< "fn-…", or "ap-…" for one of App Platform's
    std::string label{};
    std::string region{};  ///< "nyc1"
    std::string uuid{};    ///< with `key` what opened the namespace until 2026
    Secret key{};
    std::chrono::system_clock::time_point created{};
    std::list<DigitalOceanKey> keys{};

    bool of_app_platform() const noexcept { return id.starts_with("ap-"); }
    DigitalOceanKey* find_key(std::string_view key_id);
    const DigitalOceanKey* key_named(std::string_view name) const;
    /// Makes a key, and returns its secret with it.
    std::pair<const DigitalOceanKey*, Secret> make_key(std::string name, std::optional<std::chrono::hours> life,
                                                       std::chrono::system_clock::time_point now);
    /// Removes a key; false: there is none of that id.
    bool remove_key(std::string_view key_id);
};

/// The namespaces of one account, and what opens them. On the platform's strand only.
class DigitalOceanNamespaces {
public:
    /// Both must outlive it.
    DigitalOceanNamespaces(const DigitalOceanOptions& options, const PlatformClock& clock);

    const std::list<DigitalOceanNamespace>& all() const noexcept { return namespaces_; }
    /// Returns the one with that id; null: there is none.
    DigitalOceanNamespace* find(std::string_view id);
    /// Tells whether there is room for one more.
    bool full() const noexcept;
    const DigitalOceanNamespace& make(std::string label, std::string region);
    void remove(std::string_view id);
    /// Returns the id of the namespace that a user and a password open; nothing: none.
    std::optional<std::string> opened_by(std::string_view user, const Secret& password) const;

    /// Tells whether functions can be in that region, named by its data centre: "nyc1", not "nyc".
    /// Source: github.com/digitalocean/doctl, `commands/namespaces.go`.
    static bool is_region(std::string_view slug);

private:
    const DigitalOceanOptions& options_;
    const PlatformClock& clock_;
    std::list<DigitalOceanNamespace> namespaces_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/digitalocean_namespaces.ipp"
#endif

#endif
