//! `/metrics` in Prometheus' text format, on the admin listener alone. Sums only: no lane, no address.

use crate::calls::Relay;
use crate::shared::Shared;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is counted.
#[derive(Clone)]
struct Counted {
    shared: Arc<Shared>,
    relay: Option<Arc<Relay>>,
}

/// The routes of the admin listener.
pub fn router(shared: Arc<Shared>, relay: Option<Arc<Relay>>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(Counted { shared, relay })
}

async fn metrics(State(counted): State<Counted>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], render(&counted))
}

fn render(Counted { shared, relay }: &Counted) -> String {
    let counts = shared.counts();
    let relayed = relay.as_ref().map(|relay| relay.counts()).unwrap_or_default();
    let rooms = relay.as_ref().map(|relay| relay.room_counts()).unwrap_or_default();
    let all = &shared.counters;
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let gauges = [
        ("connections", "Open WebSockets.", counts.connections as u64),
        ("subscriptions", "Open lanes of all connections.", counts.subscriptions as u64),
        ("lanes_open", "Lanes that somebody holds open.", counts.lanes as u64),
        ("lanes_hot", "Lanes with recent appends in memory.", counts.lanes_hot as u64),
        ("bells", "Ended connections that left a bell.", counts.bells as u64),
        ("cells_waiting", "Cells that wait for the next flush.", counts.cells_forming as u64),
        ("files_open", "Uploads that are begun and not finished.", read(&all.files_open)),
        ("files_kept", "Complete files.", read(&all.files_kept)),
        ("file_bytes_stored", "Bytes of files.", read(&all.file_bytes_stored)),
        ("relay_allocations", "Relayed addresses.", relayed.allocations as u64),
        ("rooms", "Rooms for calls of many.", rooms.rooms as u64),
        ("room_people", "People in rooms.", rooms.people as u64),
        (
            "disk_full",
            "1 while app cells and blobs are refused.",
            u64::from(shared.is_disk_full.load(Ordering::Relaxed)),
        ),
    ];
    let counters = [
        ("connections_total", "WebSockets ever opened.", read(&all.connections)),
        ("requests_total", "Requests handled.", read(&all.requests)),
        ("cells_total", "Cells made durable.", read(&all.cells)),
        ("batches_total", "Flushes.", read(&all.batches)),
        ("batch_microseconds_total", "Time spent on flushes.", read(&all.batch_us)),
        ("frames_total", "Frames written.", read(&all.frames)),
        ("bytes_out_total", "Bytes written to WebSockets.", read(&all.bytes_out)),
        ("blobs_total", "Blobs stored.", read(&all.blobs)),
        ("files_total", "Files that became complete.", read(&all.files)),
        ("files_removed_total", "Files removed.", read(&all.files_removed)),
        ("file_bytes_in_total", "Bytes of files made durable.", read(&all.file_bytes_in)),
        ("file_bytes_out_total", "Bytes of files handed to readers.", read(&all.file_bytes_out)),
        ("pushes_total", "Push messages that a push service took.", read(&all.pushes)),
        ("pushes_failed_total", "Push messages that none took.", read(&all.pushes_failed)),
        ("relay_bytes_total", "Bytes relayed in calls.", relayed.relayed_bytes),
        ("relay_packets_total", "Packets relayed in calls.", relayed.relayed_packets),
        ("relay_dropped_total", "Packets of calls dropped, not permitted or over a limit.", relayed.dropped_packets),
        ("relay_refusals_total", "Requests to the relay refused, first ones without a nonce too.", relayed.refusals),
        ("room_packets_in_total", "Packets that came to rooms.", rooms.packets_in),
        ("room_packets_out_total", "Packets that rooms sent on.", rooms.packets_out),
        ("room_dropped_total", "Packets over somebody's budget.", rooms.dropped),
        ("room_refusals_total", "Questions about rooms refused.", rooms.refusals),
        ("closed_malformed_total", "Connections closed for what they sent.", read(&all.closed_malformed)),
    ];
    let mut text = String::new();
    let kinds = gauges.iter().map(|line| ("gauge", line)).chain(counters.iter().map(|line| ("counter", line)));
    for (kind, (name, help, value)) in kinds {
        // Writing to a String does not fail.
        let _ =
            write!(text, "# HELP sottovoce_{name} {help}\n# TYPE sottovoce_{name} {kind}\nsottovoce_{name} {value}\n");
    }
    text
}
