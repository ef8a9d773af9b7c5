#include "blueprint/faas/map.hpp"
#include "blueprint/faas/map/resume_file.hpp"
#include "support/fake_executor.hpp"
#include "support/file_size_limit.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace resume_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using blueprint::faas::test::FileSizeLimit;
using blueprint::faas::test::TemporaryDirectory;
using faas::Bytes;
using faas::Completion;
using faas::errc;
using faas::Error;
using faas::Execution;
using faas::JobCall;
using faas::JobId;
using faas::MapEnd;
using faas::MapOptions;
using faas::MapProgress;
using faas::result;
using faas::ResumeOptions;
using faas::detail::ResumeFile;
using Fate = ResumeFile::Fate;

namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    std::ofstream{path, std::ios::binary | std::ios::trunc} << text;
}

ResumeOptions at(const std::filesystem::path& path) { return {.path = path.string(), .input = "rows.csv"}; }

Error error_of(errc code, Execution execution) {
    return Error{.code = code, .message = "no luck", .execution = execution};
}

// Writes one record of each kind and tells where each ends.
std::vector<std::size_t> write_records(const std::filesystem::path& path) {
    std::vector<std::size_t> ends;
    auto file = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
    const auto note = [&](result<void> done) {
        REQUIRE(done.has_value());
        ends.push_back(static_cast<std::size_t>(std::filesystem::file_size(path)));
    };
    ends.push_back(static_cast<std::size_t>(std::filesystem::file_size(path)));
    note(file.started(0, Bytes{1, 2}));
    note(file.finished(0, Bytes{3, 4, 5}));
    note(file.started(1, Bytes{}));
    note(file.finished(1, error_of(errc::function_error, Execution::started)));
    note(file.started(2, Bytes{9}));
    note(file.finished(2, error_of(errc::timed_out, Execution::unknown)));
    note(file.started(5, Bytes{7}));
    note(file.started(6, Bytes{8}));
    note(file.finished(6, Bytes{}));
    return ends;
}

std::vector<Bytes> inputs(std::size_t count) {
    std::vector<Bytes> some;
    for (std::size_t n = 0; n < count; ++n) some.push_back(Bytes{static_cast<std::uint8_t>(n)});
    return some;
}

struct Run {
    std::map<std::uint64_t, Completion<Bytes>> completions{};
    result<void> last{};
    MapProgress progress{};
    std::multiset<std::uint8_t> called{};
};

asio::awaitable<void> take_all(faas::MapStream<Bytes>& stream, Run& run) {
    for (;;) {
        auto next = co_await stream.next();
        if (!next) run.last = next.error();
        if (!next || !*next) co_return;
        const auto index = (*next)->index;
        CHECK(run.completions.emplace(index, std::move(**next)).second);
    }
}

Run run_map(FakeExecutor& fake, asio::io_context& io, std::vector<Bytes> range, MapOptions options) {
    Run run;
    fake.keep_calls = true;
    auto stream = faas::map(fake, JobId{7}, std::move(range), std::move(options));
    asio::co_spawn(io, take_all(stream, run), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
    io.restart();
    io.run();
    run.progress = stream.progress();
    for (const auto& call : fake.calls) run.called.insert(call.args.at(0));
    return run;
}

}  // namespace

TEST_CASE("resume: what was written is found again, the latest record of each input counting") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    write_records(path);
    auto file = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
    CHECK(file.find(0).fate == Fate::succeeded);
    CHECK(::tests::ok(file.stored(0, file.find(0))) == Bytes{3, 4, 5});
    CHECK(file.find(1).fate == Fate::failed);
    CHECK(file.find(1).failures == 1);
    CHECK(file.find(2).fate == Fate::unknown);
    CHECK((file.stored_error(2, file.find(2)).code == errc::timed_out));
    CHECK(file.stored_error(2, file.find(2)).message.find("no luck") != std::string::npos);
    CHECK(file.find(3).fate == Fate::nothing);
    CHECK(file.find(5).fate == Fate::unknown);
    CHECK(file.stored_error(5, file.find(5)).execution == Execution::unknown);
    CHECK(::tests::ok(file.stored(6, file.find(6))).empty());
    CHECK(file.succeeded() == 2);
    CHECK(ResumeFile::same_input(file.find(0), Bytes{1, 2}));
    CHECK(!ResumeFile::same_input(file.find(0), Bytes{1, 3}));
    CHECK(!ResumeFile::same_input(file.find(0), Bytes{1, 2, 0}));
    REQUIRE(file.finished(1, Bytes{1}).has_value());
    CHECK(file.find(1).fate == Fate::succeeded);
}

