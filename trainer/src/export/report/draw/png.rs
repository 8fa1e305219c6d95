//! Charts as pictures of pixels.

use crate::error::Error;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels of a unit of the drawing, which is about a pixel of a wide screen: so many are sharp in print too.
const SCALE: f32 = 2.0;

/// The light form of an SVG file of [`Figure::file`](super::Figure::file), as PNG, with the fonts of this machine.
///
/// # Errors
/// [`Error::Setting`] where the machine has no font, or the picture cannot be drawn.
pub(in crate::export::report) fn rasterize(svg: &str) -> Result<Vec<u8>, Error> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::Setting(format!("no PNG can be drawn: {error}; give --format svg"))
    };
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_system_fonts();
    let Some(family) = family(fonts) else {
        return Err(failed(
            &"no font is on this machine, which text needs (on Debian: apt install fonts-dejavu-core)",
        ));
    };
    fonts.set_sans_serif_family(family);
    let tree = Tree::from_str(&light(svg), &options).map_err(|error| failed(&error))?;
    let size = tree.size().to_int_size();
    let pixels = |units: u32| (units as f32 * SCALE) as u32;
    let pixmap = Pixmap::new(pixels(size.width()), pixels(size.height()));
    let mut pixmap = pixmap.ok_or_else(|| failed(&"the chart has no size"))?;
    let transform = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| failed(&error))
}

/// The family of fonts without serifs that is taken: a usual one where it is there, else any.
fn family(fonts: &resvg::usvg::fontdb::Database) -> Option<String> {
    const USUAL: [&str; 5] = [
        "DejaVu Sans",
        "Liberation Sans",
        "Noto Sans",
        "Arial",
        "Helvetica",
    ];
    let names: Vec<&String> = fonts
        .faces()
        .flat_map(|face| face.families.iter().map(|(name, _)| name))
        .collect();
    let usual = USUAL
        .into_iter()
        .find(|usual| names.iter().any(|name| name == usual));
    usual
        .map(str::to_owned)
        .or_else(|| names.first().map(ToString::to_string))
}

/// `svg` with the colours of a light page in the place of their names, which only browsers understand.
fn light(svg: &str) -> String {
    let colours = svg
        .split_once(":root {")
        .and_then(|(_, rest)| rest.split_once('}'));
    let colours = colours.map_or("", |(colours, _)| colours);
    let mut text = svg.to_owned();
    // The second set of names is that of dark pages.
    if let (Some(start), Some(length)) = (
        text.find("@media"),
        text.find("@media")
            .and_then(|start| text[start..].find("\n}\n")),
    ) {
        text.replace_range(start..start + length + 3, "");
    }
    for (name, colour) in colours
        .split(';')
        .filter_map(|one| one.trim().split_once(": "))
    {
        text = text.replace(&format!("var({name})"), colour);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\"><style>\n:root {\n  --paper: #ffffff; --first: #2160a8;\n}\n@media (prefers-color-scheme: dark) {\n  :root { --paper: #000000; }\n}\n.first { color: var(--first); }\n.bar { fill: currentColor; }\n</style>\n<rect width=\"20\" height=\"10\" style=\"fill: var(--paper)\"/><rect class=\"bar first\" x=\"5\" width=\"10\" height=\"10\"/></svg>";

    #[test]
    fn colours_are_those_of_a_light_page() {
        let text = light(CHART);
        assert!(!text.contains("var(") && !text.contains("@media") && !text.contains("#000000"));
        let png = rasterize(CHART).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        let picture = Pixmap::decode_png(&png).unwrap();
        assert_eq!((picture.width(), picture.height()), (40, 20));
        let colour = |x, y| {
            let pixel = picture.pixel(x, y).unwrap().demultiply();
            (pixel.red(), pixel.green(), pixel.blue())
        };
        assert_eq!(colour(1, 1), (255, 255, 255));
        assert_eq!(colour(20, 10), (0x21, 0x60, 0xa8));
    }
}
