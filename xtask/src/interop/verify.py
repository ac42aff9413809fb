"""Verifies recorded deliveries with the libraries of other people, and sees changed ones refused.

Reads JSON lines on standard input: secret, id, timestamp, signature, body (text). Prints one line with counts.
"""

import json
import sys

import standardwebhooks
import svix


def verifies(library, secret, body, headers):
    try:
        library.Webhook(secret).verify(body, headers)
    except Exception:  # the libraries raise different kinds, ValueError among them
        return False
    return True


def changed(headers, body):
    """One change in each part that the signature covers."""
    first = headers["webhook-signature"][3]
    other = "A" if first != "A" else "B"
    yield dict(headers, **{"webhook-id": headers["webhook-id"] + "x"}), body
    yield dict(headers, **{"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}), body
    yield dict(headers, **{"webhook-signature": "v1," + other + headers["webhook-signature"][4:]}), body
    yield headers, body + " "


def main():
    counts = {"standardwebhooks": 0, "svix": 0}
    refused = wrong = 0
    for line in sys.stdin:
        record = json.loads(line)
        headers = {name: record[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        for library in (standardwebhooks, svix):
            if verifies(library, record["secret"], record["body"], headers):
                counts[library.__name__] += 1
            else:
                wrong += 1
            for other_headers, other_body in changed(headers, record["body"]):
                if verifies(library, record["secret"], other_body, other_headers):
                    wrong += 1
                else:
                    refused += 1
    print(f"valid by standardwebhooks {counts['standardwebhooks']}, by svix {counts['svix']}; "
          f"changed ones refused {refused}; wrong verdicts {wrong}")
    sys.exit(1 if wrong or not all(counts.values()) else 0)


main()
