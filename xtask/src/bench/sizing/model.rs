//! What a load takes, as sums of few causes, each with a coefficient of its own.

use super::fit::{Row, apply, fit};

/// A steady load, all nodes together.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub nodes: f64,
    pub events_per_second: f64,
    pub fan_out: f64,
    pub payload_kib: f64,
    /// URLs that get something between two checkpoints, by the seconds between these.
    pub urls_per_second: f64,
}

impl Load {
    pub fn deliveries_per_second(self) -> f64 {
        self.events_per_second * self.fan_out
    }
}

/// What is foretold, each for a second.
pub const QUANTITIES: [Quantity; 6] = [
    Quantity { name: "CPU of the database", unit: "µs", causes: [true, true, true, true, true, true, true] },
    Quantity { name: "CPU of the nodes", unit: "µs", causes: [true, true, true, true, true, true, false] },
    Quantity { name: "WAL", unit: "B", causes: [true, true, true, true, true, true, true] },
    Quantity { name: "syncs of the WAL", unit: "", causes: [true, false, false, true, false, false, false] },
    Quantity { name: "pages written", unit: "", causes: [false, true, true, false, true, true, true] },
    Quantity { name: "stored", unit: "B", causes: [false, true, true, false, true, false, false] },
];

/// What there is of each cause in a second.
pub const CAUSES: [&str; 7] = [
    "node, each second",
    "event",
    "delivery",
    "group",
    "KiB of payload, once for each event",
    "event brought to another node than its account's",
    "URL in use, each checkpoint",
];

/// One thing to foretell.
#[derive(Debug)]
pub struct Quantity {
    pub name: &'static str,
    pub unit: &'static str,
    /// Which of [`CAUSES`] it can have.
    pub causes: [bool; 7],
}

/// What a load came to, each second, in the order of [`QUANTITIES`].
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    pub load: Load,
    pub groups: f64,
    pub values: [f64; 6],
}

/// Publishes of a group from which on a node waits a moment before the next one, for more to come.
pub const CROWD: f64 = 4.0;

impl Observed {
    /// Events of a group.
    fn events_each(&self) -> f64 {
        self.load.events_per_second / self.groups
    }
}

/// Coefficients.
#[derive(Clone, Debug)]
pub struct Model {
    /// Of one node: events in a group when there are few, and seconds from group to group when there are many.
    spacing: [f64; 2],
    /// Of one node whose groups wait for events: seconds from group to group, and more for each delivery a second. Zero where
    /// it was not seen.
    waiting: [f64; 2],
    pub coefficients: [[f64; 7]; 6],
}

/// What a model says of a load, each second.
#[derive(Clone, Copy, Debug)]
pub struct Foretold {
    pub groups: f64,
    /// In the order of [`QUANTITIES`].
    pub values: [f64; 6],
}

/// Less than this is no cost but the coarseness of a clock that counts 10 ms: it does not count by its share.
const LEAST: [f64; 6] = [10_000.0, 10_000.0, 5_000.0, 2.0, 5.0, 10_000.0];

impl Model {
    /// The one that fits best.
    pub fn of(observed: &[Observed]) -> Self {
        let (crowded, few): (Vec<&Observed>, Vec<&Observed>) =
            observed.iter().filter(|one| one.groups > 0.0).partition(|one| one.events_each() >= CROWD);
        let waiting = crowded.iter().map(|one| {
            let every = one.load.nodes / one.groups;
            Row { causes: vec![1.0, one.load.deliveries_per_second() / one.load.nodes], effect: every, scale: every }
        });
        let waiting = if crowded.len() < 2 { vec![0.0; 2] } else { fit(&waiting.collect::<Vec<Row>>(), 2) };
        // A node's groups each second: `e / (a + b·e)`, so events for each group grow in a straight line.
        let spacing = few.iter().map(|one| {
            let events = one.load.events_per_second / one.load.nodes;
            let each = one.events_each();
            Row { causes: vec![1.0, events], effect: each, scale: each }
        });
        let spacing = fit(&spacing.collect::<Vec<Row>>(), 2);
        let mut coefficients = [[0.0; 7]; 6];
        for (place, (quantity, least)) in QUANTITIES.iter().zip(LEAST).enumerate() {
            let rows = observed.iter().map(|one| {
                let causes = causes(one.load, one.groups).into_iter().zip(quantity.causes);
                let causes = causes.map(|(cause, counts)| if counts { cause } else { 0.0 }).collect();
                Row { causes, effect: one.values[place], scale: one.values[place].max(least) }
            });
            let found = fit(&rows.collect::<Vec<Row>>(), CAUSES.len());
            coefficients[place].iter_mut().zip(found).for_each(|(cell, value)| *cell = value);
        }
        Self { spacing: [spacing[0], spacing[1]], waiting: [waiting[0], waiting[1]], coefficients }
    }

    pub fn foretell(&self, load: Load) -> Foretold {
        let groups = self.groups_of_a_node(load.events_per_second / load.nodes, load.fan_out) * load.nodes;
        let causes = causes(load, groups);
        Foretold { groups, values: self.coefficients.map(|coefficients| apply(&coefficients, &causes)) }
    }

    /// Groups that a node commits each second for so many events.
    fn groups_of_a_node(&self, events: f64, fan_out: f64) -> f64 {
        if events <= 0.0 {
            return 0.0;
        }
        let every = self.waiting[0] + self.waiting[1] * events * fan_out;
        if every * events >= CROWD {
            return 1.0 / every;
        }
        events / (self.spacing[0] + self.spacing[1] * events)
    }

