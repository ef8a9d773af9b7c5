#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/serve/azure_messages.hpp"
#include "blueprint/faas/serve/azure_protocol.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace azure_test {

namespace {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::HttpCall;
using tests::failed;

class World : public Environment {
public:
    explicit World(std::map<std::string, std::string> variables) : variables_{std::move(variables)} {}
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = variables_.find(name);
        return found == variables_.end() ? std::nullopt : std::optional{found->second};
    }

private:
    std::map<std::string, std::string> variables_;
};

bool detects(std::map<std::string, std::string> variables) {
    const World world{std::move(variables)};
    return AzureProtocol::detect({.world = world});
}

boost::json::object parsed(std::string_view text) {
    return boost::json::parse(boost::json::string_view{text.data(), text.size()}).as_object();
}

std::string_view body_of(const detail::AzureEnvelope& envelope) { return detail::text_of(envelope.body); }

detail::AzureManifest manifest_of_two() {
    detail::AzureManifest manifest;
    manifest.jobs[JobId{0}] = {.package_sha256 = std::string(64, 'a'), .timeout = 60s};
    manifest.jobs[JobId{10}] = {.package_sha256 = std::string(64, 'b'), .timeout = 5s};
    manifest.front = std::string(16, 'a');
    return manifest;
}

void write(const std::filesystem::path& path, std::string_view text) { std::ofstream{path} << text; }

}  // namespace

TEST_CASE("azure: a process knows Azure's host by the port it is given") {
    CHECK(detects({{"FUNCTIONS_CUSTOMHANDLER_PORT", "4711"}}));
    CHECK(detects({{"FUNCTIONS_HTTPWORKER_PORT", "4711"}}));
    CHECK_FALSE(detects({{"PORT", "4711"}}));
    // What another program of the app started speaks on the socket it was given.
    CHECK_FALSE(detects({{"FUNCTIONS_CUSTOMHANDLER_PORT", "4711"}, {"BLUEPRINT_HTTP_SOCKET", "/tmp/x"}}));
}

TEST_CASE("azure: the envelope's request is taken out, with its fields in lists or alone") {
    const auto read = detail::read_azure_envelope(
        R"({"Data":{"req":{"Url":"https://x/api/run","Method":"POST","Query":{},"Headers":{)"
        R"("Content-Type":["application/json"],"X-Blueprint-Job-Id":["7"],"X-Request-Id":"r-1",)"
        R"("Authorization":["Bearer secret"],"Transfer-Encoding":["chunked"]},"Params":{},)"
        R"("Body":"{\"job_id\":7,\"args\":[1]}"}},"Metadata":{"sys":{"MethodName":"run"}}})");
    REQUIRE(read);
    REQUIRE(read->has_value());
    const auto& envelope = **read;
    CHECK(envelope.method == "POST");
    CHECK(envelope.fields.get("Content-Type") == "application/json");
    CHECK(envelope.fields.get("X-Blueprint-Job-Id") == "7");
    CHECK(envelope.fields.get("X-Request-Id") == "r-1");
    CHECK_FALSE(envelope.fields.get("Authorization"));
    CHECK_FALSE(envelope.fields.get("Transfer-Encoding"));
    CHECK(body_of(envelope) == R"({"job_id":7,"args":[1]})");
}

TEST_CASE("azure: a body that the host has parsed is text again, and one that is missing is empty") {
    const auto parsed_body = detail::read_azure_envelope(
        R"({"Data":{"in":{"Method":"POST","Body":{"job_id":7,"args":"AA=="}}},"Metadata":{}})");
    REQUIRE(parsed_body);
    REQUIRE(parsed_body->has_value());
    CHECK(body_of(**parsed_body) == R"({"job_id":7,"args":"AA=="})");
    const auto none = detail::read_azure_envelope(R"({"Data":{"req":{"Method":"GET"}},"Metadata":{}})");
    REQUIRE(none);
    REQUIRE(none->has_value());
    CHECK((*none)->body.empty());
}

TEST_CASE("azure: what is no envelope is left alone") {
    for (const auto text : {
             R"({"job_id":7,"args":[1]})",
             R"({"job_id":7,"args":[1],"Data":{},"Metadata":{}})",
             R"({"Data":{"req":{"Method":"GET"}}})",
             R"({"Data":[],"Metadata":{}})",
             R"({"Data":{},"Metadata":{})",
             R"(["Data","Metadata"])",
             "",
         }) {
        CAPTURE(text);
        CHECK_FALSE(detail::read_azure_envelope(text));
    }
    const auto timer = detail::read_azure_envelope(R"({"Data":{"timer":{"IsPastDue":false}},"Metadata":{}})");
    REQUIRE(timer);
    CHECK(failed(*timer).http_status == 400);
}

