class alpha { include beta  file { "/alpha": ensure => directory, require => Class["beta"] } }
