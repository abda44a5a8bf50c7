### The chat in the terminal. Ids begin with tui-.

## What stands on the screen

tui-app = Sottovoce
tui-quiet = Say it softly. Only they will hear.
tui-nobody = Nobody here yet. Send one person your link.
tui-nobody-keys = Press n to begin.
tui-choose = Choose a conversation.
tui-you = you
tui-deleted = deleted
tui-needs-newer = this message needs a newer version
tui-quote-gone = a message that is not here
tui-folded = … Enter shows all of it
tui-edited = edited
tui-draft = Draft:
tui-offline = No network. You can read and write; it leaves later.
tui-connecting = connecting…
tui-write = Write a message
tui-replying = Reply to { $name }:
tui-editing = Edit your message
tui-esc-leaves = Esc leaves
tui-newest = End: newest
tui-too-small = A little more room, please.
tui-new-messages = { $count ->
    [one] 1 new message
   *[other] { $count } new messages
}
tui-today = Today
tui-yesterday = Yesterday
tui-typing-one = { $name } is writing…
tui-typing-two = { $name } and { $other } are writing…
tui-typing-many = { $count } are writing…
tui-in-call-one = A call is under way: { $name }
tui-in-call-many = A call is under way: { $count } people
tui-members = { $count ->
    [one] only you
   *[other] { $count } people
}
tui-state-pending = waiting
tui-state-stored = with the node
tui-state-delivered = delivered
tui-state-read = read
tui-state-failed = not sent
tui-not-sent-over = Not sent: this conversation is over for you. Copy it (c) and write elsewhere.
tui-not-sent = Not sent. Choose it and press Enter to send it again.
tui-no-terminal = The chat needs a terminal; the other commands do not.

## What happened to a conversation

tui-added = { $name } came in
tui-added-you = You came in
tui-removed = { $name } is no longer here
tui-removed-you = You are no longer here
tui-became-admin = { $name } is an admin now
tui-became-admin-you = You are an admin now
tui-no-longer-admin = { $name } is no admin any longer
tui-no-longer-admin-you = You are no admin any longer
tui-renamed = The name is now { $title }
tui-ended = You are no longer in this conversation
tui-restarted = The conversation goes on elsewhere
tui-call-group = Group call, { $time }
tui-call-group-missed = Missed group call
tui-call-talked = Call, { $time }
tui-call-elsewhere = Call on another of your devices
tui-call-unanswered = Nobody picked up
tui-call-missed = Missed call
tui-call-declined = Call declined
tui-call-declined-you = You declined the call
tui-call-busy = In another call
tui-call-failed = The call did not come about, or broke off
tui-timer-set = { $name } lets messages disappear { $time } after reading
tui-timer-set-you = You let messages disappear { $time } after reading
tui-timer-unset = { $name } turned disappearing messages off
tui-timer-unset-you = You turned disappearing messages off
tui-is-suspect = an update failed here; waiting for the others
tui-is-rejoining = out of step; coming in again
tui-is-disputed = the node contradicts itself; an admin can start it again
tui-is-leaving = leaving
tui-is-left = you are no longer in it
tui-is-restarted = goes on elsewhere

## Times

tui-years = { $count ->
    [one] 1 year
   *[other] { $count } years
}
tui-weeks = { $count ->
    [one] 1 week
   *[other] { $count } weeks
}
tui-days = { $count ->
    [one] 1 day
   *[other] { $count } days
}
tui-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
}
tui-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}
tui-seconds = { $count ->
    [one] 1 second
   *[other] { $count } seconds
}
tui-left-days = { $count } d
tui-weekdays = Monday Tuesday Wednesday Thursday Friday Saturday Sunday
tui-weekdays-short = Mon Tue Wed Thu Fri Sat Sun
tui-months = January February March April May June July August September October November December
tui-day-near = { $weekday }, { $day } { $month }
tui-day-far = { $day } { $month } { $year }

## Requests

tui-request-talk = { $name } would like to write to you
tui-request-join = { $name } invites you to a group
tui-request-enter = { $name } asks to come into { $group }
tui-request-enter-some = { $name } asks to come into a group of yours
tui-request-accept = Accept
tui-request-delete = Delete
tui-request-block = Block
tui-request-safe = They learn nothing until you accept.

## Short words after a deed

tui-copied = Copied.
tui-done = Done.
tui-not-done = This did not work
tui-asked = Asked. When they answer, the conversation appears by itself.
tui-no-files = There are no files here.
tui-saving = Saving…
tui-save = Save
tui-show-picture = Show the picture
tui-pause = Pause
tui-go-on = Go on
tui-cancel-files = Cancel
tui-not-text = This is no text of yours.
tui-nothing-chosen = Choose a message first: Tab, then the arrows.
tui-nothing-to-edit = You have not written here yet.
tui-too-long = This is too long for one message. Send it in parts.
tui-no-contacts = Nobody yet whom you could add. Invite somebody first.
tui-nothing-found = Nothing found.
tui-no-alerts = Nothing went wrong.
tui-wait = One moment…
tui-blocked = Blocked.
tui-receipts-are-on = Read receipts are sent from now on.
tui-receipts-are-off = Read receipts are no longer sent.
tui-exported = The proof is in { $file }.

