//! `trainer explain`.

use crate::fixture::{Fixture, ROWS, fixture};
use crate::support::program::{Folder, fails_at_work_with, fails_with, json, succeeds};
use elbow::{Mask, Model, Nats, Session, WideSum};
use elbow_trainer::export::run;
use elbow_trainer::readings::Readings;
use serde_json::Value;
use std::path::Path;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// Two numbers are the same, but for the last digit that the reader of JSON rounds.
fn same(value: &Value, exact: f64) {
    let value = number(value);
    assert!(
        (value - exact).abs() <= 1e-14 * exact.abs(),
        "{value} {exact}"
    );
}

/// Every number of the command is one of the device's.
#[test]
fn the_numbers_are_those_of_a_session() {
    let Fixture { csv, run, .. } = fixture();
    let told = json(&succeeds(&["explain", run, csv, "--row", "13", "--json"]));
    let told = &told["readings"][0];
    let image = run::read_image(Path::new(run)).unwrap();
    let model = Model::parse(&image).unwrap();
    let table = elbow_trainer::data::load(csv).unwrap().table;
    let (readings, _) = Readings::from_table(&table, model.exponents());
    let mut workspace = vec![0; model.workspace_words()];
    let mut session = Session::new(&model, &mut workspace, 0).unwrap();
    let mut terms = [WideSum::ZERO; 4];
    let mut parts = vec![Nats::ZERO; model.latents()];
    let estimator = model.estimator();
    let reading = readings.row(13);
    let score = session.explain(reading, Mask::ALL, estimator, &mut terms, &mut parts);
    same(&told["elbo"], score.unwrap().elbo().to_f64());
    let mut mean = [0; 4];
    session.reconstruct(&mut mean).unwrap();
    for (at, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let column = &told["columns"][at];
        assert_eq!(column["column"], name);
        let (term, usual) = (terms[at].to_f64(), f64::from(model.typical()[at]) / 65536.0);
        same(&column["term"], term);
        same(&column["shortfall"], usual - term);
        let step = 2f64.powi(model.exponents()[at].into());
        same(&column["reading"], f64::from(reading[at]) * step);
        let made = f64::from(mean[at]) / 65536.0 * step;
        same(&column["reconstruction"], made);
    }
    let latents = told["latents"].as_array().unwrap();
    for (told, part) in latents.iter().zip(&parts) {
        same(told, part.to_f64());
    }
}

/// In every seventh reading c has the wrong sign for d: these are the strangest, by c and d.
#[test]
fn the_columns_that_disagree_are_named() {
    let Fixture {
        csv, labels, run, ..
    } = fixture();
    let top = [
        "explain", run, csv, "--labels", labels, "--top", "6", "--json",
    ];
    let told = json(&succeeds(&top));
    let readings = told["readings"].as_array().unwrap();
    assert_eq!((readings.len(), number(&told["of"]) as usize), (6, ROWS));
    let p_values: Vec<f64> = readings
        .iter()
        .map(|told| number(&told["p_value"]))
        .collect();
    assert!(p_values.is_sorted(), "{p_values:?}");
    let strange = |told: &&Value| told["anomalous"] == true;
    assert!(readings.iter().filter(strange).count() >= 4, "{readings:?}");
    let lacks = |told: &Value, at: usize| number(&told["columns"][at]["shortfall"]);
    let named = |told: &&Value| lacks(told, 2) + lacks(told, 3) > lacks(told, 0) + lacks(told, 1);
    assert!(readings.iter().filter(named).count() >= 4, "{readings:?}");
}

#[test]
fn tables_and_files_say_the_same() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let out = &folder.path("why.csv");
    let rows = ["explain", run, csv, "--row", "3", "--row", "0"];
    assert_eq!(succeeds(&[&rows[..], &["--out", out]].concat()), "");
    let mut reader = csv::Reader::from_path(out).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let place = |record: &csv::StringRecord| (record[0].to_owned(), record[4].to_owned());
    let places: Vec<(String, String)> = records.iter().map(place).collect();
    let expected = ["3", "0"].map(|row| ["a", "b", "c", "d"].map(|name| (row.into(), name.into())));
    assert_eq!(places, expected.concat());
    let text = succeeds(&[&rows[..], &["--columns", "1"]].concat());
    assert!(text.starts_with("reading 3: "), "{text}");
    assert_eq!(
        text.matches("3 more columns together (--columns)").count(),
        2
    );
    assert!(text.contains("2 of "), "{text}");
    // Without DATA it is the test part of the run.
    assert!(succeeds(&["explain", run, "--top", "1"]).contains("1 of "));
    let beyond = ROWS.to_string();
    let words = ["--row is", &beyond, "give a number from 0 to"];
    fails_with(&["explain", run, csv, "--row", &beyond], &words);
    fails_at_work_with(
        &["explain", run, csv, "--out", &folder.path("none/why.csv")],
        &["none"],
    );
}

/// What is missing lacks nothing.
#[test]
fn gaps_are_not_blamed() {
    let Fixture { csv, run, .. } = fixture();
    let folder = Folder::new();
    let mask = folder.write("mask.csv", "1,1,0,1\n".repeat(ROWS));
    let told = json(&succeeds(&[
        "explain", run, csv, "--row", "6", "--mask", &mask, "--json",
    ]));
    let column = &told["readings"][0]["columns"][2];
    assert_eq!(number(&column["shortfall"]), 0.0);
    assert_eq!(column["reading"], Value::Null);
    assert!(column["reconstruction"].is_number());
}
