//! Node.js, which builds the web app: found, or brought by apt where there is none.

use crate::apt;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Result, bail};

/// The oldest that the app's tools run on (`engines` in `apps/web/package.json`).
const OLDEST: (u32, u32) = (20, 19);

/// Makes sure that `node` and `npm` can be started.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    if !is_here() {
        println!("no Node.js here: asking apt for Debian's");
        if let Err(error) = apt::install(&workspace.root, &["nodejs", "npm"]) {
            println!("nodejs and npm could not be installed ({error:#})");
        }
    }
    if !is_here() {
        bail!(
            "the web app is built with Node.js {}.{} or newer and npm, which are not here: install them (Debian, Ubuntu: \
             `apt-get install nodejs npm`; others: https://nodejs.org) and try again, or go without the app: \
             `cargo xtask run --web off`",
            OLDEST.0,
            OLDEST.1
        );
    }
    let version = process::program("node", &workspace.root).args(["--version"]).output_text()?;
    let version = version.trim();
    if parse(version).is_none_or(|found| found < OLDEST) {
        bail!("Node.js {version} is too old to build the web app: {}.{} or newer is needed", OLDEST.0, OLDEST.1);
    }
    Ok(())
}

fn is_here() -> bool {
    process::answers("node", &["--version"]) && process::answers("npm", &["--version"])
}

/// `v20.19.2`: the first two numbers.
fn parse(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix('v')?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse("v20.19.2"), Some((20, 19)));
        assert!(parse("v9.9.9") < Some(OLDEST) && parse("v100.0.0") > Some(OLDEST));
        assert_eq!(parse("20.19"), None);
    }
}
