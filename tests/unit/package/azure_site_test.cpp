#include "blueprint/faas/package/azure_site.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/package/package.hpp"
#include "support/elf_image.hpp"
#include "support/run.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace azure_site_test {

using namespace blueprint::faas;
using namespace blueprint::faas::detail;
using namespace std::chrono_literals;
using tests::failed;
using tests::ok;

namespace {

Package program(std::string code, std::vector<ZipFile> beside = {}) {
    test::ElfImage image;
    image.code = "program " + std::move(code);
    PackageOptions options;
    options.architecture = Architecture::x86_64;
    options.extra_files = std::move(beside);
    return ok(Package::from_binary(test::build(image), options));
}
AzureManifestJob job_of(const Package& package) {
    AzureManifestJob job;
    job.package_sha256 = package.sha256();
    job.timeout = 60s;
    job.binary_bytes = package.binary_size_bytes();
    return job;
}
AzurePackages packages_of(const std::vector<Package>& all) {
    AzurePackages out;
    for (const auto& one : all) out.emplace(one.sha256(), one.zip());
    return out;
}

// What the central directory of a zip says of each file, read without the library's own reader.
struct Attributes {
    std::uint32_t made_by = 0;  // the upper byte: 3 is Unix
    std::uint32_t mode = 0;     // type and permission bits
};
std::map<std::string, Attributes> attributes_in(const Bytes& zip) {
    const auto number = [&](std::size_t at, std::size_t bytes) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) value |= std::uint32_t{zip.at(at + i)} << (8 * i);
        return value;
    };
    REQUIRE(zip.size() > 22);
    const auto end = zip.size() - 22;
    REQUIRE(number(end, 4) == 0x06054b50);
    std::map<std::string, Attributes> out;
    std::size_t at = number(end + 16, 4);
    for (auto left = number(end + 10, 2); left > 0; --left) {
        REQUIRE(number(at, 4) == 0x02014b50);
        const auto name_bytes = number(at + 28, 2);
        const std::string name{zip.begin() + static_cast<std::ptrdiff_t>(at + 46),
                               zip.begin() + static_cast<std::ptrdiff_t>(at + 46 + name_bytes)};
        out[name] = Attributes{number(at + 5, 1), number(at + 38, 4) >> 16U};
        at += 46 + name_bytes + number(at + 30, 2) + number(at + 32, 2);
    }
    return out;
}
std::string text_in(const Bytes& zip, std::string_view path) {
    for (const auto& file : ok(read_zip(zip)))
        if (file.path == path) return {file.data.begin(), file.data.end()};
    return "no such file";
}

const std::string digits64(64, 'a');

}  // namespace

TEST_CASE("azure: a manifest has one text, with the jobs in the order of their numbers") {
    AzureManifest manifest;
    AzureManifestJob job;
    job.package_sha256 = digits64;
    job.timeout = 60s;
    job.env = {"B", "A"};
    job.binary_bytes = 7;
    ok(add_azure_job(manifest, 10, job));
    job.memory_mib = 2048;
    job.keep_warm = 1;
    job.max_concurrency = 40;
    ok(add_azure_job(manifest, 2, job));
    const auto program = std::string(16, 'a');
    const std::string common = "\"program\":\"" + program + "\",\"package\":\"" + digits64 + "\",\"memory_mib\":";
    const auto text = to_text(manifest);
    CHECK(text == "{\"version\":1,\"front\":\"" + program + "\",\"jobs\":{\"2\":{" + common +
                      "2048,\"timeout_s\":60,\"keep_warm\":1,\"max_concurrency\":40,\"env\":[\"A\",\"B\"],"
                      "\"binary_bytes\":7},\"10\":{" +
                      common +
                      "512,\"timeout_s\":60,\"keep_warm\":0,\"max_concurrency\":0,\"env\":[\"A\",\"B\"],"
                      "\"binary_bytes\":7}}}");
    const auto read = ok(read_azure_manifest(text));
    CHECK(read == manifest);
    CHECK(azure_site_digest(read) == sha256_hex(bytes_of(text)));
}

TEST_CASE("azure: a manifest that is not as it is written is refused, and a newer one is told") {
    AzureManifest manifest;
    AzureManifestJob job;
    job.package_sha256 = digits64;
    job.timeout = 60s;
    ok(add_azure_job(manifest, 0, job));
    const auto text = to_text(manifest);
    CHECK(ok(read_azure_manifest(R"({"version":1,"front":"","jobs":{},"more":1})")) == AzureManifest{});
    const auto changed = [&](std::string_view from, std::string_view to) {
        auto other = text;
        const auto at = other.find(from);
        REQUIRE(at != std::string::npos);
        return other.replace(at, from.size(), to);
    };
    for (const auto& wrong :
         {std::string{}, std::string{"[]"}, changed("\"version\":1,", ""), changed("\"front\":\"a", "\"front\":\"b"),
          changed("\"0\":", "\"00\":"), changed("\"0\":", "\"-1\":"), changed("\"0\":", "\"4294967296\":"),
          changed("\"package\":\"a", "\"package\":\"A"), changed("\"program\":\"a", "\"program\":\"b"),
          changed("\"env\":[]", "\"env\":[1]"), changed("\"timeout_s\":60", "\"timeout_s\":-1"),
          changed("\"memory_mib\":512,", "")}) {
        CAPTURE(wrong);
        CHECK(failed(read_azure_manifest(wrong)).code == errc::serialization);
    }
    CHECK(failed(read_azure_manifest(changed("\"version\":1", "\"version\":2"))).code == errc::unsupported);
}

