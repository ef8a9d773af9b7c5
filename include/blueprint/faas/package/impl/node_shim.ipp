#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_NODE_SHIM_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_NODE_SHIM_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/node_shim.hpp"

#include <string_view>

namespace blueprint::faas {

namespace detail {

// Without package-lock.json: the build takes the newest framework of this major version, with its repairs.
inline constexpr std::string_view node_shim_package = R"json({
  "name": "blueprint-faas-function",
  "version": "1.0.0",
  "private": true,
  "main": "index.js",
  "dependencies": {
    "@google-cloud/functions-framework": "^5.0.5"
  }
}
)json";

// What the framework does and this program must live with: it parses the body before `run` is called and keeps the
// bytes in rawBody; at SIGTERM it answers the latest request with 500 and exits at once, whatever is under way.
inline constexpr std::string_view node_shim_program = R"js("use strict";

// Runs function/bootstrap beside Google's framework of Node.js functions. Each request goes to it as it came, over a
// Unix socket, and its answer goes back. Made by Blueprint FaaS; every deployment writes this file anew.

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { pipeline } = require("node:stream");

const START_LIMIT_MS = 240_000;
const home = path.join(__dirname, "function");
const place = fs.mkdtempSync(path.join(os.tmpdir(), "blueprint-"));
const socketPath = path.join(place, "http");

function executable(program) {
  try {
    fs.accessSync(program, fs.constants.X_OK);
    return program;
  } catch {
    // The build may lose the permission, and the directory may not be ours to change.
    const copy = path.join(place, "bootstrap");
    fs.copyFileSync(program, copy);
    fs.chmodSync(copy, 0o755);
    return copy;
  }
}

const child = spawn(executable(path.join(home, "bootstrap")), [], {
  cwd: home,
  env: { ...process.env, BLUEPRINT_HTTP_SOCKET: socketPath },
  stdio: ["ignore", "inherit", "inherit"],
});

let ended; // why the program does not run any more
let stopping = false; // the platform wants this instance to end
let initMs; // from the start of this process to the program's being there
const underWay = new Set();

