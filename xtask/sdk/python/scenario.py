"""What a publisher does with the official SDK, `svix` from the registry, against a running server.

Takes RINGUP_URL and RINGUP_KEY from the environment, starts a receiver of its own, makes every call through the SDK
and checks what each answer says. Knows both generations of the SDK, 1.x and 2.x. Prints how many calls it made.
"""

import contextlib
import datetime
import importlib.metadata
import os
import re
import sys
import time

from svix import Webhook, models
from svix.api import Svix, SvixOptions
from svix.exceptions import HttpError, HTTPValidationError, WebhookVerificationError

import options
from counted import Counted
from receiver import SOON, Receiver

VERSION = importlib.metadata.version("svix")
FIRST = VERSION.startswith("1.")
CALLS_MIN = 60

# What the two generations call the same thing.
TYPES = "filter_types" if FIRST else "event_types"
RATE = "rate_limit" if FIRST else "throttle_rate"
UPSERT = "update" if FIRST else "upsert"
SET_HEADERS = "update_headers" if FIRST else "set_headers"
EndpointUpsertIn = models.EndpointUpdate if FIRST else models.EndpointUpsertIn
OperationalUpsertIn = models.OperationalWebhookEndpointUpdate if FIRST else models.OperationalWebhookEndpointUpsertIn
EventTypeUpsertIn = models.EventTypeUpdate if FIRST else models.EventTypeUpsertIn

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SCHEMA = {"1": {"type": "object", "properties": {"total": {"type": "number"}}, "examples": [{"total": 12.5}]}}


def main():
    url, key = os.environ["RINGUP_URL"], os.environ["RINGUP_KEY"]
    svix = Counted(client(url, key))
    receiver = Receiver()
    for part in (catalogue, accounts, endpoints, publishing, history, replaying, removing, pulling, operational, portal, errors):
        part(svix, receiver)
    calls, operations = svix.tally.total(), len(svix.tally)
    print(f"python svix {VERSION}: {calls} calls of {operations} operations")
    same(calls >= CALLS_MIN, True)


def client(url, key):
    return Svix(key, SvixOptions(server_url=url))


def catalogue(svix, _):
    """Event types: made, read, listed in both directions, changed, archived, removed."""
    types = svix.event_type
    made = types.create(models.EventTypeIn(
        name="sale.made", description="A sale", group_name="sale", schemas=SCHEMA, feature_flags=["beta"]))
    same((made.name, made.group_name, made.schemas, made.archived), ("sale.made", "sale", SCHEMA, False))
    just_now(made.created_at, made.updated_at)
    for name in ("sale.paid", "sale.void", "stock.low"):
        types.create(models.EventTypeIn(name=name, description=name))
    with refused(409):
        types.create(models.EventTypeIn(name="sale.made", description="again"))
    found = types.get("sale.made")
    same((found.description, found.feature_flags, found.deprecated), ("A sale", ["beta"], False))
    names = both_ways(lambda **o: types.list(options.EventTypeListOptions(**o)), lambda item: item.name)
    holds(names, "sale.made", "sale.paid", "sale.void", "stock.low")
    with_content = types.list(options.EventTypeListOptions(with_content=True, limit=250))
    same(by(with_content.data, "name", "sale.made").schemas, SCHEMA)

    patched = types.patch("sale.made", models.EventTypePatch(description="A sale was made", feature_flags=["soon"]))
    same((patched.description, patched.group_name, patched.schemas), ("A sale was made", "sale", SCHEMA))
    same(patched.feature_flags, ["soon"])
    replaced = getattr(types, UPSERT)("sale.paid", EventTypeUpsertIn(description="Paid", deprecated=True))
    same((replaced.name, replaced.description, replaced.deprecated), ("sale.paid", "Paid", True))
    same(getattr(types, UPSERT)("sale.back", EventTypeUpsertIn(description="Returned")).name, "sale.back")

    types.delete("sale.void")
    same(types.get("sale.void").archived, True)
    lacks([item.name for item in types.list(options.EventTypeListOptions(limit=250)).data], "sale.void")
    archived = types.list(options.EventTypeListOptions(limit=250, include_archived=True))
    holds([item.name for item in archived.data], "sale.void")
    types.delete("sale.void", options.EventTypeDeleteOptions(expunge=True))
    with refused(404):
        types.get("sale.void")


