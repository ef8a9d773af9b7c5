#ifndef BLUEPRINT_FAAS_PACKAGE_IMPL_OPENWHISK_ACTION_IPP
#define BLUEPRINT_FAAS_PACKAGE_IMPL_OPENWHISK_ACTION_IPP

#include "blueprint/faas/detail/encoding.hpp"
#include "blueprint/faas/detail/hash.hpp"
#include "blueprint/faas/package/impl/zip_format.hpp"
#include "blueprint/faas/package/openwhisk_action.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace blueprint::faas {

namespace detail {

// Without dependencies: for these the runtime would run an installation during every start.
inline constexpr std::string_view openwhisk_node_package = R"json({
  "name": "blueprint-faas-action",
  "version": "1.0.0",
  "private": true,
  "main": "index.js"
}
)json";

// What the runtime does and this program must live with: it requires this file once, with the action's environment in
// its own; sets __OW_* variables and calls `main` for each call, the next one sooner than the last has ended only if
// the action allows it; makes of a rejected promise whatever its version makes of it, so failures are answers here.
inline constexpr std::string_view openwhisk_node_program = R"js("use strict";

// Runs function/bootstrap beside a Node.js runtime of OpenWhisk or DigitalOcean Functions. Calls go to it as lines of
// JSON on its standard input, and its answers come back as lines on its descriptor 3. Made by Blueprint FaaS; every
// deployment writes this file anew. It keeps to what Node.js 14 has.

const { spawn } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");

const home = path.join(__dirname, "function");
const LATE_ANSWER_MS = 1000;
const LINE_END = 10;

let copied; // the program's private copy, if one was needed

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return true;
  } catch (error) {
    return false;
  }
}

// The way here may have taken the permission from it, and the folder may not be ours to change.
function executable() {
  const program = path.join(home, "bootstrap");
  if (isExecutable(program)) return program;
  try {
    fs.chmodSync(program, 0o755);
    if (isExecutable(program)) return program;
  } catch (error) {
    if (error.code === "ENOENT") throw error;
  }
  if (copied !== undefined) return copied;
  const place = fs.mkdtempSync(path.join(os.tmpdir(), "blueprint-"));
  const copy = path.join(place, "bootstrap");
  process.on("exit", () => {
    try {
      fs.unlinkSync(copy);
      fs.rmdirSync(place);
    } catch (error) {
      // the system's own cleaning finds it
    }
  });
  fs.copyFileSync(program, copy);
  fs.chmodSync(copy, 0o755);
  return (copied = copy);
}

// The running program: at most one call at a time is with it.
class Program {
  constructor() {
    this.ended = undefined; // why it does not run any more
    this.wanted = undefined; // takes its next line, or undefined if none comes any more
    this.pieces = []; // of the line that is arriving
    this.lines = []; // that nobody has wanted yet
    try {
      this.child = spawn(executable(), [], {
        cwd: home,
        env: Object.assign({}, process.env, { BLUEPRINT_ACTION_LOOP: "1", __OW_WAIT_FOR_ACK: "1" }),
        stdio: ["pipe", "inherit", "inherit", "pipe"],
      });
    } catch (error) {
      this.end(`cannot be started: ${error.message}`);
    }
    if (this.child !== undefined) this.watch();
    this.ready = this.acknowledge();
  }

  watch() {
    const { child } = this;
    child.once("error", (error) => this.end(`cannot be started: ${error.message}`));
    child.once("exit", (code, signal) => {
      const why = signal ? `was ended by ${signal}` : `ended with status ${code}`;
      // Its last answer may still be on the way.
      const late = setTimeout(() => this.end(why), LATE_ANSWER_MS);
      child.once("close", () => clearTimeout(late) || this.end(why));
    });
    if (child.pid === undefined) return;
    this.answers = child.stdio[3];
    // That the program reads no more is told by its end.
    for (const stream of [child.stdin, this.answers]) stream.on("error", () => {});
    this.answers.on("data", (piece) => this.take(piece));
  }

