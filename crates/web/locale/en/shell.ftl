# The frame of every page.
skip = Skip to content
menu = Menu
menu-open = Open the menu
menu-operator = Operator
close = Close
me = You
save = Save
find = Find
clear = Clear
cancel = Cancel
optional = (optional)
made = Made
no-match = Nothing matches “{ $what }”.
faults = That cannot be done yet:
group-developer = Developer
group-test = Test Webhook
item-overview = Overview
item-urls = URL
item-logs = Logs
item-configuration = Webhook Configuration
item-catalog = Event Catalog
item-keys = API keys
item-reference = API reference
item-send = Send event
item-catcher = Catcher
item-verify = Verify signature
item-audit = Audit
recording = Recording
recording-full-until = Recording all until { $time }
mode-full = Full
mode-error = Errors
mode-none = None
unit-s = s
unit-min = min
unit-h = h
unit-d = d
ago-now = just now
ago-s = { $count } s ago
ago-min = { $count } min ago
ago-h = { $count } h ago
ago-d = { $count ->
    [one] 1 day ago
   *[other] { $count } days ago
 }
done-saved = Saved.
