#ifndef BLUEPRINT_FAAS_CODEC_DIGITALOCEAN_OPTIONS_HPP
#define BLUEPRINT_FAAS_CODEC_DIGITALOCEAN_OPTIONS_HPP

#include "blueprint/faas/codec/openwhisk_options.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <string>

namespace blueprint::faas {

/// How jobs become functions of one DigitalOcean namespace. It is named by its id, or found by label and region; with
/// an address and an access key of its own no API of DigitalOcean's is asked.
struct DigitalOceanOptions {
    std::string label = "blueprint";  ///< of the namespace
    /// "nyc1": where the namespace is made, and is to be. Empty: wherever one of that label is; none is made then.
    std::string region{};
    std::string namespace_id{};  ///< "fn-…": one that is there, whatever its label is
    bool create = true;          ///< a namespace that is missing is made, if `region` says where

    /// Where the namespace's functions are: "https://faas-nyc1-….doserverless.co". Empty: asked for.
    std::string api_host{};
    /// A namespace access key, "dof_v1_…:secret". Empty: one is made for this executor, and removed by `release`.
    Secret access_key{};
    std::string key_name = "blueprint-faas";  ///< begins the names of keys that are made
    std::chrono::hours key_life{24};          ///< of a key that is made; DigitalOcean takes 1 h at least

    std::string endpoint{};  ///< of the management API; empty: "https://api.digitalocean.com"
    OpenWhiskActionOptions actions{};
};

}  // namespace blueprint::faas

#endif
