//! The report's text.

use cachalot_benches::{Spread, Target};

use super::{
    super::results::{Baseline, Cold, Rate, Run, Servers, Size},
    style::{counted, mark, number},
};

pub(super) fn of(run: &Run) -> String {
    let sections = [
        head(run),
        figures(run),
        baselines(run),
        sizes(run),
        rates(run),
        cold(run),
        servers(run),
        method(),
    ];
    let written: Vec<_> = sections
        .into_iter()
        .filter(|section| !section.is_empty())
        .collect();
    written.join("\n")
}

fn head(run: &Run) -> String {
    let machine = &run.machine;
    let processors = match machine.processors {
        1 => "one processor (pinned)".to_owned(),
        count => format!("{count} processors"),
    };
    format!(
        "# Measured on {}\n\n\
         {}, {processors}, {} GiB, {}, {}. {}; all on this machine, over loopback.\n\
         Load of the minute before the run {}, of its last minute {}: the run itself makes about as many as the\n\
         processors; more in the minute before means that others were at work too.\n\n\
         Written by `cargo bench -p cachalot-benches`; the numbers are in [results.json](results.json).\n",
        run.date,
        machine.processor,
        machine.memory,
        machine.kernel,
        machine.compiler,
        run.software.join(", "),
        machine.load,
        run.load_after,
    )
}

fn figures(run: &Run) -> String {
    if run.figures.is_empty() {
        return String::new();
    }
    let row = |figure: &cachalot_benches::Figure| {
        let target = match figure.target {
            Some(Target::AtMost(most)) => format!("≤ {most}"),
            Some(Target::AtLeast(least)) => format!("≥ {least}"),
            None => "for comparison".to_owned(),
        };
        let met = match figure.target {
            Some(target) if target.is_met_by(figure.value.median) => "yes",
            Some(_) => "**no**",
            None => "",
        };
        format!(
            "| {} | {} | {target} | {met} |",
            figure.name,
            ranged(&figure.value)
        )
    };
    section(
        "What has a target",
        "PostgreSQL. Ratios and differences of medians; in brackets the least and the most that a tenth of the\n\
         run would have shown.",
        "| measure | value | target | met |\n|---|---|---|---|",
        run.figures.iter().map(row),
    )
}

fn baselines(run: &Run) -> String {
    if run.baselines.is_empty() {
        return String::new();
    }
    let columns = run.baseline_rows.iter().map(|rows| counted(*rows, "row"));
    let head = format!(
        "| | {} |\n|---|{}",
        columns.collect::<Vec<_>>().join(" | "),
        "---|".repeat(run.baseline_rows.len())
    );
    let row = |it: &Baseline| {
        let times: Vec<_> = it.times.iter().map(ranged).collect();
        format!("| {} | {} |", it.name, times.join(" | "))
    };
    section(
        "Other ways of not asking the database",
        "![](baselines.svg)\n\n\
         Microseconds a read on PostgreSQL: median, and what a tenth and nine tenths of the reads stayed below.\n\
         `cached` and what is written by hand give what was put in until somebody takes it out: finding out when\n\
         is not in these numbers.",
        &head,
        run.baselines.iter().map(row),
    )
}

fn sizes(run: &Run) -> String {
    if run.sizes.is_empty() {
        return String::new();
    }
    let row = |it: &Size| {
        let gain = it.plain.median / it.hit.median;
        let gain = if gain < 1.0 {
            format!("**{} times slower**", number(1.0 / gain))
        } else {
            format!("{} times faster", number(gain))
        };
        format!(
            "| {} | {} | {} | {} | {} | {} | {gain} |",
            it.database,
            it.tables,
            it.rows,
            number(it.plain.median),
            number(it.hit.median),
            number(it.miss.median)
        )
    };
    section(
        "Rows, tables, databases",
        "![](sizes.svg)\n\n\
         Microseconds a read, medians; the cache is in memcached, SQLite's too. The last column compares a hit\n\
         with plain Diesel.",
        "| database | tables | rows | plain | hit | miss | a hit is |\n|---|---|---|---|---|---|---|",
        run.sizes.iter().map(row),
    )
}

