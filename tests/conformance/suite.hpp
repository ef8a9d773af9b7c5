#ifndef BLUEPRINT_FAAS_TESTS_CONFORMANCE_SUITE_HPP
#define BLUEPRINT_FAAS_TESTS_CONFORMANCE_SUITE_HPP

#include "client.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Judges a platform of the custom contract by what it answers: docs/custom-platform.md, "Conformance".
namespace blueprint::faas::conformance {

enum class Verdict { ok, failed, not_offered };

std::string_view to_string(Verdict verdict) noexcept;

/// What one check found.
struct Finding {
    std::string name{};
    std::string rule{};  ///< where the contract says it
    Verdict verdict = Verdict::ok;
    std::string came{};    ///< what the platform did; empty if all was as it should be
    std::string wanted{};  ///< what the contract wants there; for `not_offered`, what is missing
    std::chrono::milliseconds took{};
};

struct Options {
    std::string function{};                      ///< a compiled echo, used instead of a shell script where bytes matter
    std::vector<std::string> only{};             ///< names, or their beginnings; empty: all checks
    bool large = true;                           ///< also send packages beyond 50 and 250 MiB
    std::chrono::seconds time_limit{300};        ///< for everything; what was not reached by then has failed
    std::function<void(const Finding&)> tell{};  ///< is told of each check when it ends
};

/// One check while it runs. Its first failure is what it reports.
class Trial {
public:
    /// Demands what the contract wants; tells whether it holds.
    bool want(bool holds, const std::string& came, const std::string& wanted);
    bool want_status(const Reply& reply, std::initializer_list<unsigned> any_of, const std::string& why);
    /// Demands an error answer: status, `code`, and a text for people.
    bool want_error(const Reply& reply, std::initializer_list<unsigned> any_of, std::string_view code,
                    const std::string& why);
    /// Ends the check: the platform does not offer what it is about.
    [[noreturn]] void not_offered(const std::string& why);
    /// Ends the check, because what follows makes no sense; `want` has said why.
    [[noreturn]] static void give_up();

    Finding finding{};
};

/// The platform as checks use it: every function that one makes is removed at the end.
class Platform {
public:
    Platform(Client& client, const Options& options);

    Reply ask(Ask what) { return client_.ask(std::move(what)); }
    Client& client() noexcept { return client_; }
    const Options& options() const noexcept { return options_; }
    /// A function id that nobody else has.
    std::string new_id();
    Reply get(const std::string& path);
    Reply put(const std::string& id, std::string zip, std::string_view config = {},
              std::vector<std::pair<std::string, std::string>> fields = {});
    /// Deploys a function and waits until it is there; ends the check if it does not come.
    std::string deploy(Trial& trial, std::string zip, std::string_view config = {});
    std::string deploy_script(Trial& trial, std::string_view script, std::string_view config = {});
    /// Deploys a function that answers with what it was called with.
    std::string deploy_echo(Trial& trial);
    Ask call(const std::string& id, std::string_view args = "[]",
             std::vector<std::pair<std::string, std::string>> fields = {}) const;
    Reply invoke(const std::string& id, std::string_view args = "[]") { return ask(call(id, args)); }
    Reply remove(const std::string& id);
    /// Removes whatever is left of this run.
    void clean_up();
    /// Whether the platform announced a feature of contract 1.1.
    bool announces(std::string_view feature);
    /// A limit that it announced, or the contract's.
    std::uint64_t limit(const std::string& name, std::uint64_t otherwise);

private:
    void ask_what_it_has();

    Client& client_;
    const Options& options_;
    std::string run_;
    unsigned functions_ = 0;
    std::set<std::string> deployed_;
    bool described_ = false;
    boost::json::object description_;
};

struct Check {
    std::string_view name;
    std::string_view rule;
    void (*run)(Platform&, Trial&);
};
std::span<const Check> checks_of_1_0();
std::span<const Check> checks_of_functions();
std::span<const Check> checks_of_1_1();

/// Runs the checks in their order and removes what they deployed.
std::vector<Finding> run_checks(Client& client, const Options& options);

/// The bytes of a successful answer; nothing if it is none.
std::optional<std::string> result_bytes(const Reply& reply);
std::string json_array(std::string_view bytes);
/// Bytes of every value, not the same everywhere.
std::string some_bytes(std::size_t size);

}  // namespace blueprint::faas::conformance

#endif
