// All providers for a long time, mixed behind one registry and one runner. Beside seven executors that deploy to local
// clouds and have real functions run there stand seven of the same types whose platform runs nothing, so that the
// client's own way gets calls by the million. Tokens end after seconds, platforms are restarted, connections are
// closed, functions fail, crash and take too long, calls are cancelled and turned away. BLUEPRINT_FAAS_SOAK_SECONDS
// says how long; however slow the machine is, every platform is restarted at least once, and a third of the time
// follows on that.
#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/runner/consumer.hpp"
#include "blueprint/faas/runner/producer.hpp"
#include "blueprint/faas/runner/router.hpp"
#include "blueprint/faas/runner/runner.hpp"
#include "client.hpp"
#include "clouds.hpp"
#include "executors.hpp"
#include "fast_platform.hpp"
#include "ledger.hpp"
#include "measures.hpp"
#include "support/google_world.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <utility>
#include <vector>

namespace soak {

namespace {

std::chrono::seconds length() {
    const char* const text = std::getenv("BLUEPRINT_FAAS_SOAK_SECONDS");
    return std::chrono::seconds{text != nullptr ? std::max(std::strtol(text, nullptr, 10), 1L) : 60};
}

constexpr std::size_t slow_in_flight = 3;
constexpr std::size_t fast_in_flight = 8;

// A source of calls for each job, so that one whose platform is away holds up no other.
template <class Builder, std::size_t... Job>
auto with_producers(Builder builder, Client& client, std::index_sequence<Job...>) {
    const auto source = [&client](std::size_t job) { return [&client, job] { return client.make(job); }; };
    std::optional<Builder> built{std::move(builder)};
    const auto add = [&](std::size_t job) {
        built.emplace(std::move(*built).producer(GeneratorProducer{source(job)}));
    };
    (add(Job), ...);
    return std::move(*built);
}

Package package_with(std::uint8_t salt) {
    PackageOptions options;
    constexpr std::string_view manifest = R"({"loop":true})";  // for the custom contract: one process, many calls
    options.extra_files.push_back({.path = "blueprint.json", .data = {manifest.begin(), manifest.end()}});
    options.extra_files.push_back({.path = "salt", .data = {salt}});
    const char* const function = std::getenv("BLUEPRINT_FAAS_SOAK_FUNCTION");
    REQUIRE_MESSAGE(function != nullptr, "BLUEPRINT_FAAS_SOAK_FUNCTION is to name the function's binary");
    return ok(Package::from_binary_file(function, options));
}

// What the servers did, kept beyond their end.
struct Served {
    std::uint64_t tokens = 0;           // of the token server
    std::uint64_t platform_tokens = 0;  // of the fast platform
    std::uint64_t stale = 0;
    std::size_t cloud_restarts = 0;
    std::size_t fast_restarts = 0;
    std::uint64_t processes = 0;
    std::uint64_t connections = 0;
    std::size_t stalls = 0;
    std::size_t revocations = 0;
};

// The samples of one soak, and the first of them that was taken when all had happened once.
struct Course {
    std::vector<Sample> samples{};
    std::size_t warm = 0;

