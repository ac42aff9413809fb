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
