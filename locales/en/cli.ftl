### The command line.

cli-words-title = These 24 words are your account. Write them down and keep them safe: nobody can give them back to you.
cli-address-title = Your address:
cli-node-unreachable = The node does not answer yet. Your account is made; run `sottovoce receive` once the node is there.
cli-invite-hint = Send this link to one person, by a way you trust:
cli-invite-group-hint = Whoever has this link can ask to come into the group:
cli-asked = Asked. When they answer, the conversation appears by itself.
cli-no-requests = Nobody asks.
cli-no-conversations = No conversations yet. Make a link with `sottovoce invite`, or follow one with `accept`.
cli-no-contacts = Nobody yet.
cli-no-alerts = Nothing went wrong.
cli-nothing-found = Nothing found.
cli-no-messages = No new messages.
cli-done = Done.
cli-empty-text = there is no text to send
cli-bad-input = standard input is not UTF-8 text
cli-bad-duration = give a duration of 5s to 1y, such as 30s, 5m, 8h, 7d, 4w, 1y, or off
cli-text-only = this is no text message of yours
cli-no-data-folder = this system has no data folder; name one with --profile
cli-no-evidence = there is no proof with this alert
cli-queued = the message is queued and goes out with the next `sottovoce receive` or `send` that reaches the node
cli-in-progress = it goes on with the next `sottovoce receive` that reaches the node
cli-node-silent = the node does not answer

## How far a message has come

cli-state-pending = waiting
cli-state-stored = sent
cli-state-delivered = delivered
cli-state-read = read
cli-state-failed = not sent

## What a conversation's state means

cli-conversation-suspect = an update failed here; waiting for the others
cli-conversation-rejoining = out of step; rejoining
cli-conversation-disputed = the node contradicts itself; an admin can restart it
cli-conversation-leaving = leaving
cli-conversation-left = you are no longer in it
cli-conversation-restarted = restarted elsewhere

## Entries; $who names the account that a notice is about

cli-entry-unknown = (this message needs a newer version)
cli-entry-timer-off = turned disappearing messages off
cli-entry-timer = lets messages disappear { $duration } after reading
cli-entry-deleted = (deleted)
cli-entry-call-group = (group call, { $duration })
cli-entry-call-group-missed = (missed group call)
cli-entry-call-talked = (call, { $duration })
cli-entry-call-elsewhere = (call on another of your devices)
cli-entry-call-unanswered = (nobody picked up)
cli-entry-call-missed = (missed call)
cli-entry-call-declined = (call declined)
cli-entry-call-declined-you = (you declined the call)
cli-entry-call-busy = (in another call)
cli-entry-call-failed = (the call did not come about, or broke off)
cli-entry-began = the conversation begins
cli-entry-added = { $who } came in
cli-entry-removed = { $who } is no longer here
cli-entry-became-admin = { $who } is an admin now
cli-entry-no-longer-admin = { $who } is no admin any longer
cli-entry-renamed = the name is now { $title }
cli-entry-ended = you are no longer in this conversation
cli-entry-restarted = the conversation goes on elsewhere

## Parts of a line

cli-you = you
cli-edited = edited
cli-members = { $count ->
    [one] { $count } member
   *[other] { $count } members
}
cli-new = { $count } new
cli-disappearing = disappearing: { $duration }
cli-admin = admin
cli-no-name = (no name)
cli-wants-to-talk = wants to talk with you
cli-invites-to-group = invites you to a group
cli-asks-to-enter = asks to come into a group of yours
cli-proof = proof
cli-shown-was-here = what is shown was here already

## Why a command failed

