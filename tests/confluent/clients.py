"""Drives the Confluent door with the clients that Kafka's users have: confluent-kafka-python with its
serializers, and python-schema-registry-client. Arguments: the URL, and a key or "". A line for each
thing that was tried; the first that fails ends it."""

import json
import sys

from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    ServerConfig,
)
from confluent_kafka.schema_registry.common.schema_registry_client import ConfigCompatibilityLevel
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import struct_pb2, timestamp_pb2

URL, KEY = sys.argv[1], sys.argv[2]
BASIC = {"basic.auth.user.info": f"anybody:{KEY}"} if KEY else {}


def client():
    return SchemaRegistryClient({"url": URL, **BASIC})


def refused(what, status, code):
    try:
        what()
    except SchemaRegistryError as error:
        assert (error.http_status_code, error.error_code) == (status, code), error
        return error
    raise AssertionError("it wasn't refused")


def record(*fields):
    return json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": list(fields)})


ID = {"name": "id", "type": "long"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}
OTHER = {"name": "id", "type": "string"}
TRIP = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Trip", "type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]})


def evolves_and_is_refused():
    sr = client()
    first = sr.register_schema("orders-value", Schema(record(ID), "AVRO"))
    assert sr.register_schema("orders-value", Schema(record(ID), "AVRO")) == first
    second = sr.register_schema("orders-value", Schema(record(ID, NOTE), "AVRO"))
    assert second != first
    assert sr.get_versions("orders-value") == [1, 2]
    assert json.loads(sr.get_schema(first).schema_str)["fields"] == [ID]
    latest = sr.get_latest_version("orders-value")
    assert (latest.version, latest.schema_id, latest.subject) == (2, second, "orders-value"), latest
    error = refused(lambda: sr.register_schema("orders-value", Schema(record(OTHER), "AVRO")), 409, 409)
    assert "incompatible with an earlier schema" in str(error), error
    assert not sr.test_compatibility("orders-value", Schema(record(OTHER), "AVRO"))
    assert sr.test_compatibility("orders-value", Schema(record(ID), "AVRO"))
    refused(lambda: sr.register_schema("orders-value", Schema('{"type": "recor"}', "AVRO")), 422, 42201)
    found = sr.lookup_schema("orders-value", Schema(record(ID), "AVRO"))
    assert (found.version, found.schema_id) == (1, first), found
    refused(lambda: client().lookup_schema("orders-value", Schema('"int"', "AVRO")), 404, 40403)
    refused(lambda: client().get_latest_version("nobody"), 404, 40401)
    refused(lambda: client().get_version("orders-value", 9), 404, 40402)
    refused(lambda: client().get_schema(4_000_000), 404, 40403)


def settings_hold():
    sr = client()
    assert sr.get_config().compatibility_level in ("BACKWARD", None)
    sr.set_config("orders-value", ServerConfig(compatibility=ConfigCompatibilityLevel.NONE))
    assert sr.get_config("orders-value").compatibility_level == "NONE"
    third = sr.register_schema("orders-value", Schema(record(OTHER), "AVRO"))
    assert client().get_latest_version("orders-value").schema_id == third
    sr.set_compatibility("early-value", "FULL")
    assert sr.get_compatibility("early-value") == "FULL"


def deletes():
    sr = client()
    assert "orders-value" in sr.get_subjects()
    assert sr.delete_version("orders-value", 3) == 3
    assert client().get_versions("orders-value") == [1, 2]
    assert sr.delete_subject("orders-value") == [1, 2]
    assert "orders-value" not in client().get_subjects()
    fresh = client()
    fresh.register_schema("orders-value", Schema(record(ID), "AVRO"))
    assert client().get_latest_version("orders-value").version == 4
    refused(lambda: fresh.delete_subject("orders-value", permanent=True), 404, 40405)
    assert fresh.delete_subject("orders-value") == [4]
    refused(lambda: fresh.delete_subject("orders-value"), 404, 40404)
    assert fresh.delete_subject("orders-value", permanent=True) == [1, 2, 3, 4]
    refused(lambda: client().get_latest_version("orders-value"), 404, 40401)


