#include <blueprint/faas.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace faas = blueprint::faas;

std::uint64_t square(std::uint64_t x) { return x * x; }
using Square = faas::Job<0, &square>;

int main(int argc, char** argv) {
    if (argc == 1) return faas::serve(faas::JobSet<Square>{});  // on the platform, this program is the function
    const char* token = std::getenv("FAAS_TOKEN");
    boost::asio::io_context io;
    auto executor = faas::custom::create(faas::HttpsTransport{io.get_executor()}, {.base_url = argv[1]},
                                         faas::Bearer{token != nullptr ? token : ""})
                        .value();
    auto platform = faas::blocking(executor);
    platform.deploy_job(0, faas::Package::from_binary_file("/proc/self/exe").value(), {.memory_mib = 256}).value();
    const auto done = platform.invoke(faas::make_call<Square>(12)).value();
    std::cout << "12 squared by " << done.ran_on << " is " << faas::decode_result<Square>(done).value() << '\n';
    platform.undeploy_job(0).value();
}
