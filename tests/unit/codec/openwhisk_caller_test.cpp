#include "blueprint/faas/codec/impl/openwhisk_caller.hpp"

#include "blueprint/faas/auth/no_auth.hpp"
#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/executor.hpp"
#include "openwhisk_calls_codec.hpp"
#include "openwhisk_records.hpp"
#include "support/fake_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace openwhisk_caller_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using detail::OpenWhiskAccess;
using tests::access_with;
using tests::CallsCodec;
using tests::failed;
using tests::ok;
using tests::openwhisk_answer;
using tests::openwhisk_error;
using tests::openwhisk_id;
using tests::OpenWhiskRecord;
using tests::run;
using Lines = std::vector<std::string>;

namespace {

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

const std::string first_key = "Basic Zmlyc3Q6a2V5LW51bWJlci1vbmU=";
const std::string second_key = "Basic c2Vjb25kOmtleS1udW1iZXItdHdv";

// The actions of a namespace, and at another host who tells its key. What is not written down succeeds.
struct FakeActions {
    std::string key = first_key;
    Lines lines{};
    std::vector<HttpRequest> calls{};
    std::deque<result<HttpResponse>> calls_answered{};
    std::deque<result<HttpResponse>> records{};
    std::deque<result<HttpResponse>> logs{};
    bool tells_key = true;

    result<HttpResponse> answer(const HttpRequest& request) {
        if (request.origin.host == "keys.example.com") {
            lines.emplace_back("look");
            if (!tells_key) return openwhisk_answer(500, openwhisk_error("no"));
            return openwhisk_answer(200, key);
        }
        const auto& target = request.target;
        const bool logs_wanted = target.ends_with("/logs");
        const bool record = says(target, "/activations/");
        lines.emplace_back(logs_wanted ? "logs" : record ? "record" : "call");
        if (record) CHECK(says(target, "/namespaces/_/activations/" + openwhisk_id));
        if (request.headers.get("Authorization") != key)
            return openwhisk_answer(401, openwhisk_error("The supplied authentication is invalid."));
        if (!record) calls.push_back(request);
        auto& written = logs_wanted ? logs : record ? records : calls_answered;
        if (!written.empty()) {
            auto next = std::move(written.front());
            written.pop_front();
            return next;
        }
        if (logs_wanted) return openwhisk_answer(200, R"({"logs":["t stdout: hello"]})");
        return openwhisk_answer(200, OpenWhiskRecord{});
    }
    /// What was asked since the last time.
    Lines asked() { return std::exchange(lines, {}); }
};

HttpResponse goes_on() { return openwhisk_answer(202, R"({"activationId":")" + openwhisk_id + "\"}"); }
HttpResponse not_stored() { return openwhisk_answer(404, openwhisk_error("The requested resource does not exist.")); }

template <class Format>
struct ActionsOf {
    using Transport = tests::FakeTransport<FakeActions>;
    using executor_type = FaasExecutor<Transport, NoAuth, CallsCodec<Format>>;
    using L = typename executor_type::link_type;

    explicit ActionsOf(OpenWhiskActionOptions options = quick(), std::optional<OpenWhiskAccess> given = {},
                       std::function<int()> stops = {})
        : executor{Transport{io.get_executor(), fake, std::move(stops)}, NoAuth{},
                   CallsCodec<Format>{std::move(options), std::move(given)},
                   StandardResilience{{.max_attempts = 2, .first_delay = {}, .first_throttled_delay = {}}}} {}

    static OpenWhiskActionOptions quick() {
        OpenWhiskActionOptions options;
        options.first_poll = {};
        options.max_poll = {};
        return options;
    }
    static OpenWhiskActionOptions with_log() {
        auto options = quick();
        options.log_tail = true;
        return options;
    }
    result<Invocation> invoke(JobCall call = {.job_id = 7}) {
        return run(io, executor.invoke_with_metrics(std::move(call)));
    }

    asio::io_context io{};
    std::shared_ptr<FakeActions> fake = std::make_shared<FakeActions>();
    executor_type executor;
};
using Actions = ActionsOf<Base64Json>;

static_assert(CanPrepare<CallsCodec<>, Actions::L>);
static_assert(CanComplete<CallsCodec<>, Actions::L>);

}  // namespace

