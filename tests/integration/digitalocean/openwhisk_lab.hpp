#ifndef BLUEPRINT_FAAS_TESTS_OPENWHISK_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_OPENWHISK_LAB_HPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/openwhisk_system.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/has_node.hpp"
#include "support/http_client.hpp"
#include "support/served_record.hpp"
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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

namespace json = boost::json;
using namespace std::chrono_literals;

/// The file of an archive.
struct ArchiveFile {
    std::string path;
    std::string text;
    std::uint32_t mode = 0644;
};

inline std::string base64_of(std::string_view text) {
    return faas::detail::base64_encode(faas::detail::bytes_of(text));
}

/// An archive as the member `code` of a PUT.
inline std::string archive(const std::vector<ArchiveFile>& files) {
    ZipWriter writer;
    for (const auto& [path, text, mode] : files)
        REQUIRE(writer.add(path, faas::detail::bytes_of(text), mode).has_value());
    return faas::detail::base64_encode(writer.finish());
}

constexpr std::string_view good_exec_env = "openwhisk/action-golang-v1.24";

/// A shell script that speaks ActionLoop: it runs `body` for each call, with the line in $line. It has no PATH, so that
/// it can use nothing but what the shell has itself.
inline std::string loop_program(std::string_view body) {
    return "#!/bin/sh\nprintf '{\"ok\":true}\\n' >&3\nwhile read -r line; do " + std::string{body} + "; done\n";
}
inline std::string loop_archive(std::string_view body, std::string_view exec_env = good_exec_env) {
    return archive({{"exec", loop_program(body), 0755}, {"exec.env", std::string{exec_env} + '\n'}});
}
/// Answers with the member "n" of what it was called with.
constexpr std::string_view loop_echo =
    R"sh(n=${line#*\"n\":}; n=${n%%[,\}]*}; printf '{"n":%s,"pid":%s}\n' "$n" $$ >&3)sh";

/// OpenWhisk's API on an address of its own, where the user's name is the namespace, on one io_context and one thread.
class OpenWhiskLab : public local::HttpService {
public:
    explicit OpenWhiskLab(local::OpenWhiskSettings settings = {}) : server_{asio::make_strand(io), *this} {
        functions.options.data_directory = data.path();
        functions.options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        functions.strand = asio::make_strand(io);
        auto store = local::PackageStore::open(functions.options);
        REQUIRE(store.has_value());
        functions.store = std::move(*store);
        system = std::make_unique<local::OpenWhiskSystem>(functions, std::move(settings));
        local::CloudOptions options;
        options.limits.idle = options.limits.stall = 60s;
        REQUIRE(server_.start(options, owner_).has_value());
        system->serve_at(server_.url(), owner_);
    }
    ~OpenWhiskLab() override {
        asio::co_spawn(io, system->stop(0ms), [](std::exception_ptr) {});
        functions.ending = true;
        functions.processes.kill_all();
        io.restart();
        while (functions.processes.alive() > 0 || system->calls() > 0) io.run_one_for(5ms);
        server_.close();
        io.run_for(5ms);
    }

