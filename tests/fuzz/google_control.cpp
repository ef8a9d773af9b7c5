// What Google answers to deployments: Cloud Run about services and revisions, and Cloud Storage about packages.
#include "answers.hpp"
#include "blueprint/faas/codec/gcp_run_control.hpp"
#include "blueprint/faas/codec/gcp_storage.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace blueprint::faas::fuzz {

namespace {

using detail::CloudRunControl;

const CloudRunControl& cloud_run() {
    static const CloudRunControl instance{[] {
        CloudRunOptions options;
        options.cloud.project = "my-project";
        options.cloud.region = "europe-west1";
        return options;
    }()};
    return instance;
}

bool is_json_text(std::string_view text) {
    boost::system::error_code bad;
    static_cast<void>(boost::json::parse({text.data(), text.size()}, bad));
    return !bad;
}

// Of a number beyond all doubles Boost writes what no JSON parser reads.
bool has_infinity(const boost::json::value& value) {
    if (const auto* number = value.if_double()) return std::isinf(*number);
    if (const auto* array = value.if_array()) return std::any_of(array->begin(), array->end(), has_infinity);
    const auto* object = value.if_object();
    return object != nullptr &&
           std::any_of(object->begin(), object->end(), [](const auto& member) { return has_infinity(member.value()); });
}

std::uint64_t percent_of_calls(const std::vector<detail::CloudRunTraffic>& traffic) {
    return std::accumulate(traffic.begin(), traffic.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& one) { return sum + one.percent; });
}

void one_service(const detail::CloudRunService& service) {
    FAAS_REQUIRE(CloudRunControl::same_traffic(service.traffic, service.traffic));
    FAAS_REQUIRE(!CloudRunControl::health(service).reason.empty());
    const auto deployment = cloud_run().deployment(JobId{7U}, service);
    FAAS_REQUIRE(deployment.package_sha256.empty() || deployment.package_sha256.size() == 64);
    detail::CloudRunWanted wanted;
    wanted.package_sha256 = std::string(64, 'a');
    const detail::CloudRunSource source{.bucket = "bucket", .object = "object.tar.gz"};
    const auto difference = cloud_run().difference(wanted, service);
    FAAS_REQUIRE(difference.none() == difference.why.empty());
    if (!difference.none()) {
        const auto body = cloud_run().patch_body(wanted, source, service, difference);
        FAAS_REQUIRE(is_json_text(body.body().view()));
        FAAS_REQUIRE(cloud_run().patch_service(JobId{7U}, difference).target.find(' ') == std::string::npos);
    }
    // All calls are given to somebody, and not more than all, if that was so before.
    for (const double share : {0.0, 0.25, 1.0}) {
        const auto shifted = CloudRunControl::shifted(service, "blueprint-job-7-00001-abc", share);
        if (!fits(shifted)) continue;
        FAAS_REQUIRE(is_json_text(CloudRunControl::traffic_body(service, *shifted).body().view()));
        if (percent_of_calls(service.traffic) == 100) FAAS_REQUIRE(percent_of_calls(*shifted) == 100);
    }
}

void all_revisions(const std::vector<detail::CloudRunRevision>& all, const detail::CloudRunService& service) {
    FAAS_REQUIRE(CloudRunControl::revisions(all, service).size() == all.size());
    FAAS_REQUIRE(CloudRunControl::older(all, service).size() <= all.size());
    for (const auto& one : CloudRunControl::prunable(all, service, 1)) {
        FAAS_REQUIRE(one.id != service.latest_created && one.id != service.latest_ready);
        for (const auto& traffic : service.serving) FAAS_REQUIRE(traffic.revision != one.id);
        const auto request = cloud_run().delete_revision(JobId{7U}, one.id);
        FAAS_REQUIRE(request.target.find_first_of(std::string_view{" \r\n?#\0", 6}) == std::string::npos);
    }
}

}  // namespace

void cloud_run_answer(Input input) {
    Reader reader{input};
    const auto first = take_answer(reader);
    const auto second = reader.rest().empty() ? first : take_answer(reader);
    boost::system::error_code none;
    if (has_infinity(boost::json::parse(first.body, none))) return;
    const auto read = [](HttpResponse answer, auto how) {
        auto out = how(answer);
        FAAS_REQUIRE(answer.body.empty());  // variables are wiped
        return out;
    };
    const auto service = read(first, [](HttpResponse& one) { return CloudRunControl::read_service(one); });
    if (fits(service)) one_service(*service);
    const auto services = read(first, [](HttpResponse& one) { return CloudRunControl::read_services(one); });
    if (fits(services)) {
        FAAS_REQUIRE(services->entries.size() <= first.body.size());
        for (const auto& one : services->entries) one_service(one);
        const auto next = cloud_run().list_services(services->next);
        FAAS_REQUIRE(next.target.find_first_of(std::string_view{" \r\n#\0", 5}) == std::string::npos);
    }
    const auto revision = read(second, [](HttpResponse& one) { return CloudRunControl::read_revision(one); });
    if (fits(revision)) FAAS_REQUIRE(revision->id.find('/') == std::string::npos);
    const auto revisions = read(second, [](HttpResponse& one) { return CloudRunControl::read_revisions(one); });
    if (fits(revisions)) all_revisions(revisions->entries, service ? *service : detail::CloudRunService{});
}

void google_storage_answer(Input input) {
    static const detail::GoogleStorage ours{cloud_run().api(), ""};
    static const detail::GoogleStorage named{cloud_run().api(), "bucket-of-mine"};
    Reader reader{input};
    const auto answer = take_answer(reader);
    constexpr std::uint64_t size = 1U << 20;
    for (const auto* storage : {&ours, &named}) {
        if (const auto meant = storage->judge_bucket(answer)) fit_for_people(*meant);
        fits(storage->read_bucket(answer));
        fits(storage->read_upload(answer, size));
        if (const auto session = storage->read_session(answer); fits(session)) {
            // It is a permission, and goes where Storage is and nowhere else.
            const auto request = storage->ask_state(*session, size);
            FAAS_REQUIRE(request.origin.host == "storage.googleapis.com" && request.origin.tls);
            FAAS_REQUIRE(request.target.starts_with('/'));
            FAAS_REQUIRE(request.target.find_first_of(std::string_view{" \r\n\0", 4}) == std::string::npos);
        }
        if (const auto state = storage->read_state(answer, size); fits(state)) FAAS_REQUIRE(state->stored <= size);
    }
    if (const auto meant = detail::GoogleStorage::judge_piece(answer)) {
        fit_for_people(*meant);
        detail::GoogleStorage::is_lost(*meant);
    }
    const bool package = detail::GoogleStorage::is_package_of(answer.body, "blueprint-job-7");
    if (package) FAAS_REQUIRE(answer.body.starts_with("services/blueprint-job-7/"));
}

}  // namespace blueprint::faas::fuzz
