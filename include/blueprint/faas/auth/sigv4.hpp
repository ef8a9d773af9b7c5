#ifndef BLUEPRINT_FAAS_AUTH_SIGV4_HPP
#define BLUEPRINT_FAAS_AUTH_SIGV4_HPP

#include "blueprint/faas/auth/aws/credentials.hpp"
#include "blueprint/faas/auth/concept.hpp"
#include "blueprint/faas/auth/sigv4_signing.hpp"
#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/environment.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas {

/// What `SigV4` signs for.
struct SigV4Options {
    std::string region{};            ///< "eu-central-1"
    std::string service = "lambda";  ///< the signing name, where a purpose names no other one
    /// Bodies to S3 are left to the guard of TLS and not signed, which saves a look at every byte. Where there is no
    /// TLS they are signed all the same.
    bool unsigned_uploads = false;
};

namespace aws {

/// Tells the time as AWS sees it: this machine's clock, put right by what refused requests have shown. May be used from
/// several threads. `environment` must outlive it.
/// Source: AWS SDKs and Tools Reference Guide, clock skew; AWS IAM User Guide: requests are accepted for 5 minutes.
class SkewedClock {
public:
    /// Beyond this a request may have been refused for its time: a minute before servers begin to.
    static constexpr std::chrono::minutes tolerance{4};

    explicit SkewedClock(const Environment& environment) noexcept : environment_{environment} {}

    /// Returns the platform's time.
    BLUEPRINT_FAAS_DECL std::chrono::system_clock::time_point now() const;
    /// Learns from the `Date` of an answer that refuses (400, 403), if the time that its request was signed for is off.
    /// One that a cache has kept (it has an `Age`) teaches nothing.
    BLUEPRINT_FAAS_DECL void observe(const HttpRequest& request, const HttpResponse& answer) noexcept;
    /// Tells whether a request that was refused had been signed for a time which is off by what is known now. By its
    /// own time, not by what was known then: of several that were refused at once each gets its second attempt.
    BLUEPRINT_FAAS_DECL bool is_off(const HttpRequest& request) const noexcept;

private:
    const Environment& environment_;
    std::atomic<std::int64_t> ahead_seconds_{0};  // of the platform's clock
};

/// Returns the access key id that a request was signed with; empty: it was not signed. The view lives as long as the
/// headers are not changed.
BLUEPRINT_FAAS_DECL std::string_view signed_by(const HttpRequest& request) noexcept;

}  // namespace aws

namespace detail {

/// What the copies of a `SigV4` share. May be used from several threads.
class SharedSigner {
public:
    SharedSigner(SigV4Options options, const Environment& environment)
        : scope_{std::move(options.region), std::move(options.service)},
          unsigned_uploads_{options.unsigned_uploads},
          clock_{environment} {}

    /// Signs for the platform's now; an empty `service` means that of the options.
    BLUEPRINT_FAAS_DECL result<void> sign(HttpRequest& request, const std::shared_ptr<const aws::Credentials>& by,
                                          std::string_view service);
    aws::SkewedClock& clock() noexcept { return clock_; }

private:
    const aws::SigningScope scope_;
    const bool unsigned_uploads_;
    aws::SkewedClock clock_;
    aws::Signer signer_{};
};

}  // namespace detail

/// Asks as an account of AWS: signs each attempt afresh, for the moment at which it is sent, with the credentials that
/// the provider has ready or else fetches before the deadline. A pre-authorised upload gets nothing. A request without
/// credentials fails; it is never sent unsigned. The clock is put right by the first refusal that shows it to be wrong,
/// so that the second attempt passes.
/// Copies share keys and clock. Safe to use from several threads; `environment` must outlive it.
template <aws::CredentialsProvider Provider>
class SigV4 {
public:
    /// A signature is good for one request and five minutes, and does not tell the key. A session token is of no use to
    /// somebody who has not also the secret key, which is never sent.
    static constexpr bool reveals_secret = false;

    SigV4(Provider provider, SigV4Options options, const Environment& environment = Environment::process())
        : provider_{std::move(provider)},
          signer_{std::make_shared<detail::SharedSigner>(std::move(options), environment)} {}

    template <class Purpose>
    asio::awaitable<result<void>> authorize(HttpRequest& request, Purpose purpose) {
        return authorize(request, purpose, Deadline::max());
    }
    template <class Purpose>
    BLUEPRINT_FAAS_COLD asio::awaitable<result<void>> authorize(HttpRequest& request, [[maybe_unused]] Purpose purpose,
                                                                [[maybe_unused]] Deadline deadline) {
        if constexpr (!std::is_same_v<Purpose, purpose::Upload>) {
            std::shared_ptr<const aws::Credentials> credentials = provider_.ready();
            if (!credentials) {
                auto fetched = co_await provider_.get(deadline);
                if (!fetched) co_return std::move(fetched).error();
                credentials = std::move(*fetched);
            }
            co_return signer_->sign(request, credentials, service_of(purpose));
        }
        co_return result<void>{};
    }
    /// Signs with credentials that are there; what cannot be signed is left to `authorize`, which tells why.
    template <class Purpose>
    bool try_authorize(HttpRequest& request, [[maybe_unused]] Purpose purpose) {
        if constexpr (std::is_same_v<Purpose, purpose::Upload>) {
            return true;
        } else {
            const std::shared_ptr<const aws::Credentials> credentials = provider_.ready();
            return credentials && signer_->sign(request, credentials, service_of(purpose)).has_value();
        }
    }

    /// Is told of each answer, for the platform's time.
    void observe(const HttpRequest& request, const HttpResponse& answer) noexcept {
        signer_->clock().observe(request, answer);
    }
    /// True without dropping anything if the clock was the reason; else drops the credentials of that request.
    bool invalidate(const HttpRequest& request) noexcept {
        return signer_->clock().is_off(request) || provider_.invalidate(aws::signed_by(request));
    }
    bool invalidate() noexcept {
        const auto credentials = provider_.ready();
        return !credentials || provider_.invalidate(credentials->access_key_id);
    }

private:
    static constexpr std::string_view service_of(purpose::ControlPlane purpose) noexcept { return purpose.service; }
    static constexpr std::string_view service_of(purpose::Invocation) noexcept { return {}; }

    Provider provider_;
    std::shared_ptr<detail::SharedSigner> signer_;
};
static_assert(Auth<SigV4<aws::FixedCredentials>>);

}  // namespace blueprint::faas
BLUEPRINT_FAAS_COROUTINES_END

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/auth/impl/sigv4.ipp"
#endif

#endif