    /// Groups for an event alone, and groups each second of a node at the most, where they do not wait for events.
    pub fn groups(&self) -> (f64, f64) {
        (1.0 / self.spacing[0], 1.0 / self.spacing[1])
    }

    /// Where they do: milliseconds from group to group, and microseconds more for each delivery a second.
    pub fn waits(&self) -> (f64, f64) {
        (self.waiting[0] * 1e3, self.waiting[1] * 1e6)
    }

    /// Nodes that a load wants: a node writes by one connection, one process of the database, and that may be busy for
    /// this share of the time.
    pub fn nodes(&self, load: Load, share: f64) -> Load {
        let mut load = Load { nodes: 1.0, ..load };
        // Each node more has a cost of its own, so it is found step by step.
        while self.foretell(load).values[0] / 1e6 > share * load.nodes && load.nodes < NODES_MAX {
            load.nodes += 1.0;
        }
        load
    }
}

/// There are as many shards.
const NODES_MAX: f64 = 64.0;

/// In the order of [`CAUSES`], each second.
fn causes(load: Load, groups: f64) -> [f64; 7] {
    let events = load.events_per_second;
    [
        load.nodes,
        events,
        load.deliveries_per_second(),
        groups,
        events * load.payload_kib,
        events * (load.nodes - 1.0) / load.nodes,
        load.urls_per_second,
    ]
}

/// Errors of what is foretold against what was observed, relative, by quantity; `None` where that is next to nothing.
pub fn errors(model: &Model, observed: &Observed) -> [Option<f64>; 6] {
    let foretold = model.foretell(observed.load).values;
    let mut errors = [None; 6];
    for (place, least) in LEAST.iter().enumerate() {
        let seen = observed.values[place];
        errors[place] = (seen > *least).then(|| (foretold[place] / seen - 1.0).abs());
    }
    errors
}

/// The same, each foretold by a model that does not know it.
pub fn errors_left_out(observed: &[Observed]) -> Vec<[Option<f64>; 6]> {
    let foretell = |left_out: usize| {
        let others = observed.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, one)| *one);
        errors(&Model::of(&others.collect::<Vec<Observed>>()), &observed[left_out])
    };
    (0..observed.len()).map(foretell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world in which the model is true.
    fn world() -> (Model, Vec<Observed>) {
        let mut coefficients = [[0.0; 7]; 6];
        coefficients[0] = [4_000.0, 15.0, 25.0, 120.0, 5.0, 60.0, 0.0];
        coefficients[2] = [1_000.0, 600.0, 500.0, 900.0, 1_100.0, 300.0, 9_000.0];
        coefficients[3] = [2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        coefficients[5] = [0.0, 300.0, 320.0, 0.0, 1_100.0, 0.0, 0.0];
        let truth = Model { spacing: [0.5, 1.0 / 900.0], waiting: [0.004, 1e-6], coefficients };
        let mut observed = Vec::new();
        for nodes in [1.0, 3.0] {
            for (events_per_second, fan_out, payload_kib, urls_per_second) in [
                (0.0, 1.0, 0.5, 0.0),
                (100.0, 1.0, 0.5, 10.0),
                (1_000.0, 1.0, 4.0, 12.0),
                (9_000.0, 1.0, 0.5, 12.0),
                (12_000.0, 2.0, 1.0, 12.0),
                (500.0, 3.0, 0.5, 30.0),
                (400.0, 3.0, 4.0, 35.0),
                (200.0, 10.0, 0.5, 110.0),
                (150.0, 10.0, 4.0, 120.0),
            ] {
                let load = Load { nodes, events_per_second, fan_out, payload_kib, urls_per_second };
                let Foretold { groups, values } = truth.foretell(load);
                observed.push(Observed { load, groups, values });
            }
        }
        (truth, observed)
    }

    #[test]
    fn a_model_finds_its_own_world_again_and_foretells_what_it_has_not_seen() {
        let (truth, observed) = world();
        let found = Model::of(&observed);
        let load =
            Load { nodes: 8.0, events_per_second: 20_000.0, fan_out: 5.0, payload_kib: 1.0, urls_per_second: 0.0 };
        for (found, truth) in found.foretell(load).values.iter().zip(truth.foretell(load).values) {
            assert!((found - truth).abs() <= truth * 1e-4, "{found} for {truth}");
        }
        assert!(errors_left_out(&observed).iter().flatten().flatten().all(|error| *error < 1e-3));
    }

    #[test]
    fn groups_come_as_often_as_events_at_first_and_never_more_often_than_a_node_can() {
        let (model, _) = world();
        assert!((model.groups_of_a_node(1.0, 1.0) - 2.0).abs() < 0.01);
        assert!(model.groups_of_a_node(1e6, 1.0) < 900.0);
        // More than four events come in the time from one to the next: it waits for them.
        assert!((model.groups_of_a_node(2_000.0, 1.0) - 1.0 / 0.006).abs() < 0.01);
        let (alone, most) = model.groups();
        assert!((alone - 2.0).abs() < 1e-6 && (most - 900.0).abs() < 1e-6, "{alone}, {most}");
    }

    #[test]
    fn nodes_are_added_until_each_has_room() {
        let (model, _) = world();
        let load =
            Load { nodes: 1.0, events_per_second: 20_000.0, fan_out: 5.0, payload_kib: 1.0, urls_per_second: 0.0 };
        let load = model.nodes(load, 0.6);
        assert!(load.nodes > 4.0, "{load:?}");
        assert!(model.foretell(load).values[0] / 1e6 <= 0.6 * load.nodes);
        let small = model.nodes(Load { events_per_second: 100.0, fan_out: 1.0, ..load }, 0.6);
        assert!((small.nodes - 1.0).abs() < f64::EPSILON);
    }
}
