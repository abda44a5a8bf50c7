//! What the operator says: flags over environment over file over defaults, one table for all of them.

use crate::blob::BlobLimits;
use crate::calls::config::{RelayConfig, parse_addresses, parse_ports};
use crate::file::FileLimits;
use crate::file::s3::S3Config;
use anyhow::{Context as _, anyhow, bail};
use clap::Parser;
use delivery::Policy;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

mod limits;

pub use limits::{LIMITS, Limit};

/// A Sottovoce node: keeps sealed cells in order for those who hold their keys, and learns nothing else.
#[derive(Debug, Default, Parser)]
#[command(name = "sottovoce-node", version, about)]
pub struct Flags {
    /// The data folder [default: ./data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:7440]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// The URL that clients use, when it is not what --listen says
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// A TOML file with any of these settings and all limits
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A certificate chain in PEM, read again when it changes
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Fetch and renew a certificate for this name by ACME
    #[arg(long, value_name = "NAME")]
    pub acme_domain: Option<String>,
    /// Whom the certificate authority may write to
    #[arg(long, value_name = "MAIL")]
    pub acme_contact: Option<String>,
    /// The ACME directory [default: Let's Encrypt]
    #[arg(long, value_name = "URL")]
    pub acme_directory: Option<String>,
    /// A PEM file with the root that the ACME directory's own certificate has [default: the web's roots]
    #[arg(long, value_name = "FILE")]
    pub acme_ca: Option<String>,
    /// Where to serve /metrics [default: nowhere]
    #[arg(long, value_name = "ADDR:PORT")]
    pub admin_listen: Option<String>,
    /// error, warn, info or debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    /// The built web app to serve, or `off` [default: the one in the program, else `web` beside it]
    #[arg(long, value_name = "DIR")]
    pub web: Option<String>,
    /// Web Push to devices that went away: on, off, or private (also without TLS and inside private networks: for tests)
    /// [default: on]
    #[arg(long, value_name = "RULE")]
    pub push: Option<String>,
    /// Relay calls (TURN): on, off, or private (also to peers inside private networks: for tests) [default: on]
    #[arg(long, value_name = "RULE")]
    pub relay: Option<String>,
    /// The address at which this machine is reached from outside, or one of IPv4 and one of IPv6 with a comma between
    /// [default: that of --listen]
    #[arg(long, value_name = "ADDR")]
    pub relay_address: Option<String>,
    /// The UDP ports from which calls are relayed [default: 49152-65535]
    #[arg(long, value_name = "FIRST-LAST")]
    pub relay_ports: Option<String>,
    /// Rooms for calls of many: on or off; without --relay there are none [default: on]
    #[arg(long, value_name = "RULE")]
    pub rooms: Option<String>,
    /// Keep files in an S3-compatible store: its URL, without the bucket [default: in the data folder]
    #[arg(long, value_name = "URL")]
    pub files_s3_endpoint: Option<String>,
    /// The bucket for files
    #[arg(long, value_name = "NAME")]
    pub files_s3_bucket: Option<String>,
    /// The region that requests are signed for [default: us-east-1]
    #[arg(long, value_name = "NAME")]
    pub files_s3_region: Option<String>,
    /// What the names of all objects begin with
    #[arg(long, value_name = "PREFIX")]
    pub files_s3_prefix: Option<String>,
    /// The name of the key to the store
    #[arg(long, value_name = "NAME")]
    pub files_s3_access_key: Option<String>,
    /// A file with the key to the store; or SOTTOVOCE_FILES_S3_SECRET_KEY holds it
    #[arg(long, value_name = "FILE")]
    pub files_s3_secret_key_file: Option<String>,
    /// A PEM file with the root that the store's certificate has [default: the web's roots]
    #[arg(long, value_name = "FILE")]
    pub files_s3_ca: Option<String>,
    /// Threads that serve connections [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Sets a limit, for example lane_appends_per_s=1000; may be repeated
    #[arg(long, value_name = "NAME=N")]
    pub limit: Vec<String>,
}

