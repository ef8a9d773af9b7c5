// Runs the tests of one peer: `integration_peers oidc`. Exits 77 with the reason if that peer is not here.
#define DOCTEST_CONFIG_IMPLEMENT
#include "world.hpp"

#include <cstring>
#include <iostream>
#include <string>

int main(int count, char** words) {
    using namespace blueprint::faas::test;
    if (count < 2) {
        std::cerr << "usage: integration_peers oidc|nginx|tinyproxy|serverless [what doctest understands]\n";
        return 2;
    }
    const std::string peer = words[1];
    const std::string missing = peer == "oidc"         ? missing_oidc()
                                : peer == "nginx"      ? missing_nginx()
                                : peer == "tinyproxy"  ? missing_tinyproxy()
                                : peer == "serverless" ? missing_serverless()
                                                       : "there is no such peer";
    if (!missing.empty()) {
        std::cout << "skipped: " << missing << "; `sh tests/peers` installs it\n";
        return 77;
    }
    doctest::Context context;
    context.addFilter("test-case", ("peers: " + peer + "*").c_str());
    context.applyCommandLine(count - 1, words + 1);
    return context.run();
}
