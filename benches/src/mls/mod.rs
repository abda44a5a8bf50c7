//! Case `mls`: the group layer beside bare OpenMLS in groups of 2 to 1,000 and the same tree states.
//!
//! Two of them: `blank`, right after one commit added everybody, where a path is encrypted to every leaf; and `warm`,
//! after a member of each subtree beside the committer's path has committed, where it is encrypted to one node a level.
//! Adds go without a path. Times are medians of CPU time, for neither waits for anything, and include the
//! merge and all storage in memory, and for the layer all that it does between an intent and the sealed cell and back;
//! bytes are what goes to the node, or to a joiner. The two take turns.

mod bare;
mod layer;

use crate::Scale;
use crate::report::{Measurement, Subject, median, rounded};
use anyhow::Context;
use bare::Bare;
use layer::Layer;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;

const SIZES: [usize; 4] = [2, 50, 250, 1_000];
/// Repetitions of each operation in a group of this size.
const REPEATS_SMALL: usize = 15;
const REPEATS_LARGE: usize = 5;

/// What a commit changes.
pub enum Change<P: Party> {
    /// A fresh path.
    Update,
    /// Members more.
    Add(Vec<P::Candidate>),
    /// A member less.
    Remove(P::Place),
}

/// A member, however it is made.
pub trait Party: Sized {
    /// Whose figures these are.
    const SUBJECT: Subject;
    /// Who can be added.
    type Candidate;
    /// A commit as others get it.
    type Commit;
    /// What a joiner gets.
    type Invitation;
    /// Who can be removed.
    type Place;

    /// A device of its own.
    fn new() -> anyhow::Result<Self>;
    /// Makes a group of one.
    fn create(&mut self) -> anyhow::Result<()>;
    /// Asks to be added.
    fn candidate(&mut self) -> anyhow::Result<Self::Candidate>;
    /// Where it is in its group.
    fn place(&self) -> anyhow::Result<Self::Place>;
    /// Commits the change and merges it.
    fn commit(&mut self, change: Change<Self>) -> anyhow::Result<(Self::Commit, Option<Self::Invitation>)>;
    /// Merges another's commit.
    fn process(&mut self, commit: &Self::Commit) -> anyhow::Result<()>;
    /// Joins, as the joiner of this number.
    fn join(&mut self, invitation: &Self::Invitation, number: usize) -> anyhow::Result<()>;
    /// Bytes of a commit.
    fn commit_bytes(commit: &Self::Commit) -> usize;
    /// Bytes for a joiner.
    fn invitation_bytes(invitation: &Self::Invitation) -> usize;
}

/// What one operation took and sent.
#[derive(Default)]
struct Samples {
    millis: Vec<f64>,
    bytes: usize,
}

type Table = BTreeMap<&'static str, Samples>;

/// CPU time so far, of the library's helping threads too: what others do on the machine does not enter.
fn cpu_millis() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1_000.0 + time.tv_nsec as f64 / 1e6
}

fn timed<T>(table: &mut Table, operation: &'static str, run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let started = cpu_millis();
    let done = run()?;
    table.entry(operation).or_default().millis.push(cpu_millis() - started);
    Ok(done)
}

/// A group of `size`: the creator at leaf 0, live members at leaves 1, 2, 4, …, nobody behind the others.
struct Group<P> {
    creator: P,
    live: Vec<P>,
}

impl<P: Party> Group<P> {
    fn new(size: usize) -> anyhow::Result<Self> {
        let mut creator = P::new()?;
        creator.create()?;
        let (mut live, mut candidates) = (Vec::new(), Vec::new());
        for leaf in 1..size {
            let mut member = P::new()?;
            candidates.push(member.candidate()?);
            if leaf.is_power_of_two() {
                live.push((leaf - 1, member));
            }
        }
        let (_, invitation) = creator.commit(Change::Add(candidates))?;
        let invitation = invitation.context("no invitation")?;
        for (number, member) in &mut live {
            member.join(&invitation, *number)?;
        }
        Ok(Self { creator, live: live.into_iter().map(|(_, member)| member).collect() })
    }

