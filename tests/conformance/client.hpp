#ifndef BLUEPRINT_FAAS_TESTS_CONFORMANCE_CLIENT_HPP
#define BLUEPRINT_FAAS_TESTS_CONFORMANCE_CLIENT_HPP

#include "blueprint/faas/http.hpp"
#include "blueprint/faas/secret.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Sends what a check wants to be sent, right or wrong, and shows what came back: it knows nothing of the contract.
namespace blueprint::faas::conformance {

/// The platform that is tested.
struct Target {
    std::string url{};                                     ///< base URL; plain HTTP only to this machine
    std::vector<std::pair<std::string, Secret>> fields{};  ///< sent with every request: the credential
    std::string extra_roots{};                             ///< PEM text of a certificate authority of its own
    std::string client_certificate{};                      ///< PEM text of ours, if the platform asks for one
    Secret client_key{};
    Secret client_key_password{};
};

/// One request. `path` comes after the base URL, as it stands.
struct Ask {
    Verb verb = Verb::get;
    std::string path{};
    std::vector<std::pair<std::string, std::string>> fields{};
    std::string body{};
    bool with_credential = true;
    std::chrono::milliseconds limit{30'000};
    std::size_t max_answer_bytes = 32U << 20;
};

/// One answer; `status` 0 means that none came, and `failure` says why.
struct Reply {
    unsigned status = 0;
    Headers headers{};
    std::string body{};
    std::string failure{};
    std::chrono::milliseconds took{};

    std::string field(std::string_view name) const { return std::string{headers.get(name).value_or("")}; }
    /// The body as a JSON object; nothing if it is none.
    std::optional<boost::json::object> json() const;
    /// A text member of the body; empty if it has none.
    std::string text(std::string_view member) const;
    /// A number that is a member of the body.
    std::optional<std::int64_t> number(std::string_view member) const;
    /// One line about it, for people: status, code, the beginning of the body.
    std::string summary() const;
};

/// Makes requests on an io_context, which it runs while it waits. One thread.
class Client {
public:
    class Pending;

    /// `errc::invalid_configuration` if the URL cannot be used.
    static result<Client> make(boost::asio::io_context& io, Target target);
    Client(Client&&) noexcept;
    Client& operator=(Client&&) = delete;
    ~Client();

    std::shared_ptr<Pending> start(Ask ask);
    Reply wait(const std::shared_ptr<Pending>& pending);
    Reply ask(Ask what) { return wait(start(std::move(what))); }
    void pause(std::chrono::milliseconds time);
    bool has_credential() const;

    struct State;

private:
    explicit Client(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas::conformance

#endif
