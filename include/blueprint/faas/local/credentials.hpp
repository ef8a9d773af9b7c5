#ifndef BLUEPRINT_FAAS_LOCAL_CREDENTIALS_HPP
#define BLUEPRINT_FAAS_LOCAL_CREDENTIALS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/options.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace blueprint::faas::local {

/// Judges who may: the fixed credentials of `CloudOptions` and its `authorize`. Keeps digests, not the secrets.
class Credentials {
public:
    explicit Credentials(const CloudOptions& options);

    /// Returns why `head` may not pass; nothing if it may. The time it takes tells nothing of the secrets.
    /// Source: custom platform contract, "Who may".
    std::optional<Denial> judge(const ServerRequest& head) const;
    /// Whether there are none, so that everybody may.
    bool none() const noexcept { return accepted_.empty() && !authorize_; }

private:
    struct Accepted {
        std::string header;
        faas::detail::Sha256Digest digest{};
    };

    std::vector<Accepted> accepted_;
    std::string challenge_;
    std::function<std::optional<Denial>(const ServerRequest&)> authorize_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/credentials.ipp"
#endif

#endif
