//! The project's tasks: `cargo xtask run | test | ci | tidy | bench | sim`.

fn main() -> anyhow::Result<()> {
    anyhow::bail!("no task yet")
}
