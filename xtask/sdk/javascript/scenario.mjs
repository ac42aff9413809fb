// What a publisher does with the official SDK, `svix` from the registry, against a running server.
//
// Takes RINGUP_URL and RINGUP_KEY from the environment, starts a receiver of its own, makes every call through the SDK
// and checks what each answer says. Knows both generations of the SDK, 1.x and 2.x. Prints how many calls it made.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import * as module from "svix";

import { counted } from "./counted.mjs";
import { bothWays, eventually, holds, justNow, lacks, matches, misfit, refused, same, thrown } from "./expect.mjs";
import { Receiver } from "./receiver.mjs";

const { Svix, Webhook, MessageStatus } = module.default ?? module;
const { RINGUP_URL, RINGUP_KEY } = process.env;
const VERSION = JSON.parse(readFileSync(new URL("node_modules/svix/package.json", import.meta.url))).version;
const FIRST = VERSION.startsWith("1.");
const CALLS_MIN = 60;

// What the two generations call the same thing.
const TYPES = FIRST ? "filterTypes" : "eventTypes";
const RATE = FIRST ? "rateLimit" : "throttleRate";
const UPSERT = FIRST ? "update" : "upsert";
const SET_HEADERS = FIRST ? "updateHeaders" : "setHeaders";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SCHEMA = { 1: { type: "object", properties: { total: { type: "number" } }, examples: [{ total: 12.5 }] } };

const PARTS = [catalogue, accounts, endpoints, publishing, history, replaying, removing, pulling, operational, portal, errors];

async function main() {
  const tally = new Map();
  const svix = client(RINGUP_KEY, tally);
  const receiver = await Receiver.start();
  for (const part of PARTS) await part(svix, receiver, tally);
  receiver.stop();
  const calls = [...tally.values()].reduce((sum, count) => sum + count, 0);
  console.log(`javascript svix ${VERSION} on Node ${process.version}: ${calls} calls of ${tally.size} operations`);
  assert(calls >= CALLS_MIN);
}

function client(key, tally) {
  return counted(new Svix(key, { serverUrl: RINGUP_URL }), tally);
}

/** Event types: made, read, listed in both directions, changed, archived, removed. */
async function catalogue(svix) {
  const types = svix.eventType;
  const sale = { name: "sale.made", description: "A sale", groupName: "sale", schemas: SCHEMA, featureFlags: ["beta"] };
  const made = await types.create(sale);
  same([made.name, made.groupName, made.schemas, made.archived], ["sale.made", "sale", SCHEMA, false]);
  justNow(made.createdAt, made.updatedAt);
  for (const name of ["sale.paid", "sale.void", "stock.low"]) await types.create({ name, description: name });
  await refused(409, () => types.create({ name: "sale.made", description: "again" }));
  const found = await types.get("sale.made");
  same([found.description, found.featureFlags, found.deprecated], ["A sale", ["beta"], false]);
  const names = await bothWays((options) => types.list(options), (item) => item.name);
  holds(names, "sale.made", "sale.paid", "sale.void", "stock.low");
  const withContent = await types.list({ withContent: true, limit: 250 });
  same(withContent.data.find((item) => item.name === "sale.made").schemas, SCHEMA);

  const patched = await types.patch("sale.made", { description: "A sale was made", featureFlags: ["soon"] });
  same([patched.description, patched.groupName, patched.schemas], ["A sale was made", "sale", SCHEMA]);
  same(patched.featureFlags, ["soon"]);
  const replaced = await types[UPSERT]("sale.paid", { description: "Paid", deprecated: true });
  same([replaced.name, replaced.description, replaced.deprecated], ["sale.paid", "Paid", true]);
  same((await types[UPSERT]("sale.back", { description: "Returned" })).name, "sale.back");

  await types.delete("sale.void");
  same((await types.get("sale.void")).archived, true);
  const shown = await types.list({ limit: 250 });
  lacks(shown.data.map((item) => item.name), "sale.void");
  const all = await types.list({ limit: 250, includeArchived: true });
  holds(all.data.map((item) => item.name), "sale.void");
  await types.delete("sale.void", { expunge: true });
  await refused(404, () => types.get("sale.void"));
}