/// Everything that the node needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The URL that clients use.
    pub public_url: Option<String>,
    /// How to do TLS.
    pub tls: TlsConfig,
    /// Where to serve metrics.
    pub admin_listen: Option<SocketAddr>,
    /// The most talkative level that is logged.
    pub log: tracing::Level,
    /// Which web app to serve.
    pub web: WebConfig,
    /// Whether devices that went away are woken.
    pub push: PushRule,
    /// Whom a push service may write to.
    pub push_contact: Option<String>,
    /// Threads that serve connections.
    pub threads: usize,
    /// What the machine allows.
    pub policy: Policy,
    /// What blob requests may use.
    pub blobs: BlobLimits,
    /// What files may use.
    pub files: FileLimits,
    /// How calls are relayed.
    pub relay: RelayConfig,
    /// Where files are, if not in the data folder.
    pub s3: Option<S3Config>,
    /// What the shell allows.
    pub shell: ShellLimits,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsConfig {
    /// Nowhere: plain HTTP.
    None,
    /// From files.
    Files {
        /// The chain, PEM.
        certificate: PathBuf,
        /// The private key, PEM.
        key: PathBuf,
    },
    /// By ACME.
    Acme {
        /// The name.
        domain: String,
        /// A mail address.
        contact: Option<String>,
        /// The authority's directory.
        directory: String,
        /// The root of the directory's own certificate, where it is not one of the web's.
        ca: Option<PathBuf>,
    },
}

/// Where Web Push may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushRule {
    /// To https on port 443 at public addresses.
    On,
    /// Nowhere: no bell is taken.
    Off,
    /// Anywhere, without TLS too.
    Private,
}

/// Which web app the node serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebConfig {
    /// The one that the program holds, else that of the folder `web` beside it, else none.
    Default,
    /// None.
    Off,
    /// That of a folder.
    Folder(PathBuf),
}

/// Limits that the machine does not know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellLimits {
    /// Connections from one address, loopback aside.
    pub connections_per_address: u32,
    /// Bytes of unfinished and unhandled messages of all connections together.
    pub inbound_bytes: usize,
    /// Below so many free bytes on the data folder's disk, app cells and blobs are refused.
    pub disk_free_bytes: u64,
    /// Bytes of the store's cache.
    pub store_cache_bytes: u64,
    /// Push messages a minute, in all.
    pub pushes_per_min: u32,
    /// Seconds that connections get to end at SIGTERM.
    pub drain_s: u64,
}

const ACME_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
const ENVIRONMENT: &str = "SOTTOVOCE_";
const KEYS: [&str; 26] = [
    "data",
    "listen",
    "public_url",
    "tls_cert",
    "tls_key",
    "acme_domain",
    "acme_contact",
    "acme_directory",
    "acme_ca",
    "admin_listen",
    "log",
    "web",
    "push",
    "threads",
    "files_s3_endpoint",
    "files_s3_bucket",
    "files_s3_region",
    "files_s3_prefix",
    "files_s3_access_key",
    "files_s3_secret_key_file",
    "files_s3_ca",
    "files_s3_secret_key",
    "relay",
    "relay_address",
    "relay_ports",
    "rooms",
];

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "data".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 7_440)),
            public_url: None,
            tls: TlsConfig::None,
            admin_listen: None,
            log: tracing::Level::INFO,
            web: WebConfig::Default,
            push: PushRule::On,
            push_contact: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            policy: Policy::default(),
            blobs: BlobLimits { upload_bytes_max: 128 << 20, bytes_per_h: 64 << 30, ttl_s_max: 45 * 86_400 },
            files: FileLimits {
                bytes_total_max: 1 << 40,
                bytes_per_h: 256 << 30,
                upload_bytes_max: 32 << 20,
                uploads_open_max: 4_096,
                downloads_max: 256,
                ttl_s_max: u64::from(wire::limit::FILE_DAYS) * 86_400,
                work_bits: wire::limit::FILE_WORK_BITS,
                patience: crate::file::Patience::default(),
            },
            relay: RelayConfig::default(),
            s3: None,
            shell: ShellLimits {
                connections_per_address: 256,
                inbound_bytes: 256 << 20,
                disk_free_bytes: 512 << 20,
                store_cache_bytes: 8 << 20,
                pushes_per_min: 6_000,
                drain_s: 10,
            },
        }
    }
}

