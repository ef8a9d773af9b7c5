// What clients send to the platforms that the local cloud plays, by a real connection: who may and who may not ask, and
// whatever they ask for. No package is taken, so no program is ever started.
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/local/aws_gate.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/local/impl/aws_upload.hpp"
#include "fit.hpp"
#include "support/signed_request.hpp"
#include "targets.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace blueprint::faas::fuzz {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using local::ServerRequest;
using Answer = http::response<http::string_body>;

constexpr std::size_t longest_request = 16 * 1024;  // fits a socket's buffer, so that writing never waits

local::CloudOptions every_platform() {
    local::CloudOptions all;
    all.single_thread = true;
    all.limits.package_bytes = 64;  // less than any zip with a file in it
    all.limits.unpacked_bytes = 64;
    all.limits.functions = 4;
    all.limits.request_bytes = 8192;
    all.aws.emplace();
    all.aws->keys.emplace(tests::example_key, Secret{tests::example_secret});
    all.aws->storage_bytes = 1U << 16U;
    all.aws->concurrency = 0;  // it takes larger packages than the others, and what calls them is told this
    all.gcp.emplace();
    all.gcp->service_accounts["jobs@local-project.iam.gserviceaccount.com"] = {};
    all.gcp->metadata_account = "jobs@local-project.iam.gserviceaccount.com";
    all.gcp->storage_bytes = 1U << 16U;
    all.gcp->node = "/nonexistent/node";
    all.gcp->queue_time = std::chrono::milliseconds{0};
    all.azure.emplace();
    all.azure->identities.push_back({.client_id = "0a1b2c3d-0000-4000-8000-111111111111",
                                     .object_id = "0a1b2c3d-0000-4000-8000-222222222222",
                                     .resource_id = "/subscriptions/s/userAssignedIdentities/jobs",
                                     .system_assigned = true});
    all.azure->storage_bytes = 1U << 16U;
    all.azure->queue_time = std::chrono::milliseconds{0};
    all.digitalocean.emplace();
    all.digitalocean->requests_per_hour = all.digitalocean->requests_per_minute = 2'000'000'000;
    all.digitalocean->functions.node = "/nonexistent/node";
    all.digitalocean->functions.code_bytes = 4;
    all.openwhisk.emplace();
    all.openwhisk->settings.node = "/nonexistent/node";
    all.openwhisk->settings.code_bytes = 4;
    all.openwhisk->settings.calls_per_minute = 2'000'000'000;
    for (auto* const wait : {&all.aws->settle, &all.gcp->settle, &all.azure->settle, &all.azure->host_start})
        *wait = std::chrono::milliseconds{0};
    return all;
}

/// All platforms on one thread, and whoever speaks to them by turns.
class Platforms {
public:
    Platforms() : cloud_{io_, every_platform()} { FAAS_REQUIRE(cloud_.start().has_value()); }

    const local::Cloud& cloud() const { return cloud_; }
    /// Sends a request as it is, and returns the answer; nothing: there was none in time.
    std::optional<Answer> ask(const std::string& url, const std::string& request) {
        asio::ip::tcp::socket socket{io_};
        const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
        socket.connect({asio::ip::address_v4::loopback(), port});
        boost::system::error_code gone;
        asio::write(socket, asio::buffer(request), gone);
        socket.shutdown(asio::ip::tcp::socket::shutdown_send, gone);
        http::response_parser<http::string_body> parser;
        parser.body_limit(1U << 22U);
        std::string text;
        bool over = false;
        std::function<void()> read = [&] {
            socket.async_read_some(asio::buffer(piece_), [&](boost::system::error_code end, std::size_t size) {
                text.append(piece_, size);
                if (end)
                    over = true;
                else
                    read();
            });
        };
        read();
        io_.restart();
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{3};
        while (!over && std::chrono::steady_clock::now() < until) io_.run_one_for(std::chrono::milliseconds{100});
        if (!over) {
            socket.close(gone);
            while (!over) io_.run_one();
            return std::nullopt;
        }
        parser.eager(true);
        parser.skip(request.starts_with("HEAD "));
        boost::system::error_code failed;
        parser.put(asio::buffer(text), failed);
        if (!failed) parser.put_eof(failed);
        FAAS_REQUIRE(!failed && parser.is_done());
        FAAS_REQUIRE(cloud_.stats().processes_started == 0);
        return parser.release();
    }

private:
    asio::io_context io_{1};
    local::Cloud cloud_;
    char piece_[16384];
};

Platforms& platforms() {
    static Platforms all;
    return all;
}

