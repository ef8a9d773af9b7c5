// The custom contract from its three sides. What one side writes the next one must understand, whatever it was made of.
#include "blueprint/faas/codec/custom_protocol.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/json_bytes.hpp"
#include "blueprint/faas/local/custom_messages.hpp"
#include "blueprint/faas/local/invoke_messages.hpp"
#include "blueprint/faas/serve/azure_messages.hpp"
#include "blueprint/faas/serve/exec.hpp"
#include "blueprint/faas/serve/http_messages.hpp"
#include "blueprint/faas/serve/lambda_messages.hpp"
#include "blueprint/faas/serve/openwhisk_messages.hpp"
#include "fit.hpp"
#include "targets.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace blueprint::faas::fuzz {

namespace {

using detail::CustomProtocol;

const CustomProtocol& protocol() {
    static const CustomProtocol instance{{.base_url = "https://faas.example.com"}};
    return instance;
}

Bytes result_in(const Invocation& done) {
    FAAS_REQUIRE(done.result.outcome.has_value());
    return *done.result.outcome;
}

HttpResponse as_answer(const local::ServerAnswer& sent) {
    HttpResponse answer;
    answer.status = sent.status;
    answer.headers.set("Content-Type", sent.content_type);
    for (const auto& [name, value] : sent.headers) answer.headers.set(name, value);
    FAAS_REQUIRE(answer.headers.refused().empty());
    answer.body = sent.body;
    return answer;
}

// A request out of lines: method, target, header fields up to an empty line, body.
local::ServerRequest request_in(Reader& reader) {
    local::ServerRequest request;
    request.method = reader.until('\n');
    request.target = reader.until('\n');
    for (auto line = reader.until('\n'); !line.empty(); line = reader.until('\n')) {
        const auto colon = std::min(line.find(':'), line.size());
        request.fields.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
    }
    request.body.assign(reader.bytes().begin(), reader.bytes().end());
    return request;
}

Bytes bytes_of_call(const local::CallBytes& call) {
    if (call.text.empty()) return call.bytes;
    Bytes bytes;
    const auto read = detail::read_json_bytes(call.text, bytes);
    FAAS_REQUIRE(read.has_value() && *read == call.text.size());
    return bytes;
}

// What `parse_object_with_bytes` says of it, which takes no short cuts.
std::optional<Bytes> slowly(std::string_view text, std::string_view member) {
    std::optional<Bytes> bytes;
    const auto object = detail::parse_object_with_bytes(text, member, bytes);
    return object ? bytes : std::nullopt;
}

void refused(const result<void>& outcome) {
    FAAS_REQUIRE(outcome.has_error());
    const auto& error = outcome.error();
    FAAS_REQUIRE(error.http_status >= 400 && error.http_status < 600);
    const auto answer = as_answer(local::error_answer(error, "job0"));
    const auto meant = CustomProtocol::judge(answer);
    FAAS_REQUIRE(meant.has_value());
    FAAS_REQUIRE(meant->platform_code == error.platform_code);
    FAAS_REQUIRE(meant->code != errc::serialization);
    fit_for_people(*meant);
}
template <class T>
void refused(const result<T>& outcome) {
    refused(result<void>{outcome.error()});
}

}  // namespace

