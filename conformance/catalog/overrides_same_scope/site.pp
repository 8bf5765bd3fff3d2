file { '/a': ensure => file, mode => '0644' }
File['/a'] { owner => 'x' }
notify { 'n': }
Notify['n'] { message => 'later' }
