// What holds of every provider, over real sockets against the local cloud and with a real function binary. What one of
// them does otherwise is a capability that its codec declares, never a question for its name.
#include "bench.hpp"
#include "support/vfork.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace tests::behaviour {
namespace sentences_of {

Bytes sample(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
    return bytes;
}

// Packed once: that takes a while without optimisation.
const Package& salted() {
    static const auto package = other_function();
    return package;
}

std::string words(Bench& bench, JobId id, std::string_view args) { return string_of(bench.call(id, text(args))); }

void deploy_answers_deployed(const Provider& provider) {
    Bench bench{provider};
    const auto deployed = bench.deploy(square);
    CHECK(deployed.state == DeploymentState::deployed);
    CHECK(deployed.job_id == square);
    CHECK_FALSE(deployed.unchanged);
    CHECK_FALSE(deployed.function_id.empty());
    CHECK_FALSE(deployed.endpoint.empty());
    CHECK(deployed.memory_mib == 512);
    CHECK((deployed.timeout == 60s));
    CHECK(deployed.package_sha256 == deployed_function().sha256());
    CHECK(deployed.problem.empty());
    CHECK((bench.call(square, number(12)) == number(144)));
    const auto found = bench.ok(bench.executor().get_deployment(square));
    CHECK(found.state == DeploymentState::deployed);
    CHECK(found.job_id == square);
    CHECK(found.function_id == deployed.function_id);
    CHECK(found.endpoint == deployed.endpoint);
    CHECK(found.revision == deployed.revision);
    CHECK(found.memory_mib == 512);
    CHECK(found.package_sha256 == deployed.package_sha256);
}

void unchanged_writes_nothing(const Provider& provider) {
    Bench bench{provider};
    auto config = bench.config();
    config.env_vars.emplace("GREETING", "hello");
    bench.ok(bench.executor().deploy_job(variable, deployed_function(), config));
    CHECK(bench.count(&Place::writes) > 0);
    bench.forget_sent();
    const auto again = bench.ok(bench.executor().deploy_job(variable, deployed_function(), config));
    CHECK(again.unchanged);
    CHECK(again.state == DeploymentState::deployed);
    CHECK(bench.count(&Place::writes) == 0);
    // Nor does somebody write who has never looked at it.
    auto other = bench.place->subject();
    CHECK(bench.ok(other.executor.deploy_job(variable, deployed_function(), config)).unchanged);
    const auto& lines = *other.lines;
    const auto written =
        std::count_if(lines.begin(), lines.end(), [&](const auto& line) { return bench.place->writes(line); });
    // To obtain a key of its own is no change of the function.
    CHECK(written <= (bench.can.release ? 1 : 0));
    CHECK(words(bench, variable, "GREETING") == "hello");
}

void changed_configuration(const Provider& provider) {
    Bench bench{provider};
    auto config = bench.config();
    config.env_vars.emplace("GREETING", "hello");
    config.env_vars.emplace("GONE", "soon");
    bench.ok(bench.executor().deploy_job(variable, deployed_function(), config));
    CHECK(words(bench, variable, "GREETING") == "hello");
    config.env_vars.erase("GONE");
    config.env_vars.find("GREETING")->second = "goodbye";
    config.timeout = 20s;
    const auto changed = bench.ok(bench.executor().deploy_job(variable, deployed_function(), config));
    CHECK_FALSE(changed.unchanged);
    CHECK(changed.state == DeploymentState::deployed);
    CHECK((changed.timeout == 20s));
    CHECK(words(bench, variable, "GREETING") == "goodbye");
    CHECK(words(bench, variable, "GONE") == "(not set)");
}

void changed_package(const Provider& provider) {
    Bench bench{provider};
    const auto first = bench.deploy(has_salt);
    CHECK((bench.call(has_salt, {}) == Bytes{0}));
    const auto& package = salted();
    const auto second = bench.ok(bench.executor().deploy_job(has_salt, package, bench.config()));
    CHECK_FALSE(second.unchanged);
    CHECK(second.package_sha256 == package.sha256());
    CHECK(second.revision != first.revision);
    CHECK((bench.call(has_salt, {}) == Bytes{1}));
}

void bytes_come_back(const Provider& provider) {
    Bench bench{provider};
    const CallForm form{bench};
    bench.deploy(echo);
    for (const std::size_t size : {0U, 1U, 256U, 64U << 10U, 1U << 20U}) {
        CAPTURE(size);
        const auto bytes = sample(size);
        if (form.body_bytes(size) <= bench.can.facts.call_bytes) {
            CHECK((bench.call(echo, bytes) == bytes));
        } else {
            CHECK(bench.failed_call(echo, bytes).code == errc::invalid_configuration);
        }
    }
}

void largest_call(const Provider& provider) {
    Bench bench{provider};
    const auto limit = bench.can.facts.call_bytes;
    REQUIRE(limit > 0);
    const CallForm form{bench};
    auto config = bench.config();
    if (limit > 16U << 20U) config.memory_mib = 2048;
    bench.ok(bench.executor().deploy_job(size_of, deployed_function(), config));
    const auto most = form.most_args(limit);
    CHECK((bench.call(size_of, Bytes(most, 255)) == number(most)));
    CHECK(bench.body_bytes().back() <= limit);
    CHECK(bench.body_bytes().back() + 4 > limit);

    bench.forget_sent();
    const auto ran = bench.runs();
    const auto error = bench.failed_call(size_of, Bytes(most + 1, 255));
    CAPTURE(error.message);
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find(std::to_string(limit)) != std::string::npos);
    CHECK(error.message.find("send less") != std::string::npos);
    CHECK(bench.sent().empty());
    CHECK(bench.runs() == ran);
}

