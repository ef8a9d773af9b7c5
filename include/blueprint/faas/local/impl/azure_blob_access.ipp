#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_BLOB_ACCESS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_BLOB_ACCESS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "blueprint/faas/local/azure_blobs.hpp"
#include "blueprint/faas/local/options.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace blueprint::faas::local {

// Who may do what with the local Azure's blobs. Signatures are judged here without any code of the client's signer.

/// Makes the `Error` of a request that storage does not let in. `detail` becomes `AuthenticationErrorDetail`.
inline Error azure_blob_denial(std::string_view detail) {
    return azure_refusal(403, "AuthenticationFailed",
                         "Server failed to authenticate the request. Make sure the value of Authorization header is "
                         "formed correctly including the signature.\n" +
                             std::string{detail});
}

inline Error azure_blob_mismatch() {
    return azure_refusal(403, "AuthorizationPermissionMismatch",
                         "This request is not authorized to perform this operation using this permission.");
}

/// Computes a signature with one of an account's keys, in Base64; empty if the key is no Base64.
inline std::string azure_signature(const Secret& key, std::string_view text) {
    const auto bytes = faas::detail::base64_decode(key.reveal());
    if (!bytes) return {};
    std::array<std::uint8_t, 32> code{};
    const auto data = faas::detail::bytes_of(text);
    if (HMAC(EVP_sha256(), bytes->data(), static_cast<int>(bytes->size()), data.data(), data.size(), code.data(),
             nullptr) == nullptr)
        return {};
    return faas::detail::base64_encode(code);
}

/// Tells whether one of an account's keys made that signature of `text`.
inline bool azure_signature_holds(const AzureBlobs::Account& account, std::string_view text,
                                  std::string_view signature) {
    return std::any_of(account.keys.begin(), account.keys.end(), [&](const Secret& key) {
        const Secret expected{azure_signature(key, text)};
        return !expected.reveal().empty() && same_secret(signature, expected);
    });
}

BLUEPRINT_FAAS_DECL AzureBlobs::Place AzureBlobs::place_of(const RequestTarget& target) {
    Place place;
    const auto& segments = target.segments;
    if (!segments.empty()) place.account = segments[0];
    if (segments.size() > 1) place.container = segments[1];
    for (std::size_t i = 2; i < segments.size(); ++i) place.blob += (i == 2 ? "" : "/") + segments[i];
    return place;
}

/// What a signature must allow for a request: one of these letters. Source: Azure Storage documentation, "Create a
/// service SAS", Specify permissions.
inline std::string_view azure_blob_permissions(const ServerRequest& head, bool of_container, bool exists) {
    const auto& method = head.method;
    if (of_container) return method == "GET" ? "l" : "";
    if (method == "PUT") return exists ? "w" : "cw";
    if (method == "DELETE") return "d";
    return "r";
}

/// Reads a time of a signature: "2026-01-31T12:00:00Z", or a day.
inline std::optional<std::chrono::system_clock::time_point> azure_signature_time(std::string_view text) {
    return faas::detail::read_timestamp(text.size() == 10 ? std::string{text} + "T00:00:00Z" : std::string{text});
}

/// Source: Azure Storage documentation, "Create a service SAS", Version 2020-12-06 and later.
BLUEPRINT_FAAS_DECL result<void> AzureBlobs::judge_signature(const ServerRequest& head, const RequestTarget& target,
                                                             const Place& place, const Account& account) const {
    const auto version = target.get("sv");
    const auto resource = target.get("sr");
    if (target.query.contains("skoid")) return azure_blob_denial("User delegation signatures are not played here.");
    if (version < "2020-12-06" || version.size() != 10) return azure_blob_denial("The version in sv is not supported.");
    if (resource != "b" && resource != "c") return azure_blob_denial("sr is not one of b and c.");
    if (resource == "b" && place.blob.empty()) return azure_blob_denial("The signature is for a blob.");
    std::string signed_text;
    const auto line = [&](std::string_view value) { signed_text.append(value).append(1, '\n'); };
    for (const auto* const name : {"sp", "st", "se"}) line(target.get(name));
    line("/blob/" + place.account + '/' + place.container + (resource == "b" ? '/' + place.blob : std::string{}));
    for (const auto* const name : {"si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl"})
        line(target.get(name));
    signed_text += target.get("rsct");
    if (!account.key_access)
        return azure_refusal(403, "KeyBasedAuthenticationNotPermitted",
                             "Key based authentication is not permitted on this storage account.");
    if (!azure_signature_holds(account, signed_text, target.get("sig")))
        return azure_blob_denial("Signature did not match. String to sign used was " + signed_text);
    if (!target.get("si").empty()) return azure_blob_denial("The container has no stored access policy of that name.");
    const auto expires = azure_signature_time(target.get("se"));
    const auto starts = azure_signature_time(target.get("st"));
    if (!expires || (!target.get("st").empty() && !starts)) return azure_blob_denial("st or se is no time.");
    const auto now = clock_.now();
    if (now >= *expires || (starts && now < *starts))
        return azure_blob_denial("Signature not valid in the specified time frame: Start [" +
                                 std::string{target.get("st")} + "] - Expiry [" + std::string{target.get("se")} +
                                 "] - Current [" + azure_time(now) + ']');
    if (target.get("spr") == "https" && !head.tls)
        return azure_refusal(403, "AuthorizationProtocolMismatch",
                             "This request is not authorized to perform this operation using this protocol.");
    const auto container = account.containers.find(place.container);
    const bool exists = container != account.containers.end() && container->second.blobs.contains(place.blob);
    const auto enough = azure_blob_permissions(head, place.blob.empty(), exists);
    if (target.get("sp").find_first_of(enough) == std::string_view::npos) return azure_blob_mismatch();
    return {};
}

