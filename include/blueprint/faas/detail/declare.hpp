#ifndef BLUEPRINT_FAAS_DETAIL_DECLARE_HPP
#define BLUEPRINT_FAAS_DETAIL_DECLARE_HPP

// Header-only by default: non-template functions are `inline` and their definitions (`impl/*.ipp`) are included by
// the header that declares them. With BLUEPRINT_FAAS_SEPARATE_COMPILATION defined for every file of a program, the
// definitions stand in the one file that includes <blueprint/faas/src.hpp>.
#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#define BLUEPRINT_FAAS_DECL
#else
#define BLUEPRINT_FAAS_DECL inline
#endif

// Before the definition of what runs seldom (a credential once an hour): it is made small instead of fast and kept away
// from what runs with each call, which takes less of a program and much less of the time to compile it.
#define BLUEPRINT_FAAS_COLD [[gnu::cold]]

// Around the definitions of coroutines. g++ takes operators new and delete of Asio's frames for a mismatched pair
// wherever it inlines one of them alone (-O2 and more), and says so at the end of the coroutine. What users write keeps
// the warning.
#if defined(__GNUC__) && !defined(__clang__)
#define BLUEPRINT_FAAS_COROUTINES_BEGIN \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wmismatched-new-delete\"")
#define BLUEPRINT_FAAS_COROUTINES_END _Pragma("GCC diagnostic pop")
#else
#define BLUEPRINT_FAAS_COROUTINES_BEGIN
#define BLUEPRINT_FAAS_COROUTINES_END
#endif

#endif
