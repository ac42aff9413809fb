"""What each request needs that no schema says."""

import itertools

import schemathesis

numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    # A key that comes again is answered with the first answer, or 409: one in two requests keeps a key of its own.
    headers = case.headers or {}
    name = next((name for name in headers if name.lower() == "idempotency-key"), None)
    if name is not None and case.meta is not None and case.meta.generation.mode.is_positive:
        headers[name] = f"key-{next(numbers)}"
