// Uses the local OpenWhisk by Apache OpenWhisk's own client:
//   openwhisk.mjs openwhisk URL DIRECTORY       with OPENWHISK_AUTH, the "user:password" of the namespace guest
//   openwhisk.mjs digitalocean URL DIRECTORY    with DIGITALOCEAN_TOKEN
// DIRECTORY has node.zip, program.zip and misnamed.zip. Prints "ok: ..." for each thing that came out as documented, and
// ends with status 1 at the first that did not.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import openwhisk from 'openwhisk';

const [platform, url, directory] = process.argv.slice(2);
const step = async (what, run) => {
  await run();
  console.log(`ok: ${what}`);
};
const refused = (promise, status, text = /./) => assert.rejects(promise, (error) => {
  assert.equal(error.statusCode, status, error.message);
  assert.match(error.message, text);
  assert.equal(typeof error.error.code, 'string', 'no transaction id');
  return true;
});
/** Waits for an activation's record, which is stored after the call's end. */
const record = async (client, id) => {
  for (let looks = 0; ; ++looks) {
    assert.ok(looks < 300, `the record of ${id} does not come`);
    try {
      return await client.activations.get({ name: id });
    } catch (error) {
      assert.equal(error.statusCode, 404, error.message);
      await pause(100);
    }
  }
};
const annotation = (of, key) => of.annotations.find((each) => each.key === key)?.value;
const code = `
const started = Date.now();
async function main(params) {
  console.log('asked for ' + params.name);
  if (params.fail) return { error: params.fail };
  if (params.crash) throw new Error('on purpose');
  if (params.sleep) await new Promise((resolve) => setTimeout(resolve, params.sleep));
  return { greeting: (params.greeting || 'hello') + ' ' + params.name, colour: process.env.COLOUR, started };
}`;

