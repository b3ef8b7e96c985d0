"""Makes topics of Pub/Sub with a subscription each, or reads what came to one, with the official client.

    messages.py make TOPIC...
    messages.py read TOPIC COUNT document|group|none

`read` prints a line for each message: what was published about the first document, oldest first, then
the second one, and so on. It has COUNT of them, and nothing behind them.
"""

import json
import sys
import time

from cloudevents.http import from_http
from google.api_core.exceptions import DeadlineExceeded
from google.cloud import pubsub_v1

PROJECT = "my-project"
PATIENCE_SECONDS = 60


def make(topics):
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    for topic in topics:
        path = publisher.topic_path(PROJECT, topic)
        publisher.create_topic(name=path)
        name = subscriber.subscription_path(PROJECT, topic)
        wanted = {"name": name, "topic": path, "enable_message_ordering": True}
        subscriber.create_subscription(request=wanted)


def pulled(subscriber, name, seconds):
    try:
        found = subscriber.pull(
            subscription=name, max_messages=1000, timeout=seconds, retry=None
        ).received_messages
    except DeadlineExceeded:
        return []
    if found:
        subscriber.acknowledge(subscription=name, ack_ids=[one.ack_id for one in found])
    return [one.message for one in found]


def read(topic, count, key):
    subscriber = pubsub_v1.SubscriberClient()
    name = subscriber.subscription_path(PROJECT, topic)
    messages, end = [], time.monotonic() + PATIENCE_SECONDS
    while len(messages) < count:
        assert time.monotonic() < end, f"{len(messages)} of {count} messages are there"
        messages += pulled(subscriber, name, 1)
    messages += pulled(subscriber, name, 1)
    assert len(messages) == count, f"{len(messages)} messages are there"
    lines, seen = {}, set()
    if key == "none":
        # Without a key, a subscription promises no order.
        messages.sort(key=lambda message: message.attributes["ce-sequence"])
    for message in messages:
        attributes = dict(message.attributes)
        event = from_http(attributes, message.data)
        assert event["specversion"] == "1.0", event
        assert event["id"] not in seen, f"{event['id']} is there twice"
        seen.add(event["id"])
        whole = json.loads(message.data)
        beside = {name[3:]: value for name, value in attributes.items() if name.startswith("ce-")}
        inside = {name: whole[name] for name in whole if name not in ("data", "datacontenttype")}
        assert beside == inside, (beside, inside)
        subject = event["subject"]
        keys = {"document": subject, "group": "/".join(subject.split("/")[:3]), "none": ""}
        assert message.ordering_key == keys[key], message.ordering_key
        kind = event["type"].rsplit(".", 1)[1]
        lines.setdefault(subject, []).append(f"{kind} {subject} {json.dumps(event.data)}")
    for subject in sorted(lines):
        print("\n".join(lines[subject]))


act, *rest = sys.argv[1:]
if act == "make":
    make(rest)
else:
    read(rest[0], int(rest[1]), rest[2])
