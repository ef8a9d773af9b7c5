// Compares what the library signs with what Google's own library signs, for one key: agree.mjs PROGRAM
// GOOGLE_AUTH_LIBRARY is the package.json of npm's google-auth-library. Ends with status 1 at the first difference.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { JWT, JWTAccess, OAuth2Client, gaxios } = createRequire(process.env.GOOGLE_AUTH_LIBRARY)('google-auth-library');
const email = 'jobs@local-project.iam.gserviceaccount.com';
const audience = 'https://job-0-abc-ew.a.run.app';
const scope = 'https://www.googleapis.com/auth/cloud-platform';
const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const key = {
  type: 'service_account', project_id: 'local-project', private_key_id: 'key-1', private_key: privateKey,
  client_email: email, token_uri: 'https://oauth2.googleapis.com/token',
};
const directory = mkdtempSync(join(tmpdir(), 'blueprint-faas-'));
let ours;
try {
  const file = join(directory, 'key.json');
  writeFileSync(file, JSON.stringify(key), { mode: 0o600 });
  ours = execFileSync(process.argv[2], [file], { encoding: 'utf8' }).trim().split('\n');
} finally {
  rmSync(directory, { recursive: true });
}
assert.equal(ours.length, 3);

// What Google's library sends to the token endpoint; it is answered with a refusal.
const asked = async (scopes, make) => {
  let assertion;
  const transporter = new gaxios.Gaxios({
    adapter: async (config) => {
      assertion = new URLSearchParams(String(config.body ?? config.data)).get('assertion');
      throw new Error('enough');
    },
  });
  await make(new JWT({ email, key: privateKey, keyId: 'key-1', scopes, transporter })).catch(() => {});
  assert.ok(assertion, 'its library sent no assertion');
  return assertion;
};
const theirs = [
  new JWTAccess(email, privateKey, 'key-1').getRequestHeaders(undefined, undefined, scope).get('authorization').slice(7),
  await asked([scope], (client) => client.getAccessToken()),
  await asked(undefined, (client) => client.fetchIdToken(audience)),
];

const part = (token, index) => JSON.parse(Buffer.from(token.split('.')[index], 'base64url'));
const verifier = new OAuth2Client();
const names = ['the self-signed access token', 'the request for an access token', 'the request for an ID token'];
for (const [index, name] of names.entries()) {
  const [mine, its] = [ours[index], theirs[index]];
  const [{ iat, exp, ...claims }, { iat: itsIat, exp: itsExp, ...itsClaims }] = [part(mine, 1), part(its, 1)];
  assert.deepEqual(claims, itsClaims, name);
  const { kid, typ, ...header } = part(mine, 0);
  const { kid: itsKid, typ: itsTyp, ...itsHeader } = part(its, 0);
  assert.deepEqual(header, itsHeader, name);
  for (const [value, itsValue, right] of [[kid, itsKid, 'key-1'], [typ, itsTyp, 'JWT']])
    assert.ok(value === right && (itsValue === undefined || itsValue === right), name);
  assert.ok(Math.abs(iat - itsIat) < 60, `${name}: iat`);
  assert.equal(exp - iat, itsExp - itsIat, `${name}: exp`);
  // Its own check of signature, audience and times.
  const wanted = claims.aud ? [claims.aud] : undefined;
  const ticket = await verifier.verifySignedJwtWithCertsAsync(mine, { 'key-1': publicKey }, wanted, [email]);
  assert.equal(ticket.getPayload().iss, email);
  await assert.rejects(verifier.verifySignedJwtWithCertsAsync(`${mine.slice(0, -4)}AAAA`, { 'key-1': publicKey }, wanted, [email]));
  console.log(`ok: ${name}`);
}
