use super::*;
use std::time::Instant;

fn signer(setting: Autosign) -> Autosigner {
    Autosigner::new(AutosignRules { time_limit: Duration::from_secs(20), ..AutosignRules::new(setting) })
}

fn executable(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join("policy");
    std::fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_list_that_is_missing_signs_nothing() {
    let signer = signer(Autosign::File("/nonexistent/autosign.conf".into()));
    assert_eq!(signer.judge("x").unwrap().verdict, Verdict::Leave);
}

#[test]
fn a_list_is_read_anew_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("autosign.conf");
    let signer = signer(Autosign::File(path.clone()));
    for (text, verdict) in [("*.a", Verdict::Leave), ("*.b", Verdict::Sign), ("", Verdict::Leave)] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(signer.judge("x.b").unwrap().verdict, verdict, "{text}");
    }
    // Nothing is signed for what cannot be read.
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert!(signer.judge("x.b").is_err());
}

#[test]
fn strict_globs_are_a_setting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("autosign.conf");
    std::fs::write(&path, "*web.example.com\n").unwrap();
    let mut rules = AutosignRules::new(Autosign::File(path));
    assert_eq!(Autosigner::new(rules.clone()).judge("db.example.com").unwrap().verdict, Verdict::Sign);
    rules.strict_globs = true;
    assert_eq!(Autosigner::new(rules).judge("db.example.com").unwrap().verdict, Verdict::Leave);
}

#[test]
fn a_questionable_line_is_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("autosign.conf");
    let signer = signer(Autosign::File(path.clone()));
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        std::fs::write(&path, "*web.example.com\n*.example.org\n# fine\n\nwith blank\n*x\n").unwrap();
        for _ in 0..3 {
            signer.judge("a").unwrap();
        }
        assert_eq!(log.lines(), 3);
        std::fs::write(&path, "*db.example.com\n*web.example.com\n").unwrap();
        signer.judge("a").unwrap();
        assert_eq!(log.lines(), 4);
        // However many there are, they are not all remembered.
        let many: String = (0..3 * TOLD).map(|number| format!("*{number}.example.com\n")).collect();
        std::fs::write(&path, many).unwrap();
        signer.judge("a").unwrap();
        assert!(signer.told.lock().unwrap().len() <= TOLD);
    });
}

#[tokio::test]
async fn a_policy_executable_sees_name_and_request_and_its_exit_code_decides() {
    let directory = tempfile::tempdir().unwrap();
    let path = executable(
        directory.path(),
        "read line\nrest=$(cat)\necho \"$# $line+$rest\"\necho \"saw $line\" >&2\n[ \"$1\" = yes.test ]\n",
    );
    let signer = signer(Autosign::File(path.clone()));
    assert_eq!(signer.judge("yes.test").unwrap().verdict, Verdict::AskPolicy(path.clone()));
    let answer = signer.ask(&path, "yes.test", "PEM\nmore\n").await.unwrap();
    assert_eq!((answer.sign, answer.stdout.as_str()), (true, "1 PEM+more"));
    assert_eq!(answer.stderr, "saw PEM");
    let answer = signer.ask(&path, "no.test", "PEM\n").await.unwrap();
    assert_eq!((answer.sign, answer.ending.as_str()), (false, "exit status: 1"));
}

#[tokio::test]
async fn a_policy_executable_has_our_environment_and_the_gem_path_of_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = executable(directory.path(), "echo \"$PATH $GEM_PATH\"\n");
    let ours = std::env::var("PATH").unwrap();
    let inherited = std::env::var("GEM_PATH").unwrap_or_default();
    let answer = signer(Autosign::True).ask(&path, "x", "").await.unwrap();
    assert_eq!(answer.stdout, format!("{ours} {inherited}").trim_end());
    let rules = AutosignRules { gem_path: "/gems:/more".into(), ..AutosignRules::new(Autosign::True) };
    let answer = Autosigner::new(rules).ask(&path, "x", "").await.unwrap();
    assert!(answer.stdout.ends_with("/gems:/more"), "{}", answer.stdout);
    assert!(answer.stdout.starts_with(&format!("{ours} {inherited}")), "{}", answer.stdout);
}

