//! Which plots a run has.

use std::path::Path;

use plotters::style::RGBColor;

use super::{
    super::results::{Cold, Rate, Run, Servers, Size},
    chart::{self, Line, Panel},
    dots,
    scale::Scale,
    style::{MISS, OTHER, OURS, PLAIN, counted},
};

pub(super) fn draw(run: &Run, folder: &Path) {
    if !run.baselines.is_empty() {
        baselines(run, folder);
    }
    if !run.sizes.is_empty() {
        sizes(run, folder);
    }
    if !run.rates.is_empty() {
        rates(run, folder);
    }
    if !run.cold.is_empty() {
        cold(run, folder);
    }
    if !run.servers.is_empty() {
        servers(run, folder);
    }
}

fn baselines(run: &Run, folder: &Path) {
    let columns = run.baseline_rows.iter().map(|rows| counted(*rows, "row"));
    let columns: Vec<_> = columns.collect();
    let rows: Vec<_> = run
        .baselines
        .iter()
        .map(|rival| dots::Row {
            name: &rival.name,
            colour: match rival.name.as_str() {
                name if name.starts_with("plain") => PLAIN,
                name if name.starts_with("cachalot") || name.ends_with("stale") => OURS,
                _ => OTHER,
            },
            times: rival.times.clone(),
        })
        .collect();
    dots::draw(
        &folder.join("baselines.svg"),
        "What one read takes",
        "PostgreSQL on the same machine; medians, and the range of eight tenths of the reads; logarithmic",
        &columns,
        &rows,
    );
}

fn sizes(run: &Run, folder: &Path) {
    let mut databases: Vec<&str> = run
        .sizes
        .iter()
        .map(|size| size.database.as_str())
        .collect();
    databases.dedup();
    let rows: Vec<f64> = run.sizes.iter().map(|size| f64::from(size.rows)).collect();
    let times = |size: &Size| [size.plain.median, size.hit.median, size.miss.median];
    let y = Scale::logarithmic(run.sizes.iter().flat_map(times));
    let panels: Vec<_> = databases
        .iter()
        .map(|database| {
            let mut lines = Vec::new();
            for (tables, dashed) in [(1, false), (5, true)] {
                let of_kind = |kind: usize, name: &str, colour: RGBColor| Line {
                    name: if dashed {
                        String::new()
                    } else {
                        name.to_owned()
                    },
                    colour,
                    dashed,
                    points: run
                        .sizes
                        .iter()
                        .filter(|size| size.database == *database && size.tables == tables)
                        .map(|size| (f64::from(size.rows), times(size)[kind]))
                        .collect(),
                };
                lines.extend([
                    of_kind(0, "plain Diesel", PLAIN),
                    of_kind(1, "hit", OURS),
                    of_kind(2, "miss", MISS),
                ]);
            }
            Panel {
                title: (*database).to_owned(),
                across: "rows",
                up: "µs a read",
                x: Scale::logarithmic(rows.iter().copied()),
                y: y.clone(),
                lines,
                rule: None,
            }
        })
        .collect();
    chart::draw(
        &folder.join("sizes.svg"),
        "Reads of more and more rows",
        "five columns; full lines: one table, dashed: a join of five; medians",
        &panels,
    );
}

const READERS: [RGBColor; 3] = [OURS, MISS, OTHER];

