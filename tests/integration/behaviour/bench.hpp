#ifndef BLUEPRINT_FAAS_TESTS_BEHAVIOUR_BENCH_HPP
#define BLUEPRINT_FAAS_TESTS_BEHAVIOUR_BENCH_HPP

#include "blueprint/faas/start.hpp"
#include "place.hpp"
#include "support/deployed_function.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace tests::behaviour {

using namespace std::chrono_literals;
using namespace blueprint::faas;

/// The jobs of the deployed function (support/function.cpp). All but `variable` and `has_salt` leave a mark when they
/// run.
inline constexpr JobId square{0}, fail{1}, echo{2}, crash{4}, variable{6}, meet{8}, size_of{10}, fill{11}, has_salt{12};

/// A call that is under way.
struct Pending {
    asio::cancellation_signal cancel{};
    std::optional<result<Invocation>> outcome{};
};

/// One sentence's own place, an executor there, and what a test does with both. Every error that comes by here is
/// looked at: it names its provider, says something, and has no secret.
class Bench {
public:
    explicit Bench(const Provider& provider, const Wish& wish = {})
        : can{provider.can}, place{provider.open(wish)}, subject_{place->subject()} {}

    const Capabilities can;
    const std::unique_ptr<Place> place;

    AnyFaasExecutor& executor() { return subject_.executor; }
    const std::vector<std::string>& sent() const { return *subject_.lines; }
    const std::vector<std::size_t>& body_bytes() const { return *subject_.body_bytes; }
    void forget_sent() {
        subject_.lines->clear();
        subject_.body_bytes->clear();
    }
    std::size_t count(bool (Place::*is)(std::string_view) const) const { return count(*subject_.lines, is); }
    std::size_t count(const std::vector<std::string>& lines, bool (Place::*is)(std::string_view) const) const;

    /// Runs an operation to its end; one that does not come to it fails the test.
    template <class T>
    result<T> run(asio::awaitable<result<T>> operation) {
        const auto outcome = std::make_shared<std::optional<result<T>>>();
        start(subject_.executor, std::move(operation),
              [outcome](result<T> done) { outcome->emplace(std::move(done)); });
        until([&] { return outcome->has_value(); });
        if (outcome->value().has_error()) look_at(outcome->value().error());
        return std::move(**outcome);
    }
    template <class T>
    T ok(asio::awaitable<result<T>> operation) {
        return tests::ok(run(std::move(operation)));
    }
    template <class T>
    Error failed(asio::awaitable<result<T>> operation) {
        return tests::failed(run(std::move(operation)));
    }
    /// Runs everything until `condition` holds.
    void until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 90s);

    FaasConfig config() const;
    FaasDeployment deploy(JobId id) { return ok(executor().deploy_job(id, deployed_function(), config())); }
    Bytes call(JobId id, Bytes args) { return tests::ok(ok(executor().invoke(call_of(id, std::move(args)))).outcome); }
    Error failed_call(JobId id, Bytes args) { return failed(executor().invoke(call_of(id, std::move(args)))); }
    Invocation metered(JobId id, Bytes args) {
        return ok(executor().invoke_with_metrics(call_of(id, std::move(args))));
    }
    static JobCall call_of(JobId id, Bytes args, std::optional<std::chrono::milliseconds> timeout = {});
    /// Begins a call, which goes on while others run.
    std::shared_ptr<Pending> begin(JobCall call);

    /// How often jobs ran.
    std::size_t runs() const;
    /// A place for job `meet`, which begins there and stays until it is let go.
    std::string gate() { return (directory_ / ("gate" + std::to_string(++gates_))).string(); }
    static bool begun(const std::string& gate) { return std::filesystem::exists(gate); }
    static void let_go(const std::string& gate) { std::ofstream{gate + ".go"} << "go"; }

    /// Checks what every error has to have.
    void look_at(const Error& error) const;

private:
    faas::test::TemporaryDirectory directory_{};
    int gates_ = 0;
    Subject subject_;
};

/// How long the body of a call is for so many bytes of 255: found out by calls, since each platform has its own form.
class CallForm {
public:
    explicit CallForm(Bench& bench);
    std::uint64_t body_bytes(std::uint64_t args) const { return begin_ + (args + group_ - 1) / group_ * step_; }
    /// The most bytes that a body of `limit` has room for.
    std::uint64_t most_args(std::uint64_t limit) const { return (limit - begin_) / step_ * group_; }

private:
    std::uint64_t begin_ = 0;
    std::uint64_t group_ = 1;
    std::uint64_t step_ = 1;
};

/// A sentence that holds of every provider that it applies to.
struct Sentence {
    const char* text;
    void (*holds)(const Provider& provider);
    bool (*applies)(const Capabilities& can) = [](const Capabilities&) { return true; };
};

/// All of them.
const std::vector<Sentence>& sentences();

}  // namespace tests::behaviour

#endif
