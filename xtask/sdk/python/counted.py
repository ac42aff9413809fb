"""A client of the SDK whose calls are counted, by the name of the operation."""

import collections


class Counted:
    """Stands in front of a client: `counted.endpoint.create(..)` calls the client and counts `endpoint.create`."""

    def __init__(self, inner, tally=None, name=""):
        self._inner = inner
        self._name = name
        self.tally = collections.Counter() if tally is None else tally

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        full = f"{self._name}.{name}" if self._name else name
        if not callable(value):
            return Counted(value, self.tally, full)

        def call(*arguments, **named):
            self.tally[full] += 1
            return value(*arguments, **named)

        return call
