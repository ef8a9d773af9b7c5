#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/transport/impl/tls_sessions.hpp"
#include "integration/transport/lab.hpp"
#include "support/self_signed.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstdlib>
#include <functional>

namespace tls_test {

using namespace blueprint::faas;
using namespace tests;

namespace {

const std::string good = json_answer("{}");
const RawPeer::Step answer_and_close{.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                                     .close = true};

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio memory(const std::string& text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free}; }

// Writes a private key anew, locked with a password: as PKCS #8, or in OpenSSL's older form.
std::string lock(const std::string& pem, const std::string& password, bool pkcs8) {
    const auto in = memory(pem);
    const Key key{PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
    const Bio out{BIO_new(BIO_s_mem()), &BIO_free};
    const auto* text = reinterpret_cast<const unsigned char*>(password.data());
    const int size = static_cast<int>(password.size());
    const int done = pkcs8 ? PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), password.data(),
                                                           size, nullptr, nullptr)
                           : PEM_write_bio_PrivateKey_traditional(out.get(), key.get(), EVP_aes_256_cbc(), text, size,
                                                                  nullptr, nullptr);
    REQUIRE(done == 1);
    char* data = nullptr;
    const long length = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(length)};
}

// The pin of a certificate, computed as `openssl x509 -pubkey | openssl pkey -outform der | openssl dgst` would.
std::string pin_of(const std::string& pem) {
    const auto in = memory(pem);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{
        PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), &X509_free};
    const Key key{X509_get_pubkey(certificate.get()), &EVP_PKEY_free};
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key.get(), &der);
    const auto digest = detail::sha256({der, static_cast<std::size_t>(size)});
    OPENSSL_free(der);
    return detail::base64_encode(digest);
}

// A certificate authority, and a server that `prepare` may alter.
struct Fixture {
    asio::io_context io{};
    local::CertificateAuthority authority = ok(local::CertificateAuthority::create());
    local::Certificate certificate = ok(authority.issue({"localhost", "127.0.0.1"}));

    TlsOptions trust(TlsOptions options = {}) const {
        options.extra_roots = authority.certificate();
        return options;
    }
};

// Sets a variable of the environment, or (null) unsets it, for as long as this lives.
class Variable {
public:
    Variable(const char* name, const char* value) : name_{name} {
        if (const char* before = std::getenv(name)) before_ = before;
        set(value);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { set(before_ ? before_->c_str() : nullptr); }

private:
    void set(const char* value) {
        if (value != nullptr) {
            ::setenv(name_, value, 1);
        } else {
            ::unsetenv(name_);
        }
    }
    const char* name_;
    std::optional<std::string> before_{};
};

// Makes a server ask for a client certificate that `client` (self-signed) vouches for.
std::function<void(asio::ssl::context&)> wants_client(const std::string& client, int max_version) {
    return [client, max_version](asio::ssl::context& context) {
        SSL_CTX_set_max_proto_version(context.native_handle(), max_version);
        context.add_certificate_authority(asio::buffer(client));
        context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
        static constexpr unsigned char id[] = {'t'};
        SSL_CTX_set_session_id_context(context.native_handle(), id, sizeof id);
    };
}

}  // namespace

TEST_CASE("TLS: a second connection resumes the session of the first, on both sides, with either version") {
    Fixture at;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        SSL_CTX* server = nullptr;
        RawPeer peer{at.io, {answer_and_close}, at.certificate, [&](asio::ssl::context& context) {
                         server = context.native_handle();
                         SSL_CTX_set_max_proto_version(server, version);
                     }};
        HttpsTransport transport{at.io.get_executor(), at.trust({.pinned_keys = {pin_of(at.certificate.certificate)}})};
        for (int i = 0; i < 4; ++i) ok(exchange(at.io, transport, get(true, peer.port())));
        CHECK(peer.connections() == 4);
        CHECK(transport.statistics().tls_resumptions == 3);
        CHECK(SSL_CTX_sess_hits(server) == 3);

        // Another origin is another peer, though the server be the same: its name is checked anew.
        ok(exchange(at.io, transport, get(true, peer.port(), "/", "127.0.0.1")));
        CHECK(transport.statistics().tls_resumptions == 3);

        HttpsTransport never{at.io.get_executor(), at.trust(), {.resume_tls_sessions = false}};
        for (int i = 0; i < 3; ++i) ok(exchange(at.io, never, get(true, peer.port())));
        CHECK(never.statistics().tls_resumptions == 0);
        CHECK(SSL_CTX_sess_hits(server) == 3);
    }
}

