#ifndef BLUEPRINT_FAAS_TESTS_FUZZ_TARGETS_HPP
#define BLUEPRINT_FAAS_TESTS_FUZZ_TARGETS_HPP

#include "fuzz.hpp"

namespace blueprint::faas::fuzz {

#define FAAS_FUZZ_TARGET(name) void name(Input input);
#include "targets.def"
#undef FAAS_FUZZ_TARGET

}  // namespace blueprint::faas::fuzz

#endif
