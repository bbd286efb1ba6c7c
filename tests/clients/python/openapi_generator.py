"""An order's journey with the client that openapi-generator makes for Python. Arguments: the product's URL and key."""

import sys
import time
import uuid

from openapi_client import ApiClient, ApiException, Configuration, DeadLettersApi, OrderCommand, OrdersApi, Problem

ISSUED_NEVER = uuid.UUID("01990000-0000-7000-8000-000000000000")

url, key = sys.argv[1:]
anonymous = ApiClient(Configuration(host=url))
orders = OrdersApi(anonymous)
dead_letters = DeadLettersApi(ApiClient(Configuration(host=url, api_key={"functionKey": key})))


def equal(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


def order(total_price):
    with open("order.json") as file:
        command = OrderCommand.from_json(file.read())
    return command.model_copy(update={"customer_id": 3_000_000_000, "total_price": total_price})


def problem_of(call):
    """The problem that a failed call returned, parsed as the document describes it."""
    try:
        call()
    except ApiException as error:
        return Problem.from_json(error.body)
    raise AssertionError("no problem")


# An order is placed with a wait, and again under the same key.
idempotency_key = str(uuid.uuid4())
stored = orders.place_order(order(1234567.89), idempotency_key=idempotency_key, prefer="wait=30")
equal(stored.status, "stored")
equal((stored.customer_id, stored.total_price, stored.currency_type), (3_000_000_000, 1234567.89, "EUR"))
equal(orders.place_order(order(1234567.89), idempotency_key=idempotency_key).order_id, stored.order_id)

# An order is placed without a wait, and then waited for.
placed = orders.place_order(order(187.35))
found = orders.get_order(placed.order_id, prefer="wait=30")
equal((found.status, found.total_price, found.order_items[0].price), ("stored", 187.35, 119.9))

# Both are in the list, which is read a page at a time.
listed, cursor = [], None
while True:
    page = orders.list_orders(customer_id=3_000_000_000, limit=2, cursor=cursor)
    listed += [one.order_id for one in page.items]
    cursor = page.next_cursor
    if cursor is None:
        break
assert {stored.order_id, placed.order_id} <= set(listed), listed

history = orders.order_history(stored.order_id)
equal([entry.kind for entry in history.items], ["accepted", "stored"])
equal(history.next_cursor, None)

# Errors come back as problem documents.
missing = problem_of(lambda: orders.get_order(ISSUED_NEVER))
equal((missing.status, missing.type), (404, "/docs/errors#order-not-found"))
refused = problem_of(lambda: orders.place_order(order(0.00001)))
equal((refused.status, refused.errors[0].pointer), (400, "/totalPrice"))
assert refused.request_id
equal(problem_of(lambda: DeadLettersApi(anonymous).list_dead_letters()).status, 401)

# A dead letter is read in the list, on its own, and as a file.
summary = dead_letters.list_dead_letters(limit=1).items[0]
letter = dead_letters.get_dead_letter(summary.id)
assert abs(letter.record_timestamp - time.time() * 1000) < 86_400_000, letter.record_timestamp
assert letter.value.var_base64
fixture = dead_letters.dead_letter_fixture(summary.id)
record = fixture.record
equal(f"{record.topic}:{record.partition}:{record.offset}", letter.id)
equal(record.timestamp, letter.record_timestamp)
equal(record.value, letter.value.var_base64)
equal([name for name, _ in record.headers], [header.name for header in letter.headers])