fn rates(run: &Run) -> String {
    if run.rates.is_empty() {
        return String::new();
    }
    let row = |it: &Rate| {
        format!(
            "| {} | {} | {} | {:.1} % | {} | {} | {} |",
            it.work,
            it.readers,
            mark(f64::from(it.writes_a_minute)),
            it.hit_rate * 100.0,
            number(it.cached),
            number(it.plain),
            number(gain(it)),
        )
    };
    let mut groups: Vec<(&str, usize)> = run
        .rates
        .iter()
        .map(|it| (it.work.as_str(), it.readers))
        .collect();
    groups.dedup();
    let mut text = "![](rates.svg)\n\n![](hit_rates.svg)\n\n\
        Readers that read as fast as it goes, while one writer changes a row of their table in a transaction.\n\
        Every such write makes all results of the table misses, and from shortly before its COMMIT until shortly\n\
        after, readers ask the database. By writes a minute, the cache is:\n\n"
        .to_owned();
    for (work, readers) in groups {
        let rates: Vec<_> = run
            .rates
            .iter()
            .filter(|it| it.work == work && it.readers == readers)
            .collect();
        text.push_str(&format!(
            "- {work}, {}: {}\n",
            counted(readers, "reader"),
            break_even(&rates)
        ));
    }
    section(
        "Readers beside a writer",
        text.trim_end(),
        "| read | readers | writes a minute | hits | cached reads/s | plain reads/s | cached ÷ plain |\n|---|---|---|---|---|---|---|",
        run.rates.iter().map(row),
    )
}

/// Up to which of the rates that were measured the cache is clearly worth it, and from which on it
/// clearly is not. Nearer to each other than a tenth, the two are alike: so far runs differ.
fn break_even(rates: &[&Rate]) -> String {
    let faster = rates.iter().take_while(|rate| gain(rate) > 1.1).last();
    let slower = rates
        .iter()
        .rev()
        .take_while(|rate| gain(rate) < 0.9)
        .last();
    let at = |rate: &&Rate| mark(f64::from(rate.writes_a_minute));
    let faster = faster.map_or_else(
        || "never clearly faster".to_owned(),
        |rate| format!("faster up to {}", at(rate)),
    );
    let slower = slower.map_or_else(
        || "never clearly slower".to_owned(),
        |rate| format!("slower from {}", at(rate)),
    );
    format!("{faster}, {slower}")
}

fn gain(rate: &Rate) -> f64 {
    rate.cached / rate.plain
}

fn cold(run: &Run) -> String {
    if run.cold.is_empty() {
        return String::new();
    }
    let row = |it: &Cold| {
        let ms = |micros: f64| number(micros / 1_000.0);
        let protected = if it.stampede_protection { "yes" } else { "no" };
        format!(
            "| {} | {} | {protected} | {} | {} | {} |",
            it.processes,
            it.readers,
            ms(it.plain.median),
            ms(it.cached.median),
            mark(it.statements)
        )
    };
    section(
        "A new question, asked by many at once",
        "![](cold.svg)\n\n\
         Milliseconds until the last reader has its rows, medians; and how many statements the database got\n\
         through the cache. Processes are caches of their own here, which know of each other through memcached\n\
         only; waiting for each other is `CACHALOT_STAMPEDE_WAIT`.",
        "| processes | readers | wait for each other | plain | cached | statements |\n|---|---|---|---|---|---|",
        run.cold.iter().map(row),
    )
}

fn servers(run: &Run) -> String {
    if run.servers.is_empty() {
        return String::new();
    }
    let row = |it: &Servers| {
        format!(
            "| {} | {} | {} |",
            it.servers,
            ranged(&it.hit),
            number(it.throughput)
        )
    };
    section(
        "Several memcached processes",
        "![](servers.svg)\n\n\
         Hits of a join of five tables, whose entry and records are on as many servers as there are, up to seven.\n\
         On one machine more processes add no memory bandwidth and no processor; what is to be seen is what\n\
         asking several costs.",
        "| processes | µs a hit, one reader | hits a second, four readers |\n|---|---|---|",
        run.servers.iter().map(row),
    )
}

fn method() -> String {
    "## How it is measured\n\n\
     Subjects take turns within one run, in an order that changes from round to round, each on connections of its\n\
     own that are open already, after a tenth of the rounds that is not counted. What disturbs the machine disturbs\n\
     them alike, so ratios within a run mean more than times, and times of different runs are not to be compared.\n\
     memcached runs with one thread, so that every subject finds the same one awake or asleep. Where the scheduler\n\
     puts it decides much: a round trip over loopback takes about 15 µs on the same processor and 40 µs across\n\
     two. `taskset -c 0 cargo bench -p cachalot-benches` pins everything to one.\n"
        .to_owned()
}

fn section(title: &str, text: &str, head: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<_> = rows.collect();
    format!("## {title}\n\n{text}\n\n{head}\n{}\n", rows.join("\n"))
}

fn ranged(it: &Spread) -> String {
    format!(
        "{} ({}–{})",
        number(it.median),
        number(it.low),
        number(it.high)
    )
}
