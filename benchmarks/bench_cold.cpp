// What the first call of a process costs: programs are started that make one HTTPS call of a job on Lambda and end, and
// their time on a processor is counted from exec to exit. The server is a second process on this machine, with RSA keys
// and a chain of three certificates as Amazon's has; it keeps connections, but for every second answer.
// `bench_cold [--runs N] [--json] COLD_INVOKE` starts cold_invoke, and `curl --aws-sigv4` where it is installed, in
// turn (15 times), and prints medians; then what the first call is made of, and what a second and a third call cost.
// `--json` prints one JSON object. Exit 1 if a call failed. How long a served function takes to its first answer:
// bench_runtime.
#include "../tests/support/temporary_directory.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace test = blueprint::faas::test;

namespace {

constexpr double most_ms = 15;
constexpr const char* bundle = "/etc/ssl/certs/ca-certificates.crt";

[[noreturn]] void fail(const std::string& why) {
    std::fprintf(stderr, "bench_cold: %s\n", why.c_str());
    std::exit(1);
}

struct Identity {
    std::shared_ptr<EVP_PKEY> key{};
    std::shared_ptr<X509> certificate{};
};

/// Makes a certificate that `issuer` signs, or itself.
Identity issue(const char* name, const Identity* issuer, const char* extra_name, const char* extra) {
    Identity made{{EVP_RSA_gen(2048), &EVP_PKEY_free}, {X509_new(), &X509_free}};
    if (!made.key || !made.certificate) fail("OpenSSL makes no key");
    auto* const certificate = made.certificate.get();
    static long serial = 0;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
    X509_set_pubkey(certificate, made.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    const auto& by = issuer == nullptr ? made : *issuer;
    X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate.get()));
    X509_EXTENSION* const extension = X509V3_EXT_conf(nullptr, nullptr, extra_name, extra);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    if (X509_sign(certificate, by.key.get(), EVP_sha256()) == 0) fail("OpenSSL signs no certificate");
    return made;
}

void write_certificate(const std::filesystem::path& path, const Identity& identity) {
    const std::unique_ptr<std::FILE, decltype(&std::fclose)> file{std::fopen(path.c_str(), "w"), &std::fclose};
    if (!file || PEM_write_X509(file.get(), identity.certificate.get()) != 1) fail("cannot write " + path.string());
}

/// Answers what comes over one connection until the other side closes it, or every second answer.
void serve_one(SSL* ssl) {
    std::string in;
    std::array<char, 16'384> part{};
    for (int answers = 0; answers < 2;) {
        const auto head = in.find("\r\n\r\n");
        const auto field = in.find("Content-Length: ");
        const auto size = field < head ? std::strtoul(in.c_str() + field + 16, nullptr, 10) : 0;
        if (head == std::string::npos || in.size() < head + 4 + size) {
            const int got = SSL_read(ssl, part.data(), static_cast<int>(part.size()));
            if (got <= 0) return;
            in.append(part.data(), static_cast<std::size_t>(got));
            continue;
        }
        // {"job_id":0,"args":...} becomes {"job_id":0,"result":...,"success":true}
        auto body = in.substr(head + 4, size);
        in.erase(0, head + 4 + size);
        if (const auto at = body.find("\"args\""); at != std::string::npos) body.replace(at, 6, "\"result\"");
        body.replace(body.size() - 1, 1, body.size() > 2 ? ",\"success\":true}" : "}");
        const auto answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\n" + (++answers == 2 ? "Connection: close\r\n" : "") + "\r\n" + body;
        SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
    }
    SSL_shutdown(ssl);
}

