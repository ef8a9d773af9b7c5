#ifndef BLUEPRINT_FAAS_TESTS_SOAK_CLIENT_HPP
#define BLUEPRINT_FAAS_TESTS_SOAK_CLIENT_HPP

#include "blueprint/faas/start.hpp"
#include "clouds.hpp"
#include "executors.hpp"
#include "fast_platform.hpp"
#include "ledger.hpp"
#include "measures.hpp"
#include "pulse.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace soak {

// What of a platform's state a call may have met: it is calm, and has been since a moment, if the stamp is no 0 and has
// not changed since.
struct Deployed {
    std::optional<std::size_t> generation{};
    bool deploying = true;
    std::size_t deployments = 0;
    std::size_t refused = 0;       // attempts to deploy that failed, which a restart may have met
    std::size_t looked = 0;        // health checks and looks at a deployment
    std::size_t looked_badly = 0;  // of them, in a calm time
    std::string first_trouble{};
};

class Client {
public:
    /// Every failure leaves a line in `failures`, behind the call's number.
    Client(Clouds& clouds, FastPlatform& fast, Ledger& ledger, const std::filesystem::path& failures,
           std::size_t windows)
        : slow(windows), fast_latencies(windows), clouds_{clouds}, fast_{fast}, ledger_{ledger}, failures_{failures} {
        for (auto& one : served_) one = none;
    }

    // --- calls ---
    std::optional<JobCall> make(std::size_t job, bool to_be_cancelled = false) {
        const bool quick = job >= providers;
        auto kind = 'e';
        const auto dice = draw();
        if (quick && !to_be_cancelled) {
            kind = dice % 499 == 0 ? 's' : 'e';
        } else if (!to_be_cancelled) {
            kind = dice % 50 == 0 ? 'f' : dice % 101 == 0 ? 's' : dice % 409 == 0 ? 'c' : 'e';
        }
        const bool idempotent = dice / 1024 % 4 == 0;
        const auto number = stop ? std::nullopt : ledger_.open(job, idempotent);
        if (!number) return std::nullopt;
        JobCall call{.job_id = id(job), .args = Bytes(24, 7), .timeout = 20s, .idempotent = idempotent};
        for (std::size_t i = 0; i < 8; ++i) call.args[i] = static_cast<std::uint8_t>(*number >> 8 * i);
        call.args[8] = static_cast<std::uint8_t>(kind);
        if (kind == 's') call.timeout = quick ? 150ms : 300ms;
        call.metadata.set("number", std::to_string(*number));
        call.metadata.set("kind", std::string(1, to_be_cancelled ? 'x' : kind));
        call.metadata.set("stamp", std::to_string(stamp(job)));
        call.metadata.set("began", std::to_string(Clock::now().time_since_epoch().count()));
        return call;
    }
    // Takes down how a call ended, and whether that is as it should be.
    void take(const Invocation& invocation) {
        const auto& told = invocation.result;
        const auto text = [&](std::string_view name) { return std::string{told.metadata.get(name).value_or("0")}; };
        const std::uint64_t number = std::strtoull(text("number").c_str(), nullptr, 10);
        const auto kind = text("kind")[0];
        const auto job = ledger_.job(number);
        const bool quick = job >= providers;
        const auto began = std::strtoull(text("stamp").c_str(), nullptr, 10);
        const bool calm = began != 0 && began == stamp(job);
        repeated += invocation.metrics.attempts > 1 ? 1U : 0U;
        auto meaning = Told::success;
        if (told.outcome) {
            ++succeeded[job];
            const auto& bytes = *told.outcome;
            bool same = bytes.size() == 24 && bytes[23] == 7;
            for (std::size_t i = 0; same && i < 8; ++i) same = bytes[i] == static_cast<std::uint8_t>(number >> 8 * i);
            if (!same) complain(job, "the answer is another call's");
            if (kind == 'f' || kind == 'c') complain(job, "it succeeded, and should have failed");
            if (calm && kind == 'e') (quick ? fast_latencies : slow)[window].add(invocation.metrics.total_duration);
        } else {
            const auto& error = told.outcome.error();
            ++failed[job];
            ++reasons[error.code.message()];
            meaning = error.execution == Execution::not_started ? Told::not_started
                      : error.execution == Execution::started   ? Told::started
                                                                : Told::unknown;
            const Clock::time_point started{Clock::duration{std::strtoll(text("began").c_str(), nullptr, 10)}};
            const Met met{
                .calm = calm, .revoked = revoked_around(job, started), .back = quick && started < fast_.back_at() + 2s};
            std::ostringstream words;
            words << (calm ? "" : "(restarted, deployed or stalled meanwhile) ") << kind << ' ' << error;
            if (!provoked(error, kind, quick, met)) complain(job, words.str());
            write_down(number, job, words.str(), error, invocation.metrics);
        }
        if (!ledger_.close(number, meaning)) complain(job, "it was told of twice");
    }
    static JobId id(std::size_t job) {
        return *JobId::from(static_cast<std::uint32_t>(job < providers ? job : job - providers + 10));
    }

