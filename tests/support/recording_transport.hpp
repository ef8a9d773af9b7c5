#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_RECORDING_TRANSPORT_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_RECORDING_TRANSPORT_HPP

#include "blueprint/faas/body_stream.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/transport/concept.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace blueprint::faas::test {

/// What was sent so far, a line each: "POST /2015-03-31/functions".
using SentLines = std::shared_ptr<std::vector<std::string>>;

/// A transport that remembers what went over it. With BLUEPRINT_FAAS_RECORD_DIR in the environment it also writes each
/// exchange there as a line of JSON, for checks against a platform's published model; credentials are left out.
template <Transport Inner>
class RecordingTransport {
public:
    static constexpr bool confidential = Inner::confidential;

    explicit RecordingTransport(Inner inner) : inner_{std::move(inner)} {}

    asio::any_io_executor get_executor() { return inner_.get_executor(); }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        lines->push_back(std::string{to_string(request.verb)} + ' ' + request.target);
        body_bytes->push_back(request.body.size());
        if (!request.sink || std::getenv("BLUEPRINT_FAAS_RECORD_DIR") == nullptr) {
            auto answer = co_await inner_.exchange(request, deadline);
            if (answer) record(request, *answer, answer->body);
            co_return answer;
        }
        HttpRequest watched = request;
        const auto both = std::make_shared<Tee>(request.sink);
        watched.sink = both;
        auto answer = co_await inner_.exchange(watched, deadline);
        if (answer) record(request, *answer, both->seen.empty() ? answer->body : both->seen);
        co_return answer;
    }

    SentLines lines = std::make_shared<std::vector<std::string>>();
    /// How long the body of each of them was.
    std::shared_ptr<std::vector<std::size_t>> body_bytes = std::make_shared<std::vector<std::size_t>>();

private:
    // Hands on what it takes, and keeps it.
    struct Tee final : BodySink {
        explicit Tee(std::shared_ptr<BodySink> next) : next_{std::move(next)} {}
        result<void> begin(const HttpResponse& head) override {
            seen.clear();
            return next_->begin(head);
        }
        result<void> write(std::string_view piece) override {
            seen += piece;
            return next_->write(piece);
        }
        std::string seen{};

    private:
        std::shared_ptr<BodySink> next_;
    };

    static boost::json::object fields(std::string_view text) {
        boost::json::object all;
        while (!text.empty()) {
            const auto line = text.substr(0, text.find("\r\n"));
            text.remove_prefix(line.size() + 2);
            const auto colon = line.find(": ");
            const auto name = line.substr(0, colon);
            const auto value = line.substr(colon + 2);
            // Of a credential its scheme alone.
            if (name == "Authorization")
                all[name] = std::string{value.substr(0, value.find(' '))} + " of-the-test";
            else if (name != "X-Amz-Security-Token")
                all[name] = value;
        }
        return all;
    }
    static std::string base64(std::string_view text) { return detail::base64_encode(detail::bytes_of(text)); }
    // Only what is of an API with a published model: Lambda's paths, which begin with a date, Google's, Azure's, and
    // OpenWhisk's.
    static bool is_of_an_api(std::string_view target) {
        for (const std::string_view begin :
             {"/20", "/v1/", "/v2/", "/api/v1", "/storage/", "/upload/", "/resumable/", "/subscriptions/"})
            if (target.starts_with(begin)) return true;
        return false;
    }
    static void record(const HttpRequest& request, const HttpResponse& answer, std::string_view body) {
        const char* const directory = std::getenv("BLUEPRINT_FAAS_RECORD_DIR");
        if (directory == nullptr || !is_of_an_api(request.target)) return;
        boost::json::object line{{"method", to_string(request.verb)},
                                 {"target", request.target},
                                 {"host", to_string(request.origin)},
                                 {"headers", fields(request.headers.text())},
                                 {"body_base64", base64(request.body.view())},
                                 {"status", answer.status},
                                 {"answer_headers", fields(answer.headers.text())},
                                 {"answer_body_base64", base64(body)}};
        const auto file = std::string{directory} + "/exchanges-" + std::to_string(::getpid()) + ".jsonl";
        std::ofstream{file, std::ios::app} << boost::json::serialize(line) << '\n';
    }

    Inner inner_;
};

}  // namespace blueprint::faas::test

#endif
