#include "lambda_lab.hpp"
#include "support/event_frames.hpp"
#include "support/vfork.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace local_lambda_invoke_test {

namespace faas = blueprint::faas;
using namespace blueprint::faas;
using namespace blueprint::faas::test;
using boost::json::object;

namespace {

const std::string demo_arn = "arn:aws:lambda:us-east-1:123456789012:function:demo";
const HttpFields tail{{"X-Amz-Log-Type", "Tail"}};
const HttpFields as_event{{"X-Amz-Invocation-Type", "Event"}};

std::string doing(std::string_view what, std::string_view arg = {}) {
    return R"({"do":")" + std::string{what} + R"(","arg":")" + std::string{arg} + "\"}";
}
object variable(std::string_view name, std::string_view value) {
    object map;
    map[name] = value;
    return {{"Environment", object{{"Variables", map}}}};
}

std::vector<std::string> log_lines(const HttpReply& reply) {
    const auto log = faas::detail::base64_decode(reply.field("X-Amz-Log-Result"));
    REQUIRE(log.has_value());
    std::istringstream text{std::string{faas::detail::text_of(*log)}};
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}
/// The fields of a REPORT line: "Duration" to "3.01 ms".
std::map<std::string, std::string> report_of(const HttpReply& reply) {
    const auto lines = log_lines(reply);
    REQUIRE(!lines.empty());
    std::map<std::string, std::string> fields;
    std::istringstream line{lines.back()};
    for (std::string field; std::getline(line, field, '\t');) {
        const auto colon = field.find(": ");
        if (colon != std::string::npos) fields[field.substr(0, colon)] = field.substr(colon + 2);
    }
    return fields;
}
double number(const std::string& text) { return std::stod(text); }

/// What a function error says: "Type: message" without the request's id.
std::string error_of(const HttpReply& reply) {
    if (reply.status != 200) return verdict(reply);
    CHECK(reply.field("X-Amz-Function-Error") == "Unhandled");
    const auto json = LambdaLab::json_of(reply);
    auto message = text_of(json, "errorMessage");
    if (message.starts_with("RequestId: ")) message.erase(0, 48);
    return text_of(json, "errorType") + ": " + message;
}

/// Asks for an answer that streams, and returns its frames and when each piece of it came.
struct Streamed {
    std::vector<Frame> frames{};
    std::vector<std::chrono::steady_clock::time_point> pieces{};
};

Streamed stream(LambdaLab& lab, std::string event, HttpFields fields = {}) {
    fields.emplace_back("Connection", "close");
    auto ask = lab.signed_ask({.method = "POST",
                               .target = "/2021-11-15/functions/demo/response-streaming-invocations",
                               .fields = std::move(fields),
                               .body = std::move(event)},
                              "lambda");
    std::string head = ask.method + ' ' + ask.target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : ask.fields) head += name + ": " + value + "\r\n";
    head += "Content-Length: " + std::to_string(ask.body.size()) + "\r\n\r\n" + ask.body;
    asio::ip::tcp::socket socket{lab.io};
    const auto url = lab.cloud.aws_url();
    socket.connect(
        {asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(std::stoul(url.substr(url.rfind(':') + 1)))});
    asio::write(socket, asio::buffer(head));
    Streamed streamed;
    std::string received;
    std::array<char, 65536> chunk{};
    bool over = false;
    std::function<void()> read = [&] {
        socket.async_read_some(asio::buffer(chunk), [&](boost::system::error_code failed, std::size_t size) {
            over = static_cast<bool>(failed);
            received.append(chunk.data(), size);
            if (over) return;
            streamed.pieces.push_back(std::chrono::steady_clock::now());
            read();
        });
    };
    read();
    lab.until([&] { return over; });
    const auto body_begin = received.find("\r\n\r\n") + 4;
    CHECK(received.starts_with("HTTP/1.1 200 "));
    CHECK(received.find("Content-Type: application/vnd.amazon.eventstream\r\n") < body_begin);
    CHECK(received.find("X-Amz-Executed-Version: $LATEST\r\n") < body_begin);
    std::string body;
    for (std::size_t at = body_begin;;) {
        const auto line_end = received.find("\r\n", at);
        REQUIRE(line_end != std::string::npos);
        const auto size = std::stoul(received.substr(at, line_end - at), nullptr, 16);
        if (size == 0) break;
        body += received.substr(line_end + 2, size);
        at = line_end + 4 + size;
    }
    streamed.frames = frames_of(body);
    return streamed;
}

}  // namespace

