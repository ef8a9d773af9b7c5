#ifndef BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTION_DEPLOYMENT_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_GCP_FUNCTION_DEPLOYMENT_HPP

#include "blueprint/faas/codec/impl/gcp_function_operations.hpp"
#include "blueprint/faas/package/node_shim.hpp"
#include "blueprint/faas/package/package.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Puts one job's function in place: looks, writes what differs, waits for the build, sees who may call and that the
/// function answers. All that it refers to outlives it, and it outlives its awaitables.
template <class L>
class GoogleFunctionDeployment {
    using Step = DeployProgress::Step;
    using Fields = std::vector<std::string>;

public:
    GoogleFunctionDeployment(GoogleExchanges<L>& exchanges, const GoogleFunctions& functions, const Package& package,
                             const FaasConfig& config)
        : exchanges_{exchanges}, functions_{functions}, package_{package}, config_{config} {}
    GoogleFunctionDeployment(const GoogleFunctionDeployment&) = delete;
    GoogleFunctionDeployment& operator=(const GoogleFunctionDeployment&) = delete;

    /// Also tells where calls go from then on, by `address`.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<FaasDeployment>> deploy(std::optional<GoogleAddress>& address) {
        auto fields = co_await decide();
        if (!fields) co_return std::move(fields).error();
        const bool written = !fields->empty();
        if (written) {
            auto done = co_await put(std::move(*fields));
            if (!done) co_return GoogleFunctions::explained(std::move(done).error());
        }
        auto where = operations_.address_of(*there_);
        if (!where) co_return std::move(where).error();
        address = *where;
        auto bound = co_await exchanges_.open(there_->service, std::move(*where), written);
        if (!bound) co_return std::move(bound).error();
        auto deployment = GoogleFunctions::deployment(exchanges_.id(), *there_);
        deployment.unchanged = !written && !*bound;
        deployment.binary_size_bytes = wanted_.binary_size_bytes;
        exchanges_.tell(Step::done, deployment.function_id);
        co_return deployment;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<DeployPlan>> plan() {
        auto fields = co_await decide();
        if (!fields) co_return std::move(fields).error();
        DeployPlan plan;
        const auto& api = exchanges_.api();
        const auto call = [&](const HttpRequest& request, std::string why, bool writes) {
            plan.calls.push_back(planned_google_call(request, std::move(why), writes));
        };
        call(functions_.get(exchanges_.id()), "is the function there, and what is it like", false);
        if (!fields->empty()) {
            if (GoogleFunctions::has_source(*fields)) {
                call(functions_.upload_url(), "the package differs from the one in place", true);
                plan.calls.push_back({.what = "PUT UPLOAD_URL", .why = "it is brought to Google", .writes = true});
            }
            const auto why = !there_               ? std::string{"there is no such function"}
                             : there_->is_active() ? "these differ: " + listed(*fields)
                                                   : there_->status();
            call(write(*fields), why, true);
            call(api.operation(GoogleService::functions, api.location() + "/operations/OPERATION"),
                 "until the function is built and runs", false);
            call(functions_.get(exchanges_.id()), "what became of it", false);
        }
        auto planned = co_await plan_invokers(plan);
        if (!planned) co_return std::move(planned).error();
        plan.unchanged = true;
        for (const auto& one : plan.calls) plan.unchanged = plan.unchanged && !one.writes;
        co_return plan;
    }

private:
    static constexpr int most_rounds = 8;

