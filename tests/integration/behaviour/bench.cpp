#include "bench.hpp"

#include <algorithm>
#include <system_error>

namespace tests::behaviour {

std::size_t Bench::count(const std::vector<std::string>& lines, bool (Place::*is)(std::string_view) const) const {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return (*place.*is)(line); }));
}

void Bench::until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    auto& io = place->io();
    io.restart();
    while (!condition()) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "what should have happened did not");
        io.run_one_for(2ms);
    }
}

FaasConfig Bench::config() const {
    FaasConfig config{.memory_mib = 512, .timeout = 60s};
    config.env_vars.emplace("RUNS", (directory_ / "runs").string());
    return config;
}

JobCall Bench::call_of(JobId id, Bytes args, std::optional<std::chrono::milliseconds> timeout) {
    JobCall call;
    call.job_id = id;
    call.args = std::move(args);
    call.timeout = timeout;
    return call;
}

std::shared_ptr<Pending> Bench::begin(JobCall call) {
    auto pending = std::make_shared<Pending>();
    start(executor(), executor().invoke_with_metrics(std::move(call)),
          asio::bind_cancellation_slot(pending->cancel.slot(), [this, pending](result<Invocation> done) {
              if (done.has_error()) look_at(done.error());
              pending->outcome.emplace(std::move(done));
          }));
    return pending;
}

std::size_t Bench::runs() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(directory_ / "runs", none);
    return none ? 0 : static_cast<std::size_t>(size);
}

void Bench::look_at(const Error& error) const {
    std::ostringstream line;
    line << error;
    for (const auto& frame : error.stack_trace) line << ' ' << frame;
    if (error.metrics)
        for (const auto& attempt : error.metrics->failed_attempts) line << ' ' << attempt.where << ' ' << attempt.why;
    const auto text = line.str();
    CAPTURE(text);
    CHECK(error.provider == subject_.executor.provider_name());
    CHECK(error.code.category() == faas_category());
    CHECK(error.message.size() > 10);
    for (const auto& secret : place->secrets()) CHECK(text.find(secret) == std::string::npos);
    REQUIRE(error.metrics != nullptr);
}

CallForm::CallForm(Bench& bench) {
    bench.deploy(size_of);
    std::vector<std::uint64_t> bodies;
    for (std::size_t args = 1; args <= 4; ++args) {
        bench.call(size_of, Bytes(args, 255));
        bodies.push_back(bench.body_bytes().back());
    }
    group_ = bodies[0] == bodies[2] ? 3 : 1;
    step_ = bodies[3] - bodies[2];
    begin_ = bodies[group_ - 1] - step_;
}

}  // namespace tests::behaviour
