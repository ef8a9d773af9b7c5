#include "blueprint/faas/runner/metrics_page.hpp"

#include "blueprint/faas/runner/runner.hpp"
#include "support/fake_executor.hpp"
#include "support/run.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <string>
#include <thread>

namespace metrics_page_test {

namespace faas = blueprint::faas;
namespace asio = boost::asio;
using namespace blueprint::faas::tests;
using namespace std::chrono_literals;
using tcp = asio::ip::tcp;

namespace {

std::string ask(unsigned short port, const std::string& request) {
    asio::io_context io;
    tcp::socket socket{io};
    socket.connect(tcp::endpoint{asio::ip::address_v4::loopback(), port});
    boost::system::error_code refused, ended;
    asio::write(socket, asio::buffer(request), refused);
    std::string answer;
    asio::read(socket, asio::dynamic_buffer(answer), ended);
    return answer;
}

}  // namespace

TEST_CASE("metrics page: Prometheus reads the numbers of a running runner, and nothing else is there") {
    asio::io_context io;
    FakeExecutor fake{io};
    fake.gates.try_emplace(2, io);
    faas::StatisticsSource numbers;
    auto page = ::tests::ok(faas::MetricsPage::listen(io.get_executor(), numbers, 0, 200ms));
    const auto port = page.port();
    CHECK(faas::MetricsPage::listen(io.get_executor(), numbers, port).has_error());
    faas::CollectorConsumer results;
    auto runner = faas::Runner::builder(io)
                      .router(faas::Router{})
                      .producer(faas::RangeProducer{calls_of(faas::JobId{0}, 3)})
                      .consumer(results)
                      .publish_statistics(numbers)
                      .background_service(std::move(page))
                      .with_faas_executor<0>(fake)
                      .build();
    REQUIRE(runner.has_value());
    Operation<faas::result<faas::RunReport>> running{io, runner->run()};
    std::thread thread{[&] { io.run(); }};
    while (runner->statistics().jobs.at(0).succeeded < 2) std::this_thread::yield();

    const auto answer = ask(port, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
    CHECK(answer.find("\nfaas_invocations_total{job_id=\"0\",faas_invoked_provider=\"fake\"} 2\n") !=
          std::string::npos);
    CHECK(answer.find("\nblueprint_faas_in_flight{job_id=\"0\"} 1\n") != std::string::npos);
    CHECK(ask(port, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    CHECK(ask(port, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    CHECK(ask(port, "what\r\n\r\n").starts_with("HTTP/1.1 400 "));
    CHECK(ask(port, std::string(100'000, 'x')).empty());    // no end in sight
    CHECK(ask(port, "GET /metrics HTTP/1.1\r\n").empty());  // never finished: closed at the limit
    CHECK(ask(port, "GET /metrics?x HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));

    asio::post(io, [&] { fake.gates.at(2).open(); });
    thread.join();
    REQUIRE(running.ended());
    CHECK(running.outcome().has_value());
    CHECK(results.size() == 3);
}

}  // namespace metrics_page_test
