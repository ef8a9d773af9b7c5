#include "blueprint/faas/package/tar.hpp"

#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/package/package.hpp"
#include "support/elf_image.hpp"
#include "support/gzip.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"
#include "support/versioned_image.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tar_test {

using namespace blueprint::faas;
using namespace std::string_literals;
using test::TemporaryDirectory;
using tests::failed;
using tests::ok;

namespace {

namespace fs = std::filesystem;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

// A tar header in which a test sets any field, right or wrong. It shares no code with the library's own.
struct RawHeader {
    std::string name{};
    char type = '0';
    std::string mode = "0000644";
    std::string size{};  // empty: that of the data
    std::string magic = "ustar\00000"s;
    std::string prefix{};
    std::string checksum{};  // empty: the right one
};

std::string entry(const RawHeader& raw, std::string_view data = {}) {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
    const auto octal = [](std::size_t number, std::size_t digits) {
        std::string text(digits, '0');
        for (std::size_t at = digits; at-- > 0; number /= 8) text[at] = static_cast<char>('0' + number % 8);
        return text;
    };
    put(0, raw.name);
    put(100, raw.mode);
    put(108, "0000000");
    put(116, "0000000");
    put(124, raw.size.empty() ? octal(data.size(), 11) : raw.size);
    put(136, "00000000000");
    put(148, "        ");
    header[156] = raw.type;
    put(257, raw.magic);
    put(345, raw.prefix);
    const auto sum = std::accumulate(header.begin(), header.end(), std::size_t{0},
                                     [](std::size_t so_far, unsigned char byte) { return so_far + byte; });
    put(148, raw.checksum.empty() ? octal(sum, 6) + '\0' : raw.checksum);
    std::string out = header + std::string{data};
    out.append((512 - out.size() % 512) % 512, '\0');
    return out;
}

std::string plain(std::string_view name, std::string_view data = "x") {
    RawHeader raw;
    raw.name = name;
    return entry(raw, data);
}

const std::string the_end(1024, '\0');

Bytes packed(const std::string& entries) { return bytes_of(tests::gzip(entries + the_end)); }

std::string outcome(const result<std::vector<ZipFile>>& files) {
    if (!files) return files.error().platform_code + ": " + files.error().message;
    std::string text;
    for (const auto& file : *files)
        text += file.path + '=' + std::string{file.data.begin(), file.data.end()} + (file.mode == 0755 ? "* " : " ");
    return text;
}

Bytes noise(std::size_t size) {
    Bytes data(size);
    std::uint32_t state = 7;
    for (auto& byte : data) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return data;
}

Bytes written(std::vector<ZipFile> files) {
    TarGzWriter writer;
    for (auto& file : files) ok(writer.add(file.path, std::move(file.data), file.mode));
    return writer.finish();
}

std::vector<std::string> listing(const fs::path& directory) {
    std::vector<std::string> found;
    for (const auto& one : fs::recursive_directory_iterator{directory})
        found.push_back(one.path().lexically_relative(directory).string());
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<ZipFile> sample() {
    return {{"z/last", noise(700'000), 0644},
            {"bootstrap", Bytes(300'000, 'b'), 0755},
            {"empty", {}, 0600},
            {"one", {'x'}, 0711},
            {"exact", Bytes(512, 'e'), 0644},
            {"\xc3\xa4/\xe2\x82\xac", bytes_of("euro"), 0644},
            {std::string(90, 'p') + '/' + std::string(90, 'q'), bytes_of("split"), 0644},
            {std::string(200, 'n') + "/f", bytes_of("long"), 0755}};
}

Bytes program(test::ElfImage image = {}) { return test::build(image); }

}  // namespace

TEST_CASE("tar: files come back with paths, bytes and modes, sorted by path") {
    const auto files = sample();
    const auto back = ok(read_tar_gz(written(files)));
    REQUIRE(back.size() == files.size());
    CHECK(std::is_sorted(back.begin(), back.end(), [](auto& a, auto& b) { return a.path < b.path; }));
    for (const auto& file : files) {
        CAPTURE(file.path);
        const auto found = std::find_if(back.begin(), back.end(), [&](auto& f) { return f.path == file.path; });
        REQUIRE(found != back.end());
        CHECK((found->data == file.data));
        CHECK(found->mode == ((file.mode & 0111) != 0 ? 0755U : 0644U));
    }
}

TEST_CASE("tar: the same files give the same bytes in whatever order they come") {
    auto files = sample();
    const auto first = written(files);
    std::reverse(files.begin(), files.end());
    CHECK((written(files) == first));
    CHECK((std::vector<std::uint8_t>{first.begin(), first.begin() + 10} ==
           Bytes{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}));  // no time, no name
}

TEST_CASE("tar: what is refused to be added") {
    TarGzWriter writer;
    ok(writer.add("a/b", {}));
    ok(writer.add("f", {}));
    for (const std::string path : {"a/b", "a", "f/x", "../x", "/x", "a//b", "./x", "a\\b", ""}) {
        CAPTURE(path);
        CHECK(failed(writer.add(path, {})).code == errc::invalid_configuration);
    }
    CHECK(ok(read_tar_gz(writer.finish())).size() == 2);
    CHECK(ok(read_tar_gz(writer.finish())).empty());
}

TEST_CASE("tar: GNU tar reads what is written, and its archives are read") {
    if (std::system("tar --version 2>&1 | grep -q GNU") != 0) {
        MESSAGE("no GNU tar here: not compared with it");
        return;
    }
    TemporaryDirectory directory;
    const auto archive = written(sample());
    std::ofstream{directory / "a.tar.gz", std::ios::binary}.write(reinterpret_cast<const char*>(archive.data()),
                                                                  static_cast<std::streamsize>(archive.size()));
    fs::create_directory(directory / "out");
    const auto in = "cd " + directory.path().string() + " && ";
    REQUIRE(std::system((in + "tar -xzpf a.tar.gz -C out 2>complaints && test ! -s complaints").c_str()) == 0);
    for (const auto& file : sample()) {
        CAPTURE(file.path);
        std::ifstream made{directory / "out" / file.path, std::ios::binary};
        const Bytes data{std::istreambuf_iterator<char>{made}, {}};
        CHECK((data == file.data));
        const auto mode = static_cast<unsigned>(fs::status(directory / "out" / file.path).permissions());
        CHECK(mode == ((file.mode & 0111) != 0 ? 0755U : 0644U));
    }
    for (const std::string format : {"gnu", "pax", "ustar"}) {
        CAPTURE(format);
        // ustar alone cannot hold the long name.
        const std::string without = format == "ustar" ? " --exclude='nnn*'" : "";
        REQUIRE(std::system((in + "tar -czf back.tar.gz --format=" + format + without + " -C out .").c_str()) == 0);
        std::ifstream made{directory / "back.tar.gz", std::ios::binary};
        const Bytes theirs{std::istreambuf_iterator<char>{made}, {}};
        const auto files = ok(read_tar_gz(theirs));
        CHECK(files.size() == sample().size() - (without.empty() ? 0 : 1));
        for (const auto& file : sample()) {
            const auto found = std::find_if(files.begin(), files.end(), [&](auto& f) { return f.path == file.path; });
            if (found != files.end()) CHECK((found->data == file.data));
        }
    }
}

TEST_CASE("tar: paths that leave the directory, and all that is no regular file, are refused") {
    const std::pair<std::string, std::string> rows[] = {
        {plain("/etc/x"), "absolute"},
        {plain("../x"), "'..' segment"},
        {plain("./../x"), "'..' segment"},
        {plain("a/../x"), "'..' segment"},
        {plain("a/./x"), "'.' segment"},
        {plain("././x"), "'.' segment"},
        {plain("a//x"), "empty segment"},
        {plain("a\\x"), "backslash"},
        {plain("c:/x"), "drive"},
        {plain(""), "empty"},
        {plain("./"), "empty"},
        {plain("a/"), "empty segment"},
        {plain("\xff"), "UTF-8"},
        {plain("f") + plain("f"), "twice"},
        {plain("f") + plain("./f"), "twice"},
        {plain("f") + plain("f/x"), "below what is a file"},
        {entry({.name = "l", .type = '1'}), "hard link"},
        {entry({.name = "l", .type = '2'}), "symbolic link"},
        {entry({.name = "d", .type = '3'}), "device"},
        {entry({.name = "d", .type = '4'}), "device"},
        {entry({.name = "d", .type = '6'}), "device"},
        {entry({.name = "s", .type = 'S'}), "sparse"},
        {entry({.name = "s", .type = '7'}), "kind that is not read"},
        {entry({.name = "d/", .type = '5'}, "data"), "directory with data"},
        {entry({.name = "x", .prefix = ".."}), "'..' segment"},
        {entry({.name = "long", .type = 'L'}, "../x"s + '\0') + plain("x"), "'..' segment"},
        {entry({.name = "long", .type = 'K'}, "/etc/passwd"s + '\0') + plain("x"), "symbolic link"},
        {entry({.name = "pax", .type = 'x'}, "13 path=../x\n") + plain("x"), "'..' segment"},
        {entry({.name = "pax", .type = 'x'}, "14 linkpath=x\n") + plain("x"), "linkpath"},
        {entry({.name = "pax", .type = 'x'}, "10 size=1\n") + plain("x"), "size"},
        {entry({.name = "pax", .type = 'x'}, "22 GNU.sparse.major=1\n") + plain("x"), "sparse"},
        {entry({.name = "pax", .type = 'x'}, "99 path=x\n") + plain("x"), "damaged"},
        {entry({.name = "pax", .type = 'x'}, "8 path=x\n") + plain("x"), "damaged"},
        {entry({.name = "pax", .type = 'x'}, "8 pathx\n") + plain("x"), "damaged"},
        {entry({.name = "pax", .type = 'x'}, "path=x\n") + plain("x"), "damaged"},
        {entry({.name = "pax", .type = 'x'}, "10 path=x\n"), "not there"},
        {entry({.name = "pax", .type = 'g'}, "10 path=x\n") + plain("x"), "path"},
        {entry({.name = "x", .checksum = "000000"}), "checksum"},
        {entry({.name = "x", .mode = "rwxr-x"}), "octal"},
        {entry({.name = "x", .size = "\x80\0\0\0\0\0\0\0\0\0\0\1"s}), "octal"},
        {entry({.name = "x", .size = "77777777777"}), "cut off"},
        {entry({.name = "x", .magic = ""}), "neither"},
    };
    for (const auto& [entries, why] : rows) {
        CAPTURE(why);
        const auto error = failed(read_tar_gz(packed(entries)));
        CAPTURE(error.message);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.platform_code == "BAD_REQUEST");
        CHECK(error.message.find(why) != error.message.npos);
        TemporaryDirectory directory;
        CHECK(extract_tar_gz(packed(entries), directory.path()).has_error());
        CHECK(listing(directory.path()).empty());
    }
}

TEST_CASE("tar: what other writers add is read") {
    const auto global = entry({.name = "pax_global_header", .type = 'g'}, "18 comment=abcdef\n");
    CHECK(outcome(read_tar_gz(packed(global + plain("f", "1")))) == "f=1 ");
    CHECK(outcome(read_tar_gz(packed(entry({.name = "./", .type = '5'}) + plain("./bootstrap", "1")))) ==
          "bootstrap=1 ");
    CHECK(outcome(read_tar_gz(packed(entry({.name = "x", .type = 'x'}, "20 mtime=1700000000\n10 path=y\n") +
                                     plain("x", "1") + plain("z", "2")))) == "y=1 z=2 ");
    CHECK(outcome(read_tar_gz(packed(entry({.name = "b", .mode = "0000711"}, "1")))) == "b=1* ");
}

TEST_CASE("tar: an archive that is cut off or damaged anywhere is refused") {
    const auto whole = written({{"bootstrap", bytes_of("#!/bin/sh\n"), 0755}, {"d/f", noise(2000), 0644}});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        const Bytes part{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
        CHECK(read_tar_gz(part).has_error());
    }
    const auto good = outcome(read_tar_gz(whole));
    for (std::size_t at = 0; at < whole.size(); ++at) {
        if (at >= 3 && at < 10) continue;  // flags, time and maker: most of what they may say changes nothing
        auto damaged = whole;
        damaged[at] ^= 0x10U;
        CAPTURE(at);
        const auto read = read_tar_gz(damaged);
        if (read) CHECK(outcome(read) == good);  // a bit that no code of the stream uses
    }
    auto longer = whole;
    longer.push_back(0);
    CHECK(failed(read_tar_gz(longer)).message.find("bytes follow") != std::string::npos);
    const auto file = plain("f");
    for (std::size_t size = 0; size < file.size() + the_end.size(); size += 256) {
        CAPTURE(size);  // the gzip is whole, the tar in it is not
        CHECK(read_tar_gz(bytes_of(tests::gzip((file + the_end).substr(0, size)))).has_error());
    }
    CHECK(outcome(read_tar_gz(bytes_of(tests::gzip(file + the_end + plain("hidden") + the_end))))
              .find("bytes follow its end") != std::string::npos);
    CHECK(outcome(read_tar_gz(bytes_of("PK\x03\x04"))).find("no gzip archive") != std::string::npos);
}

TEST_CASE("tar: a bomb is stopped by the limits, whatever its headers say") {
    const auto bomb = written({{"zeros", Bytes(30U << 20), 0644}});
    REQUIRE(bomb.size() < 200'000);
    ZipLimits limits;
    limits.unpacked_bytes = 1U << 20;
    limits.entries = 10;
    CHECK(failed(read_tar_gz(bomb, limits)).platform_code == "TOO_LARGE");
    auto modest = bomb;  // its end claims a single byte
    std::fill(modest.end() - 4, modest.end(), std::uint8_t{0});
    CHECK(failed(read_tar_gz(modest, limits)).platform_code == "TOO_LARGE");
    const auto just_more = written({{"a", Bytes((1U << 20) + 1), 0644}});
    CHECK(failed(read_tar_gz(just_more, limits)).platform_code == "TOO_LARGE");
    limits.unpacked_bytes += 1;
    CHECK(read_tar_gz(just_more, limits).has_value());
    limits.compressed_bytes = just_more.size() - 1;
    CHECK(failed(read_tar_gz(just_more, limits)).platform_code == "TOO_LARGE");
    std::string many;
    for (int i = 0; i < 11; ++i) many += plain("f" + std::to_string(i));
    ZipLimits ten;
    ten.entries = 10;
    CHECK(failed(read_tar_gz(packed(many), ten)).message.find("more than 10 entries") != std::string::npos);
    CHECK(failed(read_tar_gz(packed(plain("1/2/3/4/5/6/7/8/9/10/11/12")), ten)).platform_code == "BAD_REQUEST");
}

TEST_CASE("tar: unpacking overwrites nothing, follows no link and takes back what it made") {
    TemporaryDirectory directory;
    const auto archive = written(sample());
    const auto paths = ok(extract_tar_gz(archive, directory.path()));
    CHECK(paths.size() == sample().size());
    CHECK((fs::status(directory / "bootstrap").permissions() == fs::perms{0755}));
    CHECK((fs::status(directory / "z").permissions() == fs::perms{0755}));
    CHECK(failed(extract_tar_gz(archive, directory.path())).code == errc::infrastructure);

    TemporaryDirectory other;
    fs::create_directory_symlink(directory.path(), other / "z");
    CHECK(failed(extract_tar_gz(archive, other.path())).code == errc::infrastructure);
    CHECK((listing(other.path()) == std::vector<std::string>{"z"}));
}

TEST_CASE("Cloud Run's archive: the package's files, bootstrap executable, the same bytes each time") {
    ZipWriter writer;
    ok(writer.add("bootstrap", program(), 0644));
    ok(writer.add("data/table", bytes_of("table")));
    const auto package = ok(Package::from_zip(writer.finish()));
    const auto archive = ok(cloud_run_archive(package));
    CHECK((archive == ok(cloud_run_archive(package))));
    const auto files = ok(read_tar_gz(archive));
    REQUIRE(files.size() == 2);
    CHECK(files[0].path == "bootstrap");
    CHECK(files[0].mode == 0755);
    CHECK((files[0].data == program()));
    CHECK(files[1].path == "data/table");

    PackageOptions script;
    script.allow_script = true;
    CHECK(cloud_run_archive(ok(Package::from_binary(bytes_of("#!/bin/sh\n"), script))).has_value());
}

TEST_CASE("GCP pitfall 8: a program that Cloud Run could not start is refused before it is sent") {
    const auto why = [](Bytes zip) { return failed(cloud_run_archive(ok(Package::from_zip(std::move(zip))))).message; };
    const auto zip_of = [](std::string_view path, const Bytes& data) {
        ZipWriter writer;
        ok(writer.add(path, data, 0755));
        return writer.finish();
    };
    CHECK(why(zip_of("main", program())).find("no program") != std::string::npos);
    test::ElfImage arm;
    arm.machine = 183;
    CHECK(why(zip_of("bootstrap", program(arm))).find("aarch64") != std::string::npos);
    test::VersionedImage newer;
    newer.versions = {"GLIBC_2.40"};
    CHECK(why(zip_of("bootstrap", test::build(newer))).find("needs glibc 2.40") != std::string::npos);
    newer.versions = {"GLIBC_2.39"};
    CHECK(cloud_run_archive(ok(Package::from_zip(zip_of("bootstrap", test::build(newer))))).has_value());
    test::ElfImage musl;
    musl.interpreter = "/lib/ld-musl-x86_64.so.1";
    CHECK(why(zip_of("bootstrap", program(musl))).find("ld-musl-x86_64.so.1") != std::string::npos);
    musl.interpreter = "/lib64/ld-linux-x86-64.so.2";
    CHECK(cloud_run_archive(ok(Package::from_zip(zip_of("bootstrap", program(musl))))).has_value());
    CHECK(why(zip_of("bootstrap", bytes_of("print 1"))).find("neither a program") != std::string::npos);
}

}  // namespace tar_test
