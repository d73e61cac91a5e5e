//! A rendered screen as text, ANSI or SVG. The same buffer is always the same picture.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

use crate::{app::Model, view};

/// The size of a cell in the picture.
const CELL: (usize, usize) = (9, 19);

/// The model on a screen of such a size.
pub fn buffer_of(model: &Model, (columns, rows): (u16, u16)) -> Buffer {
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    view::draw_into(model, &mut buffer, area);
    buffer
}

/// The model as SVG.
pub fn svg_of(model: &Model, size: (u16, u16)) -> String {
    svg(&buffer_of(model, size))
}

/// The lines of a buffer, without what a terminal would not show at their ends.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += symbol.width().max(1) as u16;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The same with its colours and weights, for `cat` on a terminal.
pub fn ansi(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut worn = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = select(cell.fg, cell.modifier);
            if style != worn {
                text.push_str("\x1b[0");
                text.push_str(&style);
                text.push('m');
                worn = style;
            }
            text.push_str(cell.symbol());
            x += cell.symbol().width().max(1) as u16;
        }
        if !worn.is_empty() {
            text.push_str("\x1b[0m");
        }
        text.push('\n');
    }
    text
}

/// The codes that choose a style after a reset, each with its semicolon.
fn select(fg: Color, modifier: Modifier) -> String {
    let mut codes = String::new();
    for (bit, code) in [
        (Modifier::BOLD, ";1"),
        (Modifier::DIM, ";2"),
        (Modifier::REVERSED, ";7"),
    ] {
        if modifier.contains(bit) {
            codes.push_str(code);
        }
    }
    match fg {
        Color::Red => codes.push_str(";31"),
        Color::Green => codes.push_str(";32"),
        Color::Yellow => codes.push_str(";33"),
        Color::Magenta => codes.push_str(";35"),
        Color::Cyan => codes.push_str(";36"),
        Color::DarkGray => codes.push_str(";90"),
        Color::Indexed(index) => codes.push_str(&[";38;5;", &index.to_string()].concat()),
        // The palettes have no other.
        _ => {}
    }
    codes
}

/// A buffer as SVG, with a dark background.
pub fn svg(buffer: &Buffer) -> String {
    let (width, height) = (
        usize::from(buffer.area.width),
        usize::from(buffer.area.height),
    );
    let (w, h) = (width * CELL.0 + 20, height * CELL.1 + 20);
    let mut svg = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\">\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>"
    )];
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            x += run(&mut svg, buffer, x, y);
        }
    }
    svg.push("</svg>\n".to_owned());
    svg.join("\n")
}

/// Cells of one style from here on; gives how many columns they take.
fn run(svg: &mut Vec<String>, buffer: &Buffer, x: u16, y: u16) -> u16 {
    let style = |x: u16| {
        let cell = &buffer[(x, y)];
        (cell.fg, cell.modifier)
    };
    let mut end = x;
    while end < buffer.area.width && style(end) == style(x) {
        end += columns(buffer, end, y);
    }
    let end = end.min(buffer.area.width);
    let (fg, modifier) = style(x);
    let reversed = modifier.contains(Modifier::REVERSED);
    let ink = colour(fg, modifier.contains(Modifier::DIM));
    if reversed {
        let (left, top) = place(x, y);
        let (wide, high) = (usize::from(end - x) * CELL.0, CELL.1);
        svg.push(format!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" fill=\"{ink}\"/>"
        ));
    }
    let ink = if reversed { "#16181d" } else { ink };
    let bold = if modifier.contains(Modifier::BOLD) {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let mut at = x;
    while at < end {
        let (text, next) = piece(buffer, at, end, y);
        if !text.is_empty() {
            svg.push(written(
                &text,
                (at, y),
                next - at,
                &format!("fill=\"{ink}\"{bold}"),
            ));
        }
        at = next;
    }
    end - x
}

/// The columns that a cell takes with those that it covers.
fn columns(buffer: &Buffer, x: u16, y: u16) -> u16 {
    buffer[(x, y)].symbol().width().max(1) as u16
}

