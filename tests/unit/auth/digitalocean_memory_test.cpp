#include "blueprint/faas/auth/digitalocean.hpp"
#include "heap_watch.hpp"
#include "support/run.hpp"
#include "support/source_world.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace digitalocean_memory_test {

using namespace blueprint::faas;
using namespace tests::heap;
using tests::ok;

TEST_CASE("digitalocean: a token that is ready costs no memory to send, and nothing of doctl's is left behind") {
    tests::SourceWorld world;
    world.around.variables["HOME"] = "/h/ann";
    world.around.variables["DIGITALOCEAN_CONTEXT"] = "work";
    world.around.files["/h/ann/.config/doctl/config.yaml"] =
        "access-token: secret-of-the-default-account\n"
        "auth-contexts:\n"
        "  home: 'secret-of-the-home-account'\n"
        "  work: \"secret-of-the-work-account\"\n";
    watched_for = {"secret-of-the-default-account", "secret-of-the-home-account", "secret-of-the-work-account"};
    auto auth = std::make_unique<DigitalOceanAuth>(world.around);
    HttpRequest request;
    result<void> found;
    bool good = true;
    int taken = -1;
    int left_behind = -1;
    {
        const Watch watch;
        found = tests::run(world.io, auth->authorize(request, purpose::ControlPlane{}));
        left_behind = blocks_with_secret;
    }
    {
        const Watch watch;
        for (int i = 0; i < 100; ++i) good = good && auth->try_authorize(request, purpose::ControlPlane{});
        taken = blocks_taken;
        request.headers = Headers{};
        auth.reset();
        left_behind += blocks_with_secret;
    }
    ok(std::move(found));
    CHECK(good);
    CHECK(taken == 0);
    CHECK(left_behind == 0);
}

}  // namespace digitalocean_memory_test
