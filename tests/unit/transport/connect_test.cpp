#include "blueprint/faas/transport/impl/connect.hpp"

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/transport/proxy.hpp"
#include "support/run.hpp"
#include "support/self_signed.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace connect_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using tests::failed;
using tests::ok;

namespace {

class Variables : public Environment {
public:
    explicit Variables(std::map<std::string, std::string> values) : values_{std::move(values)} {}
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = values_.find(name);
        if (found == values_.end()) return std::nullopt;
        return found->second;
    }

private:
    std::map<std::string, std::string> values_;
};

using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;

Certificate read_certificate(const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&::BIO_free)> bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                          &::BIO_free};
    return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &::X509_free};
}

// Whether a context trusts a certificate that vouches for itself.
bool trusts(detail::TlsContext& context, const std::string& pem) {
    const auto certificate = read_certificate(pem);
    const std::unique_ptr<X509_STORE_CTX, decltype(&::X509_STORE_CTX_free)> check{X509_STORE_CTX_new(),
                                                                                  &::X509_STORE_CTX_free};
    auto* const store = SSL_CTX_get_cert_store(context.context.native_handle());
    if (X509_STORE_CTX_init(check.get(), store, certificate.get(), nullptr) != 1) return false;
    X509_STORE_CTX_set_flags(check.get(), X509_V_FLAG_NO_CHECK_TIME);
    return X509_verify_cert(check.get()) == 1;
}

int parsed_authorities(detail::TlsContext& context) {
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(context.context.native_handle())));
}

std::uint64_t number_of_name(int kind, const std::string& common_name) {
    const std::unique_ptr<X509_NAME, decltype(&::X509_NAME_free)> name{X509_NAME_new(), &::X509_NAME_free};
    X509_NAME_add_entry_by_txt(name.get(), "CN", kind, reinterpret_cast<const unsigned char*>(common_name.data()),
                               static_cast<int>(common_name.size()), -1, 0);
    const unsigned char* der = nullptr;
    std::size_t size = 0;
    X509_NAME_get0_der(name.get(), &der, &size);
    return detail::name_number({der, size});
}

detail::Addresses addresses(std::initializer_list<const char*> texts) {
    detail::Addresses all;
    for (const auto* text : texts) all.push_back(boost::asio::ip::make_address(text));
    return all;
}

}  // namespace

TEST_CASE("proxy: NO_PROXY entries are names with all below, suffixes, addresses, blocks, ports, or everything") {
    struct Row {
        std::string entry, host;
        std::uint16_t port;
        bool direct;
    };
    const Row rows[] = {{"example.com", "example.com", 443, true},
                        {"example.com", "a.b.example.com", 443, true},
                        {"example.com", "badexample.com", 443, false},
                        {"example.com", "example.com.evil.org", 443, false},
                        {"EXAMPLE.com", "example.COM", 443, true},
                        {"example.com.", "example.com", 443, true},
                        {"example.com", "example.com.", 443, true},
                        {".example.com", "example.com", 443, false},
                        {".example.com", "a.example.com", 443, true},
                        {"*.example.com", "a.example.com", 443, true},
                        {"*.example.com", "example.com", 443, false},
                        {"*", "anything.example", 443, true},
                        {" * ", "10.0.0.1", 443, true},
                        {"example.com:8443", "example.com", 8443, true},
                        {"example.com:8443", "example.com", 443, false},
                        {".example.com:443", "a.example.com", 443, true},
                        {"example.com:", "example.com", 443, false},
                        {"example.com:99999", "example.com", 443, false},
                        {"10.1.2.3", "10.1.2.3", 443, true},
                        {"10.1.2.3", "10.1.2.30", 443, false},
                        {"10.1.2.3:443", "10.1.2.3", 443, true},
                        {"10.1.2.3:80", "10.1.2.3", 443, false},
                        {"10.0.0.0/8", "10.255.0.1", 443, true},
                        {"10.0.0.0/8", "11.0.0.1", 443, false},
                        {"10.0.0.0/9", "10.127.1.1", 443, true},
                        {"10.0.0.0/9", "10.128.1.1", 443, false},
                        {"10.0.0.0/32", "10.0.0.0", 443, true},
                        {"10.0.0.0/33", "10.0.0.0", 443, false},
                        {"10.0.0.0/", "10.0.0.0", 443, false},
                        {"10.0.0.0/8", "10.example.com", 443, false},
                        {"0.0.0.0/0", "203.0.113.9", 443, true},
                        {"0.0.0.0/0", "2001:db8::1", 443, false},
                        {"2001:db8::/32", "2001:db8:1::1", 443, true},
                        {"2001:db8::/32", "2001:db9::1", 443, false},
                        {"2001:DB8:0:0::1", "2001:db8::1", 443, true},
                        {"[2001:db8::1]", "2001:db8::1", 443, true},
                        {"[2001:db8::1]:8443", "2001:db8::1", 443, false},
                        {"[2001:db8::1]:8443", "2001:db8::1", 8443, true},
                        {"[2001:db8::1", "2001:db8::1", 443, false},
                        {"10.1.2.3", "::ffff:10.1.2.3", 443, true},
                        {"", "example.com", 443, false},
                        {".", "example.com", 443, false},
                        {"com", "example.com", 443, true}};
    for (const auto& row : rows) {
        CAPTURE(row.entry);
        CAPTURE(row.host);
        CAPTURE(row.port);
        CHECK(detail::bypasses_proxy({"other.example", row.entry}, Origin{.host = row.host, .port = row.port}) ==
              row.direct);
    }
    CHECK_FALSE(detail::bypasses_proxy({}, Origin{.host = "example.com"}));
}

