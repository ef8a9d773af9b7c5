// The entry that libFuzzer calls; which target it feeds is in the name of the program: fuzz_url.
#include "fuzz.hpp"

#include <cstring>

namespace {

const blueprint::faas::fuzz::Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** argv) {
    const std::string_view program = (*argv)[0];
    for (const auto& target : blueprint::faas::fuzz::targets())
        if (program.ends_with("fuzz_" + std::string{target.name})) chosen = &target;
    if (chosen != nullptr) return 0;
    std::fprintf(stderr, "the program's name must be fuzz_TARGET\n");
    std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    chosen->run({data, size});
    return 0;
}
