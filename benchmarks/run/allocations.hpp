#ifndef BLUEPRINT_FAAS_BENCHMARKS_RUN_ALLOCATIONS_HPP
#define BLUEPRINT_FAAS_BENCHMARKS_RUN_ALLOCATIONS_HPP

#include <cstdint>

namespace bench {

/// How many times this process asked for memory so far, whoever did: `new`, malloc, calloc, realloc and the aligned
/// ones, of OpenSSL, libcurl and the standard library too. Where the C library is not glibc, `new` alone.
std::uint64_t allocations() noexcept;

}  // namespace bench

#endif
