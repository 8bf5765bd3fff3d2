class a { contain b notify { 'a': } }
class b { contain c notify { 'b': } }
class c { d { 'x': } }
define d { contain e notify { "d ${title}": } e2 { "${title}2": } }
define e2 { notify { "e2 ${title}": noop => false } }
class e { notify { 'e': } }
include a
notify { 'end': require => Class['a'] }
