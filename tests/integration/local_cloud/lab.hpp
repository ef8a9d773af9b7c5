#ifndef BLUEPRINT_FAAS_TESTS_LOCAL_CLOUD_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_LOCAL_CLOUD_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/http_client.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

using namespace std::chrono_literals;

/// A zip whose bootstrap is this shell script.
inline std::string script_package(std::string_view script) {
    ZipWriter writer;
    const std::string text = "#!/bin/sh\n" + std::string{script} + '\n';
    REQUIRE(writer.add("bootstrap", faas::detail::bytes_of(text), 0755).has_value());
    const auto zip = writer.finish();
    return std::string{faas::detail::text_of(zip)};
}

/// The same with a blueprint.json that asks for a loop.
inline std::string loop_package(std::string_view script, std::string_view manifest = R"({"loop":true})") {
    ZipWriter writer;
    const std::string text = "#!/bin/sh\n" + std::string{script} + '\n';
    REQUIRE(writer.add("bootstrap", faas::detail::bytes_of(text), 0755).has_value());
    REQUIRE(writer.add("blueprint.json", faas::detail::bytes_of(manifest), 0644).has_value());
    const auto zip = writer.finish();
    return std::string{faas::detail::text_of(zip)};
}
/// A loop that sets $args, "[1,2]", for each line and then runs `body`.
inline std::string loop_script(std::string_view body) {
    return "while read -r line; do args=${line#*\\\"args\\\":}; args=${args%%]*}]; " + std::string{body} + "; done";
}
constexpr std::string_view loop_echo = R"(printf '{"result":%s}\n' "$args")";

/// Answers with the bytes it was called with.
constexpr std::string_view echo_script = R"(sed -e 's/.*"args":\(\[[^]]*\]\).*/{"result":\1}/')";
/// Put before a command: answers with what that writes to stdout.
constexpr std::string_view telling =
    R"(tell() { printf '{"result":['; od -An -v -tu1 | tr -s ' \n' ',,' | sed 's/^,//; s/,$//'; printf ']}'; }
cat > /dev/null
)";

/// A local cloud and a client of it, on one io_context and one thread.
class Lab {
public:
    explicit Lab(local::CloudOptions options = {}) : cloud{io, with_directory(std::move(options), data)} {
        const auto started = cloud.start();
        REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().message));
    }

    HttpReply ask(HttpAsk what) {
        HttpClient client{io, cloud.url()};
        auto exchange = client.exchange(std::move(what));
        return wait_for<HttpReply>(io, std::move(exchange));
    }
    HttpReply get(std::string target) { return ask({.target = std::move(target)}); }
    HttpReply deploy(std::string id, std::string zip, std::string_view config = {}, HttpFields more = {}) {
        HttpAsk what{
            .method = "PUT", .target = "/api/functions/" + id, .fields = std::move(more), .body = std::move(zip)};
        what.fields.emplace_back("Content-Type", "application/zip");
        if (!config.empty())
            what.fields.emplace_back("X-Blueprint-Config", faas::detail::base64_encode(faas::detail::bytes_of(config)));
        return ask(std::move(what));
    }
    /// Deploys a shell script, which must succeed.
    void deploy_script(std::string id, std::string_view script, std::string_view config = {}) {
        const auto reply = deploy(std::move(id), script_package(script), config);
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
    }
    /// Deploys a loop that runs `body` for each call, which must succeed.
    void deploy_loop(std::string id, std::string_view body, std::string_view config = {}) {
        const auto reply = deploy(std::move(id), loop_package(loop_script(body)), config);
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
    }
    static HttpAsk call(std::string id, std::string_view args = "[]", HttpFields more = {}) {
        HttpAsk what{.method = "POST", .target = "/api/functions/" + id + "/invoke", .fields = std::move(more)};
        what.fields.emplace_back("Content-Type", "application/json");
        what.body = "{\"job_id\":0,\"args\":" + std::string{args} + '}';
        return what;
    }
    HttpReply invoke(std::string id, std::string_view args = "[]", HttpFields more = {}) {
        return ask(call(std::move(id), args, std::move(more)));
    }
    /// Sends all at once, each on a connection of its own, and returns the answers in the order of the requests.
    std::vector<HttpReply> ask_all(std::vector<HttpAsk> all) {
        std::vector<std::unique_ptr<HttpClient>> clients;
        std::vector<HttpReply> replies(all.size());
        std::size_t answered = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            clients.push_back(std::make_unique<HttpClient>(io, cloud.url()));
            asio::co_spawn(io, clients.back()->exchange(std::move(all[i])),
                           [&, i](std::exception_ptr, HttpReply reply) {
                               replies[i] = std::move(reply);
                               ++answered;
                           });
        }
        until([&] { return answered == replies.size(); }, 60s);
        return replies;
    }
    /// Lets the server run until `condition` holds; fails the test after `limit`.
    template <class Condition>
    void until(Condition condition, std::chrono::milliseconds limit = 10s) {
        const auto end = std::chrono::steady_clock::now() + limit;
        io.restart();
        while (!condition()) {
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "what should have happened did not");
            io.run_one_for(5ms);
        }
    }
    std::size_t packages_on_disk() const { return entries(cloud.directory() / "packages"); }
    std::size_t private_directories() const { return entries(cloud.directory() / "private"); }

    asio::io_context io{1};
    TemporaryDirectory data;
    local::Cloud cloud;

private:
    static local::CloudOptions with_directory(local::CloudOptions options, const TemporaryDirectory& data) {
        if (options.data_directory.empty()) options.data_directory = data.path();
        return options;
    }
    static std::size_t entries(const std::filesystem::path& directory) {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{directory}) count += entry.path().empty() ? 0 : 1;
        return count;
    }
};

inline boost::json::object json_of(const HttpReply& reply) {
    boost::system::error_code failed;
    const auto value = boost::json::parse(reply.body, failed);
    REQUIRE_MESSAGE((!failed && value.is_object()), "the answer is no JSON object: " << reply.body);
    return value.get_object();
}

inline std::string text_member(const HttpReply& reply, std::string_view name) {
    const auto json = json_of(reply);
    const auto* found = json.if_contains(name);
    if (found == nullptr || !found->is_string()) return {};
    return {found->get_string().data(), found->get_string().size()};
}

/// The result of a successful invocation, as text.
inline std::string result_text(const HttpReply& reply) {
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    std::optional<Bytes> bytes;
    const auto json = faas::detail::parse_object_with_bytes(reply.body, "result", bytes);
    REQUIRE_MESSAGE((json.has_value() && bytes.has_value()), reply.body);
    return std::string{faas::detail::text_of(*bytes)};
}

}  // namespace blueprint::faas::test

#endif
