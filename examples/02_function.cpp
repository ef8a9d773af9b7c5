// The function side: the same kind of JobSet as a program that a FaaS platform runs. Try it by hand, here with job 0:
//
//     $ echo '{"job_id":0,"args":[7,0,0,0,0,0,0,0]}' | ./02_function
//     {"job_id":0,"result":[49,0,0,0,0,0,0,0],"success":true,"execution_ms":0,"memory_used_mb":4}
//
// In a package for a platform of the custom contract this program is the file `bootstrap`.
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/serve/serve.hpp>

#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace faas = blueprint::faas;

std::uint64_t square(std::uint64_t x) {
    std::cout << "squaring " << x << '\n';  // goes to standard error, the platform's log: the answer stays clean
    return x * x;
}

// The call itself may be the first parameter: what the platform says about it is in its metadata and timeout.
std::string greet(const faas::JobCall& call, std::string_view name) {
    // An exception is a failed job with a reason; the process still ends well.
    if (name.empty()) throw std::invalid_argument{"whom shall I greet?"};
    const auto request = call.metadata.get("x-request-id").value_or("none");
    return "hello, " + std::string{name} + " (request " + std::string{request} + ")";
}

using Jobs = faas::JobSet<faas::Job<0, &square>, faas::Job<1, &greet>>;

int main() { return faas::serve(Jobs{}); }