void contract_answer(Input input) {
    Reader reader{input};
    HttpResponse answer;
    static constexpr unsigned statuses[] = {200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 412, 413,
                                            415, 422, 429, 431, 500, 501, 502, 503, 504, 302, 418, 496};
    answer.status = statuses[reader.byte() % std::size(statuses)];
    const auto how = reader.byte();
    answer.headers.set("Content-Type", how % 4 == 0 ? "application/octet-stream" : "application/json");
    const auto field = reader.until('\n');
    if (how % 3 == 0) answer.headers.set("Retry-After", field);
    if (how % 3 == 1) answer.headers.set("X-Blueprint-Execution-Ms", field);
    if (how % 3 == 2) answer.headers.set("Location", field);
    answer.body = reader.rest();

    const auto& contract = protocol();
    const auto meant = CustomProtocol::judge(answer);
    const bool success = answer.status == 200 || answer.status == 201 || answer.status == 202 || answer.status == 204;
    FAAS_REQUIRE(meant.has_value() != success);
    if (meant) fit_for_people(*meant);
    if (const auto other = CustomProtocol::judge_list(answer)) fit_for_people(*other);
    if (const auto other = CustomProtocol::judge_description(answer)) fit_for_people(*other);

    const auto invoked = contract.read_invocation(answer, 0);
    if (fits(invoked)) {
        FAAS_REQUIRE(invoked->result.job_id == JobId{0});
        const auto bytes = result_in(*invoked);
        FAAS_REQUIRE(bytes.size() <= answer.body.size());
        HttpResponse again;
        again.status = 200;
        again.body = "{\"result\":";
        detail::append_json_bytes(again.body, bytes);
        again.body += '}';
        const auto reread = contract.read_invocation(again, 0);
        FAAS_REQUIRE(reread.has_value());
        FAAS_REQUIRE(result_in(*reread) == bytes);
    }
    if (const auto receipt = contract.read_receipt(answer, 0); fits(receipt))
        FAAS_REQUIRE(receipt->completed || !receipt->invocation_id.empty());
    if (const auto deployment = contract.read_deployment(answer, 0); fits(deployment)) {
        FAAS_REQUIRE(deployment->function_id == "job0");
        fit_for_people(CustomProtocol::failed_deployment(*deployment));
        if (const auto url = contract.trusted_endpoint(deployment->endpoint))
            FAAS_REQUIRE(url->origin.tls && url->origin.host == "faas.example.com");
    }
    if (const auto all = contract.read_list(answer); fits(all))
        for (const auto& one : *all) FAAS_REQUIRE(contract.function_id(one.job_id) == one.function_id);
    if (const auto told = CustomProtocol::read_description(answer); fits(told)) FAAS_REQUIRE(!told->spec.empty());
    (void)fits(contract.read_health(answer));
    (void)fits(contract.read_warm(answer, 1));
}

