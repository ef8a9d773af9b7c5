// Packages and binaries, as users hand them over and as platforms receive them.
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/package/elf.hpp"
#include "blueprint/faas/package/glibc.hpp"
#include "blueprint/faas/package/zip.hpp"
#include "support/temporary_directory.hpp"
#include "targets.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace blueprint::faas::fuzz {

namespace {

void extracts_the_same(Input input, const ZipLimits& limits, const std::vector<ZipFile>& files) {
    namespace fs = std::filesystem;
    const test::TemporaryDirectory base;
    const auto inside = base / "inside";
    fs::create_directory(inside);
    const auto paths = extract_zip(input, inside, limits);
    FAAS_REQUIRE(paths.has_value());
    FAAS_REQUIRE(paths->size() == files.size());
    FAAS_REQUIRE(std::distance(fs::directory_iterator{base.path()}, fs::directory_iterator{}) == 1);
    for (const auto& file : files) {
        const auto path = inside / file.path;
        FAAS_REQUIRE(fs::is_regular_file(fs::symlink_status(path)));
        FAAS_REQUIRE(fs::file_size(path) == file.data.size());
        std::ifstream stream{path, std::ios::binary};
        const Bytes data{std::istreambuf_iterator<char>{stream}, {}};
        FAAS_REQUIRE(data == file.data);
    }
}

}  // namespace

void zip(Input input) {
    const ZipLimits limits{.compressed_bytes = 64U << 10, .unpacked_bytes = 256U << 10, .entries = 64};
    const auto files = read_zip(input, limits);
    if (!files) {
        FAAS_REQUIRE(files.error().platform_code == "BAD_REQUEST" || files.error().platform_code == "TOO_LARGE");
        return;
    }
    FAAS_REQUIRE(files->size() <= limits.entries);
    std::uint64_t total = 0;
    std::set<std::string> paths;
    ZipWriter writer;
    for (const auto& file : *files) {
        total += file.data.size();
        FAAS_REQUIRE(package_path_problem(file.path).empty());
        FAAS_REQUIRE(paths.insert(file.path).second);
        FAAS_REQUIRE(file.mode == 0755 || file.mode == 0644);
        FAAS_REQUIRE(writer.add(file.path, file.data, file.mode).has_value());
    }
    FAAS_REQUIRE(total <= limits.unpacked_bytes);
    const auto archive = writer.finish();
    const auto again = read_zip(archive, {});
    FAAS_REQUIRE(again.has_value());
    FAAS_REQUIRE(again->size() == files->size());
    for (const auto& file : *again) {
        const auto same =
            std::find_if(files->begin(), files->end(), [&](const ZipFile& one) { return one.path == file.path; });
        FAAS_REQUIRE(same != files->end());
        FAAS_REQUIRE(same->data == file.data);
        FAAS_REQUIRE(same->mode == file.mode);
    }
    extracts_the_same(input, limits, *files);
}

void elf(Input input) {
    const auto architecture = elf_architecture(input);
    if (!architecture) {
        FAAS_REQUIRE(architecture.error().code == errc::invalid_configuration);
        FAAS_REQUIRE(!architecture.error().message.empty());
    }
    if (const auto version = elf_needed_glibc(input)) {
        FAAS_REQUIRE(detail::text_of(input).find("GLIBC_") != std::string_view::npos);
        FAAS_REQUIRE(glibc_problem(input, *version, "here").empty());
    }
    const auto interpreter = elf_interpreter(input);
    if (!interpreter) return;
    FAAS_REQUIRE(!interpreter->empty());
    FAAS_REQUIRE(interpreter->find('\0') == std::string::npos);
    FAAS_REQUIRE(detail::text_of(input).find(*interpreter) != std::string_view::npos);
}

}  // namespace blueprint::faas::fuzz