TEST_CASE("resume: what a run has done with is forgotten in memory and kept in the file") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    write_records(path);
    {
        auto file = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
        CHECK(file.remembered() == 5);
        file.forget(0);
        file.forget(100);
        CHECK(file.find(0).fate == Fate::nothing);
        CHECK(file.succeeded() == 2);
        REQUIRE(file.started(100, Bytes{1}).has_value());
        REQUIRE(file.finished(100, Bytes{2}).has_value());
        file.forget(100);
        CHECK(file.remembered() == 4);
        CHECK(file.succeeded() == 3);
    }
    const auto again = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
    CHECK(again.find(0).fate == Fate::succeeded);
    CHECK(again.find(100).fate == Fate::succeeded);
}

TEST_CASE("resume: a file of many records, larger than what is read at once, is read whole") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    const auto bytes_of = [](std::uint64_t index) { return Bytes(index % 700, static_cast<std::uint8_t>(index)); };
    constexpr std::uint64_t many = 3000;
    {
        auto file = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
        for (std::uint64_t index = 0; index < many; ++index) {
            REQUIRE(file.started(index, Bytes{1}).has_value());
            REQUIRE(file.finished(index, bytes_of(index)).has_value());
        }
    }
    REQUIRE(std::filesystem::file_size(path) > 2 * (256U << 10U));
    const auto file = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
    CHECK(file.succeeded() == many);
    for (std::uint64_t index = 0; index < many; ++index)
        REQUIRE(::tests::ok(file.stored(index, file.find(index))) == bytes_of(index));
}

TEST_CASE("resume: a file cut off at any byte keeps every whole record and goes on behind the last of them") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    const auto ends = write_records(path);
    const std::string whole = read_file(path);
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        CAPTURE(cut);
        write_file(path, whole.substr(0, cut));
        std::size_t kept = ends.front();
        for (const auto end : ends)
            if (end <= cut) kept = end;
        {
            auto file = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
            CHECK(std::filesystem::file_size(path) == kept);
            CHECK(file.find(0).fate == (cut >= ends[2]   ? Fate::succeeded
                                        : cut >= ends[1] ? Fate::unknown
                                                         : Fate::nothing));
            REQUIRE(file.started(100, Bytes{1}).has_value());
        }
        CHECK(::tests::ok(ResumeFile::open(at(path), JobId{7}, "run")).find(100).fate == Fate::unknown);
    }
}

TEST_CASE("resume: zeros behind the last record, as a power failure leaves them, are dropped") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    const auto ends = write_records(path);
    for (const std::size_t zeros : {1U, 17U, 4096U, 600'000U}) {
        CAPTURE(zeros);
        const std::string whole = read_file(path);
        write_file(path, whole + std::string(zeros, '\0'));
        CHECK(::tests::ok(ResumeFile::open(at(path), JobId{7}, "run")).find(6).fate == Fate::succeeded);
        CHECK(std::filesystem::file_size(path) == ends.back());
    }
}

TEST_CASE("resume: a changed byte is damage, and the file is refused, unless it stands in the torn last record") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    const auto ends = write_records(path);
    const std::string whole = read_file(path);
    for (std::size_t byte = 0; byte < whole.size(); ++byte) {
        CAPTURE(byte);
        std::string changed = whole;
        changed[byte] = static_cast<char>(changed[byte] ^ 0x10);
        write_file(path, changed);
        const auto opened = ResumeFile::open(at(path), JobId{7}, "run");
        const bool in_last_payload = byte >= ends[ends.size() - 2] + 17;
        CHECK(opened.has_value() == in_last_payload);
        if (!opened) {
            CHECK((opened.error().code == errc::invalid_configuration));
            CHECK(read_file(path) == changed);  // what is refused is not touched
        } else {
            CHECK(opened->find(6).fate == Fate::unknown);
        }
    }
}

