//! Scores of files that are larger than the memory which the program may have: `cargo xtask scale`.

use crate::support::program::{Folder, Noise, trainer};
use arrow_array::{ArrayRef, Float32Array, RecordBatch};
use std::fs::File;
use std::io::Write;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Columns of a reading.
const COLUMNS: usize = 64;
/// Rows that are written at a time.
const AT_ONCE: usize = 1 << 14;
/// Files of each format.
const FILES: usize = 4;
/// Address space of the program, KiB: room for its code, its threads and its batches.
const LIMIT: usize = 900 << 10;

/// Rows of readings with four causes, one behind the other.
fn draw(noise: &mut Noise, rows: usize) -> Vec<f32> {
    let row = |_| {
        let causes = [(); 4].map(|()| noise.next());
        let reading = (0..COLUMNS).map(|at| {
            let mixed = causes[at % 4] * (1.0 + at as f32 / 8.0) + causes[(at / 4) % 4];
            mixed + 0.3 * noise.next()
        });
        reading.collect::<Vec<_>>()
    };
    (0..rows).flat_map(row).collect()
}

fn names() -> Vec<String> {
    (0..COLUMNS).map(|at| format!("sensor {at}")).collect()
}

fn write_csv(path: &str, noise: &mut Noise, rows: usize) {
    let mut file = std::io::BufWriter::new(File::create(path).unwrap());
    writeln!(file, "{}", names().join(",")).unwrap();
    for _ in 0..rows.div_ceil(AT_ONCE) {
        for row in draw(noise, AT_ONCE.min(rows)).chunks(COLUMNS) {
            let cells: Vec<String> = row.iter().map(f32::to_string).collect();
            writeln!(file, "{}", cells.join(",")).unwrap();
        }
    }
}

fn write_parquet(path: &str, noise: &mut Noise, rows: usize) {
    let mut writer = None;
    for _ in 0..rows.div_ceil(AT_ONCE) {
        let values = draw(noise, AT_ONCE.min(rows));
        let column = |at: usize| -> ArrayRef {
            let cells = values.iter().skip(at).step_by(COLUMNS).copied();
            Arc::new(Float32Array::from_iter_values(cells))
        };
        let named = names().into_iter().zip((0..COLUMNS).map(column));
        let batch = RecordBatch::try_from_iter(named).unwrap();
        let writer = writer.get_or_insert_with(|| {
            let properties = parquet::file::properties::WriterProperties::builder();
            let properties = properties
                .set_max_row_group_row_count(Some(1 << 17))
                .build();
            let file = File::create(path).unwrap();
            parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap()
        });
        writer.write(&batch).unwrap();
    }
    writer.unwrap().close().unwrap();
}

/// Waits for `program`; the most memory that it had, MiB.
fn peak(program: &mut Child) -> f64 {
    let status = format!("/proc/{}/status", program.id());
    let mut most = 0.0;
    while program.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        most = kibibytes.map_or(most, |kibibytes| kibibytes / 1024.0);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(program.wait().unwrap().success());
    most
}

#[test]
#[ignore = "gigabytes, for minutes: cargo xtask scale"]
fn files_are_scored_within_a_limit() {
    let rows = std::env::var("ELBOW_SCALE_ROWS").ok();
    let rows: usize = rows.and_then(|rows| rows.parse().ok()).unwrap_or(4_000_000);
    let folder = Folder::new();
    let train = folder.path("train.csv");
    let mut noise = Noise(1);
    write_csv(&train, &mut noise, 3000);
    let run = folder.path("run");
    let widths = ["--encoder", "64,64", "--decoder", "64,64", "--latents", "8"];
    let fit = [
        "fit",
        &train,
        "--out",
        &run,
        "--epochs",
        "30",
        "--quiet",
        "--keep-dead-latents",
    ];
    assert!(trainer(&[&fit[..], &widths].concat()).status.success());
    for (kind, rows) in [("parquet", rows), ("csv", rows / 2)] {
        let (parts, out) = (folder.path(kind), folder.path("scores.parquet"));
        std::fs::create_dir(&parts).unwrap();
        for file in 0..FILES {
            let path = format!("{parts}/{file}.{kind}");
            match kind {
                "csv" => write_csv(&path, &mut noise, rows / FILES),
                _ => write_parquet(&path, &mut noise, rows / FILES),
            }
        }
        let files = std::fs::read_dir(&parts).unwrap();
        let bytes: u64 = files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        let scored = format!(
            "ulimit -v {LIMIT} && exec {} score {run} '{parts}/*.{kind}' --out {out}",
            env!("CARGO_BIN_EXE_trainer")
        );
        let began = Instant::now();
        let peak = peak(&mut Command::new("sh").args(["-c", &scored]).spawn().unwrap());
        let seconds = began.elapsed().as_secs_f64();
        let count = elbow_trainer::data::frame(&out).unwrap().rows();
        let gigabytes = bytes as f64 / 1e9;
        println!(
            "{count} readings of {COLUMNS} columns from {gigabytes:.2} GB of {kind}: {:.0} readings a second, {peak:.0} MiB of memory at most",
            count as f64 / seconds
        );
        assert!(count >= rows);
        std::fs::remove_dir_all(&parts).unwrap();
    }
}
