#include "blueprint/faas/environment.hpp"

#include "blueprint/faas/detail/append_file.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>

namespace environment_test {

using namespace blueprint::faas;
using blueprint::faas::test::TemporaryDirectory;
using tests::failed;
using tests::ok;

TEST_CASE("environment: a small file is read whole, and one that is not there is no error") {
    const TemporaryDirectory directory;
    const auto path = (directory / "credentials").string();
    CHECK_FALSE(ok(Environment::process().read_file(path)).has_value());
    CHECK_FALSE(ok(Environment::process().read_file(path + "/below")).has_value());
    const std::string text("a\0b\n", 4);
    std::ofstream{path, std::ios::binary} << text;
    const auto read = ok(Environment::process().read_file(path));
    REQUIRE(read.has_value());
    CHECK((read->reveal() == text));
    CHECK((ok(Environment::process().read_file(path, 4))->reveal() == text));
    for (const std::size_t size : {4095U, 4096U, 4097U, 8192U, 100'000U}) {  // in pieces
        CAPTURE(size);
        std::string longer;
        while (longer.size() < size) longer += std::to_string(longer.size()) + ' ';
        longer.resize(size);
        std::ofstream{path, std::ios::binary} << longer;
        CHECK((ok(Environment::process().read_file(path))->reveal() == longer));
        CHECK((ok(Environment::process().read_file(path, size))->reveal() == longer));
        CHECK(failed(Environment::process().read_file(path, size - 1)).code == errc::invalid_configuration);
    }
}

TEST_CASE("environment: a file that is too long or unreadable is told by its path, never by what it holds") {
    const TemporaryDirectory directory;
    const auto path = (directory / "token").string();
    std::ofstream{path} << "not-to-be-seen";
    const auto too_long = failed(Environment::process().read_file(path, 13));
    CHECK(too_long.code == errc::invalid_configuration);
    CHECK(too_long.message.find(path) != std::string::npos);
    CHECK(too_long.message.find("13 bytes") != std::string::npos);
    CHECK(too_long.message.find("not-to-be-seen") == std::string::npos);
    const auto no_file = failed(Environment::process().read_file(directory.path().string()));
    CHECK(no_file.code == errc::invalid_configuration);
    CHECK(no_file.message.find("directory") != std::string::npos);
}

TEST_CASE("environment: a local time is read by the zone of this place, the earlier one where clocks show it twice") {
    using std::chrono::days;
    using std::chrono::hours;
    using std::chrono::minutes;
    const auto in = [](const char* zone, std::chrono::local_seconds local) {
        const char* before = std::getenv("TZ");
        const std::optional<std::string> kept{before == nullptr ? std::optional<std::string>{} : before};
        ::setenv("TZ", zone, 1);
        const auto moment = Environment::process().moment_of(local);
        kept ? ::setenv("TZ", kept->c_str(), 1) : ::unsetenv("TZ");
        ::tzset();
        REQUIRE(moment.has_value());
        return std::chrono::floor<std::chrono::seconds>(*moment);
    };
    constexpr auto year = std::chrono::year{2026};
    const auto local = [](std::chrono::year_month_day date) { return std::chrono::local_days{date}; };
    const auto utc = [](std::chrono::year_month_day date) { return std::chrono::sys_days{date}; };
    CHECK((in("UTC0", local(year / 7 / 1) + hours{3}) == utc(year / 7 / 1) + hours{3}));
    CHECK((in("IST-5:30", local(year / 1 / 2) + hours{3}) == utc(year / 1 / 1) + hours{21} + minutes{30}));
    CHECK((in("PST8", local(year / 12 / 31) + hours{20}) == utc(year / 12 / 31) + hours{28}));
    const char* const berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
    CHECK((in(berlin, local(year / 1 / 2) + hours{3}) == utc(year / 1 / 2) + hours{2}));
    CHECK((in(berlin, local(year / 7 / 2) + hours{3}) == utc(year / 7 / 2) + hours{1}));
    CHECK((in(berlin, local(year / 10 / 25) + hours{2} + minutes{30}) == utc(year / 10 / 25) + minutes{30}));
    CHECK((in(berlin, local(year / 10 / 25) + hours{3} + minutes{30}) == utc(year / 10 / 25) + hours{2} + minutes{30}));
    // What the system guesses where clocks show a time twice depends on what it was asked before.
    CHECK((in(berlin, local(year / 1 / 2) + hours{3}) == utc(year / 1 / 2) + hours{2}));
    CHECK((in(berlin, local(year / 10 / 25) + hours{2} + minutes{30}) == utc(year / 10 / 25) + minutes{30}));
    const auto last = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::time_point::max());
    CHECK((in("PST8", std::chrono::local_seconds{last.time_since_epoch()}) == last));
}

TEST_CASE("append file: what resume files and dead letters are kept in is for its owner alone, whatever the umask") {
    const TemporaryDirectory directory;
    const auto path = (directory / "letters").string();
    const auto before = ::umask(0);
    const auto file = detail::AppendFile::open(path, "the file");
    ::umask(before);
    REQUIRE(file.has_value());
    CHECK((std::filesystem::status(path).permissions() == std::filesystem::perms{0600}));
    // A child command does not get it.
    int inherited = 0;
    for (const auto& open : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone;
        if (std::filesystem::read_symlink(open.path(), gone) != path) continue;
        const int flags = ::fcntl(std::stoi(open.path().filename().string()), F_GETFD);
        CHECK((flags & FD_CLOEXEC) != 0);
        ++inherited;
    }
    CHECK(inherited == 1);
}

}  // namespace environment_test
