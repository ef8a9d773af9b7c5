// HTTP from both ends, in pieces of odd sizes: how the bytes are cut must not change what they mean.
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/serve/http_server.hpp"
#include "blueprint/faas/serve/impl/http_connection.hpp"
#include "blueprint/faas/serve/runtime_client.hpp"
#include "blueprint/faas/transport/impl/exchange.hpp"
#include "feed.hpp"
#include "targets.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas::fuzz {

namespace {

namespace asio = boost::asio;

constexpr std::size_t longest_input = 48 * 1024;  // fits a socket's buffer, so that writing never waits

struct Heard {
    bool value = false;
    unsigned status = 0;
    std::string headers{};
    std::string body{};
    Execution execution{};  // why it failed is left out: what is cut off may be found to be wrong, or to end too soon

    friend bool operator==(const Heard&, const Heard&) = default;
};

asio::awaitable<result<HttpResponse>> converse(detail::Connection& connection, detail::Watchdog::Watch& watch,
                                               detail::Workbenches& benches, const HttpRequest& request) {
    detail::Conversation talk{connection, watch, benches, request};
    for (auto step = talk.begin(); detail::Conversation::waits(step);) {
        const auto ready = co_await connection.until(step);
        step = talk.go_on(ready.failed, asio::cancellation_type::none);
    }
    if (talk.answered()) co_return std::move(talk.answer());
    auto answer = co_await talk.end();
    co_return answer;
}

// What the client makes of the answer `bytes` to `request`, if they come in pieces of up to `piece` bytes.
Heard hear(const HttpRequest& request, std::string_view bytes, std::size_t piece) {
    asio::io_context io{1};
    const Feed feed;
    detail::Connection connection{io.get_executor(), request.origin};
    connection.socket.assign(asio::ip::tcp::v4(), feed.tested());
    auto dog = std::make_shared<detail::Watchdog>(io.get_executor(), false);
    detail::Watchdog::Watch watch{*dog, feed.tested(), Deadline::max()};
    detail::Workbenches benches;
    Heard heard;
    bool over = false;
    asio::co_spawn(io, converse(connection, watch, benches, request),
                   [&](std::exception_ptr thrown, result<HttpResponse> answer) {
                       FAAS_REQUIRE(!thrown);
                       over = true;
                       heard.value = answer.has_value();
                       if (answer) {
                           heard.status = answer->status;
                           heard.headers = answer->headers.text();
                           heard.body = std::move(answer->body);
                       } else {
                           heard.execution = answer.error().execution;
                           FAAS_REQUIRE(!answer.error().message.empty());
                       }
                   });
    feed.say(io, bytes, piece, over);
    return heard;
}

// Remembers what it was asked, and answers with the same bytes.
class Witness final : public local::HttpService {
public:
    static constexpr std::uint64_t longest_body = 4096;

    local::Admission admit(const local::ServerRequest& head) override {
        FAAS_REQUIRE(!head.method.empty());
        FAAS_REQUIRE(!head.target.empty());
        for (const auto& [name, value] : head.fields) {
            FAAS_REQUIRE(!name.empty());
            FAAS_REQUIRE(value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos);
        }
        return {.body_bytes = longest_body};
    }
    asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request) override {
        FAAS_REQUIRE(request.body.size() <= longest_body);
        if (request.content_length) FAAS_REQUIRE(request.body.size() == *request.content_length);
        std::string line = request.method + ' ' + request.target + '\n';
        for (const auto& [name, value] : request.fields) line.append(name).append(":").append(value).append("\n");
        line.append(detail::text_of(request.body));
        seen.push_back(std::move(line));
        local::ServerAnswer same{.status = 200, .content_type = "application/octet-stream"};
        same.body = detail::text_of(request.body);
        co_return same;
    }
    local::ServerAnswer failure(unsigned status, std::string_view message) override {
        return {.status = status, .body = std::string{message}};
    }

    std::vector<std::string> seen{};
};

class Server {
public:
    Server() : strand{asio::make_strand(io)}, server{strand, witness} {
        FAAS_REQUIRE(server.start(local::CloudOptions{}, alive).has_value());
        const auto url = server.url();
        port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    }

