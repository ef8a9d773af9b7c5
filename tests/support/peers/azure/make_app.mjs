// Makes a function app, looks at it by read_app.mjs and removes it, with Microsoft's own client of the management API:
//   make_app.mjs URL SUBSCRIPTION, with AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET
// Prints "ok: ..." for each thing that came out as Azure documents it, and ends with status 1 at the first that did not.
import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ClientSecretCredential } from '@azure/identity';
import { WebSiteManagementClient } from '@azure/arm-appservice';

const [url, subscription] = process.argv.slice(2);
const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client, AZURE_CLIENT_SECRET: secret } = process.env;
const options = { authorityHost: url, disableInstanceDiscovery: true };
const credential = new ClientSecretCredential(tenant, client, secret, options);
const azure = (by) => new WebSiteManagementClient(by, subscription, { endpoint: url, retryOptions: { maxRetries: 1 } });
const step = async (what, run) => {
  await run();
  console.log(`ok: ${what}`);
};
const group = 'rg-1';
const app = 'blueprint-of-npm';
const location = 'westeurope';
const base = `/subscriptions/${subscription}/resourceGroups/${group}`;
// What Microsoft has clients of their own for, which would be hundreds of megabytes more.
const put = async (path, version, body) => {
  const { token } = await credential.getToken('https://management.azure.com/.default');
  const answer = await fetch(`${url}${path}?api-version=${version}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, await answer.text());
  const operation = answer.headers.get('azure-asyncoperation');
  for (let looks = 0; operation; ++looks) {
    assert.ok(looks < 100, 'it does not come to its end');
    const { status } = await (await fetch(operation, { headers: { Authorization: `Bearer ${token}` } })).json();
    if (status === 'Succeeded') return;
    assert.equal(status, 'InProgress');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
const seen = () => JSON.parse(execFileSync(process.execPath, [
  fileURLToPath(new URL('read_app.mjs', import.meta.url)), url, tenant, client, secret, subscription, group, app,
]));

await step('who has no token of the management API\'s is refused in its words', async () => {
  const stranger = { getToken: () => credential.getToken('https://storage.azure.com/.default') };
  await assert.rejects(azure(stranger).webApps.get(group, app), (error) => {
    assert.equal(error.statusCode, 401);
    assert.equal(error.code, 'InvalidAuthenticationTokenAudience');
    return true;
  });
});
await step('a group and an account are made', async () => {
  await put(`/subscriptions/${subscription}/resourcegroups/${group}`, '2025-04-01', { location });
  const account = `${base}/providers/Microsoft.Storage/storageAccounts/packagesofnpm`;
  await put(account, '2025-06-01', { location, kind: 'StorageV2', sku: { name: 'Standard_LRS' }, properties: {} });
  await put(`${account}/blobServices/default/containers/deploy`, '2025-06-01', { properties: { publicAccess: 'None' } });
});
const plans = azure(credential).appServicePlans;
const apps = azure(credential).webApps;
await step('a plan is made, which takes its time', async () => {
  const plan = await plans.createOrUpdate(
    group, 'plan-1', { location, kind: 'functionapp', sku: { name: 'FC1', tier: 'FlexConsumption' }, reserved: true });
  assert.equal(plan.sku.name, 'FC1');
});
await step('so is an app, with its settings', async () => {
  const site = await apps.createOrUpdate(group, app, {
    location,
    kind: 'functionapp,linux',
    identity: { type: 'SystemAssigned' },
    serverFarmId: `${base}/providers/Microsoft.Web/serverfarms/plan-1`,
    httpsOnly: true,
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer',
          value: `${url}/storage/packagesofnpm/deploy`,
          authentication: { type: 'SystemAssignedIdentity' },
        },
      },
      runtime: { name: 'custom', version: '1.0' },
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: 40 },
    },
    siteConfig: { appSettings: [{ name: 'COLOUR', value: 'blue' }] },
  });
  assert.equal(site.state, 'Running');
  assert.match(site.defaultHostName, /^127\.0\.0\.1:\d+$/);
});
await step('all of it is read as it was made', async () => {
  const { sites, plans: made, site, plan, settings, hostKeys } = seen();
  assert.deepEqual(sites, [app]);
  assert.deepEqual(made, ['plan-1']);
  assert.equal(site.functionAppConfig.scaleAndConcurrency.instanceMemoryMB, 2048);
  assert.equal(site.functionAppConfig.runtime.name, 'custom');
  assert.ok(site.hostNameSslStates.some((each) => each.hostType === 'Repository'));
  assert.equal(plan.sku.tier, 'FlexConsumption');
  assert.equal(settings.COLOUR, 'blue');
  assert.ok(hostKeys.masterKey && hostKeys.functionKeys.default);
});
await step('settings are replaced as a whole', async () => {
  await apps.updateApplicationSettings(group, app, { properties: { SHAPE: 'round' } });
  assert.deepEqual(seen().settings, { SHAPE: 'round' });
});
await step('a deployment that is of no zip fails, and is told so', async () => {
  const { site } = seen();
  const scm = site.hostNameSslStates.find((each) => each.hostType === 'Repository').name;
  const { token } = await credential.getToken('https://management.azure.com/.default');
  const answer = await fetch(`https://${scm}/api/publish?type=zip`, {
    method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/zip' }, body: 'no zip',
  });
  assert.equal(answer.status, 400);
  assert.equal((await fetch(`https://${scm}/api/deployments/latest`)).status, 401);
});
await step('the app is removed, and its plan with it', async () => {
  await apps.delete(group, app, { deleteEmptyServerFarm: true });
  assert.deepEqual(seen(), { sites: [], plans: [], site: null });
});
