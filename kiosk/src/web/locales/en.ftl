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
sending-title = Sending your order to the kitchen…

stop-sending = Stop trying

# Idle
idle-title = Are you still there?
idle-text = Your order will be cleared soon, to keep it private.
idle-stay = I’m still here

# After the order
done-title = Thank you, we have your order
done-number = Your number
done-pay = Please pay at the counter
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
about-back = Back to the menu

# Said by the script
live-add = Add: { $item }
live-added = Added: { $item }
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
