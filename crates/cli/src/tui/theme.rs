//! Colours: the terminal's own sixteen, a warm lamp where the terminal can draw it, none where none are wanted.

use ratatui::style::{Color, Modifier, Style};
use wire::id::AccountId;

/// What the terminal can draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// `NO_COLOR`.
    None,
    /// The terminal's sixteen.
    Sixteen,
    /// All of them, on a ground that is dark, light or unknown.
    True(Ground),
}

/// What text lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// The terminal does not say.
    Unknown,
}

/// How everything looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colours: Colours,
}

const NAMES_SIXTEEN: [Color; 3] = [Color::Cyan, Color::Magenta, Color::Blue];
/// Hues for names: legible on black and on white.
const NAMES_TRUE: [(u8, u8, u8); 6] = [
    (0x4a, 0x86, 0x8f),
    (0xa0, 0x6a, 0xa8),
    (0x5b, 0x7d, 0xc0),
    (0xb0, 0x69, 0x7c),
    (0x86, 0x7b, 0x3f),
    (0x7a, 0x74, 0xb8),
];

impl Theme {
    /// By what the environment says: `NO_COLOR`, `COLORTERM`, `COLORFGBG`, and `SOTTOVOCE_THEME` over all.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() {
            return Self { colours: Colours::None };
        }
        let is_true = set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
        if !is_true {
            return Self { colours: Colours::Sixteen };
        }
        let ground = match (set("SOTTOVOCE_THEME").as_deref(), set("COLORFGBG")) {
            (Some("dark"), _) => Ground::Dark,
            (Some("light"), _) => Ground::Light,
            (_, Some(pair)) => match pair.rsplit(';').next() {
                Some("7" | "15") => Ground::Light,
                Some("0" | "8") => Ground::Dark,
                _ => Ground::Unknown,
            },
            (_, None) => Ground::Unknown,
        };
        Self { colours: Colours::True(ground) }
    }

    fn colour(self, sixteen: Color, dark: (u8, u8, u8), light: (u8, u8, u8), unknown: (u8, u8, u8)) -> Style {
        let (red, green, blue) = match self.colours {
            Colours::None => return Style::new(),
            Colours::Sixteen => return Style::new().fg(sixteen),
            Colours::True(Ground::Dark) => dark,
            Colours::True(Ground::Light) => light,
            Colours::True(Ground::Unknown) => unknown,
        };
        Style::new().fg(Color::Rgb(red, green, blue))
    }

    /// Whether anything may have a colour.
    pub fn has_colours(self) -> bool {
        self.colours != Colours::None
    }

    /// A picture's pixel, as near as the terminal comes to it.
    pub fn pixel(self, rgb: [u8; 3]) -> Color {
        match self.colours {
            Colours::None => Color::Reset,
            Colours::True(_) => Color::Rgb(rgb[0], rgb[1], rgb[2]),
            // The cube of 6 by 6 by 6 that nearly every terminal of sixteen has beside them.
            Colours::Sixteen => {
                let [red, green, blue] = rgb.map(|value| ((u16::from(value) * 5 + 127) / 255) as u8);
                Color::Indexed(16 + 36 * red + 6 * green + blue)
            }
        }
    }

    /// What people say: upright, the terminal's own colour.
    pub fn talk(self) -> Style {
        Style::new()
    }

    /// What the app says: italics.
    pub fn voice(self) -> Style {
        Style::new().add_modifier(Modifier::ITALIC)
    }

    /// What the app says by the way.
    pub fn aside(self) -> Style {
        self.voice().add_modifier(Modifier::DIM)
    }

    /// Times, lines, what is not looked at first.
    pub fn soft(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The lamp: what is yours, what is new, what to press.
    pub fn lamp(self) -> Style {
        self.colour(Color::Yellow, (0xed, 0xb8, 0x56), (0x7d, 0x4f, 0x08), (0xb0, 0x78, 0x14))
    }

    /// Text on a lit tile.
    pub fn lit(self) -> Style {
        match self.colours {
            Colours::None => Style::new().add_modifier(Modifier::REVERSED),
            Colours::Sixteen => Style::new().fg(Color::Black).bg(Color::Yellow),
            Colours::True(_) => Style::new().fg(Color::Rgb(0x27, 0x19, 0x04)).bg(Color::Rgb(0xed, 0xb8, 0x56)),
        }
    }

    /// What is chosen among others.
    pub fn chosen(self) -> Style {
        match self.colours {
            Colours::True(Ground::Dark) => Style::new().bg(Color::Rgb(0x38, 0x30, 0x1c)),
            Colours::True(Ground::Light) => Style::new().bg(Color::Rgb(0xf8, 0xe9, 0xc3)),
            Colours::None | Colours::Sixteen | Colours::True(Ground::Unknown) => {
                Style::new().add_modifier(Modifier::REVERSED)
            }
        }
    }

    /// Compared, accepted.
    pub fn trust(self) -> Style {
        self.colour(Color::Green, (0x7f, 0xd3, 0xb4), (0x1c, 0x65, 0x4e), (0x2f, 0x8f, 0x70))
    }

    /// Something is wrong now.
    pub fn alarm(self) -> Style {
        self.colour(Color::Red, (0xf5, 0x95, 0x82), (0xab, 0x33, 0x26), (0xd0, 0x50, 0x40))
    }

    /// A person's own hue.
    pub fn name(self, account: &AccountId) -> Style {
        let seed = usize::from(account.0[0]) + usize::from(account.0[1]) * 256;
        match self.colours {
            Colours::None => Style::new(),
            Colours::Sixteen => Style::new().fg(NAMES_SIXTEEN[seed % NAMES_SIXTEEN.len()]),
            Colours::True(_) => {
                let (red, green, blue) = NAMES_TRUE[seed % NAMES_TRUE.len()];
                Style::new().fg(Color::Rgb(red, green, blue))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(variables: &[(&str, &str)]) -> Theme {
        Theme::of(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn environment_decides_about_colours() {
        for (variables, colours) in [
            (&[][..], Colours::Sixteen),
            (&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")][..], Colours::None),
            (&[("NO_COLOR", "")][..], Colours::Sixteen),
            (&[("COLORTERM", "truecolor")][..], Colours::True(Ground::Unknown)),
            (&[("COLORTERM", "24bit"), ("COLORFGBG", "15;0")][..], Colours::True(Ground::Dark)),
            (&[("COLORTERM", "truecolor"), ("COLORFGBG", "0;default;15")][..], Colours::True(Ground::Light)),
            (&[("COLORTERM", "truecolor"), ("SOTTOVOCE_THEME", "light")][..], Colours::True(Ground::Light)),
        ] {
            assert_eq!(theme(variables).colours, colours, "{variables:?}");
        }
    }

    #[test]
    fn without_colours_nothing_has_one() {
        let theme = theme(&[("NO_COLOR", "1")]);
        let styles = [
            theme.talk(),
            theme.voice(),
            theme.aside(),
            theme.soft(),
            theme.lamp(),
            theme.lit(),
            theme.chosen(),
            theme.trust(),
            theme.alarm(),
            theme.name(&AccountId([7; 32])),
        ];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }
}
