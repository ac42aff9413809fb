import base64, hashlib, hmac, time


def verify(secret: str, headers: dict[str, str], body: bytes) -> None:
    """`headers` in lower case; `body` as received, before any parsing."""
    msg, at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(at)) > 300:
        raise ValueError("too old")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{msg}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    given = headers["webhook-signature"].split(" ")
    if not any(hmac.compare_digest(expected, item) for item in given):
        raise ValueError("wrong signature")