    local::Admission admit(const local::ServerRequest& head) override {
        if (user_of(head).empty() && !system->answer_anybody(head))
            return {.refusal = system->refusal(401, "The supplied authentication is invalid")};
        return system->admit(head);
    }
    asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request) override {
        if (auto known = system->answer_anybody(request)) co_return std::move(*known);
        std::string own = user_of(request);
        auto answering = system->answer(std::move(request), std::move(own));
        co_return co_await std::move(answering);
    }
    local::ServerAnswer failure(unsigned status, std::string_view message) override {
        return system->refusal(status, message);
    }

    HttpAsk ask(std::string method, std::string target, std::string body = {}) const {
        HttpAsk what{.method = std::move(method), .target = std::move(target), .body = std::move(body)};
        what.fields.emplace_back("Authorization", "Basic " + base64_of(name_space + ":not-asked"));
        if (!what.body.empty()) what.fields.emplace_back("Content-Type", "application/json");
        if (what.body.empty() && what.method != "GET") what.fields.emplace_back("Content-Length", "0");
        return what;
    }
    HttpReply send(HttpAsk what) {
        HttpClient client{io, server_.url()};
        auto exchange = client.exchange(what);
        io.restart();
        auto reply = wait_for<HttpReply>(io, std::move(exchange));
        record_served(what, reply);
        return reply;
    }
    HttpReply send(std::string method, std::string target, std::string body = {}) {
        return send(ask(std::move(method), "/api/v1/namespaces/_/" + std::move(target), std::move(body)));
    }
    HttpReply get(std::string target) { return send("GET", std::move(target)); }
    HttpReply put(const std::string& target, const json::object& content) {
        return send("PUT", target, json::serialize(content));
    }
    /// Sends all at once, each on a connection of its own.
    std::vector<HttpReply> send_all(const std::vector<HttpAsk>& all) {
        std::vector<std::unique_ptr<HttpClient>> clients;
        std::vector<HttpReply> replies(all.size());
        std::size_t answered = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            clients.push_back(std::make_unique<HttpClient>(io, server_.url()));
            asio::co_spawn(io, clients.back()->exchange(all[i]), [&, i](std::exception_ptr, HttpReply reply) {
                replies[i] = std::move(reply);
                ++answered;
            });
        }
        until([&] { return answered == all.size(); });
        return replies;
    }
    /// What is PUT to make an action.
    static json::object action(std::string code, std::string_view kind = "go:default", json::object limits = {}) {
        return {{"exec", json::object{{"kind", kind}, {"code", std::move(code)}}}, {"limits", std::move(limits)}};
    }
    /// Puts an action, which must succeed, and returns what was answered.
    json::object deploy(const std::string& name, const json::object& content) {
        const auto reply = put("actions/" + name + "?overwrite=true", content);
        REQUIRE_MESSAGE(reply.status == 200, reply.body);
        return json::parse(reply.body).as_object();
    }
    /// Deploys a shell script that speaks ActionLoop.
    void deploy_loop(const std::string& name, std::string_view body, json::object limits = {}) {
        deploy(name, action(loop_archive(body), "go:default", std::move(limits)));
    }
    /// Calls and waits: the answer is a record.
    HttpReply invoke(const std::string& name, std::string body = "{}", const std::string& query = "blocking=true") {
        return send("POST", "actions/" + name + '?' + query, std::move(body));
    }
    /// The same with the answer as JSON; the status must be this one.
    json::object record(const std::string& name, std::string body = "{}", unsigned status = 200) {
        const auto reply = invoke(name, std::move(body));
        REQUIRE_MESSAGE(reply.status == status, reply.body);
        return json::parse(reply.body).as_object();
    }
    /// Waits until a call's record can be read.
    json::object stored(const std::string& id) {
        HttpReply reply;
        until([&] {
            reply = get("activations/" + id);
            return reply.status == 200;
        });
        return json::parse(reply.body).as_object();
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
    std::string url() const { return server_.url(); }

    asio::io_context io{1};
    TemporaryDirectory data{};
    local::FunctionHost functions{};
    std::unique_ptr<local::OpenWhiskSystem> system{};
    std::string name_space = "guest";

private:
    static std::string user_of(const local::ServerRequest& head) {
        const auto field = head.field("authorization").value_or("");
        if (!field.starts_with("Basic ")) return {};
        const auto decoded = faas::detail::base64_decode(field.substr(6)).value_or(Bytes{});
        const std::string text{faas::detail::text_of(decoded)};
        return text.substr(0, text.find(':'));
    }
    std::shared_ptr<int> owner_ = std::make_shared<int>();
    local::HttpServer server_;
};

inline json::object object_of(const HttpReply& reply) {
    boost::system::error_code failed;
    const auto value = json::parse(reply.body, failed);
    REQUIRE_MESSAGE((!failed && value.is_object()), "the answer is no JSON object: " << reply.body);
    return value.get_object();
}
inline json::array array_of(const HttpReply& reply) {
    REQUIRE_MESSAGE(reply.status == 200, reply.body);
    return json::parse(reply.body).as_array();
}
/// What went wrong, in the platform's words; the status must be this one.
inline std::string error_of(const HttpReply& reply, unsigned status) {
    CHECK_MESSAGE(reply.status == status, reply.body);
    const auto object = object_of(reply);
    CHECK(object.at("code").as_string().size() == 32);
    return std::string{object.at("error").as_string()};
}
/// The value of a parameter or annotation; null: it is not there.
inline json::value value_of(const json::object& of, std::string_view list, std::string_view key) {
    for (const auto& entry : of.at(list).as_array())
        if (entry.at("key").as_string() == key) return entry.at("value");
    return nullptr;
}

}  // namespace blueprint::faas::test

#endif
