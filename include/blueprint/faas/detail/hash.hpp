#ifndef BLUEPRINT_FAAS_DETAIL_HASH_HPP
#define BLUEPRINT_FAAS_DETAIL_HASH_HPP

#include "blueprint/faas/detail/declare.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

// OpenSSL's own name of its digest context, so that this header needs no OpenSSL.
struct evp_md_ctx_st;

namespace blueprint::faas::detail {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Computes SHA-256 of `data`. Throws `std::runtime_error` if OpenSSL offers no SHA-256, `std::bad_alloc` out of
/// memory.
BLUEPRINT_FAAS_DECL Sha256Digest sha256(std::span<const std::uint8_t> data);

/// The same as 64 lower-case hexadecimal digits.
BLUEPRINT_FAAS_DECL std::string sha256_hex(std::span<const std::uint8_t> data);

/// Computes SHA-256 of data that comes in parts. A copy goes on from the same state. One thread at a time.
class Sha256 {
public:
    Sha256();
    Sha256(const Sha256& other);
    Sha256& operator=(const Sha256& other);
    /// A moved-from object may only be assigned to or destroyed.
    Sha256(Sha256&&) noexcept = default;
    Sha256& operator=(Sha256&&) noexcept = default;
    ~Sha256() = default;

    void update(std::span<const std::uint8_t> data);
    /// Returns the digest of everything since the start, and starts anew.
    Sha256Digest finish();
    /// Returns the same, but does not start anew, which costs as much as a block: the object may then only be assigned
    /// to or destroyed.
    Sha256Digest conclude();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace blueprint::faas::detail

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/detail/impl/hash.ipp"
#endif

#endif