  take(piece) {
    let begin = 0;
    for (let end = piece.indexOf(LINE_END); end >= 0; end = piece.indexOf(LINE_END, begin)) {
      this.pieces.push(piece.subarray(begin, end));
      this.lines.push(Buffer.concat(this.pieces).toString("utf8"));
      this.pieces = [];
      begin = end + 1;
    }
    if (begin < piece.length) this.pieces.push(piece.subarray(begin));
    this.give();
  }

  give() {
    if (this.wanted === undefined || (this.lines.length === 0 && this.ended === undefined)) return;
    const wanted = this.wanted;
    this.wanted = undefined;
    wanted(this.lines.shift());
  }

  end(why) {
    if (this.ended !== undefined) return;
    this.ended = `the function's program ${why}`;
    this.give();
  }

  // Only a call under way keeps this process; without one the program ends with it.
  hold(call) {
    if (this.child === undefined || this.child.pid === undefined) return;
    for (const one of [this.child, this.child.stdin, this.answers]) call ? one.ref() : one.unref();
  }

  async line() {
    this.hold(true);
    const line = await new Promise((resolve) => {
      this.wanted = resolve;
      this.give();
    });
    this.hold(false);
    return line;
  }

  // Gives why the program cannot take calls; nothing if it can.
  async acknowledge() {
    const line = await this.line();
    if (line === undefined) return this.ended;
    try {
      if (JSON.parse(line).ok === true) return undefined;
    } catch (error) {
      // it is told below
    }
    this.stop("said something else than that it is ready");
    return this.ended;
  }

  stop(why) {
    this.end(why);
    if (this.child !== undefined) this.child.kill("SIGKILL");
  }

  async ask(text) {
    this.lines = []; // what nobody asked for is no answer to this
    this.child.stdin.write(text + "\n");
    return this.line();
  }
}

let program = new Program();

function failure(params, code, error) {
  const told = { success: false, error, code };
  // OpenWhisk keeps nothing of a failed call's result but this member.
  return { error: Number.isInteger(params.job_id) ? Object.assign({ job_id: params.job_id }, told) : told };
}

// The caller's time runs since the call came here, and the program counts it from when it reads the line.
function shortened(params, came) {
  const context = params.context;
  if (context === null || typeof context !== "object" || !Number.isInteger(context.timeout_ms)) return params;
  const left = Math.max(context.timeout_ms - Math.round(Number(process.hrtime.bigint() - came) / 1e6), 0);
  return Object.assign({}, params, { context: Object.assign({}, context, { timeout_ms: left }) });
}

async function answer(params, about, came) {
  if (program.ended !== undefined) program = new Program();
  const why = await program.ready;
  if (why !== undefined) return failure(params, "CANNOT_START", `${why} before it took a call`);
  const call = Object.assign({ value: shortened(params, came) }, about);
  const line = await program.ask(JSON.stringify(call));
  if (line === undefined) return failure(params, "CRASHED", `${program.ended} during the call`);
  try {
    const result = JSON.parse(line);
    if (result !== null && typeof result === "object" && !Array.isArray(result)) return result;
  } catch (error) {
    // it is told below
  }
  program.stop("was ended because its answer is no JSON object");
  return failure(params, "CRASHED", program.ended);
}

let turn = Promise.resolve();

// Calls that come while one is under way wait for their turn.
exports.main = (params, context) => {
  const came = process.hrtime.bigint();
  const more = context || {}; // DigitalOcean tells of the call there too
  const about = {
    activation_id: process.env.__OW_ACTIVATION_ID || more.activationId,
    deadline: process.env.__OW_DEADLINE || more.deadline,
  };
  const mine = turn.then(() => answer(params || {}, about, came));
  turn = mine.catch(() => {});
  return mine;
};
)js";

inline constexpr std::string_view action_loop_program = "exec";
inline constexpr std::string_view action_loop_environment = "exec.env";

