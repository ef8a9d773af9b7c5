#ifndef BLUEPRINT_FAAS_DETAIL_HMAC_HPP
#define BLUEPRINT_FAAS_DETAIL_HMAC_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/detail/hash.hpp"

#include <cstdint>
#include <span>

namespace blueprint::faas::detail {

/// A key of HMAC-SHA256, as the two states that its padded forms leave: a copy of each is all that signing begins with.
/// OpenSSL wipes the states when it frees them. Source: RFC 2104, sections 2 and 4.
class HmacSha256Key {
public:
    BLUEPRINT_FAAS_DECL explicit HmacSha256Key(std::span<const std::uint8_t> key);

    /// Returns the code of `data`. `work` is any object to compute in, so that nothing need be made anew for each code;
    /// it may only be assigned to afterwards. Several threads may use one key, each with a `work` of its own.
    BLUEPRINT_FAAS_DECL Sha256Digest code(std::span<const std::uint8_t> data, Sha256& work) const;

    /// Returns what a code begins with: a copy of it that has taken in the data is what `finish` makes the code of.
    /// For data whose beginning is the same again and again.
    const Sha256& begin() const noexcept { return inner_; }
    BLUEPRINT_FAAS_DECL Sha256Digest finish(Sha256& work) const;

private:
    Sha256 inner_{};
    Sha256 outer_{};
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/hmac.ipp"
#endif

#endif
