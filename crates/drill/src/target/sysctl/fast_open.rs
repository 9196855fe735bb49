//! `net.ipv4.tcp_fastopen_key`: one key, or two with a comma between, each as four numbers in hexadecimal.

use limpid_stack::{FastOpenKey, FastOpenKeys, StackConfig};

/// The keys as Linux writes them; zeros where none was set.
pub(super) fn fast_open_keys(config: &StackConfig) -> String {
    let keys = config.fast_open.keys.unwrap_or(FastOpenKeys { primary: FastOpenKey([0; 16]), backup: None });
    let primary = text(&keys.primary);
    keys.backup.map_or(primary.clone(), |backup| format!("{primary},{}", text(&backup)))
}

pub(super) fn set_fast_open_keys(config: &mut StackConfig, value: &str) -> Result<(), &'static str> {
    let (primary, backup) = match value.split_once(',') {
        Some((primary, backup)) => (primary, Some(backup)),
        None => (value, None),
    };
    let wanted = "a key is four hexadecimal numbers with dashes between";
    let primary = key(primary).ok_or(wanted)?;
    let backup = backup.map(|text| key(text).ok_or(wanted)).transpose()?;
    config.fast_open.keys = Some(FastOpenKeys { primary, backup });
    Ok(())
}

fn text(key: &FastOpenKey) -> String {
    let words =
        key.0.chunks_exact(4).map(|word| word.iter().rev().map(|byte| format!("{byte:02x}")).collect::<String>());
    words.collect::<Vec<_>>().join("-")
}

fn key(text: &str) -> Option<FastOpenKey> {
    let words = text.split('-').map(|word| u32::from_str_radix(word.trim(), 16).ok()).collect::<Option<Vec<_>>>()?;
    let words: [u32; 4] = words.try_into().ok()?;
    let mut key = [0; 16];
    for (part, word) in key.chunks_exact_mut(4).zip(words) {
        part.copy_from_slice(&word.to_le_bytes());
    }
    Some(FastOpenKey(key))
}
