notify { ['x','y']: }
file { '/a': }
Notify['x','y'] -> File['/a'] -> notify { 'z': }
$r = Notify['z']
$r ~> exec { 'run': command => '/bin/true', refreshonly => true }