void largest_result(const Provider& provider) {
    Bench bench{provider};
    const auto limit = bench.can.facts.result_bytes;
    REQUIRE(limit > 0);
    const CallForm form{bench};
    auto config = bench.config();
    if (limit > 16U << 20U) config.memory_mib = 2048;
    bench.ok(bench.executor().deploy_job(fill, deployed_function(), config));
    const auto fits = form.most_args(limit - 1024);  // what else stands in an answer has room in that
    CHECK(bench.call(fill, number(fits)).size() == fits);

    const auto ran = bench.runs();
    const auto error = bench.failed_call(fill, number(limit + 1));
    CAPTURE(error.message);
    CHECK(error.execution == Execution::started);
    CHECK_FALSE(error.retryable);
    CHECK(bench.runs() == ran + 1);
    CHECK((bench.call(fill, number(3)) == Bytes(3, 7)));
}

void failed_job(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(fail);
    JobCall call = Bench::call_of(fail, number(3));
    call.idempotent = true;  // which is no reason to run a job again that has failed
    const auto error = bench.failed(bench.executor().invoke(std::move(call)));
    CHECK(error.code == errc::function_error);
    CHECK(error.message.find("there is no answer to 3") != std::string::npos);
    CHECK(error.execution == Execution::started);
    CHECK(bench.runs() == 1);
}

void crashed_job(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(crash);
    bench.deploy(square);
    const auto error = bench.failed_call(crash, {});
    CAPTURE(error.message);
    CHECK(error.code == (bench.can.facts.tells_crashes ? errc::function_error : errc::infrastructure));
    CHECK(error.execution != Execution::not_started);
    CHECK(bench.runs() == 1);
    CHECK((bench.call(square, number(12)) == number(144)));
    CHECK(bench.failed_call(crash, {}).code == error.code);
}

void callers_deadline(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(meet);
    const auto gate = bench.gate();
    const auto begun = std::chrono::steady_clock::now();
    const auto error = bench.failed(bench.executor().invoke(Bench::call_of(meet, text(gate), 1500ms)));
    const auto took = std::chrono::steady_clock::now() - begun;
    CHECK(error.code == errc::timed_out);
    CHECK(error.execution != Execution::not_started);
    CHECK(error.message.find("time") != std::string::npos);
    CHECK(took >= 1400ms);
    CHECK(took < 8s);
    CHECK(bench.runs() <= 1);
    Bench::let_go(gate);
}

