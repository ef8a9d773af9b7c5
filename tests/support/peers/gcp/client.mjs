// Gets tokens of the local Google Cloud with Google's own library of credentials: client.mjs URL DIRECTORY
// DIRECTORY has key.json, the key of a service account, and user.json, a user's credentials. GCE_METADATA_HOST is set.
// Prints "ok: ..." for each thing that came out as Google documents it, and ends with status 1 at the first that did not.
import { strict as assert } from 'node:assert';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Compute, ExternalAccountClient, gaxios, GoogleAuth, Impersonated, JWT, OAuth2Client, UserRefreshClient,
} from 'google-auth-library';

const [url, directory] = process.argv.slice(2);
const keyFile = join(directory, 'key.json');
const key = JSON.parse(readFileSync(keyFile));
const user = JSON.parse(readFileSync(join(directory, 'user.json')));
const provider = process.env.TEST_IDENTITY;
const audience = 'https://job-0-abc-ew.a.run.app';
const scopes = ['https://www.googleapis.com/auth/cloud-platform'];
const issuers = ['https://accounts.google.com'];
const step = async (what, run) => {
  await run();
  console.log(`ok: ${what}`);
};

// The library asks for a service account's tokens at the production host alone, whatever the key's token_uri says. So what
// is for that host is sent here instead, as a host name that resolves to this machine would do; nothing else is altered.
const transporter = new gaxios.Gaxios();
transporter.interceptors.request.add({
  resolved: async (config) => {
    const asked = new URL(config.url);
    if (asked.host.endsWith('.googleapis.com')) config.url = new URL(url + asked.pathname + asked.search);
    return config;
  },
});
const clientOptions = { transporter };
const verifier = new OAuth2Client({
  endpoints: { oauth2FederatedSignonPemCertsUrl: new URL(`${url}/oauth2/v1/certs`) },
});
const verified = async (idToken, wanted = audience) =>
  (await verifier.verifyIdToken({ idToken, audience: wanted })).getPayload();
