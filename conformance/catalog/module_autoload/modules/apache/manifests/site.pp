define apache::site(Integer $port) { file { "/etc/${title}": ensure => file, content => "port ${port}\n" } }
