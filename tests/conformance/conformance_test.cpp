// The conformance program's checks against the local cloud, which must pass them all, and against platforms that do one
// thing wrong, each of which must be found out.
#include "blueprint/faas/detail/url.hpp"
#include "blueprint/faas/local/certificates.hpp"
#include "blueprint/faas/local/cloud.hpp"
#include "blueprint/faas/local/http_server.hpp"
#include "blueprint/faas/transport/loopback.hpp"
#include "suite.hpp"
#include "support/client_certificate.hpp"
#include "support/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace blueprint::faas;
using namespace blueprint::faas::conformance;
using tests::ok;

namespace {

const Secret token{"conformance-test-token"};

class World {
public:
    explicit World(bool tls, bool strict_1_0) {
        local::CloudOptions options;
        if (tls) {
            const auto identity = ok(authority.issue({"localhost", "127.0.0.1"}));
            options.tls = local::TlsIdentity{identity.certificate, identity.private_key};
            options.bearer_tokens.push_back(token);
        }
        options.strict_1_0 = strict_1_0;
        options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
        cloud.emplace(io, std::move(options));
        ok(cloud->start());
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        bool over = false;
        asio::co_spawn(io, cloud->stop(), [&over](std::exception_ptr) { over = true; });
        if (io.stopped()) io.restart();
        while (!over && io.run_one() != 0) {
        }
    }
    Client client() {
        Target target{.url = cloud->url(), .extra_roots = authority.certificate()};
        if (target.url.starts_with("https")) {
            const auto bearer = "Bearer " + token;
            target.fields.emplace_back("Authorization", bearer);
        }
        return ok(Client::make(io, std::move(target)));
    }

    asio::io_context io{1};
    local::CertificateAuthority authority = ok(local::CertificateAuthority::create());
    std::optional<local::Cloud> cloud{};
};

asio::awaitable<bool> stopped(local::Cloud& cloud) {
    co_await cloud.stop();
    co_return true;
}

std::string told(const std::vector<Finding>& findings) {
    std::string text;
    for (const auto& one : findings)
        if (one.verdict == Verdict::failed) text += one.name + ": " + one.came + " -- wanted " + one.wanted + '\n';
    return text;
}

// What one check of a run found.
const Finding& of(const std::vector<Finding>& findings, std::string_view name) {
    const auto found =
        std::find_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.name == name; });
    REQUIRE_MESSAGE(found != findings.end(), "there is no check " << name);
    return *found;
}

// What was removed last ends on its own time: warm instances are asked to go before they are made to.
void leaves_nothing_behind(World& world) {
    const auto packages = [&] {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator{world.cloud->directory() / "packages"})
            count += entry.path().empty() ? 0U : 1U;
        return count;
    };
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    if (world.io.stopped()) world.io.restart();
    while ((world.cloud->stats().processes_alive != 0 || packages() != 0) && std::chrono::steady_clock::now() < end)
        world.io.run_one_for(std::chrono::milliseconds{20});
    CHECK(world.cloud->stats().processes_alive == 0);
    CHECK(packages() == 0);
}

// Stands before the local cloud and alters what goes in or comes out.
struct Lie {
    std::string name{};
    std::string check{};   ///< which must find it out
    std::string wanted{};  ///< part of what that check says the contract wants
    std::function<void(HttpRequest&)> before{};
    std::function<void(const HttpRequest&, HttpResponse&)> after{};
};

class Liar final : public local::HttpService {
public:
    Liar(asio::any_io_executor executor, const std::string& behind, const Lie& lie)
        : transport_{std::move(executor)}, behind_{ok(detail::parse_url(behind)).origin}, lie_{lie} {}

