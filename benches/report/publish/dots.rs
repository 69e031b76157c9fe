//! Times of several subjects as dots on a logarithmic axis, with their range.

use std::path::Path;

use cachalot_benches::Spread;
use plotters::{coord::ranged1d::ValueFormatter as _, prelude::*, style::text_anchor::HPos};

use super::{
    chart::write,
    scale::Scale,
    style::{FAINT, GRID, INK, number},
};

const NAMES: i32 = 310;
const WIDTH: i32 = 300;
const GAP: i32 = 30;
const ROW: i32 = 34;
const HEAD: i32 = 122;

pub(super) struct Row<'a> {
    pub(super) name: &'a str,
    pub(super) colour: RGBColor,
    /// One for each column.
    pub(super) times: Vec<Spread>,
}

pub(super) fn draw(file: &Path, title: &str, subtitle: &str, columns: &[String], rows: &[Row<'_>]) {
    let count = |length: usize| i32::try_from(length).unwrap_or_default();
    let (wide, high) = (
        NAMES + count(columns.len()) * (WIDTH + GAP) + 20,
        HEAD + count(rows.len()) * ROW + 16,
    );
    let root =
        SVGBackend::new(file, (wide.unsigned_abs(), high.unsigned_abs())).into_drawing_area();
    root.fill(&WHITE).unwrap();
    write(&root, title, (20, 16), 19, INK, HPos::Left);
    write(&root, subtitle, (20, 42), 13, FAINT, HPos::Left);
    for (place, row) in (0..).zip(rows) {
        write(
            &root,
            &row.name.replace('`', ""),
            (NAMES - 14, HEAD + place * ROW + 2),
            13,
            INK,
            HPos::Right,
        );
    }
    let times = rows.iter().flat_map(|row| &row.times);
    let scale = Scale::logarithmic(times.flat_map(|it| [it.low, it.high]));
    for (column, name) in (0..).zip(columns) {
        let left = NAMES + column * (WIDTH + GAP);
        write(&root, name, (left, 72), 14, INK, HPos::Left);
        let times = |row: &Row<'_>| row.times[usize::try_from(column).unwrap_or_default()];
        let across = |value: f64| scale.map(&value, (left, left + WIDTH - 60));
        let line = |ends: [(i32, i32); 2], style: ShapeStyle| {
            root.draw(&PathElement::new(ends, style)).unwrap();
        };
        for mark in scale.marks() {
            let x = across(*mark);
            line([(x, 112), (x, high - 14)], GRID.into());
            write(
                &root,
                &scale.format_ext(mark),
                (x, 95),
                11,
                FAINT,
                HPos::Center,
            );
        }
        for (place, row) in (0..).zip(rows) {
            let (it, middle) = (times(row), HEAD + place * ROW + 9);
            line(
                [(across(it.low), middle), (across(it.high), middle)],
                row.colour.stroke_width(3),
            );
            let dot = (across(it.median), middle);
            root.draw(&Circle::new(dot, 6, row.colour.filled()))
                .unwrap();
            let text = number(it.median) + " µs";
            write(
                &root,
                &text,
                (across(it.high).max(dot.0) + 10, middle - 7),
                13,
                row.colour,
                HPos::Left,
            );
        }
    }
    root.present().unwrap();
}
