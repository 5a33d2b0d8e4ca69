title = Stillopen headquarters
brand = Stillopen
brand-sub = Headquarters
nav-today = Today
nav-orders = Orders
nav-stores = Stores
nav-kiosks = Kiosks
nav-care = Needs care
sign-in = Sign in
sign-in-lead = Orders of every store, as they arrive.
name = Name
password = Password
sign-out = Sign out
wrong = Name or password is wrong.
wait = Too many tries. Wait { $seconds } s and try again.
nobody = Nobody can sign in yet. Add a user on the server:
role-admin = Administrator
role-editor = Editor
role-viewer = Viewer
all-days = All days
updated = updated
day-before = The day before
day-after = The day after
gross = Gross sales
gross-sub = of which { $tax } tax
orders = Orders
orders-sub = { $voided ->
    [0] none voided
   *[other] { $voided } voided
}
average = Average order
average-sub = { $stores ->
    [one] one store selling
   *[other] { $stores } stores selling
}
reachable = Kiosks reachable
reachable-all = all orders have arrived
reachable-sub = { $depth ->
    [one] one event still on its way
   *[other] { $depth } events still on their way
}
per-hour = Orders per hour
per-hour-sub = by the time they were placed, { $zone }
per-hour-none = No order on this day.
arriving = Orders arriving
arriving-sub = the newest first, of all days
col-order = Order
col-time = Placed
col-from = From
col-items = Items
col-total = Total
col-status = Status
none-yet = No order has arrived yet. They show up here by themselves.
stores = Stores
stores-none = No sales on this day.
store-orders = { $orders ->
    [one] one order
   *[other] { $orders } orders
}
kiosks = Kiosks
kiosks-none = No kiosk is enrolled. Enrol one on the server:
never = never seen
now = now
ago-s = { $n } s ago
ago-m = { $n } min ago
ago-h = { $n } h ago
ago-d = { $n ->
    [one] yesterday
   *[other] { $n } days ago
}
unsent = { $n } to come
link-online = Online
link-offline = Offline
link-catching_up = Catching up
link-revoked = Revoked
link-forked = Fenced
care = Needs care
care-none = Nothing needs care.
care-none-sub = Every event received could be applied.
care-quarantine = { $n ->
    [one] One event in quarantine
   *[other] { $n } events in quarantine
}
care-quarantine-sub = kept as they came, not in the sums
care-parked = { $n ->
    [one] One event waits for an earlier one
   *[other] { $n } events wait for earlier ones
}
care-parked-sub = applied by themselves when it arrives
care-offline = { $n ->
    [one] One kiosk is offline
   *[other] { $n } kiosks are offline
}
care-offline-sub = selling goes on, orders arrive later
care-expired = { $n ->
    [one] The credential of one kiosk has expired
   *[other] The credentials of { $n } kiosks have expired
}
care-expired-sub = they sync all the same; give them a new key with kiosk rotate-key
care-lost = { $n ->
    [one] One event was lost when the ledger went back in time
   *[other] { $n } events were lost when the ledger went back in time
}
care-lost-sub = no kiosk holds them any more; import an export or a backup that does
care-forked = { $n ->
    [one] One kiosk was rolled back or cloned
   *[other] { $n } kiosks were rolled back or cloned
}
care-forked-sub = its history differs from what was received
reason-undecodable = can't be read
reason-schema_unsupported = written by a newer version
reason-unknown_type = of an unknown type
reason-malformed = contradicts itself
reason-revoked = from a revoked kiosk
reason-equivocation = contradicts a stored event
reason-unlinked = doesn't follow from its history
reason-illegal = forbidden by its order's history
reason-defect = could not be processed
status-placed = New
status-preparing = Preparing
status-ready = Ready
status-collected = Collected
status-voided = Voided
pay-due = to pay
pay-pending = pending
pay-paid = paid
pay-failed = failed
pay-refunded = refunded
method-counter = Counter
method-card = Card
method-qr = QR
flag-parked = waits for events
flag-conflict = conflict
stale = Connection lost. These figures are from { $time } and may be old.
live = Live
language = Language
nav-control = Switches
control-lead = What kiosks are told, for whom, and who said so.
control-switches = Switches in force
control-switches-none = No switch is turned. Kiosks decide by themselves.
control-rules = Rules before remote calls
control-rules-none = Nothing is set. Kiosks go by their own rules.
control-groups = Groups
control-broker = Broker
control-broker-own = as credentials say
control-nothing = taken away
control-turn = Turn a switch
control-which = Switch
control-state = To
control-set = Set rules
control-dry-run = Tried beside the rules in force: any key that says when calls stop. Nothing is stopped by it; kiosks tell what it would have stopped.
control-set-text = One key a line. What is set here replaces what was set for the same kiosks before; a narrower choice of kiosks holds over a wider one, key by key.
control-keys = Every key and what can stand under it
control-do = Tell kiosks
control-undo = Take away
control-undo-text = Kiosks are told at once, and go by what else is set for them, or by themselves.
control-cancel = Cancel
control-record = Who changed what
control-record-sub = the newest first
control-record-none = Nothing was ever changed.
record-at = When
record-who = Who
record-what = What
record-whom = For whom
record-why = Why
state-on = on
state-off = off
state-auto = taken away
scope-all = all kiosks
scope-percent = { $percent } % of kiosks
scope-group = group { $group }
scope-kiosk = kiosk { $kiosk }
scope-store = store { $store }
scope-unknown = others
whom-group = a group
whom-kiosk = one kiosk
whom-percent = a share of kiosks
whom-name = Name (store/kiosk), or per cent
calls-ordering = Orders to headquarters
calls-menu = Menu updates
switch-force_l0 = Hold at L0: everything
switch-force_l1 = Hold at L1: without extras
switch-force_l2 = Hold at L2: local data only
switch-force_l3 = Hold at L3: the bare order
switch-menu_updates = Menu updates
switch-ordering_cloud = Orders to headquarters
switch-recommendations = Recommendations