// "PUT /path", a line for each field, an empty line, and the body.
ServerRequest written_request(Reader& reader) {
    ServerRequest request;
    request.method = reader.until(' ');
    request.target = reader.until('\n');
    const auto token = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    if (request.method.empty() || !std::all_of(request.method.begin(), request.method.end(), token))
        request.method = "GET";
    if (!request.target.starts_with('/')) request.target.insert(0, "/");
    for (auto& c : request.target)
        if (c <= ' ' || c == 0x7f) c = '_';
    for (auto line = reader.until('\n'); !line.empty(); line = reader.until('\n')) {
        const auto colon = std::min(line.find(':'), line.size());
        std::string name{line.substr(0, colon)};
        std::string value{line.substr(std::min(colon + 1, line.size()))};
        const auto good = [&](char c) { return token(c) || c == '-' || (c >= '0' && c <= '9'); };
        if (name.empty() || !std::all_of(name.begin(), name.end(), good)) continue;
        // How long the body is and when the connection ends is what the target http_request is about.
        if (detail::iequals(name, "content-length") || detail::iequals(name, "transfer-encoding") ||
            detail::iequals(name, "expect") || detail::iequals(name, "connection") || detail::iequals(name, "host") ||
            detail::iequals(name, "upgrade"))
            continue;
        std::replace_if(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
        value.erase(0, std::min(value.find_first_not_of(' '), value.size()));
        value.erase(value.find_last_not_of(' ') + 1);
        request.fields.emplace_back(std::move(name), std::move(value));
    }
    const auto body = detail::bytes_of(reader.rest());
    request.body.assign(body.begin(), body.end());
    return request;
}

std::string on_the_wire(const ServerRequest& request, std::string_view host) {
    std::string out = request.method + ' ' + request.target + " HTTP/1.1\r\n";
    if (!request.field("host")) out.append("Host: ").append(host).append("\r\n");
    for (const auto& [name, value] : request.fields) out.append(name).append(": ").append(value).append("\r\n");
    out += "Connection: close\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
    return out.append(detail::text_of(request.body));
}

void judge_answer(const ServerRequest& request, const std::optional<Answer>& answer) {
    if (!answer) return;
    const auto status = answer->result_int();
    // 500 is what is answered when something was thrown that nobody expected.
    FAAS_REQUIRE(status >= 200 && status <= 599 && status != 500);
    const std::string_view type{answer->base()[http::field::content_type].data(),
                                answer->base()[http::field::content_type].size()};
    const bool stored = answer->count(http::field::etag) != 0 || request.target.find("alt=media") != std::string::npos;
    if (stored || request.method == "HEAD" || answer->body().empty() || !type.starts_with("application/json")) return;
    boost::system::error_code bad;
    static_cast<void>(boost::json::parse(answer->body(), bad));
    FAAS_REQUIRE(!bad);
}

void ask_platform(const std::string& url, Input input, void (*authorize)(ServerRequest&, std::uint8_t) = nullptr) {
    Reader reader{input.first(std::min(input.size(), longest_request))};
    const auto how = reader.byte();
    auto request = written_request(reader);
    if (authorize != nullptr) authorize(request, how);
    judge_answer(request, platforms().ask(url, on_the_wire(request, url.substr(url.find("//") + 2))));
}

// Gets a token of what a metadata service gives.
std::string token_at(const std::string& url, const std::string& target, const std::string& field) {
    ServerRequest request;
    request.method = "GET";
    request.target = target;
    request.fields.emplace_back(field.substr(0, field.find(':')), field.substr(field.find(':') + 1));
    const auto answer = platforms().ask(url, on_the_wire(request, "127.0.0.1"));
    FAAS_REQUIRE(answer.has_value() && answer->result_int() == 200);
    return std::string{boost::json::parse(answer->body()).at("access_token").as_string()};
}

void add_bearer(ServerRequest& request, const std::string& token) {
    if (!request.field("authorization")) request.fields.emplace_back("Authorization", "Bearer " + token);
}

}  // namespace

void cloud_custom(Input input) { ask_platform(platforms().cloud().url(), input); }

void cloud_aws(Input input) {
    ask_platform(platforms().cloud().aws_url(), input, [](ServerRequest& request, std::uint8_t how) {
        if (how % 4 == 3) return;
        static const std::string services[] = {"lambda", "sts", "s3"};
        tests::Signing signing;
        signing.service = services[how % 4];
        signing.amz_date = aws::amz_date(std::chrono::system_clock::now());
        if (how / 4 % 2 == 1) signing.expires = "60";
        request.fields.emplace_back("Host", "127.0.0.1:4711");
        if (signing.service == "s3" && !request.field("x-amz-content-sha256"))
            request.fields.emplace_back("X-Amz-Content-Sha256", detail::sha256_hex(request.body));
        request = tests::signed_request(std::move(request), signing);
    });
}

