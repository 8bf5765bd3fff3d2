$os = 'Debian'
$r = $os ? { 'RedHat' => 'r', /(?i)deb(.*)/ => "d $1", default => 'x' }
$q = 7 ? { Integer[1,5] => 'a', default => 'b', }
notify { "${r} ${q}": }
file { '/f': ensure => $os ? { 'debian' => present, default => absent } }
