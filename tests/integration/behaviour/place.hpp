#ifndef BLUEPRINT_FAAS_TESTS_BEHAVIOUR_PLACE_HPP
#define BLUEPRINT_FAAS_TESTS_BEHAVIOUR_PLACE_HPP

#include "blueprint/faas/any_executor.hpp"
#include "blueprint/faas/capabilities.hpp"
#include "blueprint/faas/config.hpp"
#include "support/recording_transport.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests::behaviour {

namespace asio = boost::asio;
namespace faas = blueprint::faas;

/// An executor without its type, and what it sends.
struct Subject {
    faas::AnyFaasExecutor executor;
    faas::test::SentLines lines;
    std::shared_ptr<std::vector<std::size_t>> body_bytes;  ///< of the bodies of those requests
};

/// Takes any executor over a `RecordingTransport`.
template <class E>
Subject subject_of(E executor) {
    auto lines = executor.transport().lines;
    auto body_bytes = executor.transport().body_bytes;
    return {faas::AnyFaasExecutor{std::move(executor)}, std::move(lines), std::move(body_bytes)};
}

/// What a sentence wants its place to be like.
struct Wish {
    bool one_call_at_a_time = false;  ///< further calls are refused, and not kept waiting
};

/// One provider's local cloud, and executors that reach it.
class Place {
public:
    Place() = default;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    virtual ~Place() = default;

    virtual asio::io_context& io() = 0;
    /// Makes an executor that knows nothing of what others did.
    virtual Subject subject() = 0;
    /// Whether a request, "PUT /api/functions/job0", changes something at the platform.
    virtual bool writes(std::string_view line) const = 0;
    /// Whether it is the call of a job.
    virtual bool calls(std::string_view line) const = 0;
    /// What nobody may ever tell.
    virtual std::vector<std::string> secrets() const = 0;
    /// For a place of one call at a time: makes the configuration say so, where that is what limits calls.
    virtual void limit(faas::FaasConfig& config) const { config.max_concurrency = 1; }
    /// Takes the limit back, for a place where no call's end does that.
    virtual void relieve() {}
};

/// A provider: a name for its tests, what its executor can do, and where that is tried.
struct Provider {
    const char* name;
    faas::Capabilities can;
    std::unique_ptr<Place> (*open)(const Wish& wish);
};

extern const Provider custom;
extern const Provider aws;
extern const Provider cloud_run;
extern const Provider cloud_functions;
extern const Provider azure;
extern const Provider digitalocean;
extern const Provider openwhisk;

}  // namespace tests::behaviour

#endif