void cloud_google(Input input) {
    ask_platform(platforms().cloud().gcp_url(), input, [](ServerRequest& request, std::uint8_t how) {
        static const std::string token =
            token_at(platforms().cloud().gcp_url(), "/computeMetadata/v1/instance/service-accounts/default/token",
                     "Metadata-Flavor:Google");
        if (how % 4 != 3) add_bearer(request, token);
    });
}

void cloud_azure(Input input) {
    ask_platform(platforms().cloud().azure_url(), input, [](ServerRequest& request, std::uint8_t how) {
        const auto token = [](const std::string& resource) {
            return token_at(platforms().cloud().azure_url(),
                            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" + resource,
                            "Metadata:true");
        };
        static const std::string management = token("https%3A%2F%2Fmanagement.azure.com%2F");
        static const std::string storage = token("https%3A%2F%2Fstorage.azure.com%2F");
        if (how % 4 != 3) add_bearer(request, how % 4 == 0 ? management : storage);
    });
}

void cloud_digitalocean(Input input) {
    ask_platform(platforms().cloud().digitalocean_url(), input, [](ServerRequest& request, std::uint8_t how) {
        if (how % 4 != 3) add_bearer(request, "dop_v1_example");
    });
}

void cloud_openwhisk(Input input) {
    ask_platform(platforms().cloud().openwhisk_url(), input, [](ServerRequest& request, std::uint8_t how) {
        if (how % 4 != 3 && !request.field("authorization"))
            request.fields.emplace_back("Authorization", "Basic dXNlcjpwYXNzd29yZA==");
    });
}

void aws_signature(Input input) {
    static const local::AwsOptions options = [] {
        local::AwsOptions made;
        made.keys.emplace(tests::example_key, Secret{tests::example_secret});
        return made;
    }();
    static const tests::PinnedClock pinned{"20150830T123600Z"};
    static const local::AwsClock clock{std::chrono::seconds{0}, pinned};
    static const local::AwsSessions sessions{clock};
    static const local::AwsGate gate{options, sessions, clock};
    Reader reader{input};
    const auto how = reader.byte();
    auto request = written_request(reader);
    // Signed by nobody, whatever it says of that: nobody can guess a signature.
    FAAS_REQUIRE(!gate.judge(request, "lambda").has_value());
    gate.judge_head(request);
    local::AwsGate::is_signed(request);
    local::aws_query(request.target);
    tests::Signing signing;
    if (how % 2 == 1) signing.expires = "60";
    if (local::AwsGate::is_signed(request)) return;  // who signs twice is refused
    auto whole = tests::signed_request(std::move(request), signing);
    const auto caller = gate.judge(whole, "lambda");
    if (!caller) return;
    FAAS_REQUIRE(caller->access_key_id == tests::example_key && caller->service == "lambda");
    // One letter more in what was signed, and it is not the request that was signed.
    auto changed = whole;
    changed.method += 'X';
    FAAS_REQUIRE(!gate.judge(changed, "lambda").has_value());
    changed = whole;
    changed.body.push_back(0);
    FAAS_REQUIRE(!gate.judge(changed, "lambda").has_value());
    FAAS_REQUIRE(!gate.judge(whole, "sts").has_value());
}

void s3_body(Input input) {
    const auto text = detail::text_of(input);
    if (const auto plain = local::read_aws_chunked(text)) {
        FAAS_REQUIRE(plain->bytes.size() <= text.size());
        std::string again;
        if (!plain->bytes.empty())
            again = "0" +
                    [&] {
                        std::string size;
                        for (auto left = plain->bytes.size(); left != 0; left /= 16)
                            size.insert(size.begin(), "0123456789abcdef"[left % 16]);
                        return size;
                    }() +
                    "\r\n" + std::string{detail::text_of(plain->bytes)} + "\r\n";
        again += "0\r\n";
        for (const auto& [name, value] : plain->trailer) again += name + ':' + value + "\r\n";
        again += "\r\n";
        const auto reread = local::read_aws_chunked(again);
        FAAS_REQUIRE(reread.has_value() && reread->bytes == plain->bytes && reread->trailer == plain->trailer);
    }
    const auto parts = local::read_completed_parts(text);
    if (parts) FAAS_REQUIRE(!parts->empty() && parts->size() <= text.size());
    const auto location = local::read_location(text);
    if (location) FAAS_REQUIRE(location->size() <= text.size() * 4);
}

}  // namespace blueprint::faas::fuzz
