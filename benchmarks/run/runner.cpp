#include "runner.hpp"

#include "allocations.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1'000'000;
}

// What is measured, under a name that callgrind's --toggle-collect can find.
extern "C" [[gnu::noinline]] void bench_measured_run(Client& client, Meter& meter) { client.run(meter); }

void obey(Client& client, std::FILE* from, std::FILE* to) {
    unsigned long milliseconds = 0;
    unsigned long long most = 0;
    int measured = 0;
    while (std::fscanf(from, "%lu %llu %d", &milliseconds, &most, &measured) == 3) {
        rusage before{}, after{};
        ::getrusage(RUSAGE_SELF, &before);
        const auto allocated = allocations();
        const auto began = Clock::now();
        Meter meter{std::chrono::milliseconds{milliseconds}, most};
        if (measured != 0)
            bench_measured_run(client, meter);
        else
            client.run(meter);
        const std::chrono::duration<double> took = Clock::now() - began;
        const auto allocated_now = allocations();
        ::getrusage(RUSAGE_SELF, &after);
        const auto of_openssl = allocated_now.of_openssl - allocated.of_openssl;
        std::fprintf(to, "%llu %llu %.9f %.6f %.6f %.3f %.3f %llu %llu\n",
                     static_cast<unsigned long long>(meter.calls()), static_cast<unsigned long long>(meter.failures()),
                     took.count(), seconds(after.ru_utime) - seconds(before.ru_utime),
                     seconds(after.ru_stime) - seconds(before.ru_stime), meter.latency_us(0.5), meter.latency_us(0.99),
                     static_cast<unsigned long long>(allocated_now.all - allocated.all - of_openssl),
                     static_cast<unsigned long long>(of_openssl));
        std::fflush(to);
    }
}

// The peak of memory since `forget_peak`, of another process.
double peak_mib(pid_t process) {
    std::ifstream file{"/proc/" + std::to_string(process) + "/status"};
    for (std::string line; std::getline(file, line);)
        if (line.compare(0, 6, "VmHWM:") == 0) return std::strtod(line.c_str() + 6, nullptr) / 1024.0;
    return 0;
}
void forget_peak(pid_t process) { std::ofstream{"/proc/" + std::to_string(process) + "/clear_refs"} << "5\n"; }

struct ToMake {
    MakeClient make;
    const Setting& setting;
};

}  // namespace

void Runner::start(void (*run_there)(const void* what, std::FILE* from, std::FILE* to), const void* what) {
    int commands[2], answers[2];
    if (::pipe2(commands, O_CLOEXEC) != 0 || ::pipe2(answers, O_CLOEXEC) != 0) fail("there are no pipes");
    const pid_t parent = ::getpid();
    process_ = ::fork();
    if (process_ < 0) fail("a client cannot be started");
    if (process_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) std::_Exit(1);
        std::signal(SIGPIPE, SIG_IGN);
        run_there(what, ::fdopen(commands[0], "r"), ::fdopen(answers[1], "w"));
        std::exit(0);  // callgrind writes its file then
    }
    ::close(commands[0]);
    ::close(answers[1]);
    to_ = ::fdopen(commands[1], "w");
    from_ = ::fdopen(answers[0], "r");
}

Runner::Runner(MakeClient make, const Setting& setting) {
    const ToMake what{make, setting};
    start(
        [](const void* to_make, std::FILE* from, std::FILE* to) {
            const auto& [how, of] = *static_cast<const ToMake*>(to_make);
            obey(*how(of), from, to);
        },
        &what);
}

Runner::Runner(const std::vector<std::string>& command) {
    start(
        [](const void* words, std::FILE* from, std::FILE* to) {
            std::vector<char*> arguments;
            for (const auto& each : *static_cast<const std::vector<std::string>*>(words))
                arguments.push_back(const_cast<char*>(each.c_str()));
            arguments.push_back(nullptr);
            ::dup2(::fileno(from), STDIN_FILENO);
            ::dup2(::fileno(to), STDOUT_FILENO);
            ::execvp(arguments[0], arguments.data());
            std::_Exit(127);
        },
        &command);
}

Runner::~Runner() {
    std::fputs("end\n", to_);
    std::fclose(to_);
    std::fclose(from_);
    ::waitpid(process_, nullptr, 0);
}

void Runner::warm_up() {
    run(std::chrono::milliseconds{1}, UINT64_MAX, false);
    run(std::chrono::milliseconds{50}, UINT64_MAX, false);
}

Measured Runner::run(std::chrono::milliseconds time, std::uint64_t most, bool measured) {
    forget_peak(process_);
    std::fprintf(to_, "%lld %llu %d\n", static_cast<long long>(time.count()), static_cast<unsigned long long>(most),
                 measured ? 1 : 0);
    std::fflush(to_);
    unsigned long long calls = 0, failures = 0;
    double user = 0, system = 0, allocated = 0, of_openssl = 0;
    Measured seen;
    if (std::fscanf(from_, "%llu %llu %lf %lf %lf %lf %lf %lf %lf", &calls, &failures, &seen.seconds, &user, &system,
                    &seen.p50_us, &seen.p99_us, &allocated, &of_openssl) != 9)
        fail("a client has ended");
    const auto each = [&](double all) { return all / static_cast<double>(std::max<unsigned long long>(calls, 1)); };
    seen.calls = calls;
    seen.failures = failures;
    seen.user_us = each(user * 1'000'000);
    seen.system_us = each(system * 1'000'000);
    seen.allocations = allocated < 0 ? -1 : each(allocated);
    seen.openssl_allocations = of_openssl < 0 ? -1 : each(of_openssl);
    seen.peak_mib = peak_mib(process_);
    return seen;
}

}  // namespace bench