TEST_CASE("openwhisk: the access is looked up once, and a warm call is one request") {
    Actions actions;
    CHECK((*ok(actions.invoke()).result.outcome == Bytes{1, 2, 255}));
    CHECK((actions.fake->asked() == Lines{"look", "call"}));
    for (int i = 0; i < 3; ++i) {
        const auto warm = ok(actions.invoke());
        CHECK((actions.fake->asked() == Lines{"call"}));
        CHECK(warm.metrics.attempts == 1);
        CHECK(warm.metrics.queue_duration == 21ms);
        CHECK(warm.result.ran_on == "OpenWhisk's calls");
    }
    // Every call says what is its own, and nothing of the one before.
    JobCall call{.job_id = 7, .args = {1, 2, 3}, .metadata = {{"x-request-id", "r1"}}, .timeout = 50s};
    ok(actions.invoke(call));
    const std::string body{actions.fake->calls.back().body.view()};
    CHECK(says(body, R"({"job_id":7,"context":{"timeout_ms":)"));
    CHECK(says(body, R"("request_id":"r1"},"args":"AQID"})"));
    ok(run(actions.io, actions.executor.invoke({.job_id = 7, .timeout = std::chrono::milliseconds::max()})));
    CHECK(actions.fake->calls.back().body.view() == R"({"job_id":7,"args":""})");
    CHECK(actions.fake->calls.back().headers.get("Authorization") == first_key);
    CHECK((actions.fake->asked() == Lines{"call", "call"}));
}

TEST_CASE("openwhisk: what was given is used, and nothing is looked up") {
    Actions actions{Actions::quick(), access_with(first_key)};
    ok(actions.invoke());
    actions.fake->key = second_key;
    for (int i = 0; i < 2; ++i) {
        const auto error = failed(actions.invoke());
        CHECK(error.code == errc::authentication);
        CHECK(error.http_status == 401);
        CHECK(error.execution == Execution::not_started);
    }
    CHECK((actions.fake->asked() == Lines{"call", "call", "call"}));
}

TEST_CASE("openwhisk: a format that writes numbers writes them") {
    ActionsOf<JsonBytes> actions{Actions::quick(), access_with(first_key)};
    ok(actions.invoke({.job_id = 7, .args = {1, 255}, .timeout = std::chrono::milliseconds::max()}));
    CHECK(actions.fake->calls.back().body.view() == R"({"job_id":7,"args":[1,255]})");
}

TEST_CASE("openwhisk: of many first calls at once one looks up, and the others wait for it") {
    Actions actions{Actions::quick(), {}, [] { return 3; }};
    int done = 0;
    for (std::uint32_t i = 0; i < 20; ++i)
        boost::asio::co_spawn(actions.io, actions.executor.invoke({.job_id = 7}),
                              [&](const std::exception_ptr& failure, const result<JobResult>& outcome) {
                                  CHECK(failure == nullptr);
                                  done += outcome.has_value() ? 1 : 0;
                              });
    actions.io.run();
    CHECK(done == 20);
    const auto asked = actions.fake->asked();
    CHECK(asked.size() == 21);
    CHECK(std::count(asked.begin(), asked.end(), "look") == 1);
}

TEST_CASE("openwhisk: an access that is refused is looked up anew, and the call repeated once") {
    Actions actions;
    ok(actions.invoke());
    actions.fake->asked();
    actions.fake->key = second_key;
    const auto done = ok(actions.invoke());  // not idempotent: a refused key is one that no job began with
    CHECK((actions.fake->asked() == Lines{"call", "look", "call"}));
    CHECK((actions.executor.codec().refused() == Lines{"", first_key}));
    REQUIRE(done.metrics.failed_attempts.size() == 1);
    CHECK(done.metrics.failed_attempts[0].http_status == 401);
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"call"}));
    // A platform that takes no key at all.
    for (int i = 0; i < 4; ++i) actions.fake->calls_answered.emplace_back(openwhisk_answer(401, ""));
    const auto error = failed(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"call", "look", "call"}));
    CHECK(error.code == errc::authentication);
    CHECK_FALSE(error.retryable);
    CHECK(error.execution == Execution::not_started);
    // And for what is asked beside calls.
    const auto& caller = actions.executor.codec().caller();
    const Error refused{.code = errc::authentication, .http_status = 401};
    CHECK_FALSE(caller.outdated(access_with(second_key), {.code = errc::authentication, .http_status = 403}));
    CHECK(caller.outdated(access_with(second_key), refused));
    actions.fake->calls_answered.clear();
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"look", "call"}));
    CHECK(caller.outdated(access_with(second_key), refused));  // a call that is written down does not keep it
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"look", "call"}));
    CHECK(actions.executor.codec().refused().back() == second_key);
    caller.forget();
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"look", "call"}));
    CHECK(actions.executor.codec().refused().back().empty());  // forgotten, not refused
    caller.forget();
    caller.keep(access_with(second_key));
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"call"}));
}

