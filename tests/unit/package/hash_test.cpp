#include "blueprint/faas/detail/hash.hpp"

#include "blueprint/faas/detail/encoding.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace hash_test {

using namespace blueprint::faas;
using detail::bytes_of;

TEST_CASE("hash: SHA-256 gives the digests of FIPS 180-4's examples") {
    const std::pair<std::string, std::string> table[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {std::string(1'000'000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (const auto& [text, digest] : table) {
        CAPTURE(text.size());
        CHECK(detail::sha256_hex(bytes_of(text)) == digest);
        CHECK(detail::hex_encode(detail::sha256(bytes_of(text))) == digest);
    }
}

TEST_CASE("hash: data in parts give the digest of the whole, wherever the cuts are") {
    const std::string text = "The quick brown fox jumps over the lazy dog, and then again and again, past one block.";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        detail::Sha256 hash;
        hash.update(bytes_of(text.substr(0, cut)));
        hash.update(bytes_of(text.substr(cut)));
        CHECK(hash.finish() == detail::sha256(bytes_of(text)));
    }
}

TEST_CASE("hash: a finished hash starts anew") {
    detail::Sha256 hash;
    hash.update(bytes_of("first"));
    CHECK(hash.finish() == detail::sha256(bytes_of("first")));
    hash.update(bytes_of("second"));
    CHECK(hash.finish() == detail::sha256(bytes_of("second")));
    CHECK(hash.finish() == detail::sha256({}));
}

TEST_CASE("hash: copies go on from the same state and do not disturb each other") {
    detail::Sha256 common;
    common.update(bytes_of("prefix-"));
    detail::Sha256 copy{common}, assigned;
    assigned.update(bytes_of("forgotten"));
    assigned = common;
    copy.update(bytes_of("a"));
    assigned.update(bytes_of("b"));
    common.update(bytes_of("c"));
    CHECK(copy.finish() == detail::sha256(bytes_of("prefix-a")));
    CHECK(assigned.finish() == detail::sha256(bytes_of("prefix-b")));
    auto moved = std::move(common);
    CHECK(moved.finish() == detail::sha256(bytes_of("prefix-c")));
    common = copy;  // a moved-from object may be assigned to
    common.update(bytes_of("x"));
    CHECK(common.finish() == detail::sha256(bytes_of("x")));
}

}  // namespace hash_test
