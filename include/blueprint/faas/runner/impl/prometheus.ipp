#ifndef BLUEPRINT_FAAS_RUNNER_IMPL_PROMETHEUS_IPP
#define BLUEPRINT_FAAS_RUNNER_IMPL_PROMETHEUS_IPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/runner/prometheus.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <utility>

namespace blueprint::faas {

namespace detail {

// Writes families of one metric each: the head once, then a line for each set of labels.
class PrometheusText {
public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_ += "# HELP " + name_ + ' ' + std::string{help} + "\n# TYPE " + name_ + ' ' + std::string{type} + '\n';
    }
    void value(const std::string& labels, std::uint64_t number) {
        text_ += name_ + '{' + labels + "} " + std::to_string(number) + '\n';
    }
    void histogram(const std::string& labels, const LatencyHistogram& data) {
        std::uint64_t so_far = 0;
        for (std::size_t i = 0; i < data.counts.size(); ++i) {
            so_far += data.counts[i];
            const bool last = i == LatencyHistogram::bounds_seconds.size();
            text_ += name_ + "_bucket{" + labels + ",le=\"" +
                     (last ? "+Inf" : number(LatencyHistogram::bounds_seconds[i])) + "\"} " + std::to_string(so_far) +
                     '\n';
        }
        text_ += name_ + "_sum{" + labels + "} " + number(static_cast<double>(data.sum.count()) / 1e6) + '\n';
        text_ += name_ + "_count{" + labels + "} " + std::to_string(so_far) + '\n';
    }
    static std::string label(std::string_view name, std::string_view value) {
        std::string out = std::string{name} + "=\"";
        for (const char c : value) {
            if (c == '\\' || c == '"') out += '\\';
            if (c == '\n')
                out += "\\n";
            else
                out += c;
        }
        return out + '"';
    }
    std::string take() { return std::move(text_); }

private:
    static std::string number(double value) {
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
        return {digits.data(), end};
    }

    std::string text_, name_;
};

}  // namespace detail

BLUEPRINT_FAAS_DECL std::string to_prometheus(const Statistics& statistics) {
    detail::PrometheusText text;
    const auto of_job = [](const JobStatistics& job) {
        return detail::PrometheusText::label("job_id", job.job_id ? std::to_string(job.job_id->value()) : "other");
    };
    const auto each_job = [&](const char* name, const char* type, const char* help,
                              const std::function<void(const JobStatistics&, const std::string&)>& write) {
        text.family(name, type, help);
        for (const auto& job : statistics.jobs) write(job, of_job(job));
    };
    const auto each_provider = [&](const char* name, const char* type, const char* help,
                                   const std::function<void(const ProviderStatistics&, const std::string&)>& write) {
        each_job(name, type, help, [&](const JobStatistics& job, const std::string& labels) {
            for (const auto& one : job.providers)
                write(one, labels + ',' + detail::PrometheusText::label("faas_invoked_provider", one.provider));
        });
    };

    each_provider("faas_invocations_total", "counter", "Invocations that succeeded.",
                  [&](const auto& one, const auto& labels) { text.value(labels, one.succeeded); });
    each_provider("faas_errors_total", "counter", "Invocations that failed, by what went wrong.",
                  [&](const auto& one, const auto& labels) {
                      for (std::size_t code = 1; code < one.errors.size(); ++code) {
                          if (one.errors[code] == 0) continue;
                          const auto type = make_error_code(static_cast<errc>(code)).message();
                          text.value(labels + ',' + detail::PrometheusText::label("error_type", type),
                                     one.errors[code]);
                      }
                  });
    each_provider("faas_timeouts_total", "counter", "Invocations that timed out.",
                  [&](const auto& one, const auto& labels) { text.value(labels, one.errors_of(errc::timed_out)); });
    each_provider("faas_coldstarts_total", "counter", "Invocations that started an instance, as far as told.",
                  [&](const auto& one, const auto& labels) { text.value(labels, one.cold_starts); });
    each_provider("faas_invoke_duration_seconds", "histogram", "How long invocations took, seen from here.",
                  [&](const auto& one, const auto& labels) { text.histogram(labels, one.duration); });
    each_job("blueprint_faas_calls_total", "counter", "Calls by what became of them, each counted once.",
             [&](const auto& job, const auto& labels) {
                 text.value(labels + ",outcome=\"succeeded\"", job.succeeded);
                 text.value(labels + ",outcome=\"failed\"", job.failed);
                 text.value(labels + ",outcome=\"unfinished\"", job.unfinished);
             });
    const auto each_count = [&](const char* name, const char* type, const char* help,
                                std::uint64_t JobStatistics::* member) {
        each_job(name, type, help, [&](const auto& job, const auto& labels) { text.value(labels, job.*member); });
    };
    each_count("blueprint_faas_retries_total", "counter", "Calls tried again by the runner.", &JobStatistics::retries);
    each_count("blueprint_faas_failovers_total", "counter", "Calls handed to another executor.",
               &JobStatistics::failovers);
    each_count("blueprint_faas_fallbacks_total", "counter", "Calls run in this process instead.",
               &JobStatistics::fallbacks);
    each_count("blueprint_faas_dead_letters_total", "counter", "Calls written to the dead letters.",
               &JobStatistics::dead_letters);
    each_count("blueprint_faas_in_flight", "gauge", "Calls in flight now.", &JobStatistics::in_flight);
    each_count("blueprint_faas_waiting", "gauge", "Calls that wait for their job's in-flight limit now.",
               &JobStatistics::waiting);
    each_job("blueprint_faas_queue_wait_seconds", "histogram", "How long calls waited for their start.",
             [&](const auto& job, const auto& labels) { text.histogram(labels, job.queue_wait); });
    return text.take();
}

}  // namespace blueprint::faas

#endif
