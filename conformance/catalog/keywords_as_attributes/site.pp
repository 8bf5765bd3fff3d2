define d($type = 'x', $class = 'y', $default = 'z') { notify { "d ${type} ${class} ${default}": } }
d { 'a': type => 1, class => 2, default => 3 }
exec { '/bin/x': unless => '/bin/false' }
