// expect: Lambda takes JSON alone
#include "blueprint/faas/codec/aws_lambda.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Codec = faas::LambdaCodec<faas::JsonBytes>;
#else
using Codec = faas::LambdaCodec<faas::Binary>;
#endif

Codec make() { return Codec{faas::LambdaOptions{}}; }
