#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_NODE_RUNNER_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_OPENWHISK_NODE_RUNNER_HPP

#include <string_view>

namespace blueprint::faas::local {

/// Runs an action in Node.js as OpenWhisk's runtime does, a line on stdin and a line on descriptor 3 a call. The first
/// line says whether the action could be loaded; an answer begins with '+', or with '-' for what the runtime answers in
/// place of an action that threw or returned no object. Arguments: the folder or the file of the action, and its entry.
constexpr std::string_view openwhisk_node_runner = R"js('use strict';
const fs = require('fs');
const path = require('path');
const [where, main] = process.argv.slice(2);

function say(line) {
  const bytes = Buffer.from(line + '\n');
  for (let at = 0; at < bytes.length;) at += fs.writeSync(3, bytes, at);
}

// An Error's own members do not travel as JSON.
function described(error) {
  if (!(error instanceof Error)) return error;
  return { name: error.name, message: error.message, stack: error.stack, ...error };
}

function member(of, names) {
  return names.split('.').reduce((value, name) => (value == null ? undefined : value[name]), of);
}

function load() {
  if (fs.statSync(where).isDirectory()) {
    if (!['package.json', 'index.js'].some((name) => fs.existsSync(path.join(where, name))))
      throw 'Zipped actions must contain either package.json or index.js at the root.';
    const dot = main.indexOf('.');
    if (dot < 0) return member(require(where), main);
    return member(require(path.join(where, main.slice(0, dot))), main.slice(dot + 1));
  }
  if (!/^[A-Za-z_$][\w$.]*$/.test(main)) throw `'${main}' is no name of a function.`;
  const module = { exports: {} };
  const found = new Function('require', 'module', 'exports', `${fs.readFileSync(where, 'utf8')}
;try { return ${main}; } catch (error) { if (!(error instanceof ReferenceError)) throw error; }`)(
    require, module, module.exports);
  return found === undefined ? member(module.exports, main) : found;
}

let entry;
try {
  entry = load();
  if (typeof entry !== 'function') throw `Action entrypoint '${main}' is not a function.`;
  say('{"ok":true}');
} catch (error) {
  console.error('Error during initialization:', error);
  const why = error && error.stack ? error.stack : error;
  say(JSON.stringify({ ok: false, error: `Initialization has failed due to: ${why}` }));
  process.exit(1);
}

async function call(line) {
  const message = JSON.parse(line);
  for (const [key, value] of Object.entries(message))
    if (key !== 'value' && typeof value === 'string') process.env['__OW_' + key.toUpperCase()] = value;
  let result;
  try {
    result = entry(message.value);
  } catch (error) {
    console.error(error);
    return '-' + JSON.stringify({ error: `An error has occurred: ${error}` });
  }
  try {
    result = await result;
  } catch (error) {
    result = { error: error ? described(error) : {} };
  }
  if (result === undefined) result = {};
  if (typeof result !== 'object') {
    console.error(`Result must be of type object but has type "${typeof result}":`, result);
    return '-' + JSON.stringify({ error: 'The action did not return a dictionary.' });
  }
  try {
    return '+' + JSON.stringify(result);
  } catch (error) {
    return '-' + JSON.stringify({ error: `An error has occurred: ${error}` });
  }
}

let pieces = [];
let turn = Promise.resolve();
process.stdin.on('data', (chunk) => {
  for (let end; (end = chunk.indexOf(10)) >= 0; chunk = chunk.subarray(end + 1)) {
    const line = Buffer.concat([...pieces, chunk.subarray(0, end)]).toString();
    pieces = [];
    turn = turn.then(() => call(line)).then(say);
  }
  pieces.push(chunk);
});
process.stdin.on('end', () => process.exit(0));
)js";

}  // namespace blueprint::faas::local

#endif