    local::Admission admit(const local::ServerRequest&) override { return {.body_bytes = 64U << 20}; }
    asio::awaitable<local::ServerAnswer> answer(local::ServerRequest request) override {
        HttpRequest forwarded;
        forwarded.origin = behind_;
        for (const auto verb : {Verb::get, Verb::head, Verb::post, Verb::put, Verb::patch, Verb::del})
            if (to_string(verb) == request.method) forwarded.verb = verb;
        forwarded.target = request.target;
        forwarded.max_response_bytes = 64U << 20;
        for (const auto& [name, value] : request.fields)
            if (!hop_by_hop(name)) forwarded.headers.add(name, value);
        forwarded.body = std::move(request.body);
        if (lie_.before) lie_.before(forwarded);
        const auto deadline = deadline_after(std::chrono::minutes{1});
        auto came = co_await transport_.exchange(forwarded, deadline);
        if (!came) co_return failure(500, came.error().message);
        if (lie_.after) lie_.after(forwarded, *came);
        local::ServerAnswer answer{.status = came->status, .body = std::move(came->body)};
        answer.content_type = came->headers.get("Content-Type").value_or("application/json");
        for (const std::string name : {"Allow", "Retry-After", "WWW-Authenticate", "X-Request-Id"})
            if (const auto value = came->headers.get(name)) answer.headers.emplace_back(name, *value);
        co_return answer;
    }
    local::ServerAnswer failure(unsigned status, std::string_view message) override {
        return {.status = status, .body = R"({"error":")" + std::string{message} + R"(","code":"BAD_REQUEST"})"};
    }

private:
    static bool hop_by_hop(const std::string& name) {
        for (const std::string_view own : {"Host", "Content-Length", "Connection", "Transfer-Encoding"})
            if (detail::iequals(name, own)) return true;
        return false;
    }
    LoopbackTransport transport_;
    Origin behind_;
    const Lie& lie_;
};

// Runs the checks whose name begins with `lie.check` against the local cloud behind that lie.
std::vector<Finding> run_behind(World& world, const Lie& lie, bool with_credential) {
    const auto strand = asio::make_strand(world.io);
    auto liar = std::make_shared<Liar>(world.io.get_executor(), world.cloud->url(), lie);
    local::HttpServer server{strand, *liar};
    ok(server.start(local::CloudOptions{}, liar));
    Target target{.url = server.url()};
    if (with_credential) target.fields.emplace_back("X-Any", Secret{"value"});
    auto client = ok(Client::make(world.io, std::move(target)));
    Options options;
    options.only = {lie.check};
    auto findings = run_checks(client, options);
    bool over = false;
    asio::co_spawn(strand, server.stop(std::chrono::seconds{1}), [&over](std::exception_ptr) { over = true; });
    if (world.io.stopped()) world.io.restart();
    while (!over && world.io.run_one() != 0) {
    }
    return findings;
}

void alter(std::string& body, std::string_view what, std::string_view with) {
    if (const auto at = body.find(what); at != std::string::npos) body.replace(at, what.size(), with);
}

const auto is_call = [](const HttpRequest& request) { return request.target.ends_with("/invoke"); };

