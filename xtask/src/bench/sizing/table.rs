//! The model in the Markdown of the manual.

use std::fmt::Write as _;

use super::model::{CAUSES, CROWD, Foretold, Load, Model, QUANTITIES};

/// Events each second and their fan-out.
const LOADS: [(f64, f64); 7] =
    [(100.0, 1.0), (1_000.0, 1.0), (200.0, 5.0), (10_000.0, 1.0), (2_000.0, 5.0), (20_000.0, 5.0), (100_000.0, 1.0)];
const PAYLOAD_KIB: f64 = 1.0;
const RETENTION_DAYS: [f64; 3] = [7.0, 30.0, 90.0];
const DAY_SECONDS: f64 = 86_400.0;

/// How busy the process of the database may be that writes for a node.
const BUSY: f64 = 0.6;

/// What each cause costs.
pub fn coefficients(model: &Model) -> String {
    let mut text = String::from("| for each |");
    for quantity in &QUANTITIES {
        let unit = if quantity.unit.is_empty() { String::new() } else { format!(", {}", quantity.unit) };
        let _ = write!(text, " {}{unit} |", quantity.name);
    }
    let _ = writeln!(text, "\n|---|{}", "---:|".repeat(QUANTITIES.len()));
    for (place, cause) in CAUSES.iter().enumerate() {
        let _ = write!(text, "| {cause} |");
        for (quantity, coefficients) in QUANTITIES.iter().zip(&model.coefficients) {
            let cell = if quantity.causes[place] { short(coefficients[place]) } else { String::new() };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    let ((alone, most), (every, more)) = (model.groups(), model.waits());
    let _ = writeln!(
        text,
        "\nA node that accepts *e* events a second commits *e* / (1/{alone:.2} + *e*/{most:.0}) groups a second. Once {CROWD} \
         events or more come in that time, there is one every {every:.1} ms + {more:.2} µs × deliveries a second."
    );
    text
}

/// What loads want, up to 100,000 deliveries each second. Beyond `measured` deliveries a second it is extrapolated.
pub fn loads(model: &Model, measured: f64) -> String {
    let mut text = String::from(
        "| events/s × fan-out | deliveries/s | nodes | cores of the database | cores of the nodes | WAL, MB/s | groups/s | \
         syncs/s | pages/s | disk for 7, 30, 90 days | |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n",
    );
    for (events_per_second, fan_out) in LOADS {
        let load = Load { nodes: 1.0, events_per_second, fan_out, payload_kib: PAYLOAD_KIB, urls_per_second: 0.0 };
        let load = model.nodes(load, BUSY);
        let Foretold { groups, values: [database, nodes, wal, syncs, pages, stored] } = model.foretell(load);
        let disk = RETENTION_DAYS.map(|days| bytes(stored * DAY_SECONDS * days)).join(", ");
        let how = if load.deliveries_per_second() > measured { "extrapolated" } else { "" };
        let _ = writeln!(
            text,
            "| {} × {fan_out} | {} | {} | {} | {} | {} | {} | {} | {} | {disk} | {how} |",
            short(events_per_second),
            short(load.deliveries_per_second()),
            load.nodes,
            short(database / 1e6),
            short(nodes / 1e6),
            short(wal / 1e6),
            short(groups),
            short(syncs),
            short(pages),
        );
    }
    text
}

/// Two digits and a bit: the model knows no more.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let thousands = format!("{value:.0}");
            let (head, tail) = thousands.split_at(thousands.len() - 3);
            format!("{head},{tail}")
        }
        size if size >= 10.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

fn bytes(value: f64) -> String {
    match value {
        value if value >= 1e12 => format!("{} TB", short(value / 1e12)),
        value => format!("{} GB", short(value / 1e9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sizing::model::Observed;

    #[test]
    fn each_load_has_a_row_and_what_was_not_measured_says_so() {
        let load = |events_per_second: f64, fan_out: f64, payload_kib: f64| {
            let load = Load { nodes: 1.0, events_per_second, fan_out, payload_kib, urls_per_second: 0.0 };
            let deliveries = load.deliveries_per_second();
            let values = [50.0 * deliveries, 40.0 * deliveries, 1e3 * deliveries, 9.0, 9.0, 500.0 * deliveries];
            Observed { load, groups: events_per_second.min(900.0), values }
        };
        let model = Model::of(&[load(100.0, 1.0, 1.0), load(900.0, 2.0, 4.0), load(5_000.0, 3.0, 0.5)]);
        let table = loads(&model, 8_000.0);
        assert_eq!(table.lines().count(), 2 + LOADS.len(), "{table}");
        let extrapolated: Vec<bool> = table.lines().skip(2).map(|line| line.contains("extrapolated")).collect();
        assert_eq!(extrapolated, [false, false, false, true, true, true, true]);
        // 1,000 × 500 B × 86,400 s × 7
        let row = table.lines().nth(3).unwrap_or_default();
        assert!(row.contains("302 GB, 1.3 TB, 3.9 TB"), "{row}");
        assert_eq!(coefficients(&model).lines().filter(|line| line.starts_with("| ")).count(), 1 + CAUSES.len());
    }

    #[test]
    fn numbers_have_the_digits_that_they_deserve() {
        assert_eq!(
            [0.0, 0.042, 1.27, 42.4, 420.0, 4_200.4, 102_030.0].map(short).join(" "),
            "0 0.04 1.3 42 420 4,200 102,030"
        );
        assert_eq!(bytes(3.2e9), "3.2 GB");
        assert_eq!(bytes(12.3e12), "12 TB");
    }
}
