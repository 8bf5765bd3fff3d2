$s = Sensitive('secret')
notify { 'a': message => $s }
notify { "b ${s}": }
class k(Sensitive[String] $p) { notify { 'c': message => $p } notify { "len ${p.unwrap.length}": } }
class { 'k': p => $s }
file { '/s': content => Sensitive("x"), mode => '0600' }