    // Checks what is wanted, looks at what is there, and tells which fields have to be written.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<Fields>> decide() {
        auto wanted = functions_.wanted(exchanges_.id(), package_, config_);
        if (!wanted) co_return std::move(wanted).error();
        wanted_ = std::move(*wanted);
        exchanges_.tell(Step::checking, exchanges_.name());
        auto found = co_await operations_.settled();
        if (!found) co_return std::move(found).error();
        there_ = std::move(*found);
        co_return differing();
    }
    Fields differing() const { return GoogleFunctions::difference(wanted_, there_ ? &*there_ : nullptr); }
    HttpRequest write(const Fields& fields) const {
        const auto upload = upload_.value_or(GoogleUpload{});
        return there_ ? functions_.patch(exchanges_.id(), wanted_, *there_, fields, upload)
                      : functions_.create(exchanges_.id(), wanted_, upload);
    }
    static std::string listed(const Fields& fields) {
        std::string text;
        for (const auto& field : fields) text.append(text.empty() ? "" : ", ").append(field);
        return text;
    }

    // Makes or changes the function. What is refused because something else is going on is looked at again: a repeated
    // request may have met its own first attempt, whose operation nobody knows then.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> put(Fields fields) {
        GooglePause pause{exchanges_.options()};
        for (int round = 1;; ++round) {
            if (GoogleFunctions::has_source(fields) && !upload_) {
                auto brought = co_await bring_source();
                if (!brought) co_return brought;
            }
            const bool existed = there_.has_value();
            const auto before = existed ? there_->update_time : std::string{};
            auto request = write(fields);
            exchanges_.tell(Step::waiting, existed ? "these are changed: " + listed(fields) : "the function is made");
            auto done = co_await exchanges_.change_once(GoogleService::functions, request);
            Error cause;
            if (!done) {
                cause = std::move(done).error();
                if (!cause.retryable && !worth_a_look(cause, existed)) co_return cause;
            }
            auto now = co_await operations_.settled();
            if (!now) co_return std::move(now).error();
            there_ = std::move(*now);
            // What Google lacked resources for is there and failed: it is written anew, as long as there is time
            // (pitfall 15).
            const bool lacking = cause.retryable;
            if (lacking) --round;
            const bool moved = !lacking && (there_.has_value() != existed || (there_ && there_->update_time != before));
            if (done || (moved && there_ && has_package())) {
                if (!there_) co_return exchanges_.conflict(std::move(cause), "it was removed meanwhile");
                if (!there_->is_active()) co_return failed();
                if (!has_package()) co_return exchanges_.conflict(std::move(cause), "it was changed meanwhile");
                fields = differing();
                // What Google spells in its own way was written all the same.
                if (done || fields.empty()) co_return result<void>{};
            } else if (moved && there_) {
                co_return exchanges_.conflict(std::move(cause), "it was changed meanwhile");
            }
            if (round == most_rounds) co_return cause;
            auto waited = co_await exchanges_.wait(pause, cause.message);
            if (!waited) co_return waited;
            fields = differing();
            // Labels may tell of a deployment whose instances could not be made.
            if (lacking && fields.empty()) fields = GoogleFunctions::difference(wanted_, nullptr);
            if (fields.empty()) co_return result<void>{};
        }
    }
    // Whether a refused change may look otherwise in a moment. An account that was just made is not known everywhere.
    static bool worth_a_look(const Error& refused, bool existed) {
        if (refused.code == errc::conflict) return true;
        if (refused.code != errc::not_found) return false;
        const bool account = refused.message.find("ervice account") != std::string::npos ||
                             refused.message.find("serviceAccounts") != std::string::npos;
        return existed || account;
    }
    bool has_package() const { return labelled_package(there_->labels) == labelled_package(wanted_.config.labels); }
    Error failed() const {
        return Error{.code = errc::invocation_failed,
                     .message = exchanges_.name() + " cannot be called: " + there_->status() +
                                "; when the cause is gone, deploy again, which writes it anew",
                     .platform_code = there_->state,
                     .execution = Execution::not_started};
    }

    // Packs the source and brings it to where the API says. No bucket of the user's is needed (G5).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> bring_source() {
        auto zip = node_function_zip(package_);
        if (!zip) co_return std::move(zip).error();
        const auto shared = std::make_shared<const Bytes>(std::move(*zip));
        auto request = functions_.upload_url();
        auto answer = co_await exchanges_.ask(request);
        if (!answer) co_return std::move(answer).error();
        auto upload = GoogleFunctions::read_upload(*answer);
        wipe(answer->body);
        if (!upload) co_return std::move(upload).error();
        const auto detail = std::to_string(shared->size()) + " bytes to Cloud Functions";
        auto put = GoogleFunctions::upload(*upload, shared);
        exchanges_.watch_upload(put, detail);
        static constexpr int most_tries = 6;
        GooglePause pause{exchanges_.options()};
        for (int round = 1;; ++round) {
            exchanges_.tell(Step::uploading, detail, shared->size());
            const purpose::Upload with_no_credential;
            auto sent = co_await exchanges_.link().exchange(put, with_no_credential, Repeat::safe, &judge_upload);
            if (sent) break;
            const Error cause = std::move(sent).error();
            // The bucket's own rights may lag behind the URL.
            if (cause.http_status != 403 || round == most_tries) co_return cause;
            auto waited = co_await exchanges_.wait(pause, cause.message);
            if (!waited) co_return waited;
        }
        upload_ = std::move(*upload);
        co_return result<void>{};
    }
    // There is no credential to renew.
    static std::optional<Error> judge_upload(const HttpResponse& answer) {
        auto error = GoogleApi::judge(answer);
        if (!error) return error;
        error->message.insert(0, "the source could not be uploaded: ");
        if (error->code == errc::authentication) error->retryable = false;
        return error;
    }

    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> plan_invokers(DeployPlan& plan) {
        if (exchanges_.options().invokers.empty()) co_return result<void>{};
        const auto& api = exchanges_.api();
        const auto service =
            there_ && !there_->service.empty() ? there_->service : api.location() + "/services/" + exchanges_.name();
        auto look = api.get_policy(service);
        plan.calls.push_back(planned_google_call(look, "who may call", false));
        std::optional<std::string> body{std::in_place};
        if (there_) {
            auto policy = co_await exchanges_.ask(look);
            if (!policy) co_return std::move(policy).error();
            auto edited = GoogleApi::add_invokers(*policy, exchanges_.options().invokers);
            if (!edited) co_return std::move(edited).error();
            body = std::move(*edited);
        }
        if (body)
            plan.calls.push_back(
                planned_google_call(api.set_policy(service, {}), "callers lack the role roles/run.invoker", true));
        co_return result<void>{};
    }

    GoogleExchanges<L>& exchanges_;
    const GoogleFunctions& functions_;
    const Package& package_;
    const FaasConfig& config_;
    GoogleFunctionOperations<L> operations_{exchanges_, functions_};

    GoogleFunctionWanted wanted_{};
    std::optional<GoogleFunction> there_{};
    std::optional<GoogleUpload> upload_{};
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
