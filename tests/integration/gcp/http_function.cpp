// The function binary of serve_test and framework_test: one job for each thing that a function can do over HTTP.
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/serve/serve.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace faas = blueprint::faas;

namespace {

faas::Bytes echo(faas::Bytes bytes) { return bytes; }
faas::result<void> fail(std::string_view code) {
    return faas::Error{.message = "there is no answer", .platform_code = std::string{code}};
}
std::string told(const faas::JobCall& call) {
    std::string out = call.timeout ? std::to_string(call.timeout->count()) : "none";
    for (const auto& [name, value] : call.metadata) out += ';' + name + '=' + value;
    return out;
}
// Says that it has begun by making the file `path`, goes on until "`path`.go" is there, and leaves "`path`.met".
std::string meet(std::string_view path) {
    const std::string name{path};
    std::ofstream{name} << "begun";
    while (!std::filesystem::exists(name + ".go")) std::this_thread::sleep_for(std::chrono::milliseconds{2});
    std::ofstream{name + ".met"} << "met";
    return "met";
}
void crash() { std::abort(); }
void pause(std::uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds{ms}); }
faas::Bytes grow(std::uint32_t size) { return faas::Bytes(size, 'g'); }

using Jobs = faas::JobSet<faas::Job<0, &echo>, faas::Job<1, &fail>, faas::Job<2, &told>, faas::Job<3, &meet>,
                          faas::Job<4, &crash>, faas::Job<5, &pause>, faas::Job<6, &grow>>;

std::chrono::milliseconds time_of(const char* name, std::chrono::milliseconds otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::chrono::milliseconds{std::atoi(text)} : otherwise;
}

}  // namespace

int main() {
    if (const char* path = std::getenv("TEST_START_WITH"))  // as a program that has much to load
        while (!std::filesystem::exists(path)) std::this_thread::sleep_for(std::chrono::milliseconds{2});
    faas::ServeOptions options;
    options.http_stall = time_of("TEST_STALL_MS", options.http_stall);
    options.http_drain = time_of("TEST_DRAIN_MS", options.http_drain);
    options.max_http_bytes = 4U << 20;
    return faas::serve(Jobs{}, options);
}