    // Calls through the registry that are cancelled after a moment.
    template <class Registry>
    asio::awaitable<void> cancel_calls(const Registry& registry, asio::io_context& io, std::size_t job) {
        while (auto call = make(job, true)) {
            const auto metadata = call->metadata;
            std::optional<result<Invocation>> outcome;
            asio::cancellation_signal signal;
            asio::steady_timer ended{io};
            ended.expires_after(std::chrono::milliseconds{draw() % 12});
            start(io, registry.invoke_with_metrics(std::move(*call)),
                  asio::bind_cancellation_slot(signal.slot(), [&](result<Invocation> done) {
                      outcome.emplace(std::move(done));
                      ended.cancel();
                  }));
            co_await ended.async_wait(asio::as_tuple(asio::use_awaitable));
            if (!outcome) {
                signal.emit(asio::cancellation_type::terminal);
                ended.expires_after(30s);
                if (!outcome) co_await ended.async_wait(asio::as_tuple(asio::use_awaitable));
            }
            if (!outcome) {
                complain(job, "it did not end when it was cancelled");
                std::abort();  // what it refers to is about to go
            }
            if (outcome->has_value()) {
                take(**outcome);
            } else {
                Invocation told;
                told.result = JobResult{.job_id = id(job), .outcome = outcome->error(), .metadata = metadata};
                take(told);
            }
            co_await pause(job < providers ? 150ms : 20ms);
        }
    }

    // --- deployments ---
    // Deploys the job when its platform has come back without it, and now and then for its own sake.
    template <class Executor>
    asio::awaitable<void> keep_deployed(Executor& executor, std::size_t job, const std::array<Package, 2>& packages,
                                        FaasConfig config, std::chrono::milliseconds every) {
        auto& state = deployed[job];
        auto due = Clock::now() + every;
        while (!stop) {
            const auto generation = clouds_.generation(platform_of[job]);
            if (state.generation == generation && Clock::now() < due) {
                co_await pause(10ms);
                continue;
            }
            state.deploying = true;
            const Package& package = packages[state.deployments % 2];
            auto deploying = executor.deploy_job(id(job), package, config);
            const auto outcome = co_await std::move(deploying);
            if (outcome) {
                state.generation = generation;
                served_[job] = generation;
                ++state.deployments;
                state.deploying = false;
                due = Clock::now() + every;
            } else {
                ++state.refused;
                std::ostringstream words;
                words << outcome.error();
                state.first_trouble = words.str();
                co_await pause(50ms);
            }
        }
    }
    template <class Executor>
    asio::awaitable<void> look(Executor& executor, std::size_t job) {
        auto& state = deployed[job];
        while (!stop) {
            const auto before = stamp(job);
            const auto began = Clock::now();
            auto asking = executor.health_check(id(job));
            const auto health = co_await std::move(asking);
            auto looking = executor.get_deployment(id(job));
            const auto deployment = co_await std::move(looking);
            const bool good = health && health->state == HealthState::healthy && deployment;
            ++state.looked;
            std::optional<Error> error;
            if (!health)
                error = health.error();
            else if (!deployment)
                error = deployment.error();
            const bool refused = error && error->code == errc::authentication && revoked_around(job, began);
            if (!good && !refused && before != 0 && before == stamp(job)) {
                ++state.looked_badly;
                std::ostringstream words;
                if (error)
                    words << *error;
                else
                    words << "health: " << static_cast<int>(health->state) << ' ' << health->reason;
                complain(job, "looked at: " + words.str());
            }
            co_await pause(700ms);
        }
    }
    /// Tells whether the jobs of a platform are deployed to what it is now. From any thread.
    bool settled(Platform platform) const {
        for (std::size_t job = 0; job < providers; ++job)
            if (platform_of[job] == platform && served_[job] != clouds_.generation(platform)) return false;
        return true;
    }
    /// Beats on the client's loop.
    asio::awaitable<void> beat() { return pulse_.beat(stop); }
    /// Ends the file of failures.
    void end() { failures_.close(); }
    /// Tells whether every job has been deployed so often.
    bool all_deployed(std::size_t times) const {
        return std::all_of(deployed.begin(), deployed.end(),
                           [&](const Deployed& one) { return one.deployments >= times; });
    }
    std::size_t windows() const { return slow.size(); }

