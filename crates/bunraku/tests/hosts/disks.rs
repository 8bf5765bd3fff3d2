//! Disks that are full: the CA directory lies on a small one of its own.

use std::io::Write;
use std::path::Path;

use super::estate::{Plan, wait_until};
use super::story::Story;

/// What fills it.
pub const FILLER: &str = "filler";

/// Size of the disk.
const KIB: u32 = 16 * 1024;

/// Writes until nothing more fits.
pub fn fill(cadir: &Path) {
    let mut file = std::fs::File::create(cadir.join(FILLER)).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        let zeros = vec![0; size];
        while file.write(&zeros).is_ok_and(|written| written > 0) {}
    }
}

pub fn make_room(cadir: &Path) {
    std::fs::remove_file(cadir.join(FILLER)).unwrap();
}

#[test]
fn disk_full_on_standby() {
    let story = Story::begin(Plan { small_disks: &[("two", KIB)], ..Plan::default() });
    let estate = &story.estate;
    fill(&estate.cadir("ca-2"));
    estate.wait_until_out("ca-2");
    assert_eq!(estate.active().as_deref(), Some("ca-1"));
    story.load.wait_for_more(10);
    make_room(&estate.cadir("ca-2"));
    story.ends_well();
}

#[test]
fn disk_full_on_primary() {
    let story = Story::begin(Plan { small_disks: &[("one", KIB)], ..Plan::default() });
    let estate = &story.estate;
    fill(&estate.cadir("ca-1"));
    estate.wait_until_active("ca-2");
    story.load.wait_for_more(10);
    let log = || estate.log("one", "ca-1.log") + &estate.log("front", "front_end_error.log");
    wait_until("the log says that there is no room", || log().to_lowercase().contains("space"));
    make_room(&estate.cadir("ca-1"));
    story.ends_well();
}

#[test]
fn primary_killed_and_started_again_while_its_disk_is_full() {
    let story = Story::begin(Plan { small_disks: &[("one", KIB)], ..Plan::default() });
    let estate = &story.estate;
    estate.kill("ca-1");
    fill(&estate.cadir("ca-1"));
    estate.wait_until_active("ca-2");
    estate.run("ca-1");
    wait_until("the log says that there is no room", || {
        estate.log("one", "ca-1.log").to_lowercase().contains("space")
    });
    story.load.wait_for_more(10);
    assert_eq!(estate.active().as_deref(), Some("ca-2"));
    make_room(&estate.cadir("ca-1"));
    story.ends_well();
}
