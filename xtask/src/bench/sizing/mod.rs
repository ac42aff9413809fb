//! What a database must be for a load: measured over a grid of loads, fitted, and told with its error.

mod fit;
mod measure;
mod model;
mod table;

use anyhow::Result;

use self::{
    fit::median_and_worst,
    measure::{ACCOUNTS, Cluster, Order, Sample},
    model::{Load, Model, Observed, QUANTITIES},
};
use super::{Scale, figure::Figure};

/// Nodes, fan-out, bytes of a payload, events each second.
const FITTED: [(usize, usize, usize, &[u32]); 9] = [
    (1, 1, 512, &[0, 100, 400, 1_200, 2_500, 3_500]),
    (1, 1, 4_096, &[400, 1_500]),
    (1, 3, 512, &[100, 400, 1_200, 1_700]),
    (1, 3, 4_096, &[400]),
    (1, 10, 512, &[50, 150, 400]),
    (1, 10, 4_096, &[150]),
    (3, 1, 512, &[0, 300, 900]),
    (3, 3, 512, &[300]),
    (3, 10, 4_096, &[90]),
];

/// Each has more deliveries than any fitted one of its kind.
const HELD_OUT: [(usize, usize, usize, &[u32]); 4] =
    [(1, 1, 512, &[4_500]), (1, 3, 1_024, &[2_000]), (1, 10, 512, &[700]), (3, 1, 1_024, &[1_500])];

pub fn run(scale: Scale) -> Result<Vec<Figure>> {
    let mut cluster = Cluster::start(scale, &[1, 3, 10])?;
    let (mut fitted, mut held_out): (Vec<Observed>, Vec<Observed>) = (Vec::new(), Vec::new());
    let (mut deliveries_max, mut disk) = (0.0_f64, Vec::new());
    for nodes in [1, 3] {
        cluster.grow(nodes)?;
        for (grid, observed) in [(&FITTED[..], &mut fitted), (&HELD_OUT[..], &mut held_out)] {
            for (_, fan_out, payload_bytes, rates) in grid.iter().filter(|(of, ..)| *of == nodes) {
                for events_per_second in rates.iter().copied() {
                    let order = Order { nodes, events_per_second, fan_out: *fan_out, payload_bytes: *payload_bytes };
                    let sample = cluster.measure(order)?;
                    eprintln!("{}", serde_json::to_string(&sample)?);
                    let seen = observe(&sample);
                    deliveries_max = deliveries_max.max(seen.load.deliveries_per_second());
                    disk.extend(sample.disk_writes.map(|writes| writes / (sample.wal_syncs + sample.pages)));
                    observed.push(seen);
                }
            }
        }
    }
    let model = Model::of(&fitted);
    println!("{}\n{}", table::coefficients(&model), table::loads(&model, deliveries_max));
    let mut figures = vec![
        Figure::new("loads fitted", fitted.len() as f64, ""),
        Figure::new("loads kept out of the fit, larger", held_out.len() as f64, ""),
        Figure::new("the most deliveries", deliveries_max, "/s"),
        Figure::new("writes that the disk saw, for each sync and page", median_and_worst(disk).0, ""),
    ];
    let left_out = model::errors_left_out(&fitted);
    let foretold: Vec<[Option<f64>; 6]> = held_out.iter().map(|one| model::errors(&model, one)).collect();
    for (place, quantity) in QUANTITIES.iter().enumerate() {
        for (errors, how) in [(&left_out, "one left out"), (&foretold, "larger loads")] {
            let errors = errors.iter().filter_map(|errors| errors[place]).map(|error| error * 100.0).collect();
            let (median, worst) = median_and_worst(errors);
            figures.push(Figure::new(format!("{}: error, {how}, median", quantity.name), median, "%"));
            figures.push(Figure::new(format!("{}: error, {how}, worst", quantity.name), worst, "%"));
        }
    }
    Ok(figures)
}

/// Each second.
fn observe(sample: &Sample) -> Observed {
    let (order, seconds) = (sample.order, sample.seconds);
    // Accounts take turns: few events reach few of them.
    let urls = sample.events.min(ACCOUNTS as f64) * order.fan_out as f64;
    let load = Load {
        nodes: order.nodes as f64,
        events_per_second: sample.events / seconds,
        fan_out: order.fan_out as f64,
        payload_kib: order.payload_bytes as f64 / 1024.0,
        urls_per_second: urls / seconds,
    };
    let sums =
        [sample.database_us, sample.nodes_us, sample.wal_bytes, sample.wal_syncs, sample.pages, sample.stored_bytes];
    Observed { load, groups: sample.groups / seconds, values: sums.map(|sum| sum / seconds) }
}
