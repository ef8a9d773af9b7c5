#ifndef BLUEPRINT_FAAS_TESTS_ARCHETYPE_POLICIES_HPP
#define BLUEPRINT_FAAS_TESTS_ARCHETYPE_POLICIES_HPP

#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/codec/concept.hpp"
#include "blueprint/faas/codec/payload.hpp"
#include "blueprint/faas/resilience/concept.hpp"
#include "blueprint/faas/transport/concept.hpp"

#include <optional>
#include <utility>

/// The poorest types that satisfy the concepts: movable once, nothing more. Every template is instantiated with them,
/// so that it cannot come to need more than its concept says.
namespace archetype {

namespace faas = blueprint::faas;
namespace asio = boost::asio;

struct MoveOnly {
    MoveOnly() = default;
    MoveOnly(MoveOnly&&) = default;
    MoveOnly& operator=(MoveOnly&&) = delete;
};

class Transport : MoveOnly {
public:
    static constexpr bool confidential = true;
    explicit Transport(asio::any_io_executor executor) : executor_{std::move(executor)} {}
    asio::any_io_executor get_executor() { return executor_; }
    asio::awaitable<faas::result<faas::HttpResponse>> exchange(const faas::HttpRequest&, faas::Deadline) {
        co_return faas::HttpResponse{.status = 200, .body = R"({"function_id":"job0","result":[]})"};
    }

private:
    asio::any_io_executor executor_;
};

class Auth : MoveOnly {
public:
    static constexpr bool reveals_secret = false;
    asio::awaitable<faas::result<void>> authorize(faas::HttpRequest&, faas::purpose::ControlPlane) {
        co_return faas::result<void>{};
    }
    asio::awaitable<faas::result<void>> authorize(faas::HttpRequest&, faas::purpose::Invocation) {
        co_return faas::result<void>{};
    }
    asio::awaitable<faas::result<void>> authorize(faas::HttpRequest&, faas::purpose::Upload) {
        co_return faas::result<void>{};
    }
    bool invalidate() noexcept { return false; }
};

class Codec : MoveOnly {
public:
    static constexpr std::string_view provider_name = "archetype";
    template <class L>
    asio::awaitable<faas::result<faas::Invocation>> invoke(L& link, const faas::JobCall&) {
        faas::HttpRequest request;
        const faas::purpose::ControlPlane purpose;
        const auto judge = [](const faas::HttpResponse&) { return std::optional<faas::Error>{}; };
        auto answer = co_await link.exchange(request, purpose, faas::Repeat::safe, judge);
        if (!answer) co_return answer.error();
        co_return faas::Invocation{};
    }
};

class Resilience : MoveOnly {
public:
    struct Turn {
        Turn() = default;
        Turn(const Turn&) = delete;
        bool try_admit(faas::Moment) { return false; }
        asio::awaitable<faas::result<void>> admit(faas::Deadline) { co_return faas::result<void>{}; }
        void succeeded(faas::Moment) {}
        faas::RetryDecision after(const faas::Error&, faas::Moment, double) { return {}; }
        bool renew(faas::Moment) { return false; }
    };
    Turn begin() { return {}; }
};

struct Format {
    static constexpr bool is_json = true;
    static void append(std::string& out, std::span<const std::uint8_t>) { out += "[]"; }
};

static_assert(faas::Transport<Transport>);
static_assert(faas::Auth<Auth>);
static_assert(faas::Codec<Codec>);
static_assert(faas::Resilience<Resilience>);
static_assert(faas::PayloadFormat<Format>);

}  // namespace archetype

#endif