TEST_CASE("proxy: the environment's proxy is read with its credential, and upper case comes first") {
    struct Row {
        std::map<std::string, std::string> variables;
        std::string url, user, password;
        std::vector<std::string> no_proxy;
    };
    const Row rows[] = {
        {{}, "", "", "", {}},
        {{{"HTTPS_PROXY", ""}}, "", "", "", {}},
        {{{"https_proxy", "http://p.example:3128"}}, "http://p.example:3128", "", "", {}},
        {{{"https_proxy", "http://no:1"}, {"HTTPS_PROXY", "http://yes:2/"}}, "http://yes:2", "", "", {}},
        {{{"HTTPS_PROXY", "p.example:3128"}}, "http://p.example:3128", "", "", {}},
        {{{"HTTPS_PROXY", "HTTP://[::1]:3128"}}, "http://[::1]:3128", "", "", {}},
        {{{"HTTPS_PROXY", "http://me:s%40c%3Aret@p:1"}}, "http://p:1", "me", "s@c:ret", {}},
        {{{"HTTPS_PROXY", "http://me:a@b@p:1"}}, "http://p:1", "me", "a@b", {}},
        {{{"HTTPS_PROXY", "http://me@p:1"}}, "http://p:1", "me", "", {}},
        {{{"NO_PROXY", "a.example, .b.example,,10.0.0.0/8 c"}, {"no_proxy", "x"}, {"HTTPS_PROXY", "http://p:1"}},
         "http://p:1",
         "",
         "",
         {"a.example", ".b.example", "10.0.0.0/8", "c"}}};
    for (const auto& row : rows) {
        CAPTURE(row.url);
        const auto read = ok(ProxyOptions::from_environment(Variables{row.variables}));
        CHECK(read.url == row.url);
        CHECK(read.user == row.user);
        CHECK(read.password.reveal() == row.password);
        CHECK(read.no_proxy == row.no_proxy);
    }
}

TEST_CASE("bad input: a proxy that cannot be used is told by name, without the URL's password") {
    for (const std::string url :
         {"https://p:1", "socks5://me:qwertz-word@p:1", "http://", "http://me:qwertz-word@", "http://p:x", "http://p:0",
          "http://me:qwertz%2-word@p:1", "http://p:1/path", "http://p:1?q", "http://a b:1",
          "http://me%3Ayou:qwertz-word@p:1", "http://:qwertz-word@p:1"}) {
        CAPTURE(url);
        const auto error = failed(ProxyOptions::from_environment(Variables{{{"HTTPS_PROXY", url}}}));
        CHECK(error.code == errc::invalid_configuration);
        CHECK(error.execution == Execution::not_started);
        CHECK((error.message.find("HTTPS_PROXY") != std::string::npos ||
               error.message.find("the proxy's user name") != std::string::npos));
        CHECK(error.message.find("qwertz") == std::string::npos);
    }
    const auto in_url = failed(detail::make_proxy({.url = "http://me:qwertz-word@p:1"}, false));
    CHECK(in_url.message.find("ProxyOptions::user") != std::string::npos);
    CHECK(in_url.message.find("qwertz-word") == std::string::npos);
    CHECK(failed(detail::make_proxy({.url = "http://p:1", .password = "x"}, false)).code ==
          errc::invalid_configuration);
}

