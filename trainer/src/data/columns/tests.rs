//! Tests of the roles of columns, said and guessed.

use super::*;
use crate::data::frame::Column;

fn numbers(name: Option<&str>, cells: impl Iterator<Item = f64>) -> Column {
    Column::new(name.map(str::to_owned), Cells::Numbers(cells.collect()))
}

fn text(name: &str, cells: &[&str]) -> Column {
    Column::text(name, cells.iter().copied())
}

fn frame(columns: Vec<Column>) -> Frame {
    Frame::new("pump".into(), columns)
}

fn roles(frame: &Frame) -> Vec<Role> {
    let interpreted = interpret(frame, &Wanted::default(), false).unwrap();
    interpreted
        .roles
        .into_iter()
        .map(|named| named.role)
        .collect()
}

const ROWS: usize = 40;

fn wave(name: Option<&str>, phase: f64) -> Column {
    numbers(
        name,
        (0..ROWS).map(move |row| (row as f64 * 0.7 + phase).sin()),
    )
}

fn whole(name: Option<&str>, of: fn(usize) -> usize) -> Column {
    numbers(name, (0..ROWS).map(move |row| of(row) as f64))
}

#[test]
fn labels_are_known_by_their_names_and_values() {
    let labels = |name| {
        frame(vec![
            wave(Some("flow"), 0.0),
            whole(Some(name), |row| usize::from(row % 9 == 0)),
        ])
    };
    assert_eq!(roles(&labels("Anomaly")), [Role::Reading, Role::Label]);
    // Flags of a machine are readings.
    assert_eq!(roles(&labels("pump_on")), [Role::Reading, Role::Reading]);
    // A label has few whole values; a second one is left out.
    let real = frame(vec![wave(Some("flow"), 0.0), wave(Some("target"), 1.0)]);
    assert_eq!(roles(&real), [Role::Reading, Role::Reading]);
    let two = frame(vec![
        wave(Some("flow"), 0.0),
        whole(Some("fault"), |row| row % 2),
        whole(Some("class"), |row| row % 3),
    ]);
    assert_eq!(roles(&two), [Role::Reading, Role::Label, Role::Ignored]);
}

#[test]
fn the_class_of_a_file_without_names_stands_first_or_last() {
    let class = || whole(None, |row| row % 5 + 1);
    let first = frame(vec![class(), wave(None, 0.0), wave(None, 1.0)]);
    assert_eq!(roles(&first), [Role::Label, Role::Reading, Role::Reading]);
    let counts = frame(vec![class(), whole(None, |row| row * 7 % 11)]);
    assert_eq!(roles(&counts), [Role::Reading, Role::Reading]);
    let middle = frame(vec![wave(None, 0.0), class(), wave(None, 1.0)]);
    assert_eq!(
        roles(&middle),
        [Role::Reading, Role::Reading, Role::Reading]
    );
}

#[test]
fn what_counts_up_is_left_out_and_what_ascends_evenly_is_time() {
    let index = frame(vec![whole(None, |row| row + 17), wave(None, 0.0)]);
    assert_eq!(roles(&index), [Role::Ignored, Role::Reading]);
    let even = || (0..ROWS).map(|row| 0.0025 * row as f64);
    let clock = frame(vec![numbers(None, even()), wave(None, 0.0)]);
    assert_eq!(roles(&clock), [Role::Time, Role::Reading]);
    // A named one may stand still and jump.
    let uneven = |name| {
        frame(vec![
            whole(Some(name), |row| (row / 2) * (row / 2)),
            wave(Some("flow"), 0.0),
        ])
    };
    assert_eq!(roles(&uneven("t_s")), [Role::Time, Role::Reading]);
    assert_eq!(roles(&uneven("energy_kwh")), [Role::Reading, Role::Reading]);
}

