//! What the chat says about something: counts, names, times, refusals.

use crate::language::{self, Value};
use crate::tui::{clock, safe};
use client::timeline::{CallEntry, CallOutcome, MessageState, Notice};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use protocol::event::{ContactRequest, ConversationState, IntentError, RequestKind};
use wire::id::AccountId;

/// A message of `tui.ftl`.
pub fn say(id: &str, variables: &[(&str, Value<'_>)]) -> String {
    language::say(&format!("tui-{id}"), variables)
}

fn named(id: &str, name: &str) -> String {
    say(id, &[("name", name.into())])
}

fn counted(id: &str, count: usize) -> String {
    say(id, &[("count", count.into())])
}

/// New ones since the conversation was opened.
pub fn new_messages(count: usize) -> String {
    counted("new-messages", count)
}

/// How far a file is, and how fast it moves.
pub fn progress(progress: &client::files::Progress) -> String {
    let done = progress.done_bytes.min(progress.total_bytes);
    let percent = done.saturating_mul(100).checked_div(progress.total_bytes).unwrap_or(100);
    match progress.bytes_per_s() {
        Some(speed) => format!("{percent} % · {}/s", crate::text::bytes(speed)),
        None => format!("{percent} %"),
    }
}

/// One of a list of words.
fn word_of(id: &str, index: i8) -> String {
    let words = say(id, &[]);
    let index = usize::try_from(index).unwrap_or(0);
    words.split(' ').nth(index).unwrap_or("").to_owned()
}

/// The name of a day.
pub fn day(zone: &TimeZone, at_ms: u64, now_ms: u64) -> String {
    let (at, now) = (clock::day(zone, at_ms), clock::day(zone, now_ms));
    if at == now {
        return say("today", &[]);
    }
    if now.checked_sub(1.day()).is_ok_and(|yesterday| yesterday == at) {
        return say("yesterday", &[]);
    }
    let id = if at.year() == now.year() { "day-near" } else { "day-far" };
    let weekday = word_of("weekdays", at.weekday().to_monday_zero_offset());
    let month = word_of("months", at.month() - 1);
    say(
        id,
        &[
            ("weekday", weekday.into()),
            ("day", at.day().to_string().into()),
            ("month", month.into()),
            ("year", at.year().to_string().into()),
        ],
    )
}

/// When a conversation was last written in, short.
pub fn moment(zone: &TimeZone, at_ms: u64, now_ms: u64) -> String {
    let (at, now): (Date, Date) = (clock::day(zone, at_ms), clock::day(zone, now_ms));
    if at_ms == 0 {
        return String::new();
    }
    if at == now {
        return clock::time(zone, at_ms);
    }
    if now.checked_sub(6.days()).is_ok_and(|week| week <= at) {
        return word_of("weekdays-short", at.weekday().to_monday_zero_offset());
    }
    at.strftime("%d.%m.%y").to_string()
}

/// Seconds in the largest unit that fits.
pub fn duration(seconds: u32) -> String {
    const UNITS: [(u32, &str); 6] = [
        (31_536_000, "years"),
        (604_800, "weeks"),
        (86_400, "days"),
        (3_600, "hours"),
        (60, "minutes"),
        (1, "seconds"),
    ];
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length && seconds.is_multiple_of(*length));
    let (length, id) = unit.unwrap_or((1, "seconds"));
    counted(id, usize::try_from(seconds / length).unwrap_or(usize::MAX))
}

/// A time that is left, short.
pub fn left(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        3_600..86_400 => format!("{} h", seconds.div_ceil(3_600)),
        _ => counted("left-days", usize::try_from(seconds.div_ceil(86_400)).unwrap_or(usize::MAX)),
    }
}

/// A delivery state.
pub fn state(state: MessageState) -> String {
    let id = match state {
        MessageState::Pending => "state-pending",
        MessageState::Stored => "state-stored",
        MessageState::Delivered => "state-delivered",
        MessageState::Read => "state-read",
        MessageState::Failed => "state-failed",
        MessageState::Received => return String::new(),
    };
    say(id, &[])
}

/// Why a message was not sent, and what to do.
pub fn not_sent(is_over: bool) -> String {
    say(if is_over { "not-sent-over" } else { "not-sent" }, &[])
}

