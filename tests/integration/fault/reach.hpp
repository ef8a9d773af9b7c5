#ifndef BLUEPRINT_FAAS_TESTS_FAULT_REACH_HPP
#define BLUEPRINT_FAAS_TESTS_FAULT_REACH_HPP

#include "blueprint/faas/auth/reach.hpp"
#include "client.hpp"

namespace tests {

/// Makes the reach of a source of credentials: the exchanges of its tokens are exchanges like all others.
inline Reach reach_over(const AnyTransport& transport, const Environment& around) {
    return make_reach(transport, transport, around);
}

}  // namespace tests

#endif
