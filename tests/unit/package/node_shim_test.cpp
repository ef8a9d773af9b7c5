#include "blueprint/faas/package/node_shim.hpp"

#include "blueprint/faas/detail/crc32.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "support/elf_image.hpp"
#include "support/raw_zip.hpp"
#include "support/run.hpp"

#include <doctest/doctest.h>

#include <string>

namespace node_shim_test {

using namespace blueprint::faas;
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

std::string text_in(const std::vector<ZipFile>& files, std::string_view path) {
    for (const auto& file : files)
        if (file.path == path) return std::string{detail::text_of(file.data)};
    return "there is no such file";
}

}  // namespace

TEST_CASE("node shim: a package becomes index.js, package.json and its own files below function/") {
    const auto package = package_of({}, {{"data/table", test::to_bytes("1 2 3"), 0644}});
    const auto files = ok(read_zip(ok(node_function_zip(package))));
    std::string paths;
    for (const auto& file : files) paths += file.path + ' ';
    CHECK(paths == "function/bootstrap function/data/table index.js package.json ");
    CHECK((files[0].data == elf()));
    CHECK(files[0].mode == 0755);
    CHECK(text_in(files, "function/data/table") == "1 2 3");
    CHECK(text_in(files, "package.json").find("\"@google-cloud/functions-framework\": \"^5") != std::string::npos);
    CHECK(text_in(files, "index.js").find("exports.run = ") != std::string::npos);
}

TEST_CASE("node shim: the same package gives the same bytes, and the digest is of what stands beside it") {
    const auto zip = ok(node_function_zip(package_of({})));
    CHECK((ok(node_function_zip(package_of({}))) == zip));
    const auto files = ok(read_zip(zip));
    const auto beside = text_in(files, "index.js") + text_in(files, "package.json");
    CHECK(node_shim_digest() == detail::sha256_hex(detail::bytes_of(beside)).substr(0, 8));
}

TEST_CASE("node shim: what Cloud Functions could not start is refused, with the reason") {
    const auto refusal = [](const Package& package) {
        const auto zip = node_function_zip(package);
        REQUIRE_FALSE(zip.has_value());
        CHECK(zip.error().code == errc::invalid_configuration);
        return zip.error().message;
    };
    CHECK(refusal(package_of({.machine = aarch64})).find("is for aarch64") != std::string::npos);
    const auto zip_of = [](const std::string& name, std::string_view data) {
        return test::build(test::RawZip{.entries = {test::stored(name, data)}});
    };
    CHECK(refusal(ok(Package::from_zip(zip_of("program", "")))).find("no file bootstrap") != std::string::npos);
    CHECK(refusal(ok(Package::from_zip(zip_of("bootstrap", "#!/bin/sh")))).find("no ELF executable") !=
          std::string::npos);
}

TEST_CASE("node shim: more than Cloud Functions takes is refused") {
    const Bytes zeros(101U << 20);
    test::RawEntry noise{.name = "noise", .packed = zeros, .crc = detail::crc32(zeros)};
    noise.size = static_cast<std::uint32_t>(zeros.size());
    auto program = test::stored("bootstrap", detail::text_of(elf()));
    const test::RawZip raw{.entries = {std::move(program), std::move(noise)}};
    const auto refused = tests::failed(node_function_zip(ok(Package::from_zip(test::build(raw), 200U << 20))));
    CHECK(refused.code == errc::invalid_configuration);
    CHECK(refused.platform_code == "TOO_LARGE");
}

}  // namespace node_shim_test
