#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/raw_zip.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace zip_extract_test {

using namespace blueprint::faas;
using test::build;
using test::stored;
using test::TemporaryDirectory;

namespace {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

unsigned mode_of(const fs::path& path) { return static_cast<unsigned>(fs::symlink_status(path).permissions()); }

// Everything below `directory`, sorted.
std::vector<std::string> listing(const fs::path& directory) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator{directory})
        found.push_back(entry.path().lexically_relative(directory).string());
    std::sort(found.begin(), found.end());
    return found;
}

test::RawEntry executable(std::string name, std::string_view data) {
    auto entry = stored(std::move(name), data);
    entry.mode = 0100755;
    return entry;
}

}  // namespace

TEST_CASE("extract: files and directories are made with fixed modes, whatever the umask") {
    TemporaryDirectory directory;
    const auto zip = build({.entries = {executable("bootstrap", "#!/bin/sh\n"), test::directory("empty/"),
                                        stored("a/b/c", "text"), stored("a/d", "")}});
    const auto old = ::umask(0077);
    const auto paths = extract_zip(zip, directory.path());
    ::umask(old);
    REQUIRE(paths.has_value());
    CHECK((*paths == std::vector<std::string>{"bootstrap", "a/b/c", "a/d"}));
    CHECK((listing(directory.path()) == std::vector<std::string>{"a", "a/b", "a/b/c", "a/d", "bootstrap", "empty"}));
    CHECK(text_of_file(directory / "bootstrap") == "#!/bin/sh\n");
    CHECK(text_of_file(directory / "a/b/c") == "text");
    CHECK(fs::file_size(directory / "a/d") == 0);
    CHECK(mode_of(directory / "bootstrap") == 0755);
    CHECK(mode_of(directory / "a/b/c") == 0644);
    CHECK(mode_of(directory / "a") == 0755);
    CHECK(mode_of(directory / "empty") == 0755);
}

TEST_CASE("extract: setuid and other special bits of the archive are dropped") {
    TemporaryDirectory directory;
    auto entry = stored("f", "1");
    entry.mode = 0107777;
    REQUIRE(extract_zip(build({.entries = {entry}}), directory.path()).has_value());
    CHECK(mode_of(directory / "f") == 0755);
}

TEST_CASE("extract: a file of several buffers comes out whole") {
    TemporaryDirectory directory;
    Bytes data(1'000'003);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i % 251 * (i / 70'000));
    ZipWriter writer;
    REQUIRE(writer.add("f", data, 0644).has_value());
    REQUIRE(extract_zip(writer.finish(), directory.path()).has_value());
    CHECK((text_of_file(directory / "f") == detail::text_of(data)));
}

TEST_CASE("extract: nothing is left after a refusal, however late it comes") {
    auto damaged = stored("x/y/late", "data");
    damaged.crc ^= 1;
    auto bomb = test::deflated("x/bomb", test::run_of_a(4'000), {});
    bomb.size = 200'000;
    auto link = stored("link", "/etc/passwd");
    link.mode = 0120777;
    auto bad_directory = test::directory("deep/er/");
    bad_directory.method = 8;
    bad_directory.packed = {0xff, 0xff};
    for (const auto& last : {damaged, bomb, link, stored("../escape", "1"), stored("/absolute", "1"), bad_directory,
                             stored("a/b", "twice")}) {
        CAPTURE(last.name);
        TemporaryDirectory outer;
        fs::create_directory(outer / "inner");
        const auto zip =
            build({.entries = {stored("a/b", "1"), test::directory("d/e/f/"), executable("bootstrap", ""), last}});
        const auto paths = extract_zip(zip, outer / "inner");
        REQUIRE_FALSE(paths.has_value());
        CHECK(paths.error().platform_code == "BAD_REQUEST");
        CHECK((listing(outer.path()) == std::vector<std::string>{"inner"}));
    }
}

TEST_CASE("extract: what was there before survives a failure and is never overwritten") {
    TemporaryDirectory directory;
    fs::create_directory(directory / "a");
    std::ofstream{directory / "a/kept"} << "mine";
    const auto zip = build({.entries = {stored("a/new", "1"), stored("b/new", "1"), stored("a/kept", "theirs")}});
    const auto paths = extract_zip(zip, directory.path());
    REQUIRE_FALSE(paths.has_value());
    CHECK((paths.error().code == errc::infrastructure));
    CHECK(paths.error().message.find("'a/kept'") != std::string::npos);
    CHECK((listing(directory.path()) == std::vector<std::string>{"a", "a/kept"}));
    CHECK(text_of_file(directory / "a/kept") == "mine");
}

TEST_CASE("extract: links that stand in the directory are not followed") {
    TemporaryDirectory outer;
    fs::create_directory(outer / "inner");
    fs::create_directory(outer / "elsewhere");
    fs::create_directory_symlink(outer / "elsewhere", outer / "inner/d");
    fs::create_symlink(outer / "elsewhere/made", outer / "inner/f");
    for (const std::string name : {"d/f", "f", "d/"}) {
        CAPTURE(name);
        const auto entry = name.ends_with('/') ? test::directory(name) : stored(name, "1");
        CHECK_FALSE(extract_zip(build({.entries = {entry}}), outer / "inner").has_value());
        CHECK((listing(outer.path()) == std::vector<std::string>{"elsewhere", "inner", "inner/d", "inner/f"}));
    }
}

TEST_CASE("extract: a directory that is not there is named in the error") {
    TemporaryDirectory directory;
    const auto paths = extract_zip(build({.entries = {stored("f", "1")}}), directory / "missing");
    REQUIRE_FALSE(paths.has_value());
    CHECK((paths.error().code == errc::infrastructure));
    CHECK(paths.error().message.find("missing") != std::string::npos);
    CHECK(paths.error().message.find("No such file") != std::string::npos);
}

TEST_CASE("extract: an archive cut at any byte leaves nothing") {
    TemporaryDirectory directory;
    const auto zip = build({.entries = {executable("bootstrap", "x"), stored("a/b", "1")}});
    for (std::size_t size = 0; size < zip.size(); ++size) {
        const Bytes cut{zip.begin(), zip.begin() + static_cast<std::ptrdiff_t>(size)};
        CHECK_FALSE(extract_zip(cut, directory.path()).has_value());
    }
    CHECK(listing(directory.path()).empty());
}

}  // namespace zip_extract_test