/// A value with where it was said.
struct Said {
    value: String,
    source: String,
}

impl Said {
    fn parse<T: std::str::FromStr>(&self, key: &str, expected: &str) -> anyhow::Result<T> {
        let Self { value, source } = self;
        value.parse().map_err(|_| anyhow!("config key `{key}` ({source}): expected {expected}, found {value:?}"))
    }
}

impl Config {
    /// Joins flags, the variables that begin with `SOTTOVOCE_`, and the file.
    ///
    /// # Errors
    /// Names the key that cannot be used, where it was said, and what was expected.
    pub fn load(flags: Flags, environment: impl Iterator<Item = (String, String)>) -> anyhow::Result<Self> {
        let mut said = BTreeMap::new();
        let environment: BTreeMap<String, String> = environment.collect();
        let file = flags.config.clone().or_else(|| environment.get("SOTTOVOCE_CONFIG").map(PathBuf::from));
        if let Some(file) = file {
            read_file(&file, &mut said)?;
        }
        read_environment(&environment, &mut said)?;
        read_flags(flags, &mut said)?;
        Self::from_said(&said)
    }

    /// Reads a file's text alone.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_text(text: &str) -> anyhow::Result<Self> {
        let mut said = BTreeMap::new();
        read_text(text, Path::new("node.toml"), &mut said)?;
        Self::from_said(&said)
    }

    fn from_said(said: &BTreeMap<String, Said>) -> anyhow::Result<Self> {
        let mut config = Self::default();
        let text = |key: &str| said.get(key).map(|said| said.value.clone());
        if let Some(data) = text("data") {
            config.data = data.into();
        }
        let address = "an address and a port, for example 127.0.0.1:7440";
        if let Some(listen) = said.get("listen") {
            config.listen = listen.parse("listen", address)?;
        }
        config.admin_listen = said.get("admin_listen").map(|said| said.parse("admin_listen", address)).transpose()?;
        if let Some(threads) = said.get("threads") {
            let expected = "a whole number from 1 to 1024";
            let count: usize = threads.parse("threads", expected)?;
            if !(1..=1_024).contains(&count) {
                bail!("config key `threads` ({}): expected {expected}, found {count}", threads.source);
            }
            config.threads = count;
        }
        if let Some(log) = said.get("log") {
            config.log = log.parse("log", "error, warn, info or debug")?;
        }
        config.web = match text("web").as_deref() {
            None => WebConfig::Default,
            Some("off") => WebConfig::Off,
            Some(folder) => WebConfig::Folder(folder.into()),
        };
        if let Some(url) = said.get("public_url") {
            let is_url = url.value.starts_with("http://") || url.value.starts_with("https://");
            if !is_url || url.value.len() > wire::limit::NODE_URL_BYTES_MAX {
                bail!("config key `public_url` ({}): expected an http or https URL of at most 255 bytes", url.source);
            }
            config.public_url = Some(url.value.trim_end_matches('/').to_owned());
        }
        config.push = match text("push").as_deref() {
            None | Some("on") => PushRule::On,
            Some("off") => PushRule::Off,
            Some("private") => PushRule::Private,
            Some(other) => bail!("config key `push`: expected on, off or private, found {other:?}"),
        };
        config.push_contact = push_contact(text("acme_contact"), config.public_url.as_deref());
        config.tls = tls_config(said)?;
        relay_config(said, &mut config.relay)?;
        config.s3 = s3_config(said)?;
        for limit in &LIMITS {
            let key = format!("limits.{}", limit.name);
            let Some(said) = said.get(&key) else { continue };
            let expected = format!("a whole number from {} to {}", limit.min, limit.max);
            let value: u64 = said.parse(&key, &expected)?;
            if value < limit.min || value > limit.max {
                bail!("config key `{key}` ({}): expected {expected}, found {value}", said.source);
            }
            (limit.set)(&mut config, value);
        }
        if config.push == PushRule::Off {
            config.policy.bells_max = 0;
        }
        Ok(config)
    }
}

