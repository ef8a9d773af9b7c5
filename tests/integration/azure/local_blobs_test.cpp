#include "blueprint/faas/local/azure_blobs.hpp"
#include "cloud_lab.hpp"
#include "support/hand_clock.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <map>

namespace local_blobs_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

/// Signs by a key in Base64, with no code of the library's.
std::string signature(const std::string& key, const std::string& text) {
    const auto bytes = detail::base64_decode(key);
    REQUIRE(bytes);
    std::array<unsigned char, 32> code{};
    HMAC(EVP_sha256(), bytes->data(), static_cast<int>(bytes->size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), code.data(), nullptr);
    return detail::base64_encode(code);
}

/// What a signature of the tests says.
struct Sas {
    std::string permissions = "r";
    std::string blob{};  // empty: of the container
    std::string start = "2020-01-01T00:00:00Z";
    std::string expiry = "2099-01-01T00:00:00Z";
    std::string protocol = "https,http";
    std::string version = "2022-11-02";
};

std::string signed_query(const std::string& key, const Sas& sas, const std::string& container = "packages") {
    const std::string resource = sas.blob.empty() ? "c" : "b";
    const auto name = "/blob/jobstore/" + container + (sas.blob.empty() ? "" : '/' + sas.blob);
    const auto text = sas.permissions + '\n' + sas.start + '\n' + sas.expiry + '\n' + name + "\n\n\n" + sas.protocol +
                      '\n' + sas.version + '\n' + resource + "\n\n\n\n\n\n\n";
    const auto encode = [](const std::string& value) { return detail::percent_encode(value); };
    return "sv=" + sas.version + "&st=" + encode(sas.start) + "&se=" + encode(sas.expiry) + "&sr=" + resource +
           "&sp=" + sas.permissions + "&spr=" + encode(sas.protocol) + "&sig=" + encode(signature(key, text));
}

/// "404 BlobNotFound" of a refusal in storage's shape.
std::string storage_verdict(const HttpReply& reply) {
    const auto code = reply.field("x-ms-error-code");
    if (reply.status >= 400 && !reply.body.empty()) {
        CHECK(reply.body.find("<Code>" + code + "</Code>") != std::string::npos);
        CHECK(reply.field("content-type") == "application/xml");
    }
    return std::to_string(reply.status) + (code.empty() ? "" : ' ' + code);
}

class BlobLab : public AzureLab {
public:
    explicit BlobLab(local::CloudOptions options = azure_cloud_options()) : AzureLab{std::move(options)} {
        key = make_account();
        blob_token = token_of(owner_client, "owner-secret", "https://storage.azure.com");
    }
    HttpReply blob(std::string method, const std::string& path, HttpFields fields = {}, std::string body = {}) {
        fields.emplace_back("Authorization", "Bearer " + blob_token);
        fields.emplace_back("x-ms-version", "2021-12-02");
        return send_to(cloud.azure_url(), {.method = std::move(method),
                                           .target = "/storage/jobstore/" + path,
                                           .fields = std::move(fields),
                                           .body = std::move(body)});
    }
    HttpReply upload(const std::string& path, std::string body, HttpFields fields = {}) {
        fields.emplace_back("x-ms-blob-type", "BlockBlob");
        return blob("PUT", path, std::move(fields), std::move(body));
    }
    HttpReply signed_ask(std::string method, const std::string& blob, const std::string& query, std::string body = {}) {
        return send_to(cloud.azure_url(), {.method = std::move(method),
                                           .target = "/storage/jobstore/packages" + blob + '?' + query,
                                           .fields = {{"x-ms-blob-type", "BlockBlob"}},
                                           .body = std::move(body)});
    }

    std::string key;
    std::string blob_token;
};

}  // namespace

