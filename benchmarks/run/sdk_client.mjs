// Calls a function through AWS's own client for JavaScript, when bench_invoke says so:
// sdk_client.mjs ENDPOINT IN_FLIGHT PAYLOAD MODULES. See runner.hpp for the lines on standard input and output.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [endpoint, inFlight, payload, modules] = process.argv.slice(2);
const { LambdaClient, InvokeCommand } = createRequire(`${modules}/`)('@aws-sdk/client-lambda');
const agent = { keepAlive: true, maxSockets: Number(inFlight) };
const requestHandler = { httpAgent: agent, httpsAgent: agent };
const client = new LambdaClient({ endpoint, region: 'us-east-1', maxAttempts: 1, requestHandler });
const bytes = Uint8Array.from({ length: Number(payload) }, (_, i) => i * 7 + Math.floor(i / 256));
const Payload = JSON.stringify({ job_id: 0, args: Buffer.from(bytes).toString('base64') });
const call = { FunctionName: 'blueprint-job-0', Qualifier: 'live', LogType: 'Tail', Payload };

async function callOn(run) {
  while (performance.now() < run.end && run.left-- > 0) {
    const began = performance.now();
    let fine = false;
    try {
      const answer = await client.send(new InvokeCommand(call));
      fine = answer.StatusCode === 200 && answer.Payload.length > Number(payload);
    } catch (why) {
      if (run.failures === 0) console.error(`javascript: ${why}`);
    }
    run.took.push(performance.now() - began);
    if (!fine) run.failures += 1;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const numbers = line.split(' ').map(Number);
  if (numbers.length !== 3) break;
  const cpu = process.cpuUsage();
  const began = performance.now();
  const run = { end: began + numbers[0], left: Math.max(numbers[1], 1), took: [], failures: 0 };
  await Promise.all(Array.from({ length: Number(inFlight) }, () => callOn(run)));
  const seconds = (performance.now() - began) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  run.took.sort((a, b) => a - b);
  const share = (of) => (run.took[Math.floor(run.took.length * of)] ?? 0) * 1e3;
  const calls = run.took.length - run.failures;
  console.log([calls, run.failures, seconds, user / 1e6, system / 1e6, share(0.5), share(0.99), -1, -1].join(' '));
}
process.exit(0);
