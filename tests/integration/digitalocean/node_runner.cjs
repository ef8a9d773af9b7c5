// Runs an action as OpenWhisk's documents say that a Node.js runtime does: node node_runner.cjs PORT DIRECTORY
// POST /init unpacks the action's code into DIRECTORY and loads it, POST /run calls it; several calls may be under way.
// UNPACK says with what: "unzip", or "python", which gives no permissions. With CONTEXT=1 it tells of a call as
// DigitalOcean documents it besides, by a second argument, and not by variables.
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const [port, directory] = process.argv.slice(2);
const unpackers = {
  unzip: (zip, to) => execFileSync('unzip', ['-qq', zip, '-d', to]),
  python: (zip, to) => execFileSync('python3', ['-m', 'zipfile', '-e', zip, to]),
};
let main;

function init({ value }) {
  if (main !== undefined) throw new Error('it is initialized already');
  Object.assign(process.env, value.env);
  const folder = path.join(directory, 'action');
  fs.writeFileSync(`${folder}.zip`, Buffer.from(value.code, 'base64'));
  unpackers[process.env.UNPACK](`${folder}.zip`, folder);
  process.chdir(folder);
  main = require(folder)[value.main];
  if (typeof main !== 'function') throw new Error(`there is no function ${value.main}`);
  return { OK: true };
}

async function run({ value, ...about }) {
  const context = { activationId: about.activation_id, deadline: Number(about.deadline) };
  if (process.env.CONTEXT === '1') return main(value, context);
  for (const [name, text] of Object.entries(about))
    if (typeof text === 'string') process.env[`__OW_${name.toUpperCase()}`] = text;
  return main(value);
}

http
  .createServer(async (req, res) => {
    const pieces = [];
    for await (const piece of req) pieces.push(piece);
    let status = 200;
    let answer;
    try {
      const body = JSON.parse(Buffer.concat(pieces));
      answer = await { '/init': init, '/run': run }[req.url](body);
    } catch (error) {
      status = req.url === '/init' ? 502 : 200; // a rejected promise is an application error
      answer = { error: error.message };
    }
    const text = Buffer.from(JSON.stringify(answer));
    res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': text.length });
    res.end(text);
  })
  .listen(Number(port), '127.0.0.1');
