#ifndef BLUEPRINT_FAAS_LOCAL_OPTIONS_HPP
#define BLUEPRINT_FAAS_LOCAL_OPTIONS_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/aws_options.hpp"
#include "blueprint/faas/local/azure_options.hpp"
#include "blueprint/faas/local/digitalocean_options.hpp"
#include "blueprint/faas/local/gcp_options.hpp"
#include "blueprint/faas/local/openwhisk_options.hpp"
#include "blueprint/faas/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// Who the server is towards its clients: a PEM certificate chain, the leaf first, and the leaf's unencrypted PEM key.
struct TlsIdentity {
    std::string certificate_chain{};
    Secret private_key{};

    /// Reads both from files of at most 1 MiB: `errc::invalid_configuration` names the one that cannot be read.
    static result<TlsIdentity> from_files(const std::filesystem::path& certificate_chain,
                                          const std::filesystem::path& private_key);
};

/// Why `CloudOptions::authorize` lets a request not pass.
struct Denial {
    unsigned status = 401;            ///< 401: no or a bad credential; 403: a known one that may not
    std::string message{};            ///< for people; without secrets
    std::string challenge{"Bearer"};  ///< the value of WWW-Authenticate in a 401
};

/// A fixed value that opens when it is sent in a header field: an API key.
struct ApiKeyCredential {
    std::string header = "X-API-Key";
    Secret key{};
};

/// A name with its password, for HTTP Basic authentication. Source: RFC 7617.
struct BasicCredential {
    std::string user{};
    Secret password{};
};

/// What bounds the server. The first five are the contract's; the rest keeps one client from using up the machine.
struct CloudLimits {
    std::uint64_t package_bytes = 50ULL << 20;  ///< of an uploaded zip
    std::uint64_t unpacked_bytes = 250ULL << 20;
    std::uint64_t request_bytes = 6ULL << 20;  ///< of the body of an invocation
    std::uint64_t answer_bytes = 6ULL << 20;   ///< of the body of an answer, and of a function's stdout
    std::size_t stderr_bytes = 64U << 10;      ///< of a function's stderr; its end is kept
    std::size_t functions = 1000;
    std::uint32_t warm_instances = 64;                         ///< kept ready for one function
    std::uint32_t async_invocations = 1000;                    ///< started with `Prefer: respond-async`, running
    std::size_t connections = 4096;                            ///< further clients wait in the listening socket's queue
    std::uint64_t buffered_bytes = 1ULL << 30;                 ///< of all bodies being received; 503 beyond
    std::chrono::milliseconds idle{std::chrono::seconds{75}};  ///< a kept connection without a request
    std::chrono::milliseconds stall{std::chrono::seconds{30}};  ///< a head that is not complete, a body that stops
    /// The slowest body taken: at every moment it must have come as fast as this on average, with `stall` to spare.
    std::uint64_t body_bytes_per_second = 4U << 10;
    std::chrono::milliseconds kill_after{std::chrono::seconds{2}};  ///< between TERM and KILL
    std::chrono::milliseconds warm_idle{std::chrono::minutes{10}};  ///< an instance that nobody needed
    std::chrono::milliseconds idempotency{std::chrono::hours{24}};  ///< how long the answer to a key is kept
    std::size_t idempotency_keys = 200'000;                         ///< kept; the oldest answers are forgotten beyond
    std::uint64_t idempotency_bytes = 128ULL << 20;                 ///< of keys and answers, likewise
};

/// How a `Cloud` listens, whom it serves, and where it keeps what was deployed.
struct CloudOptions {
    std::string listen_address = "127.0.0.1";  ///< an IP address
    std::uint16_t port = 0;                    ///< 0: any free one, see `Cloud::url`
    /// Where packages and the functions' private directories live, in a subdirectory of the server's own that it
    /// removes at its end: deployments do not outlive the server. Made if absent (0700). Empty: a new directory below
    /// the system's temporary one.
    std::filesystem::path data_directory{};
    std::optional<TlsIdentity> tls{};  ///< nothing: plain HTTP
    /// A PEM bundle of the authorities that must have signed a client's certificate. Empty: none is asked for.
    /// Needs `tls`.
    std::string client_ca{};
    // Whatever of the following is given: any one of the credentials opens. None at all: everybody may do everything.
    std::vector<Secret> bearer_tokens{};
    std::vector<ApiKeyCredential> api_keys{};
    std::vector<BasicCredential> basic_users{};
    /// Asked about each request that the credentials above do not open, with its head alone: nothing lets it pass. For
    /// tokens that expire, and for other schemes; compare secrets by `same_secret`. Called on the server's strand.
    std::function<std::optional<Denial>(const ServerRequest& head)> authorize{};
    /// Names, without a port, by which what needs no credential may be asked for beside `localhost` and this machine's
    /// addresses (the field Host): a platform without credentials, or with a secret that is its own name, and the
    /// played metadata services. With a credential, or `allow_non_loopback`, any name will do.
    std::vector<std::string> host_names{};
    bool allow_non_loopback = false;  ///< without it, only loopback addresses are listened on; with it, TLS is due
    bool strict_1_0 = false;          ///< behaves as a platform that knows nothing of 1.1
    std::uint32_t function_concurrency = 1000;  ///< simultaneous invocations of a function that does not say how many
    std::uint32_t account_concurrency = 2000;   ///< simultaneous invocations of all functions
    /// The executor's io_context is run by one thread only, so that the server needs no strand of its own.
    bool single_thread = false;
    /// Limits the functions' memory (RLIMIT_DATA). Programs built with AddressSanitizer reserve terabytes and cannot
    /// run under any such limit.
    bool limit_memory = true;
    std::optional<AwsOptions> aws{};                    ///< play AWS too, on an address of its own; nothing: do not
    std::optional<GcpOptions> gcp{};                    ///< play Google Cloud too, likewise
    std::optional<AzureOptions> azure{};                ///< play Azure too, likewise
    std::optional<DigitalOceanOptions> digitalocean{};  ///< play DigitalOcean too, likewise
    std::optional<OpenWhiskOptions> openwhisk{};        ///< play a self-hosted OpenWhisk too, likewise
    CloudLimits limits{};
    /// Is given a line for each request, and for the end of each asynchronous invocation: never headers, never bodies.
    std::function<void(std::string_view)> log{};
};

/// Compares what a client sent with what it should be, in a time that tells neither the secret's length nor where they
/// differ.
BLUEPRINT_FAAS_DECL bool same_secret(std::string_view sent, const Secret& expected);

/// What a `Cloud` has done so far.
struct CloudStats {
    std::uint64_t requests = 0;
    std::uint64_t connections = 0;
    std::size_t open_connections = 0;
    std::uint64_t processes_started = 0;
    std::size_t processes_alive = 0;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/options.ipp"
#endif

#endif
