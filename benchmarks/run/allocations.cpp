#include "allocations.hpp"

#include <openssl/crypto.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> all{0};
std::atomic<std::uint64_t> of_openssl{0};

// One thread allocates at a time here; a locked addition would cost every client what none of them does.
void count(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void* openssl_malloc(std::size_t size, const char*, int) {
    count(of_openssl);
    return std::malloc(size);
}
void* openssl_realloc(void* memory, std::size_t size, const char*, int) {
    count(of_openssl);
    return std::realloc(memory, size);
}
void openssl_free(void* memory, const char*, int) { std::free(memory); }

}  // namespace

bench::Allocations bench::allocations() noexcept {
    return {.all = all.load(std::memory_order_relaxed), .of_openssl = of_openssl.load(std::memory_order_relaxed)};
}
void bench::count_allocations_of_openssl() {
    CRYPTO_set_mem_functions(&openssl_malloc, &openssl_realloc, &openssl_free);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// glibc's own functions under their second names. `new` comes here too.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
    count(all);
    return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
    count(all);
    return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) {
    count(all);
    return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    count(all);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    count(all);
    *memory = __libc_memalign(alignment, size);
    return *memory == nullptr ? ENOMEM : 0;
}
}
#else
[[gnu::noinline]] void* operator new(std::size_t size) {
    count(all);
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
