if $a { }
if $a { 1 } else { 2 }
if $a == 1 { foo() bar() } elsif $b { 2 } elsif $c { 3 } else { 4 }
if $x { } else { }
if !$x { notice 1 } elsif $y { }
$z = if $x { 1 } else { 2 }
if $x { file { a: } }
if (1) { }
if foo() { }
if foo(1) |$x| { true } { notice 1 }