fn rates(run: &Run, folder: &Path) {
    let mut works: Vec<&str> = run.rates.iter().map(|rate| rate.work.as_str()).collect();
    works.dedup();
    let mut readers: Vec<usize> = run.rates.iter().map(|rate| rate.readers).collect();
    readers.sort_unstable();
    readers.dedup();
    let x = Scale::logarithmic(run.rates.iter().map(|rate| f64::from(rate.writes_a_minute)));
    let panels = |value: fn(&Rate) -> f64, y: &dyn Fn(&str) -> Scale, up, rule| -> Vec<Panel> {
        let panel = |work: &&str| Panel {
            title: (*work).to_owned(),
            across: "writes a minute",
            up,
            x: x.clone(),
            y: y(work),
            lines: readers
                .iter()
                .zip(READERS)
                .map(|(readers, colour)| Line {
                    name: counted(*readers, "reader"),
                    colour,
                    dashed: false,
                    points: run
                        .rates
                        .iter()
                        .filter(|rate| rate.work == **work && rate.readers == *readers)
                        .map(|rate| (f64::from(rate.writes_a_minute), value(rate)))
                        .collect(),
                })
                .collect(),
            rule,
        };
        works.iter().map(panel).collect()
    };
    let gain = |rate: &Rate| rate.cached / rate.plain;
    let y = |work: &str| {
        let rates = run.rates.iter().filter(|rate| rate.work == work);
        Scale::logarithmic(rates.map(gain).chain([1.0]))
    };
    chart::draw(
        &folder.join("rates.svg"),
        "What the cache is worth beside a writer",
        "readers that read as fast as it goes, and one writer to their table; dashed: as many as plain Diesel",
        &panels(
            gain,
            &y,
            "reads a second ÷ those of plain Diesel",
            Some(1.0),
        ),
    );
    let percent = |rate: &Rate| rate.hit_rate * 100.0;
    let y = |_: &str| Scale::linear([100.0]).in_units(" %");
    chart::draw(
        &folder.join("hit_rates.svg"),
        "How many of the reads are hits beside a writer",
        "readers that read as fast as it goes, and one writer to the table that they read",
        &panels(percent, &y, "hits of all cached reads", None),
    );
}

fn cold(run: &Run, folder: &Path) {
    let line = |name: &str, colour, value: fn(&Cold) -> f64| Line {
        name: name.to_owned(),
        colour,
        dashed: false,
        points: run
            .cold
            .iter()
            .filter(|it| it.processes == 1)
            .map(|it| (it.readers as f64, value(it) / 1_000.0))
            .collect(),
    };
    let lines = vec![
        line("plain Diesel", PLAIN, |it| it.plain.median),
        line("through the cache", OURS, |it| it.cached.median),
    ];
    let readers = run.cold.iter().filter(|it| it.processes == 1);
    let readers: Vec<f64> = readers.map(|it| it.readers as f64).collect();
    let panel = Panel {
        title: "Until the last of them has its rows".to_owned(),
        across: "readers",
        up: "ms",
        x: Scale::logarithmic(readers.iter().copied()).marked_at(readers),
        y: Scale::logarithmic(
            lines
                .iter()
                .flat_map(|line| line.points.iter().map(|point| point.1)),
        ),
        lines,
        rule: None,
    };
    chart::draw(
        &folder.join("cold.svg"),
        "A new question, asked by many at once",
        "all flights, summed up by airline",
        &[panel],
    );
}

fn servers(run: &Run, folder: &Path) {
    let panel = |title: &str, up, colour, value: fn(&Servers) -> f64| {
        let points: Vec<_> = run
            .servers
            .iter()
            .map(|it| (it.servers as f64, value(it)))
            .collect();
        Panel {
            title: title.to_owned(),
            across: "memcached processes",
            up,
            x: Scale::logarithmic(points.iter().map(|point| point.0))
                .marked_at(points.iter().map(|point| point.0)),
            y: Scale::linear(points.iter().map(|point| point.1)),
            lines: vec![Line {
                name: String::new(),
                colour,
                dashed: false,
                points,
            }],
            rule: None,
        }
    };
    chart::draw(
        &folder.join("servers.svg"),
        "One namespace over several memcached processes",
        "hits of a join of five tables, all on one machine",
        &[
            panel("One reader", "µs a hit", OURS, |it| it.hit.median),
            panel("Four readers", "hits a second", OURS, |it| it.throughput),
        ],
    );
}