void throttled(const Provider& provider) {
    Bench bench{provider, {.one_call_at_a_time = true}};
    auto config = bench.config();
    bench.place->limit(config);
    bench.ok(bench.executor().deploy_job(meet, deployed_function(), config));
    const auto occupied = bench.gate();
    bench.forget_sent();
    const auto first = bench.begin(Bench::call_of(meet, text(occupied)));
    bench.until([&] { return Bench::begun(occupied); });
    const auto open = bench.gate();
    Bench::let_go(open);
    const auto error = bench.failed(bench.executor().invoke(Bench::call_of(meet, text(open), 20s)));
    CAPTURE(error.message);
    CHECK(error.code == errc::throttled);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.retryable);
    CHECK(error.metrics->attempts == RetryLimits{}.max_attempts);
    CHECK(error.metrics->failed_attempts.size() == RetryLimits{}.max_attempts);
    CHECK(bench.count(&Place::calls) == 1 + RetryLimits{}.max_attempts);
    CHECK(bench.runs() == 1);

    // One that is refused at first is answered when there is room.
    bench.forget_sent();
    const auto second = bench.begin(Bench::call_of(meet, text(open), 20s));
    bench.until([&] { return bench.count(&Place::calls) > 0; });
    Bench::let_go(occupied);
    bench.place->relieve();
    bench.until([&] { return first->outcome && second->outcome; });
    CHECK(first->outcome->has_value());
    REQUIRE(second->outcome->has_value());
    CHECK(second->outcome->value().metrics.attempts >= 1);
}

void unknown_job(const Provider& provider) {
    Bench bench{provider};
    const auto unknown = [&](const Error& error) {
        CAPTURE(error.message);
        CHECK(error.code == errc::not_found);
        CHECK_FALSE(error.retryable);
        CHECK(error.message.find("deploy") != std::string::npos);
    };
    unknown(bench.failed_call(square, number(1)));
    unknown(bench.failed(bench.executor().get_deployment(square)));
    // And beside one that is there.
    bench.deploy(echo);
    const auto error = bench.failed_call(square, number(1));
    unknown(error);
    CHECK(error.execution == Execution::not_started);
    unknown(bench.failed(bench.executor().get_deployment(square)));
    // Where all jobs are in one app, its instances are every job's.
    if (!bench.can.facts.one_app_for_all_jobs) unknown(bench.failed(bench.executor().warm(square, 1)));
    CHECK(bench.runs() == 0);
}

void health(const Provider& provider) {
    Bench bench{provider};
    CHECK(bench.ok(bench.executor().health_check(square)).state == HealthState::absent);
    bench.deploy(square);
    const auto healthy = bench.ok(bench.executor().health_check(square));
    CHECK(healthy.state == HealthState::healthy);
    CHECK(bench.ok(bench.executor().health_check(echo)).state == HealthState::absent);
    CHECK(bench.runs() == 0);
    bench.ok(bench.executor().undeploy_job(square));
    CHECK(bench.ok(bench.executor().health_check(square)).state == HealthState::absent);
}

// A program that cannot start is told when it is deployed, or else when it is warmed and called.
void broken_program(const Provider& provider) {
    if (vfork_is_fork && &provider == &custom) {
        MESSAGE("left out: the platform is not told that a program cannot be executed");
        return;
    }
    Bench bench{provider};
    PackageOptions script;
    script.allow_script = true;
    const auto broken = tests::ok(Package::from_binary(faas::detail::bytes_of("#!/no/such/interpreter\n"), script));
    const auto deployed = bench.run(bench.executor().deploy_job(square, broken, bench.config()));
    if (deployed) {
        // A platform may learn of it by either.
        CHECK(bench.failed_call(square, number(2)).code != errc::not_found);
        const auto warmed = bench.run(bench.executor().warm(square, 1));
        CHECK((!warmed || warmed->instances.value_or(0) == 0));
    }
    const auto state = bench.ok(bench.executor().health_check(square));
    if (!deployed || bench.can.facts.health_asks_program) CHECK(state.state != HealthState::healthy);
    bench.deploy(square);
    CHECK(bench.ok(bench.executor().health_check(square)).state == HealthState::healthy);
    CHECK((bench.call(square, number(12)) == number(144)));
}