    std::size_t most_descriptors(std::size_t from, std::size_t to) const {
        std::size_t found = 0;
        for (std::size_t i = from; i < to; ++i) found = std::max(found, samples[i].descriptors);
        return found;
    }
};

// Runs the client's loop for the length of the soak and samples what the process holds; see the head of this file.
Course watch(asio::io_context& io, Client& client, const Clouds& clouds) {
    const std::chrono::milliseconds whole = length();
    const auto window = whole >= 600s ? std::chrono::milliseconds{60s} : whole / 20;
    Course course;
    course.samples.reserve(client.windows());
    const auto everything_once = [&] { return clouds.restarts() >= platforms && client.all_deployed(2); };
    const auto begin = Clock::now();
    auto end = begin + whole;
    for (std::size_t i = 0; i < client.windows(); ++i) {
        client.window = i;
        const auto next = begin + window * static_cast<int>(i + 1);
        while (Clock::now() < next) io.run_one_until(next);
        course.samples.push_back(take_sample());
        if (course.warm == 0 && everything_once()) {
            course.warm = i;
            end = std::max(end, next + whole / 3);
        }
        if (course.warm != 0 && next + window / 2 > end) break;
    }
    return course;
}

}  // namespace

TEST_CASE("soak: every call of every provider is accounted for, and nothing grows") {
    const bool strict_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
    const auto seconds = static_cast<std::size_t>(length().count());
    const auto descriptors_before = take_sample().descriptors;
    Ledger ledger{(seconds + 60) * 15'000};
    faas::test::TemporaryDirectory directory;
    const auto counter = directory.path() / "runs";
    const auto failures = directory.path() / "failures";
    std::ofstream{counter}.flush();
    const std::array<Package, 2> packages{package_with(1), package_with(2)};
    FaasConfig config{.memory_mib = 512, .timeout = 10s};
    config.env_vars["COUNTER"] = Secret{counter.string()};

    Served served;
    Course course;
    RunReport report;
    std::optional<Client> client;
    bool nothing_left = false;
    {
        const tests::RsaPair google_key;
        const auto authority = ok(local::CertificateAuthority::create());
        Clouds clouds{authority, google_key.public_key()};
        FastPlatform fast{authority, [&](std::uint64_t number) { ledger.count_run(number); },
                          [&](std::string_view token) { return clouds.tokens.accepts(token); }};
        client.emplace(clouds, fast, ledger, failures, seconds >= 600 ? seconds / 60 * 2 : 80);

        Addresses at{.token_url = clouds.tokens.token_url()};
        for (std::size_t i = 0; i < platforms; ++i) at.urls[i] = clouds.url(static_cast<Platform>(i));
        Addresses fast_at{.token_url = clouds.tokens.token_url(), .known = true};
        fast_at.urls.fill(fast.url());
        const auto around =
            surroundings(at, google_key.pkcs8(), "/container-credentials", clouds.url(Platform::google) + "/token");
        const auto fast_around = surroundings(fast_at, google_key.pkcs8(), "/credentials", fast.url() + "/token");

        asio::io_context io{1};
        {
            auto real = make_executors(io, authority, at, around, 0);
            auto quick = make_executors(io, authority, fast_at, fast_around, 10);
            const StaticRegistry registry{bind<0>(real.contract),  bind<1>(real.lambda),      bind<2>(real.run),
                                          bind<3>(real.functions), bind<4>(real.app),         bind<5>(real.ocean),
                                          bind<6>(real.whisk),     bind<10>(quick.contract),  bind<11>(quick.lambda),
                                          bind<12>(quick.run),     bind<13>(quick.functions), bind<14>(quick.app),
                                          bind<15>(quick.ocean),   bind<16>(quick.whisk)};
            auto builder = Runner::builder(io)
                               .router(Router{})
                               .consumer(CallbackConsumer{[&](const Invocation& done) { client->take(done); }})
                               .with_faas_executor<0>(real.contract)
                               .with_faas_executor<1>(real.lambda)
                               .with_faas_executor<2>(real.run)
                               .with_faas_executor<3>(real.functions)
                               .with_faas_executor<4>(real.app)
                               .with_faas_executor<5>(real.ocean)
                               .with_faas_executor<6>(real.whisk)
                               .with_faas_executor<10>(quick.contract)
                               .with_faas_executor<11>(quick.lambda)
                               .with_faas_executor<12>(quick.run)
                               .with_faas_executor<13>(quick.functions)
                               .with_faas_executor<14>(quick.app)
                               .with_faas_executor<15>(quick.ocean)
                               .with_faas_executor<16>(quick.whisk)
                               .max_in_flight<0, 1, 2, 3, 4, 5, 6>(slow_in_flight)
                               .max_in_flight<10, 11, 12, 13, 14, 15, 16>(fast_in_flight)
                               .job_queue(1)
                               .error_policy(ErrorPolicy::report);
            auto runner =
                ok(with_producers(std::move(builder), *client, std::make_index_sequence<2 * providers>{}).build());

            const auto redeploy = std::clamp<std::chrono::milliseconds>(length() / 2, 5s, 15s);
            std::size_t busy = 0;
            const auto spawn = [&](asio::awaitable<void> work) {
                ++busy;
                asio::co_spawn(io, std::move(work), [&busy](std::exception_ptr failure) {
                    --busy;
                    if (failure) std::rethrow_exception(failure);
                });
            };
            spawn(client->beat());
            std::size_t job = 0;
            const auto keep = [&](auto& executor) {
                spawn(client->keep_deployed(executor, job, packages, config, redeploy));
                ++job;
            };
            keep(real.contract), keep(real.lambda), keep(real.run), keep(real.functions), keep(real.app);
            keep(real.ocean), keep(real.whisk);
            const auto patience = Clock::now() + 60s;
            while (!client->all_deployed(1) && Clock::now() < patience) io.run_one_for(100ms);
            for (const auto& one : client->deployed) {
                CAPTURE(one.first_trouble);
                REQUIRE(one.deployments > 0);
            }

            const auto every = std::clamp<std::chrono::milliseconds>(length() / 18, 800ms, 4s);
            clouds.restart_every(every, [&](Platform platform) { return client->settled(platform); });
            fast.restart_every(4s);
            job = 0;
            const auto look_at = [&](auto& executor) { spawn(client->look(executor, job++)); };
            look_at(real.contract), look_at(real.lambda), look_at(real.run), look_at(real.functions), look_at(real.app);
            look_at(real.ocean), look_at(real.whisk);
            for (std::size_t i = 0; i < 2 * providers; ++i) spawn(client->cancel_calls(registry, io, i));
            bool running = true;
            asio::co_spawn(io, runner.run(), [&](std::exception_ptr failure, result<RunReport> outcome) {
                if (failure) std::rethrow_exception(failure);
                report = ok(std::move(outcome));
                running = false;
            });
            course = watch(io, *client, clouds);
            client->stop = true;
            const auto drained = Clock::now() + 60s;
            while ((running || busy > 0) && Clock::now() < drained) io.run_one_for(100ms);
            REQUIRE_MESSAGE(!running, "calls are still under way a minute after the last one was made");
            REQUIRE_MESSAGE(busy == 0, "operations are still under way a minute after they were to end");
        }
        // Their timers go with the executors: a loop with nothing to do ends.
        io.restart();
        io.run_for(5s);
        nothing_left = io.stopped();
        fast.end();
        clouds.end();
        served = {.tokens = clouds.tokens.issued(),
                  .platform_tokens = fast.tokens(),
                  .stale = fast.stale(),
                  .cloud_restarts = clouds.restarts(),
                  .fast_restarts = fast.restarts(),
                  .processes = clouds.processes(),
                  .connections = clouds.connections() + fast.connections(),
                  .stalls = clouds.stalls() + fast.stalls(),
                  .revocations = clouds.revocations() + fast.revocations()};
    }
    client->end();
    const auto descriptors_after = take_sample().descriptors;
    const int child = ::waitpid(-1, nullptr, WNOHANG);
    const bool no_children = child == -1 && errno == ECHILD;
    count_runs(counter, ledger);

    std::size_t succeeded = 0, failed = 0, deployments = 0, refused = 0, looked = 0;
    std::ostringstream by_provider;
    for (std::size_t i = 0; i < 2 * providers; ++i) {
        succeeded += client->succeeded[i];
        failed += client->failed[i];
        by_provider << (i == 0 ? "" : ", ") << (i < providers ? "" : "fast ") << provider_names[i % providers] << ' '
                    << client->succeeded[i] << '/' << client->failed[i];
    }
    for (const auto& one : client->deployed) {
        deployments += one.deployments;
        refused += one.refused;
        looked += one.looked;
    }
    const auto books = balance(ledger);
    const auto& samples = course.samples;
    const auto warm = course.warm;
    std::ostringstream lives;
    for (const auto& one : client->deployed)
        lives << ' ' << one.deployments << "+" << one.refused << (one.refused > 0 ? " " + one.first_trouble : "")
              << ',';
    REQUIRE_MESSAGE(warm != 0, "some platform was not restarted, or not deployed to again: "
                                   << served.cloud_restarts << " restarts; deployments and failures:" << lives.str());
    const auto growth = growth_kib(samples, warm);
    std::ostringstream line;
    line << "soak " << seconds << " s: calls " << ledger.calls() << ", rate " << ledger.calls() / seconds << "/s, ok "
         << succeeded << ", failed " << failed << " (";
    for (const auto& [reason, count] : client->reasons) line << reason << ' ' << count << "; ";
    line << "unknown fate " << books.unknown << ", of them run " << books.unknown_run << "), runs " << books.runs
         << ", repeated " << client->repeated << ", tokens " << served.tokens << "+" << served.platform_tokens
         << " (stale " << served.stale << "), restarts " << served.cloud_restarts << "+" << served.fast_restarts
         << ", deployments " << deployments << " (+" << refused << " refused), looks " << looked << ", processes "
         << served.processes << ", connections " << served.connections << ", stalls " << served.stalls
         << ", revocations " << served.revocations << ", RSS KiB " << samples[warm].resident_kib << "/"
         << samples.back().resident_kib << " (line " << static_cast<long>(growth) << "), descriptors "
         << samples[warm].descriptors << "/" << samples.back().descriptors << " (" << descriptors_before << " before, "
         << descriptors_after << " after), median us " << client->slow[1].median_us() << "/"
         << client->slow.at(samples.size() - 1).median_us() << ", fast " << client->fast_latencies[1].median_us() << "/"
         << client->fast_latencies.at(samples.size() - 1).median_us();
    MESSAGE(line.str());
    MESSAGE("ok/failed: " << by_provider.str());
    std::ostringstream all;
    for (const auto& sample : samples)
        all << ' ' << sample.descriptors << '/' << sample.resident_kib << '/' << sample.in_use_kib;
    MESSAGE("descriptors/RSS KiB/heap KiB, warm from the " << warm + 1 << "th on:" << all.str());

    const auto odd = describe(ledger, books.odd, failures);
    CAPTURE(client->complaints);
    CAPTURE(odd);
    CHECK(client->wrong == 0);
    CHECK(report.produced == report.succeeded + report.failed);
    CHECK(report.unfinished == 0);
    CHECK(report.undelivered == 0);
    CHECK(succeeded + failed == ledger.calls());
    CHECK(ledger.calls() < ledger.capacity());
    CHECK(ledger.strangers() == 0);
    CHECK_MESSAGE(books.told_nothing == 0, "calls of which nothing was told");
    CHECK_MESSAGE(books.ran_twice == 0, "calls that ran twice and might not");
    CHECK_MESSAGE(books.success_without_run == 0, "calls that succeeded and did not run");
    CHECK_MESSAGE(books.run_not_started == 0, "calls that ran, and it was said that they did not start");
    CHECK_MESSAGE(books.started_without_run == 0, "calls that did not run, and it was said that they started");
    CHECK_MESSAGE(books.ran_too_often == 0, "calls that ran more often than they may be tried");
    for (std::size_t i = 0; i < 2 * providers; ++i) {
        CAPTURE(i);
        CHECK(client->succeeded[i] > 0);
    }
    CHECK(served.platform_tokens >= 3 * seconds / 8);
    CHECK(served.tokens >= seconds / 8);
    CHECK(no_children);
    CHECK(nothing_left);
    const auto middle = warm + (samples.size() - warm) / 2;
    CHECK(course.most_descriptors(middle, samples.size()) <= course.most_descriptors(warm, middle) + 64);
    CHECK(descriptors_after == descriptors_before);
    if (strict_memory) {
        const auto base = static_cast<double>(samples[warm].resident_kib);
        if (seconds < 600)
            CHECK(growth <= base / 20 + 4096);
        else
            CHECK(growth <= 8 * 1024);
    }
    if (seconds >= 600) {
        CHECK(client->slow.at(samples.size() - 1).median_us() <= 3 * client->slow[1].median_us());
        CHECK(client->fast_latencies.at(samples.size() - 1).median_us() <= 3 * client->fast_latencies[1].median_us());
    }
}

}  // namespace soak
