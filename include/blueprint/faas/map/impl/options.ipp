#ifndef BLUEPRINT_FAAS_MAP_IMPL_OPTIONS_IPP
#define BLUEPRINT_FAAS_MAP_IMPL_OPTIONS_IPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/map/options.hpp"

#include <array>
#include <cstdio>

namespace blueprint::faas {

BLUEPRINT_FAAS_DECL std::string_view to_string(MapState state) noexcept {
    switch (state) {
        case MapState::not_started: return "not started";
        case MapState::running: return "running";
        case MapState::waiting_for_input: return "waiting for input";
        case MapState::waiting_for_calls: return "waiting for calls";
        case MapState::waiting_for_consumer: return "waiting for somebody to take completions";
        case MapState::stopping: return "stopping";
        case MapState::ended: break;
    }
    return "ended";
}

BLUEPRINT_FAAS_DECL std::string_view to_string(MapEnd end) noexcept {
    switch (end) {
        case MapEnd::inputs_ended: return "inputs ended";
        case MapEnd::stop_requested: return "stop requested";
        case MapEnd::max_failures: return "too many failures";
        case MapEnd::max_failure_ratio: return "too many failures in proportion";
        case MapEnd::time_limit: return "time limit";
        case MapEnd::source_failed: return "the source of inputs failed";
        case MapEnd::resume_failed: return "the resume file failed";
        case MapEnd::refused: return "wrong options";
        case MapEnd::abandoned: break;
    }
    return "abandoned";
}

BLUEPRINT_FAAS_DECL std::string describe(const MapProgress& progress) {
    const auto number = [](double value) {
        std::array<char, 32> text{};
        std::snprintf(text.data(), text.size(), "%.1f", value);
        return std::string{text.data()};
    };
    std::string line = std::to_string(progress.succeeded + progress.failed + progress.resumed);
    if (progress.total) line += " of " + std::to_string(*progress.total);
    line += " done";
    if (progress.failed > 0) line += " (" + std::to_string(progress.failed) + " failed)";
    line += ", " + std::to_string(progress.in_flight) + " in flight, " + number(progress.per_second) + "/s; ";
    line += to_string(progress.state);
    if (progress.end && *progress.end != MapEnd::inputs_ended)
        line += " (" + std::string{to_string(*progress.end)} + ')';
    if (progress.oldest && progress.oldest_running_for >= std::chrono::seconds{1})
        line += ", input " + std::to_string(*progress.oldest) + " for " +
                number(static_cast<double>(progress.oldest_running_for.count()) / 1000) + " s";
    if (progress.not_submitted && *progress.not_submitted > 0)
        line += ", " + std::to_string(*progress.not_submitted) + " not submitted";
    return line;
}

namespace detail {

BLUEPRINT_FAAS_DECL std::optional<MapEnd> too_many_failures(const MapOptions& options, std::uint64_t succeeded,
                                                            std::uint64_t failed) noexcept {
    if (options.max_failures && failed >= *options.max_failures) return MapEnd::max_failures;
    const auto finished = succeeded + failed;
    if (options.max_failure_ratio && finished > 0 && finished >= options.failure_ratio_after &&
        static_cast<double>(failed) > *options.max_failure_ratio * static_cast<double>(finished))
        return MapEnd::max_failure_ratio;
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::optional<Error> check_options(const MapOptions& options) {
    const auto wrong = [](std::string what) {
        return Error{.code = errc::invalid_configuration,
                     .message = "the map cannot run: " + std::move(what),
                     .execution = Execution::not_started};
    };
    if (options.in_flight == 0) return wrong("MapOptions::in_flight is 0; it is at least 1");
    if (options.max_failures && *options.max_failures == 0)
        return wrong("MapOptions::max_failures is 0; 1 stops at the first failure, empty never");
    if (options.idempotency_keys && options.run_id.empty())
        return wrong("idempotency keys need MapOptions::run_id, a name that no other run has");
    if (options.resume && options.resume->path.empty()) return wrong("ResumeOptions::path is empty");
    if (options.resume && options.run_id.empty())
        return wrong("a resume file needs MapOptions::run_id, which names the run over all its attempts");
    return std::nullopt;
}

BLUEPRINT_FAAS_DECL std::string idempotency_key(std::string_view run_id, std::uint64_t index, std::uint32_t failures) {
    std::string key = std::string{run_id} + '-' + std::to_string(index);
    if (failures > 0) key += '-' + std::to_string(failures);
    return key;
}

}  // namespace detail

}  // namespace blueprint::faas

#endif
