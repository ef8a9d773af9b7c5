#include "aws_fixture.hpp"
#include "blueprint/faas/codec/impl/call_answer.hpp"
#include "blueprint/faas/codec/impl/call_forms.hpp"
#include "fixture.hpp"

#include <boost/json/parse.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace warm_call_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::answer_reading::CallAnswer;
using detail::answer_reading::UsualAnswer;
using tests::failed;
using tests::ok;

namespace {

// What the general reader makes of the answer to a call of `id`; nothing if that is a failure.
std::optional<CallAnswer> read_generally(std::string_view text, JobId id) {
    using detail::answer_reading::number_member;
    std::optional<Bytes> bytes;
    const auto body = detail::parse_object_with_bytes(text, "result", bytes);
    if (!body || !bytes) return std::nullopt;
    if (body->contains("job_id") && number_member<std::uint32_t>(*body, "job_id") != id.value()) return std::nullopt;
    const auto* success = body->if_contains("success");
    if (success != nullptr && !(success->is_bool() && success->as_bool())) return std::nullopt;
    auto told = detail::answer_reading::numbers_in(*body);
    told.bytes = std::move(bytes);
    return told;
}

bool same(const CallAnswer& a, const CallAnswer& b) {
    return a.bytes == b.bytes && a.execution_ms == b.execution_ms && a.memory_used_mb == b.memory_used_mb &&
           a.init_ms == b.init_ms && a.cold_start == b.cold_start;
}

const std::string usual = R"({"job_id":7,"result":"GQD/","success":true,"execution_ms":45,"memory_used_mb":3})";

HttpResponse answered(std::string body) { return {.status = 200, .body = std::move(body)}; }

}  // namespace

TEST_CASE("warm call: the usual answers are read in place, and mean what the general reader says") {
    const std::string_view usual_ones[] = {
        usual,
        R"({"job_id":7,"result":[25,0,255],"success":true,"execution_ms":0,"memory_used_mb":4294967295})",
        R"({"result":[]})",
        R"({"result":""})",
        R"({"success":true,"cold_start":true,"init_ms":120,"result":[1]})",
        R"({"cold_start":false,"result":"AA=="})",
        " \r\n\t{ \"job_id\" : 7 , \"result\" : [ 1 , 2 ] , \"success\" : true } \n",
    };
    for (const auto text : usual_ones) {
        CAPTURE(text);
        const auto told = UsualAnswer{text}.read(JobId{7U});
        const auto general = read_generally(text, JobId{7U});
        REQUIRE(told.has_value());
        REQUIRE(general.has_value());
        CHECK(same(*told, *general));
    }
}

TEST_CASE("warm call: what is not a usual answer is left to the general reader, right or wrong") {
    const std::string_view unusual_ones[] = {
        "",
        "{}",
        "[]",
        "null",
        R"({"result":null})",
        R"({"result":"GQD/","more":1})",
        R"({"result":"GQD\/"})",
        R"({"re\u0073ult":"GQD/"})",
        R"({"result":"GQD"})",
        R"({"result":"GQ D/"})",
        R"({"result":[256]})",
        R"({"result":[1,]})",
        R"({"result":[1]]})",
        R"({"result":[1],"result":[1]})",
        R"({"result":[1],"success":true,"success":true})",
        R"({"result":[1],"job_id":8})",
        R"({"result":[1],"job_id":"7"})",
        R"({"result":[1],"job_id":7.0})",
        R"({"result":[1],"job_id":7e0})",
        R"({"result":[1],"job_id":07})",
        R"({"result":[1],"job_id":-7})",
        R"({"result":[1],"job_id":7,"job_id":7})",
        R"({"result":[1],"success":false})",
        R"({"result":[1],"success":1})",
        R"({"result":[1],"success":truer})",
        R"({"result":[1],"cold_start":1})",
        R"({"result":[1],"cold_start":true,"cold_start":false})",
        R"({"result":[1],"execution_ms":4294967296})",
        R"({"result":[1],"execution_ms":18446744073709551620})",
        R"({"result":[1],"execution_ms":1.5})",
        R"({"result":[1],"execution_ms":})",
        R"({"result":[1])",
        R"({"result":[1]}})",
        R"({"result":[1]} x)",
        R"({"result":[1],})",
        R"({,"result":[1]})",
        R"({"result" [1]})",
        R"({"result":"GQD/)",
        R"({"result)",
        "{\"result\":[1]}\f",
    };
    for (const auto text : unusual_ones) {
        CAPTURE(text);
        CHECK_FALSE(UsualAnswer{text}.read(JobId{7U}).has_value());
    }
}

