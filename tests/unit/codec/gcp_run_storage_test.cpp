#include "blueprint/faas/codec/gcp_storage.hpp"
#include "blueprint/faas/codec/impl/gcp_package_upload.hpp"
#include "gcp_run_fixture.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gcp_run_storage_test {

using namespace blueprint::faas;
using detail::GoogleStorage;
using tests::CloudRun;
using tests::count;
using tests::failed;
using tests::FakeRun;
using tests::google_options;
using tests::ok;
using tests::program;
using tests::run;
using tests::run_options;
using tests::says;

namespace {

using L = Link<tests::FakeGcpTransport, tests::TwoTokens, StandardResilience>;

Bytes noise(std::size_t size) {
    Bytes data(size);
    std::uint32_t state = 7;
    for (auto& byte : data) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
    return data;
}

// A bucket in memory, and uploads of 700,000 bytes in pieces of 256 KiB: three.
struct Bucket {
    explicit Bucket(const std::string& name = {}) : storage{api, name} {
        storage.set_piece_bytes(256U << 10U);
        if (name.empty()) fake->storage.buckets["blueprint-p-europe-west1"];
    }
    result<void> upload() {
        L link{transport, auth, resilience, Deadline::max(), world};
        detail::GoogleExchanges<L> exchanges{api, calls, link, JobId{0U}, observer};
        detail::GooglePackageUpload<L> upload{exchanges, storage};
        return run(io, upload.run("o/1", archive));
    }
    bool whole() const { return bytes() == std::string{detail::text_of(*archive)}; }
    std::string bytes() const {
        const auto& objects = fake->storage.buckets.at(storage.bucket());
        return objects.contains("o/1") ? objects.at("o/1") : std::string{};
    }

