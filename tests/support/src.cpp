// Everything of the library that can be compiled once.
#include <blueprint/faas/src.hpp>
