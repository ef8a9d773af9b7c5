// Runs the kept corpus as an ordinary test: replay CORPUS TARGET. Every file goes in as it is, then cut short and with
// bytes changed, always in the same way, so that a small corpus reaches further than its files.
#include "fuzz.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

namespace fuzz = blueprint::faas::fuzz;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes contents(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::size_t run_around(const fuzz::Target& target, const Bytes& seed) {
    target.run(seed);
    std::size_t runs = 1;
    const auto cuts = std::min<std::size_t>(seed.size(), 16);
    for (std::size_t cut = 0; cut < cuts; ++cut, ++runs) target.run(fuzz::Input{seed}.first(seed.size() * cut / cuts));
    std::uint32_t state = 1;
    const auto draw = [&] { return (state = state * 1664525 + 1013904223) >> 8; };
    for (int change = 0; change < 48 && !seed.empty(); ++change, ++runs) {
        Bytes changed = seed;
        for (auto left = 1 + draw() % 3; left > 0; --left) {
            auto& byte = changed[draw() % changed.size()];
            static constexpr std::uint8_t telling[] = {0, 0xff, '\n', '"', ':', '0', '9', 0x80};
            byte = draw() % 2 == 0 ? telling[draw() % std::size(telling)]
                                   : static_cast<std::uint8_t>(byte ^ (1U << draw() % 8));
        }
        target.run(changed);
    }
    return runs;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: replay CORPUS TARGET\n";
        return 2;
    }
    const auto targets = fuzz::targets();
    const auto target =
        std::find_if(targets.begin(), targets.end(), [&](const fuzz::Target& one) { return one.name == argv[2]; });
    if (target == targets.end()) {
        std::cerr << "there is no target " << argv[2] << '\n';
        return 2;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{std::filesystem::path{argv[1]} / argv[2]})
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::size_t runs = 0;
    try {
        for (const auto& file : files) {
            std::cerr << file.filename().string() << '\n';  // who comes last is the one that broke it
            runs += run_around(*target, contents(file));
        }
    } catch (const std::exception& thrown) {
        std::cerr << "a parser threw: " << thrown.what() << '\n';
        return 1;
    }
    std::cout << target->name << ": " << files.size() << " files, " << runs << " inputs\n";
    return files.empty() ? 1 : 0;
}
