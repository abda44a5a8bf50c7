//! Starting other programs: a failure names the command.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A command to be run in the workspace.
pub struct Program {
    command: Command,
}

/// Cargo, the one that runs this task, in the given folder.
pub fn cargo(folder: &Path) -> Program {
    program(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), folder)
}

/// Any program, in the given folder.
pub fn program(name: &str, folder: &Path) -> Program {
    let mut command = Command::new(name);
    command.current_dir(folder);
    Program { command }
}

/// Whether a program can be started and ends well.
pub fn answers(name: &str, arguments: &[&str]) -> bool {
    Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Program {
    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Removes a variable from its environment.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it on this terminal; an exit status other than 0 is an error.
    pub fn run(mut self) -> Result<()> {
        let line = self.line();
        let status = self.command.status().with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!("`{line}` ended with {status}");
        }
        Ok(())
    }

    /// Runs it and returns its standard output.
    pub fn output_text(mut self) -> Result<String> {
        let line = self.line();
        let output =
            self.command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
        if !output.status.success() {
            bail!("`{line}` ended with {}", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{line}` wrote no UTF-8"))
    }

    fn line(&self) -> String {
        let name = Path::new(self.command.get_program()).file_name().unwrap_or_default();
        std::iter::once(name).chain(self.command.get_args()).map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = program("false", Path::new(".")).run().unwrap_err();
        assert!(error.to_string().contains("`false`"), "{error}");
        assert!(program("true", Path::new(".")).run().is_ok());
    }

    #[test]
    fn an_absent_program_does_not_answer() {
        assert!(!answers("no-program-of-this-name", &[]));
        assert!(answers("true", &[]));
    }
}