TEST_CASE("Z7: a job that is deployed leaves the others in, and the host starts the one that was deployed last") {
    const auto first = program("1"), second = program("2");
    AzureManifest manifest;
    ok(add_azure_job(manifest, 0, job_of(first)));
    ok(add_azure_job(manifest, 1, job_of(second)));
    CHECK(manifest.front == second.sha256().substr(0, 16));
    const auto zip = ok(azure_site_zip(manifest, packages_of({first, second})));
    for (const auto& one : {first, second})
        CHECK(has_file(ok(read_zip(zip)), "programs/" + one.sha256().substr(0, 16) + "/bootstrap"));
    // The same again changes nothing, and so does not the program that is started.
    const auto before = to_text(manifest);
    ok(add_azure_job(manifest, 0, job_of(first)));
    CHECK(to_text(manifest) == before);
    auto slower = job_of(first);
    slower.timeout = 200s;
    ok(add_azure_job(manifest, 0, slower));
    CHECK(manifest.front == first.sha256().substr(0, 16));
    CHECK(manifest.jobs.size() == 2);

    CHECK(remove_azure_job(manifest, 0));
    CHECK(manifest.front == second.sha256().substr(0, 16));
    CHECK_FALSE(remove_azure_job(manifest, 0));
    CHECK(remove_azure_job(manifest, 1));
    CHECK(manifest == AzureManifest{});
}

TEST_CASE("Z6: host.json starts the program from the app's root on, and has requests forwarded as they are") {
    const auto first = program("1"), second = program("2");
    AzureManifest manifest;
    auto longer = job_of(first);
    longer.timeout = 230s;
    ok(add_azure_job(manifest, 0, longer));
    ok(add_azure_job(manifest, 1, job_of(second)));
    const auto zip = ok(azure_site_zip(manifest, packages_of({first, second})));
    const auto host = boost::json::parse(text_in(zip, "host.json"));
    CHECK(host.at("version").as_string() == "2.0");
    CHECK(host.at("functionTimeout").as_string() == "00:03:50");
    CHECK(host.at("extensions").at("http").at("routePrefix").as_string() == "api");
    const auto& handler = host.at("customHandler");
    CHECK(handler.at("enableForwardingHttpRequest").as_bool());
    const auto folder = "programs/" + second.sha256().substr(0, 16);
    CHECK(handler.at("description").at("workingDirectory").as_string() == folder);
    CHECK(handler.at("description").at("defaultExecutablePath").as_string() == folder + "/bootstrap");
    CHECK(has_file(ok(read_zip(zip)), folder + "/bootstrap"));

    const auto function = boost::json::parse(text_in(zip, "run/function.json"));
    const auto& in = function.at("bindings").at(0);
    CHECK(in.at("type").as_string() == "httpTrigger");
    CHECK(in.at("authLevel").as_string() == "function");
    CHECK(in.at("route").as_string() == "run");
    CHECK(in.at("methods") == boost::json::parse(R"(["get","post"])"));
    CHECK(function.at("bindings").at(1).at("direction").as_string() == "out");
    CHECK(text_in(zip, "blueprint.json") == to_text(manifest));
    CHECK(text_in(zip, "blueprint.sha256") == azure_site_digest(manifest));
}

TEST_CASE("Azure pitfall 1: all files are made by Unix, and programs are executable") {
    const auto package = program("1", {{.path = "bin/tool", .data = {1}, .mode = 0755}, {.path = "data", .data = {2}}});
    AzureManifest manifest;
    ok(add_azure_job(manifest, 0, job_of(package)));
    const auto all = attributes_in(ok(azure_site_zip(manifest, packages_of({package}))));
    const auto folder = "programs/" + package.sha256().substr(0, 16);
    CHECK(all.size() == 7);
    for (const auto& [name, one] : all) {
        CAPTURE(name);
        CHECK(one.made_by == 3);
        const bool executable = name.ends_with("/bootstrap") || name.ends_with("/bin/tool");
        CHECK(one.mode == (executable ? 0100755U : 0100644U));
    }
    CHECK(all.contains(folder + "/bin/tool"));
}