/** Applications, which are accounts: by id and uid, made once, listed, changed, removed. */
async function accounts(svix) {
  const apps = svix.application;
  const made = await apps.create({ name: "Shop", uid: "shop", metadata: { city: "Đà Nẵng" } });
  matches(made.id, "app_");
  same([made.name, made.uid, made.metadata], ["Shop", "shop", { city: "Đà Nẵng" }]);
  justNow(made.createdAt, made.updatedAt);
  await refused(409, () => apps.create({ name: "Other", uid: "shop" }));
  same((await apps.getOrCreate({ name: "Other", uid: "shop" })).id, made.id);
  same((await apps.get("shop")).id, made.id);
  same((await apps.get(made.id)).uid, "shop");
  const others = [];
  for (let n = 0; n < 4; n++) others.push((await apps.create({ name: `Shop ${n}`, uid: `shop-${n}` })).id);
  const ids = await bothWays((options) => apps.list(options), (item) => item.id);
  same(ids.toSorted(), [made.id, ...others].toSorted());
  const down = await apps.list({ limit: 250, order: "descending" });
  same(down.data.map((item) => item.id), ids.toReversed());

  const patched = await apps.patch("shop", { name: "Corner shop" });
  same([patched.name, patched.uid, patched.metadata], ["Corner shop", "shop", { city: "Đà Nẵng" }]);
  const replaced = await apps[UPSERT]("shop", { name: "Shop", uid: "shop" });
  same([replaced.id, replaced.name, replaced.metadata], [made.id, "Shop", {}]);
  const fresh = await apps[UPSERT]("kiosk", { name: "Kiosk", uid: "kiosk" });
  same([fresh.name, fresh.uid], ["Kiosk", "kiosk"]);
  await apps.delete("kiosk");
  await refused(404, () => apps.get("kiosk"));
}

/** Endpoints: their subscription, their headers, their secrets. */
async function endpoints(svix, receiver) {
  const points = svix.endpoint;
  const made = await points.create("shop", {
    url: receiver.url("/first"), uid: "first", description: "the till", secret: SECRET, channels: ["north"],
    metadata: { till: "1" }, headers: { "x-till": "1", authorization: "Bearer till" },
    [TYPES]: ["sale.made", "sale.paid"], [RATE]: 50,
  });
  matches(made.id, "ep_");
  same([made.url, made.uid, made.description], [receiver.url("/first"), "first", "the till"]);
  same([made[TYPES].toSorted(), made.channels, made[RATE]], [["sale.made", "sale.paid"], ["north"], 50]);
  same([made.metadata, made.disabled], [{ till: "1" }, false]);
  justNow(made.createdAt, made.updatedAt);
  await refused(409, () => points.create("shop", { url: receiver.url("/first"), uid: "first" }));
  await misfit("body.url", () => points.create("shop", { url: "no address" }));
  same((await points.get("shop", "first")).id, made.id);
  same((await points.get((await svix.application.get("shop")).id, made.id)).uid, "first");
  for (const uid of ["second", "third", "fourth", "fifth"]) {
    await points.create("shop", { url: receiver.url(`/${uid}`), uid, [TYPES]: ["stock.low"] });
  }
  const uids = await bothWays((options) => points.list("shop", options), (item) => item.uid);
  same(uids.toSorted(), ["fifth", "first", "fourth", "second", "third"]);

  let patched = await points.patch("shop", "first", { disabled: true, channels: null });
  same([patched.disabled, patched.channels, patched.description], [true, null, "the till"]);
  patched = await points.patch("shop", "first", { disabled: false });
  same([patched.disabled, patched[TYPES].toSorted()], [false, ["sale.made", "sale.paid"]]);
  const replaced = await points[UPSERT]("shop", "second", { url: receiver.url("/again"), uid: "second" });
  same([replaced.url, replaced[TYPES]], [receiver.url("/again"), null]);
  const fresh = await points[UPSERT]("shop", "sixth", { url: receiver.url("/sixth"), uid: "sixth" });
  same([fresh.uid, fresh.url], ["sixth", receiver.url("/sixth")]);
  for (const uid of ["second", "third", "fourth", "fifth", "sixth"]) await points.delete("shop", uid);
  await refused(404, () => points.get("shop", "sixth"));

  const headers = await points.getHeaders("shop", "first");
  same([headers.headers, headers.sensitive], [{ "x-till": "1" }, ["authorization"]]);
  await points[SET_HEADERS]("shop", "first", { headers: { "x-a": "1", "x-b": "2" } });
  same((await points.getHeaders("shop", "first")).headers, { "x-a": "1", "x-b": "2" });
  await points.patchHeaders("shop", "first", { headers: { "x-c": "3" }, deleteHeaders: ["x-a"] });
  same((await points.getHeaders("shop", "first")).headers, { "x-b": "2", "x-c": "3" });

  same((await points.getSecret("shop", "first")).key, SECRET);
  await points.rotateSecret("shop", "first");
  const { key } = await points.getSecret("shop", "first");
  matches(key, "whsec_");
  assert.notEqual(key, SECRET);
}

