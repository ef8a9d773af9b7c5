#ifndef BLUEPRINT_FAAS_TESTS_AZURE_HOST_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_AZURE_HOST_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/azure_host.hpp"
#include "blueprint/faas/local/azure_scm.hpp"
#include "blueprint/faas/local/background.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/http_client.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

namespace json = boost::json;
using namespace std::chrono_literals;

inline Bytes program_of(const char* variable) {
    const char* const path = std::getenv(variable);
    REQUIRE_MESSAGE(path != nullptr, "no variable names the test's program: " << variable);
    std::ifstream file{path, std::ios::binary};
    const std::string binary{std::istreambuf_iterator<char>{file}, {}};
    REQUIRE(!binary.empty());
    return {binary.begin(), binary.end()};
}
/// The program of tests/support/http_function.cpp.
inline const Bytes& handler_program() {
    static const Bytes program = program_of("BLUEPRINT_FAAS_TEST_LOCAL_AZURE_HANDLER");
    return program;
}

/// A site that answers every path by the test's handler. What is altered before it is packed is the test's.
struct SiteFiles {
    json::object description{{"defaultExecutablePath", "handler"}};
    json::object host{{"version", "2.0"}, {"extensions", json::object{{"http", json::object{{"routePrefix", ""}}}}}};
    bool forwards = true;
    std::string level = "anonymous";
    std::uint32_t handler_mode = 0755, host_mode = 0644;
    bool with_host = true, with_handler = true;
    std::vector<std::pair<std::string, std::string>> more{};  ///< files besides

    static std::string function(const std::string& level, const std::string& route, const std::string& more = {}) {
        return R"({"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":")" + level +
               R"(","route":")" + route + '"' + more + R"(},{"type":"http","direction":"out","name":"res"}]})";
    }
    Bytes zip() const {
        auto json = host;
        if (with_handler)
            json["customHandler"] =
                json::object{{"description", description}, {"enableForwardingHttpRequest", forwards}};
        ZipWriter writer;
        const auto add = [&](std::string_view path, std::string_view text, std::uint32_t mode = 0644) {
            REQUIRE(writer.add(path, faas::detail::bytes_of(text), mode).has_value());
        };
        if (with_host) add("host.json", json::serialize(json), host_mode);
        if (!level.empty()) add("all/function.json", function(level, "{*path}"));
        for (const auto& [path, text] : more) add(path, text);
        REQUIRE(writer.add("handler", handler_program(), handler_mode).has_value());
        return writer.finish();
    }
};

inline local::AzureOptions host_options() {
    local::AzureOptions options;
    options.settle = 30ms;
    options.host_start = 0ms;
    options.queue_time = 300ms;
    return options;
}

/// One app with its two addresses, and what the rest of Azure is for it, on one io_context and one thread.
class HostLab : public local::AzureSurroundings {
public:
    explicit HostLab(local::AzureOptions with = host_options(),
                     const std::function<void(local::AzureAppConfig&)>& change = {})
        : options_{std::move(with)}, background_{asio::make_strand(io)} {
        functions.options.data_directory = data.path();
        functions.options.limit_memory = false;  // the test's programs may be built with AddressSanitizer
        functions.strand = asio::make_strand(io);
        auto store = local::PackageStore::open(functions.options);
        REQUIRE(store.has_value());
        functions.store = std::move(*store);
        background_.owned_by(owner_);
        local::AzureAppConfig config;
        config.id = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Web/sites/app";
        config.name = "app";
        config.concurrency = 8;
        config.settings["COLOUR"] = std::string{"red"};
        if (change) change(config);
        auto opened = local::AzureHost::open(functions, *this, std::move(config), owner_);
        REQUIRE(opened.has_value());
        host = std::move(*opened);
        auto ends = local::AzureScm::open(functions, *this, host, owner_);
        REQUIRE(ends.has_value());
        scm = std::move(*ends);
    }
    ~HostLab() override {
        host->close();
        scm->close();
        background_.begin_stopping();
        auto finishing = background_.finish();
        asio::co_spawn(io, std::move(finishing), [](std::exception_ptr) {});
        functions.processes.kill_all();
        io.restart();
        while (functions.processes.alive() > 0) io.run_one_for(5ms);
        io.run_for(5ms);
    }

