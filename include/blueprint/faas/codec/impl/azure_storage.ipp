#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_STORAGE_IPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_STORAGE_IPP

#include "blueprint/faas/codec/azure_storage.hpp"
#include "blueprint/faas/codec/impl/azure_reading.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hmac.hpp"
#include "blueprint/faas/detail/retry_after.hpp"
#include "blueprint/faas/detail/xml.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::detail {

namespace azure_storage {

using azure_reading::for_people;
using azure_reading::only;
using azure_reading::plain_body_text;
using azure_reading::refused;
using azure_reading::unreadable;

// Later ones sign more lines. Source: "Create a service SAS", Version 2020-12-06 and later.
inline constexpr std::string_view version = "2022-11-02";

struct Clock {
    std::chrono::year_month_day date{};
    std::chrono::hh_mm_ss<std::chrono::seconds> time{};
    unsigned weekday = 0;
};
BLUEPRINT_FAAS_COLD inline Clock clock_of(std::chrono::system_clock::time_point now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss{second - day},
            std::chrono::weekday{day}.c_encoding()};
}
BLUEPRINT_FAAS_COLD inline std::string digits(long number, std::size_t width) {
    auto text = std::to_string(number);
    return std::string(width - std::min(width, text.size()), '0') + text;
}
BLUEPRINT_FAAS_COLD inline std::string time_text(const Clock& clock) {
    return digits(clock.time.hours().count(), 2) + ':' + digits(clock.time.minutes().count(), 2) + ':' +
           digits(clock.time.seconds().count(), 2);
}
// "2026-01-02T03:04:05Z".
BLUEPRINT_FAAS_COLD inline std::string sas_time(std::chrono::system_clock::time_point now) {
    const auto clock = clock_of(now);
    return digits(static_cast<int>(clock.date.year()), 4) + '-' + digits(static_cast<unsigned>(clock.date.month()), 2) +
           '-' + digits(static_cast<unsigned>(clock.date.day()), 2) + 'T' + time_text(clock) + 'Z';
}
// "Fri, 02 Jan 2026 03:04:05 GMT". Source: RFC 9110, section 5.6.7.
BLUEPRINT_FAAS_COLD inline std::string http_time(std::chrono::system_clock::time_point now) {
    static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto clock = clock_of(now);
    const auto month = months[static_cast<unsigned>(clock.date.month()) - 1];
    return std::string{days[clock.weekday]} + ", " + digits(static_cast<unsigned>(clock.date.day()), 2) + ' ' +
           std::string{month} + ' ' + digits(static_cast<int>(clock.date.year()), 4) + ' ' + time_text(clock) + " GMT";
}

BLUEPRINT_FAAS_COLD inline std::string sign(const Secret& key, std::string_view text) {
    const HmacSha256Key hmac{bytes_of(key.reveal())};
    Sha256 work;
    return base64_encode(hmac.code(bytes_of(text), work));
}

// Storage begins its documents with a byte order mark.
BLUEPRINT_FAAS_COLD inline result<XmlElement> document_of(std::string_view body) {
    static constexpr std::string_view mark = "\xEF\xBB\xBF";
    if (body.starts_with(mark)) body.remove_prefix(mark.size());
    return read_xml(body);
}

