file { '/a': ensure => file }
file { '/b': }
file { '/c': ensure => file, mode => '0644', }
file { ['/d', '/e']: }
file { $x: }
file { "/f/${y}": owner => root, }
file { default: mode => '0600'; '/g': ; }
foo::bar { a: b => c }
::foo { a: }
