// expect: deleted
// expect: Secret
#include "blueprint/faas/secret.hpp"

#include <iostream>

void show(const blueprint::faas::Secret& token);
void show(const blueprint::faas::Secret& token) {
#ifdef CONTROL
    std::cout << token.size();
#else
    std::cout << token;
#endif
}
