// What one call of a function costs: the library beside what others make of it, against a mock of Lambda in a second
// process. Each client is a process of its own with one thread; all are measured in turn, round after round.
//
// The whole table, its JSON, and the picture in docs/benchmarks, by one command (it takes some minutes):
//   build/benchmarks/bench_invoke --full --svg docs/benchmarks/invoke.svg
// As `meson test -C build --benchmark invoke --verbose` runs it, some clients in some seconds:
//   build/benchmarks/bench_invoke [--json] [--rounds N] [--milliseconds N] [--only NAME,NAME] [--plain | --tls]
//   [--no-log]
// One point of the table, for the same clients or (--full) for all:
//   build/benchmarks/bench_invoke --in-flight N [--payload BYTES] [--full] [--json]
// Instructions instead of time, with --calls N measured calls and the connections made before:
//   valgrind --tool=callgrind --collect-atstart=no --toggle-collect=bench_measured_run
//       build/benchmarks/bench_invoke --only aws --tls --in-flight 64 --calls 2000 --rounds 1
// (There the processor has no instructions for SHA-256, so that signing weighs many times what it does in truth.)
//
// `--no-log` does not ask for the end of the function's log, which the library does by default and the others here do
// with it. Exit 1 if a call failed or the mock saw another number of requests, never because of a ratio.
#include "allocations.hpp"
#include "mock_platform.hpp"
#include "report.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace bench;
using namespace std::chrono_literals;

struct Arguments {
    std::optional<std::size_t> in_flight{};
    std::optional<std::size_t> payload{};
    bool json = false, full = false, log_tail = true, plain = true, tls = true;
    std::size_t rounds = 15;
    std::optional<std::chrono::milliseconds> time{};
    std::uint64_t calls = UINT64_MAX;
    std::string only{};
    std::string svg{};

    bool names(const Competitor& one) const {
        return only.find(',' + std::string{one.name} + ',') != std::string::npos;
    }
};

Arguments read(int argc, char** argv) {
    Arguments out;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto value = [&] {
            if (i + 1 == argc) fail(std::string{name} + " wants a value");
            return argv[++i];
        };
        const auto number = [&] { return std::max<std::size_t>(std::strtoul(value(), nullptr, 10), 1); };
        if (name == "--json")
            out.json = true;
        else if (name == "--full")
            out.full = true;
        else if (name == "--no-log")
            out.log_tail = false;
        else if (name == "--plain")
            out.tls = false;
        else if (name == "--tls")
            out.plain = false;
        else if (name == "--in-flight")
            out.in_flight = number();
        else if (name == "--payload")
            out.payload = number();
        else if (name == "--rounds")
            out.rounds = number();
        else if (name == "--milliseconds")
            out.time = std::chrono::milliseconds{number()};
        else if (name == "--calls")
            out.calls = number();
        else if (name == "--only")
            out.only = std::string{","} + value() + ',';
        else if (name == "--svg")
            out.svg = value();
        else
            fail("there is no " + std::string{name} + "; bench_invoke.cpp says what there is");
    }
    if (out.calls != UINT64_MAX) out.time = 1h;
    return out;
}

class Plan {
public:
    Plan(const Arguments& arguments, const MockPlatform& mock, std::string authority_file, const Missing& missing)
        : arguments_{arguments}, mock_{mock}, authority_file_{std::move(authority_file)}, missing_{missing} {}

    std::vector<Group> groups() const {
        constexpr std::size_t kib = 1024, mib = kib * kib;
        const bool full = arguments_.full;
        const auto everyone = [full](const Competitor& one) { return full || one.quick; };
        const auto few = [](const Competitor& one) { return one.name == "aws" || one.name == "textbook"; };
        const auto scaled = [&](const Competitor& one) { return few(one) || one.name == "prebuilt_signed"; };
        const auto native = [](const Competitor& one) { return one.anywhere; };
        std::vector<Group> out;
        if (arguments_.in_flight || arguments_.payload) {
            out.push_back(group(everyone, {arguments_.in_flight.value_or(64)}, arguments_.payload.value_or(kib)));
            return out;
        }
        out.push_back(group(everyone, {64}, kib));
        out.push_back(full ? group(everyone, {1}, kib) : group(few, {1}, kib));
        if (!full) return out;
        out.push_back(group(scaled, {64, 256, 1024}, kib));
        out.push_back(group(native, {64}, 64));
        out.push_back(group(native, {64}, 64 * kib));
        out.push_back(group(native, {8}, mib));
        return out;
    }

private:
    template <class Chosen>
    Group group(Chosen chosen, const std::vector<std::size_t>& in_flight, std::size_t payload) const {
        Group out;
        out.title = payload % 1024 == 0 ? std::to_string(payload / 1024) + " KiB" : std::to_string(payload) + " B";
        out.title += " of payload, " + std::to_string(in_flight.front());
        if (in_flight.size() > 1) out.title += " to " + std::to_string(in_flight.back());
        out.title += in_flight.back() == 1 ? " call at a time" : " calls in flight";
        for (const auto many : in_flight)
            for (const bool tls : {false, true})
                for (const auto& each : competitors())
                    if (wanted(each) && (chosen(each) || !arguments_.only.empty()) &&
                        (tls ? arguments_.tls : arguments_.plain))
                        out.cells.push_back({.competitor = &each, .setting = setting(tls, many, payload)});
        return out;
    }
    bool wanted(const Competitor& one) const {
        const auto same = [&](const auto& each) { return each.first == one.name; };
        return std::none_of(missing_.begin(), missing_.end(), same) &&
               (arguments_.only.empty() || arguments_.names(one));
    }
    Setting setting(bool tls, std::size_t in_flight, std::size_t payload) const {
        return {.tls = tls,
                .in_flight = in_flight,
                .payload = payload,
                .port = mock_.port(tls),
                .authority = mock_.authority(),
                .authority_file = authority_file_,
                .log_tail = arguments_.log_tail};
    }