/** Events: published once, delivered, and their signatures verified by the SDK, with old and new secrets. */
async function publishing(svix, receiver) {
  const messages = svix.message;
  const payload = { total: 12.5, buyer: "Zoë ☕", lines: [], note: null };
  const sale = { eventType: "sale.made", eventId: "sale-1", payload, channels: ["north"] };
  const sent = await messages.create("shop", sale);
  matches(sent.id, "msg_");
  same([sent.eventType, sent.eventId, sent.channels], ["sale.made", "sale-1", ["north"]]);
  // The newer generation asks for no payload in answers unless told otherwise.
  same(sent.payload, FIRST ? payload : {});
  justNow(sent.timestamp);

  const [request] = await receiver.at("/first");
  same([request.id, JSON.parse(request.body)], [sent.id, payload]);
  same([request.headers["x-b"], request.headers["x-c"]], ["2", "3"]);
  const fresh = new Webhook((await svix.endpoint.getSecret("shop", "first")).key);
  for (const webhook of [fresh, new Webhook(SECRET)]) {
    same(webhook.verify(request.body, request.headers), FIRST ? payload : undefined);
  }
  for (const [more, changed] of [[" ", {}], ["", { id: `${request.id}x` }], ["", { signature: "v1,AAAA" }]]) {
    const named = Object.entries(changed).flatMap(([name, value]) => [[`svix-${name}`, value], [`webhook-${name}`, value]]);
    const headers = { ...request.headers, ...Object.fromEntries(named) };
    const error = await thrown(async () => fresh.verify(request.body.toString() + more, headers));
    same(error.constructor.name, "WebhookVerificationError");
  }

  await refused(409, () => messages.create("shop", { ...sale, payload: {} }));
  const once = { idempotencyKey: "one-sale" };
  const paid = { eventType: "sale.paid", payload: { n: 1 } };
  const [first, second] = [await messages.create("shop", paid, once), await messages.create("shop", paid, once)];
  same(first.id, second.id);
  await refused(409, () => messages.create("shop", { ...paid, payload: { n: 2 } }, once));
  const [delivered] = await receiver.at("/first", 1, (request) => request.id === first.id);
  same(JSON.parse(delivered.body), { n: 1 });
  // Without an endpoint that asked for it, and of an account that comes with it.
  const low = { eventType: "stock.low", payload: { left: 0 } };
  const quiet = await messages.create("van", { ...low, application: { name: "Van", uid: "van" } });
  same((await messages.get("van", quiet.id, { withContent: true })).payload, { left: 0 });
  same((await svix.application.get("van")).name, "Van");

  same((await messages.get("shop", "sale-1")).id, sent.id);
  same((await messages.get("shop", sent.id, { withContent: true })).payload, payload);
  same((await messages.get("shop", sent.id, { withContent: false })).payload, {});
  for (let n = 0; n < 3; n++) await messages.create("shop", { eventType: "sale.made", payload: { n } });
  const ids = await bothWays((options) => messages.list("shop", options), (item) => item.id);
  same([ids.length, ids.at(-1), ids], [5, sent.id, ids.toSorted().toReversed()]);
  const listed = await messages.list("shop", { eventTypes: ["sale.paid"], withContent: true });
  same(listed.data.map((item) => [item.id, item.payload]), [[first.id, { n: 1 }]]);
  same((await messages.list("shop", { channel: "north" })).data.map((item) => item.id), [sent.id]);
  const before = await messages.list("shop", { before: new Date(sent.timestamp.getTime() - 60_000) });
  same([before.data, before.done], [[], true]);
}

