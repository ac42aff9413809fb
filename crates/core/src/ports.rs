//! What the shell lends to those who decide: the time and randomness. Implemented by the binary and by the simulator.

use crate::time::Timestamp;

/// The wall clock, UTC. May stand still or go back.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// A source of randomness; unpredictable in the binary, seeded in the simulator.
pub trait Random: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);

    /// Twelve random bytes: the unguessable part of an id.
    fn id_part(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        self.fill(&mut bytes);
        bytes
    }

    /// Uniform in `[0, 1)`.
    fn draw(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}
