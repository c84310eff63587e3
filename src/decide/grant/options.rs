//! The options of a lease: in the safe order 53, 54, lease times, the client's own, 60, 97, 43, 67,
//! 175, 61, 82 (facts A). What a client's size limit has no room for is left out from the end of
//! the client's own, and named.

use std::net::Ipv4Addr;

use super::{Data, Told};
use crate::client::Stage;
use crate::decide::lease::Asked;
use crate::decide::reply;
use crate::lease;
use crate::network::{Subnet, Terms};
use crate::wire::dhcp::{Kind, Message, Options, code};

/// What a BOOTP client has room for: 300 bytes in all (RFC 1542 2.1).
const BOOTP_REPLY: usize = 300;

/// Options that lead firmware elsewhere than the boot data beside them: 60 alone sends EDK2 to port
/// 4011, 43 may send anybody anywhere (facts, section 0). The operator's are for those who boot
/// nothing of ours.
const LEADING: [u8; 4] = [
    code::VENDOR_CLASS,
    code::VENDOR_SPECIFIC,
    code::TFTP_SERVER,
    code::BOOT_FILE,
];

/// Options that say how long, asked for or not (RFC 2131 4.4.5).
const TIMES: [u8; 3] = [code::LEASE_TIME, code::RENEWAL_TIME, code::REBINDING_TIME];

/// Fills in the options; gives those that there was no room for.
pub(super) fn fill(
    asked: &Asked<'_>,
    told: Told,
    data: Option<&Data<'_>>,
    message: &mut Message,
) -> Vec<u8> {
    let head = head(asked, told);
    let tail = tail(asked, told, data);
    let mut own = own(asked, told, data);
    // What the operator sets beside it would be joined to it, or lead elsewhere.
    let leads = |code| data.is_some() && LEADING.contains(&code);
    own.retain(|(code, _)| !head.has(*code) && !tail.has(*code) && !leads(*code));
    let limit = limit(asked.incoming.message, asked.kind);
    let mut left_out = Vec::new();
    loop {
        message.options = joined(&head, &own, &tail);
        if message.encoded_len() <= limit {
            return left_out;
        }
        match own.pop() {
            Some((code, _)) => left_out.push(code),
            None => return left_out,
        }
    }
}

/// How long a reply to what a message asks may be, in bytes.
pub(in crate::decide) fn limit(message: &Message, asks: lease::Kind) -> usize {
    match asks {
        lease::Kind::Bootp => BOOTP_REPLY,
        _ => message.reply_limit(),
    }
}

fn joined(head: &Options, own: &[(u8, Vec<u8>)], tail: &Options) -> Options {
    let own = own.iter().map(|(code, value)| (*code, value.as_slice()));
    head.iter().chain(own).chain(tail.iter()).collect()
}

/// What the kind of reply asks for: 53, 54, the times, the message of a NAK.
fn head(asked: &Asked<'_>, told: Told) -> Options {
    let mut head = Options::default();
    let kind = match told {
        Told::Offer(_) => Kind::Offer,
        Told::Ack(_) | Told::Inform => Kind::Ack,
        Told::Nak(_) => Kind::Nak,
        Told::Bootp(_) => return head,
    };
    head.push(code::MESSAGE_TYPE, &[kind.number()]);
    head.push(code::SERVER_ID, &asked.server_id().octets());
    match told {
        Told::Offer(binding) | Told::Ack(binding) => push_times(binding.seconds, &mut head),
        Told::Nak(why) => head.push(code::MESSAGE, why.to_string().as_bytes()),
        Told::Inform | Told::Bootp(_) => {}
    }
    head
}

/// The lease time, and where it ends some day when to renew and when to ask everybody (RFC 2131
/// 4.4.5: at half and at seven eighths).
fn push_times(seconds: u32, to: &mut Options) {
    to.push(code::LEASE_TIME, &seconds.to_be_bytes());
    if seconds < u32::MAX {
        to.push(code::RENEWAL_TIME, &(seconds / 2).to_be_bytes());
        let rebinding = seconds - seconds / 8;
        to.push(code::REBINDING_TIME, &rebinding.to_be_bytes());
    }
}

