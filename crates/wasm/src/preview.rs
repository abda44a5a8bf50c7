//! What an invite link says before it is followed.

use crate::refusal::Refusal;
use protocol::contact::invite::{InviteBundle, InviteKind, InviteLink, InviteLinkError};
use serde::Serialize;

/// What is known of an invite; empty names until its bundle was fetched.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct InvitePreview {
    pub node: String,
    pub inviter_name: String,
    pub group_title: Option<String>,
    pub expires_ms: Option<u64>,
}

/// Reads a link.
///
/// # Errors
/// `bad-link`, `too-new`.
pub fn parse(link: &str) -> Result<InviteLink, Refusal> {
    InviteLink::parse(link.trim()).map_err(|error| match error {
        InviteLinkError::Unsupported { .. } => Refusal::new("too-new"),
        InviteLinkError::NoFragment
        | InviteLinkError::NotAnInvite
        | InviteLinkError::Node(_)
        | InviteLinkError::Length { .. }
        | InviteLinkError::Encoding => Refusal::new("bad-link"),
    })
}

/// What a link says; without its bundle only where it leads.
///
/// # Errors
/// As [`parse`]; `forged` where the bundle is not the link's, `invite-gone` where it has expired.
pub fn preview(link: &str, bundle: Option<&[u8]>, now_ms: u64) -> Result<InvitePreview, Refusal> {
    let link = parse(link)?;
    let node = link.node_url.to_string();
    let Some(bundle) = bundle else {
        return Ok(InvitePreview { node, inviter_name: String::new(), group_title: None, expires_ms: None });
    };
    let bundle = InviteBundle::preview(&link, bundle).map_err(|_| Refusal::new("forged"))?;
    let expires_ms = bundle.expires_s.saturating_mul(1_000);
    if expires_ms <= now_ms {
        return Err(Refusal::new("invite-gone"));
    }
    Ok(InvitePreview {
        node,
        inviter_name: bundle.name,
        group_title: match bundle.kind {
            InviteKind::Person { .. } => None,
            InviteKind::Group { title } => Some(title),
        },
        expires_ms: Some(expires_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_that_is_cut_off_is_told_apart_from_one_of_a_later_version() {
        for link in ["", "https://example.org", "https://example.org/i#abc", "https://example.org/x#abc"] {
            assert_eq!(parse(link).unwrap_err().code, "bad-link", "{link}");
        }
        let later = format!("https://example.org/i#{}", data_encoding::BASE64URL_NOPAD.encode(&[2; 65]));
        assert_eq!(parse(&later).unwrap_err().code, "too-new");
    }

    #[test]
    fn link_alone_says_where_it_leads_and_another_bundle_is_forged() {
        let mut bytes = [7; 65];
        bytes[0] = 1;
        let link = format!("https://example.org/i#{}", data_encoding::BASE64URL_NOPAD.encode(&bytes));
        assert_eq!(preview(&link, None, 0).unwrap().node, "https://example.org");
        assert_eq!(preview(&link, Some(b"other"), 0).unwrap_err().code, "forged");
    }
}
