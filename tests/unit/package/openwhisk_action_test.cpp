#include "blueprint/faas/package/openwhisk_action.hpp"

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "support/elf_image.hpp"
#include "support/raw_zip.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace openwhisk_action_test {

using namespace blueprint::faas;
using tests::failed;
using tests::ok;

namespace {

constexpr std::uint16_t aarch64 = 183;

Bytes elf(const test::ElfImage& image = {}) { return test::build(image); }

Package package_of(const test::ElfImage& image, std::vector<ZipFile> extra = {}) {
    PackageOptions options;
    options.architecture = image.machine == aarch64 ? Architecture::aarch64 : Architecture::x86_64;
    options.extra_files = std::move(extra);
    return ok(Package::from_binary(elf(image), options));
}

Bytes zip_in(const std::string& code) {
    const auto zip = detail::base64_decode(code);  // takes no line breaks
    REQUIRE(zip.has_value());
    return *zip;
}

std::vector<ZipFile> files_in(const std::string& code) { return ok(read_zip(zip_in(code))); }

std::string listed(const std::vector<ZipFile>& files) {
    std::string paths;
    for (const auto& file : files) paths += file.path + ' ';
    return paths;
}

std::string text_in(const std::vector<ZipFile>& files, std::string_view path) {
    for (const auto& file : files)
        if (file.path == path) return std::string{detail::text_of(file.data)};
    return "there is no such file";
}

bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

/// Reads what a zip's directory says of a file's permissions: of an archive without comment.
std::uint32_t attributes_of(const Bytes& zip, std::string_view path) {
    const auto u = [&](std::size_t at, std::size_t size) {
        std::uint32_t out = 0;
        for (std::size_t i = size; i-- > 0;) out = out << 8U | zip.at(at + i);
        return out;
    };
    std::size_t at = u(zip.size() - 6, 4);
    for (auto left = u(zip.size() - 12, 2); left > 0; --left) {
        const auto name = detail::text_of(std::span{zip}.subspan(at + 46, u(at + 28, 2)));
        CHECK(zip.at(at + 5) == 3);  // made by Unix, or nobody looks at the attributes
        if (name == path) return u(at + 38, 4) >> 16U;
        at += 46 + u(at + 28, 2) + u(at + 30, 2) + u(at + 32, 2);
    }
    return 0;
}

}  // namespace

TEST_CASE("openwhisk action, node: index.js, package.json and the package's own files below function/") {
    const auto package = package_of({}, {{"data/table", test::to_bytes("1 2 3"), 0644}});
    const auto code = ok(openwhisk_node_code(package));
    const auto files = files_in(code);
    CHECK(listed(files) == "function/bootstrap function/data/table index.js package.json ");
    CHECK((files[0].data == elf()));
    CHECK(text_in(files, "function/data/table") == "1 2 3");
    CHECK(has(text_in(files, "index.js"), "exports.main = "));
    // Dependencies would be installed during every start.
    CHECK_FALSE(has(text_in(files, "package.json"), "ependencies"));
    CHECK(has(text_in(files, "package.json"), R"("main": "index.js")"));
}

TEST_CASE("openwhisk action: the runtime's unzip sees a program, and files that are none") {
    const auto package = package_of({}, {{"data/table", test::to_bytes("1 2 3"), 0644}});
    const auto node = zip_in(ok(openwhisk_node_code(package)));
    CHECK(attributes_of(node, "function/bootstrap") == 0100755);
    CHECK(attributes_of(node, "function/data/table") == 0100644);
    CHECK(attributes_of(node, "index.js") == 0100644);
    CHECK(detail::text_of(std::span{node}.first(4)) == "PK\x03\x04");
    const auto loop = zip_in(ok(openwhisk_action_loop_code(package, "x")));
    CHECK(attributes_of(loop, "exec") == 0100755);
    CHECK(attributes_of(loop, "exec.env") == 0100644);
    // Also of a package in which it has lost that.
    const auto plain = ok(Package::from_zip(
        test::build(test::RawZip{.entries = {test::stored("bootstrap", std::string{detail::text_of(elf())})}})));
    CHECK(attributes_of(zip_in(ok(openwhisk_node_code(plain))), "function/bootstrap") == 0100755);
}

TEST_CASE("pitfall 1 (OpenWhisk): an ActionLoop zip has exec.env if the runtime wants one, and else none") {
    const auto package = package_of({}, {{"data/table", test::to_bytes("1 2 3"), 0644}});
    const auto with = files_in(ok(openwhisk_action_loop_code(package, "openwhisk/action-golang-v1.24")));
    CHECK(listed(with) == "data/table exec exec.env ");
    CHECK(text_in(with, "exec") == detail::text_of(elf()));
    CHECK(text_in(with, "exec.env") == "openwhisk/action-golang-v1.24\n");
    CHECK(listed(files_in(ok(openwhisk_action_loop_code(package, "")))) == "data/table exec ");
    for (const auto* text : {"a\nb", "a\r"})
        CHECK(has(failed(openwhisk_action_loop_code(package, text)).message, "more than one line"));
}

