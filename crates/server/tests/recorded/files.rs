//! What a module may hold, and what a client may ask for it with.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::estate::Estate;

fn paths(reply: &crate::estate::Reply) -> Vec<String> {
    let listed: Value = serde_json::from_slice(&reply.body).unwrap();
    let files = listed.as_array().unwrap_or_else(|| panic!("{listed}"));
    files.iter().map(|file| file["relative_path"].as_str().unwrap().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifo_is_refused_and_holds_nobody_up() {
    let estate = Estate::new();
    let files = estate.module().join("files");
    assert!(Command::new("mkfifo").arg(files.join("fifo")).status().unwrap().success());
    symlink("fifo", files.join("to_fifo")).unwrap();
    let asked = async {
        for (endpoint, key, status) in [
            ("file_content", "fifo", 500),
            ("file_content", "to_fifo", 500),
            ("file_metadata", "fifo", 404),
            ("file_metadata", "to_fifo", 200),
        ] {
            let target = format!("/puppet/v3/{endpoint}/modules/demo/{key}?environment=production");
            let reply = estate.get(&target).await;
            assert_eq!(reply.status, status, "{target}: {}", reply.text());
        }
        for links in ["manage", "follow"] {
            let target = format!(
                "/puppet/v3/file_metadatas/modules/demo?recurse=true&links={links}&environment=production"
            );
            let listed = paths(&estate.get(&target).await);
            assert_eq!(listed.contains(&"to_fifo".to_string()), links == "manage", "{listed:?}");
            assert!(listed.contains(&"hello.txt".to_string()) && !listed.contains(&"fifo".to_string()));
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.expect("a fifo must not be waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_dots_leaves_the_module() {
    let estate = Estate::new();
    for key in [
        "modules/demo/../../../manifests/site.pp",
        "modules/demo/%2e%2e/%2e%2e/%2e%2e/manifests/site.pp",
        "modules/demo/..%2f..%2f..%2fmanifests%2fsite.pp",
        "modules/demo/%252e%252e/%252e%252e/manifests/site.pp",
        "modules/%2e%2e/manifests/site.pp",
        "modules/demo/..%00/x",
        "plugins/%2e%2e/files/hello.txt",
        "plugins/..%5c..%5cfiles%5chello.txt",
    ] {
        for endpoint in ["file_content", "file_metadata"] {
            let target = format!("/puppet/v3/{endpoint}/{key}?environment=production");
            let reply = estate.get(&target).await;
            assert!(matches!(reply.status, 400 | 404), "{target}: {} {}", reply.status, reply.text());
        }
    }
    for environment in ["..", "%2e%2e", "production/..", "../environments/production"] {
        let target = format!("/puppet/v3/file_content/modules/demo/hello.txt?environment={environment}");
        assert_eq!(estate.get(&target).await.status, 400, "{environment}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_out_of_the_module_is_followed_as_puppet_does() {
    let estate = Estate::new();
    std::fs::write(estate.dir.path().join("outside"), "outside").unwrap();
    symlink(estate.dir.path().join("outside"), estate.module().join("files/link")).unwrap();
    let target = "modules/demo/link?environment=production";
    assert_eq!(estate.get(&format!("/puppet/v3/file_content/{target}")).await.text(), "outside");
    let shown: Value =
        serde_json::from_slice(&estate.get(&format!("/puppet/v3/file_metadata/{target}")).await.body)
            .unwrap();
    assert_eq!(shown["type"], "link");
    let followed = estate.get(&format!("/puppet/v3/file_metadata/{target}&links=follow")).await;
    assert_eq!(serde_json::from_slice::<Value>(&followed.body).unwrap()["type"], "file");
}

#[tokio::test(flavor = "multi_thread")]
async fn search_parameters_do_what_they_say() {
    let estate = Estate::new();
    let deep = estate.module().join("files/a/b");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("c.pyc"), "x").unwrap();
    let search = async |query: &str| {
        let target = format!("/puppet/v3/file_metadatas/modules/demo?{query}&environment=production");
        estate.get(&target).await
    };
    let all = [".", "a", "hello.txt", "a/b", "a/b/c.pyc"];
    assert_eq!(paths(&search("recurse=true").await), all);
    assert_eq!(paths(&search("recurse=true&recurselimit=1").await), all[..3]);
    assert_eq!(paths(&search("recurse=true&ignore=*.py%5Bco%5D&ignore=hello*").await), [".", "a", "a/b"]);
    assert_eq!(paths(&search("recurse=false").await), ["."]);
    assert_eq!(search("recurse=true&max_files=4").await.status, 200);
    for bad in ["recurse=true&max_files=3", "recurse=1", "links=bogus", "source_permissions=bogus"] {
        assert_eq!(search(bad).await.status, 500, "{bad}");
    }
    // A search for plugins is for all of them.
    let plugins =
        estate.get("/puppet/v3/file_metadatas/plugins/facter?recurse=true&environment=production").await;
    assert!(paths(&plugins).contains(&"facter/demofact.rb".to_string()));
    assert_eq!(estate.get("/puppet/v3/file_metadatas/modules?environment=production").await.status, 500);
}
