### The web app around the conversations.

## Everywhere

back = Back
cancel = Cancel
close = Close
done = Done
later = Later
not-now = Not now
save = Save
scan = Scan a code
try-again = Try again
undo = Undo

## First run

welcome-title =
    Say it softly.
    Only they will hear.
welcome-facts = What to know
welcome-key = You are a key, not a number.
welcome-key-more = No phone, no mail, no password.
welcome-server = The server carries, it can’t listen.
welcome-server-more = It knows neither your words nor your people.
welcome-device = It lives on this device.
welcome-device-more = Later we’ll give you words to keep it safe.
welcome-create = Create identity
welcome-words = I have 24 words
invited = Somebody invites you to talk. First you need an identity; it takes ten seconds.
invited-by = { $name } invites you to talk. First you need an identity; it takes ten seconds.
invited-group = { $name } invites you to { $group }. First you need an identity; it takes ten seconds.

name-title = What should people call you?
name-lead = Only those you talk with will see it. You can change it at any time.
name-open = Open Sottovoce
name-busy = One moment…
name-empty = Write a name; any name will do.
name-long = This name is too long. Shorten it a little.

restore-title = Come back with your words
restore-lead = Type your 24 words in order. Your identity and your address come back; conversations begin anew.
restore-words = Your 24 words
restore-count = { $count } of { $of } words
restore-node = Node
restore-do = Come back

## Passphrase

passphrase = Passphrase
unlock-title = Good to see you
unlock-lead = What is kept in this browser is locked with your passphrase.
unlock-do = Unlock
unlock-busy = Unlocking…
unlock-lost = Forgotten? Nobody can unlock it for you. With your 24 words you can come back in another browser.
pass-set = Set a passphrase
pass-change = Change the passphrase
pass-lead = It is asked each time the app opens. Nobody can give it back to you.
pass-more = Protects what is kept in this browser from whoever else uses this device.
pass-current = Present passphrase
pass-new = New passphrase
pass-again = The same once more
pass-short = This is quickly guessed. Use at least { $count } characters; a few words are best.
pass-differ = The two differ. Type the same twice.
pass-remove = Remove it
pass-removed = No passphrase any more.
pass-kept = Passphrase kept.
pass-busy = Locking…

## Stop screens

stop-storage-refused = This browser may forget
    .safe = It gives no storage that stays, as in private browsing. What you write would be gone when you close it.
    .todo = Allow storage for this page and try again, or go on for this visit only.
stop-storage-lost = What was kept here is gone
    .safe = The browser, or somebody using it, cleared its storage. Nobody else got anything.
    .todo = Try again if you opened another profile by mistake. Otherwise begin anew, with your 24 words if you have them.
stop-storage-full = No room left
    .safe = Nothing is lost: what you have is kept, but nothing new can be.
    .todo = Make room on this device, then try again.
stop-database-newer = A newer version was here
    .safe = What is kept here is in order, but this version is too old to read it.
    .todo = Close the other tabs of Sottovoce and load again.
stop-database-damaged = What is kept here is damaged
    .safe = It is not touched any more, so that nothing gets worse. Your people and your identity are safe if you have your words.
    .todo = Try again first. If it stays so, begin anew with your 24 words.
stop-older-tab = Another tab runs an older version
    .safe = Nothing is lost. Two versions must not write at the same time.
    .todo = Close the other tabs of Sottovoce, then try again.
stop-browser-too-old = This browser is too old
    .safe = It lacks something that keeps your messages safe, so we don’t begin.
    .todo = Update the browser, or open this page in another one.
stop-engine-stops = Something went wrong here
    .safe = The part that holds your messages stopped several times in a row. What was written down is kept.
    .todo = Load the page again. If it stays so, close the other tabs of Sottovoce or start the browser anew.
stop-way-retry = Try again
stop-way-reload = Load again
stop-way-visit = Only for this visit
stop-way-erase = Begin anew
erase-title = Forget everything here?
erase-text = All conversations in this browser are deleted for good. Without your 24 words your identity is gone too.
erase-do = Forget everything

## Invites

invite-title = Invite someone
invite-lead = Let them scan this, or send the link any way you like. It opens a conversation with you and nothing else.
invite-group-title = Invite to the group
invite-group-lead = Whoever has this link can come into the group. Send it only to those who should.
invite-qr = The link as a QR code
invite-link = Your invite link
invite-making = Making a link…
invite-copy = Copy link
invite-copied = Link copied.
invite-share = Share
invite-share-title = Talk with me on Sottovoce
invite-valid = Works for
invite-uses = Can be used
invite-uses-once = once
invite-uses-many = by many
invite-approval = Ask me before somebody comes in
invite-ends = It ends { $when }.
invite-close = Close this link
invite-closed = Link closed. It leads nowhere any more.
invite-used = This link was used. For somebody else, make another one.
invite-expired = This link has run out.
invite-another = New link
invite-made = Made { $when }.
invite-open-links = { $count ->
    [one] One more link works
   *[other] { $count } more links work
}
invite-have-link = Got a link from somebody?
invite-open-link = Open it here
invite-more = More than one person?
invite-make-group = Make a group