def accounts(svix, _):
    """Applications, which are accounts: by id and uid, made once, listed, changed, removed."""
    apps = svix.application
    made = apps.create(models.ApplicationIn(name="Shop", uid="shop", metadata={"city": "Đà Nẵng"}))
    matches(made.id, "app_")
    same((made.name, made.uid, made.metadata), ("Shop", "shop", {"city": "Đà Nẵng"}))
    just_now(made.created_at, made.updated_at)
    with refused(409):
        apps.create(models.ApplicationIn(name="Other", uid="shop"))
    same(apps.get_or_create(models.ApplicationIn(name="Other", uid="shop")).id, made.id)
    same(apps.get("shop").id, made.id)
    same(apps.get(made.id).uid, "shop")
    others = [apps.create(models.ApplicationIn(name=f"Shop {n}", uid=f"shop-{n}")).id for n in range(4)]
    ids = both_ways(lambda **o: apps.list(options.ApplicationListOptions(**o)), lambda item: item.id)
    same(sorted(ids), sorted([made.id, *others]))
    down = apps.list(options.ApplicationListOptions(limit=250, order=models.Ordering.DESCENDING))
    same([item.id for item in down.data], ids[::-1])

    patched = apps.patch("shop", models.ApplicationPatch(name="Corner shop"))
    same((patched.name, patched.uid, patched.metadata), ("Corner shop", "shop", {"city": "Đà Nẵng"}))
    replaced = getattr(apps, UPSERT)("shop", models.ApplicationIn(name="Shop", uid="shop"))
    same((replaced.id, replaced.name, replaced.metadata), (made.id, "Shop", {}))
    fresh = getattr(apps, UPSERT)("kiosk", models.ApplicationIn(name="Kiosk", uid="kiosk"))
    same((fresh.name, fresh.uid), ("Kiosk", "kiosk"))
    apps.delete("kiosk")
    with refused(404):
        apps.get("kiosk")


def endpoints(svix, receiver):
    """Endpoints: their subscription, their headers, their secrets."""
    points = svix.endpoint
    made = points.create("shop", models.EndpointIn(
        url=receiver.url("/first"), uid="first", description="the till", secret=SECRET, channels=["north"],
        metadata={"till": "1"}, headers={"x-till": "1", "authorization": "Bearer till"},
        **{TYPES: ["sale.made", "sale.paid"], RATE: 50}))
    matches(made.id, "ep_")
    same((made.url, made.uid, made.description), (receiver.url("/first"), "first", "the till"))
    same((sorted(getattr(made, TYPES)), made.channels, getattr(made, RATE)), (["sale.made", "sale.paid"], ["north"], 50))
    same((made.metadata, made.disabled), ({"till": "1"}, False))
    just_now(made.created_at, made.updated_at)
    with refused(409):
        points.create("shop", models.EndpointIn(url=receiver.url("/first"), uid="first"))
    with misfit("body", "url"):
        points.create("shop", models.EndpointIn(url="no address"))
    same(points.get("shop", "first").id, made.id)
    same(points.get(svix.application.get("shop").id, made.id).uid, "first")
    for name in ("second", "third", "fourth", "fifth"):
        points.create("shop", models.EndpointIn(url=receiver.url(f"/{name}"), uid=name, **{TYPES: ["stock.low"]}))
    uids = both_ways(lambda **o: points.list("shop", options.EndpointListOptions(**o)), lambda item: item.uid)
    same(sorted(uids), ["fifth", "first", "fourth", "second", "third"])

    patched = points.patch("shop", "first", models.EndpointPatch(disabled=True, channels=None))
    same((patched.disabled, patched.channels, patched.description), (True, None, "the till"))
    patched = points.patch("shop", "first", models.EndpointPatch(disabled=False))
    same((patched.disabled, sorted(getattr(patched, TYPES))), (False, ["sale.made", "sale.paid"]))
    replaced = getattr(points, UPSERT)("shop", "second", EndpointUpsertIn(url=receiver.url("/again"), uid="second"))
    same((replaced.url, getattr(replaced, TYPES)), (receiver.url("/again"), None))
    fresh = getattr(points, UPSERT)("shop", "sixth", EndpointUpsertIn(url=receiver.url("/sixth"), uid="sixth"))
    same((fresh.uid, fresh.url), ("sixth", receiver.url("/sixth")))
    for name in ("second", "third", "fourth", "fifth", "sixth"):
        points.delete("shop", name)
    with refused(404):
        points.get("shop", "sixth")

    headers = points.get_headers("shop", "first")
    same((headers.headers, headers.sensitive), ({"x-till": "1"}, ["authorization"]))
    getattr(points, SET_HEADERS)("shop", "first", models.EndpointHeadersIn(headers={"x-a": "1", "x-b": "2"}))
    same(points.get_headers("shop", "first").headers, {"x-a": "1", "x-b": "2"})
    points.patch_headers("shop", "first", models.EndpointHeadersPatchIn(headers={"x-c": "3"}, delete_headers=["x-a"]))
    same(points.get_headers("shop", "first").headers, {"x-b": "2", "x-c": "3"})

    same(points.get_secret("shop", "first").key, SECRET)
    rotated = points.rotate_secret("shop", "first", models.EndpointSecretRotateIn())
    new = points.get_secret("shop", "first").key
    matches(new, "whsec_")
    same((new != SECRET, rotated and rotated.key), (True, None if FIRST else new))


