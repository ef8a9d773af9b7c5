#include "blueprint/faas/secret.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <new>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

using namespace blueprint::faas;

namespace {

// Long enough for the heap, and short enough to stay inside the string object.
constexpr std::string_view long_secret = "correct-horse-battery-staple-correct-horse-battery-staple";
constexpr std::string_view short_secret = "hunter2-hunter2";

// While `watching`, every block that goes back to the heap is searched for the long secret.
bool watching = false;
int blocks_with_secret = 0;
int blocks_freed = 0;

void inspect(void* block) noexcept {
    if (!watching || block == nullptr) return;
    ++blocks_freed;
    const std::string_view bytes{static_cast<const char*>(block), malloc_usable_size(block)};
    if (bytes.find(long_secret.substr(0, 16)) != std::string_view::npos) ++blocks_with_secret;
}

struct Watch {
    Watch() {
        blocks_with_secret = 0;
        blocks_freed = 0;
        watching = true;
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { watching = false; }
};

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

}  // namespace

void* operator new(std::size_t size) {
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

TEST_CASE("secret: the watch sees a plain string that is not wiped") {
    {
        const Watch watch;
        auto plain = std::make_unique<std::string>(long_secret);
        plain.reset();
        watching = false;
    }
    CHECK(blocks_freed > 0);
    CHECK(blocks_with_secret > 0);
}

TEST_CASE("C10: a secret has no way to a stream") {
    static_assert(!Printable<Secret>);
    static_assert(Printable<std::string>);
    static_assert(!std::is_convertible_v<Secret, std::string>);
    static_assert(!std::is_convertible_v<Secret, std::string_view>);
    CHECK(Secret{"x"}.reveal() == "x");
}

TEST_CASE("C10: a long secret is gone from the heap when its holder goes") {
    {
        const Watch watch;
        {
            const Secret secret{long_secret};
            const Secret copy{secret};
        }
        watching = false;
    }
    CHECK(blocks_freed >= 2);
    CHECK(blocks_with_secret == 0);
}

TEST_CASE("C10: a short secret is gone from the object when it goes") {
    alignas(Secret) std::array<unsigned char, sizeof(Secret)> storage{};
    auto* secret = new (storage.data()) Secret{short_secret};
    const auto holds = [&storage] {
        // The bytes of a dead object: read through the buffer that it stood in.
        return std::search(storage.begin(), storage.end(), short_secret.begin(), short_secret.end()) != storage.end();
    };
    REQUIRE(holds());
    secret->~Secret();
    CHECK(!holds());
}

TEST_CASE("C10: moving, assigning and joining leave nothing behind") {
    const std::string_view other = "another-secret-that-is-also-too-long-for-the-object";
    {
        const Watch watch;
        {
            Secret a{std::string{long_secret}};
            Secret b{std::move(a)};
            Secret c{other};
            c = b;              // over a longer one
            b = Secret{other};  // over the secret itself
            c = std::move(b);
            Secret joined = "AWS4" + Secret{long_secret};
            joined = Secret{"short"};
        }
        watching = false;
    }
    CHECK(blocks_freed >= 4);
    CHECK(blocks_with_secret == 0);
}

TEST_CASE("C10: a moved-from short secret is empty in its bytes too") {
    alignas(Secret) std::array<unsigned char, sizeof(Secret)> storage{};
    auto* secret = new (storage.data()) Secret{short_secret};
    const Secret taken{std::move(*secret)};
    CHECK(taken.reveal() == short_secret);
    CHECK(std::search(storage.begin(), storage.end(), short_secret.begin(), short_secret.end()) == storage.end());
    CHECK(secret->empty());
    secret->~Secret();
}

TEST_CASE("secret: copies are equal, and assigning one to itself keeps it") {
    Secret a{long_secret};
    const Secret b{a};
    CHECK((a == b));
    CHECK((a != Secret{"correct-horse-battery-staple-correct-horse-battery-stapl"}));
    CHECK((a != Secret{"correct-horse-battery-staple-correct-horse-battery-staplE"}));
    const auto& same = a;
    a = same;
    CHECK(a.reveal() == long_secret);
    CHECK(a.size() == long_secret.size());
}

TEST_CASE("secret: a prefix is put before it without a copy outside") {
    CHECK(("AWS4" + Secret{"key"}).reveal() == "AWS4key");
    CHECK(Secret{}.empty());
}
