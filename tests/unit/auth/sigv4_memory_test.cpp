// A program of its own, because it replaces operators new and delete, which the thread sanitizer has to itself.
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/encoding.hpp"
#include "heap_watch.hpp"
#include "sigv4_fixture.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <new>
#include <string>
#include <string_view>

using namespace blueprint::faas;
using namespace std::chrono_literals;
using namespace tests::sigv4;

namespace tests::heap {

bool watching = false;
int blocks_taken = 0;
int blocks_with_secret = 0;
std::array<std::string_view, 3> watched_for{};

void inspect(void* block) noexcept {
    if (!watching || block == nullptr) return;
    const std::string_view bytes{static_cast<const char*>(block), malloc_usable_size(block)};
    for (const auto text : watched_for)
        if (!text.empty() && bytes.find(text) != std::string_view::npos) ++blocks_with_secret;
}

}  // namespace tests::heap

using namespace tests::heap;

void* operator new(std::size_t size) {
    if (watching) ++blocks_taken;
    if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
    throw std::bad_alloc{};
}
void operator delete(void* block) noexcept {
    inspect(block);
    std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
    inspect(block);
    std::free(block);
}

TEST_CASE("sigv4: a request that is signed again costs no memory, and no key or token is left in freed memory") {
    const std::string token(1500, 't'), longer(6000, 'l');
    const auto key = aws::signing_key(suite_secret, suite_date, lambda);
    watched_for = {suite_secret.substr(0, 20), std::string_view{token}.substr(0, 32),
                   detail::text_of(key.reveal()).substr(0, 16)};
    {
        const Watch watch;
        auto plain = std::make_unique<std::string>(token);
        plain.reset();
        watching = false;
        CHECK(blocks_with_secret == 1);  // it sees what is not wiped
    }
    auto request = lambda_by_arn();
    const auto credentials = suite_credentials(token);
    auto signer = std::make_unique<aws::Signer>();
    int taken = -1;
    bool good = true;
    {
        const Watch watch;
        for (int i = 0; i < 2; ++i)
            good = good && signer->sign(request, credentials, lambda, at(suite_date)).has_value();
        blocks_taken = 0;
        for (int i = 0; i < 100; ++i)
            good = good && signer->sign(request, credentials, lambda, at(suite_date) + i * 1s).has_value();
        taken = blocks_taken;
        // A second function with other fields, in turn with the first.
        auto other = lambda_by_arn();
        other.target = "/2015-03-31/functions/other/invocations";
        other.headers.add("X-Amz-Client-Context", "eyJ9");
        for (int i = 0; i < 2; ++i) good = good && signer->sign(other, credentials, lambda, at(suite_date)).has_value();
        blocks_taken = 0;
        for (int i = 0; i < 100; ++i)
            good = good && signer->sign(i % 2 == 0 ? request : other, credentials, lambda, at(suite_date)).has_value();
        taken += blocks_taken;
        // Calls that differ in a value only, as long as the one before or not.
        auto nearly = other, longer_value = other;
        nearly.headers.set("X-Amz-Client-Context", "eyJ8");
        longer_value.headers.set("X-Amz-Client-Context", "eyJ8eyJ8");
        for (auto* const one : {&nearly, &longer_value})
            good = good && signer->sign(*one, credentials, lambda, at(suite_date)).has_value();
        blocks_taken = 0;
        for (int i = 0; i < 99; ++i) {
            auto& one = i % 3 == 0 ? other : i % 3 == 1 ? nearly : longer_value;
            good = good && signer->sign(one, credentials, lambda, at(suite_date)).has_value();
        }
        taken += blocks_taken;
        // Buffers that grow leave nothing behind either.
        good = good && signer->sign(request, suite_credentials(longer), lambda, at(suite_date)).has_value();
        aws::signature(aws::signing_key(suite_secret, suite_date, lambda), "text");
        signer.reset();
        request.headers = Headers{};
    }
    CHECK(good);
    CHECK(taken == 0);
    CHECK(blocks_with_secret == 0);
}
