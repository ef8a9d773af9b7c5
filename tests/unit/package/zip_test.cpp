#include "blueprint/faas/package/zip.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "support/raw_zip.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zip_test {

using namespace blueprint::faas;
using detail::bytes_of;
using test::build;
using test::RawEntry;
using test::RawZip;
using test::stored;

namespace {

// Words of a small vocabulary: compressible, not trivially.
Bytes prose(std::size_t size) {
    static constexpr std::string_view words[] = {"job ", "bytes ", "in ", "out ", "number ", "platform ", "\n"};
    Bytes data;
    std::uint32_t state = 1;
    while (data.size() < size) {
        state = state * 1664525 + 1013904223;
        const auto word = bytes_of(words[(state >> 24) % 7]);
        data.insert(data.end(), word.begin(), word.end());
    }
    data.resize(size);
    return data;
}

Bytes noise(std::size_t size) {
    Bytes data(size);
    std::uint32_t state = 7;
    for (auto& byte : data) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return data;
}

Bytes written(const std::vector<ZipFile>& files) {
    ZipWriter writer;
    for (const auto& file : files) REQUIRE(writer.add(file.path, file.data, file.mode).has_value());
    return writer.finish();
}

// The bytes, as hexadecimal text, or the message.
std::string outcome(const result<std::vector<ZipFile>>& files) {
    if (!files) return files.error().message;
    std::string text = std::to_string(files->size()) + " files";
    for (const auto& file : *files) text += ' ' + file.path + '=' + detail::hex_encode(file.data);
    return text;
}

}  // namespace

