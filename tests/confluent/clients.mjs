// Drives the Confluent door with the clients for Node: @kafkajs/confluent-schema-registry, which can't
// delete, and
// @confluentinc/schemaregistry. Arguments: the URL, a key or "", and the folder with node_modules.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const [url, key, modules] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), 'anything.js'));
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry');
const theirs = require('@confluentinc/schemaregistry');

const record = (...fields) =>
  JSON.stringify({ type: 'record', name: 'Order', namespace: 'shop.node', fields });
const id = { name: 'id', type: 'long' };
const note = { name: 'note', type: ['null', 'string'], default: null };

async function kafkajs() {
  const auth = key ? { auth: { username: 'anybody', password: key } } : {};
  const registry = new SchemaRegistry({ host: url, ...auth });
  const first = await registry.register(
    { type: SchemaType.AVRO, schema: record(id) },
    { subject: 'node-value' },
  );
  const again = await registry.register(
    { type: SchemaType.AVRO, schema: record(id) },
    { subject: 'node-value' },
  );
  assert.equal(again.id, first.id);
  const encoded = await registry.encode(first.id, { id: 7 });
  const decoded = await registry.decode(encoded);
  assert.equal(Number(decoded.id), 7);
  assert.equal(await registry.getLatestSchemaId('node-value'), first.id);
  const second = await registry.register(
    { type: SchemaType.AVRO, schema: record(id, note) },
    { subject: 'node-value' },
  );
  assert.notEqual(second.id, first.id);
  assert.equal(await registry.getLatestSchemaId('node-value'), second.id);
  const other = { type: SchemaType.AVRO, schema: record({ name: 'id', type: 'string' }) };
  await assert.rejects(() => registry.register(other, { subject: 'node-value' }), /incompatible/);
  const json = await registry.register(
    { type: SchemaType.JSON, schema: '{"type":"object","properties":{"a":{"type":"integer"}}}' },
    { subject: 'node-json' },
  );
  assert.deepEqual(await registry.decode(await registry.encode(json.id, { a: 1 })), { a: 1 });
  const proto = await registry.register(
    { type: SchemaType.PROTOBUF, schema: 'syntax = "proto3"; message P { int32 a = 1; }' },
    { subject: 'node-proto' },
  );
  const read = await registry.decode(await registry.encode(proto.id, { a: 5 }));
  assert.equal(read.a, 5);
}

async function confluent() {
  const auth = key
    ? { basicAuthCredentials: { credentialsSource: 'USER_INFO', userInfo: `anybody:${key}` } }
    : {};
  const make = () => theirs.SchemaRegistryClient.newClient({ baseURLs: [url], ...auth });
  const client = make();
  const schema = { schemaType: 'AVRO', schema: record(id) };
  const first = await client.register('theirs-value', schema);
  const second = await client.register('theirs-value', { ...schema, schema: record(id, note) });
  assert.notEqual(first, second);
  assert.deepEqual(await make().getAllVersions('theirs-value'), [1, 2]);
  const latest = await make().getLatestSchemaMetadata('theirs-value');
  assert.equal(latest.id, second);
  assert.equal(await make().testSubjectCompatibility('theirs-value', schema), true);
  const bad = { ...schema, schema: record({ name: 'id', type: 'string' }) };
  assert.equal(await make().testSubjectCompatibility('theirs-value', bad), false);
  await assert.rejects(() => client.register('theirs-value', bad));
  const serializer = new theirs.AvroSerializer(make(), theirs.SerdeType.VALUE, {
    useLatestVersion: true,
  });
  const deserializer = new theirs.AvroDeserializer(make(), theirs.SerdeType.VALUE, {});
  const bytes = await serializer.serialize('theirs', { id: 7, note: 'n' });
  const read = await deserializer.deserialize('theirs', bytes);
  assert.equal(Number(read.id), 7);
  const object = '{"type":"object","title":"Trip","properties":{"id":{"type":"integer"}}}';
  await client.register('theirs-json-value', { schemaType: 'JSON', schema: object });
  const latest_version = { useLatestVersion: true };
  const json = new theirs.JsonSerializer(make(), theirs.SerdeType.VALUE, latest_version);
  const sent = await json.serialize('theirs-json', { id: 7 });
  const parsed = new theirs.JsonDeserializer(make(), theirs.SerdeType.VALUE, {});
  assert.deepEqual(await parsed.deserialize('theirs-json', sent), { id: 7 });
  await assert.rejects(() => make().getSchemaMetadata('theirs-value', 9), { status: 404 });
  await client.updateCompatibility('theirs-value', 'FULL');
  assert.equal(await make().getCompatibility('theirs-value'), 'FULL');
  assert.equal(await client.deleteSubjectVersion('theirs-value', 1, false), 1);
  assert.deepEqual(await client.deleteSubject('theirs-value', false), [2]);
  assert.deepEqual(await client.deleteSubject('theirs-value', true), [1, 2]);
  await assert.rejects(() => make().getLatestSchemaMetadata('theirs-value'), { status: 404 });
}

await kafkajs();
console.log('ok: kafkajs');
await confluent();
console.log('ok: confluentinc');
