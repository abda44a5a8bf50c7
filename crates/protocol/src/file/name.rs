//! File names as a user may see them: what others chose can neither hide what it is nor name a place.

use std::borrow::Cow;

/// Bytes of a shown name at most; what is cut is cut in the middle, so that the kind stays visible.
const SHOWN_BYTES_MAX: usize = 200;
/// Bytes of an extension at most; longer ones are part of the name.
const EXTENSION_BYTES_MAX: usize = 16;

/// Kinds that some system runs when they are opened.
const EXECUTABLE: &[&str] = &[
    "action",
    "ade",
    "adp",
    "apk",
    "app",
    "appimage",
    "appinstaller",
    "application",
    "appref-ms",
    "appx",
    "appxbundle",
    "bash",
    "bat",
    "chm",
    "class",
    "cmd",
    "com",
    "command",
    "cpl",
    "crx",
    "csh",
    "deb",
    "desktop",
    "diagcab",
    "dll",
    "dmg",
    "dylib",
    "elf",
    "exe",
    "fish",
    "gadget",
    "hlp",
    "hta",
    "htm",
    "html",
    "inf",
    "ipa",
    "iqy",
    "iso",
    "img",
    "jar",
    "jnlp",
    "js",
    "jse",
    "kext",
    "ksh",
    "library-ms",
    "lnk",
    "mde",
    "mht",
    "mhtml",
    "msc",
    "msh",
    "msi",
    "msix",
    "msixbundle",
    "msp",
    "mst",
    "pif",
    "pkg",
    "pl",
    "ps1",
    "psd1",
    "psm1",
    "py",
    "pyc",
    "pyw",
    "pyz",
    "rb",
    "reg",
    "rgs",
    "rpm",
    "run",
    "scf",
    "scpt",
    "scr",
    "search-ms",
    "service",
    "settingcontent-ms",
    "sh",
    "shb",
    "shtml",
    "snap",
    "so",
    "svg",
    "svgz",
    "swf",
    "sys",
    "tcsh",
    "tool",
    "udf",
    "url",
    "vb",
    "vbe",
    "vbs",
    "vhd",
    "vhdx",
    "webloc",
    "website",
    "workflow",
    "ws",
    "wsc",
    "wsf",
    "wsh",
    "xbap",
    "xhtml",
    "xll",
    "xpi",
    "xsl",
    "zsh",
    // Documents that carry programs.
    "docm",
    "dotm",
    "one",
    "onetoc2",
    "potm",
    "ppam",
    "ppsm",
    "pptm",
    "sldm",
    "slk",
    "xlam",
    "xlsm",
    "xltm",
];

/// Names that Windows takes for devices, with any extension.
const DEVICES: &[&str] = &[
    "con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt0",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "conin$", "conout$",
];

/// A file's name as it may be shown, and suggested where a file is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownName {
    /// One part of a path, 1 to 200 bytes, without control, bidirectional or invisible characters, without characters
    /// that a file system gives a meaning, neither `.` nor `..`, without a dot at its beginning or end.
    pub text: String,
    /// Opening it may run a program.
    pub is_executable: bool,
    /// It ends like a document and then like a program: made to be mistaken.
    pub is_disguised: bool,
}

/// Makes a name of anywhere fit to be shown; a name of which nothing is left becomes `file`.
pub fn show_name(name: &str) -> ShownName {
    let last = name.rsplit(['/', '\\']).find(|part| !plain(part).is_empty()).unwrap_or_default();
    let plain = plain(last);
    let text = if plain.is_empty() { Cow::Borrowed("file") } else { Cow::Owned(plain) };
    let text = fit(&without_device(&text));
    let extensions: Vec<String> = text.rsplit('.').take(2).map(str::to_lowercase).collect();
    let parts = text.matches('.').count();
    let is_executable = parts > 0 && extensions.first().is_some_and(|last| EXECUTABLE.contains(&last.trim()));
    let is_disguised = is_executable && parts > 1 && extensions.get(1).is_some_and(|before| is_document(before));
    ShownName { text, is_executable, is_disguised }
}

/// Between two dots: short, and letters or digits, as an extension is.
fn is_document(part: &str) -> bool {
    let part = part.trim();
    (2..=5).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && part.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Drops what is not to be seen, replaces what has a meaning, joins spaces, takes dots and spaces from both ends.
fn plain(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for character in part.chars() {
        match character {
            _ if is_hidden(character) => {}
            _ if character.is_whitespace() => {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
            }
            '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{2024}' | '\u{2044}' | '\u{2215}' | '\u{29f5}'
            | '\u{29f8}' | '\u{29f9}' | '\u{ff0e}' | '\u{ff0f}' | '\u{ff3c}' | '\u{fe52}' | '\u{fe68}' | '\u{a789}'
            | '\u{ff1a}' => text.push('_'),
            _ => text.push(character),
        }
    }
    text.trim_matches(['.', ' ']).to_owned()
}

/// Control and format characters, joiners, fillers, tags, private use: all that changes what is seen without being seen.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fffd}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e000}'..='\u{f8ff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{f0000}'..='\u{10ffff}')
}

