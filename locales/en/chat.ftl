### The list, the timeline, the composer and the parts that they share.

title = Sottovoce
title-conversation = { $name } · Sottovoce
conversations = Conversations
conversation = Conversation
conversation-with = Conversation with { $name }
conversation-gone = This conversation is not here
nothing-open = Choose a conversation, or say something new.
new-conversation = New conversation
new-group = New group
open-settings = { $name }, your profile and settings
settings-short = Settings
menu-of = { $name }, what to do

## The list

search = Search
search-everything = Search everything
search-clear = Clear the search
search-conversations = Conversations
search-people = People
search-messages = Messages
search-nothing = Nothing found.
search-count = { $count ->
    [0] Nothing found
    [one] 1 result
   *[other] { $count } results
}
filter = Filter
filter-all = All
filter-unread = Unread
filter-groups = Groups
filter-requests = Requests
filter-empty-all = Everything is in the archive.
filter-empty-unread = All read.
filter-empty-groups = No groups yet.
filter-empty-requests = Nobody is asking.
requests-row = { $count ->
    [one] 1 request
   *[other] { $count } requests
}
archive-title = Archive
archive-empty = The archive is empty.
empty-title = Nobody here yet
empty-text = Send one person your link. The first words are the hardest.
empty-verb = Invite someone
row-you = You
row-draft = Draft:
row-failed = Not sent:
row-compared = compared
row-pinned = pinned
row-muted = muted
row-marked-unread = marked unread
row-unread = { $count ->
    [one] 1 unread
   *[other] { $count } unread
}
menu-pin = Pin
menu-unpin = Unpin
menu-mute = Mute
menu-unmute = Unmute
menu-mark-read = Mark read
menu-mark-unread = Mark unread
menu-archive = Archive
menu-unarchive = Out of the archive
archived-toast = Archived.
network-offline-fact = No network.
network-offline-text = You can read and write; it leaves later.
network-connecting-fact = Looking for the node.
network-connecting-text = You can read and write; it leaves later.
network-refused-fact = The node asks for a pause.
network-refused-text = It goes on by itself at { $time }.
catching-up-fact = Catching up.
catching-up-some = { $done } read
catching-up-of = { $done } of { $total } read
takeover-fact = One moment.
takeover-text = The other tab was closed; this one takes over.
typing-direct = is writing…
typing-one = { $name } is writing…
typing-two = { $first } and { $second } are writing…
typing-many = { $count } people are writing…

## The open conversation