#[tokio::test]
async fn what_reads_nothing_says_a_lot_or_cannot_run_is_no_obstacle() {
    let directory = tempfile::tempdir().unwrap();
    let path = executable(directory.path(), "exec <&-\nyes | head -c 1000000 >&2\nexit 0\n");
    let long = "x".repeat(1 << 20);
    let answer = signer(Autosign::True).ask(&path, "x", &long).await.unwrap();
    assert!(answer.sign && answer.stderr.len() <= 4096, "{}", answer.stderr.len());
    let path = executable(directory.path(), "kill -9 $$\n");
    let answer = signer(Autosign::True).ask(&path, "x", "").await.unwrap();
    assert!(!answer.sign && answer.ending.contains("signal: 9"), "{}", answer.ending);
}

#[tokio::test]
async fn a_script_without_an_interpreter_is_a_shells_and_one_whose_interpreter_is_missing_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = executable(directory.path(), "");
    let signer = signer(Autosign::True);
    std::fs::write(&path, "echo \"$# $1 $(cat)\"\nexit 0\n").unwrap();
    let answer = signer.ask(&path, "a.test", "PEM").await.unwrap();
    assert_eq!((answer.sign, answer.stdout.as_str()), (true, "1 a.test PEM"));
    for (text, said) in [
        ("#!/nonexistent/ruby -w\nexit 0\n", "names cannot be found (\"/nonexistent/ruby -w\")"),
        ("#!/bin/sh\r\nexit 0\r\n", "names cannot be found (\"/bin/sh\\r\")"),
        ("", "policy is empty"),
        ("\x7fELF\0", "Exec format error"),
    ] {
        std::fs::write(&path, text).unwrap();
        let fault = signer.ask(&path, "x", "").await.unwrap_err().to_string();
        assert!(fault.contains(said), "{text:?}: {fault}");
    }
}

#[test]
fn what_is_no_file_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("long");
    std::fs::File::create(&long).unwrap().set_len(1 << 30).unwrap();
    for (path, said) in
        [(Path::new("/dev/zero"), "is no file"), (directory.path(), "is no file"), (&long, "has more than")]
    {
        let fault = signer(Autosign::File(path.into())).judge("x").unwrap_err().to_string();
        assert!(fault.contains(said), "{fault}");
    }
}

#[tokio::test]
async fn a_process_left_behind_does_not_hold_up_the_answer() {
    let directory = tempfile::tempdir().unwrap();
    let path = executable(directory.path(), "sleep 15 &\necho said >&2\nexit 0\n");
    let began = Instant::now();
    let answer = signer(Autosign::True).ask(&path, "x", "").await.unwrap();
    assert_eq!((answer.sign, answer.stderr.as_str()), (true, "said"));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_policy_executable_that_hangs_is_ended_with_all_that_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let mark = directory.path().join("mark");
    // The inner one would leave the mark, if it lived.
    let path = executable(
        directory.path(),
        &format!("echo begun >&2\n(sleep 3; echo alive > {}) &\nsleep 60\n", mark.display()),
    );
    let limit = Duration::from_secs(1);
    let rules = AutosignRules { time_limit: limit, ..AutosignRules::new(Autosign::True) };
    let began = Instant::now();
    let fault = Autosigner::new(rules).ask(&path, "x", "").await.unwrap_err();
    let PolicyFault::TimedOut { stderr, .. } = fault else { panic!("{fault}") };
    assert_eq!(stderr, "begun", "what it had said is not lost");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert!(!mark.exists(), "what it had started went on");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_configured_number_run_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().display().to_string();
    // Each notes how many are there while it is there itself.
    let path = executable(
        directory.path(),
        &format!("touch {folder}/on.$1\nsleep 0.2\nls {folder} | grep -c '^on\\.'\nrm {folder}/on.$1\n"),
    );
    let rules = AutosignRules { at_once: 3, ..AutosignRules::new(Autosign::True) };
    let signer = std::sync::Arc::new(Autosigner::new(rules));
    let asked: Vec<_> = (0..9)
        .map(|number| {
            let (signer, path) = (std::sync::Arc::clone(&signer), path.clone());
            tokio::spawn(async move { signer.ask(&path, &number.to_string(), "").await })
        })
        .collect();
    let mut most = 0;
    for task in asked {
        most = most.max(task.await.unwrap().unwrap().stdout.parse::<u32>().unwrap());
    }
    assert!((2..=3).contains(&most), "{most} at a time");
}

/// Counts what is said from `warn` up.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Log {
    fn lines(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