TEST_CASE("openwhisk: an access that is told while the same one is looked up keeps no later one from being used") {
    std::function<void()> meanwhile;
    Actions actions{Actions::quick(), {}, [&] {
                        if (meanwhile) std::exchange(meanwhile, {})();
                        return 0;
                    }};
    const auto& caller = actions.executor.codec().caller();
    meanwhile = [&] { caller.keep(access_with(first_key)); };
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"look", "call"}));
    caller.keep(access_with(second_key));
    actions.fake->key = second_key;
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"call"}));  // without a vain one with the key before
}

TEST_CASE("openwhisk: a call that may have run before its access was refused is not made anew") {
    for (const bool known : {true, false}) {
        CAPTURE(known);
        Actions actions;
        if (known) ok(actions.invoke());
        actions.fake->asked();
        const Error lost{.code = errc::infrastructure, .message = "no answer", .retryable = true};
        actions.fake->calls_answered = {lost, openwhisk_answer(401, ""), not_stored()};
        const auto error = failed(actions.invoke({.job_id = 7, .idempotent = true}));
        CHECK(error.code == errc::authentication);
        CHECK(error.execution == Execution::unknown);
        CHECK((actions.fake->asked() == (known ? Lines{"call", "call"} : Lines{"look", "call", "call"})));
        actions.fake->calls_answered.clear();
        ok(actions.invoke());
        CHECK((actions.fake->asked() == Lines{"look", "call"}));
    }
}

TEST_CASE("openwhisk: an access that cannot be found ends the call before anything of it is sent") {
    Actions actions;
    actions.fake->tells_key = false;
    const auto error = failed(actions.invoke());
    CHECK(error.code == errc::infrastructure);
    CHECK(error.execution == Execution::not_started);  // whatever became of the looking up
    CHECK((actions.fake->asked() == Lines{"look", "look"}));
    CHECK(failed(run(actions.io, actions.executor.invoke_async({.job_id = 7}))).execution == Execution::not_started);
}

TEST_CASE("pitfall 5 (OpenWhisk): a call that outlives the wait is looked at until its record is there") {
    for (const bool warm : {true, false}) {  // written down beforehand, or not
        CAPTURE(warm);
        Actions actions;
        if (warm) ok(actions.invoke());
        actions.fake->asked();
        OpenWhiskRecord open;
        open.times.clear();
        auto text = open.text();
        text.replace(text.find(R"("status":"success",)"), 19, "");
        OpenWhiskRecord ended;
        ended.result = R"({"job_id":7,"result":"Bw==","success":true,"execution_ms":40000})";
        actions.fake->calls_answered.emplace_back(goes_on());
        actions.fake->records.emplace_back(not_stored());
        actions.fake->records.emplace_back(not_stored());
        actions.fake->records.emplace_back(openwhisk_answer(200, text));
        actions.fake->records.emplace_back(openwhisk_answer(200, ended));
        const auto done = ok(actions.invoke());
        CHECK((*done.result.outcome == Bytes{7}));
        CHECK(done.metrics.execution_duration == 40s);
        CHECK(done.metrics.request_id == openwhisk_id);
        CHECK(done.metrics.attempts == (warm ? 5 : 6));
        CHECK(done.metrics.failed_attempts.empty());
        CHECK(actions.fake->calls.size() == (warm ? 2U : 1U));  // never called a second time
        auto asked = actions.fake->asked();
        CHECK(std::count(asked.begin(), asked.end(), "record") == 4);
    }
    // Without metrics it is the same.
    Actions actions{Actions::quick(), access_with(first_key)};
    actions.fake->calls_answered.emplace_back(goes_on());
    CHECK((*ok(run(actions.io, actions.executor.invoke({.job_id = 7}))).outcome == Bytes{1, 2, 255}));
    CHECK((actions.fake->asked() == Lines{"call", "record"}));
}

TEST_CASE("openwhisk: a 202 that comes at a second attempt is waited for too") {
    Actions actions{Actions::quick(), access_with(first_key)};
    actions.fake->calls_answered.emplace_back(openwhisk_answer(429, openwhisk_error("Too many requests")));
    actions.fake->calls_answered.emplace_back(goes_on());
    const auto done = ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"call", "call", "record"}));
    CHECK(done.metrics.attempts == 3);
    CHECK(done.metrics.failed_attempts.size() == 1);
}