/// What happened to a conversation.
pub fn notice(notice: &Notice, name: &dyn Fn(&AccountId) -> String, own: &AccountId) -> String {
    let who = |account: &AccountId, they: &str, you: &str| {
        if account == own { say(you, &[]) } else { named(they, &name(account)) }
    };
    match notice {
        Notice::Began => say("quiet", &[]),
        Notice::Added(account) => who(account, "added", "added-you"),
        Notice::Removed(account) => who(account, "removed", "removed-you"),
        Notice::BecameAdmin(account) => who(account, "became-admin", "became-admin-you"),
        Notice::NoLongerAdmin(account) => who(account, "no-longer-admin", "no-longer-admin-you"),
        Notice::Renamed(title) => say("renamed", &[("title", safe::line(title).into())]),
        Notice::Ended => say("ended", &[]),
        Notice::Restarted => say("restarted", &[]),
    }
}

/// Somebody set the timer; nobody named: we did.
pub fn timer_set(who: Option<&str>, seconds: u32) -> String {
    match (who, seconds) {
        (None, 0) => say("timer-unset-you", &[]),
        (Some(name), 0) => named("timer-unset", name),
        (None, seconds) => say("timer-set-you", &[("time", duration(seconds).into())]),
        (Some(name), seconds) => say("timer-set", &[("name", name.into()), ("time", duration(seconds).into())]),
    }
}

/// What became of a call.
pub fn call(call: &CallEntry) -> String {
    let id = match (call.outcome, call.is_outgoing) {
        (CallOutcome::Talked, _) if call.group.is_some() => "call-group",
        _ if call.group.is_some() => "call-group-missed",
        (CallOutcome::Talked, _) => "call-talked",
        (CallOutcome::Elsewhere, _) => "call-elsewhere",
        (CallOutcome::Unanswered, true) => "call-unanswered",
        (CallOutcome::Unanswered, false) => "call-missed",
        (CallOutcome::Declined, true) => "call-declined",
        (CallOutcome::Declined, false) => "call-declined-you",
        (CallOutcome::Busy, _) => "call-busy",
        (CallOutcome::Failed, _) => "call-failed",
    };
    let line = say(id, &[("time", duration(call.shown_seconds()).into())]);
    if call.text.is_empty() { line } else { format!("{line}: {}", safe::line(&call.text)) }
}

/// Who types.
pub fn typing(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => named("typing-one", one),
        [one, two] => say("typing-two", &[("name", one.as_str().into()), ("other", two.as_str().into())]),
        many => counted("typing-many", many.len()),
    }
}

/// Who is in the call that is under way.
pub fn in_call(names: &[String]) -> String {
    match names {
        [one] => named("in-call-one", one),
        many => counted("in-call-many", many.len()),
    }
}

/// Who asks for what.
pub fn request(request: &ContactRequest, name: &str, group: Option<&str>) -> String {
    match (&request.kind, group) {
        (RequestKind::Talk, _) => named("request-talk", name),
        (RequestKind::JoinGroup, _) => named("request-join", name),
        (RequestKind::EnterGroup(_), Some(group)) => {
            say("request-enter", &[("name", name.into()), ("group", group.into())])
        }
        (RequestKind::EnterGroup(_), None) => named("request-enter-some", name),
    }
}

/// How many are in a group.
pub fn members(count: usize) -> String {
    counted("members", count)
}

/// What a conversation's state means; nothing where all is well.
pub fn conversation_state(state: ConversationState) -> String {
    let id = match state {
        ConversationState::Active => return String::new(),
        ConversationState::Suspect => "is-suspect",
        ConversationState::Rejoining => "is-rejoining",
        ConversationState::Disputed => "is-disputed",
        ConversationState::Leaving => "is-leaving",
        ConversationState::Left => "is-left",
        ConversationState::Restarted => "is-restarted",
    };
    say(id, &[])
}

/// A timer in the head of a conversation.
pub fn timer(seconds: u32) -> String {
    format!("◷ {}", duration(seconds))
}

/// New ones below what is seen.
pub fn below(count: usize) -> String {
    let newest = say("newest", &[]);
    if count == 0 { newest } else { format!("{} · {newest}", new_messages(count)) }
}