/// Reads the files of a package whose program OpenWhisk's runtimes can run.
inline result<std::vector<ZipFile>> openwhisk_files(const Package& package) {
    if (package.binary_size_bytes() == 0)
        return zip_refused("the package has no file bootstrap, which is what the action starts");
    if (package.architecture() && *package.architecture() != Architecture::x86_64)
        return zip_refused("the package's bootstrap is for " + std::string{to_string(*package.architecture())} +
                           ", and OpenWhisk's runtimes run programs for x86_64: build it for linux/amd64");
    ZipLimits limits;
    limits.compressed_bytes = package.size_bytes();
    auto files = read_zip(*package.zip(), limits);
    if (!files || package.architecture()) return files;
    const auto program =
        std::find_if(files->begin(), files->end(), [](const ZipFile& file) { return file.path == "bootstrap"; });
    if (program != files->end() && text_of(program->data).starts_with("#!")) return files;
    return zip_refused("the package's bootstrap is neither a program for Linux nor a script");
}

inline result<std::string> openwhisk_code(ZipWriter& zip) {
    const auto archive = zip.finish();
    if (archive.size() > openwhisk_zip_bytes)
        return zip_too_large("the action's zip would have " + std::to_string(archive.size()) +
                             " bytes, and no more than " + std::to_string(openwhisk_zip_bytes) +
                             " can be deployed, because OpenWhisk's limit of 48 MB is held against the Base64 of it: "
                             "strip the binary, or leave files out");
    return base64_encode(archive);
}

}  // namespace detail

BLUEPRINT_FAAS_DECL std::string openwhisk_shim_digest(OpenWhiskWay way, std::string_view exec_env) {
    std::string beside;
    if (way == OpenWhiskWay::node)
        beside.append(detail::openwhisk_node_program).append(detail::openwhisk_node_package);
    else
        beside.append(detail::action_loop_program).append(1, '\n').append(exec_env);
    auto digest = detail::sha256_hex(detail::bytes_of(beside));
    digest.resize(8);
    return digest;
}

BLUEPRINT_FAAS_DECL result<std::string> openwhisk_node_code(const Package& package) {
    const auto files = detail::openwhisk_files(package);
    if (!files) return files.error();
    ZipWriter zip;
    const auto add = [&zip](const std::string& path, std::span<const std::uint8_t> data, std::uint32_t mode) {
        return zip.add(path, data, mode);
    };
    if (const auto added = add("index.js", detail::bytes_of(detail::openwhisk_node_program), 0644); !added)
        return added.error();
    if (const auto added = add("package.json", detail::bytes_of(detail::openwhisk_node_package), 0644); !added)
        return added.error();
    for (const auto& file : *files) {
        const auto mode = file.path == "bootstrap" ? 0755 : file.mode;
        if (const auto added = add("function/" + file.path, file.data, mode); !added) return added.error();
    }
    return detail::openwhisk_code(zip);
}

BLUEPRINT_FAAS_DECL result<std::string> openwhisk_action_loop_code(const Package& package, std::string_view exec_env) {
    if (exec_env.find_first_of("\r\n") != std::string_view::npos)
        return detail::zip_refused(
            "exec_env has more than one line: it is a name, such as "
            "\"openwhisk/action-golang-v1.24\"");
    const auto files = detail::openwhisk_files(package);
    if (!files) return files.error();
    for (const auto name : {detail::action_loop_program, detail::action_loop_environment})
        if (has_file(*files, name))
            return detail::zip_refused("the package has a file " + std::string{name} +
                                       ", which is a name that the runtime has a meaning for: rename it");
    ZipWriter zip;
    for (const auto& file : *files) {
        const bool program = file.path == "bootstrap";
        const auto added = zip.add(program ? std::string{detail::action_loop_program} : file.path, file.data,
                                   program ? 0755 : file.mode);
        if (!added) return added.error();
    }
    if (!exec_env.empty()) {
        const auto added =
            zip.add(detail::action_loop_environment, detail::bytes_of(std::string{exec_env}.append(1, '\n')), 0644);
        if (!added) return added.error();
    }
    return detail::openwhisk_code(zip);
}

}  // namespace blueprint::faas

#endif
