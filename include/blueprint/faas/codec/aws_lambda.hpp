#ifndef BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_HPP
#define BLUEPRINT_FAAS_CODEC_AWS_LAMBDA_HPP

#include "blueprint/faas/codec/aws_lambda_control.hpp"
#include "blueprint/faas/codec/aws_lambda_protocol.hpp"
#include "blueprint/faas/codec/aws_lambda_stream.hpp"
#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/facts.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_deployment.hpp"
#include "blueprint/faas/codec/impl/aws_lambda_operations.hpp"
#include "blueprint/faas/codec/impl/call_forms.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/result_sink.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// Speaks the API of AWS Lambda. `Format` is how a job's bytes are written into the function's event, which is JSON.
/// A call's deadline and its metadata reach the function, but for names that begin with "blueprint-"; of a queued call
/// `traceparent`, `tracestate` and `x-request-id` do.
/// Safe to use from all threads.
template <PayloadFormat Format = Base64Json>
class LambdaCodec {
    static_assert(Format::is_json, "Lambda takes JSON alone: use Base64Json or JsonBytes");
    using Protocol = detail::LambdaProtocol;

    static Repeat repeat_of(const JobCall& call) noexcept { return call.idempotent ? Repeat::safe : Repeat::if_unsent; }

    // A call that is written down.
    class Prepared {
    public:
        Prepared() = default;
        Prepared(const Protocol& protocol, detail::CallForms::Lease form, const JobCall& call) noexcept
            : protocol_{&protocol}, form_{std::move(form)}, job_{call.job_id}, repeat_{repeat_of(call)} {}
        explicit operator bool() const noexcept { return protocol_ != nullptr; }
        detail::CallForm& form() const noexcept { return *form_; }
        HttpRequest& request() const noexcept { return form_->request; }
        purpose::Invocation purpose() const noexcept { return {protocol_->where()}; }
        Repeat repeat() const noexcept { return repeat_; }
        static std::optional<Error> judge(const HttpResponse& answer) { return Protocol::judge(answer); }
        result<Invocation> finish(result<HttpResponse> answer, bool metered) const {
            if (!answer) return std::move(answer).error();
            return protocol_->read_invocation(*answer, job_, metered);
        }

    private:
        const Protocol* protocol_ = nullptr;
        detail::CallForms::Lease form_{};
        JobId job_{};
        Repeat repeat_ = Repeat::if_unsent;
    };

public:
    static constexpr std::string_view provider_name = "AWS Lambda";
    /// Source: AWS Lambda Developer Guide, "Lambda quotas"; the metrics are those of the REPORT line: "Monitoring,
    /// debugging, and troubleshooting Lambda functions", "Using CloudWatch Logs with Lambda".
    static constexpr PlatformFacts facts{.call_bytes = 6'291'456,
                                         .queued_call_bytes = 1'048'576,
                                         .result_bytes = 6'291'556,
                                         .metrics = {.execution_duration = true,
                                                     .billed_duration = true,
                                                     .init_duration = true,
                                                     .cold_start = true,
                                                     .memory_used = true,
                                                     .memory_limit = true,
                                                     .request_id = true,
                                                     .executed_version = true},
                                         .tells_crashes = true};

    /// Options that cannot work are told by every operation, before anything is sent; `misconfigured()` tells at once.
    /// `environment` tells the time, and outlives the codec.
    explicit LambdaCodec(LambdaOptions options, const Environment& environment = Environment::process())
        : protocol_{std::make_shared<const Protocol>(std::move(options), environment)} {}

    const std::optional<Error>& misconfigured() const noexcept { return protocol_->misconfigured(); }
    const LambdaOptions& options() const noexcept { return protocol_->options(); }

