// Boost.JSON, for machines that have Boost's headers but not this library of it.
#include <boost/json/src.hpp>