TEST_CASE("local lambda: a function sees its event, its context and its environment") {
    LambdaLab lab;
    lab.deploy("demo", {{"MemorySize", 192}, {"Timeout", 7}});
    lab.send("POST", lab.path("demo", "versions"), {});
    lab.send("POST", lab.path("demo", "aliases"), {{"Name", "live"}, {"FunctionVersion", "1"}});
    CHECK(lab.invoke("demo", R"({"x":[1,2]})").body == R"({"x":[1,2]})");
    CHECK(lab.invoke("demo", "").body == "{}");
    const std::vector<std::pair<std::string, std::string>> environment{{"AWS_LAMBDA_FUNCTION_NAME", "demo"},
                                                                       {"AWS_LAMBDA_FUNCTION_VERSION", "1"},
                                                                       {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "192"},
                                                                       {"AWS_REGION", "us-east-1"},
                                                                       {"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
                                                                       {"_HANDLER", "bootstrap"},
                                                                       {"TZ", ":UTC"}};
    for (const auto& [name, value] : environment) {
        CAPTURE(name);
        CHECK(lab.invoke("demo:live", doing("env", name)).body == '"' + value + '"');
    }
    CHECK(lab.invoke("demo", doing("env", "BLUEPRINT_FAAS_TEST_LAMBDA_FUNCTION")).body == "null");  // nothing of ours

    const auto reply = lab.invoke("demo:live", doing("field", "Lambda-Runtime-Aws-Request-Id"));
    CHECK(reply.body == '"' + reply.field("x-amzn-RequestId") + '"');
    CHECK(reply.field("X-Amz-Executed-Version") == "1");
    CHECK(lab.invoke("demo:live", doing("field", "Lambda-Runtime-Invoked-Function-Arn")).body ==
          '"' + demo_arn + ":live\"");
    CHECK(lab.invoke("demo", doing("field", "Lambda-Runtime-Trace-Id"),
                     {{"X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793"}})
              .body == "\"Root=1-5759e988-bd862e3fe1be46a994272793\"");
    CHECK(lab.invoke("demo", doing("field", "Lambda-Runtime-Client-Context"),
                     {{"X-Amz-Client-Context", base64("{\"custom\":\n{\"k\":\"v\"}}")}})
              .body == R"({"custom":{"k":"v"}})");
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto deadline = lab.invoke("demo", doing("field", "Lambda-Runtime-Deadline-Ms")).body;
    const auto left = std::stoll(deadline.substr(1)) - now.count();
    CHECK(left > 6000);
    CHECK(left < 8000);
}

TEST_CASE("local lambda: invocations that cannot be are refused") {
    LambdaLab lab;
    lab.deploy("demo");
    struct Case {
        std::string event;
        HttpFields fields;
        std::string answer;
    };
    const std::vector<Case> cases{
        {"{",
         {},
         "400 InvalidRequestContentException: Could not parse request body into json: Could not parse payload"},
        {"\"\xff\"", {}, "400 InvalidRequestContentException: Could not parse request body into json"},
        {"{}",
         {{"Content-Type", "text/plain"}},
         "415 UnsupportedMediaTypeException: Unsupported content type: text/plain"},
        {"{}",
         {{"X-Amz-Invocation-Type", "Maybe"}},
         "400 ValidationException: 1 validation error detected: Value 'Maybe'"},
        {"{}",
         {{"X-Amz-Client-Context", "no base64!"}},
         "400 InvalidRequestContentException: Client context must be a"},
        {"{}", {{"X-Amz-Client-Context", base64(std::string(2700, ' '))}}, "400 InvalidRequestContentException: "},
        {"",
         {{"Content-Length", "6291457"}},
         "413 RequestEntityTooLargeException: Request must be smaller than 6291456 bytes for the InvokeFunction "
         "operation"},
        {"",
         {{"Content-Length", "1048577"}, {"X-Amz-Invocation-Type", "Event"}},
         "413 RequestEntityTooLargeException: 1048577 byte payload is too large for the Event invocation type (limit "
         "1048576 bytes)"},
        {"{}", {{"X-Amz-Invocation-Type", "DryRun"}}, "204"}};
    for (const auto& [event, fields, answer] : cases) {
        CAPTURE(answer);
        CHECK(verdict(lab.invoke("demo", event, fields)).starts_with(answer));
    }
    CHECK(verdict(lab.invoke("other", "{}")).starts_with("404 ResourceNotFoundException: Function not found: "));
    CHECK(lab.cloud.stats().processes_started == 0);
}

TEST_CASE("local lambda: the log tail has what was written, and a REPORT that was measured") {
    LambdaLab lab;
    lab.deploy("demo", variable("INIT", "slow"));
    auto reply = lab.invoke("demo", doing("say", "hello"), tail);
    const auto id = reply.field("x-amzn-RequestId");
    auto lines = log_lines(reply);
    REQUIRE(lines.size() == 6);
    CHECK(lines[0] == "initialising");
    CHECK(lines[1] == "START RequestId: " + id + " Version: $LATEST");
    CHECK(lines[2] == "out hello");
    CHECK(lines[3] == "err hello");
    CHECK(lines[4] == "END RequestId: " + id);
    auto report = report_of(reply);
    CHECK(report.at("REPORT RequestId") == id);
    CHECK(number(report.at("Init Duration")) >= 120.0);
    CHECK(number(report.at("Init Duration")) < 5000.0);
    CHECK(number(report.at("Billed Duration")) >=
          number(report.at("Duration")) + number(report.at("Init Duration")) - 0.02);
    CHECK(number(report.at("Billed Duration")) <
          number(report.at("Duration")) + number(report.at("Init Duration")) + 1.02);
    CHECK(report.at("Memory Size") == "128 MB");
    CHECK(number(report.at("Max Memory Used")) >= 1.0);
    CHECK(report.count("Status") == 0);

    reply = lab.invoke("demo", doing("sleep", "50"), tail);
    report = report_of(reply);
    CHECK(log_lines(reply)[0].starts_with("START "));
    CHECK(report.count("Init Duration") == 0);
    CHECK(number(report.at("Duration")) >= 50.0);
    CHECK(number(report.at("Billed Duration")) >= 51.0);

    const auto long_text = std::string(6000, 'x');
    lines = log_lines(lab.invoke("demo", doing("say", long_text), tail));
    CHECK(lines.front().find("START") == std::string::npos);  // the end is kept
    CHECK(lines.back().starts_with("REPORT "));
    CHECK(lab.invoke("demo", doing("say", "x")).field("X-Amz-Log-Result").empty());

    lab.send("PUT", lab.path("demo", "configuration"), {{"LoggingConfig", object{{"LogFormat", "JSON"}}}});
    lab.settle("demo");
    lines = log_lines(lab.invoke("demo", "{}", tail));
    const auto last = boost::json::parse(lines.back());
    CHECK(last.at("type") == "platform.report");
    CHECK(last.at("record").at("metrics").at("memorySizeMB") == 128);
    CHECK(last.at("record").at("status") == "success");
}

TEST_CASE("local lambda: AWS pitfall 6: a function that fails is answered 200, and says why") {
    LambdaLab lab;
    lab.deploy("demo", {{"Timeout", 1}});
    auto reply = lab.invoke("demo", doing("fail"), tail);
    CHECK(reply.status == 200);
    CHECK(reply.field("X-Amz-Function-Error") == "Unhandled");
    CHECK(reply.body == R"({"errorType":"Broken","errorMessage":"it broke","stackTrace":["here","there"]})");
    CHECK(report_of(reply).at("Error Type") == "Function.Broken");
    CHECK(lab.invoke("demo", doing("count")).body == "2");  // the instance goes on

    const std::vector<std::pair<std::string, std::string>> ends{
        {doing("exit", "3"), "Runtime.ExitError: Error: Runtime exited with error: exit status 3"},
        {doing("exit", "0"), "Runtime.ExitError: Error: Runtime exited without providing a reason"},
        {doing("abort"), "Runtime.ExitError: Error: Runtime exited with error: signal: aborted"}};
    for (const auto& [event, error] : ends) {
        reply = lab.invoke("demo", event, tail);
        CHECK(error_of(reply) == error);
        CHECK(report_of(reply).at("Status") == "error");
        CHECK(report_of(reply).at("Error Type") == "Runtime.ExitError");
        CHECK(lab.invoke("demo", doing("count")).body == "1");  // on a new instance
    }
    const auto began = std::chrono::steady_clock::now();
    reply = lab.invoke("demo", doing("sleep", "60000"), tail);
    const auto took = std::chrono::steady_clock::now() - began;
    CHECK(took >= 1s);
    CHECK(took < 5s);
    CHECK(error_of(reply) == "Sandbox.Timedout: Error: Task timed out after 1.00 seconds");
    CHECK(report_of(reply).at("Status") == "timeout");
    CHECK(report_of(reply).at("Duration") == "1000.00 ms");
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });

    reply = lab.invoke("demo", doing("big", std::to_string(6'291'557)), tail);
    CHECK(
        error_of(reply) ==
        "Function.ResponseSizeTooLarge: Response payload size exceeded maximum allowed payload size (6291556 bytes).");
    CHECK(log_lines(reply)[2] == "reply: 413");
    CHECK(lab.invoke("demo", doing("big", std::to_string(6'291'556))).body.size() == 6'291'556);
    CHECK(error_of(lab.invoke("demo", doing("truncate"))).starts_with("Runtime.TruncatedResponse: "));
    reply = lab.invoke("demo", doing("mode"), tail);
    CHECK(error_of(reply).starts_with("Runtime.InvalidResponseModeHeader: "));
}

