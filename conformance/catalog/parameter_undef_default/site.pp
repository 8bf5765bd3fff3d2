class a($x = 5, Optional[Integer] $y = undef, $z = undef) { notify { 'a': message => [$x,$y,$z] } }
class { 'a': x => undef, y => undef }
define d(Optional[String] $p = 'dflt') { notify { "d ${p}": } }
d { 'x': p => undef }