#[test]
fn text_is_states_names_or_labels() {
    let ids: Vec<String> = (0..ROWS).map(|row| format!("M{row}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let states: Vec<&str> = (0..ROWS)
        .map(|row| ["on", "off", "idle"][row % 3])
        .collect();
    let labels: Vec<&str> = (0..ROWS)
        .map(|row| ["fault", "OK"][usize::from(row > 3)])
        .collect();
    let frame = frame(vec![
        text("id", &ids),
        text("state", &states),
        wave(Some("flow"), 0.0),
        text("class", &labels),
    ]);
    let interpreted = interpret(&frame, &Wanted::default(), false).unwrap();
    let names = interpreted.dataset.columns.clone().unwrap();
    assert_eq!(names, ["state=on", "state=off", "state=idle", "flow"]);
    assert_eq!(interpreted.dataset.table.row(1)[..3], [0.0, 1.0, 0.0]);
    let anomalous = interpreted.anomalous.unwrap();
    assert_eq!((anomalous[3], anomalous[4]), (true, false));
    assert_eq!(interpreted.doubts.len(), 1);
    assert!(
        interpreted
            .notes
            .iter()
            .any(|note| note == "OK is the label of normal rows (--normal)")
    );
    assert!(
        interpreted
            .notes
            .iter()
            .any(|note| note.contains("--ignore state"))
    );
}

#[test]
fn what_is_said_goes_before_what_is_guessed() {
    let frame = frame(vec![
        whole(Some("n"), |row| row),
        wave(Some("flow"), 0.0),
        wave(Some("speed"), 1.0),
        whole(Some("class"), |row| row % 2),
        wave(Some("raw_1"), 2.0),
        wave(Some("raw_2"), 3.0),
        whole(Some("machine"), |row| row / 10),
    ]);
    let list = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let wanted = Wanted {
        reading: list(&["n", "4"]),
        condition: list(&["SPEED"]),
        ignore: list(&["raw_*"]),
        group: Some("machine".into()),
        ..Wanted::default()
    };
    let interpreted = interpret(&frame, &wanted, false).unwrap();
    // Conditions stand last.
    assert_eq!(
        interpreted.dataset.columns.unwrap(),
        ["n", "flow", "class", "speed"]
    );
    assert_eq!((interpreted.conditions, interpreted.anomalous), (1, None));
    assert_eq!(interpreted.groups.unwrap()[9..11], [0, 1]);
    let unknown = Wanted {
        label: Some("fault".into()),
        ..Wanted::default()
    };
    let error = interpret(&frame, &unknown, false).unwrap_err().to_string();
    assert!(
        error.contains("no column \"fault\"; its columns are n, flow, speed"),
        "{error}"
    );
}

#[test]
fn scored_files_are_matched_by_name() {
    let trained = frame(vec![wave(Some("flow"), 0.0), wave(Some("head"), 1.0)]);
    let roles = interpret(&trained, &Wanted::default(), false)
        .unwrap()
        .roles;
    let swapped = frame(vec![
        wave(Some("head"), 1.0),
        wave(Some("new"), 2.0),
        wave(Some("flow"), 0.0),
    ]);
    let scored = interpret_like(&swapped, &roles, &[]).unwrap();
    assert_eq!(scored.dataset.columns.unwrap(), ["flow", "head"]);
    assert_eq!(scored.dataset.table.row(0)[0], 0.0);
    assert_eq!(scored.notes.len(), 2);
    let lacking = frame(vec![wave(Some("flow"), 0.0)]);
    let error = interpret_like(&lacking, &roles, &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("pump has no column \"head\""), "{error}");
    // Without names, by their order.
    let unnamed = frame(vec![wave(None, 0.0), wave(None, 1.0)]);
    assert_eq!(
        interpret_like(&unnamed, &roles, &[])
            .unwrap()
            .dataset
            .table
            .width(),
        2
    );
}

#[test]
fn missing_values_stand_at_the_median_and_are_told() {
    let cells = [1.0, f64::NAN, 4.0, 2.0].into_iter();
    let frame = frame(vec![numbers(Some("flow"), cells)]);
    let dataset = interpret(&frame, &Wanted::default(), false)
        .unwrap()
        .dataset;
    assert_eq!(dataset.table.values(), [1.0, 2.0, 4.0, 2.0]);
    assert_eq!(
        dataset.observed.as_ref().unwrap(),
        &[true, false, true, true]
    );
    assert_eq!(dataset.first_gap(), Some((1, 0)));
}