/// Whom a reply answers.
pub fn replying(name: &str) -> String {
    named("replying", name)
}

/// Where is searched.
pub fn search_within(title: &str) -> String {
    say("search-within", &[("title", title.into())])
}

/// Removing a person.
pub fn remove_title(name: &str) -> String {
    named("remove-title", name)
}

/// Blocking a person.
pub fn block_title(name: &str) -> String {
    named("block-title", name)
}

/// Where a proof was written.
pub fn exported(file: &str) -> String {
    say("exported", &[("file", file.into())])
}

/// Keys with the deed that they do.
pub fn keys(id: &str, verb: &str) -> String {
    say(id, &[("verb", verb.into())])
}

/// A refusal as a sentence with what to do.
pub fn refusal(error: &IntentError) -> String {
    let id = match error {
        IntentError::NoRequest => return say("error-no-request", &[]),
        IntentError::TooNew => return say("error-too-new", &[]),
        IntentError::NoConversation => "error-no-conversation",
        IntentError::NoContact => "error-no-contact",
        IntentError::NoMember => "error-no-member",
        IntentError::IsMember => "error-is-member",
        IntentError::NotAdmin => "error-not-admin",
        IntentError::NotActive => "error-not-active",
        IntentError::IsDirect => "error-is-direct",
        IntentError::LastAdmin => "error-last-admin",
        IntentError::TooManyMembers => "error-too-many-members",
        IntentError::TooLong { found, limit, .. } => {
            return language::say("error-too-long", &[("found", (*found).into()), ("limit", (*limit).into())]);
        }
        IntentError::BadLink(_) => "error-bad-link",
        IntentError::BadAddress(_) => "error-bad-address",
        IntentError::InviteGone => "error-invite-gone",
        IntentError::OwnInvite => "error-own-invite",
        IntentError::Forged => "error-forged",
        IntentError::NoDoor => "error-no-door",
        IntentError::NotBroken => "error-not-broken",
        IntentError::Offline => "error-offline",
        IntentError::Refused => "error-refused",
    };
    language::say(id, &[])
}

/// An alert: what happened, what is safe, what to do. What happened stays as it was kept where it names somebody.
pub fn alert(code: &str, kept: &str) -> (String, Option<String>, Option<String>) {
    let id = format!("alert-{}", code.replace('_', "-"));
    let find = |id: &str| language::words().find(id, &[]);
    let what = find(&id).unwrap_or_else(|| safe::line(kept));
    (what, find(&format!("{id}.safe")), find(&format!("{id}.todo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 15 January 2027, 08:00 UTC, a Friday.
    const NOW_MS: u64 = 1_800_000_000_000;
    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn days_are_named_as_people_name_them() {
        let said = |days: u64| day(&TimeZone::UTC, NOW_MS - days * DAY_MS, NOW_MS);
        assert_eq!(said(0), "Today");
        assert_eq!(said(1), "Yesterday");
        assert_eq!(said(4), "Monday, 11 January");
        assert_eq!(said(300), "21 March 2026");
        let short = |days: u64| moment(&TimeZone::UTC, NOW_MS - days * DAY_MS, NOW_MS);
        assert_eq!((short(0), short(4), short(300)), ("08:00".into(), "Mon".into(), "21.03.26".into()));
    }

    #[test]
    fn durations_read_well() {
        for (seconds, said) in
            [(5, "5 seconds"), (60, "1 minute"), (90, "90 seconds"), (604_800, "1 week"), (31_536_000, "1 year")]
        {
            assert_eq!(duration(seconds), said);
        }
        assert_eq!((left(58_001), left(60_001), left(7_200_000)), ("59 s".into(), "2 min".into(), "2 h".into()));
    }

    #[test]
    fn alerts_say_what_is_safe_and_what_to_do() {
        const KEPT: &str = "Bob's update failed here; rejoining";
        let (what, safe, todo) = alert("two_histories", KEPT);
        assert!(what.starts_with("The node told you") && safe.is_some() && todo.is_some());
        let (what, safe, _) = alert("broken_update", KEPT);
        assert_eq!(what, KEPT, "a name is needed, and the kept words have it");
        assert!(safe.is_some());
        assert_eq!(alert("from_a_later_version", KEPT).1, None);
    }
}
