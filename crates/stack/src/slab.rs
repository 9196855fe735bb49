//! Places that keep their number: a slab that grows by pages. Nothing in it ever moves, so that the millionth connection costs as
//! little to add as the first.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// Entries of a page: a power of two.
const PAGE: usize = 256;

/// No entry, in the list of vacant ones.
const NIL: u32 = u32::MAX;

enum Entry<T> {
    Occupied(T),
    /// With the next vacant one.
    Vacant(u32),
}

/// See the module.
pub(crate) struct Slab<T> {
    pages: Vec<Vec<Entry<T>>>,
    /// The entry that was vacated last.
    vacant: u32,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Slab<T> {
        Slab { pages: Vec::new(), vacant: NIL, len: 0 }
    }

    /// How many entries are occupied.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Where the next entry will be.
    pub(crate) fn next_index(&self) -> u32 {
        if self.vacant != NIL { self.vacant } else { self.places() as u32 }
    }

    /// How many places there are, vacant ones included.
    pub(crate) fn places(&self) -> usize {
        self.pages.last().map_or(0, |last| (self.pages.len() - 1) * PAGE + last.len())
    }

    /// Adds an entry at [`next_index`](Self::next_index), and returns that.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let index = self.next_index();
        self.len += 1;
        if self.vacant == NIL {
            if self.pages.last().is_none_or(|last| last.len() == PAGE) {
                self.pages.push(Vec::with_capacity(PAGE));
            }
            if let Some(last) = self.pages.last_mut() {
                last.push(Entry::Occupied(value));
            }
            return index;
        }
        let entry = &mut self.pages[index as usize / PAGE][index as usize % PAGE];
        if let Entry::Vacant(next) = core::mem::replace(entry, Entry::Occupied(value)) {
            self.vacant = next;
        }
        index
    }

    /// Takes an entry away.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn remove(&mut self, index: u32) -> T {
        let entry = &mut self.pages[index as usize / PAGE][index as usize % PAGE];
        match core::mem::replace(entry, Entry::Vacant(self.vacant)) {
            Entry::Occupied(value) => {
                self.vacant = index;
                self.len -= 1;
                value
            }
            Entry::Vacant(_) => nobody(),
        }
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        match self.pages.get(index as usize / PAGE)?.get(index as usize % PAGE)? {
            Entry::Occupied(value) => Some(value),
            Entry::Vacant(_) => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        match self.pages.get_mut(index as usize / PAGE)?.get_mut(index as usize % PAGE)? {
            Entry::Occupied(value) => Some(value),
            Entry::Vacant(_) => None,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.pages.iter().flatten().enumerate().filter_map(|(index, entry)| match entry {
            Entry::Occupied(value) => Some((index as u32, value)),
            Entry::Vacant(_) => None,
        })
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.pages.iter_mut().flatten().enumerate().filter_map(|(index, entry)| match entry {
            Entry::Occupied(value) => Some((index as u32, value)),
            Entry::Vacant(_) => None,
        })
    }
}

#[cold]
fn nobody() -> ! {
    panic!("a vacant place")
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        match &self.pages[index as usize / PAGE][index as usize % PAGE] {
            Entry::Occupied(value) => value,
            Entry::Vacant(_) => nobody(),
        }
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        match &mut self.pages[index as usize / PAGE][index as usize % PAGE] {
            Entry::Occupied(value) => value,
            Entry::Vacant(_) => nobody(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_numbers_and_are_used_again() {
        let mut slab = Slab::new();
        for n in 0..1000u32 {
            assert_eq!((slab.next_index(), slab.insert(n)), (n, n));
        }
        assert_eq!((slab.remove(7), slab.remove(700)), (7, 700));
        assert_eq!((slab.len(), slab.get(7), slab[8]), (998, None, 8));
        assert_eq!((slab.insert(1), slab.insert(2), slab.insert(3)), (700, 7, 1000));
        assert_eq!((slab[7], slab[700], slab.len(), slab.places()), (2, 1, 1001, 1001));
        assert_eq!(slab.iter().filter(|(index, n)| index != *n).count(), 3);
    }

    #[test]
    fn nothing_moves() {
        let mut slab = Slab::new();
        slab.insert(0u64);
        let first = core::ptr::from_ref(&slab[0]);
        (1..10_000).for_each(|n| {
            slab.insert(n);
        });
        assert!(core::ptr::eq(first, &slab[0]));
    }
}
