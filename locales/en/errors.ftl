### A sentence for every refusal (error-CODE, as in apps/web/src/platform/engine.ts) and every alert (alert-CODE, as in docs/cli.md).

error-unknown = Something went wrong ({ $code }). Nothing was changed. Try again; if it comes back, reload the page.

## What was asked cannot be

error-no-conversation = This conversation is no longer here.
error-no-request = This request is no longer here. Perhaps you answered it in another tab.
error-no-contact = You don’t know this person here yet. Send them your link, or add their address first.
error-no-member = This person is not in the group.
error-no-message = This message is no longer here.
error-is-member = This person is in the group already.
error-not-admin = Only an admin can do this. Ask one of them.
error-not-active = You are no longer in this conversation. You can still read it.
error-is-direct = Two people talk here, and that can’t be changed. Make a group instead.
error-last-admin = You are the last admin. Make somebody else an admin first.
error-too-many-members = A group has room for 1,024 devices. Remove somebody first.
error-too-long = This is too long: { NUMBER($found) } bytes, at most { NUMBER($limit) }. Shorten it or send it in parts.
error-empty = There is nothing written yet.
error-bad-content = This can’t be sent as it is. Shorten it or write it anew.
error-text-only = Only a text message of yours can be changed.
error-bad-link = This is no invite link, or a piece is missing. Copy the whole link and try again.
error-bad-address = This is no address. Ask for it again and copy all of it.
error-bad-node = This is no node’s address. It begins with https:// and names a server.
error-invite-gone = This invite is used up or has run out. Ask for a new one.
error-own-invite = This is your own link. Send it to somebody else.
error-forged = The node returned something else than the link names. Don’t use this link; ask for a new one by another way.
error-no-door = Nobody can be reached at this address. Check it with its owner.
error-not-broken = This conversation is in order and needs no new start.
error-too-new = This needs a newer version. Reload the page to update.
error-no-evidence = There is no proof with this alert.
error-safety-mismatch = The codes differ. Don’t share anything secret; scan again, or meet and compare the digits.
error-safety-not-us = Their device doesn’t talk with your account. Don’t share anything secret; ask who they are talking with.
error-safety-not-them = This device belongs to another account than the one you talk with. Don’t share anything secret here.
error-bad-qr = This is not the code of a safety number. Open the safety number on their device and scan that.
error-picture-too-large = This picture is too large. Choose another one.

## Words and passphrase

error-words-count = { $found ->
    [one] There is 1 word; 24 belong here. Check that none is missing.
   *[other] There are { $found } words; 24 belong here. Check that none is missing.
}
error-words-unknown = Word { $position } is not in the list. It is probably misspelt.
error-words-checksum = The words don’t fit together: one is wrong, or two are swapped. Compare them with your paper.
error-bad-words = These are not 24 words of a phrase. Compare them with your paper: one is misspelt, missing or swapped.
error-passphrase-needed = A passphrase protects this. Enter it to go on.
error-passphrase-wrong = That is not the passphrase. Try again; capital letters count.
error-key-damaged = The key in this browser is damaged. Come back with your 24 words.

## Account and storage

error-storage-lost = What was kept in this browser is gone. Come back with your 24 words.
error-database-failed = What is kept here can’t be reached just now. Reload the page; nothing is lost.
error-random = This device gives no random numbers, so nothing can be kept safe. Restart the browser.
error-not-allowed = This can’t be sent as it is. Change it and try again.
error-bad-input = An error of our own stopped this. Nothing was changed. Reload the page and try again.
error-bad-picture = This picture can’t be read. Choose another one; JPEG and PNG always work.
error-no-account = There is no identity in this browser. Create one, or come back with your 24 words.
error-has-account = There is an identity in this browser already. Reload the page to see it.
error-database-missing = What was kept in this browser is gone. Come back with your 24 words.
error-database-exists = There is something kept in this browser already. Reload the page to see it.
error-database-wrong-key = What is kept here doesn’t open with its key. Come back with your 24 words.
error-database-newer = A newer version wrote what is kept here. Close all tabs and open the app again to update.
error-database-damaged = What is kept here is damaged. Come back with your 24 words.
error-database-busy = Another tab is using what is kept here. Wait a moment, or close the other tab.
error-storage-full = There is no room left on this device. Nothing is lost: make room, then try again.
error-storage-refused = This browser gives no storage that stays. Allow it in the settings, or leave private browsing.
error-internal = An error of our own stopped this. Nothing was changed. Reload the page and try again.
error-stopped = The app has stopped in this tab. Reload the page.

## Network and node

error-offline = Your node was not reached yet. Connect once, then try again.
error-refused = The node refused it. Wait a while, then try again.
error-busy = The node is busy. It is tried again by itself.
error-node-unreachable = The node can’t be reached. Check its address and your network, then try again.
error-node-timeout = The node doesn’t answer. Try again in a moment.
error-node-insecure = This node’s address is not protected. It must begin with https://.
error-node-tls = The node’s certificate is not in order. Check its address, or ask whoever runs it.
error-not-a-node = There is no node at this address. Check it for a typing mistake.
error-node-malformed = The node answers with something that makes no sense. Check its address, or use another node.

