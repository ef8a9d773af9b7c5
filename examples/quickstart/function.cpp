// The function binary of the quick start: what is deployed as `bootstrap`.
#include "jobs.hpp"
#include <blueprint/faas/serve/serve.hpp>

int main() { return blueprint::faas::serve(quickstart::Jobs{}); }