const std::vector<Lie>& lies() {
    static const std::vector<Lie> all{
        {.name = "an existing function is replaced unasked",
         .check = "deployed-twice",
         .wanted = "PUT without If-Match",
         .before =
             [seen = std::make_shared<std::set<std::string>>()](HttpRequest& request) {
                 if (request.verb != Verb::put || seen->insert(request.target).second) return;
                 request.headers.erase("If-None-Match");
                 request.headers.set("If-Match", "*");
             },
         .after = {}},
        {.name = "a bad id is merely not found",
         .check = "ids",
         .wanted = "is none",
         .before = {},
         .after =
             [](const HttpRequest&, HttpResponse& answer) {
                 if (answer.status == 400) answer.status = 404;
             }},
        {.name = "429 does not say when to come back",
         .check = "concurrency",
         .wanted = "Retry-After",
         .before = {},
         .after = [](const HttpRequest&, HttpResponse& answer) { answer.headers.erase("Retry-After"); }},
        {.name = "calls beyond the limit are queued",
         .check = "concurrency",
         .wanted = "second call at once",
         .before =
             [](HttpRequest& request) {
                 if (request.verb == Verb::put) request.headers.erase("X-Blueprint-Config");
             },
         .after = {}},
        {.name = "a job that failed is an empty success",
         .check = "function-fails",
         .wanted = "EXECUTION_ERROR",
         .before = {},
         .after =
             [](const HttpRequest& request, HttpResponse& answer) {
                 if (!is_call(request) || answer.status != 500) return;
                 answer.status = 200;
                 answer.body = R"({"job_id":0,"result":[]})";
             }},
        {.name = "values of env_vars are returned",
         .check = "variables",
         .wanted = "never returned",
         .before = {},
         .after =
             [](const HttpRequest& request, HttpResponse& answer) {
                 if (request.verb == Verb::get)
                     alter(answer.body, "{", R"({"env_vars":{"CONFORMANCE_A":"value-that-nobody-is-told"},)");
             }},
        {.name = "a broken configuration means the defaults",
         .check = "configuration",
         .wanted = "the configuration",
         .before =
             [](HttpRequest& request) {
                 if (request.verb == Verb::put) request.headers.erase("X-Blueprint-Config");
             },
         .after = {}},
        {.name = "a byte is changed on its way",
         .check = "bytes",
         .wanted = "come back as they were",
         .before = {},
         .after =
             [](const HttpRequest& request, HttpResponse& answer) {
                 if (is_call(request)) alter(answer.body, ",255,", ",254,");
             }},
        {.name = "removing what is absent succeeds",
         .check = "absent",
         .wanted = "DELETE",
         .before = {},
         .after =
             [](const HttpRequest& request, HttpResponse& answer) {
                 if (request.verb == Verb::del) answer.status = 204;
             }},
        {.name = "a timeout looks like a failure of the platform",
         .check = "function-sleeps",
         .wanted = "TIMEOUT",
         .before = {},
         .after =
             [](const HttpRequest&, HttpResponse& answer) {
                 if (answer.status != 504) return;
                 answer.status = 500;
                 answer.body = R"({"error":"oops","code":"INFRASTRUCTURE_ERROR"})";
             }},
        {.name = "405 does not say what is allowed",
         .check = "methods",
         .wanted = "Allow",
         .before = {},
         .after = [](const HttpRequest&, HttpResponse& answer) { answer.headers.erase("Allow"); }},
        {.name = "errors are pages",
         .check = "absent",
         .wanted = "JSON object",
         .before = {},
         .after =
             [](const HttpRequest&, HttpResponse& answer) {
                 if (answer.status >= 400) answer.body = "<html>oops</html>";
             }},
        {.name = "numbers beyond a byte are cut to fit",
         .check = "function-odd-result",
         .wanted = "never cut",
         .before = {},
         .after =
             [](const HttpRequest& request, HttpResponse& answer) {
                 if (!is_call(request) || answer.status != 500) return;
                 answer.status = 200;
                 answer.body = R"({"job_id":0,"result":[0]})";
             }},
        {.name = "everybody may do everything",
         .check = "authorisation",
         .wanted = "without credential",
         .before = {},
         .after = {}},
        {.name = "what is announced is not there",
         .check = "1.1-base64",
         .wanted = "Base64",
         .before = [](HttpRequest& request) { request.headers.erase("X-Blueprint-Bytes"); },
         .after = {}},
        {.name = "packages are taken as they are",
         .check = "bad-packages",
         .wanted = "is refused",
         .before = {},
         .after = [](const HttpRequest& request, HttpResponse& answer) {
             if (request.verb == Verb::put && answer.status == 400) answer.status = 201;
         }}};
    return all;
}

}  // namespace