/// A `mailto:` or `https:` URL that is safe inside JSON.
fn push_contact(mail: Option<String>, url: Option<&str>) -> Option<String> {
    let mail = mail.map(|mail| if mail.starts_with("mailto:") { mail } else { format!("mailto:{mail}") });
    let url = url.filter(|url| url.starts_with("https://")).map(str::to_owned);
    let is_plain = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    mail.or(url).filter(is_plain)
}

fn tls_config(said: &BTreeMap<String, Said>) -> anyhow::Result<TlsConfig> {
    let text = |key: &str| said.get(key).map(|said| said.value.clone());
    match (text("tls_cert"), text("tls_key"), text("acme_domain")) {
        (None, None, None) => match said.get("acme_contact") {
            Some(contact) => bail!("config key `acme_contact` ({}): it needs acme_domain", contact.source),
            None => Ok(TlsConfig::None),
        },
        (Some(certificate), Some(key), None) => {
            Ok(TlsConfig::Files { certificate: certificate.into(), key: key.into() })
        }
        (None, None, Some(domain)) => {
            let directory = text("acme_directory").unwrap_or_else(|| ACME_DIRECTORY.to_owned());
            let ca = text("acme_ca").map(PathBuf::from);
            Ok(TlsConfig::Acme { domain, contact: text("acme_contact"), directory, ca })
        }
        (Some(_), None, _) => bail!("config key `tls_key`: missing, tls_cert needs it"),
        (None, Some(_), _) => bail!("config key `tls_cert`: missing, tls_key needs it"),
        (Some(_), Some(_), Some(_)) => bail!("config key `acme_domain`: not together with tls_cert and tls_key"),
    }
}

fn relay_config(said: &BTreeMap<String, Said>, relay: &mut RelayConfig) -> anyhow::Result<()> {
    let refused = |key: &str, said: &Said, expected: &str| {
        anyhow!("config key `{key}` ({}): expected {expected}, found {:?}", said.source, said.value)
    };
    if let Some(said) = said.get("relay") {
        match said.value.as_str() {
            "on" => {}
            "off" => relay.is_on = false,
            "private" => relay.policy.may_relay_private = true,
            _ => return Err(refused("relay", said, "on, off or private")),
        }
    }
    if let Some(said) = said.get("rooms") {
        match said.value.as_str() {
            "on" => {}
            "off" => relay.rooms.is_on = false,
            _ => return Err(refused("rooms", said, "on or off")),
        }
    }
    if let Some(said) = said.get("relay_address") {
        let addresses = parse_addresses(&said.value);
        relay.addresses = addresses.ok_or_else(|| refused("relay_address", said, "an address, or two: v4,v6"))?;
    }
    if let Some(said) = said.get("relay_ports") {
        let ports = parse_ports(&said.value);
        relay.ports = ports.ok_or_else(|| refused("relay_ports", said, "FIRST-LAST, from 1024 to 65535"))?;
    }
    Ok(())
}

