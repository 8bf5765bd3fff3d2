//! What both agents do when they may not run, or have to wait: the same words, the same exit codes.

use super::deployment::{Deployment, Program, SERVER};

const BOTH: [Program; 2] = [Program::Puppet, Program::Bunraku];

#[test]
fn both_agents_wait_for_signatures_and_for_each_other_in_the_same_way() {
    let deployment = Deployment::start_unsigned();
    for program in BOTH {
        let name = format!("alike-{}.example.com", program as u8);
        let run = |flags: &[&str]| deployment.agent(program, &name, &[&["--server", SERVER], flags].concat());
        let now = run(&[]);
        assert_eq!(now.code, 1);
        assert!(now.said.contains("Exiting now because the waitforcert setting is set to 0."));
        let later = run(&["--waitforcert", "1", "--maxwaitforcert", "1"]);
        assert_eq!(later.code, 1);
        assert!(later.said.contains("Will try again in 1 seconds."));
        assert!(later.said.contains("Exiting now because the maxwaitforcert timeout has been exceeded."));
        deployment.sign(&name);
        assert_eq!(run(&[]).code, 2);
        assert_eq!(run(&["--noop"]).code, 0);

        let state = deployment.path(&format!("agents/{name}/var/state"));
        let lock = state.join("agent_catalog_run.lock");
        // A living process that both take for an agent, as its name tells.
        let mut holder = deployment.pretender("puppet");
        std::fs::write(&lock, holder.id().to_string()).unwrap();
        let locked = run(&[]);
        assert_eq!(locked.code, 1);
        assert!(locked.said.contains("Run of Puppet configuration client already in progress; skipping"));
        let waited = run(&["--waitforlock", "1", "--maxwaitforlock", "1"]);
        assert_eq!(waited.code, 1);
        assert!(waited.said.contains("Exiting now because the maxwaitforlock timeout has been exceeded."));
        holder.kill().unwrap();
        holder.wait().unwrap();
        // What it has left behind holds up nobody.
        assert_eq!(run(&[]).code, 2);
        assert!(!lock.exists());

        std::fs::write(state.join("agent_disabled.lock"), r#"{"disabled_message":"moving"}"#).unwrap();
        let disabled = run(&[]);
        assert_eq!(disabled.code, 1);
        assert!(disabled.said.contains("administratively disabled (Reason: 'moving')"));
    }
}
