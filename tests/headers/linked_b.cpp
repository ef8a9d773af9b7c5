#include "all_headers.hpp"

const void* category_seen_by_b();
const void* category_seen_by_b() { return &blueprint::faas::faas_category(); }
