#ifndef BLUEPRINT_FAAS_TESTS_FAULT_CLIENT_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_CLIENT_HPP

// Executors of any provider behind one interface, so that what breaks their exchanges is compiled once.

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/http.hpp"
#include "blueprint/faas/transport/concept.hpp"
#include "operations.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

/// Hands each exchange to a function. Copies hand it to the same.
class AnyTransport {
public:
    static constexpr bool confidential = true;  // whatever is behind it keeps to that
    using Exchange = std::function<asio::awaitable<result<HttpResponse>>(const HttpRequest&, Deadline)>;

    AnyTransport(asio::any_io_executor executor, Exchange exchange)
        : executor_{std::move(executor)}, exchange_{std::make_shared<Exchange>(std::move(exchange))} {}
    asio::any_io_executor get_executor() const { return executor_; }
    asio::awaitable<result<HttpResponse>> exchange(const HttpRequest& request, Deadline deadline) {
        return (*exchange_)(request, deadline);
    }

private:
    asio::any_io_executor executor_;
    std::shared_ptr<Exchange> exchange_;
};
static_assert(Transport<AnyTransport>);

/// One executor, whatever its type.
class Client {
public:
    virtual ~Client() = default;
    virtual asio::awaitable<Outcome> perform(Operation operation, std::uint64_t number,
                                             std::chrono::milliseconds timeout) = 0;
    /// See `find_difference`.
    virtual asio::awaitable<std::string> difference(Operation operation, std::uint64_t number) = 0;
    /// The revision before the newest one; empty where the platform keeps but one.
    virtual asio::awaitable<std::string> older_revision() = 0;
};

/// What executors of one provider are performed with.
struct Job {
    Package package;  ///< is in place
    Package other;    ///< takes its place
    FaasConfig config{};
    Truth truth{};
};

template <class E>
class ClientOf final : public Client {
public:
    ClientOf(E executor, const Job& job) : executor_{std::move(executor)}, job_{job} {}
    asio::awaitable<Outcome> perform(Operation operation, std::uint64_t number,
                                     std::chrono::milliseconds timeout) override {
        return tests::perform(executor_, operation, number, number == 0 ? job_.package : job_.other, job_.config,
                              timeout, job_.truth);
    }
    asio::awaitable<std::string> difference(Operation operation, std::uint64_t number) override {
        return find_difference(executor_, operation, number, number == 0 ? job_.package : job_.other, job_.config,
                               job_.truth);
    }

    asio::awaitable<std::string> older_revision() override {
        if constexpr (tests::has<E>(Operation::list_revisions)) {
            auto all = co_await executor_.list_revisions(0);
            if (all && all->size() > 1) co_return (*all)[1].id;
        }
        co_return std::string{};
    }

private:
    E executor_;
    const Job& job_;
};

}  // namespace tests

#endif