/** Attempts: of an event, of an endpoint, one alone; a failing receiver; sending again by hand. */
async function history(svix, receiver) {
  const attempts = svix.messageAttempt;
  const point = await svix.endpoint.get("shop", "first");
  const sent = await svix.message.get("shop", "sale-1");
  const [done] = await eventually(async () => (await attempts.listByMsg("shop", sent.id)).data);
  matches(done.id, "atmpt_");
  same([done.msgId, done.endpointId, done.url], [sent.id, point.id, point.url]);
  same([done.status, done.statusText, done.responseStatusCode], [MessageStatus.Success, "success", 204]);
  same([done.responseDurationMs >= 0, done.triggerType], [true, 0]);
  justNow(done.timestamp);
  same((await attempts.get("shop", sent.id, done.id)).id, done.id);
  const [there] = (await attempts.listAttemptedDestinations("shop", sent.id)).data;
  same([there.id, there.status, there.nextAttempt], [point.id, MessageStatus.Success, null]);

  receiver.answer("/failing", 500);
  const settings = { url: receiver.url("/failing"), uid: "failing", [TYPES]: ["stock.low"] };
  const failing = await svix.endpoint.create("shop", settings);
  const lost = await svix.message.create("shop", { eventType: "stock.low", payload: { left: 1 } });
  await receiver.at("/failing", 2);
  const givenUp = await eventually(async () => {
    const there = await attempts.listAttemptedDestinations("shop", lost.id);
    return there.data.filter((item) => item.status === MessageStatus.Fail);
  });
  same(givenUp.map((item) => [item.id, item.nextAttempt]), [[failing.id, null]]);
  const tried = await attempts.listByEndpoint("shop", "failing", { withContent: true });
  const seen = [lost.id, 500, MessageStatus.Fail, "not now"];
  same(tried.data.map((item) => [item.msgId, item.responseStatusCode, item.status, item.response]), [seen, seen]);
  for (const [options, count] of [
    [{ status: MessageStatus.Success }, 0], [{ status: MessageStatus.Fail }, 2], [{ statusCodeClass: 500 }, 2],
    [{ statusCodeClass: 200 }, 0], [{ eventTypes: ["sale.made"] }, 0], [{ limit: 1 }, 1],
  ]) {
    same((await attempts.listByEndpoint("shop", "failing", options)).data.length, count);
  }

  receiver.answer("/failing", 204);
  await attempts.resend("shop", lost.id, "failing");
  const again = await receiver.at("/failing", 3);
  same(again.map((request) => request.id), [lost.id, lost.id, lost.id]);
  new Webhook((await svix.endpoint.getSecret("shop", "failing")).key).verify(again[2].body, again[2].headers);
  const succeeded = { status: MessageStatus.Success, endpointId: "failing" };
  const [byHand] = await eventually(async () => (await attempts.listByMsg("shop", lost.id, succeeded)).data);
  same(byHand.triggerType, 1);
  const pages = await bothWays((options) => attempts.listByEndpoint("shop", "failing", options), (item) => item.id, 1);
  same([pages.length, pages[0]], [3, byHand.id]);
  await refused(404, () => attempts.resend("shop", "msg_nowhere", "failing"));
}

