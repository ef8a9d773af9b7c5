#include "suite.hpp"

#include "blueprint/faas/detail/json_bytes.hpp"
#include "functions.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <random>

namespace blueprint::faas::conformance {

namespace {

// Ends a check from within; the finding says all there is to say.
struct Ended {};

std::string listed(std::initializer_list<unsigned> any_of) {
    std::string text;
    for (const auto status : any_of) text += (text.empty() ? "" : " or ") + std::to_string(status);
    return text;
}

bool selected(const Options& options, std::string_view name) {
    if (options.only.empty()) return true;
    return std::any_of(options.only.begin(), options.only.end(),
                       [&](const std::string& wanted) { return name.starts_with(wanted); });
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::ok: return "ok";
        case Verdict::failed: return "failed";
        case Verdict::not_offered: break;
    }
    return "not offered";
}

bool Trial::want(bool holds, const std::string& came, const std::string& wanted) {
    if (holds || finding.verdict == Verdict::failed) return holds;
    finding.verdict = Verdict::failed;
    finding.came = came;
    finding.wanted = wanted;
    return false;
}

bool Trial::want_status(const Reply& reply, std::initializer_list<unsigned> any_of, const std::string& why) {
    const bool holds = std::find(any_of.begin(), any_of.end(), reply.status) != any_of.end();
    return want(holds, reply.summary(), "HTTP " + listed(any_of) + ": " + why);
}

bool Trial::want_error(const Reply& reply, std::initializer_list<unsigned> any_of, std::string_view code,
                       const std::string& why) {
    if (!want_status(reply, any_of, why)) return false;
    if (!want(reply.json().has_value(), reply.summary(), "an error answer is a JSON object (R17): " + why))
        return false;
    if (!want(!reply.text("error").empty(), reply.summary(), "`error` holds a text for people (R17): " + why))
        return false;
    return want(code.empty() || reply.text("code") == code, reply.summary(),
                "`code` is " + std::string{code} + " (R17): " + why);
}

void Trial::not_offered(const std::string& why) {
    if (finding.verdict == Verdict::ok) {
        finding.verdict = Verdict::not_offered;
        finding.wanted = why;
    }
    throw Ended{};
}

void Trial::give_up() { throw Ended{}; }

Platform::Platform(Client& client, const Options& options) : client_{client}, options_{options} {
    std::random_device random;
    std::array<std::uint8_t, 5> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    run_ = "conformance-" + detail::hex_encode(bytes) + '-';
}

std::string Platform::new_id() {
    auto id = run_ + std::to_string(functions_++);
    deployed_.insert(id);
    return id;
}

Reply Platform::get(const std::string& path) { return ask({.path = path}); }

Reply Platform::put(const std::string& id, std::string zip, std::string_view config,
                    std::vector<std::pair<std::string, std::string>> fields) {
    Ask what{.verb = Verb::put, .path = "/api/functions/" + id, .fields = std::move(fields), .body = std::move(zip)};
    const bool typed = std::any_of(what.fields.begin(), what.fields.end(),
                                   [](const auto& field) { return detail::iequals(field.first, "content-type"); });
    if (!typed) what.fields.emplace_back("Content-Type", "application/zip");
    if (!config.empty())
        what.fields.emplace_back("X-Blueprint-Config", detail::base64_encode(detail::bytes_of(config)));
    what.limit = std::chrono::seconds{120};
    return ask(std::move(what));
}

std::string Platform::deploy(Trial& trial, std::string zip, std::string_view config) {
    const auto id = new_id();
    auto reply = put(id, std::move(zip), config);
    if (!trial.want_status(reply, {200, 201, 202}, "deploying a new function works")) Trial::give_up();
    std::chrono::milliseconds pause{250};
    for (int look = 0; look < 40 && (reply.status == 202 || reply.text("status") == "deploying"); ++look) {
        client_.pause(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds{2000});
        reply = get("/api/functions/" + id);
    }
    trial.want(reply.text("status") != "deploying" && reply.text("status") != "failed", reply.summary(),
               "a deployed function is `deployed` in the end");
    return id;
}

std::string Platform::deploy_script(Trial& trial, std::string_view script, std::string_view config) {
    return deploy(trial, script_package(script), config);
}

std::string Platform::deploy_echo(Trial& trial) {
    if (options_.function.empty()) return deploy_script(trial, echo_script);
    return deploy(trial, zip_of({{"bootstrap", options_.function}}));
}

Ask Platform::call(const std::string& id, std::string_view args,
                   std::vector<std::pair<std::string, std::string>> fields) const {
    Ask what{.verb = Verb::post, .path = "/api/functions/" + id + "/invoke", .fields = std::move(fields)};
    what.fields.emplace_back("Content-Type", "application/json");
    what.body = "{\"job_id\":0,\"args\":" + std::string{args} + '}';
    return what;
}

Reply Platform::remove(const std::string& id) {
    const auto reply = ask({.verb = Verb::del, .path = "/api/functions/" + id});
    if (reply.status == 200 || reply.status == 204 || reply.status == 404) deployed_.erase(id);
    return reply;
}

void Platform::clean_up() {
    const auto left = deployed_;
    for (const auto& id : left) (void)remove(id);
}

void Platform::ask_what_it_has() {
    if (std::exchange(described_, true)) return;
    const auto reply = get("/api/platform");
    auto told = reply.json();
    if (reply.status == 200 && told) description_ = std::move(*told);
}

bool Platform::announces(std::string_view feature) {
    ask_what_it_has();
    const auto* features = description_.if_contains("features");
    if (features == nullptr || !features->is_array()) return false;
    for (const auto& one : features->get_array())
        if (one.is_string() && one.get_string() == feature) return true;
    return false;
}

std::uint64_t Platform::limit(const std::string& name, std::uint64_t otherwise) {
    ask_what_it_has();
    const auto* limits = description_.if_contains("limits");
    const auto* value = limits != nullptr && limits->is_object() ? limits->get_object().if_contains(name) : nullptr;
    if (value == nullptr || !value->is_int64() || value->get_int64() <= 0) return otherwise;
    return static_cast<std::uint64_t>(value->get_int64());
}

std::vector<Finding> run_checks(Client& client, const Options& options) {
    const auto end = std::chrono::steady_clock::now() + options.time_limit;
    Platform platform{client, options};
    std::vector<Finding> findings;
    for (const auto checks : {checks_of_1_0(), checks_of_functions(), checks_of_1_1()}) {
        for (const auto& check : checks) {
            if (!selected(options, check.name)) continue;
            const auto begun = std::chrono::steady_clock::now();
            Trial trial;
            trial.finding.name = check.name;
            trial.finding.rule = check.rule;
            try {
                if (trial.want(begun < end, "the time was over before this check", "more time, or a faster platform"))
                    check.run(platform, trial);
            } catch (const Ended&) {
            }
            platform.clean_up();
            trial.finding.took =
                std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
            if (options.tell) options.tell(trial.finding);
            findings.push_back(std::move(trial.finding));
        }
    }
    return findings;
}

std::optional<std::string> result_bytes(const Reply& reply) {
    if (reply.status != 200) return std::nullopt;
    std::optional<Bytes> bytes;
    const auto json = detail::parse_object_with_bytes(reply.body, "result", bytes);
    if (!json || !bytes) return std::nullopt;
    return std::string{detail::text_of(*bytes)};
}

std::string json_array(std::string_view bytes) {
    std::string text;
    detail::append_json_bytes(text, detail::bytes_of(bytes));
    return text;
}

std::string some_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
    return bytes;
}

}  // namespace blueprint::faas::conformance
