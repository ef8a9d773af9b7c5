#ifndef BLUEPRINT_FAAS_AUTH_AZURE_IMPL_AADSTS_HPP
#define BLUEPRINT_FAAS_AUTH_AZURE_IMPL_AADSTS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

// What the errors of Microsoft Entra ID mean: no I/O.
namespace blueprint::faas::detail::azure_auth {

/// What an answer without a token means.
struct Meaning {
    errc code = errc::authentication;
    bool retryable = false;
    std::string_view advice{};
    bool exact = true;  ///< the advice is for this very error, not for all of its kind
};

/// Reads the number in "AADSTS7000215: Invalid client secret …"; 0: there is none.
BLUEPRINT_FAAS_COLD inline std::uint64_t number_in(std::string_view told) noexcept {
    constexpr std::string_view mark = "AADSTS";
    const auto at = told.find(mark);
    if (at == std::string_view::npos) return 0;
    std::uint64_t number = 0;
    const auto* const begin = told.data() + at + mark.size();
    const auto [end, failed] = std::from_chars(begin, told.data() + told.size(), number);
    return failed == std::errc{} && end != begin ? number : 0;
}

/// Returns a description without its number and its traces, which are shown apart:
/// "AADSTS90002: Tenant 'x' not found. Trace ID: … Correlation ID: … Timestamp: …" is "Tenant 'x' not found.".
BLUEPRINT_FAAS_COLD inline std::string_view without_traces(std::string_view told) noexcept {
    told = told.substr(0, told.find("Trace ID:"));
    if (told.starts_with("AADSTS"))
        if (const auto colon = told.find(": "); colon != std::string_view::npos) told.remove_prefix(colon + 2);
    while (!told.empty() && (told.back() == ' ' || told.back() == '\r' || told.back() == '\n')) told.remove_suffix(1);
    return told;
}

// Source: Microsoft identity platform, "Microsoft Entra authentication and authorization error codes".
BLUEPRINT_FAAS_COLD inline const Meaning* meaning_of_number(std::uint64_t number) noexcept {
    static constexpr auto denied = errc::authentication;
    static constexpr auto wrong = errc::invalid_configuration;
    struct Row {
        std::uint64_t number;
        Meaning meaning;
    };
    static constexpr std::string_view federated =
        "compare issuer, subject and audience of the token in the file with the federated credential of the "
        "application (az ad app federated-credential list); a new one takes minutes until it works";
    static constexpr std::string_view busy = "Microsoft Entra ID has a problem, try again later";
    static constexpr std::array<Row, 29> table{{
        {7000215,
         {denied, false,
          "give the secret's value and not its id; if it is lost, make a new one (az ad app credential "
          "reset)"}},
        {7000222, {denied, false, "the secret has run out: make a new one (az ad app credential reset)"}},
        {7000218, {denied, false, "the application must prove who it is: give a client secret or a certificate"}},
        {7000112, {denied, false, "the application is disabled: have it enabled in its tenant"}},
        {7000229, {denied, false, "make the application's service principal in this tenant (az ad sp create)"}},
        {700016,
         {denied, false, "check AZURE_CLIENT_ID and AZURE_TENANT_ID: this tenant does not have that application"}},
        {700024, {denied, false, "check this machine's clock, which may be a few minutes wrong at most"}},
        {700027,
         {denied, false,
          "add the certificate to the application (az ad app credential reset --cert), renew it if it "
          "has run out, and check this machine's clock"}},
        {700021, {denied, false, "the assertion is for another application: check AZURE_CLIENT_ID"}},
        {700023, {denied, false, "the assertion is for another audience: check AZURE_AUTHORITY_HOST"}},
        {700030,
         {denied, false,
          "give the certificate that the application knows; one that is trusted by its subject and "
          "issuer needs AZURE_CLIENT_SEND_CERTIFICATE_CHAIN=true"}},
        {70021, {denied, false, federated}},
        {700211, {denied, false, federated}},
        {700212, {denied, false, federated}},
        {700213, {denied, false, federated}},
        {50027, {denied, false, "the assertion is damaged: get a new one, and check the file it is in"}},
        {50034, {denied, false, "there is no such account in this tenant: check AZURE_TENANT_ID"}},
        {50013, {denied, false, "the assertion's signature is not accepted: check the certificate, or who issues it"}},
        {53003, {denied, false, "a Conditional Access policy forbids it: ask the tenant's administrator"}},
        {65001, {denied, false, "have an administrator of the tenant consent to what the application asks for"}},
        {90002, {wrong, false, "check AZURE_TENANT_ID, and that AZURE_AUTHORITY_HOST is that of its cloud"}},
        {900023, {wrong, false, "check AZURE_TENANT_ID: it is neither a tenant's id nor a domain name"}},
        {900144, {wrong, false, "check what was configured: something that must be sent is empty"}},
        {70011, {wrong, false, "scopes are such as https://management.azure.com/.default"}},
        {1002012, {wrong, false, "scopes are such as https://management.azure.com/.default: end it with '/.default'"}},
        {500011,
         {wrong, false, "check the scope, and that it is of the tenant's cloud: nobody of that name is known there"}},
        {500014, {wrong, false, "what the scope names is disabled in this tenant: have it enabled"}},
        {50196, {errc::throttled, true, "the same token was asked for too often: ask for fewer, or wait"}},
        {90033, {errc::infrastructure, true, busy}},
    }};
    for (const auto& row : table)
        if (row.number == number) return &row.meaning;
    return nullptr;
}

/// Says what an answer of that status means, with the number of Microsoft Entra's error (0: none) and OAuth's name of
/// it (empty: none). Source: RFC 6749, section 5.2, besides.
BLUEPRINT_FAAS_COLD inline Meaning meaning_of(unsigned status, std::uint64_t number, std::string_view name) noexcept {
    constexpr std::string_view problem = "Microsoft Entra ID has a problem, try again later";
    constexpr std::string_view check = "check the application's secret or certificate, and its rights";
    if (status == 429) return {errc::throttled, true, "ask for fewer tokens, or wait", false};
    if (status >= 500 || status == 408) return {errc::infrastructure, true, problem, false};
    if (const auto* known = meaning_of_number(number)) return *known;
    if (name == "temporarily_unavailable" || name == "server_error")
        return {errc::infrastructure, true, problem, false};
    if (name == "invalid_scope" || name == "invalid_resource")
        return {errc::invalid_configuration, false, "scopes are such as https://management.azure.com/.default", false};
    if (name == "unsupported_grant_type")
        return {errc::unsupported, false, "check AZURE_AUTHORITY_HOST: this is no token endpoint of Microsoft Entra ID",
                false};
    if (name == "interaction_required" || name == "consent_required")
        return {errc::authentication, false, "a policy of the tenant wants a person to sign in: ask its administrator",
                false};
    if (name == "invalid_request")
        return {errc::invalid_configuration, false, "check tenant, client id and scope", false};
    if (!name.empty() || status == 401 || status == 403) return {errc::authentication, false, check, false};
    if (status >= 300 && status < 400)
        return {
            errc::invalid_configuration, false,
            "it wants to send us elsewhere, and a secret is not sent on: set AZURE_AUTHORITY_HOST to the final host",
            false};
    return {errc::invalid_configuration, false, "check AZURE_AUTHORITY_HOST: this may be no token endpoint", false};
}

}  // namespace blueprint::faas::detail::azure_auth

#endif