def publishing(svix, receiver):
    """Events: published once, delivered, and their signatures verified by the SDK, with old and new secrets."""
    messages = svix.message
    payload = {"total": 12.5, "buyer": "Zoë ☕", "lines": [], "note": None}
    sent = messages.create("shop", models.MessageIn(
        event_type="sale.made", event_id="sale-1", payload=payload, channels=["north"]))
    matches(sent.id, "msg_")
    same((sent.event_type, sent.event_id, sent.channels), ("sale.made", "sale-1", ["north"]))
    # The newer generation asks for no payload in answers unless told otherwise.
    same(sent.payload, payload if FIRST else {})
    just_now(sent.timestamp)

    [request] = receiver.at("/first")
    same((request.id, request.json()), (sent.id, payload))
    same((request.headers["x-b"], request.headers["x-c"]), ("2", "3"))
    new = Webhook(svix.endpoint.get_secret("shop", "first").key)
    for webhook in (new, Webhook(SECRET)):
        answer = webhook.verify(request.body, request.headers)
        same(answer, payload if FIRST else None)
    for body, changed in ((b" ", {}), (b"", {"id": request.id + "x"}), (b"", {"signature": "v1,AAAA"})):
        named = {f"{prefix}-{name}": value for name, value in changed.items() for prefix in ("svix", "webhook")}
        with raised(WebhookVerificationError):
            new.verify(request.body + body, {**request.headers, **named})

    with refused(409):
        messages.create("shop", models.MessageIn(event_type="sale.made", event_id="sale-1", payload={}))
    once = options.MessageCreateOptions(idempotency_key="one-sale")
    first, second = (messages.create("shop", models.MessageIn(event_type="sale.paid", payload={"n": 1}), once)
                     for _ in range(2))
    same(first.id, second.id)
    with refused(409):
        messages.create("shop", models.MessageIn(event_type="sale.paid", payload={"n": 2}), once)
    [paid] = receiver.at("/first", such=lambda request: request.id == first.id)
    same(paid.json(), {"n": 1})
    # Without an endpoint that asked for it, and of an account that comes with it.
    quiet = messages.create("van", models.MessageIn(
        event_type="stock.low", payload={"left": 0}, application=models.ApplicationIn(name="Van", uid="van")))
    same(messages.get("van", quiet.id, options.MessageGetOptions(with_content=True)).payload, {"left": 0})
    same(svix.application.get("van").name, "Van")

    same(messages.get("shop", "sale-1").id, sent.id)
    same(messages.get("shop", sent.id, options.MessageGetOptions(with_content=True)).payload, payload)
    same(messages.get("shop", sent.id, options.MessageGetOptions(with_content=False)).payload, {})
    for n in range(3):
        messages.create("shop", models.MessageIn(event_type="sale.made", payload={"n": n}))
    ids = both_ways(lambda **o: messages.list("shop", options.MessageListOptions(**o)), lambda item: item.id)
    same((len(ids), ids[-1], ids), (5, sent.id, sorted(ids, reverse=True)))
    listed = messages.list("shop", options.MessageListOptions(event_types=["sale.paid"], with_content=True))
    same([(item.id, item.payload) for item in listed.data], [(first.id, {"n": 1})])
    same([item.id for item in messages.list("shop", options.MessageListOptions(channel="north")).data], [sent.id])
    before = messages.list("shop", options.MessageListOptions(before=sent.timestamp - datetime.timedelta(minutes=1)))
    same((before.data, before.done), ([], True))


