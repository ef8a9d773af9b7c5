#ifndef BLUEPRINT_FAAS_CODEC_IMPL_AZURE_EXCHANGES_HPP
#define BLUEPRINT_FAAS_CODEC_IMPL_AZURE_EXCHANGES_HPP

#include "blueprint/faas/codec/azure_api.hpp"
#include "blueprint/faas/codec/azure_app.hpp"
#include "blueprint/faas/codec/azure_operation.hpp"
#include "blueprint/faas/codec/azure_storage.hpp"
#include "blueprint/faas/codec/impl/poll_pause.hpp"
#include "blueprint/faas/codec/link.hpp"
#include "blueprint/faas/deployment.hpp"
#include "blueprint/faas/environment.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Looks that are made until something that was just changed is known everywhere, or until patience ends.
class AzurePatience {
public:
    explicit AzurePatience(const AzureFunctionsOptions& options)
        : pause_{options.first_poll, options.max_poll}, left_{options.start_patience} {}
    /// Tells how long to wait before the next look; nothing: there is to be none.
    std::optional<std::chrono::milliseconds> next() {
        static constexpr int most_looks = 1000;
        const auto pause = pause_.next();
        if (pause > left_ || ++looks_ > most_looks) return std::nullopt;
        left_ -= pause;
        return pause;
    }

private:
    PollPause pause_;
    std::chrono::milliseconds left_;
    int looks_ = 0;
};

/// Queries are left out: that of a signed URL is a secret.
inline PlannedCall planned_azure_call(const HttpRequest& request, std::string why, bool writes) {
    return {.what = std::string{to_string(request.verb)} + ' ' + to_string(request.origin) +
                    request.target.substr(0, request.target.find('?')),
            .why = std::move(why),
            .writes = writes};
}

/// The exchanges with Azure's management API and with storage that all operations share, over a link `L`. All that it
/// refers to outlives it, and it outlives its awaitables.
template <class L>
class AzureExchanges {
    using Step = DeployProgress::Step;

public:
    AzureExchanges(const AzureApi& api, L& link, const DeployObserver& observer,
                   const Environment& environment) noexcept
        : api_{api}, link_{link}, observer_{observer}, environment_{environment} {}
    AzureExchanges(const AzureExchanges&) = delete;
    AzureExchanges& operator=(const AzureExchanges&) = delete;

    const AzureApi& api() const noexcept { return api_; }
    const AzureFunctionsOptions& options() const noexcept { return api_.options(); }
    L& link() const noexcept { return link_; }
    /// The wall clock, which signatures need.
    std::chrono::system_clock::time_point now() const { return environment_.now(); }
    const Environment& environment() const noexcept { return environment_; }

    void tell(Step step, std::string detail, std::uint64_t bytes_total = 0) const {
        if (observer_) observer_(DeployProgress{step, std::move(detail), 0, bytes_total});
    }
    /// Has the observer told how far an upload has gone.
    void watch_upload(HttpRequest& request, std::string detail) const {
        if (!observer_) return;
        request.upload_progress = [&observer = observer_, detail = std::move(detail)](std::uint64_t sent,
                                                                                      std::uint64_t total) {
            observer(DeployProgress{Step::uploading, detail, sent, total});
        };
    }

