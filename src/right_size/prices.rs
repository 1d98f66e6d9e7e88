//! List prices of tasks on Fargate for Linux, in US dollars an hour, on demand, as they stood in July 2026:
//! <https://aws.amazon.com/fargate/pricing/>. Spot and savings plans cost less; storage beyond 20 GB is left out.

use std::fmt;

use super::sizes::Size;

/// Region; a vCPU and a GiB on x86-64; a vCPU and a GiB on ARM64.
const PRICES: [(&str, [f64; 2], [f64; 2]); 7] = [
    (ASSUMED, [0.04048, 0.004445], [0.03238, 0.00356]),
    ("us-east-2", [0.04048, 0.004445], [0.03238, 0.00356]),
    ("us-west-2", [0.04048, 0.004445], [0.03238, 0.00356]),
    ("eu-west-1", [0.04048, 0.004445], [0.03238, 0.00356]),
    ("eu-central-1", [0.04656, 0.00511], [0.03725, 0.00409]),
    ("ap-southeast-2", [0.04856, 0.00532], [0.03885, 0.00426]),
    ("sa-east-1", [0.0696, 0.0076], [0.0557, 0.00612]),
];

/// The region whose prices stand for those of others, which differ by some percent.
const ASSUMED: &str = "us-east-1";

/// When they stood like this.
const DATE: &str = "July 2026";

/// What is charged at least.
pub const LEAST_SECONDS: f64 = 60.0;

/// The prices of a region for an architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    core: f64,
    gibibyte: f64,
    /// The region whose prices they are.
    pub region: &'static str,
    pub architecture: &'static str,
    /// Why they are not those of the region where it ran.
    pub instead: Option<String>,
}

impl Price {
    /// Those of a region; of us-east-1 where that is not known or not in the table. `architecture` is that of
    /// [`std::env::consts::ARCH`]; Fargate has two.
    pub fn of(region: Option<&str>, architecture: &str) -> Option<Self> {
        let known = PRICES.into_iter().find(|(name, ..)| Some(*name) == region);
        let instead = match (&known, region) {
            (Some(_), _) => None,
            (None, Some(region)) => Some(format!("the price of {region} is not known")),
            (None, None) => Some("the region is not known".to_owned()),
        };
        let (region, x86, arm) = known.unwrap_or(PRICES[0]);
        let (architecture, [core, gibibyte]) = match architecture {
            "x86_64" => ("x86-64", x86),
            "aarch64" => ("ARM64", arm),
            _ => return None,
        };
        Some(Self { core, gibibyte, region, architecture, instead })
    }

    /// What a size costs for so many seconds.
    pub fn dollars(&self, size: Size, seconds: f64) -> Option<f64> {
        let gibibytes = size.memory? as f64 / f64::from(1 << 30);
        Some((self.core * size.cpu? + self.gibibyte * gibibytes) * seconds / 3600.0)
    }

    /// Where it is from, for people.
    pub fn source(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "list price of {}, Linux/{}, {DATE}", self.region, self.architecture)?;
        self.instead.iter().try_for_each(|why| write!(f, "; {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_AND_TWO: Size = Size { cpu: Some(1.0), memory: Some(2 << 30) };

    #[test]
    fn an_hour_costs_what_the_price_list_says() {
        let dollars = |region, architecture| {
            Price::of(Some(region), architecture)?.dollars(ONE_AND_TWO, 3600.0)
        };
        let near = |dollars: Option<f64>, expected: f64| {
            assert!(dollars.is_some_and(|of| (of - expected).abs() < 1e-9), "{dollars:?}");
        };
        near(dollars("us-east-1", "x86_64"), 0.04937);
        near(dollars("us-west-2", "aarch64"), 0.0395);
        near(dollars("eu-central-1", "x86_64"), 0.05678);
        assert_eq!(dollars("us-east-1", "riscv64"), None);
        let price = Price::of(None, "x86_64").expect("it is in the table");
        assert_eq!(price.dollars(Size { cpu: None, ..ONE_AND_TWO }, 60.0), None);
    }

    #[test]
    fn another_region_has_the_price_of_us_east_1_and_says_so() {
        let source = |region| Price::of(region, "aarch64").map(|price| price.source());
        let source = |region| source(region).unwrap_or_default();
        assert_eq!(source(Some("sa-east-1")), "list price of sa-east-1, Linux/ARM64, July 2026");
        let expected =
            "list price of us-east-1, Linux/ARM64, July 2026; the price of xx-far-9 is not known";
        assert_eq!(source(Some("xx-far-9")), expected);
        assert!(source(None).ends_with("; the region is not known"));
    }
}