def follows_references():
    sr = client()
    money = json.dumps({"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}]})
    sr.register_schema("money", Schema(money, "AVRO"))
    bill = json.dumps({"type": "record", "name": "Bill", "namespace": "shop", "fields": [{"name": "total", "type": "Money"}]})
    reference = SchemaReference("shop.Money", "money", 1)
    registered = sr.register_schema("bills-value", Schema(bill, "AVRO", [reference]))
    read = client().get_schema(registered)
    assert read.references and read.references[0].subject == "money", read
    refused(lambda: client().delete_subject("money"), 422, 42206)
    refused(lambda: client().register_schema("other", Schema(bill, "AVRO")), 422, 42201)
    serializer = AvroSerializer(sr, Schema(bill, "AVRO", [reference]))
    context = SerializationContext("bills", MessageField.VALUE)
    sent = {"total": {"cents": 5}}
    assert AvroDeserializer(client())(serializer(sent, context), context) == sent


def round_trips():
    context = SerializationContext("trips", MessageField.VALUE)
    serializer = AvroSerializer(client(), record(ID, NOTE))
    sent = {"id": 7, "note": "n"}
    assert AvroDeserializer(client())(serializer(sent, context), context) == sent

    context = SerializationContext("json-trips", MessageField.VALUE)
    serializer = JSONSerializer(TRIP, client())
    assert JSONDeserializer(TRIP, schema_registry_client=client())(serializer({"id": 7}, context), context) == {"id": 7}

    for message in (timestamp_pb2.Timestamp(seconds=5), struct_pb2.Value(number_value=1.5)):
        context = SerializationContext(f"proto-{type(message).__name__}", MessageField.VALUE)
        serializer = ProtobufSerializer(type(message), client(), {"use.deprecated.format": False})
        deserializer = ProtobufDeserializer(type(message), {"use.deprecated.format": False})
        assert deserializer(serializer(message, context), context) == message


def contexts_are_apart():
    sr = client()
    one = sr.register_schema(":.team:orders-value", Schema('"string"', "AVRO"))
    assert one == 1
    assert client().get_latest_version(":.team:orders-value").subject == ":.team:orders-value"
    assert ".team" in client().get_contexts() if hasattr(sr, "get_contexts") else True


def the_other_client_works():
    from schema_registry.client import SchemaRegistryClient as Other, schema
    from schema_registry.client.errors import ClientError
    from schema_registry.serializers import AvroMessageSerializer, JsonMessageSerializer

    url = URL.replace("://", f"://anybody:{KEY}@") if KEY else URL
    sr = Other(url=url)
    registered = sr.register("plain-value", schema.AvroSchema(record(ID)))
    assert sr.get_by_id(registered).raw_schema["name"] == "Order"
    assert sr.get_schema("plain-value").version == 1
    assert sr.test_compatibility("plain-value", schema.AvroSchema(record(ID, NOTE)))
    assert not sr.test_compatibility("plain-value", schema.AvroSchema(record(OTHER)))
    assert sr.update_compatibility("FULL", "plain-value")
    assert sr.get_compatibility("plain-value") == "FULL"
    assert sr.register("plain-value", schema.AvroSchema(record(ID, NOTE))) != registered
    assert sr.get_versions("plain-value") == [1, 2]
    try:
        sr.register("plain-value", schema.AvroSchema(record(OTHER)))
        raise AssertionError("it wasn't refused")
    except ClientError as error:
        assert error.http_code == 409, error
    for serializer, text, sent in (
        (AvroMessageSerializer(sr), schema.AvroSchema(record(ID)), {"id": 7}),
        (JsonMessageSerializer(sr), schema.JsonSchema(TRIP), {"id": 7}),
    ):
        subject = f"plain-{type(serializer).__name__}"
        assert serializer.decode_message(serializer.encode_record_with_schema(subject, text, sent)) == sent
    assert sr.delete_version("plain-value", 2) == 2
    assert sr.delete_subject("plain-value") == [1]
    assert "plain-value" not in sr.get_subjects()


for tried in (
    evolves_and_is_refused,
    settings_hold,
    deletes,
    follows_references,
    round_trips,
    contexts_are_apart,
    the_other_client_works,
):
    tried()
    print(f"ok: {tried.__name__.replace('_', ' ')}")
