# English. Keys that begin with "live-" are said by the page's script.

language-name = English

# ¤ stands for the currency's symbol, # for the digits.
money-pattern = ¤#
money-decimal = .
money-group = ,
extra = +{ $price }

# First screens
attract-lede = Order here, pay at the counter
start = Touch to order
service-question = Where will you eat?
eat-in = Eat in
eat-in-hint = At a table in the restaurant
take-away = Take away
take-away-hint = Packed to go
back = Back
change = Change
language = Language
no-script = This screen needs JavaScript. Please order at the counter.

# Menu
menu = Menu
categories = Categories
calories = { $count } Cal
sold-out = Sold out today
left =
    { $count ->
        [one] Last one
       *[other] { $count } left
    }
allergen-wheat = Wheat
allergen-egg = Egg
allergen-milk = Milk
allergen-soy = Soy
allergen-peanut = Peanut
allergen-tree-nut = Tree nuts
allergen-sesame = Sesame
allergen-fish = Fish
allergen-shellfish = Shellfish
allergen-mollusc = Mollusks
allergen-celery = Celery
allergen-mustard = Mustard
allergen-sulphite = Sulfites

# Finding, and what somebody does not eat
search = Search
search-letters = Letters
search-space = Space
diet-open = Diet & allergens
diet-title = Diet and allergens
diet-hint = The menu then shows what fits.
diet-suits = Only what is
diet-without = Leave out what contains
diet-all = Show everything
diet-care = From the recipes of this restaurant. Traces are possible in every kitchen: please tell our staff about any allergy.
diet-vegetarian = Vegetarian
diet-vegan = Vegan
diet-halal = Halal
diet-kosher = Kosher
diet-gluten-free = Gluten-free
call-staff = Call staff
spoken = Read aloud
qr-alt = QR code: the address of your receipt
qr-text = Your receipt on your phone
list-separator = { " · " }

# Ribbons
offline-title = Internet is down, ordering still works.
offline-text = Your order goes straight to our kitchen.
lost-title = This screen has lost its connection.
lost-text = Your order is kept here. We are trying again.

# Basket
your-order = Your order
order-empty = Nothing here yet. Tap a dish to begin.
total = Total
total-inclusive = Total, tax included
total-before-tax = Total before tax
tip = Tip
tips = Tips
to-pay = To pay
order-contains = Your order contains:
offer-title = Goes well with it
offer-add = Add
offer-no = No, thank you
coupon-label = Coupon code
coupon-use = Use it
tip-title = Would you like to add a tip?
tip-none = No tip
tip-other = Another amount
upgrade = Make it a { $combo }
review = Review order
tools = Help with this screen
start-over = Start over
larger-text = Larger text
high-contrast = High contrast
lower-screen = Lower screen
lowered-title = The screen is lowered
lowered-text = Everything is within reach now. Tap “Lower screen” again to undo.

# A dish
close = Close
contains = Contains
no-allergens = No declared allergens. Please tell our staff about any allergy.
choose-one = Choose one
choose-one-optional = Choose one, if you like
choose-exactly =
    { $count ->
       *[other] Choose { $count }
    }
choose-up-to =
    { $count ->
       *[other] Up to { $count }, if you like
    }
choose-between = Choose { $min } to { $max }
one-less = One less: { $name }
one-more = One more: { $name }
note-label = A note for the kitchen
note-hint = For allergies, please speak to our staff as well
how-many = How many
add-to-order = Add to order

# Your order
add-more = Add more dishes
edit = Change
remove = Remove
table-title = Table number
table-hint = Leave it empty if you have no table yet.
delete-digit = Delete the last digit
subtotal = Net
tax-included = Tax, included
tax-added = Tax
place-order = Place order
pay-at-counter = Pay at the counter
pay-by-card = Pay by card here
cancel-card = Cancel card payment
sending-title = Sending your order to the kitchen…

stop-sending = Stop trying

# Idle
idle-title = Are you still there?
idle-text = Your order will be cleared soon, to keep it private.
idle-stay = I’m still here

# After the order
done-title = Thank you, we have your order
done-number = Your number
path-label = Where your order is
path-saved = Saved in this restaurant
path-sent = Sent to head office
path-confirmed = Confirmed
finish = Done

# About
about-title = About this screen
about-what = Software for ordering in a restaurant that goes on working when the internet does not.
about-shop = This restaurant
about-restaurant = Name
about-menu = Version of the menu
about-licence = Licence
about-licence-text = Stillopen is free software under the MIT licence or the Apache licence 2.0, as you choose.
about-art = Pictures
about-art-text = The pictures of dishes are from Twemoji and used under the Creative Commons Attribution licence 4.0. The lantern and the small signs on buttons are our own.
about-letters-text = Letters on paper, where this machine has no Chinese font of its own, are those of GNU Unifont.
about-back = Back to the menu

# Said by the script
live-add = Add: { $item }
live-added = Added: { $item }
live-without = Without { $what }
live-warn-holds = Contains { $what }, which you leave out.
live-warn-suits = Not known to be: { $what }.
live-diet-count = { $count } of { $all } dishes fit
live-diet-shown-all = Show the menu
live-search-hint = Type a few letters of a dish.
live-found =
    .one = { $count } dish found
    .other = { $count } dishes found
