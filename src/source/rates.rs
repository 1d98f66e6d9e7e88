//! The numbers beside CPU and memory that have a value at each sample.

use super::Sampled;
use super::disks::Disks;
use super::network::Network;
use super::pressure::Pressure;

/// What reads them, as far as they were asked for.
#[derive(Debug, Default)]
pub struct Rates {
    pub pressure: Vec<Pressure>,
    pub disks: Option<Disks>,
    pub network: Option<Network>,
}

impl Rates {
    /// The totals as they stand now. Without any it costs nothing.
    pub fn read(&mut self) -> Sampled {
        let mut sampled = Vec::new();
        for pressure in &mut self.pressure {
            pressure.read(&mut sampled);
        }
        if let Some(disks) = &mut self.disks {
            disks.read(&mut sampled);
        }
        if let Some(network) = &mut self.network {
            network.read(&mut sampled);
        }
        sampled
    }
}
