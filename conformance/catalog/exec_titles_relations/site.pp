exec { '/bin/a': }
~> exec { 'b': command => '/bin/b', refreshonly => true }
-> service { 's': ensure => running }
Exec['/bin/a'] { tries => 3 }
