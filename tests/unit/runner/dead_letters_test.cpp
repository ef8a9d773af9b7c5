#include "blueprint/faas/runner/dead_letters.hpp"

#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/runner/json_lines.hpp"
#include "support.hpp"
#include "support/file_size_limit.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace dead_letters_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using namespace std::chrono_literals;
using blueprint::faas::test::FileSizeLimit;
using blueprint::faas::test::TemporaryDirectory;
using faas::Bytes;
using faas::CollectorConsumer;
using faas::EndReason;
using faas::errc;
using faas::Error;
using faas::ErrorPolicy;
using faas::Execution;
using faas::JobCall;
using faas::JobId;
using faas::RangeProducer;
using faas::Router;
using faas::Runner;

namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::string bytes_of(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
}

std::vector<JobCall> odd_calls() {
    std::vector<JobCall> calls = calls_of(JobId{0}, 6);
    calls[0].args.clear();
    for (int value = 0; value < 256; ++value) calls[0].args.push_back(static_cast<std::uint8_t>(value));
    calls[1].args.clear();
    calls[1].metadata = {
        {"", ""}, {"quote\"back\\slash", "line\nend\r\t"}, {"nul", std::string("a\0b", 3)}, {"é", "日本"}};
    calls[2].metadata = {
        {"z", "first"}, {"bytes", bytes_of({0xff, 0xfe, 0x00, 0xc0, 0x80})}, {bytes_of({0xed, 0xa0, 0x80}), "a"}};
    calls[3].timeout = 1500ms;
    calls[3].idempotent = true;
    calls[4].metadata = {};
    calls[5].args = Bytes(70'000, 0x80);
    return calls;
}

Error broken(const JobCall&) {
    return Error{.code = errc::timed_out,
                 .message = "no answer \xff within 5 s",
                 .provider = "fake",
                 .http_status = 504,
                 .platform_code = "Gateway\"Timeout",
                 .request_id = "r-1"};
}

}  // namespace

TEST_CASE("dead letters: what failed is written, and feeding the file back makes the same calls") {
    const TemporaryDirectory directory;
    const auto path = directory / "letters";
    const auto calls = odd_calls();
    asio::io_context io;
    FakeExecutor fake{io};
    fake.fails = [](const JobCall& call) { return std::optional<Error>{broken(call)}; };
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .dead_letters({.path = path.string()})
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    const auto report = run(io, *runner);
    REQUIRE(report.has_value());
    CHECK(report->dead_letters == calls.size());
    CHECK(runner->statistics().jobs.at(0).dead_letters == calls.size());
    CHECK(results.size() == calls.size());
    const auto text = read_file(path);
    CHECK(text.find(R"("code":"timed out","message":"no answer )"
                    "\xEF\xBF\xBD"
                    R"( within 5 s","execution":"unknown","attempts":1,"provider":"fake","http_status":504,)"
                    R"("platform_code":"Gateway\"Timeout","request_id":"r-1","time":"20)") != std::string::npos);

    FakeExecutor again{io};
    again.keep_calls = true;
    std::istringstream in{text};
    auto replay = Runner::builder(io)
                      .router(Router{})
                      .producer(faas::JsonLinesProducer{in})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .with_faas_executor<0>(again)
                      .build();
    REQUIRE(replay.has_value());
    const auto replayed = run(io, *replay);
    REQUIRE(replayed.has_value());
    CHECK(replayed->refused == 0);
    REQUIRE(again.calls.size() == calls.size());
    for (std::size_t n = 0; n < calls.size(); ++n) {
        CAPTURE(n);
        CHECK(again.calls[n].job_id == calls[n].job_id);
        CHECK(again.calls[n].args == calls[n].args);
        CHECK(again.calls[n].metadata == calls[n].metadata);
        CHECK(again.calls[n].timeout == calls[n].timeout);
        CHECK(again.calls[n].idempotent == calls[n].idempotent);
    }
}