TEST_CASE("pitfall 11 (OpenWhisk): nothing but the package and what starts it is in the zip") {
    const auto plain = package_of({});
    CHECK(listed(files_in(ok(openwhisk_node_code(plain)))) == "function/bootstrap index.js package.json ");
    CHECK(listed(files_in(ok(openwhisk_action_loop_code(plain, {})))) == "exec ");
    const auto more = package_of({}, {{.path = "data", .data = {1}}});
    CHECK(listed(files_in(ok(openwhisk_action_loop_code(more, "x")))) == "data exec exec.env ");
}

TEST_CASE("openwhisk action: the same package gives the same text, and the digest is of what stands beside it") {
    const auto package = package_of({});
    const auto code = ok(openwhisk_node_code(package));
    CHECK(ok(openwhisk_node_code(package_of({}))) == code);
    CHECK(ok(openwhisk_action_loop_code(package, "e")) == ok(openwhisk_action_loop_code(package_of({}), "e")));
    const auto files = files_in(code);
    const auto beside = text_in(files, "index.js") + text_in(files, "package.json");
    CHECK(openwhisk_shim_digest(OpenWhiskWay::node, "") == detail::sha256_hex(detail::bytes_of(beside)).substr(0, 8));
    CHECK(openwhisk_shim_digest(OpenWhiskWay::node, "e") == openwhisk_shim_digest(OpenWhiskWay::node, ""));
    std::vector<std::string> all{openwhisk_shim_digest(OpenWhiskWay::node, "")};
    for (const auto* exec_env : {"", "a", "b"})
        all.push_back(openwhisk_shim_digest(OpenWhiskWay::action_loop, exec_env));
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].size() == 8);
        CHECK(all[i].find_first_not_of("0123456789abcdef") == std::string::npos);
        for (std::size_t j = 0; j < i; ++j) CHECK(all[i] != all[j]);
    }
}

TEST_CASE("openwhisk action: what could not start there is refused, with the reason") {
    const auto refusals = [](const Package& package, std::string_view words) {
        for (const auto& code : {openwhisk_node_code(package), openwhisk_action_loop_code(package, "")}) {
            REQUIRE_FALSE(code.has_value());
            CHECK(code.error().code == errc::invalid_configuration);
            CAPTURE(code.error().message);
            CHECK(has(code.error().message, words));
        }
    };
    refusals(package_of({.machine = aarch64}), "is for aarch64");
    const auto zip_of = [](const std::string& name, std::string_view data) {
        return ok(Package::from_zip(test::build(test::RawZip{.entries = {test::stored(name, data)}})));
    };
    refusals(zip_of("program", "x"), "no file bootstrap");
    refusals(zip_of("bootstrap", "echo"), "neither a program for Linux nor a script");
    const auto script = zip_of("bootstrap", "#!/bin/sh\n");
    CHECK(openwhisk_node_code(script).has_value());
    CHECK(openwhisk_action_loop_code(script, "").has_value());
    for (const auto* name : {"exec", "exec.env"}) {
        const auto package = package_of({}, {{name, test::to_bytes("x"), 0644}});
        CHECK(has(failed(openwhisk_action_loop_code(package, "")).message, "has a meaning for"));
        CHECK(openwhisk_node_code(package).has_value());
    }
}

TEST_CASE("pitfalls 2-4 (OpenWhisk): a zip whose Base64 would exceed what OpenWhisk and its proxies take is refused") {
    // What does not compress, so that the zip is as large as what is in it.
    Bytes data(openwhisk_zip_bytes);
    std::uint32_t state = 1;
    for (auto& byte : data) {
        state = state * 1'664'525U + 1'013'904'223U;
        byte = static_cast<std::uint8_t>(state >> 24U);
    }
    const auto package = [&](std::size_t size) {
        const std::span part{data.data(), size};
        test::RawEntry noise{.name = "noise", .packed = {part.begin(), part.end()}, .crc = detail::crc32(part)};
        noise.size = static_cast<std::uint32_t>(size);
        auto program = test::stored("bootstrap", detail::text_of(elf()));
        return ok(Package::from_zip(test::build(test::RawZip{.entries = {std::move(program), std::move(noise)}})));
    };
    const auto refused = failed(openwhisk_action_loop_code(package(data.size()), ""));
    CHECK(refused.code == errc::invalid_configuration);
    CHECK(refused.platform_code == "TOO_LARGE");
    CHECK(has(refused.message, "48 MB"));
    const auto fits = ok(openwhisk_action_loop_code(package(data.size() - 4096), ""));
    CHECK(fits.size() < 50'000'000);
}

}  // namespace openwhisk_action_test
