"""Makes topics in a Kafka cluster, or reads what is in one, with the published clients.

    events.py BROKERS make [TOPIC...]    when all brokers are there
    events.py BROKERS read TOPIC COUNT document|group
    events.py BROKERS batches FILE...    prints how many batches and how many records are in the files
                                         of a broker

`read` prints a line for each record: what was written about the first document, oldest first, then
the second one, and so on.
"""

import json
import sys
import time

from cloudevents.kafka import KafkaMessage, from_binary
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PATIENCE_SECONDS = 90


def make(brokers, topics):
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    end = time.monotonic() + PATIENCE_SECONDS
    while len(admin.list_topics(timeout=10).brokers) < len(brokers.split(",")):
        assert time.monotonic() < end, "not all brokers are there"
    if not topics:
        return
    new = [NewTopic(topic, num_partitions=3, replication_factor=2) for topic in topics]
    for made in admin.create_topics(new, operation_timeout=30).values():
        made.result()


def event_of(message):
    headers = dict(message.headers())
    assert len(headers) == len(message.headers()), message.headers()
    record = KafkaMessage(headers, message.key().decode(), message.value())
    # A document that is deleted has no value, which is what deletes it in a compacted topic.
    return from_binary(record, data_unmarshaller=lambda value: value and json.loads(value))


def read(brokers, topic, count, key):
    consumer = Consumer({
        "bootstrap.servers": brokers,
        "group.id": "reader",
        "enable.auto.commit": False,
        "log_level": 0,
    })
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    lines, places, used, seen = {}, {}, set(), set()
    end = time.monotonic() + PATIENCE_SECONDS
    found = 0
    while found < count:
        assert time.monotonic() < end, f"{found} of {count} records are there"
        message = consumer.poll(1)
        if message is None:
            continue
        assert message.error() is None, message.error()
        found += 1
        event = event_of(message)
        subject = event["subject"]
        kind = event["type"].rsplit(".", 1)[1]
        assert event["specversion"] == "1.0", event
        assert event["id"] not in seen, f"{event['id']} is there twice"
        seen.add(event["id"])
        used.add(message.partition())
        expected = subject if key == "document" else "/".join(subject.split("/")[:3])
        assert message.key().decode() == expected, message.key()
        assert places.setdefault(expected, message.partition()) == message.partition(), expected
        assert (message.value() is None) == (kind == "deleted"), message.value()
        lines.setdefault(subject, []).append(f"{kind} {subject} {json.dumps(event.data)}")
    # Nothing is behind what was expected.
    assert consumer.poll(1) is None, "there are more records"
    assert key == "group" or len(used) > 1, f"all documents are in {used}"
    consumer.close()
    for subject in sorted(lines):
        print("\n".join(lines[subject]))


def batches(files):
    found = []
    for name in files:
        with open(name, "rb") as file:
            log = file.read()
        while len(log) >= 61 and (length := int.from_bytes(log[8:12])):
            found.append(int.from_bytes(log[57:61]))
            log = log[12 + length :]
    print(len(found), sum(found))


brokers, act, *rest = sys.argv[1:]
if act == "make":
    make(brokers, rest)
elif act == "batches":
    batches(rest)
else:
    read(brokers, rest[0], int(rest[1]), rest[2])
