//! Rust text without comments and string contents, so that a rule sees code alone.

/// Replaces comments and the contents of string and character literals by spaces; lines stay where they are.
pub fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut scanner = Scanner { chars: &chars, at: 0, code: String::with_capacity(text.len()) };
    while scanner.at < chars.len() {
        scanner.step();
    }
    scanner.code
}

/// The part before the unit tests, which stand last in a file.
pub fn production_of(code: &str) -> &str {
    match code.find("#[cfg(test)]\nmod ").or_else(|| code.find("#[cfg(all(test")) {
        Some(at) => &code[..at],
        None => code,
    }
}

struct Scanner<'a> {
    chars: &'a [char],
    at: usize,
    code: String,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        self.code.push(self.chars[self.at]);
        self.at += 1;
    }

    fn blank(&mut self) {
        let is_line_end = self.chars[self.at] == '\n';
        self.code.push(if is_line_end { '\n' } else { ' ' });
        self.at += 1;
    }

    fn step(&mut self) {
        match (self.chars[self.at], self.peek(1)) {
            ('/', Some('/')) => {
                while self.peek(0).is_some_and(|found| found != '\n') {
                    self.blank();
                }
            }
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => self.string(),
            ('r', Some('"' | '#')) if !self.is_inside_word() => self.raw_string(),
            ('b', Some('r')) if !self.is_inside_word() && matches!(self.peek(2), Some('"' | '#')) => {
                self.keep();
                self.raw_string();
            }
            ('\'', _) => self.character(),
            _ => self.keep(),
        }
    }

    fn is_inside_word(&self) -> bool {
        self.at > 0 && (self.chars[self.at - 1].is_alphanumeric() || self.chars[self.at - 1] == '_')
    }

    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while self.at < self.chars.len() {
            match (self.chars[self.at], self.peek(1)) {
                ('/', Some('*')) => {
                    depth += 1;
                    self.blank();
                }
                ('*', Some('/')) => {
                    depth -= 1;
                    self.blank();
                }
                _ => {}
            }
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        while let Some(found) = self.peek(0) {
            match found {
                '"' => return self.keep(),
                '\\' if self.peek(1).is_some() => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }

    /// `r#"..."#` with any number of `#`; `r#word` is a name.
    fn raw_string(&mut self) {
        let hashes = (1..).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        if self.peek(1 + hashes) != Some('"') {
            return self.keep();
        }
        for _ in 0..hashes + 2 {
            self.keep();
        }
        while let Some(found) = self.peek(0) {
            let ends = found == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if ends {
                for _ in 0..=hashes {
                    self.keep();
                }
                return;
            }
            self.blank();
        }
    }

    /// `'x'` and `'\n'`, but not the lifetime `'a`.
    fn character(&mut self) {
        let length = match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => (3..12).find(|ahead| self.peek(*ahead) == Some('\'')),
            (_, Some('\'')) => Some(2),
            _ => None,
        };
        self.keep();
        for _ in 1..length.unwrap_or(1) {
            self.blank();
        }
        if length.is_some() {
            self.keep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_and_lines_stay() {
        let text = "a // x\nb /* y /* z */\n */ c \"d\\\"e\" f\n";
        assert_eq!(code_of(text), "a     \nb             \n    c \"    \" f\n");
    }

    #[test]
    fn raw_strings_characters_and_lifetimes_are_told_apart() {
        assert_eq!(code_of(r##"r#"a"b"# x"##), r##"r#"   "# x"##);
        assert_eq!(code_of("br\"a\" for"), "br\" \" for");
        assert_eq!(code_of("r#gen 'a' '\\n' &'a str '\"' x"), "r#gen ' ' '  ' &'a str ' ' x");
        assert_eq!(code_of("'\\u{1F600}' \"x\""), "'         ' \" \"");
    }

    #[test]
    fn an_open_string_or_comment_ends_with_the_file() {
        for text in ["\"abc", "/* abc", "r#\"abc", "'", "'\\"] {
            assert_eq!(code_of(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn unit_tests_are_no_production_code() {
        assert_eq!(production_of("a\n#[cfg(test)]\nmod tests {}"), "a\n");
        assert_eq!(production_of("a\n#[cfg(test)]\nfn helper() {}"), "a\n#[cfg(test)]\nfn helper() {}");
    }
}