/** What an endpoint was sent, and its counts; tasks that send much again; examples. */
async function replaying(svix, receiver) {
  const { messageAttempt: attempts, endpoint: points, message: messages, backgroundTask: tasks } = svix;
  const [sent] = (await attempts.listAttemptedMessages("shop", "failing", { withContent: true })).data;
  same([sent.eventType, sent.payload, sent.status], ["stock.low", { left: 1 }, MessageStatus.Success]);
  const { success, fail, pending, sending, canceled } = await points.getStats("shop", "failing");
  same([success, fail, pending, sending, canceled], [1, 0, 0, 0, 0]);

  same((await messages.precheck("shop", { eventType: "stock.low" })).active, true);
  same((await messages.precheck("shop", { eventType: "stock.high" })).active, false);

  receiver.answer("/flaky", 503);
  await points.create("shop", { url: receiver.url("/flaky"), uid: "flaky", [TYPES]: ["stock.low"] });
  const low = [];
  for (const left of [2, 3, 4]) {
    low.push((await messages.create("shop", { eventType: "stock.low", payload: { left } })).id);
  }
  await receiver.at("/flaky", 6);
  await eventually(async () => (await points.getStats("shop", "flaky")).fail === 3);
  const onlyFailed = (options) =>
    attempts.listAttemptedMessages("shop", "flaky", { status: MessageStatus.Fail, ...options });
  same(await bothWays(onlyFailed, (item) => item.id), low.toReversed());
  receiver.answer("/flaky", 204);
  const since = new Date(sent.timestamp.getTime() - 1000);
  const task = await points.recover("shop", "flaky", { since });
  same(task.task, "endpoint.recover");
  same((await finished(svix, task)).data.messagesSent, 3);
  const ids = (requests) => requests.map((request) => request.id).toSorted();
  same(ids((await receiver.at("/flaky", 9)).slice(6)), low.toSorted());
  await eventually(async () => (await points.getStats("shop", "flaky")).success === 3);

  // An endpoint that came later gets what it missed, and then all of it once more.
  await points.create("shop", { url: receiver.url("/late"), uid: "late", [TYPES]: ["stock.low"] });
  const all = [sent.id, ...low].toSorted();
  const missing = await points.replayMissing("shop", "late", { since });
  same(missing.task, "endpoint.replay");
  same((await finished(svix, missing)).data.messagesSent, 4);
  same(ids(await receiver.at("/late", 4)), all);
  await eventually(async () => (await points.getStats("shop", "late")).success === 4);
  const delivered = { since, eventTypes: ["stock.low"], status: MessageStatus.Success };
  const bulk = await points.bulkReplay("shop", "late", delivered);
  same(bulk.task, "endpoint.bulk-replay");
  same((await finished(svix, bulk)).data.messagesSent, 4);
  same(ids((await receiver.at("/late", 8)).slice(4)), all);

  const listed = await bothWays((options) => tasks.list(options), (item) => item.id);
  same(listed.toSorted(), [task.id, missing.id, bulk.id].toSorted());
  const done = await tasks.list({ status: "finished", task: "endpoint.recover" });
  same(done.data.map((item) => item.id), [task.id]);
  await refused(404, () => tasks.get("qtask_nowhere"));

  const example = await points.sendExample("shop", "late", { eventType: "sale.made" });
  const [request] = await receiver.at("/late", 1, (request) => request.id === example.id);
  same([example.eventType, JSON.parse(request.body)], ["sale.made", { total: 12.5 }]);
  new Webhook((await points.getSecret("shop", "late")).key).verify(request.body, request.headers);
}

/** Payloads and responses, removed for good. */
async function removing(svix) {
  const { message: messages, messageAttempt: attempts } = svix;
  const whole = { withContent: true };
  const [first] = (await attempts.listByEndpoint("shop", "flaky", { status: MessageStatus.Fail, ...whole })).data;
  same(first.response, "not now");
  await attempts.expungeContent("shop", first.msgId, first.id);
  assert.notEqual((await attempts.get("shop", first.msgId, first.id)).response, "not now");
  await messages.expungeContent("shop", first.msgId);
  same((await messages.get("shop", first.msgId, whole)).payload, { expired: true });
  await refused(409, () => attempts.resend("shop", first.msgId, "flaky"));
  const [quiet] = (await messages.list("van")).data;
  const task = await messages.expungeAllContents("van");
  same(task.task, "application.purge_content");
  same((await finished(svix, task)).data.messagesPurged, 1);
  same((await messages.get("van", quiet.id, whole)).payload, { expired: true });
}