TEST_CASE("openwhisk: a job that fails after the wait has failed") {
    Actions actions{Actions::quick(), access_with(first_key)};
    OpenWhiskRecord record;
    record.status = "application error";
    record.result = R"({"error":"no luck"})";
    actions.fake->calls_answered.emplace_back(goes_on());
    actions.fake->records.emplace_back(openwhisk_answer(200, record));
    const auto error = failed(actions.invoke());
    CHECK(error.code == errc::function_error);
    CHECK(error.execution == Execution::started);
    CHECK(error.provider == "OpenWhisk's calls");
    CHECK(says(error.message, "no luck"));
    REQUIRE(error.metrics != nullptr);
    CHECK(error.metrics->attempts == 2);
    CHECK(error.metrics->queue_duration == 21ms);
    // What is no record ends it too.
    actions.fake->calls_answered.emplace_back(goes_on());
    actions.fake->records.emplace_back(openwhisk_answer(200, "null"));
    CHECK(failed(actions.invoke()).code == errc::serialization);
    actions.fake->calls_answered.emplace_back(openwhisk_answer(202, "{}"));
    const auto nameless = failed(actions.invoke());
    CHECK(nameless.code == errc::serialization);
    CHECK(nameless.execution == Execution::started);
}

TEST_CASE("openwhisk: three looks in a row may fail, a fourth one ends the call, which goes on at the platform") {
    const auto broken = [] { return openwhisk_answer(400, "<html>no</html>"); };
    Actions actions{Actions::quick(), access_with(first_key)};
    actions.fake->calls_answered.emplace_back(goes_on());
    for (int i = 0; i < 3; ++i) actions.fake->records.emplace_back(broken());
    actions.fake->records.emplace_back(not_stored());  // they do not count any more
    for (int i = 0; i < 3; ++i) actions.fake->records.emplace_back(broken());
    const auto done = ok(actions.invoke());
    CHECK(done.metrics.failed_attempts.size() == 6);
    CHECK(actions.fake->asked().size() == 9);

    actions.fake->calls_answered.emplace_back(goes_on());
    for (int i = 0; i < 4; ++i) actions.fake->records.emplace_back(broken());
    const auto error = failed(actions.invoke());
    CHECK(actions.fake->asked().size() == 5);
    CHECK(error.execution == Execution::started);
    CHECK_FALSE(error.retryable);
    CHECK(error.request_id == openwhisk_id);
    CHECK(says(error.message, openwhisk_id));
    CHECK(says(error.message, "no"));
    // A failure that may pass is tried again within each look.
    actions.fake->calls_answered.emplace_back(goes_on());
    actions.fake->records.emplace_back(Error{.code = errc::infrastructure, .message = "reset", .retryable = true});
    CHECK(ok(actions.invoke()).metrics.failed_attempts.size() == 1);
}

TEST_CASE("openwhisk: at its deadline a call ends as timed out, and tells as what it goes on") {
    auto options = Actions::quick();
    options.first_poll = 1h;
    Actions actions{options, access_with(first_key)};
    actions.fake->calls_answered.emplace_back(goes_on());
    const auto error = failed(actions.invoke({.job_id = 7, .timeout = 10s, .idempotent = true}));
    CHECK(error.code == errc::timed_out);
    CHECK(error.execution == Execution::started);
    CHECK_FALSE(error.retryable);
    CHECK(error.request_id == openwhisk_id);
    CHECK(says(error.message, "activation " + openwhisk_id));
    CHECK(says(error.message, "longer timeout"));
    CHECK((actions.fake->asked() == Lines{"call"}));
}

TEST_CASE("openwhisk: a call that is cancelled while it goes on says that it does") {
    auto options = Actions::quick();
    options.first_poll = 1h;
    Actions actions{options, access_with(first_key)};
    actions.fake->calls_answered.emplace_back(goes_on());
    asio::cancellation_signal stop;
    std::optional<result<JobResult>> ended;
    boost::asio::co_spawn(
        actions.io, actions.executor.invoke({.job_id = 7, .timeout = 2h}),
        asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& failure, result<JobResult> outcome) {
            CHECK(failure == nullptr);
            ended = std::move(outcome);
        }));
    actions.io.poll();
    CHECK_FALSE(ended.has_value());
    stop.emit(asio::cancellation_type::terminal);
    actions.io.run();
    REQUIRE(ended.has_value());
    const auto error = failed(*ended);
    CHECK(error.code == errc::cancelled);
    CHECK(error.execution == Execution::started);
    CHECK(error.request_id == openwhisk_id);
}