live-help-called = We have told our staff. Somebody will come to you.
live-help-coming = Somebody is coming to you now.
live-help-end = No longer needed
live-help-no = Our staff could not be called from here. Please ask at the counter.
live-voice-on = chosen
live-voice-total = Total { $total }
live-voice-hello = What you touch is read aloud.
live-items =
    .one = { $count } item
    .other = { $count } items
live-left =
    .one = Last one
    .other = { $count } left
live-only-left =
    .one = Only one of { $item } is left.
    .other = Only { $count } of { $item } are left.
live-sold-out = Sold out today
live-none-left = Sorry, { $item } has just sold out. It stays in your order until you remove it.
live-gone = { $item } is not on the menu any more. Please remove it.
live-option-gone = This choice is not on the menu any more. Please change it.
live-line-full = At most { $count } of one dish in an order.
live-basket-full = An order holds up to { $count } different dishes.
live-update = Save changes
live-choose-more =
    .one = Please choose { $count } more.
    .other = Please choose { $count } more.
live-eat-in = Eat in
live-take-away = Take away
live-note = Note: { $note }
live-quantity = { $item }: { $count }
live-total-with-tax = Total with tax
live-bag = Your order, { $count }, { $total }
live-lost-now = This screen has lost its connection. Your order is kept here; please try again in a moment.
live-menu-changed = The menu has just changed. We checked your order and its prices again.
live-over-title = Start over?
live-over-text = This clears your order and your settings on this screen.
live-over-yes = Clear everything
live-keep = Keep my order
live-ok = OK
live-look = Look at my order
live-keep-rest = Keep the rest
live-not-now = { $item } is not served at this time. Please remove it.
live-away-text = Something in your order is served at other times only. We marked it for you; the rest is kept. Nothing has been ordered yet.
live-coupon-yes = The code is in use.
live-coupon-no = This code gives nothing off this order right now. Please check it.
live-tip = Tip
live-price-title = The price has changed
live-price-text = Nothing has been ordered yet. Do you want to order at the new price?
live-price-old = You saw
live-price-new = Now
live-price-yes = Order for { $total }
live-sold-title = Something has just sold out
live-sold-text = { $items }. The rest of your order is kept. Nothing has been ordered yet.
live-sold-left =
    .one = { $item }: only { $count } left
    .other = { $item }: only { $count } left
live-sold-none = { $item }: sold out
live-changed-title = The menu has just changed
live-changed-text = Something in your order is no longer on the menu. We marked it for you. Nothing has been ordered yet.
live-closed-title = We are closed at the moment
live-closed-text = Orders can’t be taken right now. Your order is kept on this screen. Please ask our staff.
live-busy = Many people are ordering right now. We try again by ourselves in { $seconds } s.
live-again = We could not save your order yet and are trying again. You won’t be charged twice. If this takes long, please tell our staff.
live-pay-title = Payment at the counter is not possible now
live-pay-text = Nothing has been ordered. Please ask our staff.
live-pay-counter = Please pay at the counter
live-pay-card = Please follow the card terminal
live-pay-done = Paid by card. Thank you!
live-pay-failed = Your card was not charged. Please pay at the counter
live-pay-ask = Please ask about your payment at the counter
live-busy-card-title = The card terminal is busy
live-busy-card-text = Somebody is paying at it. Nothing has been ordered: please try again in a moment, or pay at the counter.
live-cancelling = The card terminal is told to stop
live-cancel-failed = The kiosk did not answer. Please use the cancel key of the card terminal
live-card-title = Cards are not taken right now
live-card-text = Nothing has been ordered. You can pay at the counter instead.
live-scan-coupon = Coupon { $code } is read
live-scan-unknown = This code is not known here
live-refused-title = This order could not be taken
live-refused-text = Nothing has been ordered. Please look at your order once more or ask our staff.
live-unsure-title = We don’t know yet whether it was saved
live-unsure-text = Please ask our staff before you order again. If you send the same order once more, it is taken only once.
live-truth-saved = The kitchen has it. Head office hears of it in a moment.
live-truth-alone = The kitchen has it. You are all set.
live-truth-offline = The kitchen has it. Head office hears of it when the internet is back; there is nothing for you to do.
live-truth-sent = The kitchen has it. Head office is writing it down.
live-truth-confirmed = The kitchen has it, and head office has confirmed it.
live-truth-unknown = The kitchen has it.
live-finish = Done ({ $seconds })
live-due-table = Table { $table }

# Staff, all screens
screen-kitchen = Kitchen
screen-board = Pickup board
screen-manager = Manager
staff-no-script = This screen needs JavaScript.
staff-no-answer = The kiosk did not answer. Nothing is lost; please try again.
staff-refused = That did not work: { $why }
staff-moved-on = That order has moved on meanwhile.
staff-done = Done
help-from = A diner at “{ $terminal }” asks for help
help-somewhere = A diner asks for help
help-answer = I’m coming
help-answered = The diner knows that you are coming.
staff-table = Table { $table }
span-seconds = { $count } s
span-minutes = { $count } min
span-hours = { $hours } h { $minutes } min
span-days =
    { $count ->
        [one] 1 day
       *[other] { $count } days
    }