messages = Messages
people-count = { $count ->
    [one] 1 person
   *[other] { $count } people
}
about = About
about-person = About { $name }
about-group = About { $name }
head-blocked = blocked
state-suspect-short = being checked
state-rejoining-short = coming in again
state-disputed-short = paused
state-leaving-short = leaving
state-left-short = you are no longer here
state-restarted-short = goes on elsewhere
closed-blocked = You blocked { $name }.
closed-disputed = Writing is paused until this is settled.
closed-leaving = You are leaving.
closed-left = You are no longer in this conversation. What was written stays here.
closed-restarted = This conversation goes on in a new one.
unblock = Unblock
block = Block
restart = Begin it again
search-here = Search here
search-position = { $at } of { $count }
search-none = Nothing
search-older = Older result
search-newer = Newer result
search-leave = Close the search
unread-line = New messages
jump = Jump to newest
jump-unread = Jump to newest, { $count } unread
message-menu = What to do with this message
message-deleted = Deleted.
message-unknown = This needs a newer version of the app.
message-edited = edited
message-forwarded = forwarded
message-gone = No longer here.
message-failed = Not sent.
quote-of = Answers { $name }; show it
text-unfold = Show all
text-fold = Show less
reacted = { $count } reacted with { $emoji }
reactions-more = { $count } more reactions
react-with = React with { $emoji }
react-more = More emoji
menu-react = React
menu-reply = Reply
menu-copy = Copy
menu-forward = Forward
menu-edit = Edit
menu-select = Select
menu-info = Info
menu-delete = Delete
delivery-pending = Waiting to leave
delivery-stored = With the node
delivery-delivered = Delivered
delivery-read = Read
delivery-failed = Not sent
told-pending = waiting
told-stored = with the node
told-delivered = delivered
told-read = read
told-failed = not sent
notice-began = { $who ->
    [me] You began “{ $title }”.
   *[other] { $by } began “{ $title }”.
}
notice-began-direct = Only you two can read this.
notice-added = { $whom ->
    [me] { $by } added you. You read what is written from now on.
   *[other] { $who ->
        [me] You added { $name }.
       *[other] { $by } added { $name }.
    }
}
notice-removed = { $whom ->
    [me] { $by } removed you.
   *[other] { $who ->
        [me] You removed { $name }.
       *[other] { $by } removed { $name }.
    }
}
notice-left = { $whom ->
    [me] You left.
   *[other] { $name } left.
}
notice-became-admin = { $whom ->
    [me] You are an admin now.
   *[other] { $name } is an admin now.
}
notice-no-longer-admin = { $whom ->
    [me] You are no longer an admin.
   *[other] { $name } is no longer an admin.
}
notice-renamed = { $who ->
    [me] You named this “{ $title }”.
   *[other] { $by } named this “{ $title }”.
}
notice-ended = This conversation has ended.
notice-restarted = This conversation goes on in a new one.
notice-call-group = Group call, { $time }
notice-call-group-missed = Missed group call
notice-call-talked = Call, { $time }
notice-call-elsewhere = Call on another of your devices
notice-call-unanswered = Nobody picked up
notice-call-missed = Missed call
notice-call-declined = Call declined
notice-call-declined-you = You declined the call
notice-call-busy = In another call
notice-call-failed = The call did not come about, or broke off
notice-timer = { $who ->
    [me] You let messages disappear after { $time }.
   *[other] { $by } lets messages disappear after { $time }.
}
notice-timer-off = { $who ->
    [me] You let messages stay.
   *[other] { $by } lets messages stay.
}
alert-anyway = Write anyway
choose-message = Choose this message
chosen-count = { $count } chosen
chosen-actions = What to do with the chosen messages
copied = { $count ->
    [one] Copied.
   *[other] { $count } messages copied.
}
copy-refused = The browser does not let this page copy. Mark the text and copy it yourself.
delete-title = { $count ->
    [one] Delete this message?
   *[other] Delete { $count } messages?
}
delete-text-everyone = { $count ->
    [one] For everyone: it goes from every device that is reached. Here: only from this device.
   *[other] For everyone: they go from every device that is reached. Here: only from this device.
}
delete-text-here = { $count ->
    [one] It goes from this device only.
   *[other] They go from this device only.
}
delete-everyone = Delete for everyone
delete-here = Delete here
forward-title = Forward to
forward-verb = { $count ->
    [0] Forward
    [one] Forward to one
   *[other] Forward to { $count }
}
forwarded-toast = { $count ->
    [one] Forwarded.
   *[other] Forwarded to { $count } conversations.
}
info-title = Info
info-sent = Sent
info-edited = Edited
info-expires = Disappears
info-read = Read by
info-delivered = Delivered to
info-stored = Still on its way to

## Writing

composer-label = Message
composer-placeholder = Write a message
composer-send = Send
composer-save = Keep the change
composer-replying = Answer to { $name }
composer-editing = Editing
composer-cancel-reply = Do not answer
composer-cancel-edit = Leave it as it was
mention = People to mention
emoji = Emoji
emoji-search = Find an emoji
emoji-none = No emoji by that word.
emoji-failed = The emoji could not be loaded. Close this and try again.
emoji-tone = Skin tone
emoji-tone-0 = No skin tone
emoji-tone-1 = Light
emoji-tone-2 = Medium light
emoji-tone-3 = Medium
emoji-tone-4 = Medium dark
emoji-tone-5 = Dark
emoji-group-found = Found
emoji-group-recent = Recent
emoji-group-people = People
emoji-group-nature = Nature
emoji-group-food = Food
emoji-group-travel = Travel
emoji-group-activities = Activities
emoji-group-objects = Objects
emoji-group-symbols = Symbols
emoji-group-flags = Flags

## The side

door-search = Search
mute-for = For { $time }
mute-always = Until I say so
safety-number = Safety number
side-trust = Trust and time
side-more = More
side-yes = compared
side-compare = compare
side-compared = You compared numbers.
side-not-compared = Not compared yet
side-compared-people = Compared in person
side-timer = Messages disappear
side-timer-off = never
count-of = { $count } of { $total }

