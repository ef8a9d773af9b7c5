// In front of every file of a tree that has mutants in it: which of them is on, and which of them were met.
#ifndef BLUEPRINT_FAAS_TESTS_MUTATION_MUTATION_HPP
#define BLUEPRINT_FAAS_TESTS_MUTATION_MUTATION_HPP

#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace blueprint_mutation {

inline int chosen() noexcept {
    static const int number = [] {
        const char* text = std::getenv("BLUEPRINT_FAAS_MUTANT");
        return text != nullptr ? std::atoi(text) : 0;
    }();
    return number;
}

// A file with a byte for each mutant, so that what was met is known however the program ends.
inline unsigned char* met() noexcept {
    static unsigned char* const bytes = []() -> unsigned char* {
        const char* path = std::getenv("BLUEPRINT_FAAS_MUTANTS_MET");
        if (path == nullptr) return nullptr;
        const int file = ::open(path, O_RDWR | O_CLOEXEC);
        struct stat status{};
        if (file < 0 || ::fstat(file, &status) != 0) return nullptr;
        void* mapped =
            ::mmap(nullptr, static_cast<unsigned long>(status.st_size), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ::close(file);
        return mapped == MAP_FAILED ? nullptr : static_cast<unsigned char*>(mapped);
    }();
    return bytes;
}

inline bool decide(int number) noexcept {
    if (unsigned char* bytes = met(); bytes != nullptr) bytes[number] = 1;
    return chosen() == number;
}

constexpr bool on(int number) noexcept { return !__builtin_is_constant_evaluated() && decide(number); }

}  // namespace blueprint_mutation

#endif
