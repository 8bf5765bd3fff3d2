//! `[catalog]` and `[[catalog.worker]]`: how requests are spread, and each worker's place.

use gateway::{Balance, Place, Traffic};

use super::raw::RawCatalogWorker;

/// What stands between quotes, for a sentence.
fn words<T>(all: &[(&str, T)]) -> String {
    all.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// The way of spreading by its name.
pub fn balance(name: Option<&str>, faults: &mut Vec<String>) -> Balance {
    let Some(name) = name else { return Balance::default() };
    Balance::ALL.iter().find(|(known, _)| *known == name).map(|(_, balance)| *balance).unwrap_or_else(|| {
        faults.push(format!("[catalog] balance: '{name}' is none of {}", words(&Balance::ALL)));
        Balance::default()
    })
}

/// The place of a worker.
pub fn place(worker: &RawCatalogWorker, faults: &mut Vec<String>) -> Place {
    let mut wrong = |what: String| faults.push(format!("[[catalog.worker]] {}: {what}", worker.name));
    let weight = worker.weight.unwrap_or(1);
    if weight == 0 {
        wrong("weight 0 would give it nothing; leave it out, or use 'bunraku front-end drain'".to_string());
    }
    let serves = match &worker.serves {
        None => Place::default().serves,
        Some(names) => {
            let traffic = |name: &String| {
                let known = Traffic::ALL.iter().find(|(known, _)| known == name).map(|(_, traffic)| *traffic);
                if known.is_none() {
                    wrong(format!("serves: '{name}' is none of {}", words(&Traffic::ALL)));
                }
                known
            };
            names.iter().filter_map(traffic).collect()
        }
    };
    if serves.is_empty() {
        wrong(format!("serves: name at least one of {}", words(&Traffic::ALL)));
    }
    // 0 reads as "no limit" in every balancer that people come from.
    let most = worker.max_requests.filter(|most| *most > 0);
    Place { weight: weight.max(1), tier: worker.tier.unwrap_or(0), most, serves }
}
