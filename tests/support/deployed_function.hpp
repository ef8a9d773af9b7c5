#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_DEPLOYED_FUNCTION_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_DEPLOYED_FUNCTION_HPP

#include "blueprint/faas/job.hpp"
#include "blueprint/faas/package/package.hpp"
#include "support/run.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace tests {

/// The function that executors deploy (support/function.cpp), of the program that BLUEPRINT_FAAS_TEST_FUNCTION names.
inline const blueprint::faas::Package& deployed_function() {
    static const auto package =
        ok(blueprint::faas::Package::from_binary_file(std::getenv("BLUEPRINT_FAAS_TEST_FUNCTION")));
    return package;
}

/// The same program in a package that differs.
inline blueprint::faas::Package other_function() {
    blueprint::faas::PackageOptions options;
    options.extra_files.push_back({.path = "salt", .data = {1}});
    return ok(blueprint::faas::Package::from_binary_file(std::getenv("BLUEPRINT_FAAS_TEST_FUNCTION"), options));
}

/// For warming calls that have to meet: longer than a busy machine takes to start some instances one after the other.
inline constexpr std::chrono::milliseconds held_long{3000};

/// What its jobs take and give: a number is eight bytes, the lowest first.
inline blueprint::faas::Bytes number(std::uint64_t value) {
    blueprint::faas::Bytes bytes(8);
    for (auto& byte : bytes) {
        byte = static_cast<std::uint8_t>(value);
        value >>= 8U;
    }
    return bytes;
}
inline blueprint::faas::Bytes text(std::string_view value) { return {value.begin(), value.end()}; }
inline std::string string_of(const blueprint::faas::Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace tests

#endif