TEST_CASE("proxy: this machine is never asked of the environment's proxy, but of one that was given") {
    const auto of_environment = *ok(detail::make_proxy({.url = "http://p:1"}, true));
    const auto given = *ok(detail::make_proxy({.url = "http://p:1", .no_proxy = {"direct.example"}}, false));
    for (const std::string host : {"localhost", "x.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
        CAPTURE(host);
        CHECK_FALSE(detail::goes_through(of_environment, Origin{.host = host}));
        CHECK(detail::goes_through(given, Origin{.host = host}));
    }
    for (const std::string host :
         {"example.com", "localhost.example.com", "128.0.0.1", "::2", "127.0.0.1.example.com"}) {
        CAPTURE(host);
        CHECK(detail::goes_through(of_environment, Origin{.host = host}));
    }
    CHECK_FALSE(detail::goes_through(given, Origin{.host = "direct.example"}));
}

TEST_CASE("proxy: CONNECT names host and port, and carries the credential once") {
    auto proxy = *ok(detail::make_proxy({.url = "http://p:1", .user = "me", .password = "s3cret"}, false));
    std::string out;
    detail::write_connect(out, Origin{.host = "a.example"}, proxy);
    CHECK(out ==
          "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\nProxy-Authorization: Basic bWU6czNjcmV0\r\n\r\n");
    proxy.authorization = {};
    detail::write_connect(out, Origin{.host = "::1", .port = 8443}, proxy);
    CHECK(out == "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n");
}

TEST_CASE("proxy: an answer to CONNECT is read when its head is whole, and what is no HTTP at its first byte") {
    const std::string whole = "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(detail::read_connect_answer(whole.substr(0, size)));
    const auto text = whole + "more";
    const auto answer = detail::read_connect_answer(text);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->reason == "Connection established");
    CHECK(answer->size == whole.size());
    CHECK(detail::read_connect_answer("HTTP/1.0 407\r\n\r\n")->status == 407);
    for (const std::string bad : {"SSH-2.0", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1 2x0 y\r\n\r\n",
                                  "HTTP/1.1200 y\r\n\r\n", "HTTP/1.1\r\n\r\n", "x"}) {
        CAPTURE(bad);
        const auto read = detail::read_connect_answer(bad);
        REQUIRE(read);
        CHECK(read->status == 0);
    }
    CHECK(detail::read_connect_answer("HTTP/1.1 200 OK\r\nX: " + std::string(17'000, 'x'))->status == 0);
}

TEST_CASE("proxy: each refusal has its error; it names the proxy, and the credential never") {
    struct Row {
        unsigned status;
        errc expected;
        bool retryable;
        std::string words;
    };
    const Row rows[] = {{407, errc::authentication, false, "does not accept the user name and password"},
                        {403, errc::infrastructure, false, "does not let us through"},
                        {502, errc::infrastructure, true, "did not reach https://a.example"},
                        {503, errc::infrastructure, true, "did not reach"},
                        {504, errc::infrastructure, true, "did not reach"},
                        {302, errc::infrastructure, false, "does not let us through"},
                        {0, errc::serialization, false, "not HTTP"}};
    const auto proxy =
        *ok(detail::make_proxy({.url = "http://p.example:3128", .user = "me", .password = "s3cret"}, false));
    for (const auto& row : rows) {
        CAPTURE(row.status);
        const auto error = detail::tunnel_error({.status = row.status,
                                                 .reason = "a\x1b"
                                                           "b"},
                                                proxy, {.host = "a.example"});
        CHECK(error.code == row.expected);
        CHECK(error.retryable == row.retryable);
        CHECK(error.execution == Execution::not_started);
        CHECK(error.message.find(row.words) != std::string::npos);
        CHECK(error.message.find("p.example:3128") != std::string::npos);
        CHECK(error.message.find("s3cret") == std::string::npos);
        CHECK(error.message.find(proxy.authorization.reveal().substr(6)) == std::string::npos);
        CHECK(error.message.find('\x1b') == std::string::npos);
    }
    const auto echoed = std::string(95, '.') + std::string{proxy.authorization.reveal()};
    const auto told = detail::tunnel_error({.status = 403, .reason = echoed}, proxy, {.host = "a.example"}).message;
    CHECK(told.find(proxy.authorization.reveal().substr(6, 4)) == std::string::npos);
    const auto nobody = *ok(detail::make_proxy({.url = "http://p:1"}, true));
    const auto error = detail::tunnel_error({.status = 407}, nobody, {.host = "a.example"});
    CHECK(error.message.find("wants a user name") != std::string::npos);
    CHECK(error.message.find("HTTPS_PROXY") != std::string::npos);
}

TEST_CASE("names: an answer is kept for its time, a new one replaces it, and a dead one is forgotten") {
    detail::DnsCache cache{30s};
    const Deadline now{1000s};
    cache.store("a.example", addresses({"192.0.2.1"}), now);
    REQUIRE(cache.find("a.example", now + 29s));
    CHECK(cache.find("a.example", now + 30s) == nullptr);
    CHECK(cache.find("b.example", now) == nullptr);
    cache.store("a.example", addresses({"192.0.2.2"}), now + 30s);
    REQUIRE(cache.find("a.example", now + 30s));
    CHECK(*cache.find("a.example", now + 30s) == addresses({"192.0.2.2"}));
    cache.forget("a.example");
    CHECK(cache.find("a.example", now + 30s) == nullptr);
    cache.store("empty.example", {}, now);
    CHECK(cache.size() == 0);
}

TEST_CASE("names: the cache is bounded, and the oldest answer goes first; without a time nothing is kept") {
    detail::DnsCache cache{30s};
    Deadline now{1000s};
    for (std::size_t i = 0; i < 2 * detail::DnsCache::names; ++i)
        cache.store("n" + std::to_string(i), addresses({"192.0.2.1"}), now += 1ms);
    CHECK(cache.size() == detail::DnsCache::names);
    CHECK(cache.find("n0", now) == nullptr);
    CHECK(cache.find("n" + std::to_string(detail::DnsCache::names), now) != nullptr);
    detail::DnsCache none{0s};
    none.store("a", addresses({"192.0.2.1"}), now);
    CHECK(none.size() == 0);
}

TEST_CASE("names: literals and localhost are never looked up") {
    CHECK(*detail::addresses_without_lookup("192.0.2.1") == addresses({"192.0.2.1"}));
    CHECK(*detail::addresses_without_lookup("::1") == addresses({"::1"}));
    CHECK(*detail::addresses_without_lookup("localhost") == addresses({"127.0.0.1", "::1"}));
    CHECK(*detail::addresses_without_lookup("x.localhost") == addresses({"127.0.0.1", "::1"}));
    CHECK(*detail::addresses_without_lookup("localhost.") == addresses({"127.0.0.1", "::1"}));
    CHECK_FALSE(detail::addresses_without_lookup("localhost.example.com"));
    CHECK_FALSE(detail::addresses_without_lookup("1.2.3.4.example.com"));
}

TEST_CASE("names: the families take turns in the race, and the first one's family begins") {
    CHECK(detail::interleave(addresses({"2001:db8::1", "2001:db8::2", "192.0.2.1"})) ==
          addresses({"2001:db8::1", "192.0.2.1", "2001:db8::2"}));
    CHECK(detail::interleave(addresses({"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"})) ==
          addresses({"192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"}));
    CHECK(detail::interleave(addresses({"192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1"})) ==
          addresses({"192.0.2.1", "2001:db8::1"}));
    CHECK(detail::interleave({}).empty());
}

TEST_CASE("AWS pitfall 12: plain HTTP to metadata services goes to this machine and their address blocks alone") {
    const auto allowed = [](detail::Peers peers, const char* address) {
        return detail::allows(peers, boost::asio::ip::make_address(address));
    };
    for (const auto* address : {"169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.0", "169.254.255.255",
                                "fd00:ec2::254", "fd00:ec2::23", "fd00:ec2:ffff::1"}) {
        CAPTURE(address);
        CHECK(allowed(detail::Peers::metadata, address));
        CHECK_FALSE(allowed(detail::Peers::loopback, address));
        CHECK(allowed(detail::Peers::all, address));
    }
    for (const auto* address : {"127.0.0.1", "127.255.255.254", "::1"}) {
        CAPTURE(address);
        CHECK(allowed(detail::Peers::metadata, address));
        CHECK(allowed(detail::Peers::loopback, address));
    }
    for (const auto* address : {"0.0.0.0", "::", "169.253.255.255", "169.255.0.0", "10.0.0.1", "192.0.2.1", "8.8.8.8",
                                "fd00:ec1::254", "fd00:ec3::254", "fd01:ec2::254", "fc00:ec2::254", "fe80::1",
                                "2001:db8::1", "::ffff:169.254.169.254", "::ffff:127.0.0.1"}) {
        CAPTURE(address);
        CHECK_FALSE(allowed(detail::Peers::metadata, address));
        CHECK_FALSE(allowed(detail::Peers::loopback, address));
        CHECK(allowed(detail::Peers::all, address));
    }
}

TEST_CASE("TLS: authorities are found where distributions keep them, a hashed directory before a bundle") {
    const auto touch = [](const std::filesystem::path& file) {
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file} << "x";
    };
    blueprint::faas::test::TemporaryDirectory machine;
    const std::filesystem::path root = machine.path();
    CHECK(detail::find_system_roots(root).file.empty());
    CHECK(detail::find_system_roots(root).directory.empty());

    touch(root / "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem");
    CHECK(detail::find_system_roots(root).file == (root / "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem").string());
    touch(root / "etc/ssl/certs/ca-certificates.crt");  // a directory without hashes is no directory for OpenSSL
    CHECK(detail::find_system_roots(root).file == (root / "etc/ssl/certs/ca-certificates.crt").string());
    CHECK(detail::find_system_roots(root).directory.empty());
    touch(root / "etc/ssl/certs/5ad8a5d6.0");
    CHECK(detail::find_system_roots(root).directory == (root / "etc/ssl/certs").string());
    CHECK(detail::find_system_roots(root).file.empty());
}

TEST_CASE("TLS: of a bundle only the authorities are parsed that are asked for, all of that name") {
    using blueprint::faas::test::make_self_signed;
    const auto one = make_self_signed("one"), two = make_self_signed("two"), again = make_self_signed("two");
    const auto stranger = make_self_signed("three"), impostor = make_self_signed("one");
    const blueprint::faas::test::TemporaryDirectory directory;
    const auto file = (directory.path() / "bundle.pem").string();
    const auto context_of = [&](const std::string& text, TlsOptions options = {}) {
        std::ofstream{file} << text;
        return ok(detail::make_tls_context(options, true, true, Variables{{{"SSL_CERT_FILE", file}}}));
    };
    const auto bundle = "# One\n" + one.certificate + "\n# Two\r\n" + two.certificate + again.certificate;
    const auto context = context_of(bundle);
    CHECK(parsed_authorities(*context) == 0);
    CHECK_FALSE(trusts(*context, stranger.certificate));
    CHECK_FALSE(trusts(*context, make_self_signed("o-n-e").certificate));  // of the same letters
    CHECK(parsed_authorities(*context) == 0);
    CHECK(trusts(*context, again.certificate));
    CHECK(parsed_authorities(*context) == 2);
    CHECK(trusts(*context, two.certificate));
    CHECK(parsed_authorities(*context) == 2);
    CHECK_FALSE(trusts(*context, impostor.certificate));
    CHECK(trusts(*context, one.certificate));
    CHECK(parsed_authorities(*context) == 3);

    // Names of two bytes a letter, which are compared with all others.
    const auto wide = make_self_signed(std::string{"\0w\0i\0d\0e", 8}, V_ASN1_BMPSTRING);
    CHECK(trusts(*context_of(bundle + wide.certificate), wide.certificate));

    // A large text of further authorities goes the same way, beside the file.
    std::string large = stranger.certificate;
    while (large.size() < 40'000) large += stranger.certificate;
    const auto both = context_of(one.certificate, {.extra_roots = large});
    CHECK(parsed_authorities(*both) == 0);
    CHECK(trusts(*both, stranger.certificate));
    CHECK(trusts(*both, one.certificate));
    CHECK_FALSE(trusts(*both, two.certificate));

    // What is more than certificates is left to OpenSSL, which parses all of it.
    const auto mixed = context_of(one.key + bundle);
    CHECK(parsed_authorities(*mixed) == 3);
    CHECK(trusts(*mixed, one.certificate));
}

TEST_CASE("TLS: names that OpenSSL takes for the same have the same number") {
    const auto number = number_of_name(V_ASN1_PRINTABLESTRING, "Acme Root CA 2");
    CHECK(number != 0);
    CHECK(number_of_name(V_ASN1_UTF8STRING, "  acme  root ca 2 ") == number);
    CHECK(number_of_name(V_ASN1_IA5STRING, "ACME ROOT CA 2") == number);
    CHECK(number_of_name(V_ASN1_UTF8STRING, "Acme Root CA 3") != number);
    CHECK(number_of_name(V_ASN1_UTF8STRING, "Soci\xc3\xa9t\xc3\xa9") ==
          number_of_name(V_ASN1_T61STRING, "Soci\xe9t\xe9"));
    // Two bytes a letter: such a name is compared with all others.
    CHECK(number_of_name(V_ASN1_BMPSTRING, std::string{"\0A\0B", 4}) == 0);
    CHECK(detail::name_number({}) == 0);
}

TEST_CASE("TLS: nothing older than 1.2 is spoken and every certificate is verified, whatever the options are") {
    const TlsOptions all[] = {
        {}, {.at_least_tls13 = true}, {.system_roots = false}, {.pinned_keys = {std::string(43, 'A') + '='}}};
    for (const auto& options : all)
        for (const bool resume : {false, true}) {
            const auto made = ok(detail::make_tls_context(options, resume, true, Variables{{}}));
            auto* const native = made->context.native_handle();
            CHECK(SSL_CTX_get_min_proto_version(native) == (options.at_least_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION));
            CHECK(SSL_CTX_get_max_proto_version(native) == 0);  // the newest there is
            CHECK((SSL_CTX_get_verify_mode(native) & SSL_VERIFY_PEER) != 0);
            CHECK(SSL_CTX_get_security_level(native) >= 1);
        }
}

TEST_CASE("bad input: SSL_CERT_FILE, SSL_CERT_DIR and pins that cannot be used are told by name") {
    struct Row {
        std::map<std::string, std::string> variables;
        TlsOptions options;
        std::string words;
    };
    const blueprint::faas::test::TemporaryDirectory directory;
    const auto broken = (directory.path() / "broken.pem").string();
    std::ofstream{broken} << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const Row rows[] = {{{{"SSL_CERT_FILE", "/no/such/file"}}, {}, "SSL_CERT_FILE"},
                        {{{"SSL_CERT_FILE", broken}}, {}, "SSL_CERT_FILE"},
                        {{{"SSL_CERT_DIR", "/no/such/directory:/nor/this"}}, {}, "SSL_CERT_DIR"},
                        {{}, {.pinned_keys = {"AAAA"}}, "pinned_keys"},
                        {{}, {.pinned_keys = {"not Base64"}}, "pinned_keys"}};
    for (const auto& row : rows) {
        CAPTURE(row.words);
        const auto made = detail::make_tls_context(row.options, true, true, Variables{row.variables});
        REQUIRE(made.has_error());
        CHECK(made.error().code == errc::invalid_configuration);
        CHECK(made.error().message.find(row.words) != std::string::npos);
    }
    CHECK(detail::make_tls_context({}, true, true, Variables{{{"SSL_CERT_DIR", "/no/such:/tmp"}}}).has_value());
    CHECK(detail::make_tls_context({.system_roots = false}, true, true, Variables{{{"SSL_CERT_FILE", "/no/such"}}})
              .has_value());
}

}  // namespace connect_test
