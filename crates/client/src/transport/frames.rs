//! Requests of several calls in as few frames as the limits allow.

use bytes::Bytes;
use protocol::identity::NodeUrl;
use wire::limit::{FRAME_BYTES_MAX, FRAME_REQUESTS_MAX};
use wire::node::{Request, RequestId, SOCKET_PATH, encode_requests, request_bytes};

/// Bytes of requests in one frame; a page of headroom below the limit for what is not counted exactly.
const FRAME_BYTES: usize = FRAME_BYTES_MAX - (64 << 10);

/// Requests, gathered into frames in order.
#[derive(Debug, Default)]
pub struct Frames {
    full: Vec<Vec<(RequestId, Request)>>,
    last: Vec<(RequestId, Request)>,
    last_bytes: usize,
}

impl Frames {
    /// Adds the requests of one call.
    pub fn add(&mut self, requests: Vec<(RequestId, Request)>) {
        for (id, request) in requests {
            let more = request_bytes(&request);
            if self.last.len() >= FRAME_REQUESTS_MAX || self.last_bytes + more > FRAME_BYTES {
                self.full.push(std::mem::take(&mut self.last));
                self.last_bytes = 0;
            }
            self.last_bytes += more;
            self.last.push((id, request));
        }
    }

    /// Whether a frame is full already: what waits goes into the next batch.
    pub fn is_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// The frames to send, in order.
    pub fn encode(self) -> impl Iterator<Item = Bytes> {
        self.full.into_iter().chain([self.last]).filter(|frame| !frame.is_empty()).map(encode_requests)
    }
}

/// Where a node's WebSocket is.
pub fn socket_url(node_url: &NodeUrl) -> String {
    let url = node_url.as_str().trim_end_matches('/');
    // `http` becomes `ws` and `https` becomes `wss`; a node's URL has no other scheme.
    format!("ws{}{SOCKET_PATH}", url.strip_prefix("http").unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::node::parse_requests;

    fn trims(count: u32) -> Vec<(RequestId, Request)> {
        (1..=count).map(|id| (id, Request::Trim { handle: 1, through: u64::from(id) })).collect()
    }

    #[test]
    fn frames_keep_the_order_and_the_limit() {
        let limit = u32::try_from(FRAME_REQUESTS_MAX).unwrap();
        let mut frames = Frames::default();
        frames.add(trims(limit));
        assert!(!frames.is_full(), "at the limit");
        frames.add(vec![(limit + 1, Request::Trim { handle: 1, through: 1 })]);
        assert!(frames.is_full(), "one past it");
        let ids: Vec<RequestId> = frames
            .encode()
            .flat_map(|frame| parse_requests(frame).unwrap())
            .map(|(id, request)| {
                request.unwrap();
                id
            })
            .collect();
        assert_eq!(ids, (1..=limit + 1).collect::<Vec<_>>());
        assert_eq!(Frames::default().encode().count(), 0);
    }

    #[test]
    fn socket_has_the_scheme_and_the_path_of_its_node() {
        for (node, socket) in [
            ("https://example.org", "wss://example.org/v1/socket"),
            ("https://example.org:8443/chat", "wss://example.org:8443/chat/v1/socket"),
            ("http://localhost:7443", "ws://localhost:7443/v1/socket"),
        ] {
            assert_eq!(socket_url(&NodeUrl::parse(node).unwrap()), socket);
        }
    }
}
