# One delivery, and why events go where they go.
delivery-why = Why
delivery-why-all = { $count ->
    [one] It went to this URL alone. How every URL of the account stands to this event
   *[other] It went to { $n } URLs. How every URL of the account stands to this event
 }
delivery-matched = { $count ->
    [one] 1 URL asked for it
   *[other] { $n } URLs asked for it
 }
delivery-pause = pause { $span }
ladder-made = Attempts after the event was accepted: { $times }.
ladder-planned = Planned: { $times }.
try-if = if those before it fail
try-more = { $count ->
    [one] and one more after that
   *[other] and { $n } more after that
 }
step-resolve = DNS
step-connect = Connect
step-tls = TLS
step-first_byte = First byte
step-rest = Rest
steps-of-time = Where the time went
side-nobody = Nobody is to blame.
side-receiver = The cause is on your server’s side.
side-settings = The cause is in what this URL is set to.
side-us = The cause is on our side.
resend-same-id = Resend makes one more attempt under the same id, so a receiver that takes each event once ignores what it has already.
resend-or-new = To have it acted on again, send it as a new event.
send-as-new = Send as new event
payload-cut = the first 64 KiB of { $size } are shown
compare = Compare answers
compare-this = { $attempt } beside
compare-only = Only differences
compare-all = Show all of it
compare-do = Compare
compare-alike = Both answers are the same.
compare-cut = Not all of both is kept or compared
compare-gap = { $count ->
    [one] 1 line alike
   *[other] { $n } lines alike
 }
command = Copy as
command-why = Signed anew when it runs, with the secret in WEBHOOK_SECRET (under Security of the URL): none is in this text. Extra headers and authorisation of the URL are left out.
command-file = Download the payload as { $file } first.
event-not-sent = Not sent
event-removed = { $count ->
    [one] It also went to a URL that was removed since.
   *[other] It also went to { $n } URLs that were removed since.
 }
why-by-all = This URL asks for every event.
why-by-name = This URL asks for { $type } by name.
why-by-family = This URL asks for the whole family “{ $family }”.
why-by-then = The URL asked for it when it was accepted; it would not now.
why-and-channel = One of its channels was on the event: { $channels }.
why-and-filter = Its condition held: { $filter }
why-but-paused = But it was paused, so nothing was sent.
why-changed = The URL or the event type was changed since; this is how it stands now.
why-made-later = The URL was made after this event was accepted.
why-type = It does not ask for { $type }, nor for its family.
why-channel = It asks only for these channels, and the event has none of them: { $channels }.
why-filter = This part of its condition does not hold: { $clause } (nothing stands there).
why-filter-found = This part of its condition does not hold: { $clause } (the event has { $found }).
why-payload-gone = Its condition decided, and the payload it looked at is not kept.
why-would-match = It did not ask for it then; as things stand now, it would get it.
