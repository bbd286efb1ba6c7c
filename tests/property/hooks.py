"""What the document cannot say."""

import schemathesis


NOT_INVENTED = {"cursor", "If-Match", "#/components/parameters/IfMatch"}


def name_of(parameter):
    return parameter.get("name") or parameter.get("$ref")


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """
    A cursor or an ETag is valid only if an earlier answer gave it, so none is invented here, and no link hands one on.
    """
    for item in raw_schema["paths"].values():
        for operation in item.values():
            parameters = operation.get("parameters", [])
            operation["parameters"] = [one for one in parameters if name_of(one) not in NOT_INVENTED]
            for answer in operation["responses"].values():
                answer.get("links", {}).pop("nextPage", None)


@schemathesis.hook
def map_query(context, query):
    """JSON Schema takes 7.0 for an integer; in a query an integer is written with digits alone."""
    return {name: as_written(value) for name, value in query.items()} if isinstance(query, dict) else query


def as_written(value):
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def map_body(context, body):
    """The document says in words that an amount has at most four decimals."""
    return with_four_decimals(body)


def with_four_decimals(value):
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        return [with_four_decimals(one) for one in value]
    if isinstance(value, dict):
        return {name: with_four_decimals(one) for name, one in value.items()}
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    """Discarding many needs a reason unless it is a dry run, and that may be said in the query as well as in the body."""
    if case.operation.path == "/api/dead-letters/discard" and isinstance(case.body, dict):
        case.body.setdefault("reason", "Only a test.")