TEST_CASE("local azure storage: blobs are put, looked up, listed and removed") {
    BlobLab lab;
    const auto put = lab.upload("packages/a/one.zip", "first", {{"Content-Type", "application/zip"}});
    REQUIRE(storage_verdict(put) == "201");
    CHECK(put.field("etag").starts_with("\"0x8D"));
    CHECK(put.field("content-md5") == "iwTV43ddKY54RV78XKQE1Q==");
    CHECK(put.field("x-ms-version") == "2021-12-02");
    CHECK(!put.field("x-ms-request-id").empty());
    const auto got = lab.blob("GET", "packages/a/one.zip");
    CHECK(got.body == "first");
    CHECK(got.field("content-type") == "application/zip");
    CHECK(got.field("etag") == put.field("etag"));
    CHECK(got.field("x-ms-blob-type") == "BlockBlob");
    const auto head = lab.blob("HEAD", "packages/a/one.zip");
    CHECK(head.status == 200);
    CHECK(head.field("content-length") == "5");
    CHECK(lab.blob("GET", "packages/a/one.zip", {{"x-ms-range", "bytes=1-2"}}).body == "ir");
    CHECK(lab.blob("GET", "packages/a/one.zip", {{"Range", "bytes=3-"}}).field("content-range") == "bytes 3-4/5");
    CHECK(storage_verdict(lab.blob("GET", "packages/a/one.zip", {{"Range", "bytes=5-"}})) == "416 InvalidRange");
    CHECK(storage_verdict(lab.blob("GET", "packages/none")) == "404 BlobNotFound");
    CHECK(storage_verdict(lab.blob("GET", "nowhere/none")) == "404 ContainerNotFound");
    CHECK(storage_verdict(lab.blob("GET", "packages")) == "400 InvalidUri");
    CHECK(storage_verdict(lab.blob("PUT", "packages/b", {}, "x")) == "400 MissingRequiredHeader");
    CHECK(storage_verdict(lab.upload("packages/b", "x", {{"Content-MD5", "iwTV43ddKY54RV78XKQE1Q=="}})) ==
          "400 Md5Mismatch");
    lab.upload("packages/a/two.zip", "second");
    lab.upload("packages/c&d", "third");
    const auto listed = lab.blob("GET", "packages?restype=container&comp=list").body;
    CHECK(listed.find("<Name>a/one.zip</Name>") < listed.find("<Name>a/two.zip</Name>"));
    CHECK(listed.find("<Name>c&amp;d</Name>") != std::string::npos);
    const auto page = lab.blob("GET", "packages?restype=container&comp=list&prefix=a%2F&maxresults=1").body;
    CHECK(page.find("<NextMarker>a/two.zip</NextMarker>") != std::string::npos);
    const auto last = lab.blob("GET", "packages?restype=container&comp=list&prefix=a%2F&marker=a%2Ftwo.zip").body;
    CHECK(last.find("one.zip") == std::string::npos);
    CHECK(last.find("<Name>a/two.zip</Name>") != std::string::npos);
    CHECK(last.find("c&amp;d") == std::string::npos);
    CHECK(last.find("<NextMarker></NextMarker>") != std::string::npos);
    CHECK(storage_verdict(lab.blob("DELETE", "packages/a/one.zip")) == "202");
    CHECK(storage_verdict(lab.blob("DELETE", "packages/a/one.zip")) == "404 BlobNotFound");
}

TEST_CASE("local azure storage: conditions keep one writer from undoing what another did") {
    BlobLab lab;
    const auto first = lab.upload("packages/manifest.json", "1", {{"If-None-Match", "*"}});
    REQUIRE(first.status == 201);
    CHECK(storage_verdict(lab.upload("packages/manifest.json", "2", {{"If-None-Match", "*"}})) ==
          "409 BlobAlreadyExists");
    const auto second = lab.upload("packages/manifest.json", "2", {{"If-Match", first.field("etag")}});
    REQUIRE(second.status == 201);
    CHECK(second.field("etag") != first.field("etag"));
    CHECK(storage_verdict(lab.upload("packages/manifest.json", "3", {{"If-Match", first.field("etag")}})) ==
          "412 ConditionNotMet");
    CHECK(storage_verdict(lab.upload("packages/none.json", "3", {{"If-Match", "*"}})) == "412 ConditionNotMet");
    CHECK(lab.blob("GET", "packages/manifest.json").body == "2");
    CHECK(lab.blob("GET", "packages/manifest.json", {{"If-None-Match", second.field("etag")}}).status == 304);
    CHECK(storage_verdict(lab.blob("DELETE", "packages/manifest.json", {{"If-Match", first.field("etag")}})) ==
          "412 ConditionNotMet");
}

