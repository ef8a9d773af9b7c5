#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SHARED_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SHARED_IPP

#include "blueprint/faas/local/gcp_shared.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace blueprint::faas::local {

/// Runs on the strand. Detached, but counted in `shared.running`, and `GcpShared::finish` waits for that.
inline asio::awaitable<void> run_gcp_task(GcpShared& shared, std::shared_ptr<void> owner, asio::awaitable<void> task) {
    struct Counted {
        explicit Counted(GcpShared& counting) : shared{counting} { ++shared.running; }
        Counted(const Counted&) = delete;
        Counted& operator=(const Counted&) = delete;
        ~Counted() {
            if (--shared.running == 0) shared.all_over.cancel();
        }
        GcpShared& shared;
    };
    const auto kept = std::move(owner);
    const Counted counted{shared};
    try {
        co_await std::move(task);
    } catch (const std::exception&) {  // out of memory: this one ends, the cloud goes on
    }
}

BLUEPRINT_FAAS_DECL void GcpShared::spawn(asio::awaitable<void> task) {
    auto alive = owner.lock();
    if (!alive) return;
    asio::co_spawn(host.strand, run_gcp_task(*this, std::move(alive), std::move(task)), asio::detached);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpShared::pause(std::chrono::milliseconds time) {
    if (stopping || time.count() <= 0) co_return;
    asio::steady_timer timer{host.strand};
    timer.expires_after(time);
    pauses.insert(&timer);
    const auto [ignored] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(ignored);
    pauses.erase(&timer);
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> GcpShared::finish() {
    stopping = true;
    for (auto* timer : pauses) timer->cancel();
    while (running > 0) {
        const auto [ignored] = co_await all_over.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

BLUEPRINT_FAAS_DECL std::optional<GcpStatus> GcpShared::fault(std::string_view verb, std::string_view name) const {
    if (!options.operation_fault) return std::nullopt;
    return options.operation_fault(verb, name);
}

BLUEPRINT_FAAS_DECL result<void> GcpShared::check_place(GcpTarget& target, bool lists) const {
    auto& segments = target.segments;
    if (segments[1] != options.project && segments[1] != options.project_number)
        return gcp_refusal(403, "PERMISSION_DENIED CONSUMER_INVALID",
                           "Permission denied on resource project " + segments[1] + '.');
    segments[1] = options.project;
    if (!(lists && segments[3] == "-") && !is_gcp_name(segments[3], 40))
        return gcp_invalid("Invalid resource field value in the request: location '" + segments[3] + '\'');
    return {};
}

BLUEPRINT_FAAS_DECL result<void> GcpShared::check_account(std::string_view email) const {
    if (email.empty() || email == default_account() || options.service_accounts.contains(std::string{email})) return {};
    return gcp_refusal(403, "PERMISSION_DENIED",
                       "Permission 'iam.serviceaccounts.actAs' denied on service account " + std::string{email} +
                           " (or it may not exist).");
}

}  // namespace blueprint::faas::local

#endif
