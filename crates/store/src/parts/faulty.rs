//! Any store of parts, failing when told to: as [`Faulty`](crate::Faulty) for the blocking engines.

use super::{PartName, Parts, Pending};
use crate::StoreError;
use crate::faulty::{Fault, SplitMix, injected};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::BoxStream;
use std::sync::{Mutex, PoisonError};

/// What is about to be done with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartOperation {
    /// `put_part`.
    Put,
    /// `read_part`.
    Read,
    /// `delete_part`.
    Delete,
}

type Plan = Box<dyn FnMut(PartOperation) -> Fault + Send>;

/// A store of parts with a plan of faults.
pub struct FaultyParts<E> {
    inner: E,
    plan: Mutex<Plan>,
}

impl<E> FaultyParts<E> {
    /// Asks `plan` before every operation but lists.
    pub fn new(inner: E, plan: impl FnMut(PartOperation) -> Fault + Send + 'static) -> Self {
        Self { inner, plan: Mutex::new(Box::new(plan)) }
    }

    /// Fails about `per_mille` of all operations, half of them `Lost`, half `Kept`: the same ones for the same seed.
    pub fn seeded(inner: E, seed: u64, per_mille: u64) -> Self {
        let mut random = SplitMix(seed);
        Self::new(inner, move |_| {
            let draw = random.next();
            match draw % 1_000 >= per_mille {
                true => Fault::None,
                false if draw & (1 << 40) == 0 => Fault::Lost,
                false => Fault::Kept,
            }
        })
    }

    /// The store inside, which does not fail.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    fn run<'a, T: Send + 'a>(&self, operation: PartOperation, call: Pending<'a, T>) -> Pending<'a, T> {
        let fault = (self.plan.lock().unwrap_or_else(PoisonError::into_inner))(operation);
        async move {
            match fault {
                Fault::None => call.await,
                Fault::Lost => Err(injected()),
                Fault::Kept => {
                    call.await?;
                    Err(injected())
                }
            }
        }
        .boxed()
    }
}

impl<E> std::fmt::Debug for FaultyParts<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaultyParts(..)")
    }
}

impl<E: Parts> Parts for FaultyParts<E> {
    fn put_part(&self, name: PartName, bytes: Bytes) -> Pending<'_, ()> {
        self.run(PartOperation::Put, self.inner.put_part(name, bytes))
    }

    fn read_part(&self, name: PartName, from: u64, bytes: usize) -> Pending<'_, Option<Bytes>> {
        self.run(PartOperation::Read, self.inner.read_part(name, from, bytes))
    }

    fn delete_part(&self, name: PartName) -> Pending<'_, ()> {
        self.run(PartOperation::Delete, self.inner.delete_part(name))
    }

    fn list_parts(&self, shard: u8) -> BoxStream<'_, Result<PartName, StoreError>> {
        self.inner.list_parts(shard)
    }

    fn read_bytes(&self) -> usize {
        self.inner.read_bytes()
    }
}