fn without_device(text: &str) -> Cow<'_, str> {
    let stem = text.split('.').next().unwrap_or_default().trim().to_lowercase();
    if DEVICES.contains(&stem.as_str()) { Cow::Owned(format!("_{text}")) } else { Cow::Borrowed(text) }
}

/// Cuts a long name before its extension.
fn fit(text: &str) -> String {
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    let extension = text.rfind('.').map(|at| &text[at..]).filter(|end| end.len() <= EXTENSION_BYTES_MAX).unwrap_or("");
    let mark = "…";
    let mut end = SHOWN_BYTES_MAX - extension.len() - mark.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{mark}{extension}", text[..end].trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_names_are_shown_as_what_they_are() {
        for (name, text, is_executable, is_disguised) in [
            ("photo.jpg", "photo.jpg", false, false),
            ("Übersicht für März.pdf", "Übersicht für März.pdf", false, false),
            ("写真 📷.heic", "写真 📷.heic", false, false),
            ("", "file", false, false),
            (".", "file", false, false),
            ("..", "file", false, false),
            ("../../etc/passwd", "passwd", false, false),
            ("..\\..\\windows\\win.ini", "win.ini", false, false),
            ("/", "file", false, false),
            ("folder/", "folder", false, false),
            ("folder/..", "folder", false, false),
            (".bashrc", "bashrc", false, false),
            ("a\u{0}b.txt", "ab.txt", false, false),
            ("a\u{1b}[31mred.txt", "a[31mred.txt", false, false),
            ("line\nbreak\r.txt", "linebreak.txt", false, false),
            ("holiday\u{202e}gpj.exe", "holidaygpj.exe", true, false),
            ("invoice\u{200b}.pdf\u{2066}.exe", "invoice.pdf.exe", true, true),
            ("invoice.pdf.exe", "invoice.pdf.exe", true, true),
            ("invoice.pdf                                                   .exe", "invoice.pdf .exe", true, true),
            ("invoice.pdf\u{a0}\u{2003}\u{3000}.ScR", "invoice.pdf .ScR", true, true),
            ("setup.exe", "setup.exe", true, false),
            ("setup.exe.", "setup.exe", true, false),
            ("setup.exe . . ", "setup.exe", true, false),
            ("archive.tar.gz", "archive.tar.gz", false, false),
            ("v1.2.sh", "v1.2.sh", true, false),
            ("picture.svg", "picture.svg", true, false),
            ("exe", "exe", false, false),
            ("con", "_con", false, false),
            ("NUL.txt", "_NUL.txt", false, false),
            ("com1.tar.gz", "_com1.tar.gz", false, false),
            ("a:b", "a_b", false, false),
            ("file.txt:stream", "file.txt_stream", false, false),
            ("what?.txt", "what_.txt", false, false),
            ("a\u{2044}b\u{ff0f}c.txt", "a_b_c.txt", false, false),
            ("a\u{2024}exe", "a_exe", false, false),
            ("%2e%2e%2fpasswd", "%2e%2e%2fpasswd", false, false),
            ("100% done.odt", "100% done.odt", false, false),
            ("\u{feff}\u{3164}\u{e0041}", "file", false, false),
            ("e\u{301}te\u{301}.txt", "e\u{301}te\u{301}.txt", false, false),
        ] {
            let shown = show_name(name);
            assert_eq!(
                (shown.text.as_str(), shown.is_executable, shown.is_disguised),
                (text, is_executable, is_disguised)
            );
        }
    }

    #[test]
    fn long_name_keeps_its_kind() {
        let shown = show_name(&format!("{}.exe", "ä".repeat(300)));
        assert!(shown.text.ends_with("….exe") && shown.is_executable, "{}", shown.text);
        assert!(shown.text.len() <= SHOWN_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_harmless_part_of_a_path(name in "(?s).{0,300}") {
            let shown = show_name(&name);
            prop_assert!((1..=SHOWN_BYTES_MAX).contains(&shown.text.len()));
            prop_assert!(!shown.text.contains(['/', '\\', ':', '<', '>', '|', '?', '*', '"']));
            prop_assert!(!shown.text.chars().any(is_hidden));
            prop_assert!(!shown.text.starts_with(['.', ' ']) && !shown.text.ends_with(['.', ' ']));
            prop_assert_eq!(show_name(&shown.text), shown);
        }
    }
}
