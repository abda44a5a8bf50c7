//! The request to a push service, and where one may be: a client names it, so it must not become a way into the
//! operator's own network.

use crate::config::PushRule;
use crate::push::seal::seal_nothing;
use crate::push::vapid::PushKey;
use crate::shared::now_ms;
use anyhow::Context as _;
use axum::http::{Method, Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wire::bell::Bell;

/// How long one try may take.
const POST_MAX: Duration = Duration::from_secs(15);
/// How long a push service keeps a message for a device that is away: as long as a group's cells are kept by default.
const TTL_S: u32 = 30 * 86_400;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// The push service has it.
    Taken,
    /// The subscription is no more (404, 410).
    Gone,
    /// It will not be taken: not ours to send there, or the service says no.
    Refused,
    /// Another try may help.
    Later,
}

/// Sends messages.
pub struct Poster {
    key: Arc<PushKey>,
    rule: PushRule,
    tls: TlsConnector,
}

struct Place {
    host: String,
    port: u16,
    is_secure: bool,
    origin: String,
}

impl Poster {
    /// With the node's push key; trusts the web's roots.
    ///
    /// # Errors
    /// Where the TLS library does not offer what is asked.
    pub fn new(key: Arc<PushKey>, rule: PushRule) -> anyhow::Result<Self> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("no TLS for push")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { key, rule, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Sends one message without content.
    pub async fn post(&self, bell: &Bell) -> Posted {
        let Some((uri, place)) = self.place(bell) else { return Posted::Refused };
        let Some(request) = self.request(bell, &uri, &place) else { return Posted::Refused };
        match tokio::time::timeout(POST_MAX, self.exchange(&place, request)).await {
            Ok(Ok(status)) => judge(status),
            Ok(Err(None)) => Posted::Refused,
            Ok(Err(Some(_))) | Err(_) => Posted::Later,
        }
    }

    fn place(&self, bell: &Bell) -> Option<(Uri, Place)> {
        let uri: Uri = bell.endpoint().parse().ok()?;
        let is_secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        if self.rule != PushRule::Private && !(is_secure && port == 443) {
            return None;
        }
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        Some((uri, Place { host, port, is_secure, origin }))
    }

    fn request(&self, bell: &Bell, uri: &Uri, place: &Place) -> Option<Request<Full<Bytes>>> {
        let body = seal_nothing(bell).ok()?;
        let authorization = self.key.authorization(&place.origin, now_ms() / 1_000).ok()?;
        Request::builder()
            .method(Method::POST)
            .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header("host", uri.authority()?.as_str())
            .header("authorization", authorization)
            .header("content-encoding", "aes128gcm")
            .header("content-type", "application/octet-stream")
            .header("content-length", body.len())
            .header("ttl", TTL_S)
            .header("urgency", "high")
            // One that waits is replaced by the next: they say the same.
            .header("topic", "sottovoce")
            .body(Full::new(body.into()))
            .ok()
    }

    /// `Err(None)`: no address of the host may be used.
    async fn exchange(
        &self,
        place: &Place,
        request: Request<Full<Bytes>>,
    ) -> Result<StatusCode, Option<std::io::Error>> {
        let found = tokio::net::lookup_host((place.host.as_str(), place.port)).await.map_err(Some)?;
        let address = choose(found, self.rule).ok_or(None)?;
        // To what was checked, not to what the name may mean a moment later.
        let tcp = TcpStream::connect(address).await.map_err(Some)?;
        if !place.is_secure {
            return ask(tcp, request).await.map_err(Some);
        }
        let name = ServerName::try_from(place.host.clone()).map_err(|_| None)?;
        ask(self.tls.connect(name, tcp).await.map_err(Some)?, request).await.map_err(Some)
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> std::io::Result<StatusCode> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    // It works beside the request and ends with it.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await.map_err(std::io::Error::other)?.status())
}

fn judge(status: StatusCode) -> Posted {
    match status.as_u16() {
        200..=299 => Posted::Taken,
        404 | 410 => Posted::Gone,
        408 | 429 | 500..=599 => Posted::Later,
        _ => Posted::Refused,
    }
}

/// One of a host's addresses; none where any of them is private, for then the name is not a push service's.
fn choose(found: impl Iterator<Item = SocketAddr>, rule: PushRule) -> Option<SocketAddr> {
    let found: Vec<SocketAddr> = found.collect();
    let is_allowed = rule == PushRule::Private || found.iter().all(|address| is_public(address.ip()));
    found.first().copied().filter(|_| is_allowed)
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Not one of the blocks of RFC 6890 and its successors that mean something special.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b) {
        (0 | 10 | 127 | 224.., _) | (169, 254) | (172, 16..=31) | (192, 168) | (198, 18 | 19) | (100, 64..=127) => true,
        (192, 0) => c == 0 || c == 2,
        (192, 88) => c == 99,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        _ => false,
    };
    !is_special
}

/// Of 2000::/3, without what stands for an IPv4 address or for an example.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_special = match first {
        0x2001 => second < 0x0200 || second == 0x0db8,
        0x2002 | 0x3fff => true,
        _ => false,
    };
    (0x2000..=0x3fff).contains(&first) && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> impl Iterator<Item = SocketAddr> {
        let parse = |text: &&str| SocketAddr::new(text.parse().expect("an address"), 443);
        texts.iter().map(parse).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn no_address_of_the_operators_own_network_is_reached() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2002:a00:1::1",
        ] {
            assert_eq!(choose(addresses(&[text]), PushRule::On), None, "{text}");
            assert_eq!(choose(addresses(&["93.184.215.14", text]), PushRule::On), None, "{text} beside a public one");
            assert!(choose(addresses(&[text]), PushRule::Private).is_some(), "{text}");
        }
        for text in ["93.184.215.14", "172.32.0.1", "100.128.0.1", "2606:2800::1", "2a00:1450:4001::1"] {
            assert!(choose(addresses(&[text]), PushRule::On).is_some(), "{text}");
        }
        assert_eq!(choose(addresses(&[]), PushRule::Private), None);
    }

    #[test]
    fn only_https_on_its_own_port_is_asked() {
        let key = PushKey::parse(&PushKey::generate().expect("a key"), None).expect("a key");
        let (key, on, private) = (Arc::new(key), PushRule::On, PushRule::Private);
        for (endpoint, rule, expected) in [
            ("https://push.example/x", on, true),
            ("https://push.example:443/x", on, true),
            ("https://push.example:8443/x", on, false),
            ("http://push.example/x", on, false),
            ("http://127.0.0.1:9/x", private, true),
        ] {
            let bell = Bell::parse(endpoint.as_bytes(), &[4; 65], &[1; 16]).expect("a bell");
            let poster = Poster::new(Arc::clone(&key), rule).expect("a poster");
            assert_eq!(poster.place(&bell).is_some(), expected, "{endpoint}");
        }
    }

    #[test]
    fn answers_are_told_apart_by_what_to_do_next() {
        let judged = [201, 404, 410, 429, 500, 503, 400, 403, 301]
            .map(|code| judge(StatusCode::from_u16(code).expect("a status")));
        use Posted::{Gone, Later, Refused, Taken};
        assert_eq!(judged, [Taken, Gone, Gone, Later, Later, Later, Refused, Refused, Refused]);
    }
}
