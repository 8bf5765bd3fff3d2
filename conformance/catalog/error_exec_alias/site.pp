file { "/a": }
file { "x": path => "/b", alias => "/a" }
