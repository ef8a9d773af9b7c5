#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_HOST_IPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_AZURE_HOST_IPP

#include "blueprint/faas/local/azure_host.hpp"
#include "blueprint/faas/local/impl/azure_call.ipp"
#include "blueprint/faas/local/impl/azure_modes.hpp"
#include "blueprint/faas/local/random.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <sys/stat.h>
#include <utility>

BLUEPRINT_FAAS_COROUTINES_BEGIN
namespace blueprint::faas::local {

BLUEPRINT_FAAS_DECL ServerAnswer azure_host_text(unsigned status, std::string_view text) {
    ServerAnswer answer{.status = status, .content_type = text.empty() ? "" : "text/plain; charset=utf-8"};
    answer.body = text;
    return answer;
}

/// What the site is before anything was deployed (pitfall 15).
inline AzureSite placeholder_site() {
    AzureSite site;
    site.functions.push_back(
        {.name = "WarmUp", .trigger = "httpTrigger", .level = "anonymous", .problem = "It is the platform's own."});
    return site;
}

inline Secret new_azure_key() { return Secret{random_text(54) + "=="}; }

BLUEPRINT_FAAS_DECL AzureHost::AzureHost(FunctionHost& host, AzureSurroundings& surroundings, AzureAppConfig app,
                                         std::weak_ptr<void> owner)
    : host_{host},
      surroundings_{surroundings},
      app_{std::move(app)},
      owner_{std::move(owner)},
      server_{host.strand, *this},
      site_{placeholder_site()},
      changed_{host.strand, asio::steady_timer::time_point::max()},
      opened_{std::chrono::steady_clock::now()},
      started_{opened_} {
    keys_.master = new_azure_key();
    keys_.host["default"] = new_azure_key();
}

BLUEPRINT_FAAS_DECL AzureHost::~AzureHost() {
    if (pool_) pool_->end();
}

BLUEPRINT_FAAS_DECL result<std::shared_ptr<AzureHost>> AzureHost::open(FunctionHost& host,
                                                                       AzureSurroundings& surroundings,
                                                                       AzureAppConfig app, std::weak_ptr<void> owner) {
    std::shared_ptr<AzureHost> opened{new AzureHost{host, surroundings, std::move(app), std::move(owner)}};
    CloudOptions options = host.options;
    options.port = 0;
    options.client_ca.clear();  // who calls shows a key
    if (auto listens = opened->server_.start(options, opened->weak_from_this()); !listens) return listens.error();
    return opened;
}

BLUEPRINT_FAAS_DECL bool AzureHost::up() const noexcept {
    return std::chrono::steady_clock::now() >= opened_ + surroundings_.options().host_start;
}

BLUEPRINT_FAAS_DECL const AzureKeys* AzureHost::keys() const noexcept { return up() ? &keys_ : nullptr; }
BLUEPRINT_FAAS_DECL AzureKeys* AzureHost::keys() noexcept { return up() ? &keys_ : nullptr; }

BLUEPRINT_FAAS_DECL std::string_view AzureHost::state() const noexcept {
    if (app_.stopped || closed_) return "Stopped";
    if (!errors_.empty()) return "Error";
    return starting_ || !up() ? "Starting" : "Running";
}

BLUEPRINT_FAAS_DECL std::string_view AzureHost::log() const noexcept {
    return pool_ ? pool_->log() : std::string_view{};
}

BLUEPRINT_FAAS_DECL std::size_t AzureHost::calls() const noexcept {
    std::size_t count = pool_ ? pool_->calls() : 0;
    for (const auto& weak : retired_)
        if (const auto pool = weak.lock()) count += pool->calls();
    return count;
}

BLUEPRINT_FAAS_DECL std::size_t AzureHost::instances() const noexcept {
    std::size_t count = pool_ ? pool_->instances() : 0;
    for (const auto& weak : retired_)
        if (const auto pool = weak.lock()) count += pool->instances();
    return count;
}

BLUEPRINT_FAAS_DECL void AzureHost::configure(AzureAppConfig app) {
    app_ = std::move(app);
    restart();
}

BLUEPRINT_FAAS_DECL void AzureHost::restart() {
    failures_ = 0;
    begin();
}

BLUEPRINT_FAAS_DECL result<void> AzureHost::deploy(std::span<const std::uint8_t> zip) {
    if (closed_ || !host_.store) return bad_site("the app is gone");
    auto unpacked = host_.store->unpack_as_is(zip, zip.size());
    if (!unpacked) return unpacked.error();
    apply_zip_modes(zip, unpacked->directory->path());
    code_ = std::move(unpacked->directory);
    restart();
    return {};
}

BLUEPRINT_FAAS_DECL void AzureHost::retire() {
    std::erase_if(retired_, [](const auto& weak) { return weak.expired(); });
    if (!pool_) return;
    pool_->retire();
    retired_.push_back(pool_);
    pool_ = nullptr;
}

BLUEPRINT_FAAS_DECL void AzureHost::fail(std::string message) {
    // It tries again by itself, more and more seldom.
    const auto pause = std::chrono::seconds{1} * (1U << std::min(failures_++, 6U));
    retry_at_ = std::chrono::steady_clock::now() + pause;
    errors_ = {std::move(message)};
    starting_ = false;
    changed_.cancel();
}

/// Starts the host with what there is.
BLUEPRINT_FAAS_DECL void AzureHost::begin() {
    retire();
    errors_.clear();
    starting_ = false;
    started_ = std::chrono::steady_clock::now();
    site_ = placeholder_site();
    if (closed_ || app_.stopped || !code_) return changed_.cancel(), void();
    auto site = read_azure_site(code_->path(), [this](std::string_view name) -> std::optional<std::string> {
        const auto found = app_.settings.find(name);
        if (found == app_.settings.end()) return std::nullopt;
        return std::string{found->second.reveal()};
    });
    if (!site) {
        site_.functions.clear();
        return fail(site.error().message);
    }
    site_ = std::move(*site);
    for (const auto& function : site_.functions)
        if (auto& own = keys_.functions[function.name]; own.empty()) own["default"] = new_azure_key();
    if (!site_.handler || site_.functions.empty()) return changed_.cancel(), void();  // nothing to be started
    auto planned = plan();
    if (!planned) return fail(planned.error().message);
    pool_ = std::make_shared<HttpPool>(host_, std::move(*planned), surroundings_.options().queue_time);
    starting_ = true;
    surroundings_.spawn(prove(shared_from_this(), pool_));
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AzureHost::prove(std::shared_ptr<AzureHost> self,
                                                           std::shared_ptr<HttpPool> pool) {
    const auto problem = co_await pool->prove();
    if (self->pool_ != pool) co_return;  // it was started anew meanwhile
    self->starting_ = false;
    if (problem) {
        self->pool_ = nullptr;
        self->fail("The custom handler " + *problem + ".\n" + std::string{pool->log()});
        co_return;
    }
    self->failures_ = 0;
    self->changed_.cancel();
}

/// Says how the custom handler is started.
/// Source: azure-functions-host on GitHub, HttpWorkerProcess; Azure documentation, "App settings reference".
BLUEPRINT_FAAS_DECL result<HttpInstancePlan> AzureHost::plan() const {
    const auto& options = surroundings_.options();
    const auto& handler = *site_.handler;
    HttpInstancePlan plan;
    plan.code = code_;
    plan.program = handler.executable;
    if (!plan.program.has_parent_path()) {
        for (const auto* const directory : {"/usr/local/bin", "/usr/bin", "/bin"}) {
            std::error_code unknown;
            if (std::filesystem::is_regular_file(directory / handler.executable, unknown))
                plan.program = directory / handler.executable;
        }
    }
    struct stat found{};
    const auto cannot = [&](std::string_view why) {
        return bad_site("The custom handler cannot be started: '" + plan.program.string() +
                        "' with working directory '" + handler.directory.string() + "': " + std::string{why} + '.');
    };
    if (!plan.program.is_absolute() || ::stat(plan.program.c_str(), &found) != 0 || !S_ISREG(found.st_mode))
        return cannot("no such file or directory");
    // The site is mounted to be read only and belongs to another user, so the host's attempt to help it fails.
    if ((found.st_mode & (S_IROTH | S_IXOTH)) != (S_IROTH | S_IXOTH)) return cannot("permission denied");
    std::error_code unknown;
    if (!std::filesystem::is_directory(handler.directory, unknown)) return cannot("there is no such directory");
    plan.directory = handler.directory;
    plan.arguments = handler.arguments;
    plan.variables = app_.settings;
    plan.variables["FUNCTIONS_APP_ROOT_PATH"] = code_->path().string();
    plan.variables["FUNCTIONS_WORKER_RUNTIME"] = std::string{"custom"};
    plan.variables["WEBSITE_SITE_NAME"] = app_.name;
    plan.variables["WEBSITE_HOSTNAME"] = url().substr(url().find("//") + 2);
    plan.port_variables = {"FUNCTIONS_CUSTOMHANDLER_PORT", "FUNCTIONS_HTTPWORKER_PORT"};
    plan.id_variables = {"FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "FUNCTIONS_HTTPWORKER_ID", "WEBSITE_INSTANCE_ID"};
    plan.memory_bytes = std::uint64_t{app_.memory_mib} << 20;
    plan.answer_bytes = body_bytes;
    plan.startup = {.patience = options.start_limit,
                    .path = "/",
                    .user_agent = "Azure-Functions-Host/" + std::string{version},
                    .any_status = true};
    plan.concurrency = std::max(app_.concurrency, 1U);
    plan.max_instances = std::max(std::min(app_.max_instances, options.max_instances), 1U);
    plan.min_instances = std::min(app_.always_ready, plan.max_instances);
    plan.timeout = std::min(site_.timeout.value_or(options.answer_limit), options.answer_limit);
    return plan;
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AzureHost::settled() {
    const auto self = shared_from_this();
    while (starting_) {
        const auto [ignored] = co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ignored);
    }
}

BLUEPRINT_FAAS_DECL asio::awaitable<void> AzureHost::wait_until_up() {
    const auto self = shared_from_this();
    asio::steady_timer timer{host_.strand};
    timer.expires_at(opened_ + surroundings_.options().host_start);
    const auto [ignored] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(ignored);
}

BLUEPRINT_FAAS_DECL void AzureHost::close() {
    closed_ = true;
    if (pool_) pool_->end();
    for (const auto& weak : retired_)
        if (const auto pool = weak.lock()) pool->end();
    pool_ = nullptr;
    starting_ = false;  // who waits for it waits no longer: the pool's outcome is nobody's any more
    changed_.cancel();
    server_.close();
}

/// Finds out what the caller's key opens.
BLUEPRINT_FAAS_DECL AzureHost::Level AzureHost::level_of(const ServerRequest& request,
                                                         const AzureFunction* function) const {
    const auto field = request.field("x-functions-key");
    const auto query = read_request_target(request.target, "/").query;
    const auto code = query.find("code");
    const std::string shown = field ? std::string{*field} : code != query.end() ? code->second : std::string{};
    if (shown.empty()) return Level::anonymous;
    if (same_secret(shown, keys_.master)) return Level::admin;
    const auto opens = [&](const AzureKeys::Named& named) {
        return std::any_of(named.begin(), named.end(),
                           [&](const auto& entry) { return same_secret(shown, entry.second); });
    };
    const auto own = function != nullptr ? keys_.functions.find(function->name) : keys_.functions.end();
    const bool known = opens(keys_.host) || (own != keys_.functions.end() && opens(own->second));
    return known ? Level::function : Level::anonymous;
}

inline bool is_admin_path(std::string_view path) {
    return path.size() >= 7 && faas::detail::iequals(path.substr(0, 7), "/admin/");
}

/// What a caller is answered who has not the key for what he asks; nothing: he has.
BLUEPRINT_FAAS_DECL std::optional<ServerAnswer> AzureHost::judge(const ServerRequest& head) const {
    const auto path = path_without_query(head);
    if (path == "/" || path == "/admin/host/ping") return std::nullopt;
    if (is_admin_path(path)) {
        if (level_of(head, nullptr) == Level::admin) return std::nullopt;
        return azure_host_text(401, "");
    }
    boost::json::object params;
    const auto* const function = route_to_azure_function(site_, head.method, path, params);
    if (function == nullptr) return azure_host_text(404, "");
    if (function->level == "anonymous") return std::nullopt;
    const auto level = level_of(head, function);
    if (level == Level::admin || (level == Level::function && function->level == "function")) return std::nullopt;
    return azure_host_text(401, "");
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureHost::failure(unsigned status, std::string_view message) {
    return azure_host_text(status, message);
}

BLUEPRINT_FAAS_DECL Admission AzureHost::admit(const ServerRequest& head) {
    const auto owner = owner_.lock();
    if (!owner) return {.refusal = azure_host_text(503, "The service is unavailable.")};
    if (const auto& fault = surroundings_.options().fault)
        if (auto answer = fault(head)) return {.refusal = std::move(*answer)};
    if (closed_ || app_.stopped) {
        ServerAnswer stopped{.status = 403, .content_type = "text/html"};
        stopped.body = "<html><title>Web App - Unavailable</title><h1>Error 403 - This web app is stopped.</h1></html>";
        return {.refusal = std::move(stopped)};
    }
    // While the site is not known, who may cannot be said yet.
    const bool known = up() && !starting_ && errors_.empty();
    if (known || is_admin_path(path_without_query(head)))
        if (auto refusal = judge(head)) return {.refusal = std::move(refusal)};
    return {.body_bytes = body_bytes};
}

BLUEPRINT_FAAS_DECL asio::awaitable<ServerAnswer> AzureHost::answer(ServerRequest request) {
    const auto self = shared_from_this();
    const auto owner = owner_.lock();
    if (!owner) co_return azure_host_text(503, "The service is unavailable.");
    if (!up()) co_await wait_until_up();
    if (is_admin_path(path_without_query(request))) co_return manage(request);
    if (!errors_.empty() && std::chrono::steady_clock::now() >= retry_at_) begin();
    co_await settled();
    if (closed_) co_return azure_host_text(503, "The service is unavailable.");
    if (!errors_.empty()) co_return azure_host_text(503, "Function host is not running.");
    if (auto refusal = judge(request)) co_return std::move(*refusal);
    if (path_without_query(request) == "/") {
        ServerAnswer home{.content_type = "text/html"};
        home.body = "<html><title>Azure Functions</title><h1>The function app runs.</h1></html>";
        co_return home;
    }
    boost::json::object params;
    const auto* const function = route_to_azure_function(site_, request.method, path_without_query(request), params);
    auto running = run(std::move(request), *function, std::move(params));
    ServerAnswer answer = co_await std::move(running);
    co_return answer;
}

BLUEPRINT_FAAS_DECL ServerAnswer AzureHost::show_status() const {
    const auto age = std::chrono::steady_clock::now() - started_;
    boost::json::object status{{"id", app_.name},
                               {"state", state()},
                               {"version", version},
                               {"versionDetails", version},
                               {"instanceId", app_.name},
                               {"computerName", app_.name},
                               {"processUptime", std::chrono::duration_cast<std::chrono::milliseconds>(age).count()},
                               {"functionAppContentEditingState", "NotAllowed"}};
    if (!errors_.empty()) {
        boost::json::array errors;
        for (const auto& error : errors_) errors.emplace_back(error);
        status["errors"] = std::move(errors);
    }
    return json_answer(status);
}

BLUEPRINT_FAAS_DECL boost::json::object AzureHost::show(const AzureFunction& function) const {
    boost::json::object shown{{"name", function.name},     {"href", url() + "/admin/functions/" + function.name},
                              {"config", function.config}, {"isDisabled", false},
                              {"isDirect", false},         {"isProxy", false},
                              {"language", "Custom"}};
    if (!function.route.empty())
        shown["invoke_url_template"] =
            url() + '/' + site_.route_prefix + (site_.route_prefix.empty() ? "" : "/") + function.route;
    return shown;
}

/// Answers the host's own API, whose callers have shown the master key.
BLUEPRINT_FAAS_DECL ServerAnswer AzureHost::manage(const ServerRequest& request) const {
    const auto target = read_request_target(request.target, "/admin/");
    const auto is = [&](std::size_t segment, std::string_view name) {
        return target.segments.size() > segment && faas::detail::iequals(target.segments[segment], name);
    };
    const bool reads = request.method == "GET";
    if (is(0, "host") && is(1, "ping") && (reads || request.method == "POST")) return azure_host_text(200, "");
    if (is(0, "host") && is(1, "status") && reads) return show_status();
    if (!is(0, "functions") || !reads) return azure_host_text(404, "");
    if (target.segments.size() == 1) {
        boost::json::array listed;
        for (const auto& function : site_.functions) listed.push_back(show(function));
        return json_answer(listed);
    }
    for (const auto& function : site_.functions)
        if (is(1, function.name)) return json_answer(show(function));
    return azure_host_text(404, "");
}

}  // namespace blueprint::faas::local
BLUEPRINT_FAAS_COROUTINES_END

#endif