cli-failed-profile-missing = there is no profile in { $folder }; make one with `new`
cli-failed-profile-exists = there is a profile in { $folder } already; choose another folder with --profile
cli-failed-profile-in-use = the profile in { $folder } is in use; stop that program or choose another folder with --profile
cli-failed-profile-in-use-by = the profile in { $folder } is in use by process { $process }; stop that program or choose another folder with --profile
cli-failed-passphrase-needed = this profile has a passphrase; give it in SOTTOVOCE_PASSPHRASE or when asked
cli-failed-passphrase-wrong = the passphrase is wrong
cli-failed-key-file = the key file { $file } is damaged or newer than this program: restore it from a copy
cli-failed-keyring = the key of this profile lies in the system’s keyring, which does not give it: unlock it and try again
cli-failed-random = the system gives no random numbers
cli-failed-database-missing = there is no database here
cli-failed-database-exists = there is a database here already
cli-failed-database-key = the database does not open: the key is another one, or the file is damaged; restore it from a copy
cli-failed-database-newer = the database has schema { $found }, this version knows { $supported }: install the newer version again
cli-failed-database-damaged = the database is damaged; restore it from a copy, or recover the account with its 24 words
cli-failed-database-busy = the database is in use by another program
cli-failed-disk-full = the disk is full: make room and try again
cli-failed-no-account = this profile holds no account; make one with `new`
cli-failed-has-account = this profile holds an account already
cli-failed-content = this cannot be sent as it is: { $why }
cli-failed-none-conversation = no conversation is called “{ $word }”
cli-failed-none-message = no message is called “{ $word }”
cli-failed-none-contact = no contact is called “{ $word }”
cli-failed-none-request = no request is called “{ $word }”
cli-failed-many = “{ $word }” fits more than one: { $candidates }
cli-failed-node-url = this is no address of a node: { $why }

## Files

cli-files-many = one message takes at most { $most } files
cli-files-one-stream = standard input and output take one file
cli-photo-foreign = { $path } is a picture that cannot be cleaned here of what its camera wrote into it; with --original it goes as it is
cli-photo-bad = { $path } cannot be decoded, so that nothing can be taken out of it; with --original it goes as it is
cli-photo-too-large = { $path } is too large to be decoded as a picture; with --original it goes as it is
cli-photo-no-decoder = { $path } cannot be cleaned of what its camera wrote into it: this system does not let a decoder start; with --original it goes as it is
cli-photo-metadata = { $path } goes as it is, with what its camera wrote into it
cli-photo-place = { $path } goes as it is, and says where it was taken
cli-movie-unclean = { $path } is a video that cannot be cleaned here of what its camera wrote into it; with --original it goes as it is
cli-movie-stream = a video from standard input cannot be cleaned of what its camera wrote into it: name its file; with --original it goes as it is
cli-file-unreadable = { $path } is no file that can be read
cli-file-exists = { $path } is there already; nothing was written over
cli-no-folder = { $path } is no folder
cli-no-files = this message has no files
cli-file-queued = it goes on where it stopped, with the next command that reaches the node, such as `sottovoce receive --follow`
cli-saved = saved { $path } ({ $size })
cli-file-executable = this may run as a program when it is opened
cli-file-uploading = on its way
cli-file-fetching = coming
cli-file-paused = paused
cli-file-failed = stopped
cli-problem-network = the node cannot be reached; it goes on by itself
cli-problem-busy = the node is busy; it goes on by itself
cli-problem-changed = the file changed while it was sent; send it again
cli-problem-unreadable = the file cannot be read
cli-problem-too-large = the file is larger than the node takes
cli-problem-node-full = the node has no room for it
cli-problem-refused = the node refuses it
cli-problem-gone = the node does not have the file any more; ask its sender for it
cli-problem-damaged = what the node gives is not the file that was announced; try again later
cli-problem-dishonest = the file was not made as it should be; its sender’s program is broken
cli-problem-not-yet = it has not come to the node yet; it goes on when its sender is there
cli-problem-unwritable = the file cannot be written there

# Calls without a screen
cli-call-calling = Calling…
cli-call-ringing = It rings there.
cli-call-incoming = Somebody calls.
cli-call-connecting = Connecting…
cli-call-reconnecting = The connection broke; looking for another way…
cli-call-talking-direct = Connected directly.
cli-call-talking-relayed = Connected through the node.
cli-call-words = Words to compare: { $words }.
cli-call-waiting = Waiting for calls. Ctrl-C ends it.
cli-call-none = there is no call
cli-call-no-relay = the node relays no calls; with --direct both sides may talk without it
cli-call-no-answer = nobody picked up; try again later, or write
cli-call-declined = the call was declined
cli-call-declined-with = the call was declined: “{ $said }”
cli-call-busy = they are in another call; try again later
cli-call-failed = the call did not come about, or broke off: a network on the way does not let it through, or the other side cannot
