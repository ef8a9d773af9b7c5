#ifndef BLUEPRINT_FAAS_TESTS_SOAK_FAST_PLATFORM_HPP
#define BLUEPRINT_FAAS_TESTS_SOAK_FAST_PLATFORM_HPP

#include "blueprint/faas/auth/jwt.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/local/options.hpp"
#include "clouds.hpp"

#include <boost/asio/strand.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace soak {

/// Speaks the invocation of every platform without running anything: a call gets back what it was sent, and is counted.
/// On a thread of its own, over TLS. Its tokens and session credentials end after seconds, or are forgotten; some
/// requests are turned away, some connections closed; and all of it is restarted at the same address every so often.
class FastPlatform {
public:
    /// `count` is told the number of each run; `accepts` judges the tokens of the custom contract.
    FastPlatform(const faas::local::CertificateAuthority& authority, std::function<void(std::uint64_t)> count,
                 std::function<bool(std::string_view)> accepts)
        : identity_{ok(authority.issue({"127.0.0.1"}))}, service_{std::make_shared<Service>()} {
        service_->count = std::move(count);
        service_->accepts = std::move(accepts);
        for (int tries = 0; !open(next_port()); ++tries) REQUIRE(tries < 1000);
        url_ = server_->server.url();
        asio::co_spawn(io_, pulse_.beat(ending_), asio::detached);
        thread_ = std::thread{[this] { io_.run(); }};
    }
    FastPlatform(const FastPlatform&) = delete;
    FastPlatform& operator=(const FastPlatform&) = delete;
    ~FastPlatform() { end(); }

    const std::string& url() const { return url_; }
    std::size_t restarts() const { return restarts_; }
    /// Tells whether it is being restarted, from before the first call can notice.
    bool is_going() const { return restarting_; }
    std::uint64_t connections() const { return connections_; }
    std::uint64_t tokens() const { return service_->issued; }
    std::uint64_t stale() const { return service_->stale; }
    std::size_t stalls() const { return pulse_.stalls(); }
    /// When it last forgot its tokens.
    Clock::time_point revoked_at() const { return service_->revoked_at; }
    std::size_t revocations() const { return service_->revocations; }
    /// When it last came back.
    Clock::time_point back_at() const { return back_at_; }

    void restart_every(std::chrono::milliseconds every) { asio::co_spawn(io_, restart(every), asio::detached); }
    void end() {
        if (!thread_.joinable()) return;
        ending_ = true;
        asio::co_spawn(io_, last_stop(), asio::detached);
        thread_.join();
    }

private:
    struct Service {
        std::function<void(std::uint64_t)> count;
        std::function<bool(std::string_view)> accepts;
        std::map<std::string, std::chrono::steady_clock::time_point, std::less<>> tokens{};
        std::uint64_t calls = 0;
        std::atomic<std::uint64_t> issued{0};
        std::atomic<std::uint64_t> stale{0};
        std::atomic<std::size_t> revocations{0};
        std::atomic<Clock::time_point> revoked_at{Clock::now()};

