#include "blueprint/faas/runner/json_lines.hpp"

#include "support.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

namespace json_lines_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using faas::errc;
using faas::JobCall;
using faas::JobId;
using faas::Produced;
using faas::RefusedCall;
using faas::result;

namespace {

using Next = Operation<result<std::optional<Produced>>>;

std::vector<Produced> all_of(faas::JsonLinesProducer producer) {
    std::vector<Produced> all;
    for (;;) {
        auto next = finish(producer.next());
        REQUIRE(next.has_value());
        if (!*next) return all;
        all.push_back(std::move(**next));
    }
}

}  // namespace

TEST_CASE("json lines: a call is read with args or Base64, metadata and options") {
    std::optional<JobId> id;
    const auto numbers = faas::parse_call(
        R"( {"job_id":4294967295,"args":[0, 1,255],"metadata":{"call_id":"7"},"timeout_ms":1500,"idempotent":true} )",
        id);
    REQUIRE(numbers.has_value());
    CHECK(numbers->job_id == JobId{4294967295});
    CHECK(id == JobId{4294967295});
    CHECK(numbers->args == faas::Bytes{0, 1, 255});
    CHECK(numbers->metadata.get("call_id") == "7");
    CHECK((numbers->timeout == std::chrono::milliseconds{1500}));
    CHECK(numbers->idempotent);
    const auto base64 = faas::parse_call(R"({"base64":"AAH/","job_id":0})", id);
    REQUIRE(base64.has_value());
    CHECK(base64->args == faas::Bytes{0, 1, 255});
    CHECK(faas::parse_call(R"({"job_id":1})", id).value().args.empty());
    CHECK(faas::parse_call(R"({"job_id":1,"args":"AAH/"})", id).value().args.size() == 3);
}

