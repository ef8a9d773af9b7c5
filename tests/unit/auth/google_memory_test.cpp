#include "blueprint/faas/auth/gcp/default_chain.hpp"
#include "blueprint/faas/auth/google.hpp"
#include "heap_watch.hpp"
#include "support/google_world.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace google_memory_test {

using namespace blueprint::faas;
using namespace std::chrono_literals;
using namespace tests::heap;
using tests::ok;

TEST_CASE("google: a token that is ready costs no memory to send, and is not left behind in freed memory") {
    tests::GoogleWorld world;
    world.around.files["/adc.json"] = boost::json::serialize(tests::authorized_user_json());
    world.then_access_token("ya29.secret-of-the-warm-call");
    world.script->then(200,
                       R"({"id_token":")" + tests::id_token("client", world.now() + 3600, "c2VjcmV0LXNpZ24") + "\"}");
    using Auth = GoogleAuth<gcp::FileChain>;
    auto auth = std::make_unique<Auth>(gcp::FileChain{world.reach, {}, gcp::credentials::JsonFile{"/adc.json"}});
    const purpose::Invocation calling{.audience = "https://blueprint-job-0-abc-ew.a.run.app"};
    HttpRequest managed, called;
    ok(tests::run(world.io, auth->authorize(managed, purpose::ControlPlane{})));
    ok(tests::run(world.io, auth->authorize(called, calling)));
    watched_for = {"ya29.secret-of-the-warm-call", "c2VjcmV0LXNpZ24"};
    int taken = -1;
    bool good = true;
    {
        const Watch watch;
        for (int i = 0; i < 100; ++i)
            good =
                good && auth->try_authorize(managed, purpose::ControlPlane{}) && auth->try_authorize(called, calling);
        taken = blocks_taken;
        managed.headers = Headers{};
        called.headers = Headers{};
        auth.reset();
    }
    CHECK(good);
    CHECK(taken == 0);
    CHECK(blocks_with_secret == 0);
}

TEST_CASE("google: nothing of a private key is left behind in freed memory when its file has been read") {
    tests::AwsWorld around;
    const auto pem = tests::account_key().pkcs8();
    const Secret text{boost::json::serialize(tests::service_account_json())};
    watched_for = {std::string_view{pem}.substr(70, 32), std::string_view{pem}.substr(1'000, 32)};
    bool read = false;
    {
        const Watch watch;
        read = gcp::read_credential(text, "/key.json", around).has_value();
        watching = false;
        CHECK(blocks_with_secret == 0);
    }
    CHECK(read);
    const Watch watch;
    auto plain = std::make_unique<std::string>(pem);
    plain.reset();
    watching = false;
    CHECK(blocks_with_secret == 2);  // it sees what is not wiped
}

TEST_CASE("google: nothing of a user's sign-in is left behind in freed memory when a token has been asked for") {
    tests::GoogleWorld world;
    const auto credential = ok(gcp::read_credential(
        R"({"type":"authorized_user","client_id":"7-abc.apps.googleusercontent.com",)"
        R"("client_secret":"secret-of-the-client-that-asks","refresh_token":"refresh-token-of-the-one-who-asks"})",
        "/adc.json", world.around));
    world.then_access_token("ya29.of-the-one-who-asks");
    watched_for = {"secret-of-the-client-that-asks", "refresh-token-of-the-one-who-asks"};
    bool given = false;
    int left_behind = -1;
    {
        const Watch watch;
        given = world.fetch(credential, gcp::TokenRequest::access()).has_value();
        left_behind = blocks_with_secret;
    }
    CHECK(given);
    CHECK(world.form(0, "client_secret") == "secret-of-the-client-that-asks");
    CHECK(world.form(0, "refresh_token") == "refresh-token-of-the-one-who-asks");
    CHECK(left_behind == 0);
}

}  // namespace google_memory_test