/// All of them or none: a store that is half named is a mistake.
fn s3_config(said: &BTreeMap<String, Said>) -> anyhow::Result<Option<S3Config>> {
    let text = |key: &str| said.get(key).map(|said| said.value.clone());
    let Some(endpoint) = text("files_s3_endpoint") else {
        return match said.iter().find(|(key, _)| key.starts_with("files_s3_")) {
            Some((key, said)) => bail!("config key `{key}` ({}): it needs files_s3_endpoint", said.source),
            None => Ok(None),
        };
    };
    let needed =
        |key: &str| text(key).with_context(|| format!("config key `{key}`: missing, files_s3_endpoint needs it"));
    let secret_key = match text("files_s3_secret_key_file") {
        Some(file) => std::fs::read_to_string(&file)
            .with_context(|| format!("config key `files_s3_secret_key_file`: cannot read {file}"))?
            .trim()
            .to_owned(),
        None => needed("files_s3_secret_key")?,
    };
    let config = S3Config {
        endpoint,
        bucket: needed("files_s3_bucket")?,
        region: text("files_s3_region").unwrap_or_else(|| "us-east-1".to_owned()),
        access_key: needed("files_s3_access_key")?,
        secret_key,
        prefix: text("files_s3_prefix").unwrap_or_default(),
        ca: text("files_s3_ca").map(PathBuf::from),
    };
    config.check()?;
    Ok(Some(config))
}

fn is_limit(name: &str) -> bool {
    LIMITS.iter().any(|limit| limit.name == name)
}

fn read_file(path: &Path, said: &mut BTreeMap<String, Said>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the file {}", path.display()))?;
    read_text(&text, path, said)
}

fn read_text(text: &str, path: &Path, said: &mut BTreeMap<String, Said>) -> anyhow::Result<()> {
    let table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    let source = format!("file {}", path.display());
    let mut put = |key: String, value: toml::Value| {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            _ => bail!("config key `{key}` ({source}): expected a text or a whole number"),
        };
        said.insert(key, Said { value, source: source.clone() });
        Ok(())
    };
    for (key, value) in table {
        match value {
            toml::Value::Table(limits) if key == "limits" => {
                for (name, value) in limits {
                    if !is_limit(&name) {
                        bail!("config key `limits.{name}` (file {}): no such limit", path.display());
                    }
                    put(format!("limits.{name}"), value)?;
                }
            }
            // `[files]` with `s3_bucket` is `files_s3_bucket`.
            toml::Value::Table(files) if key == "files" => {
                for (name, value) in files {
                    let key = format!("files_{name}");
                    if !KEYS.contains(&key.as_str()) {
                        bail!("config key `files.{name}` (file {}): no such key", path.display());
                    }
                    put(key, value)?;
                }
            }
            value if KEYS.contains(&key.as_str()) => put(key, value)?,
            _ => bail!("config key `{key}` (file {}): no such key", path.display()),
        }
    }
    Ok(())
}

fn read_environment(environment: &BTreeMap<String, String>, said: &mut BTreeMap<String, Said>) -> anyhow::Result<()> {
    for (variable, value) in environment {
        let Some(name) = variable.strip_prefix(ENVIRONMENT) else { continue };
        let name = name.to_ascii_lowercase();
        let key = match name.strip_prefix("limits_") {
            Some(limit) if is_limit(limit) => format!("limits.{limit}"),
            Some(limit) => bail!("config key `limits.{limit}` (environment {variable}): no such limit"),
            None if KEYS.contains(&name.as_str()) => name,
            // Other programs of ours have variables too.
            None => continue,
        };
        said.insert(key, Said { value: value.clone(), source: format!("environment {variable}") });
    }
    Ok(())
}

