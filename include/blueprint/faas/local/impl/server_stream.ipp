#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_SERVER_STREAM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_SERVER_STREAM_IPP

#include "blueprint/faas/local/server_stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL result<std::shared_ptr<asio::ssl::context>> make_server_tls(const TlsIdentity& identity,
                                                                                std::string_view client_ca) {
    const auto refused = [](std::string_view what, const boost::system::error_code& failed) {
        return Error{.code = errc::invalid_configuration,
                     .message = "cannot use the " + std::string{what} + " of the TLS identity: " + failed.message() +
                                ": give a PEM chain, the server's own certificate first, and its unencrypted PEM key",
                     .execution = Execution::not_started};
    };
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    boost::system::error_code failed;
    if (SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1)
        return Error{.code = errc::infrastructure, .message = "this OpenSSL offers no TLS 1.2"};
    context->set_options(
        asio::ssl::context::default_workarounds | asio::ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION, failed);
    if (failed) return refused("options", failed);
    // Without it OpenSSL would ask on the terminal for the password of an encrypted key.
    context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string{}; },
                                   failed);
    if (failed) return refused("key", failed);
    context->use_certificate_chain(asio::buffer(identity.certificate_chain), failed);
    if (failed) return refused("certificate chain", failed);
    const auto key = identity.private_key.reveal();
    context->use_private_key(asio::buffer(key.data(), key.size()), asio::ssl::context::pem, failed);
    if (failed) return refused("private key", failed);
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
        return Error{.code = errc::invalid_configuration,
                     .message = "the private key of the TLS identity does not belong to its certificate",
                     .execution = Execution::not_started};
    if (!client_ca.empty()) {
        context->add_certificate_authority(asio::buffer(client_ca), failed);
        if (failed) return refused("client CA bundle", failed);
        context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, failed);
        if (failed) return refused("client CA bundle", failed);
        // Sessions are resumed only in the context in which the client's certificate was checked.
        constexpr std::string_view name = "blueprint-faas";
        if (SSL_CTX_set_session_id_context(context->native_handle(),
                                           reinterpret_cast<const unsigned char*>(name.data()), name.size()) != 1)
            return Error{.code = errc::infrastructure, .message = "OpenSSL takes no session id context"};
    }
    return context;
}

BLUEPRINT_FAAS_DECL std::string ServerStream::client_subject() const {
    if (!tls_stream_) return {};
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{
        SSL_get1_peer_certificate(tls_stream_->native_handle()), &X509_free};
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> out{BIO_new(BIO_s_mem()), &BIO_free_all};
    if (!certificate || !out) return {};
    X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

BLUEPRINT_FAAS_DECL ServerStream::ServerStream(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls)
    : tls_{std::move(tls)}, socket_{std::move(socket)} {
    if (tls_) tls_stream_ = std::make_unique<asio::ssl::stream<asio::ip::tcp::socket&>>(socket_, *tls_);
    boost::system::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
}

BLUEPRINT_FAAS_DECL ServerStream::~ServerStream() = default;

BLUEPRINT_FAAS_DECL asio::awaitable<boost::system::error_code> ServerStream::handshake() {
    if (!tls_stream_) co_return boost::system::error_code{};
    const auto [failed] =
        co_await tls_stream_->async_handshake(asio::ssl::stream_base::server, asio::as_tuple(asio::use_awaitable));
    co_return failed;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerStream::Transferred> ServerStream::read_some(asio::mutable_buffer buffer) {
    if (tls_stream_) {
        const auto [failed, size] = co_await tls_stream_->async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
        co_return Transferred{failed, size};
    }
    const auto [failed, size] = co_await socket_.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
    co_return Transferred{failed, size};
}

BLUEPRINT_FAAS_DECL asio::awaitable<boost::system::error_code> ServerStream::write(asio::const_buffer data) {
    if (tls_stream_) {
        const auto [failed, size] = co_await asio::async_write(*tls_stream_, data, asio::as_tuple(asio::use_awaitable));
        static_cast<void>(size);
        co_return failed;
    }
    const auto [failed, size] = co_await asio::async_write(socket_, data, asio::as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    co_return failed;
}

BLUEPRINT_FAAS_DECL void ServerStream::half_close() noexcept {
    boost::system::error_code ignored;
    if (!tls_stream_) socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> ServerStream::shut() {
    if (tls_stream_ && socket_.is_open()) {
        const auto [ignored] = co_await tls_stream_->async_shutdown(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    close();
}

BLUEPRINT_FAAS_DECL void ServerStream::close() noexcept {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