    const Arguments& arguments_;
    const MockPlatform& mock_;
    std::string authority_file_;
    const Missing& missing_;
};

// False if a call failed, or went elsewhere. Rounds are short and many, and every second one goes backwards, so that
// what else runs on the machine meets all clients alike.
bool measure(Group& group, const Arguments& arguments, const MockPlatform& mock) {
    const auto time = arguments.time.value_or(arguments.full ? 150ms : 100ms);
    bool fine = true;
    for (auto& cell : group.cells) {
        cell.runner = cell.competitor->start(cell.setting);
        cell.runner->warm_up();
    }
    for (std::size_t round = 0; round < arguments.rounds; ++round) {
        for (std::size_t i = 0; i < group.cells.size(); ++i) {
            auto& cell = group.cells[round % 2 == 0 ? i : group.cells.size() - 1 - i];
            const auto before = mock.requests();
            // So many calls that the first and the last ones, when not all are under way, weigh little.
            const auto longest =
                std::max<std::chrono::milliseconds>(time, std::chrono::milliseconds{cell.setting.in_flight / 4});
            const auto seen = cell.runner->run(longest, arguments.calls);
            const auto counted = mock.requests() - before;
            cell.rounds.push_back(seen);
            if (seen.failures == 0 && seen.calls > 0 && counted == seen.calls) continue;
            fine = false;
            std::fprintf(stderr, "bench_invoke: %s: %llu calls, %llu failed, %llu requests at the mock\n",
                         std::string{cell.competitor->name}.c_str(), static_cast<unsigned long long>(seen.calls),
                         static_cast<unsigned long long>(seen.failures), static_cast<unsigned long long>(counted));
        }
    }
    for (auto& cell : group.cells) cell.runner.reset();
    return fine;
}

// A file for those who cannot be given the authority as text; gone with this object.
class AuthorityFile {
public:
    explicit AuthorityFile(const std::string& text) {
        const int fd = ::mkstemp(name_.data());
        if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            fail("no file can be written");
        ::close(fd);
    }
    AuthorityFile(const AuthorityFile&) = delete;
    AuthorityFile& operator=(const AuthorityFile&) = delete;
    ~AuthorityFile() { ::unlink(name_.c_str()); }
    const std::string& name() const noexcept { return name_; }

private:
    std::string name_{"/tmp/bench_invoke.XXXXXX"};
};

}  // namespace

int main(int argc, char** argv) {
    count_allocations_of_openssl();
    const auto arguments = read(argc, argv);
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);

    Missing missing;
    for (const auto& each : competitors()) {
        if (!(arguments.only.empty() ? arguments.full : arguments.names(each))) continue;
        if (auto why = each.missing(); !why.empty()) missing.emplace_back(each.name, std::move(why));
    }
    for (const auto& [name, why] : missing)
        std::fprintf(stderr, "bench_invoke: not measured: %s: %s\n", std::string{name}.c_str(), why.c_str());

    const MockPlatform mock;
    const AuthorityFile authority{mock.authority()};
    auto groups = Plan{arguments, mock, authority.name(), missing}.groups();
    bool fine = true;
    for (auto& group : groups) fine = measure(group, arguments, mock) && fine;

    const auto all = ratios(groups, arguments.in_flight || arguments.payload);
    (arguments.json ? print_json : print_table)(groups, all, missing);
    if (!arguments.svg.empty()) {
        std::ofstream file{arguments.svg};
        if (!(file << svg(groups.front())).flush()) fail("the picture cannot be written");
    }
    return fine ? 0 : 1;
}
