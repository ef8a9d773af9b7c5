#include "all_headers.hpp"

const void* category_seen_by_b();

// Two files with every header in them link, and what is one object in the library is one object in the program.
int main() { return category_seen_by_b() == &blueprint::faas::faas_category() ? 0 : 1; }