date-long = { $weekday }, { $month } { $day }
weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
status-placed = New
status-preparing = Preparing
status-ready = Ready
status-collected = Collected
status-voided = Voided
station-noodle = Noodles
station-wok = Wok
station-steam = Steam
station-fry = Fry
station-grill = Grill
station-drinks = Drinks
station-dessert = Dessert
station-cold = Cold

# Signing in
pin-title = Sign in
pin-kitchen = Enter the kitchen’s or the manager’s PIN
pin-manager = Enter the manager’s PIN
pin-label = PIN
pin-pad = Digits
pin-enter = Sign in
pin-wrong = That PIN is not right.
pin-role = You are signed in for the kitchen. This screen needs the manager’s PIN.
pin-wait = Too many wrong PINs from this screen. Next try in { $seconds } s.
pin-failed = The kiosk did not answer. Please try again.
pin-digits = A PIN has at least { $digits } digits.
pin-clear-title = Sign in over HTTPS
pin-clear-text = In this network a PIN typed here could be read by others. Staff sign in over HTTPS, or on the kiosk’s own screen.
pin-clear-warning = Your browser may warn of the kiosk’s own certificate the first time. The kiosk’s log names its fingerprint, to compare.
pin-clear-none = This kiosk does not serve HTTPS yet. Start it with an address for it:
pin-first-title = No PIN has been set yet
pin-first-text = Nobody can sign in here until the manager’s PIN is set. It can also be set in a terminal on the kiosk itself, at least 6 digits on standard input, while the kiosk serves:
pin-first-kitchen = A PIN for the kitchen alone, if you want one:
pin-first-waiting = DIR is the kiosk’s data folder. This page goes on by itself once a PIN is set.

# Pickup board
board-preparing = Preparing
board-ready = Ready, please collect
board-none = No orders in the kitchen
board-none-ready = Your number lights up here
board-lost = Not up to date: this board is looking for its kiosk.

# Kitchen. Words that begin an allergy or the name of an allergen in a diner’s note.
allergy-words = allerg, anaphyla, intoleran, coeliac, celiac, epipen
allergen-words = peanut, nut, almond, cashew, walnut, hazelnut, sesame, wheat, gluten, egg, milk, dairy, lactose, soy, fish, shellfish, shrimp, prawn, crab, lobster, mollusc, mollusk, clam, oyster, squid, celery, mustard, sulphite, sulfite, lupin
kitchen-stations = Stations
kitchen-expo = All
kitchen-offline = Internet down, kitchen link OK
kitchen-recall = Recall
kitchen-recall-title = The last 20 finished tickets
kitchen-recall-none = Nothing finished yet.
kitchen-sound = Sound for new tickets
kitchen-overview = Overview
kitchen-pass = At the pass
kitchen-pass-none = Nothing waits to be collected.
kitchen-ready-since = since { $time }
kitchen-collect = Collected
kitchen-all-day = All day
kitchen-oldest = Oldest ticket
kitchen-none = All caught up
kitchen-start = Start
kitchen-ready = Ready
kitchen-mine = My part is done
kitchen-mine-done = My part is done ✓
kitchen-acknowledge = Seen
kitchen-voided-title = VOIDED – do not make
kitchen-allergy = ALLERGY: { $note }
kitchen-lost = This screen has lost its kiosk. What it shows may be old. It is trying again.
kitchen-new = New ticket { $number }
kitchen-voided = { $number } was voided
kitchen-more = { $count } more →

# Manager
manager-standalone = Standalone kiosk
manager-place = { $store } · { $kiosk }
manager-lost = This page has lost its kiosk. What it shows may be old. It is trying again.
manager-cancel = Cancel
manager-count-for = How many of { $name }?
manager-count-text = Screens count down from here and stop selling at zero. It holds for this business day.
manager-count-left = Left to sell
manager-count-save = Save
manager-uncount = Don’t count
manager-reason-missing = Please say why.
manager-closed-now = The day is closed.
manager-opened-now = The day is open.
manager-sold-out-now = { $name } is sold out on every screen.
manager-on-sale-now = { $name } is on sale again.
manager-counted-now = { $name }: saved
nav-today = Today
nav-orders = Orders
nav-stock = Menu & stock
nav-report = Day report
nav-link = Connection
nav-sign-out = Sign out
list-comma = { ", " }
link-standalone = Standalone
link-standalone-text = Everything is kept on this kiosk.
link-standalone-long = This kiosk works on its own: there is no head office to send to. Every order is kept in the journal here, and syncs if the kiosk is enrolled later.
link-online = Online
link-all-sent = Head office has everything.
link-catching-up = Catching up
link-offline = Working offline
link-unsent =
    { $count ->
        [0] Head office has everything.
        [one] One record is kept safely here and goes out by itself.
       *[other] { $count } records are kept safely here and go out by themselves.
    }
link-unsent-since =
    { $count ->
        [one] One record is kept safely here, { $span } old.
       *[other] { $count } records are kept safely here, the oldest for { $span }.
    }
