// A program of its own, because it replaces operators new and delete, which the thread sanitizer has to itself.
#include "blueprint/faas/codec/azure_functions.hpp"
#include "blueprint/faas/executor.hpp"
#include "openwhisk_calls_codec.hpp"
#include "openwhisk_records.hpp"
#include "support/fake_transport.hpp"
#include "support/run.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

using namespace blueprint::faas;
using tests::ok;
using tests::openwhisk_answer;
using tests::OpenWhiskRecord;

namespace {

std::atomic<int> blocks_taken{0};

int taken_by(auto&& action) {
    const int before = blocks_taken;
    action();
    return blocks_taken - before;
}

// Answers every request alike.
struct Canned {
    HttpResponse told{};
    const HttpResponse& answer(const HttpRequest&) const { return told; }
};

// How many blocks a warm call takes.
template <class Codec>
int of_warm_call(Codec codec, HttpResponse told, bool metered) {
    using Transport = tests::FakeTransport<Canned>;
    asio::io_context io;
    auto canned = std::make_shared<Canned>(Canned{std::move(told)});
    FaasExecutor<Transport, NoAuth, Codec> executor{
        Transport{io.get_executor(), std::move(canned), {}}, {}, std::move(codec)};
    const JobCall call{.job_id = 7, .args = Bytes(1000, 1)};
    int last = 0;
    for (int i = 0; i < 3; ++i)
        last = taken_by([&] {
            if (metered)
                ok(tests::run(io, executor.invoke_with_metrics(call)));
            else
                ok(tests::run(io, executor.invoke(call)));
        });
    return last;
}

std::string base64_of(std::size_t size) {
    std::string out = "\"";
    detail::append_base64(out, Bytes(size, 'x'));
    return out + '"';
}

}  // namespace

void* operator new(std::size_t size) {
    ++blocks_taken;
    if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
    throw std::bad_alloc{};
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

TEST_CASE("openwhisk: of a record nothing but the job's bytes becomes a copy, however large it is") {
    const detail::OpenWhiskCalls calls{{}};
    OpenWhiskRecord record;
    record.result = R"({"job_id":7,"result":)" + base64_of(700'000) + R"(,"success":true,"execution_ms":12})";
    const auto answer = openwhisk_answer(200, record);
    std::optional<result<Invocation>> done;
    CHECK(taken_by([&] { done.emplace(calls.read_invocation(answer, JobId{7U}, false)); }) == 1);
    CHECK((*ok(*done).result.outcome).size() == 700'000);
    CHECK(taken_by([&] { done.emplace(calls.read_invocation(answer, JobId{7U}, true)); }) == 2);  // and the id
}

TEST_CASE("openwhisk: a call that is written again takes no memory") {
    const detail::OpenWhiskCalls calls{{}};
    detail::CallForm form;
    const auto access = tests::access_with("Basic dXNlcjpub3QtYS1rZXk=");
    calls.begin_form(form, JobId{7U}, access, 0);
    const JobCall call{.job_id = 7, .args = Bytes(1000, 1), .metadata = {{"traceparent", "00-a-b-01"}}};
    const auto write = [&] {
        auto& body = form.request.body.begin_text();
        REQUIRE_FALSE(calls.begin_body(body, call, Moment{} + std::chrono::seconds{9}, {}).has_value());
        Base64Json::append(body, call.args);
        body += '}';
        REQUIRE_FALSE(calls.end_form(form, call).has_value());
    };
    write();
    form.end_call();
    CHECK(form.is_for(JobId{7U}, 0));
    CHECK(taken_by(write) == 0);
}

TEST_CASE("openwhisk: a warm call takes no more blocks of memory than one of Azure's") {
    const std::string text = R"({"job_id":7,"result":)" + base64_of(1000) + R"(,"success":true,"execution_ms":12})";
    OpenWhiskRecord record;
    record.result = text;
    AzureFunctionsOptions azure;
    azure.app_url = "https://my-app.azurewebsites.net";
    azure.function_key = "not-a-key-of-anybody";
    const auto access = tests::access_with("Basic dXNlcjpub3QtYS1rZXk=");
    const auto told = openwhisk_answer(200, record.text());
    const auto ours = of_warm_call(tests::CallsCodec<>{{}, access}, told, false);
    CHECK(ours <= of_warm_call(AzureFunctionsCodec<Base64Json>{azure}, openwhisk_answer(200, text), false));
    CHECK(of_warm_call(tests::CallsCodec<>{{}, access}, told, true) == ours + 1);  // the activation's id
}
