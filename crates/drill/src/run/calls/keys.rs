//! Structures with keys: `struct tcp_md5sig` and `struct tcp_ao_add` (`<linux/tcp.h>`).

use crate::run::{Stop, values};
use crate::script::{Arg, Expr, Field};
use limpid_posix::Sockaddr;
use limpid_wire::Endpoint;

/// `{tcpm_addr="192.0.2.1", tcpm_key="secret", tcpm_prefixlen=24, tcpm_flags=1, tcpm_keylen=6}`: the last three may be left out.
pub(super) fn md5sig(arg: &Arg, fields: &[Field]) -> Result<Vec<u8>, Stop> {
    values::only_fields(
        fields,
        &["tcpm_addr", "tcpm_key", "tcpm_prefixlen", "tcpm_flags", "tcpm_keylen", "tcpm_ifindex"],
    )?;
    let key = text(arg, fields, "tcpm_key")?;
    let mut bytes = vec![0; 216];
    put_address(arg, fields, "tcpm_addr", &mut bytes)?;
    bytes[128] = small(fields, "tcpm_flags", 0)?;
    bytes[129] = small(fields, "tcpm_prefixlen", 0)?;
    let len = number(fields, "tcpm_keylen", key.len() as i64)?;
    bytes[130..132].copy_from_slice(&(len as u16).to_ne_bytes());
    bytes[132..136].copy_from_slice(&(number(fields, "tcpm_ifindex", 0)? as i32).to_ne_bytes());
    put(arg, &key, &mut bytes[136..])?;
    Ok(bytes)
}

/// `{ao_addr="192.0.2.1", ao_alg="hmac(sha1)", ao_prefix=32, ao_sndid=1, ao_rcvid=2, ao_maclen=12, ao_key="secret"}`.
pub(super) fn ao_add(arg: &Arg, fields: &[Field]) -> Result<Vec<u8>, Stop> {
    let names = ["ao_addr", "ao_alg", "ao_prefix", "ao_sndid", "ao_rcvid", "ao_maclen", "ao_keyflags", "ao_key"];
    values::only_fields(fields, &names)?;
    let key = text(arg, fields, "ao_key")?;
    let mut bytes = vec![0; 288];
    put_address(arg, fields, "ao_addr", &mut bytes)?;
    put(arg, &text(arg, fields, "ao_alg")?, &mut bytes[128..191])?;
    for (at, name) in
        [(202, "ao_prefix"), (203, "ao_sndid"), (204, "ao_rcvid"), (205, "ao_maclen"), (206, "ao_keyflags")]
    {
        bytes[at] = small(fields, name, 0)?;
    }
    bytes[207] = key.len() as u8;
    put(arg, &key, &mut bytes[208..])?;
    Ok(bytes)
}

fn text(arg: &Arg, fields: &[Field], name: &str) -> Result<Vec<u8>, Stop> {
    match values::field(fields, name).map(|field| &field.value.value) {
        Some(Expr::Text(text)) => Ok(text.clone()),
        _ => Err(Stop::invalid(arg.at, format!("expected a string as {name}"))),
    }
}

fn number(fields: &[Field], name: &str, default: i64) -> Result<i64, Stop> {
    values::field(fields, name).map_or(Ok(default), |field| values::number(&field.value))
}

fn small(fields: &[Field], name: &str, default: i64) -> Result<u8, Stop> {
    Ok(number(fields, name, default)? as u8)
}

fn put(arg: &Arg, what: &[u8], to: &mut [u8]) -> Result<(), Stop> {
    let to = to.get_mut(..what.len()).ok_or_else(|| Stop::invalid(arg.at, "the structure has no room for it"))?;
    to.copy_from_slice(what);
    Ok(())
}

fn put_address(arg: &Arg, fields: &[Field], name: &str, bytes: &mut [u8]) -> Result<(), Stop> {
    let text = text(arg, fields, name)?;
    let addr = core::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    let addr = addr.ok_or_else(|| Stop::invalid(arg.at, "expected an IP address"))?;
    put(arg, &Sockaddr::of(Endpoint { addr, port: 0 }).0, bytes)
}
