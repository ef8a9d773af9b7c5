#ifndef BLUEPRINT_FAAS_LOCAL_STRANGERS_HPP
#define BLUEPRINT_FAAS_LOCAL_STRANGERS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// Tells the pages that a browser on this machine shows from clients of a platform, where no credential does: see
/// `HttpService::anybody_may`.
class Strangers {
public:
    Strangers() = default;
    explicit Strangers(const CloudOptions& options);

    /// Returns why `head` may not pass, and what to do; empty if it may.
    std::string_view refusal(const ServerRequest& head) const;

private:
    std::vector<std::string> names_;
    bool any_name_ = false;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/strangers.ipp"
#endif

#endif
