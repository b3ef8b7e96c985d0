// Lets the official JavaScript client of the Model Context Protocol list and call every tool.
//
//     node clients.mjs http URL KEY NODE_FOLDER
//     node clients.mjs stdio MUSTER URL KEY_FILE NODE_FOLDER
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const kind = process.argv[2];
const from = createRequire(`${process.argv.at(-1)}/package.json`);
const sdk = (path) => import(pathToFileURL(from.resolve(`@modelcontextprotocol/sdk/${path}`)));
const { Client } = await sdk('client/index.js');
const { ResourceUpdatedNotificationSchema } = await sdk('types.js');

async function transport() {
  if (kind === 'http') {
    const { StreamableHTTPClientTransport } = await sdk('client/streamableHttp.js');
    const [url, key] = process.argv.slice(3);
    const headers = key ? { authorization: `Bearer ${key}` } : {};
    return new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  }
  const { StdioClientTransport } = await sdk('client/stdio.js');
  const [command, url, keyFile] = process.argv.slice(3);
  const args = ['mcp', '--server', url, '--key-file', keyFile];
  return new StdioClientTransport({ command, args });
}

const client = new Client({ name: 'muster-tests', version: '1' });
await client.connect(await transport());
const xid = '/providers/cms/entries/sanity';
const uri = `muster://registry/api${xid}`;
const { tools } = await client.listTools();
const called = new Set();

async function call(name, args, refused) {
  called.add(name);
  const result = await client.callTool({ name, arguments: args });
  const text = result.content[0].text;
  assert.deepEqual(JSON.parse(text), result.structuredContent);
  assert.equal(result.isError ?? false, refused !== undefined, `${name}: ${text}`);
  if (refused) assert.match(result.structuredContent.reason, refused);
  return result.structuredContent;
}

await call('list', {});
await call('search', { where: 'monthly_cost_range < 100', limit: 3 });
const { document } = await call('get', { xid });
await call('references', { xid });
await call('impact', { xid });
await call('validate', { xid, document });
await call('check_compatibility', { schema: { type: 'string' }, old: { type: 'integer' } });
await call('explain_refusal', { reason: 'not_found' });
await call('explain_refusal', { reason: 'nonsense' }, /bad_arguments/);
await call('select_provider', { model: 'no-such-model' }, /./);
await call('get', { xid, surprise: true }, /bad_arguments/);

let updated;
const told = new Promise((resolve) => { updated = resolve; });
client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => updated(params.uri));
await client.subscribeResource({ uri });
const changed = { xid, document: { ...document, best_for: `Everybody ${kind}` } };
const put = await call('propose_change', { put: changed });
const { position } = await call('put', { ...changed, confirmation: put.confirmation });
assert.equal(await told, uri);
await client.unsubscribeResource({ uri });
await call('history', { place: xid, limit: 1 });
await call('diff', { place: xid, from: String(position - 1) });
const back = { place: xid, to_position: position - 1 };
const rollback = await call('propose_change', { rollback: back });
await call('rollback', { ...back, confirmation: rollback.confirmation });
await call('delete', { xid: '/providers/ssg/entries/hugo' }, /confirmation_needed/);

const { resources } = await client.listResources();
assert.ok(resources.length > 0);
const { contents } = await client.readResource({ uri });
assert.equal(JSON.parse(contents[0].text).provider_name, 'sanity');
const { prompts } = await client.listPrompts();
assert.equal(prompts.length, 2);
const prompt = await client.getPrompt({ name: 'find_provider', arguments: { need: 'a CMS' } });
assert.match(prompt.messages[0].content.text, /a CMS/);

const missed = tools.map((tool) => tool.name).filter((name) => !called.has(name));
assert.deepEqual(missed, []);
await client.close();
console.log(`JavaScript over ${kind}: ${tools.length} tools called`);
