//! The words of `locales/`, in the language of the user.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::sync::{Arc, OnceLock};

/// A language that every word is there in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Italian.
    Italian,
}

impl Language {
    /// By what the environment says: `LC_ALL`, else `LC_MESSAGES`, else `LANG`; English where it says another one.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let said =
            ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| variable(name).filter(|it| !it.is_empty()));
        match said.as_deref().map(|said| said.split(['_', '.', '@', '-']).next().unwrap_or("")) {
            Some("it") => Self::Italian,
            Some(_) | None => Self::English,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Italian => "it",
        }
    }

    /// What the chat says, what the other commands say, and what both share with the web app.
    fn files(self) -> [&'static str; 3] {
        match self {
            Self::English => [
                include_str!("../../../locales/en/tui.ftl"),
                include_str!("../../../locales/en/cli.ftl"),
                include_str!("../../../locales/en/errors.ftl"),
            ],
            Self::Italian => [
                include_str!("../../../locales/it/tui.ftl"),
                include_str!("../../../locales/it/cli.ftl"),
                include_str!("../../../locales/it/errors.ftl"),
            ],
        }
    }
}

/// What stands for a variable of a message.
pub type Value<'a> = FluentValue<'a>;

/// All messages of a language.
pub struct Words {
    bundle: FluentBundle<Arc<FluentResource>>,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words(..)")
    }
}

impl Words {
    /// Reads a language. What is broken in a file is not there; a test looks for that.
    pub fn new(language: Language) -> Self {
        let mut bundle = FluentBundle::new_concurrent(language.code().parse().into_iter().collect());
        // A terminal would show the marks that isolate; names come harmless already.
        bundle.set_use_isolating(false);
        // Nothing is added twice, so nothing is refused.
        let _ = bundle.add_builtins();
        for file in language.files() {
            let resource = FluentResource::try_new(file.to_owned()).unwrap_or_else(|(resource, _)| resource);
            let _ = bundle.add_resource(Arc::new(resource));
        }
        Self { bundle }
    }

    /// A message, or an attribute of one as `id.attribute`; none where it is missing or lacks a variable.
    pub fn find(&self, id: &str, variables: &[(&str, Value<'_>)]) -> Option<String> {
        let (name, attribute) = id.split_once('.').map_or((id, None), |(name, attribute)| (name, Some(attribute)));
        let message = self.bundle.get_message(name)?;
        let pattern = match attribute {
            Some(attribute) => message.get_attribute(attribute)?.value(),
            None => message.value()?,
        };
        let mut args = FluentArgs::new();
        for (name, value) in variables {
            args.set(*name, value.clone());
        }
        let mut errors = Vec::new();
        let said = self.bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
        errors.is_empty().then_some(said)
    }
}

/// The user's words.
pub fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| Words::new(spoken()))
}

#[cfg(not(test))]
fn spoken() -> Language {
    Language::of(|name| std::env::var(name).ok())
}

/// Tests read English whoever runs them.
#[cfg(test)]
fn spoken() -> Language {
    Language::English
}