    /// Sends a request to the management API that may be sent twice.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request) {
        const purpose::ControlPlane management;
        return link_.exchange(request, management, Repeat::safe, &AzureApi::judge);
    }
    /// The same with another meaning of answers; also for the app's deployment endpoint, which takes the same tokens.
    template <class Judge>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask(HttpRequest& request, Judge judge) {
        const purpose::ControlPlane management;
        return link_.exchange(request, management, Repeat::safe, judge);
    }
    /// The same for what may be absent, which is nothing.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<std::optional<HttpResponse>>> find(HttpRequest& request) {
        auto answer = co_await ask(request);
        if (answer) co_return std::optional<HttpResponse>{std::move(*answer)};
        Error error = std::move(answer).error();
        // Nothing of a provider's is there before the provider is.
        const bool absent = error.code == errc::not_found || !AzureApi::unregistered(error, request).empty();
        if (absent) co_return std::optional<HttpResponse>{};
        co_return error;
    }
    /// Asks for a change and waits for its end. While another change goes on it is asked for again, and a resource
    /// provider that the subscription lacks is registered first.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> change(HttpRequest& request) {
        AzurePatience patience{options()};
        std::string registered;
        for (;;) {
            auto done = co_await change_once(request);
            if (done) co_return done;
            Error cause = std::move(done).error();
            if (auto provider = AzureApi::unregistered(cause, request); !provider.empty() && provider != registered) {
                registered = provider;
                auto ready = co_await have_provider(std::move(provider));
                if (!ready) co_return ready;
                continue;
            }
            const auto pause = patience.next();
            if (!AzureApi::is_busy(cause) || !pause) {
                cause.retryable = false;
                co_return cause;
            }
            tell(Step::waiting, "Azure is at another change: " + cause.message);
            auto waited = co_await wait(cause.retry_after.value_or(*pause), cause.message);
            if (!waited) co_return waited;
        }
    }

    /// Sends a request to storage that may be sent twice. `fresh`: account and roles were just made, so that refusals
    /// may pass by themselves (pitfall 6).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask_storage(const AzureStorage& storage,
                                                                          HttpRequest& request, bool fresh = false) {
        AzurePatience patience{options()};
        for (;;) {
            auto answer = co_await ask_storage_once(storage, request);
            if (answer || !fresh || !AzureStorage::may_be_spreading(answer.error())) co_return answer;
            const auto pause = patience.next();
            if (!pause) co_return answer;
            const std::string what_for = "the storage account does not let us in yet: " + answer.error().message;
            tell(Step::waiting, what_for);
            auto waited = co_await wait(*pause, what_for);
            if (!waited) co_return std::move(waited).error();
        }
    }

    /// Reads the keys of the app's host. `started`: it was just made or changed, so that it cannot tell them yet
    /// (pitfall 4).
    BLUEPRINT_FAAS_COLD asio::awaitable<result<AzureHostKeys>> host_keys(bool started) {
        AzurePatience patience{options()};
        for (;;) {
            auto request = api_.list_host_keys();
            auto answer = co_await ask(request, &AzureApi::judge_host);
            if (answer) co_return AzureApp::read_host_keys(*answer);
            Error error = std::move(answer).error();
            const auto pause = patience.next();
            if (!started || !error.retryable || !pause) co_return error;
            tell(Step::waiting, "the app's host cannot tell its keys yet: " + error.message);
            auto waited = co_await wait(*pause, error.message);
            if (!waited) co_return std::move(waited).error();
        }
    }

    /// Waits; an error tells what for. Whoever waits keeps the text.
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> wait(std::chrono::milliseconds length,
                                                           std::string_view what_for) {
        auto waited = co_await link_.wait(length);
        if (waited) co_return waited;
        Error error = std::move(waited).error();
        add_reason(error, api_.app() + ": " + std::string{what_for});
        co_return error;
    }

private:
    BLUEPRINT_FAAS_COLD asio::awaitable<result<HttpResponse>> ask_storage_once(const AzureStorage& storage,
                                                                               HttpRequest& request) {
        if (storage.is_signed()) {
            const purpose::Upload with_no_token;
            return link_.exchange(request, with_no_token, Repeat::safe, &AzureStorage::judge);
        }
        const purpose::ControlPlane with_token{"storage"};
        return link_.exchange(request, with_token, Repeat::safe, &AzureStorage::judge);
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> change_once(HttpRequest& request) {
        auto answer = co_await ask(request);
        if (!answer) co_return std::move(answer).error();
        auto operation = AzureOperation::begin(request, *answer);
        if (!operation) co_return std::move(operation).error();
        PollPause pause{options().first_poll, options().max_poll};
        std::string what_for;
        while (!operation->done()) {
            what_for = operation->progress().empty() ? "Azure is making the change" : "Azure: " + operation->progress();
            tell(Step::waiting, what_for);
            auto length = pause.next();
            if (operation->wait()) length = *operation->wait();
            auto waited = co_await wait(length, what_for);
            if (!waited) co_return waited;
            auto look = operation->look();
            auto seen = co_await ask(look);
            if (seen) {
                auto read = operation->observe(*seen);
                if (!read) co_return read;
            } else if (!seen.error().retryable) {
                co_return std::move(seen).error();
            }
            // A look that failed for a reason that may pass is made again.
        }
        if (operation->failed()) co_return *operation->failed();
        co_return result<void>{};
    }
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> have_provider(std::string name) {
        tell(Step::waiting, "the resource provider " + name + " is registered for the subscription");
        auto request = api_.register_provider(name);
        auto asked = co_await ask(request);
        if (!asked) {
            Error error = std::move(asked).error();
            add_reason(error, "register the resource provider " + name + " for the subscription");
            co_return error;
        }
        AzurePatience patience{options()};
        const std::string what_for = "the resource provider " + name + " is not registered yet";
        for (;;) {
            auto look = api_.get_provider(name);
            auto answer = co_await ask(look);
            if (!answer) co_return std::move(answer).error();
            auto registered = AzureApi::read_registered(*answer);
            if (!registered) co_return std::move(registered).error();
            if (*registered) co_return result<void>{};
            const auto pause = patience.next();
            if (!pause)
                co_return Error{.code = errc::timed_out,
                                .message = what_for + "; try again later",
                                .execution = Execution::not_started};
            auto waited = co_await wait(*pause, what_for);
            if (!waited) co_return waited;
        }
    }

    const AzureApi& api_;
    L& link_;
    const DeployObserver& observer_;
    const Environment& environment_;
};

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
