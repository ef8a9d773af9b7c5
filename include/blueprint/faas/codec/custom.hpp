#ifndef BLUEPRINT_FAAS_CODEC_CUSTOM_HPP
#define BLUEPRINT_FAAS_CODEC_CUSTOM_HPP

#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/custom_protocol.hpp"
#include "blueprint/faas/codec/facts.hpp"
#include "blueprint/faas/codec/impl/call_forms.hpp"
#include "blueprint/faas/codec/impl/custom_deployment.hpp"
#include "blueprint/faas/codec/impl/custom_discovered.hpp"
#include "blueprint/faas/codec/payload.hpp"

#include <algorithm>
#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// The contract's lifecycle paths: every operation exists.
struct LifecycleLayout {};
/// `POST {base}/job/{id}` and nothing else, as the original's client had it: jobs run and health is asked; deploying,
/// warming, reading and removing do not exist.
struct BareLayout {};

/// Speaks the custom HTTP contract: 1.0, and of 1.1 what adds without harm, what the platform announces and what the
/// options ask for. `Format` is how bytes are written. Safe to use from all threads.
template <PayloadFormat Format = JsonBytes, class Layout = LifecycleLayout>
    requires(std::same_as<Layout, LifecycleLayout> || std::same_as<Layout, BareLayout>)
class CustomCodec {
    static constexpr bool bare = std::same_as<Layout, BareLayout>;
    static constexpr bool bytes_of_1_1 = !Format::is_json || std::same_as<Format, Base64Json>;
    using Protocol = detail::CustomProtocol;
    using Route = Protocol::Route;

    // A call that is written down, or is to be.
    class Prepared {
    public:
        Prepared() = default;
        Prepared(const CustomCodec& codec, const JobCall& call)
            : codec_{&codec}, form_{codec.forms_->take(call.job_id)}, job_{call.job_id} {}
        explicit operator bool() const noexcept { return codec_ != nullptr; }
        detail::CallForm& form() const noexcept { return *form_; }
        HttpRequest& request() const noexcept { return form_->request; }
        purpose::Invocation purpose() const noexcept { return {form_->audience}; }
        Repeat repeat() const noexcept { return form_->repeat; }
        static std::optional<Error> judge(const HttpResponse& answer) { return Protocol::judge(answer); }
        result<Invocation> finish(result<HttpResponse> answer, bool metered) const {
            if (answer) return codec_->protocol_->read_invocation(*answer, job_, metered);
            if (answer.error().http_status == 404) codec_->discovered_->forget_endpoint(job_);
            return std::move(answer).error();
        }

    private:
        const CustomCodec* codec_ = nullptr;
        detail::CallForms::Lease form_{};
        JobId job_{};
    };

public:
    static constexpr std::string_view provider_name = "Custom HTTP FaaS";
    /// Of a platform that has all of the contract. Its limits may be others, which it announces.
    /// Source: the project's document "Custom FaaS platforms: the HTTP contract", "Limits and targets".
    static constexpr PlatformFacts facts{
        .call_bytes = 6U << 20U,
        .result_bytes = 6U << 20U,
        .metrics = {.execution_duration = true, .cold_start = true, .memory_used = true},
        .honours_idempotency_keys = !bare,
        .tells_crashes = true,
        .health_asks_program = !bare};

    /// Options that cannot work are told by every operation, before anything is sent; `misconfigured()` tells at once.
    explicit CustomCodec(CustomOptions options)
        : protocol_{std::make_shared<const Protocol>(std::move(options), bytes_of_1_1)},
          discovered_{std::make_unique<detail::CustomDiscovered>()} {}

    const std::optional<Error>& misconfigured() const noexcept { return protocol_->misconfigured(); }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Invocation>> invoke(L& link, const JobCall& call) {
        if (misconfigured()) co_return *misconfigured();
        if (must_learn()) {
            auto stopped = co_await learn(link);
            if (stopped) co_return std::move(*stopped);
        }
        const Prepared prepared{*this, call};
        auto wrong = write_call(prepared.form(), call, link.deadline());
        if (wrong) co_return std::move(*wrong);
        auto& request = prepared.request();
        const auto purpose = prepared.purpose();
        const auto repeat = prepared.repeat();
        auto answer = co_await link.exchange(request, purpose, repeat, &Protocol::judge);
        co_return prepared.finish(std::move(answer), true);
    }
    /// Writes the call down for who makes the exchange: see `CanPrepare`.
    template <class L>
    Prepared prepare(L& link, const JobCall& call) const {
        if (misconfigured() || must_learn()) return {};
        Prepared prepared{*this, call};
        if (write_call(prepared.form(), call, link.deadline())) return {};  // `invoke` tells why
        return prepared;
    }

