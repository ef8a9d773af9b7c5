#include "blueprint/faas/error.hpp"

const void* category_seen_here();

// A file with every header in it links, and what is one object in the library is one object in the program.
int main() { return category_seen_here() == &blueprint::faas::faas_category() ? 0 : 1; }
