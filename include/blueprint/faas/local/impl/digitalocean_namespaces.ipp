#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_NAMESPACES_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_DIGITALOCEAN_NAMESPACES_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/digitalocean_namespaces.hpp"
#include "blueprint/faas/local/random.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL DigitalOceanKey* DigitalOceanNamespace::find_key(std::string_view key_id) {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& one) { return one.id == key_id; });
    return found == keys.end() ? nullptr : &*found;
}

BLUEPRINT_FAAS_DECL const DigitalOceanKey* DigitalOceanNamespace::key_named(std::string_view name) const {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& one) { return one.name == name; });
    return found == keys.end() ? nullptr : &*found;
}

BLUEPRINT_FAAS_DECL std::pair<const DigitalOceanKey*, Secret> DigitalOceanNamespace::make_key(
    std::string name, std::optional<std::chrono::hours> life, std::chrono::system_clock::time_point now) {
    std::array<std::uint8_t, 16> random{};
    draw_random(random);
    Secret secret = "fn_secret_" + Secret{random_text(32)};
    DigitalOceanKey made{.id = "dof_v1_" + faas::detail::hex_encode(random),
                         .name = std::move(name),
                         .secret = faas::detail::sha256(faas::detail::bytes_of(secret.reveal())),
                         .created = now,
                         .updated = now};
    if (life) made.expires = now + *life;
    keys.push_back(std::move(made));
    return {&keys.back(), std::move(secret)};
}

BLUEPRINT_FAAS_DECL bool DigitalOceanNamespace::remove_key(std::string_view key_id) {
    return std::erase_if(keys, [&](const auto& one) { return one.id == key_id; }) > 0;
}

BLUEPRINT_FAAS_DECL DigitalOceanNamespaces::DigitalOceanNamespaces(const DigitalOceanOptions& options,
                                                                   const PlatformClock& clock)
    : options_{options}, clock_{clock} {
    if (options.app_label.empty()) return;
    namespaces_.push_back(
        {.id = "ap-" + random_uuid(), .label = options.app_label, .region = "nyc1", .created = clock.now()});
}

BLUEPRINT_FAAS_DECL DigitalOceanNamespace* DigitalOceanNamespaces::find(std::string_view id) {
    const auto found =
        std::find_if(namespaces_.begin(), namespaces_.end(), [&](const auto& one) { return one.id == id; });
    return found == namespaces_.end() ? nullptr : &*found;
}

BLUEPRINT_FAAS_DECL bool DigitalOceanNamespaces::full() const noexcept {
    const auto of_others =
        std::count_if(namespaces_.begin(), namespaces_.end(), [](const auto& one) { return one.of_app_platform(); });
    return namespaces_.size() - static_cast<std::size_t>(of_others) >= options_.max_namespaces;
}

BLUEPRINT_FAAS_DECL const DigitalOceanNamespace& DigitalOceanNamespaces::make(std::string label, std::string region) {
    DigitalOceanNamespace made{
        .id = "fn-" + random_uuid(), .label = std::move(label), .region = std::move(region), .created = clock_.now()};
    if (options_.legacy_keys) {
        made.uuid = random_uuid();
        made.key = random_text(64);
    }
    return namespaces_.emplace_back(std::move(made));
}

BLUEPRINT_FAAS_DECL void DigitalOceanNamespaces::remove(std::string_view id) {
    std::erase_if(namespaces_, [&](const auto& one) { return one.id == id; });
}

BLUEPRINT_FAAS_DECL std::optional<std::string> DigitalOceanNamespaces::opened_by(std::string_view user,
                                                                                 const Secret& password) const {
    // Digests have one length, so that comparing them tells no other.
    const auto sent = faas::detail::sha256(faas::detail::bytes_of(password.reveal()));
    const auto fits = [&](const faas::detail::Sha256Digest& digest) {
        return CRYPTO_memcmp(digest.data(), sent.data(), sent.size()) == 0;
    };
    for (const auto& one : namespaces_) {
        for (const auto& key : one.keys)
            if (key.id == user && fits(key.secret) && (!key.expires || clock_.now() < *key.expires)) return one.id;
        if (!one.uuid.empty() && one.uuid == user &&
            fits(faas::detail::sha256(faas::detail::bytes_of(one.key.reveal()))))
            return one.id;
    }
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL bool DigitalOceanNamespaces::is_region(std::string_view slug) {
    static constexpr std::array<std::string_view, 9> slugs{"ams3", "blr1", "fra1", "lon1", "nyc1",
                                                           "sfo3", "sgp1", "syd1", "tor1"};
    return std::find(slugs.begin(), slugs.end(), slug) != slugs.end();
}

}  // namespace blueprint::faas::local

#endif
