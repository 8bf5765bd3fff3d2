$n = ['web', 'db']
$n.each |$i, $s| { file { "/srv/${s}-${i}": ensure => directory, tag => "t_${s}" } }
file { ["/etc/${n[0]}", "/etc/${n[1]}.d"]: ensure => directory }