TEST_CASE("zip: files come back with paths, bytes and modes, sorted by path") {
    const std::vector<ZipFile> files{{"z/last", prose(70'000), 0644},
                                     {"bootstrap", prose(300'000), 0755},
                                     {"empty", {}, 0600},
                                     {"noise", noise(5'000), 0644},
                                     {"one", {'x'}, 0711},
                                     {"\xc3\xa4/\xe2\x82\xac", prose(10), 0644}};
    const auto back = read_zip(written(files));
    REQUIRE(back.has_value());
    REQUIRE(back->size() == files.size());
    CHECK(std::is_sorted(back->begin(), back->end(), [](auto& a, auto& b) { return a.path < b.path; }));
    for (const auto& file : files) {
        CAPTURE(file.path);
        const auto found = std::find_if(back->begin(), back->end(), [&](auto& f) { return f.path == file.path; });
        REQUIRE(found != back->end());
        CHECK((found->data == file.data));
        CHECK(found->mode == ((file.mode & 0111) != 0 ? 0755U : 0644U));
    }
    CHECK(has_file(*back, "bootstrap"));
    CHECK_FALSE(has_file(*back, "z"));
    CHECK_FALSE(has_file(*back, "boot"));
}

TEST_CASE("zip: every size around the window and buffer boundaries goes there and back") {
    for (const std::size_t size : {1U, 2U, 257U, 258U, 259U, 32'767U, 32'768U, 32'769U, 65'535U, 65'536U, 65'537U,
                                   131'071U, 131'072U, 131'073U, 400'000U}) {
        CAPTURE(size);
        for (const auto& data : {prose(size), noise(size), Bytes(size, 0)}) {
            const auto back = read_zip(written({{"f", data, 0644}}));
            REQUIRE(back.has_value());
            CHECK((back->at(0).data == data));
        }
    }
}

TEST_CASE("C8: the same input gives the same package, in whatever order it is added") {
    const ZipFile a{"bootstrap", prose(50'000), 0755}, b{"b/data", noise(100), 0644},
        c{"blueprint.json", {'{', '}'}, 0644};
    const auto zip = written({a, b, c});
    CHECK((written({a, b, c}) == zip));
    CHECK((written({c, b, a}) == zip));
    auto other_mode = a;
    other_mode.mode = 0644;
    CHECK((written({other_mode, b, c}) != zip));
    ZipWriter writer;
    REQUIRE(writer.add("f", bytes_of("1"), 0644).has_value());
    const auto first = writer.finish();
    CHECK((writer.finish() == build(RawZip{})));  // an end record and nothing else
    REQUIRE(writer.add("f", bytes_of("1"), 0644).has_value());
    CHECK((writer.finish() == first));
}

TEST_CASE("zip: what is written is byte for byte what the format says") {
    ZipWriter writer;
    REQUIRE(writer.add("bootstrap", bytes_of("#!"), 0755).has_value());
    auto entry = stored("bootstrap", "#!");
    entry.mode = 0100755;
    auto expected = build({.entries = {entry}});
    expected[30 + 9 + 2 + 4] = 20;  // "made by" names the version of the format too
    CHECK(detail::hex_encode(writer.finish()) == detail::hex_encode(expected));
}

TEST_CASE("zip: a path beyond ASCII is marked as UTF-8, an ASCII path is not") {
    const auto utf8 = written({{"\xc3\xa4", {}, 0644}}), ascii = written({{"a", {}, 0644}});
    const auto flags = [](const Bytes& zip, std::size_t at) { return zip.at(at) | zip.at(at + 1) << 8; };
    CHECK(flags(utf8, 6) == 1 << 11);
    CHECK(flags(utf8, 30 + 2 + 8) == 1 << 11);
    CHECK(flags(ascii, 6) == 0);
    CHECK(flags(ascii, 30 + 1 + 8) == 0);
}

TEST_CASE("zip: data are deflated only if that makes them smaller") {
    CHECK(written({{"f", prose(100'000), 0644}}).size() < 40'000);
    CHECK(written({{"f", noise(100'000), 0644}}).size() == 100'000 + 30 + 46 + 22 + 2);
    CHECK(written({{"f", {'a'}, 0644}}).size() == 1 + 30 + 46 + 22 + 2);
}

TEST_CASE("zip: the writer refuses paths that a reader would refuse") {
    ZipWriter writer;
    CHECK_FALSE(writer.add("../f", {}, 0644).has_value());
    CHECK_FALSE(writer.add("/f", {}, 0644).has_value());
    CHECK_FALSE(writer.add("d/", {}, 0644).has_value());
    REQUIRE(writer.add("a/b", {}, 0644).has_value());
    for (const std::string_view path : {"a/b", "a", "a/b/c"}) {
        CAPTURE(path);
        const auto added = writer.add(path, {}, 0644);
        REQUIRE_FALSE(added.has_value());
        CHECK(added.error().platform_code == "BAD_REQUEST");
    }
    CHECK(writer.add("a/bc", {}, 0644).has_value());
    CHECK(writer.add("a!", {}, 0644).has_value());  // sorts between "a" and "a/b"
    CHECK(read_zip(writer.finish()).has_value());
}

TEST_CASE("zip: foreign writers' deflate streams are read") {
    // The last three end on the last bit of a byte or shortly before it, where a reader must not ask for more.
    Bytes dynamic(200);
    for (std::size_t i = 0; i < dynamic.size(); ++i)
        dynamic[i] = static_cast<std::uint8_t>((i * i * 7 + i / 3) % 23 + 97);
    const std::pair<std::string_view, std::string> table[] = {
        {"0300", ""},
        {"010000ffff", ""},
        {"cb48cdc9c957c8409000", "hello hello hello"},
        {"010600f9ff73746f726564", "stored"},
        {"c5cc810dc0200800b05bd944200a6250787f67ac0714b847fa031656b0ce6e781be862b7974024df642e84a938e594570e93ed34ba3ba"
         "9"
         "c4d5d848f07ff201",
         std::string{dynamic.begin(), dynamic.end()}},
        {"3b0100", "\xc8"},
        {"3b71fedadd2700", "\xc8\xcf\xd6\xdd\xe4"},
        {"3b71fedadd27af3f0100", "\xc8\xcf\xd6\xdd\xe4\xeb\xf2"},
    };
    for (const auto& [stream, data] : table) {
        CAPTURE(stream);
        const auto zip = build({.entries = {test::deflated("f", *detail::hex_decode(stream), bytes_of(data))}});
        CHECK(outcome(read_zip(zip)) == "1 files f=" + detail::hex_encode(bytes_of(data)));
    }
}

TEST_CASE("zip: descriptors, directories, comments, extra fields and prefixes of known kinds are read") {
    auto plain = stored("a", "1");
    auto described = stored("b", "22");
    described.flags = 1U << 3;
    described.after = test::descriptor(described, true);
    described.local_crc = described.local_size = described.local_packed_size = 0;
    auto bare = stored("c", "333");
    bare.flags = 1U << 3;
    bare.after = test::descriptor(bare, false);
    auto extra = stored("d/e", "4444");
    extra.extra = {0x55, 0x54, 1, 0, 7};
    extra.comment = "a note";
    auto windows = stored("f", "5");
    windows.made_by = 0;
    windows.mode = 0;
    const auto zip =
        build({.entries = {plain, described, bare, test::directory("d/"), extra, windows}, .comment = "all"});
    CHECK(outcome(read_zip(zip)) == "5 files a=31 b=3232 c=333333 d/e=34343434 f=35");
    CHECK(outcome(read_zip(build(RawZip{}))) == "0 files");
    // A whole end record in the comment is not taken for the real one.
    const auto nested = build({.entries = {plain}, .comment = std::string{detail::text_of(build(RawZip{}))}});
    CHECK_FALSE(read_zip(nested).has_value());
}

TEST_CASE("zip: a mode counts only if Unix wrote it") {
    auto entry = stored("f", "1");
    entry.mode = 0100700;
    for (const auto& [host, mode] : {std::pair{3U, 0755U}, {19U, 0755U}, {0U, 0644U}, {11U, 0644U}}) {
        CAPTURE(host);
        entry.made_by = static_cast<std::uint16_t>(host << 8 | 20U);
        const auto files = read_zip(build({.entries = {entry}}));
        REQUIRE(files.has_value());
        CHECK(files->at(0).mode == mode);
    }
}

TEST_CASE("zip: each path that could lead elsewhere is refused with its reason") {
    using namespace std::string_view_literals;
    const std::pair<std::string_view, std::string_view> table[] = {
        {""sv, "it is empty"},
        {"/"sv, "it is absolute"},
        {"/etc/passwd"sv, "it is absolute"},
        {"//x"sv, "it is absolute"},
        {"C:x"sv, "a drive letter"},
        {"c:/x"sv, "a drive letter"},
        {"Z:"sv, "a drive letter"},
        {".."sv, "a '..' segment"},
        {"../x"sv, "a '..' segment"},
        {"a/../x"sv, "a '..' segment"},
        {"a/.."sv, "a '..' segment"},
        {"."sv, "a '.' segment"},
        {"./x"sv, "a '.' segment"},
        {"a/./x"sv, "a '.' segment"},
        {"a//x"sv, "an empty segment"},
        {"a\\x"sv, "a backslash"},
        {"..\\x"sv, "a backslash"},
        {"a\0b"sv, "a NUL"},
        {"\0"sv, "a NUL"},
        {"\xff\xfe"sv, "not UTF-8"},
        {"\xc0\xae\xc0\xae/x"sv, "not UTF-8"},  // ".." in an overlong form
        {"\xed\xa0\x80"sv, "not UTF-8"},
        {"\xc3"sv, "not UTF-8"},
    };
    for (const auto& [path, why] : table) {
        CAPTURE(path);
        CHECK(package_path_problem(path).find(why) != std::string_view::npos);
        for (const std::string_view end : {"", "/"}) {  // as a file and as a directory
            if (path.ends_with('/') || (path.empty() && !end.empty())) continue;
            const auto files = read_zip(build({.entries = {stored(std::string{path} + std::string{end}, "")}}));
            REQUIRE_FALSE(files.has_value());
            CHECK(files.error().message.find(why) != std::string::npos);
            CHECK((files.error().code == errc::invalid_configuration));
            CHECK(files.error().platform_code == "BAD_REQUEST");
        }
    }
    const std::string deep = [] {
        std::string path = "x";
        for (int i = 0; i < 64; ++i) path += "/x";
        return path;
    }();
    CHECK(package_path_problem(deep).find("64 segments") != std::string_view::npos);
    CHECK(package_path_problem(deep.substr(2)).empty());
    CHECK(package_path_problem(std::string(256, 'x')).find("255 bytes") != std::string_view::npos);
    CHECK(package_path_problem(std::string(255, 'x')).empty());
    std::string longest(1024, 'x');
    for (std::size_t i = 100; i < longest.size(); i += 100) longest[i] = '/';
    CHECK(package_path_problem(longest).empty());
    CHECK(package_path_problem(longest + 'x').find("1024 bytes") != std::string_view::npos);
    for (const std::string_view path :
         {"a", "a/b", "...", ".a", "a..", "..a/b", "aa:b", "a/b:c", "1:b", "a b", "\xf0\x9f\x98\x80"}) {
        CAPTURE(path);
        CHECK(package_path_problem(path).empty());
    }
}

TEST_CASE("H3: .. in a package path is refused") {
    auto trap = stored("harmless", "1");
    trap.local_name = "../../x";  // the directory is believed, and the header must agree with it
    CHECK_FALSE(read_zip(build({.entries = {trap}})).has_value());
    trap.name = "../../x";
    const auto files = read_zip(build({.entries = {trap}}));
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().message.find("'../../x'") != std::string::npos);
    CHECK(files.error().message.find("'..' segment") != std::string::npos);
}

TEST_CASE("zip: every malformed archive is refused with its reason") {
    const auto good = stored("a", "some data");
    const auto with = [&](auto change) {
        auto entry = good;
        change(entry);
        return RawZip{.entries = {entry}};
    };
    const auto of_mode = [&](std::uint32_t mode) { return with([&](RawEntry& e) { e.mode = mode; }); };
    const auto flagged = [&](unsigned bit) {
        return with([&](RawEntry& e) { e.flags = static_cast<std::uint16_t>(1U << bit); });
    };
    const auto of_method = [&](std::uint16_t m) { return with([&](RawEntry& e) { e.method = m; }); };
    const auto described = [&](auto change) {
        return with([&](RawEntry& e) {
            e.flags = 1U << 3;
            e.after = test::descriptor(e, true);
            change(e);
        });
    };
    const auto run = test::run_of_a(40);
    const Bytes run_data(1 + 40 * 258, 'a');
    const auto packed = [&](auto change) {
        auto entry = test::deflated("a", run, run_data);
        change(entry);
        return RawZip{.entries = {entry}};
    };

    const std::pair<RawZip, std::string_view> table[] = {
        {of_mode(0120777), "symbolic link"},
        {of_mode(0020644), "device, pipe or socket"},
        {of_mode(0060644), "device, pipe or socket"},
        {of_mode(0010644), "device, pipe or socket"},
        {of_mode(0140644), "device, pipe or socket"},
        {of_mode(0040755), "not named as one"},
        {with([](RawEntry& e) { e.mode = 0120777, e.made_by = 0; }), "symbolic link"},
        {{.entries = {[] {
              auto e = test::directory("d/");
              e.mode = 0100644;
              return e;
          }()}},
         "named as a directory"},
        {{.entries = {[] {
              auto e = stored("d/", "data");
              e.mode = 0040755;
              return e;
          }()}},
         "a directory with data"},
        {{.entries = {good, good}}, "twice"},
        {{.entries = {good, stored("a/b", "")}}, "below what is a file"},
        {{.entries = {stored("a/b", ""), good}}, "a file and a directory at once"},
        {{.entries = {stored("a/b/c", ""), good}}, "a file and a directory at once"},
        {{.entries = {good, test::directory("a/")}}, "a file and a directory at once"},
        {{.entries = {test::directory("a/"), good}}, "a file and a directory at once"},
        {{.entries = {test::directory("d/"), test::directory("d/")}}, "twice"},
        {flagged(0), "encrypted"},
        {flagged(6), "encrypted"},
        {flagged(13), "encrypted"},
        {flagged(5), "patch data"},
        {of_method(1), "method 1"},
        {of_method(9), "method 9"},
        {of_method(12), "method 12"},
        {of_method(99), "method 99"},
        {with([](RawEntry& e) { e.size = 10; }), "claims 10 bytes packed into 9"},
        {with([](RawEntry& e) { e.size = 8; }), "claims 8 bytes"},
        {with([](RawEntry& e) { e.packed_size = e.size = 1000; }), "longer than the archive"},
        {with([](RawEntry& e) { e.packed_size = e.size = 0x7fffffff; }), "unpacks to more than"},
        {with([](RawEntry& e) { e.crc ^= 1; }), "CRC-32"},
        {with([](RawEntry& e) { e.local_crc = 1; }), "another CRC"},
        {with([](RawEntry& e) { e.local_size = 1; }), "other sizes"},
        {with([](RawEntry& e) { e.local_packed_size = 1; }), "other sizes"},
        {with([](RawEntry& e) { e.local_size = 0; }), "other sizes"},
        {with([](RawEntry& e) { e.local_name = "b"; }), "another name"},
        {with([](RawEntry& e) { e.local_name = "ab"; }), "another name"},
        {with([](RawEntry& e) { e.local_method = 8; }), "another method"},
        {with([](RawEntry& e) { e.local_flags = 1; }), "other flags"},
        {with([](RawEntry& e) { e.local_flags = 8; }), "other flags"},
        {with([](RawEntry& e) { e.local_signature = 0x04034b51; }), "no header where"},
        {with([](RawEntry& e) { e.header_at = 1; }), "bytes before it"},
        {with([](RawEntry& e) { e.header_at = 0x7fffffff; }), "bytes before it"},
        {with([](RawEntry& e) { e.disk = 1; }), "split archive"},
        {with([](RawEntry& e) { e.after = {0}; }), "belong to no entry"},
        {with([](RawEntry& e) { e.packed_size = 0xffffffff; }), "zip64"},
        {with([](RawEntry& e) { e.size = 0xffffffff; }), "zip64"},
        {with([](RawEntry& e) { e.header_at = 0xffffffff; }), "zip64"},
        {with([](RawEntry& e) { e.local_size = e.local_packed_size = 0xffffffff; }), "zip64"},
        {described([](RawEntry& e) { e.after = {}; }), "data descriptor"},
        {described([](RawEntry& e) { e.after[4] ^= 1; }), "data descriptor"},
        {described([](RawEntry& e) { e.after[8] ^= 1; }), "data descriptor"},
        {described([](RawEntry& e) { e.after[12] ^= 1; }), "data descriptor"},
        {described([](RawEntry& e) { e.local_size = 3; }), "other sizes"},
        {{.entries = {good,
                      [&] {
                          auto e = stored("b", "some data");
                          e.header_at = 0;
                          e.local_name = "a";
                          e.listed_only = true;
                          return e;
                      }()}},
         "overlaps"},
        {{.entries = {with([](RawEntry& e) { e.packed_size = e.size = 20; }).entries[0],
                      stored("b", std::string(80, 'x'))}},
         "overlaps"},
        {{.entries = {good}, .before = {0}}, "bytes before it"},
        {{.entries = {with([](RawEntry& e) { e.header_at = 0; }).entries[0]}, .before = {0}}, "no header where"},
        {{.entries = {with([](RawEntry& e) { e.header_at = 2; }).entries[0]}, .before = {0, 0}}, "bytes before it"},
        {{.entries = {good}, .before_directory = {0}}, "belong to no entry"},
        {{.entries = {good}, .before_end = {0}}, "does not reach"},
        {{.entries = {good}, .after_end = {0}}, "bytes follow its end record"},
        {{.entries = {good}, .comment_bytes = 1}, "bytes follow its end record"},
        {{.entries = {good}, .disk = 1}, "split archive"},
        {{.entries = {good}, .count_here = 0}, "split archive"},
        {{.entries = {good}, .count = 0}, "more than the end record counts"},
        {{.entries = {good}, .count = 2}, "damaged at entry 2"},
        {{.entries = {good}, .count = 10'001}, "10001 entries"},
        {{.entries = {good}, .count = 65'535}, "65535 entries"},
        {{.entries = {good}, .directory_bytes = 1}, "does not reach"},
        {{.entries = {good}, .directory_at = 0}, "does not reach"},
        {{.entries = {good}, .directory_at = 0xffffffff}, "zip64"},
        {{.entries = {good}, .directory_bytes = 0xffffffff}, "zip64"},
        {packed([](RawEntry& e) { e.size = 5; }), "more than the 5 bytes"},
        {packed([](RawEntry& e) { e.size -= 1; }), "unpacks to more than"},
        {packed([](RawEntry& e) { e.size += 1; }), "the directory says"},
        {packed([](RawEntry& e) { e.size = 1'000'000; }), "its method cannot do"},
        {packed([](RawEntry& e) { e.crc ^= 0x80000000; }), "CRC-32"},
        {packed([](RawEntry& e) { e.packed.push_back(0); }), "bytes behind its deflate stream"},
        {packed([](RawEntry& e) { e.packed.pop_back(); }), "cut off"},
        {packed([](RawEntry& e) { e.packed.resize(20); }), "cut off"},
        {packed([](RawEntry& e) { e.packed[0] |= 6; }), "damaged deflate stream"},
        {packed([](RawEntry& e) { e.packed = {}, e.size = 0; }), "deflate stream"},
    };
    REQUIRE(read_zip(build({.entries = {good}})).has_value());
    REQUIRE(read_zip(build(packed([](RawEntry&) {}))).has_value());
    REQUIRE(read_zip(build(described([](RawEntry&) {}))).has_value());
    for (const auto& [zip, why] : table) {
        CAPTURE(why);
        const auto files = read_zip(build(zip));
        REQUIRE_FALSE(files.has_value());
        CHECK_MESSAGE(files.error().message.find(why) != std::string::npos, files.error().message);
        CHECK((files.error().code == errc::invalid_configuration));
        CHECK((files.error().execution == Execution::not_started));
        const bool large = why == "unpacks to more than" && zip.entries[0].method == 0;
        CHECK(files.error().platform_code == (large ? "TOO_LARGE" : "BAD_REQUEST"));
    }
    const auto none = read_zip(bytes_of("this is a text and no archive at all"));
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().message.find("no zip archive") != std::string::npos);
    CHECK_FALSE(read_zip({}).has_value());
}

TEST_CASE("zip: a zip64 locator is refused by name") {
    const auto good = stored("a", "1");
    Bytes locator(20);
    std::copy_n(std::begin({std::uint8_t{'P'}, std::uint8_t{'K'}, std::uint8_t{6}, std::uint8_t{7}}), 4,
                locator.begin());
    const auto files = read_zip(build({.entries = {good}, .before_end = locator, .count = 0xffff}));
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().message.find("zip64") != std::string::npos);
}

TEST_CASE("zip: sizes at the limits pass and one more is too large") {
    const auto zip = build({.entries = {stored("a", "12345"), stored("b", "67890")}});
    const ZipLimits exact{.compressed_bytes = zip.size(), .unpacked_bytes = 10, .entries = 2};
    CHECK(read_zip(zip, exact).has_value());
    auto less = exact;
    less.compressed_bytes -= 1;
    auto files = read_zip(zip, less);
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().platform_code == "TOO_LARGE");
    less = exact;
    less.unpacked_bytes -= 1;
    files = read_zip(zip, less);
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().platform_code == "TOO_LARGE");
    less = exact;
    less.entries -= 1;
    files = read_zip(zip, less);
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().platform_code == "BAD_REQUEST");
}

TEST_CASE("zip: 10,000 entries are taken, 10,001 are not") {
    std::vector<ZipFile> files;
    for (int i = 0; i < 10'000; ++i) files.push_back({std::to_string(i), {}, 0644});
    auto back = read_zip(written(files));
    REQUIRE(back.has_value());
    CHECK(back->size() == 10'000);
    files.push_back({"one more", {}, 0644});
    back = read_zip(written(files));
    REQUIRE_FALSE(back.has_value());
    CHECK(back.error().message.find("10001 entries") != std::string::npos);
}

TEST_CASE("zip: paths cannot bring more directories than entries are allowed") {
    RawZip zip;
    for (int i = 0; i < 3; ++i) zip.entries.push_back(stored(std::to_string(i) + "/a/b/c", ""));
    CHECK(read_zip(build(zip), {.entries = 9}).has_value());
    CHECK_FALSE(read_zip(build(zip), {.entries = 8}).has_value());
}

TEST_CASE("zip: a bomb is stopped at the size it claims, or refused for it") {
    const auto stream = test::run_of_a(20'000);  // 5 MB out of 33 KB
    auto bomb = test::deflated("bomb", stream, {});
    bomb.size = 1'000;
    auto files = read_zip(build({.entries = {bomb}}), {.unpacked_bytes = 1U << 20});
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().message.find("more than the 1000 bytes") != std::string::npos);
    bomb.size = 1 + 20'000 * 258;
    files = read_zip(build({.entries = {bomb}}), {.unpacked_bytes = 1U << 20});
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().platform_code == "TOO_LARGE");
    // Many entries that share one stream, each within the limit.
    RawZip quoted{.entries = {bomb}};
    for (int i = 0; i < 50; ++i) {
        auto again = bomb;
        again.name = std::to_string(i);
        again.local_name = "bomb";
        again.header_at = 0;
        again.listed_only = true;
        quoted.entries.push_back(again);
    }
    files = read_zip(build(quoted));
    REQUIRE_FALSE(files.has_value());
}

TEST_CASE("zip: names in messages are quoted, escaped and cut") {
    auto entry = stored("a\n\x1b[2J\"../", "");
    entry.method = 77;
    auto files = read_zip(build({.entries = {entry}}));
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().message.find("'a\\x0a\\x1b[2J\"../'") != std::string::npos);
    entry.name = std::string(60'000, 'y');
    files = read_zip(build({.entries = {entry}}));
    REQUIRE_FALSE(files.has_value());
    CHECK(files.error().message.size() < 300);
}

TEST_CASE("zip: an archive cut at any byte is refused") {
    const auto described = [] {
        auto e = stored("b", "22");
        e.flags = 1U << 3;
        e.after = test::descriptor(e, true);
        return e;
    }();
    for (const auto& zip : {written({{"bootstrap", prose(200), 0755}, {"d/e", noise(20), 0644}}),
                            build({.entries = {test::directory("d/"), described}, .comment = "note"})}) {
        REQUIRE(read_zip(zip).has_value());
        for (std::size_t size = 0; size < zip.size(); ++size) {
            CAPTURE(size);
            // A copy of exactly that size, so that reading beyond it is seen by the sanitizer.
            const Bytes cut{zip.begin(), zip.begin() + static_cast<std::ptrdiff_t>(size)};
            CHECK_FALSE(read_zip(cut).has_value());
        }
    }
}

TEST_CASE("zip: no changed byte crashes the reader, and none changes what is read unnoticed") {
    const std::vector<ZipFile> files{{"bootstrap", prose(120), 0755}, {"d/e", noise(20), 0644}};
    const auto zip = written(files);
    const auto right = read_zip(zip);
    REQUIRE(right.has_value());
    for (std::size_t at = 0; at < zip.size(); ++at) {
        for (int value = 0; value < 256; ++value) {
            auto changed = zip;
            changed[at] = static_cast<std::uint8_t>(value);
            const auto read = read_zip(changed);
            if (!read) continue;
            // What may differ is the executable bit, which nothing protects.
            bool same = read->size() == right->size();
            for (std::size_t i = 0; same && i < read->size(); ++i)
                same = (*read)[i].path == (*right)[i].path && (*read)[i].data == (*right)[i].data;
            if (!same) FAIL_CHECK("byte " << at << " set to " << value << " changes the contents");
        }
    }
}

}  // namespace zip_test
