#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_VFORK_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_VFORK_HPP

namespace tests {

/// Whether the tool that this is compiled for makes fork of vfork: then a child cannot tell why it did not become
/// another program, and whoever started it learns of its end alone.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool vfork_is_fork = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool vfork_is_fork = true;
#else
inline constexpr bool vfork_is_fork = false;
#endif
#else
inline constexpr bool vfork_is_fork = false;
#endif

}  // namespace tests

#endif