link-journal = Kept on this kiosk
link-journal-text = Every order and every change is a record in the journal, on disk before a number is shown.
link-cloud = Connection to head office
link-identity = This kiosk
link-waiting = Orders that head office has not confirmed
link-none-waiting = Head office has confirmed every order of the day.
fact-link = Connection
fact-written = Records written
fact-unsent = Not confirmed yet
fact-oldest = Oldest of them
fact-free = Free disk
fact-anew = A new journal was begun
journal-anew = { $at }: this disk was rolled back or copied. Every order is kept and is sent again. If a second kiosk runs from a copy of this disk, switch it off and call support: both need new credentials.
fact-lost = Lost at head office
lost-events = Records { $range }: head office went back to an old backup, and they are no longer on this disk. Call support: an export or a backup may still have them.
fact-trouble = No orders can be taken
fact-taking = Takes orders
fact-yes = Yes
fact-clock = Clock
clock-not-set = Not set: times and business day are wrong. Set the clock of this machine, then close the day.
clock-went-on = Was set forward by { $span } while the kiosk ran
clock-went-back = Was set back by { $span } while the kiosk ran
fact-store = Store
fact-kiosk = Kiosk
fact-journal = Journal
fact-version = Software
breaker-ordering = Orders to head office
breaker-payments = Payments
breaker-members = Members
breaker-recommendations = Recommendations
breaker-menu = Menu updates
breaker-notices = Word from head office
link-switches = Switches
link-level = What works
link-switches-text = What you turn here holds over head office, also after a restart. Left to head office, its word counts, then the software.
link-rules = Rules before remote calls
link-rules-text = What is in force now. Head office sets it for its kiosks, or this kiosk’s configuration file does.
level-0 = Everything works
level-1 = Without extras: no recommendations
level-2 = With local data only
level-3 = The bare order, paid at the counter
level-forced = Somebody holds it there.
level-missing = Out of reach: { $name }.
level-switched-off = Switched off: { $name }.
level-tried-again = Tried again now: { $name }.
level-busy = This kiosk is busy ({ $percent } %).
level-recovering = Back at { $level } in { $span } if nothing else happens.
list-and = , {""}
list-or = {" "}or{" "}
cause-consecutive-failures = too many failures in a row
cause-failure-ratio = too many failed calls
cause-slow-call-ratio = too many slow calls
cause-failure-count = too many failures
cause-failure-ratio-of-the-last-calls = too many failures among the last calls
cause-slow-call-ratio-of-the-last-calls = too many slow ones among the last calls
cause-failure-count-of-the-last-calls = too many failures among the last calls
cause-asked-to-wait = head office asked for a pause
cause-probes-failed = a new try failed
cause-by-hand = somebody stopped it
cause-initial-state = not reached since the start
breaker-since = For { $span }: { $causes }.
breaker-rounds =
    { $count ->
        [one] One try since found it no better.
       *[other] { $count } tries since found it no better.
    }
breaker-ramp = Calls come back gradually: { $percent } % pass now, all of them in { $span }.
breaker-dry-run = Dry run
breaker-would-be = Dry run: would be stopped for { $span } now: { $causes }.
breaker-would-have =
    { $count ->
        [0] Dry run: would not have been stopped.
        [one] Dry run: would have been stopped once.
       *[other] Dry run: would have been stopped { $count } times.
    }
