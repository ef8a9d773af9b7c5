#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_SCRIPT_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_SCRIPT_HPP

#include "blueprint/faas/http.hpp"
#include "blueprint/faas/transport/in_memory.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tests {

/// A platform in memory: answers what a test wrote down, in that order, and keeps what it was asked.
struct Script {
    using Answer = blueprint::faas::result<blueprint::faas::HttpResponse>;
    struct Seen {
        std::string line;  ///< "POST /api/functions/job0/invoke"
        std::string origin;
        blueprint::faas::Headers headers;
        std::string body;
    };

    std::deque<Answer> answers{};
    std::vector<Seen> seen{};

    void then(unsigned status, std::string body = {}, blueprint::faas::Headers headers = {}) {
        blueprint::faas::HttpResponse answer;
        answer.status = status;
        answer.body = std::move(body);
        answer.headers = std::move(headers);
        answers.emplace_back(std::move(answer));
    }
    void then(blueprint::faas::Error error) { answers.emplace_back(std::move(error)); }

    std::vector<std::string> lines() const {
        std::vector<std::string> lines;
        for (const auto& one : seen) lines.push_back(one.line);
        return lines;
    }
};

/// Makes the transport that plays `script`; asked for more than is written, it fails like a dead platform.
inline blueprint::faas::InMemoryTransport play(boost::asio::io_context& io, const std::shared_ptr<Script>& script) {
    return {io.get_executor(), [script](const blueprint::faas::HttpRequest& request) -> Script::Answer {
                script->seen.push_back({std::string{to_string(request.verb)} + ' ' + request.target,
                                        to_string(request.origin), request.headers, std::string{request.body.view()}});
                if (script->answers.empty())
                    return blueprint::faas::Error{.code = blueprint::faas::errc::infrastructure,
                                                  .message = "the script has no further answer",
                                                  .execution = blueprint::faas::Execution::unknown};
                auto answer = std::move(script->answers.front());
                script->answers.pop_front();
                return answer;
            }};
}

}  // namespace tests

#endif
