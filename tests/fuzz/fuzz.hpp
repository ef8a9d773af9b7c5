#ifndef BLUEPRINT_FAAS_TESTS_FUZZ_FUZZ_HPP
#define BLUEPRINT_FAAS_TESTS_FUZZ_FUZZ_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

// Parsers of foreign bytes, each fed with any bytes at all. A target must return; what it demands of the outcome stands
// in FAAS_REQUIRE, which ends the process.
namespace blueprint::faas::fuzz {

using Input = std::span<const std::uint8_t>;

struct Target {
    std::string_view name;
    void (*run)(Input);
};

/// All targets; the seeds of one are in corpus/NAME.
std::span<const Target> targets();

/// Takes an input apart from its front; what is missing is 0 or empty.
class Reader {
public:
    explicit Reader(Input input) noexcept : rest_{input} {}
    std::uint8_t byte() noexcept {
        if (rest_.empty()) return 0;
        const auto first = rest_.front();
        rest_ = rest_.subspan(1);
        return first;
    }
    /// What stands before the next `end`, which is taken too.
    std::string_view until(char end) noexcept {
        const auto text = rest();
        const auto at = text.find(end);
        rest_ = at == std::string_view::npos ? Input{} : rest_.subspan(at + 1);
        return text.substr(0, at);
    }
    std::string_view rest() const noexcept { return {reinterpret_cast<const char*>(rest_.data()), rest_.size()}; }
    Input bytes() const noexcept { return rest_; }

private:
    Input rest_;
};

[[noreturn]] inline void broken(const char* what, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
    std::abort();
}

}  // namespace blueprint::faas::fuzz

#define FAAS_REQUIRE(condition) ((condition) ? void() : ::blueprint::faas::fuzz::broken(#condition, __FILE__, __LINE__))

#endif
