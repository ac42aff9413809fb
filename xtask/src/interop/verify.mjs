// Verifies recorded deliveries with `standardwebhooks` from npm, and sees changed ones refused.
//
// Reads JSON lines on standard input: secret, id, timestamp, signature, body, and in `changed` what to put in their
// place. The argument says how many lines there are.

import { readFileSync } from "node:fs";

import { Webhook, WebhookVerificationError } from "standardwebhooks";

function verifies({ secret, id, timestamp, signature, body }) {
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  try {
    new Webhook(secret).verify(Buffer.from(body), headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

let [valid, refused, wrong] = [0, 0, 0];
for (const line of readFileSync(0, "utf8").trimEnd().split("\n")) {
  const record = JSON.parse(line);
  if (verifies(record)) valid += 1;
  else wrong += 1;
  for (const changed of record.changed) {
    if (verifies({ ...record, ...changed })) wrong += 1;
    else refused += 1;
  }
}
const { version } = JSON.parse(readFileSync(new URL("node_modules/standardwebhooks/package.json", import.meta.url)));
console.log(`npm standardwebhooks ${version}: ${valid} valid, ${refused} changed ones refused, ${wrong} wrong verdicts`);
const expected = Number(process.argv[2]);
process.exitCode = valid === expected && refused === 5 * expected && wrong === 0 ? 0 : 1;
