case $a {
  1: { }
  2, 3: { notice 1 }
  'x', /y/, Foo, $z: { notice 1 notice 2 }
  *$list: { }
  default: { fail 'x' }
}
$x = case 1 { default: { 1 } }
case foo(1) { 1 + 2: { 3 } }
