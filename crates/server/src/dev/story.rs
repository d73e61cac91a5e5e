//! What happens in the demo, second by second, over and over. Pure.

use std::time::Duration;

/// The story begins anew after so many seconds.
pub(super) const LENGTH: u64 = 150;

/// A member of the troupe, by its place.
pub(super) type Place = usize;

/// How many the story needs.
pub(super) const TROUPE: usize = 7;

/// Slow, yet answering in time.
const SLOW: Duration = Duration::from_millis(350);
/// Longer than any caller waits.
const SILENT: Duration = Duration::from_hours(1);

/// Something that happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// It takes so long over each answer; zero = it is quick again.
    Pace(Place, Duration),
    /// Its process dies; the registration stays for a while.
    Die(Place),
    /// Its registration is gone.
    Forget(Place),
    /// It is back, as a new process.
    Return(Place),
}

/// What happens in a second since the beginning.
pub(super) fn scenes(second: u64) -> Vec<Scene> {
    let scene = match second % LENGTH {
        10 => Scene::Pace(0, SLOW),
        35 => Scene::Pace(0, Duration::ZERO),
        45 => Scene::Die(1),
        60 => Scene::Forget(1),
        75 => Scene::Return(1),
        85 => Scene::Pace(2, SILENT),
        97 => Scene::Pace(2, Duration::ZERO),
        105 => Scene::Forget(3),
        125 => Scene::Return(3),
        _ => return Vec::new(),
    };
    vec![scene]
}

/// Pushes in a second since the beginning: waves, and now and then a rush.
pub(super) fn pushes(second: u64) -> u32 {
    let wave = [12, 14, 18, 23, 28, 32, 34, 32, 28, 23, 18, 14];
    let at = usize::try_from(second / 3).unwrap_or_default() % wave.len();
    let rush = if (60..72).contains(&(second % LENGTH)) {
        60
    } else {
        0
    };
    wave[at] + rush
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_goes_comes_back_before_the_story_begins_anew() {
        let (mut gone, mut paced) = ([false; TROUPE], [false; TROUPE]);
        for scene in (0..LENGTH).flat_map(scenes) {
            match scene {
                Scene::Die(place) | Scene::Forget(place) => gone[place] = true,
                Scene::Return(place) => {
                    assert!(gone[place], "only who left returns");
                    gone[place] = false;
                }
                Scene::Pace(place, pause) => paced[place] = !pause.is_zero(),
            }
        }
        assert_eq!((gone, paced), ([false; TROUPE], [false; TROUPE]));
    }

    #[test]
    fn the_load_varies_and_never_stops() {
        let loads: Vec<_> = (0..LENGTH).map(pushes).collect();
        assert!(loads.iter().all(|load| *load > 0));
        assert!(loads.iter().max() > loads.iter().min().map(|least| least * 4).as_ref());
    }
}
