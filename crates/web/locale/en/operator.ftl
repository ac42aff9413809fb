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
op-nodes = Nodes
op-nodes-lead = Which processes do the work. Each account falls into one of 64 shards, and each shard is one node’s.
op-nodes-single = A single process on files of its own: it does the work of all accounts.
op-node = Node
op-node-single = This process
op-node-this = this one
op-node-state = State
op-node-heard = alive
op-node-quiet = quiet
op-node-gone = gone
op-node-last = Last heard of
op-node-up = Up
op-node-schema = Schema
op-node-commits = Commits
op-nodes-versions = Versions { $versions } are at work: an upgrade is under way.
op-shards = Shards
op-shards-why = Which node has each shard, by its letter in the table. A shard that is nobody’s (–) waits: events of its accounts are accepted, and are delivered once a node takes it. The name of a node is in the file node.id of its data folder, and in its log at each start.
op-shard = Shard
op-shard-epoch = Epoch
op-shard-nobody = nobody
op-shard-words = Shard { $shard }: { $node }
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
op-nodes-all = { $count ->
    [one] 1 node, heard of; all 64 shards are its own.
   *[other] { $n } nodes, all heard of; all 64 shards have an owner.
 }
op-nodes-some = { $count ->
    [one] 1 node is heard of, and all 64 shards are its own.
   *[other] { $n } nodes are heard of, and all 64 shards have an owner.
 }
op-nodes-moving = { $count ->
    [one] 1 node is heard of; { $other } of 64 shards are on their way.
   *[other] { $n } nodes are heard of; { $other } of 64 shards are on their way from one to another.
 }
op-nodes-quiet = { $count ->
    [one] 1 node is quiet, { $other } heard of; all 64 shards have an owner still.
   *[other] { $n } nodes are quiet, { $other } heard of; all 64 shards have an owner still.
 }
op-nodes-waiting = { $count ->
    [one] 1 of 64 shards has no node: what is due for its accounts waits.
   *[other] { $n } of 64 shards have no node: what is due for their accounts waits.
 }
op-nodes-is-quiet = { $count ->
    [one] Node { $node } was not heard of for { $span }; after { $lease } others take its shard.
   *[other] Node { $node } was not heard of for { $span }; after { $lease } others take its { $n } shards.
 }
op-nodes-is-lost = { $count ->
    [one] Node { $node } was not heard of for { $span }; a shard that it had waits for another one.
   *[other] Node { $node } was not heard of for { $span }; { $n } shards that it had wait for another one.
 }
op-nodes-gone = { $count ->
    [one] 1 node is gone, stopped or lost: others have what it had. It is listed for a day.
   *[other] { $n } nodes are gone, stopped or lost: others have what they had. They are listed for a day.
 }