TEST_CASE("azure: an answer in the envelope is 200 itself and tells its own status, fields and body") {
    const auto written = detail::write_azure_envelope(
        {.status = 500, .fields = "Content-Type: application/json\r\nX-Request-Id: r-1\r\n", .text = "{\"a\":1}\n"});
    CHECK(written.status == 200);
    CHECK(written.fields == "Content-Type: application/json\r\n");
    const auto json = parsed(written.text);
    CHECK(json.at("Logs").as_array().empty());
    CHECK(json.at("ReturnValue").is_null());
    const auto& response = json.at("Outputs").at("res").as_object();
    CHECK(response.at("statusCode") == 500);
    CHECK(response.at("headers").at("Content-Type") == "application/json");
    CHECK(response.at("headers").at("X-Request-Id") == "r-1");
    CHECK(response.at("body") == "{\"a\":1}\n");
}

TEST_CASE("azure: an envelope without a method is refused") {
    for (const auto* method : {R"("")", "7", "{}"}) {
        const auto read = detail::read_azure_envelope(R"({"Data":{"req":{"Url":"https://a/api/run","Method":)" +
                                                      std::string{method} + R"(}},"Metadata":{}})");
        CAPTURE(method);
        REQUIRE(read.has_value());
        REQUIRE(read->has_error());
        CHECK(read->error().message.find("Method") != std::string::npos);
    }
}

TEST_CASE("Azure pitfall 10: bytes that are no text leave the envelope as Base64, and bare bytes are told what to do") {
    const auto written = detail::write_azure_envelope({.bytes = {0xff, 0x00, 0x80}});
    CHECK(parsed(written.text).at("Outputs").at("res").at("body") == "/wCA");
    const auto refusal = detail::azure_binary_refusal();
    CHECK(refusal.http_status == 415);
    CHECK(refusal.message.find("enableForwardingHttpRequest") != std::string::npos);
}

TEST_CASE("azure: the host's id stands for a request that has none of its own") {
    Headers fields;
    fields.add("Content-Type", "application/octet-stream");
    fields.add("X-Blueprint-Job-Id", "7");
    fields.add("X-Azure-Functions-InvocationId", "11112222-3333-4444-5555-666677778888");
    auto call = detail::read_http_head("POST", fields, {});
    REQUIRE(call.has_value());
    CHECK(call->request_id == "11112222-3333-4444-5555-666677778888");
    CHECK(call->request.call.metadata.get("x-request-id") == "11112222-3333-4444-5555-666677778888");
    fields.add("X-Request-Id", "r-1");
    call = detail::read_http_head("POST", fields, {});
    REQUIRE(call.has_value());
    CHECK(call->request_id == "r-1");
    CHECK(call->request.call.metadata.get("x-request-id") == "r-1");
}

TEST_CASE("azure: the site is found by its root's variable, or two levels above the program") {
    const test::TemporaryDirectory directory;
    const auto program = directory / "programs/aaaaaaaaaaaaaaaa";
    const World told{{{"FUNCTIONS_APP_ROOT_PATH", directory.path().string()}}}, untold{{}};
    const auto none = detail::find_azure_site(told, "/");
    REQUIRE(none.has_value());
    CHECK_FALSE(*none);
    write(directory / "blueprint.json", to_text(manifest_of_two()));
    auto found = detail::find_azure_site(told, "/");
    REQUIRE(found.has_value());
    REQUIRE(*found);
    CHECK((*found)->manifest == manifest_of_two());
    CHECK((*found)->digest.empty());
    CHECK(detail::azure_health(**found) == R"(,"jobs":[0,10])");
    write(directory / "blueprint.sha256", std::string(64, '1'));
    found = detail::find_azure_site(untold, program);
    REQUIRE(found.has_value());
    REQUIRE(*found);
    CHECK((*found)->root == directory.path());
    CHECK(detail::azure_health(**found) == R"(,"site":")" + std::string(64, '1') + R"(","jobs":[0,10])");
    write(directory / "blueprint.json", "{");
    CHECK(failed(detail::find_azure_site(told, "/")).code == errc::serialization);
}

TEST_CASE("azure: the health tells the site and its jobs") {
    const detail::HttpInstance instance{.id = "0123456789abcdef0123456789abcdef", .revision = "aaaaaaaaaaaaaaaa"};
    const auto health = detail::write_http_health(instance, {}, R"(,"site":"1","jobs":[0,10])");
    CHECK(health.text ==
          "{\"status\":\"healthy\",\"instance\":\"0123456789abcdef0123456789abcdef\","
          "\"revision\":\"aaaaaaaaaaaaaaaa\",\"site\":\"1\",\"jobs\":[0,10]}\n");
}

}  // namespace azure_test
