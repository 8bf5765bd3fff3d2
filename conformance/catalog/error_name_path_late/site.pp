file { "other": name => "/tmp/x" }
notify { "n": require => File["/tmp/x"] }