// Whether a token opens an API, and as whom: it asks there for an ID token of the account.
const opens = (token) =>
  fetch(`${url}/v1/projects/-/serviceAccounts/${key.client_email}:generateIdToken`, {
    method: 'POST',
    headers: { Authorization: token.startsWith('Bearer ') ? token : `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ audience, includeEmail: true }),
  });
const mustOpen = async (token) => {
  const answer = await opens(token);
  assert.equal(answer.status, 200, await answer.text());
};

let idToken;
await step('a service account gets an access token', async () => {
  const auth = new GoogleAuth({ keyFile, scopes, clientOptions });
  const token = await auth.getAccessToken();
  assert.match(token, /^local-/);
  await mustOpen(token);
  const credentials = (await auth.getClient()).credentials;
  assert.ok(credentials.expiry_date > Date.now() + 3500_000 && credentials.expiry_date <= Date.now() + 3600_000);
});
await step('and an ID token, which the library verifies', async () => {
  const client = await new GoogleAuth({ keyFile, clientOptions }).getIdTokenClient(audience);
  const header = (await client.getRequestHeaders()).get('authorization');
  idToken = header.replace('Bearer ', '');
  const claims = await verified(idToken);
  assert.equal(claims.email, key.client_email);
  assert.equal(claims.exp - claims.iat, 3600);
  assert.equal((await opens(idToken)).status, 401);
});
await step('which the JWK set verifies too', async () => {
  const { keys } = await (await fetch(`${url}/oauth2/v3/certs`)).json();
  const certs = Object.fromEntries(keys.map((each) =>
    [each.kid, createPublicKey({ key: each, format: 'jwk' }).export({ type: 'spki', format: 'pem' })]));
  await verifier.verifySignedJwtWithCertsAsync(idToken, certs, audience, issuers);
});
await step('another audience, another text, another issuer and another hour are not verified', async () => {
  await assert.rejects(verified(idToken, `${audience}/`), /Wrong recipient/);
  const [header, claims, signature] = idToken.split('.');
  const other = { ...JSON.parse(Buffer.from(claims, 'base64url')), email: 'mallory@example.com' };
  const altered = Buffer.from(JSON.stringify(other)).toString('base64url');
  await assert.rejects(verified(`${header}.${altered}.${signature}`), /Invalid token signature/);
  const { certs } = await verifier.getFederatedSignonCertsAsync();
  await assert.rejects(
    verifier.verifySignedJwtWithCertsAsync(idToken, certs, audience, ['https://issuer.example.com']), /Invalid issuer/);
  const now = Date.prototype.getTime;
  Date.prototype.getTime = function () { return now.call(this) + 7200_000; };
  try {
    await assert.rejects(verifier.verifySignedJwtWithCertsAsync(idToken, certs, audience, issuers), /used too late/);
  } finally {
    Date.prototype.getTime = now;
  }
});
await step('what the account signs itself opens the API that it names, and no other', async () => {
  const signing = () => new JWT({ email: key.client_email, key: key.private_key, keyId: key.private_key_id });
  const signed = async (client, target) => (await client.getRequestHeaders(target)).get('authorization');
  await mustOpen(await signed(signing(), 'https://iamcredentials.googleapis.com/'));
  assert.equal((await opens(await signed(signing(), 'https://run.googleapis.com/'))).status, 401);
  const scoped = signing();
  scoped.scopes = scopes;
  scoped.useJWTAccessWithScope = true;
  await mustOpen(await signed(scoped, 'https://run.googleapis.com/'));
});
await step('a key that is not the account\'s is refused in Google\'s words', async () => {
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const client = (email, pem) => new JWT({ email, key: pem, scopes, transporter });
  await assert.rejects(client(key.client_email, other).authorize(), /invalid_grant: Invalid JWT Signature\./);
  await assert.rejects(
    client('nobody@example.com', key.private_key).authorize(), /invalid_grant: Invalid grant: account not found/);
});
await step('the metadata server is found, and gives both tokens', async () => {
  const auth = new GoogleAuth({ scopes });
  const client = await auth.getClient();
  assert.ok(client instanceof Compute);
  assert.equal(await auth.getProjectId(), 'local-project');
  assert.equal((await auth.getCredentials()).client_email, key.client_email);
  assert.equal(await auth.getUniverseDomain(), 'googleapis.com');
  await mustOpen(await auth.getAccessToken());
  const claims = await verified(await client.fetchIdToken(audience));
  assert.equal(claims.email, key.client_email);
  assert.equal(claims.google.compute_engine.project_id, 'local-project');
});
const external = (more) => ({
  type: 'external_account',
  audience: provider,
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: `${url}/v1/token`,
  ...more,
});
await step('a foreign identity in a file is exchanged, and acts as an account', async () => {
  const file = join(directory, 'subject');
  const credential_source = { file };
  const subject = (exp) => {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256' })}.${part({ iss: 'https://ci.example.com', aud: `https:${provider}`, sub: 'ci', iat: exp - 600, exp })}`;
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  };
  writeFileSync(file, subject(Math.floor(Date.now() / 1000) + 600));
  await mustOpen((await ExternalAccountClient.fromJSON(external({ credential_source })).getAccessToken()).token);
  const acting = ExternalAccountClient.fromJSON(external({
    credential_source,
    service_account_impersonation_url: `${url}/v1/projects/-/serviceAccounts/${key.client_email}:generateAccessToken`,
  }));
  await mustOpen((await acting.getAccessToken()).token);
  writeFileSync(file, subject(Math.floor(Date.now() / 1000) - 1));
  await assert.rejects(
    ExternalAccountClient.fromJSON(external({ credential_source })).getAccessToken(), /invalid_grant.*stale to sign-in/);
});
await step('an identity of AWS is exchanged if it signed with its own secret', async () => {
  const source = () => ExternalAccountClient.fromJSON(external({
    subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
    credential_source: {
      environment_id: 'aws1',
      regional_cred_verification_url: 'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
    },
  }));
  await mustOpen((await source().getAccessToken()).token);
  process.env.AWS_SECRET_ACCESS_KEY = 'not the secret';
  await assert.rejects(source().getAccessToken(), /invalid_grant.*signature/);
});
await step('an account acts as itself through IAM Credentials', async () => {
  const sourceClient = await new GoogleAuth({ keyFile, scopes, clientOptions }).getClient();
  const acting = (targetPrincipal) =>
    new Impersonated({ sourceClient, targetPrincipal, targetScopes: scopes, lifetime: 600, endpoint: url });
  const client = acting(key.client_email);
  await mustOpen((await client.getAccessToken()).token);
  assert.ok(client.credentials.expiry_date <= Date.now() + 600_000);
  const claims = await verified(await client.fetchIdToken(audience));
  assert.equal(claims.azp, key.client_email);
  await assert.rejects(acting('nobody@example.com').getAccessToken(), /NOT_FOUND: unable to impersonate/);
});
await step('a user has an ID token for the program alone', async () => {
  const client = (clientSecret) => new UserRefreshClient({
    clientId: user.client_id,
    clientSecret,
    refreshToken: user.refresh_token,
    endpoints: { oauth2TokenUrl: new URL(`${url}/token`) },
  });
  const known = client(user.client_secret);
  await mustOpen((await known.getAccessToken()).token);
  assert.equal((await verified(known.credentials.id_token, user.client_id)).email, 'local-user@example.com');
  await assert.rejects(verified(known.credentials.id_token), /Wrong recipient/);
  await assert.rejects(client('not the secret').getAccessToken(), (error) => {
    assert.equal(error.response.status, 401);
    assert.equal(error.response.data.error, 'invalid_client');
    return true;
  });
});