## Titles, fields and deeds

tui-go-to = Go to
tui-go-to-hint = a person, a conversation, something to do
tui-search = Search
tui-search-within = Search: { $title }
tui-search-hint = words or their beginnings
tui-search-here = Search here
tui-help = Keys
tui-alerts = What went wrong lately
tui-begin = Begin
tui-invite = Make an invite link
tui-invite-title = Your invite
tui-invite-one = For one person. Send it by a way you trust; it works for 7 days.
tui-invite-group = Whoever has this link can ask to come into the group. It works for 7 days.
tui-invite-group-open = Invite link
tui-invite-group-ask = Invite link, ask me first
tui-no-qr = A larger window shows a code to scan.
tui-accept = Follow an invite link
tui-accept-field = The whole link
tui-accept-verb = Follow
tui-add = Write to an address
tui-add-field = account@node
tui-add-verb = Ask
tui-new-group = Make a group
tui-group-field = The group’s name
tui-group-verb = Make
tui-rename = Rename the group
tui-rename-verb = Rename
tui-own-name = Change your name
tui-own-name-field = What should people call you?
tui-own-name-verb = Change
tui-own-address = Copy your address
tui-receipts-on = Send read receipts
tui-receipts-off = Send no read receipts
tui-quit = Leave Sottovoce
tui-conversation = This conversation
tui-direct = Write to them alone
tui-message = This message
tui-reply = Reply
tui-react = React
tui-react-other = Something else…
tui-react-field = One emoji
tui-react-back = Take your reaction back
tui-copy = Copy the text
tui-edit = Edit
tui-send-again = Send again
tui-to-original = Go to what it answers
tui-delete = Delete for everyone
tui-delete-body = It disappears from their devices too, when they next connect.
tui-info = Who has it
tui-timer = Disappearing messages
tui-timer-body = How long after reading
tui-timer-off = Off
tui-safety = Safety number
tui-safety-body = Same on both screens? Then nobody stands between you.
tui-people = People
tui-add-people = Add people
tui-remove = Remove from the group
tui-remove-title = Remove { $name }?
tui-make-admin = Make an admin
tui-no-admin = No admin any longer
tui-admin = admin
tui-block = Block
tui-block-title = Block { $name }?
tui-block-body = What comes from them is dropped, without a word to them.
tui-leave = Leave the group
tui-leave-title = Leave the group?
tui-delete-title = Delete for everyone?
tui-leave-body = You no longer read what is written there. What you have stays with you.
tui-restart = Start again with the same people
tui-export = Write the proof to a file
tui-cancel = Cancel

## The line at the bottom: as many as fit, parted by ·

tui-keys-list = Enter open · n begin · / search · Ctrl-K go to · ? keys · q leave
tui-keys-timeline = ↑↓ choose · r reply · + react · e edit · Del delete · Enter more · ? keys
tui-keys-composer = Enter send · Alt-Enter line · ↑ edit · Tab messages · Ctrl-O more · F1 keys
tui-keys-pick = ↑↓ choose · Enter · Esc
tui-keys-ask = { $verb }: Enter · Esc
tui-keys-tell = ↑↓ · Esc
tui-keys-copy = c copies it · Esc
tui-keys-export = x { $verb } · Esc
tui-keys-add = Space chooses · Enter adds
tui-keys-confirm = Enter: { $verb }
tui-keys-cancel = Esc: { $verb }

## The sheet of keys

tui-key-round = Tab, Shift-Tab
tui-does-round = list, text, messages
tui-key-go-to = Ctrl-K
tui-does-go-to = go to a person, a conversation, something to do
tui-key-search = Ctrl-F, /
tui-does-search = search all conversations
tui-key-begin = Ctrl-N, n
tui-does-begin = begin: invite, link, address, group
tui-key-more = Ctrl-O
tui-does-more = this conversation: people, timer, safety number
tui-key-next = Alt-↑, Alt-↓
tui-does-next = next conversation
tui-key-send = Enter
tui-does-send = send; open what is chosen
tui-key-line = Alt-Enter, Shift-Enter
tui-does-line = a new line
tui-key-edit = ↑
tui-does-edit = in an empty text: edit your last message
tui-key-words = Ctrl-←, Ctrl-→, Ctrl-W
tui-does-words = words: pass, delete
tui-key-ends = Ctrl-A, Ctrl-E, Ctrl-U
tui-does-ends = line: begin, end, delete
tui-key-pages = PgUp, PgDn, End
tui-does-pages = read back, forth, newest
tui-key-reply = Ctrl-R
tui-does-reply = reply to the newest message
tui-key-message = r + e c s i Del
tui-does-message = chosen message: reply, react, edit, copy, save files, who has it, delete
tui-key-back = Esc
tui-does-back = back
tui-key-redraw = Ctrl-L
tui-does-redraw = draw the screen anew
tui-key-leave = Ctrl-Q, Ctrl-C
tui-does-leave = leave; what you wrote is kept
tui-key-mouse = Mouse
tui-does-mouse = click, wheel; Shift selects text for the terminal

## Refusals that errors.ftl words for the web

tui-error-no-request = This request is no longer here.
tui-error-too-new = This needs a newer version of Sottovoce.