TEST_CASE("dead letters: a call that the end of the run cut off has a letter too, one that succeeded has none") {
    const TemporaryDirectory directory;
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(1, io);
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls_of(JobId{0}, 3)})
                      .consumer(results)
                      .max_in_flight<0>(1)
                      .dead_letters({.path = (directory / "letters").string(), .sync = true})
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Operation<faas::result<faas::RunReport>> running{io, runner->run()};
    io.poll();
    runner->request_stop_now();
    io.restart();
    io.run();
    CHECK(runner->report().succeeded == 1);
    CHECK(runner->report().unfinished == 2);
    CHECK(runner->report().dead_letters == 2);
    const auto text = read_file(directory / "letters");
    CHECK(text.find(R"("execution":"unknown")") != std::string::npos);      // the one in flight
    CHECK(text.find(R"("execution":"not started")") != std::string::npos);  // the one that waited
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("dead letters: half a line that a crash left is removed, and whole ones stay") {
    const TemporaryDirectory directory;
    const auto path = directory / "letters";
    for (const std::size_t half : {0U, 1U, 5000U, 20'000U}) {
        for (const std::string whole : {"", "{\"job_id\":1}\n{\"job_id\":2}\n"}) {
            std::ofstream{path, std::ios::trunc | std::ios::binary} << whole << std::string(half, 'x');
            auto file = ::tests::ok(faas::detail::DeadLetterFile::open({.path = path.string()}));
            REQUIRE(file.write("{}").has_value());
            CHECK(read_file(path) == whole + "{}\n");
        }
    }
}

TEST_CASE("dead letters: a file that cannot be written ends the run with that error, and says how many are lost") {
    const TemporaryDirectory directory;
    const auto path = directory / "letters";
    asio::io_context io;
    FakeExecutor fake{io};
    fake.fails = [](const JobCall& call) { return std::optional<Error>{broken(call)}; };
    CollectorConsumer results;
    auto runner = Runner::builder(io)
                      .router(Router{})
                      .producer(RangeProducer{calls_of(JobId{0}, 50)})
                      .consumer(results)
                      .error_policy(ErrorPolicy::report)
                      .max_in_flight(1)
                      .dead_letters({.path = path.string()})
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    {
        const FileSizeLimit full{700};
        CHECK(run(io, *runner).has_error());
    }
    const auto& report = runner->report();
    CHECK(report.reason == EndReason::dead_letters_failed);
    CHECK(report.error->message.find("could not append to the dead letter file") != std::string::npos);
    CHECK(report.dead_letters == 2);
    CHECK(report.dead_letters_lost >= 1);
    CHECK(report.dead_letters + report.dead_letters_lost == report.failed + report.unfinished);
    CHECK(report.produced < 10);
    const auto text = read_file(path);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    CHECK(text.ends_with("\n"));
}

TEST_CASE("dead letters: the path must be usable, and no other run may have it") {
    const TemporaryDirectory directory;
    const auto build = [](const std::string& path) {
        asio::io_context io;
        auto runner = Runner::builder(io)
                          .router(Router{})
                          .producer(RangeProducer{calls_of(JobId{0}, 1)})
                          .dead_letters({.path = path})
                          .build();
        return runner ? std::optional<Error>{} : std::optional<Error>{runner.error()};
    };
    CHECK((build("")->code == errc::invalid_configuration));
    CHECK((build((directory / "no" / "such").string())->code == errc::infrastructure));
    const auto held = faas::detail::DeadLetterFile::open({.path = (directory / "held").string()});
    CHECK((build((directory / "held").string())->code == errc::conflict));
    CHECK(!build((directory / "free").string()));
}

TEST_CASE("dead letters: broken Base64 metadata is refused, and text that is no UTF-8 is seen") {
    std::optional<JobId> id;
    for (const char* line :
         {R"({"job_id":1,"metadata_base64":{}})", R"({"job_id":1,"metadata_base64":[["YQ=="]]})",
          R"({"job_id":1,"metadata_base64":[["YQ==",1]]})", R"({"job_id":1,"metadata_base64":[["YQ","YQ=="]]})"})
        CHECK(faas::parse_call(line, id).has_error());
    using faas::detail::is_utf8;
    for (const auto& good :
         {bytes_of({}), bytes_of({0x00, 0x7f}), bytes_of({0xc2, 0x80}), bytes_of({0xe0, 0xa0, 0x80}),
          bytes_of({0xed, 0x9f, 0xbf}), bytes_of({0xf0, 0x90, 0x80, 0x80}), bytes_of({0xf4, 0x8f, 0xbf, 0xbf})})
        CHECK(is_utf8(good));
    for (const auto& bad :
         {bytes_of({0x80}), bytes_of({0xc1, 0x80}), bytes_of({0xc2}), bytes_of({0xe0, 0x9f, 0x80}),
          bytes_of({0xed, 0xa0, 0x80}), bytes_of({0xf0, 0x8f, 0x80, 0x80}), bytes_of({0xf4, 0x90, 0x80, 0x80}),
          bytes_of({0xf5, 0x80, 0x80, 0x80}), bytes_of({0xe2, 0x82}), bytes_of({0xc2, 0x41})})
        CHECK(!is_utf8(bad));
}

}  // namespace dead_letters_test
