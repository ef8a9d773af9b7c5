#include "client.hpp"

#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/transport/https.hpp"
#include "blueprint/faas/transport/loopback.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <exception>
#include <functional>

namespace blueprint::faas::conformance {

namespace asio = boost::asio;

namespace {

const boost::json::value* member_of(const std::optional<boost::json::object>& object, std::string_view name) {
    return object ? object->if_contains(name) : nullptr;
}

}  // namespace

std::optional<boost::json::object> Reply::json() const {
    boost::system::error_code failed;
    auto value = boost::json::parse(body, failed);
    if (failed || !value.is_object()) return std::nullopt;
    return std::move(value.as_object());
}

std::string Reply::text(std::string_view member) const {
    const auto object = json();
    const auto* value = member_of(object, member);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string{*text} : std::string{};
}

std::optional<std::int64_t> Reply::number(std::string_view member) const {
    const auto object = json();
    const auto* value = member_of(object, member);
    if (value == nullptr || !value->is_int64()) return std::nullopt;
    return value->get_int64();
}

std::string Reply::summary() const {
    if (status == 0) return "no answer: " + failure;
    std::string line = "HTTP " + std::to_string(status);
    if (const auto code = text("code"); !code.empty()) line += ' ' + code;
    if (!body.empty()) line += ": " + body.substr(0, 160);
    std::replace_if(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, ' ');
    return line;
}

struct Client::State {
    using Exchange = std::function<asio::awaitable<result<HttpResponse>>(const HttpRequest&, Deadline)>;
    asio::io_context& io;
    Target target;
    detail::Url base;
    Exchange exchange;
};

class Client::Pending {
public:
    HttpRequest request{};
    Reply reply{};
    bool over = false;
    Deadline deadline{};
};

Client::Client(std::shared_ptr<State> state) : state_{std::move(state)} {}
Client::Client(Client&&) noexcept = default;
Client::~Client() = default;

result<Client> Client::make(asio::io_context& io, Target target) {
    auto base = detail::parse_url(target.url);
    if (!base) return base.error();
    base->target.erase(base->target.find_last_not_of('/') + 1);
    State::Exchange exchange;
    if (base->origin.tls) {
        TlsOptions tls;
        tls.extra_roots = target.extra_roots;
        tls.client_certificate = target.client_certificate;
        tls.client_key = target.client_key;
        tls.client_key_password = target.client_key_password;
        exchange = [transport = HttpsTransport{io.get_executor(), tls}](const HttpRequest& request,
                                                                        Deadline deadline) mutable {
            return transport.exchange(request, deadline);
        };
    } else {
        exchange = [transport = LoopbackTransport{io.get_executor()}](const HttpRequest& request,
                                                                      Deadline deadline) mutable {
            return transport.exchange(request, deadline);
        };
    }
    return Client{std::make_shared<State>(
        State{.io = io, .target = std::move(target), .base = std::move(*base), .exchange = std::move(exchange)})};
}

bool Client::has_credential() const { return !state_->target.fields.empty(); }

std::shared_ptr<Client::Pending> Client::start(Ask ask) {
    auto pending = std::make_shared<Pending>();
    auto& request = pending->request;
    request.origin = state_->base.origin;
    request.verb = ask.verb;
    request.target = state_->base.target + ask.path;
    request.max_response_bytes = ask.max_answer_bytes;
    if (ask.with_credential)
        for (const auto& [name, value] : state_->target.fields) request.headers.add(name, value.reveal());
    for (const auto& [name, value] : ask.fields) request.headers.add(name, value);
    request.body = std::move(ask.body);
    pending->deadline = deadline_after(ask.limit);
    const auto begun = std::chrono::steady_clock::now();
    asio::co_spawn(state_->io, state_->exchange(request, pending->deadline),
                   [pending, begun, state = state_](std::exception_ptr thrown, result<HttpResponse> answer) {
                       auto& reply = pending->reply;
                       reply.took = std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::steady_clock::now() - begun);
                       pending->over = true;
                       if (thrown) {
                           reply.failure = "the exchange broke off";
                       } else if (!answer) {
                           reply.failure = answer.error().message;
                       } else {
                           reply.status = answer->status;
                           reply.headers = std::move(answer->headers);
                           reply.body = std::move(answer->body);
                       }
                   });
    return pending;
}

Reply Client::wait(const std::shared_ptr<Pending>& pending) {
    auto& io = state_->io;
    if (io.stopped()) io.restart();
    // The transport keeps the deadline; a second one here, so that no fault of ours makes this program hang.
    const auto end = pending->deadline + std::chrono::seconds{5};
    while (!pending->over && std::chrono::steady_clock::now() < end) io.run_one_until(end);
    if (!pending->over) return Reply{.failure = "the exchange did not end in time"};
    return std::move(pending->reply);
}

void Client::pause(std::chrono::milliseconds time) {
    auto& io = state_->io;
    if (io.stopped()) io.restart();
    asio::steady_timer timer{io, time};
    bool over = false;
    timer.async_wait([&over](boost::system::error_code) { over = true; });
    while (!over && io.run_one() != 0) {
    }
}

}  // namespace blueprint::faas::conformance
