#include <blueprint/faas/src.hpp>
