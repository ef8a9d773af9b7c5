#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_ALLOCATIONS_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_ALLOCATIONS_HPP

#include <cstdint>

namespace bench {

/// How many times this process asked for memory, whoever did.
struct Allocations {
    std::uint64_t all = 0;         ///< `new`, malloc, calloc, realloc, the aligned ones; without glibc `new` alone
    std::uint64_t of_openssl = 0;  ///< those among them that OpenSSL made for itself
};
Allocations allocations() noexcept;

/// To be called before anything of OpenSSL is.
void count_allocations_of_openssl();

}  // namespace bench

#endif
