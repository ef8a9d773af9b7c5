// What Google answers, its APIs and the services that jobs run in; tokens; and the archives that Cloud Run takes.
#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/codec/gcp_calls.hpp"
#include "blueprint/faas/codec/gcp_functions_api.hpp"
#include "blueprint/faas/package/tar.hpp"
#include "fit.hpp"
#include "support/temporary_directory.hpp"
#include "targets.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

namespace blueprint::faas::fuzz {

namespace {

HttpResponse answer_in(Reader& reader) {
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 200, 200, 204, 302, 400, 401, 403, 404, 405, 408, 409,
                                            411, 412, 413, 418, 429, 499, 500, 501, 502, 503, 504};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto fields = reader.byte();
    static constexpr std::string_view names[] = {"Retry-After",
                                                 "Location",
                                                 "WWW-Authenticate",
                                                 "X-Google-Status",
                                                 "Content-Type",
                                                 "X-Blueprint-Execution-Ms",
                                                 "X-Blueprint-Cold-Start",
                                                 "X-Request-Id"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        if ((fields >> i & 1U) != 0) answer.headers.set(names[i], reader.until('\n'));
    answer.body = reader.rest();
    return answer;
}

}  // namespace

void google_answer(Input input) {
    using detail::GoogleApi;
    using detail::GoogleFunctions;
    Reader reader{input};
    const auto answer = answer_in(reader);
    const auto meant = GoogleApi::judge(answer);
    FAAS_REQUIRE(meant.has_value() == (answer.status >= 300));
    if (meant) {
        fit_for_people(*meant);
        FAAS_REQUIRE(meant->http_status == answer.status);
        FAAS_REQUIRE(meant->execution != Execution::started);
        // Nobody but the API itself says that something is not there (C11).
        if (meant->code == errc::not_found) FAAS_REQUIRE(answer.body.find_first_of("{<") != std::string::npos);
    }
    const auto operation = GoogleApi::read_operation(answer);
    if (fits(operation)) {
        FAAS_REQUIRE(operation->progress.size() <= 1200);
        if (!operation->done) FAAS_REQUIRE(operation->name.find("operations/") != std::string::npos);
        if (operation->failed) {
            FAAS_REQUIRE(operation->done);
            fit_for_people(*operation->failed);
        }
    }
    const auto policy = GoogleApi::add_invokers(answer, {"allUsers", "user:a@example.com"});
    if (fits(policy) && *policy) {
        HttpResponse again;
        again.status = 200;
        again.body = boost::json::serialize(boost::json::parse(**policy).at("policy"));
        const auto settled = GoogleApi::add_invokers(again, {"allUsers", "user:a@example.com"});
        FAAS_REQUIRE(settled.has_value() && !settled->has_value());
    }
    fits(GoogleApi::read_invoker_test(answer));
    const auto upload = GoogleFunctions::read_upload(answer);
    if (fits(upload)) FAAS_REQUIRE(!upload->url.target.empty() && !upload->bucket.empty());
    auto copy = answer;
    const auto function = GoogleFunctions::read_function(copy);
    if (fits(function)) {
        FAAS_REQUIRE(copy.body.empty());  // variables are wiped
        const auto deployment = GoogleFunctions::deployment(JobId{7U}, *function);
        FAAS_REQUIRE(deployment.function_id == function->name);
    }
    copy = answer;
    const auto page = GoogleFunctions::read_page(copy);
    if (fits(page)) FAAS_REQUIRE(page->functions.size() <= answer.body.size());
    if (const auto bytes = detail::read_memory_bytes(answer.body)) FAAS_REQUIRE(*bytes == 0 || !answer.body.empty());
    if (const auto milli = detail::read_milli_cpu(answer.body)) FAAS_REQUIRE(*milli <= 1'000'999);
}

void google_call(Input input) {
    using detail::GoogleCalls;
    static const GoogleCalls calls{GoogleCloudOptions{}};
    Reader reader{input};
    const auto answer = answer_in(reader);
    const auto meant = GoogleCalls::judge(answer);
    FAAS_REQUIRE(meant.has_value() == (answer.status != 200));
    if (meant) {
        fit_for_people(*meant);
        // A job that ran is never called again by itself.
        if (meant->execution == Execution::started) FAAS_REQUIRE(!meant->retryable);
    }
    const auto done = calls.read_invocation(answer, JobId{0U});
    if (fits(done)) {
        FAAS_REQUIRE(done->result.outcome.has_value());
        FAAS_REQUIRE(done->result.outcome->size() <= answer.body.size());
        const auto plain = calls.read_invocation(answer, JobId{0U}, false);
        FAAS_REQUIRE(plain.has_value() && *plain->result.outcome == *done->result.outcome);
    } else {
        FAAS_REQUIRE(!done.error().retryable);
    }
    const auto warmed = GoogleCalls::read_warmed(answer);
    FAAS_REQUIRE(warmed.instance.empty() != warmed.why_not.empty());
    FAAS_REQUIRE(!GoogleCalls::read_health(answer).reason.empty());
    const auto address = GoogleCalls::address(answer.body);
    if (fits(address)) FAAS_REQUIRE(address->audience.find_first_of("?#") == std::string::npos);
}

void tar_gz(Input input) {
    const ZipLimits limits{.compressed_bytes = 64U << 10, .unpacked_bytes = 256U << 10, .entries = 64};
    const auto files = read_tar_gz(input, limits);
    const test::TemporaryDirectory base;
    const auto inside = base / "inside";
    std::filesystem::create_directory(inside);
    const auto extracted = extract_tar_gz(input, inside, limits);
    FAAS_REQUIRE(
        std::distance(std::filesystem::directory_iterator{base.path()}, std::filesystem::directory_iterator{}) == 1);
    if (!files) {
        FAAS_REQUIRE(files.error().platform_code == "BAD_REQUEST" || files.error().platform_code == "TOO_LARGE");
        FAAS_REQUIRE(!extracted.has_value());
        FAAS_REQUIRE(std::filesystem::is_empty(inside));
        return;
    }
    std::uint64_t total = 0;
    std::set<std::string> paths;
    TarGzWriter writer;
    for (const auto& file : *files) {
        total += file.data.size();
        FAAS_REQUIRE(package_path_problem(file.path).empty());
        FAAS_REQUIRE(paths.insert(file.path).second);
        FAAS_REQUIRE(file.mode == 0755 || file.mode == 0644);
        FAAS_REQUIRE(writer.add(file.path, file.data, file.mode).has_value());
    }
    FAAS_REQUIRE(total <= limits.unpacked_bytes);
    const auto again = read_tar_gz(writer.finish());
    FAAS_REQUIRE(again.has_value());
    FAAS_REQUIRE(again->size() == files->size());
    for (const auto& file : *again) {
        const auto same =
            std::find_if(files->begin(), files->end(), [&](const ZipFile& one) { return one.path == file.path; });
        FAAS_REQUIRE(same != files->end());
        FAAS_REQUIRE(same->data == file.data);
        FAAS_REQUIRE(same->mode == file.mode);
    }
    // A path may be a directory's and a file's at once, which no disk can hold.
    if (extracted) FAAS_REQUIRE(extracted->size() == files->size());
}

void jwt(Input input) {
    const std::string_view text{reinterpret_cast<const char*>(input.data()), input.size()};
    const auto claims = read_unverified_jwt(Secret{text});
    if (fits(claims)) FAAS_REQUIRE(std::count(text.begin(), text.end(), '.') == 2);
    const auto decoded = detail::base64url_decode(text);
    if (decoded) FAAS_REQUIRE(detail::base64url_encode(*decoded) == text);
}

}  // namespace blueprint::faas::fuzz