TEST_CASE("local lambda: why a bootstrap cannot be executed is told" * doctest::skip(tests::vfork_is_fork)) {
    LambdaLab lab;
    const auto settings = [](std::string zip) { return object{{"Code", object{{"ZipFile", base64(zip)}}}}; };
    lab.deploy("none", settings(zip_of("readme", "no bootstrap here")));
    lab.deploy("mode", settings(zip_of("bootstrap", "#!/bin/sh\n", 0644)));
    lab.deploy("format", settings(zip_of("bootstrap", "\177ELF of nowhere")));
    lab.deploy("loader", settings(zip_of("bootstrap", "#!/nowhere/sh\n")));
    const std::string start = "Runtime.InvalidEntrypoint: Error: ";
    CHECK(error_of(lab.invoke("none", "{}")) ==
          start + "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
    CHECK(error_of(lab.invoke("mode", "{}")) == start + "fork/exec /var/task/bootstrap: permission denied");
    CHECK(error_of(lab.invoke("format", "{}")) == start + "fork/exec /var/task/bootstrap: exec format error");
    CHECK(error_of(lab.invoke("loader", "{}")) == start + "fork/exec /var/task/bootstrap: no such file or directory");
}

TEST_CASE("local lambda: a bootstrap that does not start is tried twice and named") {
    LambdaLab lab;
    lab.deploy("error", variable("INIT", "error"));
    auto reply = lab.invoke("error", "{}", tail);
    CHECK(reply.body == R"({"errorType":"NoDatabase","errorMessage":"there is none"})");
    CHECK(reply.field("X-Amz-Function-Error") == "Unhandled");
    auto lines = log_lines(reply);
    REQUIRE(lines.size() == 7);
    CHECK(lines[0] == "initialising");
    CHECK(lines[1].ends_with("\tPhase: init\tStatus: error\tError Type: Runtime.NoDatabase"));
    CHECK(lines[2] == "initialising");
    CHECK(lines[3].ends_with("\tPhase: invoke\tStatus: error\tError Type: Runtime.NoDatabase"));
    CHECK(report_of(reply).at("Error Type") == "Runtime.NoDatabase");

    lab.deploy("exit", variable("INIT", "exit"));
    CHECK(error_of(lab.invoke("exit", "{}")) == "Runtime.ExitError: Error: Runtime exited with error: exit status 7");
}

TEST_CASE("local lambda: instances are kept, one event at a time, and end when nobody needs them") {
    auto options = lambda_options();
    options.limits.warm_idle = 1500ms;
    LambdaLab lab{std::move(options)};
    lab.deploy("demo");
    for (const char* const count : {"1", "2", "3"}) CHECK(lab.invoke("demo", doing("count")).body == count);
    CHECK(lab.cloud.stats().processes_started == 1);
    std::vector<HttpAsk> all(3, LambdaLab::invocation("demo", doing("sleep", "100")));
    for (const auto& reply : lab.ask_all(std::move(all))) CHECK(reply.status == 200);
    CHECK(lab.cloud.stats().processes_started == 3);
    CHECK(lab.cloud.stats().processes_alive == 3);
    lab.until([&] { return lab.cloud.stats().processes_alive == 0; });

    CHECK(lab.invoke("demo", doing("late", "2500")).body == "1");  // it works on: not free yet
    CHECK(lab.invoke("demo", doing("count")).body == "1");
    const auto second = log_lines(lab.invoke("demo", doing("twice"), tail));
    lab.until([&] { return lab.invoke("demo", doing("count"), tail).status == 200; });
    CHECK(std::find(second.begin(), second.end(), "second reply: 403") != second.end());
    CHECK(std::find(second.begin(), second.end(), "other id: 400") != second.end());
}

TEST_CASE("local lambda: who has no concurrency left is told which") {
    auto options = lambda_options();
    options.aws->concurrency = 2;
    LambdaLab lab{std::move(options)};
    lab.deploy("demo");
    lab.deploy("kept");
    const auto reason = [](const HttpReply& reply) {
        return reply.status == 200 ? "200" : verdict(reply) + ' ' + text_of(LambdaLab::json_of(reply), "Reason");
    };
    const std::string throttled = "429 TooManyRequestsException: Rate Exceeded. ";
    std::vector<HttpAsk> all(3, LambdaLab::invocation("demo", doing("sleep", "200")));
    std::multiset<std::string> answers;
    for (const auto& reply : lab.ask_all(all)) answers.insert(reason(reply));
    CHECK(answers == std::multiset<std::string>{"200", "200", throttled + "ConcurrentInvocationLimitExceeded"});

    const std::string reserved = "/2017-10-31/functions/kept/concurrency";
    REQUIRE(lab.send("PUT", reserved, {{"ReservedConcurrentExecutions", 1}}).status == 200);
    all.assign(2, LambdaLab::invocation("kept", doing("sleep", "200")));
    all.push_back(LambdaLab::invocation("demo", doing("sleep", "200")));
    answers.clear();
    for (const auto& reply : lab.ask_all(all)) answers.insert(reason(reply));
    CHECK(answers ==
          std::multiset<std::string>{"200", "200", throttled + "ReservedFunctionConcurrentInvocationLimitExceeded"});
    lab.send("PUT", reserved, {{"ReservedConcurrentExecutions", 0}});
    CHECK(reason(lab.invoke("kept", "{}")) == throttled + "ReservedFunctionConcurrentInvocationLimitExceeded");
}

TEST_CASE("local lambda: an alias with two versions gives each its share") {
    LambdaLab lab;
    lab.deploy("demo");
    lab.send("POST", lab.path("demo", "versions"), {});
    lab.send("PUT", lab.path("demo", "configuration"), {{"Timeout", 9}});
    lab.settle("demo");
    lab.send("POST", lab.path("demo", "versions"), {});
    object half{{"Name", "half"}, {"FunctionVersion", "1"}};
    half["RoutingConfig"] = object{{"AdditionalVersionWeights", object{{"2", 0.5}}}};
    object all{{"Name", "all"}, {"FunctionVersion", "1"}};
    all["RoutingConfig"] = object{{"AdditionalVersionWeights", object{{"2", 1.0}}}};
    REQUIRE(lab.send("POST", lab.path("demo", "aliases"), half).status == 201);
    REQUIRE(lab.send("POST", lab.path("demo", "aliases"), all).status == 201);
    std::map<std::string, int> calls;
    for (int i = 0; i < 40; ++i) ++calls[lab.invoke("demo:half", "{}").field("X-Amz-Executed-Version")];
    CHECK(calls["1"] + calls["2"] == 40);
    CHECK(calls["1"] > 3);  // fewer: one in a hundred million
    CHECK(calls["2"] > 3);
    for (int i = 0; i < 10; ++i) CHECK(lab.invoke("demo:all", "{}").field("X-Amz-Executed-Version") == "2");
}

TEST_CASE("local lambda: events are run later, and again when they fail") {
    LambdaLab lab;
    lab.deploy("demo");
    const auto reply = lab.invoke("demo", doing("fail"), as_event);
    CHECK(reply.status == 202);
    CHECK(reply.body.empty());
    CHECK(reply.field("X-Amz-Executed-Version").empty());
    const auto id = reply.field("x-amzn-RequestId");
    lab.until([&] { return lab.noted(id + " failed") == 3; });

    lab.send("PUT", "/2019-09-25/functions/demo/event-invoke-config", {{"MaximumRetryAttempts", 0}});
    const auto once = lab.invoke("demo", doing("fail"), as_event).field("x-amzn-RequestId");
    lab.until([&] { return lab.noted(once + " failed") == 1; });

    // A throttled event waits for a place.
    lab.send("PUT", "/2017-10-31/functions/demo/concurrency", {{"ReservedConcurrentExecutions", 0}});
    const auto waiting = lab.invoke("demo", "{}", as_event).field("x-amzn-RequestId");
    lab.until(
        [&, until = std::chrono::steady_clock::now() + 150ms] { return std::chrono::steady_clock::now() > until; });
    CHECK(lab.noted(waiting) == 0);
    lab.ask({.method = "DELETE", .target = "/2017-10-31/functions/demo/concurrency"});
    lab.until([&] { return lab.noted(waiting + " done") == 1; });
    CHECK(lab.noted(id + " failed") == 3);  // and no more
    CHECK(lab.noted(once + " failed") == 1);
}

TEST_CASE("local lambda: an answer that streams comes piece by piece, in frames") {
    LambdaLab lab;
    lab.deploy("demo");
    auto streamed = stream(lab, doing("stream", "80"), tail);
    REQUIRE(streamed.frames.size() == 4);
    const std::vector<std::string> pieces{"one", "two", "three"};
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(streamed.frames[i].event == "PayloadChunk");
        CHECK(streamed.frames[i].payload == pieces[i]);
    }
    CHECK(streamed.frames[3].event == "InvokeComplete");
    const auto complete = boost::json::parse(streamed.frames[3].payload).as_object();
    CHECK(complete.contains("LogResult"));
    CHECK(!complete.contains("ErrorCode"));
    CHECK(streamed.pieces.back() - streamed.pieces.front() >= 150ms);

    CHECK(lab.invoke("demo", doing("stream", "0")).body == "onetwothree");  // who does not ask for a stream gets all
    streamed = stream(lab, R"({"plain":1})");
    REQUIRE(streamed.frames.size() == 2);
    CHECK(streamed.frames[0].payload == R"({"plain":1})");
    CHECK(streamed.frames[1].payload == "{}");

    streamed = stream(lab, doing("stream-fail"));
    REQUIRE(streamed.frames.size() >= 2);
    const auto failed = boost::json::parse(streamed.frames.back().payload);
    CHECK(failed.at("ErrorCode") == "Unhandled");
    CHECK(failed.at("ErrorDetails") == R"({"errorType":"Midway"})");
    streamed = stream(lab, doing("exit", "3"));
    REQUIRE(streamed.frames.size() == 1);
    CHECK(streamed.frames[0].payload.find("Runtime.ExitError") != std::string::npos);
}

