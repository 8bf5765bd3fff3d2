class a(Integer $x = 1, String $y = "y${x}", $z = $y) { notify { "a ${x} ${y} ${z}": } }
class { 'a': x => 5 }
class b($q) { notify { "b ${q}": } }
class { '::b': q => [1,2,{'k' => 'v'}] }
