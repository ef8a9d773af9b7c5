// expect: OpenWhisk takes JSON alone
#include "blueprint/faas/codec/openwhisk.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Codec = faas::OpenWhiskCodec<faas::JsonBytes>;
#else
using Codec = faas::OpenWhiskCodec<faas::Binary>;
#endif

Codec make() { return Codec{faas::OpenWhiskOptions{}}; }