## Said aloud, and keys

live-label = New messages
live-one = { $name }: { $text }
live-many = { $count } new messages
live-elsewhere = { $count ->
    [one] 1 new message in another conversation
   *[other] { $count } new messages in other conversations
}
switcher-title = Go anywhere
switcher-placeholder = A person, a group, settings
keys-title = Keys
keys-anywhere = Anywhere
keys-switch = Go to a conversation
keys-search = Search here
keys-search-all = Search everywhere
keys-next = Next or previous conversation
keys-this = These keys
keys-leave = Leave what is open
keys-writing = While writing
keys-send = Send
keys-line = New line
keys-edit-last = Edit the last message
keys-mention = Mention somebody
keys-emoji = Emoji by name
keys-message = On a message
keys-move = From message to message
keys-menu = All that can be done
keys-list = In the menu of a conversation
keys-single = Single letters act
keys-single-text = On a message that has the focus. Turn this off if you speak to your device.

## Files

files-photo = { $count ->
    [one] Photo
   *[other] { $count } photos
}
files-video = { $count ->
    [one] Video
   *[other] { $count } videos
}
files-voice = { $count ->
    [one] Voice note
   *[other] { $count } voice notes
}
files-audio = { $count ->
    [one] Audio
   *[other] { $count } audio files
}
files-file = { $count ->
    [one] File
   *[other] { $count } files
}
files-mixed = { $count } files
file-queued = Waiting
file-done = { $done } of { $bytes }
file-speed = { $speed }/s
file-left = { $time } left
file-paused-user = Paused
file-paused-network = Paused, no network. Goes on by itself.
file-paused-sender = Waiting for whoever sent it.
file-paused-no-room = Paused, no room left on this device.
file-unsafe = This is a program. Open it only if you asked for it.
file-way-direct = direct
file-way-node = through node
file-get = Download { $name }
file-save = Save { $name }
file-pause = Pause { $name }
file-resume = Go on with { $name }
file-cancel = Cancel { $name }
file-progress = { $name }, { $percent }
album-label = { $count } pictures
picture-open = Open picture { $number } of { $count }
video-open = Open video { $number } of { $count }
picture-broken = This picture can’t be shown
viewer-title = Picture { $number } of { $count }
viewer-by = { $name }, { $time }
viewer-close = Close
viewer-next = Next
viewer-previous = Previous
viewer-larger = Larger
viewer-smaller = Smaller
viewer-save = Save
viewer-reply = Answer
voice-play = Play voice note, { $time }
voice-pause = Pause voice note
voice-place = Place in the voice note
voice-speed = Speed { $speed }
voice-goes-on = Voice note of { $name }
voice-stop = Stop
attach = Send files
attach-pick = Photo, video or file
attach-drop = Let go to send
send-files-title = { $count ->
    [one] Send a file
   *[other] Send { $count } files
}
send-files-caption = Caption
send-files-verb = Send
send-files-remove = Leave out { $name }
send-files-original = Send as original files
send-files-original-hint = Larger, with everything the camera wrote into them.
send-files-place = { $count ->
    [one] One of them says where it was taken.
   *[other] { $count } of them say where they were taken.
}
send-files-metadata = { $count ->
    [one] One of them says when and with what it was taken.
   *[other] { $count } of them say when and with what they were taken.
}
send-files-unclean = { $count ->
    [one] What the camera wrote into one of them can’t be taken out here. Leave it out, or send it as it is.
   *[other] What the camera wrote into { $count } of them can’t be taken out here. Leave them out, or send them as they are.
}
send-files-without = Send without that
send-files-preparing = Preparing { $done } of { $count }
send-files-too-large = { $name } is larger than the node takes ({ $limit }).
send-files-too-many = At most { $count } at once. The first ones are here.
send-files-empty = Nothing to send is left.
record = Record a voice note
record-send = Send voice note
record-throw = Throw away
record-time = Recording, { $time }
record-refused = Allow the microphone in the browser, then record again.
record-none = No microphone was found. Plug one in, then record again.
media-title = Photos, files, voice
media-pictures = Photos and videos
media-voice = Voice
media-files = Files
media-none = Nothing here yet.
show-more = Show more
menu-save = Save

