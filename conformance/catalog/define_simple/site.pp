define d($x, $y = 'y') { notify { "d ${title} ${name} ${x} ${y}": } file { "/tmp/${title}": ensure => file } }
d { 'one': x => 1 }
d { ['two','three']: x => 2, y => undef }