/// A message; its id where it is missing, which a test of every id prevents.
pub fn say(id: &str, variables: &[(&str, Value<'_>)]) -> String {
    words().find(id, variables).unwrap_or_else(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// The messages of a file's text, each with the variables that it names.
    fn messages(file: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut current = String::new();
        for line in file.lines() {
            let name = line.split(" =").next().unwrap_or("");
            if line.contains(" =") && !line.starts_with([' ', '#']) {
                current = name.to_owned();
                assert!(found.insert(current.clone(), BTreeSet::new()).is_none(), "{name} is there twice");
            }
            let variables = line
                .split('$')
                .skip(1)
                .map(|rest| rest.chars().take_while(|one| one.is_alphanumeric() || *one == '-').collect::<String>());
            if let Some(known) = found.get_mut(&current).filter(|_| !line.starts_with('#')) {
                known.extend(variables);
            }
        }
        found
    }

    #[test]
    fn languages_are_read_from_the_environment() {
        for (variables, language) in [
            (&[][..], Language::English),
            (&[("LANG", "it_IT.UTF-8")][..], Language::Italian),
            (&[("LANG", "it"), ("LC_ALL", "C.UTF-8")][..], Language::English),
            (&[("LANG", "en_GB"), ("LC_MESSAGES", "it_CH")][..], Language::Italian),
            (&[("LANG", "de_DE"), ("LC_ALL", "")][..], Language::English),
        ] {
            let found =
                Language::of(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()));
            assert_eq!(found, language, "{variables:?}");
        }
    }

    #[test]
    fn both_languages_say_the_same_messages_with_the_same_variables() {
        for (english, italian) in Language::English.files().into_iter().zip(Language::Italian.files()) {
            assert_eq!(messages(english), messages(italian));
            assert!(FluentResource::try_new(english.to_owned()).is_ok());
            assert!(FluentResource::try_new(italian.to_owned()).is_ok());
        }
    }

    #[test]
    fn every_message_can_be_said() {
        for language in [Language::English, Language::Italian] {
            let words = Words::new(language);
            for (id, variables) in language.files()[..2].iter().flat_map(|file| messages(file)) {
                let values: Vec<(&str, Value<'_>)> = variables
                    .iter()
                    .map(|name| (name.as_str(), if name == "count" { Value::from(2) } else { Value::from("x") }))
                    .collect();
                let said = words.find(&id, &values).unwrap_or_else(|| panic!("{language:?} {id}"));
                assert!(!said.is_empty() && !said.contains(['{', '\u{2068}']), "{id}: {said}");
            }
        }
    }

    #[test]
    fn every_message_of_the_chat_is_used() {
        let sources = [
            include_str!("tui/words.rs"),
            include_str!("tui/says.rs"),
            include_str!("tui/update.rs"),
            include_str!("tui/view/dialog.rs"),
        ]
        .concat();
        for (id, _) in messages(Language::English.files()[0]) {
            let name = id.trim_start_matches("tui-");
            assert!(
                sources.contains(&format!("\"{name}\"")) || sources.contains(&format!("\"{id}\"")),
                "{id} is not used"
            );
        }
    }

    #[test]
    fn every_message_of_the_commands_is_used_and_every_one_asked_for_is_there() {
        let sources = [
            include_str!("text.rs"),
            include_str!("output.rs"),
            include_str!("session.rs"),
            include_str!("failure.rs"),
            include_str!("commands/account.rs"),
            include_str!("commands/call.rs"),
            include_str!("commands/contact.rs"),
            include_str!("commands/conversation.rs"),
            include_str!("commands/file.rs"),
            include_str!("commands/group.rs"),
            include_str!("commands/message.rs"),
            include_str!("commands/outgoing.rs"),
            include_str!("commands/receive.rs"),
        ]
        .concat();
        let asked: BTreeSet<String> = sources
            .split("\"cli-")
            .skip(1)
            .filter_map(|rest| rest.split_once('"'))
            .map(|(id, _)| format!("cli-{id}"))
            .collect();
        let known: BTreeSet<String> = messages(Language::English.files()[1]).into_keys().collect();
        assert_eq!(asked, known);
    }

    #[test]
    fn counts_are_said_as_people_say_them() {
        let italian = Words::new(Language::Italian);
        let said = |count: usize| italian.find("tui-new-messages", &[("count", count.into())]);
        assert_eq!(said(1).as_deref(), Some("1 nuovo messaggio"));
        assert_eq!(said(3).as_deref(), Some("3 nuovi messaggi"));
        assert_eq!(
            italian.find("alert-gap.todo", &[]).as_deref(),
            Some("Chiedi agli altri di rimandare ciò che conta.")
        );
        assert_eq!(italian.find("tui-new-messages", &[]), None, "a variable is missing");
        assert_eq!(italian.find("nothing", &[]), None);
    }
}