## Calls

call-voice = Call
call-video = Call with camera
call-again = Call back
call-with = Call with { $name }
call-comes = is calling
call-comes-video = is calling, with video
call-accept = Voice only
call-accept-video = With camera
call-decline = Decline
call-write = Reply in writing
call-word-later = I’ll call you later.
call-word-back = Can you call again in ten minutes?
call-word-write = I can’t talk now. Write to me.
call-state-calling = calling…
call-state-ringing-there = it rings…
call-state-ringing = is calling
call-state-answering = connecting…
call-state-connecting = connecting…
call-comes-back = coming back…
call-direct = Direct
call-relayed = Through the node
call-words = Compare aloud: both hear the same five words
call-their-picture = { $name } on video
call-own-picture = You
call-tools = Call
call-small = Make the call small:
call-large = Make the call large:
call-mute = Mute
call-unmute = Unmute
call-camera-on = Turn camera on
call-camera-off = Turn camera off
call-share = Share screen
call-unshare = Stop sharing
call-hang-up = Hang up
call-over = The call is over.
call-other-tab = You are in a call in another tab.
call-no-permission = Allow the microphone in the browser, then call again.
call-no-device = No microphone or camera was found. Plug one in, then call again.
call-device-busy = Another program has the microphone or camera. Close it, then call again.
call-cannot-seal = This browser can’t encrypt calls end to end, so there is none. Use a newer one.
call-no-relay = The node relays no calls. Allow direct connections in the settings, or ask whoever runs the node.
privacy-calls = Calls
privacy-relay = Always through the node
privacy-relay-more = The other side never sees your network address. Direct is quicker; both sides must allow it.
privacy-noise = Less noise
privacy-noise-more = Fans and keyboards are filtered out of what you say. Music suffers.
privacy-data = Save data
privacy-data-more = Your camera sends a smaller picture.
call-flip = Flip camera
call-full = Full screen
call-full-end = Leave full screen
call-float = Picture in picture
call-more = More
call-now = Call
call-write-now = Write to them
call-sharing = They see your screen.
call-push = Hold the space bar to talk
call-talking = They hear you
call-quality-good = Connection: good
call-quality-fair = Connection: fair
call-quality-poor = Connection: poor
call-quality-more = { $loss } % lost, { $rtt } ms there and back, { $kbits } kbit/s
preview-title = Call { $name }
preview-no-camera = Your camera is off. They will only hear you.
preview-skip = Next time call at once
device-title = Microphone, speaker, camera
device-audioinput = Microphone
device-audiooutput = Speaker
device-videoinput = Camera
device-system = As the system says
device-nameless = Device { $number }
device-level = How loud you are
device-try = Try the microphone
device-new = { $name } was plugged in.
device-use = Use it
device-lost-microphone = Your microphone is gone. They hear you by { $name } now.
device-lost-camera = Your camera is gone. They see you by { $name } now.
device-none-microphone = Your microphone is gone. They can’t hear you: plug one in.
device-none-camera = Your camera is gone. They only hear you now.
privacy-preview = See yourself first
privacy-preview-more = Before you call, you see your picture and see how loud you are.
group-call-under-way = A call is under way.
group-call-join = Join
group-call-begin = Begin the call
group-call-title = { $name } is talking
group-call-title-new = Call { $name }
group-call-there = In it: { $names }
group-call-rings = { $name } is calling { $group }
group-call-not-now = Not now
group-call-here =
    { $count ->
        [one] { $count } here
       *[other] { $count } here
    }
group-call-and-more = { $names } and { $count } more
group-call-grid = Grid
group-call-speaker = Speaker view
group-call-people = Who is in the call
group-call-screen = { $name }’s screen
group-call-muted = muted
group-call-speaking = speaking
group-call-hand = { $name }: hand is up
group-call-hand-up = Raise hand
group-call-hand-down = Lower hand
group-call-leave = Leave the call
group-call-before = Page before
group-call-after = Next page
group-call-full = The call is full. Try again later.
group-call-denied = The node lets nobody into this call. Ask whoever runs it.
group-call-ended-removed = You are not in this group any more, so the call is over for you.
group-call-ended-nobody-there = Nobody let you in. Try again.
group-call-ended-lost = The call broke off. Join again.
