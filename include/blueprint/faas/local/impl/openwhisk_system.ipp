#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_SYSTEM_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_SYSTEM_IPP

#include "blueprint/faas/local/impl/openwhisk_invoke.ipp"
#include "blueprint/faas/local/openwhisk_system.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

constexpr std::string_view openwhisk_root = "/api/v1";

inline std::string_view openwhisk_path(const ServerRequest& request) {
    return std::string_view{request.target}.substr(0, request.target.find('?'));
}

BLUEPRINT_FAAS_DECL OpenWhiskSystem::OpenWhiskSystem(FunctionHost& host, OpenWhiskSettings settings)
    : host_{host}, settings_{std::move(settings)}, background_{host.strand} {}

BLUEPRINT_FAAS_DECL OpenWhiskSystem::~OpenWhiskSystem() { end_processes(); }

BLUEPRINT_FAAS_DECL void OpenWhiskSystem::serve_at(std::string url, std::weak_ptr<void> owner) {
    url_ = std::move(url);
    background_.owned_by(std::move(owner));
}

BLUEPRINT_FAAS_DECL ServerAnswer OpenWhiskSystem::refusal(unsigned status, std::string_view message) {
    if (status == 413) return openwhisk_too_large_page();  // it is the front end that counts a request's bytes
    return openwhisk_failure(openwhisk_refusal(status, std::string{message}));
}

/// Source: apache/openwhisk, Controller.info; its memory is told in bytes and its time in milliseconds.
BLUEPRINT_FAAS_DECL boost::json::object OpenWhiskSystem::describe() const {
    constexpr std::uint64_t mib = 1U << 20;
    const std::uint64_t least_memory = settings_.min_memory_mib * mib;
    const std::uint64_t most_memory = settings_.max_memory_mib * mib;
    const auto most_time = settings_.max_timeout.count();
    boost::json::object limits{{"actions_per_minute", settings_.calls_per_minute},
                               {"triggers_per_minute", settings_.calls_per_minute},
                               {"concurrent_actions", settings_.concurrent_calls},
                               {"sequence_length", 50},
                               {"default_min_action_duration", 100},
                               {"default_max_action_duration", most_time},
                               {"default_min_action_memory", least_memory},
                               {"default_max_action_memory", most_memory},
                               {"default_min_action_logs", 0},
                               {"default_max_action_logs", 10 * mib},
                               {"min_action_duration", 100},
                               {"max_action_duration", most_time},
                               {"min_action_memory", least_memory},
                               {"max_action_memory", most_memory},
                               {"min_action_logs", 0},
                               {"max_action_logs", 10 * mib}};
    return {{"description", "OpenWhisk"},
            {"support", boost::json::object{{"github", "https://github.com/apache/openwhisk/issues"}}},
            {"api_paths", boost::json::array{openwhisk_root}},
            {"limits", std::move(limits)},
            {"runtimes", show_openwhisk_runtimes(settings_)}};
}

/// Source: apache/openwhisk, WhiskLimitsApi.
BLUEPRINT_FAAS_DECL boost::json::object OpenWhiskSystem::describe_limits() const {
    return {{"invocationsPerMinute", settings_.calls_per_minute},
            {"concurrentInvocations", settings_.concurrent_calls},
            {"firesPerMinute", settings_.calls_per_minute},
            {"minActionMemory", settings_.min_memory_mib},
            {"maxActionMemory", settings_.max_memory_mib},
            {"minActionLogs", 0},
            {"maxActionLogs", 10},
            {"minActionTimeout", 100},
            {"maxActionTimeout", settings_.max_timeout.count()},
            {"minActionConcurrency", 1},
            {"maxActionConcurrency", settings_.digitalocean ? 1 : 500},
            {"maxParameterSize", std::to_string(settings_.parameter_bytes) + " B"}};
}

BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> OpenWhiskSystem::answer_anybody(const ServerRequest& request) {
    if (request.method != "GET") return std::nullopt;
    auto path = openwhisk_path(request);
    if (path == "/" && !settings_.digitalocean) return openwhisk_answer(describe());
    if (path.size() > openwhisk_root.size() && path.ends_with('/')) path.remove_suffix(1);
    if (path != openwhisk_root) return std::nullopt;
    boost::json::object card{{"description", "OpenWhisk API"},
                             {"api_version", "1.0.0"},
                             {"api_version_path", "v1"},
                             {"build", "local"},
                             {"buildno", "local"},
                             {"swagger_paths", boost::json::object{{"ui", "/docs"}, {"api-docs", "/api-docs"}}}};
    // Where DigitalOcean's own tools look for them.
    if (settings_.digitalocean) card["runtimes"] = show_openwhisk_runtimes(settings_);
    return openwhisk_answer(card);
}

