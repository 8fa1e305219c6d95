//! Power is cut at every word that an update writes.

use crate::answers::board_with;
use crate::machine::{Machine, Power, image, reply};
use elbow_agent::protocol::{Identity, Reply, Request, SlotState};

/// More operations than an update has.
const PLENTY: usize = 1 << 20;

/// Operations of flash in what `work` does.
fn operations(work: impl FnOnce(&Power)) -> usize {
    let power = Power::lasting(Some(PLENTY));
    work(&power);
    PLENTY - power.left().unwrap()
}

/// What runs after the restart, and after one more; each is one of the two images.
fn runs(machine: &mut Machine, images: [Identity; 2], context: &str) -> [(Identity, bool); 2] {
    [(); 2].map(|()| {
        let running = machine.hello().running;
        let running = running.unwrap_or_else(|| panic!("{context}: nothing runs"));
        assert!(images.contains(&running.0), "{context}");
        running
    })
}

#[test]
fn an_update_leaves_the_old_or_the_new_image_wherever_power_is_cut() {
    let ((old, _), (new, _)) = (image(1), image(2));
    let images = [Identity::of(&old), Identity::of(&new)];
    let in_all = operations(|power| {
        board_with(&old).update(&new, power);
    });
    assert!(in_all > new.len() / 4, "{in_all}");
    let mut new_ones = 0;
    for cut in 0..=in_all {
        let mut machine = board_with(&old);
        machine.update(&new, &Power::lasting(Some(cut)));
        let [first, second] = runs(&mut machine, images, &format!("cut at {cut}"));
        // Nobody has confirmed the new one, which runs once at most.
        new_ones += usize::from(first == (images[1], true));
        assert_eq!(second, (images[0], false), "{cut}");
        // The update succeeds when it is done again.
        if cut % 16 == 0 {
            machine.update(&new, &Power::lasting(None));
            assert_eq!(machine.hello().running, Some((images[1], true)), "{cut}");
        }
    }
    // Its description is written last: in eight words.
    assert_eq!(new_ones, 1);
}

#[test]
fn the_first_start_of_an_image_may_be_cut_off() {
    let ((old, _), (new, _)) = (image(1), image(2));
    let images = [Identity::of(&old), Identity::of(&new)];
    for cut in 0..=8 {
        let mut machine = board_with(&old);
        machine.update(&new, &Power::lasting(None));
        // Power is cut while the image is marked as tried.
        machine.ask_until(&[Request::Hello], &Power::lasting(Some(cut)));
        let [_, second] = runs(&mut machine, images, &format!("cut at {cut}"));
        assert_eq!(second, (images[0], false), "{cut}");
    }
}

#[test]
fn a_confirmation_or_a_rollback_may_be_cut_off() {
    let ((old, _), (new, _)) = (image(1), image(2));
    let images = [Identity::of(&old), Identity::of(&new)];
    for cut in 0..=8 {
        let mut machine = board_with(&old);
        machine.update(&new, &Power::lasting(None));
        // The image is marked as tried in eight words before that.
        let power = Power::lasting(Some(8 + cut));
        let answer = machine.ask_until(&[Request::Confirm], &power);
        let is_confirmed = reply(&answer[0]) == Reply::Done;
        assert_eq!(is_confirmed, cut == 8);
        let context = format!("confirmation cut at {cut}");
        let [first, second] = runs(&mut machine, images, &context);
        let expected = (images[usize::from(is_confirmed)], false);
        assert_eq!([first, second], [expected; 2], "{context}");
    }
    for cut in 0..=8 {
        let mut machine = board_with(&old);
        machine.update(&new, &Power::lasting(None));
        machine.ask(&[Request::Confirm]);
        machine.ask_until(&[Request::Rollback], &Power::lasting(Some(cut)));
        let context = format!("rollback cut at {cut}");
        let [first, second] = runs(&mut machine, images, &context);
        assert_eq!(first, second, "{context}");
    }
}

#[test]
fn the_first_image_of_a_board_may_be_cut_off() {
    let (first, _) = image(1);
    let in_all = operations(|power| {
        Machine::new().update(&first, power);
    });
    for cut in (0..in_all).step_by(7) {
        let mut machine = Machine::new();
        machine.update(&first, &Power::lasting(Some(cut)));
        let greeting = machine.hello();
        assert_eq!(
            (greeting.running, greeting.states),
            (None, [SlotState::Empty; 2]),
            "{cut}"
        );
    }
}