const gone = new Promise((resolve) => {
  child.once("error", (error) => resolve(`cannot be started: ${error.message}`));
  child.once("exit", (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with status ${code}`));
}).then((why) => (ended = `the function's program ${why}`));

gone.then(() => {
  if (!stopping) console.error(`blueprint: ${ended}, and so this instance ends`);
  const exit = () => process.exit(stopping && child.exitCode === 0 ? 0 : 1);
  const look = () => underWay.size === 0 && setImmediate(exit);
  for (const res of underWay) res.once("close", look);
  setTimeout(exit, 2000); // for callers that do not take their answers
  look();
});

function tryToConnect() {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => resolve(true) ?? socket.destroy());
  });
}

async function listening() {
  const limit = Date.now() + START_LIMIT_MS;
  for (let pause = 1; ended === undefined; pause = Math.min(2 * pause, 50)) {
    if (await tryToConnect()) {
      initMs ??= Math.round(performance.now());
      return;
    }
    if (Date.now() > limit) {
      console.error("blueprint: the function's program does not open its socket");
      child.kill("SIGKILL");
      await gone;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
const ready = listening();

function refuse(res, status, message, code = "UNAVAILABLE") {
  if (res.headersSent) return res.destroy();
  const text = Buffer.from(JSON.stringify({ error: message, code }));
  res.writeHead(status, { "Content-Type": "application/json", "Content-Length": text.length });
  res.end(text);
}

const agent = new http.Agent({ keepAlive: true });
const passedOn =
  /^(content-type|traceparent|tracestate|x-cloud-trace-context|x-request-id|idempotency-key|x-blueprint-.*)$/;
const ofConnection = ["connection", "keep-alive", "transfer-encoding"];

function forward(req, res, came) {
  if (ended !== undefined) return refuse(res, 502, ended);
  if (stopping) return refuse(res, 503, "this instance is about to end");
  const body = req.rawBody ?? Buffer.alloc(0);
  const headers = { "content-length": body.length };
  for (const [name, value] of Object.entries(req.headers)) if (passedOn.test(name)) headers[name] = value;
  // The program counts the caller's time from now on, and has perhaps only just started.
  const timeout = Number(headers["x-blueprint-timeout-ms"]);
  const left = Math.ceil(timeout - (performance.now() - came));
  if (timeout > 0) headers["x-blueprint-timeout-ms"] = String(Math.max(left, 1));
  const call = http.request({ agent, socketPath, method: req.method, path: req.originalUrl, headers });
  call.on("error", async (error) => {
    // The connection breaks before the end of the program is told.
    const late = new Promise((resolve) => setTimeout(resolve, 1000, `no answer: ${error.message}`));
    refuse(res, 502, await Promise.race([gone, late]));
  });
  call.once("response", (answer) => {
    const fields = { ...answer.headers };
    for (const name of ofConnection) delete fields[name];
    if (fields["x-blueprint-init-ms"] !== undefined) fields["x-blueprint-init-ms"] = String(initMs);
    res.writeHead(answer.statusCode, fields);
    pipeline(answer, res, () => {});
  });
  call.end(body);
}

function stop() {
  stopping = true;
  child.kill("SIGTERM");
}
const signals = ["SIGTERM", "SIGINT"];
for (const signal of signals) process.on(signal, stop);

// The framework's own handlers, which come later than ours, would end calls under way.
let alone = false;
function takeSignals() {
  alone = true;
  for (const signal of signals) {
    const all = process.listeners(signal);
    for (const listener of all.slice(all.indexOf(stop) + 1)) process.removeListener(signal, listener);
  }
}

process.on("exit", () => {
  child.kill("SIGTERM");
  fs.rmSync(place, { recursive: true, force: true });
});

exports.run = (req, res) => {
  if (!alone) takeSignals();
  underWay.add(res);
  res.once("close", () => underWay.delete(res));
  const came = performance.now();
  // What cannot be sent on, such as a path of odd characters, must not end the instance.
  ready.then(() => forward(req, res, came)).catch((error) => refuse(res, 400, error.message, "BAD_REQUEST"));
};
)js";

}  // namespace detail

BLUEPRINT_FAAS_DECL std::string node_shim_digest() {
    auto digest =
        detail::sha256_hex(detail::bytes_of(std::string{detail::node_shim_program}.append(detail::node_shim_package)));
    digest.resize(8);
    return digest;
}

BLUEPRINT_FAAS_DECL result<Bytes> node_function_zip(const Package& package) {
    constexpr std::uint64_t most_packed = 100ULL << 20, most_unpacked = 500ULL << 20;
    if (package.binary_size_bytes() == 0)
        return detail::zip_refused("the package has no file bootstrap, which is what the function starts");
    if (package.architecture() != Architecture::x86_64) {
        const auto what = package.architecture() ? "for " + std::string{to_string(*package.architecture())}
                                                 : std::string{"no ELF executable"};
        return detail::zip_refused("the package's bootstrap is " + what +
                                   ", and Cloud Functions runs programs for x86_64: build it for that");
    }
    ZipLimits limits;
    limits.compressed_bytes = most_packed;
    limits.unpacked_bytes = most_unpacked;
    const auto files = read_zip(*package.zip(), limits);
    if (!files) return files.error();
    ZipWriter zip;
    const auto add = [&zip](const std::string& path, std::span<const std::uint8_t> data, std::uint32_t mode) {
        return zip.add(path, data, mode);
    };
    if (const auto added = add("index.js", detail::bytes_of(detail::node_shim_program), 0644); !added)
        return added.error();
    if (const auto added = add("package.json", detail::bytes_of(detail::node_shim_package), 0644); !added)
        return added.error();
    for (const auto& file : *files)
        if (const auto added = add("function/" + file.path, file.data, file.mode); !added) return added.error();
    auto archive = zip.finish();
    if (archive.size() > most_packed)
        return detail::zip_too_large("the function's source would have " + std::to_string(archive.size()) +
                                     " bytes, and Cloud Functions takes " + std::to_string(most_packed) +
                                     ": strip the binary");
    return archive;
}

}  // namespace blueprint::faas

#endif
