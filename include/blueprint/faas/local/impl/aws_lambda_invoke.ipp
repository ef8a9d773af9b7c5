#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_INVOKE_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AWS_LAMBDA_INVOKE_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/utf8.hpp"
#include "blueprint/faas/local/impl/aws_lambda.ipp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/parse.hpp>
#include <openssl/rand.h>

#include <deque>
#include <exception>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

struct AwsLambda::Invocation {
    enum class Kind { answered, event, stream, dry_run };
    Kind kind = Kind::answered;
    LambdaTarget target{};
    FunctionPointer function{};
    std::string request_id{};
    std::string event{};
    std::string client_context{};
    std::string trace_id{};
    bool log_tail = false;
    std::chrono::steady_clock::time_point received{};
};

/// The place of one event that runs: among the function's, and of the account's concurrency.
class AwsLambda::Place {
public:
    Place(AwsLambda& lambda, FunctionPointer function, const LambdaVersion& version)
        : lambda_{lambda}, function_{std::move(function)}, on_provisioned_{version.on_provisioned} {
        if (*on_provisioned_ < lambda.provisioned_of(*function_, version)) {
            kind_ = Kind::provisioned;
            ++*on_provisioned_;
        } else if (function_->reserved) {
            kind_ = Kind::reserved;
            ++function_->running;
        } else {
            ++function_->running;
            ++lambda_.unreserved_;
        }
        ++lambda_.running_;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        if (kind_ == Kind::provisioned) {
            --*on_provisioned_;
        } else {
            --function_->running;
            if (kind_ == Kind::common) --lambda_.unreserved_;
        }
        if (--lambda_.running_ == 0) lambda_.all_ended_.cancel();
    }

private:
    enum class Kind { common, reserved, provisioned };
    AwsLambda& lambda_;
    FunctionPointer function_;
    std::shared_ptr<std::uint32_t> on_provisioned_;
    Kind kind_ = Kind::common;
};

/// The frames of an answer that streams, on their way from the instance to the client.
class AwsLambda::Stream final : public AnswerStream {
public:
    explicit Stream(asio::any_io_executor strand)
        : changed_{std::move(strand), asio::steady_timer::time_point::max()} {}

    void push(std::string frame) {
        frames_.push_back(std::move(frame));
        changed_.cancel();
    }
    void finish() {
        finished_ = true;
        changed_.cancel();
    }
    asio::awaitable<std::optional<std::string>> next() override {
        while (frames_.empty() && !finished_) {
            const auto [ignored] = co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
            static_cast<void>(ignored);
        }
        if (frames_.empty()) co_return std::nullopt;
        std::optional<std::string> frame{std::move(frames_.front())};
        frames_.pop_front();
        co_return frame;
    }

private:
    asio::steady_timer changed_;
    std::deque<std::string> frames_;
    bool finished_ = false;
};

/// Returns the last 4 KB of a log in Base64, as `X-Amz-Log-Result` has it.
inline std::string lambda_log_tail(std::string_view log) {
    constexpr std::size_t most = 4096;
    if (log.size() > most) log.remove_prefix(log.size() - most);
    return faas::detail::base64_encode(faas::detail::bytes_of(log));
}

/// Makes a trace header where the client sent none.
inline std::string new_trace_id() {
    std::array<std::uint8_t, 20> random{};
    RAND_bytes(random.data(), static_cast<int>(random.size()));
    const auto digits = faas::detail::hex_encode(random);
    char time[16];
    std::snprintf(time, sizeof time, "%08lx", static_cast<unsigned long>(std::time(nullptr)) & 0xffffffffUL);
    return "Root=1-" + std::string{time} + '-' + digits.substr(0, 24) + ";Parent=" + digits.substr(24, 16) +
           ";Sampled=0";
}

/// Checks that an event is JSON of any depth in UTF-8. An empty one is as good as `{}`.
inline result<void> check_lambda_event(std::string& event) {
    if (event.empty()) event = "{}";
    boost::json::parse_options options;
    options.max_depth = 1000;
    boost::system::error_code failed;
    static_cast<void>(boost::json::parse(event, failed, {}, options));
    if (!failed) return {};
    const std::string why = faas::detail::is_utf8(event) ? failed.message() : "Invalid UTF-8";
    return aws_refusal(400, "InvalidRequestContentException",
                       "Could not parse request body into json: Could not parse payload into json: " + why);
}

