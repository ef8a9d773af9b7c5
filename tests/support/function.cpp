// The function binary of the integration tests: one job for each thing that a function can do to its platform.
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/serve/serve.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

namespace faas = blueprint::faas;

namespace {

// Leaves a byte for each run in the file that RUNS names, for tests that count how often a job ran.
void ran() {
    if (const char* path = std::getenv("RUNS"); path != nullptr)
        std::ofstream{path, std::ios::app} << 'x' << std::flush;
}

std::uint64_t square(std::uint64_t x) {
    ran();
    return x * x;
}
faas::result<std::uint64_t> fail(std::uint64_t x) {
    ran();
    return faas::Error{.message = "there is no answer to " + std::to_string(x)};
}
faas::Bytes echo(faas::Bytes bytes) { return bytes; }
void sleep_ms(std::uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds{ms}); }
void crash() {
    ran();
    std::abort();
}
std::string chatter() {
    std::cout << "this is no JSON\n" << std::flush;
    return "fine";
}
std::string variable(std::string_view name) {
    const char* value = std::getenv(std::string{name}.c_str());
    return value != nullptr ? value : "(not set)";
}
std::string metadata(const faas::JobCall& call, std::string_view key) {
    return std::string{call.metadata.get(key).value_or("(none)")};
}
// Says that it has begun by making the file `path`, and goes on until "`path`.go" is there.
std::string meet(std::string_view path) {
    ran();
    const std::string name{path};
    std::ofstream{name} << "begun";
    while (!std::filesystem::exists(name + ".go")) std::this_thread::sleep_for(std::chrono::milliseconds{2});
    return "met";
}
std::uint64_t size_of(faas::Bytes bytes) {
    ran();
    return bytes.size();
}
faas::Bytes fill(std::uint64_t size) {
    ran();
    return faas::Bytes(size, 7);
}
// The file that `other_function` has beside the program, and the usual package has not.
bool has_salt() {
    const auto program = std::filesystem::read_symlink("/proc/self/exe");
    return std::filesystem::exists(program.parent_path() / "salt");
}

}  // namespace

int main() {
    return faas::serve(
        faas::JobSet<faas::Job<0, &square>, faas::Job<1, &fail>, faas::Job<2, &echo>, faas::Job<3, &sleep_ms>,
                     faas::Job<4, &crash>, faas::Job<5, &chatter>, faas::Job<6, &variable>, faas::Job<7, &metadata>,
                     faas::Job<8, &meet>, faas::Job<10, &size_of>, faas::Job<11, &fill>, faas::Job<12, &has_salt>>{});
}
