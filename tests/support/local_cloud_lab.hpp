#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_LOCAL_CLOUD_LAB_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_LOCAL_CLOUD_LAB_HPP

#include "blueprint/faas/local/cloud.hpp"
#include "support/http_client.hpp"
#include "support/served_record.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

namespace json = boost::json;

/// The local cloud and a client of it, on one io_context and one thread.
class LocalCloudLab {
public:
    explicit LocalCloudLab(local::CloudOptions options) : cloud{io, with_directory(std::move(options), data)} {
        const auto started = cloud.start();
        REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().message));
    }

    HttpReply send_to(const std::string& url, HttpAsk what) {
        HttpClient client{io, url};
        auto exchange = client.exchange(std::move(what));
        return wait_for<HttpReply>(io, std::move(exchange));
    }
    /// Sends all at once, each on a connection of its own.
    std::vector<HttpReply> send_all_to(const std::string& url, std::vector<HttpAsk> all) {
        std::vector<std::unique_ptr<HttpClient>> clients;
        std::vector<HttpReply> replies(all.size());
        std::size_t answered = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            clients.push_back(std::make_unique<HttpClient>(io, url));
            asio::co_spawn(io, clients.back()->exchange(std::move(all[i])),
                           [&, i](std::exception_ptr, HttpReply reply) {
                               replies[i] = std::move(reply);
                               ++answered;
                           });
        }
        until([&] { return answered == replies.size(); });
        return replies;
    }
    template <class Condition>
    void until(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds{20}) {
        const auto end = std::chrono::steady_clock::now() + limit;
        io.restart();
        while (!condition()) {
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "what should have happened did not");
            io.run_one_for(std::chrono::milliseconds{5});
        }
    }
    static json::object json_of(const HttpReply& reply) {
        boost::system::error_code failed;
        const auto value = json::parse(reply.body, failed);
        REQUIRE_MESSAGE((!failed && value.is_object()), "the answer is no JSON object: " << reply.body);
        return value.get_object();
    }
    /// A text at a path of members: "terminalCondition.state"; empty: there is none.
    static std::string text(const json::object& from, std::string_view path) {
        const auto dot = path.find('.');
        const auto* const found = from.if_contains(path.substr(0, dot));
        if (found == nullptr) return {};
        if (dot != std::string_view::npos && found->is_object()) return text(found->get_object(), path.substr(dot + 1));
        return found->is_string() ? std::string{found->get_string()} : std::string{};
    }

    asio::io_context io{1};
    TemporaryDirectory data;
    local::Cloud cloud;

protected:
    static void record(const HttpAsk& sent, const HttpReply& reply) { record_served(sent, reply); }

private:
    static local::CloudOptions with_directory(local::CloudOptions options, const TemporaryDirectory& data) {
        options.data_directory = data.path();
        return options;
    }
};

}  // namespace blueprint::faas::test

#endif