TEST_CASE("json lines: what is no call is refused with what is wrong, and never shown") {
    struct Row {
        std::string line, words;
        bool has_id = false;
        errc code = errc::serialization;
    };
    for (const auto& row :
         {Row{"{}", "\"job_id\" is missing"},
          Row{R"({"job_id":"3"})", "\"job_id\" is no integer"},
          Row{R"({"job_id":1.5})", "\"job_id\" is no integer"},
          Row{R"({"job_id":null})", "\"job_id\" is no integer"},
          Row{R"({"job_id":4294967296})", "job id 4294967296 does not fit", false, errc::invalid_configuration},
          Row{R"({"job_id":18446744073709551615})", "does not fit", false, errc::invalid_configuration},
          Row{R"({"job_id":-1})", "job id -1 does not fit", false, errc::invalid_configuration},
          Row{R"({"job_id":1,"args":[256]})", "above 255"},
          Row{R"({"job_id":1,"args":null})", "\"args\" is null", true},
          Row{R"({"job_id":1,"args":{"a":1}})", ""},
          Row{R"({"job_id":1,"base64":"A"})", "\"base64\" is no text", true},
          Row{R"({"job_id":1,"base64":7})", "\"base64\" is no text", true},
          Row{R"({"job_id":1,"args":[1],"base64":"AA=="})", "both \"args\" and \"base64\"", true},
          Row{R"({"job_id":1,"metadata":[]})", "\"metadata\" is no object", true},
          Row{R"({"job_id":1,"metadata":{"a":1}})", "\"metadata\" has a value", true},
          Row{R"({"job_id":1,"timeout_ms":0})", "\"timeout_ms\"", true},
          Row{R"({"job_id":1,"idempotent":"yes"})", "\"idempotent\"", true},
          Row{R"({"job_id":1,"agrs":[1]})", "there is no member \"agrs\"", true},
          Row{R"({"job_id":1,"a\u001b[31m\n":1})", "there is no member \"a [31m \"", true},  // nothing a terminal obeys
          Row{"SECRET", ""},
          Row{"[1]", ""},
          Row{R"({"job_id":1)", ""},
          Row{R"({"job_id":1}SECRET)", ""}}) {
        CAPTURE(row.line);
        std::optional<JobId> id;
        const auto call = faas::parse_call(row.line, id);
        REQUIRE(call.has_error());
        CHECK(call.error().code == row.code);
        CHECK(call.error().message.find(row.words) != std::string::npos);
        CHECK(call.error().message.find("SECRET") == std::string::npos);
        CHECK(id.has_value() == row.has_id);
    }
}

TEST_CASE("json lines: a bad line is one refusal with its number, and reading goes on") {
    std::istringstream in{
        "{\"job_id\":1}\r\n\n  \nnonsense\n{\"job_id\":4294967296}\n{\"job_id\":2,\"args\":[300]}\n{\"job_id\":3}"};
    const auto all = all_of(faas::JsonLinesProducer{in});
    REQUIRE(all.size() == 5);
    CHECK(std::get<JobCall>(all[0]).job_id == JobId{1});
    const std::vector<std::string> lines{"4", "5", "6"};
    for (std::size_t n = 0; n < 3; ++n) {
        const auto& refused = std::get<RefusedCall>(all[n + 1]);
        CHECK(refused.metadata.get("line") == lines[n]);
        CHECK(refused.error.message.find("line " + lines[n] + " is no call: ") == 0);
        CHECK(refused.error.execution == faas::Execution::not_started);
    }
    CHECK(std::get<JobCall>(all[4]).job_id == JobId{3});
}

TEST_CASE("json lines: a line that is too long is refused once, skipped to its end, and not kept") {
    for (const std::size_t length : {31U, 64U, 200'000U}) {
        CAPTURE(length);
        std::istringstream in{"{\"job_id\":1}\n" + std::string(length, 'x') + "\n{\"job_id\":2}\n" +
                              std::string(length, 'y')};
        const auto all = all_of(faas::JsonLinesProducer{in, 30});
        REQUIRE(all.size() == 4);
        CHECK(std::get<RefusedCall>(all[1]).error.message.find("line 2 is no call: it is longer than 30 bytes") == 0);
        CHECK(std::get<JobCall>(all[2]).job_id == JobId{2});
        CHECK(std::get<RefusedCall>(all[3]).metadata.get("line") == "4");
    }
}

TEST_CASE("json lines: text that comes in pieces of any size gives the same lines") {
    const std::string text = "one\n\ntwo two\nthree is too long\n four\nlast";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        CAPTURE(piece);
        faas::detail::LineSplitter lines{10};
        std::vector<std::string> got;
        const auto take = [&] {
            while (const auto line = lines.next())
                got.push_back(std::to_string(line->number) + ':' + (line->too_long ? "TOO LONG" : line->text));
        };
        for (std::size_t at = 0; at < text.size(); at += piece) {
            lines.add(std::string_view{text}.substr(at, piece));
            take();
        }
        lines.finish();
        take();
        CHECK(got == std::vector<std::string>{"1:one", "2:", "3:two two", "4:TOO LONG", "5: four", "6:last"});
    }
}

TEST_CASE("json lines: a pipe is read as its data comes, without blocking and with its flags left alone") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    asio::io_context io;
    auto producer = faas::JsonLinesProducer::from_descriptor(ends[0]);
    {
        Next next{io, producer.next()};
        io.poll();
        CHECK(!next.ended());
        CHECK((::fcntl(ends[0], F_GETFL) & O_NONBLOCK) == 0);
        const std::string half = "{\"job_id\":5}\n{\"job_";
        REQUIRE(::write(ends[1], half.data(), half.size()) == static_cast<ssize_t>(half.size()));
        io.run();
        REQUIRE(next.ended());
        CHECK(std::get<JobCall>(*next.outcome().value()).job_id == JobId{5});
    }
    {
        Next next{io, producer.next()};
        io.restart();
        io.poll();
        CHECK(!next.ended());
        next.cancel();
        io.run();
        REQUIRE(next.ended());
        CHECK(next.outcome().error().code == errc::cancelled);
    }
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("json lines: a regular file, which no reactor waits for, is read to its end") {
    std::FILE* const file = std::tmpfile();
    REQUIRE(file != nullptr);
    for (int n = 0; n < 10'000; ++n) std::fprintf(file, "{\"job_id\":%d,\"args\":[1,2,3]}\n", n);
    std::rewind(file);
    asio::io_context io;
    faas::CollectorConsumer results;
    auto runner = faas::Runner::builder(io)
                      .router(std::move(faas::Router{}.fallback(Echo{})))
                      .producer(faas::JsonLinesProducer::from_descriptor(::fileno(file)))
                      .consumer(results)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    std::fclose(file);
    REQUIRE(report.has_value());
    CHECK(report->succeeded == 10'000);
    CHECK(results.size() == 10'000);
}

TEST_CASE("json lines: a descriptor that is none is an error of the producer") {
    auto producer = faas::JsonLinesProducer::from_descriptor(-1);
    auto next = finish(producer.next());
    REQUIRE(next.has_error());
    CHECK(next.error().code == errc::infrastructure);
    CHECK(next.error().message.find("could not read JSON lines from the descriptor") == 0);
}

TEST_CASE("C1: a line with an id beyond 32 bits is one failed result of its own, not a call of another job") {
    std::istringstream in{"{\"job_id\":0}\n{\"job_id\":4294967296,\"metadata\":{\"call_id\":\"9\"}}\n{\"job_id\":0}\n"};
    asio::io_context io;
    int ran = 0;
    faas::CollectorConsumer results;
    auto runner = faas::Runner::builder(io)
                      .router(std::move(faas::Router{}.route(0,
                                                             [&ran](const JobCall&) {
                                                                 ++ran;
                                                                 return faas::Bytes{};
                                                             })))
                      .producer(faas::JsonLinesProducer{in})
                      .consumer(results)
                      .error_policy(faas::ErrorPolicy::report)
                      .build();
    REQUIRE(runner.has_value());
    auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(ran == 2);
    CHECK(report->produced == 3);
    CHECK(report->succeeded == 2);
    CHECK(report->failed == 1);
    CHECK(report->refused == 1);
    CHECK(report->jobs.at(JobId{0}) == faas::JobCounts{.succeeded = 2});
    CHECK(report->other_jobs == faas::JobCounts{.failed = 1});
    int refusals = 0;
    for (const auto& [result, metrics] : results.take())
        if (!result.succeeded()) {
            ++refusals;
            CHECK(result.metadata.get("line") == "2");
            CHECK(result.ran_on.empty());
        }
    CHECK(refusals == 1);
}

}  // namespace json_lines_test
