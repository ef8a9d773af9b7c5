#ifndef BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_API_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_DIGITALOCEAN_API_IPP

#include "blueprint/faas/codec/digitalocean_api.hpp"
#include "blueprint/faas/codec/impl/answer_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::detail {

namespace digitalocean_api {

using answer_reading::for_people;
using answer_reading::refused;

// The data centre of each city that has functions. Source: doctl, commands/namespaces.go.
inline constexpr std::array<std::string_view, 9> regions{"ams3", "blr1", "fra1", "lon1", "nyc1",
                                                         "sfo3", "sgp1", "syd1", "tor1"};
inline constexpr std::size_t city_letters = 3;

BLUEPRINT_FAAS_COLD inline std::string every_region() {
    std::string text;
    for (const auto region : regions) text.append(text.empty() ? "" : ", ").append(region);
    return text;
}

inline bool only_letters_and_digits(std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        const char small = ascii_lower(c);
        return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
    });
}
inline bool is_line(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}
// It becomes a user's name and a password, which are told apart at the first colon.
BLUEPRINT_FAAS_COLD inline bool is_access_key(std::string_view text) {
    const auto colon = text.find(':');
    return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

BLUEPRINT_FAAS_COLD inline std::string shown(const DigitalOceanNamespace& one) {
    static constexpr std::size_t most = 48;
    const auto part = [](std::string_view text) { return for_people(text.substr(0, most)); };
    return "'" + part(one.label) + "' in " + part(one.region) + " (" + part(one.id) + ")";
}
BLUEPRINT_FAAS_COLD inline std::string shown(const std::vector<DigitalOceanNamespace>& some) {
    static constexpr std::size_t most = 10;  // an account has no more
    std::string text;
    for (std::size_t i = 0; i < std::min(some.size(), most); ++i)
        text.append(i == 0 ? "" : ", ").append(shown(some[i]));
    return text;
}

}  // namespace digitalocean_api

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL DigitalOceanApi::DigitalOceanApi(DigitalOceanOptions options)
    : options_{std::move(options)}, misconfigured_{check()} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> DigitalOceanApi::check() {
    using namespace digitalocean_api;
    static constexpr std::size_t longest_name = 64;
    static constexpr std::chrono::hours longest_life{24 * 3660};
    const auto wrong = [](std::string why) { return refused("DigitalOceanOptions: " + std::move(why)); };
    auto url = parse_url(options_.endpoint.empty() ? "https://api.digitalocean.com" : options_.endpoint);
    if (!url) return wrong("endpoint: " + std::move(url).error().message);
    if (url->target.find('?') != std::string::npos) return wrong("endpoint has a query, which has no meaning here");
    while (url->target.ends_with('/')) url->target.pop_back();
    base_ = std::move(*url);
    if (!options_.region.empty()) {
        auto slug = region_slug(options_.region);
        if (!slug) return wrong("region: " + std::move(slug).error().message);
        region_ = std::move(*slug);
    }
    const auto& id = options_.namespace_id;
    if (id.starts_with("ap-"))
        return wrong(
            "namespace_id is one of App Platform's, which deploys there itself; name one that begins with fn-");
    if (!only_letters_and_digits(id, "-_")) return wrong("namespace_id is no id of one, such as fn-0f1e2d3c-…");
    if (!is_line(options_.label)) return wrong("label has a control character");
    if (!options_.access_key.empty() && !is_access_key(options_.access_key.reveal()))
        return wrong("access_key is none; it is the key's id and its secret with a colon between, dof_v1_…:secret");
    const bool looks_nothing_up = !options_.api_host.empty() && !options_.access_key.empty();
    if (options_.label.empty() && id.empty() && !looks_nothing_up)
        return wrong("label and namespace_id are empty; one of them has to name the namespace");
    if (options_.key_name.empty() || options_.key_name.size() > longest_name || !is_line(options_.key_name))
        return wrong("key_name is no name of a key: 1 to 64 characters, none of them a control character");
    if (options_.key_life < std::chrono::hours{1} || options_.key_life > longest_life)
        return wrong("key_life is " + std::to_string(options_.key_life.count()) +
                     " h; DigitalOcean takes 1 h at least, and more than ten years is meant for no key");
    return std::nullopt;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool DigitalOceanApi::can_make() const noexcept {
    // A key that is given cannot be of a namespace that is not there yet.
    return options_.create && !region_.empty() && options_.namespace_id.empty() && options_.access_key.empty();
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::string> DigitalOceanApi::region_slug(std::string_view region) {
    using namespace digitalocean_api;
    std::string slug{region};
    std::transform(slug.begin(), slug.end(), slug.begin(), ascii_lower);
    const bool is_city = slug.size() >= city_letters && only_letters_and_digits(slug, "") &&
                         slug.find_first_of("0123456789") >= city_letters;
    const auto city = is_city ? std::string_view{slug}.substr(0, city_letters) : std::string_view{};
    const auto* const near =
        std::find_if(regions.begin(), regions.end(), [&](auto one) { return one.substr(0, city_letters) == city; });
    if (near == regions.end()) {
        // A city that was added later looks like the others, and the API itself knows best.
        const auto number = is_city ? std::string_view{slug}.substr(city_letters) : std::string_view{};
        if (number.size() == 1 && number.find_first_not_of("0123456789") == std::string_view::npos) return slug;
        return refused("'" + for_people(region) + "' is no region; those that have functions are " + every_region());
    }
    if (slug == city || slug == *near) return std::string{*near};
    return refused("'" + for_people(region) + "' is no region that has functions; the one there is " +
                   std::string{*near} + ", and others are " + every_region());
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest DigitalOceanApi::request(Verb verb, std::string_view below) const {
    HttpRequest out;
    out.origin = base_.origin;
    out.verb = verb;
    out.target = base_.target;
    out.target.append("/v2/functions/namespaces").append(below);
    out.headers.set("Accept", "application/json");
    return out;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest DigitalOceanApi::list_namespaces() const {
    return request(Verb::get, "");
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest DigitalOceanApi::create_namespace() const {
    auto out = request(Verb::post, "");
    out.headers.set("Content-Type", "application/json");
    out.body = boost::json::serialize(boost::json::object{{"region", region_}, {"label", options_.label}});
    return out;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest DigitalOceanApi::create_key(std::string_view namespace_id,
                                                                                std::string_view name) const {
    auto out = request(Verb::post, '/' + percent_encode(namespace_id) + "/keys");
    out.headers.set("Content-Type", "application/json");
    out.body = boost::json::serialize(
        boost::json::object{{"name", name}, {"expires_in", std::to_string(options_.key_life.count()) + 'h'}});
    return out;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest DigitalOceanApi::delete_key(std::string_view namespace_id,
                                                                                std::string_view key_id) const {
    return request(Verb::del, '/' + percent_encode(namespace_id) + "/keys/" + percent_encode(key_id));
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::optional<DigitalOceanNamespace>> DigitalOceanApi::choose(
    const std::vector<DigitalOceanNamespace>& there) const {
    using namespace digitalocean_api;
    const bool by_id = !options_.namespace_id.empty();
    std::vector<DigitalOceanNamespace> meant;
    for (const auto& one : there)
        if (by_id ? one.id == options_.namespace_id : one.label == options_.label) meant.push_back(one);
    if (by_id && meant.empty())
        return refused("DigitalOceanOptions::namespace_id: the account that the API token is of has no namespace " +
                       for_people(options_.namespace_id) + (there.empty() ? "" : "; it has " + shown(there)));
    if (!region_.empty() && !meant.empty()) {
        const auto elsewhere = shown(meant);
        std::erase_if(meant, [&](const auto& one) { return !iequals(one.region, region_); });
        if (meant.empty())
            return refused("the namespace " + elsewhere + " is not in " + region_ +
                           "; change DigitalOceanOptions::region, or name another namespace");
    }
    if (meant.size() > 1)
        return refused("more than one namespace is meant: " + shown(meant) +
                       "; say which one by DigitalOceanOptions::namespace_id" +
                       (region_.empty() ? " or DigitalOceanOptions::region" : ""));
    if (meant.empty()) return std::optional<DigitalOceanNamespace>{};
    return std::optional{std::move(meant.front())};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Error
DigitalOceanApi::absent(const std::vector<DigitalOceanNamespace>& there) const {
    using namespace digitalocean_api;
    Error error{.code = errc::not_found, .platform_code = "not_found", .execution = Execution::not_started};
    error.message = "there is no namespace of DigitalOcean Functions with the label '" + for_people(options_.label) +
                    "'" + (region_.empty() ? "" : " in " + region_);
    if (!there.empty()) error.message += ", only " + shown(there);
    if (can_make()) {
        error.message += "; deploy a job first, which makes it";
    } else if (!options_.create) {
        error.message += "; make it, or set DigitalOceanOptions::create";
    } else if (!options_.access_key.empty()) {
        error.message += "; name the one that DigitalOceanOptions::access_key opens";
    } else {
        error.message += "; give DigitalOceanOptions::region, such as nyc1, where deploying a job shall make it";
    }
    return error;
}

}  // namespace blueprint::faas::detail

#endif
