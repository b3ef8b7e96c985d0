"""Makes a stream on a NATS server, or reads what is in it, with the published client.

    stream.py URL make
    stream.py URL read COUNT    prints a line for each message, oldest first
"""

import asyncio
import json
import sys

import nats


async def main(url, act, count=0):
    connection = await nats.connect(url, user="me", password="word", max_reconnect_attempts=3)
    stream = connection.jetstream()
    if act == "make":
        await stream.add_stream(name="MUSTER", subjects=["muster.>"])
    else:
        found = await stream.pull_subscribe("muster.>", durable="reader")
        left = int(count)
        while left:
            for message in await found.fetch(left, timeout=30):
                await message.ack()
                event = json.loads(message.data)
                assert message.headers["content-type"].startswith("application/cloudevents+json")
                assert message.headers["Nats-Msg-Id"].startswith("msg_"), message.headers
                assert event["specversion"] == "1.0", event
                print(message.subject, event["subject"], json.dumps(event.get("data")))
                left -= 1
        state = (await stream.stream_info("MUSTER")).state
        assert state.messages == int(count), state
    await connection.close()


asyncio.run(main(*sys.argv[1:]))
