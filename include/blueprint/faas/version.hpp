#ifndef BLUEPRINT_FAAS_VERSION_HPP
#define BLUEPRINT_FAAS_VERSION_HPP

/// The version as one number: major * 10000 + minor * 100 + patch.
#define BLUEPRINT_FAAS_VERSION 100
/// The version as text, as `meson.build` has it.
#define BLUEPRINT_FAAS_VERSION_STRING "0.1.0"

#endif