/// A word from here on, and where it ends. What fonts draw in widths of their own, such as Chinese,
/// stands alone, so that columns stay columns whatever the reader's font; and spaces are left out,
/// for not every program keeps them.
fn piece(buffer: &Buffer, x: u16, end: u16, y: u16) -> (String, u16) {
    let symbol = |x: u16| buffer[(x, y)].symbol();
    let next = (x + columns(buffer, x, y)).min(end);
    match symbol(x) {
        "" | " " => return (String::new(), next),
        own if !own.is_ascii() => return (own.to_owned(), next),
        _ => {}
    }
    let is_word = |x: &u16| symbol(*x).is_ascii() && !matches!(symbol(*x), "" | " ");
    let text: String = (x..end).take_while(is_word).map(symbol).collect();
    let taken = text.len() as u16;
    (text, x + taken)
}

/// The left upper corner of a cell.
fn place(x: u16, y: u16) -> (usize, usize) {
    (usize::from(x) * CELL.0 + 10, usize::from(y) * CELL.1 + 10)
}

/// A text in exactly so many columns.
fn written(text: &str, (x, y): (u16, u16), columns: u16, look: &str) -> String {
    let (left, top) = place(x, y);
    let (baseline, long) = (top + 14, usize::from(columns) * CELL.0);
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<text x=\"{left}\" y=\"{baseline}\" {look} textLength=\"{long}\" lengthAdjust=\"spacingAndGlyphs\">{text}</text>"
    )
}

fn colour(colour: Color, dim: bool) -> &'static str {
    match colour {
        Color::Green => "#7ec16e",
        Color::Yellow | Color::Indexed(220) => "#e5c07b",
        Color::Red => "#e06c75",
        Color::Cyan => "#56b6c2",
        Color::Magenta => "#c678dd",
        Color::DarkGray => "#7f848e",
        Color::Indexed(208) => "#ff9f43",
        Color::Indexed(33) => "#61afef",
        _ if dim => "#7f848e",
        _ => "#d7dae0",
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn drawn() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "推送<&>", Style::new().fg(Color::Red));
        let bold = Style::new().fg(Color::Indexed(33));
        buffer.set_string(1, 1, "ok", bold.add_modifier(Modifier::BOLD));
        buffer
    }

    #[test]
    fn text_has_wide_characters_once() {
        assert_eq!(text(&drawn()), "推送<&>\n ok\n");
    }

    #[test]
    fn ansi_without_its_codes_is_the_text_and_ends_what_it_began() {
        let painted = ansi(&drawn());
        assert_eq!(
            painted,
            "\u{1b}[0;31m推送<&>\u{1b}[0m     \n \u{1b}[0;1;38;5;33mok\u{1b}[0m         \n"
        );
    }

    #[test]
    fn svg_escapes_what_xml_would_take_for_its_own() {
        let picture = svg(&drawn());
        assert!(picture.contains("&lt;&amp;&gt;"), "{picture}");
        assert_eq!(picture, svg(&drawn()), "the same each time");
    }

    #[test]
    fn columns_of_a_picture_do_not_hang_on_the_readers_font() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 24, 1));
        buffer.set_string(0, 0, " a1 推送-节点  ok │ e\u{301}", Style::new());
        let picture = svg(&buffer);
        let texts = picture.lines().filter_map(|line| {
            let (_, rest) = line.split_once("<text x=\"")?;
            let (x, rest) = rest.split_once('"')?;
            let (_, rest) = rest.split_once("textLength=\"")?;
            let (long, rest) = rest.split_once('"')?;
            let text = rest.split_once('>')?.1.strip_suffix("</text>")?;
            let number = |text: &str| text.parse::<usize>().unwrap();
            Some(((number(x) - 10) / 9, number(long) / 9, text.to_owned()))
        });
        // Where each stands, the columns that it is fitted into, and what it is.
        let expected = [
            (1, 2, "a1"),
            (4, 2, "推"),
            (6, 2, "送"),
            (8, 1, "-"),
            (9, 2, "节"),
            (11, 2, "点"),
            (15, 2, "ok"),
            (18, 1, "│"),
            (20, 1, "e\u{301}"),
        ];
        let expected = expected.map(|(x, long, text)| (x, long, text.to_owned()));
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }
}
