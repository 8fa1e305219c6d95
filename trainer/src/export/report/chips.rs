//! What a score takes on common chips.

use super::Results;
use super::text::{count, number, percent};
use crate::error::Error;
use crate::export::budget::chips::{OnChip, VOLTS, cycles_per_instruction, on_chips};

/// The section.
///
/// # Errors
/// [`Error::Setting`] where nothing was measured on a core.
pub(super) fn section(results: &Results<'_>) -> Result<String, Error> {
    let chips = on_chips(results.tested.model)?;
    let rows: String = chips.iter().map(row).collect();
    let error = chips.iter().map(|on| on.error).fold(0.0, f64::max);
    let core = results.config.settings.export.core;
    Ok(format!(
        "<h2>On common chips</h2>\n<div class=\"wide\" tabindex=\"0\"><table class=\"tight\">\n<thead><tr><th>chip</th><th>core</th><th>flash, KiB</th>\
         <th>RAM, KiB</th><th>stack in it</th><th>instructions</th><th>≈ ms</th><th>≈ µJ</th><th></th><th>data sheet</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n<p class=\"caption\">For one score by sigma points and its p-value; flash and RAM are those of a program \
         that does only this. Instructions are those of a model of counts that an emulator took on each core, at most {} off, of an image that is packed \
         for that core: this one is packed for {core} (<code>--core</code>). <b>Time and energy are estimates</b>: the clock of the data sheet, the assumption of \
         {} cycles an instruction ({} on a Cortex-M7), its current for each megahertz while the core runs, and {} V. \
         {}</p>\n",
        percent(error),
        cycles_per_instruction(crate::config::Core::M4),
        cycles_per_instruction(crate::config::Core::M7),
        number(VOLTS, 1),
        match chips.iter().all(|on| on.cost.instructions.is_some()) {
            true => "A dash stands where the data sheet says no current for each megahertz.",
            false =>
                "This model has parts whose instructions were not measured, such as hidden layers of 16 bits: dashes stand for what is not known.",
        }
    ))
}

fn row(on: &OnChip) -> String {
    let OnChip { chip, cost, .. } = on;
    let kib = |bytes: usize| number(bytes as f64 / 1024.0, 1);
    let dash = || "–".to_owned();
    let flash = chip.flash.map_or("external".to_owned(), count);
    let estimate = |value: Option<f64>| {
        value.map_or_else(dash, |value| {
            number(
                value,
                (1.0 - value.log10().floor()).clamp(0.0, 4.0) as usize,
            )
        })
    };
    let fits = match on.fits() {
        true => "fits",
        false => "<b class=\"second\">too large</b>",
    };
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}{}, {} MHz</td><td>{} of {flash}</td><td>{} of {}</td><td>{}</td><td>{}</td>\
         <td>{}</td><td>{}</td><td>{fits}</td><td>{}</td></tr>\n",
        chip.name,
        chip.core.to_string().to_uppercase(),
        if chip.plus { "+" } else { "" },
        number(chip.megahertz, 0),
        kib(cost.flash_bytes),
        kib(cost.ram_bytes),
        count(chip.ram),
        kib(on.stack_bytes),
        cost.instructions
            .map_or_else(dash, |instructions| count(instructions as usize)),
        estimate(on.milliseconds),
        estimate(on.microjoules),
        chip.source
    )
}