        std::string issue(std::string token) {
            const auto now = std::chrono::steady_clock::now();
            std::erase_if(tokens, [&](const auto& one) { return one.second <= now; });
            tokens.insert_or_assign(token, now + token_life + 1s);  // their end is told in whole seconds
            ++issued;
            return token;
        }
        bool good(std::string_view token) {
            const auto found = tokens.find(token);
            if (found != tokens.end() && std::chrono::steady_clock::now() < found->second) return true;
            ++stale;
            return false;
        }
        static std::string encoded(const boost::json::object& json) {
            const auto text = boost::json::serialize(json);
            return faas::detail::base64url_encode(faas::detail::bytes_of(text));
        }
        // A grant of Google's for a signed assertion. Source: Google Identity, "OAuth 2.0 for Server to Server".
        faas::local::ServerAnswer google_token(std::string_view form) {
            const auto at = form.find("assertion=");
            const auto assertion = form.substr(at + 10, form.find('&', at) - at - 10);
            const auto first = assertion.find('.');
            const auto second = assertion.find('.', first + 1);
            if (at == std::string_view::npos || second == std::string_view::npos) return {.status = 400};
            const auto bytes = faas::detail::base64url_decode(assertion.substr(first + 1, second - first - 1));
            if (!bytes) return {.status = 400};
            const auto claims = boost::json::parse(faas::detail::text_of(*bytes));
            const auto now =
                std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
                    .count();
            const auto token = encoded({{"alg", "RS256"}}) + '.' +
                               encoded({{"aud", claims.at("target_audience")},
                                        {"exp", now + token_life.count()},
                                        {"jti", issued.load()}}) +
                               ".c2lnbmF0dXJl";
            return {.body =
                        boost::json::serialize(boost::json::object{{"id_token", issue("Bearer " + token).substr(7)}})};
        }
        // What a container's endpoint gives. Source: AWS SDKs and Tools Reference Guide, "Container credential
        // provider".
        faas::local::ServerAnswer aws_session() {
            const auto ends = std::chrono::system_clock::now() + token_life;
            const auto time = std::chrono::system_clock::to_time_t(ends);
            std::tm parts{};
            ::gmtime_r(&time, &parts);
            char text[32];
            std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
            const auto number = std::to_string(1'000'000'000'000'000 + issued);  // each session has a key of its own
            return {.body = boost::json::serialize(
                        boost::json::object{{"AccessKeyId", "ASIA" + number},
                                            {"SecretAccessKey", made_up},
                                            {"Token", issue("session-" + std::to_string(issued))},
                                            {"Expiration", text}})};
        }

        asio::awaitable<faas::local::ServerAnswer> answer(faas::local::ServerRequest request) {
            bool slow = false;
            faas::local::ServerAnswer done = decide(request, slow);
            if (slow) co_await pause(400ms);
            co_return done;
        }
        faas::local::ServerAnswer decide(const faas::local::ServerRequest& request, bool& slow) {
            const std::string_view body{faas::detail::text_of(request.body)};
            if (request.target == "/token") return google_token(body);
            if (request.target == "/credentials") return aws_session();

            const bool lambda = request.target.starts_with("/2015-03-31/");
            const bool openwhisk = request.target.starts_with("/api/v1/namespaces/");
            const bool azure = request.target.starts_with("/api/run");
            const bool google = request.target == "/";
            const bool custom = !lambda && !openwhisk && !azure && !google;
            const auto turn = ++calls;
            if (Clock::now() - revoked_at.load() >= token_life + 2s) {  // before the end that was promised
                ++revocations;
                revoked_at = Clock::now();
                tokens.clear();
            }
            if (lambda && !good(request.field("X-Amz-Security-Token").value_or("")))
                return {.status = 403,
                        .headers = {{"X-Amzn-ErrorType", "ExpiredTokenException"}},
                        .body = R"({"message":"the session has ended"})"};
            const auto authorization = request.field("Authorization").value_or("");
            const bool refused = (google && !good(authorization)) || (custom && !accepts(authorization));
            if (refused)
                return {.status = 401,
                        .headers = {{"WWW-Authenticate", R"(Bearer error="invalid_token")"}},
                        .body = R"({"error":"the token is not good"})"};
            if (turn % 307 == 0)
                return {.status = 429, .headers = {{"Retry-After", "0"}}, .body = R"({"error":"slow down"})"};
            if (turn % 211 == 0) return {.status = 503, .body = R"({"error":"busy"})", .close = true};

            faas::local::ServerAnswer done;
            done.close = turn % 97 == 0;
            faas::Bytes call;
            if (google || azure) {
                call = request.body;
                done.content_type = "application/octet-stream";
                done.headers = {{"X-Blueprint-Execution-Ms", "1"}, {"X-Blueprint-Memory-Mb", "19"}};
                done.body = body;
            } else {
                // {"job_id":0,"args":VALUE} becomes {"job_id":0,"result":VALUE}; what else a call says stands before
                // it.
                const auto at = body.find("\"args\":") + 7;
                const bool quoted = body.at(at) == '"';
                const auto value = body.substr(at, body.find(quoted ? '"' : ']', at + 1) + 1 - at);
                call = quoted ? faas::detail::base64_decode(value.substr(1, value.size() - 2)).value() : numbers(value);
                done.body = R"({"result":)" + std::string{value} + R"(,"success":true,"execution_ms":1})";
                if (openwhisk) {
                    done.headers.emplace_back("X-Openwhisk-Activation-Id", "8a5f3c1e2b7d4e9fa1c35d7e9f0b2a4c");
                    done.body = R"({"activationId":"8a5f3c1e2b7d4e9fa1c35d7e9f0b2a4c","annotations":[],"duration":2,)"
                                R"("end":1764064800002,"logs":[],"name":"job","namespace":"guest","publish":false,)"
                                R"("response":{"result":)" +
                                done.body +
                                R"(,"status":"success","success":true},"start":1764064800000,"subject":"guest",)"
                                R"("version":"0.0.7"})";
                }
            }
            std::uint64_t number = 0;
            for (std::size_t i = 8; i-- > 0;) number = number << 8U | call.at(i);
            count(number);
            slow = call.at(8) == 's';
            return done;
        }
        static faas::Bytes numbers(std::string_view list) {  // "[1,2,3]"
            faas::Bytes bytes;
            for (const char* at = list.data() + 1; at < list.data() + list.size();) {
                std::uint8_t byte = 0;
                const auto read = std::from_chars(at, list.data() + list.size(), byte);
                if (read.ec != std::errc{}) break;
                bytes.push_back(byte);
                at = read.ptr + 1;
            }
            return bytes;
        }
    };
    struct Front final : faas::local::HttpService {
        Front(asio::any_io_executor executor, std::shared_ptr<Service> behind)
            : service{std::move(behind)}, server{asio::make_strand(std::move(executor)), *this} {}
        faas::local::Admission admit(const faas::local::ServerRequest&) override { return {.body_bytes = 1U << 20}; }
        asio::awaitable<faas::local::ServerAnswer> answer(faas::local::ServerRequest request) override {
            return service->answer(std::move(request));
        }
        faas::local::ServerAnswer failure(unsigned status, std::string_view message) override {
            return {.status = status, .body = R"({"error":")" + std::string{message} + "\"}"};
        }
        std::shared_ptr<Service> service;
        faas::local::HttpServer server;
    };