TEST_CASE("TLS: what a server's connections leave behind is bounded") {
    Fixture at;
    detail::TlsSessions sessions{true};
    for (std::size_t i = 0; i < 2 * detail::TlsSessions::origins; ++i) {
        const auto name = "https://" + std::to_string(i);
        for (std::size_t j = 0; j < 2 * detail::TlsSessions::per_origin; ++j)
            sessions.keep(name, detail::TlsSession{SSL_SESSION_new()});
    }
    CHECK(sessions.origins_kept() == detail::TlsSessions::origins);
    CHECK(sessions.kept() == detail::TlsSessions::origins * detail::TlsSessions::per_origin);
}

TEST_CASE("mutual TLS: a client certificate is shown, its key in the clear or locked in either PEM form") {
    Fixture at;
    const auto client = test::make_self_signed();
    const std::string locked = lock(client.key, "pass word", true);
    const std::string locked_of_old = lock(client.key, "pass word", false);
    CHECK(locked.find("BEGIN ENCRYPTED PRIVATE KEY") != std::string::npos);
    CHECK(locked_of_old.find("Proc-Type: 4,ENCRYPTED") != std::string::npos);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        RawPeer peer{at.io, {{.answer = good}}, at.certificate, wants_client(client.certificate, version)};
        for (const auto& key : {client.key, locked, locked_of_old}) {
            HttpsTransport transport{at.io.get_executor(), at.trust({.client_certificate = client.certificate,
                                                                     .client_key = key,
                                                                     .client_key_password = "pass word"})};
            CHECK(ok(exchange(at.io, transport, get(true, peer.port()))).status == 200);
        }
    }
}

TEST_CASE("mutual TLS: no certificate, or another's, is an authentication error that says so; nothing was started") {
    Fixture at;
    const auto client = test::make_self_signed();
    const auto stranger = test::make_self_signed();
    struct Row {
        TlsOptions options;
        std::string words;
    };
    const Row rows[] = {{{}, "wants a client certificate"},
                        {{.client_certificate = stranger.certificate, .client_key = stranger.key},
                         "does not accept our client certificate"}};
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        for (const auto& row : rows) {
            CAPTURE(row.words);
            RawPeer peer{at.io, {{.answer = good}}, at.certificate, wants_client(client.certificate, version)};
            HttpsTransport transport{at.io.get_executor(), at.trust(row.options)};
            for (int i = 0; i < 5; ++i) {
                const auto error = failed(exchange(at.io, transport, get(true, peer.port())));
                CAPTURE(error.message);
                CHECK(error.code == errc::authentication);
                CHECK(error.execution == Execution::not_started);
                CHECK_FALSE(error.retryable);
                CHECK(error.message.find(row.words) != std::string::npos);
            }
            CHECK(peer.requests().empty());
            CHECK(transport.statistics().busy_connections == 0);
        }
    }
}

TEST_CASE("bad input: each way in which a client certificate and its key can be wrong has its sentence") {
    Fixture at;
    const auto client = test::make_self_signed();
    const auto other = test::make_self_signed();
    const auto locked = lock(client.key, "pass word", true);
    struct Row {
        TlsOptions options;
        std::string words;
    };
    const Row rows[] = {
        {{.client_certificate = client.certificate}, "without TlsOptions::client_key"},
        {{.client_key = client.key}, "without TlsOptions::client_certificate"},
        {{.client_certificate = "no PEM", .client_key = client.key}, "client_certificate is not the PEM text"},
        {{.client_certificate = client.certificate, .client_key = "no PEM"}, "client_key is not the PEM text"},
        {{.client_certificate = client.certificate, .client_key = locked}, "give TlsOptions::client_key_password"},
        {{.client_certificate = client.certificate, .client_key = locked, .client_key_password = "wrong-one"},
         "client_key_password does not open"},
        {{.client_certificate = client.certificate,
          .client_key = lock(client.key, "pass word", false),
          .client_key_password = "wrong-one"},
         "client_key_password does not open"},
        {{.client_certificate = client.certificate, .client_key = other.key},
         "is not the key of the first certificate"}};
    for (const auto& row : rows) {
        CAPTURE(row.words);
        HttpsTransport transport{at.io.get_executor(), at.trust(row.options)};
        const auto error = failed(exchange(at.io, transport, get(true, 1)));
        CAPTURE(error.message);
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find(row.words) != std::string::npos);
        CHECK(error.message.find("wrong-one") == std::string::npos);
        CHECK(transport.statistics().busy_connections == 0);
    }
}

