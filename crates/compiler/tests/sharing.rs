//! What a server relies on: an environment is shared by threads, and compiling is deterministic.

use std::path::Path;
use std::sync::Arc;

use compiler::catalog::encode::encode;
use compiler::{Disk, Environment, EnvironmentSettings, NodeRequest, compile};

fn environment(directory: &Path) -> Environment {
    let settings = EnvironmentSettings {
        name: "production".to_owned(),
        directory: Some(directory.to_owned()),
        manifest: directory.join("manifests"),
        modulepath: vec![directory.join("modules")],
        settings: Vec::new(),
    };
    Environment::load(&Disk, settings).expect("the environment loads")
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("directories can be made");
    std::fs::write(path, text).expect("files can be written");
}

fn request(name: &str) -> NodeRequest {
    NodeRequest { certname: name.to_owned(), ..NodeRequest::default() }
}

#[test]
fn threads_share_an_environment_and_agree() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path();
    write(&directory.join("manifests/site.pp"), "node default { include m }\n");
    write(&directory.join("modules/m/manifests/init.pp"), "class m { m::d { ['a', 'b']: } }\n");
    write(&directory.join("modules/m/manifests/d.pp"), "define m::d { notify { \"d ${title}\": } }\n");
    let environment = Arc::new(environment(directory));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let environment = environment.clone();
            std::thread::spawn(move || {
                let compiled = compile(&environment, &Disk, &request("n.example.com"));
                encode(&compiled.expect("it compiles").catalog).to_string()
            })
        })
        .collect();
    let catalogs: Vec<String> =
        threads.into_iter().map(|thread| thread.join().expect("the thread ends")).collect();
    assert!(catalogs[0].contains("Notify[d b]"));
    assert!(catalogs.iter().all(|catalog| *catalog == catalogs[0]));
}

#[test]
fn data_that_would_be_looked_up_is_refused() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path();
    write(&directory.join("manifests/site.pp"), "class a($x = 1) { }\ninclude a\n");
    let hiera = "---\nversion: 5\nhierarchy:\n  - name: \"Common\"\n    path: \"common.yaml\"\n";
    write(&directory.join("hiera.yaml"), hiera);
    // As long as there is no data, there is nothing to be missed.
    assert!(compile(&environment(directory), &Disk, &request("n")).is_ok());
    write(&directory.join("data/common.yaml"), "a::x: 2\n");
    let failure = compile(&environment(directory), &Disk, &request("n")).expect_err("data is refused");
    assert!(failure.message.contains("hiera.yaml) is not supported by Bunraku yet"), "{failure}");
    assert!(failure.message.contains("site.pp, line: 2"), "{failure}");
}

#[test]
fn what_is_not_supported_names_itself_and_its_place() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path();
    write(&directory.join("modules/m/lib/puppet/type/thing.rb"), "");
    write(&directory.join("modules/m/lib/puppet/functions/m/ruby.rb"), "");
    for (manifest, expected) in [
        ("thing { 'x': }\n", "the resource type 'thing' written in Ruby"),
        ("notice(m::ruby(1))\n", "the function 'm::ruby' written in Ruby"),
        ("notice($settings::confdir)\n", "the variable $settings::confdir"),
        ("notice(template('m/x.erb'))\n", "templates in ERB"),
    ] {
        write(&directory.join("manifests/site.pp"), manifest);
        let failure = compile(&environment(directory), &Disk, &request("n")).expect_err("it is refused");
        assert!(failure.message.contains(expected), "{failure}");
        assert!(failure.message.contains("site.pp, line: 1, column: "), "{failure}");
        assert!(failure.message.ends_with("on node n"), "{failure}");
    }
}

#[test]
fn endless_recursion_ends_with_an_error() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path();
    write(&directory.join("manifests/site.pp"), "function f($x) { f([$x, if true { $x + 1 }][1]) }\nf(1)\n");
    let failure = compile(&environment(directory), &Disk, &request("n")).expect_err("it ends");
    assert!(failure.message.contains("stack level too deep"), "{failure}");
}
