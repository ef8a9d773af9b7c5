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

std::uint64_t square(std::uint64_t x) { return x * x; }
faas::result<std::uint64_t> fail(std::uint64_t x) {
    return faas::Error{.message = "there is no answer to " + std::to_string(x)};
}
faas::Bytes echo(faas::Bytes bytes) { return bytes; }
void sleep_ms(std::uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds{ms}); }
void crash() { std::abort(); }
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
    const std::string name{path};
    std::ofstream{name} << "begun";
    while (!std::filesystem::exists(name + ".go")) std::this_thread::sleep_for(std::chrono::milliseconds{2});
    return "met";
}

}  // namespace

int main() {
    return faas::serve(faas::JobSet<faas::Job<0, &square>, faas::Job<1, &fail>, faas::Job<2, &echo>,
                                    faas::Job<3, &sleep_ms>, faas::Job<4, &crash>, faas::Job<5, &chatter>,
                                    faas::Job<6, &variable>, faas::Job<7, &metadata>, faas::Job<8, &meet>>{});
}
