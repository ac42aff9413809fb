# Developer → Logs: searching, live, resending.
search-label = Search the log
search-wrong = This search cannot be read.
search-terms = Parts of the search
search-drop = Without { $term }
search-drop-short = leave out
search-help = How to search
search-help-status = Where the delivery stands: delivered, failed, retrying, recovered, interrupted. Also error for all that did not deliver. A comma means or.
search-help-code = The answer's status; none where there was no answer. Also code:>=500 and code:500..503.
search-help-event = The event type; a star ends a beginning, a hyphen in front turns it around.
search-help-url = By name, id, address or host.
search-help-try = The number of the try, and how long it took.
search-help-time = Counted back from now, or a time. Without a zone it is UTC.
search-help-id = Of an event, an attempt, or the publisher's own; also a beginning.
search-help-data = A field of the payload. Numbers compare exactly. Looked at last, and only where payloads are kept.
search-help-test = Events sent from Test Webhook.
logs-stopped = Nothing found so far
logs-searched = { $count ->
    [one] { $n } attempt searched
   *[other] { $n } attempts searched
}
logs-searched-of = { $searched } of about { $of } attempts searched, then stopped at the limit of one search. A shorter time finds more.
logs-continue = Continue
resend-all = Resend all found…
live-on = Live
live-off = Paused
live-lost = Connection lost { $secs } s ago, reconnecting
live-new = { $count } new
resend-title = Resend all found
resend-lead = Every delivery whose newest attempt is found is sent once more, page after page, at a pace. Nothing is sent before you say so.
resend-count = Count
resend-none = Nothing to resend
resend-none-why = No delivery's newest attempt is found by this search.
resend-back = Back to the log
resend-at-least = At least { $n } deliveries
resend-deliveries = { $count ->
    [one] { $n } delivery
   *[other] { $n } deliveries
}
resend-minutes = { $count ->
    [0] Done in a moment.
    [one] Done within a minute.
   *[other] About { $n } minutes.
}
resend-delivered = { $count ->
    [one] { $n } of them was delivered already.
   *[other] { $n } of them were delivered already.
}
resend-ids = Events keep their id, so a receiver that looks for repeats ignores what it has.
resend-paused = { $count ->
    [one] { $n } delivery to a paused URL is passed over.
   *[other] { $n } deliveries to paused URLs are passed over.
}
resend-column = Deliveries
resend-more-urls = and { $n } more URLs
resend-rate = At most
resend-per-second = { $n } a second
resend-begin = Resend now
task-recover = Recover failed
task-replay_missing = Replay missing
task-bulk_replay = Replay
task-resend_found = Resend all found
task-expunge = Remove payloads
task-running = Running
task-finished = Finished
task-failed = Failed
task-cancelled = Cancelled
task-progress = Progress
task-done = Done
task-done-of = { $done } of { $expected }
task-passed-over = Passed over
task-passed-over-why = The payload is gone, it is on its way already, or its URL is paused.
task-search = Search
task-began = Began
task-updated = Last step
task-cancel = Cancel
task-cancel-why = What was brought back until then is sent.
views = Views of the log
view-failing = Failing now
view-slow = Slow
view-test = Last test events