breaker-held-by = Held there by: { $who }.
cause-not-tried-since-it-was-let-go = switched on again, not tried yet
link-why-credential_refused = Head office does not accept this kiosk. It has to be enrolled again.
link-why-hello_refused = Head office can’t use what this kiosk says of its journal. Its log tells more.
link-why-forked = Head office knows other events under this journal: its disk was rolled back or copied.
link-why-withdrawn = Head office lost what it had confirmed and does not ask for it again. Its operator has to run cloud-sync new-generation.
link-why-switched_off = Calls to head office are switched off.
link-why-trying = Head office is being tried again.
link-why-asks_to_wait = Head office asks to wait.
link-why-untried = Head office has not been tried yet.
link-why-no_answer = Head office does not answer.
link-why-backlog = What was kept while offline is being sent.
link-why-answers = Head office answers.
link-why-no_credential = This kiosk stands alone.
scope-here = this kiosk
scope-all = all kiosks
scope-percent = { $percent } % of kiosks
scope-group = group { $group }
scope-kiosk = kiosk { $kiosk }
switch-auto = Left to head office
switch-turn-title = { $name }: { $state }
switch-turn-on = On at this kiosk, whatever head office says.
switch-turn-off = Off at this kiosk, whatever head office says.
switch-turn-auto = What you turned goes; head office’s word counts again.
switch-reason-repair = A line is repaired
switch-reason-stocktaking = Stocktaking
switch-reason-slow = Head office answers too slowly
switch-reason-done = It is over
rule-tuned = adjusted
rule-off = Off
rule-from-software = Standard
rule-from-file = Configuration file
rule-from-hq = Head office
rule-mode = Decides
rule-run = Stops after
rule-window = Stops within a time
rule-last = Stops by the last calls
rule-slow = Slow is
rule-wait = Then waits
rule-probes = Tries again with
rule-timeout = Waits for an answer
rule-bulkhead = At a time
rule-limiter = At most
rule-retries = Repeats
rule-ramp = Comes back
rule-dry-run = Tried beside
value-tried = { $label }: { $value }.
mode-auto = By the rules below
mode-metrics_only = Dry run: all calls pass, and what would have stopped them is logged
mode-disabled = Never: all calls pass
mode-forced_open = Held: no call passes
unit-ms = { $n } ms
unit-s = { $n } s
value-run = { $n } failures in a row
value-failed-percent = { $n } % failed
value-slow-percent = { $n } % slow
value-failures = { $n } failures
value-counts-only = only counted
value-window = { $parts }, of at least { $calls } calls within { $span }
value-window-fixed = { $parts }, of at least { $calls } calls, counted anew every { $span }
value-last = { $parts }, of the last { $n } calls, from { $calls } on
value-slow = longer than { $span }
value-wait = { $first }, × { $growth } up to { $most }, { $chance } % of it by chance
value-probe = one call that succeeds, { $span } at most
value-probes = { $probes } calls that all succeed, { $span } at most
value-probes-ratio = { $probes } calls of which fewer than { $n } % fail, { $span } at most
value-probes-successes = { $probes } calls of which { $n } succeed, { $span } at most
value-bulkhead = { $calls } calls ({ $used } now), { $queue } in the queue ({ $waiting } now)
value-limiter = { $calls } calls in { $span }, { $burst } at once ({ $now } free now)
value-retries = { $most } times after { $first } to { $longest }; at most { $percent } % of calls and { $each } a second ({ $now } affordable now)
value-no-retries = Never by itself
value-ramp = { $percent } % of calls at first, all after { $span }
value-no-ramp = All at once
switch-force_l0 = Hold at L0: everything
switch-force_l1 = Hold at L1: without extras
switch-force_l2 = Hold at L2: local data only
switch-force_l3 = Hold at L3: the bare order
switch-menu_updates = Menu updates
switch-ordering_cloud = Orders to head office
switch-recommendations = Recommendations
switch-on = On
switch-off = Off
switch-nobody = Nobody has turned it.
switch-by-manager = the manager
switch-by-hq = head office, { $name }
switch-line = { $state } for { $scope }, by { $who }, { $at }:
switch-else = Otherwise { $state } for { $scope }, by { $who }, { $at }:
breaker-state-closed = Working
breaker-state-open = Paused
breaker-state-half_open = Trying again
breaker-state-forced_open = Switched off
breaker-state-disabled = Not watched
breaker-calls = { $calls } calls lately, { $failures } failed, { $slow } slow.
breaker-retry = Next try in { $span }.
day-none = not opened yet
day-open-since = open since { $time }
day-closed-at = closed at { $time }
day-open = Open the day
day-close = Close the day
day-open-title = Open the business day?
day-open-text = Screens take orders again.
day-close-title = Close the business day?
day-close-text = Screens stop taking orders until the next day starts or you open it again. The Z report follows.
day-unfinished =
    { $count ->
        [one] One order is not finished.
       *[other] { $count } orders are not finished.
    }
day-unpaid =
    { $count ->
        [one] One order is not paid.
       *[other] { $count } orders are not paid.
    }
today-gross = Sales
today-tax-of = { $tax } tax in it
today-orders = Orders
today-services = { $in } eat in · { $away } take away
today-average = Average order
today-dishes =
    { $count ->
        [one] One dish sold
       *[other] { $count } dishes sold
    }
today-due = Still to be paid
today-unpaid =
    { $count ->
        [0] Every order is paid
        [one] One order at the counter
       *[other] { $count } orders at the counter
    }
today-per-hour = Orders per hour
today-queue = Kitchen queue
today-tickets =
    { $count ->
        [0] Nothing on the rail
        [one] One ticket on the rail
       *[other] { $count } tickets on the rail
    }
today-idle = nothing waits
today-oldest = oldest { $span }
today-top = Top dishes
today-all-items = All dishes
today-nothing = Nothing sold yet.
today-live = Live orders
today-all-orders = All orders
today-no-live = Every order is finished.
today-stock = Stock
today-all-stock = All dishes
today-stock-none = Nothing is counted or sold out.
today-details = Details
orders-number = Order
orders-time = Time
orders-from = From
orders-dishes = Dishes
orders-total = Total
orders-status = State
orders-sync = Kept
orders-actions = Actions
orders-open = Order { $number }: details and actions
orders-which = Which orders
orders-all = All of the day
orders-unfinished = In work
orders-unpaid = Not paid
orders-none = No orders here.
orders-more =
    { $count ->
       *[other] { $count } older orders are in the day report.
    }
