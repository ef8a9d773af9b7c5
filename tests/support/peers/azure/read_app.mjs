// Reads a function app as Microsoft's own client of the management API sees it:
//   read_app.mjs URL TENANT CLIENT SECRET SUBSCRIPTION GROUP APP
// URL is of the local Azure, https; NODE_EXTRA_CA_CERTS names its certificate. It prints one line of JSON:
//   {"sites":["APP",...],"site":{...},"plans":["PLAN",...],"plan":{...},"settings":{...},"functions":["run",...],
//    "hostKeys":{...},"functionKeys":{"run":{...}}}
// which holds the app's keys. Of an app that is not there it prints {"sites":[...],"plans":[...],"site":null}.
import { ClientSecretCredential } from '@azure/identity';
import { WebSiteManagementClient } from '@azure/arm-appservice';

const [url, tenant, client, secret, subscription, group, app] = process.argv.slice(2);
const credential = new ClientSecretCredential(tenant, client, secret, { authorityHost: url, disableInstanceDiscovery: true });
const azure = new WebSiteManagementClient(credential, subscription, { endpoint: url, retryOptions: { maxRetries: 1 } });
const all = async (pages) => {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
};
const names = (items) => items.map((item) => item.name);

const seen = {
  sites: names(await all(azure.webApps.listByResourceGroup(group))),
  plans: names(await all(azure.appServicePlans.listByResourceGroup(group))),
};
const site = await azure.webApps.get(group, app).catch((error) => {
  if (error.statusCode === 404) return null;
  throw error;
});
if (site) {
  const plan = await azure.appServicePlans.get(group, site.serverFarmId.split('/').pop());
  const functions = (await all(azure.webApps.listFunctions(group, app))).map((each) => each.name.split('/').pop());
  const functionKeys = {};
  for (const each of functions) functionKeys[each] = await azure.webApps.listFunctionKeys(group, app, each);
  Object.assign(seen, {
    site,
    plan,
    settings: (await azure.webApps.listApplicationSettings(group, app)).properties,
    functions,
    hostKeys: await azure.webApps.listHostKeys(group, app),
    functionKeys,
  });
} else {
  seen.site = null;
}
console.log(JSON.stringify(seen));