/** Events pulled instead of pushed; the catalogue taken out and in, and from an OpenAPI document. */
async function pulling(svix) {
  const { poller } = svix.message;
  const sent = (await svix.messageAttempt.listAttemptedMessages("shop", "late")).data.map((item) => item.id).toReversed();
  const ids = [];
  let iterator;
  for (let done = false; !done; ) {
    const page = await poller.poll("shop", "late", { limit: 2, iterator });
    ids.push(...page.data.map((item) => item.id));
    assert(page.iterator !== iterator && ids.length <= sent.length, "the iterator goes in circles");
    ({ done, iterator } = page);
  }
  same(ids, sent);
  const asBooks = async (options) => {
    const { data, ...page } = await poller.consumerPoll("shop", "late", "books", options);
    return { ids: data.map((item) => item.id), ...page };
  };
  same((await asBooks({ limit: 2 })).ids, sent.slice(0, 2));
  const again = await asBooks({ limit: 2 }); // what is not confirmed comes again
  same(again.ids, sent.slice(0, 2));
  same((await asBooks({ limit: 2, iterator: again.iterator })).ids, sent.slice(2, 4));
  const sought = await poller.consumerSeek("shop", "late", "books", { after: new Date(Date.now() + 1000) });
  assert(sought.iterator);
  const end = await asBooks({});
  same([end.ids, end.done], [[], true]);

  const exported = await svix.environment.export();
  same(exported.eventTypes.find((item) => item.name === "sale.made").schemas, SCHEMA);
  justNow(exported.createdAt);
  await svix.environment.import({ eventTypes: [{ name: "sale.sent", description: "Sent" }] });
  same((await svix.eventType.get("sale.sent")).description, "Sent");
  const content = { "application/json": { schema: { type: "object" } } };
  const post = { description: "A sale is gone", requestBody: { content }, responses: { 200: { description: "ok" } } };
  const spec = { openapi: "3.1.0", info: { title: "Shop", version: "1" }, webhooks: { "sale.gone": { post } } };
  for (const dryRun of [true, false]) {
    same((await svix.eventType.importOpenapi({ spec, dryRun })).data.modified, ["sale.gone"]);
    const names = (await svix.eventType.list({ limit: 250 })).data.map((item) => item.name);
    same(names.includes("sale.gone"), !dryRun);
  }
}

/** Operational webhooks: whoever runs the shops hears of endpoints that come and of events that do not arrive. */
async function operational(svix, receiver) {
  const hooks = svix.operationalWebhook.endpoint;
  const kinds = ["endpoint.created", "message.attempt.exhausted"];
  const made = await hooks.create({
    url: receiver.url("/told"), uid: "told", description: "the operator", metadata: { team: "1" }, [TYPES]: kinds,
  });
  matches(made.id, "ep_");
  same([made.url, made.uid, made.description], [receiver.url("/told"), "told", "the operator"]);
  same([made[TYPES].toSorted(), made.metadata, made.disabled], [kinds, { team: "1" }, false]);
  justNow(made.createdAt, made.updatedAt);
  const webhook = new Webhook((await hooks.getSecret("told")).key);
  const told = async (kind) => {
    const [request] = await receiver.at("/told", 1, (request) => JSON.parse(request.body).type === kind);
    webhook.verify(request.body, request.headers);
    return JSON.parse(request.body).data;
  };

  receiver.answer("/sad", 500);
  const sad = await svix.endpoint.create("shop", { url: receiver.url("/sad"), uid: "sad", [TYPES]: ["sale.sad"] });
  const appId = (await svix.application.get("shop")).id;
  const subject = { appId, appUid: "shop", endpointId: sad.id, endpointUid: "sad" };
  same(await told("endpoint.created"), subject);
  const lost = await svix.message.create("shop", { eventType: "sale.sad", eventId: "sad-1", payload: {} });
  const { lastAttempt, ...data } = await told("message.attempt.exhausted");
  same(data, { ...subject, msgId: lost.id, msgEventId: "sad-1" });
  const last = await svix.messageAttempt.get("shop", lost.id, lastAttempt.id);
  same([last.endpointId, last.responseStatusCode, lastAttempt.responseStatusCode], [sad.id, 500, 500]);

  await hooks.create({ url: receiver.url("/told"), uid: "other" });
  const uids = await bothWays((options) => hooks.list(options), (item) => item.uid, 1);
  same(uids.toSorted(), ["other", "told"]);
  const replaced = await hooks[UPSERT]("other", { url: receiver.url("/other"), uid: "other", disabled: true });
  same([replaced.url, replaced.disabled, replaced[TYPES]], [receiver.url("/other"), true, null]);
  await hooks[SET_HEADERS]("other", { headers: { "x-team": "2" } });
  same((await hooks.getHeaders("other")).headers, { "x-team": "2" });
  await hooks.rotateSecret("other", { key: SECRET });
  same((await hooks.getSecret("other")).key, SECRET);
  await hooks.delete("other");
  await refused(404, () => hooks.get("other"));
  same((await hooks.get(made.id)).uid, "told");
}

