#ifndef BLUEPRINT_FAAS_TESTS_GCP_CLOUD_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_GCP_CLOUD_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/package/tar.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/local_cloud_lab.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

namespace json = boost::json;
using namespace std::chrono_literals;

inline const std::string owner_account = "owner@local-project.iam.gserviceaccount.com";
inline const std::string other_account = "other@local-project.iam.gserviceaccount.com";
inline const std::string place = "projects/local-project/locations/europe-west1";

/// The program of tests/support/http_function.cpp.
inline Bytes function_program() {
    const char* const path = std::getenv("BLUEPRINT_FAAS_TEST_LOCAL_GCP_FUNCTION");
    REQUIRE_MESSAGE(path != nullptr, "BLUEPRINT_FAAS_TEST_LOCAL_GCP_FUNCTION does not name the test function");
    std::ifstream file{path, std::ios::binary};
    const std::string binary{std::istreambuf_iterator<char>{file}, {}};
    REQUIRE(!binary.empty());
    return {binary.begin(), binary.end()};
}

inline std::string tar_of(std::string_view name, const Bytes& bytes, std::uint32_t mode = 0755) {
    TarGzWriter writer;
    REQUIRE(writer.add(name, bytes, mode).has_value());
    return std::string{faas::detail::text_of(writer.finish())};
}

inline local::CloudOptions cloud_options() {
    local::CloudOptions options;
    options.limit_memory = false;  // the test function may be built with AddressSanitizer
    auto& gcp = options.gcp.emplace();
    gcp.service_accounts[owner_account] = {};
    gcp.service_accounts[other_account] = {};
    gcp.metadata_account = owner_account;
    gcp.settle = 20ms;
    gcp.queue_time = 400ms;
    return options;
}

/// The local Google Cloud and a client of it, on one io_context and one thread.
class CloudLab : public LocalCloudLab {
public:
    explicit CloudLab(local::CloudOptions options = cloud_options()) : LocalCloudLab{std::move(options)} {
        const auto reply =
            send_to(cloud.gcp_url(), {.target = "/computeMetadata/v1/instance/service-accounts/default/token",
                                      .fields = {{"Metadata-Flavor", "Google"}}});
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        token = text(json_of(reply), "access_token");
    }

    /// Asks an API. Where BLUEPRINT_FAAS_SERVED_RECORD names a file, the exchange is noted there, unless the request is
    /// `odd`: not as the API's document has it, and taken all the same.
    HttpReply ask(HttpAsk what, bool odd = false) {
        what.fields.emplace_back("Authorization", "Bearer " + token);
        auto reply = send_to(cloud.gcp_url(), what);
        if (!odd) record(what, reply);
        return reply;
    }
    HttpReply get(std::string target) { return ask({.target = std::move(target)}); }
    HttpReply remove(std::string target) { return ask({.method = "DELETE", .target = std::move(target)}); }
    HttpReply send(std::string method, std::string target, const json::object& body) {
        return ask({.method = std::move(method),
                    .target = std::move(target),
                    .fields = {{"Content-Type", "application/json"}},
                    .body = json::serialize(body)});
    }

    /// Makes the bucket "packages" if need be and puts an object into it.
    void upload(const std::string& object, std::string bytes) {
        send("POST", "/storage/v1/b?project=local-project", {{"name", "packages"}, {"location", "europe-west1"}});
        const auto reply = ask(
            {.method = "POST",
             .target = "/upload/storage/v1/b/packages/o?uploadType=media&name=" + faas::detail::percent_encode(object),
             .fields = {{"Content-Type", "application/gzip"}},
             .body = std::move(bytes)});
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
    }
    /// The body of a service that runs "./main" of `object`. `change` alters container and template.
    static json::object service(
        const std::string& object,
        const std::function<void(json::object& container, json::object& revision)>& change = {}) {
        json::object container{
            {"image", "scratch"},
            {"baseImageUri", "osonly24"},
            {"command", json::array{"./main"}},
            {"sourceCode",
             json::object{{"cloudStorageSource", json::object{{"bucket", "packages"}, {"object", object}}}}}};
        json::object revision;
        if (change) change(container, revision);
        revision["containers"] = json::array{std::move(container)};
        return {{"template", std::move(revision)}};
    }
    HttpReply create(const std::string& id, const json::object& body) {
        return send("POST", "/v2/" + place + "/services?serviceId=" + id, body);
    }
    /// Looks at an operation until it is done.
    json::object finish(const HttpReply& begun) {
        REQUIRE_MESSAGE(begun.status == 200, begun.body);
        auto operation = json_of(begun);
        CHECK(operation.at("done") == false);
        const auto end = std::chrono::steady_clock::now() + 30s;
        while (!operation.at("done").as_bool()) {
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "the operation does not end");
            io.run_one_for(5ms);
            operation = json_of(get("/v2/" + text(operation, "name")));
        }
        return operation;
    }
    /// Uploads the test's program and deploys a service of it that everybody may call. Returns the service.
    json::object deploy(const std::string& id,
                        const std::function<void(json::object& container, json::object& revision)>& change = {}) {
        upload("main.tar.gz", tar_of("main", function_program()));
        const auto operation = finish(create(id, service("main.tar.gz", change)));
        REQUIRE_MESSAGE(operation.contains("response"), json::serialize(operation));
        open_to(id, {"allUsers"});
        return operation.at("response").as_object();
    }
    /// Replaces who may call a service.
    void open_to(const std::string& id, const std::vector<std::string>& members) {
        json::array list;
        for (const auto& member : members) list.push_back(json::value(member));
        const json::object binding{{"role", "roles/run.invoker"}, {"members", std::move(list)}};
        const auto reply = send("POST", "/v2/" + place + "/services/" + id + ":setIamPolicy",
                                {{"policy", json::object{{"bindings", json::array{binding}}}}});
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
    }
    json::object shown(const std::string& id) { return json_of(get("/v2/" + place + "/services/" + id)); }

    /// An ID token of an account for an audience.
    std::string id_token(const std::string& account, const std::string& audience) {
        const auto reply = send("POST", "/v1/projects/-/serviceAccounts/" + account + ":generateIdToken",
                                {{"audience", audience}, {"includeEmail", true}});
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        return text(json_of(reply), "token");
    }
    /// "400 INVALID_ARGUMENT: text" of an API's refusal.
    static std::string verdict(const HttpReply& reply) {
        if (reply.status == 200) return "200";
        const auto error = json_of(reply).at("error").as_object();
        CHECK(error.at("code").to_number<unsigned>() == reply.status);
        return std::to_string(reply.status) + ' ' + text(error, "status") + ": " + text(error, "message");
    }

    std::string token;
};

}  // namespace blueprint::faas::test

#endif
