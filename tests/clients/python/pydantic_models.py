"""An order's journey over plain HTTP, with the pydantic models that datamodel-code-generator makes for requests and
answers. jsonschema also validates every answer and every accepted order. Arguments: the product's URL and key."""

import json
import sys
import time
import uuid
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import jsonschema
import models

url, key = sys.argv[1:]


def ask(path, command=None, **headers):
    body = None if command is None else command.model_dump_json(exclude_unset=True).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(url + path, body, {"content-type": "application/json", **names})
    try:
        with urlopen(request) as response:
            return response.status, response.read()
    except HTTPError as error:
        return error.code, error.read()


openapi = json.loads(ask("/api/openapi.json")[1])
asyncapi = json.loads(ask("/api/asyncapi.json")[1])


def read(answer, model, expected_status):
    """Returns an answer as its model, after jsonschema has found it valid."""
    status, body = answer
    assert status == expected_status, answer
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": openapi["components"]}
    jsonschema.validate(json.loads(body), schema)
    return model.model_validate_json(body)


def order(total_price):
    with open("order.json") as file:
        value = {**json.load(file), "customerId": 3_000_000_000, "totalPrice": total_price}
    return models.OrderCommand.model_validate(value)


def equal(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


# An order is placed with a wait, and again under the same key.
large = order(1234567.89)
idempotency_key = str(uuid.uuid4())
stored = read(ask("/api/orders", large, prefer="wait=30", idempotency_key=idempotency_key), models.Order, 201)
equal(
    (stored.status.value, stored.customerId, stored.totalPrice, stored.currencyType.value),
    ("stored", 3_000_000_000, 1234567.89, "EUR"),
)
repeated = read(ask("/api/orders", large, idempotency_key=idempotency_key), models.Order, 202)
equal(repeated.orderId, stored.orderId)

# An order is placed without a wait, and then waited for.
placed = read(ask("/api/orders", order(187.35)), models.Order, 202)
found = read(ask(f"/api/orders/{placed.orderId}", prefer="wait=30"), models.Order, 200)
equal((found.status.value, found.totalPrice, found.orderItems[0].price), ("stored", 187.35, 119.9))

# Both are in the list, which is read a page at a time.
listed, cursor = [], {}
while cursor is not None:
    query = urlencode({"customerId": 3_000_000_000, "limit": 2, **cursor})
    page = read(ask(f"/api/orders?{query}"), models.OrderPage, 200)
    listed += [one.orderId for one in page.items]
    cursor = page.nextCursor and {"cursor": page.nextCursor}
assert {stored.orderId, placed.orderId} <= set(listed), listed

history = read(ask(f"/api/orders/{stored.orderId}/history"), models.OrderHistory, 200)
equal([entry.kind.value for entry in history.items], ["accepted", "stored"])

# Errors come back as problem documents.
missing = read(ask("/api/orders/01990000-0000-7000-8000-000000000000"), models.Problem, 404)
equal(missing.type, "/docs/errors#order-not-found")
refused = read(ask("/api/orders", order(0.00001)), models.Problem, 400)
equal(refused.errors[0].pointer, "/totalPrice")
assert refused.requestId
read(ask("/api/dead-letters"), models.Problem, 401)

# A dead letter is read in the list, on its own, and as a file.
signed = {"x_functions_key": key}
summary = read(ask("/api/dead-letters?limit=1", **signed), models.DeadLetterPage, 200).items[0]
letter = read(ask(f"/api/dead-letters/{summary.id}", **signed), models.DeadLetter, 200)
assert abs(letter.recordTimestamp - time.time() * 1000) < 86_400_000, letter.recordTimestamp
record = read(ask(f"/api/dead-letters/{summary.id}/fixture", **signed), models.DeadLetterFixture, 200).record
equal(f"{record.topic}:{record.partition}:{record.offset}", letter.id)
equal((record.timestamp, record.value), (letter.recordTimestamp, letter.value.base64))
equal([pair[0] for pair in record.headers], [header.name for header in letter.headers])

# Both documents accept every amount that the product accepts, even if no binary fraction equals it.
command = {"$ref": "#/components/schemas/OrderCommand", "components": openapi["components"]}
event = {"$ref": "#/components/schemas/NewOrder", "components": asyncapi["components"]}
for amount in [0, 0.01, 0.07, 0.0001, 1.1, 4.35, 19.99, 187.35, 1234567.8901, 9_999_999_999.9999]:
    sent = order(amount)
    read(ask("/api/orders", sent), models.Order, 202)
    for schema in (command, event):
        jsonschema.validate(sent.model_dump(mode="json", exclude_unset=True), schema)