/** Portal access: a token that reaches one account, and a link that opens the console. */
async function portal(svix, receiver, tally) {
  const auth = svix.authentication;
  const { token, url } = await auth.appPortalAccess("shop", { sessionId: "ana" });
  assert(url.startsWith("http"), url);
  const ana = client(token, tally);
  same((await ana.application.get("shop")).uid, "shop");
  same((await ana.application.list()).data.map((item) => item.uid), ["shop"]);
  holds((await ana.endpoint.list("shop", { limit: 250 })).data.map((item) => item.uid), "first", "late");
  const own = await ana.endpoint.create("shop", { url: receiver.url("/own"), uid: "own", [TYPES]: ["sale.own"] });
  same((await svix.endpoint.get("shop", "own")).id, own.id);
  matches((await ana.endpoint.getSecret("shop", "own")).key, "whsec_");
  same((await ana.message.get("shop", "sale-1")).eventId, "sale-1");
  // Another account is not there for it, and what concerns all of them is not its business.
  await refused(404, () => ana.endpoint.list("van"));
  await refused(403, () => ana.message.create("shop", { eventType: "sale.own", payload: {} }));
  await refused(403, () => ana.application.create({ name: "Mine" }));
  await refused(403, () => ana.eventType.create({ name: "sale.own", description: "mine" }));

  const readOnly = await auth.appPortalAccess("shop", { readOnly: true, sessionId: "budi" });
  const budi = client(readOnly.token, tally);
  same((await budi.endpoint.get("shop", "own")).id, own.id);
  await refused(403, () => budi.endpoint.delete("shop", "own"));
  await refused(403, () => budi.endpoint.getSecret("shop", "own"));
  await budi.authentication.logout();
  await refused(401, () => budi.endpoint.list("shop"));
  await auth.expireAll("shop", { sessionIds: ["budi"] });
  same((await ana.application.get("shop")).uid, "shop");
  await auth.expireAll("shop", {});
  await refused(401, () => ana.application.get("shop"));
  await svix.endpoint.delete("shop", "own");
}

/** The background task when it is over. */
async function finished(svix, task) {
  matches(task.id, "qtask_");
  justNow(task.updatedAt);
  const found = await eventually(async () => {
    const found = await svix.backgroundTask.get(task.id);
    return found.status !== "running" && found;
  });
  same([found.id, found.task, found.status], [task.id, task.task, "finished"]);
  return found;
}

/** A stranger, and whoever asks for what is not there, hear it in the SDK's own exceptions. */
async function errors(svix, _, tally) {
  await svix.health.get();
  const stranger = client("rk_nobodyNobodyNobodyNobodyNobodyNobody0", tally);
  await refused(401, () => stranger.application.list());
  await refused(404, () => svix.endpoint.get("nowhere", "first"));
  await refused(404, () => svix.message.get("shop", "nowhere"));
  // What there is not says so. The SDK asks three times, as it does after every 5xx.
  await refused(501, () => svix.integration.list("shop"));
  await misfit("query.limit", () => svix.application.list({ limit: 100_000 }));
  await misfit("body.uid", () => svix.application.create({ name: "Bad", uid: "not a uid!" }));
}

await main();
