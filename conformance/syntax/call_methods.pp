$x.foo
$x.foo()
$x.foo(1)
$x.foo(1, 2)
$x.foo |$y| { 1 }
$x.foo(1) |$y| { 1 }
$x.foo.bar.baz
$x.foo |$y| { 1 }.bar |$z| { 2 }
1.type
'a'.foo::bar
[1].each |$y| { notice $y }
$y = $x.filter |$k, $v| { $k == $v }.map |$p| { $p[0] }
foo(1).bar(2)
$x
  .foo
  .bar
