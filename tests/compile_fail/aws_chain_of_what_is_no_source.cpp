// expect: CredentialSource
#include "blueprint/faas/auth/aws/chain.hpp"
#include "blueprint/faas/auth/aws/container.hpp"

namespace aws = blueprint::faas::aws;

#ifdef CONTROL
using Source = aws::credentials::Container;
#else
struct Source {
    static constexpr const char* name = "a source that finds nothing";
};
#endif

using Chain = aws::Chain<Source>;
Chain* use();
