file { '/tmp/dir/': ensure => directory }
file { '/': ensure => directory }
file { 'named': path => '/tmp/named' }
file { 'other': name => '/tmp/other' }
