#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_AWS_SOURCES_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_AWS_SOURCES_HPP

#include "blueprint/faas/auth/aws/source.hpp"
#include "blueprint/faas/auth/aws/sts.hpp"
#include "support/aws_answers.hpp"
#include "support/aws_world.hpp"
#include "support/run.hpp"
#include "support/script.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace tests {

namespace faas = blueprint::faas;

/// Returns the error of what must have failed, and sees to it that it tells no secret and that nothing ran.
template <class T>
faas::Error failed_quietly(faas::result<T> outcome) {
    faas::Error error = failed(std::move(outcome));
    std::ostringstream text;
    text << error;
    for (const auto secret : aws_secrets) CHECK_MESSAGE(text.str().find(secret) == std::string::npos, text.str());
    CHECK(error.execution == faas::Execution::not_started);
    return error;
}

inline bool says(const faas::Error& error, std::string_view text) {
    INFO(error.message);
    return error.message.find(text) != std::string::npos;
}

/// Returns the access key id that was found, or why there is none.
inline std::string found_key(faas::result<faas::aws::Search> search) {
    auto given = ok(std::move(search));
    return given.found ? given.found->credentials.access_key_id : "not here: " + given.not_here;
}

inline faas::aws::Credentials example_keys() {
    return {.access_key_id = "AKIDEXAMPLE",
            .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            .session_token = "session-token-of-the-asker"};
}

/// The request was sent, and nobody answered in time.
inline faas::Error late() {
    return {.code = faas::errc::timed_out, .message = "no answer", .execution = faas::Execution::unknown};
}

/// There is nobody to connect to.
inline faas::Error nobody() {
    return {.code = faas::errc::infrastructure,
            .message = "no connection",
            .retryable = true,
            .execution = faas::Execution::not_started};
}

/// The surroundings of a source, and what answers it.
struct SourceWorld {
    boost::asio::io_context io{};
    AwsWorld around{};
    std::shared_ptr<Script> script = std::make_shared<Script>();
    faas::aws::Reach reach = tests::reach(io, around, script);

    template <class Source>
    faas::result<faas::aws::Search> find(const Source& source) {
        return run(io, source.find(reach, faas::deadline_after(std::chrono::minutes{1})));
    }
    std::size_t asked() const { return script->seen.size(); }
    std::string header(std::size_t request, std::string_view name) const {
        return std::string{script->seen.at(request).headers.get(name).value_or("(none)")};
    }
    std::string url(std::size_t request) const {
        const auto& seen = script->seen.at(request);
        const auto blank = seen.line.find(' ');
        return seen.line.substr(0, blank + 1) + seen.origin + seen.line.substr(blank + 1);
    }
};

}  // namespace tests

#endif
