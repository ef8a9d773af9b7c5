#ifndef BLUEPRINT_FAAS_LOCAL_CLOUD_HPP
#define BLUEPRINT_FAAS_LOCAL_CLOUD_HPP

#include "blueprint/faas/detail/declare.hpp"
#include "blueprint/faas/error.hpp"
#include "blueprint/faas/local/http_message.hpp"
#include "blueprint/faas/local/options.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace blueprint::faas::local {

namespace asio = boost::asio;

/// A FaaS platform of the custom platform contract inside this process: `PUT`, `POST`, `GET` and `DELETE` below
/// `url()/api/functions`. It keeps packages in a directory of its own and runs them as child processes under the
/// contract's rules: memory limit, process group, timeout, private directory, nothing of this process's environment.
/// That is no sandbox: a function may do what this program's user may do, so deploy what you would run yourself.
///
/// With `CloudOptions::aws` it plays AWS too, with `CloudOptions::gcp` Google Cloud, with `CloudOptions::azure` Azure,
/// with `CloudOptions::digitalocean` DigitalOcean, and with `CloudOptions::openwhisk` a self-hosted OpenWhisk, each on
/// an address of its own; their functions run under the same rules.
///
/// Everything runs on the executor given, one step at a time; no thread is made and no signal handler installed. The
/// program must not ignore SIGCHLD, nor wait for children that it did not start.
class Cloud {
public:
    /// Prepares a server on `executor`, whose io_context must outlive it. Nothing is opened yet.
    Cloud(asio::any_io_executor executor, CloudOptions options);
    Cloud(asio::io_context& io, CloudOptions options) : Cloud{io.get_executor(), std::move(options)} {}
    Cloud(const Cloud&) = delete;
    Cloud& operator=(const Cloud&) = delete;
    /// Ends all children and connections and removes the server's directory. Not while another thread runs the
    /// executor, unless `stop` has returned.
    ~Cloud();

    /// Opens the directory, binds and listens: clients may connect when it returns. Once, before the executor runs or
    /// from its thread. `errc::invalid_configuration` or `errc::infrastructure` says what could not be had.
    result<void> start();
    /// Where it listens: "http://127.0.0.1:4711", or https with TLS. Empty before `start`.
    std::string url() const;
    /// Where it plays AWS; empty before `start`, and without `CloudOptions::aws`.
    std::string aws_url() const;
    /// Where it plays Google Cloud; empty before `start`, and without `CloudOptions::gcp`.
    std::string gcp_url() const;
    /// Where it plays Azure; empty before `start`, and without `CloudOptions::azure`. Apps that are made there have
    /// addresses of their own.
    std::string azure_url() const;
    /// Where it plays DigitalOcean, its API and its functions; empty before `start`, and without
    /// `CloudOptions::digitalocean`.
    std::string digitalocean_url() const;
    /// Where it plays a self-hosted OpenWhisk; empty before `start`, and without `CloudOptions::openwhisk`.
    std::string openwhisk_url() const;
    /// Where its packages are; empty before `start`.
    std::filesystem::path directory() const;
    /// Stops accepting, gives running invocations `grace` to end (new ones are answered 503), ends the children (who
    /// waits for one is answered 503), and returns when no connection, child or file of it is left. What became of
    /// asynchronous invocations stands in the log. `*this` must outlive the call.
    asio::awaitable<void> stop(std::chrono::milliseconds grace = {});
    /// Counts what was done. From the executor's thread.
    CloudStats stats() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace blueprint::faas::local

#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#include "blueprint/faas/local/impl/cloud.ipp"
#endif

#endif