TEST_CASE("openwhisk: an access that is refused while a call goes on is looked up anew") {
    Actions actions;
    ok(actions.invoke());
    actions.fake->asked();
    actions.fake->calls_answered.emplace_back(goes_on());
    actions.fake->records.emplace_back(openwhisk_answer(401, openwhisk_error("x")));
    ok(actions.invoke());
    CHECK((actions.fake->asked() == Lines{"call", "record", "look", "record"}));
    // One that is refused for ever counts as a failure each time.
    actions.fake->calls_answered.emplace_back(goes_on());
    for (int i = 0; i < 9; ++i) actions.fake->records.emplace_back(openwhisk_answer(401, openwhisk_error("x")));
    const auto error = failed(actions.invoke());
    CHECK(error.code == errc::authentication);
    CHECK(error.execution == Execution::started);
    auto asked = actions.fake->asked();
    CHECK(std::count(asked.begin(), asked.end(), "record") == 5);
}

TEST_CASE("openwhisk: a log that is wanted and not in the record costs one request more") {
    Actions actions{Actions::with_log(), access_with(first_key)};
    CHECK(ok(actions.invoke()).metrics.log_tail == "t stdout: hello\n");
    CHECK((actions.fake->asked() == Lines{"call", "logs"}));
    // Who does not look at metrics does not pay for it.
    ok(run(actions.io, actions.executor.invoke({.job_id = 7})));
    CHECK((actions.fake->asked() == Lines{"call"}));
    OpenWhiskRecord record;
    record.logs = R"(["t stderr: in it"])";
    actions.fake->calls_answered.emplace_back(openwhisk_answer(200, record));
    CHECK(ok(actions.invoke()).metrics.log_tail == "t stderr: in it\n");
    CHECK((actions.fake->asked() == Lines{"call"}));
    // One that cannot be had takes nothing from the call.
    for (const unsigned status : {404U, 400U}) {
        actions.fake->logs.emplace_back(openwhisk_answer(status, openwhisk_error("x")));
        const auto done = ok(actions.invoke());
        CHECK((*done.result.outcome == Bytes{1, 2, 255}));
        CHECK(done.metrics.log_tail.empty());
    }
    actions.fake->asked();
    // Of a failed job too, and after a wait.
    record = {};
    record.status = "action developer error";
    record.result = R"({"error":"Cannot start action. Check logs for details."})";
    for (const bool waited : {false, true}) {
        CAPTURE(waited);
        if (waited) actions.fake->calls_answered.emplace_back(goes_on());
        (waited ? actions.fake->records : actions.fake->calls_answered)
            .emplace_back(openwhisk_answer(waited ? 200 : 502, record));
        const auto error = failed(actions.invoke());
        CHECK(error.code == errc::invocation_failed);
        REQUIRE(error.metrics != nullptr);
        CHECK(error.metrics->log_tail == "t stdout: hello\n");
        CHECK(error.metrics->queue_duration == 21ms);
        CHECK((actions.fake->asked() == (waited ? Lines{"call", "record", "logs"} : Lines{"call", "logs"})));
    }
    Actions plain{Actions::quick(), access_with(first_key)};
    ok(plain.invoke());
    CHECK((plain.fake->asked() == Lines{"call"}));
    typename Actions::Transport transport{plain.io.get_executor(), plain.fake, {}};
    NoAuth auth;
    StandardResilience resilience;
    Actions::L link{transport, auth, resilience, deadline_after(60s)};
    const auto access = access_with(first_key);
    CHECK(ok(run(plain.io, plain.executor.codec().caller().logs(link, access, openwhisk_id))) == "t stdout: hello\n");
}