accept-title = An invite
accept-reading = Reading the invite…
accept-broken = This invite doesn’t work
accept-person = { $name } would like to talk with you
accept-somebody = Somebody would like to talk with you
accept-group = { $name } invites you to { $group }
accept-name-chosen = The name is the one they chose.
accept-approval = Somebody in the group may have to let you in first; a word from you helps.
accept-expired = This invite has run out. Ask for a new one.
accept-do = Start talking
accept-enter = Come in
accept-busy = Following the link…
accept-node = By { $node }
accept-until = works until { $date }
asked-title = Asked
asked-text = When they answer, the conversation appears by itself. You can close this.

add-title = Open a link
add-lead = Paste an invite link or an address that somebody gave you.
add-field = Link or address
add-placeholder = https://…/i#…
add-note = A word to go with it
add-open = Open
add-ask = Ask to talk
note-long = This is too long. A sentence is enough.

scan-camera = Camera
scan-hold = Hold the code in front of the camera.
scan-other = That is another kind of code.
scan-refused = Allow the camera in the browser, then try again. Without it, use the digits or the link.

## Requests

requests-title = Requests
requests-none = Nobody asks
requests-none-more = Whoever has your address can ask to write to you. You see it here first.
request-talk = { $name } would like to write to you
request-join-group = { $name } invites you to { $group }
request-enter-group = { $name } would like to come into { $group }
request-name-chosen = The name is the one they chose. You have not met here before.
request-when = Asked
request-way = Came by
request-way-talk = your address
request-way-join-group = a group
request-way-enter-group = a link into the group
request-key = Key
request-accept = Accept
request-decline = Decline
request-block = Block
request-until = Until you accept, { $name } can’t see whether you read this, and links stay shut.
request-until-group = Until you accept, { $name } sees nothing of the group, and the group sees nothing of this.
request-accepted = Accepted. The conversation with { $name } appears by itself.
request-declined = Declined. { $name } isn’t told.
request-blocked = Blocked. { $name } isn’t told.

## Groups and timer

group-new = New group
group-new-more = People see each other’s names. You can add more later, or send a link.
group-name = Name of the group
group-name-empty = Give the group a name.
group-who = Who comes in
group-make = Make the group
group-make-with = { $count ->
    [one] Make it with 1 person
   *[other] Make it with { $count } people
}
group-add = Add people
group-add-do = { $count ->
    [0] Add
    [one] Add 1 person
   *[other] Add { $count } people
}
group-add-more = Newcomers read what is written from now on.
group-add-link = Send a link instead
group-people = { $count ->
    [one] 1 person
   *[other] { $count } people
}
group-links = Links into the group
group-rename = Rename the group
people-title = People
people-find = Find somebody
people-none = Nobody to choose from yet. Send somebody your link first.
people-none-found = Nobody of this name.
people-all-inside = Everybody you know is inside.
member-you = { $name } (you)
member-is-admin = admin
member-compared = compared
member-more = More about { $name }
member-compare = Compare safety number
member-admin = Make { $name } an admin
member-no-admin = No longer an admin
member-remove = Remove from the group
remove-title = Remove { $name }?
remove-text = { $name } keeps what was written so far and reads nothing from now on.
leave-title = Leave { $title }?
leave-text = You can still read what is here. The others see that you left; coming back takes an invite.
leave-stay = Stay
leave-do = Leave the group
timer-title = Messages disappear
timer-lead = So long after it was read, a message goes from every device. It holds for what is written from now on.
timer-off = Messages stay
timer-do = Set

## Safety number

safety-title = Safety number
safety-question = Same on both screens?
safety-lead = Then nobody sits between you and { $name }. Compare by eye, aloud on a call, or let one device scan the other.
safety-qr = Your code, for their device to scan
safety-digits = Safety number, twelve groups of five digits
safety-scan = Scan { $name }’s code
safety-scan-do = Scan { $name }’s code
safety-match = They match
safety-compared = Compared on { $date }
safety-unmark = Not compared any more
safety-differ = They differ?
safety-differ-do = See what to do
safety-differs = They differ
safety-differs-safe = What you wrote so far is kept. Don’t tell { $name } anything secret here until you know why.
safety-differs-1 = Look whether { $name } opened the safety number with you, not with somebody else.
safety-differs-2 = Ask { $name }, best by voice, whether their identity is new.
safety-differs-3 = If neither is so, meet, and begin anew with a fresh invite.
safety-again = Compare again