void warm_runs_no_job(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(square);
    const auto warmed = bench.ok(bench.executor().warm(square, 2));
    CHECK(warmed.supported);
    CHECK(warmed.requested == 2);
    CHECK(warmed.instances.value_or(1) >= 1);
    CHECK(bench.runs() == 0);
    const auto done = bench.metered(square, number(3));
    CHECK((*done.result.outcome == number(9)));
    if (bench.can.facts.metrics.cold_start) CHECK(done.metrics.cold_start == false);
    CHECK(bench.runs() == 1);
}

void metrics(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(square);
    const auto told = bench.can.facts.metrics;
    // Two calls: one may have to start an instance, the other need not.
    for (int i = 0; i < 2; ++i) {
        CAPTURE(i);
        if (i == 1) bench.ok(bench.executor().warm(square, 1));
        const auto done = bench.metered(square, number(12));
        CHECK(done.result.job_id == square);
        CHECK(done.result.ran_on == bench.executor().provider_name());
        const auto& measured = done.metrics;
        CHECK(measured.execution_duration.has_value() == told.execution_duration);
        CHECK(measured.billed_duration.has_value() == told.billed_duration);
        CHECK(measured.queue_duration.has_value() == told.queue_duration);
        CHECK(measured.cold_start.has_value() == told.cold_start);
        CHECK(measured.memory_used_mib.has_value() == told.memory_used);
        CHECK(measured.memory_limit_mib.has_value() == told.memory_limit);
        CHECK(measured.request_id.empty() == !told.request_id);
        CHECK(measured.executed_version.empty() == !told.executed_version);
        CHECK(measured.init_duration.has_value() == (told.init_duration && measured.cold_start == true));
        CHECK(measured.log_tail.empty());
        CHECK(measured.attempts == 1);
        CHECK(measured.failed_attempts.empty());
        CHECK(measured.connection_reused.has_value());
        CHECK((measured.total_duration > 0us));
        // Platforms tell whole milliseconds, and round up.
        if (told.execution_duration)
            CHECK(*measured.execution_duration <=
                  std::chrono::ceil<std::chrono::milliseconds>(measured.total_duration));
        if (told.memory_limit) CHECK(measured.memory_limit_mib == 512);
    }
}

void metrics_of_failures(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(fail);
    const auto error = bench.failed(bench.executor().invoke_with_metrics(Bench::call_of(fail, number(3))));
    const auto& measured = *error.metrics;
    CHECK((measured.total_duration > 0us));
    CHECK(measured.attempts == 1);
    // An attempt is an exchange: one that went well did not fail, although its answer told that the job had.
    CHECK(measured.failed_attempts.size() <= 1);
    for (const auto& attempt : measured.failed_attempts) {
        CHECK(attempt.code == errc::function_error);
        CHECK(attempt.execution == Execution::started);
        CHECK(attempt.where.find("127.0.0.1") != std::string::npos);
        CHECK((attempt.took <= measured.total_duration));
    }
    CHECK(error.request_id.empty() == !bench.can.facts.metrics.request_id);
    // Of one that was refused before it was sent: that nothing was.
    const auto refused = bench.failed_call(fail, Bytes(bench.can.facts.call_bytes + 1));
    CHECK(refused.execution == Execution::not_started);
    CHECK_FALSE(refused.metrics->execution_duration.has_value());
    CHECK_FALSE(refused.metrics->cold_start.has_value());
}

