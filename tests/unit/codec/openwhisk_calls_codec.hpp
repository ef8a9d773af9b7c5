#ifndef BLUEPRINT_FAAS_TESTS_UNIT_CODEC_OPENWHISK_CALLS_CODEC_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_CODEC_OPENWHISK_CALLS_CODEC_HPP

#include "blueprint/faas/codec/impl/openwhisk_caller.hpp"
#include "support/run.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

namespace faas = blueprint::faas;

inline faas::detail::OpenWhiskAccess access_with(const std::string& key) {
    faas::detail::OpenWhiskAccess out;
    out.api = ok(faas::detail::parse_url("https://openwhisk.example.com/api/v1"));
    out.authorization = faas::Secret{key};
    return out;
}

/// A codec that has nothing but the caller.
template <class Format = faas::Base64Json>
class CallsCodec {
    using Caller = faas::detail::OpenWhiskCaller<Format>;
    struct State {
        State(faas::OpenWhiskActionOptions options, std::optional<faas::detail::OpenWhiskAccess> given)
            : api{std::move(options)}, caller{api, std::move(given)} {}
        const faas::detail::OpenWhiskApi api;
        const Caller caller;
        std::vector<std::string> refused{};
    };

public:
    static constexpr std::string_view provider_name = "OpenWhisk's calls";
    explicit CallsCodec(faas::OpenWhiskActionOptions options, std::optional<faas::detail::OpenWhiskAccess> given)
        : state_{std::make_shared<State>(std::move(options), std::move(given))} {}

    template <class L>
    boost::asio::awaitable<faas::result<faas::Invocation>> invoke(L& link, const faas::JobCall& call) {
        return state_->caller.invoke(link, call, LookUp{state_});
    }
    template <class L>
    typename Caller::Prepared prepare(L& link, const faas::JobCall& call) const {
        return state_->caller.prepare(link, call);
    }
    template <class L>
    boost::asio::awaitable<faas::result<faas::Invocation>> complete(L& link, const typename Caller::Prepared& prepared,
                                                                    const faas::HttpResponse& answer) {
        return state_->caller.complete(link, prepared, answer, LookUp{state_});
    }
    template <class L>
    boost::asio::awaitable<faas::result<faas::Receipt>> invoke_async(L& link, const faas::JobCall& call) {
        return state_->caller.invoke_async(link, call, LookUp{state_});
    }
    const Caller& caller() const noexcept { return state_->caller; }
    const std::vector<std::string>& refused() const noexcept { return state_->refused; }

private:
    struct LookUp {
        template <class L>
        boost::asio::awaitable<faas::result<faas::detail::OpenWhiskAccess>> operator()(
            L& link, std::optional<faas::detail::OpenWhiskAccess> refused) const {
            state->refused.emplace_back(refused ? refused->authorization.reveal() : "");
            faas::HttpRequest request;
            request.origin.host = "keys.example.com";
            const faas::purpose::Invocation purpose;
            auto answer =
                co_await link.exchange(request, purpose, faas::Repeat::safe, &faas::detail::OpenWhiskCalls::judge);
            if (!answer) co_return std::move(answer).error();
            co_return access_with(answer->body);
        }
        std::shared_ptr<State> state;
    };
    std::shared_ptr<State> state_;
};

}  // namespace tests

#endif
