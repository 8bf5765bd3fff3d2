//! An `auth.conf` beside the packaged rules: which of its rules are those, and whether the packaged ones may stay.

use access::{Origin, Rule, packaged};

/// Whether two rules do the same, whatever they are called. Methods and values may stand in any order.
fn same(one: &Rule, other: &Rule) -> bool {
    let plain = |rule: &Rule| {
        let mut rule = rule.clone();
        rule.name.clear();
        rule.methods = rule.methods.iter().map(|method| method.to_ascii_lowercase()).collect();
        rule.methods.sort();
        rule.query.sort();
        rule.query.iter_mut().for_each(|(_, values)| values.sort());
        rule
    };
    plain(one) == plain(other)
}

/// Whether a rule of an `auth.conf` is a packaged one.
pub fn is_packaged(rule: &Rule) -> bool {
    packaged().any(|(_, known)| same(&known, rule))
}

/// Whether the packaged rules hold beside those of the file that are none: all are there, or another rule has the name of
/// the missing one and so takes its place. Those of later Puppet Servers are missed only in a file of one.
pub fn all_there(rules: &[Rule]) -> bool {
    let there = |known: &Rule| rules.iter().any(|rule| same(known, rule) || rule.name == known.name);
    let of = |origin: Origin| packaged().filter(move |(since, _)| *since == origin).map(|(_, rule)| rule);
    let (mut later, mut lacking) = (0, 0);
    for rule in of(Origin::Later) {
        *(if there(&rule) { &mut later } else { &mut lacking }) += 1;
    }
    of(Origin::Always).all(|rule| there(&rule)) && (later == 0 || lacking == 0)
}

#[cfg(test)]
mod tests {
    use super::super::auth_conf;
    use super::super::hocon::parse;
    use super::*;

    fn is_one(rule: &str) -> bool {
        is_packaged(&auth_conf::rule(&parse(rule).unwrap()).unwrap().rule)
    }

    #[test]
    fn a_packaged_rule_is_known_by_what_it_does() {
        let request = "match-request: { path: \"/puppet-ca/v1/certificate_status\", type: path, method: [put, get, delete] }";
        let operators = "allow: { extensions: { pp_cli_auth: \"true\" } }";
        let named = "sort-order: 500, name: \"any name\"";
        assert!(is_one(&format!("{request}, {operators}, {named}")));
        assert!(!is_one(&format!("{request}, {operators}, sort-order: 400, name: x")));
        assert!(!is_one(&format!("{request}, allow: \"*\", {named}")));
        assert!(!is_one(&format!("{request}, allow: [ admin.example.com ], {named}")));
        let all = "sort-order: 999, name: x";
        assert!(is_one(&format!("match-request {{ path: \"/\", type: path }}\ndeny: \"*\"\n{all}")));
        assert!(!is_one(&format!(
            "match-request {{ path: \"/\", type: path, query-params: {{a: b}} }}\ndeny: \"*\"\n{all}"
        )));
    }

    #[test]
    fn packaged_rules_stay_only_where_none_was_taken_out() {
        let every: Vec<(Origin, Rule)> = packaged().collect();
        let rules = |keep: &dyn Fn(&Origin, &Rule) -> bool| -> Vec<Rule> {
            let kept = every.iter().filter(|(origin, rule)| keep(origin, rule));
            kept.map(|(_, rule)| rule.clone()).collect()
        };
        assert!(all_there(&rules(&|_, _| true)));
        assert!(all_there(&rules(&|origin, _| *origin == Origin::Always)), "the file of Puppet Server 7");
        assert!(!all_there(&rules(&|_, rule| rule.name != "puppetlabs csr")));
        assert!(
            !all_there(&rules(&|_, rule| rule.name != "puppetlabs cert sign")),
            "taken out of a later file"
        );
        let mut changed = rules(&|_, _| true);
        changed.iter_mut().find(|rule| rule.name == "puppetlabs csr").unwrap().methods.pop();
        assert!(all_there(&changed));
    }
}