inline result<std::string> read_client_context(std::string_view sent) {
    if (sent.size() > 3583)
        return aws_refusal(
            400, "InvalidRequestContentException",
            "Client context must be at most 3583 bytes of Base64, not " + std::to_string(sent.size()) + '.');
    const auto decoded = faas::detail::base64_decode(sent);
    boost::system::error_code failed;
    boost::json::value value;
    if (decoded) value = boost::json::parse(faas::detail::text_of(*decoded), failed);
    if (!decoded || failed || !value.is_object())
        return aws_refusal(400, "InvalidRequestContentException",
                           "Client context must be a valid Base64-encoded JSON object.");
    return boost::json::serialize(value);  // on one line, as a header field must be
}

/// Reads an invocation: who is called how, with what. Whether there is a place for it is asked later.
BLUEPRINT_FAAS_DECL result<AwsLambda::Invocation> AwsLambda::accept(const LambdaRoute& route, ServerRequest& request,
                                                                    const std::string& request_id) {
    const auto target = target_of(route, true);
    if (!target) return target.error();
    const bool streams = route.operation == LambdaOperation::invoke_with_response_stream;
    static constexpr std::string_view types[] = {"Event", "RequestResponse", "DryRun"};
    static constexpr std::string_view logs[] = {"None", "Tail"};
    LambdaChecks checks;
    boost::json::object sent;
    if (const auto type = request.field("x-amz-invocation-type")) sent["type"] = *type;
    if (const auto log = request.field("x-amz-log-type")) sent["log"] = *log;
    const auto type =
        checks
            .one_of(sent, "type", "invocationType", streams ? std::span{types}.subspan(1) : std::span{types}.subspan(0))
            .value_or("RequestResponse");
    const auto log = checks.one_of(sent, "log", "logType", logs).value_or("None");
    if (auto fine = checks.outcome(); !fine) return fine.error();
    const auto found = resolve(*target);
    if (!found) return found.error();
    if (found->version->pending)
        return lambda_conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: "
            "Pending");
    if (const auto media = request.field("content-type")) {
        const auto name = media->substr(0, media->find(';'));
        const bool json = name.find("json") != std::string_view::npos || name == "application/octet-stream" ||
                          name == "binary/octet-stream";
        if (!json)
            return aws_refusal(415, "UnsupportedMediaTypeException", "Unsupported content type: " + std::string{name});
    }
    Invocation invocation{.target = *target, .function = found->function, .request_id = request_id};
    invocation.received = request.received;
    invocation.event = faas::detail::text_of(request.body);
    request.body = Bytes{};
    if (auto fine = check_lambda_event(invocation.event); !fine) return fine.error();
    invocation.kind = type == "DryRun"  ? Invocation::Kind::dry_run
                      : type == "Event" ? Invocation::Kind::event
                      : streams         ? Invocation::Kind::stream
                                        : Invocation::Kind::answered;
    const bool waits = invocation.kind == Invocation::Kind::answered || invocation.kind == Invocation::Kind::stream;
    invocation.log_tail = waits && log == "Tail";
    if (const auto context = request.field("x-amz-client-context"); context && waits) {
        auto read = read_client_context(*context);
        if (!read) return read.error();
        invocation.client_context = std::move(*read);
    }
    invocation.trace_id = plain_text(request.field("x-amzn-trace-id"), 1024).value_or(new_trace_id());
    return invocation;
}

/// Chooses the version that an invocation goes to: of an alias with two, each by its share.
BLUEPRINT_FAAS_DECL result<LambdaVersion*> AwsLambda::choose(Invocation& invocation) {
    const auto found = resolve(invocation.target);
    if (!found) return found.error();
    invocation.function = found->function;
    if (found->alias == nullptr || !found->alias->additional) return found->version;
    const auto& [other, share] = *found->alias->additional;
    std::uint32_t random = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&random), sizeof random);
    auto* const version = found->function->find(other);
    return version != nullptr && static_cast<double>(random) / 4'294'967'296.0 < share ? version : found->version;
}

