#ifndef BLUEPRINT_FAAS_RUNNER_ROUTER_HPP
#define BLUEPRINT_FAAS_RUNNER_ROUTER_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/metrics.hpp"
#include "blueprint/faas/runner/handler.hpp"

#include <boost/asio/awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace blueprint::faas {

/// What became of one call: of a job on FaaS one invocation; of a local job one for each result, so perhaps none.
/// Results of "always" handlers follow. A failure of the job itself stands in an invocation's `outcome`.
using Answers = std::vector<Invocation>;

class Next;

namespace detail {

using Layer = std::function<asio::awaitable<result<Answers>>(JobCall, Next)>;

// The end of the layers: runs the job, wherever that is.
class Destination {
public:
    virtual asio::awaitable<result<Answers>> run(JobCall call) = 0;

protected:
    ~Destination() = default;
};

}  // namespace detail

/// The rest of the way of a call: the layers further in, then the job. A layer may call it once, several times (to try
/// again), or not at all (to refuse). Usable until the layer's own awaitable has ended.
class Next {
public:
    Next(const std::vector<detail::Layer>& layers, std::size_t index, detail::Destination& destination) noexcept
        : layers_{&layers}, index_{index}, destination_{&destination} {}

    asio::awaitable<result<Answers>> operator()(JobCall call) const {
        if (index_ == layers_->size()) return destination_->run(std::move(call));
        return (*layers_)[index_](std::move(call), Next{*layers_, index_ + 1, *destination_});
    }

private:
    const std::vector<detail::Layer>* layers_;
    std::size_t index_;
    detail::Destination* destination_;
};

/// Stands around every call, local or on FaaS: `awaitable<result<Answers>>(JobCall, Next)`. An `Error` that it returns
/// becomes the call's one failed result.
template <class L>
concept RouterLayer = std::move_constructible<L> && requires(L& layer, JobCall call, Next next) {
    { layer(std::move(call), next) } -> std::same_as<asio::awaitable<result<Answers>>>;
};

/// Several jobs with one way to run them, such as a `JobSet`.
template <class J>
concept JobList = std::move_constructible<J> && requires(J& jobs, JobCall call) {
    { JobId{*std::begin(jobs.job_ids)} };
    { jobs.run(std::move(call)) } -> std::same_as<asio::awaitable<result<Bytes>>>;
};

/// Says who runs which job in this process. A call goes through the layers to its route, else to the fallback, and then
/// through every "always" handler in the order they were added, whatever became of the job. Handlers and layers are
/// kept as long as the router, so they may be coroutine lambdas with captures. Fill it first, then use it; a filled
/// router runs any number of calls at once, and its handlers run wherever the caller runs (a runner: on its strand).
/// A mistake while filling (an id with two routes) is kept, told by `problems()`, and refused by `Runner`'s `build()`.
class Router {
public:
    /// Sends the calls of `id` to `handler`. A second route of an id changes nothing and is a problem.
    template <JobHandler H>
    Router& route(JobId id, H handler) {
        return add_route(id, detail::make_handler(std::move(handler)));
    }
    /// Runs `handler` for every call as well, those of jobs on FaaS included; its results are further results of the
    /// call.
    template <JobHandler H>
    Router& always(H handler) {
        always_.push_back(detail::make_handler(std::move(handler)));
        return *this;
    }
    /// Sends calls without a route to `handler`. A second fallback changes nothing and is a problem.
    template <JobHandler H>
    Router& fallback(H handler) {
        return set_fallback(detail::make_handler(std::move(handler)));
    }
    /// Puts `layer` around every call, inside the layers added before.
    template <RouterLayer L>
    Router& layer(L layer) {
        layers_.push_back([shared = std::make_shared<L>(std::move(layer))](JobCall call, Next next) {
            return (*shared)(std::move(call), next);
        });
        return *this;
    }
    /// Adds a route for each of `jobs.job_ids`.
    template <JobList J>
    Router& add(J jobs) {
        const auto shared = std::make_shared<J>(std::move(jobs));
        for (const auto id : shared->job_ids)
            add_route(JobId{id}, detail::make_handler([shared](JobCall call) { return shared->run(std::move(call)); }));
        return *this;
    }

    bool has_route(JobId id) const noexcept { return routes_.contains(id); }
    /// The ids that have a route, in no order.
    std::vector<JobId> route_ids() const {
        std::vector<JobId> ids;
        for (const auto& [id, handler] : routes_) ids.push_back(id);
        return ids;
    }
    bool has_fallback() const noexcept { return static_cast<bool>(fallback_); }
    bool has_always() const noexcept { return !always_.empty(); }
    /// What was wrong with the filling, in order; empty if nothing.
    const std::vector<Error>& problems() const noexcept { return problems_; }

    /// Runs one call here: layers, route or fallback, "always" handlers. A job without route and fallback gives one
    /// failed result of `errc::not_found`. Every result has the call's job id and metadata. `*this` must outlive it.
    asio::awaitable<Answers> run(JobCall call);

    /// Runs one call through the layers to `destination`, which outlives it, instead of the routes.
    asio::awaitable<Answers> run_through(detail::Destination& destination, JobCall call);
    /// Runs the route or the fallback of one call, without layers and "always" handlers.
    asio::awaitable<Answers> run_route(JobCall call);
    /// Runs the "always" handlers of one call and appends their results to `answers`, which outlives it.
    asio::awaitable<void> run_always(JobCall call, Answers& answers);

private:
    Router& add_route(JobId id, detail::Handler handler);
    Router& set_fallback(detail::Handler handler);

    std::unordered_map<JobId, detail::Handler> routes_;
    std::vector<detail::Handler> always_;
    detail::Handler fallback_;
    std::vector<detail::Layer> layers_;
    std::vector<Error> problems_;
};

}  // namespace blueprint::faas

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/runner/impl/router.ipp"
#endif

#endif