    boost::asio::io_context io{};
    std::shared_ptr<FakeRun> fake = std::make_shared<FakeRun>();
    tests::FakeGcpTransport transport{io.get_executor(), fake, {}};
    tests::TwoTokens auth{};
    StandardResilience resilience{{.max_attempts = 3, .first_delay = {}, .first_throttled_delay = {}}};
    tests::OneSecond world{};
    detail::GoogleApi api{google_options()};
    detail::GoogleCalls calls{google_options()};
    std::vector<DeployProgress> told{};
    DeployObserver observer = [this](const DeployProgress& progress) { told.push_back(progress); };
    GoogleStorage storage;
    std::shared_ptr<const Bytes> archive = std::make_shared<const Bytes>(noise(700'000));
};

std::string own_name(std::string prefix, std::string project) {
    auto options = google_options();
    options.prefix = std::move(prefix);
    options.project = std::move(project);
    const detail::GoogleApi api{options};
    return GoogleStorage{api, {}}.bucket();
}

}  // namespace

TEST_CASE("google storage: a large package goes in pieces, whose address carries no credential (GCP pitfall 7)") {
    Bucket bucket;
    ok(bucket.upload());
    CHECK(bucket.whole());
    CHECK((bucket.fake->storage.uploads == std::vector<std::string>{"resumable"}));
    CHECK(count(bucket.fake->lines, "PUT ") == 3);
    CHECK(bucket.told.back().bytes_sent == 700'000);
    CHECK(bucket.told.back().bytes_total == 700'000);
    bucket.archive = std::make_shared<const Bytes>(noise(256U << 10U));
    ok(bucket.upload());
    CHECK(bucket.whole());
    CHECK(bucket.fake->storage.uploads.back() == "media");
}

TEST_CASE("google storage: an upload goes on from where Google is, whatever was lost") {
    for (const int piece : {1, 2, 3}) {
        CAPTURE(piece);
        Bucket lost;
        lost.fake->storage.lost_pieces = {piece};
        ok(lost.upload());
        CHECK(lost.whole());
        CHECK(count(lost.fake->lines, "PUT ") == 4);

        // More failures than the link tries: Google is asked how far it is.
        Bucket failing;
        failing.fake->storage.failing_pieces = {piece, piece + 1, piece + 2};
        ok(failing.upload());
        CHECK(failing.whole());

        Bucket forgotten;
        forgotten.fake->storage.forgetting_pieces = {piece};
        ok(forgotten.upload());
        CHECK(forgotten.whole());
        CHECK(forgotten.fake->storage.uploads.size() == 2);
    }
}

TEST_CASE("google storage: an upload that does not go on ends, and what was begun is given up") {
    Bucket stuck;
    for (int i = 1; i < 100; ++i) stuck.fake->storage.lost_pieces.insert(i);
    const auto error = failed(stuck.upload());
    CHECK(error.code == errc::infrastructure);
    CHECK(says(error, "does not go on after 0 bytes"));
    CHECK(count(stuck.fake->lines, "PUT ") == 4);
    CHECK(stuck.fake->lines.back().starts_with("DELETE "));
    Bucket forgetful;
    for (int i = 1; i < 100; ++i) forgetful.fake->storage.forgetting_pieces.insert(i);
    CHECK(failed(forgetful.upload()).http_status == 410);
    CHECK(forgetful.fake->storage.uploads.size() == 2);
}

TEST_CASE("google storage: an upload fails or succeeds with each of its requests") {
    using Fault = tests::FakeGcp::Fault;
    for (const auto fault : {Fault::refused, Fault::lost})
        for (std::size_t n = 1; n <= 5; ++n) {
            CAPTURE(n);
            CAPTURE(fault == Fault::lost);
            Bucket bucket;
            bucket.fake->fault_at = n;
            bucket.fake->fault = fault;
            const auto done = bucket.upload();
            if (fault == Fault::lost) CHECK(done.has_value());
            if (fault == Fault::refused) CHECK(failed(done).http_status == 403);
            if (done) CHECK(bucket.whole());
            ok(bucket.upload());
            CHECK(bucket.whole());
        }
}

TEST_CASE("google storage: an upload that leads elsewhere is not followed") {
    for (const std::string origin : {"https://storage.googleapis.com.example.com", "http://storage.googleapis.com",
                                     "https://storage.googleapis.com:8443", "no address"}) {
        CAPTURE(origin);
        Bucket bucket;
        bucket.fake->storage.session_origin = origin;
        CHECK(failed(bucket.upload()).code == errc::serialization);
        CHECK(count(bucket.fake->lines, "PUT ") == 0);
    }
}

TEST_CASE("google storage: a bucket that is somebody else's gets no package") {
    CloudRun cloud;
    cloud.fake->storage.foreign.insert("blueprint-p-europe-west1");
    const auto error = failed(cloud.deploy(program()));
    CHECK(error.code == errc::conflict);
    CHECK(says(error, "blueprint-p-europe-west1"));
    CHECK(says(error, "CloudRunOptions::bucket"));
    CHECK(count(cloud.fake->lines, "/upload/") == 0);
    CHECK(cloud.fake->services.all.empty());

    auto options = run_options();
    options.bucket = "theirs";
    CloudRun named{options};
    named.fake->storage.foreign.insert("theirs");
    const auto refused = failed(named.deploy(program()));
    CHECK(refused.code == errc::authentication);
    CHECK(says(refused, "somebody else's"));
    CHECK(count(named.fake->lines, "/upload/") == 0);
}

TEST_CASE("google storage: a bucket of our own is there only if one of the project's has its whole name") {
    CloudRun cloud;
    cloud.fake->storage.buckets["blueprint-p-europe-west1-old"];
    ok(cloud.deploy(program()));
    CHECK(cloud.fake->storage.made.contains("blueprint-p-europe-west1"));
    CHECK(cloud.fake->storage.buckets.at("blueprint-p-europe-west1-old").empty());
}

TEST_CASE("google storage: a list of buckets with other names, or with what is no bucket, does not hold ours") {
    const detail::GoogleApi api{google_options()};
    const GoogleStorage storage{api, {}};
    const auto is_there = [&](std::string items) {
        HttpResponse answer{.status = 200};
        answer.body = R"({"items":)" + items + '}';
        return ok(storage.read_bucket(answer));
    };
    const std::string ours = R"({"name":"blueprint-p-europe-west1"})";
    CHECK(is_there("[" + ours + "]"));
    CHECK(is_there(R"([{"name":"blueprint-p-europe-west1-old"},)" + ours + "]"));
    CHECK_FALSE(is_there(R"([{"name":"blueprint-p-europe-west1-old"},{}])"));
    CHECK_FALSE(is_there("[]"));
    CHECK_FALSE(is_there(R"([7,"blueprint-p-europe-west1",["blueprint-p-europe-west1"],null])"));
}

TEST_CASE("google storage: a bucket that the user names is used, and made if it is not there") {
    auto options = run_options();
    options.bucket = "packages";
    CloudRun cloud{options};
    ok(cloud.deploy(program()));
    CHECK(cloud.fake->storage.buckets.at("packages").size() == 1);
    ok(cloud.deploy(program("2")));
    CHECK(count(cloud.fake->lines, "POST https://storage.googleapis.com/storage/v1/b") == 1);
    CHECK(cloud.fake->storage.buckets.at("packages").size() == 2);
}

TEST_CASE("google storage: a bucket of our own has a name that Google takes") {
    CHECK(own_name("blueprint", "example.com:jobs") == "blueprint-example_com_jobs-europe-west1");
    CHECK(own_name("blueprint", "my-google-jobs") == "blueprint-my-elgoog-jobs-europe-west1");
    const auto longest = own_name(std::string(34, 'a'), std::string(30, 'b'));
    CHECK(longest.size() == 63);
    CHECK(longest != own_name(std::string(34, 'a'), std::string(29, 'b') + 'c'));
}

TEST_CASE("google storage: objects are packages of one job alone, and new ones each time") {
    const std::chrono::system_clock::time_point now{};
    const auto name = GoogleStorage::object_name("blueprint-job-1", std::string(64, 'a'), now, 255);
    CHECK(name == "services/blueprint-job-1/19700101-000000-000000ff-aaaaaaaaaaaaaaaa.tar.gz");
    CHECK(GoogleStorage::is_package_of(name, "blueprint-job-1"));
    CHECK_FALSE(GoogleStorage::is_package_of(name, "blueprint-job-10"));
    CHECK_FALSE(GoogleStorage::is_package_of("services/blueprint-job-1/a/b.tar.gz", "blueprint-job-1"));
    CHECK_FALSE(GoogleStorage::is_package_of("services/blueprint-job-1/notes.txt", "blueprint-job-1"));
    CHECK_FALSE(GoogleStorage::is_package_of("", "blueprint-job-1"));
}

}  // namespace gcp_run_storage_test
