// Drives a Lambda endpoint with AWS's own client for JavaScript: client.mjs ENDPOINT ZIP
// Prints "ok: ..." for each thing that came out as AWS documents it, and ends with status 1 at the first that did not.
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import * as lambda from '@aws-sdk/client-lambda';

const [endpoint, zip] = process.argv.slice(2);
const options = { endpoint, region: 'us-east-1', maxAttempts: 1 };
const client = new lambda.LambdaClient(options);
const FunctionName = 'from-javascript';
const send = (name, input) => client.send(new lambda[name]({ FunctionName, ...input }));
const call = (job_id, args) => JSON.stringify({ job_id, args });
const text = (payload) => Buffer.from(payload).toString();
const json = (payload) => JSON.parse(text(payload));
const step = async (what, run) => {
  await run();
  console.log(`ok: ${what}`);
};
const number = (value) => [value, 0, 0, 0, 0, 0, 0, 0];

await step('create, and wait until it is active', async () => {
  const made = await send('CreateFunctionCommand', {
    Role: 'arn:aws:iam::123456789012:role/jobs',
    Runtime: 'provided.al2023',
    Handler: 'bootstrap',
    Code: { ZipFile: readFileSync(zip) },
    MemorySize: 256,
    Timeout: 10,
    Environment: { Variables: { GREETING: 'hello' } },
    Tags: { team: 'jobs' },
  });
  assert.equal(made.State, 'Pending');
  await lambda.waitUntilFunctionActiveV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName });
});
await step('invoke, with the end of the log', async () => {
  const done = await send('InvokeCommand', { Payload: call(0, number(12)), LogType: 'Tail' });
  assert.equal(done.StatusCode, 200);
  assert.equal(done.FunctionError, undefined);
  assert.equal(done.ExecutedVersion, '$LATEST');
  assert.deepEqual(json(done.Payload).result, number(144));
  assert.match(Buffer.from(done.LogResult, 'base64').toString(), /REPORT RequestId: .*Duration: [\d.]+ ms\tBilled/);
});
await step('a job that fails is a function error', async () => {
  const done = await send('InvokeCommand', { Payload: call(1, number(3)) });
  assert.equal(done.StatusCode, 200);
  assert.equal(done.FunctionError, 'Unhandled');
  assert.match(json(done.Payload).errorMessage, /no answer to 3/);
});
await step('an asynchronous invocation is taken', async () => {
  const taken = await send('InvokeCommand', { Payload: call(0, number(2)), InvocationType: 'Event' });
  assert.equal(taken.StatusCode, 202);
});
await step('a dry run runs nothing', async () => {
  assert.equal((await send('InvokeCommand', { InvocationType: 'DryRun' })).StatusCode, 204);
});
await step('the answer as a stream of events', async () => {
  const done = await send('InvokeWithResponseStreamCommand', { Payload: call(0, number(5)), LogType: 'Tail' });
  let payload = Buffer.alloc(0);
  let complete;
  for await (const event of done.EventStream) {
    if (event.PayloadChunk) payload = Buffer.concat([payload, Buffer.from(event.PayloadChunk.Payload)]);
    if (event.InvokeComplete) complete = event.InvokeComplete;
  }
  assert.ok(complete, 'no InvokeComplete');
  assert.equal(complete.ErrorCode, undefined);
  assert.deepEqual(JSON.parse(payload.toString()).result, number(25));
});
await step('a version, an alias, and a share of the calls', async () => {
  const first = await send('PublishVersionCommand');
  assert.equal(first.Version, '1');
  await lambda.waitUntilPublishedVersionActive({ client, maxWaitTime: 60 }, { FunctionName, Qualifier: '1' });
  await send('CreateAliasCommand', { Name: 'live', FunctionVersion: '1' });
  const done = await send('InvokeCommand', { Payload: call(0, number(3)), Qualifier: 'live' });
  assert.equal(done.ExecutedVersion, '1');
  await send('UpdateFunctionConfigurationCommand', { Environment: { Variables: { GREETING: 'bye' } } });
  await lambda.waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName });
  const second = await send('PublishVersionCommand');
  assert.equal(second.Version, '2');
  await send('UpdateAliasCommand', { Name: 'live', RoutingConfig: { AdditionalVersionWeights: { 2: 1 } } });
  const shifted = await send('InvokeCommand', {
    FunctionName: `${FunctionName}:live`,
    Payload: call(6, [...Buffer.from('GREETING')]),
  });
  assert.equal(shifted.ExecutedVersion, '2');
  assert.equal(Buffer.from(json(shifted.Payload).result).toString(), 'bye');
});
await step('new code, and wait until it is in place', async () => {
  await send('UpdateFunctionCodeCommand', { ZipFile: readFileSync(zip) });
  await lambda.waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName });
});
await step('lists', async () => {
  const names = [];
  for await (const page of lambda.paginateListFunctions({ client }, {}))
    names.push(...page.Functions.map((each) => each.FunctionName));
  assert.ok(names.includes(FunctionName));
  const versions = await send('ListVersionsByFunctionCommand');
  assert.deepEqual(versions.Versions.map((each) => each.Version), ['$LATEST', '1', '2']);
});
await step('a name twice is a conflict, an unknown one is not found', async () => {
  await assert.rejects(send('CreateAliasCommand', { Name: 'live', FunctionVersion: '1' }), lambda.ResourceConflictException);
  await assert.rejects(send('GetFunctionCommand', { FunctionName: 'nobody' }), lambda.ResourceNotFoundException);
});
await step('a wrong key is refused', async () => {
  const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: 'not-the-secret' };
  const stranger = new lambda.LambdaClient({ ...options, credentials });
  await assert.rejects(stranger.send(new lambda.ListFunctionsCommand({})), (error) => {
    assert.equal(error.name, 'InvalidSignatureException');
    assert.equal(error.$metadata.httpStatusCode, 403);
    return true;
  });
});
await step('delete', async () => {
  await send('DeleteFunctionCommand');
  await assert.rejects(send('GetFunctionCommand'), lambda.ResourceNotFoundException);
});
