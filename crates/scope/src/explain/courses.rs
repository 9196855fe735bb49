//! What is gathered of each connection beside its figures, by its place in the survey.

use super::exchange::Exchanges;
use super::limits::Limits;
use super::places::{MAX_NOTED, Places};

/// How many lists of places are kept for those to come.
const MAX_SPARE: usize = 64;

/// Of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    /// Whose it is, by number; 0 for nobody's.
    of: u64,
    /// It has ended, and was asked about then.
    pub(super) is_over: bool,
    pub(super) exchanges: Exchanges,
    pub(super) limits: Limits,
    pub(super) places: Places,
}

/// Of all connections.
#[derive(Debug)]
pub(super) struct Courses {
    courses: Vec<Course>,
    spare: Vec<Places>,
    /// How many more bytes may be taken for the places of packets.
    room: usize,
}

impl Courses {
    pub(super) fn new() -> Courses {
        Courses { courses: Vec::new(), spare: Vec::new(), room: MAX_NOTED }
    }

    /// That of connection `of`, which is at `place` now; with how many bytes may be taken for places.
    #[inline]
    pub(super) fn of(&mut self, place: usize, of: u64) -> (&mut Course, &mut usize) {
        if self.courses.get(place).is_none_or(|course| course.of != of) {
            self.begin(place, of);
        }
        (&mut self.courses[place], &mut self.room)
    }

    #[cold]
    fn begin(&mut self, place: usize, of: u64) {
        if place >= self.courses.len() {
            self.courses.resize_with(place + 1, Course::default);
        }
        self.forget(place);
        let places = self.spare.pop().unwrap_or_default();
        self.courses[place] = Course { of, places, ..Course::default() };
    }

    /// The packets of the connection at `place` will hardly be asked for: another has the memory for where they stand.
    pub(super) fn forget(&mut self, place: usize) {
        let Some(course) = self.courses.get_mut(place) else { return };
        let places = course.places.forget();
        self.keep(places);
    }

    fn keep(&mut self, mut places: Places) {
        match self.spare.len() < MAX_SPARE && places.has_memory() {
            true => self.spare.push(places),
            false => places.give_back(&mut self.room),
        }
    }

    /// That of connection `of`, which is or was at `place`, for a look.
    pub(super) fn look(&self, place: usize, of: u64) -> Option<&Course> {
        self.courses.get(place).filter(|course| course.of == of)
    }

    /// The same, taken out; an empty one if another connection has taken its place.
    pub(super) fn take(&mut self, place: usize, of: u64) -> Course {
        match self.courses.get_mut(place).filter(|course| course.of == of) {
            Some(course) => std::mem::take(course),
            None => Course { of, places: Places::unknown(), ..Course::default() },
        }
    }

    /// Takes back the memory of one that was taken out.
    pub(super) fn give_back(&mut self, mut course: Course) {
        let places = course.places.forget();
        self.keep(places);
    }
}