    void deploy(const SiteFiles& site) {
        const auto deployed = host->deploy(site.zip());
        REQUIRE_MESSAGE(deployed.has_value(), (deployed ? "" : deployed.error().message));
        settle();
    }
    void settle() {
        until([&] { return host->state() != "Starting"; });
    }
    HttpReply send_to(const std::string& url, HttpAsk what) {
        HttpClient client{io, url};
        auto exchange = client.exchange(std::move(what));
        io.restart();
        return wait_for<HttpReply>(io, std::move(exchange));
    }
    HttpReply get(std::string target, HttpFields fields = {}) {
        return send_to(host->url(), {.target = std::move(target), .fields = std::move(fields)});
    }
    HttpReply get_with(std::string target, const std::string& key) {
        return get(std::move(target), {{"x-functions-key", key}});
    }
    std::string master() const { return std::string{host->keys()->master.reveal()}; }
    json::object status() {
        const auto reply = get_with("/admin/host/status", master());
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        return json::parse(reply.body).as_object();
    }
    /// Why the host is in state Error.
    std::string error() {
        const auto shown = status();
        CHECK(shown.at("state") == "Error");
        CHECK(get("/").status == 503);
        CHECK(get("/").body == "Function host is not running.");
        return shown.contains("errors") ? json::serialize(shown.at("errors")) : "";
    }
    HttpReply ask_scm(std::string method, std::string target, HttpFields fields = {}, std::string body = {}) {
        fields.emplace_back("Authorization", "Bearer good");
        return send_to(scm->url(), {.method = std::move(method),
                                    .target = std::move(target),
                                    .fields = std::move(fields),
                                    .body = std::move(body)});
    }
    HttpReply publish(const Bytes& zip) {
        return ask_scm("POST", "/api/publish?RemoteBuild=false&Deployer=test", {{"Content-Type", "application/zip"}},
                       std::string{faas::detail::text_of(zip)});
    }
    json::object deployment(const std::string& id) {
        const auto reply = ask_scm("GET", "/api/deployments/" + id);
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        return json::parse(reply.body).as_object();
    }
    json::object finish(const std::string& id) {
        json::object shown;
        until([&] {
            shown = deployment(id);
            return shown.at("complete").as_bool();
        });
        return shown;
    }
    /// Sends all at once, each on a connection of its own.
    std::vector<HttpReply> send_all(const std::vector<std::string>& targets) {
        std::vector<std::unique_ptr<HttpClient>> clients;
        std::vector<HttpReply> replies(targets.size());
        std::size_t answered = 0;
        for (std::size_t i = 0; i < targets.size(); ++i) {
            clients.push_back(std::make_unique<HttpClient>(io, host->url()));
            asio::co_spawn(io, clients.back()->exchange({.target = targets[i]}),
                           [&, i](std::exception_ptr, HttpReply reply) {
                               replies[i] = std::move(reply);
                               ++answered;
                           });
        }
        until([&] { return answered == replies.size(); });
        return replies;
    }
    template <class Condition>
    void until(Condition condition, std::chrono::milliseconds limit = 20s) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "what should have happened did not");
            io.restart();
            io.run_one_for(5ms);
        }
    }

    /// Lets go of what owns the rest of Azure, as a cloud does that ends while connections to its apps are open.
    void end_surroundings() {
        owner_.reset();
        ended_ = true;
    }
    const local::AzureOptions& options() const override {
        CHECK_FALSE(ended_);
        return options_;
    }
    std::optional<local::ServerAnswer> judge_deployer(const local::ServerRequest& head) override {
        CHECK_FALSE(ended_);
        if (head.field("authorization") == "Bearer good") return std::nullopt;
        return local::azure_host_text(401, "");
    }
    result<void> keep_package(const local::AzureAppConfig&, std::span<const std::uint8_t> zip) override {
        if (!container_is_there)
            return Error{.code = errc::not_found,
                         .message = "no container",
                         .http_status = 404,
                         .platform_code = "ContainerNotFound"};
        kept.assign(zip.begin(), zip.end());
        return {};
    }
    void spawn(asio::awaitable<void> task) override { background_.spawn(std::move(task)); }
    asio::awaitable<void> pause(std::chrono::milliseconds time) override { return background_.pause(time); }
    std::string now() const override { return "2026-01-31T12:00:00.0000000Z"; }

    asio::io_context io{1};
    TemporaryDirectory data{};
    local::FunctionHost functions{};
    std::shared_ptr<local::AzureHost> host{};
    std::shared_ptr<local::AzureScm> scm{};
    bool container_is_there = true;
    Bytes kept{};

private:
    local::AzureOptions options_;
    std::shared_ptr<int> owner_ = std::make_shared<int>();
    bool ended_ = false;
    local::Background background_;
};

}  // namespace blueprint::faas::test

#endif