/// What the client's terms say, in the order that the client lists (RFC 2131 4.3.1): the mask
/// always, else what it asks for, and what is marked `always`. Without a list: everything.
///
/// The boot ROM of a Raspberry Pi does not ask for a router: that of a Pi 3B+ goes by the one it is told
/// all the same, that of a Pi 3 does not mind it (raspberrypi/firmware#670, #1078).
fn own(asked: &Asked<'_>, told: Told, data: Option<&Data<'_>>) -> Vec<(u8, Vec<u8>)> {
    let address = match told {
        Told::Offer(binding) | Told::Ack(binding) | Told::Bootp(binding) => binding.address,
        Told::Inform => asked.has().unwrap_or(asked.incoming.local),
        Told::Nak(_) => return Vec::new(),
    };
    let layers = layers(asked, address);
    let wanted = asked.incoming.message.options.get(code::PARAMETER_LIST);
    let mut codes = vec![code::SUBNET_MASK];
    codes.extend(wanted.unwrap_or_default());
    codes.extend(data.filter(|data| data.form.for_pi).map(|_| code::ROUTER));
    let all = layers.iter().flat_map(|terms| &terms.options);
    let further = all.filter(|o| o.always || wanted.is_none());
    codes.extend(further.map(|o| o.code));
    let mut own: Vec<(u8, Vec<u8>)> = Vec::new();
    for code in codes {
        if own.iter().any(|(known, _)| *known == code) || TIMES.contains(&code) {
            continue;
        }
        own.extend(value(asked, &layers, address, code).map(|value| (code, value)));
    }
    own
}

/// One option: as configured, else as it follows from the subnet or the reservation.
fn value(asked: &Asked<'_>, layers: &[&Terms], address: Ipv4Addr, code: u8) -> Option<Vec<u8>> {
    if let Some(option) = Terms::option(layers, code) {
        return Some(option.value.to_vec());
    }
    let subnet: Option<&Subnet> = asked.network.subnet_of(address);
    match code {
        code::SUBNET_MASK => subnet.map(|s| s.net.netmask().octets().to_vec()),
        code::BROADCAST_ADDRESS => subnet.map(|s| s.net.broadcast().octets().to_vec()),
        code::HOST_NAME => {
            let reserved = asked.reservation?.host_name.as_ref()?;
            Some(reserved.as_bytes().to_vec())
        }
        _ => None,
    }
}

/// What comes last: boot data, the identifiers as they came, the relay's words.
fn tail(asked: &Asked<'_>, told: Told, data: Option<&Data<'_>>) -> Options {
    let request = &asked.incoming.message.options;
    let mut tail = Options::default();
    let bootp = matches!(told, Told::Bootp(_));
    if let Some(Data { boot, form }) = data.filter(|_| !bootp) {
        let server = asked.incoming.local;
        reply::push_boot(request, form, (server, &boot.name()), &mut tail);
    }
    let ipxe = asked
        .client
        .as_ref()
        .is_some_and(|c| c.stage == Stage::Ipxe);
    if data.is_some() && ipxe {
        tail.push(code::ETHERBOOT, &reply::NO_PROXY);
    }
    // RFC 6842: the client identifier goes back as it came.
    let id = request.get(code::CLIENT_ID).filter(|id| !id.is_empty());
    if let Some(id) = id.filter(|_| !bootp) {
        tail.push(code::CLIENT_ID, id);
    }
    if let Some(relay) = request.get(code::RELAY_AGENT) {
        tail.push(code::RELAY_AGENT, relay);
    }
    tail
}

/// The terms for an address, the most specific first: its reservation's, its profile's, its pool's
/// or its subnet's.
pub(super) fn layers<'a>(asked: &'a Asked<'_>, address: Ipv4Addr) -> Vec<&'a Terms> {
    let own = asked.reservation.map(|r| &r.terms);
    let profile = asked.selection.as_ref().map(|s| &s.profile.terms);
    let place = place(asked, address);
    [own, profile, place].into_iter().flatten().collect()
}

/// The terms of the pool that an address is in, else of its subnet; those around it included.
pub(super) fn place<'a>(asked: &'a Asked<'_>, address: Ipv4Addr) -> Option<&'a Terms> {
    let subnet = asked.network.subnet_of(address);
    let subnet = subnet.or_else(|| asked.network.subnets.first());
    let pool = asked.network.pool_of(address);
    pool.map(|p| &p.terms).or(subnet.map(|s| &s.terms))
}
