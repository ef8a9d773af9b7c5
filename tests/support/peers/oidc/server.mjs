// An OAuth 2.0 server on loopback: oidc-provider with clients of this test.
//   node server.mjs DIRECTORY_WITH_NODE_MODULES PORT CERTIFICATE KEY CLIENT_CERTIFICATE TOKEN_SECONDS CLIENT_SECRET
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { pathToFileURL } from 'node:url';

const [directory, port, certificate, key, clientCertificate, seconds, secret] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${directory}/node_modules/oidc-provider/lib/index.js`));

const client = (client_id, token_endpoint_auth_method, more) => ({
  client_id,
  token_endpoint_auth_method,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  scope: 'jobs',
  ...more,
});
const provider = new Provider(`https://127.0.0.1:${port}`, {
  clients: [
    client('by basic', 'client_secret_basic', { client_secret: secret }),
    client('by-post', 'client_secret_post', { client_secret: secret }),
    client('by-certificate', 'tls_client_auth', { tls_client_auth_subject_dn: 'CN=localhost' }),
    client('platform', 'client_secret_basic', { client_secret: secret, grant_types: [] }),
  ],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'tls_client_auth'],
  scopes: ['jobs', 'everything'],
  ttl: { ClientCredentials: Number(seconds) },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: (_ctx, asker) => asker.clientId === 'platform' },
    mTLS: {
      enabled: true,
      tlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate()?.toString(),
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) =>
        property === 'tls_client_auth_subject_dn' && ctx.socket.getPeerX509Certificate()?.subject === expected,
    },
  },
});
provider.on('grant.error', (_ctx, error) => console.error('grant.error', error.error, error.error_detail ?? ''));
provider.on('grant.success', (ctx) => console.error('grant.success', ctx.oidc.client.clientId));

createServer(
  {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    ca: [readFileSync(clientCertificate)],
    requestCert: true,
    rejectUnauthorized: false,
  },
  provider.callback(),
).listen(Number(port), '127.0.0.1');
