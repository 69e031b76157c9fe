//! Charts of lines beside each other, with the lines' names at their ends.

use std::path::Path;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    scale::Scale,
    style::{FAINT, FONT, GRID, INK},
};

const PANEL: (u32, u32) = (400, 330);
const HEAD: u32 = 64;
/// Room for the lines' names.
const NAMES: u32 = 104;
/// Names closer than this run into each other.
const LINE_HEIGHT: i32 = 15;

pub(super) struct Panel {
    pub(super) title: String,
    pub(super) across: &'static str,
    pub(super) up: &'static str,
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) lines: Vec<Line>,
    /// A height to compare with.
    pub(super) rule: Option<f64>,
}

pub(super) struct Line {
    /// Empty for one that needs none.
    pub(super) name: String,
    pub(super) colour: RGBColor,
    pub(super) dashed: bool,
    pub(super) points: Vec<(f64, f64)>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(super) fn draw(file: &Path, title: &str, subtitle: &str, panels: &[Panel]) {
    let count = u32::try_from(panels.len()).unwrap_or(1);
    let size = (PANEL.0 * count, PANEL.1 + HEAD);
    let root = SVGBackend::new(file, size).into_drawing_area();
    root.fill(&WHITE).unwrap();
    write(&root, title, (20, 16), 19, INK, HPos::Left);
    write(&root, subtitle, (20, 42), 13, FAINT, HPos::Left);
    let (_, body) = root.split_vertically(HEAD);
    for (area, panel) in body.split_evenly((1, panels.len())).iter().zip(panels) {
        draw_panel(area, panel);
    }
    root.present().unwrap();
}

fn draw_panel(area: &Area<'_>, panel: &Panel) {
    write(area, &panel.title, (20, 8), 15, INK, HPos::Left);
    write(area, panel.up, (20, 29), 12, FAINT, HPos::Left);
    let mut chart = ChartBuilder::on(area)
        .margin_top(52)
        .margin_right(NAMES)
        .set_label_area_size(LabelAreaPosition::Left, 62)
        .set_label_area_size(LabelAreaPosition::Bottom, 46)
        .build_cartesian_2d(panel.x.clone(), panel.y.clone())
        .unwrap();
    let small = (FONT, 12).into_font().color(&FAINT);
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .label_style(small.clone())
        .axis_desc_style(small)
        .x_desc(panel.across)
        .draw()
        .unwrap();
    if let Some(height) = panel.rule {
        let across = panel.x.range();
        let ends = [(across.start, height), (across.end, height)];
        chart
            .draw_series(DashedLineSeries::new(ends, 2, 4, FAINT.stroke_width(1)))
            .unwrap();
    }
    let mut names = Vec::new();
    for line in &panel.lines {
        let points = &line.points;
        let style = line.colour.stroke_width(2);
        if line.dashed {
            let series =
                DashedLineSeries::new(points.iter().copied(), 5, 4, line.colour.stroke_width(1));
            chart.draw_series(series).unwrap();
        } else {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style))
                .unwrap();
            let dots = points
                .iter()
                .map(|point| Circle::new(*point, 3, line.colour.filled()));
            chart.draw_series(dots).unwrap();
        }
        if let (Some(end), false) = (points.last(), line.name.is_empty()) {
            let (across, up) = chart.backend_coord(end);
            names.push((up, across, line));
        }
    }
    names.sort_by_key(|(up, ..)| *up);
    let mut free = i32::MIN;
    for (up, ..) in &mut names {
        *up = free.max(*up);
        free = *up + LINE_HEIGHT;
    }
    let mut free = chart
        .backend_coord(&(panel.x.range().start, panel.y.range().start))
        .1;
    for (up, across, line) in names.iter_mut().rev() {
        *up = free.min(*up);
        free = *up - LINE_HEIGHT;
        write_at(area, &line.name, (*across + 8, *up), 12, line.colour);
    }
}

/// Writes beside a place of the whole drawing, which is what a chart tells its points' places in.
fn write_at(area: &Area<'_>, text: &str, place: (i32, i32), size: i32, colour: RGBColor) {
    let (left, top) = area.get_base_pixel();
    let style = (FONT, size)
        .into_font()
        .color(&colour)
        .pos(Pos::new(HPos::Left, VPos::Center));
    let place = (place.0 - left, place.1 - top);
    area.draw(&Text::new(text.to_owned(), place, style))
        .unwrap();
}

pub(super) fn write(
    area: &Area<'_>,
    text: &str,
    place: (i32, i32),
    size: i32,
    colour: RGBColor,
    side: HPos,
) {
    let style = (FONT, size)
        .into_font()
        .color(&colour)
        .pos(Pos::new(side, VPos::Top));
    area.draw(&Text::new(text.to_owned(), place, style))
        .unwrap();
}
