#ifndef BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_TRANSPORT_HPP
#define BLUEPRINT_FAAS_TESTS_SUPPORT_FAKE_TRANSPORT_HPP

#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/http.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <utility>

namespace tests {

/// Brings requests to a platform in memory, whose `answer(request)` answers them. `stops` says how often others may go
/// on before the next one.
template <class Fake>
class FakeTransport {
public:
    static constexpr bool confidential = true;  // no byte leaves the process

    FakeTransport(boost::asio::any_io_executor executor, std::shared_ptr<Fake> fake, std::function<int()> stops)
        : executor_{std::move(executor)}, fake_{std::move(fake)}, stops_{std::move(stops)} {}

    boost::asio::any_io_executor get_executor() const noexcept { return executor_; }
    boost::asio::awaitable<blueprint::faas::result<blueprint::faas::HttpResponse>> exchange(
        const blueprint::faas::HttpRequest& request, blueprint::faas::Deadline) {
        CHECK(request.headers.refused().empty());
        const int stops = stops_ ? stops_() : 0;
        for (int i = 0; i < stops; ++i) co_await boost::asio::post(executor_, boost::asio::use_awaitable);
        if (request.upload_progress) request.upload_progress(request.body.size(), request.body.size());
        co_return fake_->answer(request);
    }

private:
    boost::asio::any_io_executor executor_;
    std::shared_ptr<Fake> fake_;
    std::function<int()> stops_;
};

}  // namespace tests

#endif
