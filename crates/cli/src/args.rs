//! What can be typed.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Private messages through nodes that know nothing.
#[derive(Debug, Parser)]
#[command(name = "sottovoce", version, disable_help_subcommand = true)]
pub struct Args {
    /// The profile's folder; without it the platform's data folder
    #[arg(long, global = true, value_name = "DIR", env = "SOTTOVOCE_PROFILE")]
    pub profile: Option<PathBuf>,
    /// One JSON object a line, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account, or bring one back with its 24 words
    New {
        /// The node that keeps your conversations
        #[arg(long, value_name = "URL")]
        node: String,
        /// The name that others see
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        /// Read the 24 words of an account from standard input
        #[arg(long)]
        recover: bool,
    },
    /// Show your address, or change your name
    Whoami {
        /// The name that others see from now on
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
    },
    /// Make a link for one person, or for a group
    Invite {
        /// A group that the link leads to
        #[arg(long, value_name = "CONVERSATION")]
        group: Option<String>,
        /// Ask me before somebody comes into the group
        #[arg(long, requires = "group")]
        approve: bool,
        /// Days that the link works, at most 30
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=30))]
        days: u64,
    },
    /// Follow an invite link
    Accept {
        /// The whole link
        link: String,
        /// A word to whoever made it
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Write to an address; its owner is asked first
    Add {
        /// account@node
        address: String,
        /// A word to its owner
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Show who asks to talk with you, or answer
    Requests {
        /// The answer
        #[command(subcommand)]
        answer: Option<RequestCommand>,
    },
    /// List the people you know
    Contacts,
    /// List conversations
    Conversations,
    /// Send a text
    Send {
        /// Where: an id, a name, or the beginning of one
        conversation: String,
        /// The text, or - to read it from standard input
        text: String,
    },
    /// Send files, 1 to 32 in one message
    SendFile {
        /// Where: an id, a name, or the beginning of one
        conversation: String,
        /// The files, or - to read one from standard input
        #[arg(required = true)]
        paths: Vec<String>,
        /// What to say of them
        #[arg(long, value_name = "TEXT", default_value = "")]
        caption: String,
        /// Photos go as they are, with all that their camera wrote into them; otherwise only what they show
        #[arg(long)]
        original: bool,
    },
    /// Save the files of a message
    Save {
        /// The message's id or its beginning
        message: String,
        /// A file that is not there yet, a folder, or - for standard output; without it the current folder
        #[arg(long, value_name = "PATH")]
        to: Option<String>,
    },
    /// Let the files of a message pause, on their way there or here
    Pause {
        /// The message's id or its beginning
        message: String,
    },
    /// Let paused or stopped files of a message go on
    Resume {
        /// The message's id or its beginning
        message: String,
    },
    /// Drop a message whose files are not sent yet, or end the fetching of its files
    Cancel {
        /// The message's id or its beginning
        message: String,
    },
    /// Pass a message on, with its files; their bytes do not move again
    Forward {
        /// The message's id or its beginning
        message: String,
        /// Where to: an id, a name, or the beginning of one
        conversation: String,
    },
    /// Answer a message
    Reply {
        /// The message's id or its beginning
        message: String,
        /// The text, or - to read it from standard input
        text: String,
    },
    /// React to a message
    React {
        /// The message's id or its beginning
        message: String,
        /// One emoji; without it your reaction is taken back
        emoji: Option<String>,
    },
    /// Change the text of a message of yours
    Edit {
        /// The message's id or its beginning
        message: String,
        /// The text, or - to read it from standard input
        text: String,
    },
    /// Delete a message of yours for everyone
    Delete {
        /// The message's id or its beginning
        message: String,
    },
    /// Let messages disappear: 30s, 5m, 8h, 7d, 4w, 1y or off
    Timer {
        /// Where
        conversation: String,
        /// How long after reading
        duration: String,
    },
    /// Call somebody, without a screen: until the files are played, the other side hangs up, or Ctrl-C
    Call {
        /// Whom: the conversation's id, its name, or the beginning of one
        contact: String,
        /// What is sent and kept
        #[command(flatten)]
        media: MediaArgs,
    },
    /// Pick up every call of the people you know, until Ctrl-C
    Answer {
        /// Send back what comes: a call to try one's devices with
        #[arg(long, conflicts_with_all = ["audio", "video"])]
        echo: bool,
        /// Only the first call
        #[arg(long)]
        once: bool,
        /// What is sent and kept
        #[command(flatten)]
        media: MediaArgs,
    },
    /// Chat in the terminal
    Tui,
    /// Fetch and show new messages
    Receive {
        /// Go on until interrupted
        #[arg(long)]
        follow: bool,
        /// Wait so long for a message, or follow so long
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
    },
    /// Show a conversation
    History {
        /// Which
        conversation: String,
        /// How many entries
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// Search all messages on this device
    Search {
        /// Words or their beginnings
        #[arg(required = true)]
        words: Vec<String>,
        /// How many messages
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Groups
    Group {
        /// What to do
        #[command(subcommand)]
        command: GroupCommand,
    },
    /// Show what went wrong lately, or write the proof of it to a file
    Alerts {
        /// The alert whose proof is written
        #[arg(long, value_name = "ID", requires = "file")]
        export: Option<i64>,
        /// The file for the proof
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Send read receipts, or not (off unless you say so)
    Receipts {
        /// on or off
        #[arg(value_parser = ["on", "off"])]
        state: String,
    },
    /// Restart a broken conversation with the same members
    Restart {
        /// Which
        conversation: String,
    },
}

/// An answer to a request.
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Talk with them, or let them in
    Accept {
        /// The request's id, or who asks
        id: String,
    },
    /// Drop it, without a word to them
    Delete {
        /// The request's id, or who asks
        id: String,
    },
    /// Drop it and all that comes from them later
    Block {
        /// The request's id, or who asks
        id: String,
    },
}

/// What a call without a screen sends and keeps.
#[derive(Debug, clap::Args)]
pub struct MediaArgs {
    /// Sound to send: Opus in an Ogg file
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// A picture to send: VP8 in an IVF file
    #[arg(long, value_name = "FILE")]
    pub video: Option<PathBuf>,
    /// Keep what comes, as audio.ogg and video.ivf in this folder
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Talk without the node where the other side allows it too: each then sees the other's address
    #[arg(long)]
    pub direct: bool,
}

/// What to do with groups.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Make a group
    New {
        /// Its name
        name: String,
    },
    /// Add contacts
    Add {
        /// Which group
        conversation: String,
        /// Whom
        #[arg(required = true)]
        contacts: Vec<String>,
    },
    /// Remove members
    Remove {
        /// Which group
        conversation: String,
        /// Whom
        #[arg(required = true)]
        contacts: Vec<String>,
    },
    /// Leave a group
    Leave {
        /// Which group
        conversation: String,
    },
    /// Show a conversation's members
    Info {
        /// Which
        conversation: String,
    },
    /// Give a group another name
    Rename {
        /// Which group
        conversation: String,
        /// The name
        name: String,
    },
    /// Make a member an admin
    Admin {
        /// Which group
        conversation: String,
        /// Whom
        contact: String,
        /// No admin any longer
        #[arg(long)]
        remove: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn commands_of_the_contract_parse() {
        for line in [
            "new --node http://localhost:4430 --name Ada",
            "--profile /tmp/a --json whoami",
            "whoami --json --profile /tmp/a",
            "invite",
            "invite --group Room",
            "accept https://x/i#y",
            "add svc1x@https://x",
            "requests",
            "requests accept abcd",
            "requests block abcd",
            "conversations",
            "tui",
            "call Ada --audio a.ogg --video v.ivf --record out --direct",
            "answer --echo --once",
            "send Room hello",
            "send Room -",
            "send-file Room a.jpg b.pdf --caption look --original",
            "send-file Room -",
            "save abcd",
            "save abcd --to -",
            "pause abcd",
            "resume abcd",
            "cancel abcd",
            "forward abcd Room",
            "receive",
            "receive --follow --timeout 5",
            "reply abcd hello",
            "react abcd 👍",
            "edit abcd hello",
            "delete abcd",
            "timer Room 5m",
            "history Room --limit 5",
            "search some words",
            "group new Room",
            "group add Room Ada Bob",
            "group remove Room Ada",
            "group leave Room",
            "group info Room",
            "group rename Room Salon",
            "group admin Room Ada",
        ] {
            let words = std::iter::once("sottovoce").chain(line.split(' '));
            Args::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
