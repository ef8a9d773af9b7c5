// What a forward proxy answers to CONNECT, in pieces of odd sizes; and what users write about proxies.
#include "blueprint/faas/transport/proxy.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/transport/impl/proxy_tunnel.hpp"
#include "feed.hpp"
#include "targets.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace blueprint::faas::fuzz {

namespace {

namespace asio = boost::asio;

constexpr std::string_view credential = "Basic cG9zc2libHk6c2VjcmV0";
constexpr std::string_view control = {"\r\n\0\t\x1b", 5};

struct Tunnel {
    bool open = false;
    boost::system::error_code code{};

    friend bool operator==(const Tunnel&, const Tunnel&) = default;
};

// What the client makes of a proxy that says `bytes`, in pieces of up to `piece` bytes, and hangs up.
Tunnel ask(const detail::Proxy& proxy, std::string_view bytes, std::size_t piece) {
    asio::io_context io{1};
    const Feed feed;
    detail::Connection connection{io.get_executor(), Origin{true, "far.example", 443}};
    connection.socket.assign(asio::ip::tcp::v4(), feed.tested());
    boost::system::error_code broken;
    Tunnel tunnel;
    bool over = false;
    asio::co_spawn(
        io, detail::open_tunnel(connection, proxy, broken), [&](std::exception_ptr thrown, result<void> answer) {
            FAAS_REQUIRE(!thrown);
            over = true;
            tunnel.open = answer.has_value();
            if (answer) return;
            const auto& error = answer.error();
            tunnel.code = error.code;
            FAAS_REQUIRE(error.execution == Execution::not_started);
            FAAS_REQUIRE(error.message.size() <= 400);
            FAAS_REQUIRE(error.message.find(detail::proxy_name(proxy.address)) != std::string::npos);
            FAAS_REQUIRE(proxy.authorization.empty() || error.message.find(credential.substr(6)) == std::string::npos);
            FAAS_REQUIRE(error.message.find_first_of(control) == std::string::npos);
        });
    feed.say(io, bytes, piece, over);
    FAAS_REQUIRE(connection.out.find("Basic") == std::string::npos);
    return tunnel;
}

class Variables final : public Environment {
public:
    Variables(std::string url, std::string direct) : url_{std::move(url)}, direct_{std::move(direct)} {}
    std::optional<std::string> variable(const std::string& name) const override {
        if (name == "HTTPS_PROXY") return url_;
        if (name == "NO_PROXY") return direct_;
        return std::nullopt;
    }

private:
    std::string url_;
    std::string direct_;
};

}  // namespace

void proxy_answer(Input input) {
    Reader reader{input.first(std::min<std::size_t>(input.size(), 48 * 1024))};  // a socket's buffer takes it whole
    const auto how = reader.byte();
    detail::Proxy proxy{.address = Origin{false, "proxy.example", 3128}};
    if (how % 2 == 0) proxy.authorization = Secret{credential};
    proxy.of_environment = how / 2 % 2 == 0;
    const std::size_t piece = 1 + reader.byte() % 40;
    const auto bytes = reader.rest();

    const auto whole = ask(proxy, bytes, bytes.size() + 1);
    const auto pieces = ask(proxy, bytes, bytes.size() > 4096 ? 997 : piece);
    // What a server says unasked, or a head that never ends, may be seen or not yet; what is refused stays so.
    if (whole.open) FAAS_REQUIRE(pieces.open);
    if (whole.code == errc::authentication) FAAS_REQUIRE(pieces == whole);
    if (!whole.open && bytes.find("HTTP/1.") == std::string_view::npos) FAAS_REQUIRE(!pieces.open);
}

void proxy_options(Input input) {
    Reader reader{input};
    const std::string url{reader.until('\n')};
    const std::string direct{reader.until('\n')};
    const std::string host{reader.rest()};
    const auto options = ProxyOptions::from_environment(Variables{url, direct});
    if (!options) {
        const auto& error = options.error();
        FAAS_REQUIRE(error.code == errc::invalid_configuration);
        FAAS_REQUIRE(error.message.find("proxy") != std::string::npos ||
                     error.message.find("PROXY") != std::string::npos);
        FAAS_REQUIRE(error.message.size() <= 300);  // fixed sentences, since there may be a password in the URL
        return;
    }
    for (const auto& entry : options->no_proxy) FAAS_REQUIRE(!entry.empty() && entry.find_first_of(", ") == entry.npos);
    const auto proxy = detail::make_proxy(*options, true);
    FAAS_REQUIRE(proxy.has_value());
    FAAS_REQUIRE(proxy->has_value() != options->url.empty());
    if (*proxy) {
        FAAS_REQUIRE(!(*proxy)->address.host.empty() && (*proxy)->address.port != 0);
        std::string out;
        detail::write_connect(out, Origin{true, "far.example", 443}, **proxy);
        FAAS_REQUIRE(std::count(out.begin(), out.end(), '\n') == ((*proxy)->authorization.empty() ? 3 : 4));
    }

    const Origin origin{true, host, 443};
    const bool direct_to = detail::bypasses_proxy(options->no_proxy, origin);
    bool one_says_so = false;
    for (const auto& entry : options->no_proxy) one_says_so |= detail::bypasses_proxy({entry}, origin);
    FAAS_REQUIRE(direct_to == one_says_so);
    if (*proxy && detail::is_loopback_name(host)) FAAS_REQUIRE(!detail::goes_through(**proxy, origin));
}

}  // namespace blueprint::faas::fuzz
