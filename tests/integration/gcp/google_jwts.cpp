// Prints what the library signs with a service account's key: google_jwts KEY_FILE
// Three lines: the access token that it makes itself, and what it sends to get an access token and an ID token.
#include "blueprint/faas/auth/gcp/credential_file.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/environment.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

namespace faas = blueprint::faas;
namespace asio = boost::asio;

namespace {

std::string sent;

// Stands in for the token endpoint: keeps what it is sent, and gives nothing.
asio::awaitable<faas::result<faas::HttpResponse>> refuse(faas::HttpRequest request, faas::Deadline) {
    constexpr std::string_view name = "assertion=";
    const std::string form{request.body.view()};
    sent = faas::detail::percent_decode(form.substr(form.find(name) + name.size())).value_or("");
    faas::HttpResponse answer;
    answer.status = 400;
    answer.body = R"({"error":"invalid_grant"})";
    co_return answer;
}

void print(const faas::Secret& file, bool self_signed, faas::gcp::TokenRequest wanted) {
    asio::io_context io;
    const faas::Reach reach{
        .executor = io.get_executor(), .environment = &faas::Environment::process(), .exchange = &refuse};
    const auto credential =
        faas::gcp::read_credential(file, "key.json", faas::Environment::process(), {.self_signed = self_signed});
    if (!credential) throw std::runtime_error{credential.error().message};
    asio::co_spawn(io, credential->fetch(reach, std::move(wanted), faas::deadline_after(std::chrono::seconds{10})),
                   [](std::exception_ptr thrown, faas::result<faas::gcp::TimedToken> token) {
                       if (thrown) std::rethrow_exception(thrown);
                       if (token) sent = token->value.reveal();
                   });
    io.run();
    std::cout << sent << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const auto file = faas::Environment::process().read_file(argv[1]);
    if (!file || !*file) return 2;
    print(**file, true, faas::gcp::TokenRequest::access());
    print(**file, false, faas::gcp::TokenRequest::access());
    print(**file, true, faas::gcp::TokenRequest::identity("https://job-0-abc-ew.a.run.app"));
}