TEST_CASE("local lambda: provisioned instances are started before they are needed") {
    LambdaLab lab;
    lab.deploy("demo", variable("INIT", "slow"));
    lab.send("POST", lab.path("demo", "versions"), {});
    const std::string path = "/2019-09-30/functions/demo/provisioned-concurrency?Qualifier=";
    const object two{{"ProvisionedConcurrentExecutions", 2}};
    CHECK(
        verdict(lab.get(path + "1")) ==
        "404 ProvisionedConcurrencyConfigNotFoundException: No Provisioned Concurrency Config found for this function");
    CHECK(
        verdict(lab.send("PUT", path + "%24LATEST", two)) ==
        "400 InvalidParameterValueException: Provisioned Concurrency Configs cannot be applied to unpublished function "
        "versions.");
    CHECK(LambdaLab::json_of(lab.send("PUT", path + "1", two)).at("Status") == "IN_PROGRESS");
    lab.until([&] { return LambdaLab::json_of(lab.get(path + "1")).at("Status") == "READY"; });
    CHECK(lab.cloud.stats().processes_alive == 2);
    const auto reply = lab.invoke("demo:1", doing("env", "AWS_LAMBDA_INITIALIZATION_TYPE"), tail);
    CHECK(reply.body == "\"provisioned-concurrency\"");
    CHECK(report_of(reply).count("Init Duration") == 0);
    CHECK(lab.ask({.method = "DELETE", .target = path + "1"}).status == 204);
}

TEST_CASE("local lambda: stopping waits for what runs, and leaves nothing") {
    LambdaLab lab;
    lab.deploy("demo");
    HttpClient client{lab.io, lab.cloud.aws_url()};
    HttpReply reply;
    asio::co_spawn(lab.io,
                   client.exchange(lab.signed_ask(LambdaLab::invocation("demo", doing("sleep", "200")), "lambda")),
                   [&](std::exception_ptr, HttpReply answered) { reply = std::move(answered); });
    lab.until([&] { return lab.cloud.stats().processes_alive == 1; });
    auto stopping = lab.cloud.stop(5s);
    wait_for(lab.io, std::move(stopping));
    CHECK(reply.status == 200);
    CHECK(reply.body == "1");
    CHECK(lab.cloud.stats().processes_alive == 0);
}

}  // namespace local_lambda_invoke_test
