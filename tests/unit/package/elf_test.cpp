#include "blueprint/faas/package/elf.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/glibc.hpp"
#include "support/elf_image.hpp"
#include "support/versioned_image.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <gnu/libc-version.h>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace elf_test {

using namespace blueprint::faas;
using detail::bytes_of;
using test::build;
using test::ElfImage;
using test::VersionedImage;

TEST_CASE("elf: the architecture of an executable is told") {
    const std::pair<ElfImage, Architecture> table[] = {
        {{.machine = 62}, Architecture::x86_64},
        {{.machine = 62, .type = 3}, Architecture::x86_64},
        {{.machine = 183}, Architecture::aarch64},
        {{.machine = 3, .wide = false}, Architecture::x86},
        {{.machine = 40, .wide = false}, Architecture::arm},
        {{.machine = 243}, Architecture::riscv64},
        {{.machine = 21}, Architecture::ppc64le},
        {{.machine = 22, .big_endian = true}, Architecture::s390x},
        {{.machine = 258}, Architecture::loongarch64},
        {{.machine = 62, .wide = false}, Architecture::unknown},  // x32, which hosts of x86_64 rarely run
        {{.machine = 183, .big_endian = true}, Architecture::unknown},
        {{.machine = 8, .wide = false, .big_endian = true}, Architecture::unknown},
    };
    for (const auto& [image, architecture] : table) {
        CAPTURE(image.machine);
        const auto found = elf_architecture(build(image));
        REQUIRE(found.has_value());
        CHECK(to_string(*found) == to_string(architecture));
    }
}

TEST_CASE("elf: what cannot be started is refused with what it looks like") {
    using namespace std::string_view_literals;
    const std::pair<Bytes, std::string_view> table[] = {
        {{}, "empty"},
        {build({.type = 1}), "object file"},
        {build({.type = 4}), "core dump"},
        {build({.type = 0xfe00}), "type 65024"},
        {build({.type = 3, .entry_point = 0}), "shared library"},
    };
    for (const auto& [binary, why] : table) {
        CAPTURE(why);
        const auto found = elf_architecture(binary);
        REQUIRE_FALSE(found.has_value());
        CHECK((found.error().code == errc::invalid_configuration));
        CHECK_MESSAGE(found.error().message.find(why) != std::string::npos, found.error().message);
    }
    const std::pair<std::string_view, std::string_view> foreign[] = {
        {"#!/bin/sh\necho hello to all of you\n", "a script"},
        {"#!", "a script"},
        {"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\0"sv, "a Windows program"},
        {"\xfe\xed\xfa\xce"sv, "a macOS program"},
        {"\xcf\xfa\xed\xfe\x07\0\0\1\3\0\0\0\2\0\0\0"sv, "a macOS program"},
        {"\xca\xfe\xba\xbe\0\0\0\2", "macOS universal binary"},
        {"!<arch>\nmain.o/", "a static library"},
        {"\0asm\1\0\0\0"sv, "WebAssembly"},
        {"PK\3\4\24\0", "a zip archive"},
        {"\x1f\x8b\x08", "a gzip archive"},
        {"\x7f"
         "ELF",
         "cut off"},
        {"int main() { return 0; }", "no ELF executable"},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv, "no ELF executable"},
    };
    for (const auto& [binary, why] : foreign) {
        CAPTURE(why);
        const auto found = elf_architecture(bytes_of(binary));
        REQUIRE_FALSE(found.has_value());
        CHECK_MESSAGE(found.error().message.find(why) != std::string::npos, found.error().message);
        CHECK_FALSE(elf_interpreter(bytes_of(binary)).has_value());
    }
}