void many_at_once(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(square);
    std::vector<std::shared_ptr<Pending>> calls;
    for (std::uint64_t i = 0; i < 64; ++i) calls.push_back(bench.begin(Bench::call_of(square, number(i))));
    bench.until(
        [&] { return std::all_of(calls.begin(), calls.end(), [](const auto& call) { return call->outcome; }); });
    std::set<std::string> ids;
    for (std::uint64_t i = 0; i < 64; ++i) {
        CAPTURE(i);
        auto done = tests::ok(std::move(*calls[i]->outcome));
        CHECK((*done.result.outcome == number(i * i)));
        ids.insert(done.metrics.request_id);
    }
    CHECK(bench.runs() == 64);
    CHECK(ids.size() == (bench.can.facts.metrics.request_id ? 64 : 1));
}

void cancelled(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(meet);
    const auto gate = bench.gate();
    const auto pending = bench.begin(Bench::call_of(meet, text(gate)));
    bench.until([&] { return Bench::begun(gate); });
    const auto asked = std::chrono::steady_clock::now();
    pending->cancel.emit(asio::cancellation_type::terminal);
    bench.until([&] { return pending->outcome.has_value(); }, 10s);
    CHECK(std::chrono::steady_clock::now() - asked < 5s);
    REQUIRE(pending->outcome->has_error());
    CHECK(pending->outcome->error().code == errc::cancelled);
    CHECK(pending->outcome->error().execution != Execution::not_started);
    CHECK(bench.runs() == 1);
    Bench::let_go(gate);
    // What comes after it is undisturbed.
    const auto open = bench.gate();
    Bench::let_go(open);
    CHECK(words(bench, meet, open) == "met");
}

void two_jobs(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(square);
    bench.ok(bench.executor().deploy_job(has_salt, salted(), bench.config()));
    CHECK((bench.call(square, number(12)) == number(144)));
    CHECK((bench.call(has_salt, {}) == Bytes{1}));
    CHECK((bench.call(square, number(3)) == number(9)));
    bench.ok(bench.executor().undeploy_job(has_salt));
    CHECK((bench.call(square, number(5)) == number(25)));
    CHECK(bench.failed_call(has_salt, {}).code == errc::not_found);
}

// The address that an executor knows may be gone with the function. It learns that from a call in which nothing ran, at
// most one.
void replaced_behind_its_back(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(has_salt);
    CHECK((bench.call(has_salt, {}) == Bytes{0}));
    const auto settled = [&] {
        auto done = bench.run(bench.executor().invoke(Bench::call_of(has_salt, {})));
        if (done || done.error().code == errc::not_found) return done;
        CHECK(done.error().execution == Execution::not_started);
        return bench.run(bench.executor().invoke(Bench::call_of(has_salt, {})));
    };
    auto other = bench.place->subject();
    bench.ok(other.executor.undeploy_job(has_salt));
    bench.ok(other.executor.deploy_job(has_salt, salted(), bench.config()));
    CHECK((*tests::ok(settled()).outcome == Bytes{1}));
    bench.ok(other.executor.undeploy_job(has_salt));
    CHECK(tests::failed(settled()).code == errc::not_found);
}

void undeployed(const Provider& provider) {
    Bench bench{provider};
    bench.ok(bench.executor().undeploy_job(square));  // there was nothing
    bench.deploy(square);
    CHECK((bench.call(square, number(12)) == number(144)));
    bench.ok(bench.executor().undeploy_job(square));
    bench.ok(bench.executor().undeploy_job(square));
    const auto error = bench.failed_call(square, number(1));
    CHECK(error.code == errc::not_found);
    CHECK(error.execution == Execution::not_started);
    CHECK(bench.failed(bench.executor().get_deployment(square)).code == errc::not_found);
    const auto again = bench.deploy(square);
    CHECK_FALSE(again.unchanged);
    CHECK((bench.call(square, number(5)) == number(25)));
}