    /// The last live member's processing is timed; the others follow.
    fn everybody_processes(&mut self, commit: &P::Commit, table: &mut Table) -> anyhow::Result<()> {
        let (last, others) = self.live.split_last_mut().context("nobody else")?;
        timed(table, "process", || last.process(commit))?;
        others.iter_mut().try_for_each(|member| member.process(commit))
    }

    /// Update, add, remove by the creator, each processed; the added one joins.
    fn one_of_each(&mut self, table: &mut Table) -> anyhow::Result<()> {
        let (commit, _) = timed(table, "update", || self.creator.commit(Change::Update))?;
        table.entry("update").or_default().bytes = P::commit_bytes(&commit);
        self.everybody_processes(&commit, table)?;

        let mut joiner = P::new()?;
        let add = Change::Add(vec![joiner.candidate()?]);
        let (commit, invitation) = timed(table, "add", || self.creator.commit(add))?;
        let invitation = invitation.context("no invitation")?;
        table.entry("add").or_default().bytes = P::commit_bytes(&commit);
        self.everybody_processes(&commit, table)?;
        timed(table, "join", || joiner.join(&invitation, 0))?;
        table.entry("join").or_default().bytes = P::invitation_bytes(&invitation);

        let place = joiner.place()?;
        let (commit, _) = timed(table, "remove", || self.creator.commit(Change::Remove(place)))?;
        table.entry("remove").or_default().bytes = P::commit_bytes(&commit);
        self.everybody_processes(&commit, table)
    }

    /// A live member beside each level of the creator's path commits.
    fn warm(&mut self) -> anyhow::Result<()> {
        (0..self.live.len()).try_for_each(|at| self.update_by(at))
    }

    /// The live member on whose side members come and go commits: a removal has blanked that side.
    fn warm_again(&mut self) -> anyhow::Result<()> {
        self.update_by(self.live.len() - 1)
    }

    fn update_by(&mut self, at: usize) -> anyhow::Result<()> {
        let (commit, _) = self.live[at].commit(Change::Update)?;
        self.creator.process(&commit)?;
        for (other, member) in self.live.iter_mut().enumerate() {
            if other != at {
                member.process(&commit)?;
            }
        }
        Ok(())
    }
}

fn print(subject: Subject, size: usize, tree: &'static str, table: &Table, bare: Option<&Table>) -> anyhow::Result<()> {
    for (operation, samples) in table {
        let mut measurement = Measurement::new("mls", subject)
            .with("members", size)
            .with("tree", tree)
            .with("operation", *operation)
            .with("repeats", samples.millis.len());
        if samples.bytes > 0 {
            measurement = measurement.with("bytes", samples.bytes);
        }
        let time = median(samples.millis.clone());
        let other = bare.and_then(|table| median(table.get(operation)?.millis.clone()));
        if let (Some(time), Some(other)) = (time, other) {
            measurement = measurement.with("ratio_to_openmls", rounded(time / other));
        }
        measurement.p50_ms = time.map(rounded);
        measurement.print()?;
    }
    Ok(())
}

/// Both, every size and tree state.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    for size in SIZES {
        if scale.is_tiny && size > 50 {
            break;
        }
        let repeats = if scale.is_tiny {
            1
        } else if size <= 50 {
            REPEATS_SMALL
        } else {
            REPEATS_LARGE
        };
        let (mut bare, mut layer) = (Group::<Bare>::new(size)?, Group::<Layer>::new(size)?);
        for tree in ["blank", "warm"] {
            let (mut of_bare, mut of_layer) = (Table::new(), Table::new());
            if tree == "warm" {
                bare.warm()?;
                layer.warm()?;
            }
            for _ in 0..repeats {
                bare.one_of_each(&mut of_bare)?;
                layer.one_of_each(&mut of_layer)?;
                if tree == "warm" {
                    bare.warm_again()?;
                    layer.warm_again()?;
                }
            }
            print(Bare::SUBJECT, size, tree, &of_bare, None)?;
            print(Layer::SUBJECT, size, tree, &of_layer, Some(&of_bare))?;
        }
    }
    Ok(())
}
