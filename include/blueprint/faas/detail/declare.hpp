#ifndef BLUEPRINT_FAAS_DETAIL_DECLARE_HPP
#define BLUEPRINT_FAAS_DETAIL_DECLARE_HPP

// Header-only by default: non-template functions are `inline` and their definitions (`impl/*.ipp`) are included by
// the header that declares them. With BLUEPRINT_FAAS_SEPARATE_COMPILATION defined for every file of a program, the
// definitions stand in the one file that includes <blueprint/faas/src.hpp>.
#if defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#define BLUEPRINT_FAAS_DECL
#else
#define BLUEPRINT_FAAS_DECL inline
#endif

#endif