def history(svix, receiver):
    """Attempts: of an event, of an endpoint, one alone; a failing receiver; sending again by hand."""
    attempts = svix.message_attempt
    point = svix.endpoint.get("shop", "first")
    sent = svix.message.get("shop", "sale-1")
    [done] = eventually(lambda: attempts.list_by_msg("shop", sent.id).data)
    matches(done.id, "atmpt_")
    same((done.msg_id, done.endpoint_id, done.url), (sent.id, point.id, point.url))
    same((done.status, done.status_text), (models.MessageStatus.SUCCESS, models.MessageStatusText.SUCCESS))
    same((done.response_status_code, done.response_duration_ms >= 0), (204, True))
    same(done.trigger_type, models.MessageAttemptTriggerType.SCHEDULED)
    just_now(done.timestamp)
    same(attempts.get("shop", sent.id, done.id).id, done.id)
    [there] = attempts.list_attempted_destinations("shop", sent.id).data
    same((there.id, there.status, there.next_attempt), (point.id, models.MessageStatus.SUCCESS, None))

    receiver.answer("/failing", 500)
    failing = svix.endpoint.create("shop", models.EndpointIn(
        url=receiver.url("/failing"), uid="failing", **{TYPES: ["stock.low"]}))
    lost = svix.message.create("shop", models.MessageIn(event_type="stock.low", payload={"left": 1}))
    receiver.at("/failing", 2)
    given_up = eventually(lambda: [item for item in attempts.list_attempted_destinations("shop", lost.id).data
                                   if item.status == models.MessageStatus.FAIL])
    same([(item.id, item.next_attempt) for item in given_up], [(failing.id, None)])
    asked = options.MessageAttemptListByEndpointOptions
    tried = attempts.list_by_endpoint("shop", "failing", asked(with_content=True))
    same([(item.msg_id, item.response_status_code) for item in tried.data], [(lost.id, 500)] * 2)
    same({(item.status, item.response) for item in tried.data}, {(models.MessageStatus.FAIL, "not now")})
    for named, count in (({"status": models.MessageStatus.SUCCESS}, 0), ({"status": models.MessageStatus.FAIL}, 2),
                         ({"status_code_class": models.StatusCodeClass.CODE5XX}, 2),
                         ({"status_code_class": models.StatusCodeClass.CODE2XX}, 0),
                         ({"event_types": ["sale.made"]}, 0), ({"limit": 1}, 1)):
        same(len(attempts.list_by_endpoint("shop", "failing", asked(**named)).data), count)

    receiver.answer("/failing", 204)
    attempts.resend("shop", lost.id, "failing")
    again = receiver.at("/failing", 3)
    same({request.id for request in again}, {lost.id})
    Webhook(svix.endpoint.get_secret("shop", "failing").key).verify(again[2].body, again[2].headers)
    succeeded = options.MessageAttemptListByMsgOptions(status=models.MessageStatus.SUCCESS, endpoint_id="failing")
    [by_hand] = eventually(lambda: attempts.list_by_msg("shop", lost.id, succeeded).data)
    same(by_hand.trigger_type, models.MessageAttemptTriggerType.MANUAL)
    pages = both_ways(
        lambda **o: attempts.list_by_endpoint("shop", "failing", asked(**o)), lambda item: item.id, limit=1)
    same((len(pages), pages[0]), (3, by_hand.id))
    with refused(404):
        attempts.resend("shop", "msg_nowhere", "failing")


