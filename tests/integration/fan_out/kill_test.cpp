#include "support/temporary_directory.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace kill_test {

namespace asio = boost::asio;
using blueprint::faas::test::TemporaryDirectory;
using namespace std::chrono_literals;
using tcp = asio::ip::tcp;

namespace {

// A platform that outlives its callers: counts how often it ran each input, and takes its time for the answer.
class Platform {
public:
    Platform() {
        asio::co_spawn(io_, accept(), asio::detached);
        thread_ = std::thread{[this] { io_.run(); }};
    }
    Platform(const Platform&) = delete;
    ~Platform() {
        io_.stop();
        thread_.join();
    }
    std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
    std::size_t executions() const { return executions_; }
    std::map<int, int> counts() const {
        const std::lock_guard lock{mutex_};
        return counts_;
    }

private:
    asio::awaitable<void> accept() {
        for (;;) {
            auto [failed, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            if (failed) co_return;
            asio::co_spawn(io_, answer(std::move(socket)), asio::detached);
        }
    }
    asio::awaitable<void> answer(tcp::socket socket) {
        asio::streambuf line;
        const auto [failed, size] =
            co_await asio::async_read_until(socket, line, '\n', asio::as_tuple(asio::use_awaitable));
        if (failed) co_return;
        std::istream in{&line};
        int index = -1;
        in >> index;
        {
            const std::lock_guard lock{mutex_};
            ++counts_[index];
        }
        ++executions_;
        asio::steady_timer work{io_, std::chrono::milliseconds{index % 4}};
        co_await work.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto byte = asio::buffer("!", 1);
        co_await asio::async_write(socket, byte, asio::as_tuple(asio::use_awaitable));
    }

    asio::io_context io_{1};
    tcp::acceptor acceptor_{io_, tcp::endpoint{asio::ip::make_address("127.0.0.1"), 0}};
    mutable std::mutex mutex_;
    std::map<int, int> counts_;
    std::atomic<std::size_t> executions_{0};
    std::thread thread_;
};

// A run of the mapper program, its output in a file.
class Mapper {
public:
    Mapper(const Platform& platform, const std::string& resume, int total, const std::string& mode, std::string output)
        : output_{std::move(output)} {
        const char* program = std::getenv("BLUEPRINT_FAAS_TEST_MAPPER");
        REQUIRE_MESSAGE(program != nullptr, "BLUEPRINT_FAAS_TEST_MAPPER is not set: run this through meson");
        std::vector<std::string> arguments{program, platform.port(), resume, std::to_string(total), mode};
        std::vector<char*> argv;
        for (auto& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        REQUIRE(out >= 0);
        child_ = ::fork();
        if (child_ != 0) ::close(out);
        REQUIRE(child_ >= 0);
        if (child_ > 0) return;
        ::dup2(out, STDOUT_FILENO);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    Mapper(const Mapper&) = delete;
    ~Mapper() {
        if (child_ > 0) kill();
    }
    bool kill() {
        ::kill(child_, SIGKILL);
        const int status = wait();
        return WIFSIGNALED(status);
    }
    int wait() {
        int status = 0;
        REQUIRE(::waitpid(child_, &status, 0) == child_);
        child_ = -1;
        return status;
    }
    std::string printed() const {
        std::ifstream in{output_};
        std::stringstream all;
        all << in.rdbuf();
        return all.str();
    }

private:
    std::string output_;
    pid_t child_ = -1;
};

bool reaches(const Platform& platform, std::size_t executions) {
    const auto limit = std::chrono::steady_clock::now() + 30s;
    while (platform.executions() < executions) {
        if (std::chrono::steady_clock::now() > limit) return false;
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

struct Told {
    std::size_t succeeded = 0, resumed = 0, failed = 0;
    std::set<int> unknown{};
};

Told read_told(const std::string& printed) {
    Told told;
    std::istringstream in{printed};
    std::string word;
    for (std::size_t number = 0; in >> word >> number;) {
        if (word == "succeeded") told.succeeded = number;
        if (word == "resumed") told.resumed = number;
        if (word == "failed") told.failed = number;
        if (word == "unknown") told.unknown.insert(static_cast<int>(number));
    }
    return told;
}

constexpr int total = 2000;
constexpr std::size_t in_flight = 8;
constexpr std::size_t kills = 5;

// Kills the mapper several times in the middle, then lets it come to its end.
Told run_with_kills(const Platform& platform, const TemporaryDirectory& directory, const std::string& mode) {
    const auto resume = (directory / "resume").string();
    const auto output = (directory / "printed").string();
    for (std::size_t n = 1; n <= kills; ++n) {
        Mapper mapper{platform, resume, total, mode, output};
        REQUIRE(reaches(platform, n * 250));
        CHECK(mapper.kill());
    }
    Mapper last{platform, resume, total, mode, output};
    REQUIRE(last.wait() == 0);
    return read_told(last.printed());
}

}  // namespace

TEST_CASE("fan-out: killed five times, what may not run twice runs at most once, and what is unknown is told") {
    const TemporaryDirectory directory;
    const Platform platform;
    const Told told = run_with_kills(platform, directory, "plain");
    const auto counts = platform.counts();
    for (const auto& [index, count] : counts) CHECK_MESSAGE(count == 1, "input " << index);
    CHECK(told.succeeded + told.resumed + told.failed == total);
    CHECK(told.failed == told.unknown.size());
    CHECK(told.failed <= kills * in_flight);
    for (int index = 0; index < total; ++index)
        if (!counts.contains(index)) CHECK_MESSAGE(told.unknown.contains(index), "input " << index << " was lost");
    MESSAGE("succeeded " << told.succeeded << ", resumed " << told.resumed << ", unknown " << told.failed
                         << ", executions " << platform.executions());
}

TEST_CASE("fan-out: killed five times, idempotent inputs are all done, and only what was in flight ran again") {
    const TemporaryDirectory directory;
    const Platform platform;
    const Told told = run_with_kills(platform, directory, "idempotent");
    CHECK(told.failed == 0);
    CHECK(told.succeeded + told.resumed == total);
    CHECK(told.resumed > 0);
    CHECK(platform.counts().size() == total);
    CHECK(platform.executions() <= total + kills * in_flight);
    MESSAGE("succeeded " << told.succeeded << ", resumed " << told.resumed << ", executions " << platform.executions());
}

TEST_CASE("fan-out: a second run beside the first is refused, and the first goes on") {
    const TemporaryDirectory directory;
    const Platform platform;
    const auto resume = (directory / "resume").string();
    Mapper first{platform, resume, total, "plain", (directory / "first").string()};
    REQUIRE(reaches(platform, 20));
    Mapper second{platform, resume, total, "plain", (directory / "second").string()};
    CHECK(WEXITSTATUS(second.wait()) == 1);
    CHECK(second.printed().find("in use by another run") != std::string::npos);
    CHECK(first.wait() == 0);
    CHECK(read_told(first.printed()).succeeded == total);
    CHECK(platform.executions() == total);
}

}  // namespace kill_test