TEST_CASE("TLS: a pinned key of the server or of its authority is accepted, any other refused before a byte is sent") {
    Fixture at;
    RawPeer peer{at.io, {{.answer = good}}, at.certificate};
    const auto own = pin_of(at.certificate.certificate);
    const auto authority = pin_of(at.authority.certificate());
    const auto other = pin_of(test::make_self_signed().certificate);
    for (const auto& pins : {std::vector{own}, std::vector{authority}, std::vector{other, own}}) {
        HttpsTransport transport{at.io.get_executor(), at.trust({.pinned_keys = pins})};
        CHECK(ok(exchange(at.io, transport, get(true, peer.port()))).status == 200);
    }
    const auto requests = peer.requests().size();
    HttpsTransport wrong{at.io.get_executor(), at.trust({.pinned_keys = {other}})};
    for (int i = 0; i < 2; ++i) {
        const auto error = failed(exchange(at.io, wrong, get(true, peer.port())));
        CHECK(error.code == errc::infrastructure);
        CHECK(error.execution == Execution::not_started);
        CHECK_FALSE(error.retryable);
        CHECK(error.message.find("TlsOptions::pinned_keys") != std::string::npos);
    }
    // A pin replaces no other check: the right key under an unknown authority stays refused.
    HttpsTransport stranger{at.io.get_executor(), {.system_roots = false, .pinned_keys = {own}}};
    CHECK(failed(exchange(at.io, stranger, get(true, peer.port()))).message.find("extra_roots") != std::string::npos);
    CHECK(peer.requests().size() == requests);
}

TEST_CASE("TLS: `at_least_tls13` refuses a server that has no more than 1.2") {
    Fixture at;
    RawPeer peer{at.io, {{.answer = good}}, at.certificate, [](asio::ssl::context& context) {
                     SSL_CTX_set_max_proto_version(context.native_handle(), TLS1_2_VERSION);
                 }};
    HttpsTransport strict{at.io.get_executor(), at.trust({.at_least_tls13 = true})};
    CHECK(failed(exchange(at.io, strict, get(true, peer.port()))).code == errc::infrastructure);
    HttpsTransport usual{at.io.get_executor(), at.trust()};
    CHECK(ok(exchange(at.io, usual, get(true, peer.port()))).status == 200);
}

TEST_CASE("proxy: an exchange goes through it, encrypted from end to end, and its connection is kept for the origin") {
    Fixture at;
    RawPeer peer{at.io, {{.answer = good}}, at.certificate};
    ProxyPeer proxy{at.io, {.wants = "Basic bWU6czNjcmV0"}};
    HttpsTransport transport{
        at.io.get_executor(), at.trust(), {.proxy = {.url = proxy.url(), .user = "me", .password = "s3cret"}}};
    auto request = get(true, peer.port());
    request.headers.set("X-Private", "for the origin alone");
    CHECK_FALSE(ok(exchange(at.io, transport, request)).connection_reused);
    CHECK(ok(exchange(at.io, transport, request)).connection_reused);
    REQUIRE(proxy.heads().size() == 1);
    CHECK(proxy.heads()[0].starts_with("CONNECT localhost:" + std::to_string(peer.port()) + " HTTP/1.1\r\n"));
    CHECK(proxy.heads()[0].find("X-Private") == std::string::npos);
    REQUIRE(peer.requests().size() == 2);
    CHECK(peer.requests()[0].find("Proxy-Authorization") == std::string::npos);
}

