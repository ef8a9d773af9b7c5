#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPTIONS_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPTIONS_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/options.hpp"

#include <openssl/crypto.h>

#include <fstream>
#include <utility>

namespace blueprint::faas::local {

namespace detail {

inline result<std::string> read_pem_file(const std::filesystem::path& path, std::string_view what) {
    constexpr std::size_t most = 1U << 20;
    std::ifstream file{path, std::ios::binary};
    std::string text(most + 1, '\0');
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad() || file.gcount() <= 0 || static_cast<std::size_t>(file.gcount()) > most)
        return Error{.code = errc::invalid_configuration,
                     .message = "cannot read the " + std::string{what} + " from '" + path.string() +
                                "': name a readable PEM file of at most 1 MiB",
                     .execution = Execution::not_started};
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

}  // namespace detail

BLUEPRINT_FAAS_DECL bool same_secret(std::string_view sent, const Secret& expected) {
    // Digests have one length.
    const auto a = faas::detail::sha256(faas::detail::bytes_of(sent));
    const auto b = faas::detail::sha256(faas::detail::bytes_of(expected.reveal()));
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

BLUEPRINT_FAAS_DECL result<TlsIdentity> TlsIdentity::from_files(const std::filesystem::path& certificate_chain,
                                                                const std::filesystem::path& private_key) {
    auto chain = detail::read_pem_file(certificate_chain, "certificate chain");
    if (!chain) return chain.error();
    auto key = detail::read_pem_file(private_key, "private key");
    if (!key) return key.error();
    return TlsIdentity{.certificate_chain = std::move(*chain), .private_key = Secret{std::move(*key)}};
}

}  // namespace blueprint::faas::local

#endif
