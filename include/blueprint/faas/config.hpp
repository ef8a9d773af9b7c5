#ifndef BLUEPRINT_FAAS_CONFIG_HPP
#define BLUEPRINT_FAAS_CONFIG_HPP

#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace blueprint::faas {

/// How a job's function is to run. What a platform cannot do is refused before anything is sent, never ignored.
struct FaasConfig {
    std::uint32_t memory_mib = 512;
    std::chrono::seconds timeout{300};                      ///< the platform ends the function after this
    std::map<std::string, Secret, std::less<>> env_vars{};  ///< the function's environment; values are never printed
    std::optional<std::uint32_t> max_concurrency{};         ///< simultaneous calls; nothing: the platform's choice
    std::uint32_t keep_warm = 0;                            ///< instances kept ready; 0: none
};

}  // namespace blueprint::faas

#endif