    /// Hands the call over with `Prefer: respond-async`. A platform that ignores that has run the job when it answers:
    /// the receipt then says `completed`, and a job that failed is its error. Nothing is sent to a platform that is
    /// known to lack `async`.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Receipt>> invoke_async(L& link, const JobCall& call)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        if (must_learn()) {
            auto stopped = co_await learn(link);
            if (stopped) co_return std::move(*stopped);
        }
        if (lacks(call.job_id, "async")) co_return protocol_->lacks("invoke_async", "async");
        // The time that the caller has for handing over is none that the job should be held to.
        auto form = forms_->take(call.job_id);
        auto wrong = write_call(*form, call, Deadline::max());
        if (wrong) co_return std::move(*wrong);
        form->request.headers.set("Prefer", "respond-async");
        auto& request = form->request;
        const purpose::Invocation purpose{form->audience};
        const auto repeat = form->repeat;
        auto answer = co_await link.exchange(request, purpose, repeat, &Protocol::judge);
        const bool as_announced = answer ? answer->status == 202 : answer.error().code != errc::unsupported;
        if (!as_announced) discovered_->forget_announced();
        if (!answer) {
            if (answer.error().http_status == 404) discovered_->forget_endpoint(call.job_id);
            co_return answer.error();
        }
        co_return protocol_->read_receipt(*answer, call.job_id);
    }

    /// Asks the platform what it has beyond contract 1.0, and for its limits; kept until it behaves otherwise. A
    /// platform of 1.0 does not describe itself: `spec` is then "1.0", and no feature is announced.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<PlatformDescription>> describe_platform(L& link)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        if (protocol_->options().strict_1_0) co_return PlatformDescription{.spec = "1.0"};
        co_return co_await described(link, false);
    }

    /// Lists the functions that are jobs of this executor: those of its prefix.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::vector<FaasDeployment>>> list_deployments(L& link)
        requires(!bare)
    {
        static constexpr std::size_t longest_list = 8U << 20U;
        if (misconfigured()) co_return *misconfigured();
        const auto known = discovered_->announced();
        if (protocol_->options().strict_1_0 || (known && !known->has("list")))
            co_return protocol_->lacks("list_deployments", "list");
        auto request = protocol_->platform_request("/api/functions");
        request.max_response_bytes = longest_list;
        const purpose::ControlPlane management;
        auto answer = co_await link.exchange(request, management, Repeat::safe, &Protocol::judge_list);
        if (!answer) {
            if (answer.error().code == errc::unsupported) discovered_->forget_announced();
            co_return answer.error();
        }
        co_return protocol_->read_list(*answer);
    }

    /// Puts the job's function in place, with one upload where that is possible (R8).
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy_job(L& link, JobId id, const Package& package,
                                                                           const FaasConfig& config,
                                                                           const DeployObserver& observer)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        detail::CustomDeployment<L> deployment{*protocol_, *discovered_, link, id, observer};
        co_return co_await deployment.deploy(package, config);
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Health>> health_check(L& link, JobId id) {
        if (misconfigured()) co_return *misconfigured();
        auto request = protocol_->request(bare ? Verb::head : Verb::get, id, Route::health);
        if constexpr (bare) {
            auto url = protocol_->invoke_url(id, true);
            request.origin = std::move(url.origin);
            request.target = std::move(url.target);
        }
        const purpose::ControlPlane management;
        const auto judge = [](const HttpResponse& answer) -> std::optional<Error> {
            const bool reachable = bare && (answer.status == 405 || answer.status / 100 == 2);
            if (answer.status == 404 || answer.status == 503 || reachable) return std::nullopt;
            return Protocol::judge(answer);
        };
        auto answer = co_await link.exchange(request, management, Repeat::safe, judge);
        if (!answer) co_return answer.error();
        if constexpr (bare) {
            if (answer->status != 404 && answer->status != 503) {
                Health health;
                health.state = HealthState::healthy;
                health.reason = "the address is reachable; a bare platform tells no more";
                co_return health;
            }
        }
        co_return protocol_->read_health(*answer);
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<WarmReport>> warm(L& link, JobId id, std::uint32_t instances)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        auto request = protocol_->request(Verb::post, id, Route::warm);
        if (!protocol_->options().strict_1_0) {  // how many is the platform's choice in 1.0
            request.headers.set("Content-Type", "application/json");
            request.body = "{\"instances\":" + std::to_string(instances) + '}';
        }
        const purpose::ControlPlane management;
        const auto judge = [](const HttpResponse& answer) -> std::optional<Error> {
            auto error = Protocol::judge(answer);
            const bool no_function = answer.status == 404 && error->platform_code == "NOT_FOUND";
            if (answer.status == 405 || answer.status == 501 || (answer.status == 404 && !no_function))
                return std::nullopt;
            return error;
        };
        auto answer = co_await link.exchange(request, management, Repeat::safe, judge);
        if (!answer) co_return answer.error();
        co_return protocol_->read_warm(*answer, instances);
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> get_deployment(L& link, JobId id)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        const DeployObserver nobody;
        detail::CustomDeployment<L> deployment{*protocol_, *discovered_, link, id, nobody};
        co_return co_await deployment.get();
    }

    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> undeploy_job(L& link, JobId id)
        requires(!bare)
    {
        if (misconfigured()) co_return *misconfigured();
        const DeployObserver nobody;
        detail::CustomDeployment<L> deployment{*protocol_, *discovered_, link, id, nobody};
        co_return co_await deployment.remove();
    }

