//! Parts in an S3-compatible store.

use crate::file::connector::Connector;
use anyhow::{Context as _, bail};
use object_store::RetryConfig;
use object_store::aws::AmazonS3Builder;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::ObjectParts;

/// How often a request is tried again, and for how long in all: an upload waits no longer for a part.
const RETRIES_MAX: usize = 4;
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Where an S3-compatible store is and how to enter it.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Config {
    /// Its URL, without the bucket.
    pub endpoint: String,
    /// The bucket; it exists already.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The key's name.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// What all objects' names begin with; may be empty.
    pub prefix: String,
    /// The root of the store's certificate, where it is not one of the web's.
    pub ca: Option<PathBuf>,
}

impl std::fmt::Debug for S3Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("S3Config(..)")
    }
}

impl S3Config {
    /// Checks what can be checked without asking the store.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn check(&self) -> anyhow::Result<()> {
        let host = self.endpoint.strip_prefix("https://").or_else(|| self.endpoint.strip_prefix("http://"));
        let is_host = |host: &str| !host.is_empty() && !host.contains(['/', '?', '#', '@']);
        if !host.is_some_and(|host| is_host(host.trim_end_matches('/'))) {
            bail!("config key `files_s3_endpoint`: expected an http or https URL of a host");
        }
        if self.bucket.is_empty() || self.bucket.contains('/') {
            bail!("config key `files_s3_bucket`: expected a bucket's name");
        }
        Ok(())
    }

    /// Opens it; nothing is asked of the store yet. `instance` is the node's own and keeps what two nodes store in
    /// one bucket apart: neither takes the other's parts for orphans.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn open(&self, instance: [u8; 8]) -> anyhow::Result<ObjectParts> {
        let retry = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_MAX, ..RetryConfig::default() };
        let objects = AmazonS3Builder::new()
            .with_endpoint(self.endpoint.trim_end_matches('/'))
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key)
            .with_secret_access_key(&self.secret_key)
            .with_allow_http(self.endpoint.starts_with("http://"))
            .with_retry(retry)
            .with_http_connector(Connector::new(self.ca.as_deref())?)
            .build()
            .context("the settings of the object store cannot be used")?;
        let prefix = format!("{}/{:016x}", self.prefix.trim_matches('/'), u64::from_be_bytes(instance));
        ObjectParts::remote(Arc::new(objects), prefix.trim_start_matches('/'))
            .context("config key `files_s3_prefix`: no object can be named so")
    }
}