BLUEPRINT_FAAS_DECL Admission OpenWhiskSystem::admit(const ServerRequest& head) {
    Admission admission{.body_bytes = settings_.request_bytes};
    if (!head.content_length) return admission;
    if (*head.content_length > settings_.request_bytes) {
        admission.refusal = openwhisk_too_large_page();
        admission.refusal->close = true;
    } else if (head.method == "POST" && *head.content_length > settings_.parameter_bytes) {
        admission.refusal =
            openwhisk_failure(openwhisk_too_big("Request", *head.content_length, settings_.parameter_bytes));
    }
    return admission;
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> OpenWhiskSystem::answer(ServerRequest request,
                                                                          std::string name_space) {
    const auto path = openwhisk_path(request);
    if (!path.starts_with(openwhisk_root) || path.substr(openwhisk_root.size(), 1) != "/")
        co_return openwhisk_failure(openwhisk_absent());
    const std::string root = std::string{openwhisk_root} + '/';
    std::shared_ptr<Accepted> accepted;
    auto handled = handle(request, read_request_target(request.target, root), name_space, accepted);
    if (accepted) {
        auto invoking = invoke(std::move(accepted));
        co_return co_await std::move(invoking);
    }
    if (!handled) co_return openwhisk_failure(handled.error());
    handled->headers.emplace_back("X-Request-ID", openwhisk_id());
    co_return std::move(*handled);
}

/// What is asked at a place that answers other methods only.
inline Error openwhisk_wrong_method(std::string_view allowed) {
    return openwhisk_refusal(405, "HTTP method not allowed, supported methods: " + std::string{allowed});
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::handle(const ServerRequest& request, RequestTarget target,
                                                                 const std::string& name_space,
                                                                 std::shared_ptr<Accepted>& accepted) {
    auto& segments = target.segments;
    if (segments.front() != "namespaces") return openwhisk_absent();
    if (segments.size() == 1 || (segments.size() == 2 && segments[1].empty())) {
        if (request.method != "GET") return openwhisk_wrong_method("GET");
        return openwhisk_answer(boost::json::array{name_space});
    }
    if (segments.size() < 3) return openwhisk_absent();
    const std::string collection = segments[2];
    if (segments[1] != "_" && segments[1] != name_space)
        return openwhisk_refusal(403, "The supplied authentication is not authorized to access '" +
                                          segments[1].substr(0, 256) + '/' + collection.substr(0, 100) + "'.");
    auto& own = namespaces_[name_space];
    if (!own) own = std::make_shared<Namespace>();
    Asked asked{.request = request, .target = std::move(target), .name_space = name_space, .own = *own};
    if (collection == "actions") return handle_actions(asked, accepted);
    if (collection == "packages") return handle_packages(asked);
    if (request.method != "GET") return openwhisk_wrong_method("GET");
    constexpr std::size_t after_collection = 3;
    if (collection == "activations") return own->activations.answer(asked.target, after_collection, settings_);
    if (collection == "limits") return openwhisk_answer(describe_limits());
    return openwhisk_absent();
}

// Actions.

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::handle_actions(Asked& asked,
                                                                         std::shared_ptr<Accepted>& accepted) {
    const auto& segments = asked.target.segments;
    const auto& method = asked.request.method;
    const bool slash = segments.back().empty();
    const auto names = segments.size() - 3 - (slash ? 1U : 0U);
    if (names > 2) return openwhisk_absent();
    for (std::size_t i = 0; i < names; ++i)
        if (auto good = check_openwhisk_name(segments[3 + i]); !good) return good.error();
    if (names == 0 || (names == 1 && slash)) {
        if (method != "GET") return openwhisk_wrong_method("GET");
        return list_actions(asked, names == 0 ? nullptr : &segments[3]);
    }
    if (slash) return openwhisk_absent();
    asked.package = names == 2 ? segments[3] : std::string{};
    asked.name = segments.back();
    if (method == "POST")
        if (auto slow = throttle(asked.own); !slow) return slow.error();
    if (!asked.package.empty() && !asked.own.packages.contains(asked.package))
        return asked.own.actions.contains(asked.package) ? openwhisk_other_collection() : openwhisk_absent();
    if (method == "GET") return get_action(asked);
    if (method == "PUT") return put_action(asked);
    if (method == "DELETE") return delete_action(asked);
    if (method != "POST") return openwhisk_wrong_method("GET, PUT, DELETE, POST");
    auto call = accept(asked);
    if (!call) return call.error();
    accepted = std::move(*call);
    return ServerAnswer{};
}

inline std::string openwhisk_key(const std::string& package, const std::string& name) {
    return package.empty() ? name : package + '/' + name;
}

BLUEPRINT_FAAS_DECL result<OpenWhiskSystem::Action*> OpenWhiskSystem::find_action(Asked& asked) const {
    const auto found = asked.own.actions.find(openwhisk_key(asked.package, asked.name));
    if (found != asked.own.actions.end()) return &found->second;
    if (asked.package.empty() && asked.own.packages.contains(asked.name)) return openwhisk_other_collection();
    return openwhisk_absent();
}

BLUEPRINT_FAAS_DECL const OpenWhiskValues& OpenWhiskSystem::package_parameters(const Asked& asked) {
    static const OpenWhiskValues none;
    const auto found = asked.own.packages.find(asked.package);
    return found == asked.own.packages.end() ? none : found->second.parameters;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::get_action(Asked& asked) const {
    const auto code = read_openwhisk_flag(asked.target, "code", true);
    if (!code) return code.error();
    const auto action = find_action(asked);
    if (!action) return action.error();
    return openwhisk_answer(show_openwhisk_action(
        *(*action)->state, *code ? OpenWhiskView::full : OpenWhiskView::without_code, package_parameters(asked)));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::put_action(Asked& asked) {
    const auto overwrite = read_openwhisk_flag(asked.target, "overwrite", false);
    if (!overwrite) return overwrite.error();
    const auto content = read_openwhisk_body(asked.request);
    if (!content) return content.error();
    const auto found = find_action(asked);
    if (!found && found.error().http_status != 404) return found.error();
    if (found && !*overwrite) return openwhisk_refusal(409, "resource already exists");
    OpenWhiskActionState named;
    named.name_space = asked.name_space;
    named.package = asked.package;
    named.name = asked.name;
    auto state = put_openwhisk_action(settings_, *content, named, found ? (*found)->state.get() : nullptr);
    if (!state) return state.error();
    const auto shared = std::make_shared<const OpenWhiskActionState>(std::move(*state));
    auto& action = asked.own.actions[openwhisk_key(asked.package, asked.name)];
    if (action.pool) action.pool->retire();  // calls under way end with the version that they began with
    action = {.state = shared, .pool = std::make_shared<OpenWhiskPool>(host_, settings_, shared)};
    std::erase_if(pools_, [](const auto& weak) { return weak.expired(); });
    pools_.push_back(action.pool);
    return openwhisk_answer(show_openwhisk_action(*shared, OpenWhiskView::full));
}

BLUEPRINT_FAAS_DECL void OpenWhiskSystem::remove_action(Namespace& from, const std::string& key) {
    const auto found = from.actions.find(key);
    if (found == from.actions.end()) return;
    found->second.pool->retire();
    from.actions.erase(found);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::delete_action(Asked& asked) {
    const auto action = find_action(asked);
    if (!action) return action.error();
    auto answer = openwhisk_answer(show_openwhisk_action(*(*action)->state, OpenWhiskView::full));
    remove_action(asked.own, openwhisk_key(asked.package, asked.name));
    return answer;
}

/// The newest first, as the database's view has them.
template <class Entity, class Show>
boost::json::array openwhisk_newest_first(std::vector<const Entity*> entities, Show show) {
    std::sort(entities.begin(), entities.end(), [](const Entity* one, const Entity* other) {
        return one->updated != other->updated ? one->updated > other->updated : one->name < other->name;
    });
    boost::json::array all;
    for (const auto* entity : entities) all.push_back(show(*entity));
    return all;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::list_actions(const Asked& asked,
                                                                       const std::string* package) const {
    const auto page = read_openwhisk_page(asked.target, "actions");
    if (!page) return page.error();
    if (package != nullptr && !asked.own.packages.contains(*package))
        return asked.own.actions.contains(*package) ? openwhisk_other_collection() : openwhisk_absent();
    std::vector<const OpenWhiskActionState*> chosen;
    for (const auto& [key, action] : asked.own.actions)
        if (package == nullptr || action.state->package == *package) chosen.push_back(action.state.get());
    auto all = openwhisk_newest_first(std::move(chosen), [](const OpenWhiskActionState& action) {
        return show_openwhisk_action(action, OpenWhiskView::brief);
    });
    return openwhisk_list(std::move(all), *page, "actions");
}

// Packages.

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::handle_packages(Asked& asked) {
    const auto& segments = asked.target.segments;
    const auto& method = asked.request.method;
    const auto names = segments.size() - 3 - (segments.back().empty() ? 1U : 0U);
    if (names == 0) return method == "GET" ? list_packages(asked) : openwhisk_wrong_method("GET");
    if (names > 1) return openwhisk_absent();
    asked.name = segments[3];
    if (auto good = check_openwhisk_name(asked.name); !good) return good.error();
    if (method == "GET") return get_package(asked);
    if (method == "PUT") return put_package(asked);
    if (method == "DELETE") return delete_package(asked);
    return openwhisk_wrong_method("GET, PUT, DELETE");
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::get_package(const Asked& asked) const {
    const auto found = asked.own.packages.find(asked.name);
    if (found == asked.own.packages.end())
        return asked.own.actions.contains(asked.name) ? openwhisk_other_collection() : openwhisk_absent();
    auto shown = show_openwhisk_package(found->second, false);
    boost::json::array actions;
    for (const auto& [key, action] : asked.own.actions)
        if (action.state->package == asked.name)
            actions.push_back(boost::json::object{{"name", action.state->name},
                                                  {"version", action.state->version.text()},
                                                  {"annotations", write_openwhisk_values(action.state->annotations)}});
    shown["actions"] = std::move(actions);
    shown["feeds"] = boost::json::array{};
    return openwhisk_answer(shown);
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::put_package(Asked& asked) {
    if (asked.name == "default") return openwhisk_refusal(400, "Package name 'default' is reserved.");
    const auto overwrite = read_openwhisk_flag(asked.target, "overwrite", false);
    if (!overwrite) return overwrite.error();
    const auto content = read_openwhisk_body(asked.request);
    if (!content) return content.error();
    if (asked.own.actions.contains(asked.name)) return openwhisk_other_collection();
    const auto found = asked.own.packages.find(asked.name);
    const bool there = found != asked.own.packages.end();
    if (there && !*overwrite) return openwhisk_refusal(409, "resource already exists");
    OpenWhiskPackageState named;
    named.name_space = asked.name_space;
    named.name = asked.name;
    auto state = put_openwhisk_package(*content, named, there ? &found->second : nullptr);
    if (!state) return state.error();
    auto& package = asked.own.packages[asked.name];
    package = std::move(*state);
    return openwhisk_answer(show_openwhisk_package(package, false));
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::delete_package(Asked& asked) {
    const auto force = read_openwhisk_flag(asked.target, "force", false);
    if (!force) return force.error();
    const auto found = asked.own.packages.find(asked.name);
    if (found == asked.own.packages.end())
        return asked.own.actions.contains(asked.name) ? openwhisk_other_collection() : openwhisk_absent();
    std::vector<std::string> inside;
    for (const auto& [key, action] : asked.own.actions)
        if (action.state->package == asked.name) inside.push_back(key);
    if (!inside.empty() && !*force)
        return openwhisk_refusal(409, "Package not empty (contains " + std::to_string(inside.size()) +
                                          (inside.size() == 1 ? " entity" : " entities") +
                                          "). Set force param or delete package contents.");
    for (const auto& key : inside) remove_action(asked.own, key);
    auto answer = openwhisk_answer(show_openwhisk_package(found->second, false));
    asked.own.packages.erase(found);
    return answer;
}

BLUEPRINT_FAAS_DECL result<ServerAnswer> OpenWhiskSystem::list_packages(const Asked& asked) const {
    const auto page = read_openwhisk_page(asked.target, "packages");
    if (!page) return page.error();
    std::vector<const OpenWhiskPackageState*> chosen;
    for (const auto& [name, package] : asked.own.packages) chosen.push_back(&package);
    auto all = openwhisk_newest_first(
        std::move(chosen), [](const OpenWhiskPackageState& package) { return show_openwhisk_package(package, true); });
    return openwhisk_list(std::move(all), *page, "packages");
}

// The end.

BLUEPRINT_FAAS_DECL void OpenWhiskSystem::remove_namespace(const std::string& name_space) {
    const auto found = namespaces_.find(name_space);
    if (found == namespaces_.end()) return;
    for (const auto& [key, action] : found->second->actions) action.pool->end();
    namespaces_.erase(found);
}

BLUEPRINT_FAAS_DECL std::size_t OpenWhiskSystem::instances() const {
    std::size_t count = 0;
    for (const auto& weak : pools_)
        if (const auto pool = weak.lock()) count += pool->instances();
    return count;
}

BLUEPRINT_FAAS_DECL void OpenWhiskSystem::end_processes() {
    stopping_ = true;
    for (const auto& weak : pools_)
        if (const auto pool = weak.lock()) pool->end();
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> OpenWhiskSystem::stop(std::chrono::milliseconds grace) {
    stopping_ = true;
    asio::steady_timer look{host_.strand};
    const auto limit = deadline_after(grace);
    while (calls_ > 0 && std::chrono::steady_clock::now() < limit) {
        look.expires_after(std::chrono::milliseconds{5});
        const auto [ignored] = co_await look.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
    end_processes();
    auto finishing = background_.finish();
    co_await std::move(finishing);
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
