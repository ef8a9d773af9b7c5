// Judges a FaaS platform by the custom contract (docs/custom-platform.md) over nothing but HTTP.
#include "suite.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace faas = blueprint::faas;
using namespace blueprint::faas::conformance;

namespace {

constexpr std::string_view usage =
    "usage: blueprint_faas_conformance URL [--bearer-file FILE] [--header 'NAME: FILE'] [--ca FILE]\n"
    "                                  [--cert FILE --key FILE [--key-password-file FILE]] [--function FILE]\n"
    "                                  [--only CHECK] [--no-large] [--time-limit SECONDS] [--json] [--help]\n"
    "Deploys small functions to the platform at URL, calls them, and removes them again. Plain http:// only on "
    "loopback.\n"
    "  --bearer-file FILE     send the first line of FILE as bearer token\n"
    "  --header 'NAME: FILE'  send the first line of FILE as header field NAME; may be given again\n"
    "  --ca FILE              also trust this certificate authority (PEM)\n"
    "  --cert FILE            show this client certificate (PEM, its chain behind it) to a platform that asks for one\n"
    "  --key FILE             its private key (PEM); encrypted: the first line of --key-password-file opens it\n"
    "  --function FILE        a compiled program that answers each call with its arguments, for platforms without sh\n"
    "  --only CHECK           only checks whose name begins so; may be given again\n"
    "  --no-large             leave out the packages beyond 50 and 250 MiB\n"
    "  --time-limit SECONDS   for everything together (300)\n"
    "  --json                 one JSON document instead of the table\n"
    "Exit status: 0 nothing failed, 1 something failed, 2 it could not begin.\n";

[[noreturn]] void refuse(const std::string& why) {
    std::cerr << "blueprint_faas_conformance: " << why << '\n' << usage;
    std::exit(2);
}

std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) refuse("cannot read " + path);
    return {std::istreambuf_iterator<char>{file}, {}};
}

faas::Secret first_line(const std::string& path, std::string_view before = {}) {
    auto text = contents(path);
    text.erase(std::min(text.find_first_of("\r\n"), text.size()));
    if (text.empty()) refuse(path + " is empty");
    return faas::Secret{std::string{before} + text};
}

struct Arguments {
    Target target{};
    Options options{};
    bool json = false;
};

Arguments read_arguments(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const auto next = [&]() -> std::string {
            if (i + 1 >= argc) refuse(std::string{name} + " lacks a value");
            return argv[++i];
        };
        if (name == "--help") {
            std::cout << usage;
            std::exit(0);
        } else if (name == "--bearer-file") {
            arguments.target.fields.emplace_back("Authorization", first_line(next(), "Bearer "));
        } else if (name == "--header") {
            const auto text = next();
            const auto colon = text.find(": ");
            if (colon == std::string::npos || colon == 0) refuse("--header wants 'NAME: FILE'");
            arguments.target.fields.emplace_back(text.substr(0, colon), first_line(text.substr(colon + 2)));
        } else if (name == "--ca") {
            arguments.target.extra_roots = contents(next());
        } else if (name == "--cert") {
            arguments.target.client_certificate = contents(next());
        } else if (name == "--key") {
            arguments.target.client_key = faas::Secret{contents(next())};
        } else if (name == "--key-password-file") {
            arguments.target.client_key_password = first_line(next());
        } else if (name == "--function") {
            arguments.options.function = contents(next());
        } else if (name == "--only") {
            arguments.options.only.push_back(next());
        } else if (name == "--no-large") {
            arguments.options.large = false;
        } else if (name == "--time-limit") {
            const auto text = next();
            unsigned seconds = 0;
            const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
            if (failed != std::errc{} || end != text.data() + text.size() || seconds == 0)
                refuse("--time-limit wants seconds");
            arguments.options.time_limit = std::chrono::seconds{seconds};
        } else if (name == "--json") {
            arguments.json = true;
        } else if (name.starts_with("--") || !arguments.target.url.empty()) {
            refuse("does not know '" + std::string{name} + '\'');
        } else {
            arguments.target.url = name;
        }
    }
    if (arguments.target.url.empty()) refuse("the URL of the platform is missing");
    if (arguments.target.client_certificate.empty() != arguments.target.client_key.empty())
        refuse("--cert and --key belong together");
    return arguments;
}

void print(const Finding& finding) {
    std::cout << std::left << std::setw(37) << finding.name << std::setw(12) << to_string(finding.verdict) << std::right
              << std::setw(7) << finding.took.count() << " ms  " << finding.rule << '\n';
    if (finding.verdict == Verdict::failed)
        std::cout << "    the contract wants: " << finding.wanted << "\n    what came:          " << finding.came
                  << '\n';
    if (finding.verdict == Verdict::not_offered) std::cout << "    " << finding.wanted << '\n';
    std::cout << std::flush;
}

std::size_t count(const std::vector<Finding>& findings, Verdict verdict) {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.verdict == verdict; }));
}

boost::json::object as_json(const std::string& url, const std::vector<Finding>& findings) {
    boost::json::array checks;
    for (const auto& one : findings)
        checks.push_back({{"name", one.name},
                          {"rule", one.rule},
                          {"verdict", to_string(one.verdict)},
                          {"came", one.came},
                          {"wanted", one.wanted},
                          {"ms", one.took.count()}});
    return {{"url", url},
            {"ok", count(findings, Verdict::ok)},
            {"failed", count(findings, Verdict::failed)},
            {"not_offered", count(findings, Verdict::not_offered)},
            {"checks", std::move(checks)}};
}

}  // namespace

int main(int argc, char** argv) {
    auto arguments = read_arguments(argc, argv);
    const auto url = arguments.target.url;
    boost::asio::io_context io{1};
    auto client = Client::make(io, std::move(arguments.target));
    if (!client) refuse(client.error().message);
    if (!arguments.json) arguments.options.tell = &print;
    const auto findings = run_checks(*client, arguments.options);
    if (findings.empty()) refuse("there is no such check");
    const auto failed = count(findings, Verdict::failed);
    if (arguments.json)
        std::cout << boost::json::serialize(as_json(url, findings)) << '\n';
    else
        std::cout << count(findings, Verdict::ok) << " ok, " << failed << " failed, "
                  << count(findings, Verdict::not_offered) << " not offered\n";
    return failed == 0 ? 0 : 1;
}