order-payment = Payment
order-waiting = Waiting for
order-changed = Last change
order-reason = Reason
order-receipt = Show the receipt
order-done = Nothing is left to be done with this order.
order-void-text = Voiding takes the order off the kitchen’s screen. It can’t be undone.
order-refund-text = Refunding notes that the money was given back. It can’t be undone.
reason-diner = The diner changed their mind
reason-mistake = Entered by mistake
reason-kitchen = The kitchen can’t make it
reason-wrong = Something was wrong with it
action-start = Start
action-ready = Ready
action-collect = Collected
action-pay = Payment received
action-cancel-payment = Cancel card payment
action-payment-returned = Money given back
order-unclear = Nobody knows whether this order was paid by card. Look at the card terminal, then say here what was paid.
order-twice = Paid twice: the card was charged { $amount } as well (payment { $reference }). Give it back at the card terminal, then say so here.
order-returned-text = Say how it was given back.
action-void = Void
action-refund = Refund
payment-due = To pay
payment-pending = Payment under way
payment-paid = Paid
payment-failed = Payment failed
payment-refunded = Refunded
method-counter = At the counter
method-card = Card
method-qr = QR code
sync-saved = On this kiosk
sync-sent = On its way
sync-confirmed = Confirmed
stock-hint = Turned off means sold out: every screen shows it at once. Tap a number to count what is left.
stock-off = Sold out
stock-none-left = None left
stock-left =
    { $count ->
       *[other] { $count } left
    }
stock-uncounted = On sale
stock-count = Count what is left of { $name }
stock-sell = Sell { $name }
report-x = X report
report-z = Z report
report-days = Which day
report-before = The day before
report-after = The day after
report-print = Print
report-slip = On the receipt printer
report-made = made { $time }
report-empty = No orders on this day.
report-orders = Orders
report-net = Net
report-tax = Tax
report-gross = Gross
report-count = Count
report-amount = Amount
report-by-rate = Tax by rate
report-at-rate = at { $rate }
report-by-payment = Payments
report-payment = { $method } · { $status }
report-exceptions = Voids and refunds
report-voids = Voided orders
report-refunds = Refunded orders
report-by-hour = By hour
report-by-item = By dish
report-cash = Cash drawer
cash-expected = Should be there
cash-counted = Counted
cash-difference = Difference

# Paper
paper-copy = COPY 副本
paper-void = VOID 作废
paper-taken-back = NOT THIS ONE 不算
paper-taken-back-why = If a ticket with this number came out above, do not cook from it: it went on to another printer as a copy, or waits for the manager.
paper-receipt = Receipt { $number }
paper-ticket = Kitchen ticket { $number }
paper-each = { $price } each
paper-tax-at = Tax { $rate }
paper-pay = Please pay at the counter
paper-reason = Reason: { $reason }
paper-kitchen = Kitchen
paper-thanks = Thank you, enjoy your meal.
paper-trial = Test page
paper-trial-columns = { $count } letters in a line
paper-trial-text = If every line can be read and the code scanned, this printer is set up well.

# The print room.
nav-devices = Printers & devices
devices-title = Devices
devices-none = No devices are configured. Orders are taken all the same; the kitchen’s and the pickup screens show them.
device-kind-printer = Printer
device-kind-drawer = Cash drawer
device-kind-beacon = Beacon
device-kind-buzzer = Buzzer
device-kind-card = Card terminal
device-kind-scanner = Code scanner
device-kind-presence = Presence sensor
device-kind-watchdog = Watchdog
device-confirms-status = Confirms no slips, only that nothing stops it
device-confirms-written = Gives no answers: nobody knows what is on paper
device-state-ready = Ready
device-state-paper_low = Paper is running low
device-state-paper_out = Out of paper
device-state-cover_open = Cover is open
device-state-offline = Switched off or not answering
device-state-error = Has a fault
device-state-missing = Not connected
device-receipts = Receipts
device-other-stations = All other stations
device-fallback = { $name } takes over
device-waiting =
    { $count ->
        [one] { $count } job waits
       *[other] { $count } jobs wait
    }
device-test = Test page
prints-stuck = Waiting for your decision
prints-stuck-text = These were not printed by themselves: they would be too late, or the printer would not take them.
prints-stuck-none = Nothing waits for a decision.
prints-open = On the way to paper
prints-open-text = They are printed as soon as their printer is ready.
prints-open-none = Everything is printed.
prints-printed = Printed
prints-printed-text = The printer has confirmed each of these. Printed again, they are marked as copies.
prints-printed-none = Nothing has been printed yet.
print-kind-receipt = Receipt
print-kind-ticket = Kitchen ticket
print-kind-void_ticket = Void ticket
print-kind-test = Test page
print-kind-report = Report
print-state-queued = Waiting
print-state-sending = Printing
print-state-printed = Printed
print-state-held = Held
print-state-failed = Failed
print-state-cancelled = Discarded
print-why-too_old = waited too long
print-why-day_over = of a day that is over
print-why-no_printer = its printer is no longer configured
print-why-not_taken = the printer did not take it
print-why-interrupted = interrupted; part of it may be on paper
print-why-given_up = tried too often
print-why-unprintable = can’t be put on paper
print-why-voided = the order was voided
print-why-discarded = discarded
print-why-released = asked for again
print-waits = waiting for { $span }
print-copy = copy
print-now = Print now
print-again = Print a copy
print-on = On { $name }
print-discard = Discard
print-discard-text = It will not be printed. Say why, so that nobody has to guess later.
print-reason-screen = Worked from the screen
print-reason-done = Already done
print-reason-mistake = Not needed
done-receipt-waits = Your receipt is waiting. Please ask at the counter; your number above is all you need.