private:
    std::optional<Error> write_call(detail::CallForm& form, const JobCall& call, Deadline deadline) const {
        begin_form(form, call.job_id);
        auto& request = form.request;
        protocol_->add_call_headers(request, call, deadline);
        const bool has_key = form.honours_keys && Protocol::ensure_key(request);
        form.repeat = call.idempotent || has_key ? Repeat::safe : Repeat::if_unsent;
        auto& body = request.body.begin_text();
        if constexpr (Format::is_json)
            body.append("{\"job_id\":").append(std::to_string(call.job_id.value())).append(",\"args\":");
        Format::append(body, call.args);
        if constexpr (Format::is_json) body += '}';
        return Protocol::check_size(call.job_id, body.size(), form.longest_body);
    }
    // What is the same for all calls of a job, until something new becomes known.
    BLUEPRINT_FAAS_COLD void begin_form(detail::CallForm& form, JobId id) const {
        const auto state = discovered_->changes();
        if (form.is_for(id, state)) return;
        form.clear();
        auto known = discovered_->view(id);
        if (!protocol_->announced_for(id)) known.announced.reset();
        auto& request = form.request;
        request.verb = Verb::post;
        request.max_response_bytes = protocol_->answer_limit(known.announced.get());
        auto url = known.endpoint ? std::move(*known.endpoint) : protocol_->invoke_url(id, bare);
        request.origin = std::move(url.origin);
        request.target = std::move(url.target);
        form.audience = to_string(request.origin) + request.target;
        form.longest_body = protocol_->request_limit(known.announced.get());
        form.honours_keys = protocol_->honours_keys(known.announced.get());
        request.headers.add("Content-Type", Format::is_json ? "application/json" : "application/octet-stream");
        if constexpr (std::same_as<Format, Base64Json>) request.headers.add("X-Blueprint-Bytes", "base64");
        if constexpr (!Format::is_json) request.headers.add("X-Blueprint-Job-Id", std::to_string(id.value()));
        form.fix(id, state);
    }
    bool lacks(JobId id, std::string_view feature) const {
        if (protocol_->options().strict_1_0) return true;
        const auto known = discovered_->announced();
        return known && protocol_->announced_for(id) && !known->has(feature);
    }
    // Only where the answer decides something, so that a warm call is one request.
    bool must_learn() const {
        return !bare && protocol_->options().idempotency_keys == IdempotencyKeys::if_announced &&
               !protocol_->options().strict_1_0 && discovered_->worth_asking(std::chrono::steady_clock::now());
    }
    // A platform that cannot be asked is called all the same, as one that announced nothing. Only what ended the call
    // itself is returned.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<std::optional<Error>> learn(L& link) {
        auto asked = co_await described(link, true);
        if (asked) co_return std::nullopt;
        Error error = std::move(asked).error();
        const bool over = error.code == errc::cancelled || time_left(link.deadline()).count() == 0;
        if (!over) co_return std::nullopt;
        error.execution = Execution::not_started;
        co_return error;
    }
    // One operation asks and the others wait for its outcome. They look instead of being woken: they may be on other
    // threads, and this happens once in an executor's life. `in_passing`: not asked again soon, nor twice.
    template <class L>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<PlatformDescription>> described(L& link, bool in_passing) {
        static constexpr std::chrono::seconds pause_between_questions{30};
        std::chrono::milliseconds pause{1};
        for (;;) {
            const auto known = discovered_->announced();
            if (known) co_return *known;
            if (in_passing && !must_learn())
                co_return Error{.code = errc::infrastructure, .message = "the platform was asked before, in vain"};
            auto turn = discovered_->take_turn();
            if (turn) {
                auto request = protocol_->platform_request("/api/platform");
                const purpose::ControlPlane management;
                const auto repeat = in_passing ? Repeat::if_unsent : Repeat::safe;
                discovered_->put_off(std::chrono::steady_clock::now() + pause_between_questions);
                auto answer = co_await link.exchange(request, management, repeat, &Protocol::judge_description);
                if (!answer) co_return answer.error();
                auto description = Protocol::read_description(*answer);
                if (description) discovered_->set_announced(*description);
                co_return description;
            }
            auto waited = co_await link.wait(pause);
            if (!waited) co_return waited.error();
            pause = std::min(pause * 2, std::chrono::milliseconds{50});
        }
    }

    std::shared_ptr<const Protocol> protocol_;
    std::unique_ptr<detail::CustomDiscovered> discovered_;
    std::unique_ptr<detail::CallForms> forms_ = std::make_unique<detail::CallForms>();
};
static_assert(Codec<CustomCodec<>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#endif
