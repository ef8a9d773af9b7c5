#ifndef BLUEPRINT_FAAS_DETAIL_EXECUTOR_REF_HPP
#define BLUEPRINT_FAAS_DETAIL_EXECUTOR_REF_HPP

#include "blueprint/faas/executor_concept.hpp"

#include <concepts>
#include <string_view>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::detail {

/// Borrows an executor without its type, so that what stands between executors is compiled once.
class ExecutorRef {
public:
    template <Executor E>
        requires(!std::same_as<E, ExecutorRef>)
    explicit ExecutorRef(E& executor) noexcept
        : executor_{&executor}, invoke_{&invoke_of<E>}, name_{&name_of<E>}, io_{&io_of<E>} {}

    asio::awaitable<result<Invocation>> invoke(JobCall call) const { return invoke_(executor_, std::move(call)); }
    std::string_view name() const { return name_(executor_); }
    asio::any_io_executor get_executor() const { return io_(executor_); }

private:
    template <class E>
    static asio::awaitable<result<Invocation>> invoke_of(void* executor, JobCall call) {
        return static_cast<E*>(executor)->invoke_with_metrics(std::move(call));
    }
    template <class E>
    static std::string_view name_of(void* executor) {
        return static_cast<E*>(executor)->provider_name();
    }
    template <class E>
    static asio::any_io_executor io_of(void* executor) {
        return static_cast<E*>(executor)->get_executor();
    }

    void* executor_;
    asio::awaitable<result<Invocation>> (*invoke_)(void*, JobCall);
    std::string_view (*name_)(void*);
    asio::any_io_executor (*io_)(void*);
};

/// Leaves what was measured away.
inline asio::awaitable<result<JobResult>> only_result(asio::awaitable<result<Invocation>> operation) {
    auto done = co_await std::move(operation);
    if (!done) co_return std::move(done).error();
    co_return std::move(done->result);
}

}  // namespace blueprint::faas::detail
BLUEPRINT_FAAS_COROUTINES_END

#endif