TEST_CASE("conformance: the local cloud passes") {
    struct Row {
        bool tls;
        bool strict_1_0;
    };
    for (const auto& row : {Row{false, false}, Row{true, false}, Row{false, true}}) {
        CAPTURE(row.tls);
        CAPTURE(row.strict_1_0);
        World world{row.tls, row.strict_1_0};
        auto client = world.client();
        Options options;
        options.large = row.tls;  // once is enough: these are half a minute of unpacking
        const auto findings = run_checks(client, options);
        CHECK_MESSAGE(told(findings).empty(), told(findings));
        leaves_nothing_behind(world);
        CHECK(of(findings, "life").verdict == Verdict::ok);
        CHECK((of(findings, "authorisation").verdict == (row.tls ? Verdict::ok : Verdict::not_offered)));
        CHECK((of(findings, "1.1-list").verdict == (row.strict_1_0 ? Verdict::not_offered : Verdict::ok)));
        CHECK((of(findings, "1.1-replace").verdict == (row.strict_1_0 ? Verdict::not_offered : Verdict::ok)));
    }
}

TEST_CASE("R18: conformance: a platform that asks for client certificates is judged with one, and refuses without") {
    asio::io_context io{1};
    const auto authority = ok(local::CertificateAuthority::create());
    const auto server = ok(authority.issue({"127.0.0.1"}));
    const auto ours = ok(authority.issue_client("conformance"));
    local::CloudOptions options;
    options.tls = local::TlsIdentity{server.certificate, server.private_key};
    options.client_ca = authority.certificate();
    options.limit_memory = std::getenv("BLUEPRINT_FAAS_NO_MEMORY_LIMIT") == nullptr;
    local::Cloud cloud{io, std::move(options)};
    ok(cloud.start());
    Options one;
    one.only = {"life"};
    const std::string password = "a word of this test";
    Target target{.url = cloud.url(), .extra_roots = authority.certificate()};
    auto stranger = ok(Client::make(io, target));
    CHECK(of(run_checks(stranger, one), "life").verdict == Verdict::failed);
    target.client_certificate = ours.certificate;
    target.client_key = Secret{test::encrypt_key(std::string{ours.private_key.reveal()}, password)};
    target.client_key_password = Secret{password};
    auto client = ok(Client::make(io, target));
    const auto findings = run_checks(client, one);
    CHECK_MESSAGE(of(findings, "life").verdict == Verdict::ok, told(findings));
    tests::run(io, stopped(cloud));
}

TEST_CASE("conformance: each wrong platform is found out, and what the contract wants is told") {
    World world{false, false};
    for (const auto& lie : lies()) {
        CAPTURE(lie.name);
        const bool credential = lie.check == "authorisation";
        const auto findings = run_behind(world, lie, credential);
        const auto& finding = of(findings, lie.check);
        CHECK(finding.verdict == Verdict::failed);
        CHECK_MESSAGE(finding.wanted.find(lie.wanted) != std::string::npos, finding.wanted);
        CHECK(!finding.came.empty());
    }
}

TEST_CASE("conformance: behind an honest front the same checks pass, so that it is the lies which are found") {
    World world{false, false};
    std::set<std::string> checks;
    for (const auto& lie : lies()) checks.insert(lie.check);
    for (const auto& check : checks) {
        if (check == "authorisation") continue;  // this platform has no credentials, which is that lie
        const Lie honest{.check = check};
        const auto findings = run_behind(world, honest, false);
        CHECK_MESSAGE(told(findings).empty(), told(findings));
    }
}

TEST_CASE("conformance: a platform that is not there fails every check, and soon") {
    asio::io_context io;
    auto client = ok(Client::make(io, {.url = "http://127.0.0.1:1"}));
    Options options;
    options.only = {"life", "ids"};
    std::size_t heard = 0;
    options.tell = [&](const Finding&) { ++heard; };
    const auto findings = run_checks(client, options);
    CHECK(heard == 2);
    for (const auto& finding : findings) {
        CHECK(finding.verdict == Verdict::failed);
        CHECK(finding.came.find("no answer") == 0);
    }
    CHECK(Client::make(io, {.url = "ftp://x"}).error().code == errc::invalid_configuration);
}