    // Returns what was asked and all that was answered.
    std::pair<std::vector<std::string>, std::string> talk(std::string_view bytes, std::size_t piece) {
        namespace ip = asio::ip;
        witness.seen.clear();
        asio::io_context own;
        ip::tcp::socket socket{own};
        socket.connect({ip::address_v4::loopback(), port});
        if (io.stopped()) io.restart();
        while (server.open_connections() == 0) io.run_one();
        boost::system::error_code gone;  // a server may hang up before it has heard all
        while (!bytes.empty() && !gone) {
            const auto next = bytes.substr(0, piece);
            asio::write(socket, asio::buffer(next.data(), next.size()), gone);
            bytes.remove_prefix(next.size());
            io.poll();
        }
        socket.shutdown(ip::tcp::socket::shutdown_send, gone);
        while (server.open_connections() != 0) io.run_one();
        std::string answers;
        char part[4096];
        for (;;) {
            boost::system::error_code end;
            const auto size = socket.read_some(asio::buffer(part), end);
            answers.append(part, size);
            if (end) break;
        }
        return {witness.seen, std::move(answers)};
    }

    asio::io_context io{1};
    asio::any_io_executor strand;
    Witness witness;
    std::shared_ptr<int> alive = std::make_shared<int>(0);
    local::HttpServer server;
    std::uint16_t port = 0;
};

// Counts the answers in `bytes`, all of which must be whole.
std::size_t whole_answers(std::string_view bytes) {
    namespace http = boost::beast::http;
    std::size_t count = 0;
    while (!bytes.empty()) {
        http::response_parser<http::string_body> parser;
        parser.eager(true);
        parser.body_limit(Witness::longest_body * 2);
        boost::system::error_code failed;
        const auto used = parser.put(asio::buffer(bytes.data(), bytes.size()), failed);
        FAAS_REQUIRE(!failed);
        FAAS_REQUIRE(parser.is_done());
        FAAS_REQUIRE(used > 0);
        bytes.remove_prefix(used);
        if (parser.get().result_int() >= 200) ++count;
    }
    return count;
}

// What a function makes of the requests that `bytes` hold, if they come in pieces: lines of each.
std::vector<std::string> calls_in(std::string_view bytes, std::size_t piece) {
    using Progress = detail::HttpRequestParser::Progress;
    constexpr std::size_t longest_body = 4096;
    constexpr detail::SteadyTime now{std::chrono::hours{1}};
    constexpr std::chrono::system_clock::time_point today{std::chrono::hours{1}};
    std::vector<std::string> lines;
    std::string unread;
    std::optional<detail::HttpRequestParser> parser;
    const auto refused = [&](const Error& error) {
        FAAS_REQUIRE(error.http_status >= 400 && error.http_status < 600);
        FAAS_REQUIRE(error.execution == Execution::not_started);
        const auto reply = detail::write_http_refusal(error);
        FAAS_REQUIRE(boost::json::parse(reply.text).is_object());
        lines.push_back(std::to_string(error.http_status) + ' ' + error.platform_code);
    };
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
        unread += bytes.substr(0, piece);
        while (parser || !unread.empty()) {
            if (!parser) parser.emplace(longest_body);
            const auto progress = parser->take(unread);
            // A head without an end may be found to be wrong, or be waited for, as its pieces come.
            if (!progress) return refused(progress.error()), lines.pop_back(), lines;
            if (*progress == Progress::waits) break;
            if (*progress == Progress::head) {
                if (const auto problem = detail::problem_of_head(*parser)) return refused(*problem), lines;
                continue;
            }
            FAAS_REQUIRE(parser->body.size() <= longest_body);
            auto call = detail::read_http_head(parser->method, parser->headers, now);
            if (call) {
                call->body = std::move(parser->body);
                const bool runs = !call->health && !call->hold;
                const auto read = runs ? detail::read_http_body(*call, today, now) : result<void>{};
                if (!read) refused(read.error());
                if (read && runs) FAAS_REQUIRE(call->job_id == call->request.call.job_id);
                lines.push_back(parser->method + ' ' + std::string{detail::text_of(call->request.call.args)});
                for (const auto& [name, value] : call->request.call.metadata) {
                    FAAS_REQUIRE(!name.starts_with("blueprint-"));
                    lines.push_back(name + '=' + value);
                }
            } else {
                refused(call.error());
            }
            if (!parser->keep_alive()) return lines;
            parser.reset();
        }
    }
    return lines;
}

}  // namespace