TEST_CASE("elf: the dynamic loader is told, and static programs have none") {
    CHECK(elf_interpreter(build({.interpreter = "/lib64/ld-linux-x86-64.so.2"})) == "/lib64/ld-linux-x86-64.so.2");
    CHECK(elf_interpreter(build({.machine = 3, .wide = false, .interpreter = "/lib/ld-linux.so.2"})) ==
          "/lib/ld-linux.so.2");
    CHECK(elf_interpreter(build({.machine = 22, .big_endian = true, .interpreter = "/lib/ld64.so.1"})) ==
          "/lib/ld64.so.1");
    CHECK_FALSE(elf_interpreter(build(ElfImage{})).has_value());
    CHECK_FALSE(elf_interpreter(build({.interpreter = std::string(5'000, 'x')})).has_value());
    CHECK_FALSE(elf_interpreter(build({.interpreter = std::string("a\0b", 3)})).has_value());
}

TEST_CASE("elf: a file cut at any byte is refused") {
    for (const auto& image : {ElfImage{.interpreter = "/lib/ld.so"}, ElfImage{.machine = 40, .wide = false}}) {
        const auto whole = build(image);
        // The loader's path is not loaded in this image, so only what comes before it must be there.
        const auto needed = whole.size();
        for (std::size_t size = 0; size < needed; ++size) {
            CAPTURE(size);
            const Bytes cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
            CHECK_FALSE(elf_architecture(cut).has_value());
            CHECK_FALSE(elf_interpreter(cut).has_value());
        }
        CHECK(elf_architecture(whole).has_value());
    }
}

TEST_CASE("elf: no changed byte makes the reader leave the file") {
    for (const auto& image : {ElfImage{.interpreter = "/lib/ld.so"},
                              ElfImage{.machine = 22, .big_endian = true, .interpreter = "/lib/ld.so"},
                              ElfImage{.machine = 3, .wide = false, .interpreter = "/lib/ld.so"}}) {
        const auto whole = build(image);
        for (std::size_t at = 0; at < whole.size(); ++at) {
            for (int value = 0; value < 256; ++value) {
                auto changed = whole;
                changed[at] = static_cast<std::uint8_t>(value);
                const auto found = elf_architecture(changed);
                if (!found) CHECK_FALSE(found.error().message.empty());
                const auto loader = elf_interpreter(changed);
                if (loader) CHECK(loader->size() <= 4096);
            }
        }
    }
}

TEST_CASE("elf: architectures are named as uname does") {
    CHECK(to_string(Architecture::x86_64) == "x86_64");
    CHECK(to_string(Architecture::aarch64) == "aarch64");
    CHECK(to_string(Architecture::unknown) == "unknown");
}

namespace {

std::string needed(const Bytes& binary) {
    const auto version = elf_needed_glibc(binary);
    return version ? to_string(*version) : "none";
}

}  // namespace

TEST_CASE("glibc: the newest version that a program asks for is the one it needs") {
    const std::pair<VersionedImage, std::string_view> table[] = {
        {{}, "2.34"},
        {{.versions = {"GLIBC_2.34", "GLIBC_2.9"}}, "2.34"},
        {{.versions = {"GLIBC_2.2.5"}}, "2.2"},
        {{.versions = {"GLIBC_2.17", "GLIBC_3.0"}}, "3.0"},
        {{.versions = {"GLIBC_2.17", "GLIBC_PRIVATE", "GLIBC_2.x", "GLIBC_", "GLIBC_2", "GLIBCXX_3.4.30"}}, "2.17"},
        {{.versions = {"GLIBC_2.4", "GLIBC_ABI_DT_RELR"}}, "2.36"},
        {{.versions = {"CXXABI_1.3"}}, "none"},
        {{.wide = false}, "2.34"},
        {{.wide = false, .big_endian = true}, "2.34"},
        {{.big_endian = true, .base = 0}, "2.34"},
    };
    for (const auto& [image, expected] : table) {
        CAPTURE(expected);
        CHECK(needed(build(image)) == expected);
    }
    CHECK(needed(build(ElfImage{.interpreter = "/lib64/ld-linux-x86-64.so.2"})) == "none");
    CHECK(needed({}) == "none");
}

TEST_CASE("glibc: of this very program it is told, and it is not newer than what runs it") {
    std::ifstream file{"/proc/self/exe", std::ios::binary};
    const Bytes binary{std::istreambuf_iterator<char>{file}, {}};
    const auto version = elf_needed_glibc(binary);
    REQUIRE(version.has_value());
    CHECK(*version >= GlibcVersion{2, 2});
    const std::string here = gnu_get_libc_version();
    const GlibcVersion running{2, static_cast<std::uint32_t>(std::stoul(here.substr(here.find('.') + 1)))};
    CHECK(*version <= running);
    CHECK(glibc_problem(binary, running, "here").empty());
    CHECK_FALSE(glibc_problem(binary, GlibcVersion{2, 0}, "a museum").empty());
}

TEST_CASE("glibc: what would not start is told with what to do") {
    const auto binary = build(VersionedImage{.versions = {"GLIBC_2.38"}});
    CHECK(glibc_problem(binary, {2, 34}, "provided.al2023") ==
          "needs glibc 2.38, and provided.al2023 has 2.34: link it statically (-static), or build it on a system whose "
          "glibc is no newer");
    CHECK(glibc_problem(binary, {2, 38}, "elsewhere").empty());
    CHECK(glibc_problem(build(ElfImage{}), {2, 34}, "provided.al2023").empty());
}

TEST_CASE("glibc: cut and changed files are read to no harm") {
    for (const auto& image : {VersionedImage{}, VersionedImage{.wide = false, .big_endian = true}}) {
        const auto whole = build(image);
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK(needed({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}) == "none");
        for (std::size_t at = 0; at < whole.size(); ++at) {
            for (int value = 0; value < 256; ++value) {
                auto changed = whole;
                changed[at] = static_cast<std::uint8_t>(value);
                const auto version = elf_needed_glibc(changed);
                if (version)
                    CHECK(detail::text_of(changed).find("GLIBC_" + std::to_string(version->major)) !=
                          std::string::npos);
            }
        }
    }
}

TEST_CASE("glibc: lists that cross each other are not walked to their end") {
    // 17 thousand million entries, if each were looked at.
    const auto begun = std::chrono::steady_clock::now();
    CHECK(needed(build(VersionedImage{.crossing = 262'144})) == "none");
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{10});
}

}  // namespace elf_test