fn read_flags(flags: Flags, said: &mut BTreeMap<String, Said>) -> anyhow::Result<()> {
    let values = [
        flags.data,
        flags.listen,
        flags.public_url,
        flags.tls_cert,
        flags.tls_key,
        flags.acme_domain,
        flags.acme_contact,
        flags.acme_directory,
        flags.acme_ca,
        flags.admin_listen,
        flags.log,
        flags.web,
        flags.push,
        flags.threads,
        flags.files_s3_endpoint,
        flags.files_s3_bucket,
        flags.files_s3_region,
        flags.files_s3_prefix,
        flags.files_s3_access_key,
        flags.files_s3_secret_key_file,
        flags.files_s3_ca,
        // A flag would show it to everybody on the machine.
        None,
        flags.relay,
        flags.relay_address,
        flags.relay_ports,
        flags.rooms,
    ];
    for (key, value) in KEYS.iter().zip(values) {
        if let Some(value) = value {
            let source = format!("flag --{}", key.replace('_', "-"));
            said.insert((*key).to_owned(), Said { value, source });
        }
    }
    for limit in flags.limit {
        let Some((name, value)) = limit.split_once('=') else {
            bail!("flag --limit: expected NAME=N, found {limit:?}");
        };
        if !is_limit(name) {
            bail!("config key `limits.{name}` (flag --limit): no such limit");
        }
        said.insert(format!("limits.{name}"), Said { value: value.to_owned(), source: "flag --limit".to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: Flags, environment: &[(&str, &str)], file: &str) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("node.toml");
        std::fs::write(&path, file).expect("a file");
        let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Config::load(Flags { config: Some(path), ..flags }, environment)
    }

    fn error(flags: Flags, environment: &[(&str, &str)], file: &str) -> String {
        format!("{:#}", load(flags, environment, file).expect_err("refused"))
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let file =
            "data = \"/file\"\nlisten = \"127.0.0.1:1\"\n[limits]\nlane_bytes = 70000\nconnections = 5\ndrain_s = 1";
        let environment = [
            ("SOTTOVOCE_DATA", "/environment"),
            ("SOTTOVOCE_LIMITS_LANE_BYTES", "80000"),
            ("SOTTOVOCE_LIMITS_CONNECTIONS", "6"),
            ("SOTTOVOCE_PROFILE", "another program's"),
        ];
        let flags =
            Flags { data: Some("/flag".to_owned()), limit: vec!["lane_bytes=90000".to_owned()], ..Flags::default() };
        let config = load(flags, &environment, file).expect("a config");
        assert_eq!(config.data, PathBuf::from("/flag"));
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.policy.lane_bytes_max, 90_000);
        assert_eq!(config.policy.connections_max, 6);
        assert_eq!(config.shell.drain_s, 1);
        assert_eq!(config.web, WebConfig::Default);
        assert_eq!(config.policy.door_cells_max, Policy::default().door_cells_max);
    }

    #[test]
    fn web_app_is_that_of_a_folder_or_off() {
        let web = |value: &str| load(Flags { web: Some(value.to_owned()), ..Flags::default() }, &[], "");
        assert_eq!(web("off").expect("a config").web, WebConfig::Off);
        assert_eq!(web("./off").expect("a config").web, WebConfig::Folder("./off".into()));
        let from_file = load(Flags::default(), &[], "web = \"/srv/web\"").expect("a config");
        assert_eq!(from_file.web, WebConfig::Folder("/srv/web".into()));
    }

    #[test]
    fn relay_is_on_off_or_private_and_knows_where_it_is() {
        let relay = |flags: Flags| load(flags, &[], "").map(|config| config.relay);
        assert!(relay(Flags::default()).expect("a config").is_on);
        let off = Flags { relay: Some("off".to_owned()), ..Flags::default() };
        assert!(!relay(off).expect("a config").is_on);
        let file = "relay = \"private\"\nrelay_address = \"192.0.2.1\"\nrelay_ports = \"50000-50099\"";
        let config = load(Flags::default(), &[], file).expect("a config").relay;
        assert!(config.policy.may_relay_private && config.ports == (50_000, 50_099) && config.addresses.len() == 1);
        for (key, value) in
            [("relay", "yes"), ("relay_address", "0.0.0.0"), ("relay_ports", "80-90"), ("rooms", "maybe")]
        {
            let message = error(Flags::default(), &[], &format!("{key} = \"{value}\""));
            assert!(message.contains(&format!("`{key}`")), "{message}");
        }
    }

    #[test]
    fn object_store_is_named_as_a_whole_and_its_key_is_never_shown() {
        let file = "[files]\ns3_endpoint = \"https://s3.example\"\ns3_bucket = \"files\"\ns3_access_key = \"me\"\n";
        let key = [("SOTTOVOCE_FILES_S3_SECRET_KEY", "hush")];
        let flags = || Flags { files_s3_bucket: Some("others".to_owned()), ..Flags::default() };
        let config = load(flags(), &key, file).expect("a config");
        let s3 = config.s3.clone().expect("a store");
        assert_eq!((s3.bucket.as_str(), s3.region.as_str(), s3.secret_key.as_str()), ("others", "us-east-1", "hush"));
        assert!(!format!("{config:?}").contains("hush"));
        assert!(error(Flags::default(), &[], file).contains("`files_s3_secret_key`"));
        assert!(error(flags(), &[], "").contains("`files_s3_bucket` (flag --files-s3-bucket)"));
        assert!(
            error(Flags::default(), &key, &file.replace("https://s3.example", "s3")).contains("`files_s3_endpoint`")
        );
        assert!(error(Flags::default(), &key, &file.replace("s3_bucket", "s3_buckets")).contains("`files.s3_buckets`"));
        let read = load(Flags::default(), &key, &file.replace("s3_access_key", "s3_secret_key_file"));
        assert!(format!("{:#}", read.expect_err("no such file")).contains("files_s3_secret_key_file"));
        assert_eq!(load(Flags::default(), &[], "").expect("a config").s3, None);
    }

    #[test]
    fn offending_key_is_named_with_its_place_and_what_was_expected() {
        let no_flags = Flags::default;
        assert!(error(no_flags(), &[], "colour = 1").contains("`colour`"));
        assert!(error(no_flags(), &[], "[limits]\nlane_byte = 1").contains("`limits.lane_byte`"));
        let number = error(no_flags(), &[("SOTTOVOCE_LIMITS_LANE_BYTES", "many")], "");
        assert!(number.contains("`limits.lane_bytes` (environment SOTTOVOCE_LIMITS_LANE_BYTES)"), "{number}");
        assert!(number.contains("a whole number from 65536"), "{number}");
        let listen = error(Flags { listen: Some("here".to_owned()), ..no_flags() }, &[], "");
        assert!(listen.contains("`listen` (flag --listen)") && listen.contains("\"here\""), "{listen}");
        let key = error(Flags { tls_cert: Some("c".to_owned()), ..no_flags() }, &[], "");
        assert!(key.contains("`tls_key`"), "{key}");
        let limit = error(Flags { limit: vec!["nonsense=1".to_owned()], ..no_flags() }, &[], "");
        assert!(limit.contains("`limits.nonsense`"), "{limit}");
        assert!(error(no_flags(), &[], "data = [1]").contains("`data`"));
    }

    #[test]
    fn every_limit_is_taken_at_its_bounds_and_refused_one_past_them() {
        for limit in &LIMITS {
            let set = |value: u64| {
                load(Flags { limit: vec![format!("{}={value}", limit.name)], ..Flags::default() }, &[], "")
            };
            for value in [limit.min, limit.max] {
                let config = set(value).expect("within its bounds");
                assert_eq!((limit.get)(&config), value, "{}", limit.name);
            }
            assert!(set(limit.max + 1).is_err(), "{}", limit.name);
            if let Some(below) = limit.min.checked_sub(1) {
                assert!(set(below).is_err(), "{}", limit.name);
            }
            assert!((limit.min..=limit.max).contains(&limit.default_value()), "{}", limit.name);
        }
    }

    #[test]
    fn operating_page_lists_every_limit_with_its_default_and_bounds() {
        let page = include_str!("../../../../docs/operating/node.md");
        let row = |limit: &Limit| {
            let Limit { name, about, min, max, .. } = limit;
            format!("| `{name}` | {} | {min} | {max} | {about} |\n", limit.default_value())
        };
        let table: String = LIMITS.iter().map(row).collect();
        assert!(page.contains(&table), "the table is now:\n{table}");
    }
}