const useActions = async (client, id) => {
  const name = 'greet';
  await step('the key opens one namespace', async () => {
    assert.deepEqual(await client.namespaces.list(), [id]);
    assert.deepEqual(await client.actions.list(), []);
  });
  await step('an action is made of source text', async () => {
    const limits = { timeout: 20000, memory: 256 };
    const made = await client.actions.create(
      { name, action: code, kind: 'nodejs:22', params: { greeting: 'good day' }, annotations: { team: 'jobs' }, limits });
    assert.equal(made.name, name);
    assert.equal(made.namespace, id);
    assert.equal(made.version, '0.0.1');
    assert.equal(made.exec.kind, 'nodejs:22');
    assert.equal(made.exec.binary, false);
    assert.equal(made.limits.timeout, 20000);
    assert.equal(annotation(made, 'team'), 'jobs');
    assert.equal(annotation(made, 'exec'), 'nodejs:22');
  });
  await step('the same name is taken', () => refused(client.actions.create({ name, action: code }), 409));
  await step('a runtime that is not there is refused with those that are', () => refused(
    client.actions.create({ name: 'other', action: code, kind: 'cobol:85' }), 400, /nodejs:22/));
  await step('limits are looked at', () => refused(
    client.actions.create({ name: 'other', action: code, kind: 'nodejs:22', limits: { memory: 64 } }), 400));
  await step('it is called, and waited for', async () => {
    const done = await client.actions.invoke({ name, blocking: true, params: { name: 'you' } });
    assert.equal(done.response.status, 'success');
    assert.equal(done.response.success, true);
    assert.equal(done.response.result.greeting, 'good day you');
    assert.equal(done.name, name);
    assert.equal(done.version, '0.0.1');
    assert.match(done.activationId, /^[0-9a-f]{32}$/);
    assert.ok(done.end >= done.start);
    assert.equal(annotation(done, 'kind'), 'nodejs:22');
    assert.equal(annotation(done, 'path'), `${id}/${name}`);
    assert.equal(annotation(done, 'limits').memory, 256);
    assert.ok(annotation(done, 'initTime') > 0, 'the first call initialises');
    assert.ok(annotation(done, 'waitTime') >= 0);
    if (platform === 'digitalocean') assert.ok(annotation(done, 'gbs') > 0);
  });
  await step('its result alone, by an instance that was there', async () => {
    const first = await client.actions.invoke({ name, blocking: true, result: true, params: { name: 'me' } });
    assert.equal(first.greeting, 'good day me');
    const second = await client.actions.invoke({ name, blocking: true, params: { name: 'me', greeting: 'hi' } });
    assert.equal(second.response.result.greeting, 'hi me');
    assert.equal(second.response.result.started, first.started);
    assert.equal(annotation(second, 'initTime'), undefined);
  });
  await step('it is called and not waited for; record, log and result are there later', async () => {
    const { activationId } = await client.actions.invoke({ name, params: { name: 'them' } });
    const done = await record(client, activationId);
    assert.equal(done.activationId, activationId);
    assert.equal(done.response.result.greeting, 'good day them');
    const { logs } = await client.activations.logs({ name: activationId });
    assert.ok(logs.some((line) => /^\d{4}-\d\d-\d\dT\S+Z\s+stdout: asked for them$/.test(line)), logs.join('\n'));
    assert.equal((await client.activations.result({ name: activationId })).result.greeting, 'good day them');
    const listed = await client.activations.list({ name, limit: 1 });
    assert.equal(listed.length, 1);
    assert.equal(listed[0].activationId, activationId);
    assert.equal((await client.activations.list({ name: 'nobody' })).length, 0);
    await refused(client.activations.get({ name: '0'.repeat(32) }), 404);
  });
  await step('many calls at once', async () => {
    const names = [...Array(8).keys()].map(String);
    const all = await Promise.all(names.map((each) => client.actions.invoke(
      { name, blocking: true, result: true, params: { name: each } })));
    assert.deepEqual(all.map((each) => each.greeting), names.map((each) => `good day ${each}`));
  });
  const failure = async (params, status) => {
    let seen;
    await assert.rejects(client.actions.invoke({ name, blocking: true, params }), (error) => {
      assert.equal(error.statusCode, 502, error.message);
      seen = error.error;
      return true;
    });
    assert.equal(seen.response.status, status);
    assert.equal(seen.response.success, false);
    return seen;
  };
  await step('an error that it returns is an application error', async () => {
    const seen = await failure({ fail: 'no such job' }, 'application error');
    assert.equal(seen.response.result.error, 'no such job');
  });
  await step('so is one that it throws', () => failure({ crash: true }, 'application error'));
  await step('what is not given stays as it is, and what is given replaces it', async () => {
    const changed = await client.actions.update({ name, params: { greeting: 'good night' } });
    assert.equal(changed.version, '0.0.2');
    assert.equal(changed.exec.kind, 'nodejs:22');
    assert.equal(changed.limits.timeout, 20000);
    assert.equal(annotation(changed, 'team'), 'jobs');
    const done = await client.actions.invoke({ name, blocking: true, params: { name: 'you' } });
    assert.equal(done.version, '0.0.2');
    assert.equal(done.response.result.greeting, 'good night you');
  });
  await step('its code is told unless it is not asked for', async () => {
    assert.equal((await client.actions.get({ name })).exec.code, code);
    assert.equal((await client.actions.get({ name, code: false })).exec.code, undefined);
  });
  await step('a call that takes too long is ended', async () => {
    await client.actions.update({ name, limits: { timeout: 500 } });
    const seen = await failure({ name: 'you', sleep: 30000 }, 'action developer error');
    assert.equal(annotation(seen, 'timeout'), true);
  });
  await step('parameters that are final are not for the caller', async () => {
    await client.actions.update({ name, annotations: { final: true } });
    await refused(client.actions.invoke({ name, blocking: true, params: { greeting: 'hi' } }), 400);
  });
  const zip = (file) => readFileSync(`${directory}/${file}.zip`);
  await step('a zip runs by Node.js, with its own files and its environment', async () => {
    const made = await client.actions.create({
      name: 'zipped',
      action: {
        exec: { kind: 'nodejs:22', code: zip('node').toString('base64'), main: 'main' },
        parameters: [{ key: 'COLOUR', value: 'blue', init: true }, { key: 'shape', value: 'round' }],
      },
    });
    assert.equal(made.exec.binary, true);
    const done = await client.actions.invoke({ name: 'zipped', blocking: true, result: true, params: { value: 12 } });
    assert.deepEqual(done, { square: 144, colour: 'blue', shape: 'round', seen: true, activation: true });
  });
  await step('a program runs by itself', async () => {
    await client.actions.create({ name: 'program', action: zip('program'), kind: 'go:1.24', exec: { main: 'main' } });
    const done = await client.actions.invoke({ name: 'program', blocking: true, params: { value: 9 } });
    assert.equal(done.response.result.square, 81);
    assert.equal((await client.actions.invoke({ name: 'program', blocking: true, result: true, params: { value: 3 } })).calls, 2);
    const { logs } = await client.activations.logs({ name: done.activationId });
    // The local cloud reads both streams of a program by one pipe.
    assert.ok(logs.some((line) => /std(out|err): squares 9$/.test(line)), logs.join('\n'));
  });
  await step('pitfall 1: a program for another runtime does not start', async () => {
    await client.actions.create({ name: 'misnamed', action: zip('misnamed'), kind: 'go:1.24', exec: { main: 'main' } });
    await assert.rejects(client.actions.invoke({ name: 'misnamed', blocking: true }), (error) => {
      assert.equal(error.statusCode, 502, error.message);
      assert.equal(error.error.response.status, 'action developer error');
      return true;
    });
  });
  await step('actions are in packages, which are there before and after them', async () => {
    await refused(client.actions.create({ name: 'tools/greet', action: code, kind: 'nodejs:22' }), 404);
    await client.packages.update({ name: 'tools' });
    const made = await client.actions.create({ name: 'tools/greet', action: code, kind: 'nodejs:22' });
    assert.equal(made.namespace, `${id}/tools`);
    assert.equal((await client.actions.invoke({ name: 'tools/greet', blocking: true, result: true, params: { name: 'x' } })).greeting,
      'hello x');
    await refused(client.packages.delete({ name: 'tools' }), 409);
    await client.actions.delete({ name: 'tools/greet' });
    await client.packages.delete({ name: 'tools' });
  });
  await step('lists come in pages', async () => {
    const names = async (options) => (await client.actions.list(options)).map((each) => each.name).sort();
    assert.deepEqual(await names(), ['greet', 'misnamed', 'program', 'zipped']);
    const pages = await Promise.all([0, 3].map((skip) => client.actions.list({ limit: 3, skip })));
    assert.deepEqual(pages.map((page) => page.length), [3, 1]);
    await refused(client.actions.list({ limit: 201 }), 400);
  });
  await step('what is deleted is gone', async () => {
    assert.equal((await client.actions.delete({ name })).name, name);
    await refused(client.actions.delete({ name }), 404);
    await refused(client.actions.get({ name }), 404);
    await refused(client.actions.invoke({ name, blocking: true }), 404);
    for (const each of ['zipped', 'program', 'misnamed']) await client.actions.delete({ name: each });
    assert.deepEqual(await client.actions.list(), []);
  });
};

