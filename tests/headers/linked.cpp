#include "all_headers.hpp"

const void* category_seen_here();
const void* category_seen_here() { return &blueprint::faas::faas_category(); }
