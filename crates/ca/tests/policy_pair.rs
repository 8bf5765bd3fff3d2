//! A policy executable behind two members: it is asked once, outside of every lock, and what it complains of is in the log.

mod support;

use ca::Autosign;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use support::csr;
use support::estate::{Estate, differ};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};
use wire::http::{Method, StatusCode};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn has(&self, text: &str) -> bool {
        self.0.lock().unwrap().contains(text)
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        event.record(&mut Line(&mut log));
        log.push('\n');
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_thinks_for_long_keeps_nobody_else_waiting() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let mut estate = Estate::new().await;
    let place = estate.cadir("ca-1").parent().unwrap().to_owned();
    let (policy, go, asked) = (place.join("policy"), place.join("go"), place.join("asked"));
    let script = format!(
        "#!/bin/sh\ncat > /dev/null\necho \"$1\" >> {asked}\necho \"considering $1\" >&2\ncase $1 in\n\
         slow.test) while [ ! -e {go} ]; do sleep 0.02; done ;;\nrefused.test) exit 1 ;;\nesac\n",
        asked = asked.display(),
        go = go.display()
    );
    fs::write(&policy, script).unwrap();
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o755)).unwrap();
    estate.autosign = Autosign::File(policy);
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    let estate = Arc::new(estate);
    let submit = |name: &'static str| {
        let estate = Arc::clone(&estate);
        tokio::spawn(async move {
            let path = format!("/puppet-ca/v1/certificate_request/{name}");
            let answer = estate.forward("ca-1", epoch, name, Method::PUT, &path, csr(name)).await.unwrap();
            assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text());
        })
    };
    let slow = submit("slow.test");
    let was_asked =
        |name: &str| fs::read_to_string(&asked).unwrap_or_default().lines().any(|line| line == name);
    estate.until("the policy considers slow.test", |_| was_asked("slow.test")).await;

    // Others are signed, refused, and by an operator revoked meanwhile.
    submit("quick.test").await.unwrap();
    submit("refused.test").await.unwrap();
    let signed = |estate: &Estate, name: &str| {
        ["ca-1", "ca-2"].iter().all(|member| estate.cadir(member).join(format!("signed/{name}.pem")).exists())
    };
    estate.until("quick.test is signed on both", |estate| signed(estate, "quick.test")).await;
    estate.operate("ca-1", "quick.test", "revoked").await;
    assert!(!signed(&estate, "slow.test") && !go.exists());

    fs::write(&go, "").unwrap();
    slow.await.unwrap();
    estate.until("slow.test is signed on both", |estate| signed(estate, "slow.test")).await;
    estate
        .until("refused.test waits on both", |estate| {
            ["ca-1", "ca-2"].iter().all(|m| estate.cadir(m).join("requests/refused.test.pem").exists())
        })
        .await;
    assert!(!signed(&estate, "refused.test"));
    estate
        .until("both are the same", |estate| differ(&estate.cadir("ca-1"), &estate.cadir("ca-2")).is_none())
        .await;
    // Each was asked for once, by the primary alone, and its words are in the log.
    let mut names: Vec<String> = fs::read_to_string(&asked).unwrap().lines().map(str::to_owned).collect();
    names.sort();
    assert_eq!(names, ["quick.test", "refused.test", "slow.test"]);
    for name in &names {
        assert!(log.has(&format!("considering {name}")), "{name}: {}", log.0.lock().unwrap());
    }
    let mut estate = Arc::into_inner(estate).unwrap();
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}
