exec { 'a': command => '/bin/true' }
exec { 'b': command => '/bin/true', require => Exec['a'] }
exec { '/bin/ls -l': path => ['/bin', '/usr/bin'], onlyif => ['/bin/true', '/bin/false'] }