## Recovery words

words-card = Keep your 24 words
words-card-more = Two minutes and a pencil.
words-step = { $step } of { $of }
words-title = Write these down, in order
words-lead = With them you can come back on a new device. Without them nobody can help you, not even us. Paper is best.
words-hidden = { $count } words, one under the other. Take paper and a pencil first.
words-show = Show the words
words-list = Your words, in order
words-written = I’ve written them down
words-alone = Best with nobody at your shoulder. Next we ask for three of them, once.
words-kept = Good. Keep that paper where you keep what matters.
check-title = Just to be sure
check-lead = Look at your paper. Which words stand here?
check-word = Word { $place }
check-placeholder = Type the word
check-wrong = That’s not word { $place }. Look at the paper again; one letter is enough.
check-do = Check
check-back = Show the words again

## Settings

settings-title = Settings
settings-you = You
settings-words = Your words
settings-notifications = Notifications
settings-privacy = Privacy
settings-look = Look and language
settings-node = Node
settings-about = About
settings-words-head = Recovery words
settings-words-show = Show the 24 words
settings-words-kept = kept
settings-words-open = not kept yet
settings-words-more = With them you can come back on a new device. Whoever has them can be you: keep them to yourself.
you-name = Your name
you-picture = Choose a picture
you-picture-remove = Remove
you-picture-more = Only those you talk with see it. It is made small here; place and time of the photo are left out.
you-address = Your address
you-address-more = Whoever has it can ask to write to you. You decide.
you-address-copy = Copy address
you-address-copied = Address copied.
notify-open = While a tab is open
notify-open-more = You are told when somebody writes and you are looking elsewhere.
notify-closed = While the app is closed
notify-closed-more = The browser’s own service wakes the app; it learns nothing about who writes or what.
notify-words = Show who wrote and what
notify-words-more = Whoever sees your screen can read it too.
notify-more = A single conversation is muted in its own menu.
notify-first = Once you have a first conversation, you can turn these on.
notify-card = Be told when somebody writes?
notify-card-more = The browser will ask you once.
notify-card-do = Turn on
notice-new = New message
notice-new-more = Open Sottovoce to read it.
notice-in-group = { $name }: { $text }
privacy-read = Tell others that I read
privacy-read-more = They see when you have read a message.
privacy-typing = Tell others that I write
privacy-typing-more = They see while you are writing to them.
privacy-direct = Send files from device to device
privacy-direct-more = Faster, and the node sees nothing of them. The other side sees this device’s network address. Only with people you have written to.
no-direct = Always through the node
no-direct-more = Files here never go from device to device, so this person doesn’t see your network address.
privacy-blocked = Blocked
privacy-blocked-none = Nobody.
privacy-unblock = Unblock
privacy-compared = Compared safety numbers
look-theme = Look
look-system = As the device
look-light = Light
look-dark = Dark
look-language = Language
look-language-system = As the browser
look-more = This holds for this browser only.
node-online = connected
node-connecting = connecting…
node-offline = no network
node-waiting = Messages waiting to leave
node-refuses = The node is busy; next attempt
node-knows = What the node knows
node-knows-1 = That this address exists, and when something is fetched or left.
node-knows-2 = Not what is written: it carries sealed cells of equal size.
node-knows-3 = Not with whom you talk, nor your name.
about-lead = Say it softly. Only they will hear.
about-version = Version
about-build = Build
about-storage = Kept on this device
about-storage-of = { $used } of { $all }
about-licence = Free software under the AGPL 3. No warranty. The node reports the same build hash; anybody can build it and compare.
update-ready = A new version is here.
update-more = It waits until you take it; drafts stay.
update-do = Update
install-lead = Sottovoce can live among your apps and start without network.
install-do = Install

## Alerts

alert-look = Look
alert-more = { $count ->
    [one] And one more.
   *[other] And { $count } more.
}
alert-compare = Compare numbers
alert-seen = Understood
alert-save = Save the proof

## Storage

settings-storage = Storage
storage-sum = on this device, encrypted.
storage-room = The browser has room for { $bytes }.
storage-conversations = Conversations
storage-largest = Largest
storage-clear-hint = What you clear here stays with the node as long as the node keeps it; save what matters elsewhere first.
storage-clear = { $count ->
    [one] Clear one
   *[other] Clear { $count }
}
storage-cleared = { $bytes } cleared on this device.
storage-rules = Download by itself
storage-auto-pictures = Photos
storage-auto-pictures-more = When you see them, up to 20 MB.
storage-auto-voice = Voice notes
storage-auto-voice-more = When you see them.
storage-auto-files = Videos and files
storage-auto-files-more = When you see them, up to 20 MB.
storage-metered = On mobile data too
storage-metered-more = Where the browser says that the network counts bytes.
