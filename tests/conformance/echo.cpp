// A compiled function that answers with what it was called with, for `--function`.
#include <blueprint/faas/job_set.hpp>
#include <blueprint/faas/serve/serve.hpp>

namespace {

blueprint::faas::Bytes echo(blueprint::faas::Bytes bytes) { return bytes; }

}  // namespace

int main() { return blueprint::faas::serve(blueprint::faas::JobSet<blueprint::faas::Job<0, &echo>>{}); }