    bool open(std::uint16_t port) {
        server_ = std::make_shared<Front>(io_.get_executor(), service_);
        faas::local::CloudOptions listening;
        listening.port = port;
        listening.tls = faas::local::TlsIdentity{identity_.certificate, identity_.private_key};
        listening.limits.idle = 2s;
        return server_->server.start(listening, server_).has_value();
    }
    asio::awaitable<void> close(std::chrono::milliseconds grace) {
        connections_ += server_->server.connections();
        if (grace > 0ms) {
            asio::awaitable<void> stopping = server_->server.stop(grace);
            co_await std::move(stopping);
        }
        server_->server.close();
        server_.reset();
    }
    asio::awaitable<void> restart(std::chrono::milliseconds every) {
        const auto port = port_of(url_);
        for (std::size_t turn = 0;; ++turn) {
            co_await pause(every);
            if (ending_) co_return;
            restarting_ = true;
            co_await pause(20ms);
            asio::awaitable<void> closing = close(turn % 2 == 0 ? 1s : 0s);
            co_await std::move(closing);
            for (int tries = 0; !open(port); ++tries) {
                if (tries == 500) std::abort();  // the address is lost: nothing of the soak can go on
                co_await pause(10ms);
            }
            ++restarts_;
            back_at_ = Clock::now();
            restarting_ = false;
        }
    }
    asio::awaitable<void> last_stop() {
        while (restarting_) co_await pause(10ms);
        asio::awaitable<void> closing = close(1s);
        co_await std::move(closing);
    }

    const faas::local::Certificate identity_;
    std::shared_ptr<Service> service_;
    asio::io_context io_{1};
    std::shared_ptr<Front> server_{};
    std::string url_{};
    std::atomic<bool> ending_{false};
    std::atomic<bool> restarting_{false};
    std::atomic<std::size_t> restarts_{0};
    std::atomic<Clock::time_point> back_at_{Clock::now()};
    std::atomic<std::uint64_t> connections_{0};
    Pulse pulse_{};
    std::thread thread_{};
};

}  // namespace soak

#endif
