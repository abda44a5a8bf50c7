//! What the user wants, checked and set in motion.

use super::Parts;
use crate::content::check_name;
use crate::event::{ConversationId, ConversationState, Intent, IntentError, IntentId, Outcome};
use crate::group::{Cx, DeviceError, Group, Plan};
use crate::identity::Address;
use crate::policy::Policy;
use wire::id::AccountId;
use wire::limit::{NAME_BYTES_MAX, NOTE_BYTES_MAX};

type Answered = Option<Result<Outcome, IntentError>>;

fn too_long(what: &'static str, text: &str, limit: usize) -> Option<IntentError> {
    (text.len() > limit).then_some(IntentError::TooLong { what, found: text.len(), limit })
}

impl Parts<'_> {
    /// Sets an intent in motion; none when its outcome comes later.
    pub(super) fn intend(&mut self, cx: &mut Cx<'_>, id: IntentId, intent: Intent) -> Result<Answered, DeviceError> {
        match intent {
            Intent::Invite { group, needs_approval, valid_s } => {
                if let Some(group) = group
                    && let Err(error) = self.admin_group(cx, group)?
                {
                    return Ok(Some(Err(error)));
                }
                let group = group.map(|group| (group, needs_approval));
                Ok(self.make_invite(cx, id, group, valid_s)?.map(Err))
            }
            Intent::RevokeInvite { invite } => {
                self.close_invite(cx, invite, None)?;
                Ok(Some(Ok(Outcome::Done)))
            }
            Intent::Accept { link, note } => match too_long("note", &note, NOTE_BYTES_MAX) {
                Some(error) => Ok(Some(Err(error))),
                None => Ok(self.accept(cx, id, &link, note)?.map(Err)),
            },
            Intent::Add { address, note } => self.intend_add(cx, id, &address, note),
            Intent::Answer { request, answer } => self.answer(cx, request, answer).map(Some),
            Intent::Send { conversation, msg_id, message, is_shown } => match self.groups.get_mut(&conversation) {
                Some(group) => Ok(Some(group.send(cx, msg_id, &message, is_shown)?.map(|()| Outcome::Done))),
                None => Ok(Some(Err(IntentError::NoConversation))),
            },
            Intent::Whisper { conversation, content } => {
                if let Some(group) = self.groups.get_mut(&conversation) {
                    group.whisper(cx, &content);
                }
                Ok(Some(Ok(Outcome::Done)))
            }
            Intent::NewGroup { title } => self.new_group(cx, title).map(Some),
            Intent::AddMembers { conversation, accounts } => self.add_members(cx, id, conversation, &accounts),
            Intent::RemoveMembers { conversation, accounts } => self.remove_members(cx, id, conversation, &accounts),
            Intent::Rename { conversation, title } => {
                if let Some(error) = too_long("title", &title, NAME_BYTES_MAX) {
                    return Ok(Some(Err(error)));
                }
                self.plan_for(cx, conversation, Plan::Title { title, intent: Some(id) })
            }
            Intent::SetAdmin { conversation, account, is_admin } => {
                self.plan_for(cx, conversation, Plan::Admin { account: account.0, is_admin, intent: Some(id) })
            }
            Intent::Leave { conversation } => self.leave(cx, conversation).map(Some),
            Intent::Reboot { conversation } => self.reboot(cx, id, conversation),
            Intent::SetName { name } => {
                if check_name(&name).is_err() {
                    return Ok(Some(Err(IntentError::TooLong {
                        what: "name",
                        found: name.len(),
                        limit: NAME_BYTES_MAX,
                    })));
                }
                self.rename = Some(name);
                self.count_door(cx)?;
                Ok(Some(Ok(Outcome::Done)))
            }
            Intent::Block { account, is_blocked } => {
                self.block(cx, account, is_blocked)?;
                Ok(Some(Ok(Outcome::Done)))
            }
        }
    }

    fn intend_add(
        &mut self,
        cx: &mut Cx<'_>,
        id: IntentId,
        address: &str,
        note: String,
    ) -> Result<Answered, DeviceError> {
        if let Some(error) = too_long("note", &note, NOTE_BYTES_MAX) {
            return Ok(Some(Err(error)));
        }
        let address = match Address::parse(address) {
            Ok(address) => address,
            Err(error) => return Ok(Some(Err(IntentError::BadAddress(error.to_string())))),
        };
        if address.account_id == cx.me.identity.account_id {
            return Ok(Some(Err(IntentError::OwnInvite)));
        }
        if let Some(id) = self.direct_with(cx, &address.account_id)? {
            return Ok(Some(Ok(Outcome::Conversation(id))));
        }
        self.add(cx, id, address.account_id, address.node_url, note)?;
        Ok(None)
    }

    /// The conversation of two with an account; of several the lower id (LANE.md s.7).
    fn direct_with(&self, cx: &Cx<'_>, account: &AccountId) -> Result<Option<ConversationId>, DeviceError> {
        for (id, group) in self.groups.iter() {
            if group.is_active() && group.policy()?.is_direct && self.others(cx, group) == [*account] {
                return Ok(Some(*id));
            }
        }
        Ok(None)
    }

    /// A group that this account may change.
    fn admin_group(&mut self, cx: &Cx<'_>, id: ConversationId) -> Result<Result<&mut Group, IntentError>, DeviceError> {
        let Some(group) = self.groups.get_mut(&id) else { return Ok(Err(IntentError::NoConversation)) };
        if !group.is_active() || group.record.state == ConversationState::Leaving {
            return Ok(Err(IntentError::NotActive));
        }
        if group.policy()?.is_direct {
            return Ok(Err(IntentError::IsDirect));
        }
        if !group.may_admin(cx)? {
            return Ok(Err(IntentError::NotAdmin));
        }
        Ok(Ok(group))
    }

    fn plan_for(&mut self, cx: &mut Cx<'_>, id: ConversationId, plan: Plan) -> Result<Answered, DeviceError> {
        match self.admin_group(cx, id)? {
            Ok(group) => {
                group.plan(cx, plan)?;
                group.pump(cx)?;
                Ok(None)
            }
            Err(error) => Ok(Some(Err(error))),
        }
    }

    fn new_group(&mut self, cx: &mut Cx<'_>, title: String) -> Result<Result<Outcome, IntentError>, DeviceError> {
        if let Some(error) = too_long("title", &title, NAME_BYTES_MAX) {
            return Ok(Err(error));
        }
        let Some(node_key) = cx.me.node_key else { return Ok(Err(IntentError::Offline)) };
        let policy = Policy {
            is_direct: false,
            node_url: cx.me.node_url.clone(),
            node_key,
            title,
            admins: vec![cx.me.identity.account_id],
            previous: None,
        };
        let group_id = cx.random();
        let group = Group::create(cx, group_id, &policy)?;
        group.announce(cx)?;
        let id = group.id();
        self.groups.insert(id, group);
        Ok(Ok(Outcome::Conversation(id)))
    }

    fn add_members(
        &mut self,
        cx: &mut Cx<'_>,
        id: IntentId,
        conversation: ConversationId,
        accounts: &[AccountId],
    ) -> Result<Answered, DeviceError> {
        let group = match self.admin_group(cx, conversation)? {
            Ok(group) => &*group,
            Err(error) => return Ok(Some(Err(error))),
        };
        let members: Vec<AccountId> =
            crate::group::members_of(&group.mls).into_iter().map(|(_, who)| who.account_id).collect();
        let mut found = Vec::new();
        for account in accounts {
            if members.contains(account) {
                return Ok(Some(Err(IntentError::IsMember)));
            }
            match super::knock::contact(cx.storage, account)? {
                Some(contact) => found.push((*account, contact.node_url)),
                None => return Ok(Some(Err(IntentError::NoContact))),
            }
        }
        for (account, node_url) in found {
            self.add_member(cx, id, conversation, account, node_url)?;
        }
        Ok(None)
    }

    fn remove_members(
        &mut self,
        cx: &mut Cx<'_>,
        id: IntentId,
        conversation: ConversationId,
        accounts: &[AccountId],
    ) -> Result<Answered, DeviceError> {
        let me = cx.me.identity.account_id;
        let group = match self.admin_group(cx, conversation)? {
            Ok(group) => group,
            Err(error) => return Ok(Some(Err(error))),
        };
        let members = crate::group::members_of(&group.mls);
        if accounts.iter().any(|account| members.iter().all(|(_, who)| who.account_id != *account)) {
            return Ok(Some(Err(IntentError::NoMember)));
        }
        if accounts.contains(&me) {
            return Ok(Some(Err(IntentError::NoMember)));
        }
        for account in accounts {
            group.plan(cx, Plan::Remove { account: account.0, intent: Some(id) })?;
        }
        group.pump(cx)?;
        Ok(None)
    }
}
