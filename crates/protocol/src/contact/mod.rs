//! First contact: invite links, doors, knocks (LANE.md s.7).
