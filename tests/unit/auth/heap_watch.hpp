#ifndef BLUEPRINT_FAAS_TESTS_UNIT_AUTH_HEAP_WATCH_HPP
#define BLUEPRINT_FAAS_TESTS_UNIT_AUTH_HEAP_WATCH_HPP

#include <array>
#include <string_view>

namespace tests::heap {

// What goes through the heap while it watches: how many blocks are taken, and whether one that is given
// back holds a text that must not be left behind. One file of the program replaces operators new and delete.
extern bool watching;
extern int blocks_taken;
extern int blocks_with_secret;
extern std::array<std::string_view, 3> watched_for;

struct Watch {
    Watch() {
        blocks_taken = blocks_with_secret = 0;
        watching = true;
    }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { watching = false; }
};

}  // namespace tests::heap

#endif
