#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_AWS_LAMBDA_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_AWS_LAMBDA_LAB_HPP

#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/http_client.hpp"
#include "support/signed_request.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

using namespace std::chrono_literals;

inline const std::string lambda_role = "arn:aws:iam::123456789012:role/demo";

/// A zip of one file.
inline std::string zip_of(std::string_view name, std::string_view bytes, std::uint32_t mode = 0755) {
    ZipWriter writer;
    REQUIRE(writer.add(name, faas::detail::bytes_of(bytes), mode).has_value());
    const auto zip = writer.finish();
    return std::string{faas::detail::text_of(zip)};
}

/// The package of tests/support/lambda_function.cpp. `more` makes another one of it that does the same. Each is made
/// once: what was compiled without optimisation compresses slowly.
inline const std::string& function_zip(const std::string& more = {}) {
    static std::map<std::string, std::string> made;
    if (const auto found = made.find(more); found != made.end()) return found->second;
    const char* const path = std::getenv("BLUEPRINT_FAAS_TEST_LAMBDA_FUNCTION");
    REQUIRE_MESSAGE(path != nullptr, "BLUEPRINT_FAAS_TEST_LAMBDA_FUNCTION does not name the test function");
    std::ifstream file{path, std::ios::binary};
    const std::string binary{std::istreambuf_iterator<char>{file}, {}};
    REQUIRE(!binary.empty());
    ZipWriter writer;
    REQUIRE(writer.add("bootstrap", faas::detail::bytes_of(binary), 0755).has_value());
    if (!more.empty()) REQUIRE(writer.add("more", faas::detail::bytes_of(more), 0644).has_value());
    const auto zip = writer.finish();
    return made[more] = std::string{faas::detail::text_of(zip)};
}

inline std::string base64(std::string_view bytes) { return faas::detail::base64_encode(faas::detail::bytes_of(bytes)); }

inline local::CloudOptions lambda_options() {
    local::CloudOptions options;
    options.limit_memory = false;  // the test function may be built with AddressSanitizer
    auto& aws = options.aws.emplace();
    aws.keys[tests::example_key] = tests::example_secret;
    aws.settle = 60ms;
    aws.retry_pause = 30ms;
    return options;
}

