#ifndef BLUEPRINT_FAAS_LOCAL_GCP_FRONT_HPP
#define BLUEPRINT_FAAS_LOCAL_GCP_FRONT_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/local/deployment.hpp"
#include "blueprint/faas/local/gcp_gate.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_pool.hpp"
#include "blueprint/faas/local/http_server.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace blueprint::faas::local {

/// Words an error of Google's front end, which is a page.
BLUEPRINT_FAAS_DECL ServerAnswer gcp_front_page(unsigned status, std::string_view title, std::string_view message);

/// Where one service is called: an address of its own, as each has a host name of its own there. Lets nobody pass but
/// who has an ID token for it and may call it, and divides the calls between revisions. On the host's strand only.
/// Source: Cloud Run documentation, "Authenticating service-to-service".
class GcpFront final : public HttpService, public std::enable_shared_from_this<GcpFront> {
public:
    static constexpr std::uint64_t body_bytes = 32ULL << 20;  ///< of a call; there, of one over HTTP/1

    /// Who may call.
    struct Rules {
        std::vector<std::string> audiences{};  ///< that ID tokens may be for, besides the address
        std::vector<std::string> members{};    ///< as in IAM policies
        bool everybody = false;                ///< without any token
        bool all_known = false;                ///< whoever has a token for it
        bool reachable = true;                 ///< from outside of the project's network
        std::string path_prefix{};             ///< is taken off a target that begins with it: a function's name
    };
    /// A revision and how many calls of a hundred it gets.
    struct Share {
        std::shared_ptr<HttpPool> pool{};
        std::uint32_t percent = 0;
    };

    /// Listens. `owner` owns the gate and the host; nothing is judged or run when it is gone.
    static result<std::shared_ptr<GcpFront>> open(FunctionHost& host, const GcpGate& gate, std::weak_ptr<void> owner);
    ~GcpFront() override = default;

    std::string url() const { return server_.url(); }
    void set_rules(Rules rules) { rules_ = std::move(rules); }
    void set_traffic(std::vector<Share> shares);
    void stop_accepting() { server_.stop_accepting(); }
    void close() { server_.close(); }

    Admission admit(const ServerRequest& head) override;
    asio::awaitable<ServerAnswer> answer(ServerRequest request) override;
    ServerAnswer failure(unsigned status, std::string_view message) override;

private:
    struct Turn {
        Share share{};
        std::int64_t credit = 0;
    };

    GcpFront(FunctionHost& host, const GcpGate& gate, std::weak_ptr<void> owner)
        : server_{host.strand, *this}, gate_{gate}, owner_{std::move(owner)} {}
    std::shared_ptr<HttpPool> choose();
    static void hide_signature(ServerRequest& request);

    HttpServer server_;
    const GcpGate& gate_;
    std::weak_ptr<void> owner_;
    Rules rules_;
    std::vector<Turn> turns_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/gcp_front.ipp"
#endif

#endif