if (platform === 'openwhisk') {
  const api_key = process.env.OPENWHISK_AUTH;
  await step('who does not know the password is refused', async () => {
    const stranger = openwhisk({ apihost: url, api_key: `${api_key}x` });
    await refused(stranger.actions.list(), 401);
  });
  await step('what runs is told at the root', async () => {
    const { runtimes } = await (await fetch(`${url}/`)).json();
    assert.ok(runtimes.nodejs.some((each) => each.kind === 'nodejs:22'));
  });
  await useActions(openwhisk({ apihost: url, api_key }), 'guest');
} else {
  const ask = async (method, path, body) => {
    const answer = await fetch(`${url}/v2/functions/namespaces${path}`, {
      method,
      headers: { Authorization: `Bearer ${process.env.DIGITALOCEAN_TOKEN}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    assert.ok(answer.ok, `${answer.status} ${await answer.clone().text()}`);
    return answer.status === 204 ? undefined : answer.json();
  };
  await step('what runs is told to anybody', async () => {
    const { runtimes } = await (await fetch(`${url}/api/v1`)).json();
    assert.ok(runtimes.nodejs.some((each) => each.kind === 'nodejs:22'));
  });
  const { namespace } = await ask('POST', '', { label: 'jobs', region: 'nyc1' });
  const id = namespace.namespace;
  const open = async (name) => {
    const { access_key: key } = await ask('POST', `/${id}/keys`, { name, expires_in: '1h' });
    return { key: key.id, client: openwhisk({ apihost: namespace.api_host, api_key: `${key.id}:${key.secret}` }) };
  };
  const { key, client } = await open('one');
  await useActions(client, id);
  await step('a key that is deleted opens nothing more, and another one does', async () => {
    const { client: other } = await open('two');
    await ask('DELETE', `/${id}/keys/${key}`);
    await refused(client.actions.list(), 401);
    assert.deepEqual(await other.actions.list(), []);
    await other.actions.create({ name: 'last', action: code, kind: 'nodejs:22' });
    await ask('DELETE', `/${id}`);
    await refused(other.actions.list(), 401);
  });
}