/// The local cloud's AWS and a client of it that signs, on one io_context and one thread.
class LambdaLab {
public:
    explicit LambdaLab(local::CloudOptions options = lambda_options())
        : cloud{io, with_directory(std::move(options), data, lines)} {
        const auto started = cloud.start();
        REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().message));
    }

    /// Signs `what` and returns the answer. Where BLUEPRINT_FAAS_SERVED_RECORD names a file, the exchange is noted
    /// there for tests/contract.
    HttpReply ask(HttpAsk what, const std::string& service = "lambda") {
        HttpClient client{io, cloud.aws_url()};
        auto sent = signed_ask(std::move(what), service);
        auto exchange = client.exchange(sent);
        auto reply = wait_for<HttpReply>(io, std::move(exchange));
        if (service == "lambda") record(sent, reply);
        return reply;
    }
    HttpReply send(std::string method, std::string path, const boost::json::object& body) {
        return ask({.method = std::move(method),
                    .target = std::move(path),
                    .fields = {{"Content-Type", "application/json"}},
                    .body = boost::json::serialize(body)});
    }
    HttpReply get(std::string path) { return ask({.target = std::move(path)}); }

    static std::string path(std::string_view function, std::string_view part = {}) {
        std::string path = "/2015-03-31/functions/" + std::string{function};
        return part.empty() ? path : path + '/' + std::string{part};
    }
    /// The body of CreateFunction; `more` adds to it and replaces.
    static boost::json::object creation(std::string_view name, std::string_view zip, boost::json::object more = {}) {
        boost::json::object body{{"FunctionName", name},
                                 {"Role", lambda_role},
                                 {"Runtime", "provided.al2023"},
                                 {"Handler", "bootstrap"},
                                 {"Code", boost::json::object{{"ZipFile", base64(zip)}}}};
        for (auto& [key, value] : more) body[key] = std::move(value);
        return body;
    }
    HttpReply create(std::string_view name, boost::json::object more = {}) {
        return send("POST", "/2015-03-31/functions", creation(name, function_zip(), std::move(more)));
    }
    /// Creates a function and waits until it is Active.
    void deploy(std::string_view name, boost::json::object more = {}) {
        const auto reply = create(name, std::move(more));
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
        settle(name);
    }
    /// Waits until the function is neither being created nor changed.
    void settle(std::string_view name) {
        const auto end = std::chrono::steady_clock::now() + 10s;
        for (;;) {
            const auto state = json_of(get(path(name, "configuration")));
            const auto* const update = state.if_contains("LastUpdateStatus");
            if (state.at("State") == "Active" && update != nullptr && *update == "Successful") return;
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "the function does not settle");
            io.run_one_for(5ms);
        }
    }
    static HttpAsk invocation(std::string_view function, std::string event, HttpFields fields = {}) {
        return {.method = "POST",
                .target = path(function, "invocations"),
                .fields = std::move(fields),
                .body = std::move(event)};
    }
    HttpReply invoke(std::string_view function, std::string event, HttpFields fields = {}) {
        return ask(invocation(function, std::move(event), std::move(fields)));
    }
    /// Sends all at once, each on a connection of its own.
    std::vector<HttpReply> ask_all(std::vector<HttpAsk> all) {
        std::vector<std::unique_ptr<HttpClient>> clients;
        std::vector<HttpReply> replies(all.size());
        std::size_t answered = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            clients.push_back(std::make_unique<HttpClient>(io, cloud.aws_url()));
            asio::co_spawn(io, clients.back()->exchange(signed_ask(std::move(all[i]), "lambda")),
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
        io.restart();
        while (!condition()) {
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "what should have happened did not");
            io.run_one_for(5ms);
        }
    }
    /// Counts the lines of the server's log that hold `text`.
    std::size_t noted(std::string_view text) const {
        std::size_t count = 0;
        for (const auto& line : *lines) count += line.find(text) != std::string::npos ? 1U : 0U;
        return count;
    }

    HttpAsk signed_ask(HttpAsk what, const std::string& service) const {
        auto request = tests::request_of(what.method, what.target, std::move(what.fields), what.body);
        request.fields.emplace_back("Host", cloud.aws_url().substr(7));
        if (service == "s3")
            request.fields.emplace_back("x-amz-content-sha256", faas::detail::sha256_hex(request.body));
        request = tests::signed_request(
            std::move(request),
            {.service = service, .amz_date = faas::aws::amz_date(std::chrono::system_clock::now())});
        what.fields = std::move(request.fields);
        return what;
    }
    static boost::json::object json_of(const HttpReply& reply) {
        boost::system::error_code failed;
        const auto value = boost::json::parse(reply.body, failed);
        REQUIRE_MESSAGE((!failed && value.is_object()), "the answer is no JSON object: " << reply.body);
        return value.get_object();
    }

    std::shared_ptr<std::vector<std::string>> lines = std::make_shared<std::vector<std::string>>();
    asio::io_context io{1};
    TemporaryDirectory data;
    local::Cloud cloud;

private:
    static local::CloudOptions with_directory(local::CloudOptions options, const TemporaryDirectory& data,
                                              std::shared_ptr<std::vector<std::string>> lines) {
        options.data_directory = data.path();
        options.log = [lines](std::string_view line) { lines->emplace_back(line); };
        return options;
    }
    static void record(const HttpAsk& sent, const HttpReply& reply) {
        const char* const path = std::getenv("BLUEPRINT_FAAS_SERVED_RECORD");
        const bool old_form = sent.target.find("/functions/?") != std::string::npos;  // not the model's any more
        if (path == nullptr || old_form) return;
        boost::json::object fields;
        for (const auto& [name, value] : sent.fields) fields[name] = value;
        boost::json::object answer_fields;
        for (const auto& [name, value] : reply.fields) answer_fields[name] = value;
        boost::json::object line{{"method", sent.method},
                                 {"target", sent.target},
                                 {"body_base64", base64(sent.body)},
                                 {"status", reply.status},
                                 {"answer_body_base64", base64(reply.body)}};
        line["headers"] = std::move(fields);
        line["answer_headers"] = std::move(answer_fields);
        if (reply.status >= 400) line["deliberate"] = true;
        std::ofstream{path, std::ios::app} << boost::json::serialize(line) << '\n';
    }
};

/// "400 ValidationException: text" of an answer that refuses, "200" of one that does not.
inline std::string verdict(const HttpReply& reply) {
    if (reply.status < 300) return std::to_string(reply.status);
    const auto json = LambdaLab::json_of(reply);
    const auto* text = json.if_contains("message");
    if (text == nullptr) text = json.if_contains("Message");
    return std::to_string(reply.status) + ' ' + reply.field("x-amzn-ErrorType") + ": " +
           (text == nullptr ? "" : std::string{text->get_string().c_str()});
}

/// The text member of that name; empty if there is none.
inline std::string text_of(const boost::json::object& json, std::string_view name) {
    const auto* const found = json.if_contains(name);
    return found != nullptr && found->is_string() ? std::string{found->get_string().c_str()} : std::string{};
}

}  // namespace blueprint::faas::test

#endif