BLUEPRINT_FAAS_DECL result<void> AzureBlobs::judge_token(const ServerRequest& head, const Place& place) const {
    if (head.field("x-ms-version").value_or("") < "2017-11-09")
        return azure_blob_denial("Authentication scheme Bearer is not supported in this version.");
    const auto caller = gate_.judge_storage(head);
    if (!caller) return caller.error();
    const bool writes = head.method != "GET" && head.method != "HEAD";
    if (has_role_ && has_role_(place.account, caller->object_id, writes)) return {};
    return gate_.require_storage(*caller);
}

/// Source: Azure Storage documentation, "Authorize with Shared Key", versions from 2015-02-21 on.
BLUEPRINT_FAAS_DECL result<void> AzureBlobs::judge_shared_key(const ServerRequest& head, const RequestTarget& target,
                                                              const Place& place, const Account& account) const {
    const auto field = head.field("authorization").value_or("");
    const auto prefix = "SharedKey " + place.account + ':';
    if (!field.starts_with(prefix)) return azure_blob_denial("The Authorization header is none that is known.");
    if (!account.key_access)
        return azure_refusal(403, "KeyBasedAuthenticationNotPermitted",
                             "Key based authentication is not permitted on this storage account.");
    const auto sent = [&](std::string_view name) { return std::string{head.field(name).value_or("")} + '\n'; };
    std::string signed_text = head.method + '\n' + sent("content-encoding") + sent("content-language");
    const auto length = head.field("content-length").value_or("");
    signed_text += std::string{length == "0" ? "" : length} + '\n';
    for (const auto* const name : {"content-md5", "content-type", "date", "if-modified-since", "if-match",
                                   "if-none-match", "if-unmodified-since", "range"})
        signed_text += sent(name);
    std::map<std::string, std::string> own;
    for (const auto& [name, value] : head.fields)
        if (auto lower = azure_lower(name); lower.starts_with("x-ms-")) own[std::move(lower)] = value;
    for (const auto& [name, value] : own) signed_text += name + ':' + value + '\n';
    const std::string_view path = head.target;
    signed_text += '/' + place.account + std::string{path.substr(0, path.find('?'))};
    std::map<std::string, std::string> parameters;
    for (const auto& [name, value] : target.query) parameters[azure_lower(name)] = value;
    for (const auto& [name, value] : parameters) signed_text += '\n' + name + ':' + value;
    if (azure_signature_holds(account, signed_text, field.substr(prefix.size()))) return {};
    return azure_blob_denial(
        "The MAC signature found in the HTTP request is not the same as any computed signature. "
        "Server used following string to sign: '" +
        signed_text + "'.");
}

BLUEPRINT_FAAS_DECL result<void> AzureBlobs::judge(const ServerRequest& head, const RequestTarget& target,
                                                   const Place& place) const {
    const auto account = accounts_.find(place.account);
    if (account == accounts_.end())
        return azure_refusal(404, "ResourceNotFound", "The specified resource does not exist.");
    if (target.query.contains("sig")) return judge_signature(head, target, place, account->second);
    if (AzureGate::shows_token(head)) return judge_token(head, place);
    if (head.field("authorization")) return judge_shared_key(head, target, place, account->second);
    if (head.method == "GET" || head.method == "HEAD")
        return azure_refusal(409, "PublicAccessNotPermitted",
                             "Public access is not permitted on this storage account.");
    return azure_refusal(401, "NoAuthenticationInformation",
                         "Server failed to authenticate the request. Please refer to the information in the "
                         "www-authenticate header.");
}

BLUEPRINT_FAAS_DECL Admission AzureBlobs::admit(const ServerRequest& head) const {
    const auto target = read_request_target(head.target, root);
    const auto place = place_of(target);
    if (const auto may = judge(head, target, place); !may) return {.refusal = failure(may.error(), head)};
    if (head.method != "PUT") return {.body_bytes = 64U << 10};
    const auto refuse = [&](unsigned status, std::string_view code, std::string message) {
        return Admission{.refusal = failure(azure_refusal(status, code, std::move(message)), head)};
    };
    if (!head.content_length)
        return refuse(411, "MissingContentLengthHeader", "Content-Length HTTP header is missing.");
    if (*head.content_length > room())
        return refuse(413, "RequestBodyTooLarge",
                      "The request body is too large and exceeds the maximum permissible limit.");
    return {.body_bytes = room()};
}

}  // namespace blueprint::faas::local

#endif