TEST_CASE("local azure storage: a signature opens what it names, as it says and for as long") {
    BlobLab lab;
    lab.upload("packages/a.zip", "first");
    const auto ask = [&](std::string method, const std::string& blob, const Sas& sas, std::string body = {}) {
        return storage_verdict(lab.signed_ask(std::move(method), blob, signed_query(lab.key, sas), std::move(body)));
    };
    CHECK(lab.signed_ask("GET", "/a.zip", signed_query(lab.key, {.blob = "a.zip"})).body == "first");
    CHECK(ask("GET", "/a.zip", {}) == "200");  // of the container
    CHECK(ask("PUT", "/a.zip", {.permissions = "cw", .blob = "a.zip"}, "second") == "201");
    CHECK(ask("PUT", "/new.zip", {.permissions = "c", .blob = "new.zip"}, "x") == "201");
    CHECK(ask("PUT", "/new.zip", {.permissions = "c", .blob = "new.zip"}, "x") ==
          "403 AuthorizationPermissionMismatch");
    CHECK(ask("GET", "/a.zip", {.permissions = "cw", .blob = "a.zip"}) == "403 AuthorizationPermissionMismatch");
    CHECK(ask("DELETE", "/a.zip", {.permissions = "rw", .blob = "a.zip"}) == "403 AuthorizationPermissionMismatch");
    CHECK(ask("GET", "/b.zip", {.blob = "a.zip"}) == "403 AuthenticationFailed");
    CHECK(ask("GET", "/a.zip", {.blob = "a.zip", .expiry = "2020-01-02T00:00:00Z"}) == "403 AuthenticationFailed");
    CHECK(ask("GET", "/a.zip", {.blob = "a.zip", .start = "2098-01-01T00:00:00Z"}) == "403 AuthenticationFailed");
    CHECK(ask("GET", "/a.zip", {.blob = "a.zip", .protocol = "https"}) == "403 AuthorizationProtocolMismatch");
    CHECK(ask("GET", "/a.zip", {.blob = "a.zip", .version = "2019-12-12"}) == "403 AuthenticationFailed");
    CHECK(storage_verdict(lab.signed_ask("GET", "", "restype=container&comp=list&" + signed_query(lab.key, {}))) ==
          "403 AuthorizationPermissionMismatch");
    CHECK(storage_verdict(lab.signed_ask(
              "GET", "", "restype=container&comp=list&" + signed_query(lab.key, {.permissions = "l"}))) == "200");
    // What was signed cannot be changed.
    auto wider = signed_query(lab.key, {.blob = "a.zip"});
    wider.replace(wider.find("sp=r"), 4, "sp=d");
    const auto changed = lab.signed_ask("DELETE", "/a.zip", wider);
    CHECK(storage_verdict(changed) == "403 AuthenticationFailed");
    CHECK(changed.body.find("<AuthenticationErrorDetail>Signature did not match.") != std::string::npos);
    const auto strangers = detail::base64_encode(Bytes(64, 7));
    CHECK(storage_verdict(lab.signed_ask("GET", "/a.zip", signed_query(strangers, {.blob = "a.zip"}))) ==
          "403 AuthenticationFailed");
    // A key that was renewed opens no more, and none does where keys are off.
    CHECK(
        lab.send("POST", storage_provider + "jobstore/regenerateKey" + storage_version, {{"keyName", "key1"}}).status ==
        200);
    CHECK(ask("GET", "/a.zip", {.blob = "a.zip"}) == "403 AuthenticationFailed");
    CHECK(lab.send("PATCH", storage_provider + "jobstore" + storage_version,
                   {{"properties", json::object{{"allowSharedKeyAccess", false}}}})
              .status == 200);
    CHECK(ask("GET", "/a.zip", {.blob = "a.zip"}) == "403 KeyBasedAuthenticationNotPermitted");
}