TEST_CASE("Azure pitfall 2: a program of a foreign zip is executable in the site, where nothing can be changed") {
    ZipWriter writer;
    const auto binary = test::build(test::ElfImage{});
    ok(writer.add("bootstrap", binary, 0644));  // as tools write that know nothing of modes
    const auto package = ok(Package::from_zip(writer.finish()));
    AzureManifest manifest;
    ok(add_azure_job(manifest, 0, job_of(package)));
    const auto all = attributes_in(ok(azure_site_zip(manifest, packages_of({package}))));
    CHECK(all.at("programs/" + package.sha256().substr(0, 16) + "/bootstrap").mode == 0100755U);
}

TEST_CASE("Azure pitfall 3: host.json and what else is read can be read by everybody") {
    const auto package = program("1", {{.path = "private", .data = {1}, .mode = 0600}});
    AzureManifest manifest;
    ok(add_azure_job(manifest, 0, job_of(package)));
    const auto all = attributes_in(ok(azure_site_zip(manifest, packages_of({package}))));
    CHECK(all.at("host.json").mode == 0100644U);
    CHECK(all.at("run/function.json").mode == 0100644U);
    CHECK(all.at("programs/" + package.sha256().substr(0, 16) + "/private").mode == 0100644U);
}

TEST_CASE("Azure pitfall 8: a site holds what a custom handler needs, and no directory of another kind of app") {
    const auto package = program("1", {});
    AzureManifest manifest;
    ok(add_azure_job(manifest, 0, job_of(package)));
    const auto all = attributes_in(ok(azure_site_zip(manifest, packages_of({package}))));
    const auto programs = "programs/" + package.sha256().substr(0, 16) + "/bootstrap";
    const std::set<std::string> wanted{"blueprint.json", "blueprint.sha256", "host.json", programs,
                                       "run/function.json"};
    std::set<std::string> there;
    for (const auto& [path, file] : all) there.insert(path);
    CHECK(there == wanted);
}

TEST_CASE("azure: the same jobs give the same site, and a package that two share stands in it once") {
    const auto first = program("1"), second = program("2");
    AzureManifest one, other;
    ok(add_azure_job(one, 0, job_of(first)));
    ok(add_azure_job(one, 1, job_of(first)));
    ok(add_azure_job(one, 2, job_of(second)));
    ok(add_azure_job(other, 1, job_of(first)));
    ok(add_azure_job(other, 0, job_of(first)));
    ok(add_azure_job(other, 2, job_of(second)));
    const auto zip = ok(azure_site_zip(one, packages_of({first, second})));
    CHECK(zip == ok(azure_site_zip(other, packages_of({second, first}))));
    CHECK(ok(read_zip(zip)).size() == 6);
}

TEST_CASE("azure: a site without jobs has a host and nothing to run") {
    const auto zip = ok(azure_site_zip(AzureManifest{}, {}));
    const auto all = attributes_in(zip);
    CHECK(all.size() == 3);
    CHECK_FALSE(all.contains("run/function.json"));
    CHECK_FALSE(boost::json::parse(text_in(zip, "host.json")).as_object().contains("customHandler"));
}

TEST_CASE("azure: a site that cannot be made is refused before anything is sent") {
    const auto first = program("1"), second = program("2");
    AzureManifest manifest;
    ok(add_azure_job(manifest, 0, job_of(first)));
    const auto gone = failed(azure_site_zip(manifest, packages_of({second})));
    CHECK(gone.message.find("is not there") != std::string::npos);
    AzurePackages swapped{{first.sha256(), second.zip()}};
    CHECK(failed(azure_site_zip(manifest, swapped)).message.find("another one") != std::string::npos);
    const auto large = failed(azure_site_zip(manifest, packages_of({first}), 100));
    CHECK(large.platform_code == "TOO_LARGE");
    CHECK(large.message.find("at most 100") != std::string::npos);
    // Two packages whose folders would be one.
    auto alike = job_of(first);
    alike.package_sha256.back() = alike.package_sha256.back() == '0' ? '1' : '0';
    CHECK(failed(add_azure_job(manifest, 1, alike)).code == errc::conflict);
    CHECK(manifest.jobs.size() == 1);
}

TEST_CASE("azure: a package that the host could not start is refused") {
    ok(check_azure_package(program("1")));
    PackageOptions options;
    options.architecture = Architecture::aarch64;
    test::ElfImage arm;
    arm.machine = 183;
    const auto error = failed(check_azure_package(ok(Package::from_binary(test::build(arm), options))));
    CHECK(error.message.find("aarch64") != std::string::npos);
    const std::string script = "#!/bin/sh\n", neither = "text";
    options.allow_script = true;
    ok(check_azure_package(ok(Package::from_binary(bytes_of(script), options))));
    for (const auto* name : {"bootstrap", "other"}) {
        ZipWriter writer;
        ok(writer.add(name, bytes_of(neither), 0755));
        CHECK(failed(check_azure_package(ok(Package::from_zip(writer.finish())))).code == errc::invalid_configuration);
    }
}

}  // namespace azure_site_test
