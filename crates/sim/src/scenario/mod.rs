//! Named worlds: each misdeed of LANE.md s.10 with what the user must be told, and rules worth a world of their own.
//!
//! | file | who misbehaves |
//! |---|---|
//! | `node` | the node |
//! | `member` | a member, or a stranger |
//! | `honest` | nobody |
//! | `going` | nobody: people leave, are removed, come back |
//! | `restart` | the node, until admins begin anew |
//! | `large` | nobody, or the node, in a group of dozens |

mod going;
mod honest;
mod large;
mod member;
mod node;
mod restart;

#[cfg(test)]
pub(crate) use node::loses_cells_of;

use crate::ground::Ground;
use crate::storm::Report;
use crate::world::World;
use protocol::event::{Alert, ConversationId, Link};
use wire::id::LaneId;

/// Plays a scenario; logged or not.
pub type Play = fn(&Ground, bool) -> Report;

/// Every scenario by name.
pub const ALL: &[(&str, Play)] = &[
    ("node_loses_acknowledged_cells", node::loses_acknowledged_cells),
    ("node_loses_a_long_burst", node::loses_a_long_burst),
    ("node_loses_the_moving_commit", node::loses_the_moving_commit),
    ("node_loses_the_moving_commit_unseen", node::loses_the_moving_commit_unseen),
    ("node_shows_two_histories", node::shows_two_histories),
    ("node_reorders", node::reorders),
    ("node_replays", node::replays),
    ("node_withholds", node::withholds),
    ("node_withholds_a_blob", large::node_withholds_a_blob),
    ("disputed_group_restarts", node::disputed_group_restarts),
    ("node_says_gone_early", node::says_gone_early),
    ("node_gives_one_key_package_twice", node::gives_one_key_package_twice),
    ("node_has_another_key", node::has_another_key),
    ("member_floods", member::floods),
    ("member_cannot_block_commits", member::cannot_block_commits),
    ("member_commits_without_pause", member::commits_without_pause),
    ("member_breaks_one_device", member::breaks_one_device),
    ("member_lies_in_seen", member::lies_in_seen),
    ("device_is_restored", member::device_is_restored),
    ("link_leaks", member::link_leaks),
    ("stranger_floods_a_door", member::stranger_floods_a_door),
    ("removed_member_opens_no_later_lane", member::removed_opens_no_later_lane),
    ("long_conversation_blames_nobody", honest::long_conversation),
    ("receipt_reads_an_own_cell_back", honest::receipt_reads_back),
    ("left_while_adding", honest::left_while_adding),
    ("removed_member_comes_back", honest::removed_comes_back),
    ("joiner_restarts_before_its_welcome", honest::joiner_restarts),
    ("stale_welcome_leads_nowhere", honest::stale_welcome),
    ("two_knocks_at_one_door", honest::two_knocks),
    ("clocks_years_apart", honest::clocks_years_apart),
    ("joiner_opens_its_reply_lane_first", honest::joiner_opens_its_reply_lane_first),
    ("invite_expires_on_the_way", honest::invite_expires_on_the_way),
    ("clock_jumps_ahead", honest::clock_jumps_ahead),
    ("removed_member_follows_a_link_unknowing", going::removed_follows_a_link),
    ("removed_member_follows_a_link_and_leaves", going::removed_follows_a_link_and_leaves),
    ("leave_outlives_the_admin_who_read_it", going::leave_outlives_its_admin),
    ("lost_welcome_is_asked_for_again", going::lost_welcome_is_asked_for_again),
    ("lost_welcome_ends_a_membership", going::lost_welcome_ends_a_membership),
    ("refused_welcome_lets_nobody_in", going::refused_welcome_lets_nobody_in),
    ("two_restarts_become_one", restart::two_restarts),
    ("two_restarts_become_one_the_other_way", restart::two_restarts_the_other_way),
];

/// Three people in a group of the first, who is its admin; everything well so far.
fn trio(ground: &Ground, is_logged: bool) -> (World, ConversationId) {
    let mut world = ground.world(7, 3, is_logged);
    let mut group = None;
    if world.meet_by_link(0, 1).is_some() && world.meet_by_link(0, 2).is_some() {
        world.run_for(3_000);
        group = world.make_group(0, &[1, 2]);
        world.run_for(3_000);
    }
    for at in 0..3 {
        if let Some(group) = group {
            world.write(at, group, "well so far");
        }
    }
    world.settle();
    let group = group.unwrap_or(ConversationId([0; 16]));
    (world, group)
}

/// The node shows phone 2 a history of its own, and `here` the other one; all of them write.
fn split(world: &mut World, group: ConversationId, here: &[usize]) {
    world.misbehave();
    world.servers[0].fork();
    world.astray.insert(2);
    lose_all(world, 2);
    for nth in 0..20 {
        for at in here {
            world.write(*at, group, "here");
        }
        world.write(2, group, "there");
        world.run_for(500 + nth);
    }
}

/// Phone 2 is back on the history that the others have, and all of them had time to see that there were two.
fn reunite(world: &mut World, group: ConversationId) {
    world.astray.clear();
    lose_all(world, 2);
    world.run_for(10_000);
    world.write(0, group, "together");
    world.write(2, group, "again");
    world.run_for(120_000);
}

fn lose_all(world: &mut World, at: usize) {
    let links: Vec<Link> = world.phones[at].links.keys().cloned().collect();
    links.iter().for_each(|link| world.lose_connection(at, link));
}

impl World {
    /// From here on somebody misbehaves, and alerts are right.
    fn misbehave(&mut self) {
        self.book.is_honest = false;
    }

    /// The lane of a conversation as a phone knows it.
    fn lane_of(&self, at: usize, id: ConversationId) -> LaneId {
        let inside = self.phones[at].device.as_ref().and_then(|device| device.inspect(id));
        inside.map_or(LaneId([0; 32]), |inside| inside.lane_id)
    }

    /// One of these people must have been told.
    fn expect_told(&mut self, people: &[usize], what: &str, is_it: impl Fn(&Alert) -> bool) {
        let is_told = self.book.alerts.iter().any(|(at, alert)| people.contains(at) && is_it(alert));
        if !is_told {
            let told: Vec<String> =
                self.book.alerts.iter().map(|(at, alert)| format!("{at}: {}", alert.text("somebody"))).collect();
            self.book.wrong(format!("I15: none of {people:?} was told: {what}; told: {told:?}"));
        }
    }

    /// Nobody may have been told such a thing.
    fn expect_silence(&mut self, what: &str, is_it: impl Fn(&Alert) -> bool) {
        if self.book.alerts.iter().any(|(_, alert)| is_it(alert)) {
            self.book.wrong(format!("somebody was told without reason: {what}"));
        }
    }

    /// Something must be so.
    fn expect(&mut self, is_so: bool, what: &str) {
        if !is_so {
            self.book.wrong(format!("expected: {what}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_ends_as_it_must() {
        let ground = Ground::new(4, 2);
        for (name, play) in ALL {
            let report = play(&ground, false);
            assert_eq!(report.wrongs, Vec::<String>::new(), "replay: sim --scenario {name} --verbose");
        }
    }
}
