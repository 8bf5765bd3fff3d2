[1,2,3,4].each |$x| { if $x == 3 { break() } notify { "b ${x}": } }
$m = [1,2,3,4].map |$x| { if $x == 3 { break() } $x * 10 }
class k { notify { 'before': } if true { return() } notify { 'after': } }
define d { if $title == 'x' { return() } notify { "d ${title}": } }
include k
d { ['x','y']: }
notify { 'm': message => $m }