struct Meaning {
    errc code{};
    bool retryable = false;
    std::string_view advice{};
};
BLUEPRINT_FAAS_COLD inline Meaning by_status(unsigned status, bool storages) {
    switch (status) {
        case 401: return {errc::authentication, true, "; check the credential, and this machine's clock"};
        case 403: return {errc::authentication, false, "; see that the account lets this network in"};
        case 404:
            if (storages) return {errc::not_found, false, ""};
            return {errc::invalid_configuration, false,
                    "; that was not said by Azure's storage: check the account's endpoint and proxies"};
        case 409:
        case 412: return {errc::conflict, false, ""};
        case 429: return {errc::throttled, true, "; ask for less at once, or wait"};
        case 408:
        case 500:
        case 502:
        case 503:
        case 504: return {errc::infrastructure, true, "; Azure has a problem, try again later"};
        default: break;
    }
    if (status >= 400 && status < 500) return {errc::invalid_configuration, false, ""};
    return {errc::serialization, false, "; that is an answer which Azure's storage does not have"};
}
BLUEPRINT_FAAS_COLD inline std::string_view advice_of(std::string_view code) {
    if (code == "AuthorizationPermissionMismatch")
        return "; grant the credential the role Storage Blob Data Contributor on the storage account";
    if (code == "KeyBasedAuthenticationNotPermitted")
        return "; the account takes no keys: set AzureFunctionsOptions::storage_access to identity";
    if (code == "AuthenticationFailed")
        return "; check this machine's clock, and that the account's key is not replaced";
    return {};
}

}  // namespace azure_storage

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureStorage> AzureStorage::make(AzureStore store) {
    using namespace azure_storage;
    const auto wrong = [&](std::string_view why) {
        return refused("the storage account of the app cannot be used: " + std::string{why});
    };
    if (store.account.size() < 3 || store.account.size() > 24 || !only(store.account, ""))
        return wrong("its name is none of 3 to 24 small letters and digits");
    if (store.container.size() < 3 || store.container.size() > 63 || !only(store.container, "-"))
        return wrong("its container's name is none of 3 to 63 small letters, digits and '-'");
    auto url = parse_url(store.endpoint);
    if (!url || url->target.find('?') != std::string::npos) return wrong("its blob endpoint is no URL of one");
    AzureStorage storage;
    storage.base_ = std::move(*url);
    while (storage.base_.target.ends_with('/')) storage.base_.target.pop_back();
    if (!store.key.empty()) {
        auto key = base64_decode(store.key.reveal());
        if (!key || key->empty()) return wrong("its key is no Base64");
        storage.key_ = Secret{text_of(*key)};
        wipe(key->data(), key->size());
    }
    storage.store_ = std::move(store);
    return storage;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureStorage::container_url(std::string_view container) const {
    return to_string(base_.origin) + base_.target + '/' + std::string{container};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string AzureStorage::string_to_sign(std::string_view permissions,
                                                                                 std::string_view starts,
                                                                                 std::string_view expires, char what,
                                                                                 std::string_view blob) const {
    std::string text;
    const auto line = [&](std::string_view value) { text.append(value).append("\n"); };
    line(permissions);
    line(starts);
    line(expires);
    line("/blob/" + store_.account + '/' + store_.container + (what == 'b' ? '/' + std::string{blob} : std::string{}));
    line("");  // no stored access policy
    line("");  // from any address
    line(base_.origin.tls ? "https" : "https,http");
    line(azure_storage::version);
    line({&what, 1});
    line("");                 // no snapshot
    line("");                 // no encryption scope
    text.append("\n\n\n\n");  // and the five headers of answers stay as they are
    return text;
}

BLUEPRINT_FAAS_COLD inline HttpRequest AzureStorage::request(Verb verb, char what, std::string_view permissions,
                                                             std::string_view blob, std::string_view query,
                                                             Time now) const {
    using namespace azure_storage;
    // The account's clock may be behind this one; five minutes of both and what is between make an hour.
    static constexpr std::chrono::minutes early{5};
    static constexpr std::chrono::minutes late{55};
    HttpRequest out;
    out.origin = base_.origin;
    out.verb = verb;
    out.target = base_.target + '/' + store_.container;
    if (!blob.empty()) out.target += '/' + percent_encode(blob);
    out.target.append(query.empty() ? "" : "?").append(query);
    out.headers.set("x-ms-version", version);
    out.headers.set("x-ms-date", http_time(now));
    if (!is_signed()) return out;
    const auto starts = sas_time(now - early);
    const auto expires = sas_time(now + late);
    const auto signature = sign(key_, string_to_sign(permissions, starts, expires, what, blob));
    out.target += query.empty() ? '?' : '&';
    out.target.append("sv=").append(version).append("&st=").append(percent_encode(starts));
    out.target.append("&se=").append(percent_encode(expires)).append("&sr=").append(1, what);
    out.target.append("&sp=").append(permissions).append("&spr=");
    out.target.append(base_.origin.tls ? "https" : "https%2Chttp").append("&sig=").append(percent_encode(signature));
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureStorage::put(std::string_view blob,
                                                                      std::string_view content_type, Body body,
                                                                      const AzureBlobCondition& condition,
                                                                      Time now) const {
    auto out = request(Verb::put, 'b', "cw", blob, {}, now);
    out.headers.set("Content-Type", content_type);
    out.headers.set("x-ms-blob-type", "BlockBlob");
    if (condition.absent) out.headers.set("If-None-Match", "*");
    if (!condition.etag.empty()) out.headers.set("If-Match", condition.etag);
    out.body = std::move(body);
    return out;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureStorage::get(std::string_view blob, std::size_t max_bytes,
                                                                      Time now) const {
    auto out = request(Verb::get, 'b', "r", blob, {}, now);
    out.max_response_bytes = max_bytes;
    return out;
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureStorage::head(std::string_view blob, Time now) const {
    return request(Verb::head, 'b', "r", blob, {}, now);
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureStorage::remove(std::string_view blob, Time now) const {
    return request(Verb::del, 'b', "d", blob, {}, now);
}
BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureStorage::list(std::string_view marker, Time now) const {
    // A page of the usual 5000 would be more than is read as XML.
    std::string query = "restype=container&comp=list&maxresults=200";
    if (!marker.empty()) query += "&marker=" + percent_encode(marker);
    return request(Verb::get, 'c', "l", {}, query, now);
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL HttpRequest AzureStorage::make_container(Time now) const {
    using namespace azure_storage;
    HttpRequest out;
    out.origin = base_.origin;
    out.verb = Verb::put;
    const auto path = base_.target + '/' + store_.container;
    const auto date = http_time(now);
    out.target = path + "?restype=container";
    out.headers.set("x-ms-version", version);
    out.headers.set("x-ms-date", date);
    if (!is_signed()) return out;
    // No service SAS makes containers, so this one request is signed itself. The lines between method and headers are
    // of fields that it does not have. Source: "Authorize with Shared Key".
    std::string text = "PUT\n\n\n\n\n\n\n\n\n\n\n\n";
    text.append("x-ms-date:").append(date).append("\nx-ms-version:").append(version).append("\n/");
    text.append(store_.account).append(path).append("\nrestype:container");
    const auto signature = sign(key_, text);
    out.headers.set("Authorization", "SharedKey " + store_.account + ':' + signature);
    return out;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureBlob> AzureStorage::read_blob(HttpResponse answer) {
    const auto etag = answer.headers.get("ETag");
    if (!etag || etag->empty()) return azure_storage::unreadable(answer, "a blob has no ETag");
    return AzureBlob{.body = std::move(answer.body), .etag = std::string{*etag}};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureBlobPage> AzureStorage::read_page(const HttpResponse& answer) {
    const auto document = azure_storage::document_of(answer.body);
    const auto* const blobs = document && document->name == "EnumerationResults" ? document->find("Blobs") : nullptr;
    if (blobs == nullptr) return azure_storage::unreadable(answer, "a list of blobs has no Blobs");
    AzureBlobPage page;
    for (const auto& blob : blobs->children)
        if (const auto name = blob.text_at("Name"); blob.name == "Blob" && !name.empty()) page.names.emplace_back(name);
    page.next = document->text_at("NextMarker");
    return page;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::optional<Error> AzureStorage::judge(const HttpResponse& answer) {
    using namespace azure_storage;
    if (answer.status >= 200 && answer.status < 300) return std::nullopt;
    std::string code = for_people(answer.headers.get("x-ms-error-code").value_or(""));
    std::string text;
    bool storages = !code.empty();
    if (const auto document = document_of(answer.body); document && document->name == "Error") {
        storages = true;
        if (code.empty()) code = for_people(document->text_at("Code"));
        // What follows the first line is the request's id and the time.
        const auto message = document->text_at("Message");
        text = for_people(message.substr(0, message.find('\n')));
        if (const auto at = text.find(" RequestId:"); at != std::string::npos) text.resize(at);
    } else if (!storages) {
        text = plain_body_text(answer.body);
    }
    const auto meaning = by_status(answer.status, storages);
    Error error{.code = meaning.code, .http_status = answer.status, .platform_code = code};
    error.message = "Azure's storage refused it: ";
    error.message += text.empty() ? "HTTP " + std::to_string(answer.status) : text;
    const auto advice = advice_of(code);
    error.message += advice.empty() ? meaning.advice : advice;
    error.request_id = for_people(answer.headers.get("x-ms-request-id").value_or(""));
    error.retryable = meaning.retryable;
    error.retry_after = read_retry_after(answer);
    error.execution = Execution::not_started;  // no job runs by it
    return error;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzureStorage::was_overtaken(const Error& error) {
    return error.http_status == 412 || error.platform_code == "BlobAlreadyExists";
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL bool AzureStorage::may_be_spreading(const Error& error) {
    static constexpr std::array<std::string_view, 4> codes{"AuthorizationPermissionMismatch", "AuthorizationFailure",
                                                           "ContainerNotFound", "ContainerBeingDeleted"};
    if (std::find(codes.begin(), codes.end(), error.platform_code) != codes.end()) return true;
    // The name of a new account is not known everywhere at once either.
    return error.http_status == 0 && error.code == errc::infrastructure && error.retryable;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL Secret write_connection_string(const AzureStore& store) {
    const auto url = parse_url(store.endpoint);
    const auto usual = store.account + ".blob.";
    const bool derived =
        url && url->origin.tls && url->origin.port == 443 && url->target == "/" && url->origin.host.starts_with(usual);
    const std::string_view protocol = url && !url->origin.tls ? "http" : "https";
    auto where =
        derived ? ";EndpointSuffix=" + url->origin.host.substr(usual.size()) : ";BlobEndpoint=" + store.endpoint;
    std::string text;
    text.reserve(128 + store.account.size() + store.key.size() + where.size());
    text.append("DefaultEndpointsProtocol=").append(protocol).append(";AccountName=").append(store.account);
    text.append(";AccountKey=").append(store.key.reveal()).append(where);
    return Secret{std::move(text)};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<AzureStore> read_connection_string(const Secret& text) {
    AzureStore store;
    std::string_view suffix = "core.windows.net";
    std::string_view protocol = "https";
    for (auto rest = text.reveal(); !rest.empty();) {
        const auto part = rest.substr(0, rest.find(';'));
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
        const auto equals = part.find('=');
        if (equals == std::string_view::npos) continue;
        const auto name = part.substr(0, equals);
        const auto value = part.substr(equals + 1);
        if (iequals(name, "AccountName")) store.account = value;
        if (iequals(name, "AccountKey")) store.key = Secret{value};
        if (iequals(name, "BlobEndpoint")) store.endpoint = value;
        if (iequals(name, "EndpointSuffix")) suffix = value;
        if (iequals(name, "DefaultEndpointsProtocol")) protocol = value;
    }
    if (store.account.empty() || store.key.empty())
        return azure_storage::refused("a connection string of a storage account has no AccountName or no AccountKey");
    if (store.endpoint.empty())
        store.endpoint = std::string{protocol} + "://" + store.account + ".blob." + std::string{suffix} + '/';
    return store;
}

}  // namespace blueprint::faas::detail

#endif
