//! The group layer: certificates, policy, validity, sealed cells, lanes, and its own storage.

use super::{Change, Party};
use crate::peer::Random;
use crate::report::Subject;
use anyhow::Context;
use protocol::measure::{self, Candidate, Committed, Invitation, Member};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::id::AccountId;

/// A member by our layer.
pub struct Layer(Member);

impl Party for Layer {
    const SUBJECT: Subject = Subject::Layer;
    type Candidate = Candidate;
    type Commit = Committed;
    type Invitation = Invitation;
    type Place = AccountId;

    fn new() -> anyhow::Result<Self> {
        let mut seed = [0; 32];
        Random::new().fill(&mut seed);
        Ok(Self(Member::new(Box::new(ChaCha20Rng::from_seed(seed)))?))
    }

    fn create(&mut self) -> anyhow::Result<()> {
        Ok(self.0.create()?)
    }

    fn candidate(&mut self) -> anyhow::Result<Candidate> {
        Ok(self.0.candidate()?)
    }

    fn place(&self) -> anyhow::Result<AccountId> {
        Ok(self.0.account())
    }

    fn commit(&mut self, change: Change<Self>) -> anyhow::Result<(Committed, Option<Invitation>)> {
        let mut committed = self.0.commit(match change {
            Change::Update => measure::Change::Update,
            Change::Add(candidates) => measure::Change::Add(candidates),
            Change::Remove(account) => measure::Change::Remove(account),
        })?;
        let invitation = committed.invitation.take();
        Ok((committed, invitation))
    }

    fn process(&mut self, commit: &Committed) -> anyhow::Result<()> {
        Ok(self.0.process(commit.cell.as_ref().context("a group of one has no cell")?)?)
    }

    fn join(&mut self, invitation: &Invitation, number: usize) -> anyhow::Result<()> {
        Ok(self.0.join(invitation, number)?)
    }

    fn commit_bytes(commit: &Committed) -> usize {
        commit.bytes()
    }

    fn invitation_bytes(invitation: &Invitation) -> usize {
        let (welcome, tree, certificates) = invitation.bytes();
        welcome + tree + certificates
    }
}