void handed_over(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(meet);
    const auto gate = bench.gate();
    const auto receipt = bench.ok(bench.executor().invoke_async(Bench::call_of(meet, text(gate))));
    CHECK_FALSE(receipt.completed);  // the job is still at it
    CHECK_FALSE(receipt.invocation_id.empty());
    bench.until([&] { return Bench::begun(gate); });
    Bench::let_go(gate);
    CHECK(bench.runs() == 1);
    CHECK(bench.failed(bench.executor().invoke_async(Bench::call_of(square, number(1)))).code == errc::not_found);
    const auto limit =
        bench.can.facts.queued_call_bytes != 0 ? bench.can.facts.queued_call_bytes : bench.can.facts.call_bytes;
    bench.forget_sent();
    const auto refused = bench.failed(bench.executor().invoke_async(Bench::call_of(meet, Bytes(limit + 1, 255))));
    CHECK(refused.code == errc::invalid_configuration);
    CHECK(refused.message.find(std::to_string(limit)) != std::string::npos);
    CHECK(bench.sent().empty());
}

void streamed(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(echo);
    bench.deploy(fail);
    const auto bytes = sample(300'000);
    Bytes came;
    const ResultSink sink = [&](std::span<const std::uint8_t> piece) {
        came.insert(came.end(), piece.begin(), piece.end());
        return result<void>{};
    };
    const auto done = bench.ok(bench.executor().invoke_streaming(Bench::call_of(echo, bytes), sink));
    CHECK((came == bytes));
    CHECK(done.result.outcome->empty());
    CHECK(bench.failed(bench.executor().invoke_streaming(Bench::call_of(fail, number(3)), sink)).code ==
          errc::function_error);
    CHECK(bench.runs() == 1);
}

void listed(const Provider& provider) {
    Bench bench{provider};
    CHECK(bench.ok(bench.executor().list_deployments()).empty());
    bench.deploy(square);
    bench.deploy(echo);
    std::set<std::uint32_t> ids;
    for (const auto& one : bench.ok(bench.executor().list_deployments())) {
        ids.insert(one.job_id.value());
        CHECK_FALSE(one.function_id.empty());
    }
    CHECK((ids == std::set<std::uint32_t>{square.value(), echo.value()}));
    bench.ok(bench.executor().undeploy_job(echo));
    const auto left = bench.ok(bench.executor().list_deployments());
    REQUIRE(left.size() == 1);
    CHECK(left.front().job_id == square);
}

void described(const Provider& provider) {
    Bench bench{provider};
    const auto told = bench.ok(bench.executor().describe_platform());
    CHECK_FALSE(told.spec.empty());
    CHECK(told.has("list") == bench.can.list);
    CHECK(told.has("async") == bench.can.invoke_async);
    CHECK(told.limit("request_bytes").value_or(0) == bench.can.facts.call_bytes);
}

void planned(const Provider& provider) {
    Bench bench{provider};
    const auto plan = bench.ok(bench.executor().plan_deploy(square, deployed_function(), bench.config()));
    CHECK_FALSE(plan.unchanged);
    CHECK(std::any_of(plan.calls.begin(), plan.calls.end(), [](const auto& call) { return call.writes; }));
    CHECK(bench.count(&Place::writes) == 0);
    bench.deploy(square);
    bench.forget_sent();
    const auto none = bench.ok(bench.executor().plan_deploy(square, deployed_function(), bench.config()));
    CHECK(none.unchanged);
    CHECK_FALSE(std::any_of(none.calls.begin(), none.calls.end(), [](const auto& call) { return call.writes; }));
    CHECK(bench.count(&Place::writes) == 0);
}

void checked(const Provider& provider) {
    Bench bench{provider};
    CHECK(bench.failed(bench.executor().check_invoke(square)).code == errc::not_found);
    bench.deploy(square);
    bench.ok(bench.executor().check_invoke(square));
    CHECK(bench.runs() == 0);
}

// Two states of one function, told apart by what WHO is.
void revisions(const Provider& provider) {
    Bench bench{provider};
    auto config = bench.config();
    config.env_vars.emplace("WHO", "first");
    bench.ok(bench.executor().deploy_job(variable, deployed_function(), config));
    config.env_vars.find("WHO")->second = "second";
    bench.ok(bench.executor().deploy_job(variable, deployed_function(), config));
    const auto all = bench.ok(bench.executor().list_revisions(variable));
    REQUIRE(all.size() == 2);
    CHECK(all[0].traffic == doctest::Approx(1));
    CHECK(all[1].traffic == doctest::Approx(0));
    CHECK(words(bench, variable, "WHO") == "second");
    if (bench.can.shift_traffic) {
        bench.ok(bench.executor().shift_traffic(variable, all[1].id, 0.5));
        std::set<std::string> seen;
        for (int i = 0; i < 200 && seen.size() < 2; ++i) seen.insert(words(bench, variable, "WHO"));
        CHECK((seen == std::set<std::string>{"first", "second"}));  // one alone: once in 10^60 runs
        bench.ok(bench.executor().shift_traffic(variable, all[1].id, 0));
        CHECK(words(bench, variable, "WHO") == "second");
    }
    if (bench.can.roll_back) {
        CHECK(bench.ok(bench.executor().roll_back(variable)).id == all[1].id);
        CHECK(words(bench, variable, "WHO") == "first");
    }
}

void released(const Provider& provider) {
    Bench bench{provider};
    bench.deploy(square);
    bench.ok(bench.executor().release());
    bench.ok(bench.executor().release());
    CHECK((bench.call(square, number(12)) == number(144)));
    bench.ok(bench.executor().release());
}

}  // namespace sentences_of