def replaying(svix, receiver):
    """What an endpoint was sent, and its counts; tasks that send much again; examples."""
    attempts, points, messages = svix.message_attempt, svix.endpoint, svix.message
    asked = options.MessageAttemptListAttemptedMessagesOptions
    [sent] = attempts.list_attempted_messages("shop", "failing", asked(with_content=True)).data
    same((sent.event_type, sent.payload, sent.status), ("stock.low", {"left": 1}, models.MessageStatus.SUCCESS))
    counts = points.get_stats("shop", "failing")
    same((counts.success, counts.fail, counts.pending, counts.sending, counts.canceled), (1, 0, 0, 0, 0))

    if not FIRST:
        tries = points.get_attempt_stats("shop", "failing")
        same((tries.success, tries.fail, tries.canceled), (1, 2, 0))
    same(messages.precheck("shop", models.MessagePrecheckIn(event_type="stock.low")).active, True)
    same(messages.precheck("shop", models.MessagePrecheckIn(event_type="stock.high")).active, False)

    receiver.answer("/flaky", 503)
    points.create("shop", models.EndpointIn(url=receiver.url("/flaky"), uid="flaky", **{TYPES: ["stock.low"]}))
    low = [messages.create("shop", models.MessageIn(event_type="stock.low", payload={"left": n})).id for n in (2, 3, 4)]
    receiver.at("/flaky", 6)
    eventually(lambda: points.get_stats("shop", "flaky").fail == 3)
    failed = both_ways(lambda **o: attempts.list_attempted_messages(
        "shop", "flaky", asked(status=models.MessageStatus.FAIL, **o)), lambda item: item.id)
    same(failed, low[::-1])
    receiver.answer("/flaky", 204)
    since = sent.timestamp - datetime.timedelta(seconds=1)
    task = points.recover("shop", "flaky", models.RecoverIn(since=since))
    same(task.task, models.BackgroundTaskType.ENDPOINT_RECOVER)
    same(finished(svix, task).data["messagesSent"], 3)
    same({request.id for request in receiver.at("/flaky", 9)[6:]}, set(low))
    eventually(lambda: points.get_stats("shop", "flaky").success == 3)

    # An endpoint that came later gets what it missed, and then all of it once more.
    points.create("shop", models.EndpointIn(url=receiver.url("/late"), uid="late", **{TYPES: ["stock.low"]}))
    missing = points.replay_missing("shop", "late", models.ReplayIn(since=since))
    same(missing.task, models.BackgroundTaskType.ENDPOINT_REPLAY)
    same(finished(svix, missing).data["messagesSent"], 4)
    same({request.id for request in receiver.at("/late", 4)}, {sent.id, *low})
    eventually(lambda: points.get_stats("shop", "late").success == 4)
    all_of_it = models.BulkReplayIn(since=since, event_types=["stock.low"], status=models.MessageStatus.SUCCESS)
    bulk = points.bulk_replay("shop", "late", all_of_it)
    same(bulk.task, models.BackgroundTaskType.ENDPOINT_BULK_REPLAY)
    same(finished(svix, bulk).data["messagesSent"], 4)
    same({request.id for request in receiver.at("/late", 8)[4:]}, {sent.id, *low})

    tasks = both_ways(lambda **o: svix.background_task.list(options.BackgroundTaskListOptions(**o)), lambda item: item.id)
    same(sorted(tasks), sorted([task.id, missing.id, bulk.id]))
    done = options.BackgroundTaskListOptions(
        status=models.BackgroundTaskStatus.FINISHED, task=models.BackgroundTaskType.ENDPOINT_RECOVER)
    same([item.id for item in svix.background_task.list(done).data], [task.id])
    with refused(404):
        svix.background_task.get("qtask_nowhere")

    example = points.send_example("shop", "late", models.EventExampleIn(event_type="sale.made"))
    [request] = receiver.at("/late", such=lambda request: request.id == example.id)
    same((example.event_type, request.json()), ("sale.made", {"total": 12.5}))
    Webhook(points.get_secret("shop", "late").key).verify(request.body, request.headers)


