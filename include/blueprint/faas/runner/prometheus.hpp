#ifndef BLUEPRINT_FAAS_RUNNER_PROMETHEUS_HPP
#define BLUEPRINT_FAAS_RUNNER_PROMETHEUS_HPP

#include "blueprint/faas/runner/statistics.hpp"

#include <string>
#include <string_view>

namespace blueprint::faas {

/// The media type of what `to_prometheus` writes, for an HTTP answer.
inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// Writes statistics as Prometheus reads them. What OpenTelemetry has a name for is called so: faas_invocations_total
/// (those that succeeded), faas_errors_total by error_type, faas_timeouts_total (also among the errors),
/// faas_coldstarts_total and faas_invoke_duration_seconds, by job_id and faas_invoked_provider. The rest begins with
/// blueprint_faas_. Seconds are the unit of time; a job id without executor and route is "other".
/// Source: Prometheus, "Exposition formats", text-based format 0.0.4; OpenTelemetry, "Semantic conventions for FaaS
/// metrics" and "Prometheus and OpenMetrics compatibility".
std::string to_prometheus(const Statistics& statistics);

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/prometheus.ipp"
#endif

#endif
