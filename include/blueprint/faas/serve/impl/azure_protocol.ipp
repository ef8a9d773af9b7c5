#ifndef BLUEPRINT_FAAS_SERVE_IMPL_AZURE_PROTOCOL_IPP
#define BLUEPRINT_FAAS_SERVE_IMPL_AZURE_PROTOCOL_IPP

#include "blueprint/faas/serve/azure_protocol.hpp"
#include "blueprint/faas/serve/impl/http_listen.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace blueprint::faas::detail {

/// Reads a small file; nothing: it is not there.
inline result<std::optional<std::string>> read_site_file(const std::filesystem::path& path) {
    constexpr std::size_t most = 16U << 20;
    const OwnedDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>{};
    std::string text;
    ::ssize_t size = file.get() < 0 ? -1 : 1;
    while (size > 0 && text.size() <= most) {
        const auto had = text.size();
        text.resize(had + (64U << 10));
        size = ::read(file.get(), text.data() + had, text.size() - had);
        text.resize(had + static_cast<std::size_t>(std::max<::ssize_t>(size, 0)));
    }
    if (size < 0 || text.size() > most)
        return Error{.code = errc::infrastructure,
                     .message = "cannot read " + path.string() + ": " +
                                (size < 0 ? std::generic_category().message(errno) : std::string{"it is too long"})};
    return std::optional{std::move(text)};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL result<std::optional<AzureSiteHere>> find_azure_site(
    const Environment& world, const std::filesystem::path& working_directory) {
    AzureSiteHere site;
    const auto told = world.variable("FUNCTIONS_APP_ROOT_PATH");
    site.root = told && !told->empty() ? std::filesystem::path{*told} : working_directory.parent_path().parent_path();
    const auto text = read_site_file(site.root / AzureManifest::path);
    if (!text) return text.error();
    if (!*text) return std::optional<AzureSiteHere>{};
    auto manifest = read_azure_manifest(**text);
    if (!manifest) return manifest.error();
    site.manifest = *std::move(manifest);
    const auto digest = read_site_file(site.root / AzureManifest::digest_path);
    if (!digest) return digest.error();
    const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    const auto& digits = digest->has_value() ? **digest : site.digest;
    if (digits.size() == 64 && std::all_of(digits.begin(), digits.end(), hex)) site.digest = digits;
    return std::optional{std::move(site)};
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL std::string azure_health(const AzureSiteHere& site) {
    std::string more;
    if (!site.digest.empty()) more = ",\"site\":\"" + site.digest + '"';
    more += ",\"jobs\":[";
    std::string_view before;
    for (const auto& [id, job] : site.manifest.jobs) {
        more.append(before).append(std::to_string(id.value()));
        before = ",";
    }
    return more += ']';
}

inline HttpDoor azure_door(const Environment& world) {
    const auto port = world.variable("FUNCTIONS_CUSTOMHANDLER_PORT");
    if (port) return {.host = "127.0.0.1", .port = *port, .port_name = "FUNCTIONS_CUSTOMHANDLER_PORT"};
    return {.host = "127.0.0.1",
            .port = world.variable("FUNCTIONS_HTTPWORKER_PORT").value_or(""),
            .port_name = "FUNCTIONS_HTTPWORKER_PORT"};
}

/// TMPDIR, unless what is made in it would be too long for the path of a socket.
inline std::string place_for_sockets(const Environment& world) {
    constexpr std::size_t longest = sizeof ::sockaddr_un::sun_path - sizeof "/blueprint-XXXXXX/0123456789abcdef.http";
    auto told = world.variable("TMPDIR").value_or("");
    return !told.empty() && told.size() <= longest ? told : std::string{"/tmp"};
}

inline ServeOptions azure_serve_options(ServeOptions options) {
    options.max_http_bytes = options.max_azure_bytes;
    return options;
}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureFunctionServer::AzureFunctionServer(const Environment& world,
                                                                                 const ServeOptions& options)
    : world_{world}, options_{azure_serve_options(options)}, server_{world, options_, azure_door(world)} {}

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL AzureFunctionServer::~AzureFunctionServer() = default;

BLUEPRINT_FAAS_COLD BLUEPRINT_FAAS_DECL int AzureFunctionServer::run(std::function<void()> work) {
    if (const auto listens = server_.listen(); !listens)
        return complain("blueprint: the function cannot start: " + listens.error().message + '\n'), 1;
    std::error_code unknown;
    auto site = find_azure_site(world_, std::filesystem::current_path(unknown));
    HttpExtras extras{.envelopes = true};
    if (!site) {
        complain("blueprint: the site's other jobs are not served: " + site.error().message + '\n');
    } else if (*site) {
        site_ = **std::move(site);
        programs_ = std::make_unique<AzurePrograms>(site_->root, place_for_sockets(world_), options_.max_http_bytes);
        extras.keeps = true;
        extras.health = azure_health(*site_);
        extras.revision = site_->manifest.front;
    }
    server_.add(std::move(extras));
    return server_.run(std::move(work));
}

// Answers calls that no job of this program runs for; false: this was one.
BLUEPRINT_FAAS_DECL bool AzureFunctionServer::is_for_us(HttpCall& call) {
    auto& job = call.request.call;
    const auto found = site_->manifest.jobs.find(job.job_id);
    if (found == site_->manifest.jobs.end()) {
        const auto id = std::to_string(job.job_id.value());
        server_.reply(call,
                      Error{.code = errc::not_found,
                            .message = "the app has no job " + id + ": deploy it first",
                            .execution = Execution::not_started},
                      {}, {});
        return false;
    }
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::milliseconds longest = found->second.timeout;
    if (longest.count() > 0 && now + longest < call.deadline) {
        call.deadline = now + longest;
        job.timeout = longest;
        server_.limit(call, call.deadline, longest);
    }
    const auto program = found->second.program();
    if (program == site_->manifest.front) return true;
    auto answer = programs_->exchange(std::string{program}, call);
    if (answer)
        server_.reply(call, std::move(*answer));
    else
        server_.reply(call, std::move(answer).error(),
                      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - now),
                      {});
    return false;
}

BLUEPRINT_FAAS_DECL std::optional<HttpCall> AzureFunctionServer::next() {
    for (;;) {
        auto call = server_.next();
        if (!call || !site_ || is_for_us(*call)) return call;
    }
}

}  // namespace blueprint::faas::detail

#endif