    void complain(std::size_t job, const std::string& what) {
        ++wrong;
        if (wrong > 20) return;
        complaints +=
            std::string{"\n  "} + (job < providers ? "" : "fast ") + provider_names.at(job % providers) + ": " + what;
    }

    std::atomic<bool> stop{false};
    std::size_t window = 0;
    std::size_t repeated = 0;
    std::size_t wrong = 0;
    std::string complaints{};
    std::array<std::uint64_t, 2 * providers> succeeded{};
    std::array<std::uint64_t, 2 * providers> failed{};
    std::map<std::string, std::uint64_t> reasons{};
    std::array<Deployed, providers> deployed{};
    std::vector<Latencies> slow;
    std::vector<Latencies> fast_latencies;

private:
    std::uint64_t draw() {
        random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return random_ >> 33U;
    }
    // When what a call's token is good for was last forgotten.
    Clock::time_point revoked_at(std::size_t job) const {
        if (job < providers) return clouds_.revoked_at();
        return std::max(clouds_.revoked_at(), fast_.revoked_at());
    }
    // Tells whether tokens were forgotten during what began at `began`, or a moment before. The token that came for a
    // forgotten one may have been forgotten with it, and there is no third; nor is there a second where the share of
    // retries is used up.
    bool revoked_around(std::size_t job, Clock::time_point began) const { return began < revoked_at(job) + 2s; }
    // What a call met beside its platform.
    struct Met {
        bool calm;
        bool revoked;  // tokens were forgotten, during the call or a moment before
        bool back;     // the fast platform, which gives tokens too, had come back a moment before
    };
    void write_down(std::uint64_t number, std::size_t job, const std::string& words, const Error& error,
                    const FaasMetrics& measured) {
        failures_ << number << ' ' << (job < providers ? "" : "fast ") << provider_names.at(job % providers) << ": "
                  << words << ", execution " << static_cast<int>(error.execution);
        for (const auto& attempt : (error.metrics ? *error.metrics : measured).failed_attempts)
            failures_ << "; attempt after " << attempt.began_after.count() << " us for " << attempt.took.count()
                      << " us: " << attempt.why << ", execution " << static_cast<int>(attempt.execution);
        failures_ << '\n';
    }
    // Says which life of its deployment a call meets, and whether all loops have had their turns; 0: it is being
    // restarted or deployed.
    std::uint64_t stamp(std::size_t job) const {
        const auto stalls = pulse_.stalls() + clouds_.stalls() + fast_.stalls();
        if (job >= providers) return fast_.is_going() ? 0 : 1 + fast_.restarts() * 1'000'000 + stalls;
        const auto& state = deployed[job];
        const auto generation = clouds_.generation(platform_of[job]);
        if (clouds_.is_going(platform_of[job]) || state.deploying || state.generation != generation) return 0;
        return 1 + (generation * 10'000 + state.deployments) * 1'000'000 + stalls;
    }
    // Whether the test does what the call met.
    static bool provoked(const Error& error, char kind, bool quick, const Met& met) {
        const auto is = [&](errc code) { return error.code == code; };
        if (kind == 'x' && is(errc::cancelled)) return true;
        if (kind == 'f' && is(errc::function_error)) return true;
        if (kind == 's' && is(errc::timed_out)) return true;
        if (kind == 'c' && (is(errc::function_error) || is(errc::invocation_failed) || is(errc::infrastructure)))
            return true;
        if (is(errc::throttled)) return true;
        if (met.revoked && is(errc::authentication)) return true;
        // A token that could not be had is not asked for again for up to a second.
        if (met.back && is(errc::infrastructure) && error.execution == Execution::not_started) return true;
        // The fast platform answers 503 at times, and three times in a row at some time.
        if (quick && is(errc::infrastructure) && error.http_status == 503) return true;
        if (met.calm) return false;
        return is(errc::infrastructure) || (!quick && (is(errc::not_found) || is(errc::authentication) ||
                                                       is(errc::conflict) || is(errc::invocation_failed)));
    }

    Clouds& clouds_;
    FastPlatform& fast_;
    Ledger& ledger_;
    std::ofstream failures_;
    static constexpr auto none = static_cast<std::size_t>(-1);
    std::array<std::atomic<std::size_t>, providers> served_{};  // which life of the platform has the job
    Pulse pulse_{};
    std::uint64_t random_ = 42;
};

}  // namespace soak

#endif
