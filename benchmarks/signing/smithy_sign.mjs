// Prints what one signature by @smithy/signature-v4 costs: its version, then "BYTES MICROSECONDS" for each body given.
// The request is the one of bench_signing.cpp, with another client context each time. SHA-256 is that of Node.js, as in
// AWS's client. The package is looked for where tests/peers puts it; ends with 77 without it.
import { createHash, createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const { BLUEPRINT_FAAS_PEERS_DIR, BLUEPRINT_FAAS_DEFAULT_PEERS_DIR } = process.env;
const peers = BLUEPRINT_FAAS_PEERS_DIR ?? BLUEPRINT_FAAS_DEFAULT_PEERS_DIR ?? 'build-peers';
let signing, version;
try {
  const require = createRequire(resolve(peers, 'aws', 'package.json'));
  signing = require('@smithy/signature-v4');
  version = require('@smithy/signature-v4/package.json').version;
} catch (missing) {
  console.log(missing.message.split('\n')[0]);
  process.exit(77);
}

class Sha256 {
  constructor(secret) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return this.hash.digest();
  }
}

const signer = new signing.SignatureV4({
  service: 'lambda',
  region: 'eu-central-1',
  sha256: Sha256,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
});

const medianOfSigning = async (bytes) => {
  const host = 'lambda.eu-central-1.amazonaws.com';
  const request = {
    method: 'POST',
    protocol: 'https:',
    hostname: host,
    path: '/2015-03-31/functions/blueprint-job-0/invocations',
    query: { Qualifier: 'live' },
    headers: {
      host,
      'content-type': 'application/json',
      'x-amz-invocation-type': 'RequestResponse',
      'x-amz-log-type': 'Tail',
    },
    body: Buffer.alloc(bytes, 'x'),
  };
  const turns = bytes > 1 << 16 ? 4 : 200;
  const took = [];
  for (let round = 0; round < 11; ++round) {
    const before = process.cpuUsage();
    for (let turn = 0; turn < turns; ++turn) {
      const end = String(turn).padStart(4, '0');
      request.headers['x-amz-client-context'] = `eyJjdXN0b20iOnsiYmx1ZXByaW50LWRlYWRsaW5lLW1zIjoiMTc2NDExMDAw${end}In19`;
      await signer.sign(request);
    }
    const { user, system } = process.cpuUsage(before);
    took.push((user + system) / turns);
  }
  return took.sort((a, b) => a - b)[5];
};

await medianOfSigning(64); // so that the compiler has done its work
console.log(`@smithy/signature-v4 ${version}`);
for (const bytes of process.argv.slice(2).map(Number)) console.log(`${bytes} ${(await medianOfSigning(bytes)).toFixed(3)}`);
