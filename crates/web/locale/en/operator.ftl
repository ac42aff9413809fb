# The operator's pages.
op-fleet = Fleet health
op-fleet-lead = The whole server, all environments. Figures are of the last minutes.
op-queues = Queues
op-queues-lead = What waits for each URL, and how its breaker stands.
op-accounts = Load by account
op-accounts-lead = All environments; attempts of the last hour.
op-problems = Problems
op-problems-lead = What failed in the last hour, by host and cause.
op-system = System
op-in = Events in, per second
op-out = Delivered, per second
op-failed = Failed, per second
op-waiting = Waiting
op-oldest = Oldest waiting
op-drain = Drains in
op-drain-empty = nothing waits
op-drain-never = it grows
op-first-p50 = First attempt, p50
op-first-p99 = First attempt, p99
op-failing = URLs failing
op-store = Store
op-disk = Disk left
op-disk-of = { $free } of { $whole }
op-hour = Attempts in the last hour
op-hour-sentence = Attempts in the last hour, minute by minute: { $delivered } delivered, { $failed } failed.
op-waiting-line = Waiting in the last hour
op-waiting-sentence = Deliveries waiting over the last hour: { $last } now, { $most } at most.
op-due = Next hour of retries
op-due-sentence = Retries due within the next hour: { $n }.
op-at-least = at least { $n }
op-nothing = Nothing waits
op-nothing-why = Every delivery has reached its receiver, or has ended.
op-no-problems = Nothing failed in the last hour
op-no-problems-why = Failures appear here by the host that was called and the cause.
op-host = Host
op-cause = Cause
op-first-seen = First seen
op-last-seen = Last seen
op-side-nobody = nobody’s
op-side-receiver = the receiver’s side
op-side-settings = the URL’s settings
op-side-us = our side
op-breaker = Breaker
op-breaker-closed = closed
op-breaker-open = open: left alone
op-breaker-half_open = trying one
op-breaker-ramping = coming back
op-under-way = Under way
op-quiet = nothing sent
op-uptime = up { $span }
op-version = Version
op-started = Started
op-data-dir = Data folder
op-backup = Backup
op-backup-now = Back up now
op-backup-dir = Goes into
op-backup-last = Last one
op-backup-none = none since the start
op-backup-why = Copies everything, the key that seals secrets included, while deliveries go on. Put all of it into an empty data folder to start from it.
op-backup-unset = No folder for backups is configured. Set store.backup_dir and restart.
op-bundle = Support bundle
op-bundle-why = The support bundle is text for whoever helps you: figures, hosts, ids and the configuration. No secret, payload or path of a URL is in it.
op-configuration = Configuration
op-key = Key
op-value = Value
op-origin = Set in
done-backup = The backup is made.
op-urls = { $count ->
    [one] 1 URL
   *[other] { $n } URLs
 }
op-failing-urls = { $count ->
    [one] 1 URL failing
   *[other] { $n } URLs failing
 }
op-lanes = { $count ->
    [one] 1 lane has work
   *[other] { $n } lanes have work
 }
op-calling = { $count ->
    [one] 1 attempt under way
   *[other] { $n } attempts under way
 }
op-events = { $count ->
    [one] 1 event
   *[other] { $n } events
 }
op-set = { $count ->
    [one] 1 value was set
   *[other] { $n } values were set
 }
op-left-out = { $count ->
    [one] One more URL with failures was not looked into.
   *[other] { $n } more URLs with failures were not looked into.
 }
op-unlogged = { $count ->
    [one] Of one URL with failures the log keeps none, so its cause is not known here.
   *[other] Of { $n } URLs with failures the log keeps none, so their causes are not known here.
 }
