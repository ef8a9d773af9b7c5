#include "blueprint/faas/package/package.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "support/elf_image.hpp"
#include "support/raw_zip.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>

namespace package_test {

using namespace blueprint::faas;
using detail::bytes_of;
using test::build;

namespace {

constexpr std::uint16_t x86_64 = 62, aarch64 = 183;

PackageOptions options_for(Architecture architecture) {
    PackageOptions options;
    options.architecture = architecture;
    return options;
}

}  // namespace

TEST_CASE("package: a binary becomes a zip with an executable bootstrap and the further files") {
    const auto binary = build({.machine = aarch64});
    auto options = options_for(Architecture::aarch64);
    options.extra_files = {{"blueprint.json", test::to_bytes("{\"loop\":true}"), 0644}, {"bin/tool", binary, 0700}};
    const auto package = Package::from_binary(binary, options);
    REQUIRE(package.has_value());
    CHECK(package->size_bytes() == package->zip()->size());
    CHECK(package->sha256() == detail::sha256_hex(*package->zip()));
    CHECK(package->architecture() == Architecture::aarch64);
    CHECK(package->binary_size_bytes() == binary.size());
    const auto files = read_zip(*package->zip());
    REQUIRE(files.has_value());
    REQUIRE(files->size() == 3);
    CHECK(files->at(0).path == "bin/tool");
    CHECK(files->at(0).mode == 0755);
    CHECK(files->at(1).path == "blueprint.json");
    CHECK(files->at(1).mode == 0644);
    CHECK(files->at(2).path == "bootstrap");
    CHECK(files->at(2).mode == 0755);
    CHECK((files->at(2).data == binary));
}

TEST_CASE("C8: the same input gives the same package, and copies share the bytes") {
    const auto binary = build({.machine = x86_64});
    const auto a = Package::from_binary(binary, options_for(Architecture::x86_64));
    const auto b = Package::from_binary(binary, options_for(Architecture::x86_64));
    REQUIRE((a.has_value() && b.has_value()));
    CHECK((*a->zip() == *b->zip()));
    CHECK(a->sha256() == b->sha256());
    CHECK((*a == *b));
    const Package copy = *a;
    CHECK(copy.zip().get() == a->zip().get());
    const auto other =
        Package::from_binary(build({.machine = x86_64, .code = "changed"}), options_for(Architecture::x86_64));
    REQUIRE(other.has_value());
    CHECK_FALSE((*a == *other));
}

TEST_CASE("C8: a binary for another architecture is refused") {
    const auto package = Package::from_binary(build({.machine = aarch64}), options_for(Architecture::x86_64));
    REQUIRE_FALSE(package.has_value());
    CHECK((package.error().code == errc::invalid_configuration));
    CHECK(package.error().message.find("aarch64") != std::string::npos);
    CHECK(package.error().message.find("x86_64") != std::string::npos);
    // One that nobody knows is no match for an unknown host either.
    CHECK_FALSE(Package::from_binary(build({.machine = 4711}), options_for(Architecture::unknown)).has_value());
}

TEST_CASE("C8: what is no executable is refused") {
    for (const auto& binary : {Bytes{}, test::to_bytes("hello"), build({.type = 1}), test::to_bytes("#!/bin/sh\n")}) {
        const auto package = Package::from_binary(binary, options_for(Architecture::x86_64));
        REQUIRE_FALSE(package.has_value());
        CHECK((package.error().code == errc::invalid_configuration));
    }
}

TEST_CASE("package: a script passes only where it is allowed") {
    PackageOptions options;
    const auto script = test::to_bytes("#!/bin/sh\necho '{\"result\":[]}'\n");
    CHECK_FALSE(Package::from_binary(script, options).has_value());
    options.allow_script = true;
    const auto package = Package::from_binary(script, options);
    REQUIRE(package.has_value());
    CHECK_FALSE(package->architecture().has_value());
    CHECK(package->binary_size_bytes() == script.size());
    CHECK_FALSE(Package::from_binary(test::to_bytes("echo"), options).has_value());
}

TEST_CASE("package: further files cannot take the bootstrap's place or leave the package") {
    for (const std::string path : {"bootstrap", "bootstrap/x", "../x", "/x"}) {
        CAPTURE(path);
        auto options = options_for(Architecture::x86_64);
        options.extra_files = {{path, {}, 0644}};
        const auto package = Package::from_binary(build({.machine = x86_64}), options);
        REQUIRE_FALSE(package.has_value());
        CHECK(package.error().platform_code == "BAD_REQUEST");
    }
}

TEST_CASE("package: a finished zip is taken as it is") {
    const auto binary = build({.machine = aarch64});
    const auto zip = build({.entries = {test::stored("bootstrap", detail::text_of(binary)), test::stored("a/b", "1")}});
    const auto package = Package::from_zip(zip);
    REQUIRE(package.has_value());
    CHECK((*package->zip() == zip));
    CHECK(package->sha256() == detail::sha256_hex(zip));
    CHECK(package->architecture() == Architecture::aarch64);
    CHECK(package->binary_size_bytes() == binary.size());
    const auto source = Package::from_zip(build({.entries = {test::stored("main.go", "package p")}}));
    REQUIRE(source.has_value());
    CHECK(source->binary_size_bytes() == 0);
    CHECK_FALSE(source->architecture().has_value());
}

TEST_CASE("package: a finished zip is checked to its last byte") {
    auto damaged = test::stored("a", "data");
    damaged.crc ^= 1;
    for (const auto& zip : {build({.entries = {test::stored("../bootstrap", "1")}}), build({.entries = {damaged}}),
                            test::to_bytes("no zip")}) {
        const auto package = Package::from_zip(zip);
        REQUIRE_FALSE(package.has_value());
        CHECK(package.error().platform_code == "BAD_REQUEST");
    }
}

TEST_CASE("package: a binary is read from its file, and errors name the file") {
    test::TemporaryDirectory directory;
    const auto binary = build({.machine = x86_64});
    std::ofstream{directory / "job", std::ios::binary} << detail::text_of(binary);
    std::ofstream{directory / "empty"};
    std::ofstream{directory / "text"} << "hello";
    REQUIRE(::mkfifo((directory / "pipe").c_str(), 0600) == 0);
    const auto options = options_for(Architecture::x86_64);

    const auto from_file = Package::from_binary_file(directory / "job", options);
    const auto from_memory = Package::from_binary(binary, options);
    REQUIRE((from_file.has_value() && from_memory.has_value()));
    CHECK((*from_file == *from_memory));

    const std::pair<std::string, std::string> table[] = {{"missing", "No such file"}, {"empty", "empty"},
                                                         {"text", "no ELF"},          {"pipe", "no regular file"},
                                                         {"", "no regular file"},     {"job/x", "Not a directory"}};
    for (const auto& [name, why] : table) {
        CAPTURE(name);
        const auto package = Package::from_binary_file(directory / name, options);
        REQUIRE_FALSE(package.has_value());
        CHECK((package.error().code == errc::invalid_configuration));
        CHECK_MESSAGE(package.error().message.find(why) != std::string::npos, package.error().message);
        CHECK(package.error().message.find(directory.path().string()) != std::string::npos);
    }
}

TEST_CASE("package: a file beyond the limit is refused without reading it") {
    test::TemporaryDirectory directory;
    std::ofstream{directory / "huge"};
    std::filesystem::resize_file(directory / "huge", (250ULL << 20) + 1);  // a hole, no data
    const auto package = Package::from_binary_file(directory / "huge");
    REQUIRE_FALSE(package.has_value());
    CHECK(package.error().platform_code == "TOO_LARGE");
}

TEST_CASE("package: how large a package may be is the caller's to say") {
    // A program of the sanitizers has 100 MB, and is packed below once.
    test::TemporaryDirectory directory;
    const auto script = directory.path() / "script";
    std::ofstream{script} << "#!/bin/sh\nexit 0\n";
    PackageOptions options{.allow_script = true};
    const auto packed = Package::from_binary_file(script, options);
    REQUIRE(packed.has_value());
    options.max_packed_bytes = packed->size_bytes();
    CHECK(Package::from_binary_file(script, options).has_value());
    CHECK(Package::from_zip(*packed->zip(), packed->size_bytes()).has_value());
    options.max_packed_bytes = packed->size_bytes() - 1;
    const auto too_large = Package::from_binary_file(script, options);
    REQUIRE_FALSE(too_large.has_value());
    CHECK(too_large.error().platform_code == "TOO_LARGE");
    CHECK(too_large.error().message.find("max_packed_bytes") != std::string::npos);
    CHECK_FALSE(Package::from_zip(*packed->zip(), packed->size_bytes() - 1).has_value());
}

TEST_CASE("package: this very program is packed for this machine") {
    const auto package = Package::from_binary_file("/proc/self/exe");
    REQUIRE(package.has_value());
    CHECK(package->architecture() == host_architecture());
    CHECK(package->size_bytes() < package->binary_size_bytes());
}

}  // namespace package_test
