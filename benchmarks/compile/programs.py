"""The programs that measure.py compiles: a hello-invoke per provider, and a runner with many jobs."""

SEPARATE = [
    "-DBLUEPRINT_FAAS_SEPARATE_COMPILATION",
    "-DBOOST_ASIO_SEPARATE_COMPILATION",
    "-DBOOST_BEAST_SEPARATE_COMPILATION",
]

PROVIDERS = {
    "custom": 'faas::custom::create(faas::HttpsTransport{io.get_executor()}, {.base_url = "https://localhost:8443"})',
    "aws": "faas::aws::create(io.get_executor())",
    "gcp": "faas::gcp::create(io.get_executor(), faas::CloudRunOptions{})",
}


def hello_invoke(*providers):
    """Returns a program that invokes one job on each of `providers` and waits for it."""
    includes = "".join(f"#include <blueprint/faas/provider/{provider}.hpp>\n" for provider in providers)
    calls = "".join(
        f"    auto {provider} = {PROVIDERS[provider]}.value();\n"
        f"    answered &= faas::blocking({provider}).invoke({{.job_id = 0, .args = {{1, 2, 3}}}}).has_value();\n"
        for provider in providers
    )
    return (
        "#include <blueprint/faas/blocking.hpp>\n"
        f"{includes}\n"
        "#include <boost/asio/io_context.hpp>\n\n"
        "namespace faas = blueprint::faas;\n\n"
        "int main() {\n"
        "    boost::asio::io_context io;\n"
        "    bool answered = true;\n"
        f"{calls}"
        "    return answered ? 0 : 1;\n"
        "}\n"
    )


def source():
    """Returns the one file of a program that holds the heavy code."""
    return "#include <blueprint/faas/src.hpp>\n"


def runner(jobs, form):
    """Returns a program whose runner has the jobs 0 to `jobs` - 1 on one executor of the custom contract.

    `form`: "ids" binds all of them at once, "bindings" each by a line of its own, and "typed" is "ids" with a function
    for each, which the router has too.
    """
    ids = ", ".join(str(job) for job in range(jobs))
    functions = local = ""
    if form == "typed":
        functions = "".join(f"std::uint64_t f{job}(std::uint64_t x) {{ return x * {job}; }}\n" for job in range(jobs))
        typed = ", ".join(f"faas::Job<{job}, &f{job}>" for job in range(jobs))
        local = f"    router.add(faas::JobSet<{typed}>{{}});\n"
    bound = "".join(f".with_faas_executor<{job}>(lambda)\n        " for job in range(jobs))
    if form != "bindings":
        bound = f".with_faas_executor<{ids}>(lambda)\n        "
    return (
        "#include <blueprint/faas/job_set.hpp>\n"
        "#include <blueprint/faas/provider/custom.hpp>\n"
        "#include <blueprint/faas/runner/channel.hpp>\n"
        "#include <blueprint/faas/runner/runner.hpp>\n\n"
        "#include <boost/asio/io_context.hpp>\n\n"
        "#include <cstdint>\n"
        "#include <utility>\n\n"
        "namespace faas = blueprint::faas;\n\n"
        f"{functions}\n"
        "int main() {\n"
        "    boost::asio::io_context io;\n"
        f"    auto lambda = {PROVIDERS['custom']}.value();\n"
        "    auto [sender, calls] = faas::make_call_channel(16);\n"
        "    faas::Router router;\n"
        f"{local}"
        "    auto runner = faas::Runner::builder(io)\n"
        "        .router(std::move(router))\n"
        "        .producer(std::move(calls))\n"
        f"        {bound}.build();\n"
        "    return runner.has_value() ? 0 : 1;\n"
        "}\n"
    )