/// The server as a process of its own, which ends with this one.
class Server {
public:
    explicit Server(const std::filesystem::path& authority) {
        const auto root = issue("bench_cold root", nullptr, "basicConstraints", "critical,CA:TRUE");
        const auto middle = issue("bench_cold intermediate", &root, "basicConstraints", "critical,CA:TRUE");
        const auto own = issue("localhost", &middle, "subjectAltName", "DNS:localhost");
        write_certificate(authority, root);
        const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        if (listener < 0 || ::bind(listener, any, size) != 0 || ::listen(listener, 64) != 0 ||
            ::getsockname(listener, any, &size) != 0)
            fail("cannot listen");
        port_ = ntohs(address.sin_port);
        process_ = ::fork();
        if (process_ < 0) fail("cannot fork");
        if (process_ == 0) serve(listener, own, middle);
        ::close(listener);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    std::string url() const { return "https://localhost:" + std::to_string(port_); }

private:
    [[noreturn]] static void serve(int listener, const Identity& own, const Identity& middle) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::signal(SIGPIPE, SIG_IGN);
        SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
        X509_up_ref(middle.certificate.get());
        if (SSL_CTX_use_certificate(context, own.certificate.get()) != 1 ||
            SSL_CTX_use_PrivateKey(context, own.key.get()) != 1 ||
            SSL_CTX_add_extra_chain_cert(context, middle.certificate.get()) != 1)
            std::_Exit(1);
        for (;;) {
            const int fd = ::accept(listener, nullptr, nullptr);
            if (fd < 0) continue;
            SSL* const ssl = SSL_new(context);
            SSL_set_fd(ssl, fd);
            if (SSL_accept(ssl) == 1) serve_one(ssl);
            SSL_free(ssl);
            ::close(fd);
        }
    }

    pid_t process_ = -1;
    std::uint16_t port_ = 0;
};

/// How a program ended and what it took.
struct Run {
    int status = -1;  ///< 127: there is no such program
    double cpu_ms = 0;
    double peak_mib = 0;
    std::string output{};
};

Run start(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
    std::vector<char*> arguments, variables;
    for (const auto& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
    for (const auto& one : environment) variables.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    int output[2];
    if (::pipe2(output, O_CLOEXEC) != 0) fail("no pipe");
    const pid_t process = ::fork();
    if (process < 0) fail("cannot fork");
    if (process == 0) {
        ::dup2(output[1], STDOUT_FILENO);
        ::dup2(output[1], STDERR_FILENO);
        ::execvpe(arguments[0], arguments.data(), variables.data());
        ::_exit(errno == ENOENT ? 127 : 126);
    }
    ::close(output[1]);
    Run run;
    std::array<char, 4096> part{};
    for (ssize_t got; (got = ::read(output[0], part.data(), part.size())) > 0;)
        run.output.append(part.data(), static_cast<std::size_t>(got));
    ::close(output[0]);
    int status = 0;
    rusage used{};
    if (::wait4(process, &status, 0, &used) != process) fail("a program got lost");
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    const auto ms = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) * 1e-3;
    };
    run.cpu_ms = ms(used.ru_utime) + ms(used.ru_stime);
    run.peak_mib = static_cast<double>(used.ru_maxrss) / 1024.0;
    return run;
}

double median(std::vector<double> all) {
    if (all.empty()) return 0;
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::nth_element(all.begin(), middle, all.end());
    return *middle;
}

/// A program that makes one call, and what it took each time.
struct Program {
    std::string key{};  ///< in JSON
    std::string name{};
    std::vector<std::string> command{};
    std::vector<std::string> environment{};
    std::string skipped{};  ///< why it is not measured
    std::vector<double> cpu_ms{}, peak_mib{};
};

/// Reads "name number" lines, and adds each number to those of its name.
void add_lines(const std::string& output, std::vector<std::pair<std::string, std::vector<double>>>& all) {
    std::istringstream lines{output};
    std::string name;
    for (double value = 0; lines >> name >> value;) {
        auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == name; });
        if (found == all.end()) found = all.insert(all.end(), {name, {}});
        found->second.push_back(value);
    }
}

}  // namespace