void contract_call(Input input) {
    Reader reader{input};
    const bool strict = reader.byte() % 2 == 1;
    auto request = request_in(reader);
    std::string allow;
    if (const auto route = local::read_custom_route(request.method, request.target, strict, allow); !route) {
        refused(route);
    } else if (route->operation != local::CustomOperation::list &&
               route->operation != local::CustomOperation::describe) {
        FAAS_REQUIRE(local::is_function_id(route->function_id));
    }
    if (const auto deploy = local::read_deploy_request(request, 64); !deploy) {
        refused(deploy);
    } else {
        const auto& settings = deploy->settings;
        FAAS_REQUIRE(settings.memory_mb >= 128 && settings.memory_mb <= 10240 && settings.memory_mb % 64 == 0);
        FAAS_REQUIRE(settings.timeout.count() >= 1 && settings.timeout.count() <= 900);
        FAAS_REQUIRE(settings.keep_warm <= 64);
        for (const auto& entry : settings.env_vars) FAAS_REQUIRE(!entry.first.starts_with("BLUEPRINT_"));
    }
    if (const auto count = local::read_warm_request(detail::text_of(request.body)); !count)
        refused(count);
    else
        FAAS_REQUIRE(*count >= 1 && *count <= 1000);

    const Bytes body = request.body;
    const auto call = local::read_invoke_request(request, strict);
    if (!call) {
        refused(call);
        return;
    }
    const auto args = bytes_of_call(call->args);
    if (call->binary)
        FAAS_REQUIRE(args == body);
    else
        FAAS_REQUIRE(args == slowly(detail::text_of(body), "args"));
    // The function reads what the platform hands over.
    const auto now = std::chrono::system_clock::time_point{std::chrono::hours{400'000}};
    const auto line = local::function_input(*call, request, now + std::chrono::seconds{5}, strict);
    FAAS_REQUIRE(std::count(line.begin(), line.end(), '\n') == 1);
    FAAS_REQUIRE(line.ends_with('\n'));
    const auto read = detail::read_exec_request(line, now);
    FAAS_REQUIRE(read.has_value());
    FAAS_REQUIRE(read->call.job_id == JobId{call->job_id});
    FAAS_REQUIRE(read->call.args == args);
    FAAS_REQUIRE(read->call.timeout == std::chrono::seconds{5});
}

void function_line(Input input) {
    Reader reader{input};
    const auto how = reader.byte();
    const auto text = reader.rest();
    const auto now = std::chrono::system_clock::time_point{std::chrono::hours{400'000}};
    if (const auto request = detail::read_exec_request(text, now)) {
        FAAS_REQUIRE(request->call.args == slowly(text, "args"));
        if (request->call.timeout) FAAS_REQUIRE(request->call.timeout->count() >= 0);
    } else {
        FAAS_REQUIRE(!request.error().message.empty());
    }

    // What a job gives or says, through the function, the platform and the client.
    constexpr std::size_t most = 64U << 10;
    const result<Bytes> outcome =
        how % 2 == 0 ? result<Bytes>{Bytes(reader.bytes().begin(), reader.bytes().end())}
                     : result<Bytes>{Error{.code = errc::function_error, .message = std::string{text}}};
    local::InvokeRequest call;
    call.binary = how / 2 % 3 == 1;
    call.base64 = how / 2 % 3 == 2;
    local::CloudLimits limits;
    limits.answer_bytes = 1U << 20;
    const bool strict = how / 8 % 2 == 1 && !call.binary && !call.base64;
    const auto through = [&](std::string output) {
        local::ProcessOutcome process;
        process.output = std::move(output);
        process.log_tail = text.substr(0, 300);
        local::InvokeOutcome done;
        local::read_outcome("job0", call, std::move(process), std::chrono::seconds{1}, strict, done);
        const auto answer = as_answer(local::invoke_answer("job0", call, done, strict, limits));
        const auto meant = CustomProtocol::judge(answer);
        if (meant) return result<Invocation>{*meant};
        return protocol().read_invocation(answer, 0);
    };
    const auto line = detail::write_exec_answer(JobId{0}, outcome, std::chrono::milliseconds{3}, 7, most, call.base64);
    FAAS_REQUIRE(line.size() <= most + 16384);
    FAAS_REQUIRE(std::count(line.begin(), line.end(), '\n') == 1);
    const auto heard = through(line);
    const bool too_long = line.find("\"TOO_LARGE\"") != std::string::npos;
    if (outcome && !too_long) {
        FAAS_REQUIRE(heard.has_value());
        FAAS_REQUIRE(result_in(*heard) == *outcome);
    } else {
        FAAS_REQUIRE(heard.has_error());
        FAAS_REQUIRE(heard.error().code == errc::function_error);
        fit_for_people(heard.error());
    }
    // And what a function writes that is none of ours: its bytes or a failure of its own, never a broken answer.
    const auto any = through(std::string{text});
    if (any)
        FAAS_REQUIRE(slowly(text, "result") == result_in(*any));
    else
        FAAS_REQUIRE(any.error().code != errc::serialization);
}

void lambda_event(Input input) {
    Reader reader{input};
    Headers headers;
    for (auto line = reader.until('\n'); !line.empty(); line = reader.until('\n')) {
        const auto colon = std::min(line.find(':'), line.size());
        headers.add(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
    }
    constexpr std::chrono::system_clock::time_point now{std::chrono::seconds{1'700'000'000}};
    auto call = detail::read_lambda_head(headers);
    if (!fits(call)) return;
    const auto one_line = [](std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; };
    FAAS_REQUIRE(call->echoed.empty() || one_line(std::string_view{call->echoed}.substr(0, call->echoed.size() - 2)));
    const auto read = detail::read_lambda_event(headers, reader.rest(), now, *call);
    if (!read) {
        // What is unreadable is told to the caller, and so is what a job makes of the same text.
        auto error = detail::invalid_lambda_event(read.error());
        error.stack_trace.emplace_back(reader.rest());
        error.platform_code += reader.rest();
        error.message += reader.rest();
        const auto failure = detail::write_lambda_failure(error);
        FAAS_REQUIRE(failure.type.starts_with("Runtime.") || failure.type.starts_with("Function."));
        FAAS_REQUIRE(one_line(failure.type));
        boost::system::error_code bad;
        static_cast<void>(boost::json::parse(failure.body, bad));
        FAAS_REQUIRE(!bad);
        const auto trailers = detail::write_lambda_trailers(failure);
        FAAS_REQUIRE(std::count(trailers.begin(), trailers.end(), '\n') == 2);
        return;
    }
    if (call->hold) {
        FAAS_REQUIRE(call->hold->count() >= 0 && call->hold->count() <= 1'000);
        return;
    }
    const auto& job = call->request.call;
    FAAS_REQUIRE(job.job_id == call->job_id);
    FAAS_REQUIRE(!job.timeout || job.timeout->count() >= 0);
    FAAS_REQUIRE(job.metadata.get("x-request-id").has_value());
    for (const auto& [name, value] : job.metadata) FAAS_REQUIRE(!name.starts_with("blueprint-"));
    const auto answer = detail::write_lambda_answer(job.job_id, job.args, std::chrono::milliseconds{1}, 1, 1U << 20,
                                                    call->request.base64);
    FAAS_REQUIRE(answer.has_value());
    std::optional<Bytes> bytes;
    FAAS_REQUIRE(detail::parse_object_with_bytes(*answer, "result", bytes).has_value());
    FAAS_REQUIRE(bytes == job.args);
}

void action_loop_line(Input input) {
    const auto text = Reader{input}.rest();
    constexpr std::chrono::system_clock::time_point now{std::chrono::seconds{1'700'000'000}};
    detail::ActionLoopCall call;
    if (const auto read = detail::read_action_loop_call(text, now, call); !read) {
        fit_for_people(read.error());
        FAAS_REQUIRE(read.error().execution == Execution::not_started || read.error().code == errc::serialization);
        return;
    }
    // It is a whole document, whose member is what was read of it; where there are two, which one is not said.
    boost::json::parse_options options;
    options.max_depth = 64;
    boost::system::error_code bad;
    const auto whole = boost::json::parse(boost::json::string_view{text.data(), text.size()}, bad, {}, options);
    FAAS_REQUIRE(!bad && whole.is_object());
    constexpr std::string_view member = "\"value\"";
    const auto at = text.find(member);
    const bool plain = text.find('\\') == std::string_view::npos && text.find(member, at + 1) == std::string_view::npos;
    FAAS_REQUIRE(call.hold.count() >= 0 && call.hold <= std::chrono::seconds{10});
    if (call.kind != detail::ActionLoopCall::Kind::job) {
        FAAS_REQUIRE(!call.job_id && call.call.args.empty());
        return;
    }
    FAAS_REQUIRE(call.job_id == call.call.job_id);
    FAAS_REQUIRE(!call.call.timeout || call.call.timeout->count() > 0);
    for (const auto& [name, value] : call.call.metadata) FAAS_REQUIRE(!name.starts_with("blueprint-"));
    if (plain) {
        const auto& value = whole.get_object().at("value").as_object();
        FAAS_REQUIRE(value.at("job_id").to_number<std::uint32_t>() == call.job_id->value());
        // By itself: other members may hold numbers that are read and cannot be written.
        const boost::json::object args{{"args", value.at("args")}};
        FAAS_REQUIRE(slowly(boost::json::serialize(args), "args") == call.call.args);
    }
}

void azure_envelope(Input input) {
    const auto text = detail::text_of(input);
    constexpr detail::SteadyTime now{std::chrono::hours{1}};
    constexpr std::chrono::system_clock::time_point today{std::chrono::hours{400'000}};
    const auto answered = [](const detail::HttpReply& reply) {
        // The host takes what it cannot read for a failure of its own.
        const auto envelope = detail::write_azure_envelope(reply);
        FAAS_REQUIRE(envelope.status == 200);
        boost::system::error_code bad;
        const auto json = boost::json::parse({envelope.body().data(), envelope.body().size()}, bad);
        FAAS_REQUIRE(!bad);
        const auto& inner = json.at("Outputs").at("res").as_object();
        FAAS_REQUIRE(inner.at("statusCode").to_number<unsigned>() == reply.status);
    };
    const auto read = detail::read_azure_envelope(text);
    if (!read) return;
    if (!fits(*read)) {
        FAAS_REQUIRE((*read).error().http_status >= 400);
        answered(detail::write_http_refusal((*read).error()));
        return;
    }
    const auto& envelope = **read;
    FAAS_REQUIRE(!envelope.method.empty());
    std::string_view fields = envelope.fields.text();
    while (!fields.empty()) {
        const auto line = fields.substr(0, fields.find("\r\n"));
        FAAS_REQUIRE(detail::is_http_call_field(line.substr(0, line.find(':'))));
        FAAS_REQUIRE(line.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos);
        fields.remove_prefix(std::min(line.size() + 2, fields.size()));
    }
    auto call = detail::read_http_head(envelope.method, envelope.fields, now);
    if (!fits(call)) {
        answered(detail::write_http_refusal(call.error()));
        return;
    }
    const detail::HttpInstance instance{.id = std::string(32, 'a')};
    if (call->health || call->hold) {
        answered(call->health ? detail::write_http_health(instance, *call) : detail::write_http_warm(instance, *call));
        return;
    }
    call->body = envelope.body;
    const auto ready = detail::read_http_body(*call, today, now);
    if (!fits(ready)) {
        answered(detail::write_http_refusal(ready.error(), call->request_id));
        return;
    }
    FAAS_REQUIRE(call->job_id == call->request.call.job_id);
    for (const result<Bytes>& outcome :
         {result<Bytes>{call->request.call.args},
          result<Bytes>{Error{.code = errc::function_error, .message = std::string{text}}}})
        answered(detail::write_http_answer(instance, *call, outcome, std::chrono::milliseconds{3}, 7, 1U << 20));
}

}  // namespace blueprint::faas::fuzz
