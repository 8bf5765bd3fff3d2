//! An estate under load in which something happens, and at whose end every promise must hold.

use super::estate::{Estate, Plan};
use super::load::{Load, Style};
use super::promises;

pub struct Story {
    pub estate: Estate,
    pub load: Load,
    /// The revocation list's before anything happened.
    list_number: u64,
}

impl Story {
    /// Starts everything; 20 agents a second enrol from here on, and the first ten have their certificates. None of them
    /// may see an error.
    pub fn begin(plan: Plan) -> Story {
        Story::begin_with(plan, Style { per_second: 20, patient: false })
    }

    /// The same, with other agents.
    pub fn begin_with(plan: Plan, style: Style) -> Story {
        let estate = Estate::start_with(plan);
        let list_number = promises::list_number(&estate.cadir("ca-1"));
        let load = Load::start(&estate, style);
        load.wait_for_more(10);
        Story { estate, load, list_number }
    }

    /// Waits until the preferred CA is active and both are in sync, and for some more certificates; nobody may have seen
    /// a fault, and every promise must hold. Gives the estate back, which still runs.
    pub fn ends_well(self) -> Estate {
        let Story { estate, load, list_number } = self;
        estate.wait_until_home();
        load.wait_for_more(5);
        let told = load.end();
        assert!(told.faults.is_empty(), "{:?}", told.faults);
        promises::hold(&estate, &told, list_number);
        estate
    }
}
