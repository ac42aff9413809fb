import { createHmac, timingSafeEqual } from "node:crypto";

// `headers` in lower case; `body` as the bytes or text received, before any parsing.
export function verify(secret, headers, body) {
  const id = headers["webhook-id"], at = headers["webhook-timestamp"];
  if (Math.abs(Date.now() / 1000 - Number(at)) > 300) throw new Error("too old");
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest();
  const valid = headers["webhook-signature"].split(" ").some((item) => {
    const [version, signature] = item.split(",");
    const given = Buffer.from(signature ?? "", "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!valid) throw new Error("wrong signature");
}
