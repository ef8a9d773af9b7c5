#ifndef BLUEPRINT_FAAS_TESTS_FUZZ_WORLD_HPP
#define BLUEPRINT_FAAS_TESTS_FUZZ_WORLD_HPP

#include "answers.hpp"
#include "blueprint/faas/auth/reach.hpp"
#include "blueprint/faas/deadline.hpp"
#include "blueprint/faas/environment.hpp"
#include "fit.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace blueprint::faas::fuzz {

/// The surroundings of sources of credentials: always the same day, variables and files that a target gives, and
/// servers that answer what is left of the input. Nothing waits: there is no jitter, and nobody waits for as long as a
/// Retry-After can say.
class World final : public Environment {
public:
    explicit World(Reader& answers) : answers_{answers} {
        reach.executor = io_.get_executor();
        reach.environment = this;
        reach.exchange = [this](HttpRequest request, Deadline) { return answer(std::move(request)); };
    }

    std::map<std::string, std::string> variables{};
    std::map<std::string, std::string> files{};
    std::vector<std::string> secrets{};  ///< that no error may tell
    Reach reach{};
    mutable std::string replaced{};  ///< the text of the file that was written last
    std::size_t asked = 0;

    std::chrono::system_clock::time_point now() const override {
        return std::chrono::sys_days{std::chrono::year{2026} / 1 / 2};
    }
    double jitter() const noexcept override { return 0; }
    std::optional<std::string> variable(const std::string& name) const override {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
    }
    result<std::optional<Secret>> read_file(const std::string& path, std::size_t) const override {
        const auto found = files.find(path);
        if (found == files.end()) return std::optional<Secret>{};
        return std::optional<Secret>{std::string_view{found->second}};
    }
    result<void> replace_file(const std::string&, const Secret& text) const override {
        replaced = text.reveal();
        return {};
    }

    /// Runs an operation to its end; what it says when it fails fits for people and tells no secret.
    template <class T>
    result<T> run(asio::awaitable<result<T>> operation) {
        std::optional<result<T>> outcome;
        asio::co_spawn(io_, std::move(operation), [&](std::exception_ptr thrown, result<T> value) {
            FAAS_REQUIRE(!thrown);
            outcome.emplace(std::move(value));
        });
        io_.restart();
        io_.run();
        FAAS_REQUIRE(outcome.has_value());
        if (!fits(*outcome)) quiet(outcome->error());
        return std::move(*outcome);
    }
    void quiet(const Error& error) const {
        FAAS_REQUIRE(error.execution == Execution::not_started);
        for (const auto& secret : secrets)
            for (const std::string_view text : {std::string_view{error.message}, std::string_view{error.platform_code},
                                                std::string_view{error.request_id}})
                FAAS_REQUIRE(text.find(secret) == std::string_view::npos);
    }
    static Deadline soon() { return deadline_after(std::chrono::milliseconds{900}); }

private:
    asio::awaitable<result<HttpResponse>> answer(HttpRequest request) {
        FAAS_REQUIRE(request.headers.refused().empty());
        FAAS_REQUIRE(request.target.starts_with('/'));
        FAAS_REQUIRE(request.target.find_first_of(std::string_view{" \r\n\0", 4}) == std::string::npos);
        FAAS_REQUIRE(++asked < 100);
        if (answers_.rest().empty())
            co_return Error{
                .code = errc::infrastructure, .message = "there is no further answer", .execution = Execution::unknown};
        co_return take_answer(answers_);
    }

    Reader& answers_;
    asio::io_context io_{1};
};

}  // namespace blueprint::faas::fuzz

#endif
