class { "nope": x => 1 }