BLUEPRINT_FAAS_DECL std::shared_ptr<LambdaCall> AwsLambda::make_call(const Invocation& invocation) const {
    auto call = std::make_shared<LambdaCall>();
    call->request_id = invocation.request_id;
    call->event = invocation.event;
    call->function_arn = arn(invocation.target.name, invocation.target.qualifier);
    call->trace_id = invocation.trace_id;
    call->client_context = invocation.client_context;
    return call;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AwsLambda::invoke(LambdaRoute route, ServerRequest request,
                                                                    std::string request_id) {
    if (stopping_) co_return lambda_failure(aws_refusal(503, "ServiceException", "the platform is being stopped"));
    auto read = accept(route, request, request_id);
    request = {};
    if (!read) co_return lambda_failure(read.error());
    auto invocation = std::make_unique<Invocation>(std::move(*read));
    if (invocation->kind == Invocation::Kind::dry_run) {
        ServerAnswer answer;
        answer.status = 204;
        co_return answer;
    }
    if (invocation->kind == Invocation::Kind::event) {
        if (events_ >= 10 * host_.options.limits.async_invocations)
            co_return lambda_throttled("CallerRateLimitExceeded");
        ServerAnswer answer;
        answer.status = 202;
        auto counted = std::make_unique<Counted>(*this);
        asio::co_spawn(host_.strand, run_event(std::move(invocation), std::move(counted), owner_.lock()),
                       asio::detached);
        co_return answer;
    }
    ServerAnswer answer = co_await run_and_answer(std::move(invocation));
    co_return answer;
}

/// Runs an invocation whose caller waits.
BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AwsLambda::run_and_answer(std::unique_ptr<Invocation> invocation) {
    const auto chosen = choose(*invocation);
    if (!chosen) co_return lambda_failure(chosen.error());
    const LambdaVersion& version = **chosen;
    if (const auto reason = throttled(*invocation->function, version)) co_return lambda_throttled(*reason);
    const auto pool = version.pool;
    const auto call = make_call(*invocation);
    auto place = std::make_unique<Place>(*this, invocation->function, version);
    ServerAnswer answer;
    answer.headers = {{"X-Amz-Executed-Version", version.version},
                      {"X-Amzn-Trace-Id", invocation->trace_id.substr(0, invocation->trace_id.find(";Parent="))}};
    if (invocation->kind == Invocation::Kind::stream) {
        const auto stream = std::make_shared<Stream>(host_.strand);
        call->answer_bytes = std::size_t{200} << 20;
        call->on_piece = [weak = std::weak_ptr{stream}](std::string_view piece) {
            const auto alive = weak.lock();
            if (alive && !piece.empty())
                alive->push(lambda_event_frame("PayloadChunk", "application/octet-stream", piece));
        };
        answer.content_type = "application/vnd.amazon.eventstream";
        answer.stream = stream;
        asio::co_spawn(host_.strand,
                       run_stream(std::move(place), call, pool, stream, invocation->log_tail, owner_.lock()),
                       asio::detached);
        co_return answer;
    }
    auto outcome = co_await pool->run(call);
    if (host_.ending && outcome.failed)
        co_return lambda_failure(aws_refusal(503, "ServiceException", "the platform is being stopped"));
    if (outcome.failed) answer.headers.emplace_back("X-Amz-Function-Error", "Unhandled");
    if (invocation->log_tail) answer.headers.emplace_back("X-Amz-Log-Result", lambda_log_tail(outcome.log));
    answer.body = std::move(outcome.body);
    co_return answer;
}

/// Runs an invocation whose answer streams. Detached, but it holds a place, and `stop` waits for that.
BLUEPRINT_FAAS_DECL asio::awaitable<void> AwsLambda::run_stream(std::unique_ptr<Place> place,
                                                                std::shared_ptr<LambdaCall> call,
                                                                std::shared_ptr<LambdaPool> pool,
                                                                std::weak_ptr<Stream> reader, bool log_tail,
                                                                std::shared_ptr<void> owner) {
    const auto kept = std::move(owner);
    const auto running = std::move(place);
    boost::json::object complete;
    std::string answer;
    try {
        auto outcome = co_await pool->run(call);
        if (outcome.failed) {
            complete["ErrorCode"] = "Unhandled";
            complete["ErrorDetails"] = std::move(outcome.body);
        } else if (!outcome.body.empty()) {  // of a runtime that does not stream
            answer = std::move(outcome.body);
        }
        if (log_tail) complete["LogResult"] = lambda_log_tail(outcome.log);
    } catch (const std::exception&) {  // out of memory
        complete["ErrorCode"] = "ServiceException";
    }
    const auto stream = reader.lock();
    if (!stream) co_return;  // the client has gone
    if (!answer.empty()) stream->push(lambda_event_frame("PayloadChunk", "application/octet-stream", answer));
    stream->push(lambda_event_frame("InvokeComplete", "application/json", boost::json::serialize(complete)));
    stream->finish();
}

/// Waits, but not longer than the platform runs.
BLUEPRINT_FAAS_DECL asio::awaitable<void> AwsLambda::pause(std::chrono::milliseconds time) {
    if (stopping_) co_return;
    asio::steady_timer timer{host_.strand};
    timer.expires_after(time);
    const auto place = pauses_.insert(pauses_.end(), &timer);
    const auto [ignored] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(ignored);
    pauses_.erase(place);
}

BLUEPRINT_FAAS_DECL void AwsLambda::note_event(const Invocation& event, std::string_view what) const {
    if (!host_.options.log) return;
    std::string line = "EVENT " + event.target.name + ' ' + event.request_id + ' ';
    host_.options.log(line.append(what));
}

/// Counts an event from its acceptance to its end.
struct AwsLambda::Queued {
    explicit Queued(std::uint32_t& events) : count{events} { ++count; }
    Queued(const Queued&) = delete;
    Queued& operator=(const Queued&) = delete;
    ~Queued() { --count; }
    std::uint32_t& count;
};

/// Runs an event that nobody waits for: again after a pause when the function failed, and later when there was no place
/// for it. Detached, but counted in `running_`, and `stop` waits for that.
/// Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation".
BLUEPRINT_FAAS_DECL asio::awaitable<void> AwsLambda::run_event(std::unique_ptr<Invocation> invocation,
                                                               std::unique_ptr<Counted> counted,
                                                               std::shared_ptr<void> owner) {
    const auto kept = std::move(owner);
    const auto running = std::move(counted);
    const Invocation& event = *invocation;
    const Queued queued{events_};
    try {
        std::uint32_t failures = 0;
        while (!stopping_) {
            const auto chosen = choose(*invocation);
            if (!chosen) {
                note_event(event, "dropped: the function is gone");
                co_return;
            }
            const LambdaVersion& version = **chosen;
            const auto& configs = invocation->function->event_configs;
            const auto config =
                configs.find(invocation->target.qualifier.empty() ? "$LATEST" : invocation->target.qualifier);
            const bool told = config != configs.end();
            const auto retries = told ? config->second.retries.value_or(2) : 2;
            const std::chrono::seconds age{told ? config->second.age_seconds.value_or(21'600) : 21'600};
            if (std::chrono::steady_clock::now() - invocation->received > age) {
                note_event(event, "dropped: it is too old");
                co_return;
            }
            if (version.pending || throttled(*invocation->function, version)) {
                co_await pause(options_.retry_pause);
                continue;
            }
            const auto pool = version.pool;
            const auto call = make_call(*invocation);
            LambdaOutcome outcome;
            {
                const Place place{*this, invocation->function, version};
                outcome = co_await pool->run(call);
            }
            if (!outcome.failed) {
                note_event(event, "done");
                co_return;
            }
            note_event(event, "failed");
            if (++failures > static_cast<std::uint32_t>(retries)) co_return;
            co_await pause(options_.retry_pause * failures);
        }
        note_event(event, "dropped: the platform is being stopped");
    } catch (const std::exception&) {  // out of memory
        note_event(event, "dropped: no memory");
    }
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
