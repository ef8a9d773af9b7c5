// expect: PayloadFormat
#include "blueprint/faas/codec/custom.hpp"

namespace faas = blueprint::faas;

#ifdef CONTROL
using Codec = faas::CustomCodec<faas::Base64Json>;
#else
struct Xml {};
using Codec = faas::CustomCodec<Xml>;
#endif

faas::result<void> use(Codec& codec);