TEST_CASE("proxy: what goes wrong names the proxy, and never the credential") {
    Fixture at;
    RawPeer peer{at.io, {{.answer = good}}, at.certificate};
    struct Row {
        ProxyPeer::Step step;
        errc expected;
        std::string words;
    };
    const Row rows[] = {
        {{.wants = "Basic other"}, errc::authentication, "does not accept the user name and password (407"},
        {{.answer = "HTTP/1.1 403 Forbidden\r\n\r\n"}, errc::infrastructure, "does not let us through"},
        {{.answer = "HTTP/1.0 502 Bad Gateway\r\nX: y\r\n\r\n<html>"}, errc::infrastructure, "did not reach"},
        {{.answer = "HTTP/1.1 504 Gateway Timeout\r\n\r\n"}, errc::infrastructure, "did not reach"},
        {{.answer = "SSH-2.0-OpenSSH_9.2\r\n"}, errc::serialization, "not HTTP"},
        {{.answer = std::string(20'000, '\0')}, errc::serialization, "not HTTP"},
        {{.answer = ""}, errc::infrastructure, "closed the connection instead of opening a tunnel"},
        {{.answer = "HTTP/1.1 20"}, errc::infrastructure, "closed the connection instead of opening a tunnel"},
        {{.answer = "HTTP/1.1 200 OK\r\n\r\nunasked"}, errc::serialization, "not HTTP"}};
    for (const auto& row : rows) {
        CAPTURE(row.words);
        ProxyPeer proxy{at.io, row.step};
        HttpsTransport transport{
            at.io.get_executor(), at.trust(), {.proxy = {.url = proxy.url(), .user = "me", .password = "s3cret"}}};
        const auto error = failed(exchange(at.io, transport, get(true, peer.port())));
        CAPTURE(error.message);
        CHECK(error.code == row.expected);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find(row.words) != std::string::npos);
        CHECK(error.message.find("127.0.0.1:" + std::to_string(proxy.port())) != std::string::npos);
        CHECK(error.message.find("s3cret") == std::string::npos);
        CHECK(error.message.find("bWU6czNjcmV0") == std::string::npos);
        CHECK(transport.statistics().busy_connections == 0);
    }
    CHECK(peer.connections() == 0);

    std::string gone;
    {
        ProxyPeer proxy{at.io, {}};
        gone = proxy.url();
    }
    HttpsTransport transport{at.io.get_executor(), at.trust(), {.proxy = {.url = gone}}};
    const auto error = failed(exchange(at.io, transport, get(true, peer.port())));
    CHECK(error.code == errc::infrastructure);
    CHECK(error.execution == Execution::not_started);
    CHECK(error.message.find("the proxy " + gone.substr(7)) != std::string::npos);
    CHECK(error.message.find("Connection refused") != std::string::npos);
}

TEST_CASE("proxy: a tunnel changes nothing about whom we trust") {
    Fixture at;
    const auto stranger = ok(local::CertificateAuthority::create());
    RawPeer peer{at.io, {{.answer = good}}, ok(stranger.issue({"localhost"}))};
    ProxyPeer proxy{at.io, {}};
    HttpsTransport transport{at.io.get_executor(), at.trust(), {.proxy = {.url = proxy.url()}}};
    const auto error = failed(exchange(at.io, transport, get(true, peer.port())));
    CHECK(error.message.find("TlsOptions::extra_roots") != std::string::npos);
    CHECK(peer.requests().empty());
}

TEST_CASE(
    "proxy: `no_proxy` is obeyed, plain HTTP to this machine knows none, and a bad one is told at the first use") {
    Fixture at;
    RawPeer peer{at.io, {{.answer = good}}, at.certificate};
    ProxyPeer proxy{at.io, {}};
    HttpsTransport direct{at.io.get_executor(), at.trust(), {.proxy = {.url = proxy.url(), .no_proxy = {"localhost"}}}};
    ok(exchange(at.io, direct, get(true, peer.port())));
    CHECK(proxy.heads().empty());
    ok(exchange(at.io, direct, get(true, peer.port(), "/", "127.0.0.1")));
    CHECK(proxy.heads().size() == 1);

    RawPeer plain{at.io, {{.answer = good}}};
    LoopbackTransport loopback{at.io.get_executor(), {.proxy = {.url = proxy.url()}}};
    ok(exchange(at.io, loopback, get(false, plain.port())));
    CHECK(proxy.heads().size() == 1);

    HttpsTransport bad{at.io.get_executor(), at.trust(), {.proxy = {.url = "http://me:s3cret@127.0.0.1:1"}}};
    const auto error = failed(exchange(at.io, bad, get(true, peer.port())));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("ProxyOptions::user") != std::string::npos);
    CHECK(error.message.find("s3cret") == std::string::npos);
}

TEST_CASE("proxy: the environment's is obeyed for the world outside, not for this machine, and can be left out") {
    Fixture at;
    RawPeer peer{at.io, {{.answer = good}}, at.certificate};
    ProxyPeer proxy{at.io, {.answer = "HTTP/1.1 403 Forbidden\r\n\r\n"}};
    const Variable none{"NO_PROXY", nullptr};
    const Variable none_in_small{"no_proxy", nullptr};
    {
        const auto url = "http://me:s3cret@127.0.0.1:" + std::to_string(proxy.port());
        const Variable variable{"HTTPS_PROXY", url.c_str()};
        HttpsTransport transport{at.io.get_executor(), at.trust()};
        ok(exchange(at.io, transport, get(true, peer.port())));
        CHECK(proxy.heads().empty());
        // 192.0.2.1 is nobody's; the proxy is asked, and says no.
        const auto error = failed(exchange(at.io, transport, get(true, 443, "/", "192.0.2.1")));
        CHECK(error.message.find("NO_PROXY") != std::string::npos);
        REQUIRE(proxy.heads().size() == 1);
        CHECK(proxy.heads()[0].find("Proxy-Authorization: Basic bWU6czNjcmV0\r\n") != std::string::npos);
    }
    const Variable variable{"HTTPS_PROXY", "socks5://127.0.0.1:1"};
    HttpsTransport bad{at.io.get_executor(), at.trust()};
    ok(exchange(at.io, bad, get(true, peer.port())));  // this machine needs no proxy, so none can be wrong
    const auto error = failed(exchange(at.io, bad, get(true, 443, "/", "192.0.2.1")));
    CHECK(error.code == errc::invalid_configuration);
    CHECK(error.message.find("HTTPS_PROXY") != std::string::npos);
}

}  // namespace tls_test
