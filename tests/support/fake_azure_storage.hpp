#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_STORAGE_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_AZURE_STORAGE_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hmac.hpp"
#include "blueprint/faas/detail/timestamp.hpp"
#include "support/fake_azure_parts.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::azure {

/// Blob storage in memory, which checks signatures and tokens.
class Storage {
public:
    struct Blob {
        std::string body{};
        std::string etag{};
        std::string type{};
    };
    std::map<std::string, Blob, std::less<>> blobs{};  ///< by "account/container/blob"
    std::chrono::system_clock::time_point now{};       ///< by this storage's clock
    bool takes_keys = true;
    int role_spreads = 0;  ///< so many tokens meet a role that is not known yet
    std::size_t page = 2;  ///< blobs of a page of a list
    bool turns_pages = true;
    mutable int lists = 0;  ///< pages that were asked for

    /// The containers of an account, and its key in Base64; null and empty: there is no such account.
    std::function<std::set<std::string, std::less<>>*(const std::string& account)> containers{};
    std::function<std::string(const std::string& account)> key{};

    /// `account` is who the host belongs to, `path` what follows its endpoint: "container/blob".
    Response answer(const std::string& account, const std::string& path, const Call& call, const Request& request) {
        CHECK(request.headers.get("x-ms-version") == "2022-11-02");
        auto* known = containers(account);
        if (known == nullptr) return refused(404, "ResourceNotFound", "no such account");
        const auto container = path.substr(0, path.find('/'));
        const auto blob = path.size() > container.size() ? path.substr(container.size() + 1) : std::string{};
        if (call.query.contains("sig")) {
            if (auto wrong = check_signature(account, container, blob, call)) return std::move(*wrong);
        } else if (call.authorization.starts_with("SharedKey ")) {
            if (auto wrong = check_shared_key(account, call, request)) return std::move(*wrong);
        } else if (call.authorization != "Bearer storage-token") {
            return refused(401, "NoAuthenticationInformation", "Server failed to authenticate the request.");
        } else if (role_spreads > 0) {
            --role_spreads;
            return refused(403, "AuthorizationPermissionMismatch", "This request is not authorized.");
        }
        if (call.verb == Verb::put && blob.empty()) {
            CHECK(call.query.at("restype") == "container");
            if (!known->insert(container).second)
                return refused(409, "ContainerAlreadyExists", "The specified container already exists.");
            return {.status = 201};
        }
        if (!known->contains(container))
            return refused(404, "ContainerNotFound", "The specified container does not exist.");
        if (blob.empty()) return list(account + '/' + container + '/', call);
        return one(account + '/' + path, call, request);
    }

private:
    static Response refused(unsigned status, std::string_view code, std::string_view message) {
        Response answer{.status = status};
        answer.headers.set("x-ms-error-code", code);
        answer.headers.set("Content-Type", "application/xml");
        answer.body = "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>" + std::string{code} +
                      "</Code><Message>" + std::string{message} +
                      "\nRequestId:1\nTime:2026-01-02T03:04:05.0000000Z</Message></Error>";
        return answer;
    }
    std::string signed_by(const std::string& account, const std::string& what) const {
        using namespace blueprint::faas::detail;
        const auto bytes = base64_decode(key(account));
        REQUIRE(bytes.has_value());
        const HmacSha256Key hmac{*bytes};
        Sha256 work;
        return base64_encode(hmac.code(bytes_of(what), work));
    }
    std::optional<Response> check_signature(const std::string& account, const std::string& container,
                                            const std::string& blob, const Call& call) const {
        if (!takes_keys)
            return refused(403, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted.");
        CHECK(call.authorization.empty());
        const auto of = [&](std::string_view name) {
            const auto found = call.query.find(name);
            return found == call.query.end() ? std::string{} : found->second;
        };
        const bool whole = of("sr") == "c";
        const auto resource = "/blob/" + account + '/' + container + (whole ? std::string{} : '/' + blob);
        const auto text = of("sp") + '\n' + of("st") + '\n' + of("se") + '\n' + resource + "\n\n\n" + of("spr") + '\n' +
                          of("sv") + '\n' + of("sr") + "\n\n\n\n\n\n\n";
        const auto starts = blueprint::faas::detail::read_timestamp(of("st"));
        const auto ends = blueprint::faas::detail::read_timestamp(of("se"));
        REQUIRE(starts.has_value());
        REQUIRE(ends.has_value());
        CHECK(*ends - *starts <= std::chrono::hours{1});
        const char needed = call.verb == Verb::get   ? (whole ? 'l' : 'r')
                            : call.verb == Verb::put ? 'w'
                            : call.verb == Verb::del ? 'd'
                                                     : 'r';
        if (signed_by(account, text) != of("sig") || now < *starts || now > *ends ||
            of("sp").find(needed) == std::string::npos)
            return refused(403, "AuthenticationFailed", "Server failed to authenticate the request.");
        return std::nullopt;
    }
    std::optional<Response> check_shared_key(const std::string& account, const Call& call,
                                             const Request& request) const {
        const auto date = std::string{request.headers.get("x-ms-date").value_or("")};
        const auto text = "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" + date + "\nx-ms-version:2022-11-02\n/" + account +
                          call.path + "\nrestype:container";
        if (call.authorization == "SharedKey " + account + ':' + signed_by(account, text)) return std::nullopt;
        return refused(403, "AuthenticationFailed", "Server failed to authenticate the request.");
    }
    Response list(const std::string& lead, const Call& call) const {
        CHECK(call.query.at("comp") == "list");
        std::string xml =
            "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"x\">"
            "<Blobs>";
        const auto marker = turns_pages ? call.query.find("marker") : call.query.end();
        std::size_t told = 0;
        std::string next;
        ++lists;
        for (const auto& [name, blob] : blobs) {
            if (!name.starts_with(lead)) continue;
            const auto short_name = name.substr(lead.size());
            if (marker != call.query.end() && short_name < marker->second) continue;
            if (told++ == page && lists < 100) {
                next = short_name;
                break;
            }
            xml += "<Blob><Name>" + short_name + "</Name><Properties><Etag>" + blob.etag +
                   "</Etag><Content-Encoding /></Properties><OrMetadata /></Blob>";
        }
        xml += "</Blobs>" + (next.empty() ? std::string{"<NextMarker />"} : "<NextMarker>" + next + "</NextMarker>") +
               "</EnumerationResults>";
        Response answer{.status = 200};
        answer.body = std::move(xml);
        return answer;
    }
    Response one(const std::string& name, const Call& call, const Request& request) {
        const auto found = blobs.find(name);
        if (call.verb == Verb::put) {
            CHECK(request.headers.get("x-ms-blob-type") == "BlockBlob");
            const auto match = request.headers.get("If-Match");
            if (request.headers.get("If-None-Match") && found != blobs.end())
                return refused(409, "BlobAlreadyExists", "The specified blob already exists.");
            if (match && (found == blobs.end() || found->second.etag != *match))
                return refused(412, "ConditionNotMet", "The condition specified using HTTP headers is not met.");
            auto& blob = blobs[name];
            blob.body = request.body.view();
            blob.type = request.headers.get("Content-Type").value_or("");
            blob.etag = "\"0x" + std::to_string(++last_) + '"';
            Response answer{.status = 201};
            answer.headers.set("ETag", blob.etag);
            return answer;
        }
        if (found == blobs.end()) return refused(404, "BlobNotFound", "The specified blob does not exist.");
        if (call.verb == Verb::del) {
            blobs.erase(found);
            return {.status = 202};
        }
        Response answer{.status = 200};
        answer.headers.set("ETag", found->second.etag);
        if (call.verb == Verb::get) answer.body = found->second.body;
        return answer;
    }

    int last_ = 0;
};

}  // namespace tests::azure

#endif
