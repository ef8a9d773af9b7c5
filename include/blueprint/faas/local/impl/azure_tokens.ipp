#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_TOKENS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_TOKENS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/azure_tokens.hpp"
#include "blueprint/faas/local/random.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <utility>

namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL std::string azure_object_id(std::string_view tenant, std::string_view client_id) {
    const auto names = std::string{tenant} + '/' + std::string{client_id};
    const auto digest = faas::detail::sha256(faas::detail::bytes_of(names));
    std::array<std::uint8_t, 16> bytes{};
    std::copy_n(digest.begin(), bytes.size(), bytes.begin());
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0FU) | 0x40U);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3FU) | 0x80U);
    auto text = faas::detail::hex_encode(bytes);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
    return text;
}

BLUEPRINT_FAAS_DECL AzureResource azure_resource(std::string_view audience, std::string_view url) {
    if (audience.ends_with('/')) audience.remove_suffix(1);
    constexpr std::array<std::string_view, 6> management{
        "https://management.azure.com",         "https://management.core.windows.net",
        "https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net",
        "https://management.chinacloudapi.cn",  "https://management.core.chinacloudapi.cn",
    };
    if (std::find(management.begin(), management.end(), audience) != management.end() ||
        (!url.empty() && audience == url))
        return AzureResource::management;
    return audience == "https://storage.azure.com" ? AzureResource::storage : AzureResource::none;
}

BLUEPRINT_FAAS_DECL std::string AzureTokens::issuer() const {
    return "https://sts.windows.net/" + options_.tenant + '/';
}

BLUEPRINT_FAAS_DECL AzureToken AzureTokens::issue(const AzureCaller& caller) const {
    const auto now = clock_.seconds();
    const auto life = std::int64_t{options_.token_life.count()};
    boost::json::object claims{
        {"aud", caller.audience},
        {"iss", issuer()},
        {"iat", now},
        // Machines whose clocks are a little behind are to take it too.
        {"nbf", now - 300},
        {"exp", now + life},
        {"appid", caller.client_id},
        {"appidacr", caller.resource_id.empty() ? "1" : "2"},
        {"idp", issuer()},
        {"idtyp", "app"},
        {"oid", caller.object_id},
        {"sub", caller.object_id},
        {"tid", options_.tenant},
        {"uti", random_text(22)},
        {"ver", "1.0"},
    };
    if (!caller.resource_id.empty()) claims["xms_mirid"] = caller.resource_id;
    const std::chrono::system_clock::time_point expires{std::chrono::seconds{now + life}};
    return {.value = Secret{key_.sign(claims)}, .expires = expires};
}

/// A time as the management API words it: "3/20/2026 8:04:22 PM".
inline std::string azure_spoken_time(std::int64_t seconds) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm utc{};
    ::gmtime_r(&time, &utc);
    std::array<char, 64> text{};
    const auto size = std::strftime(text.data(), text.size(), "%I:%M:%S %p", &utc);
    std::string clock{text.data(), size};
    if (clock.starts_with('0')) clock.erase(0, 1);
    return std::to_string(utc.tm_mon + 1) + '/' + std::to_string(utc.tm_mday) + '/' +
           std::to_string(utc.tm_year + 1900) + ' ' + clock;
}

BLUEPRINT_FAAS_DECL result<AzureCaller> AzureTokens::judge(std::string_view token) const {
    const auto invalid = [](std::string why) {
        return azure_refusal(401, "InvalidAuthenticationToken", std::move(why));
    };
    const auto jwt = read_jwt(token);
    if (!jwt || !verify_jwt(*jwt, key_.public_key())) return invalid("The access token is invalid.");
    if (jwt->text("iss") != issuer() || jwt->text("tid") != options_.tenant)
        return azure_refusal(401, "InvalidAuthenticationTokenTenant",
                             "The access token is from the wrong issuer '" + jwt->text("iss") +
                                 "'. It must match the tenant '" + issuer() +
                                 "' associated with this subscription. Please use the authority (URL) "
                                 "'https://login.windows.net/" +
                                 options_.tenant + "' to get the token.");
    const auto now = clock_.seconds();
    const auto begins = jwt->number("nbf");
    const auto ends = jwt->number("exp");
    if (!begins || !ends || *begins > now + std::int64_t{options_.max_skew.count()})
        return invalid("The access token is not yet valid, or has no times.");
    if (*ends <= now)
        return azure_refusal(401, "ExpiredAuthenticationToken",
                             "The access token expiry UTC time '" + azure_spoken_time(*ends) +
                                 "' is earlier than current UTC time '" + azure_spoken_time(now) + "'.");
    AzureCaller caller{.client_id = jwt->text("appid"),
                       .object_id = jwt->text("oid"),
                       .audience = jwt->text("aud"),
                       .resource_id = jwt->text("xms_mirid")};
    if (caller.object_id.empty() || caller.client_id.empty())
        return invalid(
            "The received access token is not valid: at least one of the claims 'puid' or 'altsecid' or "
            "'oid' should be present.");
    return caller;
}

BLUEPRINT_FAAS_DECL std::string AzureTokens::key_set(std::string_view issuer) const {
    const boost::json::object key{{"kty", "RSA"},         {"use", "sig"},     {"alg", "RS256"},
                                  {"kid", key_.id()},     {"x5t", key_.id()}, {"n", key_.modulus()},
                                  {"e", key_.exponent()}, {"issuer", issuer}};
    const boost::json::object set{{"keys", boost::json::array{key}}};
    return boost::json::serialize(set);
}

}  // namespace blueprint::faas::local

#endif
