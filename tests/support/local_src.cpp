// Everything of the local cloud that can be compiled once.
#include <blueprint/faas/local/src.hpp>
