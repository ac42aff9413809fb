"""Verifies recorded deliveries with `standardwebhooks` from PyPI, and sees changed ones refused.

Reads JSON lines on standard input: secret, id, timestamp, signature, body, and in `changed` what to put in their place.
The argument says how many lines there are.
"""

import importlib.metadata
import json
import sys

import standardwebhooks


def verifies(signed):
    headers = {f"webhook-{name}": signed[name] for name in ("id", "timestamp", "signature")}
    try:
        standardwebhooks.Webhook(signed["secret"]).verify(signed["body"].encode(), headers)
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def main():
    valid = refused = wrong = 0
    for line in sys.stdin.buffer:
        record = json.loads(line)
        if verifies(record):
            valid += 1
        else:
            wrong += 1
        for changed in record["changed"]:
            if verifies({**record, **changed}):
                wrong += 1
            else:
                refused += 1
    version = importlib.metadata.version("standardwebhooks")
    print(f"PyPI standardwebhooks {version}: {valid} valid, {refused} changed ones refused, {wrong} wrong verdicts")
    expected = int(sys.argv[1])
    sys.exit(0 if (valid, refused, wrong) == (expected, 5 * expected, 0) else 1)


main()
