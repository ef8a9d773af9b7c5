#ifndef BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_SESSIONS_HPP
#define BLUEPRINT_FAAS_TRANSPORT_IMPL_TLS_SESSIONS_HPP

#include "blueprint/faas/transport/impl/optional_mutex.hpp"

#include <openssl/ssl.h>

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace blueprint::faas::detail {

struct FreeTlsSession {
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using TlsSession = std::unique_ptr<SSL_SESSION, FreeTlsSession>;

/// Keeps what servers gave us to make the next handshake short: a few sessions an origin, and those of the origins used
/// last. It belongs to one transport, so a session never serves another client certificate or other trust.
class TlsSessions {
public:
    static constexpr std::size_t per_origin = 8;
    static constexpr std::size_t origins = 256;

    explicit TlsSessions(bool locks) : mutex_{locks} {}

    BLUEPRINT_FAAS_COLD void keep(const std::string& origin, TlsSession session) {
        const std::lock_guard lock{mutex_};
        auto [found, fresh] = by_origin_.try_emplace(origin);
        if (fresh) {
            used_.push_back(&found->first);
            found->second.place = std::prev(used_.end());
            if (by_origin_.size() > origins) {
                by_origin_.erase(by_origin_.find(*used_.front()));
                used_.pop_front();
            }
        } else {
            used_.splice(used_.end(), used_, found->second.place);
        }
        auto& kept = found->second.sessions;
        kept.push_back(std::move(session));
        if (kept.size() > per_origin) kept.pop_front();
    }

    /// Takes the newest usable session of `origin`, or nothing. One of TLS 1.3 is used once, so that nobody can link
    /// two connections by it. Source: RFC 8446, appendix C.4.
    BLUEPRINT_FAAS_COLD TlsSession take(const std::string& origin) {
        const std::lock_guard lock{mutex_};
        const auto found = by_origin_.find(origin);
        if (found == by_origin_.end()) return nullptr;
        auto& kept = found->second.sessions;
        while (!kept.empty()) {
            TlsSession session = std::move(kept.back());
            kept.pop_back();
            if (SSL_SESSION_is_resumable(session.get()) != 1) continue;
            if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION) {
                SSL_SESSION_up_ref(session.get());
                kept.emplace_back(session.get());
            }
            return session;
        }
        return nullptr;
    }

    std::size_t origins_kept() const noexcept { return by_origin_.size(); }
    BLUEPRINT_FAAS_COLD std::size_t kept() const noexcept {
        std::size_t sum = 0;
        for (const auto& [origin, kept] : by_origin_) sum += kept.sessions.size();
        return sum;
    }

private:
    struct Kept {
        std::deque<TlsSession> sessions{};
        std::list<const std::string*>::iterator place{};
    };
    OptionalMutex mutex_;
    std::unordered_map<std::string, Kept> by_origin_;
    std::list<const std::string*> used_;  // the one used last is at the back
};

}  // namespace blueprint::faas::detail

#endif
