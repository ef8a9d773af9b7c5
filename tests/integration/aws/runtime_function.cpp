// The function binary of runtime_test: one job for each thing that a function can do on Lambda.
#include <blueprint/faas/detail/encoding.hpp>
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/serve/serve.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace faas = blueprint::faas;
using faas::detail::bytes_of;

namespace {

std::uint64_t square(std::uint64_t x) { return x * x; }
faas::result<void> fail(std::string_view code) {
    return faas::Error{.message = "there is no answer", .platform_code = std::string{code}};
}
faas::Bytes echo(faas::Bytes bytes) { return bytes; }
std::string variable(std::string_view name) {
    const char* value = std::getenv(std::string{name}.c_str());
    return value != nullptr ? value : "(not set)";
}
std::string told(const faas::JobCall& call) {
    std::string out = call.timeout ? std::to_string(call.timeout->count()) : "none";
    for (const auto& [name, value] : call.metadata) out += ';' + name + '=' + value;
    return out;
}
faas::Bytes grow(std::uint32_t size) { return faas::Bytes(size, 'g'); }
void print() { std::printf("printed by the job\n"); }

// Gives a piece, and the next one only when somebody has read the first: `fifo` is the path of a pipe.
faas::result<void> pieces(std::string_view fifo, const faas::ResultSink& give) {
    if (auto given = give(bytes_of("first")); !given) return given;
    std::string word;
    std::ifstream{std::string{fifo}} >> word;
    if (auto given = give({}); !given) return given;
    if (auto given = give(bytes_of(word)); !given) return given;
    return give(faas::Bytes(1U << 20, 'x'));
}
faas::result<void> break_off(std::uint8_t count, const faas::ResultSink& give) {
    if (auto given = give({}); !given) return given;  // no byte yet
    for (int i = 0; i < count; ++i)
        if (auto given = give(bytes_of("piece")); !given) return given;
    throw std::runtime_error{"the source ran dry"};
}
void silent(const faas::ResultSink&) {}
// Goes on until nobody takes more, and says how far it came.
faas::result<void> flood(const faas::ResultSink& give) {
    const faas::Bytes piece(256U << 10, 'f');
    for (int i = 0; i < 4'000; ++i) {
        if (give(piece)) continue;
        std::printf("refused before %d\n", 4'000);
        return give(piece);
    }
    return {};
}

using Jobs = faas::JobSet<faas::Job<0, &square>, faas::Job<1, &fail>, faas::Job<2, &echo>, faas::Job<3, &variable>,
                          faas::Job<4, &told>, faas::Job<5, &grow>, faas::Job<6, &print>, faas::Job<7, &pieces>,
                          faas::Job<8, &break_off>, faas::Job<9, &flood>, faas::Job<10, &silent>>;

}  // namespace

int main() {
    if (std::getenv("TEST_WITHOUT_MODEL") != nullptr)
        return faas::report_init_error(faas::Error{.message = "the model is not there"});
    return faas::serve(Jobs{});
}
