#include "blueprint/faas/local/gcp_storage.hpp"
#include "cloud_lab.hpp"
#include "support/hand_clock.hpp"

namespace local_storage_test {

using namespace blueprint::faas;
using namespace blueprint::faas::test;

namespace {

/// "404 notFound: text" of a refusal in Storage's own shape.
std::string storage_verdict(const HttpReply& reply) {
    if (reply.status < 400) return std::to_string(reply.status);
    const auto error = CloudLab::json_of(reply).at("error").as_object();
    CHECK(error.at("code").to_number<unsigned>() == reply.status);
    const auto& first = error.at("errors").as_array().at(0).as_object();
    CHECK(CloudLab::text(first, "domain") == "global");
    return std::to_string(reply.status) + ' ' + CloudLab::text(first, "reason") + ": " +
           CloudLab::text(error, "message");
}

HttpReply make_bucket(CloudLab& lab, const char* name, const std::string& project = "local-project") {
    return lab.send("POST", "/storage/v1/b?project=" + project, {{"name", name}, {"location", "europe-west1"}});
}

}  // namespace

TEST_CASE("local google storage: buckets belong to one project, and names to everybody") {
    auto options = cloud_options();
    options.gcp->foreign_buckets = {"theirs"};
    CloudLab lab{std::move(options)};
    const auto made = make_bucket(lab, "mine");
    REQUIRE(made.status == 200);
    CHECK(CloudLab::text(CloudLab::json_of(made), "location") == "EUROPE-WEST1");
    CHECK(CloudLab::text(CloudLab::json_of(made), "projectNumber") == "123456789012");
    CHECK(storage_verdict(make_bucket(lab, "mine")).starts_with("409 conflict: Your previous request"));
    CHECK(storage_verdict(make_bucket(lab, "theirs")).starts_with("409 conflict: The requested bucket name"));
    CHECK(storage_verdict(lab.get("/storage/v1/b/theirs")).starts_with("403 forbidden"));
    CHECK(storage_verdict(lab.get("/storage/v1/b/nobodys")).starts_with("404 notFound"));
    CHECK(lab.get("/storage/v1/b/mine").status == 200);
    CHECK(storage_verdict(make_bucket(lab, "Bad_Name")).starts_with("400 invalid"));
    CHECK(storage_verdict(make_bucket(lab, "other", "other-project")).starts_with("403 forbidden"));
    CHECK(storage_verdict(lab.send("POST", "/storage/v1/b", {{"name", "x"}})).starts_with("400 required"));
    const auto odd = lab.send("POST", "/storage/v1/b?project=local-project", {{"name", "abc"}, {"region", "x"}});
    CHECK(storage_verdict(odd).find("Unknown name \"region\"") != std::string::npos);
    const auto anonymous = lab.send_to(lab.cloud.gcp_url(), {.target = "/storage/v1/b/mine"});
    CHECK(storage_verdict(anonymous).starts_with("401 authError"));
    CHECK(lab.remove("/storage/v1/b/mine").status == 204);
    CHECK(lab.get("/storage/v1/b/mine").status == 404);
}

TEST_CASE("local google storage: objects are put, looked up, listed and removed") {
    CloudLab lab;
    lab.upload("a/one.tar.gz", "first");
    lab.upload("a/two.tar.gz", "second");
    lab.upload("b.tar.gz", "third");
    const auto path = "/storage/v1/b/packages/o";
    const auto one = CloudLab::json_of(lab.get(std::string{path} + "/a%2Fone.tar.gz"));
    CHECK(CloudLab::text(one, "name") == "a/one.tar.gz");
    CHECK(CloudLab::text(one, "size") == "5");
    CHECK(CloudLab::text(one, "md5Hash") == "iwTV43ddKY54RV78XKQE1Q==");
    CHECK(CloudLab::text(one, "contentType") == "application/gzip");
    CHECK(lab.get(std::string{path} + "/a%2Fone.tar.gz?alt=media").body == "first");
    const auto generation = CloudLab::text(one, "generation");
    CHECK(lab.get(std::string{path} + "/a%2Fone.tar.gz?generation=" + generation).status == 200);
    CHECK(lab.get(std::string{path} + "/a%2Fone.tar.gz?generation=1").status == 404);
    const auto listed = CloudLab::json_of(lab.get(std::string{path} + "?prefix=a%2F&maxResults=1"));
    CHECK(listed.at("items").as_array().size() == 1);
    CHECK(listed.contains("nextPageToken"));
    CHECK(CloudLab::json_of(lab.get(std::string{path} + "?prefix=c")).contains("items") == false);
    CHECK(storage_verdict(lab.remove("/storage/v1/b/packages")).starts_with("409 conflict"));
    CHECK(lab.remove(std::string{path} + "/a%2Fone.tar.gz").status == 204);
    CHECK(storage_verdict(lab.remove(std::string{path} + "/a%2Fone.tar.gz")).starts_with("404 notFound"));
    const auto again = lab.ask({.method = "POST",
                                .target = "/upload/storage/v1/b/packages/o?uploadType=media&name=b.tar.gz&"
                                          "ifGenerationMatch=0",
                                .body = "other"});
    CHECK(storage_verdict(again).starts_with("412 conditionNotMet"));
}

TEST_CASE("local google storage: a large object comes in pieces that can be taken up again") {
    CloudLab lab;
    lab.upload("x", "x");
    const auto begun = lab.ask({.method = "POST",
                                .target = "/upload/storage/v1/b/packages/o?uploadType=resumable&name=big",
                                .fields = {{"X-Upload-Content-Type", "application/gzip"}, {"Content-Length", "0"}}});
    REQUIRE(begun.status == 200);
    const auto location = begun.field("location");
    REQUIRE(location.starts_with(lab.cloud.gcp_url() + "/upload/storage/v1/b/packages/o?"));
    const auto target = location.substr(lab.cloud.gcp_url().size());
    constexpr std::size_t granule = 256 * 1024;
    const std::string whole = std::string(granule, 'a') + std::string(granule, 'b') + "end";
    const auto put = [&](std::size_t first, std::size_t size, const std::string& total) {
        return lab.ask({.method = "PUT",
                        .target = target,
                        .fields = {{"Content-Range", "bytes " + std::to_string(first) + '-' +
                                                         std::to_string(first + size - 1) + '/' + total}},
                        .body = whole.substr(first, size)});
    };
    const auto ask = [&] {
        return lab.ask(
            {.method = "PUT", .target = target, .fields = {{"Content-Range", "bytes */*"}, {"Content-Length", "0"}}});
    };
    CHECK(ask().status == 308);
    CHECK(ask().field("range").empty());
    // Its address is the permission; one that is made up is none.
    const auto without_token = [&](const std::string& where) {
        return lab.send_to(
            lab.cloud.gcp_url(),
            {.method = "PUT", .target = where, .fields = {{"Content-Range", "bytes */*"}, {"Content-Length", "0"}}});
    };
    CHECK(without_token(target).status == 308);
    CHECK(without_token(target.substr(0, target.find("upload_id=")) + "upload_id=none").status == 401);
    CHECK(storage_verdict(put(0, 1000, "*")).find("262144") != std::string::npos);
    const auto more = put(0, granule, "*");
    CHECK(more.status == 308);
    CHECK(more.field("range") == "bytes=0-262143");
    CHECK(put(granule * 2, 3, std::to_string(whole.size())).field("range") == "bytes=0-262143");  // a gap
    CHECK(put(0, granule * 2, "*").field("range") == "bytes=0-524287");                           // an overlap
    const auto done = put(granule * 2, 3, std::to_string(whole.size()));
    REQUIRE(done.status == 200);
    CHECK(CloudLab::text(CloudLab::json_of(done), "contentType") == "application/gzip");
    CHECK(ask().status == 200);  // who did not hear it may ask
    CHECK(lab.get("/storage/v1/b/packages/o/big?alt=media").body == whole);
    const auto stranger = lab.ask({.method = "PUT",
                                   .target = "/upload/storage/v1/b/packages/o?uploadType=resumable&upload_id=none",
                                   .body = "x"});
    CHECK(stranger.status == 404);
}

TEST_CASE("local google storage: there is room for so much") {
    auto options = cloud_options();
    options.gcp->storage_bytes = 10'000;
    CloudLab lab{std::move(options)};
    lab.upload("x", std::string(5'000, 'x'));
    const auto target = "/upload/storage/v1/b/packages/o?uploadType=media&name=y";
    CHECK(lab.ask({.method = "POST", .target = target, .body = std::string(5'000, 'y')}).status == 503);
    lab.upload("x", std::string(6'000, 'x'));  // in place of the other
    CHECK(lab.remove("/storage/v1/b/packages/o/x").status == 204);
    CHECK(lab.ask({.method = "POST", .target = target, .body = std::string(5'000, 'y')}).status == 200);
}

TEST_CASE("GCP pitfall 7: a signed URL has its time") {
    local::GcpOptions options;
    tests::HandClock clock;
    const local::GcpClock now{options.clock_offset, clock};
    const local::GcpTokens tokens{options, now};
    const local::GcpGate gate{options, tokens, now};
    local::GcpStorage storage{options, gate, now};
    const auto url = storage.signed_upload_url("http://here", "uploads", "a.zip");
    const local::ServerRequest request{.method = "PUT",
                                       .target = url.substr(std::string_view{"http://here"}.size()),
                                       .fields = {{"Content-Type", "application/zip"}},
                                       .body = {'z'}};
    CHECK(!storage.admit(request).refusal);
    CHECK(storage.answer(request).status == 200);
    CHECK(storage.find("uploads", "a.zip") != nullptr);
    clock.advance(30min);

    CHECK(storage.answer(request).status == 200);
    clock.advance(1s);
    const auto late = storage.answer(request);
    CHECK(late.status == 400);
    CHECK(late.body.find("<Code>ExpiredToken</Code>") != std::string::npos);
}

}  // namespace local_storage_test