TEST_CASE("warm call: whatever an answer is turned into, both readers agree on what they both take") {
    const std::string seeds[] = {usual, R"({"result":[25,0,255],"success":true,"init_ms":12,"cold_start":true})",
                                 R"({ "job_id": 7, "execution_ms": 10, "result": "AAECAwQFBgc=" })"};
    const std::string_view letters = "\"\\{}[]:,0123456789truefalsnul =/+-.eE_ \n\t\x01\xc3";
    std::uint64_t random = 88172645463325252ULL;
    const auto next = [&](std::size_t below) {
        random ^= random << 13U, random ^= random >> 7U, random ^= random << 17U;
        return static_cast<std::size_t>(random % below);
    };
    std::size_t taken = 0;
    for (int round = 0; round < 60'000; ++round) {
        std::string text = seeds[next(3)];
        for (auto changes = next(3); changes != 0; --changes) {
            const auto at = next(text.size());
            switch (next(4)) {
                case 0: text.erase(at, 1 + next(4)); break;
                case 1: text.insert(at, 1, letters[next(letters.size())]); break;
                case 2: text[at] = letters[next(letters.size())]; break;
                default: text.insert(at, text.substr(next(text.size()), 1 + next(12))); break;
            }
            if (text.empty()) break;
        }
        const auto told = UsualAnswer{text}.read(JobId{7U});
        if (!told) continue;
        ++taken;
        const auto general = read_generally(text, JobId{7U});
        CAPTURE(text);
        REQUIRE(general.has_value());
        REQUIRE(same(*told, *general));
    }
    CHECK(taken > 20'000);  // else the fast reader would be of no use, or this test
}

TEST_CASE("warm call: a form keeps address and fixed fields, and nothing of the call before") {
    detail::CallForms forms;
    const detail::CallForm* first = nullptr;
    {
        auto lease = forms.take(JobId{5U});
        auto& form = *lease;
        first = &form;
        CHECK_FALSE(form.is_for(JobId{5U}, 0));
        form.request.target = "/five";
        form.request.headers.add("Content-Type", "application/json");
        form.fix(JobId{5U}, 0);
        form.request.headers.set("Authorization", "Bearer not-to-be-kept");
        form.request.headers.add("X-Bad", "line\r\nbreak");
        form.request.body.begin_text() = "arguments";
    }
    {
        auto lease = forms.take(JobId{5U});
        REQUIRE(&*lease == first);
        auto& form = *lease;
        const auto text = form.request.headers.text();
        CHECK(std::string_view{text.data(), text.size() + 60}.find("Bearer") == std::string_view::npos);  // wiped
        REQUIRE(form.is_for(JobId{5U}, 0));
        CHECK(form.request.headers.text() == "Content-Type: application/json\r\n");
        CHECK(form.request.headers.refused().empty());
        CHECK(form.request.target == "/five");
        CHECK(form.request.body.size() == 0);
        CHECK_FALSE(form.is_for(JobId{6U}, 0));  // of another job
        CHECK_FALSE(form.is_for(JobId{5U}, 1));  // something became known
    }
    auto two = forms.take(JobId{5U});
    auto other = forms.take(JobId{5U});
    CHECK(&*two != &*other);
}

TEST_CASE("warm call: a form that an Auth has altered, or a large body has passed through, is not kept as it is") {
    detail::CallForms forms;
    {
        auto lease = forms.take(JobId{1U});
        auto& form = *lease;
        form.request.target = "/one";
        form.request.headers.add("Accept", "a");
        form.fix(JobId{1U}, 0);
        form.request.headers.set("Accept", "b");
        form.request.body.begin_text().assign(200'000, 'x');
    }
    auto lease = forms.take(JobId{1U});
    CHECK_FALSE(lease->is_for(JobId{1U}, 0));
    CHECK(lease->request.body.begin_text().capacity() < 1000);
    lease->clear();
    CHECK(lease->request.headers.empty());
    lease->request.target = "/one";
    lease->fix(JobId{1U}, 0);
    lease->request.target = "/other";
    CHECK_FALSE(lease->is_for(JobId{1U}, 0));
}

TEST_CASE("warm call: forms go from thread to thread, and each is one call's at a time") {
    detail::CallForms forms;
    std::atomic<bool> shared{false};
    const auto work = [&](std::uint32_t job) {
        for (int round = 0; round < 5'000; ++round) {
            auto lease = forms.take(JobId{job});
            auto& form = *lease;
            if (!form.is_for(JobId{job}, 0)) {
                form.clear();
                form.request.target = std::to_string(job);
                form.fix(JobId{job}, 0);
            }
            form.request.body.begin_text() = form.request.target;
            if (form.request.body.view() != std::to_string(job)) shared = true;
        }
    };
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < 4; ++i) threads.emplace_back(work, i * 16);  // which all begin at the same place
    for (auto& thread : threads) thread.join();
    CHECK_FALSE(shared);
}

TEST_CASE("warm call: the second call of a job says what its first one would, and so does another job's between") {
    tests::Lambda<> lambda;
    tests::Custom<Binary> binary;
    const auto call = [](std::uint32_t job) {
        return JobCall{.job_id = JobId{job}, .args = {1, 2}, .metadata = {{"x-request-id", std::to_string(job)}}};
    };
    for (const auto job : {7U, 7U, 8U, 7U, 23U, 7U}) {  // 7 and 23 begin at the same place
        lambda.script->answers.emplace_back(answered(R"({"result":[1]})"));
        binary.script->answers.emplace_back(answered(R"({"result":[1]})"));
        ok(lambda.invoke(call(job)));
        ok(binary.invoke(call(job)));
        for (const auto* seen : {&lambda.script->seen, &binary.script->seen}) {
            const auto& last = seen->back();
            const auto number = std::to_string(job);
            CAPTURE(last.line);
            CHECK(last.line.find("job" + std::string{seen == &lambda.script->seen ? "-" : ""} + number + "/") !=
                  std::string::npos);
            CHECK(last.headers.get("Authorization") == "Bearer fixed-token");
            const auto text = last.headers.text();
            CHECK(text.find("Authorization:") == text.rfind("Authorization:"));
        }
        CHECK(binary.script->seen.back().headers.get("X-Blueprint-Job-Id") == std::to_string(job));
        CHECK(binary.script->seen.back().headers.get("X-Request-Id") == std::to_string(job));
        CHECK(binary.script->seen.back().body == "\x01\x02");
        CHECK(lambda.script->seen.back().body == R"({"job_id":)" + std::to_string(job) + R"(,"args":"AQI="})");
    }
    lambda.script->answers.emplace_back(answered(R"({"result":[1]})"));
    ok(lambda.invoke({.job_id = JobId{7U}}));
    const auto context = lambda.script->seen.back().headers.get("X-Amz-Client-Context");
    REQUIRE(context.has_value());
    const auto json = detail::base64_decode(*context);
    REQUIRE(json.has_value());
    CHECK(detail::text_of(*json).find("x-request-id") == std::string_view::npos);  // the last call had it, this has not
}

TEST_CASE("warm call: metadata with any text reaches the function as it is") {
    tests::Lambda<> lambda;
    const std::string value = "a\"b\\c\n\t\x01/\x7f\xc3\xa4";
    lambda.script->answers.emplace_back(answered(R"({"result":[1]})"));
    ok(lambda.invoke({.job_id = 1, .metadata = {{"n\"1", value}, {"n2", ""}}, .timeout = 5s}));
    const auto json = detail::base64_decode(*lambda.script->seen.back().headers.get("X-Amz-Client-Context"));
    REQUIRE(json.has_value());
    const auto document = boost::json::parse(detail::text_of(*json));
    const auto& custom = document.at("custom").as_object();
    CHECK(std::string_view{custom.at("n\"1").as_string()} == value);
    CHECK(custom.at("n2").as_string().empty());
    CHECK(custom.size() == 3);  // and the deadline
}

}  // namespace warm_call_test