## Notifications

error-push-denied = The browser doesn’t allow notifications. Allow them in its settings for this page, then turn this on again.
error-push-failed = Notifications could not be turned on. Check your network, then try again.
error-push-unsupported = This browser can’t notify you while the app is closed. Install the app, or leave a tab open.

## What the user must know; $name is empty where nobody is named

alert-somebody = Somebody
alert-two-histories = The node told you and others two different stories
    .safe = What you wrote is still secret and nothing is lost. Sottovoce no longer believes this node here.
    .todo = Save the proof and show it to whoever runs the node. An admin can start the conversation again.
alert-lost-items = The node lost messages it had taken
    .safe = They were still here and have been sent again.
    .todo = If this comes back, ask whoever runs the node, or move to another one.
alert-withholds = The node keeps something back
    .safe = What you have is complete and secret; something newer has not arrived.
    .todo = Wait a while. If it stays so, ask whoever runs the node.
alert-key-package-reused = A first message could not be opened
    .safe = It was thrown away. Your conversations are safe.
    .todo = If somebody says that they can’t reach you, send them a new link.
alert-flooding = Somebody here sends what nobody can read
    .safe = It is thrown away. Your messages are safe.
    .todo = Ask an admin to look, or leave the group.
alert-broken-update = { $name }’s update failed here
    .safe = Nothing is lost. You are coming in again by yourself.
    .todo = If it doesn’t go on within a day, an admin can start the conversation again.
alert-member-rejoins = { $name } is coming in again after an update failed there
    .safe = Nothing is lost. What is written in between may be missing for them.
    .todo = Nothing to do. If it happens often, ask them whether their app is up to date.
alert-changes-keys-too-often = { $name } changes keys too often
    .safe = Your messages stay secret.
    .todo = Ask whether their device is in order. An admin can remove them.
alert-member-contradicts = { $name } and the node disagree
    .safe = What you see is genuine and nothing is lost.
    .todo = Ask them to reload the app. If it comes back, save the proof if there is one and ask an admin.
alert-restored = This device was brought back from an older copy
    .safe = You are coming in again by yourself. What came after the copy may be missing here.
    .todo = Use one copy only. The others can send again what is missing.
alert-invite-leaked = Somebody else tried your link
    .safe = They did not come in: it was for one person.
    .todo = Ask the person you sent it to where else it went. Make a new link for others.
alert-door-flooded = Too many strangers knock
    .safe = Your conversations go on as usual; new requests wait.
    .todo = Nothing to do. Give people a link instead of your address.
alert-gap = Messages are missing here
    .safe = What you see is genuine. What was written between leaving and coming back never reached this device.
    .todo = Ask the others to send again what matters.
alert-wrong-node = Another node answers at this address
    .safe = Nothing was sent to it.
    .todo = Ask whoever runs the node whether it was set up anew.
alert-not-reached = { $name } was not reached
    .safe = Nothing that was meant for them went to anybody else.
    .todo = The invite was used, closed or had run out. Ask for a new one, or send one.
alert-key-changed = { $name }’s key is new
    .safe = A new phone, or somebody pretending. Writing is paused until you look.
    .todo = Compare the safety number before you write anything that matters.
alert-unknown = Something is not in order here
    .safe = Nothing that you wrote is lost.
    .todo = Reload the page to update; a newer version may know more.

## Files

error-file-network = The node can’t be reached. It goes on by itself.
error-file-busy = The node is busy. It goes on by itself.
error-file-changed = This file changed while it was being sent. Send it again.
error-file-unreadable = This file can’t be read. Choose it again.
error-movie-unknown = What the camera wrote into this video can’t be taken out here. Send it as an original file, or leave it out.
error-file-too-large = This file is larger than the node takes. Send it in parts, or use a node that takes more.
error-file-node-full = The node has no room for it. Try again later, or ask whoever runs it.
error-file-refused = The node refused this file. Wait a while, then try again.
error-file-gone = The node doesn’t have this file any more. Ask for it again.
error-file-damaged = The node gave something else than this file. Try again; nothing wrong was kept.
error-file-dishonest = This file was not made as it should be. Ask for it to be sent again.
error-file-not-yet = This file hasn’t come to the node yet. It goes on when its sender is there.
error-file-unwritable = This file can’t be written here. Choose another place.
error-bad-audio = This can’t be played here. Save it and open it with another program.
error-in-call = You are in a call. End it first.
error-not-direct = This is a group. Join its call.
error-not-a-group = This is no group. Call the other side.
error-not-reachable = This person can’t be called. Look whether the conversation is still open and nobody is blocked.
error-call-over = This call is over.
