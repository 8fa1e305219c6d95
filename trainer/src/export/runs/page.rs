//! A comparison as a page to look at.

use super::Comparison;
use crate::export::report::{document, escape};

/// The page, which needs nothing else.
pub fn page(comparison: &Comparison) -> String {
    let cells = |cells: &mut dyn Iterator<Item = String>| -> String {
        cells
            .map(|cell| format!("<td>{}</td>", escape(&cell)))
            .collect()
    };
    let names = comparison
        .runs
        .iter()
        .map(|run| run.folder.display().to_string());
    let head: String = names
        .map(|name| format!("<th>{}</th>", escape(&name)))
        .collect();
    let rows = comparison.rows().into_iter().map(|(name, row)| {
        let row = cells(&mut row.into_iter());
        format!("<tr><th>{}</th>{row}</tr>\n", escape(&name))
    });
    let same = match comparison.settings.is_empty() {
        true => "<p>All settings are the same.</p>\n",
        false => "<p>Settings that differ, then what the runs came to.</p>\n",
    };
    let body = format!(
        "<h1>Comparison of {} runs</h1>\n{same}<table>\n<tr><th></th>{head}</tr>\n{}</table>\n",
        comparison.runs.len(),
        rows.collect::<String>()
    );
    document("Comparison", &body)
}