TEST_CASE("openwhisk: a call that is handed over has the activation's id as its receipt") {
    Actions actions;
    actions.fake->calls_answered.emplace_back(goes_on());
    const JobCall call{.job_id = 7, .args = {1}, .timeout = 5s};
    const auto receipt = ok(run(actions.io, actions.executor.invoke_async(call)));
    CHECK(receipt.invocation_id == openwhisk_id);
    CHECK_FALSE(receipt.completed);
    CHECK((actions.fake->asked() == Lines{"look", "call"}));
    CHECK(actions.fake->calls.back().target == "/api/v1/namespaces/_/actions/blueprint-job-7?blocking=false");
    // The time for handing over is none that the job is held to.
    CHECK(actions.fake->calls.back().body.view() == R"({"job_id":7,"args":"AQ=="})");
    actions.fake->calls_answered.emplace_back(goes_on());
    actions.fake->key = second_key;
    ok(run(actions.io, actions.executor.invoke_async(call)));
    CHECK((actions.fake->asked() == Lines{"call", "look", "call"}));
    // The form is not taken for one of a call that is waited for.
    ok(actions.invoke());
    CHECK(says(actions.fake->calls.back().target, "blocking=true"));
    CHECK(ok(run(actions.io, actions.executor.invoke_async(call))).completed);  // a platform that waits all the same
}

TEST_CASE("openwhisk: no error shows what opens the namespace") {
    Actions actions{Actions::with_log(), access_with(first_key)};
    const auto told = openwhisk_error("I was asked with " + first_key);
    OpenWhiskRecord record;
    record.status = "application error";
    record.result = R"({"error":"I was called with )" + first_key + "\"}";
    const auto shown = [](const Error& error) {
        std::ostringstream out;
        out << error << error.platform_code;
        if (error.metrics)
            for (const auto& attempt : error.metrics->failed_attempts) out << attempt.why;
        return out.str();
    };
    const auto secret = first_key.substr(6);
    actions.fake->calls_answered.emplace_back(openwhisk_answer(403, told));
    CHECK_FALSE(says(shown(failed(actions.invoke())), secret));
    actions.fake->calls_answered.emplace_back(openwhisk_answer(502, record));
    const auto error = failed(actions.invoke());
    CHECK(says(error.message, "[redacted]"));
    CHECK_FALSE(says(shown(error), secret));
    actions.fake->calls_answered.emplace_back(openwhisk_answer(502, record));
    CHECK_FALSE(says(shown(failed(run(actions.io, actions.executor.invoke({.job_id = 7})))), secret));
    actions.fake->calls_answered.emplace_back(goes_on());
    actions.fake->records.emplace_back(openwhisk_answer(200, record));
    CHECK_FALSE(says(shown(failed(actions.invoke())), secret));
    actions.fake->calls_answered.emplace_back(goes_on());
    for (int i = 0; i < 4; ++i) actions.fake->records.emplace_back(openwhisk_answer(403, told));
    CHECK_FALSE(says(shown(failed(actions.invoke())), secret));
}

TEST_CASE("openwhisk: only what may be repeated is") {
    OpenWhiskRecord broken;
    broken.status = "whisk internal error";
    broken.result = R"({"error":"Something broke."})";
    OpenWhiskRecord failed_job;
    failed_job.status = "application error";
    failed_job.result = R"({"error":"no luck"})";
    struct Row {
        HttpResponse answer;
        std::size_t idempotent;  // calls
        std::size_t other;
    };
    for (const auto& row :
         {Row{openwhisk_answer(500, broken), 2, 1}, Row{openwhisk_answer(502, failed_job), 1, 1},
          Row{openwhisk_answer(429, openwhisk_error("x")), 2, 2}, Row{openwhisk_answer(502, "<html>x</html>"), 2, 1},
          Row{openwhisk_answer(413, "<html>x</html>"), 1, 1}}) {
        CAPTURE(row.answer.body);
        for (const bool idempotent : {true, false}) {
            CAPTURE(idempotent);
            Actions actions{Actions::quick(), access_with(first_key)};
            actions.fake->calls_answered.emplace_back(row.answer);
            (void)actions.invoke({.job_id = 7, .idempotent = idempotent});
            CHECK(actions.fake->calls.size() == (idempotent ? row.idempotent : row.other));
        }
    }
}

TEST_CASE("openwhisk: what cannot be sent is refused, whether the access is known or not") {
    for (const bool known : {true, false}) {
        CAPTURE(known);
        Actions actions{Actions::quick(), known ? std::optional{access_with(first_key)} : std::nullopt};
        const auto error = failed(actions.invoke({.job_id = 7, .args = Bytes(800'000)}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(actions.fake->calls.empty());
        CHECK(failed(run(actions.io, actions.executor.invoke_async({.job_id = 7, .metadata = {{"a", "\xff"}}}))).code ==
              errc::invalid_configuration);
        CHECK(actions.fake->calls.empty());
    }
}

}  // namespace openwhisk_caller_test
