#include "blueprint/faas/environment.hpp"

#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <fstream>
#include <string>

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