    /// Runs the job and waits for its end. Lambda has no key by which it knows a repeated call: one whose fate is
    /// unknown is sent again only if it is idempotent.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call) {
        if (misconfigured()) co_return *misconfigured();
        auto sent = write_call(call, link.deadline(), Protocol::Way::wait);
        if (!sent) co_return std::move(sent).error();
        const purpose::Invocation purpose{protocol_->where()};
        auto answer = co_await link.exchange(*sent, purpose, repeat_of(call), &Protocol::judge);
        if (!answer) co_return std::move(answer).error();
        co_return protocol_->read_invocation(*answer, call.job_id);
    }
    /// Writes the call down for who makes the exchange: see `CanPrepare`.
    template <class L>
    Prepared prepare(L& link, const JobCall& call) const {
        if (misconfigured()) return {};
        Prepared prepared{*protocol_, forms_->take(call.job_id), call};
        auto& form = prepared.form();
        protocol_->begin_form(form, call.job_id);
        write_event(form.request.body.begin_text(), call, Protocol::Way::wait);
        if (protocol_->end_form(form, call, link.deadline(), link.now())) return {};  // `invoke` tells why
        return prepared;
    }

    /// Runs the job and hands its result to `sink` while it comes. The function answers with the bytes themselves. Only
    /// what certainly did not start is sent again, also of an idempotent call: pieces may have been handed on.
    template <class L>
    asio::awaitable<result<Invocation>> invoke_streaming(L& link, const JobCall& call, const ResultSink& sink) {
        if (misconfigured()) co_return *misconfigured();
        auto sent = write_call(call, link.deadline(), Protocol::Way::stream);
        if (!sent) co_return std::move(sent).error();
        const auto stream = std::make_shared<detail::LambdaStream>(*protocol_, sink);
        sent->sink = stream;
        const purpose::Invocation purpose{protocol_->where()};
        auto answer = co_await link.exchange(*sent, purpose, Repeat::if_unsent, &Protocol::judge);
        if (!answer) co_return stream->interrupted(std::move(answer).error());
        co_return stream->finish(*answer);
    }

    /// Hands the call to Lambda's queue. Lambda runs it at least once, and up to two times more if the function fails.
    template <class L>
    asio::awaitable<result<Receipt>> invoke_async(L& link, const JobCall& call) {
        if (misconfigured()) co_return *misconfigured();
        auto sent = write_call(call, link.deadline(), Protocol::Way::queue);
        if (!sent) co_return std::move(sent).error();
        const purpose::Invocation purpose{protocol_->where()};
        auto answer = co_await link.exchange(*sent, purpose, repeat_of(call), &Protocol::judge);
        if (!answer) co_return std::move(answer).error();
        co_return protocol_->read_receipt(*answer, call.job_id);
    }

    /// Asks whether the job may be called: the function and its alias exist, and the credentials allow it.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> check_invoke(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        JobCall call;
        call.job_id = id;
        auto sent = write_call(call, link.deadline(), Protocol::Way::check);
        if (!sent) co_return std::move(sent).error();
        const purpose::Invocation purpose{protocol_->where()};
        auto answer = co_await link.exchange(*sent, purpose, Repeat::safe, &Protocol::judge);
        if (!answer) co_return std::move(answer).error();
        co_return Protocol::read_check(*answer);
    }

    /// Puts the job's function in place. Only what differs from what is there is written: the same package and
    /// configuration again write nothing. Of two deployments at once one goes on, and the other gets `errc::conflict`.
    /// A version is published and the alias moved to it at the end, so callers never meet a deployment that failed.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy_job(L& link, JobId id, const Package& package,
                                                                           const FaasConfig& config,
                                                                           const DeployObserver& observer) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id, observer};
        detail::LambdaDeployment<L> deployment{function.exchanges, package, config};
        co_return co_await deployment.deploy();
    }

    /// Decides as `deploy_job` does, and changes nothing. What an answer would tell first stands as a word:
    /// "?Qualifier=VERSION".
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan_deploy(L& link, JobId id, const Package& package,
                                                                        const FaasConfig& config) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        detail::LambdaDeployment<L> deployment{function.exchanges, package, config};
        co_return co_await deployment.plan();
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get_deployment(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        co_return co_await function.operations.get();
    }

    /// Lists the functions that are jobs of this codec's prefix, with what Lambda's list tells of them: neither states
    /// nor aliases.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments(L& link) {
        if (misconfigured()) co_return *misconfigured();
        const detail::LambdaControl control{*protocol_};
        co_return co_await detail::list_lambda_deployments(control, link);
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> undeploy_job(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        co_return co_await function.operations.remove();
    }

    /// Reads the state of what callers reach, and has Lambda check a call that is not made.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health_check(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        co_return co_await function.operations.health();
    }

    /// Makes as many marked calls at once, at most 100, which `serve` answers without running a job.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(L& link, JobId id, std::uint32_t instances) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        co_return co_await function.operations.warm(instances);
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<Revision>>> list_revisions(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        co_return co_await function.operations.revisions();
    }

    /// Splits the calls between two versions; a share of 0 or 1 ends the split.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> shift_traffic(L& link, JobId id, const std::string& revision,
                                                                    double share) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        co_return co_await function.operations.shift(revision, share);
    }

    /// Goes back to the newest version that is older than all which get calls and can itself be called.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Revision>> roll_back(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        Function<L> function{*protocol_, link, id};
        co_return co_await function.operations.roll_back();
    }

private:
    // One job's function, as the operations on it begin with.
    template <class L>
    struct Function {
        Function(const Protocol& protocol, L& link, JobId id, const DeployObserver& observer = nobody)
            : control{protocol}, exchanges{control, link, id, observer} {}
        Function(const Function&) = delete;
        Function& operator=(const Function&) = delete;

        static inline const DeployObserver nobody{};
        const detail::LambdaControl control;
        detail::LambdaExchanges<L> exchanges;
        detail::LambdaOperations<L> operations{exchanges};
    };

    result<HttpRequest> write_call(const JobCall& call, Deadline deadline, Protocol::Way way) const {
        std::string body;
        write_event(body, call, way);
        return protocol_->call_request(call, std::move(body), deadline, way);
    }
    static void write_event(std::string& body, const JobCall& call, Protocol::Way way) {
        body.append("{\"job_id\":").append(std::to_string(call.job_id.value())).append(",\"args\":");
        Format::append(body, call.args);
        if (way == Protocol::Way::queue) body += Protocol::queued_context(call);
        body += '}';
    }

    std::shared_ptr<const Protocol> protocol_;
    std::shared_ptr<detail::CallForms> forms_ = std::make_shared<detail::CallForms>();
};
static_assert(Codec<LambdaCodec<>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
