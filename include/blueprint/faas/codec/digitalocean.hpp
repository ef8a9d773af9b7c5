#ifndef BLUEPRINT_FAAS_CODEC_DIGITALOCEAN_HPP
#define BLUEPRINT_FAAS_CODEC_DIGITALOCEAN_HPP

#include "blueprint/faas/codec/digitalocean_options.hpp"
#include "blueprint/faas/codec/impl/digitalocean_place.hpp"
#include "blueprint/faas/codec/openwhisk.hpp"
#include "blueprint/faas/codec/payload.hpp"

namespace blueprint::faas {

/// Speaks the API of DigitalOcean Functions, which is OpenWhisk's beside one of its own for namespaces and access keys.
/// The token for that one is the Auth's to add; functions are reached by an access key, which is given, or made for
/// this executor and removed by `release`.
template <PayloadFormat Format = Base64Json>
using DigitalOceanCodec = BasicOpenWhiskCodec<detail::DigitalOceanPlace, Format>;
static_assert(Codec<DigitalOceanCodec<>>);

}  // namespace blueprint::faas

#endif
