#include "blueprint/faas/serve/serve.hpp"

#include "blueprint/faas/job_set.hpp"

#include <doctest/doctest.h>

#include <array>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

namespace serve_test {

namespace {

using namespace blueprint::faas;

std::uint8_t next(std::uint8_t x) { return static_cast<std::uint8_t>(x + 1); }
using Jobs = JobSet<Job<0, &next>, Job<7, &next>>;

class Variables final : public Environment {
public:
    explicit Variables(std::string loop) : loop_{std::move(loop)} {}
    std::optional<std::string> variable(const std::string& name) const override {
        if (name == "BLUEPRINT_LOOP" && !loop_.empty()) return loop_;
        return std::nullopt;
    }

private:
    std::string loop_;
};

// Both ends of a pipe, closed when they go.
struct Pipe {
    std::array<int, 2> ends{-1, -1};
    Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void close_end(std::size_t end) {
        if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
    }
    void put(std::string_view text) const {
        REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<::ssize_t>(text.size()));
    }
    std::string rest() {
        close_end(1);
        std::string out(4096, '\0');
        out.resize(static_cast<std::size_t>(std::max<::ssize_t>(::read(ends[0], out.data(), out.size()), 0)));
        return out;
    }
};

template <int Status, bool Detected>
struct Fixed {
    static constexpr std::string_view name = "fixed";
    static bool detect(const Surroundings&) { return Detected; }
    template <class J>
    static int serve(J&, const Surroundings&, const ServeOptions&) {
        return Status;
    }
};

}  // namespace

TEST_CASE("serve: the platform is known by what it left in the environment, else it is the exec model") {
    const Variables loop{"1"};
    const Variables other{"0"};
    const Variables none{""};
    CHECK(LoopProtocol::detect({.world = loop}));
    CHECK_FALSE(LoopProtocol::detect({.world = other}));
    CHECK_FALSE(LoopProtocol::detect({.world = none}));
    CHECK(ExecProtocol::detect({.world = none}));
    CHECK_FALSE(ExecProtocol::detect({.world = none, .stdin_is_terminal = true}));
}

TEST_CASE("serve: the first protocol that fits answers, and its status is the process's") {
    const Variables none{""};
    Jobs jobs;
    const Surroundings found{.world = none, .stdin_is_terminal = true};
    CHECK((serve_with<Fixed<5, false>, Fixed<6, true>, Fixed<7, true>>(jobs, found, {}) == 6));
    CHECK((serve_with<Fixed<0, true>, Fixed<7, true>>(jobs, found, {}) == 0));
}

TEST_CASE("serve: a function started by hand says how to use it and gives 2") {
    const Variables none{""};
    Jobs jobs;
    CHECK((serve_with<ExecProtocol>(jobs, {.world = none, .stdin_is_terminal = true}, {}) == 2));
    const auto help = detail::serve_help<Jobs>();
    CHECK(help.find(R"(echo '{"job_id":0,"args":[1,2,3]}' | PROGRAM)") != std::string::npos);
    CHECK(help.find("Its jobs: 0, 7.") != std::string::npos);
}

TEST_CASE("serve: what jobs print does not get into the answer") {
    Pipe output;
    Pipe errors;
    {
        auto answer = detail::AnswerStream::take(output.ends[1], errors.ends[1]);
        REQUIRE(answer.has_value());
        output.put("noise");
        REQUIRE(answer->write("answer").has_value());
    }
    CHECK(output.rest() == "answer");
    errors.close_end(1);
    CHECK(errors.rest() == "noise");
}

TEST_CASE("serve: without standard error, what jobs print goes nowhere") {
    Pipe output;
    {
        auto answer = detail::AnswerStream::take(output.ends[1], -1);
        REQUIRE(answer.has_value());
        output.put("noise");
        REQUIRE(answer->write("answer").has_value());
    }
    CHECK(output.rest() == "answer");
    CHECK_FALSE(detail::AnswerStream::take(-1, 2).has_value());
}

TEST_CASE("serve: an answer that nobody reads is an error, not the end of the process") {
    detail::ignore_broken_pipes();
    Pipe output;
    Pipe errors;
    auto answer = detail::AnswerStream::take(output.ends[1], errors.ends[1]);
    REQUIRE(answer.has_value());
    output.close_end(0);
    const auto written = answer->write("answer");
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().code == errc::infrastructure);
}

TEST_CASE("serve: input is read to its end, and not beyond the limit") {
    Pipe input;
    input.put("0123456789");
    input.close_end(1);
    CHECK(*detail::InputStream(input.ends[0], 10).read_all() == "0123456789");
    Pipe longer;
    longer.put("0123456789a");
    longer.close_end(1);
    const auto refused = detail::InputStream(longer.ends[0], 10).read_all();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::serialization);
    CHECK(refused.error().message == "the input is longer than 10 bytes: send less at once");
    CHECK_FALSE(detail::InputStream(-1, 10).read_all().has_value());
}

TEST_CASE("serve: lines are read one by one, the last with or without its end") {
    Pipe input;
    input.put("one\n\nthree\nfour");
    input.close_end(1);
    detail::InputStream lines{input.ends[0], 5};
    for (const std::string_view expected : {"one", "", "three", "four"}) {
        const auto line = lines.read_line();
        REQUIRE(line.has_value());
        REQUIRE(line->has_value());
        CHECK(**line == expected);
    }
    const auto end = lines.read_line();
    REQUIRE(end.has_value());
    CHECK_FALSE(end->has_value());
    Pipe longer;
    longer.put("012345\n1\n");
    longer.close_end(1);
    CHECK_FALSE(detail::InputStream(longer.ends[0], 5).read_line().has_value());
}

TEST_CASE("serve: lines of all lengths come whole, however they were written") {
    Pipe input;
    std::thread writer{[&] {
        for (std::size_t size = 1; size < 300'000; size = size * 3 + 1)
            input.put(std::string(size, 'x') + "\n" + "ab\ncd");
        input.close_end(1);
    }};
    detail::InputStream lines{input.ends[0], 1U << 20};
    std::string before;
    for (std::size_t size = 1; size < 300'000; size = size * 3 + 1) {
        CAPTURE(size);
        CHECK((**lines.read_line() == before + std::string(size, 'x')));
        CHECK((**lines.read_line() == "ab"));
        before = "cd";
    }
    CHECK((**lines.read_line() == "cd"));
    CHECK_FALSE(lines.read_line()->has_value());
    writer.join();
}

TEST_CASE("C9: the memory used is this program's own, in MiB") {
    const auto memory = detail::peak_memory_mib();
    REQUIRE(memory.has_value());
    CHECK(*memory > 0);
    CHECK(*memory < 4096);
}

}  // namespace serve_test