TEST_CASE("resume: the file of another job, run or input is refused and says which") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    write_records(path);
    const auto why = [&](ResumeOptions options, JobId job, std::string_view run) {
        return ::tests::failed(ResumeFile::open(options, job, run)).message;
    };
    CHECK(why(at(path), JobId{8}, "run").find("job 7, and this run is of 8") != std::string::npos);
    CHECK(why(at(path), JobId{7}, "walk").find("\"run\", and this run is of \"walk\"") != std::string::npos);
    ResumeOptions other = at(path);
    other.input = "columns.csv";
    CHECK(why(other, JobId{7}, "run").find("\"rows.csv\", and this run is of \"columns.csv\"") != std::string::npos);
    write_file(path, "job,row\n1,2\n3,4\n5,6\n7,8\n9,10\n11,12\n");
    CHECK(why(at(path), JobId{7}, "run").find("no resume file") != std::string::npos);
    CHECK(read_file(path).starts_with("job,row"));
    write_file(path, "job");
    CHECK(why(at(path), JobId{7}, "run").find("no resume file") != std::string::npos);
    CHECK(why(at(directory.path()), JobId{7}, "run").find("could not open") != std::string::npos);
    CHECK(why(at(directory / "new"), JobId{7}, std::string(65'537, 'r')).find("65536 bytes") != std::string::npos);
    other = at(directory / "new");
    other.input.assign(65'537, 'i');
    CHECK(why(other, JobId{7}, "run").find("65536 bytes") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(directory / "new"));
}

TEST_CASE("resume: two runs cannot have the file at once") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    {
        auto first = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
        const auto second = ::tests::failed(ResumeFile::open(at(path), JobId{7}, "run"));
        CHECK((second.code == errc::conflict));
        CHECK(second.message.find("in use by another run") != std::string::npos);
    }
    CHECK(ResumeFile::open(at(path), JobId{7}, "run").has_value());
}

TEST_CASE("resume: a second run does what is missing, tries failures again, and reports what may have run") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    MapOptions options{.in_flight = 2, .ordered = true, .run_id = "run", .idempotency_keys = true};
    options.resume = at(path);
    asio::io_context io;
    FakeExecutor first{io};
    first.fails = [](const JobCall& call) -> std::optional<Error> {
        if (call.args[0] == 1) return error_of(errc::function_error, Execution::started);
        if (call.args[0] == 2) return error_of(errc::timed_out, Execution::unknown);
        if (call.args[0] == 3) return error_of(errc::throttled, Execution::not_started);
        return std::nullopt;
    };
    options.max_failures = 3;
    const auto one = run_map(first, io, inputs(10), options);
    CHECK(one.progress.end == MapEnd::max_failures);
    CHECK(one.progress.failed == 3);
    CHECK(one.progress.unknown == 1);

    for (const int mode : {0, 1, 2}) {
        CAPTURE(mode);
        const auto copy = directory / ("copy" + std::to_string(mode));
        std::filesystem::copy_file(path, copy);
        options.resume->path = copy.string();
        options.idempotent = mode == 1;
        options.resume->rerun_unknown = mode == 2;
        options.resume->yield_stored = mode != 2;
        FakeExecutor again{io};
        const auto two = run_map(again, io, inputs(10), options);
        REQUIRE(two.last.has_value());
        CHECK(two.progress.resumed == one.progress.succeeded);
        CHECK(two.progress.submitted == 10 - one.progress.succeeded - (mode == 0 ? 1 : 0));
        CHECK(two.called.count(0) == 0);
        CHECK(two.called.count(1) == 1);
        CHECK(two.called.count(2) == (mode == 0 ? 0 : 1));
        CHECK(two.called.count(3) == 1);
        CHECK(two.completions.size() == (mode == 2 ? 10 - one.progress.succeeded : 10));
        CHECK(two.completions.contains(0) == (mode != 2));
        for (const auto& [index, done] : two.completions) {
            CAPTURE(index);
            CHECK(done.value.has_value() == !(mode == 0 && index == 2));
            if (done.value) CHECK(*done.value == Bytes{static_cast<std::uint8_t>(index)});
        }
        if (mode != 2) CHECK(two.completions.at(0).stored);
        if (mode == 0) {
            const auto& unknown = two.completions.at(2);
            CHECK(unknown.stored);
            CHECK(unknown.value.error().execution == Execution::unknown);
            CHECK((unknown.value.error().code == errc::timed_out));
            CHECK(two.progress.unknown == 1);
        }
        for (const auto& call : again.calls) {
            // What failed for certain gets a fresh key, what may have run the same one again.
            const auto key = call.metadata.get("idempotency-key");
            const auto n = std::to_string(call.args[0]);
            CHECK(key == "run-" + n + (call.args[0] == 1 || call.args[0] == 3 ? "-1" : ""));
        }
        // A third run has nothing left but what may have run.
        FakeExecutor third{io};
        CHECK(run_map(third, io, inputs(10), options).progress.submitted == 0);
    }
}

TEST_CASE("resume: an input that differs from the first run's ends the map before anything is called") {
    const TemporaryDirectory directory;
    MapOptions options{.run_id = "run", .resume = at(directory / "resume")};
    asio::io_context io;
    FakeExecutor fake{io};
    run_map(fake, io, inputs(4), options);
    auto other = inputs(5);
    other[2] = Bytes{99};
    FakeExecutor again{io};
    const auto run = run_map(again, io, other, options);
    CHECK(run.called.empty());
    CHECK(run.progress.end == MapEnd::resume_failed);
    CHECK(run.progress.taken == run.progress.failed + run.progress.resumed);
    CHECK(run.last.error().message.find("input 2 is not what it was") != std::string::npos);
    CHECK(run.completions.size() == 3);  // two stored ones, and the one that differs
}

TEST_CASE("resume: a file that cannot grow any more ends the map with an error, and stays whole") {
    const TemporaryDirectory directory;
    const auto path = directory / "resume";
    MapOptions options{.in_flight = 1, .run_id = "run", .resume = at(path)};
    asio::io_context io;
    const std::size_t header = 24 + 3 + 8 + 4, submitted = 17 + 8 + 4, done = 17 + 1 + 4;
    for (const bool at_start : {true, false}) {
        CAPTURE(at_start);
        std::filesystem::remove(path);
        FakeExecutor fake{io};
        Run run;
        {
            const FileSizeLimit full{header + 2 * (submitted + done) + (at_start ? 5 : submitted + 5)};
            run = run_map(fake, io, inputs(4), options);
        }
        REQUIRE(run.last.has_error());
        CHECK(run.last.error().message.find("could not append") != std::string::npos);
        CHECK(run.progress.end == MapEnd::resume_failed);
        CHECK(run.called.size() == (at_start ? 2 : 3));
        CHECK(run.completions.size() == 3);  // told either way: as not submitted, or with its result
        CHECK(run.completions.at(2).value.has_value() == !at_start);
        CHECK(run.progress.not_submitted == 1);
        auto file = ::tests::ok(ResumeFile::open(at(path), JobId{7}, "run"));
        CHECK(file.find(1).fate == Fate::succeeded);
        CHECK(file.find(2).fate == (at_start ? Fate::nothing : Fate::unknown));
    }
}

TEST_CASE("append file: a record that did not fit leaves nothing behind, and the next one that fits is whole") {
    const TemporaryDirectory directory;
    const auto path = directory / "file";
    auto file = ::tests::ok(faas::detail::AppendFile::open(path.string(), "the file"));
    REQUIRE(file.append("first\n", false).has_value());
    {
        const FileSizeLimit full{10};
        CHECK(file.append("second\n", false).has_error());
    }
    CHECK(read_file(path) == "first\n");
    REQUIRE(file.append("third\n", true).has_value());
    CHECK(read_file(path) == "first\nthird\n");
    CHECK(file.size() == 12);
}

TEST_CASE("resume: a stream destroyed early still writes down what its calls came to") {
    const TemporaryDirectory directory;
    MapOptions options{.in_flight = 2, .run_id = "run", .resume = at(directory / "resume")};
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(1, io);
    {
        auto stream = faas::map(fake, JobId{7}, inputs(4), options);
        Operation<result<std::optional<Completion<Bytes>>>> next{io, stream.next()};
        io.poll();
        REQUIRE(next.ended());
    }
    io.restart();
    io.run();
    auto file = ::tests::ok(ResumeFile::open(at(directory / "resume"), JobId{7}, "run"));
    CHECK(file.find(0).fate == Fate::succeeded);
    CHECK(file.find(1).fate == Fate::unknown);
    CHECK(file.stored_error(1, file.find(1)).message.find("cancelled") != std::string::npos);
}

}  // namespace resume_test