void function_request(Input input) {
    Reader reader{input.first(std::min(input.size(), longest_input))};
    const std::size_t piece = 1 + reader.byte() % 40;
    const auto bytes = reader.rest();
    FAAS_REQUIRE(calls_in(bytes, longest_input) == calls_in(bytes, bytes.size() > 4096 ? 997 : piece));
}

void http_answer(Input input) {
    Reader reader{input.first(std::min(input.size(), longest_input))};
    const auto how = reader.byte();
    HttpRequest request;
    request.origin = Origin{false, "127.0.0.1", 80};
    request.verb = how % 3 == 0 ? Verb::head : how % 3 == 1 ? Verb::get : Verb::post;
    request.max_response_bytes = std::size_t{1} << (how / 3 % 18);
    const std::size_t piece = 1 + reader.byte() % 40;
    const auto bytes = reader.rest();
    const auto whole = hear(request, bytes, longest_input);
    const auto cut = hear(request, bytes, bytes.size() > 4096 ? 997 : piece);
    FAAS_REQUIRE(whole == cut);
    if (!whole.value) return;
    FAAS_REQUIRE(whole.body.size() <= request.max_response_bytes);
    FAAS_REQUIRE(whole.status >= 200);
    FAAS_REQUIRE(whole.headers.size() <= 128 * 1024);
    if (request.verb == Verb::head) FAAS_REQUIRE(whole.body.empty());
}

void http_request(Input input) {
    static Server server;
    Reader reader{input.first(std::min(input.size(), longest_input))};
    const std::size_t piece = 1 + reader.byte() % 40;
    const auto bytes = reader.rest();
    const auto [seen, answers] = server.talk(bytes, bytes.size() > 4096 ? 997 : piece);
    // An answer to HEAD looks as if its body were missing, and a refused request is not seen.
    if (bytes.find("HEAD") == std::string_view::npos) FAAS_REQUIRE(whole_answers(answers) >= seen.size());
    const auto whole = server.talk(bytes, longest_input);
    FAAS_REQUIRE(whole.first == seen);
}

void runtime_answer(Input input) {
    struct Taken {
        bool good = true, whole = false, begun = false, too_long = false, last = false;
        unsigned status = 0;
        std::string headers{}, body{};
        bool operator==(const Taken&) const = default;
    };
    Reader reader{input};
    const std::size_t most = std::size_t{1} << reader.byte() % 16;
    const auto take = [&](std::size_t piece) {
        detail::RuntimeAnswerReader answers{most};
        Taken taken;
        for (auto rest = reader.rest(); taken.good && !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
            taken.good = answers.take(rest.substr(0, piece)).has_value();
        if (!taken.good) return taken;
        taken.good = answers.end().has_value();
        taken.whole = answers.whole();
        taken.begun = answers.begun();
        if (!taken.whole) return taken;
        taken.too_long = answers.answer().too_long;
        taken.last = answers.answer().last;
        taken.status = answers.answer().status;
        taken.headers = answers.answer().headers.text();
        taken.body = answers.answer().body;
        return taken;
    };
    const auto whole = take(input.size() + 1);
    FAAS_REQUIRE(whole.good == whole.whole);
    FAAS_REQUIRE(whole.body.size() <= most);
    FAAS_REQUIRE(!whole.whole || whole.status >= 200);
    FAAS_REQUIRE(whole == take(1));
    FAAS_REQUIRE(whole == take(7));
}

void gzip(Input input) {
    constexpr std::size_t most = 1U << 20;
    const auto unpack = [&](std::size_t piece) {
        detail::Gunzip gunzip;
        std::string out;
        Reader reader{input};
        std::string_view rest = reader.rest();
        std::string problem;
        while (!rest.empty() && problem.empty()) {
            const auto next = rest.substr(0, piece);
            rest.remove_prefix(next.size());
            problem = gunzip.feed(next, [&](std::string_view part) {
                if (part.size() > most - out.size()) return false;
                out.append(part);
                return true;
            });
        }
        FAAS_REQUIRE(out.size() <= most);
        return std::pair{problem.empty() && gunzip.complete(), problem.empty() ? out : std::string{}};
    };
    const auto whole = unpack(input.size());
    FAAS_REQUIRE((whole == unpack(1)));
    FAAS_REQUIRE((whole == unpack(7)));
}

}  // namespace blueprint::faas::fuzz
