#ifndef BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_STAGES_IPP
#define BLUEPRINT_FAAS_AUTH_IMPL_SIGV4_STAGES_IPP

#include "blueprint/faas/auth/impl/sigv4_canonical.hpp"
#include "blueprint/faas/auth/impl/sigv4_text.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/detail/hmac.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

namespace blueprint::faas::aws {

BLUEPRINT_FAAS_DECL PathRules path_rules(std::string_view service) noexcept {
    const bool as_sent = service == "s3" || service.starts_with("s3-") || service == "s3express";
    return {.normalize = !as_sent, .encode = !as_sent};
}

BLUEPRINT_FAAS_DECL std::string canonical_uri(std::string_view path, PathRules rules) {
    std::string text(path.size() * 3 + 1, '\0');
    faas::detail::sigv4::Writer out{text.data()};
    faas::detail::sigv4::put_uri(out, path, rules);
    text.resize(out.size());
    return text;
}

BLUEPRINT_FAAS_DECL std::string canonical_query(std::string_view query) {
    return std::string{faas::detail::sigv4::CanonicalQuery{}.of(query)};
}

BLUEPRINT_FAAS_DECL std::string without_parameter(std::string_view query, std::string_view name) {
    std::string left;
    faas::detail::sigv4::for_each_parameter(query, [&](std::string_view parameter) {
        const auto decoded = faas::detail::percent_decode(parameter.substr(0, parameter.find('=')));
        if (decoded == name) return;
        if (!left.empty()) left += '&';
        left.append(parameter);
    });
    return left;
}

BLUEPRINT_FAAS_DECL std::string signed_headers(std::span<const SignedField> fields) {
    faas::detail::sigv4::CanonicalRequest request;
    request.begin(fields);
    return std::string{request.signed_headers()};
}

BLUEPRINT_FAAS_DECL std::string canonical_request(const SignedParts& parts, PathRules rules) {
    faas::detail::sigv4::CanonicalRequest request;
    request.begin(parts.fields);
    const auto uri = canonical_uri(parts.path, rules);
    const auto query = canonical_query(parts.query);
    request.make(parts.method, uri, query, parts.payload_hash);
    return std::string{request.text()};
}

BLUEPRINT_FAAS_DECL std::string amz_date(std::chrono::system_clock::time_point time) {
    std::string text(16, '\0');
    faas::detail::sigv4::Writer out{text.data()};
    faas::detail::sigv4::put_date(out, std::chrono::floor<std::chrono::seconds>(time));
    return text;
}

BLUEPRINT_FAAS_DECL std::optional<std::chrono::sys_seconds> read_amz_date(std::string_view text) noexcept {
    if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
    bool good = true;
    const auto number = [&](std::size_t at, std::size_t digits) {
        unsigned value = 0;
        const auto* const end = text.data() + at + digits;
        const auto [stopped, failed] = std::from_chars(text.data() + at, end, value);
        good = good && failed == std::errc{} && stopped == end;
        return value;
    };
    const std::chrono::year_month_day day{std::chrono::year{static_cast<int>(number(0, 4))},
                                          std::chrono::month{number(4, 2)}, std::chrono::day{number(6, 2)}};
    const std::chrono::hours hours{number(9, 2)};
    const std::chrono::minutes minutes{number(11, 2)};
    const std::chrono::seconds seconds{number(13, 2)};
    // What the system's clock can tell, which counts nanoseconds.
    const bool told = day.year() >= std::chrono::year{1970} && day.year() < std::chrono::year{2262};
    if (!good || !told || !day.ok() || hours.count() > 23 || minutes.count() > 59 || seconds.count() > 59)
        return std::nullopt;
    return std::chrono::sys_days{day} + hours + minutes + seconds;
}

BLUEPRINT_FAAS_DECL std::string credential_scope(std::string_view amz_date, const SigningScope& scope) {
    std::string text{amz_date.substr(0, 8)};
    text.append("/").append(scope.region).append("/").append(scope.service);
    return text.append("/aws4_request");
}

BLUEPRINT_FAAS_DECL std::string string_to_sign(std::string_view amz_date, std::string_view credential_scope,
                                               std::string_view canonical_request) {
    std::string text{"AWS4-HMAC-SHA256\n"};
    text.append(amz_date).append("\n").append(credential_scope).append("\n");
    return text.append(faas::detail::sha256_hex(faas::detail::bytes_of(canonical_request)));
}

BLUEPRINT_FAAS_DECL SigningKey signing_key(const Secret& secret_access_key, std::string_view amz_date,
                                           const SigningScope& scope) {
    const Secret seed = "AWS4" + secret_access_key;
    faas::detail::Sha256 work;
    const auto next = [&](std::span<const std::uint8_t> key, std::string_view part) {
        const faas::detail::HmacSha256Key by{key};
        auto code = by.code(faas::detail::bytes_of(part), work);
        const SigningKey derived{code};
        faas::detail::wipe(code.data(), code.size());
        return derived;
    };
    const auto of_day = next(faas::detail::bytes_of(seed.reveal()), amz_date.substr(0, 8));
    const auto of_region = next(of_day.reveal(), scope.region);
    const auto of_service = next(of_region.reveal(), scope.service);
    return next(of_service.reveal(), "aws4_request");
}

BLUEPRINT_FAAS_DECL std::string signature(const SigningKey& key, std::string_view string_to_sign) {
    const faas::detail::HmacSha256Key by{key.reveal()};
    faas::detail::Sha256 work;
    return faas::detail::hex_encode(by.code(faas::detail::bytes_of(string_to_sign), work));
}

}  // namespace blueprint::faas::aws

#endif
