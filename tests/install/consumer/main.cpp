// A stranger's program: it names the library by its installed paths, and needs everything that has to be linked.
// Nothing answers at its address, so it ends well if it is told so.
#include <blueprint/faas/blocking.hpp>
#include <blueprint/faas/provider/custom.hpp>
#include <blueprint/faas/version.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <iostream>

namespace faas = blueprint::faas;

int main() {
    boost::asio::io_context io;
    auto executor = faas::custom::create(faas::HttpsTransport{io.get_executor()}, {.base_url = "https://127.0.0.1:1"});
    if (!executor) {
        std::cout << executor.error() << '\n';
        return 1;
    }
    const auto answer = faas::blocking(*executor).invoke({.job_id = 7, .timeout = std::chrono::seconds{5}});
    if (answer) return 1;
    std::cout << "blueprint-faas " << BLUEPRINT_FAAS_VERSION_STRING << ": " << answer.error() << '\n';
    return answer.error().code == faas::errc::infrastructure ? 0 : 1;
}