def removing(svix, _):
    """Payloads and responses, removed for good."""
    messages, attempts = svix.message, svix.message_attempt
    whole = options.MessageGetOptions(with_content=True)
    first, *_ = attempts.list_by_endpoint("shop", "flaky", options.MessageAttemptListByEndpointOptions(
        status=models.MessageStatus.FAIL, with_content=True)).data
    same(first.response, "not now")
    attempts.expunge_content("shop", first.msg_id, first.id)
    same(attempts.get("shop", first.msg_id, first.id).response != "not now", True)
    messages.expunge_content("shop", first.msg_id)
    same(messages.get("shop", first.msg_id, whole).payload, {"expired": True})
    with refused(409):
        attempts.resend("shop", first.msg_id, "flaky")
    [quiet] = messages.list("van").data
    task = messages.expunge_all_contents("van")
    same(task.task, models.BackgroundTaskType.APPLICATION_PURGE_CONTENT)
    same(finished(svix, task).data["messagesPurged"], 1)
    same(messages.get("van", quiet.id, whole).payload, {"expired": True})


def pulling(svix, _):
    """Events pulled instead of pushed; the catalogue taken out and in, and from an OpenAPI document."""
    poller = svix.message.poller
    sent = [item.id for item in svix.message_attempt.list_attempted_messages("shop", "late").data][::-1]
    ids, done, iterator = [], False, None
    while not done:
        page = poller.poll("shop", "late", options.MessagePollerPollOptions(limit=2, iterator=iterator))
        ids += [item.id for item in page.data]
        same((page.iterator != iterator, len(ids) <= len(sent)), (True, True))
        done, iterator = page.done, page.iterator
    same(ids, sent)
    asked = options.MessagePollerConsumerPollOptions
    for _ in range(2):  # what is not confirmed comes again
        page = poller.consumer_poll("shop", "late", "books", asked(limit=2))
        same([item.id for item in page.data], sent[:2])
    page = poller.consumer_poll("shop", "late", "books", asked(limit=2, iterator=page.iterator))
    same([item.id for item in page.data], sent[2:4])
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    same(bool(poller.consumer_seek(
        "shop", "late", "books", models.PollingEndpointConsumerSeekIn(after=later)).iterator), True)
    page = poller.consumer_poll("shop", "late", "books")
    same((page.data, page.done), ([], True))

    exported = svix.environment.export()
    same(by(exported.event_types, "name", "sale.made").schemas, SCHEMA)
    just_now(exported.created_at)
    svix.environment.import_(models.EnvironmentIn(
        event_types=[models.EventTypeIn(name="sale.sent", description="Sent")]))
    same(svix.event_type.get("sale.sent").description, "Sent")
    webhook = {"post": {"description": "A sale is gone", "requestBody": {
        "content": {"application/json": {"schema": {"type": "object"}}}}, "responses": {"200": {"description": "ok"}}}}
    spec = {"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "webhooks": {"sale.gone": webhook}}
    for dry_run in (True, False):
        asked = models.EventTypeImportOpenApiIn(spec=spec, dry_run=dry_run)
        same(svix.event_type.import_openapi(asked).data.modified, ["sale.gone"])
        names = [item.name for item in svix.event_type.list(options.EventTypeListOptions(limit=250)).data]
        same("sale.gone" in names, not dry_run)


def operational(svix, receiver):
    """Operational webhooks: whoever runs the shops hears of endpoints that come and of events that do not arrive."""
    hooks = svix.operational_webhook.endpoint
    kinds = ["endpoint.created", "message.attempt.exhausted"]
    made = hooks.create(models.OperationalWebhookEndpointIn(
        url=receiver.url("/told"), uid="told", description="the operator", metadata={"team": "1"}, **{TYPES: kinds}))
    matches(made.id, "ep_")
    same((made.url, made.uid, made.description), (receiver.url("/told"), "told", "the operator"))
    same((sorted(getattr(made, TYPES)), made.metadata, made.disabled), (kinds, {"team": "1"}, False))
    just_now(made.created_at, made.updated_at)
    webhook = Webhook(hooks.get_secret("told").key)

    receiver.answer("/sad", 500)
    sad = svix.endpoint.create("shop", models.EndpointIn(url=receiver.url("/sad"), uid="sad", **{TYPES: ["sale.sad"]}))
    [request] = receiver.at("/told", such=lambda request: request.json()["type"] == "endpoint.created")
    webhook.verify(request.body, request.headers)
    subject = {"appId": svix.application.get("shop").id, "appUid": "shop", "endpointId": sad.id, "endpointUid": "sad"}
    same(request.json()["data"], subject)
    lost = svix.message.create("shop", models.MessageIn(event_type="sale.sad", event_id="sad-1", payload={}))
    [request] = receiver.at("/told", such=lambda request: request.json()["type"] == "message.attempt.exhausted")
    webhook.verify(request.body, request.headers)
    data = request.json()["data"]
    last = svix.message_attempt.get("shop", lost.id, data.pop("lastAttempt")["id"])
    same((last.endpoint_id, last.response_status_code), (sad.id, 500))
    same(data, {**subject, "msgId": lost.id, "msgEventId": "sad-1"})
    if FIRST:
        same(models.MessageAttemptExhaustedEvent.model_validate(request.json()).data.last_attempt.id, last.id)

    hooks.create(models.OperationalWebhookEndpointIn(url=receiver.url("/told"), uid="other"))
    uids = both_ways(lambda **o: hooks.list(options.OperationalWebhookEndpointListOptions(**o)), lambda item: item.uid, 1)
    same(sorted(uids), ["other", "told"])
    replaced = getattr(hooks, UPSERT)("other", OperationalUpsertIn(url=receiver.url("/other"), uid="other", disabled=True))
    same((replaced.url, replaced.disabled, getattr(replaced, TYPES)), (receiver.url("/other"), True, None))
    getattr(hooks, SET_HEADERS)("other", models.OperationalWebhookEndpointHeadersIn(headers={"x-team": "2"}))
    same(hooks.get_headers("other").headers, {"x-team": "2"})
    hooks.rotate_secret("other", models.OperationalWebhookEndpointSecretIn(key=SECRET))
    same(hooks.get_secret("other").key, SECRET)
    hooks.delete("other")
    with refused(404):
        hooks.get("other")
    same(hooks.get(made.id).uid, "told")


def portal(svix, receiver):
    """Portal access: a token that reaches one account, and a link that opens the console."""
    auth, url = svix.authentication, os.environ["RINGUP_URL"]
    access = auth.app_portal_access("shop", models.AppPortalAccessIn(session_id="ana"))
    same(access.url.startswith("http"), True)
    ana = Counted(client(url, access.token), svix.tally)
    same(ana.application.get("shop").uid, "shop")
    same([item.uid for item in ana.application.list().data], ["shop"])
    holds([item.uid for item in ana.endpoint.list("shop", options.EndpointListOptions(limit=250)).data], "first", "late")
    own = ana.endpoint.create("shop", models.EndpointIn(url=receiver.url("/own"), uid="own", **{TYPES: ["sale.own"]}))
    same(svix.endpoint.get("shop", "own").id, own.id)
    matches(ana.endpoint.get_secret("shop", "own").key, "whsec_")
    same(ana.message.get("shop", "sale-1").event_id, "sale-1")
    # Another account is not there for it, and what concerns all of them is not its business.
    with refused(404):
        ana.endpoint.list("van")
    with refused(403):
        ana.message.create("shop", models.MessageIn(event_type="sale.own", payload={}))
    with refused(403):
        ana.application.create(models.ApplicationIn(name="Mine"))
    with refused(403):
        ana.event_type.create(models.EventTypeIn(name="sale.own", description="mine"))

    access = auth.app_portal_access("shop", models.AppPortalAccessIn(read_only=True, session_id="budi"))
    budi = Counted(client(url, access.token), svix.tally)
    same(budi.endpoint.get("shop", "own").id, own.id)
    with refused(403):
        budi.endpoint.delete("shop", "own")
    with refused(403):
        budi.endpoint.get_secret("shop", "own")
    budi.authentication.logout()
    with refused(401):
        budi.endpoint.list("shop")
    auth.expire_all("shop", models.ApplicationTokenExpireIn(session_ids=["budi"]))
    same(ana.application.get("shop").uid, "shop")
    auth.expire_all("shop", models.ApplicationTokenExpireIn())
    with refused(401):
        ana.application.get("shop")
    svix.endpoint.delete("shop", "own")


def finished(svix, task):
    """The background task when it is over."""
    matches(task.id, "qtask_")
    just_now(task.updated_at)
    [found] = eventually(lambda: [found for found in [svix.background_task.get(task.id)]
                                  if found.status != models.BackgroundTaskStatus.RUNNING])
    same((found.id, found.task, found.status), (task.id, task.task, models.BackgroundTaskStatus.FINISHED))
    return found


def errors(svix, _):
    """A stranger, and whoever asks for what is not there, hear it in the SDK's own exceptions."""
    svix.health.get()
    stranger = Counted(client(os.environ["RINGUP_URL"], "rk_nobodyNobodyNobodyNobodyNobodyNobody0"), svix.tally)
    with refused(401):
        stranger.application.list()
    with refused(404):
        svix.endpoint.get("nowhere", "first")
    with refused(404):
        svix.message.get("shop", "nowhere")
    # What there is not says so. The SDK asks three times, as it does after every 5xx.
    with refused(501):
        svix.integration.list("shop")
    with misfit("query", "limit"):
        svix.application.list(options.ApplicationListOptions(limit=100_000))
    with misfit("body", "uid"):
        svix.application.create(models.ApplicationIn(name="Bad", uid="not a uid!"))


def both_ways(listing, name, limit=2):
    """The names of all items in order, page by page; then back from the last page, where the same must be seen."""
    pages, iterator, done = [], None, False
    while not done:
        page = listing(limit=limit, iterator=iterator)
        pages.append([name(item) for item in page.data])
        iterator, done, back = page.iterator, page.done, page.prev_iterator
        same(len(pages) < 100, True)
    ahead = [item for page in pages[:-1] for item in page]
    behind = []
    while ahead != behind:
        page = listing(limit=limit, iterator=back)
        behind = [name(item) for item in page.data] + behind
        back = page.prev_iterator
        same((len(behind) <= len(ahead), page.done), (True, ahead == behind))
    return [item for page in pages for item in page]


def eventually(look):
    """What `look` finds as soon as it finds anything."""
    deadline = time.monotonic() + SOON
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError("nothing was found in time")
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def raised(kind):
    try:
        yield
    except kind:
        return
    raise AssertionError(f"no {kind.__name__} was raised")


@contextlib.contextmanager
def refused(status):
    """The call inside is refused with this status, a code and words."""
    try:
        yield
    except HttpError as error:
        same((error.status_code, bool(error.code), bool(error.detail)), (status, True, True))
        return
    raise AssertionError(f"the call was not refused with {status}")


@contextlib.contextmanager
def misfit(*place):
    """The call inside is refused with 422, and one fault lies in this place."""
    try:
        yield
    except HTTPValidationError as error:
        same(error.status_code, 422)
        holds([tuple(fault.loc) for fault in error.detail], place)
        same(all(fault.msg and fault.type for fault in error.detail), True)
        return
    raise AssertionError("the call was not refused with 422")


def same(actual, expected):
    if actual != expected:
        raise AssertionError(f"\n  got      {actual!r}\n  expected {expected!r}")


def holds(names, *expected):
    missing = [name for name in expected if name not in names]
    if missing:
        raise AssertionError(f"{missing} missing in {names}")


def lacks(names, name):
    if name in names:
        raise AssertionError(f"{name} is in {names}")


def matches(identity, prefix):
    if not re.fullmatch(prefix + r"[A-Za-z0-9+/=]+", identity):
        raise AssertionError(f"{identity} is no {prefix}…")


def by(items, name, value):
    return next(item for item in items if getattr(item, name) == value)


def just_now(*moments):
    """Moments with an offset, of the last minutes."""
    for moment in moments:
        age = datetime.datetime.now(datetime.timezone.utc) - moment
        same(abs(age) < datetime.timedelta(minutes=5), True)


if __name__ == "__main__":
    sys.exit(main())