const std::vector<Sentence>& sentences() {
    using namespace sentences_of;
    using Can = const Capabilities&;
    static const std::vector<Sentence> all{
        {"deploy answers deployed, and the deployment is found", &deploy_answers_deployed},
        {"deploying unchanged says so and writes nothing", &unchanged_writes_nothing},
        {"a changed configuration is deployed, and what answers has it", &changed_configuration},
        {"a changed package is deployed, and it answers", &changed_package},
        {"0, 1 and 256 bytes, 64 KiB and 1 MiB come back as they went", &bytes_come_back},
        {"the longest call passes, and one byte more is refused before it is sent", &largest_call},
        {"a result beyond the limit is told, and its job not run again", &largest_result},
        {"a job that failed is told in its own words, and not run again", &failed_job},
        {"a job that ends its program is told, and others go on", &crashed_job},
        {"the caller's deadline ends a call", &callers_deadline},
        {"a call too many is throttled: tried again for a while, and then told", &throttled},
        {"a job that is not there is not found, and told what to do", &unknown_job},
        {"health tells what is absent and what is healthy", &health},
        {"a program that cannot start is told, and can be replaced", &broken_program},
        {"warming runs no job", &warm_runs_no_job},
        {"metrics are those that the codec declares, and nothing else", &metrics},
        {"a failed call has metrics too", &metrics_of_failures},
        {"64 calls at once each get their own answer", &many_at_once},
        {"a cancelled call ends at once", &cancelled},
        {"two jobs stand side by side", &two_jobs},
        {"a function that others replaced is called all the same", &replaced_behind_its_back},
        {"what was removed, once or twice, is not found, and can be deployed again", &undeployed},
        {"an asynchronous call is handed over", &handed_over, [](Can can) { return can.invoke_async; }},
        {"a streamed result comes whole", &streamed, [](Can can) { return can.invoke_streaming; }},
        {"the list has the jobs that are deployed", &listed, [](Can can) { return can.list; }},
        {"the platform's description agrees with what the codec declares", &described,
         [](Can can) { return can.describe; }},
        {"a plan changes nothing and tells whether deploying would", &planned, [](Can can) { return can.plan_deploy; }},
        {"a call is checked without being made", &checked, [](Can can) { return can.check_invoke; }},
        {"revisions are listed, share calls, and are gone back to", &revisions,
         [](Can can) { return can.list_revisions; }},
        {"what was obtained for the executor is given back, and obtained anew", &released,
         [](Can can) { return can.release; }},
    };
    return all;
}

}  // namespace tests::behaviour