# Staff and PINs
nav-staff = Staff & PINs
role-manager = Manager
role-kitchen = Kitchen
role-manager-may = May do everything
role-kitchen-may = Works on tickets and reprints
staff-add = Add somebody
staff-pins = Who has a PIN
staff-pins-text = A person’s own PIN puts their name on what they do. The PIN of a role is everybody’s who knows it.
staff-since = since { $date }
staff-shared = shared PIN of this role
staff-no-pin = no shared PIN is set
staff-change-pin = Change PIN
staff-set-pin = Set a PIN
staff-to-kitchen = Make kitchen
staff-to-manager = Make manager
staff-to-kitchen-text = They keep their PIN but lose what only managers may do, at once.
staff-to-manager-text = They keep their PIN and may do everything, at once.
staff-revoke = Revoke
staff-revoke-text = The PIN opens nothing any more, and whoever used it is signed out everywhere.
staff-sessions = Signed in now
staff-sessions-text = A session lasts 12 hours, also when the kiosk restarts, and ends at once when its PIN changes.
staff-signed-in = since { $time } ({ $span }), from { $client }
staff-own = This screen
staff-others = Sign everybody else out
staff-others-text = Every screen but this one asks for a PIN again.
staff-name = Name
staff-role = Role
staff-new-pin = New PIN, at least { $digits } digits
staff-again = The same PIN again
staff-pin-note = Whoever is signed in with the old PIN is signed out everywhere, on this screen too if it is yours.
staff-pin-of = New PIN: { $name }
staff-newcomer = Somebody new
staff-differ = The two PINs differ. Please type them again.
pin-first-choose = Choose the manager’s PIN: at least { $digits } digits
pin-first-again = Once more, to be sure
pin-first-label = The manager’s new PIN
pin-first-here = Set the manager’s PIN

# Why a request was refused, by kind and by field
problem-other = the kiosk answered { $status }
problem-at-name = that name is somebody’s already, or too long
problem-at-pin = that PIN can’t be used: choose at least 6 digits that nobody else has
problem-at-reason = please say why, in at most 200 characters
problem-at-lines = these dishes can’t be refunded so; look at what is left
problem-at-amount = please enter an amount
problem-closed = the business day is closed
problem-drawer-unopened = the drawer did not open; look after it or its printer, or use the key
problem-forbidden = this needs the manager’s PIN, over HTTPS or at the kiosk itself
problem-idempotency-key = the request had no key; load this page again
problem-illegal-transition = not possible from here; it has moved on meanwhile
problem-invalid = something entered is not valid
problem-key-reused = this was sent before with other content; load this page again
problem-malformed = the request was garbled; load this page again
problem-menu-changed = the menu has changed
problem-method-not-allowed = this page is older than its kiosk; load it again
problem-not-found = it is not there any more
problem-payment-unavailable = that way of paying is not available now
problem-price-changed = the price has changed
problem-sold-out = less is left than that
problem-staff-last-manager = nobody would be left who can sign in as manager
problem-staff-not-first = the manager has a PIN already; sign in with it
problem-staff-too-many = as many people have PINs as can be; revoke one first
problem-storage = the kiosk’s disk is full or does not answer; try again in a moment
problem-too-large = that is too much at once
problem-too-many-requests = too many wrong PINs from this screen; please wait a little
problem-unauthorized = please sign in again
problem-unavailable = the kiosk can’t do that now; try again in a moment

# What is done with an order
tender-cash = Cash
tender-card = Card
tender-other = Voucher or other
order-tender = What the money came in as
order-given = Given
order-change-due = Change
order-too-little = That is less than what is to be paid.
order-refused = Why not
order-refunds = Given back
order-how-much = How much
order-refund-whole = All of it: { $amount }
order-refund-lines = Some dishes
order-left =
    { $count ->
        [one] one can be given back
       *[other] { $count } can be given back
    }
order-back = To give back
order-choose-lines = Please choose what is given back.
order-unsent =
    { $count ->
        [one] one record not confirmed, { $span } old
       *[other] { $count } records not confirmed, the oldest { $span } old
    }
action-ask = Ask for payment
action-fail = Payment failed
action-owe = Pay at the counter

