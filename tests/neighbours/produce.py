"""Writes records through librdkafka; each must be acknowledged. Arguments: BROKERS TOPIC SETTINGS. Reads the records as
JSON lines from standard input.

SETTINGS is a JSON object of librdkafka's own settings, such as {"compression.type": "lz4"}. A record is
{"key": base64 or null, "value": base64 or null, "headers": [[name, base64 or null]], "partition": int, "timestamp": int},
all but the value optional. Prints a JSON line of partition and offset for each.
"""

import json
import sys
from base64 import b64decode

from confluent_kafka import Producer

brokers, topic, settings = sys.argv[1:]
producer = Producer({"bootstrap.servers": brokers, "linger.ms": 50, **json.loads(settings)})


def decode(text):
    return None if text is None else b64decode(text)


def acknowledged(error, message):
    if error is not None:
        sys.exit(f"not acknowledged: {error}")
    print(json.dumps({"partition": message.partition(), "offset": message.offset()}))


for line in sys.stdin:
    record = json.loads(line)
    placed = {name: record[name] for name in ("partition", "timestamp") if name in record}
    producer.produce(
        topic,
        key=decode(record.get("key")),
        value=decode(record["value"]),
        headers=[(name, decode(value)) for name, value in record.get("headers", [])],
        on_delivery=acknowledged,
        **placed,
    )
    producer.poll(0)
producer.flush()
