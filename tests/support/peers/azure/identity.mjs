// Gets tokens of the local Azure with Microsoft's own library of credentials: identity.mjs URL DIRECTORY
// or as an app of App Service does, whose variables are set then: identity.mjs app, and with a wrong header
// identity.mjs stranger. The library decides once in a process where it is.
// DIRECTORY has application.pem, a certificate of the application with its key, and stranger.pem, one of nobody.
// AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are set.
// Prints "ok: ..." for each thing that came out as Azure documents it, and ends with status 1 at the first that did not.
import { strict as assert } from 'node:assert';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ClientAssertionCredential, ClientCertificateCredential, ClientSecretCredential, DefaultAzureCredential,
  EnvironmentCredential, ManagedIdentityCredential, WorkloadIdentityCredential,
} from '@azure/identity';

const [url, directory] = process.argv.slice(2);
const app = ['app', 'stranger'].includes(url);
const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client, AZURE_CLIENT_SECRET: secret } = process.env;
const options = { authorityHost: url, disableInstanceDiscovery: true };
const management = 'https://management.azure.com/.default';
const storage = 'https://storage.azure.com/.default';
const step = async (what, run) => {
  await run();
  console.log(`ok: ${what}`);
};
const base = app ? new URL(process.env.IDENTITY_ENDPOINT).origin : url;
const document = await (await fetch(`${base}/${tenant}/v2.0/.well-known/openid-configuration`)).json();
const { keys } = await (await fetch(document.jwks_uri)).json();

// The claims of a token, if the tenant signed it.
const claimsOf = (token) => {
  const [header, claims, signature] = token.split('.');
  const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url'));
  assert.equal(alg, 'RS256');
  const key = createPublicKey({ key: keys.find((each) => each.kid === kid), format: 'jwk' });
  assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')));
  return JSON.parse(Buffer.from(claims, 'base64url'));
};
const mustBe = async (credential, scope = management, appid = client) => {
  const { token, expiresOnTimestamp } = await credential.getToken(scope);
  const claims = claimsOf(token);
  assert.equal(claims.aud, scope.replace('/.default', ''));
  assert.equal(claims.tid, tenant);
  assert.equal(claims.appid, appid);
  assert.ok(Math.abs(expiresOnTimestamp - claims.exp * 1000) < 5000, `${expiresOnTimestamp} is not ${claims.exp}`);
  return token;
};
const mustFail = (credential, number, scope = management) =>
  assert.rejects(credential.getToken(scope), (error) => {
    assert.match(`${error.message} ${JSON.stringify(error)}`, number);
    return true;
  });
// Sets variables for one step, in which credentials are made: they look at them then.
const inside = async (variables, run) => {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  for (const [name, value] of Object.entries(variables)) if (value === undefined) delete process.env[name];
  try {
    await run();
  } finally {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
};

const machine = '00000000-0000-4000-8000-000000000001';
if (app) {
  if (url === 'stranger') {
    await step('without the app\'s header there is no token', () =>
      assert.rejects(new ManagedIdentityCredential().getToken(management), /X-IDENTITY-HEADER/));
  } else {
    await step('an app has an identity', async () => {
      await mustBe(new ManagedIdentityCredential(), management, machine);
      const objectId = '00000000-0000-4000-8000-000000000002';
      await mustBe(new ManagedIdentityCredential({ objectId }), storage, machine);
    });
  }
  process.exit(0);
}
await step('a client secret gets a token for each resource', async () => {
  const credential = new ClientSecretCredential(tenant, client, secret, options);
  const first = await mustBe(credential);
  assert.notEqual(await mustBe(credential, storage), first);
});
await step('the environment names it', async () => {
  await mustBe(new EnvironmentCredential(options));
});
await step('a wrong secret, a stranger and another tenant are refused with their numbers', async () => {
  await mustFail(new ClientSecretCredential(tenant, client, `${secret}x`, options), /7000215/);
  await mustFail(new ClientSecretCredential(tenant, 'stranger', secret, options), /700016/);
  await mustFail(new ClientSecretCredential('other.example.com', client, secret, options), /90002|endpoints_resolution/);
  await mustFail(new ClientSecretCredential(tenant, client, secret, options), /500011/, 'https://vault.azure.net/.default');
});
await step('the instances are discovered', async () => {
  // The library asks a host of Microsoft's about hosts that it does not know, and is told not to; the document is right.
  const known = await (await fetch(`${url}/common/discovery/instance?api-version=1.1&authorization_endpoint=${url}/common/oauth2/v2.0/authorize`)).json();
  assert.equal(known.metadata[0].preferred_network, new URL(url).host);
  assert.equal((await (await fetch(known.tenant_discovery_endpoint)).json()).issuer, `${url}/{tenantid}/v2.0`);
});
await step('a certificate gets one, and another does not', async () => {
  const certificate = (name) =>
    new ClientCertificateCredential(tenant, client, { certificatePath: join(directory, name) }, options);
  await mustBe(certificate('application.pem'));
  await mustFail(certificate('stranger.pem'), /700027/);
  const chain = new ClientCertificateCredential(
    tenant, client, { certificatePath: join(directory, 'application.pem') }, { ...options, sendCertificateChain: true });
  await mustBe(chain);
});
const subject = (claims) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: 'RS256', kid: 'theirs' })}.${part({
    iss: 'https://ci.example.com', sub: 'repo:a/b', aud: 'api://AzureADTokenExchange', iat: now, exp: now + 600, ...claims,
  })}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
};
await step('a workload is who its issuer says', async () => {
  const tokenFilePath = join(directory, 'subject');
  const credential = () => new WorkloadIdentityCredential({ tenantId: tenant, clientId: client, tokenFilePath, ...options });
  writeFileSync(tokenFilePath, subject({}));
  await mustBe(credential());
  await inside({ AZURE_FEDERATED_TOKEN_FILE: tokenFilePath }, () => mustBe(new WorkloadIdentityCredential(options)));
  writeFileSync(tokenFilePath, subject({ sub: 'repo:a/c' }));
  await mustFail(credential(), /700213/);
  await mustFail(new ClientAssertionCredential(tenant, client, async () => subject({ exp: 1 }), options), /700024/);
});
await step('a machine has an identity', () =>
  inside({ AZURE_POD_IDENTITY_AUTHORITY_HOST: url }, async () => {
    await mustBe(new ManagedIdentityCredential(), management, machine);
    await mustBe(new ManagedIdentityCredential({ clientId: machine }), storage, machine);
    await assert.rejects(
      new ManagedIdentityCredential({ clientId: client }).getToken(management), /Identity not found|invalid_request/);
  }));
await step('the default chain finds the environment, and without it the machine', async () => {
  const managed = { AZURE_POD_IDENTITY_AUTHORITY_HOST: url };
  await inside(managed, () => mustBe(new DefaultAzureCredential(options)));
  await inside({ ...managed, AZURE_CLIENT_ID: undefined, AZURE_CLIENT_SECRET: undefined }, () =>
    mustBe(new DefaultAzureCredential(options), 'https://management.core.windows.net/.default', machine));
});
