class base { file { '/a': ensure => file, mode => '0644', owner => 'root' } $v = 'base' $w = 'w' }
class derived inherits base { File['/a'] { mode => '0600', group => 'g' } notify { "v ${v} ${base::v}": } $x = $w }
class third inherits derived { File['/a'] { owner => undef } notify { "third ${x} ${w}": } }
include third