TEST_CASE("local azure storage: tokens are for storage, and theirs who may") {
    BlobLab lab;
    lab.upload("packages/a.zip", "first");
    const auto as = [&](const std::string& token, HttpFields fields = {{"x-ms-version", "2021-12-02"}}) {
        fields.emplace_back("Authorization", "Bearer " + token);
        return storage_verdict(
            lab.send_to(lab.cloud.azure_url(), {.target = "/storage/jobstore/packages/a.zip", .fields = fields}));
    };
    CHECK(as(lab.blob_token) == "200");
    CHECK(as(lab.blob_token, {}) == "403 AuthenticationFailed");  // versions before 2017-11-09 know no tokens
    CHECK(as(lab.token) == "401 InvalidAuthenticationInfo");
    const auto guest = lab.token_of(other_client, "other-secret", "https://storage.azure.com");
    CHECK(as(guest) == "403 AuthorizationPermissionMismatch");
    // A role for the account lets in who does not administrate it.
    const auto principal = local::azure_object_id(lab.tenant, other_client);
    const auto assign = [&](const std::string& role, const std::string& id, const std::string& who) {
        return lab.put(
            storage_provider + "jobstore/providers/Microsoft.Authorization/roleAssignments/" + id +
                "?api-version=2022-04-01",
            {{"properties", json::object{{"roleDefinitionId",
                                          subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + role},
                                         {"principalId", who},
                                         {"principalType", "ServicePrincipal"}}}});
    };
    const std::string reader = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
    CHECK(AzureLab::verdict(
              assign(reader, "44444444-0000-4000-8000-000000000001", "55555555-0000-4000-8000-000000000001"))
              .starts_with("400 PrincipalNotFound"));
    CHECK(assign(reader, "44444444-0000-4000-8000-000000000001", principal).status == 201);
    CHECK(AzureLab::verdict(assign(reader, "44444444-0000-4000-8000-000000000002", principal))
              .starts_with("409 RoleAssignmentExists"));
    CHECK(as(guest) == "200");
    lab.blob_token = guest;
    CHECK(storage_verdict(lab.upload("packages/a.zip", "second")) == "403 AuthorizationPermissionMismatch");
    CHECK(assign("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "44444444-0000-4000-8000-000000000003", principal).status ==
          201);
    CHECK(storage_verdict(lab.upload("packages/a.zip", "second")) == "201");
    // Without anything nobody gets in.
    const auto anonymous = [&](const std::string& method) {
        return lab.send_to(lab.cloud.azure_url(), {.method = method, .target = "/storage/jobstore/packages/a.zip"});
    };
    CHECK(storage_verdict(anonymous("GET")) == "409 PublicAccessNotPermitted");
    CHECK(storage_verdict(anonymous("DELETE")) == "401 NoAuthenticationInformation");
    CHECK(anonymous("DELETE").field("www-authenticate").find("resource_id=https://storage.azure.com") !=
          std::string::npos);
    CHECK(storage_verdict(lab.send_to(lab.cloud.azure_url(), {.target = "/storage/nobodys/packages/a.zip"})) ==
          "404 ResourceNotFound");
}

TEST_CASE("local azure storage: an account's key signs requests too") {
    BlobLab lab;
    lab.upload("packages/a.zip", "first");
    const auto ask = [&](const std::string& key, const std::string& date) {
        const auto text = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" + date +
                          "\nx-ms-version:2021-12-02\n/jobstore/storage/jobstore/packages/a.zip";
        return lab.send_to(lab.cloud.azure_url(),
                           {.target = "/storage/jobstore/packages/a.zip",
                            .fields = {{"x-ms-date", "Thu, 26 Nov 2026 10:00:00 GMT"},
                                       {"x-ms-version", "2021-12-02"},
                                       {"Authorization", "SharedKey jobstore:" + signature(key, text)}}});
    };
    CHECK(ask(lab.key, "Thu, 26 Nov 2026 10:00:00 GMT").body == "first");
    CHECK(storage_verdict(ask(lab.key, "Thu, 26 Nov 2026 10:00:01 GMT")) == "403 AuthenticationFailed");
    CHECK(storage_verdict(ask(detail::base64_encode(Bytes(64, 7)), "Thu, 26 Nov 2026 10:00:00 GMT")) ==
          "403 AuthenticationFailed");
}

TEST_CASE("local azure storage: there is room for so much") {
    auto options = azure_cloud_options();
    options.azure->storage_bytes = 10'000;
    BlobLab lab{std::move(options)};
    CHECK(lab.upload("packages/x", std::string(5'000, 'x')).status == 201);
    CHECK(storage_verdict(lab.upload("packages/y", std::string(5'000, 'y'))) == "413 RequestBodyTooLarge");
    CHECK(lab.upload("packages/x", std::string(3'000, 'x')).status == 201);  // in place of the other
    CHECK(lab.blob("DELETE", "packages/x").status == 202);
    CHECK(lab.upload("packages/y", std::string(5'000, 'y')).status == 201);
    CHECK(lab.remove(storage_provider + "jobstore" + storage_version).status == 200);
    lab.make_account();
    CHECK(lab.upload("packages/y", std::string(8'000, 'y')).status == 201);
}

}  // namespace local_blobs_test
