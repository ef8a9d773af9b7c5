// What most cases include, compiled once for all of them. No more than that: g++ takes long to read what is large. A
// case includes what it uses all the same.
#include "blueprint/faas/job_set.hpp"
#include "blueprint/faas/provider/custom.hpp"
#include "blueprint/faas/registry.hpp"
#include "blueprint/faas/transport/loopback.hpp"