int main(int count, char** arguments) {
    std::size_t runs = 15;
    bool json = false;
    std::string ours;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--json")
            json = true;
        else if (argument == "--runs" && i + 1 < count)
            runs = std::max<std::size_t>(std::strtoul(arguments[++i], nullptr, 10), 1);
        else
            ours = argument;
    }
    if (ours.empty()) fail("which cold_invoke? Its path is missing");

    const test::TemporaryDirectory directory;
    const auto authority = (directory / "authority.pem").string();
    const Server server{authority};
    const auto all_authorities = (directory / "all.pem").string();
    const bool has_bundle = std::filesystem::is_regular_file(bundle);
    {
        std::ofstream all{all_authorities};
        if (has_bundle) all << std::ifstream{bundle}.rdbuf() << '\n';
        all << std::ifstream{authority}.rdbuf();
    }
    std::vector<std::string> environment{"HOME=" + directory.path().string(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
                                         "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                         "AWS_REGION=eu-central-1"};
    if (const char* const path = std::getenv("PATH")) environment.push_back("PATH=" + std::string{path});
    const auto with = [&](std::string variable) {
        auto all = environment;
        all.push_back(std::move(variable));
        return all;
    };
    const auto curl = [&](std::vector<std::string> trust) {
        std::vector<std::string> command{"curl",
                                         "-sSf",
                                         "--aws-sigv4",
                                         "aws:amz:eu-central-1:lambda",
                                         "--user",
                                         "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                         "-H",
                                         "Content-Type: application/json",
                                         "--data-binary",
                                         R"({"job_id":0,"args":"BwAAAAAAAAA="})"};
        command.insert(command.end(), trust.begin(), trust.end());
        command.push_back(server.url() + "/2015-03-31/functions/blueprint-job-0/invocations");
        return command;
    };
    const std::string no_bundle = has_bundle ? "" : std::string{"no "} + bundle;
    std::vector<Program> programs{
        {.key = "start", .name = "cold_invoke without a call", .command = {ours}, .environment = environment},
        {.key = "ours",
         .name = "one call, system's authorities",
         .command = {ours, server.url(), authority},
         .environment = environment},
        {.key = "ours_bundle",
         .name = "one call, SSL_CERT_FILE=bundle",
         .command = {ours, server.url(), authority},
         .environment = with(std::string{"SSL_CERT_FILE="} + bundle),
         .skipped = no_bundle},
        {.key = "curl",
         .name = "curl, bundle and the server's authority",
         .command = curl({}),
         .environment = with("CURL_CA_BUNDLE=" + all_authorities),
         .skipped = no_bundle},
        {.key = "curl_no_bundle",
         .name = "curl, the server's authority alone",
         .command = curl({"--cacert", authority}),
         .environment = environment}};
    using Values = std::vector<std::pair<std::string, std::vector<double>>>;
    Values calls, steps;
    for (std::size_t i = 0; i < runs; ++i) {  // in turn, so that what else the machine does meets all alike
        for (auto& program : programs) {
            if (!program.skipped.empty()) continue;
            const auto run = start(program.command, program.environment);
            if (run.status == 127) {
                program.skipped = "no " + program.command[0];
                continue;
            }
            if (run.status != 0) fail(program.name + " ended with " + std::to_string(run.status) + ": " + run.output);
            program.cpu_ms.push_back(run.cpu_ms);
            program.peak_mib.push_back(run.peak_mib);
        }
        for (auto& [values, what] : {std::pair{&calls, "3"}, std::pair{&steps, "steps"}}) {
            const auto run = start({ours, server.url(), authority, what}, environment);
            if (run.status != 0) fail("cold_invoke ended with " + std::to_string(run.status) + ": " + run.output);
            add_lines(run.output, *values);
        }
    }

    const double ours_ms = median(programs[1].cpu_ms);
    if (json) {
        std::printf("{\"programs\":{");
        bool first = true;
        for (const auto& program : programs) {
            if (!program.skipped.empty()) continue;
            std::printf("%s\"%s\":{\"cpu_ms\":%.2f,\"peak_mib\":%.1f}", first ? "" : ",", program.key.c_str(),
                        median(program.cpu_ms), median(program.peak_mib));
            first = false;
        }
        for (const auto& [name, values] : {std::pair{"calls", &calls}, std::pair{"steps", &steps}}) {
            std::printf("},\"%s\":{", name);
            for (const auto& one : *values)
                std::printf("%s\"%s\":%.1f", &one == values->data() ? "" : ",", one.first.c_str(), median(one.second));
        }
        std::printf("}}\n");
        return 0;
    }
    std::printf("a process with one HTTPS call, ms of the processor: medians of %zu runs in turn\n", runs);
    for (const auto& program : programs) {
        if (!program.skipped.empty())
            std::printf("  %-42s SKIPPED: %s\n", program.name.c_str(), program.skipped.c_str());
        else
            std::printf("  %-42s %8.2f ms   %5.2fx   peak %5.1f MiB\n", program.name.c_str(), median(program.cpu_ms),
                        median(program.cpu_ms) / ours_ms, median(program.peak_mib));
    }
    std::printf("one call with the system's authorities: at most %.0f ms\n", most_ms);
    std::printf("three calls of one process, us of the processor; the server closes after the second\n");
    for (const auto& [name, values] : calls) std::printf("  %-42s %8.1f\n", name.c_str(), median(values));
    std::printf("what a first call is made of, us of the processor\n");
    for (const auto& [name, values] : steps) std::printf("  %-42s %8.1f\n", name.c_str(), median(values));
    return 0;
}
