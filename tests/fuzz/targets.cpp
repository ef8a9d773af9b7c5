#include "targets.hpp"

namespace blueprint::faas::fuzz {

namespace {

constexpr Target all[] = {
#define FAAS_FUZZ_TARGET(name) {#name, &name},
#include "targets.def"
#undef FAAS_FUZZ_TARGET
};

}  // namespace

std::span<const Target> targets() { return all; }

}  // namespace blueprint::faas::fuzz