# The record, and what waits to be sent
nav-records = Record
nav-outbox = Sent & waiting
records-which = Which records
records-all = Everything
records-money = Payments & voids
records-cash = Cash drawer
records-stock = Stock
records-staff = Staff
records-settings = Settings & switches
records-day = Days & clock
records-kitchen = Kitchen
records-text = Who did what and when, as the journal has it: nothing here can be changed or removed. What head office has confirmed goes from this kiosk after two weeks.
records-pages = Pages of the record
records-newest = Newest
records-older = Older
records-when = When
records-what = What
records-who = Who
records-no = No.
records-none = Nothing here.
record-itself = The kiosk itself
record-placed = Order { $name } placed
record-started = Order { $name } started
record-ready = Order { $name } ready
record-collected = Order { $name } collected
record-paid = Order { $name } paid
record-asked = Order { $name }: payment under way
record-failed = Order { $name }: payment failed
record-owed = Order { $name }: to be paid at the counter
record-voided = Order { $name } voided
record-refunded = Order { $name } refunded whole
record-refunded-part = Order { $name } refunded in part
record-on-sale = { $name }: on sale
record-sold-out = { $name }: sold out
record-day-opened = Business day { $name } opened
record-day-closed = Business day { $name } closed
record-cash-float = Float: { $name }
record-cash-in = Put into the drawer: { $name }
record-cash-out = Taken out of the drawer: { $name }
record-cash-count = Drawer counted: { $name }
record-off = { $amount } off
record-clock = The clock of this machine was set by { $name }
record-set = { $name }: { $state }
record-staff-added = { $name } got a PIN
record-staff-pin = PIN set: { $name }
record-staff-role = Another role: { $name }
record-staff-revoked = PIN revoked: { $name }
report-z-no = Z report No. { $z }
setting-as-configured = as configured
outbox-waiting = Records that head office has not confirmed
outbox-text = They are safe on this kiosk’s disk and go out by themselves, the oldest first.
outbox-more =
    { $count ->
        [one] and one more
       *[other] and { $count } more
    }
outbox-written = orders and changes, on this disk
outbox-aside = Put aside by head office
outbox-aside-text =
    { $count ->
        [one] received, but could not be applied
       *[other] received, but could not be applied
    }
outbox-aside-long = Head office has these safely but could not apply them. Its dashboard says why and can try them again; nothing is to be done here.
outbox-pruned = a record that is no longer on this disk

# The cash drawer
tender-qr = QR code
report-by-tender = Money received
report-discounts = Promotions
report-average = Average order
report-open = Orders still open
cash-float = Float at the beginning
cash-taken = Cash from orders
cash-refunded = Cash given back
cash-in = Put in
cash-out = Taken out
cash-right = exactly right
cash-closed = The drawer can be counted while the day is open.
cash-do-count = Count the drawer
cash-do-float = Float
cash-do-in = Put in
cash-do-out = Take out
cash-do-open = Open the drawer
cash-open-text = The drawer opens at once. Say why; the kiosk’s log keeps it.
cash-by-piece = Count notes and coins
cash-count-text = Count what is in the drawer, then compare with what should be there.

# Today's charts and the menu as diners see it
today-takings = Takings per hour
today-mix = Money received
today-mix-none = Nothing has been received yet.
nav-preview = Menu preview
preview-languages = The diner’s language
preview-times = Time of day
preview-now = Now
preview-none = At other times
preview-text = The menu in force as diners see it, in their language.
preview-away =
    { $count ->
        [one] One dish is served at other times only.
       *[other] { $count } dishes are served at other times only.
    }

# The settings page.
nav-settings = Settings
settings-here = How this store works
settings-here-text = In force at once, on every screen, and after a restart. Each change is on the record.
settings-minutes = { $n } min
settings-unit = min
settings-save = Save
settings-set-by = Set by { $name }, { $date }, { $time }
settings-back = Back to { $value }
settings-this = This kiosk
settings-store = Store
settings-kiosk = Kiosk
settings-version = Version
settings-journal = Journal
settings-zone = Time zone
settings-elsewhere = Switches, printers and PINs are changed on their own pages:
settings-configured = Configured when the kiosk starts
settings-configured-text = These change in the configuration file, or where the kiosk is started, and take a restart.
settings-what = What
settings-value = Value
settings-from = Where it is said
settings-none = none
setting-opens_by_itself = The first order opens the day
setting-opens_by_itself-text = Off: nobody can order before a manager opens the day.
setting-kitchen_care_minutes = A ticket needs care after
setting-kitchen_care_minutes-text = The kitchen shows it in amber from then on.
setting-kitchen_late_minutes = A ticket is late after
setting-kitchen_late_minutes-text = The kitchen shows it in red from then on.
setting-board_ready_minutes = The board shows a ready number for
setting-board_ready_minutes-text = Unless it is collected before.
config-listen = Address of the screens
config-https-listen = Address for HTTPS
config-https-certificate = Certificate for HTTPS
config-public_url = Address for diners’ phones
config-menu = Menu at the start
config-locales = More languages
config-data_dir = Data folder
config-config = Configuration file
config-credential = Credential
config-cloud = Cloud
config-mqtt = Broker
config-day-starts = A business day starts at
config-journal-retention_days = Confirmed records are kept for
config-journal-retention_mib = Confirmed records take at most
config-journal-reserve_mib = Disk space kept free
config-from-command_line = command line or environment
config-from-credential = credential
config-from-file = configuration file
config-from-built_in = built in
config-self-made = self-made by this kiosk
config-sample = built-in sample menu
config-days =
    { $count ->
        [one] one day
       *[other] { $count } days
    }

# Why head office put a record aside.
aside-undecodable = can’t be read
aside-schema_unsupported = written by a newer version
aside-unknown_type = of a kind head office doesn’t know
aside-malformed = contradicts itself
aside-revoked = this kiosk’s access was taken away
aside-equivocation = contradicts a record that is there
aside-unlinked = doesn’t follow from the one before
aside-illegal = the order’s history forbids it
aside-defect = head office could not process it
